//! The progressive enhancements of the kitty keyboard protocol that the program asked for.
//!
//! The terminal does not say that it knows the protocol; programs that enable it unasked get it
//! from those clients whose terminals do.

use std::mem;

/// Flags that can be put aside on each screen; more are forgotten, oldest first.
const DEPTH_LIMIT: usize = 16;

/// The flags of both screens, each with its stack.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct KeyboardFlags {
    shown: FlagStack,
    hidden: FlagStack,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct FlagStack {
    current: u8,
    aside: Vec<u8>,
}

impl KeyboardFlags {
    pub(super) fn current(&self) -> u8 {
        self.shown.current
    }

    /// The flags put aside and then the current ones, for the screen shown.
    pub(super) fn shown(&self) -> (&[u8], u8) {
        (&self.shown.aside, self.shown.current)
    }

    /// The same for the other screen.
    pub(super) fn hidden(&self) -> (&[u8], u8) {
        (&self.hidden.aside, self.hidden.current)
    }

    pub(super) fn set(&mut self, flags: u8) {
        self.shown.current = flags;
    }

    pub(super) fn push(&mut self, flags: u8) {
        let FlagStack { current, aside } = &mut self.shown;
        if aside.len() == DEPTH_LIMIT {
            aside.remove(0);
        }
        aside.push(mem::replace(current, flags));
    }

    pub(super) fn pop(&mut self, count: usize) {
        for _ in 0..count.min(self.shown.aside.len() + 1) {
            self.shown.current = self.shown.aside.pop().unwrap_or(0);
        }
    }

    pub(super) fn swap(&mut self) {
        mem::swap(&mut self.shown, &mut self.hidden);
    }
}

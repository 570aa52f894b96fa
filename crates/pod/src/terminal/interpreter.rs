//! The emulator with the parser that drives it.

use std::time::Duration;

use alacritty_terminal::vte::ansi::{Processor, Timeout};

use super::emulator::Emulator;

const ESC: u8 = 0x1B;

/// Reads what the filter lets through. Text goes to the emulator as it is, and the parser gets the
/// sequences between: to it text is one character after the other, and most output is text.
pub(super) struct Interpreter {
    processor: Processor<NoDelay>,
    pub(super) emulator: Emulator,
}

impl Interpreter {
    pub(super) fn new(emulator: Emulator) -> Self {
        Self {
            processor: Processor::new(),
            emulator,
        }
    }

    /// Reads whole characters and whole sequences, as the filter makes them.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.emulator.print(rest);
            let (sequence, after) = rest.split_at(sequence_length(rest));
            self.processor.advance(&mut self.emulator, sequence);
            rest = after;
        }
    }
}

/// Returns how long the sequence is that `bytes` begin with.
fn sequence_length(bytes: &[u8]) -> usize {
    let end = match bytes {
        [ESC, b'[', body @ ..] => body
            .iter()
            .position(|byte| matches!(byte, 0x40..=0x7E))
            .map(|end| end + 3),
        // Only its terminator has an ESC.
        [ESC, b']', body @ ..] => body.iter().position(|&byte| byte == ESC).map(|end| end + 4),
        [ESC, body @ ..] => body
            .iter()
            .position(|byte| !matches!(byte, 0x20..=0x2F))
            .map(|end| end + 2),
        _ => None,
    };
    end.unwrap_or(bytes.len()).min(bytes.len())
}

/// Synchronised updates are applied as they come: the model must never be behind the output.
#[derive(Default)]
struct NoDelay;

impl Timeout for NoDelay {
    fn set_timeout(&mut self, _: Duration) {}

    fn clear_timeout(&mut self) {}

    fn pending_timeout(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "../../tests/terminal/output.rs"]
mod output;

#[cfg(test)]
mod tests {
    use alacritty_terminal::index::Line as GridLine;
    use podfleet_protocol::Size;
    use proptest::prelude::*;

    use super::super::filter::Filter;
    use super::super::line::Line;
    use super::super::repaint::repaint;
    use super::output::output;
    use super::*;

    /// What the filter lets through of a program's output.
    fn passed(output: &[u8]) -> Vec<u8> {
        let mut passed = Vec::new();
        Filter::new().feed(output, &mut passed, |_, _| {});
        passed
    }

    fn interpreter(size: Size) -> Interpreter {
        Interpreter::new(Emulator::new(size, 50))
    }

    fn scrollback(emulator: &Emulator) -> Vec<Line> {
        emulator.scrollback().from(0).cloned().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn text_as_a_whole_does_what_its_characters_do_one_by_one(
            output in output(), columns in 2..30u16, rows in 1..8u16,
        ) {
            let size = Size { columns, rows };
            let (mut whole, mut single) = (interpreter(size), interpreter(size));
            let bytes = passed(&output.0);
            whole.read(&bytes);
            single.processor.advance(&mut single.emulator, &bytes);
            let (whole, single) = (whole.emulator, single.emulator);
            prop_assert!(repaint(&whole, 50) == repaint(&single, 50));
            prop_assert_eq!(scrollback(&whole), scrollback(&single));
            for row in 0..i32::from(whole.size().rows) {
                let row = GridLine(row);
                prop_assert_eq!(&whole.grid()[row], &single.grid()[row]);
            }
            prop_assert_eq!(&whole.grid().cursor, &single.grid().cursor);
        }

        #[test]
        fn a_sequence_ends_where_the_text_after_it_begins(output in output()) {
            let mut rest = &passed(&output.0)[..];
            while let Some(at) = rest.iter().position(|&byte| byte == ESC) {
                let (sequence, after) = rest[at..].split_at(sequence_length(&rest[at..]));
                prop_assert_eq!(&passed(sequence)[..], sequence);
                rest = after;
            }
        }
    }
}

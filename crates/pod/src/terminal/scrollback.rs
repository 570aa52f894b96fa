//! The lines that have left the screen at the top.

use std::collections::VecDeque;

use super::line::Line;

/// Memory that a kept line may take on average, in bytes: lines beyond the product go, oldest
/// first, whatever their number.
const AVERAGE_LINE_LIMIT: usize = 2048;

/// A bounded queue of lines, oldest first.
#[derive(Debug)]
pub(super) struct Scrollback {
    lines: VecDeque<Line>,
    limit: usize,
    memory: usize,
    /// How many lines came before those that are kept.
    gone: u64,
}

impl Scrollback {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            limit,
            memory: 0,
            gone: 0,
        }
    }

    pub(super) fn push(&mut self, line: Line) {
        self.memory += line.memory();
        self.lines.push_back(line);
        while self.lines.len() > self.limit || self.memory > self.limit * AVERAGE_LINE_LIMIT {
            match self.lines.pop_front() {
                Some(line) => {
                    self.memory -= line.memory();
                    self.gone += 1;
                }
                None => break,
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.gone += self.lines.len() as u64;
        self.lines = VecDeque::new();
        self.memory = 0;
    }

    /// How many lines there were before the oldest that is kept.
    pub(super) fn gone(&self) -> u64 {
        self.gone
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The lines from the `start`-th oldest on.
    pub(super) fn from(&self, start: usize) -> impl Iterator<Item = &Line> {
        self.lines.range(start.min(self.lines.len())..)
    }
}

//! The title that the program gives its terminal.

/// Titles that can be put aside (`CSI 22 t`); more are forgotten, oldest first.
const DEPTH_LIMIT: usize = 16;

/// The title and those put aside.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Title {
    current: String,
    aside: Vec<String>,
}

impl Title {
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// The titles put aside, oldest first.
    pub(super) fn aside(&self) -> &[String] {
        &self.aside
    }

    pub(super) fn set(&mut self, title: String) {
        self.current = title;
    }

    pub(super) fn push(&mut self) {
        if self.aside.len() == DEPTH_LIMIT {
            self.aside.remove(0);
        }
        self.aside.push(self.current.clone());
    }

    pub(super) fn pop(&mut self) {
        if let Some(title) = self.aside.pop() {
            self.current = title;
        }
    }
}

//! The table that is printed, in Markdown.

use std::fmt;

/// The table's head.
pub(crate) const HEAD: &str = "\
| What | Measured | Floor | Ratio | Target | Met |
| --- | --- | --- | --- | --- | --- |";

/// One figure beside its floor.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    measured: String,
    floor: Option<String>,
    ratio: Option<f64>,
    target: Option<(String, bool)>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, measured: impl fmt::Display) -> Self {
        Self {
            what: what.into(),
            measured: measured.to_string(),
            floor: None,
            ratio: None,
            target: None,
        }
    }

    pub(crate) fn floor(mut self, floor: impl fmt::Display, ratio: f64) -> Self {
        self.floor = Some(floor.to_string());
        self.ratio = Some(ratio);
        self
    }

    /// Names a floor to which a ratio would say nothing.
    pub(crate) fn beside(mut self, floor: impl fmt::Display) -> Self {
        self.floor = Some(floor.to_string());
        self
    }

    pub(crate) fn target(mut self, target: impl Into<String>, met: bool) -> Self {
        self.target = Some((target.into(), met));
        self
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let floor = self.floor.as_deref().unwrap_or("");
        let ratio = self.ratio.map(|ratio| format!("{ratio:.1}"));
        let (target, met) = match &self.target {
            Some((target, true)) => (target.as_str(), "yes"),
            Some((target, false)) => (target.as_str(), "NO"),
            None => ("", ""),
        };
        write!(
            f,
            "| {} | {} | {floor} | {} | {target} | {met} |",
            self.what,
            self.measured,
            ratio.unwrap_or_default()
        )
    }
}

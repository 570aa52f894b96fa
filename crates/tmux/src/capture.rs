//! The screens of many panes from one process.

use crate::{Command, PaneId};

/// A chain that captures the screens of several panes.
///
/// One pane that is gone ends the chain, so a batch may have to be run more than once:
///
/// ```
/// # use podfleet_tmux::{CaptureBatch, PaneId};
/// let panes = vec![PaneId::new(1), PaneId::new(2)];
/// let batch = CaptureBatch::new(panes, "0198f2c4").expect("there are panes");
/// let command = batch.command();
/// // … which prints, when pane %2 is gone and tmux fails:
/// let captured = batch.parse(b"0198f2c4 %1\n$ ls\n\n", false);
/// assert_eq!(captured.screens[0].1, "$ ls\n\n");
/// assert_eq!(captured.gone, Some(PaneId::new(2)));
/// assert!(captured.rest.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct CaptureBatch {
    panes: Vec<PaneId>,
    nonce: String,
}

/// What one run of a [`CaptureBatch`] brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The screens, in the order asked for: rows that end in a line feed.
    pub screens: Vec<(PaneId, String)>,
    /// The pane that does not exist any more and at which the chain ended.
    pub gone: Option<PaneId>,
    /// The panes behind it, for another batch.
    pub rest: Vec<PaneId>,
}

impl CaptureBatch {
    /// Describes a batch; `None` for no panes. The nonce goes before each screen: a word that no
    /// screen shows, so a fresh random one.
    pub fn new(panes: Vec<PaneId>, nonce: impl Into<String>) -> Option<Self> {
        (!panes.is_empty()).then(|| Self {
            panes,
            nonce: nonce.into(),
        })
    }

    /// Returns the chain.
    pub fn command(&self) -> Command {
        let mut steps = self.panes.iter().map(|pane| {
            Command::new("display-message")
                .arg("-p")
                .target(*pane)
                .arg(self.header(*pane))
                .then(Command::capture_pane(*pane))
        });
        let first = steps.next().unwrap_or_else(Command::version);
        steps.fold(first, Command::then)
    }

    /// Reads what the chain printed and whether it succeeded.
    pub fn parse(&self, output: &[u8], success: bool) -> Captured {
        let text = String::from_utf8_lossy(output);
        let mut captured = Captured::default();
        let mut unread = self.panes.as_slice();
        let mut rest: &str = &text;
        while let [pane, behind @ ..] = unread {
            let Some(body) = rest.strip_prefix(&format!("{}\n", self.header(*pane))) else {
                break;
            };
            let end = behind
                .first()
                .map_or(body.len(), |next| self.find_header(body, *next));
            let (screen, next) = body.split_at(end);
            // A header with nothing behind it is of a pane that went away in between.
            if screen.is_empty() {
                break;
            }
            captured.screens.push((*pane, screen.to_owned()));
            (unread, rest) = (behind, next);
        }
        if !success && let [gone, behind @ ..] = unread {
            captured.gone = Some(*gone);
            captured.rest = behind.to_vec();
        }
        captured
    }

    fn header(&self, pane: PaneId) -> String {
        format!("{} {pane}", self.nonce)
    }

    fn find_header(&self, body: &str, pane: PaneId) -> usize {
        let header = format!("{}\n", self.header(pane));
        if body.starts_with(&header) {
            return 0;
        }
        body.find(&format!("\n{header}"))
            .map_or(body.len(), |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> CaptureBatch {
        CaptureBatch::new((1..=3).map(PaneId::new).collect(), "N").unwrap()
    }

    #[test]
    fn screens_come_in_the_order_asked_for() {
        let captured = batch().parse("N %1\na\n\nN %2\n\n\nN %3\né\n".as_bytes(), true);
        let screens: Vec<&str> = captured
            .screens
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(screens, ["a\n\n", "\n\n", "é\n"]);
        assert_eq!((captured.gone, captured.rest), (None, vec![]));
    }

    #[test]
    fn a_pane_that_is_gone_leaves_the_ones_behind_it_to_another_run() {
        for output in [&b"N %1\na\n"[..], b"N %1\na\nN %2\n"] {
            let captured = batch().parse(output, false);
            assert_eq!(captured.screens, [(PaneId::new(1), "a\n".to_owned())]);
            assert_eq!(captured.gone, Some(PaneId::new(2)));
            assert_eq!(captured.rest, [PaneId::new(3)]);
        }
    }

    #[test]
    fn a_batch_of_nothing_is_not_made() {
        assert!(CaptureBatch::new(vec![], "N").is_none());
    }
}

//! Who had the terminal while the agent was ready, by which a later holder is told from it.

use crate::agent_process::Holder;

/// What was seen of the terminal's holders in a run of the agent.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    was_ready: bool,
    /// The process group that had the terminal when the agent was first ready.
    home: Option<u32>,
    /// Whether it edited lines itself then, so that the kernel's line mode means that it does not.
    edits_lines: bool,
}

impl Prompt {
    /// Takes notice that the agent was ready while this had the terminal.
    pub(super) fn ready(&mut self, holder: Option<Holder>) {
        self.was_ready = true;
        let Some(holder) = holder else { return };
        self.home = self.home.or(Some(holder.group));
        self.edits_lines |= !holder.canonical;
    }

    /// Returns whether the agent was ready before.
    pub(super) const fn was_ready(&self) -> bool {
        self.was_ready
    }

    /// Returns whether something else has the terminal than what was at the prompt: neither that
    /// nor the agent itself, or one of the two with its line editor off.
    pub(super) fn is_away(&self, holder: Option<Holder>, agent: Option<u32>) -> bool {
        let (Some(home), Some(holder)) = (self.home, holder) else {
            return false;
        };
        let another = holder.group != home && Some(holder.group) != agent;
        another || (self.edits_lines && holder.canonical)
    }

    /// Returns whether the agent itself has the terminal with its line editor off.
    pub(super) fn gave_up(&self, holder: Option<Holder>, agent: Option<u32>) -> bool {
        let own = holder.filter(|holder| Some(holder.group) == agent);
        self.edits_lines && own.is_some_and(|holder| holder.canonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: Option<u32> = Some(7);

    fn holder(group: u32, canonical: bool) -> Option<Holder> {
        Some(Holder { group, canonical })
    }

    #[test]
    fn a_command_in_the_foreground_is_away_and_the_shell_is_not() {
        let mut prompt = Prompt::default();
        assert!(!prompt.is_away(holder(9, true), AGENT), "nothing is known");
        prompt.ready(holder(7, false));
        assert!(prompt.is_away(holder(9, false), AGENT));
        assert!(!prompt.is_away(holder(7, false), AGENT));
        assert!(!prompt.is_away(None, AGENT));
    }

    #[test]
    fn a_line_editor_that_is_off_is_away() {
        let mut prompt = Prompt::default();
        prompt.ready(holder(7, false));
        assert!(prompt.is_away(holder(7, true), AGENT));
        let mut plain = Prompt::default();
        plain.ready(holder(7, true));
        assert!(!plain.is_away(holder(7, true), AGENT));
    }

    #[test]
    fn an_agent_that_edited_lines_and_does_not_has_given_up() {
        let mut prompt = Prompt::default();
        assert!(!prompt.gave_up(holder(7, true), AGENT), "it starts");
        prompt.ready(holder(7, false));
        assert!(prompt.gave_up(holder(7, true), AGENT));
        assert!(!prompt.gave_up(holder(9, true), AGENT), "a command of its");
        assert!(!prompt.gave_up(holder(7, false), AGENT));
    }

    #[test]
    fn a_shell_that_the_agent_started_is_at_home() {
        let mut prompt = Prompt::default();
        prompt.ready(holder(9, false));
        assert!(!prompt.is_away(holder(9, false), AGENT));
        assert!(prompt.is_away(holder(11, false), AGENT));
        assert!(!prompt.is_away(holder(7, false), AGENT), "it is back");
    }
}

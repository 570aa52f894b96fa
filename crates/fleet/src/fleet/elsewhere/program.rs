//! What is known of the program in a tmux session.

use podfleet_harness::Harness;
use podfleet_pod::reader::Reader;
use podfleet_tmux::Pane;

use super::super::Fleet;
use super::super::send::SendRequest;
use super::super::spawn::post_error;
use super::SessionTarget;
use crate::desired::load_harness;
use crate::error::{FleetError, FleetErrorKind};

/// The harness of a program that none is known for.
const ANY_PROGRAM: &str = "generic";

impl Fleet {
    /// Returns the harness of a session's program, unless that may not be typed the message.
    pub(super) fn harness_for(
        &self,
        target: &SessionTarget,
        pane: &Pane,
        request: &SendRequest,
    ) -> Result<Harness, FleetError> {
        let harness = self.harness_of_session(target, pane)?;
        // With which arguments it was started tmux does not say.
        let reader = Reader::new(&harness, std::slice::from_ref(&pane.command));
        let checked = reader.check(&request.body, request.typing);
        checked.map_err(|refusal| post_error(&request.agent, refusal.into()))?;
        Ok(harness)
    }

    fn harness_of_session(
        &self,
        target: &SessionTarget,
        pane: &Pane,
    ) -> Result<Harness, FleetError> {
        let by_command = || {
            podfleet_harness::SHIPPED.iter().copied().find(|name| {
                let harness = Harness::shipped(name);
                let argv = harness.as_ref().map(|harness| &harness.launch().argv);
                argv.and_then(|argv| argv.first())
                    .is_some_and(|program| *program == pane.command)
            })
        };
        let runtime = target.runtime.as_deref().or_else(by_command);
        let name = runtime.unwrap_or(ANY_PROGRAM);
        let harness = match self.roster() {
            Some(roster) => roster.harness_of_runtime(name),
            None => name,
        };
        let (_, harness) = load_harness(&self.dirs, harness, name).map_err(|fault| {
            FleetError::new(FleetErrorKind::Name {
                what: "the runtime",
            })
            .caused_by(fault)
        })?;
        Ok(harness)
    }
}

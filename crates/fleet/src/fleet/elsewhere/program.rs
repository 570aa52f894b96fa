//! What is known of the program in a tmux session.

use podfleet_harness::Harness;
use podfleet_pod::reader::Reader;
use podfleet_tmux::Pane;

use super::super::Fleet;
use super::super::send::SendRequest;
use super::super::spawn::post_error;
use super::SessionTarget;
use crate::bare_session::RunsTmux;
use crate::desired::load_harness;
use crate::error::{FleetError, FleetErrorKind};

/// The harness of a program that none is known for.
const ANY_PROGRAM: &str = "generic";

impl Fleet {
    /// Returns the harness of a session's program, unless that may not be typed the message.
    pub(super) async fn harness_for(
        &self,
        tmux: &mut impl RunsTmux,
        target: &SessionTarget,
        pane: &Pane,
        request: &SendRequest,
    ) -> Result<Harness, FleetError> {
        // Where it cannot be seen how the program was started, its name has to do.
        let argv = tmux.foreground(pane.pid).await;
        let argv = argv.unwrap_or_else(|| vec![pane.command.clone()]);
        let harness = self.harness_of_session(target, pane, &argv)?;
        let reader = Reader::new(&harness, &argv);
        let checked = reader.check(&request.body, request.typing);
        checked.map_err(|refusal| post_error(&request.agent, refusal.into()))?;
        Ok(harness)
    }

    fn harness_of_session(
        &self,
        target: &SessionTarget,
        pane: &Pane,
        argv: &[String],
    ) -> Result<Harness, FleetError> {
        let by_command = || {
            // A program may call itself something else than it was called by, and a script is called
            // what its interpreter is called.
            let script = Harness::shipped(ANY_PROGRAM)?.program_of(argv);
            podfleet_harness::SHIPPED.iter().copied().find(|name| {
                let harness = Harness::shipped(name);
                let program = harness
                    .as_ref()
                    .and_then(|known| known.launch().argv.first());
                program
                    .is_some_and(|known| *known == pane.command || Some(known) == script.as_ref())
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

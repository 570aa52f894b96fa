//! What the verbs that start agents share: their arguments, and how they run.

use std::time::Duration;

use podfleet::{Events, Fleet, FleetError, Report, UpOptions};

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::progress::{conclude, follow};
use crate::commands::scope::{Agents, DryRun, JsonFlag, KeptBy};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// The first descriptor that is none of the standard ones.
const FIRST_INHERITED: i32 = 3;

/// Which agents are to be started, and how long that may take.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    agents: Agents,
    /// How long an agent may take until its terminal is ready, in seconds
    #[arg(long, value_name = "S", default_value = "60", allow_negative_numbers = true, value_parser = super::number::within(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    kept_by: KeptBy,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

impl StartArgs {
    /// Adds what these arguments say to a verb of another machine.
    fn far(&self, verb: FarVerb) -> FarVerb {
        verb.option("--timeout", Some(self.timeout.to_string()))
            .flag("--dry-run", self.dry_run.dry_run)
            .json(self.json.json)
    }

    /// Runs a verb of the fleet, shows its progress, and concludes. `far` is the same for agents of
    /// other machines, if it is for them at all.
    pub(crate) fn run(
        &self,
        need: RosterNeed,
        far: Option<FarVerb>,
        context: &mut Context,
        verb: impl AsyncFnOnce(&Fleet, &[String], &UpOptions, Events) -> Result<Report, FleetError>,
    ) -> Outcome {
        // What the caller's shell left open is not for pods and agents, which live longer.
        close_fds::set_fds_cloexec(FIRST_INHERITED, &[]);
        let options = UpOptions {
            timeout: Duration::from_secs(self.timeout),
            dry_run: self.dry_run.dry_run,
            ..UpOptions::default()
        };
        context.keep_by(self.kept_by);
        block_on(async {
            let fleet = context.fleet(&self.agents.scope, need).await?;
            let names = &self.agents.names;
            let (here, there) = match &far {
                Some(_) => Elsewhere::split(&fleet, names),
                None => (names.clone(), Elsewhere::default()),
            };
            let mut exit = Exit::Success;
            if let Some(far) = far {
                let far = self.far(far);
                there.check(&here, &far)?;
                exit = there.run(&far)?;
            }
            // No name at all means all of those that are here.
            if here.is_empty() && !names.is_empty() {
                return Ok(exit);
            }
            let start = |events| verb(&fleet, &here, &options, events);
            let report = follow(start, &mut context.output).await?;
            let here = conclude(&report, self.json.json, &mut context.output)?;
            Ok(exit.and(here))
        })
        .map_err(|error| error.hint_if_interrupted("what was started goes on; `fleet ps` shows it"))
    }
}

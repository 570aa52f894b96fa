//! What the verbs that start agents share: their arguments, and how they run.

use std::time::Duration;

use podfleet::{Events, Fleet, FleetError, Report, UpOptions};

use crate::commands::progress::{conclude, follow};
use crate::commands::scope::{Agents, DryRun, JsonFlag, KeptBy};
use crate::context::Context;
use crate::error::Outcome;
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
    #[arg(long, value_name = "S", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    kept_by: KeptBy,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

impl StartArgs {
    /// Runs a verb of the fleet, shows its progress, and concludes.
    pub(crate) fn run(
        &self,
        need: RosterNeed,
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
            let start = |events| verb(&fleet, names, &options, events);
            let report = follow(start, &mut context.output).await?;
            conclude(&report, self.json.json, &mut context.output)
        })
        .map_err(|error| error.hint_if_interrupted("what was started goes on; `fleet ps` shows it"))
    }
}

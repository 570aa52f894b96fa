//! Runs the simulated agent in the present terminal.
//!
//! `cargo run -p podfleet-sim-agent --example sim -- '{"swallow_submits": 1}' [JOURNAL]`

use std::process::ExitCode;

use podfleet_sim_agent::{Faults, Options, SimError, run};

fn main() -> Result<ExitCode, SimError> {
    let mut arguments = std::env::args().skip(1);
    let options = Options {
        faults: arguments
            .next()
            .map_or(Ok(Faults::default()), |json| Faults::parse(&json))?,
        journal: arguments.next().map(Into::into),
        directory: std::env::current_dir().unwrap_or_default(),
        ..Options::default()
    };
    Ok(run(options)?.into())
}

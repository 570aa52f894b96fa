//! The bridge of a fleet whose chat is carried by a connector of another crate.
//!
//! `fleet` itself knows the connectors that ship. This program knows one more, and runs the bridge in
//! its place; all else of the fleet stays `fleet`'s. The connector here is that of
//! `examples/spool-connector`: whoever has another one registers it in [`connectors`].
//!
//! ```console
//! $ fleet up
//! $ spool-bridge roster.yaml
//! ```

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use podfleet::{Dirs, Env, Fleet, Setup};
use podfleet_connectors::{ConnectorRegistry, in_one_line};
use podfleet_roster::{Known, Roster};
use tokio::signal::unix::{SignalKind, signal};

/// Returns the connectors that ship, and ours.
fn connectors() -> ConnectorRegistry {
    let mut registry = ConnectorRegistry::shipped();
    podfleet_example_spool::register(&mut registry);
    registry
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "a program tells why it ends")]
async fn main() -> ExitCode {
    let Some(roster) = std::env::args_os().nth(1) else {
        eprintln!("usage: spool-bridge ROSTER");
        return ExitCode::from(2);
    };
    match run(Path::new(&roster)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", in_one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Is the bridge until it is told to end.
#[expect(clippy::print_stdout, reason = "whoever starts it waits for this")]
async fn run(roster: &Path) -> Result<(), Box<dyn Error>> {
    let fleet = Fleet::open(setup(roster)?).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let end = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    fleet.run_bridge(|| println!("ready"), end).await?;
    Ok(())
}

/// Gathers what the fleet needs from outside, as the command `fleet` does.
fn setup(roster: &Path) -> Result<Setup, Box<dyn Error>> {
    let env: Env = std::env::vars().collect();
    let path = std::path::absolute(roster)?;
    let name = path.display().to_string();
    let (parsed, findings) =
        Roster::parse(&std::fs::read_to_string(&path)?, &name, &Known::shipped());
    let parsed = parsed.ok_or_else(|| format!("{name} has {} faults", findings.len()))?;
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    Ok(Setup {
        dirs: Dirs::resolve(&env, rustix::process::getuid().as_raw())?,
        exe: std::env::current_exe()?,
        host: host.split('.').next().unwrap_or_default().to_owned(),
        user: env.get("USER").unwrap_or("nobody").to_owned(),
        build: env!("CARGO_PKG_VERSION").to_owned(),
        env,
        roster: Some((parsed, path)),
        lost_roster: None,
        fleet: None,
        client: "spool-bridge".to_owned(),
        supervisor: None,
        connectors: connectors(),
    })
}

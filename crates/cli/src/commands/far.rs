//! Commands about agents on other machines: the same command, run there.

mod terminal;
mod verb;

pub(super) use terminal::{Far, run};
pub(super) use verb::{Elsewhere, FarVerb};

use std::process::Command;

use podfleet::shell_word as quoted;
use podfleet_protocol::Shown;
use podfleet_roster::is_ssh_target;

use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// Runs a script on another machine, with our own streams.
fn over_ssh(machine: &str, script: &str, needs_terminal: bool) -> Outcome {
    if !is_ssh_target(machine) {
        let message = format!("`{}` is no target for ssh", Shown(machine));
        return Err(Error::message(Exit::Usage, message));
    }
    let mut ssh = Command::new("ssh");
    ssh.arg(if needs_terminal { "-tt" } else { "-T" });
    let status = ssh
        .args(["-o", "ClearAllForwardings=yes", "--", machine])
        .arg(in_path(script))
        .env_remove("FLEET_POD_CREDENTIAL")
        .status()
        .map_err(|error| {
            let failed = Error::new(Exit::Missing, error).context("ssh cannot be started");
            failed.hint("install it: `apt install openssh-client`")
        })?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(Exit::Success),
        // It may be the far command's own status too; both have said what they had to say.
        Some(255) | None => Err(Error::message(
            Exit::System,
            format!("ssh to `{machine}` failed, or was cut off"),
        )),
        Some(status) => Ok(Exit::Program(status)),
    }
}

/// A shell that no profile was read for does not know where `fleet` may lie.
fn in_path(script: &str) -> String {
    let script = format!("PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin\"; export PATH; {script}");
    format!("exec sh -c {}", quoted(&script))
}

/// A condition of the shell there.
const HAS_FLEET: &str = "command -v fleet >/dev/null 2>&1";

/// Runs a command of the fleet there, or what is to be done where a condition does not hold.
fn by_fleet(condition: &str, ours: &str, otherwise: &str) -> String {
    format!("if {condition}; then exec fleet {ours}; else {otherwise}; fi")
}

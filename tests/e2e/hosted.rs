//! A pod as a child of the test, so that its test sees how it ends.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;

use crate::world::{World, signal, until};

/// A process `fleet pod run`; killed when dropped.
pub(crate) struct HostedPod {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl HostedPod {
    /// Starts the pod of an agent that `up` has recorded.
    pub(crate) fn start(world: &World, agent: &str, env: &[(&str, String)]) -> Self {
        let mut command = world.command("default", &["pod", "run", agent, "--notify"]);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Self::spawn(&mut command)
    }

    /// Starts a command that becomes a pod and says so.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        // In a group of its own, as a supervisor has it.
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = piped.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits until the pod says that it is ready; returns whether it did before it ended.
    pub(crate) fn is_ready(&mut self) -> bool {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line == "ready\n"
    }

    /// Waits for its end, and returns the signal that it died by.
    #[track_caller]
    pub(crate) fn died_by(&mut self) -> Option<i32> {
        until(|| {
            let ended = self.process.try_wait().unwrap();
            ended.ok_or_else(|| "the pod runs on".to_owned())
        })
        .signal()
    }

    /// Ends it as a supervisor does.
    pub(crate) fn end(mut self) {
        signal(self.process.id(), Signal::TERM);
        self.died_by();
    }
}

impl Drop for HostedPod {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

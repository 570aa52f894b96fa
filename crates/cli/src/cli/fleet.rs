//! The commands that need pods.

use clap::Subcommand;

use crate::commands::{
    add, answer, attach, brake, bridge, chat, comms, connector, doctor, down, harness, inbox,
    install, interrupt, log, logs, mcp, peer, plan, pod, pods, prune, ps, remove, reset, restart,
    say, send, set, sim_agent, spawn, status, store, supervise, tail, trust, uninstall, up, update,
    verify, watch,
};
#[cfg(feature = "hub")]
use crate::commands::{endpoint, fs, hub, mount, pty};
use crate::context::Context;
use crate::error::Outcome;

/// The commands that need pods.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Add(add::Args),
    Remove(remove::Args),
    Set(set::Args),
    Plan(plan::Args),
    Up(up::Args),
    Down(down::Args),
    Restart(restart::Args),
    Ps(ps::Args),
    Status(status::Args),
    Verify(verify::Args),
    Send(send::Args),
    Inbox(inbox::Args),
    Pause(brake::PauseArgs),
    Resume(brake::ResumeArgs),
    Interrupt(interrupt::Args),
    Say(say::Args),
    Chat(chat::Args),
    Bridge(bridge::Args),
    Connector(connector::Args),
    Answer(answer::Args),
    Reset(reset::Args),
    Trust(trust::Args),
    Tail(tail::Args),
    Watch(watch::Args),
    Attach(attach::Args),
    Log(log::Args),
    Logs(logs::Args),
    Comms(comms::Args),
    Prune(prune::Args),
    Store(store::Args),
    Install(install::Args),
    Uninstall(uninstall::Args),
    Update(update::Args),
    Supervise(supervise::Args),
    Doctor(doctor::Args),
    Pods(pods::Args),
    Pod(pod::Args),
    Spawn(spawn::Args),
    Peer(peer::Args),
    Mcp(mcp::Args),
    Harness(harness::Args),
    #[cfg(feature = "hub")]
    Hub(hub::Args),
    #[cfg(feature = "hub")]
    Endpoint(endpoint::Args),
    #[cfg(feature = "hub")]
    Mount(mount::Args),
    #[cfg(feature = "hub")]
    Fs(fs::Args),
    #[cfg(feature = "hub")]
    Pty(pty::Args),
    SimAgent(sim_agent::Args),
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Outcome {
        match self {
            Self::Add(args) => add::run(&args, context),
            Self::Remove(args) => remove::run(&args, context),
            Self::Set(args) => set::run(&args, context),
            Self::Plan(args) => plan::run(&args, context),
            Self::Up(args) => up::run(&args, context),
            Self::Down(args) => down::run(&args, context),
            Self::Restart(args) => restart::run(&args, context),
            Self::Ps(args) => ps::run(&args, context),
            Self::Status(args) => status::run(&args, context),
            Self::Verify(args) => verify::run(&args, context),
            Self::Send(args) => send::run(&args, context),
            Self::Inbox(args) => inbox::run(&args, context),
            Self::Pause(args) => brake::pause(&args, context),
            Self::Resume(args) => brake::resume(&args, context),
            Self::Interrupt(args) => interrupt::run(&args, context),
            Self::Say(args) => say::run(&args, context),
            Self::Chat(args) => chat::run(&args, context),
            Self::Bridge(args) => bridge::run(&args, context),
            Self::Connector(args) => connector::run(&args, context),
            Self::Answer(args) => answer::run(&args, context),
            Self::Reset(args) => reset::run(&args, context),
            Self::Trust(args) => trust::run(&args, context),
            Self::Tail(args) => tail::run(&args, context),
            Self::Watch(args) => watch::run(&args, context),
            Self::Attach(args) => attach::run(&args, context),
            Self::Log(args) => log::run(&args, context),
            Self::Logs(args) => logs::run(&args, context),
            Self::Comms(args) => comms::run(&args, context),
            Self::Harness(args) => harness::run(&args, context),
            Self::Prune(args) => prune::run(&args, context),
            Self::Store(args) => store::run(args, context),
            Self::Install(args) => install::run(&args, context),
            Self::Uninstall(args) => uninstall::run(&args, context),
            Self::Update(args) => update::run(&args, context),
            Self::Supervise(args) => supervise::run(&args, context),
            Self::Doctor(args) => doctor::run(&args, context),
            #[cfg(feature = "hub")]
            Self::Hub(args) => hub::run(args, context),
            #[cfg(feature = "hub")]
            Self::Endpoint(args) => endpoint::run(args, context),
            #[cfg(feature = "hub")]
            Self::Mount(args) => mount::run(args, context),
            #[cfg(feature = "hub")]
            Self::Fs(args) => fs::run(args, context),
            #[cfg(feature = "hub")]
            Self::Pty(args) => pty::run(args, context),
            Self::SimAgent(args) => sim_agent::run(args, context),
            Self::Pods(args) => pods::run(&args, context),
            Self::Spawn(args) => spawn::run(&args, context),
            Self::Peer(args) => peer::run(&args, context),
            Self::Mcp(args) => mcp::run(&args, context),
            Self::Pod(args) => pod::run(args, context),
        }
    }
}

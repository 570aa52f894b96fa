//! Completion in the shell: the shell's script calls this program for candidates.

use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use podfleet_roster::{Known, Profile, Roster};

use crate::cli;
use crate::context::Context;
use crate::input::read_file;
use crate::output::{Output, Verbosity};

/// The environment variable by which the shell's script asks for candidates.
pub(crate) const VARIABLE: &str = "FLEET_COMPLETE";

/// Answers the shell and ends the process, if it is the shell that asks.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(cli::grammar)
        .var(VARIABLE)
        .bin("fleet")
        .completer("fleet")
        .complete();
}

/// Completes names of agents: those of the roster that a command would read.
pub(crate) fn agents() -> ArgValueCandidates {
    ArgValueCandidates::new(|| roster_agents().unwrap_or_default())
}

/// Completes ids of profiles: the shipped ones and the user's.
pub(crate) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let own = context().profiles().ok();
        let profiles = own.iter().flat_map(|own| own.profiles.iter());
        let candidate = |profile: &Profile| {
            CompletionCandidate::new(&profile.id).help(Some(profile.title.clone().into()))
        };
        profiles.map(candidate).collect()
    })
}

/// Completes names of harnesses: the shipped ones and the user's.
#[cfg(feature = "fleet")]
pub(crate) fn harnesses() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = crate::commands::harness::names(&context());
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Completes classes that have a role, synonyms included.
pub(crate) fn classes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let own = context().roles().ok();
        let classes = own.iter().flat_map(|own| own.roles.classes());
        classes.map(CompletionCandidate::new).collect()
    })
}

fn context() -> Context {
    Context::new(Output::open(Verbosity::Quiet), None, String::new())
}

fn roster_agents() -> Option<Vec<CompletionCandidate>> {
    let path = context().roster_path().ok()?;
    let text = String::from_utf8(read_file(&path).ok()?).ok()?;
    let (roster, _) = Roster::parse(&text, "roster", &Known::shipped());
    let candidate = |agent: podfleet_roster::Agent| {
        CompletionCandidate::new(agent.name.as_str()).help(Some(agent.class.into()))
    };
    Some(roster?.agents.into_iter().map(candidate).collect())
}

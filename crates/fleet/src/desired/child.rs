//! What a spawned pod has to be, without a roster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use podfleet_harness::Invocation;
use podfleet_pod::spec::{ConversationPlace, PodSpec, RestartPolicy, RestartWhen, Resume};
use podfleet_protocol::{Scope, Size};

use super::{Impossible, load_harness};
use crate::agent_env;
use crate::dirs::Dirs;
use crate::tools::{Reporter, ToolServer};
use podfleet_home::Env;

/// Turns the wish for a child into what its pod has to be.
#[derive(Debug)]
pub(crate) struct ChildRecipe<'a> {
    /// The fleet's directories.
    pub(crate) dirs: &'a Dirs,
    /// The user's environment.
    pub(crate) env: &'a Env,
    /// Our own binary.
    pub(crate) exe: &'a Path,
    /// The variables by which programs inside the pod find this fleet.
    pub(crate) location: BTreeMap<String, String>,
}

/// What is wished of a child's agent.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// The harness that runs it.
    pub(crate) runtime: &'a str,
    /// The command line in place of the harness's own; empty for that.
    pub(crate) command: &'a [String],
    /// The size of its terminal until a controller sets it.
    pub(crate) size: Size,
    /// The model; nothing is the harness's own choice.
    pub(crate) model: Option<&'a str>,
    /// Where it runs; absolute.
    pub(crate) working_directory: PathBuf,
    /// What it may change, for a program that can be told.
    pub(crate) scope: &'a Scope,
    /// What it is told at its launch, where its harness can.
    pub(crate) told: String,
}

impl ChildRecipe<'_> {
    /// Returns how the child's pod runs its agent. An agent that ends is not started again: its
    /// parent is told, and decides.
    pub(crate) fn spec(&self, wish: Wish<'_>) -> Result<PodSpec, Impossible> {
        let (reference, harness) = load_harness(self.dirs, wish.runtime, wish.runtime)?;
        let launch = harness.launch();
        let told = if launch.system_prompt.is_some() || launch.told_by_message {
            wish.told
        } else {
            String::new()
        };
        let by_message = launch.told_by_message && !told.is_empty();
        let reporter = Reporter::new(self.exe, &harness);
        let server = ToolServer::new(self.exe, &self.location);
        let writable = writable(wish.scope);
        let own = launch.command(&Invocation {
            writable: writable.as_deref(),
            tools: Some(server.tools()),
            calls: reporter.as_ref().map(Reporter::calls),
            fleet: &self.exe.to_string_lossy(),
            model: wish.model,
            system_prompt: Some(told.as_str()).filter(|text| !text.is_empty()),
            ..Invocation::default()
        });
        let argv = if wish.command.is_empty() {
            own
        } else {
            wish.command.to_vec()
        };
        if argv.is_empty() {
            return Err(Impossible::NoCommand(wish.runtime.to_owned()));
        }
        let mut extra_path = agent_env::own_program_dirs(self.env);
        // Agents call `fleet` by its name.
        extra_path.extend(self.exe.parent().map(Path::to_owned));
        let none = BTreeMap::new();
        let mut env = agent_env::agent_env(self.env, &extra_path, &launch.env, &none);
        env.extend(self.location.clone());
        Ok(PodSpec {
            harness: reference,
            argv,
            env,
            env_file: None,
            working_directory: wish.working_directory,
            prepare: Vec::new(),
            conversation: Some(ConversationPlace {
                at: launch.argv.len(),
                resume: Resume::Always,
            }),
            first_message: by_message.then(|| told.clone()),
            told,
            kickstart: None,
            restart: RestartPolicy {
                policy: RestartWhen::Never,
                ..RestartPolicy::default()
            },
            size: wish.size,
            reset_between_tasks: false,
            resources: Default::default(),
            model: wish.model.map(str::to_owned),
        })
    }
}

fn writable(scope: &Scope) -> Option<Vec<String>> {
    let paths = scope.writable.as_ref()?.iter();
    Some(paths.map(ToString::to_string).collect())
}

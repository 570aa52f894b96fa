//! Views: the tmux sessions in which people look at agents.
//!
//! A view is nothing but a client of its pod: when its session or the whole tmux server ends, the
//! agent goes on, and the view is made again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use podfleet_home::Env;
use podfleet_protocol::{FleetName, PodId, PodName, Size};
use podfleet_tmux::{
    Command, NewSession, Pane, SessionName, Socket, Tmux, TmuxError, TmuxErrorKind, Version,
};

use crate::agent_env;
use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};
use crate::origin::TmuxNames;

/// The mark of a view, which tells whose it is: two fleets may use one socket.
const VIEW: &str = "view:";
/// The mark of the session that keeps the server alive.
pub(crate) const HOLDER: &str = "holder";

/// Where our hooks are among others of the same event.
const HOOK_PLACE: u32 = 417;
/// Gives the windows of views that nobody shows their own sizes back, where tmux keeps that of the
/// last client, and tells the view by a signal. Resizing by hand would also keep a window from
/// following later clients, if that were not undone. The program of a pane that a person has split
/// off is left alone, and so is a view that does not know the signal (bit 9 of `SigCgt`): one of an older
/// build, or one that has only begun.
const UNSEEN: &str = r##"tmux list-panes -a -F "#{session_name} #{s/x/ /:default-size} #{pane_pid}" \
-f "#{&&:#{==:#{session_attached},0},#{&&:#{m:view:*,#{@podfleet}},#{&&:#{m:*attach --view*,#{pane_start_command}},#{&&:#{==:#{pane_dead},0},#{!=:#{window_width}x#{window_height},#{default-size}}}}}}" |
while read -r name columns rows pid; do
tmux resize-window -t "=$name:" -x "$columns" -y "$rows" ";" set-option -w -u -t "=$name:" window-size
case $(sed -n "s/^SigCgt:.*\(...\)$/\1/p" "/proc/$pid/status") in
[2367abef]??) kill -USR1 "$pid" ;;
esac
done 2>/dev/null
:"##;

/// Returns the mark of a pod's view.
pub(crate) fn tag_of(pod: PodId) -> String {
    format!("{VIEW}{}", pod.short())
}

/// The session in which a person may keep the chat; no agent has this name.
const CHAT: &str = "_chat";

/// Returns whether a pane is a view of any fleet, the holder or the chat.
pub(crate) fn is_ours(pane: &Pane, holder: &str) -> bool {
    pane.tag.is_some() || pane.session_name == holder || pane.session_name == CHAT
}

/// A view that ought to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) pod: PodId,
    pub(crate) name: PodName,
    pub(crate) size: Size,
}

/// What came of making views.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// The agents whose views were made.
    pub(crate) made: Vec<PodName>,
    /// Those whose views cannot be made because other sessions have their names.
    pub(crate) taken: Vec<PodName>,
}

impl Made {
    /// Returns what is to be said of views that cannot be made.
    pub(crate) fn taken_notes(&self) -> impl Iterator<Item = String> {
        self.taken
            .iter()
            .map(|name| format!("{name}: no view, because another tmux session has its name"))
    }
}

/// The fleet's tmux server and how its views are made.
#[derive(Debug, Clone)]
pub(crate) struct Views {
    tmux: Tmux,
    /// The name of the socket; empty for tmux's own default.
    socket: String,
    holder: SessionName,
    exe: PathBuf,
    fleet: FleetName,
    env: Vec<(String, String)>,
}

/// Returns the names of the variables that say which pod, if any, we run in.
fn outer_fleet(env: &Env) -> impl Iterator<Item = &str> {
    env.iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("FLEET_"))
}

impl Views {
    /// Describes the views of a fleet; runs nothing.
    ///
    /// Fails when tmux is not in the user's `PATH`, or the holder has a name that tmux cannot keep.
    pub(crate) fn new(
        names: &TmuxNames,
        env: &Env,
        exe: &Path,
        fleet: &FleetName,
        location: (&Dirs, Option<&Path>, &str),
    ) -> Result<Self, FleetError> {
        let program = find_program("tmux", env)
            .ok_or_else(|| FleetError::new(FleetErrorKind::TmuxMissing))?;
        let socket = Socket::from_name(&names.socket);
        let holder = SessionName::mapped(&names.holder).map_err(|error| {
            let what = "the holder session";
            FleetError::new(FleetErrorKind::Name { what }).caused_by(error)
        })?;
        let (dirs, roster_path, tenant) = location;
        Ok(Self {
            // A server that an agent's own `fleet up` starts must not pass that agent's credential on.
            tmux: Tmux::new(program, socket)
                .without_env(outer_fleet(env))
                // And if it is below an agent, it must not end with it.
                .with_env(podfleet_pod::VIEWS_MARK, "1"),
            socket: names.socket.clone(),
            holder,
            exe: exe.to_owned(),
            fleet: fleet.clone(),
            env: agent_env::location(dirs, roster_path, tenant)
                .into_iter()
                .collect(),
        })
    }

    pub(crate) async fn version(&self) -> Result<Version, TmuxError> {
        self.tmux.version().await
    }

    /// Returns the absolute path of the socket of the server that runs.
    pub(crate) async fn socket_path(&self) -> Result<PathBuf, TmuxError> {
        self.tmux.socket_path().await
    }

    /// Fails when tmux is too old for what the fleet does with it.
    pub(crate) async fn check_version(&self) -> Result<(), FleetError> {
        let found = self.version().await?;
        if found < Version::FLOOR {
            return Err(FleetError::new(FleetErrorKind::TmuxTooOld { found }));
        }
        Ok(())
    }

    /// Returns the name of the socket; empty for tmux's own default.
    pub(crate) fn socket(&self) -> &str {
        &self.socket
    }

    pub(crate) async fn panes(&self) -> Result<Vec<Pane>, TmuxError> {
        self.tmux.panes().await
    }

    /// Makes the views that are missing, and the holder, in as few tmux calls as can be.
    ///
    /// A view that another process makes at the same time counts as made.
    pub(crate) async fn make(&self, views: &[View]) -> Result<Made, TmuxError> {
        // Another process may make the same views meanwhile, so a duplicate begins a new look.
        const LOOKS: u32 = 5;
        let names = |views: &[&View]| views.iter().map(|view| view.name.clone()).collect();
        let mut looks = 0;
        loop {
            let panes = self.panes().await?;
            let (missing, taken) = self.missing(views, &panes);
            let made = Made {
                made: names(&missing),
                taken: names(&taken),
            };
            looks += 1;
            match self.run_all(&self.commands(&missing, &panes)).await {
                Ok(()) => return Ok(made),
                Err(error) if error.kind() == TmuxErrorKind::DuplicateSession && looks < LOOKS => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells which views are missing, and which cannot be made.
    fn missing<'a>(&self, views: &'a [View], panes: &[Pane]) -> (Vec<&'a View>, Vec<&'a View>) {
        let tags: HashSet<_> = panes.iter().filter_map(|pane| pane.tag.clone()).collect();
        let sessions: HashSet<_> = panes
            .iter()
            .map(|pane| pane.session_name.as_str())
            .collect();
        let absent = views
            .iter()
            .filter(|view| !tags.contains(&tag_of(view.pod)));
        let (taken, missing): (Vec<_>, Vec<_>) = absent.partition(|view| {
            session_of(&view.name).is_none_or(|session| sessions.contains(session.as_str()))
        });
        (missing, taken)
    }

    async fn run_all(&self, commands: &[Command]) -> Result<(), TmuxError> {
        for command in commands {
            self.tmux.run(command).await?;
        }
        Ok(())
    }

    fn commands(&self, missing: &[&View], panes: &[Pane]) -> Vec<Command> {
        let held = panes
            .iter()
            .any(|pane| pane.session_name == self.holder.as_str());
        // The holder is first: it starts the server, and keeps it when a view ends at once.
        let holder = (!held).then(|| {
            NewSession::new(self.holder.clone(), ["tail", "-f", "/dev/null"])
                .tag(HOLDER)
                .command()
        });
        let mut views = missing
            .iter()
            .filter_map(|view| self.session(view))
            .peekable();
        if holder.is_none() && views.peek().is_none() {
            return Vec::new();
        }
        let settings = self.server_environment().chain(self.server_hooks());
        Command::chains(holder.into_iter().chain(settings).chain(views))
    }

    /// Tells a server of the fleet's own where the fleet is, so that a window which a person opens
    /// there by hand is in it too. The default server is the user's.
    fn server_environment(&self) -> impl Iterator<Item = Command> {
        let variables = self.env.iter().filter(|_| !self.socket.is_empty());
        variables.map(|(name, value)| {
            Command::new("set-environment")
                .arg("-g")
                .arg(name)
                .arg(value)
        })
    }

    /// Has a server of the fleet's own look for views that nobody shows any more, whenever a client
    /// leaves or goes to another session.
    fn server_hooks(&self) -> impl Iterator<Item = Command> {
        let global =
            |set: &str, name: &str, value: &str| Command::new(set).arg("-g").arg(name).arg(value);
        let look = global("set-option", "@podfleet-unseen", UNSEEN);
        let hooks = ["client-detached", "client-session-changed"];
        let hooks = hooks.map(|hook| {
            let run = "run-shell -b '#{@podfleet-unseen}'";
            global("set-hook", &format!("{hook}[{HOOK_PLACE}]"), run)
        });
        let all = std::iter::once(look).chain(hooks);
        all.filter(|_| !self.socket.is_empty())
    }

    fn session(&self, view: &View) -> Option<Command> {
        let argv = [
            self.exe.as_os_str(),
            "attach".as_ref(),
            "--view".as_ref(),
            view.name.as_str().as_ref(),
            "--fleet".as_ref(),
            self.fleet.as_str().as_ref(),
        ];
        let mut session = NewSession::new(session_of(&view.name)?, argv)
            .size(podfleet_tmux::Size {
                columns: view.size.columns,
                rows: view.size.rows,
            })
            .tag(tag_of(view.pod));
        for (name, value) in &self.env {
            session = session.env(name, value);
        }
        Some(session.command())
    }

    /// Ends the views of these pods, and the holder if `release` says so and no view is left.
    pub(crate) async fn remove(&self, pods: &[PodId], release: bool) -> Result<(), TmuxError> {
        let panes = self.panes().await?;
        let tags: HashSet<_> = pods.iter().map(|pod| tag_of(*pod)).collect();
        let (gone, left): (Vec<_>, Vec<_>) = panes
            .iter()
            .filter(|pane| pane.tag.as_deref().is_some_and(|tag| tag != HOLDER))
            .partition(|pane| pane.tag.as_ref().is_some_and(|tag| tags.contains(tag)));
        let mut sessions: Vec<_> = gone.iter().map(|pane| pane.session).collect();
        if release && left.is_empty() {
            let holder = panes
                .iter()
                .find(|pane| pane.tag.as_deref() == Some(HOLDER));
            sessions.extend(holder.map(|pane| pane.session));
        }
        sessions.dedup();
        // One call each: a view that ends by itself meanwhile would abort a chain.
        for session in sessions {
            match self.tmux.run(&Command::kill_session(session)).await {
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        TmuxErrorKind::NoSuchTarget
                            | TmuxErrorKind::NoServer
                            | TmuxErrorKind::ServerLost
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A pod's name is always one that tmux can keep, once `.` is mapped.
pub(crate) fn session_of(name: &PodName) -> Option<SessionName> {
    SessionName::mapped(name.as_str()).ok()
}

/// Finds a program in the `PATH` of an environment, as a shell would.
pub(crate) fn find_program(name: &str, env: &Env) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runnable = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    env.get("PATH")?
        .split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| Path::new(directory).join(name))
        .find(runnable)
}

#[cfg(test)]
mod tests;

//! The texts of the units: pure functions of where our program is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use podfleet_pod::spec::Resources;

use super::quoting;

/// The template of all pods.
pub(super) const POD_TEMPLATE: &str = "fleet-pod@.service";
/// The template of the tmux servers of named sockets.
pub(super) const TMUX_TEMPLATE: &str = "fleet-tmux@.service";
/// The template of the bridges of fleets' chats.
pub(super) const BRIDGE_TEMPLATE: &str = "fleet-bridge@.service";
/// All that is started at boot.
pub(crate) const TARGET: &str = "fleet.target";

/// What makes a template's instance this agent's, or this socket's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropIn<'a> {
    /// What it is for, for people.
    pub(super) what: &'a str,
    /// Its environment; the file is private, since a proxy's address may hold a password.
    pub(super) environment_file: &'a Path,
    /// Where its standard error goes.
    pub(super) log: Option<&'a Path>,
    pub(super) resources: Option<&'a Resources>,
}

/// Returns the names and texts of the units that are the same for all agents.
pub(super) fn units(exe: &Path) -> BTreeMap<&'static str, String> {
    let exe = quoting::word(&exe.to_string_lossy());
    BTreeMap::from([
        (POD_TEMPLATE, pod(&exe)),
        (TMUX_TEMPLATE, tmux(&exe)),
        (BRIDGE_TEMPLATE, bridge(&exe)),
        (TARGET, target()),
    ])
}

const HEAD: &str = "\
# Written by fleet, and refreshed by `fleet update`. To change something, use
# `systemctl --user edit`: its drop-ins are never touched.
";

fn pod(exe: &str) -> String {
    format!(
        "{HEAD}
[Unit]
Description=Podfleet pod %i
Documentation=https://github.com/podfleet/podfleet
PartOf=fleet.target
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart={exe} pod run %i
WorkingDirectory=/
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=2 3 4
WatchdogSec=120
TimeoutStartSec=30
TimeoutStopSec=30
KillMode=mixed
OOMPolicy=continue

[Install]
WantedBy=fleet.target
"
    )
}

fn tmux(exe: &str) -> String {
    format!(
        "{HEAD}
[Unit]
Description=tmux server %i of Podfleet
Documentation=https://github.com/podfleet/podfleet
PartOf=fleet.target

[Service]
Type=forking
ExecStart={exe} pod views %i
WorkingDirectory=/
Restart=on-failure
RestartSec=1
TimeoutStartSec=30
TimeoutStopSec=10
KillMode=mixed
OOMPolicy=continue

[Install]
WantedBy=fleet.target
"
    )
}

fn bridge(exe: &str) -> String {
    format!(
        "{HEAD}
[Unit]
Description=Podfleet chat of the fleet %i
Documentation=https://github.com/podfleet/podfleet
PartOf=fleet.target
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart={exe} bridge run --unit %i
WorkingDirectory=/
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=2 3 4
TimeoutStartSec=30
TimeoutStopSec=10

[Install]
WantedBy=fleet.target
"
    )
}

fn target() -> String {
    format!(
        "{HEAD}
[Unit]
Description=Podfleet: all agents of this user
Documentation=https://github.com/podfleet/podfleet

[Install]
WantedBy=default.target
"
    )
}

impl DropIn<'_> {
    /// Returns the text of the drop-in.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# Written by fleet for {}.\n\
             # Put changes of your own into another file of this directory.\n\
             [Service]\nEnvironmentFile={}\n",
            self.what,
            quoting::path(self.environment_file)
        );
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Nothing can be done about a formatter of a string that fails.
                let _ = writeln!(text, "{name}={value}");
            }
        };
        let log = self.log.map(quoting::path);
        set("StandardError", log.map(|log| format!("append:{log}")));
        if let Some(resources) = self.resources {
            set("MemoryMax", resources.memory_max.clone());
            set("CPUWeight", resources.cpu_weight.map(|it| it.to_string()));
            set("TasksMax", resources.tasks_max.map(|it| it.to_string()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_pods() {
        let units = units(Path::new("/opt/pod fleet/fleet"));
        insta::assert_snapshot!(units[POD_TEMPLATE], @r#"
        # Written by fleet, and refreshed by `fleet update`. To change something, use
        # `systemctl --user edit`: its drop-ins are never touched.

        [Unit]
        Description=Podfleet pod %i
        Documentation=https://github.com/podfleet/podfleet
        PartOf=fleet.target
        StartLimitIntervalSec=300
        StartLimitBurst=10

        [Service]
        Type=notify
        NotifyAccess=main
        ExecStart="/opt/pod fleet/fleet" pod run %i
        WorkingDirectory=/
        Restart=on-failure
        RestartSec=1
        RestartPreventExitStatus=2 3 4
        WatchdogSec=120
        TimeoutStartSec=30
        TimeoutStopSec=30
        KillMode=mixed
        OOMPolicy=continue

        [Install]
        WantedBy=fleet.target
        "#);
    }

    #[test]
    fn the_unit_of_tmux_servers_forks_as_tmux_does() {
        let units = units(Path::new("/usr/bin/fleet"));
        let text = &units[TMUX_TEMPLATE];
        assert!(text.contains("\nType=forking\nExecStart=\"/usr/bin/fleet\" pod views %i\n"));
        assert!(!text.contains("Watchdog"), "tmux feeds none");
    }

    #[test]
    fn a_drop_in_names_environment_log_and_limits() {
        let resources = Resources {
            memory_max: Some("2G".into()),
            cpu_weight: Some(50),
            tasks_max: None,
        };
        let drop_in = DropIn {
            what: "the agent coder of the fleet web",
            environment_file: Path::new("/s/100%/a.env"),
            log: Some(Path::new("/s/logs/1.log")),
            resources: Some(&resources),
        };
        insta::assert_snapshot!(drop_in.text(), @r"
        # Written by fleet for the agent coder of the fleet web.
        # Put changes of your own into another file of this directory.
        [Service]
        EnvironmentFile=/s/100%%/a.env
        StandardError=append:/s/logs/1.log
        MemoryMax=2G
        CPUWeight=50
        ");
    }
}

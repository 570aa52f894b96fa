//! Pods as units of a real service manager of an ordinary user.

mod chat;
mod host;
mod hub;

use std::fs;
use std::path::Path;

use podfleet_tests::require;
use rustix::process::Signal;

use crate::world::{fits_80_columns, is_gone, ran, signal, until};
use host::Host;

const A: &str = "fleet-pod@web:v2.a.b-c.service";
const E: &str = "fleet-pod@web:v2.e.service";
const HELPER: &str = "fleet-pod@web:v2.helper.service";
const TMUX: &str = "fleet-tmux@web.service";

const TWO: &str = "  - {name: a.b-c, runtime: sim}\n  - {name: e, runtime: sim}\n";
const ONE: &str = "  - {name: e, runtime: sim}\n";

fn up(agents: &str) -> Option<Host> {
    let host = Host::start()?;
    host.write_roster(agents);
    host.fleet(&["up"]).exits(0);
    Some(host)
}

fn cgroup_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default()
}

#[test]
fn each_pod_is_a_unit_of_its_own_and_down_ends_it() {
    let Some(host) = up(TWO) else { return };
    for (agent, unit) in [("a.b-c", A), ("e", E)] {
        assert_eq!(host.property(unit, "ActiveState"), "active");
        let row = host.row(agent);
        assert_eq!(row["unit"], unit);
        assert_eq!(row["pod_pid"], host.main_pid(unit));
        let agent = u32::try_from(row["agent_pid"].as_u64().unwrap()).unwrap();
        assert!(cgroup_of(agent).contains(unit), "{}", cgroup_of(agent));
        let environment = fs::read_to_string(format!("/proc/{agent}/environ")).unwrap();
        assert!(!environment.contains("NOTIFY_SOCKET"), "{environment}");
        assert!(!environment.contains("WATCHDOG_"), "{environment}");
    }
    let second = host.fleet(&["up"]).exits(0);
    assert!(!second.stderr.contains("ready in"), "{second}");
    host.fleet(&["down", "--all"]).exits(0);
    for unit in [A, E] {
        assert_eq!(host.property(unit, "ActiveState"), "inactive");
    }
}

#[test]
fn the_units_pass_the_verification_of_systemd() {
    let Some(host) = up(ONE) else { return };
    let Some(analyze) = require::program("systemd-analyze", "apt install systemd") else {
        return;
    };
    let units = [
        "fleet-pod@.service",
        "fleet-tmux@.service",
        "fleet-bridge@.service",
        "fleet.target",
    ];
    let paths = units.map(|unit| host.units().join(unit).display().to_string());
    let mut verify = vec!["verify", "--user"];
    verify.extend(paths.iter().map(String::as_str));
    let output = host.command(&analyze, &verify).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn a_killed_pod_is_started_again_and_its_agent_with_it() {
    let Some(host) = up(ONE) else { return };
    let before = host.row("e");
    signal(host.main_pid(E), Signal::KILL);
    let after = host.until_row("e", |row| {
        row["generation"] == 2 && row["readiness"] == "available"
    });
    let agent = u32::try_from(before["agent_pid"].as_u64().unwrap()).unwrap();
    assert!(is_gone(agent), "the agent of the killed pod runs on");
    assert_ne!(after["agent_pid"], before["agent_pid"]);
    assert_eq!(after["unit"], E);
    assert_eq!(host.property(E, "NRestarts"), "1");
}

#[test]
fn a_pod_spawns_a_child_that_is_a_unit_of_its_own_and_outlives_its_parents_restart() {
    let Some(host) = up(ONE) else { return };
    let spawn = ["spawn", "helper", "--runtime", "sim", "--task", "do it"];
    host.fleet_in("e", &spawn).exits(0);
    assert_eq!(host.row("helper")["unit"], HELPER);
    let child = host.main_pid(HELPER);
    assert!(cgroup_of(child).contains(HELPER), "{}", cgroup_of(child));
    let seen = host.fleet_in("e", &["pods"]).exits(0);
    assert!(seen.stdout.contains("child"), "{seen}");
    host.fleet(&["restart", "e"]).exits(0);
    assert_eq!(host.main_pid(HELPER), child);
    host.fleet(&["down", "helper"]).exits(0);
    assert_eq!(host.property(HELPER, "ActiveState"), "inactive");
}

#[test]
fn a_quarantine_survives_the_death_of_its_pod() {
    let Some(host) = Host::start() else { return };
    let command = "command: [sh, -c, 'exit 3']";
    let restart = "restart: {policy: always, max_restarts: 2, window: 10m}";
    host.write_roster(&format!(
        "  - {{name: e, runtime: generic, {command}, {restart}}}\n"
    ));
    host.fleet(&["up"]).exits(1);
    host.until_row("e", |row| row["readiness"] == "quarantined");
    signal(host.main_pid(E), Signal::KILL);
    let row = host.until_row("e", |row| {
        row["generation"] == 2 && row["readiness"] == "quarantined"
    });
    assert!(row["agent_pid"].is_null(), "{row:#}");
}

#[test]
fn a_stopped_pod_is_found_by_its_watchdog() {
    let Some(host) = Host::start() else { return };
    // A drop-in of the user's own, for all pods.
    host.write(
        ".config/systemd/user/fleet-pod@.service.d/60-mine.conf",
        "[Service]\nWatchdogSec=2\n",
    );
    host.write_roster(ONE);
    host.fleet(&["up"]).exits(0);
    let pod = host.main_pid(E);
    signal(pod, Signal::STOP);
    host.until_row("e", |row| {
        row["generation"] == 2 && row["readiness"] == "available"
    });
    assert_ne!(host.main_pid(E), pod);
}

#[test]
fn limits_of_the_roster_hold_for_the_unit_and_change_without_a_restart() {
    let limited = |limits: &str| format!("  - {{name: e, runtime: sim, resources: {limits}}}\n");
    let Some(host) = up(&limited("{memory_max: 2G, tasks_max: 100}")) else {
        return;
    };
    assert_eq!(host.property(E, "MemoryMax"), (2_u64 << 30).to_string());
    assert_eq!(host.property(E, "TasksMax"), "100");
    let pod = host.main_pid(E);
    host.write_roster(&limited("{memory_max: 3G, cpu_weight: 50}"));
    let plan = host.fleet(&["plan"]).exits(0);
    assert!(plan.stdout.contains("re-apply"), "{plan}");
    host.fleet(&["up"]).exits(0);
    assert_eq!(host.property(E, "MemoryMax"), (3_u64 << 30).to_string());
    assert_eq!(host.property(E, "CPUWeight"), "50");
    assert_eq!(host.main_pid(E), pod);
}

#[test]
fn installed_agents_come_back_at_boot_and_one_that_was_removed_does_not() {
    let Some(mut host) = up(TWO) else { return };
    let flags = |host: &Host| host.row("e")["flags"].to_string();
    assert!(flags(&host).contains("BOOT"), "not installed yet");
    let installed = host.fleet(&["install"]).exits(0);
    assert!(installed.stderr.contains("linger is off"), "{installed}");
    assert!(fits_80_columns(&installed.stderr), "{installed}");
    require::cannot_show(
        "linger",
        "no logind here; that units start at the manager's start is shown instead",
    );

    host.shut_down();
    host.boot();
    for agent in ["a.b-c", "e"] {
        host.until_row(agent, |row| row["readiness"] == "available");
    }
    let views = host
        .tmux(&["list-sessions", "-F", "#{session_name}"])
        .exits(0);
    assert_eq!(views.stdout, "_holder\na_b-c\ne\n");

    host.fleet(&["add", "new", "--runtime", "sim", "--no-start"])
        .exits(0);
    host.fleet(&["remove", "e"]).exits(0);
    host.shut_down();
    host.boot();
    for agent in ["a.b-c", "new"] {
        host.until_row(agent, |row| row["readiness"] == "available");
    }
    assert_eq!(host.property(E, "ActiveState"), "inactive");
    let listed = host.fleet(&["ps", "--json"]).exits(0);
    assert!(!listed.stdout.contains("\"e\""), "{listed}");
}

#[test]
fn a_fleet_that_was_installed_by_another_name_says_that_it_is_not_started_at_boot() {
    let Some(host) = up(TWO) else { return };
    let told = "`api` is not started at boot, as `web.v2` was: `fleet install`";
    let rename = |from: &str, to: &str| {
        host.change_roster(&format!("fleet: {from}"), &format!("fleet: {to}"));
    };
    let says = || {
        let up = host.fleet(&["up"]).exits(0);
        let said = up.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        (said.contains(told), up)
    };
    rename("web.v2", "api");
    let (said, up) = says();
    assert!(!said, "nobody installed it: {up}");
    rename("api", "web.v2");
    host.fleet(&["install"]).exits(0);
    rename("web.v2", "api");
    let (said, up) = says();
    assert!(said, "{up}");
    host.fleet(&["install"]).exits(0);
    let (said, up) = says();
    assert!(!said, "{up}");
}

#[test]
fn an_agent_that_is_taken_out_of_the_roster_by_hand_is_disabled_by_up() {
    let Some(host) = up(TWO) else { return };
    host.fleet(&["install"]).exits(0);
    let enabled = host.units().join("fleet.target.wants").join(E);
    assert!(enabled.symlink_metadata().is_ok());
    host.write_roster("  - {name: a.b-c, runtime: sim}\n");
    host.fleet(&["up"]).exits(0);
    assert!(enabled.symlink_metadata().is_err());
    assert_eq!(host.property(E, "ActiveState"), "inactive");
}

#[test]
fn installing_again_changes_nothing_and_edits_are_kept() {
    let Some(host) = up(ONE) else { return };
    let template = host.units().join("fleet-pod@.service");
    host.fleet(&["install"]).exits(0);
    let written = fs::read_to_string(&template).unwrap();
    let again = host.fleet(&["install", "--json"]).exits(0).json();
    let files = again["units"].as_array().unwrap().iter();
    assert!(
        files.clone().all(|unit| unit["file"] == "same"),
        "{again:#}"
    );

    fs::write(&template, "[Service]\n# mine\n").unwrap();
    let planned = host
        .fleet(&["install", "--dry-run", "--json"])
        .exits(0)
        .json();
    assert!(planned.to_string().contains("kept_as_bak"), "{planned:#}");
    host.fleet(&["install"]).exits(0);
    let kept = host.units().join("fleet-pod@.service.bak");
    assert_eq!(fs::read_to_string(kept).unwrap(), "[Service]\n# mine\n");
    assert_eq!(fs::read_to_string(&template).unwrap(), written);
}

#[test]
fn what_runs_is_kept_after_an_uninstall_until_it_is_down() {
    let Some(host) = up(ONE) else { return };
    host.fleet(&["install"]).exits(0);
    let template = host.units().join("fleet-pod@.service");
    let pod = host.main_pid(E);
    let uninstalled = host.fleet(&["uninstall"]).exits(0);
    assert!(
        uninstalled.stderr.contains("1 agent of this fleet"),
        "{uninstalled}"
    );
    assert!(fits_80_columns(&uninstalled.stderr), "{uninstalled}");
    assert_eq!(host.row("e")["pod_pid"], pod, "what runs goes on");
    assert!(!host.units().join("fleet.target.wants").join(E).exists());
    signal(pod, Signal::KILL);
    host.until_row("e", |row| {
        row["generation"] == 2 && row["readiness"] == "available"
    });
    host.fleet(&["down", "--all"]).exits(0);
    assert_eq!(host.row("e")["readiness"], "stopped");
    host.fleet(&["uninstall"]).exits(0);
    assert!(!template.exists());
    assert!(!host.units().join(format!("{E}.d")).exists());
}

#[test]
fn units_whose_files_were_removed_are_missed_and_written_again() {
    let Some(host) = up(ONE) else { return };
    fs::remove_file(host.units().join("fleet-pod@.service")).unwrap();
    fs::remove_dir_all(host.units().join(format!("{E}.d"))).unwrap();
    host.systemctl(&["daemon-reload"]).exits(0);
    let missed = host.fleet(&["verify", "--json"]).exits(1);
    assert!(missed.stdout.contains("fleet up e"), "{missed}");
    let sick = host.fleet(&["doctor", "--json"]).exits(1);
    assert!(sick.stdout.contains("files are gone of"), "{sick}");
    let pod = host.main_pid(E);
    let up = host.fleet(&["up"]).exits(0);
    assert!(up.stderr.contains("are written again"), "{up}");
    assert_eq!(host.main_pid(E), pod);
    host.fleet(&["verify"]).exits(0);
    signal(pod, Signal::KILL);
    host.until_row("e", |row| {
        row["generation"] == 2 && row["readiness"] == "available"
    });
}

#[test]
fn the_tmux_server_is_in_no_pods_unit_and_comes_back_with_its_views() {
    let Some(host) = up(TWO) else { return };
    let server = host.main_pid(TMUX);
    assert!(cgroup_of(server).contains(TMUX), "{}", cgroup_of(server));
    let agents: Vec<_> = ["a.b-c", "e"]
        .map(|agent| host.row(agent)["agent_pid"].clone())
        .into();
    signal(server, Signal::KILL);
    until(|| {
        let views = host.tmux(&["list-sessions", "-F", "#{session_name}"]);
        match views.stdout.as_str() {
            "_holder\na_b-c\ne\n" => Ok(()),
            _ => Err(views.to_string()),
        }
    });
    assert_ne!(host.main_pid(TMUX), server);
    let after: Vec<_> = ["a.b-c", "e"]
        .map(|agent| host.row(agent)["agent_pid"].clone())
        .into();
    assert_eq!(agents, after);
}

#[test]
fn an_agent_whose_program_ends_with_127_says_so() {
    let Some(host) = Host::start() else { return };
    let command = "command: [sh, -c, no-such-program]";
    let restart = "restart: {policy: never}";
    host.write_roster(&format!(
        "  - {{name: e, runtime: generic, {command}, {restart}}}\n"
    ));
    host.fleet(&["up"]);
    until(|| {
        let ps = host.fleet(&["ps"]).exits(0);
        if ps.stdout.contains("dead (exit 127") {
            Ok(())
        } else {
            Err(ps.to_string())
        }
    });
    assert_eq!(host.property(E, "ActiveState"), "active", "the pod answers");
}

#[test]
fn a_pod_that_cannot_go_on_says_why_and_is_not_started_again() {
    let Some(host) = up(ONE) else { return };
    host.fleet(&["down", "--all"]).exits(0);
    // Nothing runs from a directory that others may enter.
    let runtime = host.path("run/fleet");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&runtime, open).unwrap();
    host.systemctl(&["start", E]).exits(1);
    assert_eq!(host.property(E, "ActiveState"), "failed");
    assert_eq!(host.property(E, "ExecMainStatus"), "3");
    assert!(host.property(E, "StatusText").contains("open to others"));
    assert_eq!(host.property(E, "NRestarts"), "0");
}

#[test]
fn restarts_at_the_same_time_come_one_after_the_other() {
    let Some(host) = up(ONE) else { return };
    let exe = host.exe();
    let restart = |_| host.command(&exe, &["restart", "e"]).output().unwrap();
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|n| scope.spawn(move || restart(n))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for output in outputs {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let row = host.row("e");
    assert_eq!(row["generation"], 4);
    assert_eq!(row["unit"], E);
}

#[test]
fn a_fleet_stays_with_what_it_was_brought_up_by() {
    let Some(host) = Host::start() else { return };
    host.write_roster("  - {name: e, runtime: sim, resources: {tasks_max: 200}}\n");
    let up = host.fleet(&["up", "--supervisor", "direct"]).exits(0);
    assert!(up.stderr.contains("are no limits here"), "{up}");
    assert!(host.row("e")["unit"].is_null());
    host.fleet(&["restart"]).exits(0);
    assert!(host.row("e")["unit"].is_null());
    host.fleet(&["restart", "--supervisor", "systemd"]).exits(0);
    assert_eq!(host.row("e")["unit"], E);
    host.fleet(&["restart"]).exits(0);
    assert_eq!(host.row("e")["unit"], E);
}

#[test]
fn without_a_service_manager_systemd_is_refused_with_the_remedy() {
    let world = crate::world::World::with_agents(&[("a", "")]);
    let up = world.fleet(&["up", "--supervisor", "systemd"]).exits(4);
    assert!(up.stderr.contains("--supervisor direct"), "{up}");
    let install = world.fleet(&["install"]).exits(4);
    assert!(fits_80_columns(&install.stderr), "{install}");
}

#[test]
fn an_update_keeps_every_file_of_the_user_and_relaunches_what_is_old() {
    let Some(host) = up(ONE) else { return };
    let files = [
        (".config/fleet/roles/code.md", "# mine\n"),
        (".config/fleet/agents/e.env", "A=1\n"),
        (".config/fleet/SOUL.md", "mine\n"),
        (".config/fleet/harnesses/mine.toml", "# mine\n"),
        (
            ".config/systemd/user/fleet-pod@.service.d/60-mine.conf",
            "[Service]\nNice=1\n",
        ),
    ];
    for (path, text) in files {
        host.write(path, text);
    }
    let roster = fs::read(host.path("work/roster.yaml")).unwrap();
    host.replace_program_by_another_build();

    let update = host.fleet(&["update"]).exits(0);
    assert!(update.stderr.contains("--relaunch"), "{update}");
    assert!(host.row("e")["flags"].to_string().contains("OLD"));
    let pod = host.main_pid(E);
    host.fleet(&["update", "--relaunch"]).exits(0);
    assert_ne!(host.main_pid(E), pod);
    assert!(!host.row("e")["flags"].to_string().contains("OLD"));
    for (path, text) in files {
        assert_eq!(fs::read_to_string(host.path(path)).unwrap(), text, "{path}");
    }
    assert_eq!(fs::read(host.path("work/roster.yaml")).unwrap(), roster);
}

#[test]
fn the_doctor_names_what_is_wrong_with_its_remedy() {
    let Some(host) = up(TWO) else { return };
    let well = host.fleet(&["doctor"]).exits(0);
    assert!(fits_80_columns(&well.stdout), "{well}");
    assert!(well.stdout.contains("loginctl enable-linger"), "{well}");

    for asked in [
        ["ps", "--explain", "e", "--json"],
        ["status", "e", "--json", "-v"],
    ] {
        let told = host.fleet(&asked).exits(0);
        assert!(told.stdout.contains("active/running"), "{told}");
    }

    let stray = "fleet-pod@web:v2.gone.service";
    host.systemctl(&["enable", stray]).exits(0);
    host.write(".config/fleet/agents/e.env", "TOKEN=1\n");
    let sick = host.fleet(&["doctor", "--json"]).exits(1).json();
    let remedies = sick.to_string();
    assert!(
        remedies.contains(&format!("systemctl --user disable --now {stray}")),
        "{sick:#}"
    );
    assert!(remedies.contains("chmod go= "), "{sick:#}");
    // It cannot start, for nobody knows its agent.
    host.systemctl(&["start", stray]);
    until_cured(&host, stray);
}

/// Does what the doctor says of a unit, as a person copies it, until it says no more of it.
#[track_caller]
fn until_cured(host: &Host, unit: &str) {
    let remedy = || {
        let sick = host.fleet(&["doctor"]).stdout;
        let commands = sick.lines().map(str::trim);
        let mut commands = commands.filter(|line| line.starts_with("systemctl"));
        let remedy = commands.find(|line| line.contains(unit));
        remedy.map(str::to_owned).ok_or(sick)
    };
    for _ in 0..2 {
        let sick = host.fleet(&["doctor", "--json"]).stdout;
        if !sick.contains(unit) {
            return;
        }
        let remedy = remedy().unwrap_or_else(|sick| panic!("no line has a remedy: {sick}"));
        let mut cure = host.command(Path::new("sh"), &["-c", &remedy]);
        ran(&cure.output().unwrap()).exits(0);
    }
    panic!("{}", host.fleet(&["doctor"]));
}

#[test]
fn a_tmux_server_dies_with_the_service_that_started_it_unless_it_is_in_a_scope_of_its_own() {
    let Some(host) = Host::start() else { return };
    let tmux = |socket: &str, arguments: &[&str]| {
        let arguments = [&["-L", socket], arguments].concat();
        ran(&host
            .command(Path::new("tmux"), &arguments)
            .output()
            .unwrap())
    };
    let script = "tmux -L inside new-session -d -s a && exec systemd-run --user --scope --quiet \
                  tmux -L outside new-session -d -s a";
    let unit = format!(
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nEnvironment=TMUX_TMPDIR={}\n\
         ExecStart=/bin/sh -c '{script}'\n",
        host.path("tmux").display()
    );
    host.write(".config/systemd/user/starter.service", &unit);
    host.systemctl(&["daemon-reload"]).exits(0);
    host.systemctl(&["start", "starter.service"]).exits(0);
    let pid = |socket| {
        let shown = tmux(socket, &["display-message", "-p", "#{pid}"]).exits(0);
        shown.stdout.trim().parse::<u32>().unwrap()
    };
    let (inside, outside) = (pid("inside"), pid("outside"));
    assert!(cgroup_of(inside).contains("starter.service"), "{inside}");
    assert!(!cgroup_of(outside).contains("starter.service"), "{outside}");
    host.systemctl(&["stop", "starter.service"]).exits(0);
    until(|| {
        is_gone(inside)
            .then_some(())
            .ok_or("it lives on".to_owned())
    });
    tmux("inside", &["has-session", "-t", "=a"]).exits(1);
    tmux("outside", &["has-session", "-t", "=a"]).exits(0);
    tmux("outside", &["kill-server"]).exits(0);
}

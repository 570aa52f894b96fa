//! `fleet store`: checked, copied, moved and locked while agents live.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use podfleet_protocol::method::{Nothing, Refresh};
use podfleet_sim_agent::Kind;
use rusqlite::Connection;
use rustix::process::Signal;

use crate::acting::Actors;
use crate::store::Inbox;
use crate::world::{
    World, fits_80_columns, is_gone, ran, signal, stop_between_writes, text, until,
};

#[test]
fn a_pod_whose_record_is_damaged_is_named_and_can_be_forgotten() {
    let world = World::with_agents(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "a", "b"]).exits(0);
    let alive = world.pod_pid("d");
    let id_of = |name| Actors::of(&world).record(name).identity.id.to_string();
    let (id, running) = (id_of("b"), id_of("d"));
    let store = Connection::open(world.path("state/store.db")).unwrap();
    store
        .execute_batch("UPDATE pod SET spec = '{' WHERE name <> 'c'")
        .unwrap();
    drop(store);
    for verb in [&["pod", "show", "a"][..], &["send", "a", "-m", "x"]] {
        let told = world.fleet(verb).exits(5).stderr;
        let whole = told.replace("\n  ", " ");
        assert!(
            whole.contains("error: the record of `a` is damaged: column `spec`"),
            "{told}"
        );
        assert!(whole.contains("hint: `fleet pod forget a`"), "{told}");
        assert!(fits_80_columns(&told), "{told}");
    }
    let listed = world.fleet(&["ps"]).exits(0).stdout;
    let flagged = listed.lines().filter(|line| line.ends_with("DAMAGED"));
    assert_eq!(flagged.count(), 3, "{listed}");
    assert!(
        listed.contains("\na: DAMAGED (damaged: column `spec`"),
        "{listed}"
    );
    world.fleet(&["send", "c", "-m", "x"]).exits(0);
    let plan = world.fleet(&["pod", "forget", "a", "--dry-run", "--json"]);
    assert_eq!(plan.exits(0).json()["done"], false);
    world.fleet(&["pod", "forget", "a"]).exits(0);
    world.fleet(&["pod", "forget", &id]).exits(0);
    // One that runs is ended by its process; nothing else of it can be relied on.
    let down = world.fleet(&["down"]).exits(0);
    let left = "the record of `d` is damaged, so it is left: `fleet pod forget d`";
    assert!(down.stderr.contains(left), "{down}");
    for name in ["d", &running] {
        let runs = world.fleet(&["pod", "forget", name]).exits(3).stderr;
        assert!(runs.contains(&format!("`kill {alive}`")), "{runs}");
    }
    signal(alive, Signal::TERM);
    until(|| match world.fleet(&["pod", "forget", "d"]) {
        ran if ran.code == 0 => Ok(()),
        ran => Err(ran.to_string()),
    });
    world.fleet(&["store", "check"]).exits(0);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["send", "a", "-m", "x"]).exits(0);
}

#[test]
fn a_message_whose_log_was_removed_or_emptied_is_typed_when_its_text_is_in_a_new_file() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let pod = Inbox::of(&world, "a").pod().to_string();
    let directory = world.path("state/sessions").join(pod);
    let newest = || {
        let files = fs::read_dir(&directory).unwrap().flatten();
        let full = files.filter(|file| file.metadata().is_ok_and(|found| found.len() > 0));
        full.map(|file| file.path()).max().unwrap()
    };
    for harm in ["removed", "emptied"] {
        match harm {
            "removed" => {
                fs::remove_dir_all(&directory).unwrap();
                for line in [&["log", "a"][..], &["log", "a", "--since", "1h"]] {
                    let missing = world.fleet(line).exits(5).stderr;
                    assert!(missing.contains(".jsonl"), "{line:?}: {missing}");
                }
            }
            _ => fs::write(newest(), "").unwrap(),
        }
        let body = format!("after it was {harm}");
        world
            .fleet(&["send", "a", "-m", &body, "--wait", "answered"])
            .exits(0);
        let log = world.fleet(&["log", "a"]).exits(0).stdout;
        assert!(log.contains(&body), "{log}");
        assert!(log.contains("was lost"), "{log}");
    }
    let check = world.fleet(&["store", "check"]).exits(1);
    assert!(check.stdout.contains("is lost"), "{}", check.stdout);
    assert!(fits_80_columns(&check.stdout), "{}", check.stdout);
}

#[test]
fn an_old_store_that_takes_the_place_of_one_in_use_is_noticed_and_types_nothing_twice() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["pause", "a"]).exits(0);
    world.fleet(&["send", "a", "-m", "once"]).exits(0);
    fs::create_dir(world.path("copies")).unwrap();
    let copy = world.path("copies/old.db");
    world.fleet(&["store", "backup", text(&copy)]).exits(0);
    world.fleet(&["down", "a"]).exits(0);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["resume", "a"]).exits(0);
    let answered = ["send", "a", "-m", "twice", "--wait", "answered"];
    world.fleet(&answered).exits(0);
    let (pid, generation) = (world.pod_pid("a"), world.row("a")["generation"].as_u64());

    let store = |suffix: &str| world.path(&format!("state/store.db{suffix}"));
    for suffix in ["", "-wal", "-shm"] {
        fs::rename(
            store(suffix),
            world.path(&format!("state/aside.db{suffix}")),
        )
        .unwrap();
    }
    fs::copy(&copy, store("")).unwrap();
    let own = |world| Actors::of(world).own::<Refresh>("a", Nothing {});
    own(&world).unwrap();
    let lost = "another file took its place";
    let status = until(|| match world.fleet(&["status", "a"]).exits(0).stdout {
        status if status.replace('\n', " ").contains("took its place") => Ok(status),
        status => Err(status),
    });
    assert!(
        status.contains("none could be delivered") || status.contains("the first for"),
        "{status}"
    );
    let refused = world.fleet(&["send", "a", "-m", "to nobody"]).exits(5);
    let why = refused.stderr.replace("\n  ", " ");
    assert!(
        why.contains("nothing was accepted") && why.contains(lost),
        "{refused}"
    );

    signal(pid, Signal::KILL);
    until(|| is_gone(pid).then_some(()).ok_or_else(|| pid.to_string()));
    world.fleet(&["up"]).exits(0);
    world.fleet(&["resume", "a"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "after", "--wait", "answered"])
        .exits(0);
    assert!(world.row("a")["generation"].as_u64() > generation);
    let typed = world.received("a", Kind::Submit);
    let ends: Vec<_> = typed
        .iter()
        .filter_map(|text| text.split(' ').next_back())
        .collect();
    assert_eq!(ends, ["once", "twice", "after"]);
    let log = world.fleet(&["log", "a", "--json"]).exits(0).stdout;
    assert!(log.contains("an old copy of it took its place"), "{log}");
}

#[test]
fn while_the_store_is_away_and_its_pods_live_every_command_is_refused_until_it_is_back() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["pause", "a"]).exits(0);
    world.fleet(&["send", "a", "-m", "kept"]).exits(0);
    let pods = [world.pod_pid("a"), world.pod_pid("b")];
    let aside = world.path("aside");
    fs::create_dir(&aside).unwrap();
    let stores = || {
        let entries = fs::read_dir(world.path("state")).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names
            .filter(|name| name.starts_with("store.db"))
            .collect::<Vec<_>>()
    };
    for name in stores() {
        fs::rename(world.path("state").join(&name), aside.join(&name)).unwrap();
    }
    let export = world.path("export.jsonl");
    fs::write(&export, "").unwrap();
    for line in [
        "ps",
        "ps --json",
        "pods",
        "status a",
        "doctor",
        "plan",
        "send a -m lost",
        "up",
        "down",
        "restart a",
        "store check",
        "hub token list",
        "pod run a --fleet default",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let refused = world.fleet(&words).exits(5).stderr;
        let whole = refused.replace("\n    ", " ").replace("\n  ", " ");
        let [a, b] = pods;
        let who = format!("is away, and what has it open lives: `a` ({a}), `b` ({b})");
        assert!(whole.contains(&who), "{line}: {refused}");
        assert!(whole.contains("state/store.db is away"), "{refused}");
        if !line.starts_with("pod run") {
            let kill = format!("`kill {a} {b}`");
            assert!(
                whole.contains("hint: put it back") && whole.contains(&kill),
                "{refused}"
            );
        }
        assert!(fits_80_columns(&refused), "{refused}");
    }
    world.fleet(&["store", "import", text(&export)]).exits(5);
    assert_eq!(stores(), [""; 0], "nothing is made in its place");
    for entry in fs::read_dir(&aside).unwrap().flatten() {
        fs::rename(entry.path(), world.path("state").join(entry.file_name())).unwrap();
    }
    assert_eq!(pods, [world.pod_pid("a"), world.pod_pid("b")]);
    Actors::of(&world).own::<Refresh>("a", Nothing {}).unwrap();
    world.fleet(&["resume", "a"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "after", "--wait", "answered"])
        .exits(0);
    let typed = world.received("a", Kind::Submit);
    assert_eq!(typed.len(), 2, "{typed:?}");
    assert!(typed[0].ends_with("kept"), "{typed:?}");
    world.fleet(&["down"]).exits(0);
}

#[test]
fn on_a_store_that_knows_nothing_of_the_pods_that_live_none_is_started_a_second_time() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let (pod, agent) = (world.pod_pid("a"), world.agent_pid("a"));
    let of = |directory: &str, suffix: &str| {
        let directory = world.path(directory);
        fs::create_dir_all(&directory).unwrap();
        directory.join(format!("store.db{suffix}"))
    };
    let (other, unrelated) = (world.path("other"), world.path("unrelated.db"));
    for arguments in [&["doctor"][..], &["store", "backup", text(&unrelated)]] {
        let mut command = world.command("default", arguments);
        command.env("FLEET_STATE_DIR", &other).output().unwrap();
    }
    // A pod that looked between two renames would find half a store.
    stop_between_writes(&world, pod);
    for suffix in ["", "-wal", "-shm"] {
        fs::rename(of("state", suffix), of("aside", suffix)).unwrap();
    }
    signal(pod, Signal::CONT);
    fs::rename(&unrelated, of("state", "")).unwrap();
    let up = world.fleet(&["up"]);
    assert_ne!(up.code, 0, "{up}");
    let told = format!("{}{}", up.stdout, up.stderr);
    let whole = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        whole.contains(&format!("the process {pod} runs `a` already")),
        "{up}"
    );
    assert!(!is_gone(pod) && !is_gone(agent));
    signal(pod, Signal::STOP);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(of("state", suffix));
        fs::rename(of("aside", suffix), of("state", suffix)).unwrap();
    }
    signal(pod, Signal::CONT);
    Actors::of(&world).own::<Refresh>("a", Nothing {}).unwrap();
    assert_eq!((world.pod_pid("a"), world.agent_pid("a")), (pod, agent));
    world
        .fleet(&["send", "a", "-m", "x", "--wait", "answered"])
        .exits(0);
}

#[test]
fn a_pod_that_lives_on_another_state_directory_is_not_started_a_second_time_nor_loses_its_socket() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let (pod, agent) = (world.pod_pid("a"), world.agent_pid("a"));
    let lines = world.path("export.jsonl");
    world.fleet(&["store", "export", text(&lines)]).exits(0);
    let other = world.path("other");
    let there = |arguments: &[&str]| {
        let mut command = world.command("default", arguments);
        ran(&command.env("FLEET_STATE_DIR", &other).output().unwrap())
    };
    there(&["store", "import", text(&lines)]).exits(0);
    for verb in [&["up"][..], &["pod", "restore", "a"], &["up"]] {
        let refused = there(verb);
        assert_ne!(refused.code, 0, "{refused}");
        let told = format!("{}{}", refused.stdout, refused.stderr);
        let whole = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            whole.contains(&format!("the process {pod} listens")),
            "{refused}"
        );
        assert!(whole.contains(&format!("`kill {pod}`")), "{refused}");
        assert!(fits_80_columns(&told), "{refused}");
    }
    assert!(!is_gone(pod) && !is_gone(agent));
    assert_eq!((world.pod_pid("a"), world.agent_pid("a")), (pod, agent));
    world
        .fleet(&["send", "a", "-m", "for the first", "--wait", "answered"])
        .exits(0);
    let log = world.fleet(&["log", "a"]).exits(0).stdout;
    assert!(log.contains("for the first"), "{log}");
    let said = world.fleet(&["logs", "a"]).exits(0).stdout;
    assert!(!said.contains("the socket was gone"), "{said}");
    // Once it has ended, the other one may have its place.
    world.fleet(&["down"]).exits(0);
    there(&["up"]).exits(0);
    there(&["down"]).exits(0);
}

#[test]
fn a_store_is_checked_copied_moved_and_locked_while_its_agent_lives() {
    let world = World::with_agents(&[("a", "")]);
    let none = world.fleet(&["store", "check"]).exits(2);
    assert!(none.stderr.contains("there is no store"), "{}", none.stderr);
    // Who only looks makes none.
    for look in ["pods", "status", "pod show a", "log a", "tail a"] {
        let look: Vec<_> = look.split(' ').collect();
        let ran = world.fleet(&look);
        assert!(ran.code <= 2, "{ran}");
    }
    assert!(!world.path("state/store.db").exists());

    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "hello", "--wait", "answered"])
        .exits(0);
    let check = world.fleet(&["store", "check"]).exits(0);
    assert!(
        check.stdout.contains("1 pod, 1 message"),
        "{}",
        check.stdout
    );
    assert!(check.stdout.ends_with("no damage\n"), "{}", check.stdout);
    let check = world.fleet(&["store", "check", "--json"]).exits(0).json();
    assert_eq!(check["sound"], true);

    let copy = world.path("copies/monday.db");
    let mistyped = world.fleet(&["store", "backup", text(&copy)]).exits(5);
    assert!(mistyped.stderr.contains("is not there"), "{mistyped}");
    assert!(!world.path("copies").exists());
    fs::create_dir(world.path("copies")).unwrap();
    world.fleet(&["store", "backup", text(&copy)]).exits(0);
    let mode = copy.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = world.fleet(&["store", "backup", text(&copy)]).exits(3);
    assert!(again.stderr.contains("hint: "), "{}", again.stderr);
    assert!(fits_80_columns(&again.stderr), "{}", again.stderr);

    let lines = world.path("copies/monday.jsonl");
    world.fleet(&["store", "export", text(&lines)]).exits(0);
    let filled = world.fleet(&["store", "import", text(&lines)]).exits(3);
    let hint = "hint: import into a new state directory";
    assert!(filled.stderr.contains(hint), "{}", filled.stderr);
    let other = world.path("other");
    let broken = world.path("copies/broken.jsonl");
    std::fs::write(&broken, "no export\n").unwrap();
    let mut import = world.command("default", &["store", "import", text(&broken)]);
    let import = import.env("FLEET_STATE_DIR", &other).output().unwrap();
    assert_eq!(import.status.code(), Some(2), "{import:?}");
    assert!(!other.join("store.db").exists());
    let mut import = world.command("default", &["store", "import", text(&lines)]);
    let import = import.env("FLEET_STATE_DIR", &other).output().unwrap();
    assert!(import.status.success(), "{import:?}");
    let mut check = world.command("default", &["store", "check"]);
    let check = check.env("FLEET_STATE_DIR", &other).output().unwrap();
    let check = String::from_utf8(check.stdout).unwrap();
    assert!(check.contains("1 pod, 1 message"), "{check}");

    // The agent's pod is of this build, so nobody is locked out.
    world.fleet(&["store", "migrate"]).exits(0);
    let again = world.fleet(&["store", "migrate", "--json"]).exits(0).json();
    assert_eq!(again["min_writer"]["before"], again["min_writer"]["now"]);
    world
        .fleet(&["send", "a", "-m", "still there", "--wait", "answered"])
        .exits(0);
}

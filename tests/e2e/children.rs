//! Children: spawned, watched, read and ended by their parents, and by nobody else.

use podfleet_protocol::method::{
    Inspect, NameParams, ReadOutputParams, ReadPodOutput, RestoreParams, RestorePod, Restored,
    SendParams, SendToPod, SpawnParams, SpawnPod, StopParams, StopPod,
};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{OutputCursor, Scope, ScopePath};
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::acting::{Actors, message, pod_name};
use crate::world::{World, is_gone, parent_of, signal, stop_between_writes, text, until};

/// A world with a lead that runs, and a runtime `quick` for its children.
pub(crate) fn world() -> World {
    let world = World::new();
    let lead = world.entry("lead", "sim", r#"{"turn_ms": 30}"#);
    let lead = lead.replace("runtime: sim\n", "runtime: sim\n    class: orchestrator\n");
    let mate = world.entry("mate", "sim", r#"{"turn_ms": 30}"#);
    world.write_roster("default", &format!("{lead}{mate}"));
    world.write_harness("quick", r#"{"turn_ms": 30}"#);
    world.fleet(&["up"]).exits(0);
    world
}

fn child(name: &str) -> SpawnParams {
    SpawnParams {
        name: pod_name(name),
        id: None,
        runtime: "quick".to_owned(),
        task: format!("the task of {name}"),
        working_directory: None,
        scope: None,
        model: None,
        role: None,
        timeout_ms: 0,
    }
}

fn stop(name: &str) -> StopParams {
    StopParams {
        name: pod_name(name),
        reason: "done".to_owned(),
    }
}

fn read(name: &str, cursor: Option<OutputCursor>) -> ReadOutputParams {
    ReadOutputParams {
        name: pod_name(name),
        cursor,
        limit: None,
    }
}

/// Waits until an agent was told something.
fn told(world: &World, agent: &str, what: &str) {
    until(|| {
        let texts = world.received(agent, Kind::Submit);
        if texts.iter().any(|text| text.contains(what)) {
            Ok(())
        } else {
            Err(format!("no {what} in {texts:?}"))
        }
    });
}

#[test]
fn a_child_is_spawned_with_its_task_read_and_ended_and_its_parent_is_told() {
    let world = world();
    let actors = Actors::of(&world);
    let spawned = actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    assert_eq!(spawned.scope, Scope::UNLIMITED);
    told(&world, "quick", "the task of helper");
    assert_eq!(actors.reasons("mate", "helper"), "child");
    assert_eq!(actors.reasons("lead", "helper"), "", "it is in no roster");
    assert_eq!(
        actors.reasons("helper", "mate"),
        "",
        "a parent is not looked into"
    );
    told(&world, "mate", "turn_ended: `helper`");
    let first = actors
        .own::<ReadPodOutput>("mate", read("helper", None))
        .unwrap();
    assert!(
        first.approximate && first.text.contains("the task of helper"),
        "{first:?}"
    );
    let after_last = read("helper", Some(OutputCursor::last()));
    let nothing = actors.own::<ReadPodOutput>("mate", after_last).unwrap();
    assert!(!nothing.text.contains("the task of helper"), "{nothing:?}");
    let order = SendParams {
        name: pod_name("helper"),
        message: message("and now this"),
    };
    actors.own::<SendToPod>("mate", order).unwrap();
    told(&world, "quick", "and now this");
    let cursor = Some(first.cursor);
    until(|| {
        let next = actors
            .own::<ReadPodOutput>("mate", read("helper", cursor.clone()))
            .unwrap();
        if next.text.contains("and now this") {
            Ok(())
        } else {
            Err(next.text)
        }
    });
    let pid = actors.record("helper").endpoint.unwrap().pid;
    actors.own::<StopPod>("mate", stop("helper")).unwrap();
    assert!(is_gone(pid), "it answered before the end");
    told(&world, "mate", "shut_down: `helper`");
    assert_eq!(
        actors.row("mate", "helper").availability.as_str(),
        "stopped"
    );
}

#[test]
fn a_spawn_that_fails_leaves_nothing_and_shows_why() {
    let world = world();
    let actors = Actors::of(&world);
    world.write_harness("broken", r#"{"exit_at_once": {"code": 7}}"#);
    let mut wish = child("helper");
    wish.runtime = "broken".to_owned();
    wish.working_directory = Some(world.path("work/new/place"));
    let failed = actors.own::<SpawnPod>("mate", wish).unwrap_err();
    assert_eq!(failed.code, ErrorCode::StartFailed);
    assert!(failed.message.contains("exit 7"), "{failed}");
    let data = failed.data.unwrap();
    assert!(data["log_tail"].to_string().contains("exit 7"), "{data}");
    assert_eq!(actors.reasons("mate", "helper"), "");
    assert!(!world.path("work/new").exists());
    // Who asked for it was told; its agent is not told of a child that there never was.
    let log = world.fleet(&["log", "mate"]).exits(0).stdout;
    assert!(!log.contains("errored") && !log.contains("ended"), "{log}");
    // The name is free, and nothing of it runs.
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    let taken = actors.own::<SpawnPod>("mate", child("HELPER")).unwrap_err();
    assert_eq!(taken.code, ErrorCode::NameTaken);
}

#[test]
fn a_child_gets_no_name_that_the_fleet_itself_has() {
    let world = world();
    let spawn = |name| {
        let wanted = ["spawn", name, "--runtime", "sim", "--task", "x"];
        world.fleet(&wanted).exits(2).stderr
    };
    let refused = spawn("_holder");
    assert!(refused.contains("reserved for the session"), "{refused}");
    let refused = spawn("local");
    assert!(refused.contains("invalid pod name"), "{refused}");
}

#[test]
fn a_scope_is_no_wider_than_the_parents_and_says_what_is_wrong_with_it() {
    let world = world();
    let actors = Actors::of(&world);
    let scope = |path: &str| {
        Some(Scope {
            writable: Some([ScopePath::new(path).unwrap()].into()),
        })
    };
    let work = world.path("work");
    let mut wish = child("helper");
    wish.scope = scope(text(&work));
    let spawned = actors.own::<SpawnPod>("mate", wish).unwrap();
    assert_eq!(Some(spawned.scope.clone()), scope(text(&work)));
    let seen = actors
        .own::<Inspect>(
            "mate",
            NameParams {
                name: pod_name("helper"),
            },
        )
        .unwrap();
    assert_eq!(seen.scope, Some(spawned.scope));
    let mut wider = child("other");
    wider.scope = scope("/");
    let refused = actors.own::<SpawnPod>("helper", wider).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotYours);
    assert!(
        refused.message.contains("is not yours to delegate"),
        "{refused}"
    );
    let mut nowhere = child("other");
    nowhere.scope = scope("/proc/1/nothing");
    let refused = actors.own::<SpawnPod>("mate", nowhere).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotWritable, "{refused}");
}

#[test]
fn a_child_that_is_slow_or_stopped_is_listed_also_after_its_parents_restart() {
    let world = world();
    let actors = Actors::of(&world);
    for name in ["slow", "stopped"] {
        actors.own::<SpawnPod>("mate", child(name)).unwrap();
    }
    world.fleet(&["down", "stopped"]).exits(0);
    let slow = actors.record("slow").endpoint.unwrap().pid;
    stop_between_writes(&world, slow);
    world.fleet(&["restart", "mate"]).exits(0);
    let row = actors.row("mate", "slow");
    assert_eq!(row.availability.as_str(), "unreachable");
    assert!(
        row.availability.error().unwrap().contains("no answer"),
        "{row:?}"
    );
    assert_eq!(
        actors.row("mate", "stopped").availability.as_str(),
        "stopped"
    );
    signal(slow, Signal::CONT);
    until(|| match actors.row("mate", "slow").availability.as_str() {
        "live" => Ok(()),
        other => Err(other.to_owned()),
    });
}

#[test]
fn a_parent_that_was_down_finds_what_its_child_told_once() {
    let world = world();
    let actors = Actors::of(&world);
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    told(&world, "mate", "turn_ended: `helper`");
    world.fleet(&["down", "mate"]).exits(0);
    world.fleet(&["down", "helper"]).exits(0);
    world.fleet(&["up", "mate"]).exits(0);
    told(&world, "mate", "shut_down: `helper`");
    let texts = world.received("mate", Kind::Submit);
    let ended = texts.iter().filter(|text| text.contains("shut_down"));
    assert_eq!(ended.count(), 1, "{texts:?}");
}

#[test]
fn a_parent_that_hangs_is_told_the_end_of_its_child_when_it_goes_on() {
    let world = world();
    let actors = Actors::of(&world);
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    told(&world, "mate", "turn_ended: `helper`");
    let mate = actors.record("mate").endpoint.unwrap().pid;
    stop_between_writes(&world, mate);
    world.fleet(&["down", "helper"]).exits(0);
    signal(mate, Signal::CONT);
    told(&world, "mate", "shut_down: `helper`");
}

#[test]
fn a_child_whose_pod_is_killed_tells_its_parent_when_it_is_back() {
    let world = world();
    let actors = Actors::of(&world);
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    let pid = actors.record("helper").endpoint.unwrap().pid;
    signal(pid, Signal::KILL);
    until(|| {
        if is_gone(pid) {
            Ok(())
        } else {
            Err("it runs".to_owned())
        }
    });
    world.fleet(&["pod", "restore", "helper"]).exits(0);
    told(&world, "mate", "errored: `helper`: its pod was killed");
}

#[test]
fn what_a_killed_child_and_its_guard_leave_to_the_parent_is_ended_by_the_childs_next_start() {
    let world = world();
    let actors = Actors::of(&world);
    world.write_harness("hardy", r#"{"turn_ms": 30, "stubborn_child": true}"#);
    let mut wish = child("helper");
    wish.runtime = "hardy".to_owned();
    actors.own::<SpawnPod>("mate", wish).unwrap();
    let (pod, agent) = (world.pod_pid("helper"), world.agent_pid("helper"));
    let left: u32 = world.received("hardy", Kind::Child)[0].parse().unwrap();
    let guard = parent_of(agent).unwrap();
    // Stopped, it cannot see the end of its pod.
    signal(guard, Signal::STOP);
    signal(pod, Signal::KILL);
    signal(guard, Signal::KILL);
    until(|| match is_gone(pod) && is_gone(guard) {
        true => Ok(()),
        false => Err("one of them runs".into()),
    });
    assert!(!is_gone(left), "nothing was left to end");
    world.fleet(&["pod", "restore", "helper"]).exits(0);
    assert!(is_gone(left));
}

#[test]
fn a_parent_is_told_once_that_the_pod_of_its_child_was_killed() {
    let world = World::new();
    let parent = world.entry("mate", "sim", r#"{"turn_ms": 30}"#);
    world.write_roster("default", &parent);
    world.write_harness("quick", r#"{"turn_ms": 30}"#);
    let mut up = world.command("default", &["up"]);
    let up = up.env("FLEET_HEARTBEAT_INTERVAL", "1").output().unwrap();
    assert!(up.status.success(), "{up:?}");
    let actors = Actors::of(&world);
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    let pid = actors.record("helper").endpoint.unwrap().pid;
    signal(pid, Signal::KILL);
    told(
        &world,
        "mate",
        "errored: `helper`: its pod was killed. restore_pod starts it again.",
    );
    // Whoever starts it again has nothing new to tell of that, and its end is told as ever.
    world.fleet(&["pod", "restore", "helper"]).exits(0);
    world.fleet(&["down", "helper"]).exits(0);
    told(&world, "mate", "shut_down: `helper`");
    let texts = world.received("mate", Kind::Submit);
    for word in ["errored", "shut_down"] {
        let times = texts.iter().filter(|text| text.contains(word)).count();
        assert_eq!(times, 1, "{texts:?}");
    }
}

#[test]
fn two_processes_that_restore_one_pod_make_one() {
    let world = world();
    let actors = Actors::of(&world);
    world.fleet(&["down", "mate"]).exits(0);
    let before = actors.record("mate").generation.0;
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let restoring: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let ran = world.fleet(&["pod", "restore", "mate", "--json"]).exits(0);
                    ran.json()["outcome"].as_str().unwrap().to_owned()
                })
            })
            .collect();
        restoring
            .into_iter()
            .map(|ran| ran.join().unwrap())
            .collect()
    });
    assert!(outcomes.contains(&"restored".to_owned()), "{outcomes:?}");
    assert_eq!(actors.record("mate").generation.0, before + 1);
}

#[test]
fn a_restore_whose_start_fails_shows_why() {
    let world = world();
    let actors = Actors::of(&world);
    let script = world.write_scripted_harness("scripted");
    let mut wish = child("helper");
    wish.runtime = "scripted".to_owned();
    let place = world.path("work/place");
    wish.working_directory = Some(place.clone());
    actors.own::<SpawnPod>("mate", wish).unwrap();
    world.fleet(&["down", "helper"]).exits(0);
    std::fs::remove_dir_all(&place).unwrap();
    let row = actors.row("mate", "helper");
    assert!(
        !row.restorable.possible && row.restorable.why.contains("not there"),
        "{row:?}"
    );
    let refused = world.fleet(&["pod", "restore", "helper"]).exits(3);
    assert!(refused.stderr.contains("is not there"), "{refused}");
    assert!(!place.exists(), "an empty one would not be its own");
    std::fs::write(&place, "").unwrap();
    let refused = world.fleet(&["pod", "restore", "helper"]).exits(3);
    assert!(refused.stderr.contains("is no directory"), "{refused}");
    // One whose agent ends at once shows the end of its log.
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    std::fs::write(script, "#!/bin/sh\nexit 7\n").unwrap();
    let failed = world.fleet(&["pod", "restore", "helper"]).exits(1);
    assert!(failed.stderr.contains("exit 7"), "{failed}");
    assert!(failed.stderr.contains("the end of its log"), "{failed}");
}

#[test]
fn plan_up_and_down_leave_spawned_pods_alone() {
    let world = world();
    let actors = Actors::of(&world);
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
    let pid = actors.record("helper").endpoint.unwrap().pid;
    let plan = world.fleet(&["plan"]).exits(0);
    assert!(!plan.stdout.contains("helper"), "{plan}");
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "--all"]).exits(0);
    assert!(!is_gone(pid));
    let row = world.row("helper");
    assert_eq!(row["flags"], serde_json::json!([]), "{row:#}");
    let id = actors.record("helper").identity.id.to_string();
    let runs = world.fleet(&["pod", "forget", &id]).exits(3);
    assert!(runs.stderr.contains("`fleet down helper`"), "{runs}");
    world.fleet(&["down", "helper"]).exits(0);
    assert!(is_gone(pid));
    let preview = world
        .fleet(&["pod", "forget", "helper", "--dry-run"])
        .exits(0);
    assert!(preview.stdout.contains("would be forgotten"), "{preview}");
    world.fleet(&["pod", "forget", "helper"]).exits(0);
    world.fleet(&["pod", "show", "helper"]).exits(2);
}

#[test]
fn under_the_brake_no_agent_gets_a_child_until_it_is_resumed() {
    let world = world();
    let actors = Actors::of(&world);
    world
        .fleet(&["pause", "--all", "--reason", "moving house"])
        .exits(0);
    let refused = actors.own::<SpawnPod>("mate", child("helper")).unwrap_err();
    let why = "`mate` is paused by operator: moving house";
    assert!(refused.message.contains(why), "{refused}");
    let mut spawn = vec!["spawn", "helper", "--parent", "mate", "--runtime", "sim"];
    spawn.extend(["--task", "t", "--dry-run"]);
    let refused = world.fleet(&spawn).exits(3).stderr;
    assert!(refused.contains("`fleet resume mate`"), "{refused}");
    world.fleet(&["pod", "show", "helper"]).exits(2);
    world.fleet(&["resume", "--all"]).exits(0);
    spawn.push("--json");
    let look = world.fleet(&spawn).exits(0).json();
    assert_eq!(
        look,
        serde_json::json!({ "dry_run": true, "name": "helper" })
    );
    actors.own::<SpawnPod>("mate", child("helper")).unwrap();
}

#[test]
fn a_lead_orders_reads_and_ends_its_mates_and_a_mate_does_not() {
    let world = world();
    let actors = Actors::of(&world);
    assert_eq!(actors.reasons("lead", "mate"), "fleet");
    let itself = actors.own::<StopPod>("lead", stop("lead")).unwrap_err();
    assert_eq!(itself.code, ErrorCode::Forbidden, "{itself}");
    let order = |to: &str| SendParams {
        name: pod_name(to),
        message: message("an order of the lead"),
    };
    let refused = actors.own::<SendToPod>("mate", order("lead")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    let refused = actors
        .own::<ReadPodOutput>("mate", read("lead", None))
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    actors.own::<SendToPod>("lead", order("mate")).unwrap();
    told(&world, "mate", "an order of the lead");
    let output = actors
        .own::<ReadPodOutput>("lead", read("mate", None))
        .unwrap();
    assert!(output.text.contains("an order of the lead"), "{output:?}");
    actors.own::<StopPod>("lead", stop("mate")).unwrap();
    assert_eq!(world.row("mate")["readiness"], "stopped");
}

#[test]
fn a_spawned_pod_that_is_named_is_known_while_it_is_stopped_and_brought_up() {
    let world = world();
    let actors = Actors::of(&world);
    let mut wish = child("helper");
    let place = world.path("work/place");
    wish.working_directory = Some(place.clone());
    actors.own::<SpawnPod>("mate", wish).unwrap();
    let runs = world.fleet(&["plan", "helper"]).exits(0).stdout;
    assert!(runs.contains("no roster"), "{runs}");
    world.fleet(&["down", "helper"]).exits(0);
    let all = world.fleet(&["ps"]).exits(0).stdout;
    assert!(!all.contains("helper"), "{all}");
    for known in ["ps", "status"] {
        let told = world.fleet(&[known, "helper"]).exits(0).stdout;
        assert!(told.contains("stopped"), "{told}");
    }
    let missed = world.fleet(&["verify", "helper"]).exits(1).stdout;
    assert!(missed.contains("fleet pod restore helper"), "{missed}");
    let planned = world
        .fleet(&["plan", "helper", "helper", "--json"])
        .exits(0);
    let steps = &planned.json()["steps"];
    assert_eq!(steps.as_array().unwrap().len(), 1, "{steps:#}");
    assert_eq!(steps[0]["action"], "start", "{steps:#}");
    let before = actors.record("helper").generation.0;
    world.fleet(&["up", "helper", "helper"]).exits(0);
    world.fleet(&["up", "helper"]).exits(0);
    assert_eq!(actors.record("helper").generation.0, before + 1);
    assert_eq!(actors.reasons("mate", "helper"), "child");
    // It is started as it is recorded, so not in an empty directory.
    world.fleet(&["down", "helper"]).exits(0);
    std::fs::remove_dir_all(&place).unwrap();
    let refused = world.fleet(&["up", "helper"]).exits(1).stderr;
    let words: Vec<_> = refused.split_whitespace().collect();
    assert!(words.join(" ").contains("is not there"), "{refused}");
    assert!(!place.exists());
}

#[test]
fn an_agent_that_the_roster_dropped_is_told_apart_from_one_that_is_unknown() {
    let world = world();
    world.fleet(&["down", "mate"]).exits(0);
    let lead = world.entry("lead", "sim", r#"{"turn_ms": 30}"#);
    world.write_roster("default", &lead);
    let dropped = world.fleet(&["up", "mate"]).exits(2).stderr;
    assert!(dropped.contains("`fleet pod restore mate`"), "{dropped}");
    assert!(!dropped.contains("did you mean"), "{dropped}");
    let missed = world.fleet(&["verify", "mate"]).exits(1).stdout;
    assert!(missed.contains("fleet pod restore mate"), "{missed}");
    let unknown = world.fleet(&["up", "mates"]).exits(2).stderr;
    assert!(unknown.contains("did you mean `mate`?"), "{unknown}");
}

#[test]
fn a_restore_starts_an_agent_again_that_has_ended() {
    let world = world();
    let actors = Actors::of(&world);
    world.write_harness(
        "brief",
        r#"{"turn_ms": 30, "crash_after_turns": {"turns": 1, "code": 7}}"#,
    );
    let mut wish = child("helper");
    wish.runtime = "brief".to_owned();
    actors.own::<SpawnPod>("mate", wish).unwrap();
    told(&world, "mate", "errored: `helper`");
    let row = actors.row("mate", "helper");
    assert!(row.restorable.possible, "{row:?}");
    let before = actors.record("helper").generation.0;
    let restore = RestoreParams {
        name: pod_name("helper"),
        timeout_ms: 0,
    };
    let restored = actors.own::<RestorePod>("mate", restore).unwrap();
    assert_eq!(restored.outcome, Restored::Restored);
    assert_eq!(restored.generation.0, before + 1);
    let again = world
        .fleet(&["pod", "restore", "helper", "--json"])
        .exits(0);
    assert_eq!(again.json()["outcome"], "already_live");
    world.fleet(&["send", "helper", "-m", "once more"]);
    until(|| {
        let texts = world.received("mate", Kind::Submit);
        let errors = texts.iter().filter(|text| text.contains("errored"));
        match errors.count() {
            2 => Ok(()),
            _ => Err(format!("{texts:?}")),
        }
    });
    world.fleet(&["restart", "helper"]).exits(0);
    // Of these ends the parent knew; of the last one it did not.
    world.fleet(&["down", "helper"]).exits(0);
    told(&world, "mate", "(fleet down: ");
    let texts = world.received("mate", Kind::Submit);
    let ended = texts.iter().filter(|text| text.contains("shut_down"));
    assert_eq!(ended.count(), 1, "{texts:?}");
}

#[test]
fn processes_that_restore_a_pod_whose_agent_has_ended_start_it_once() {
    let world = world();
    let actors = Actors::of(&world);
    world.write_harness(
        "brief",
        r#"{"turn_ms": 30, "crash_after_turns": {"turns": 1, "code": 7}}"#,
    );
    let mut wish = child("helper");
    wish.runtime = "brief".to_owned();
    actors.own::<SpawnPod>("mate", wish).unwrap();
    told(&world, "mate", "errored: `helper`");
    let before = actors.record("helper").generation.0;
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| world.fleet(&["pod", "restore", "helper"]).exits(0));
        }
    });
    assert_eq!(actors.record("helper").generation.0, before + 1);
    assert!(actors.record("helper").expected);
}

#[test]
fn a_restore_waits_no_longer_than_it_was_told() {
    let world = world();
    let actors = Actors::of(&world);
    let script = world.write_scripted_harness("scripted");
    let mut wish = child("helper");
    wish.runtime = "scripted".to_owned();
    actors.own::<SpawnPod>("mate", wish).unwrap();
    world.fleet(&["down", "helper"]).exits(0);
    std::fs::write(script, "#!/bin/sh\nexec sleep 600\n").unwrap();
    let begun = std::time::Instant::now();
    let restore = world.fleet(&["pod", "restore", "helper", "--timeout", "4"]);
    let elapsed = begun.elapsed();
    assert!(restore.exits(1).stderr.contains("after 4 s"));
    assert!(elapsed.as_secs() < 8, "{elapsed:?}");
}

#[test]
fn what_is_taken_out_of_a_note_or_a_task_is_said() {
    let world = world();
    world.fleet(&["peer", "add", "lead", "mate"]).exits(0);
    let note = [
        "peer",
        "send",
        "--from",
        "lead",
        "mate",
        "-m",
        "one\u{7}two\u{1b}",
    ];
    let sent = world.fleet(&note).exits(0).stderr;
    assert!(
        sent.contains("2 characters without a glyph taken out"),
        "{sent}"
    );
    let mut spawn = vec!["spawn", "helper", "--parent", "mate", "--runtime", "quick"];
    spawn.extend(["--task", "a\u{7} task", "--json"]);
    let spawned = world.fleet(&spawn).exits(0).json();
    assert_eq!(spawned["stripped"], 1, "{spawned:#}");
    (spawn[1], spawn[7]) = ("other", "a\u{7} job");
    spawn.pop();
    let spawned = world.fleet(&spawn).exits(0).stderr;
    assert!(
        spawned.contains("1 character without a glyph taken out"),
        "{spawned}"
    );
}

#[test]
fn a_place_whose_name_is_no_text_is_refused_before_anything_is_done() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = world();
    let place = world
        .path("work")
        .join(std::ffi::OsStr::from_bytes(b"n\xffo"));
    std::fs::create_dir(&place).unwrap();
    let line = ["spawn", "helper", "--runtime", "quick", "--task", "t"];
    let here = world.command("default", &line).current_dir(&place).output();
    let mut named = world.command("default", &line);
    let named = named.arg("--directory").arg(&place).output();
    for ran in [here, named] {
        let ran = ran.unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("UTF-8"), "{stderr}");
    }
    world.fleet(&["pod", "show", "helper"]).exits(2);
}

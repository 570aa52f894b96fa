//! Peers: what they may do, what they may not, and that neither crash nor restart bends it.

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::client::Introduction;
use podfleet_protocol::method::{
    AttachParams, AttachRole, Credential, Inspect, MessageParams, NameParams, Nothing, Notify,
    ReadOutputParams, ReadPodOutput, Refresh, RegisterPeer, RestoreParams, RestorePod, RunMessage,
    Scrollback, ScrollbackParams, SendParams, SendToPeer, SendToPod, Shutdown, ShutdownParams,
    StopParams, StopPod, UnregisterPeer,
};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::acting::{Actors, message, pod_name};
use crate::world::{World, is_gone, signal, until};

/// A world of pods that have no relation to each other: spawned by the operator.
fn strangers(names: &[&str]) -> World {
    let world = World::with_agents(&[("keeper", "")]);
    world.write_harness("quick", r#"{"turn_ms": 30}"#);
    for name in names {
        spawn(&world, name);
    }
    world
}

fn spawn(world: &World, name: &str) {
    let task = format!("the task of {name}");
    world
        .fleet(&["spawn", name, "--runtime", "quick", "--task", &task])
        .exits(0);
}

fn name(name: &str) -> NameParams {
    NameParams {
        name: pod_name(name),
    }
}

fn send(to: &str, body: &str) -> SendParams {
    SendParams {
        name: pod_name(to),
        message: message(body),
    }
}

fn notify(body: &str) -> MessageParams {
    MessageParams {
        message: message(body),
    }
}

/// Waits until an agent has received a text, with what is in front of it.
fn received(world: &World, body: &str) {
    until(|| {
        let texts = world.received("quick", Kind::Submit);
        if texts.iter().any(|text| text.ends_with(body)) {
            Ok(())
        } else {
            Err(format!("{texts:?}"))
        }
    });
}

#[test]
fn one_that_is_no_peer_is_refused_by_the_receivers_records() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    // By its own pod, and by the receiver's when it goes around that.
    let refused = actors.own::<SendToPeer>("a", send("b", "x")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSuchPod);
    assert_eq!(
        actors.refused::<Notify>("a", "b", notify("x")),
        ErrorCode::NoSuchPod
    );
    // While the receiver is down its records are asked all the same.
    world.fleet(&["down", "b"]).exits(0);
    let missing = actors
        .own::<SendToPeer>("a", send("none", "x"))
        .unwrap_err();
    let hidden = actors.own::<SendToPeer>("a", send("b", "x")).unwrap_err();
    assert_eq!(
        missing, hidden,
        "a hidden pod and a missing one give the same answer"
    );
    assert_eq!(actors.reasons("a", "b"), "");
}

#[test]
fn a_senders_log_has_what_it_sent_and_what_came_of_it() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    actors.own::<RegisterPeer>("a", name("b")).unwrap();
    let first = actors.own::<SendToPeer>("a", send("b", "hello")).unwrap();
    let second = actors.own::<SendToPeer>("a", send("b", "hello")).unwrap();
    assert_eq!((second.id, second.duplicate), (first.id, true));
    // Past its own pod, as by `fleet send`.
    let third = actors.call::<Notify>("a", "b", notify("and this")).unwrap();
    until(|| {
        actors.own::<Refresh>("a", Nothing {}).unwrap();
        let log = actors.log("a").into_iter();
        let mut events: Vec<_> = log
            .filter_map(|entry| match entry {
                Entry::Peer(event) if event.name.as_str() == "b" => {
                    Some(format!("{} {}", event.event, event.detail))
                }
                _ => None,
            })
            .collect();
        events.retain(|event| !event.starts_with("registered"));
        events.sort();
        // How far it came is the receiver's to say: a busy machine may hide a short turn from it.
        let receipts = actors.log("b").into_iter();
        let receipts: Vec<_> = receipts
            .filter_map(|entry| match entry {
                Entry::MessageReceipt { receipt } if receipt.settled => Some(receipt),
                _ => None,
            })
            .collect();
        let came_of = |id| {
            let receipt = receipts.iter().find(|receipt| receipt.id == id);
            let outcome = receipt.map_or("open", |receipt| receipt.outcome.as_str());
            format!("receipt message {id}: {outcome}")
        };
        let wanted = [
            came_of(first.id),
            came_of(third.id),
            format!("sent message {}: accepted, position", first.id),
            format!("sent message {}: accepted, position", third.id),
        ];
        let is_there = |wanted: &String| events.iter().any(|event| event.starts_with(wanted));
        if wanted.iter().all(is_there) && events.len() == wanted.len() {
            Ok(())
        } else {
            Err(format!("{events:#?}"))
        }
    });
}

#[test]
fn the_same_words_are_one_message_over_the_end_and_the_restart_of_the_receiver() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    actors.own::<RegisterPeer>("a", name("b")).unwrap();
    let first = actors.own::<SendToPeer>("a", send("b", "hello")).unwrap();
    received(&world, "hello");
    world.fleet(&["down", "b"]).exits(0);
    let while_down = actors.own::<SendToPeer>("a", send("b", "hello")).unwrap();
    world.fleet(&["pod", "restore", "b"]).exits(0);
    let afterwards = actors.call::<Notify>("a", "b", notify("hello")).unwrap();
    for again in [while_down, afterwards] {
        assert_eq!((again.id, again.duplicate), (first.id, true));
    }
    let mut meant = notify("hello");
    meant.message.again = true;
    let meant = actors.call::<Notify>("a", "b", meant).unwrap();
    assert!(!meant.duplicate);
}

#[test]
fn peers_see_notify_and_restore_each_other_and_both_lists_say_peer() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    let added = actors.own::<RegisterPeer>("a", name("b")).unwrap();
    assert!(added.peer && added.changed);
    let again = actors.own::<RegisterPeer>("b", name("a")).unwrap();
    assert!(again.peer && !again.changed, "one row, whoever asks");
    assert_eq!(actors.reasons("a", "b"), "peer");
    assert_eq!(actors.reasons("b", "a"), "peer");
    for (pod, peer) in [("a", "registered b"), ("b", "registered a")] {
        until(|| match actors.peer_events(pod) {
            events if events == [peer] => Ok(()),
            events => Err(format!("{pod}: {events:?}")),
        });
    }
    actors
        .own::<SendToPeer>("a", send("b", "hello peer"))
        .unwrap();
    received(&world, "hello peer");
    let raw = actors.log("b").into_iter().find_map(|entry| match entry {
        Entry::SystemItem {
            kind, raw, body, ..
        } if kind == "notification" => Some((raw, body)),
        _ => None,
    });
    let (raw, body) = raw.expect("the log has no notification");
    assert_eq!(body, "hello peer");
    assert!(raw.ends_with("b] hello peer"), "{raw}");
    assert!(world.received("quick", Kind::Submit).contains(&raw));
    // A peer that is stopped is restored, by an explicit wish alone.
    world.fleet(&["down", "b"]).exits(0);
    assert!(actors.row("a", "b").restorable.possible);
    let params = RestoreParams {
        name: pod_name("b"),
        timeout_ms: 0,
    };
    actors.own::<RestorePod>("a", params).unwrap();
    assert_eq!(actors.row("a", "b").availability.as_str(), "live");
}

#[test]
fn a_peer_is_refused_orders_output_stop_and_scope() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    world.fleet(&["peer", "add", "a", "b"]).exits(0);
    let output = ReadOutputParams {
        name: pod_name("b"),
        cursor: None,
        limit: None,
    };
    let read = actors.own::<ReadPodOutput>("a", output).unwrap_err();
    let stop = StopParams {
        name: pod_name("b"),
        reason: String::new(),
    };
    let stop = actors.own::<StopPod>("a", stop).unwrap_err();
    let order = actors.own::<SendToPod>("a", send("b", "x")).unwrap_err();
    for refused in [read, stop, order] {
        assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    }
    let seen = actors.own::<Inspect>("a", name("b")).unwrap();
    assert_eq!((seen.scope, seen.working_directory), (None, None));
    // And at the other's own socket.
    let lines = ScrollbackParams {
        lines: 1,
        ansi: false,
        before: None,
    };
    let codes = [
        actors.refused::<Scrollback>("a", "b", lines),
        actors.refused::<RunMessage>("a", "b", notify("x")),
        actors.refused::<Shutdown>("a", "b", ShutdownParams::default()),
        actors.refused::<SendToPeer>("a", "b", send("a", "x")),
    ];
    assert_eq!(codes, [ErrorCode::Forbidden; 4]);
    for role in [AttachRole::Viewer, AttachRole::View, AttachRole::Controller] {
        let params = AttachParams {
            role,
            take: false,
            size: None,
            from: None,
        };
        let attached = actors.attach("a", "b", params);
        assert_eq!(attached.unwrap_err().code, ErrorCode::Forbidden, "{role:?}");
    }
}

#[test]
fn a_relation_is_there_after_a_restart_and_a_restore_of_both() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    world.fleet(&["peer", "add", "a", "b"]).exits(0);
    world.fleet(&["down", "a", "b"]).exits(0);
    for pod in ["a", "b"] {
        let restored = world.fleet(&["pod", "restore", pod, "--json"]).exits(0);
        assert_eq!(restored.json()["outcome"], "restored");
    }
    assert_eq!(actors.reasons("a", "b"), "peer");
    assert_eq!(actors.reasons("b", "a"), "peer");
    actors
        .own::<SendToPeer>("b", send("a", "still here"))
        .unwrap();
    received(&world, "still here");
    let live = world.fleet(&["pod", "restore", "a", "--json"]).exits(0);
    assert_eq!(live.json()["outcome"], "already_live");
}

#[test]
fn unregistering_ends_the_right_at_once() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    actors.own::<RegisterPeer>("a", name("b")).unwrap();
    let gone = actors.own::<UnregisterPeer>("b", name("a")).unwrap();
    assert!(!gone.peer && gone.changed);
    let again = actors.own::<UnregisterPeer>("b", name("a")).unwrap();
    assert!(!again.peer && !again.changed, "again is no change");
    let refused = actors.own::<SendToPeer>("a", send("b", "x")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSuchPod);
    assert_eq!(
        actors.refused::<Notify>("a", "b", notify("x")),
        ErrorCode::NoSuchPod
    );
    assert_eq!(actors.reasons("a", "b"), "");
}

#[test]
fn two_agents_that_answer_each_other_are_stopped_and_told_so() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    actors.own::<RegisterPeer>("a", name("b")).unwrap();
    let mut sent = 0;
    let refused = loop {
        let (from, to) = if sent % 2 == 0 {
            ("a", "b")
        } else {
            ("b", "a")
        };
        match actors.own::<SendToPeer>(from, send(to, &format!("answer {sent}"))) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 100, "nothing stops them");
    };
    assert_eq!((sent, refused.code), (60, ErrorCode::PairLimit));
    assert!(refused.message.contains("60 messages"), "{refused}");
}

#[test]
fn a_forged_sender_is_refused_and_never_taken_for_the_operator() {
    let world = strangers(&["a", "b", "c"]);
    let actors = Actors::of(&world);
    actors.own::<RegisterPeer>("a", name("b")).unwrap();
    // The secret of one pod with the name of another, and a secret of nobody.
    let (a, c) = (actors.credential("a"), actors.credential("c"));
    let nobody = "0".repeat(64);
    for credential in [
        Credential {
            pod: a.pod,
            secret: c.secret.clone(),
        },
        Credential {
            pod: a.pod,
            secret: nobody,
        },
    ] {
        let who = Introduction {
            client: "forger".to_owned(),
            credential: Some(credential),
        };
        let forged = actors
            .call_as::<Notify>(&who, "b", notify("x"))
            .unwrap_err();
        assert_eq!(forged.code, ErrorCode::Forbidden);
    }
    // A pod cannot act in another's name either, peer or not.
    assert_eq!(
        actors.refused::<SendToPeer>("c", "a", send("b", "x")),
        ErrorCode::NoSuchPod
    );
    assert_eq!(
        actors.refused::<RegisterPeer>("b", "a", name("c")),
        ErrorCode::Forbidden
    );
}

#[test]
fn a_kill_of_either_pod_in_a_registration_leaves_it_whole_or_undone() {
    let world = strangers(&["a", "b"]);
    let actors = Actors::of(&world);
    let mut expected = Vec::new();
    for round in 0..8_u64 {
        let victim = if round % 2 == 0 { "a" } else { "b" };
        let record = actors.record(victim);
        let pid = record.endpoint.unwrap().pid;
        let killing = std::thread::spawn(move || {
            // Rounds hit different steps.
            std::thread::sleep(std::time::Duration::from_millis(round * 2));
            signal(pid, Signal::KILL);
        });
        // Whatever is answered, if anything: the records decide.
        let add = world.command("default", &["peer", "add", "a", "b"]);
        let added = { add }.output().unwrap();
        killing.join().unwrap();
        until(|| {
            if is_gone(pid) {
                Ok(())
            } else {
                Err(format!("{pid} runs"))
            }
        });
        world.fleet(&["pod", "restore", victim]).exits(0);
        let (one, other) = (actors.reasons("a", "b"), actors.reasons("b", "a"));
        assert_eq!(one, other, "round {round}");
        let whole = one == "peer";
        assert!(
            whole || !added.status.success(),
            "round {round}: it said yes"
        );
        if whole {
            world.fleet(&["peer", "remove", "a", "b"]).exits(0);
            expected.extend(["registered", "unregistered"]);
        }
        for (pod, peer) in [("a", "b"), ("b", "a")] {
            let wanted: Vec<_> = expected
                .iter()
                .map(|what| format!("{what} {peer}"))
                .collect();
            until(|| match actors.peer_events(pod) {
                events if events == wanted => Ok(()),
                events => Err(format!("round {round}, {pod}: {events:?}")),
            });
        }
    }
}

#[test]
fn the_line_of_an_attached_terminal_makes_peers_and_leaves_the_view_as_it_was() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let shown = |wanted: &str| {
        until(|| {
            let pane = world
                .tmux("default", &["capture-pane", "-p", "-t", "=a:"])
                .stdout;
            if pane.contains(wanted) {
                Ok(pane)
            } else {
                Err(pane)
            }
        })
    };
    let keys = |keys: &[&str]| {
        let send = [&["send-keys", "-t", "=a:"][..], keys].concat();
        world.tmux("default", &send).exits(0);
    };
    let before = shown("for shortcuts");
    let close = || {
        keys(&["x"]);
        until(|| {
            let pane = world.tmux("default", &["capture-pane", "-p", "-t", "=a:"]);
            if pane.stdout == before {
                Ok(())
            } else {
                Err(pane.stdout)
            }
        });
    };
    keys(&["C-\\", ":", "frobnicate", "Enter"]);
    shown("there is no command `frobnicate`");
    close();
    // The tab comes before the names of pods are known.
    keys(&["C-\\", ":", "peer", "Space", "Tab"]);
    shown(":peer b");
    keys(&["Enter"]);
    shown("`a` and `b` are peers now");
    close();
    keys(&["C-\\", ":", "pods", "Enter"]);
    shown("SEEN AS");
    close();
    let actors = Actors::of(&world);
    assert_eq!(actors.reasons("a", "b"), "peer,fleet");
    // Nothing of it was typed to the agent.
    assert!(world.received("a", Kind::Submit).is_empty());
}

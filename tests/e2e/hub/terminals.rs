//! Terminals on another machine: who may type, what survives what, and how long they are kept.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use podfleet_hub::client::{ClientError, HubClient, Way};
use podfleet_hub::fault::Code;
use podfleet_hub::op::{AgentRef, FleetSend, SendParams};
use podfleet_hub::secret::Secret;
use podfleet_protocol::method::{AttachParams, AttachRole, Position};
use podfleet_protocol::{Class, Generation, Run, Typing};

use super::seen::{Seen, params};
use super::{Machine, pair};
use crate::world::{until, until_within};

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_goes_on_exactly_where_it_was_whichever_hub_restarts() {
    let (mut home, mut spoke) = pair();
    home.open_shell();
    let mut seen = Seen::shell_of(&home, None).await;
    seen.type_in("echo one-$((20+3))\n").await;
    seen.until("one-23").await.unwrap();

    // What comes while nobody is attached is had at the next attach, every byte once.
    let position = seen.position;
    seen.type_in("sleep 0.3; echo two-$((20+4))\n").await;
    drop(seen);
    let mut seen = Seen::shell_of(&home, Some(position)).await;
    seen.until("two-24").await.unwrap();
    assert_eq!(seen.resets, 0, "{}", String::from_utf8_lossy(&seen.text));

    let position = seen.position;
    home.end_hub();
    assert!(
        seen.until("never").await.is_none(),
        "the stream outlived its hub"
    );
    home.start_hub(&home.address());
    let mut seen = Seen::shell_of(&home, Some(position)).await;
    seen.type_in("echo three-$((20+5))\n").await;
    seen.until("three-25").await.unwrap();
    assert_eq!(seen.resets, 0);

    let position = seen.position;
    let address = spoke.address();
    spoke.end_hub();
    assert!(
        seen.until("never").await.is_none(),
        "the stream outlived its spoke"
    );
    spoke.start_hub(&address);
    home.until_connected("box");
    let mut seen = Seen::shell_of(&home, Some(position)).await;
    seen.type_in("echo four-$((20+6))\n").await;
    seen.until("four-26").await.unwrap();
    assert_eq!(seen.resets, 0);

    // A place that the pod does not have leads to a repaint, never to a wrong continuation.
    let elsewhere = Position {
        generation: Generation(99),
        run: Run(1),
        offset: 5,
    };
    let mut anew = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Viewer, Some(elsewhere)),
    )
    .await;
    anew.until("four-26").await.unwrap();
    assert_eq!(anew.resets, 1);
}

type Lines = Arc<Mutex<Vec<String>>>;

/// A command that is read line by line while it runs; killed when dropped.
struct Running {
    process: Child,
    lines: Lines,
    /// What it says besides.
    notes: Lines,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read(process.stdout.take().unwrap());
        let notes = read(process.stderr.take().unwrap());
        Self {
            process,
            lines,
            notes,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(from: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let read = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            read.lock().unwrap().push(line);
        }
    });
    lines
}

#[track_caller]
fn until_line(lines: &Lines, wanted: &str) {
    until(|| {
        let lines = lines.lock().unwrap();
        let found = lines.iter().any(|line| line.starts_with(wanted));
        found.then_some(()).ok_or_else(|| format!("{lines:#?}"))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_goes_on_where_it_was_when_the_way_through_a_hub_is_there_again() {
    let (mut home, spoke) = pair();
    home.open_shell();
    let mut seen = Seen::shell_of(&home, None).await;
    seen.type_in("PS1= PS2=; stty -echo; echo ready-$((20+1))\n")
        .await;
    seen.until("ready-21").await.unwrap();
    let tail = ["tail", "sh@box", "-f", "-n", "100", "--hub", "local"];
    let mut tail = Running::start(&mut home.world.command("default", &tail));
    until_line(&tail.lines, "ready-21");
    let (go, gone) = (spoke.world.path("home/go"), spoke.world.path("home/gone"));
    let script = "echo one-$((20+2)); while [ ! -e go ]; do sleep 0.1; done; \
         echo two-$((20+3)); touch gone; while [ -e go ]; do sleep 0.1; done; \
         echo three-$((20+4))\n";
    seen.type_in(script).await;
    until_line(&tail.lines, "one-22");
    drop(seen);
    // What it says while there is no way is not lost.
    home.end_hub();
    std::fs::write(&go, "").unwrap();
    until(|| gone.exists().then_some(()).ok_or_else(|| "it waits".into()));
    until_line(&tail.notes, "note: the way to `sh@box` broke");
    home.start_hub(&home.address());
    until_line(&tail.lines, "two-23");
    std::fs::remove_file(&go).unwrap();
    until_line(&tail.lines, "three-24");
    let lines = tail.lines.lock().unwrap().clone();
    for once in ["ready-21", "one-22", "two-23", "three-24"] {
        let count = lines.iter().filter(|line| *line == once).count();
        assert_eq!(count, 1, "{once}: {lines:#?}");
    }
    until_line(&tail.notes, "note: the way to `sh@box` is there again");

    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
    assert_eq!(tail.process.wait().unwrap().code(), Some(1));
    until_line(&tail.notes, "error: `sh@box` ended");
    let notes = tail.notes.lock().unwrap();
    // The others are lines that a long one was wrapped into.
    let told = |line: &&String| line.starts_with("note: ") || line.starts_with("error: ");
    let told: Vec<_> = notes.iter().filter(told).collect();
    let alternate = told.windows(2).all(|pair| pair[0] != pair[1]);
    assert!(alternate && told.len() >= 3, "{notes:#?}");
    assert!(told.last().unwrap().starts_with("error: "), "{notes:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_cannot_write_and_control_is_taken_only_on_request() {
    let (home, spoke) = pair();
    home.open_shell();
    let client = home.client();
    let mut controller =
        Seen::attach(&client, "sh@box", params(AttachRole::Controller, None)).await;
    let mut viewer = Seen::attach(&client, "sh@box", params(AttachRole::Viewer, None)).await;
    viewer.type_in("echo intruder-$((1+1))\n").await;
    assert!(
        viewer.until("intruder-2").await.is_none(),
        "a viewer has typed"
    );
    controller.type_in("echo mine-$((1+1))\n").await;
    controller.until("mine-2").await.unwrap();
    assert!(!String::from_utf8_lossy(&controller.text).contains("intruder"));
    let agent: AgentRef = "sh@box".parse().unwrap();
    let second = client
        .attach(&agent, &params(AttachRole::Controller, None))
        .await;
    let Err(ClientError::Answer(fault)) = second else {
        panic!("two have control")
    };
    assert_eq!(fault.code, Code::AgentRefused, "{fault}");
    let taking = AttachParams {
        take: true,
        ..params(AttachRole::Controller, None)
    };
    let mut other = Seen::attach(&client, "sh@box", taking).await;
    other.type_in("echo taken-$((1+1))\n").await;
    other.until("taken-2").await.unwrap();
    // Whoever may only look is refused before anything is opened.
    let token = home
        .world
        .fleet(&["hub", "token", "create", "looks", "--scope", "observe"])
        .exits(0);
    let way = Way::Tls(
        home.address().parse().unwrap(),
        home.standing["pin"].as_str().unwrap().parse().unwrap(),
    );
    let looks = HubClient::new(way, Some(podfleet_hub::secret::Secret::new(&token.stdout)));
    let refused = looks
        .attach(&agent, &params(AttachRole::Controller, None))
        .await;
    let Err(ClientError::Answer(fault)) = refused else {
        panic!("a right was not needed")
    };
    assert_eq!(fault.code, Code::AuthDenied);
    let mut looking = Seen::attach(&looks, "sh@box", params(AttachRole::Viewer, None)).await;
    looking.until("taken-2").await.unwrap();
    drop(spoke);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_no_text_comes_as_the_pod_shows_it() {
    let (home, _spoke) = pair();
    home.open_shell();
    let mut seen = Seen::shell_of(&home, None).await;
    seen.type_in("printf 'begin\\377\\376end\\n'; echo done-$((2+2))\n")
        .await;
    seen.until("done-4").await.unwrap();
    let text = String::from_utf8(seen.text).unwrap();
    assert!(text.contains("begin\u{fffd}\u{fffd}end"), "{text}");
}

#[test]
fn a_spawn_whose_answer_was_lost_is_given_again_and_opens_one_terminal() {
    let (home, spoke) = pair();
    let spawn = || {
        home.world
            .fleet(&[
                "pty", "spawn", "far", "--key", "k1", "--json", "--", "/bin/sh",
            ])
            .exits(0)
            .json()
    };
    let (first, again) = (spawn(), spawn());
    assert_eq!(first["session"], again["session"]);
    let rows = spoke.world.fleet(&["ps", "--json"]).exits(0).json();
    let terminals = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["class"] == "terminal");
    assert_eq!(terminals.count(), 1);
}

#[test]
fn a_terminal_that_ended_is_seen_to_have_ended() {
    let (home, spoke) = pair();
    home.open_shell();
    spoke.world.fleet(&["down", "sh"]).exits(0);
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "ended");
    spoke.world.fleet(&["pod", "forget", "sh"]).exits(0);
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "gone");
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
}

#[test]
fn a_key_that_was_used_costs_no_terminal_and_no_agent_is_killed_for_one() {
    let (home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    let run = |name: &str, cwd: &str, program: &str| {
        let place = ["pty", "spawn", "far", "--cwd", cwd];
        let what = ["--key", "k1", "--name", name, "--", program];
        home.world.fleet(&[&place[..], &what].concat())
    };
    let spawn = |name: &str| run(name, "", "/bin/sh");
    assert_eq!(spawn("one").exits(0).stdout, "one@box\n");
    assert_eq!(spawn("one").exits(0).stdout, "one@box\n");
    let other = spawn("two").exits(2);
    assert!(other.stderr.contains("the key is that of"), "{other}");
    let program = run("one", "", "/bin/cat").exits(3);
    assert!(program.stderr.contains("with another command"), "{program}");
    std::fs::create_dir(spoke.world.path("home/below")).unwrap();
    let elsewhere = run("one", "below", "/bin/sh").exits(3);
    assert!(
        elsewhere.stderr.contains("with another directory"),
        "{elsewhere}"
    );
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "live");
    let agent = home.world.fleet(&["pty", "kill", "coder@box"]).exits(3);
    assert!(
        agent.stderr.contains("an agent, and no terminal"),
        "{agent}"
    );
    assert_ne!(spoke.world.row("coder")["readiness"], "stopped");
    home.world.fleet(&["pty", "kill", "one@box"]).exits(0);
}

#[test]
fn a_terminal_goes_on_while_home_asks_and_ends_when_home_is_away_for_too_long() {
    let (home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let address = spoke.address();
    spoke.end_hub();
    spoke.start_hub_with(&address, &["--grace", "10s", "--keep-ended", "2s"]);
    home.add("box", &spoke);
    let spawn = |name| {
        let shell = ["pty", "spawn", "far", "--name", name, "--", "/bin/sh"];
        home.world.fleet(&shell).exits(0);
    };
    spawn("sh");
    spawn("ends");
    spoke.world.fleet(&["down", "ends"]).exits(0);
    let states = || {
        let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0);
        let listed = listed.json();
        let state = |at: usize| listed[at]["state"].as_str().map(str::to_owned);
        [state(0), state(1)].map(Option::unwrap_or_default)
    };
    // Longer than the grace: home looks after its endpoints.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(13) {
        assert_eq!(states()[0], "live");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(states(), ["live", "gone"]);
    home.end_hub();
    until_within(Duration::from_secs(40), || {
        let rows = spoke.world.fleet(&["ps", "--json"]).json();
        match rows.as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(format!("{rows:#}")),
        }
    });
}

#[test]
fn a_terminal_is_had_and_ended_in_its_own_fleet_whichever_is_meant_there_by_now() {
    let (home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let address = spoke.address();
    spoke.end_hub();
    spoke.start_hub_with(&address, &["--keep-ended", "1s"]);
    home.add("box", &spoke);
    let spawn = |name: &str, program: &[&str]| {
        let spawn = ["pty", "spawn", "far", "--name", name, "--"];
        home.world.fleet(&[&spawn[..], program].concat())
    };
    spawn("sh", &["/bin/sh"]).exits(0);
    let ends = "while [ ! -e end ]; do sleep 0.1; done";
    spawn("ends", &["/bin/sh", "-c", ends]).exits(0);
    let roster = spoke.world.path("work/default.yaml");
    let text = std::fs::read_to_string(&roster).unwrap();
    let other = text.replace("fleet: default", "fleet: second");
    assert_ne!(other, text);
    std::fs::write(&roster, other).unwrap();
    let taken = spawn("sh", &["/bin/sh"]).exits(3);
    assert!(taken.stderr.contains("`sh@box` already"), "{taken}");
    home.world
        .fleet(&["tail", "sh@box", "--hub", "local"])
        .exits(0);
    let pods = || {
        let pods = spoke.world.fleet(&["pods", "--json"]).exits(0).json();
        let pods = pods.as_array().unwrap().iter();
        let pods = pods.map(|pod| pod["name"].as_str().unwrap_or_default().to_owned());
        pods.collect::<Vec<_>>()
    };
    assert!(pods().contains(&"sh".to_owned()), "{:?}", pods());
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
    assert!(!pods().contains(&"sh".to_owned()), "{:?}", pods());
    // So does the hub there, once its time is over.
    std::fs::write(spoke.world.path("home/end"), "").unwrap();
    until_within(Duration::from_secs(40), || match pods() {
        pods if pods.contains(&"ends".to_owned()) => Err(format!("{pods:?}")),
        _ => Ok(()),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_send_messages_is_none_to_type_in_a_shell() {
    let (home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    spoke
        .world
        .until_row("coder", |row| row["readiness"] == "available");
    home.open_shell();
    let client = |scopes: &str| {
        let create = ["hub", "token", "create", scopes, "--scope", scopes];
        let token = home.world.fleet(&create).exits(0).stdout;
        let address = home.address().parse().unwrap();
        let way = Way::Tls(address, home.pin().parse().unwrap());
        HubClient::new(way, Some(Secret::new(token.trim())))
    };
    let message = |to: &str, typing| SendParams {
        to: to.parse().unwrap(),
        fleet: None,
        body: "touch owned".into(),
        id: None,
        class: Class::default(),
        typing,
        words_only: false,
        wait: None,
        timeout_ms: None,
    };
    let command = Typing {
        raw: true,
        allow_command: true,
        ..Typing::default()
    };
    let words = client("message");
    for (to, typing) in [("sh@box", Typing::default()), ("coder@box", command)] {
        let refused = words.call::<FleetSend>(message(to, typing)).await;
        let Err(ClientError::Answer(fault)) = refused else {
            panic!("{to}: {refused:?}")
        };
        assert_eq!(fault.code, Code::AgentRefused, "{fault}");
        assert!(fault.message.contains("the right `pty`"), "{fault}");
    }
    let sent = words.call::<FleetSend>(message("coder@box", Typing::default()));
    sent.await.unwrap();
    let typed = client("message,pty");
    let sent = typed.call::<FleetSend>(message("sh@box", command));
    sent.await.unwrap();
    let owned = spoke.world.path("home/owned");
    until(|| {
        owned
            .exists()
            .then_some(())
            .ok_or_else(|| "it waits".into())
    });
}

//! A terminal whose name is another one's by now.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use podfleet_hub::client::ClientError;
use podfleet_hub::fault::Code;
use podfleet_hub::op::AgentRef;
use podfleet_hub::terminal::TerminalRef;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::AttachRole;

use super::machine::Machine;
use super::pair;
use super::seen::{Seen, params};
use crate::looking::Person;
use crate::world::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_opened_anew_is_gone_for_whoever_saw_the_one_before() {
    let (home, spoke) = pair();
    home.open_shell();
    let (client, agent): (_, AgentRef) = (home.client(), "sh@box".parse().unwrap());
    let mut first = TerminalRef::from(agent.clone());
    let mut seen = Seen::of(&client, &mut first, params(AttachRole::Controller, None)).await;
    seen.type_in("echo one-$((20+3))\n").await;
    seen.until("one-23").await.unwrap();
    let old = seen.position;
    drop(seen);
    let session = first.pod.unwrap().to_string();
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["route"]["session"], session.as_str());

    // Behind home's back, so that its route is still that of the first one.
    spoke.world.fleet(&["down", "sh"]).exits(0);
    spoke.world.fleet(&["pod", "forget", "sh"]).exits(0);
    let there = spoke.world.path("home");
    let mount = ["mount", "add", "--name", "own", there.to_str().unwrap()];
    spoke.world.fleet(&mount).exits(0);
    let spawn = ["pty", "spawn", "own", "--name", "sh", "--", "/bin/sh"];
    spoke.world.fleet(&spawn).exits(0);
    let mut seen = Seen::shell_of(&home, None).await;
    seen.type_in("echo of-the-second-one-$((20+4)) ................\n")
        .await;
    seen.until("of-the-second-one-24").await.unwrap();
    assert_eq!(seen.position.generation, old.generation);
    assert_eq!(seen.position.run, old.run);
    assert!(seen.position.offset > old.offset);
    drop(seen);

    for role in [AttachRole::Viewer, AttachRole::Controller] {
        for from in [Some(old), None] {
            let again = client.attach_to(&mut first, &params(role, from)).await;
            let Err(ClientError::Answer(fault)) = again else {
                panic!("another terminal was taken for it")
            };
            assert_eq!(fault.code, Code::AgentGone, "{fault}");
        }
    }
    let by_session: AgentRef = session.parse().unwrap();
    let unsaid = params(AttachRole::Viewer, Some(old));
    let by_session = client.attach(&by_session, &unsaid).await;
    let Err(ClientError::Answer(fault)) = by_session else {
        panic!("another terminal has the session")
    };
    assert_eq!(fault.code, Code::AgentGone, "{fault}");
    // Who does not say which pod is meant is taken at the place that it gives.
    let (_, mut stream) = client.attach(&agent, &unsaid).await.unwrap();
    let next = stream.next().await.unwrap().unwrap();
    assert!(matches!(next, Frame::Output { offset, .. } if offset == old.offset));
}

/// Attaches a person to the terminal `sh@box`, who has seen that it works; what the command says, and
/// how it ends, goes into a file.
fn person_in_terminal(home: &Machine) -> (Person<'_>, PathBuf) {
    home.open_shell();
    let attach = ["pty", "attach", "sh@box"];
    let said = home.world.path("work/said");
    let command = home.world.command("default", &attach);
    let mut person = std::process::Command::new("/bin/sh");
    let script = r#"said=$1; shift; "$@" 2>"$said.part"; echo "exit $?" >>"$said.part"; mv "$said.part" "$said""#;
    person.args(["-c", script, "sh"]).arg(&said);
    person.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        person.env(name, value.unwrap_or_default());
    }
    let person = Person::running(&home.world, &person);
    person.keys(&["echo up-$((20+5))", "Enter"]);
    person.sees(|screen| screen.contains("up-25"));
    (person, said)
}

/// Returns what a person's command said, once it has ended.
fn last_words(said: &Path) -> String {
    until(|| std::fs::read_to_string(said).map_err(|_| "it goes on".into()))
}

#[test]
fn who_types_in_a_terminal_that_ends_is_told_that_it_has_ended() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let (home, _spoke) = pair();
    let (_person, said) = person_in_terminal(&home);
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
    let said = last_words(&said);
    assert!(
        said.contains("detached from `sh@box`: it has ended"),
        "{said}"
    );
    assert!(said.contains("exit 1"), "{said}");
}

#[test]
fn who_is_in_a_terminal_of_a_machine_that_is_removed_is_told_and_types_no_more() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let (home, spoke) = pair();
    let (_person, said) = person_in_terminal(&home);
    let named = home.world.fleet(&["endpoint", "remove", "box"]).exits(3);
    assert!(
        named.stderr.contains("sh@box") || named.stderr.contains("terminal"),
        "{named}"
    );
    home.world
        .fleet(&["endpoint", "remove", "box", "--cascade"])
        .exits(0);
    let said = last_words(&said);
    assert!(said.contains("detached from `sh@box`"), "{said}");
    home.world.fleet(&["pty", "list"]).exits(0);
    // It is the other machine's, where it goes on.
    let there = spoke.world.fleet(&["ps", "--json"]).exits(0);
    assert!(
        there.stdout.contains("pty-") || there.stdout.contains("sh"),
        "{there}"
    );
}

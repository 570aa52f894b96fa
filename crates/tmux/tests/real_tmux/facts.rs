//! The server as a whole: sockets, versions, loss, control mode.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use podfleet_tmux::{
    Command, ControlEvent, ControlParser, NewSession, Socket, Tmux, TmuxErrorKind, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Server;
use super::server::session;

#[tokio::test]
async fn the_installed_version_is_supported() {
    let version = Server::new().tmux.version().await.unwrap();
    assert!(
        version.is_supported(),
        "{version} is older than {}",
        Version::FLOOR
    );
}

#[tokio::test]
async fn no_server_is_a_state_and_not_a_fault() {
    let server = Server::new();
    assert_eq!(server.panes().await, []);
    assert!(!server.tmux.has_session(session("a")).await.unwrap());
    let error = server.tmux.run(&Command::kill_server()).await.unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::NoServer);
}

#[tokio::test]
async fn a_killed_server_leaves_a_socket_on_which_a_new_one_starts() {
    let server = Server::with_session("a").await;
    let pid = server
        .raw(&["display-message", "-p", "#{pid}"])
        .await
        .unwrap();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-9", &pid]).status().unwrap().success());
    while server.tmux.has_session(session("a")).await.unwrap_or(true) {}
    assert!(server.socket().exists());
    assert_eq!(server.panes().await, []);
    server.start("b", &["cat", "-"]).await;
    assert_eq!(server.pane("b").await.session_name, "b");
}

#[tokio::test]
async fn the_server_tells_the_path_of_its_socket() {
    let server = Server::with_session("a").await;
    assert_eq!(server.tmux.socket_path().await.unwrap(), server.socket());
}

#[tokio::test]
async fn a_socket_path_that_is_too_long_is_told_apart() {
    let long = server_at("/tmp/".to_owned() + &"x".repeat(120));
    let new = NewSession::new(session("a"), ["cat", "-"]).command();
    assert_eq!(
        long.run(&new).await.unwrap_err().kind(),
        TmuxErrorKind::Socket
    );
}

fn server_at(path: String) -> Tmux {
    Tmux::new("tmux", Socket::Path(path.into())).with_config("/dev/null")
}

#[tokio::test]
async fn a_missing_program_says_what_to_install() {
    let tmux = Tmux::new("/nonexistent/tmux", Socket::Default);
    let error = tmux.panes().await.unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::Missing);
    insta::assert_snapshot!(error, @"run /nonexistent/tmux: program not found");
    assert!(error.hint().unwrap().contains("apt install tmux"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let server = Server::new();
    let program = server.path("hangs");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let tmux = Tmux::new(&program, Socket::Default).with_timeout(Duration::from_millis(50));
    let error = tmux.panes().await.unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::Timeout);
    insta::assert_snapshot!(error, @"run tmux list-panes: no answer within 50ms");
}

#[tokio::test]
async fn without_the_utf8_option_names_are_mangled_which_is_why_it_is_always_passed() {
    let server = Server::new();
    server
        .raw(&["new-session", "-d", "-s", "é", "cat"])
        .await
        .unwrap();
    let bare = std::process::Command::new("tmux")
        .args(["-S".as_ref(), server.socket().as_os_str()])
        .args(["list-sessions", "-F", "#{session_name}"])
        .env("LC_ALL", "C")
        .env_remove("TMUX")
        .output()
        .unwrap();
    assert_eq!(bare.stdout, b"_\n");
    assert_eq!(server.panes().await[0].session_name, "é");
}

#[tokio::test]
async fn a_program_that_is_not_found_is_no_failure_of_new_session() {
    let server = Server::with_session("_holder").await;
    server.start("a", &["/nonexistent/program", "x"]).await;
    while server.tmux.has_session(session("a")).await.unwrap() {}
}

#[tokio::test]
async fn panes_inherit_the_servers_environment_and_not_the_callers() {
    let server = Server::with_session("_holder").await;
    let new = NewSession::new(
        session("a"),
        ["sh", "-c", "printf \"<$PT_MARK>\"; exec cat"],
    );
    let made = std::process::Command::new("tmux")
        .args(server.tmux.argv(&new.command()))
        .env("PT_MARK", "caller")
        .status();
    assert!(made.unwrap().success());
    server.shows("a", "<>").await;
}

#[tokio::test]
async fn a_watching_client_makes_no_session_and_hears_of_new_ones() {
    let server = Server::with_session("_holder").await;
    let mut client = tokio::process::Command::new("tmux")
        .args(server.tmux.argv(&Command::watch_server(session("_holder"))))
        .env_remove("TMUX")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let mut output = client.stdout.take().unwrap();
    input
        .write_all(b"display-message -p hello\nno-such-command\n")
        .await
        .unwrap();
    let mut parser = ControlParser::default();
    let mut events = Vec::new();
    let replies = |events: &[ControlEvent]| {
        events
            .iter()
            .filter(|event| matches!(event, ControlEvent::Reply(_)))
            .count()
    };
    while replies(&events) < 3 {
        read(&mut output, &mut parser, &mut events).await;
    }
    // The third reply is to its own attaching, and comes first or last.
    let answered = |success: bool, body: &[u8]| {
        events.iter().any(|event| {
            matches!(event, ControlEvent::Reply(reply)
                if reply.requested && reply.success == success && reply.body.starts_with(body))
        })
    };
    assert!(answered(true, b"hello\n"), "{events:?}");
    assert!(answered(false, b"parse error"), "{events:?}");
    assert_eq!(server.panes().await.len(), 1);

    server.start("b", &["cat", "-"]).await;
    while !events.contains(&ControlEvent::SessionsChanged) {
        read(&mut output, &mut parser, &mut events).await;
    }
    // The end of its input ends the client in order.
    drop(input);
    while !events.contains(&ControlEvent::Exit(None)) {
        read(&mut output, &mut parser, &mut events).await;
    }
    client.wait().await.unwrap();
}

async fn read(
    output: &mut tokio::process::ChildStdout,
    parser: &mut ControlParser,
    events: &mut Vec<ControlEvent>,
) {
    let mut bytes = [0; 4096];
    let length = output.read(&mut bytes).await.unwrap();
    assert!(length > 0, "the client ended; heard so far: {events:?}");
    events.extend(
        parser
            .feed(&bytes[..length])
            .into_iter()
            .map(Result::unwrap),
    );
}

//! Making, finding, listing and ending sessions.

use std::os::unix::fs::PermissionsExt;

use podfleet_tmux::{Command, Key, NewSession, TmuxErrorKind};

use super::Server;
use super::server::session;

#[tokio::test]
async fn all_of_a_new_session_is_in_force_when_its_program_starts() {
    let server = Server::new();
    let script = r#"printf '%s\n' "$(stty size)" "$A" "$PWD" "$@"; exec cat"#;
    let directory = server.path("a#{pid} b#(id)");
    std::fs::create_dir(&directory).unwrap();
    let words = ["a b", "$HOME", "#{pid}", ";", "c;"];
    let argv = ["sh", "-c", script, "sh"].into_iter().chain(words);
    let new = NewSession::new(session("coder"), argv)
        .directory(&directory)
        .env("A", "1;");
    server.create(&new).await;
    let start = ["30 120", "1;", directory.to_str().unwrap()];
    server
        .shows("coder", &[&start[..], &words[..]].concat().join("\n"))
        .await;
}

/// Commands that do nothing, with their arguments of so many bytes together.
fn padded(bytes: usize) -> Command {
    let piece = |bytes| {
        let name = ["set-option", "-g", "@pad"];
        let taken: usize = name.iter().map(|word| word.len() + 1).sum();
        let pad = "x".repeat(bytes - taken - 1);
        Command::new(name[0]).arg(name[1]).arg(name[2]).arg(pad)
    };
    piece(100).then(piece(bytes - 100 - 2))
}

#[tokio::test]
async fn the_longest_chain_is_taken_and_one_of_tmuxs_own_limit_is_not() {
    let server = Server::with_session("a").await;
    let longest = padded(Command::MAX_BYTES);
    assert_eq!(Command::chains([longest.clone()]).len(), 1);
    server.tmux.run(&longest).await.unwrap();
    let error = server.tmux.run(&padded(16_384)).await.unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::TooLong);
}

#[tokio::test]
async fn a_hundred_sessions_are_made_by_as_few_processes_as_tmux_takes() {
    let server = Server::new();
    let value = "v".repeat(300);
    let chains = Command::chains((0..100).map(|number| {
        NewSession::new(session(&format!("s{number}")), ["cat", "-"])
            .env("LONG", &value)
            .command()
    }));
    assert!((2..=4).contains(&chains.len()), "{} chains", chains.len());
    for chain in &chains {
        server.tmux.run(chain).await.unwrap();
    }
    assert_eq!(server.panes().await.len(), 100);
}

#[tokio::test]
async fn a_program_of_one_word_is_not_given_to_a_shell() {
    let server = Server::new();
    let program = server.path("my $prog");
    std::fs::write(&program, "#!/bin/sh\necho started\nexec cat\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    server.start("a", &[program.to_str().unwrap()]).await;
    server.shows("a", "started").await;
}

#[tokio::test]
async fn a_listing_tells_what_a_session_is() {
    let server = Server::with_session("_holder").await;
    server
        .create(&NewSession::new(session("coder"), ["cat", "-"]).tag("view;"))
        .await;
    let pane = server.pane("coder").await;
    assert_eq!((pane.columns, pane.rows), (120, 30));
    assert_eq!((pane.attached, pane.dead, pane.active), (0, false, true));
    assert_eq!(pane.tag.as_deref(), Some("view;"));
    assert!(pane.pid > 0 && pane.window_activity > 1_700_000_000);
    assert_eq!(server.pane("_holder").await.tag, None);
}

#[tokio::test]
async fn a_program_cannot_forge_a_row_by_its_name() {
    let server = Server::new();
    let script = r"exec -a $'x\n%99|@1|$1|0|1|0|1|80|24|1|6|forged|0||sh' cat";
    server.start("a", &["bash", "-c", script]).await;
    loop {
        let panes = server.panes().await;
        assert_eq!(panes.len(), 1);
        if panes[0].command.contains("forged") {
            assert!(panes[0].command.starts_with("x %99"));
            return;
        }
    }
}

#[tokio::test]
async fn names_that_people_gave_are_listed_whole() {
    let server = Server::new();
    server
        .raw(&["new-session", "-d", "-s", "é | x", "cat"])
        .await
        .unwrap();
    assert_eq!(server.panes().await[0].session_name, "é | x");
}

#[tokio::test]
async fn a_session_that_remains_shows_that_its_program_is_dead() {
    let server = Server::with_session("_holder").await;
    // What a program writes in the moment of its exit may be lost, so it waits for a key.
    let argv = ["sh", "-c", r"printf '\n\nlast words'; read key"];
    server
        .create(&NewSession::new(session("a"), argv).remain_on_exit())
        .await;
    server.shows("a", "last words").await;
    let alive = server.pane("a").await;
    server
        .tmux
        .run(&Command::send_keys(alive.id, &[Key::Enter]))
        .await
        .unwrap();
    while !server.pane("a").await.dead {}
    assert_eq!(server.pane("a").await.pid, alive.pid);
    server.shows("a", "last words").await;
}

#[tokio::test]
async fn a_session_nobody_looks_at_survives_a_users_destroy_unattached() {
    let server = Server::with_session("_holder").await;
    let option = ["set-option", "-g", "destroy-unattached", "on"];
    server.raw(&option).await.unwrap();
    server.start("a", &["cat", "-"]).await;
    server.shows("a", "").await;
    assert!(server.tmux.has_session(session("a")).await.unwrap());
}

#[tokio::test]
async fn a_name_finds_only_the_session_of_exactly_that_name() {
    let server = Server::with_session("ab").await;
    assert!(
        server.raw(&["has-session", "-t", "a"]).await.is_ok(),
        "tmux matches by prefix"
    );
    assert!(!server.tmux.has_session(session("a")).await.unwrap());
    let kill = server
        .tmux
        .run(&Command::kill_session(session("a")))
        .await
        .unwrap_err();
    assert_eq!(kill.kind(), TmuxErrorKind::NoSuchTarget);
    assert!(server.tmux.has_session(session("ab")).await.unwrap());
    server
        .tmux
        .run(&Command::kill_session(session("ab")))
        .await
        .unwrap();
    assert!(!server.tmux.has_session(session("ab")).await.unwrap());
}

#[tokio::test]
async fn a_name_is_a_target_of_window_and_pane_commands_whatever_the_base_index() {
    let server = Server::with_session("_holder").await;
    server
        .raw(&["set-option", "-g", "base-index", "1"])
        .await
        .unwrap();
    server.start("a", &["cat", "-"]).await;
    assert!(
        server
            .raw(&["capture-pane", "-p", "-t", "=a:0.0"])
            .await
            .is_err()
    );
    assert!(
        server
            .raw(&["capture-pane", "-p", "-t", "=a"])
            .await
            .is_err()
    );
    let capture = Command::new("capture-pane").arg("-p").target(session("a"));
    server.tmux.run(&capture).await.unwrap();
}

#[tokio::test]
async fn a_taken_name_is_told_apart_and_its_session_left_alone() {
    let server = Server::with_session("a").await;
    let before = server.pane("a").await;
    let again = NewSession::new(session("a"), ["sh", "-c", "exit"])
        .tag("other")
        .command();
    let error = server.tmux.run(&again).await.unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::DuplicateSession);
    insta::assert_snapshot!(error, @"run tmux new-session: duplicate session: a");
    let after = server.pane("a").await;
    assert_eq!(
        (after.id, after.pid, after.tag),
        (before.id, before.pid, before.tag)
    );
}

#[tokio::test]
async fn of_many_who_make_the_same_session_one_succeeds() {
    let server = Server::with_session("_holder").await;
    let command = NewSession::new(session("a"), ["cat", "-"]).command();
    let (a, b, c, d) = tokio::join!(
        server.tmux.run(&command),
        server.tmux.run(&command),
        server.tmux.run(&command),
        server.tmux.run(&command),
    );
    assert_eq!([a, b, c, d].iter().filter(|made| made.is_ok()).count(), 1);
}

//! What goes wrong with tmux when it is used otherwise than this crate uses it.

use std::process::Output;

use podfleet_tmux::{CANONICAL_LINE_LIMIT, Command, Key, TmuxErrorKind, Version};

use super::Server;
use super::server::{file_of, session};

/// Runs tmux with words as they are, also those that this crate would escape.
fn bare(server: &Server, words: &[&str]) -> Output {
    std::process::Command::new("tmux")
        .args(["-u".as_ref(), "-S".as_ref(), server.socket().as_os_str()])
        .args(words)
        .env_remove("TMUX")
        .output()
        .unwrap()
}

/// Starts a program that writes what it reads to the file `got`.
async fn start_reader(server: &Server, stty: &str) {
    let got = server.path("got");
    let script = format!("stty {stty}; echo ready; exec cat > '{}'", got.display());
    server.start("reader", &["sh", "-c", &script]).await;
    server.shows("reader", "ready").await;
}

#[tokio::test]
async fn a_socket_name_means_another_server_under_another_directory() {
    let server = Server::new();
    let by_name = |directory: &str, words: &[&str]| {
        let directory = server.path(directory);
        std::fs::create_dir_all(&directory).unwrap();
        std::process::Command::new("tmux")
            .args(["-f", "/dev/null", "-L", "name"])
            .args(words)
            .env("TMUX_TMPDIR", directory)
            .env_remove("TMUX")
            .output()
            .unwrap()
    };
    assert!(
        by_name("one", &["new-session", "-d", "-s", "a", "cat"])
            .status
            .success()
    );
    assert!(
        by_name("one", &["has-session", "-t", "=a"])
            .status
            .success()
    );
    assert!(
        !by_name("other", &["has-session", "-t", "=a"])
            .status
            .success()
    );
    by_name("one", &["kill-server"]);
}

#[tokio::test]
async fn text_sent_as_keys_loses_a_semicolon_at_its_end_and_is_limited_in_size() {
    let server = Server::new();
    start_reader(&server, "raw -echo").await;
    assert!(
        bare(&server, &["send-keys", "-t", "=reader:", "-l", "a;"])
            .status
            .success()
    );
    assert!(
        bare(&server, &["send-keys", "-t", "=reader:", "-l", "b"])
            .status
            .success()
    );
    assert_eq!(file_of(&server.path("got"), 2).await, b"ab");
    let long = "x".repeat(20_000);
    let refused = bare(&server, &["send-keys", "-t", "=reader:", "-l", &long]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(
        TmuxErrorKind::of_stderr(&said),
        TmuxErrorKind::TooLong,
        "{said}"
    );
}

#[tokio::test]
async fn a_name_with_a_dot_is_changed_in_silence_which_is_why_it_is_mapped() {
    let server = Server::with_session("a").await;
    if server.tmux.version().await.unwrap() >= Version::release(3, 7) {
        return;
    }
    let made = bare(&server, &["new-session", "-d", "-s", "a.b:c", "cat"]);
    assert!(made.status.success());
    let panes = server.panes().await;
    let names: Vec<_> = panes
        .iter()
        .map(|pane| pane.session_name.as_str())
        .collect();
    assert_eq!(names, ["a", "a_b_c"]);
}

#[tokio::test]
async fn a_name_that_reads_as_a_target_can_be_made_and_not_be_addressed() {
    let server = Server::with_session("a").await;
    if server.tmux.version().await.unwrap() >= Version::release(3, 7) {
        return;
    }
    let made = bare(&server, &["new-session", "-d", "-s", "=e", "cat"]);
    assert!(made.status.success());
    assert_eq!(server.panes().await.len(), 2);
    let found = bare(&server, &["has-session", "-t", "=e"]);
    assert!(!found.status.success());
}

#[tokio::test]
async fn the_enter_key_of_the_number_pad_is_a_line_feed() {
    let server = Server::new();
    start_reader(&server, "raw -echo").await;
    let pressed = bare(
        &server,
        &["send-keys", "-t", "=reader:", "KPEnter", "Enter"],
    );
    assert!(pressed.status.success());
    assert_eq!(file_of(&server.path("got"), 2).await, b"\n\r");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn each_session_costs_the_server_a_descriptor() {
    let server = Server::with_session("a").await;
    let pid = server.raw(&["display-message", "-p", "#{pid}"]).await;
    let open = std::path::PathBuf::from(format!("/proc/{}/fd", pid.unwrap().trim()));
    // Of terminals alone: the connection of a client that ended may be open a moment longer.
    let terminals = || {
        let links = std::fs::read_dir(&open).unwrap().flatten();
        let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
        targets.filter(|target| target.ends_with("ptmx")).count()
    };
    assert_eq!(terminals(), 1);
    for number in 0..8 {
        server.start(&format!("s{number}"), &["cat", "-"]).await;
    }
    assert_eq!(terminals(), 9);
}

#[tokio::test]
async fn a_paste_without_the_option_for_line_feeds_submits_at_each() {
    let server = Server::new();
    start_reader(&server, "raw -echo").await;
    server
        .raw(&["set-buffer", "-b", "m", "a\nb"])
        .await
        .unwrap();
    server
        .raw(&["paste-buffer", "-b", "m", "-t", "=reader:"])
        .await
        .unwrap();
    assert_eq!(file_of(&server.path("got"), 3).await, b"a\rb");
}

#[tokio::test]
async fn an_end_of_paste_in_a_body_leaves_the_frame_which_is_why_it_is_removed() {
    let server = Server::new();
    if server.tmux.version().await.unwrap() >= Version::release(3, 7) {
        return;
    }
    let got = server.path("got");
    let script = format!(
        r"stty raw -echo; printf '\033[?2004hready'; exec cat > '{}'",
        got.display()
    );
    server.start("reader", &["sh", "-c", &script]).await;
    server.shows("reader", "ready").await;
    server
        .raw(&["set-buffer", "-b", "m", "a\x1b[201~b"])
        .await
        .unwrap();
    server
        .raw(&["paste-buffer", "-p", "-b", "m", "-t", "=reader:"])
        .await
        .unwrap();
    let framed = b"\x1b[200~a\x1b[201~b\x1b[201~";
    assert_eq!(file_of(&got, framed.len()).await, framed);
}

#[tokio::test]
async fn a_line_that_is_too_long_for_a_reader_of_lines_is_cut_in_silence() {
    let server = Server::new();
    start_reader(&server, "-echo").await;
    let long = "x".repeat(CANONICAL_LINE_LIMIT + 100);
    for text in [&long, "end"] {
        server.raw(&["set-buffer", "-b", "m", text]).await.unwrap();
        server
            .raw(&["paste-buffer", "-r", "-b", "m", "-t", "=reader:"])
            .await
            .unwrap();
        let pane = server.pane("reader").await.id;
        server
            .tmux
            .run(&Command::send_keys(pane, &[Key::Enter]))
            .await
            .unwrap();
    }
    let whole = CANONICAL_LINE_LIMIT + "\nend\n".len();
    let got = file_of(&server.path("got"), whole).await;
    assert_eq!(got.len(), whole);
    assert!(got.ends_with(b"x\nend\n"));
}

#[tokio::test]
async fn a_bare_control_client_makes_a_session_each_time() {
    let server = Server::with_session("_holder").await;
    for sessions in [2, 3] {
        let mut client = std::process::Command::new("tmux")
            .args(["-u".as_ref(), "-S".as_ref(), server.socket().as_os_str()])
            .arg("-C")
            .env_remove("TMUX")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        server.has_panes(sessions).await;
        // It ends with its input, and its session remains.
        drop(client.stdin.take());
        client.wait().unwrap();
        server.has_panes(sessions).await;
    }
}

#[tokio::test]
async fn a_read_only_client_can_type_all_the_same() {
    let server = Server::with_session("a").await;
    if server.tmux.version().await.unwrap() >= Version::release(3, 7) {
        return;
    }
    let pane = server.pane("a").await.id.to_string();
    let mut client = std::process::Command::new("tmux")
        .args(server.tmux.argv(&Command::watch_server(session("a"))))
        .env_remove("TMUX")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let typing = format!("send-keys -t {pane} -l typed\n");
    std::io::Write::write_all(client.stdin.as_mut().unwrap(), typing.as_bytes()).unwrap();
    server.shows("a", "typed").await;
    drop(client.stdin.take());
    client.wait().unwrap();
}

#[tokio::test]
async fn a_missing_directory_is_no_failure_and_the_program_runs_elsewhere() {
    let server = Server::with_session("_holder").await;
    let new = [
        "new-session",
        "-d",
        "-s",
        "a",
        "-c",
        "/nonexistent",
        "sh -c 'pwd; exec cat'",
    ];
    server.raw(&new).await.unwrap();
    server.shows("a", "/").await;
    assert!(!server.screen("a").await.contains("nonexistent"));
}

#[tokio::test]
async fn attaching_inside_a_pane_is_refused_and_making_a_session_is_not() {
    let server = Server::with_session("a").await;
    let said = server.path("said");
    let tmux = format!("tmux -S '{}'", server.socket().display());
    let script = format!(
        "{tmux} attach-session -t =a: 2>'{said}.new'; {tmux} new-session -d -s inner cat; \
         mv '{said}.new' '{said}'; exec cat",
        said = said.display()
    );
    server.start("b", &["sh", "-c", &script]).await;
    let said = String::from_utf8(file_of(&said, 10).await).unwrap();
    assert!(said.contains("nested with care"), "{said}");
    assert!(server.tmux.has_session(session("inner")).await.unwrap());
}

#[tokio::test]
async fn output_of_a_detached_session_moves_the_windows_activity_and_not_the_sessions() {
    let server = Server::with_session("_holder").await;
    let script = "while read -r line; do echo \"$line\"; done";
    server.start("a", &["sh", "-c", script]).await;
    let activity = async || {
        let format = "#{session_activity} #{window_activity}";
        let text = server
            .raw(&["display-message", "-p", "-t", "=a:", format])
            .await
            .unwrap();
        let (of_session, of_window) = text.split_once(' ').unwrap();
        (
            of_session.parse::<u64>().unwrap(),
            of_window.parse::<u64>().unwrap(),
        )
    };
    let before = activity().await;
    let pane = server.pane("a").await.id;
    // Its clock counts seconds.
    loop {
        server
            .tmux
            .run(&Command::send_keys(pane, &[Key::Enter]))
            .await
            .unwrap();
        let now = activity().await;
        assert_eq!(now.0, before.0, "the session's activity moved");
        if now.1 > before.1 {
            break;
        }
    }
}

//! Texts into panes, screens out of them.

use podfleet_tmux::{BufferName, Command, Key, PaneId, PaneView, Pasteable, TmuxErrorKind};

use super::Server;
use super::server::file_of;

/// Starts a program that writes what it is given to the file `got`, byte for byte.
async fn start_reader(server: &Server, prelude: &str) {
    let got = server.path("got");
    let script = format!(
        "stty raw -echo; printf '{prelude}ready'; exec cat > '{}'",
        got.display()
    );
    server.start("reader", &["sh", "-c", &script]).await;
    server.shows("reader", "ready").await;
}

async fn paste(server: &Server, text: &str) {
    let pane = server.pane("reader").await.id;
    let text = Pasteable::new(text).unwrap();
    server
        .tmux
        .paste(&BufferName::new("m1").unwrap(), pane, &text)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_paste_is_framed_where_the_program_asked_for_it() {
    let server = Server::new();
    start_reader(&server, r"\033[?2004h").await;
    paste(&server, "a\nb; \x1b[201~!;").await;
    let expected = b"\x1b[200~a\nb; [201~!;\x1b[201~";
    assert_eq!(file_of(&server.path("got"), expected.len()).await, expected);
}

#[tokio::test]
async fn a_paste_is_bare_elsewhere_and_enter_is_a_carriage_return() {
    let server = Server::new();
    start_reader(&server, "").await;
    paste(&server, "漢 👩\u{200d}🚀\n-l;").await;
    let pane = server.pane("reader").await.id;
    server
        .tmux
        .run(&Command::send_keys(pane, &[Key::Enter]))
        .await
        .unwrap();
    let expected = "漢 👩\u{200d}🚀\n-l;\r".as_bytes();
    assert_eq!(file_of(&server.path("got"), expected.len()).await, expected);
}

#[tokio::test]
async fn a_mebibyte_arrives_whole_and_leaves_no_buffer() {
    let server = Server::new();
    start_reader(&server, "").await;
    let text = "0123456789abcde\n".repeat(1 << 16);
    paste(&server, &text).await;
    assert!(file_of(&server.path("got"), text.len()).await == text.as_bytes());
    assert_eq!(server.raw(&["list-buffers"]).await.unwrap(), "");
}

#[tokio::test]
async fn a_paste_that_fails_leaves_no_buffer() {
    let server = Server::with_session("_holder").await;
    let (buffer, text) = (
        BufferName::new("m1").unwrap(),
        Pasteable::new("secret").unwrap(),
    );
    let error = server
        .tmux
        .paste(&buffer, PaneId::new(99), &text)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TmuxErrorKind::NoSuchTarget);
    assert_eq!(server.raw(&["list-buffers"]).await.unwrap(), "");
}

#[tokio::test]
async fn loading_nothing_keeps_an_older_buffer_which_is_why_an_empty_text_is_refused() {
    let server = Server::with_session("_holder").await;
    let load = |bytes: &'static str| {
        Command::new("load-buffer")
            .arg("-b")
            .arg("m1")
            .arg("-")
            .input(bytes)
    };
    server.tmux.run(&load("old")).await.unwrap();
    server.tmux.run(&load("")).await.unwrap();
    assert_eq!(
        server.raw(&["show-buffer", "-b", "m1"]).await.unwrap(),
        "old"
    );
    assert!(Pasteable::new("").is_none());
}

#[tokio::test]
async fn screens_of_many_panes_come_without_those_that_are_gone() {
    let server = Server::new();
    for name in ["a", "b"] {
        server
            .start(name, &["sh", "-c", "printf \"é $0\"; exec cat", name])
            .await;
        server.shows(name, name).await;
    }
    let (a, b, gone) = (
        server.pane("a").await.id,
        server.pane("b").await.id,
        PaneId::new(99),
    );
    let screens = server
        .tmux
        .capture(vec![gone, a, gone, b, gone], "N0NCE")
        .await
        .unwrap();
    assert_eq!(
        screens.iter().map(|(pane, _)| *pane).collect::<Vec<_>>(),
        [a, b]
    );
    assert!(screens[0].1.starts_with("é a\n") && screens[1].1.starts_with("é b\n"));
}

#[tokio::test]
async fn a_view_of_a_pane_has_its_cursor_its_faint_text_and_what_forbids_typing() {
    let server = Server::new();
    let prelude = r"\033]2;the title\033\\x \033[2mghost\033[0m\033[1;3H";
    start_reader(&server, prelude).await;
    let pane = server.pane("reader").await.id;
    let view = view(&server, pane).await;
    assert_eq!((view.columns, view.rows), (120, 30));
    assert_eq!((view.cursor_column, view.cursor_row), (7, 0));
    assert_eq!(view.title, "the title");
    assert!(view.cursor_visible && !view.alternate && !view.dead && !view.in_mode);
    let screen = String::from_utf8(view.screen).unwrap();
    assert!(screen.starts_with("x ready"), "{screen:?}");
    assert_eq!(screen.lines().count(), 30);
}

#[tokio::test]
async fn a_pane_that_somebody_looks_back_in_or_that_is_synchronized_says_so() {
    let server = Server::with_session("a").await;
    let pane = server.pane("a").await.id;
    server.raw(&["copy-mode", "-t", "=a:"]).await.unwrap();
    assert!(view(&server, pane).await.in_mode);
    let option = ["set-option", "-w", "-t", "=a:", "synchronize-panes", "on"];
    server.raw(&option).await.unwrap();
    assert!(view(&server, pane).await.synchronized);
}

#[tokio::test]
async fn keys_without_a_name_are_pressed_byte_by_byte() {
    let server = Server::new();
    start_reader(&server, "").await;
    let pane = server.pane("reader").await.id;
    let press = Command::send_bytes(pane, b"\x1b\r");
    server.tmux.run(&press).await.unwrap();
    assert_eq!(file_of(&server.path("got"), 2).await, b"\x1b\r");
}

async fn view(server: &Server, pane: PaneId) -> PaneView {
    let shown = server.tmux.run(&PaneView::command(pane)).await.unwrap();
    PaneView::parse(&shown.stdout).unwrap()
}

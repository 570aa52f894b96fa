use podfleet_protocol::Address;

use super::*;

/// A terminal that shows what a script says: what follows each text and key.
struct Scripted {
    screen: Screen,
    input: Option<TerminalInput>,
    after_put: Option<Screen>,
    after_key: Option<Screen>,
    typed: Vec<String>,
}

impl BareTerminal for Scripted {
    type Error = &'static str;

    async fn screen(&mut self) -> Result<Screen, Self::Error> {
        Ok(self.screen.clone())
    }

    async fn put(&mut self, text: &str) -> Result<(), Self::Error> {
        self.typed.push(text.to_owned());
        match self.after_put.take() {
            Some(screen) => self.screen = screen,
            None => return Err("gone"),
        }
        Ok(())
    }

    async fn press(&mut self, key: &[u8]) -> Result<(), Self::Error> {
        self.typed.push(format!("{key:?}"));
        if let Some(screen) = self.after_key.take() {
            self.screen = screen;
        }
        Ok(())
    }

    fn input(&self) -> Option<TerminalInput> {
        self.input
    }
}

const TEXT: &str = "[fern:operator -> fern:coder] hello";

fn composer(text: &str, above: &str) -> Screen {
    let rule = "─".repeat(60);
    Screen::from_text(
        60,
        &format!("{above}\n{rule}\n❯ {text}\n{rule}\n  ? for help\n"),
    )
}

fn terminal(screen: Screen) -> Scripted {
    Scripted {
        screen,
        input: None,
        after_put: Some(composer(TEXT, "")),
        after_key: Some(composer("", "⠋ Working… (1s)")),
        typed: Vec::new(),
    }
}

fn parcel(body: &str) -> Parcel {
    let message = Message {
        id: MessageId::generate(),
        from: Address::operator("fern"),
        to: Address::new("fern", "coder"),
        kind: podfleet_protocol::Kind::Run,
        class: podfleet_protocol::Class::Actionable,
        thread: None,
        body: body.into(),
        typing: podfleet_protocol::Typing::default(),
        accepted: clock::wall(),
    };
    Parcel::new(&message, Outcome::Accepted, Duration::from_secs(1)).unwrap()
}

async fn delivered(harness: &str, terminal: &mut Scripted) -> Receipt {
    let harness = Harness::shipped(harness).unwrap();
    deliver(terminal, &harness, &parcel("hello")).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_typed_submitted_and_shown_to_have_started() {
    let mut terminal = terminal(composer("", ""));
    let receipt = delivered("sim", &mut terminal).await;
    assert_eq!(receipt.outcome, Outcome::Started, "{receipt:?}");
    assert_eq!(terminal.typed, [TEXT, "[13]"]);
}

#[tokio::test(start_paused = true)]
async fn into_a_draft_a_dialog_or_a_blank_screen_nothing_is_typed() {
    let dialog = Screen::from_text(60, "Do you want to proceed?\n❯ 1. Yes\n  2. No\n");
    for screen in [composer("half a thought", ""), dialog, Screen::default()] {
        let mut terminal = terminal(screen);
        let receipt = delivered("sim", &mut terminal).await;
        assert_eq!(receipt.outcome, Outcome::Refused, "{receipt:?}");
        assert!(terminal.typed.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_screen_that_never_shows_the_text_is_never_submitted() {
    let mut terminal = terminal(composer("", ""));
    terminal.after_put = Some(composer("", ""));
    let receipt = delivered("sim", &mut terminal).await;
    assert_eq!(receipt.outcome, Outcome::Unknown, "{receipt:?}");
    assert_eq!(terminal.typed, [TEXT]);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_lost_while_it_is_typed_into_leaves_a_doubt() {
    let mut terminal = terminal(composer("", ""));
    terminal.after_put = None;
    let harness = Harness::shipped("sim").unwrap();
    let parcel = parcel("hello");
    let broken = deliver(&mut terminal, &harness, &parcel).await.unwrap_err();
    assert_eq!(broken.receipt.unwrap().outcome, Outcome::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_somebody_has_begun_at_a_prompt_is_not_mixed_with_ours() {
    let mut screen = Screen::from_text(60, "me@fern:~$ rm -r x");
    screen.cursor.column = 18;
    screen.cursor.visible = true;
    let mut terminal = terminal(screen);
    let receipt = delivered("generic", &mut terminal).await;
    assert_eq!(receipt.outcome, Outcome::Refused, "{receipt:?}");
    assert!(receipt.reason.unwrap().contains("behind the prompt"));
}

/// A line at a prompt, the cursor behind what `rows` end with.
fn line(rows: &str) -> Screen {
    let mut screen = Screen::from_text(60, rows);
    let last = rows.lines().count() - 1;
    screen.cursor.row = u16::try_from(last).unwrap();
    screen.cursor.column = u16::try_from(rows.lines().last().unwrap().len()).unwrap();
    screen.cursor.visible = true;
    screen
}

/// A terminal that echoes in the place of its program, and what is shown after the submit key.
fn echoing(input: Option<TerminalInput>, after: &str) -> Scripted {
    Scripted {
        screen: line("me@fern:~$ "),
        input,
        after_put: Some(line(&format!("me@fern:~$ {TEXT}"))),
        after_key: Some(line(&format!("me@fern:~$ {TEXT}\n{after}"))),
        typed: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_no_program_is_known_to_have_read_is_not_submitted() {
    let input = |unread| {
        let away = false;
        Some(TerminalInput { unread, away })
    };
    for (input, after, outcome) in [
        (input(true), " ", Outcome::TypedNotSubmitted),
        (input(false), " ", Outcome::Submitted),
        (None, " ", Outcome::Unknown),
        (None, "me@fern:~$ ", Outcome::Submitted),
    ] {
        let mut terminal = echoing(input, after);
        let receipt = delivered("generic", &mut terminal).await;
        assert_eq!(receipt.outcome, outcome, "{input:?}: {receipt:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_command_has_the_terminal_nothing_is_typed() {
    let (unread, away) = (false, true);
    let mut terminal = echoing(Some(TerminalInput { unread, away }), " ");
    let receipt = delivered("generic", &mut terminal).await;
    assert_eq!(receipt.outcome, Outcome::Refused, "{receipt:?}");
    assert!(receipt.reason.unwrap().contains("busy"));
    assert!(terminal.typed.is_empty());
}

#[test]
fn several_lines_are_refused_where_each_could_be_a_message() {
    let of = |name| Harness::shipped(name).unwrap();
    assert!(typable(&of("generic"), "a\nb").is_err());
    assert!(typable(&of("generic"), &"x".repeat(CANONICAL_LINE + 1)).is_err());
    assert!(typable(&of("sim"), "a\nb").is_ok());
    assert!(typable(&of("sim"), &"x".repeat(100_000)).is_err());
}

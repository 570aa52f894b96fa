//! What holds for any screen and any text.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::LazyLock;
use std::time::Duration;

use podfleet_harness::{
    Composer, Cursor, Harness, Holding, Row, SHIPPED, Screen, ScreenState, Signals,
};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

const FRAGMENTS: &[&str] = &[
    "────────────────────────────────────────",
    "❯ ",
    "❯ 1. Yes",
    "› ",
    "┃  text",
    "╹▀▀▀▀▀▀▀▀",
    "  ↳ queued",
    "esc to interrupt",
    "Do you want to proceed?",
    "⠂ busy",
    "● API Error: 529",
    "[Pasted text #1 +12 lines]",
    "  ┃   Allow once   Reject   ⇆ select  enter confirm",
    "👩‍💻 e\u{301} 日本語\u{a0}",
    "",
];

fn any_screen() -> impl Strategy<Value = Screen> {
    let text = prop_oneof![
        prop::sample::select(FRAGMENTS).prop_map(str::to_owned),
        ".{0,30}"
    ];
    let ranges = || prop::collection::vec((0..60_usize, 0..60_usize).prop_map(|(a, b)| a..b), 0..3);
    let row = (text, ranges(), ranges(), any::<bool>());
    let row = row.prop_map(|(text, faint, lit, wrapped)| Row {
        text,
        faint,
        lit,
        wrapped,
    });
    let cursor = (0..20_u16, 0..50_u16, any::<bool>()).prop_map(|(row, column, visible)| Cursor {
        row,
        column,
        visible,
    });
    let title = prop_oneof![Just(String::new()), Just("⠂ x".to_owned()), ".{0,5}"];
    (prop::collection::vec(row, 0..16), 0..45_u16, cursor, title).prop_map(
        |(rows, columns, cursor, title)| Screen {
            rows,
            columns,
            cursor,
            title,
            ..Screen::default()
        },
    )
}

/// Texts with words, wide characters, joined emoji and several lines; not blank at the end.
fn any_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-zA-Z0-9;:.,!?/'\"-]{1,14}",
        Just("日本語のテキスト".to_owned()),
        Just("👩‍💻🚀".to_owned()),
        Just("esc to interrupt".to_owned()),
    ];
    let line = prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..8).prop_map(|lines| {
        let text = format!("[host:operator -> host:coder] {}", lines.join("\n"));
        text.trim_end().to_owned()
    })
}

/// Breaks every line of a text at a width.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut row = String::new();
        for character in line.chars() {
            let next = format!("{row}{character}");
            if next.width() > width {
                rows.push(std::mem::take(&mut row));
            }
            row.push(character);
        }
        rows.push(row);
    }
    rows
}

/// Compiling the patterns takes longer than all else here.
static HARNESSES: LazyLock<Vec<Harness>> = LazyLock::new(|| {
    SHIPPED
        .iter()
        .map(|name| Harness::shipped(name).unwrap())
        .collect()
});

fn with_composer() -> impl Iterator<Item = &'static Harness> {
    HARNESSES
        .iter()
        .filter(|harness| harness.name() != "generic")
}

fn generic() -> &'static Harness {
    HARNESSES
        .iter()
        .find(|harness| harness.name() == "generic")
        .unwrap()
}

const COLUMNS: u16 = 60;

/// A screen with the cursor after the last character of a row.
fn with_cursor(rows: &[String], row: usize) -> Screen {
    let mut screen = Screen::from_text(COLUMNS, &rows.join("\n"));
    screen.cursor = Cursor {
        row: u16::try_from(row).unwrap(),
        column: u16::try_from(rows[row].width()).unwrap(),
        visible: true,
    };
    screen
}

/// Lays a composer's rows out as an agent does.
fn laid_out(harness: &str, content: &[String]) -> Screen {
    laid_out_from(harness, content, false)
}

/// The same for an agent that shows the marker with the first row of the text only, and may have
/// scrolled it away.
fn laid_out_from(harness: &str, content: &[String], scrolled: bool) -> Screen {
    let rule = "─".repeat(COLUMNS.into());
    let marked = |marker: &str, indent: &str| {
        content
            .iter()
            .enumerate()
            .map(|(index, row)| {
                format!(
                    "{}{row}",
                    if index == 0 && !scrolled {
                        marker
                    } else {
                        indent
                    }
                )
            })
            .collect::<Vec<_>>()
    };
    let (above, rows, below) = match harness {
        "claude" => (
            rule.clone(),
            marked("❯\u{a0}", "  "),
            vec![rule, "  ? for shortcuts".into()],
        ),
        "sim" => (
            rule.clone(),
            marked("❯ ", "  "),
            vec![rule, "  ? for shortcuts".into()],
        ),
        "pi" => (
            rule.clone(),
            marked("", ""),
            vec![rule, "/srv/demo".into(), "0.0%".into()],
        ),
        "codex" => (
            String::new(),
            marked("› ", "  "),
            vec![String::new(), "  model · /srv".into()],
        ),
        _ => (
            "  ┃".to_owned(),
            marked("  ┃  ", "  ┃  "),
            vec![
                "  ┃".into(),
                "  ┃  Build".into(),
                format!("  ╹{}", "▀".repeat(57)),
                " /srv".into(),
            ],
        ),
    };
    let mut screen = vec!["● an answer".to_owned(), above];
    screen.extend(rows);
    let last = screen.len() - 1;
    screen.extend(below);
    with_cursor(&screen, last)
}

proptest! {
    #[test]
    fn no_screen_makes_a_rule_panic(screen in any_screen(), text in ".{0,40}", quiet in 0..5000_u64) {
        let signals = Signals { quiet_for: Duration::from_millis(quiet), ..Signals::default() };
        for harness in &*HARNESSES {
            let _ = harness.classify(&screen, &signals);
            let _ = harness.composer(&screen);
            let _ = harness.holds(&screen, &text);
            let _ = harness.queued(&screen, &text);
        }
    }

    #[test]
    fn a_text_laid_out_in_a_composer_is_held(text in any_text()) {
        for harness in with_composer() {
            let name = harness.name();
            let screen = laid_out(name, &wrapped(&text, 55));
            prop_assert_eq!(harness.holds(&screen, &text), Holding::Text, "{}: {:?}", name, screen);
            let state = harness.classify(&screen, &Signals::default()).state;
            prop_assert_eq!(state, ScreenState::Draft, "{}", name);
        }
    }

    #[test]
    fn the_end_of_a_text_laid_out_in_a_composer_is_held(text in any_text(), shown in 2..4_usize) {
        let rows = wrapped(&text, 55);
        let tail = &rows[rows.len().saturating_sub(shown)..];
        prop_assume!(tail.concat().chars().filter(|c| c.is_alphanumeric()).count() >= 24);
        prop_assume!(tail.iter().any(|row| !row.is_empty()));
        for harness in with_composer() {
            let name = harness.name();
            let screen = laid_out(name, tail);
            prop_assert_eq!(harness.holds(&screen, &text), Holding::Text, "{}: {:?}", name, screen);
            if ["claude", "sim"].contains(&name) {
                let screen = laid_out_from(name, tail, true);
                prop_assert_eq!(harness.holds(&screen, &text), Holding::Text, "{}: {:?}", name, screen);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_whole_or_not_alone_is_not_held(text in any_text()) {
        for harness in with_composer() {
            let name = harness.name();
            let begun: String = text.chars().take(20).collect();
            let screen = laid_out(name, &wrapped(&begun, 55));
            prop_assert_eq!(harness.holds(&screen, &format!("{text}!")), Holding::No, "{}", name);
            let draft = laid_out(name, &wrapped(&format!("a draft, {text}"), 55));
            prop_assert_eq!(harness.holds(&draft, &text), Holding::No, "{}", name);
        }
    }

    #[test]
    fn an_empty_composer_holds_nothing(text in any_text()) {
        for harness in with_composer() {
            let name = harness.name();
            let screen = laid_out(name, &[String::new()]);
            prop_assert_eq!(harness.composer(&screen), Composer::Empty, "{}", name);
            prop_assert_eq!(harness.holds(&screen, &text), Holding::No, "{}", name);
        }
    }

    #[test]
    fn an_echoed_text_is_held_until_it_is_submitted(text in any_text(), prompt in "[a-z]{0,9}[$>#] ") {
        let generic = generic();
        let mut rows = wrapped(&format!("{prompt}{text}"), COLUMNS.into());
        let mut screen = with_cursor(&rows, rows.len() - 1);
        for (row, laid_out) in screen.rows.iter_mut().zip(&rows) {
            row.wrapped = laid_out.width() + 1 >= COLUMNS.into();
        }
        prop_assert_eq!(generic.holds(&screen, &text), Holding::Text);

        rows.push("done".to_owned());
        rows.push(prompt);
        let screen = with_cursor(&rows, rows.len() - 1);
        prop_assert_eq!(generic.holds(&screen, &text), Holding::No);
    }
}

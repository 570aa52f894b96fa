//! How entries of a chat look in a terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet_connectors::tmux::{ChatEntry, Side};
use unicode_width::UnicodeWidthStr;

use crate::render::style::{DIM, GOOD, STRONG};
use crate::render::wrap::{width, wrap};

/// Shows an entry: its place, when, who, its thread, and the text below each other.
///
/// Nothing of it reaches the terminal as a control character: an agent wrote it.
pub(super) fn entry(entry: &ChatEntry, zone: &TimeZone, root: Option<u64>) -> String {
    let at = i64::try_from(entry.at).unwrap_or(0);
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    let at = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let style = match entry.from {
        Side::Human => STRONG,
        Side::Fleet => GOOD,
    };
    let thread = root.map(|root| format!(" in #{root}")).unwrap_or_default();
    let sender = plain(&entry.sender);
    let mut text = format!(
        "{DIM}#{} {at}{DIM:#} {style}{sender}{style:#}{DIM}{thread}{DIM:#}\n",
        entry.seq
    );
    for line in plain(&entry.text).lines() {
        text.push_str("  ");
        text.push_str(&wrap(&cut_rules(line), 2, "  "));
        text.push('\n');
    }
    for file in &entry.files {
        let path = plain(&file.path.display().to_string());
        text.push_str(&format!(
            "  {DIM}[{}]{DIM:#} {path}\n",
            plain(&file.media_type)
        ));
    }
    text
}

/// Cuts what is drawn across the page, and is no word, to the width that there is.
fn cut_rules(line: &str) -> String {
    let fits = |word: &str| {
        let room = width().saturating_sub(2);
        match word.width() > room && !word.contains(char::is_alphanumeric) {
            true => word.chars().take(room).collect(),
            false => word.to_owned(),
        }
    };
    line.split(' ').map(fits).collect::<Vec<_>>().join(" ")
}

/// Returns a text without anything that a terminal takes for an order.
pub(in crate::commands) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => Some('\n'),
        '\t' => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    };
    text.chars().filter_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_entry(text: &str) -> ChatEntry {
        ChatEntry {
            seq: 7,
            id: "x".to_owned(),
            at: 1_767_225_600_000,
            from: Side::Fleet,
            sender: "fleet".to_owned(),
            text: text.to_owned(),
            thread: None,
            reply_to: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn an_entry_names_its_place_and_its_thread() {
        let text = entry(&an_entry("**done**\n- a\n- b"), &TimeZone::UTC, Some(3));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
        #7 00:00 fleet in #3
          **done**
          - a
          - b
        ");
    }

    #[test]
    fn a_line_across_the_page_is_no_wider_than_the_page() {
        let path = format!("/{}", "a".repeat(90));
        let text = format!("{}\n{path}", "─".repeat(120));
        let text = entry(&an_entry(&text), &TimeZone::UTC, None);
        let text = anstream::adapter::strip_str(&text).to_string();
        let shown = format!("\n  {}\n  {path}\n", "─".repeat(78));
        assert!(text.ends_with(&shown), "{text}");
    }

    #[test]
    fn nothing_that_an_agent_wrote_orders_the_terminal_about() {
        let text = entry(
            &an_entry("a\u{1b}]0;t\u{7}\u{9b}2Jb\rc"),
            &TimeZone::UTC,
            None,
        );
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.ends_with("\n  a]0;t2Jbc\n"), "{text:?}");
    }
}

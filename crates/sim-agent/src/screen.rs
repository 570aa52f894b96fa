//! What the screen shows, as lines: pure functions from the agent's state.
//!
//! The transcript scrolls away above; the **block** at the bottom (spinner, queue, composer or
//! dialog, footer) is drawn again in its place.

use std::time::Duration;

use crate::composer::Composer;
use crate::dialog::Dialog;
use crate::text::{clip, printable, width, wrap};
use crate::transcript::Entry;

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const TITLE_FRAMES: [char; 4] = ['⠂', '⠐', '⠠', '⠄'];
/// How long one frame of the spinner stands.
pub const SPINNER_PERIOD: Duration = Duration::from_millis(100);
/// The slash commands and what the picker says of them.
pub const COMMANDS: [(&str, &str); 2] = [
    ("/clear", "reset the conversation"),
    ("/exit", "leave the program"),
];
/// Queued messages listed one by one; the others are counted.
const LISTED: usize = 4;

/// A terminal's size in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// One row of text: first plain, then faint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Drawn as it is.
    pub plain: String,
    /// Drawn faint behind it.
    pub faint: String,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            plain: text.into(),
            faint: String::new(),
        }
    }

    fn faint(text: impl Into<String>) -> Self {
        Self {
            plain: String::new(),
            faint: text.into(),
        }
    }

    /// Returns the columns it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.plain) + width(&self.faint)
    }
}

/// The part of the screen that is drawn in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its rows, none wider than the terminal.
    pub lines: Vec<Line>,
    /// Row and column of the cursor within the block; `None` hides it.
    pub cursor: Option<(usize, usize)>,
}

/// What the block is made from.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Not ready yet: one line, nothing else.
    pub starting: bool,
    /// A dialog in the composer's place.
    pub dialog: Option<&'a Dialog>,
    /// How long the turn has lasted, where the agent shows that it is busy.
    pub busy: Option<Duration>,
    /// The messages queued while busy, where they are shown.
    pub queued: Vec<&'a str>,
    /// The input box.
    pub composer: &'a Composer,
    /// The ghost text of the empty input box.
    pub ghost: Option<&'a str>,
    /// Whether `/` opens the command picker.
    pub picker: bool,
    /// Whether ctrl-C has been pressed once.
    pub exit_armed: bool,
}

/// Returns the terminal's title, once there is one.
#[must_use]
pub fn title(view: &View<'_>) -> Option<String> {
    match (view.starting, view.busy, view.dialog) {
        (true, ..) => None,
        (false, Some(elapsed), None) => {
            // Four spinner frames to one of the title's, as titles are expensive for terminals.
            let frame = frame_of(elapsed) / 4 % TITLE_FRAMES.len();
            Some(format!("{} sim", TITLE_FRAMES[frame]))
        }
        _ => Some("✳ sim".to_owned()),
    }
}

/// Returns the block for a terminal of this size; it is never higher than that.
#[must_use]
pub fn block(view: &View<'_>, size: Size) -> Block {
    let columns = usize::from(size.columns).max(4);
    let mut block = match (view.starting, view.dialog) {
        (true, _) => Block {
            lines: vec![Line::faint("sim-agent starting…")],
            cursor: None,
        },
        (_, Some(dialog)) => dialog_block(dialog),
        _ => composer_block(view, columns, usize::from(size.rows)),
    };
    let excess = block
        .lines
        .len()
        .saturating_sub(usize::from(size.rows).max(1));
    block.lines.drain(..excess);
    block.cursor = block
        .cursor
        .and_then(|(row, column)| Some((row.checked_sub(excess)?, column)));
    for line in &mut block.lines {
        line.plain.truncate(clip(&line.plain, columns).len());
        let left = columns - width(&line.plain);
        line.faint.truncate(clip(&line.faint, left).len());
    }
    block
}

fn dialog_block(dialog: &Dialog) -> Block {
    let mut lines = vec![Line::default(), Line::plain(dialog.question.text())];
    for (at, option) in dialog.question.options().iter().enumerate() {
        let mark = if at == dialog.selected { '❯' } else { ' ' };
        lines.push(Line::plain(format!("{mark} {}. {option}", at + 1)));
    }
    Block {
        lines,
        cursor: None,
    }
}

fn composer_block(view: &View<'_>, columns: usize, rows: usize) -> Block {
    let mut lines = vec![Line::default()];
    lines.extend(busy_lines(view, columns));
    lines.push(Line::faint("─".repeat(columns)));
    lines.extend(input_box(view, columns, rows));
    let last = lines.last().map_or(0, |line| width(&line.plain));
    // Right of a full row there is no cell for the cursor.
    let cursor = (lines.len() - 1, last.min(columns - 1));
    lines.push(Line::faint("─".repeat(columns)));
    let below = below_lines(view);
    lines.extend(
        below
            .iter()
            .map(|line| Line::faint(clip(line, columns - 1))),
    );
    Block {
        lines,
        cursor: Some(cursor),
    }
}

fn busy_lines(view: &View<'_>, columns: usize) -> Vec<Line> {
    let Some(elapsed) = view.busy else {
        return Vec::new();
    };
    let spinner = SPINNER[frame_of(elapsed) % SPINNER.len()];
    let seconds = elapsed.as_secs();
    let mut lines = vec![Line::plain(format!(
        "{spinner} Working… ({seconds}s · esc to interrupt)"
    ))];
    for message in view.queued.iter().take(LISTED) {
        let text = printable(message).replace('\n', " ");
        lines.push(Line::plain(format!(
            "  ↳ {}",
            ellipsis(&text, columns.saturating_sub(5))
        )));
    }
    if view.queued.len() > LISTED {
        lines.push(Line::faint(format!(
            "  … {} more",
            view.queued.len() - LISTED
        )));
    }
    lines
}

fn ellipsis(text: &str, columns: usize) -> String {
    match clip(text, columns) {
        whole if whole.len() == text.len() => whole.to_owned(),
        _ => format!("{}…", clip(text, columns.saturating_sub(1))),
    }
}

/// Returns the rows of the input box; of one higher than a third of the screen its tail.
fn input_box(view: &View<'_>, columns: usize, rows: usize) -> Vec<Line> {
    if view.composer.is_empty() {
        let ghost = view.ghost.map(printable).unwrap_or_default();
        return vec![Line {
            plain: "❯ ".to_owned(),
            faint: ghost,
        }];
    }
    let shown = printable(&view.composer.shown());
    let highest = (rows / 3).max(1);
    // From the end, as a long text is drawn often and only its tail is seen.
    let mut tail: Vec<Line> = Vec::new();
    for (at, line) in shown
        .split('\n')
        .enumerate()
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        let mark = if at == 0 { "❯ " } else { "  " };
        tail.extend(
            hanging(mark, line, columns)
                .into_iter()
                .rev()
                .map(Line::plain),
        );
        if tail.len() >= highest {
            break;
        }
    }
    tail.truncate(highest);
    tail.reverse();
    tail
}

/// Returns what stands below the input box: the command picker or the footer.
fn below_lines(view: &View<'_>) -> Vec<String> {
    let shown = view.composer.shown();
    if view.picker && shown.starts_with('/') {
        let matching = COMMANDS
            .iter()
            .filter(|(name, _)| name.starts_with(shown.as_str()));
        let lines: Vec<String> = matching
            .map(|(name, about)| format!("  {name:<8} {about}"))
            .collect();
        return if lines.is_empty() {
            vec!["  no matching command".to_owned()]
        } else {
            lines
        };
    }
    let footer = match (view.exit_armed, view.busy.is_some(), view.queued.is_empty()) {
        (true, ..) => "  Press ctrl-c again to exit",
        (_, true, false) => "  Press up to edit queued messages",
        (_, true, true) => "  esc to interrupt",
        _ => "  ? for shortcuts",
    };
    vec![footer.to_owned()]
}

/// Returns the rows of a transcript entry, cut to the terminal's width.
#[must_use]
pub fn entry_lines(entry: &Entry, columns: u16) -> Vec<Line> {
    let columns = usize::from(columns).max(4);
    let text = printable(entry.text());
    match entry {
        Entry::Banner(_) => wrap(&text, columns).into_iter().map(Line::plain).collect(),
        Entry::User(_) => std::iter::once(Line::default())
            .chain(hanging("> ", &text, columns).into_iter().map(Line::plain))
            .collect(),
        Entry::Answer(_) => hanging("● ", &text, columns)
            .into_iter()
            .map(Line::plain)
            .collect(),
        Entry::Note(_) => hanging("  ", &text, columns)
            .into_iter()
            .map(Line::faint)
            .collect(),
        Entry::Output(_) => text
            .split('\n')
            .flat_map(|line| wrap(line, columns))
            .map(Line::plain)
            .collect(),
    }
}

/// Wraps text behind a mark of two columns; later rows are indented by two blanks.
fn hanging(mark: &str, text: &str, columns: usize) -> Vec<String> {
    text.split('\n')
        .flat_map(|line| wrap(line, columns - 2))
        .enumerate()
        .map(|(at, row)| format!("{}{row}", if at == 0 { mark } else { "  " }))
        .collect()
}

fn frame_of(elapsed: Duration) -> usize {
    usize::try_from(elapsed.as_millis() / SPINNER_PERIOD.as_millis()).unwrap_or_default()
}

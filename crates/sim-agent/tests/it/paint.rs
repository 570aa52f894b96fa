//! The painter's bytes on a terminal model: the screen always shows the end of the transcript and
//! the block, whatever was drawn before.

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line, Point};
use alacritty_terminal::term::{Config, Term, test::TermSize};
use alacritty_terminal::vte::ansi::{Processor, StdSyncHandler};
use podfleet_sim_agent::paint::Painter;
use podfleet_sim_agent::screen::{Block, Line as Row, Size, entry_lines};
use podfleet_sim_agent::transcript::{Entry, Transcript};
use proptest::prelude::*;

const SIZE: Size = Size {
    rows: 10,
    columns: 20,
};

struct Screen {
    term: Term<VoidListener>,
    processor: Processor<StdSyncHandler>,
}

impl Screen {
    fn new(size: Size) -> Self {
        let size = TermSize::new(size.columns.into(), size.rows.into());
        let term = Term::new(Config::default(), &size, VoidListener);
        Self {
            term,
            processor: Processor::new(),
        }
    }

    fn write(&mut self, text: &str) {
        self.processor.advance(&mut self.term, text.as_bytes());
    }

    /// All rows, scrollback first, without blank ones at the end.
    fn rows(&self) -> Vec<String> {
        let grid = self.term.grid();
        let top = -i32::try_from(grid.history_size()).unwrap();
        let bottom = i32::try_from(grid.screen_lines()).unwrap();
        let mut rows: Vec<String> = (top..bottom)
            .map(|line| {
                let row: String = (0..grid.columns())
                    .map(|column| grid[Line(line)][Column(column)].c)
                    .collect();
                row.trim_end().to_owned()
            })
            .collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn cursor(&self) -> Point {
        self.term.grid().cursor.point
    }
}

fn block(lines: &[&str]) -> Block {
    let lines: Vec<Row> = lines
        .iter()
        .map(|line| Row {
            plain: (*line).to_owned(),
            faint: String::new(),
        })
        .collect();
    let cursor = Some((lines.len().saturating_sub(2), 2));
    Block { lines, cursor }
}

fn expected(transcript: &Transcript, block: &Block) -> Vec<String> {
    let entries = transcript
        .since(0)
        .flat_map(|entry| entry_lines(entry, SIZE.columns));
    let rows = entries.chain(block.lines.iter().cloned());
    rows.map(|row| (row.plain + &row.faint).trim_end().to_owned())
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    Say(String),
    Answer(String),
    Block(usize),
}

const BLOCKS: &[&[&str]] = &[
    &[
        "top",
        "────────────────────",
        "> x",
        "────────────────────",
        "footer",
    ],
    &[
        "top",
        "────────────────────",
        "> x",
        "  y",
        "  z",
        "────────────────────",
        "footer",
    ],
    &["question", "1", "2"],
    &["one"],
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        "[a-z]{1,50}".prop_map(Step::Say),
        "[a-z\n]{1,30}[a-z]".prop_map(Step::Answer),
        (0..BLOCKS.len()).prop_map(Step::Block),
    ]
}

proptest! {
    #[test]
    fn scrollback_and_screen_hold_the_transcript_and_one_block(
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut screen = Screen::new(SIZE);
        let mut painter = Painter::new(SIZE, false);
        let mut transcript = Transcript::default();
        let mut current = block(BLOCKS[0]);
        for step in steps {
            match step {
                Step::Say(text) => transcript.push(Entry::User(text)),
                Step::Answer(text) => transcript.push(Entry::Answer(text)),
                Step::Block(at) => current = block(BLOCKS[at]),
            }
            screen.write(&painter.frame(&transcript, &current));
            prop_assert_eq!(screen.rows(), expected(&transcript, &current));
        }
    }
}

#[test]
fn the_cursor_stands_in_the_composer() {
    let mut screen = Screen::new(SIZE);
    let mut painter = Painter::new(SIZE, false);
    screen.write(&painter.frame(&Transcript::default(), &block(BLOCKS[0])));
    assert_eq!(screen.cursor(), Point::new(Line(3), Column(2)));
}

#[test]
fn a_frame_without_changes_writes_nothing() {
    let mut painter = Painter::new(SIZE, false);
    let transcript = Transcript::default();
    assert!(!painter.frame(&transcript, &block(BLOCKS[0])).is_empty());
    assert_eq!(painter.frame(&transcript, &block(BLOCKS[0])), "");
    assert!(!painter.title(Some("✳ sim".to_owned())).is_empty());
    assert_eq!(painter.title(Some("✳ sim".to_owned())), "");
}

#[test]
fn a_new_size_and_a_cleared_transcript_draw_everything_anew() {
    let mut painter = Painter::new(SIZE, false);
    let mut transcript = Transcript::default();
    for number in 0..40 {
        transcript.push(Entry::Note(format!("note {number}")));
    }
    painter.frame(&transcript, &block(BLOCKS[0]));
    let small = Size {
        rows: 6,
        columns: 12,
    };
    let mut screen = Screen::new(small);
    screen.write(&painter.resize(small, &transcript, &block(&["top", "> x", "footer"])));
    assert_eq!(
        screen.rows(),
        [
            "  note 37",
            "  note 38",
            "  note 39",
            "top",
            "> x",
            "footer"
        ]
    );
    transcript.clear();
    let mut screen = Screen::new(small);
    screen.write(&painter.frame(&transcript, &block(&["top", "> x", "footer"])));
    assert_eq!(screen.rows(), ["top", "> x", "footer"]);
}

#[test]
fn the_alternate_screen_keeps_nothing_in_the_scrollback() {
    let mut screen = Screen::new(SIZE);
    let mut painter = Painter::new(SIZE, true);
    let mut transcript = Transcript::default();
    screen.write("\x1b[?1049h");
    for number in 0..40 {
        transcript.push(Entry::Note(format!("note {number}")));
        screen.write(&painter.frame(&transcript, &block(BLOCKS[2])));
    }
    screen.write(&painter.leave());
    screen.write("\x1b[?1049l");
    assert_eq!(screen.rows(), Vec::<String>::new());
}

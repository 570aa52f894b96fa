//! Classifies the screens in `tests/screens`.
//!
//! A screen is three files: `NAME.txt` is what the terminal shows, `NAME.meta` the cursor, whether it
//! is hidden, the title and, for some, what is faint or lit and which message is queued,
//! `NAME.expected` what the harness has to say of it. They lie in `HARNESS/COLUMNSxROWS`. Adding a screen adds a test. With
//! `UPDATE_EXPECTED=1` in the environment the expectations are written instead; look at what
//! changed.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use podfleet_harness::{Composer, Cursor, Harness, Holding, Screen, ScreenState, Signals};

/// A recorded screen, with what else a harness is asked about it.
struct Recording {
    screen: Screen,
    signals: Signals,
    /// A message that may be in the agent's queue.
    queued: String,
}

fn classifies_as_expected(path: &Path) -> datatest_stable::Result<()> {
    let recording = read(path)?;
    let screen = &recording.screen;
    let harness = Harness::shipped(&folder(path, 2)?).ok_or("no such harness")?;
    if let Composer::Holds(text) = harness.composer(screen)
        && harness.holds(screen, &text) != Holding::Text
    {
        return Err(format!("the composer holds {text:?} but `holds` denies it").into());
    }
    let actual = describe(&harness, &recording);
    let file = path.with_extension("expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&file, &actual)?;
    }
    let expected = std::fs::read_to_string(&file)?;
    if expected != actual {
        return Err(format!("expected:\n{expected}\nactual:\n{actual}").into());
    }
    Ok(())
}

fn describe(harness: &Harness, recording: &Recording) -> String {
    let screen = &recording.screen;
    let classification = harness.classify(screen, &recording.signals);
    let mut text = format!(
        "state: {}\nrule: {}\n",
        classification.state, classification.rule
    );
    if let Some(line) = classification.line {
        let _ = writeln!(text, "line: {line}");
    }
    match harness.composer(screen) {
        Composer::Unknown => text.push_str("composer: unknown\n"),
        Composer::Empty => text.push_str("composer: empty\n"),
        Composer::Holds(held) => {
            let _ = writeln!(text, "composer: holds {held:?}");
        }
    }
    if matches!(classification.state, ScreenState::Blocked(_))
        && let Some(dialog) = harness.dialog(screen)
    {
        let lit = dialog.lit.map(|lit| dialog.choices[lit].1.as_str());
        let _ = writeln!(text, "dialog: {:?}, lit: {lit:?}", dialog.text);
        if dialog.cut {
            text.push_str("cut: true\n");
        }
        for (key, label) in &dialog.choices {
            let _ = writeln!(text, "choice: {key} {label}");
        }
    }
    if let Some(found) = harness.queued(screen, &recording.queued) {
        let _ = writeln!(text, "queued: {}", found.line);
    }
    text
}

/// The name of the folder so many levels above a file.
fn folder(path: &Path, levels: usize) -> Result<String, String> {
    let name = path.ancestors().nth(levels).and_then(Path::file_name);
    Ok(name
        .ok_or_else(|| format!("{} lies too high", path.display()))?
        .to_string_lossy()
        .into())
}

/// Reads a recording; what `.meta` does not name is a second of quiet after ten of running.
fn read(path: &Path) -> Result<Recording, Box<dyn std::error::Error>> {
    let size = folder(path, 1)?;
    let columns = size.split('x').next().unwrap_or_default().parse()?;
    let mut screen = Screen::from_text(columns, &std::fs::read_to_string(path)?);
    let mut signals = Signals {
        quiet_for: Duration::from_secs(1),
        running_for: Duration::from_secs(10),
        output_seen: true,
        was_ready: true,
        away: false,
    };
    let mut queued = "second message while busy".to_owned();
    let meta = std::fs::read_to_string(path.with_extension("meta"))?;
    for line in meta.lines() {
        let mut words = line.split(' ');
        match words.next().unwrap_or_default() {
            "faint" => {
                let row: usize = words.next().ok_or("faint needs a row")?.parse()?;
                let from: usize = words.next().ok_or("faint needs a byte offset")?.parse()?;
                let row = &mut screen.rows[row];
                row.faint.push(from..row.text.len());
            }
            "lit" => {
                let mut number = || Some(words.next()?.parse::<usize>());
                let (row, from, to) = (number(), number(), number());
                let missing = "lit needs a row and two byte offsets";
                let row = row.ok_or(missing)??;
                let range = from.ok_or(missing)??..to.ok_or(missing)??;
                screen.rows[row].lit.push(range);
            }
            "quiet_ms" => {
                let value = words.next().ok_or("quiet_ms needs a number")?.parse()?;
                signals.quiet_for = Duration::from_millis(value);
            }
            "running_ms" => {
                let value = words.next().ok_or("running_ms needs a number")?.parse()?;
                signals.running_for = Duration::from_millis(value);
            }
            "queued" => {
                let text = line.split_once(' ').ok_or("queued needs a text")?.1;
                queued = text.replace("\\n", "\n");
            }
            "hidden" => screen.cursor.visible = false,
            "no_output" => signals.output_seen = false,
            position => {
                let (column, row) = position.split_once(',').ok_or("no cursor")?;
                let (column, row) = (column.parse()?, row.parse()?);
                screen.cursor = Cursor {
                    row,
                    column,
                    visible: true,
                };
                screen.alternate = line.contains(" alt=1 ");
                let title = line.split_once(" title=").ok_or("no title")?.1;
                let title = title.split_once(" cmd=").map_or(title, |(title, _)| title);
                screen.title = title.to_owned();
            }
        }
    }
    Ok(Recording {
        screen,
        signals,
        queued,
    })
}

datatest_stable::harness! {
    { test = classifies_as_expected, root = "tests/screens", pattern = r"\.txt$" },
}

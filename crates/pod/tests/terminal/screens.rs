//! The model shows what the programs' own terminal showed.

use podfleet_pod::terminal::Terminal;

use crate::recordings::{self, Recording, Step};

/// A recorded screen may be one repaint older or newer than its offset says; no repaint of a
/// recorded program is longer than this.
const REPAINT: usize = 8 * 1024;

fn shows(terminal: &Terminal, step: &Step) -> Result<(), String> {
    let screen = terminal.screen();
    let rows: Vec<_> = screen.rows.iter().map(|row| row.text.trim_end()).collect();
    if rows != step.rows {
        let differing = rows.iter().zip(&step.rows).filter(|(is, was)| is != was);
        return Err(differing
            .map(|(is, was)| format!("  {is:?}\n  {was:?}\n"))
            .collect());
    }
    let cursor = (screen.cursor.row, screen.cursor.column);
    if cursor != step.cursor {
        return Err(format!("cursor {cursor:?}, recorded {:?}\n", step.cursor));
    }
    // tmux shows the host's name until a program sets a title.
    let title = if screen.title.is_empty() {
        "vm"
    } else {
        &screen.title
    };
    if (screen.alternate, title) != (step.alternate, &step.title) {
        return Err(format!("{} {:?}\n", screen.alternate, screen.title));
    }
    Ok(())
}

/// The step's screen must come up within one repaint of its offset, at the beginning of some
/// control sequence if not at the offset itself.
fn check(recording: &Recording, step: &Step) -> Result<(), String> {
    let (before, after) = recording.stream.split_at(step.offset);
    let mut terminal = Terminal::new(recording.size, 1000);
    terminal.feed(before);
    let difference = shows(&terminal, step);
    if difference.is_ok() || comes_up(&mut terminal, &after[..after.len().min(REPAINT)], step) {
        return Ok(());
    }
    let (before, repaint) = before.split_at(step.offset.saturating_sub(REPAINT));
    let mut terminal = Terminal::new(recording.size, 1000);
    terminal.feed(before);
    if comes_up(&mut terminal, repaint, step) {
        return Ok(());
    }
    difference
}

fn comes_up(terminal: &mut Terminal, stream: &[u8], step: &Step) -> bool {
    stream.split_inclusive(|&byte| byte == 0x1B).any(|bytes| {
        terminal.feed(bytes);
        shows(terminal, step).is_ok()
    })
}

#[test]
fn every_recorded_screen_comes_up_at_its_offset() {
    let mut failures = String::new();
    let mut steps = 0;
    for recording in recordings::all() {
        for step in &recording.steps {
            steps += 1;
            if let Err(difference) = check(&recording, step) {
                failures.push_str(&format!("{} {}\n{difference}", recording.name, step.name));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(steps, 58);
}

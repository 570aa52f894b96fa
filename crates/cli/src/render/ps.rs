//! The table of `fleet ps`.

use std::time::Duration;

use anstyle::Style;
use podfleet::wording::age;
use podfleet::{Flag, FlagKind, PsRow, Readiness, RowState};

use crate::output::Output;

use super::style::{BUSY, DIM, ERROR, GOOD, WARNING};
use super::table::{Cell, Column, Table, truncate};
use super::wrap::wrap_to;

const COLUMNS: [Column; 13] = [
    // A name is what people type, so it is cut last.
    Column::new("NAME").flexible(40),
    Column::new("FLEET").flexible(8),
    Column::new("CLASS").flexible(8).optional(3),
    Column::new("RUNTIME").flexible(7).optional(6),
    Column::new("MODEL").flexible(8).optional(7),
    Column::new("STATE"),
    Column::new("SINCE").right().optional(1),
    Column::new("IDLE").right().optional(2),
    Column::new("HB").right().optional(5),
    Column::new("PID").right().optional(4),
    Column::new("UNIT").flexible(8).optional(8),
    Column::new("INBOX").right(),
    Column::new("FLAGS"),
];

const WIDE_COLUMNS: [Column; 5] = [
    Column::new("TENANT"),
    Column::new("HOST"),
    Column::new("SESSION"),
    Column::new("SOCKET"),
    Column::new("DIRECTORY"),
];

/// What lines of the table and below it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// A terminal of so many columns shows them.
    Shown(usize),
    /// A program or a file takes them, which has no width: the columns are those of a terminal of so many,
    /// and nothing is cut.
    Taken(usize),
}

impl Lines {
    /// What a command's data is written for.
    pub(crate) fn of(output: &Output) -> Self {
        match output.data_is_terminal() {
            true => Self::Shown(output.width()),
            false => Self::Taken(output.width()),
        }
    }

    /// Cuts a line where it would not be shown.
    pub(crate) fn cut(self, line: &str) -> String {
        match self {
            Self::Shown(width) => truncate(line, width),
            Self::Taken(_) => line.to_owned(),
        }
    }
}

/// Renders the rows, columns that say nothing left out, and below them what is to say of single agents.
/// The wide form has all columns, however wide they are.
pub(crate) fn render(rows: &[PsRow], wide: bool, lines: Lines) -> String {
    let mut columns = COLUMNS.to_vec();
    if wide {
        columns.extend(WIDE_COLUMNS);
    }
    let mut table = Table::new(columns);
    let several = are_of_several_fleets(rows);
    for row in rows {
        let mut line = cells(row, several);
        if wide {
            line.extend(wide_cells(row));
        }
        table.row(line);
    }
    table.without_empty(&["FLEET"]);
    if !wide {
        table.without_empty(&["MODEL", "UNIT", "FLAGS"]);
    }
    let mut text = match lines {
        _ if wide => table.render(None),
        Lines::Shown(width) => table.render(Some(width)),
        Lines::Taken(width) => table.render_uncut(width),
    };
    let mut remarks = rows.iter().flat_map(remarks).peekable();
    if remarks.peek().is_some() {
        text.push('\n');
    }
    for remark in remarks {
        match lines {
            Lines::Shown(width) if !wide => text.push_str(&wrap_to(width, &remark, 0, "  ")),
            _ => text.push_str(&remark),
        }
        text.push('\n');
    }
    text
}

/// What the words of state and flags leave open, a line each.
fn remarks(row: &PsRow) -> impl Iterator<Item = String> {
    let state = row
        .detail
        .as_ref()
        .map(|detail| (row.readiness.to_string(), detail));
    let flags = told_flags(row).filter(|flag| !flag.detail.is_empty());
    let flags = flags.map(|flag| (flag.kind.as_str().to_owned(), &flag.detail));
    state.into_iter().chain(flags).map(|(word, detail)| {
        format!("{}: {word} ({detail})", row.name).replace(char::is_control, " ")
    })
}

/// Returns the flags but for what the state says already.
pub(crate) fn told_flags(row: &PsRow) -> impl Iterator<Item = &Flag> {
    let told = row.readiness == RowState::Judged(Readiness::Quarantined);
    row.flags
        .iter()
        .filter(move |flag| !(told && flag.kind == FlagKind::Quarantined))
}

/// Where all are of one fleet, which it is says nothing.
fn are_of_several_fleets(rows: &[PsRow]) -> bool {
    let mut fleets = rows.iter().filter_map(|row| row.fleet.as_ref());
    let first = fleets.next();
    fleets.any(|fleet| Some(fleet) != first)
}

fn cells(row: &PsRow, with_fleet: bool) -> Vec<Cell> {
    let name = match &row.alias {
        Some(alias) => format!("{} ({alias})", row.name),
        None => row.name.clone(),
    };
    let flags: Vec<&str> = told_flags(row).map(|flag| flag.kind.as_str()).collect();
    vec![
        name.into(),
        text(row.fleet.as_ref().filter(|_| with_fleet)),
        text(row.class.as_ref()),
        text(row.runtime.as_ref()),
        text(row.model.as_ref()),
        Cell::styled(row.readiness.to_string(), style(row.readiness)),
        seconds(row.since_seconds),
        seconds(row.idle_seconds),
        seconds(row.heartbeat_age_seconds),
        text(row.agent_pid),
        text(row.unit.as_ref()),
        text(row.inbox),
        Cell::styled(flags.join(" "), WARNING),
    ]
}

fn wide_cells(row: &PsRow) -> [Cell; 5] {
    let path = |path: Option<&std::path::PathBuf>| text(path.map(|path| path.display()));
    [
        row.tenant_id.as_str().into(),
        row.host.as_str().into(),
        text(row.session.as_ref()),
        path(row.socket.as_ref()),
        path(row.working_directory.as_ref()),
    ]
}

fn text(value: Option<impl ToString>) -> Cell {
    value.map_or_else(|| "-".into(), |value| value.to_string().into())
}

fn seconds(value: Option<u64>) -> Cell {
    text(value.map(|seconds| age(Duration::from_secs(seconds))))
}

/// Returns the colour of a state; the words say the same.
pub(crate) const fn style(state: RowState) -> Style {
    match state {
        RowState::Judged(readiness) => match readiness {
            Readiness::Available => GOOD,
            Readiness::Working => BUSY,
            Readiness::Starting | Readiness::Stopped => DIM,
            Readiness::Blocked | Readiness::Stale | Readiness::Unknown => WARNING,
            Readiness::Dead | Readiness::Quarantined => ERROR,
        },
        RowState::Elsewhere(_) => DIM,
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn row(name: &str, class: &str, readiness: Readiness) -> PsRow {
        PsRow {
            name: name.into(),
            alias: None,
            class: Some(class.into()),
            runtime: Some("sim".into()),
            model: None,
            readiness: RowState::Judged(readiness),
            since: None,
            idle_seconds: Some(12),
            heartbeat_age_seconds: Some(3),
            agent_pid: Some(1_234_567),
            pod_pid: Some(1_234_560),
            generation: Some(1),
            unit: None,
            inbox: Some(0),
            flags: Vec::new(),
            managed: true,
            tenant_id: "me".into(),
            host: "fern".into(),
            bridge: None,
            since_seconds: Some(754),
            detail: None,
            socket: Some("/run/user/1000/fleet/abcdefghijkl.sock".into()),
            session: Some(name.into()),
            working_directory: Some("/home/me/src".into()),
            fleet: None,
        }
    }

    fn rows() -> Vec<PsRow> {
        let quarantined = PsRow {
            agent_pid: None,
            detail: Some("5 exits in 10m, last: exit 127".into()),
            inbox: Some(3),
            flags: vec![
                Flag {
                    kind: FlagKind::Held,
                    detail: "quarantined".into(),
                },
                Flag {
                    kind: FlagKind::Quarantined,
                    detail: "5 exits in 10m, last: exit 127".into(),
                },
                Flag {
                    kind: FlagKind::Drift,
                    detail: "command".into(),
                },
            ],
            ..row("reviewer", "security-review", Readiness::Quarantined)
        };
        let aliased = PsRow {
            alias: Some("しずか".into()),
            model: Some("openai-codex/gpt-5.5:high".into()),
            ..row("coder0", "implementer", Readiness::Working)
        };
        vec![
            row("orchestrator", "orchestrator", Readiness::Available),
            aliased,
            quarantined,
        ]
    }

    fn plain(rows: &[PsRow], wide: bool, width: usize) -> String {
        stripped(&render(rows, wide, Lines::Shown(width)))
    }

    fn stripped(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_quiet_fleet_has_only_columns_that_say_something() {
        let rows = [
            row("orchestrator", "orchestrator", Readiness::Available),
            row("enhancer", "enhancer", Readiness::Stopped),
        ];
        insta::assert_snapshot!(plain(&rows, false, 80), @"
        NAME          CLASS         RUNTIME  STATE      SINCE  IDLE  HB      PID  INBOX
        orchestrator  orchestrator  sim      available    12m   12s  3s  1234567      0
        enhancer      enhancer      sim      stopped      12m   12s  3s  1234567      0
        ");
    }

    #[test]
    fn a_troubled_fleet_fits_eighty_columns() {
        insta::assert_snapshot!(plain(&rows(), false, 80), @"
        NAME             CLASS      STATE        SINCE  IDLE      PID  INBOX  FLAGS
        orchestrator     orchestr…  available      12m   12s  1234567      0
        coder0 (しずか)  implemen…  working        12m   12s  1234567      0
        reviewer         security…  quarantined    12m   12s        -      3  HELD DRIFT

        reviewer: quarantined (5 exits in 10m, last: exit 127)
        reviewer: HELD (quarantined)
        reviewer: DRIFT (command)
        ");
    }

    #[test]
    fn a_wider_terminal_shows_more() {
        insta::assert_snapshot!(plain(&rows(), false, 140), @"
        NAME             CLASS            RUNTIME  MODEL                      STATE        SINCE  IDLE  HB      PID  INBOX  FLAGS
        orchestrator     orchestrator     sim      -                          available      12m   12s  3s  1234567      0
        coder0 (しずか)  implementer      sim      openai-codex/gpt-5.5:high  working        12m   12s  3s  1234567      0
        reviewer         security-review  sim      -                          quarantined    12m   12s  3s        -      3  HELD DRIFT

        reviewer: quarantined (5 exits in 10m, last: exit 127)
        reviewer: HELD (quarantined)
        reviewer: DRIFT (command)
        ");
    }

    #[test]
    fn a_name_is_whole_where_other_columns_can_give_way() {
        let name = "an-agent-of-the-second-team-17";
        let row = row(name, "implementer", Readiness::Available);
        for width in [60, 80] {
            let text = plain(std::slice::from_ref(&row), false, width);
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 100, 160] {
            let text = plain(&rows(), false, width);
            assert!(text.lines().all(|line| line.width() <= width), "{text}");
        }
    }

    #[test]
    fn the_wide_form_cuts_nothing_and_tells_the_reasons_too() {
        let text = plain(&rows(), true, 80);
        assert!(text.contains("/run/user/1000/fleet/abcdefghijkl.sock"));
        assert!(text.contains("openai-codex/gpt-5.5:high"));
        assert!(text.contains("\n\nreviewer: quarantined (5 exits in 10m, last: exit 127)\n"));
        assert!(!text.contains('…'));
    }

    #[test]
    fn a_reason_is_broken_between_words_where_the_terminal_ends_and_not_where_no_terminal_is() {
        let mut row = row("o", "worker", Readiness::Blocked);
        let reason = "log (look for the store in /home/me/.local/state/fleet/store.db)";
        row.detail = Some(reason.repeat(2));
        let rows = [row];
        let shown = plain(&rows, false, 80);
        assert!(shown.lines().all(|line| line.width() <= 80), "{shown}");
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&reason.repeat(2)), "{shown}");
        let taken = stripped(&render(&rows, false, Lines::Taken(80)));
        assert!(taken.contains(&format!("o: blocked ({})\n", reason.repeat(2))));
    }

    #[test]
    fn where_no_terminal_is_the_columns_are_the_same_and_whole() {
        let taken = stripped(&render(&rows(), false, Lines::Taken(80)));
        let shown = plain(&rows(), false, 80);
        let titles = |text: &str| {
            let first = text.lines().next().unwrap().to_owned();
            first
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(titles(&taken), titles(&shown));
        assert!(
            taken.contains("security-review") && !taken.contains('…'),
            "{taken}"
        );
    }
}

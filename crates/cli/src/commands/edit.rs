//! What `add`, `remove` and `set` share: an edit of the roster, and making the fleet follow it.

use std::path::Path;

use podfleet::{
    Action, AgentReport, Fleet, FleetErrorKind, PreparedFile, Report, RosterDraft, UpOptions,
};
use podfleet_home::ReadFileErrorKind;
use podfleet_roster::{Edit, EditError, MAX_BYTES, Roster, without_secrets};
use serde::Serialize;
use similar::TextDiff;

use crate::commands::progress::{self, follow};
use crate::context::{Context, missing_roster};
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::input::unreadable;
use crate::output::Output;
use crate::render::findings::{Checked, Format};
use crate::render::wrap::wrap;
use crate::roster_file::as_warning;
use crate::runtime::block_on;

/// Lines of the roster that a diff shows around a change.
const AROUND: usize = 2;

/// How an edit is carried out and shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

/// Whether the fleet is made to follow an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    AtOnce,
    Later,
}

impl Mode {
    /// It is carried out, and its result is for a program.
    pub(super) const TO_THE_END: Self = Self {
        dry_run: false,
        json: true,
    };
}

/// An edit that is written, or shown, and what became of the agents.
#[derive(Debug)]
pub(crate) struct Done {
    pub(super) draft: RosterDraft,
    pub(super) report: Report,
    /// Whether the roster was left as it is, because an agent could not be made to follow.
    pub(super) given_up: bool,
}

impl Done {
    /// The edit of a roster that was written, or shown.
    pub(super) const fn new(draft: RosterDraft, report: Report) -> Self {
        Self {
            draft,
            report,
            given_up: false,
        }
    }

    /// Returns it as it is printed with `--json`.
    pub(crate) fn edited(&self) -> Edited {
        Edited::of(self, Mode::TO_THE_END)
    }

    /// Returns the roster as it is now, and where it is.
    pub(crate) fn roster(&self) -> (&Roster, &Path) {
        let before = self.draft.roster_before().filter(|_| self.given_up);
        (
            before.unwrap_or_else(|| self.draft.roster()),
            self.draft.path(),
        )
    }
}

/// What an edit came to, as it is printed with `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Edited {
    /// The roster's path.
    roster: String,
    /// Whether its text changes.
    changed: bool,
    /// Whether it was written.
    written: bool,
    /// The change as a unified diff; empty if there is none.
    diff: String,
    /// What became of the agents.
    #[serde(flatten)]
    report: Report,
}

/// Edits the roster that the command is about; writes nothing. What is wrong with it is shown.
pub(super) fn draft(
    context: &mut Context,
    follows: Follows,
    edit: impl FnOnce(&mut Edit<'_>) -> Result<(), EditError>,
) -> Result<RosterDraft, Error> {
    let path = context.roster_path()?;
    if path.ends_with("-") {
        let message = "a roster from standard input cannot be changed";
        return Err(Error::message(Exit::Usage, message).hint("name a file with `--roster`"));
    }
    check_readable(&path, context)?;
    let known = context.known()?;
    let draft = RosterDraft::make(&path, &known, edit).map_err(|error| {
        let source = std::error::Error::source(&error);
        let refused = source.and_then(|source| source.downcast_ref::<EditError>());
        let shown = refused.map_or(Ok(()), |refused| show_findings(refused, &path, context));
        shown.map_or_else(|error| error, |()| Error::from(error))
    })?;
    check_right(&draft, follows, context)?;
    for finding in draft.new_findings() {
        context.output.say(wrap(&as_warning(finding), 0, "  "))?;
    }
    Ok(draft)
}

/// Checks whether the fleet of a roster is ours to change and, where it is to follow, the roster's own:
/// what could not be carried out then is not written.
fn check_right(draft: &RosterDraft, follows: Follows, context: &Context) -> Result<(), Error> {
    if !context.dirs()?.has_store()? {
        // Where there are no pods, we are in none of them.
        return Ok(());
    }
    let roster = draft.roster_before().unwrap_or_else(|| draft.roster());
    block_on(async {
        let fleet = context.fleet_of(roster.clone(), draft.path()).await?;
        fleet.check_leads().await?;
        if follows == Follows::AtOnce {
            fleet.check_claim().await?;
        }
        Ok(())
    })
}

/// Fails where the roster cannot be read, as the commands do that only read it.
fn check_readable(path: &Path, context: &Context) -> Result<(), Error> {
    match podfleet_home::read_file(path, MAX_BYTES) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ReadFileErrorKind::Missing) => {
            Err(missing_roster(path, context.named_roster().is_some()))
        }
        Err(error) => Err(unreadable(path, error)),
    }
}

fn show_findings(refused: &EditError, path: &Path, context: &mut Context) -> Result<(), Error> {
    let findings = refused.findings().iter();
    let findings: Vec<_> = findings
        .filter(|finding| finding.is_error())
        .cloned()
        .collect();
    let checked = Checked {
        name: path.display().to_string(),
        text: refused.text().to_owned(),
        findings,
    };
    let findings = Format::Human.render(&[checked], &[])?;
    Ok(context.output.complain(findings)?)
}

/// Writes the roster and says so; with `--dry-run` shows the change instead.
pub(super) fn write(draft: &RosterDraft, mode: Mode, context: &mut Context) -> Result<(), Error> {
    let prepared = prepare(draft, mode)?;
    put(draft, prepared, mode, context)
}

/// Gets everything ready for [`put`], before something is done that the roster is to tell.
pub(super) fn prepare(draft: &RosterDraft, mode: Mode) -> Result<Option<PreparedFile>, Error> {
    match mode.dry_run {
        true => Ok(None),
        false => Ok(draft.prepare()?),
    }
}

/// Does what [`write()`] does, with what was prepared.
pub(super) fn put(
    draft: &RosterDraft,
    prepared: Option<PreparedFile>,
    mode: Mode,
    context: &mut Context,
) -> Result<(), Error> {
    let path = draft.path().display();
    if !draft.changes() {
        let said = format!("{path} says so already");
        context.output.say(wrap(&said, 0, "  "))?;
    } else if mode.dry_run {
        if !mode.json {
            let diff = diff(draft);
            // What is piped on goes to `patch`, byte for byte.
            let shown = match context.output.data_is_terminal() {
                true => visible(&diff),
                false => diff,
            };
            context.output.data(shown)?;
        }
    } else if let Some(prepared) = prepared {
        prepared.put()?;
        context
            .output
            .say(wrap(&format!("wrote {path}"), 0, "  "))?;
    }
    Ok(())
}

/// The change of the roster as a unified diff.
fn diff(draft: &RosterDraft) -> String {
    let name = draft.path().display().to_string();
    unified(&name, draft.text_before(), draft.text())
}

/// Returns a text as a terminal may be given it: what comments hold must not turn its lines around.
/// The carriage returns of line ends are left out, which `patch` needs and nobody sees.
fn visible(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{061c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = |c: char| turns(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
    text.replace("\r\n", "\n").replace(hidden, "\u{fffd}")
}

/// Compares two texts of a roster, line ends included, so that `patch` makes the one of the other. A
/// roster that can be edited has no secret for a value, but its comments may have some: those are
/// covered.
fn unified(name: &str, before: &str, after: &str) -> String {
    let (before, after) = (without_secrets(before), without_secrets(after));
    // To `patch` a carriage return alone ends no line.
    let before: Vec<_> = before.split_inclusive('\n').collect();
    let after: Vec<_> = after.split_inclusive('\n').collect();
    let diff = TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&before, &after);
    let mut unified = diff.unified_diff();
    unified.context_radius(AROUND).header(name, name);
    unified.to_string()
}

/// Shows what an edit came to, and decides how the command ends.
pub(super) fn conclude(done: &Done, mode: Mode, output: &mut Output) -> Outcome {
    let exit = Exit::answer(done.report.succeeded());
    if mode.json {
        output.json(&Edited::of(done, mode))?;
        return Ok(exit);
    }
    let report = &done.report;
    if !report.agents.is_empty() {
        return progress::conclude(report, false, output);
    }
    for note in &report.notes {
        output.say(wrap(&format!("note: {note}"), 0, "  "))?;
    }
    Ok(Exit::Success)
}

impl Edited {
    fn of(done: &Done, mode: Mode) -> Self {
        let Done {
            draft,
            report,
            given_up,
        } = done;
        Self {
            roster: draft.path().display().to_string(),
            changed: draft.changes(),
            written: draft.changes() && !mode.dry_run && !given_up,
            diff: diff(draft),
            report: report.clone(),
        }
    }
}

/// Brings up agents by name. Nobody is meant by no name.
pub(super) async fn up(
    fleet: &Fleet,
    names: &[String],
    mode: Mode,
    output: &mut Output,
) -> Result<Report, Error> {
    if names.is_empty() {
        return Ok(nothing());
    }
    let options = UpOptions {
        dry_run: mode.dry_run,
        ..UpOptions::default()
    };
    follow(|events| fleet.up(names, &options, events), output).await
}

/// Makes agents that run what the roster now says; those that do not run are left so, and that is
/// said.
pub(super) async fn converge(
    fleet: &Fleet,
    names: &[String],
    mode: Mode,
    context: &mut Context,
) -> Result<Report, Error> {
    let mut running = Vec::new();
    let mut notes = Vec::new();
    for name in names {
        let plan = match fleet.plan(std::slice::from_ref(name)).await {
            Ok(plan) => plan,
            Err(error) if matches!(error.kind(), FleetErrorKind::Remote { .. }) => {
                notes.push(format!("{error}; bring it up there"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for step in plan.steps {
            match step.action {
                Action::Start => {
                    notes.push(format!(
                        "`{name}` does not run; `fleet up {name}` starts it"
                    ));
                }
                Action::Leave => {}
                _ => running.push(step.agent),
            }
        }
    }
    let mut report = up(fleet, &running, mode, &mut context.output).await?;
    report.notes.extend(notes);
    Ok(report)
}

/// Says who is up and does not know its fleet mates as the roster has them now.
pub(super) async fn tell_untold(
    fleet: &Fleet,
    mode: Mode,
    report: &mut Report,
) -> Result<(), Error> {
    if mode.dry_run {
        return Ok(());
    }
    let untold = fleet.untold().await?;
    if !untold.is_empty() {
        report.notes.push(format!(
            "{} will be told of the changed fleet mates at the next start; `fleet up` restarts who is \
             idle",
            untold.join(", ")
        ));
    }
    Ok(())
}

/// A report of nothing.
pub(super) const fn nothing() -> Report {
    Report {
        agents: Vec::<AgentReport>::new(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_diff_turns_no_lines_around() {
        let shown = visible("+# \u{202e}gnirts\u{2069}\u{1b}[2J\n+\tä\n");
        assert_eq!(shown, "+# \u{fffd}gnirts\u{fffd}\u{fffd}[2J\n+\tä\n");
    }

    #[test]
    fn a_diff_is_true_to_the_bytes() {
        let before = "# c\r\nalias: a\r\nyolo: true\nclass: x";
        let after = before.replace(": a\r\n", ": b\r\n") + "\r\nmodel_hint: m";
        let diff = unified("r.yaml", before, &after);
        assert_eq!(
            diff,
            "--- r.yaml\n+++ r.yaml\n@@ -1,4 +1,5 @@\n # c\r\n-alias: a\r\n+alias: b\r\n yolo: true\n\
             -class: x\n\\ No newline at end of file\n+class: x\r\n+model_hint: m\n\
             \\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_diff_covers_secrets_in_comments_also_those_that_it_shows_in_part() {
        let before = "\
# ghp_0123456789abcdefghijABCDEFGHIJ012345
# -----BEGIN PRIVATE KEY-----
# MIIEow
# MIIEox
# -----END PRIVATE KEY-----
alias: a
";
        let after = before.replace("alias: a", "alias: b");
        insta::assert_snapshot!(unified("roster.yaml", before, &after), @"
        --- roster.yaml
        +++ roster.yaml
        @@ -4,3 +4,3 @@
         ********
         **-----END PRIVATE KEY-----
        -alias: a
        +alias: b
        ");
        let removed = unified("roster.yaml", before, "alias: a\n");
        assert!(
            !removed.contains("MIIEo") && !removed.contains("ghp_"),
            "{removed}"
        );
    }
}

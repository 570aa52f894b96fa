//! What `init` and `provision` do with the roster that they made.

use std::path::Path;

use podfleet_roster::{Blocks, Diagnostic, Document, Known, Roster};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::new_file;
use crate::render::count::counted;
use crate::render::findings::{Checked, Format};
use crate::render::wrap::wrap;

/// Whether a new roster is written, and over what.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Writing {
    /// Write the roster instead of printing it
    #[arg(long)]
    pub(crate) write: bool,
    /// Replace a roster that is there
    #[arg(long, requires = "write")]
    pub(crate) force: bool,
}

/// Checks a new roster, prints it or writes it to `path`, and says who is in it and what comes
/// next.
pub(crate) fn deliver(
    text: &str,
    path: &Path,
    known: &Known,
    writing: Writing,
    context: &mut Context,
) -> Outcome {
    check_place(path, writing)?;
    let document = Document::read(text, "roster.yaml");
    let roster = check(&document, known, context)?;
    let json = document.to_json().filter(|_| is_json(path));
    let text = json.as_deref().unwrap_or(text);
    let output = &mut context.output;
    if writing.write {
        new_file::write(path, text, writing.force, REPLACING)?;
        output.say(format_args!("wrote {}", path.display()))?;
    } else {
        output.data(text)?;
    }
    output.say(staff(&roster))?;
    let next = next_step(writing, path, context);
    context.output.say(wrap(&next, 0, "  "))?;
    Ok(Exit::Success)
}

/// What to do where a roster is that is not to be replaced.
const REPLACING: &str = "`--force` replaces it; `--roster PATH` writes another";

/// Fails where a new roster could not be written.
pub(crate) fn check_place(path: &Path, writing: Writing) -> Result<(), Error> {
    if !writing.write {
        return Ok(());
    }
    if path == Path::new("-") {
        let message = "`--write` writes a file, and `-` is standard output";
        let hint = "leave `--write` out to have the roster printed";
        return Err(Error::message(Exit::Usage, message).hint(hint));
    }
    new_file::check_place(path, writing.force, REPLACING)
}

fn is_json(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn next_step(writing: Writing, path: &Path, context: &Context) -> String {
    // Another roster may come first where nothing names this one, or none is found without a home.
    let found = match (context.unnamed_roster(), context.absolute(path)) {
        (Ok(unnamed), Ok(written)) => unnamed == written,
        _ => false,
    };
    let up = if found {
        "`fleet up` brings it up".to_owned()
    } else {
        format!("`fleet up --roster {}` brings it up", path.display())
    };
    if writing.write {
        format!("next: {up}")
    } else {
        format!("next: `--write` writes it, then {up}")
    }
}

/// Returns whether nothing forbids to write a roster.
#[cfg(feature = "fleet")]
pub(crate) fn is_sound(text: &str, known: &Known) -> bool {
    let (_, findings) = Document::read(text, "roster.yaml").check(known);
    !findings.iter().any(forbids)
}

fn forbids(finding: &Diagnostic) -> bool {
    matches!(finding.blocks(), Blocks::Writing | Blocks::Changes)
}

/// Validates a roster before anything is written; prints what is wrong with it.
fn check(document: &Document, known: &Known, context: &mut Context) -> Result<Roster, Error> {
    let (roster, findings) = document.check(known);
    match roster {
        Some(roster) if !findings.iter().any(forbids) => Ok(roster),
        _ => {
            let checked = Checked::of(document, findings);
            let findings = Format::Human.render(&[checked], &[])?;
            context.output.complain(findings)?;
            let message = "such a roster has errors; nothing was written";
            Err(Error::message(Exit::No, message))
        }
    }
}

/// Counts the agents by class, such as `4 agents: 1 orchestrator, 2 code, 1 review`.
fn staff(roster: &Roster) -> String {
    let mut classes: Vec<(&str, usize)> = Vec::new();
    for agent in &roster.agents {
        match classes.iter_mut().find(|(class, _)| *class == agent.class) {
            Some((_, count)) => *count += 1,
            None => classes.push((&agent.class, 1)),
        }
    }
    let classes: Vec<String> = classes
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    let agents = counted(roster.agents.len(), "agent");
    wrap(&format!("{agents}: {}", classes.join(", ")), 0, "  ")
}

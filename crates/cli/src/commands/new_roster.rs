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
    let Some(roster) = check(text, known, context)? else {
        return Ok(Exit::No);
    };
    let output = &mut context.output;
    if writing.write {
        if path == Path::new("-") {
            let message = "`--write` writes a file, and `-` is standard output";
            let hint = "leave `--write` out to have the roster printed";
            return Err(Error::message(Exit::Usage, message).hint(hint));
        }
        let hint = "`--force` replaces it; `--roster PATH` writes another";
        new_file::write(path, text, writing.force, hint)?;
        output.say(format_args!("wrote {}", path.display()))?;
    } else {
        output.data(text)?;
    }
    output.say(staff(&roster))?;
    let next = next_step(writing, path, context);
    context.output.say(wrap(&next, 0, "  "))?;
    Ok(Exit::Success)
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

/// Validates a roster before anything is written; prints what is wrong with it.
fn check(text: &str, known: &Known, context: &mut Context) -> Result<Option<Roster>, Error> {
    let document = Document::read(text, "roster.yaml");
    let (roster, findings) = document.check(known);
    let stops =
        |finding: &Diagnostic| matches!(finding.blocks(), Blocks::Writing | Blocks::Changes);
    if !findings.iter().any(stops) {
        return Ok(roster);
    }
    let checked = Checked::of(&document, findings);
    let findings = Format::Human.render(&[checked], &[])?;
    context.output.complain(findings)?;
    Ok(None)
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

//! Working directories as they are on the disk, which somebody else looks at.

use std::collections::HashMap;

use super::hosts::{Place, place};
use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::{AgentOutline, Outline};
use crate::secret::shown;
use crate::tree::Stated;

/// Where agents work when nobody says anything else.
const DEFAULT: &str = "~/src";

/// What the check of working directories asks about the disk.
///
/// Paths come as the roster has them, a leading `~` included. This crate looks at no disk itself;
/// a program that wants the check implements this, and one that runs isolated leaves it out.
pub trait Disk {
    /// Returns what is at a path.
    fn kind(&self, path: &str) -> PathKind;

    /// Returns the top of the git working tree that a directory is in, if it is in one. Equal
    /// answers mean the same working tree.
    fn work_tree(&self, path: &str) -> Option<String>;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// Nothing, or nothing that can be seen.
    Absent,
    /// A directory, or a link to one.
    Directory,
    /// Something else.
    Other,
}

/// Working directories are directories, and no two agents share a git working tree without
/// preparing one of their own.
pub(crate) fn directories(outline: &Outline<'_>, known: &Known, disk: &dyn Disk) -> Vec<Finding> {
    let default = match outline.default_directory() {
        Stated::Text(default) => Some(default.text),
        Stated::Absent => Some(DEFAULT),
        Stated::Unclear => None,
    };
    let here = |agent: &&AgentOutline<'_>| matches!(place(agent, known), Place::Here);
    let here = outline.agents.iter().filter(here);
    let mut trees: HashMap<String, &Span> = HashMap::new();
    let mut findings = Vec::new();
    for agent in here {
        let Some((path, span)) = directory(agent, default) else {
            continue;
        };
        match disk.kind(path) {
            PathKind::Absent => {}
            PathKind::Other => findings.push(not_a_directory(path, span)),
            PathKind::Directory if agent.has_or_misspells("prepare") => {}
            PathKind::Directory => {
                if let Some(tree) = disk.work_tree(path) {
                    let first = *trees.entry(tree).or_insert(span);
                    if first != span {
                        findings.push(shared(path, span, first));
                    }
                }
            }
        }
    }
    findings
}

/// Where an agent works, and the place to show for it.
fn directory<'t>(
    agent: &AgentOutline<'t>,
    default: Option<&'t str>,
) -> Option<(&'t str, &'t Span)> {
    match agent.stated("working_directory") {
        Stated::Text(own) if !own.text.is_empty() => Some((own.text, own.span)),
        Stated::Text(_) | Stated::Absent => Some((default?, agent.name.as_ref()?.span)),
        Stated::Unclear => None,
    }
}

fn not_a_directory(path: &str, span: &Span) -> Finding {
    let message = format!("`{}` is no directory", shown(path));
    Finding::new(Code::NotADirectory, span, message).help("name a directory, or a path to make one")
}

fn shared(path: &str, span: &Span, first: &Span) -> Finding {
    let message = format!(
        "`{}` is a git working directory that another agent works in too",
        shown(path)
    );
    Finding::new(Code::SharedDirectory, span, message)
        .related(first, "the other agent")
        .help("give each its own, or a `prepare` such as `git worktree add`")
}

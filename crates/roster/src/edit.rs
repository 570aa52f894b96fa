//! Edits of a roster's text that leave every other byte as it is.

mod block;
mod change;
mod error;
mod field;
mod flow;
mod layout;
mod lines;
mod new_agent;
mod splice;
mod value;
mod write;

use serde_json::Value;

use crate::agent::Agent;
use crate::catalog::Code;
use crate::diagnostic::{Blocks, Diagnostic};
use crate::document::Document;
use crate::known::Known;
use crate::roster::Roster;
use crate::secret;
use crate::spelling::nearest;
use change::{Change, Planner, Target};
use layout::Layout;

pub use error::{EditError, EditErrorKind};
pub use field::Field;
pub use new_agent::NewAgent;

#[doc = include_str!("edit/edit.md")]
#[derive(Debug)]
pub struct Edit<'k> {
    name: String,
    text: String,
    value: Value,
    known: &'k Known,
    /// What was found before: no reason to refuse the result.
    found: Vec<(Code, String)>,
    /// The agents that were removed, each with its class.
    removed: Vec<(String, Option<String>)>,
}

/// A roster as an edit makes it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Edited {
    /// Its text.
    pub text: String,
    /// The roster itself.
    pub roster: Roster,
    /// What is found in it, none of which forbids to write it.
    pub findings: Vec<Diagnostic>,
}

impl Roster {
    /// Begins an edit of a roster's text; see [`Edit`].
    ///
    /// `name` is what findings call the text, usually a path. It is the text that is edited, since
    /// the typed roster knows of no comments, quotes or blank lines.
    ///
    /// # Errors
    /// As [`Document::edit`].
    pub fn edit<'k>(text: &str, name: &str, known: &'k Known) -> Result<Edit<'k>, EditError> {
        Document::read(text, name).edit(known)
    }
}

impl Document {
    /// Begins an edit of the text, as [`Roster::edit`] does of one that is not read yet.
    ///
    /// # Errors
    /// Fails with [`EditErrorKind::Unsound`] for a text with findings that forbid changes.
    pub fn edit<'k>(&self, known: &'k Known) -> Result<Edit<'k>, EditError> {
        let (_, findings) = self.check(known);
        let value = self.value();
        match value {
            Some(value) if !findings.iter().any(Diagnostic::blocks_changes) => Ok(Edit {
                name: self.name().to_owned(),
                text: self.text().to_owned(),
                value,
                known,
                found: findings
                    .into_iter()
                    .map(|finding| (finding.code, finding.message))
                    .collect(),
                removed: Vec::new(),
            }),
            _ => {
                let text = self.redacted_text();
                Err(EditError::with_findings(
                    EditErrorKind::Unsound,
                    findings,
                    text,
                ))
            }
        }
    }
}

impl Edit<'_> {
    /// Adds an agent below the others.
    ///
    /// # Errors
    /// Fails if it cannot be added without changing anything else.
    pub fn add(&mut self, agent: &NewAgent) -> Result<(), EditError> {
        self.change(&Change::Add(agent.fields()))
    }

    /// Removes an agent with the comments that belong to it: those directly above it, and those
    /// inside.
    ///
    /// # Errors
    /// Fails for an unknown agent, the last one, and one that an alias elsewhere refers to.
    pub fn remove(&mut self, agent: &str) -> Result<(), EditError> {
        let class = self.agent(agent)?.get("class").and_then(Value::as_str);
        let class = class.map(str::to_owned);
        self.change(&Change::Remove(agent.to_owned()))?;
        self.removed.push((agent.to_owned(), class));
        Ok(())
    }

    /// Sets a field, with the mappings around it if they are not there yet. Its quotes and the
    /// spelling of its key stay as they are.
    ///
    /// # Errors
    /// Fails for an unknown agent or field, for an agent's name, and for what an alias shares.
    pub fn set(&mut self, field: &Field, value: impl Into<Value>) -> Result<(), EditError> {
        let target = target(field)?;
        self.change(&Change::Set(target, value.into()))
    }

    /// Sets a field to what a person writes on a command line: `true` and `7` are texts where the
    /// field holds a text, and what they look like elsewhere; lists are written `[a, b]`.
    ///
    /// # Errors
    /// As [`Edit::set`], and for what is no value at all. A value of the wrong type is a finding
    /// about the result.
    pub fn set_text(&mut self, field: &Field, text: &str) -> Result<(), EditError> {
        let value = field::read(field, &field::find(field)?, text)?;
        self.set(field, value)
    }

    /// Clears a field, with the mappings around it that have nothing left. One that is not set
    /// stays so.
    ///
    /// # Errors
    /// As [`Edit::set`].
    pub fn clear(&mut self, field: &Field) -> Result<(), EditError> {
        let target = target(field)?;
        self.change(&Change::Clear(target))
    }

    /// Lets one agent follow another: it takes over its class, and what depended on the other
    /// depends on it. The other stays until it is removed.
    ///
    /// # Errors
    /// Fails for unknown agents, and as [`Edit::set`].
    pub fn succeed(&mut self, old: &str, new: &str) -> Result<(), EditError> {
        let class = self.agent(old)?.get("class").cloned();
        self.agent(new)?;
        let field = Field::of_agent(new, "class");
        match class {
            Some(class) => self.set(&field, class)?,
            None => self.clear(&field)?,
        }
        for (agent, names) in self.dependants(old, new) {
            let field = Field::of_agent(agent, "depends_on");
            if names.is_empty() {
                self.clear(&field)?;
            } else {
                self.set(&field, names)?;
            }
        }
        Ok(())
    }

    /// Returns the roster as the changes so far make it, whatever the rules say of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Ends the edit: the rules judge what all changes together have made.
    ///
    /// # Errors
    /// Fails with [`EditErrorKind::Refused`] if there are findings that forbid changes or, where
    /// the roster had none such, the start of an agent; and with [`EditErrorKind::SoleSeat`] if the
    /// only agent of a class was removed that the fleet cannot do without.
    pub fn finish(self) -> Result<Edited, EditError> {
        let document = Document::read(&self.text, &self.name);
        let (roster, mut findings) = document.check(self.known);
        self.explain_lost_dependencies(&mut findings);
        let is_new = |finding: &Diagnostic| {
            let mut found = self.found.iter();
            !found.any(|(code, message)| (*code, message) == (finding.code, &finding.message))
        };
        if let Some(class) = self.emptied_seat(roster.as_ref()) {
            return Err(EditErrorKind::SoleSeat { class }.into());
        }
        let refused = findings.iter().any(|finding| match finding.blocks() {
            Blocks::Changes => true,
            // A fleet may be repaired agent by agent.
            Blocks::Writing => !self.removed.is_empty() && is_new(finding),
            Blocks::ThatAgent => is_new(finding),
            Blocks::Nothing => false,
        });
        match roster {
            Some(roster) if !refused => Ok(Edited {
                text: self.text,
                roster,
                findings,
            }),
            _ => {
                let text = document.redacted_text();
                Err(EditError::with_findings(
                    EditErrorKind::Refused,
                    findings,
                    text,
                ))
            }
        }
    }

    /// The class of a removed agent that nobody has any more and that somebody has to have.
    fn emptied_seat(&self, roster: Option<&Roster>) -> Option<String> {
        let staffed = |class: &str| {
            let mut agents = roster.into_iter().flat_map(|roster| &roster.agents);
            agents.any(|agent| agent.class == class)
        };
        let mut seats = self.removed.iter().filter_map(|(_, class)| class.as_ref());
        let emptied = seats
            .find(|class| matches!(class.as_str(), "orchestrator" | "enhancer") && !staffed(class));
        emptied.filter(|_| roster.is_some()).cloned()
    }

    /// Says of dependencies on agents that were just removed what to do about that.
    fn explain_lost_dependencies(&self, findings: &mut [Diagnostic]) {
        let written = |finding: &Diagnostic| self.text.get(finding.span.clone());
        let lost = findings.iter_mut().filter(|finding| {
            let target = written(finding).map(|target| target.trim_matches(['"', '\'']));
            finding.code == Code::UnknownDependency
                && self
                    .removed
                    .iter()
                    .any(|(name, _)| Some(name.as_str()) == target)
        });
        for finding in lost {
            let help =
                "let another agent take its place: `--successor NAME`; or remove the dependency";
            finding.help = Some(help.to_owned());
        }
    }

    fn agent(&self, name: &str) -> Result<&Value, EditError> {
        let agents = self.value.get("agents").and_then(Value::as_array);
        let agents = agents.map_or(&[][..], Vec::as_slice);
        let name_of = |agent: &Value| agent.get("name")?.as_str().map(str::to_owned);
        if let Some(index) = value::agent_index(&self.value, name) {
            return Ok(&agents[index]);
        }
        let names: Vec<String> = agents.iter().filter_map(name_of).collect();
        let near = nearest(name, names.iter().map(String::as_str));
        Err(EditError::new(EditErrorKind::UnknownAgent {
            agent: secret::shown(name).to_string(),
            near: near.map(str::to_owned),
        }))
    }

    /// The agents that depend on one, with what they depend on when another has its place.
    fn dependants(&self, old: &str, new: &str) -> Vec<(String, Vec<String>)> {
        let agents = self.value.get("agents").cloned().unwrap_or_default();
        let agents: Vec<Agent> = serde_json::from_value(agents).unwrap_or_default();
        let of_old = agents.into_iter().filter_map(|agent| {
            let name = agent.name.to_string();
            let before = agent.depends_on.iter().map(ToString::to_string);
            let before: Vec<String> = before.collect();
            if name == old || !before.iter().any(|name| name == old) {
                return None;
            }
            let mut names = Vec::new();
            for other in before {
                let other = if other == old { new.to_owned() } else { other };
                if other != name && !names.contains(&other) {
                    names.push(other);
                }
            }
            Some((name, names))
        });
        of_old.collect()
    }

    /// Carries one change out, on the text and on the value, and compares the two.
    fn change(&mut self, change: &Change) -> Result<(), EditError> {
        let agent = match change {
            Change::Add(_) => None,
            Change::Remove(agent) => Some(agent),
            Change::Set(target, _) | Change::Clear(target) => target.agent.as_ref(),
        };
        let mut value = self.value.clone();
        let agent = match agent {
            Some(agent) => {
                self.agent(agent)?;
                value::agent_index(&value, agent)
            }
            None => None,
        };
        value::apply(&mut value, change);
        if value == self.value {
            return Ok(());
        }
        let layout = Layout::read(&self.text).ok_or(EditErrorKind::Unclear)?;
        let planner = Planner {
            layout: &layout,
            json: is_json(&self.text),
        };
        let splices = planner.plan(change, agent)?;
        let text = splice::apply(&self.text, &splices).ok_or(EditErrorKind::Mismatch)?;
        if Document::read(&text, &self.name).value().as_ref() != Some(&value) {
            return Err(EditErrorKind::Mismatch.into());
        }
        self.text = text;
        self.value = value;
        Ok(())
    }
}

fn target(field: &Field) -> Result<Target, EditError> {
    let path = field::find(field)?.path;
    Ok(Target {
        agent: field.agent.clone(),
        path,
    })
}

fn is_json(text: &str) -> bool {
    let body = text.trim_start_matches(crate::source::BYTE_ORDER_MARK);
    serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()
}

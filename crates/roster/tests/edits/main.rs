//! Edits change what they are about, and nothing else.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use podfleet_roster::{AgentName, Document, EditError, EditErrorKind, Field, Known, NewAgent};
use serde_json::json;

mod adding;
mod refusing;
mod removing;
mod setting;

const HEAD: &str = "version: 1\ntransport: tmux\n";

/// Edits a roster of these agents, and returns what the agents' part then is.
fn edited(
    agents: &str,
    edit: impl FnOnce(&mut podfleet_roster::Edit<'_>) -> Result<(), EditError>,
) -> String {
    let text = format!("{HEAD}{agents}");
    let known = Known::shipped();
    let document = Document::read(&text, "roster.yaml");
    let mut editing = document
        .edit(&known)
        .unwrap_or_else(|error| panic!("{:#?}", error.findings()));
    edit(&mut editing).unwrap_or_else(|error| panic!("{error}\n{agents}"));
    let after = editing.text().strip_prefix(HEAD).unwrap();
    after.to_owned()
}

fn added(agents: &str) -> String {
    let agent = NewAgent::new(AgentName::new("new").unwrap(), "sim").with_class("code");
    edited(agents, |edit| edit.add(&agent))
}

fn removed(agents: &str, name: &str) -> String {
    edited(agents, |edit| edit.remove(name))
}

fn set(agents: &str, path: &str, value: &str) -> String {
    edited(agents, |edit| {
        edit.set_text(&Field::of_agent("a", path), value)
    })
}

fn cleared(agents: &str, path: &str) -> String {
    edited(agents, |edit| edit.clear(&Field::of_agent("a", path)))
}

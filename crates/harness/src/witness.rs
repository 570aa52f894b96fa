//! What an agent itself says of its turns: in its transcript, and by its hooks.
//!
//! Both are JSON objects, one a line or one a call. Rules say which of them mean what, so that a
//! new agent needs data and no code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::holding::Normalised;
use crate::pattern::Pattern;

/// Something that an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// Which conversation this is.
    Conversation(String),
    /// The user said this: a turn has begun.
    User(String),
    /// The user said this while the agent was busy; it is kept for later.
    Queued(String),
    /// The agent says this; more may follow in the same turn.
    Answer(String),
    /// The agent waits for leave to do something.
    Asks(String),
    /// The turn has ended.
    End {
        /// The agent's last words, where the record has them.
        answer: Option<String>,
        /// What the user had said, where the record has it.
        of: Option<String>,
        /// What went wrong, if the turn ended with an error.
        error: Option<String>,
    },
}

/// Where an agent writes its transcript, and how it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// The directory in which the files are, at any depth. It begins with the agent's home if it
    /// begins with `~`.
    directory: String,
    /// A variable that names another directory in the place of the first part of `directory`.
    moved_by: Option<String>,
    /// Matches the names of the files.
    file: Pattern,
    /// Where a record has its time, in RFC 3339. Without it nothing is concluded from what was said
    /// before a crash.
    time: Option<String>,
    records: Vec<RecordRule>,
}

/// A fact of a transcript, and when it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dated {
    /// The fact.
    pub fact: Fact,
    /// The record's own time, as it stands there.
    pub time: Option<String>,
}

/// How an agent is told to call us, and how its calls are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Settings that make the agent call; `{report}` is our command as a JSON string, for a shell.
    settings: Option<String>,
    /// Where every call has the conversation's id.
    conversation: String,
    records: Vec<RecordRule>,
}

/// Which JSON objects mean what.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordRule {
    fact: FactKind,
    /// Values by their JSON pointers; all have to be there. Of several values one will do.
    when: BTreeMap<String, OneOf>,
    /// Where its text is: a string, an array of strings, of which the last counts, or an array of
    /// parts with texts.
    text: Option<String>,
    /// Where the words are that began the turn which has ended.
    of: Option<String>,
    /// Where it is said what went wrong.
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FactKind {
    Conversation,
    User,
    Queued,
    Answer,
    Asks,
    End,
}

#[derive(Debug, Clone)]
struct OneOf(Vec<Value>);

impl<'de> Deserialize<'de> for OneOf {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Array(values) => Self(values),
            value => Self(vec![value]),
        })
    }
}

impl Transcript {
    /// Returns the directory of the transcripts of an agent with this environment; nothing if it
    /// has no home.
    pub fn directory(&self, env: &BTreeMap<String, String>) -> Option<String> {
        let moved = self.moved_by.as_ref().and_then(|name| env.get(name));
        let below_home = self.directory.strip_prefix("~/");
        match (moved, below_home) {
            (Some(moved), Some(path)) => {
                let rest = path.split_once('/').map_or("", |(_, rest)| rest);
                Some(format!("{moved}/{rest}"))
            }
            (None, Some(path)) => Some(format!("{}/{path}", env.get("HOME")?)),
            (_, None) => Some(self.directory.clone()),
        }
    }

    /// Returns whether a file of this name is a transcript.
    pub fn is_file(&self, name: &str) -> bool {
        self.file.is_match(name)
    }

    /// Reads a line. What no rule knows, and what is no JSON, says nothing.
    pub fn read(&self, line: &str) -> Option<Fact> {
        self.read_dated(line).map(|dated| dated.fact)
    }

    /// Reads a line with its time.
    pub fn read_dated(&self, line: &str) -> Option<Dated> {
        let record = serde_json::from_str(line).ok()?;
        let time = self.time.as_ref().and_then(|at| text_at(&record, at));
        let fact = read(&self.records, &record)?;
        Some(Dated { fact, time })
    }

    /// Returns whether its records have times.
    pub fn is_dated(&self) -> bool {
        self.time.is_some()
    }
}

impl Hooks {
    /// Returns the settings that make the agent call `report`, a command for a shell.
    pub fn settings(&self, report: &str) -> String {
        let report = Value::from(report).to_string();
        let template = self.settings.as_deref().unwrap_or_default();
        let settings = template.replace("{report}", &report);
        // Line breaks of the template are for its readers.
        serde_json::from_str(&settings).map_or(settings, |settings: Value| settings.to_string())
    }

    /// Returns the id of the conversation that a call is about.
    pub fn conversation(&self, payload: &Value) -> Option<String> {
        text_at(payload, &self.conversation)
    }

    /// Reads what a call brings.
    pub fn read(&self, payload: &Value) -> Option<Fact> {
        read(&self.records, payload)
    }
}

fn read(rules: &[RecordRule], record: &Value) -> Option<Fact> {
    let rule = rules.iter().find(|rule| rule.fits(record))?;
    let text = rule.text.as_ref().and_then(|at| text_at(record, at));
    match rule.fact {
        FactKind::Conversation => text.map(Fact::Conversation),
        FactKind::User => text.map(Fact::User),
        FactKind::Queued => text.map(Fact::Queued),
        FactKind::Answer => text.map(Fact::Answer),
        FactKind::Asks => Some(Fact::Asks(text.unwrap_or_default())),
        FactKind::End => Some(Fact::End {
            answer: text,
            of: rule.of.as_ref().and_then(|at| text_at(record, at)),
            error: rule.error.as_ref().and_then(|at| text_at(record, at)),
        }),
    }
}

impl RecordRule {
    fn fits(&self, record: &Value) -> bool {
        let has = |(pointer, wanted): (&String, &OneOf)| {
            let found = record.pointer(pointer).unwrap_or(&Value::Null);
            wanted.0.iter().any(|value| value == found)
        };
        self.when.iter().all(has)
    }
}

/// Returns a text that is not blank.
fn text_at(record: &Value, pointer: &str) -> Option<String> {
    let text = match record.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Array(parts) => match parts.last()? {
            Value::String(last) => last.clone(),
            _ => {
                let texts = parts.iter().filter_map(|part| part["text"].as_str());
                texts.collect::<Vec<_>>().join("\n")
            }
        },
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Returns whether two texts are the same but for white space, for characters that take no column,
/// and for how accents are written, all of which agents change.
pub fn same_text(one: &str, other: &str) -> bool {
    Normalised::of(one).text == Normalised::of(other).text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Harness;
    use serde_json::json;

    fn of_line(harness: &str, line: &Value) -> Option<Fact> {
        let harness = Harness::shipped(harness).unwrap();
        harness.transcript().unwrap().read(&line.to_string())
    }

    fn of_call(harness: &str, payload: &Value) -> Option<Fact> {
        let harness = Harness::shipped(harness).unwrap();
        harness.hooks().unwrap().read(payload)
    }

    #[test]
    fn claude_writes_what_was_said_and_that_its_turn_has_ended() {
        let read = |line| of_line("claude", &line);
        let message = json!({"role": "user", "content": "hello"});
        assert_eq!(
            read(json!({"type": "user", "isSidechain": false, "message": message})),
            Some(Fact::User("hello".into()))
        );
        let result = json!({"role": "user", "content": [{"type": "tool_result", "content": "x"}]});
        assert_eq!(
            read(json!({"type": "user", "isSidechain": false, "message": result})),
            None
        );
        let aside = json!({"type": "user", "isSidechain": true, "message": message});
        assert_eq!(read(aside), None);
        let answer = json!({"type": "assistant", "isSidechain": false, "message": {
            "role": "assistant", "content": [{"type": "text", "text": "hi"}]}});
        assert_eq!(read(answer), Some(Fact::Answer("hi".into())));
        let failed = json!({"type": "assistant", "isSidechain": false, "isApiErrorMessage": true,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "no such thing"}]}});
        assert_eq!(
            read(failed),
            Some(Fact::End {
                answer: None,
                of: None,
                error: Some("no such thing".into())
            })
        );
        let queued = json!({"type": "queue-operation", "operation": "enqueue", "content": "later"});
        assert_eq!(read(queued), Some(Fact::Queued("later".into())));
    }

    #[test]
    fn codex_writes_what_was_said_and_its_last_words() {
        let item = |kind: &str, part: &str| {
            json!({"type": "event_msg", "payload": {"type": "item_completed", "item": {
                "type": kind, "content": [{"type": part, "text": "t"}]}}})
        };
        let read = |line| of_line("codex", &line);
        assert_eq!(
            read(item("UserMessage", "text")),
            Some(Fact::User("t".into()))
        );
        assert_eq!(
            read(item("AgentMessage", "Text")),
            Some(Fact::Answer("t".into()))
        );
        let end = json!({"type": "event_msg", "payload": {
            "type": "task_complete", "last_agent_message": "t"}});
        assert_eq!(
            read(end),
            Some(Fact::End {
                answer: Some("t".into()),
                of: None,
                error: None
            })
        );
        let failed = json!({"type": "event_msg", "payload": {"type": "task_complete",
            "last_agent_message": null, "error": {"message": "no such thing"}}});
        assert_eq!(
            read(failed),
            Some(Fact::End {
                answer: None,
                of: None,
                error: Some("no such thing".into())
            })
        );
        let meta = json!({"type": "session_meta", "payload": {"id": "7"}});
        assert_eq!(read(meta), Some(Fact::Conversation("7".into())));
    }

    #[test]
    fn hooks_say_what_the_turn_was_about() {
        let prompt =
            json!({"session_id": "7", "hook_event_name": "UserPromptSubmit", "prompt": "p"});
        let claude = Harness::shipped("claude").unwrap();
        let conversation = claude.hooks().unwrap().conversation(&prompt);
        assert_eq!(conversation.as_deref(), Some("7"));
        assert_eq!(of_call("claude", &prompt), Some(Fact::User("p".into())));
        let end = json!({"type": "agent-turn-complete", "input-messages": ["a", "b"],
            "last-assistant-message": "done"});
        assert_eq!(
            of_call("codex", &end),
            Some(Fact::End {
                answer: Some("done".into()),
                of: Some("b".into()),
                error: None
            })
        );
        assert_eq!(of_call("codex", &json!({"type": "unheard-of"})), None);
    }

    #[test]
    fn settings_carry_the_command_as_a_json_string() {
        let harness = Harness::shipped("claude").unwrap();
        let settings = harness.hooks().unwrap().settings("'a b' \"c\"");
        let settings: Value = serde_json::from_str(&settings).unwrap();
        let hook = &settings["hooks"]["Stop"][0]["hooks"][0];
        assert_eq!(hook["command"], "'a b' \"c\"");
    }

    #[test]
    fn a_transcript_is_below_home_or_where_a_variable_says() {
        let harness = Harness::shipped("codex").unwrap();
        let transcript = harness.transcript().unwrap();
        let env = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let at = |env| transcript.directory(&env);
        assert_eq!(at(env("HOME", "/h")).as_deref(), Some("/h/.codex/sessions"));
        assert_eq!(at(env("CODEX_HOME", "/c")).as_deref(), Some("/c/sessions"));
        assert_eq!(at(BTreeMap::new()), None);
        assert!(transcript.is_file("rollout-2026.jsonl") && !transcript.is_file("x.jsonl"));
    }

    #[test]
    fn texts_are_compared_as_agents_change_them() {
        assert!(same_text("a\tb\n", "a    b"));
        assert!(!same_text("a b", "a c"));
    }
}

//! What a model was asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::Dialect;

/// One request, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// In which dialect.
    pub dialect: Dialect,
    /// Of which model.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The last words of the user, whole.
    pub user: String,
    /// All that the user said in this conversation, oldest first.
    pub said: Vec<String>,
    /// The system prompt; empty if there is none.
    pub system: String,
    /// The names of the tools that the model may ask for.
    pub tools: Vec<String>,
    /// What the tool gave that the model asked for just before.
    pub tool_result: Option<String>,
    /// The text that decided over the answer, from the script; `None` for the answer of no rule.
    #[serde(default)]
    pub rule: Option<String>,
}

impl Record {
    /// Reads a request's body.
    pub(crate) fn read(dialect: Dialect, body: &Value) -> Self {
        let messages = match dialect {
            Dialect::Responses => body["input"].as_array(),
            Dialect::Messages | Dialect::Chat => body["messages"].as_array(),
        };
        let messages = messages.map(Vec::as_slice).unwrap_or_default();
        let mut said: Vec<String> = messages
            .iter()
            .filter(|message| message["role"] == "user")
            .flat_map(|message| texts(&message["content"]))
            .filter(|text| !is_added(text))
            .map(str::to_owned)
            .collect();
        said.extend(body["input"].as_str().map(str::to_owned));
        Self {
            dialect,
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"] == true,
            user: said.last().cloned().unwrap_or_default(),
            said,
            system: system(body, messages),
            tools: tools(body),
            tool_result: messages.last().and_then(tool_result),
            rule: None,
        }
    }

    /// Returns whether this is a request on the side, such as for a title.
    pub fn is_aside(&self) -> bool {
        self.tools.is_empty()
    }
}

/// What agents put between the user's words is marked up; people do not begin like that.
fn is_added(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('<') || text.starts_with("# AGENTS.md")
}

/// The texts of a content: a string, or an array of parts.
fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => Vec::new(),
    }
}

fn system(body: &Value, messages: &[Value]) -> String {
    let instructed = [&body["system"], &body["instructions"]];
    let instructed = instructed.into_iter().flat_map(|content| texts(content));
    let said = messages
        .iter()
        .filter(|message| message["role"] == "system" || message["role"] == "developer")
        .flat_map(|message| texts(&message["content"]));
    instructed.chain(said).collect::<Vec<_>>().join("\n")
}

/// The tools' names; a tool of a group is written `group.tool`.
fn tools(body: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        let name = tool["name"].as_str().or(tool["function"]["name"].as_str());
        match (name, tool["tools"].as_array()) {
            (Some(group), Some(members)) => {
                let members = members.iter().filter_map(|member| member["name"].as_str());
                names.extend(members.map(|member| format!("{group}.{member}")));
            }
            (Some(name), None) => names.push(name.to_owned()),
            (None, _) => names.extend(tool["type"].as_str().map(str::to_owned)),
        }
    }
    names
}

/// What a tool gave, if the conversation's last message is that.
fn tool_result(message: &Value) -> Option<String> {
    if message["role"] == "tool" {
        return Some(texts(&message["content"]).concat());
    }
    if message["type"] == "function_call_output" {
        let output = &message["output"];
        let text = texts(output).concat();
        return Some(if text.is_empty() {
            output.to_string()
        } else {
            text
        });
    }
    let mut parts = message["content"].as_array()?.iter();
    let result = parts.find(|part| part["type"] == "tool_result")?;
    Some(texts(&result["content"]).concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_users_last_words_are_found_between_what_the_agent_adds() {
        let body = json!({
            "model": "m", "stream": true, "system": [{"type": "text", "text": "be brief"}],
            "tools": [{"name": "Bash"}],
            "messages": [
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "answer"},
                {"role": "user", "content": [
                    {"type": "text", "text": "<system-reminder>x</system-reminder>"},
                    {"type": "text", "text": "地图\nsecond"},
                ]},
            ],
        });
        let record = Record::read(Dialect::Messages, &body);
        assert_eq!(record.user, "地图\nsecond");
        assert_eq!(record.said, ["first", "地图\nsecond"]);
        assert_eq!(record.system, "be brief");
        assert_eq!(record.tools, ["Bash"]);
        assert_eq!(record.tool_result, None);
        assert!(record.stream && !record.is_aside());
    }

    #[test]
    fn each_dialect_tells_a_tools_result() {
        let of = |dialect, messages| {
            let key = if dialect == Dialect::Responses {
                "input"
            } else {
                "messages"
            };
            Record::read(dialect, &json!({key: messages})).tool_result
        };
        let block = json!({"type": "tool_result", "content": [{"type": "text", "text": "ok"}]});
        let messages = json!([{"role": "user", "content": [block]}]);
        assert_eq!(of(Dialect::Messages, messages).as_deref(), Some("ok"));
        let messages = json!([{"role": "tool", "content": "ok"}]);
        assert_eq!(of(Dialect::Chat, messages).as_deref(), Some("ok"));
        let messages = json!([{"type": "function_call_output", "output": "ok"}]);
        assert_eq!(of(Dialect::Responses, messages).as_deref(), Some("ok"));
    }

    #[test]
    fn tools_of_a_group_are_named_with_it() {
        let body = json!({"input": "hi", "instructions": "i", "tools": [
            {"type": "function", "name": "exec_command"},
            {"type": "namespace", "name": "mcp__fleet", "tools": [{"name": "send_to_peer"}]},
            {"type": "web_search"},
        ]});
        let record = Record::read(Dialect::Responses, &body);
        assert_eq!(
            record.tools,
            ["exec_command", "mcp__fleet.send_to_peer", "web_search"]
        );
        assert_eq!((record.user.as_str(), record.system.as_str()), ("hi", "i"));
    }
}

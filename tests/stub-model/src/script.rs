//! What the model says to what.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dialect::Reply;
use crate::request::Record;

/// Names under which agents offer to run a command.
const SHELLS: [&str; 5] = ["Bash", "bash", "exec_command", "shell_command", "shell"];

/// The rules, of which the first that fits decides.
#[derive(Debug, Default)]
pub struct Script {
    /// Each with how often it may still be used.
    rules: Mutex<Vec<(Rule, u32)>>,
}

/// What to do when the user's last words contain a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The text.
    pub contains: String,
    /// How often the rule is used; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The answer waits until this file exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<PathBuf>,
    /// Pause before each word.
    #[serde(default)]
    pub pace_ms: u64,
    /// What to do; absent: answer as without a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Answers this.
    Answer(String),
    /// Fails.
    Fail(Failure),
    /// Asks for a shell command to be run, then answers with what it gave. `{last}` in it is the last
    /// word of what the user said.
    Run(String),
    /// Asks for a tool to be called, then answers with what it gave. `{last}` means the same.
    Call(ToolCall),
}

/// An answer of the API that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The HTTP status, such as 429 or 529.
    pub status: u16,
    /// What is said.
    pub message: String,
    /// Seconds after which it may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// A tool to call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The end of its name among the tools that the agent offers.
    pub tool: String,
    /// Its arguments, an object.
    pub arguments: Value,
}

/// What is decided for one request.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Result<Reply, Failure>,
    pub(crate) hold: Option<PathBuf>,
    pub(crate) pace: Duration,
    pub(crate) rule: Option<String>,
}

impl Rule {
    /// Makes a rule that does this when the user's words contain a text.
    pub fn when(contains: impl Into<String>, then: Then) -> Self {
        Self {
            contains: contains.into(),
            times: None,
            hold: None,
            pace_ms: 0,
            then: Some(then),
        }
    }

    /// Makes a rule that answers only when a file exists.
    pub fn hold(contains: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            hold: Some(file.into()),
            then: None,
            ..Self::when(contains, Then::Answer(String::new()))
        }
    }

    /// Lets the rule be used only so often.
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }
}

impl Script {
    /// Makes a script of these rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let counted = |rule: Rule| {
            let times = rule.times.unwrap_or(u32::MAX);
            (rule, times)
        };
        Self {
            rules: Mutex::new(rules.into_iter().map(counted).collect()),
        }
    }

    pub(crate) fn decide(&self, asked: &Record) -> Decision {
        let plain = |text: String| Decision {
            outcome: Ok(Reply::Text(text)),
            hold: None,
            pace: Duration::ZERO,
            rule: None,
        };
        if asked.is_aside() {
            return plain("A title".into());
        }
        if let Some(result) = &asked.tool_result {
            return plain(format!("The tool gave: {}", result.trim()));
        }
        let usual = format!("I got {} characters.", asked.user.chars().count());
        let Some(rule) = self.take(asked) else {
            return plain(usual);
        };
        Decision {
            outcome: outcome(rule.then, usual, asked),
            hold: rule.hold,
            pace: Duration::from_millis(rule.pace_ms),
            rule: Some(rule.contains),
        }
    }

    /// Finds the rule for a request, and counts its use.
    fn take(&self, asked: &Record) -> Option<Rule> {
        let mut rules = match self.rules.lock() {
            Ok(rules) => rules,
            // A count cannot be left half changed.
            Err(poisoned) => poisoned.into_inner(),
        };
        let fits =
            |(rule, left): &&mut (Rule, u32)| *left > 0 && asked.user.contains(&rule.contains);
        let (rule, left) = rules.iter_mut().find(fits)?;
        *left = left.saturating_sub(1);
        Some(rule.clone())
    }
}

fn outcome(then: Option<Then>, usual: String, asked: &Record) -> Result<Reply, Failure> {
    match then {
        None => Ok(Reply::Text(usual)),
        Some(Then::Answer(text)) => Ok(Reply::Text(text)),
        Some(Then::Fail(failure)) => Err(failure),
        Some(Then::Run(command)) => Ok(run(&filled(&command, asked), asked)),
        Some(Then::Call(call)) => Ok(tool(&call, asked)),
    }
}

fn filled(template: &str, asked: &Record) -> String {
    let last = asked.user.split_whitespace().next_back();
    template.replace("{last}", last.unwrap_or_default())
}

fn run(command: &str, asked: &Record) -> Reply {
    let offered = |name: &&&str| asked.tools.iter().any(|tool| tool == **name);
    let Some(name) = SHELLS.iter().find(offered) else {
        return Reply::Text(format!("There is no shell among {:?}", asked.tools));
    };
    let arguments = match *name {
        "exec_command" => json!({"cmd": command}),
        "shell" => json!({"command": ["sh", "-c", command]}),
        _ => json!({"command": command, "description": "a command of the script"}),
    };
    Reply::Tool {
        name: (*name).to_owned(),
        namespace: None,
        arguments,
    }
}

fn tool(call: &ToolCall, asked: &Record) -> Reply {
    let Some(name) = asked.tools.iter().find(|name| name.ends_with(&call.tool)) else {
        return Reply::Text(format!("There is no {} among {:?}", call.tool, asked.tools));
    };
    let (namespace, name) = match name.split_once('.') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, name.as_str()),
    };
    let mut arguments = call.arguments.clone();
    let values = arguments.as_object_mut().into_iter().flatten();
    for (_, value) in values {
        if let Value::String(text) = value {
            *text = filled(text, asked);
        }
    }
    Reply::Tool {
        name: name.to_owned(),
        namespace,
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn asked(user: &str, tools: &[&str]) -> Record {
        let tools: Vec<_> = tools.iter().map(|name| json!({"name": name})).collect();
        let body = json!({"messages": [{"role": "user", "content": user}], "tools": tools});
        Record::read(Dialect::Messages, &body)
    }

    #[test]
    fn the_first_rule_that_fits_decides_as_often_as_it_may() {
        let once = Rule::when("a", Then::Answer("once".into())).times(1);
        let then = Rule::when("a", Then::Answer("then".into()));
        let script = Script::new(vec![once, then]);
        let answer = |user: &str| script.decide(&asked(user, &["Bash"])).outcome;
        assert_eq!(answer("xa"), Ok(Reply::Text("once".into())));
        assert_eq!(answer("xa"), Ok(Reply::Text("then".into())));
        assert_eq!(answer("ä"), Ok(Reply::Text("I got 1 characters.".into())));
    }

    #[test]
    fn a_request_on_the_side_uses_up_no_rule() {
        let failure = Failure {
            status: 529,
            message: "overloaded".into(),
            retry_after: None,
        };
        let script = Script::new(vec![Rule::when("a", Then::Fail(failure.clone())).times(1)]);
        assert!(script.decide(&asked("a", &[])).outcome.is_ok());
        assert_eq!(script.decide(&asked("a", &["Bash"])).outcome, Err(failure));
    }

    #[test]
    fn a_command_goes_to_whichever_shell_is_offered() {
        let script = Script::new(vec![Rule::when("go", Then::Run("true".into()))]);
        let reply = |tool: &str| match script.decide(&asked("go", &[tool])).outcome {
            Ok(Reply::Tool { arguments, .. }) => arguments.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(reply("exec_command"), r#"{"cmd":"true"}"#);
        assert_eq!(reply("shell"), r#"{"command":["sh","-c","true"]}"#);
        assert!(reply("read").contains("no shell"));
    }

    #[test]
    fn a_tool_is_called_with_the_last_word_of_the_user() {
        let call = ToolCall {
            tool: "read".into(),
            arguments: json!({"path": "{last}", "limit": 3}),
        };
        let script = Script::new(vec![Rule::when("go", Then::Call(call))]);
        match script.decide(&asked("go to /a/b.txt\n", &["read"])).outcome {
            Ok(Reply::Tool { arguments, .. }) => {
                assert_eq!(arguments, json!({"path": "/a/b.txt", "limit": 3}));
            }
            other => panic!("{other:?}"),
        }
    }
}

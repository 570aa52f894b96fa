//! How an agent is started.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How an agent is started: a command and what its flags are called.
///
/// Each flag is a template of arguments; `None` means that the agent has no such flag, an empty
/// one that it needs none. Placeholders are `{fleet}` (path of our own binary), `{model}`, `{text}`
/// (of the system prompt), `{session}`, and those of [`Tools`] in `mcp`; they may stand anywhere in an
/// argument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Launch {
    /// Program and arguments. Empty for a harness whose command the user gives.
    #[serde(default)]
    pub argv: Vec<String>,
    /// The command that installs the program, for people to whom it is missing.
    pub install: Option<String>,
    /// Environment variables to set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Chooses `{model}`.
    pub model: Option<Vec<String>>,
    /// Skips questions for permission.
    pub yolo: Option<Vec<String>>,
    /// Lets it change nothing but what is below `{paths}`, a JSON or TOML array, as far as the program
    /// can be told that.
    pub scope: Option<Vec<String>>,
    /// Lets it change nothing at all.
    pub read_only: Option<Vec<String>>,
    /// Whether what other agents get as system prompt is this one's first message.
    #[serde(default)]
    pub told_by_message: bool,
    /// Adds `{text}` to the system prompt. Without it the text has to be the first message.
    pub system_prompt: Option<Vec<String>>,
    /// Adds our server of tools (`fleet mcp`) for this launch alone.
    pub mcp: Option<Vec<String>>,
    /// Makes the agent call us for this launch alone: `{command}` is our command as a JSON or TOML
    /// array, `{settings}` what [`Hooks::settings`](crate::Hooks::settings) makes.
    pub hooks: Option<Vec<String>>,
    /// JSON files of settings whose object `env` wins over the environment, below the home directory
    /// (`~/…`) or the working directory.
    #[serde(default)]
    pub settings_files: Vec<String>,
    /// Whether the program keeps its shell commands in a sandbox that may forbid Unix sockets: then
    /// its own shell cannot reach the fleet, but our server of tools can.
    #[serde(default)]
    pub sandboxed_shell: bool,
    /// Starts a conversation with the id `{session}`.
    pub session: Option<Vec<String>>,
    /// Continues the conversation `{session}`, or the directory's last one if the template does
    /// not name it.
    pub resume: Option<Vec<String>>,
    /// Lets it read the files of long messages without asking anybody.
    #[serde(default)]
    pub bodies: BodyAccess,
}

/// How a program is told that it may read the directory of the messages that are too long to be
/// typed. In both `{bodies}` is that directory's path, which is absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BodyAccess {
    /// Arguments.
    #[serde(default)]
    flags: Vec<String>,
    /// Environment variables; `{bodies}` stands in a JSON string.
    #[serde(default)]
    env: BTreeMap<String, String>,
}

impl BodyAccess {
    const NAME: &'static str = "{bodies}";

    /// Returns the arguments for a directory; they go where [`Launch::conversation`] goes.
    pub fn flags(&self, directory: &str) -> Vec<String> {
        fill(&self.flags, Self::NAME, directory)
    }

    /// Returns the variables for a directory.
    pub fn env(&self, directory: &str) -> BTreeMap<String, String> {
        let quoted = serde_json::Value::from(directory).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        let filled =
            |(name, value): (&String, &String)| (name.clone(), value.replace(Self::NAME, inner));
        self.env.iter().map(filled).collect()
    }
}

/// What one start of an agent asks for; see [`Launch::command`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// Path of our own binary.
    pub fleet: &'a str,
    /// Model to use.
    pub model: Option<&'a str>,
    /// Whether to skip questions for permission.
    pub yolo: bool,
    /// The paths that it may change; `None` is all that the user may.
    pub writable: Option<&'a [String]>,
    /// Text to add to the system prompt.
    pub system_prompt: Option<&'a str>,
    /// Our server of tools.
    pub tools: Option<Tools<'a>>,
    /// How it calls us.
    pub calls: Option<Calls<'a>>,
    /// The conversation.
    pub conversation: Conversation<'a>,
}

/// How a server of tools is started, in the forms that agents are told it in. Each may stand in a
/// template of [`Launch::mcp`] under its name: `{json}`, `{command}`, `{args}` and `{env}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tools<'a> {
    /// A whole configuration, `{"mcpServers": {…}}`, as JSON.
    pub json: &'a str,
    /// Its program, as a JSON or TOML string.
    pub command: &'a str,
    /// Its arguments, as a JSON or TOML array.
    pub args: &'a str,
    /// Its environment, as a TOML inline table.
    pub env: &'a str,
}

impl<'a> Tools<'a> {
    const NAMES: [&'static str; 4] = ["{json}", "{command}", "{args}", "{env}"];

    fn fill(&self, template: &[String]) -> Vec<String> {
        let values: [&'a str; 4] = [self.json, self.command, self.args, self.env];
        fill_one(template, &Self::NAMES, &values)
    }
}

/// How an agent calls us, in the forms that agents are told it in; see [`Launch::hooks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls<'a> {
    /// Settings with the command in them.
    pub settings: &'a str,
    /// The command, as a JSON or TOML array.
    pub command: &'a str,
}

impl<'a> Calls<'a> {
    const NAMES: [&'static str; 2] = ["{settings}", "{command}"];

    fn fill(&self, template: &[String]) -> Vec<String> {
        fill_one(template, &Self::NAMES, &[self.settings, self.command])
    }
}

/// Which conversation an agent is started with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conversation<'a> {
    /// A new one, with an id of the agent's choice.
    #[default]
    New,
    /// A new one with this id.
    Named(&'a str),
    /// The one with this id.
    Resume(&'a str),
}

impl Launch {
    /// Returns program and arguments; wishes for which the agent has no flag are left out.
    pub fn command(&self, invocation: &Invocation<'_>) -> Vec<String> {
        let mut command = fill(&self.argv, "{fleet}", invocation.fleet);
        command.extend(self.conversation(invocation.conversation));
        let mut add = |template: &Option<Vec<String>>, placeholder, value: Option<&str>| {
            if let (Some(template), Some(value)) = (template, value) {
                command.extend(fill(template, placeholder, value));
            }
        };
        add(&self.model, "{model}", invocation.model);
        add(&self.yolo, "{yolo}", invocation.yolo.then_some(""));
        let paths = invocation.writable.map(json_array);
        match invocation.writable {
            Some([]) => add(&self.read_only, "", Some("")),
            _ => add(&self.scope, "{paths}", paths.as_deref()),
        }
        if let (Some(template), Some(tools)) = (&self.mcp, &invocation.tools) {
            command.extend(tools.fill(template));
        }
        if let (Some(template), Some(calls)) = (&self.hooks, &invocation.calls) {
            command.extend(calls.fill(template));
        }
        // Last, after flags that take any number of arguments.
        if let (Some(template), Some(text)) = (&self.system_prompt, invocation.system_prompt) {
            command.extend(fill(template, "{text}", text));
        }
        command
    }

    /// Returns the arguments that choose a conversation. They go right behind [`Launch::argv`],
    /// because some agents resume by a subcommand.
    pub fn conversation(&self, conversation: Conversation<'_>) -> Vec<String> {
        let (template, id) = match conversation {
            Conversation::New => return Vec::new(),
            Conversation::Named(id) => (&self.session, id),
            Conversation::Resume(id) => (&self.resume, id),
        };
        let template = template.as_deref().unwrap_or_default();
        fill(template, "{session}", id)
    }

    /// Tells whether a conversation is continued by its id; if not, it is whichever was the last in
    /// the working directory, which may be another agent's.
    pub fn resumes_by_id(&self) -> bool {
        let names = |template: &Vec<String>| template.iter().any(|part| part.contains("{session}"));
        self.resume.as_ref().is_some_and(names)
    }

    pub(crate) fn unknown_placeholder(&self) -> Option<String> {
        let flags = [
            (&self.model, "{model}"),
            (&self.yolo, ""),
            (&self.scope, "{paths}"),
            (&self.read_only, ""),
            (&self.system_prompt, "{text}"),
            (&self.session, "{session}"),
            (&self.resume, "{session}"),
        ];
        let of_many = |template: &Option<Vec<String>>, names: &[&str]| {
            let words = template.as_ref()?.iter().map(|argument| {
                names
                    .iter()
                    .fold(argument.clone(), |rest, name| rest.replace(name, ""))
            });
            unknown_placeholder(&words.collect::<Vec<_>>(), "")
        };
        unknown_placeholder(&self.argv, "{fleet}")
            .or_else(|| {
                flags
                    .iter()
                    .find_map(|(flag, known)| unknown_placeholder(flag.as_ref()?, known))
            })
            .or_else(|| of_many(&self.mcp, &Tools::NAMES))
            .or_else(|| of_many(&self.hooks, &Calls::NAMES))
            .or_else(|| unknown_placeholder(&self.bodies.flags, BodyAccess::NAME))
    }
}

/// Writes texts as an array that JSON and TOML read alike.
fn json_array(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// Finds something like `{word}` in a template that knows only other words.
fn unknown_placeholder(template: &[String], known: &str) -> Option<String> {
    template.iter().find_map(|argument| {
        let start = argument.find('{')?;
        let end = start + argument[start..].find('}')? + 1;
        let word = &argument[start..end];
        (word != known).then(|| word.to_owned())
    })
}

/// Fills arguments that have one placeholder each: what one is replaced by is never looked at again.
fn fill_one(template: &[String], names: &[&str], values: &[&str]) -> Vec<String> {
    let filled = |argument: &String| {
        let mut found = names.iter().zip(values);
        match found.find(|(name, _)| argument.contains(**name)) {
            Some((name, value)) => argument.replace(name, value),
            None => argument.clone(),
        }
    };
    template.iter().map(filled).collect()
}

fn fill(template: &[String], placeholder: &str, value: &str) -> Vec<String> {
    template
        .iter()
        .map(|argument| argument.replace(placeholder, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Harness;

    fn command(name: &str, invocation: &Invocation<'_>) -> String {
        Harness::shipped(name)
            .unwrap()
            .launch()
            .command(invocation)
            .join(" ")
    }

    #[test]
    fn a_command_carries_what_the_agent_has_flags_for() {
        let all = Invocation {
            fleet: "/bin/fleet",
            model: Some("m"),
            yolo: true,
            writable: Some(&[]),
            system_prompt: Some("be brief {model}"),
            tools: Some(Tools {
                json: "{\"mcpServers\": {}}",
                command: "\"/bin/fleet\"",
                args: "[\"mcp\"]",
                env: "{A = \"b\"}",
            }),
            calls: Some(Calls {
                settings: "{\"hooks\": {}}",
                command: "[\"/bin/fleet\"]",
            }),
            conversation: Conversation::Resume("7"),
        };
        assert_eq!(
            command("claude", &all),
            "claude --resume 7 --model m --dangerously-skip-permissions \
             --mcp-config {\"mcpServers\": {}} --settings {\"hooks\": {}} \
             --append-system-prompt be brief {model}"
        );
        assert!(command("codex", &all).contains(
            "--config mcp_servers.fleet.command=\"/bin/fleet\" \
             --config mcp_servers.fleet.args=[\"mcp\"] \
             --config mcp_servers.fleet.env={A = \"b\"} --config notify=[\"/bin/fleet\"]"
        ));
        assert_eq!(command("sim", &all), "/bin/fleet sim-agent");
        assert_eq!(command("generic", &all), "");
    }

    #[test]
    fn what_may_be_changed_is_handed_to_a_program_that_can_be_told() {
        let paths = ["/srv/a b".to_owned(), "/tmp/\"x\"".to_owned()];
        let within = |writable| Invocation {
            writable,
            ..Invocation::default()
        };
        assert_eq!(
            command("codex", &within(Some(&paths))),
            "codex --sandbox workspace-write --config \
             sandbox_workspace_write.writable_roots=[\"/srv/a b\",\"/tmp/\\\"x\\\"\"]"
        );
        assert_eq!(
            command("codex", &within(Some(&[]))),
            "codex --sandbox read-only"
        );
        assert_eq!(command("codex", &within(None)), "codex");
        assert_eq!(command("claude", &within(Some(&paths))), "claude");
    }

    #[test]
    fn nothing_is_added_that_was_not_asked_for() {
        let named = Invocation {
            conversation: Conversation::Named("7"),
            ..Invocation::default()
        };
        assert_eq!(command("claude", &named), "claude --session-id 7");
        assert_eq!(command("codex", &named), "codex");
    }

    #[test]
    fn the_directory_of_long_messages_may_be_read_and_no_other() {
        let access = |name: &str| Harness::shipped(name).unwrap().launch().bodies.clone();
        let directory = "/state/it's \"mine\"/bodies";
        assert_eq!(
            access("claude").flags(directory),
            ["--allowedTools", "Read(//state/it's \"mine\"/bodies/**)"]
        );
        let env = access("opencode").env(directory);
        let permission: serde_json::Value =
            serde_json::from_str(&env["OPENCODE_PERMISSION"]).unwrap();
        let pattern = format!("{directory}/*");
        assert_eq!(
            permission,
            serde_json::json!({"external_directory": {pattern: "allow"}})
        );
        assert_eq!(access("codex"), BodyAccess::default());
    }
}

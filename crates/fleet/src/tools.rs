//! How an agent is told of our own commands at its launch: the tools of `fleet mcp`, and the
//! command that its hooks call.

use std::collections::BTreeMap;
use std::path::Path;

use podfleet_harness::{Calls, Harness, Tools};
use serde_json::{Value, json};

/// The server of tools of one launch, in the forms that harnesses take.
#[derive(Debug)]
pub(crate) struct ToolServer {
    json: String,
    command: String,
    args: String,
    env: String,
}

impl ToolServer {
    /// Describes the server: our own binary, and the variables by which it finds the fleet. Who it
    /// is it finds out by the pod around it; no secret is in a command line.
    pub(crate) fn new(exe: &Path, location: &BTreeMap<String, String>) -> Self {
        let command = Value::from(exe.to_string_lossy());
        let args = json!(["mcp"]);
        let server = json!({ "command": command, "args": args, "env": location });
        let env: Vec<_> = location
            .iter()
            .map(|(name, value)| format!("{name} = {}", Value::from(value.as_str())))
            .collect();
        Self {
            json: json!({ "mcpServers": { "fleet": server } }).to_string(),
            command: command.to_string(),
            args: args.to_string(),
            env: format!("{{{}}}", env.join(", ")),
        }
    }

    pub(crate) fn tools(&self) -> Tools<'_> {
        Tools {
            json: &self.json,
            command: &self.command,
            args: &self.args,
            env: &self.env,
        }
    }
}

/// The command that the hooks of an agent call, in the forms that harnesses take.
#[derive(Debug)]
pub(crate) struct Reporter {
    settings: String,
    command: String,
}

impl Reporter {
    /// Describes the command; nothing for an agent that calls nobody.
    pub(crate) fn new(exe: &Path, harness: &Harness) -> Option<Self> {
        let exe = exe.to_string_lossy();
        let quoted = exe.replace('\'', r"'\''");
        Some(Self {
            settings: harness.hooks()?.settings(&format!("'{quoted}' pod report")),
            command: json!([exe, "pod", "report"]).to_string(),
        })
    }

    pub(crate) fn calls(&self) -> Calls<'_> {
        Calls {
            settings: &self.settings,
            command: &self.command,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_a_command_that_no_shell_takes_apart() {
        let claude = Harness::shipped("claude").unwrap();
        let reporter = Reporter::new(Path::new("/a b/it's"), &claude).unwrap();
        let settings: Value = serde_json::from_str(reporter.calls().settings).unwrap();
        let hook = &settings["hooks"]["Stop"][0]["hooks"][0]["command"];
        assert_eq!(hook, r"'/a b/it'\''s' pod report");
        assert_eq!(reporter.command, r#"["/a b/it's","pod","report"]"#);
        let generic = Harness::shipped("generic").unwrap();
        assert!(Reporter::new(Path::new("/fleet"), &generic).is_none());
    }

    #[test]
    fn a_server_is_described_as_json_and_as_toml() {
        let location = [("FLEET_HOME".to_owned(), "/a \"b\"".to_owned())].into();
        let server = ToolServer::new(Path::new("/bin/fleet"), &location);
        let parsed: Value = serde_json::from_str(&server.json).unwrap();
        let fleet = &parsed["mcpServers"]["fleet"];
        assert_eq!(fleet["command"], "/bin/fleet");
        assert_eq!(fleet["env"]["FLEET_HOME"], "/a \"b\"");
        assert_eq!(server.env, r#"{FLEET_HOME = "/a \"b\""}"#);
    }
}

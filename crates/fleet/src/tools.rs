//! How an agent is told of `fleet mcp` at its launch.

use std::collections::BTreeMap;
use std::path::Path;

use podfleet_harness::Tools;
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

#[cfg(test)]
mod tests {
    use super::*;

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

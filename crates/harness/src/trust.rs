//! Trust in a directory, as an agent's program keeps it in its own settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::ordered::Ordered;

/// Where an agent's program keeps whether a directory is trusted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The file, below the agent's home.
    file: String,
    /// A variable that names another directory, and the file in it.
    moved: Option<(String, String)>,
    format: Format,
    /// The table of directories.
    table: String,
    /// What is set in the directory's entry.
    set: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Toml,
}

/// Settings in which trust cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// They are not of their format.
    #[error("the settings cannot be read: {0}")]
    Unreadable(String),
    /// They say something else of the directory, which a person has to decide about.
    #[error("the settings say something else of this directory already")]
    Other,
}

impl Trust {
    /// Returns the file's path for an agent with this environment; nothing if it has no home.
    pub fn file(&self, env: &BTreeMap<String, String>) -> Option<String> {
        if let Some((variable, file)) = &self.moved
            && let Some(directory) = env.get(variable)
        {
            return Some(format!("{directory}/{file}"));
        }
        Some(format!("{}/{}", env.get("HOME")?, self.file))
    }

    /// Returns the settings with trust in a directory, or nothing if they have it already. `old` is
    /// empty for a file that is not there.
    ///
    /// # Errors
    /// Fails when the settings cannot be read, or when a person decided otherwise in them.
    pub fn record(&self, old: &str, directory: &str) -> Result<Option<String>, TrustError> {
        match self.format {
            Format::Json => self.in_json(old, directory),
            Format::Toml => self.in_toml(old, directory),
        }
    }

    /// Lays the objects out anew in which it is; all else stays as it is written.
    fn in_json(&self, old: &str, directory: &str) -> Result<Option<String>, TrustError> {
        let unreadable = |error: serde_json::Error| TrustError::Unreadable(error.to_string());
        let inside = |outer: &Ordered, name: &str| match outer.get(name).map(Ordered::parse) {
            Some(inner) => {
                inner.map_err(|_| TrustError::Unreadable(format!("`{name}` is no object")))
            }
            None => Ok(Ordered::default()),
        };
        let mut settings = match old.trim() {
            "" => Ordered::default(),
            text => Ordered::parse(text).map_err(unreadable)?,
        };
        let mut table = inside(&settings, &self.table)?;
        let mut entry = inside(&table, directory)?;
        if self.set.iter().all(|(name, value)| entry.has(name, value)) {
            return Ok(None);
        }
        for (name, value) in &self.set {
            entry.set(name, value.to_string()).map_err(unreadable)?;
        }
        table.set(directory, entry.written(2)).map_err(unreadable)?;
        let table = table.written(1);
        settings.set(&self.table, table).map_err(unreadable)?;
        Ok(Some(settings.written(0) + "\n"))
    }

    /// Appends a table: all that is there stays byte for byte.
    fn in_toml(&self, old: &str, directory: &str) -> Result<Option<String>, TrustError> {
        let parse = |text: &str| {
            text.parse::<toml::Table>()
                .map_err(|error| TrustError::Unreadable(error.message().to_owned()))
        };
        let entry = parse(old)?;
        let entry = entry
            .get(&self.table)
            .and_then(|table| table.get(directory));
        if let Some(entry) = entry {
            let has = |(name, value): (&String, &Value)| {
                let found = entry.get(name).and_then(toml::Value::as_str);
                found.is_some() && found == value.as_str()
            };
            return match self.set.iter().all(has) {
                true => Ok(None),
                false => Err(TrustError::Other),
            };
        }
        let mut new = old.to_owned();
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        // A JSON string is a TOML string, too.
        new.push_str(&format!("\n[{}.{}]\n", self.table, Value::from(directory)));
        for (name, value) in &self.set {
            new.push_str(&format!("{name} = {value}\n"));
        }
        // An inline table cannot be added to.
        parse(&new).map_err(|_| TrustError::Other)?;
        Ok(Some(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Harness;

    fn trust(name: &str) -> Trust {
        Harness::shipped(name).unwrap().trust().unwrap().clone()
    }

    #[test]
    fn trust_is_added_and_the_rest_stays_as_it_is_written() {
        let claude = trust("claude");
        let old = r#"{
  "theme": "dark",
  "id": 12345678901234567890123,
  "a": [1.0,
    2],
  "projects": {
    "/b": {"z": 1, "y": 1e2},
    "/a": {
      "x": 1
    }
  },
  "last": null
}
"#;
        let new = claude.record(old, "/a").unwrap().unwrap();
        let added = "      \"x\": 1,\n      \"hasTrustDialogAccepted\": true";
        assert_eq!(new, old.replace("      \"x\": 1", added));
        assert_eq!(claude.record(&new, "/a"), Ok(None));
        let first = claude.record("", "/a \"b\"").unwrap().unwrap();
        let settings: Value = serde_json::from_str(&first).unwrap();
        let trusted = &settings["projects"]["/a \"b\""]["hasTrustDialogAccepted"];
        assert_eq!(*trusted, true);
    }

    #[test]
    fn toml_settings_keep_every_byte() {
        let codex = trust("codex");
        let old = "model = \"m\" # mine";
        let new = codex.record(old, "/a \"b\"").unwrap().unwrap();
        assert_eq!(
            new,
            "model = \"m\" # mine\n\n[projects.\"/a \\\"b\\\"\"]\ntrust_level = \"trusted\"\n"
        );
        assert_eq!(codex.record(&new, "/a \"b\""), Ok(None));
    }

    #[test]
    fn what_a_person_decided_stays() {
        let codex = trust("codex");
        let other = "[projects.\"/a\"]\ntrust_level = \"untrusted\"\n";
        assert_eq!(codex.record(other, "/a"), Err(TrustError::Other));
        let inline = "projects = {}\n";
        assert_eq!(codex.record(inline, "/a"), Err(TrustError::Other));
        let broken = codex.record("= 1", "/a");
        assert!(matches!(broken, Err(TrustError::Unreadable(_))));
        let broken = trust("claude").record("{\"projects\": 1}", "/a");
        assert!(matches!(broken, Err(TrustError::Unreadable(_))));
    }

    #[test]
    fn settings_are_below_home_or_where_a_variable_says() {
        let env = |name: &str| BTreeMap::from([(name.to_owned(), "/x".to_owned())]);
        let at = |name: &str, variable: &str| trust(name).file(&env(variable)).unwrap();
        assert_eq!(at("claude", "HOME"), "/x/.claude.json");
        assert_eq!(at("claude", "CLAUDE_CONFIG_DIR"), "/x/.claude.json");
        assert_eq!(at("codex", "HOME"), "/x/.codex/config.toml");
        assert_eq!(at("codex", "CODEX_HOME"), "/x/config.toml");
    }
}

//! The connector passes the suite that every connector has to pass.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;

use async_trait::async_trait;
use podfleet_connectors::conformance::{self, Rig};
use podfleet_connectors::{ConnectorConfig, ConnectorRegistry, Environment, OrchestratorConnector};

struct Spool {
    directory: tempfile::TempDir,
    said: u32,
    /// Texts of `out/`, in the order in which they were first seen.
    heard: Vec<(String, String)>,
}

#[async_trait]
impl Rig for Spool {
    fn connector(&self) -> Arc<dyn OrchestratorConnector> {
        let mut registry = ConnectorRegistry::default();
        podfleet_example_spool::register(&mut registry);
        let config = serde_json::json!({
            "kind": "x-spool",
            "settings": { "directory": self.directory.path() },
        });
        let config: ConnectorConfig = serde_json::from_value(config).unwrap();
        registry.create(&config, &Environment::default()).unwrap()
    }

    async fn say(&mut self, text: &str, _: Option<&str>) -> String {
        self.said += 1;
        let name = format!("{:04}", self.said);
        let directory = self.directory.path().join("in");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(".new"), text).unwrap();
        std::fs::rename(directory.join(".new"), directory.join(&name)).unwrap();
        name
    }

    async fn heard(&mut self) -> Vec<String> {
        let out = std::fs::read_dir(self.directory.path().join("out"));
        let mut names: Vec<_> = out
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        for path in names {
            let name = path.display().to_string();
            if self.heard.iter().all(|(known, _)| *known != name) {
                self.heard
                    .push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
        self.heard.iter().map(|(_, text)| text.clone()).collect()
    }

    fn has_threads(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn the_spool_conforms() {
    let mut spool = Spool {
        directory: tempfile::tempdir().unwrap(),
        said: 0,
        heard: Vec::new(),
    };
    conformance::run(&mut spool).await;
}

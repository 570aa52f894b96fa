//! A connector of one's own, in a crate of its own.
//!
//! The kind `x-spool` carries messages as files: what the fleet says is a file in `out/`, what a
//! person puts into `in/` is said to the fleet. It is small enough to be read as a guide, and whole:
//! it passes the suite that every connector has to pass (`tests/conformance.rs`).
//!
//! ```
//! use podfleet_connectors::{ConnectorConfig, ConnectorRegistry, Environment};
//!
//! let mut registry = ConnectorRegistry::shipped();
//! podfleet_example_spool::register(&mut registry);
//! let config: ConnectorConfig =
//!     serde_json::from_str(r#"{"kind": "x-spool", "settings": {"directory": "/srv/spool"}}"#)?;
//! let connector = registry.create(&config, &Environment::default())?;
//! assert_eq!(connector.channel(), "/srv/spool");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::stream;
use podfleet_connectors::{
    ConnectorConfig, ConnectorError, ConnectorErrorKind, ConnectorHealth, ConnectorKind,
    ConnectorRegistry, InboundBatch, InboundMessage, InboundStream, OrchestratorConnector,
    OutboundMessage, SendReceipt,
};
use serde::Deserialize;

/// How often `in/` is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// `connector.settings` of the roster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where `in/` and `out/` are.
    directory: PathBuf,
}

/// The connector.
struct Spool {
    kind: ConnectorKind,
    directory: PathBuf,
}

/// Registers the kind `x-spool`.
///
/// # Panics
/// Never: the kind is a valid one.
pub fn register(registry: &mut ConnectorRegistry) {
    let Ok(kind) = ConnectorKind::new("x-spool") else {
        return;
    };
    registry.register(kind, |config: &ConnectorConfig, _| {
        let Settings { directory } = config.settings()?;
        let kind = config.kind.clone();
        Ok(Arc::new(Spool { kind, directory }))
    });
}

/// A disk that fails may work later: the bridge tries again, with growing pauses.
fn failed(doing: &str, error: io::Error) -> ConnectorError {
    ConnectorError::new(ConnectorErrorKind::Unreachable, doing).because(error)
}

#[async_trait]
impl OrchestratorConnector for Spool {
    fn kind(&self) -> ConnectorKind {
        self.kind.clone()
    }

    fn channel(&self) -> String {
        self.directory.display().to_string()
    }

    /// The key is the file's name, so that saying it again writes the same file again.
    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError> {
        let out = self.directory.join("out");
        let write = async {
            tokio::fs::create_dir_all(&out).await?;
            let unfinished = out.join(format!(".{}", message.idempotency_key));
            tokio::fs::write(&unfinished, &message.text).await?;
            tokio::fs::rename(&unfinished, out.join(&message.idempotency_key)).await
        };
        write
            .await
            .map_err(|error| failed("write into out/", error))?;
        Ok(SendReceipt {
            message_ids: vec![message.idempotency_key],
            ts: SystemTime::now(),
        })
    }

    /// A cursor is the name of the last file that was given. The stream spawns nothing: whoever
    /// drops it has ended it.
    async fn subscribe(&self, from: Option<&str>) -> Result<InboundStream, ConnectorError> {
        let directory = self.directory.join("in");
        let position = match from {
            Some(cursor) => cursor.to_owned(),
            None => names(&directory)
                .await
                .map_err(|error| failed("list in/", error))?
                .pop()
                .unwrap_or_default(),
        };
        let begin = (directory, position, true);
        Ok(Box::pin(stream::unfold(begin, |state| async move {
            let (directory, mut position, mut untold) = state;
            let batch = next(&directory, &mut position, &mut untold).await;
            Some((batch, (directory, position, untold)))
        })))
    }

    async fn health(&self) -> ConnectorHealth {
        match tokio::fs::metadata(&self.directory).await {
            Ok(_) => ConnectorHealth {
                reachable: true,
                authenticated: true,
                ..ConnectorHealth::default()
            },
            Err(error) => ConnectorHealth {
                detail: Some(format!("{}: {error}", self.directory.display())),
                ..ConnectorHealth::default()
            },
        }
    }
}

/// Waits for files behind the position; the first batch of a subscription, and the first after a
/// failure, is empty: it tells that the directory can be read.
async fn next(
    directory: &Path,
    position: &mut String,
    untold: &mut bool,
) -> Result<InboundBatch, ConnectorError> {
    loop {
        let names = names(directory).await;
        let mut names = names.map_err(|error| {
            *untold = true;
            failed("list in/", error)
        })?;
        if std::mem::take(untold) {
            return Ok(InboundBatch {
                messages: Vec::new(),
                cursor: position.clone(),
            });
        }
        names.retain(|name| *name > *position);
        if let Some(last) = names.last() {
            let cursor = last.clone();
            let mut messages = Vec::new();
            for name in names {
                let read = message(directory, name).await;
                messages.push(read.map_err(|error| failed("read from in/", error))?);
            }
            position.clone_from(&cursor);
            return Ok(InboundBatch { messages, cursor });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns the names in a directory in order; one that is not there is empty.
async fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut entries = match tokio::fs::read_dir(directory).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        // What begins with a dot is still being written.
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn message(directory: &Path, name: String) -> io::Result<InboundMessage> {
    let path = directory.join(&name);
    Ok(InboundMessage {
        text: tokio::fs::read_to_string(&path).await?,
        ts: tokio::fs::metadata(&path).await?.modified()?,
        id: name,
        thread_id: None,
        sender: "spool".to_owned(),
        sender_name: None,
        attachments: Vec::new(),
    })
}

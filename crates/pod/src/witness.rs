//! The witness of one run: reads the agent's transcript while something of ours is on its way.

use std::path::PathBuf;
use std::time::Duration;

use podfleet_harness::{Fact, Transcript};
use tokio::sync::{mpsc, watch};

use crate::transcripts::Transcripts;

/// How often the transcripts are looked at for a text of ours, which others wait for.
const SOON: Duration = Duration::from_millis(60);
/// How often the end of a turn is looked for.
const LATER: Duration = Duration::from_millis(200);
/// How long the last reading may take.
const LAST: Duration = Duration::from_secs(2);

/// What the witness has to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Texts that were typed and not yet found.
    pub(crate) texts: Vec<String>,
    /// Whether a turn of ours goes on.
    pub(crate) turn: bool,
}

impl Wanted {
    fn is_nothing(&self) -> bool {
        self.texts.is_empty() && !self.turn
    }
}

/// Reads for one run, in the background; it ends with this.
#[derive(Debug)]
pub(crate) struct Witness {
    wanted: watch::Sender<Wanted>,
    found: mpsc::UnboundedReceiver<Vec<Fact>>,
}

impl Witness {
    /// Begins to follow the transcripts in a directory from now on.
    pub(crate) fn start(rules: Transcript, directory: PathBuf) -> Self {
        Self::reading(async {
            let begun = tokio::task::spawn_blocking(|| Transcripts::begin(rules, directory)).await;
            begun.ok()
        })
    }

    fn reading(begun: impl Future<Output = Option<Transcripts>> + Send + 'static) -> Self {
        let (wanted, look_for) = watch::channel(Wanted::default());
        let (tell, found) = mpsc::unbounded_channel();
        tokio::spawn(async {
            if let Some(transcripts) = begun.await {
                follow(transcripts, look_for, tell).await;
            }
        });
        Self { wanted, found }
    }

    /// Says what is to be looked for from now on.
    pub(crate) fn look_for(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|before| {
            let changed = *before != wanted;
            *before = wanted;
            changed
        });
    }

    /// Reads a last time what is still looked for, as nobody writes any more, and returns what was
    /// found and not yet taken.
    pub(crate) async fn end(mut self) -> Vec<Fact> {
        drop(self.wanted);
        let mut last = Vec::new();
        let all = async {
            while let Some(facts) = self.found.recv().await {
                last.extend(facts);
            }
        };
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the transcripts take too long to read");
        }
        last
    }
}

/// Returns what a witness finds next, if there is one. May be given up at any time.
pub(crate) async fn found(witness: &mut Option<Witness>) -> Option<Vec<Fact>> {
    witness.as_mut()?.found.recv().await
}

async fn follow(
    mut transcripts: Transcripts,
    mut wanted: watch::Receiver<Wanted>,
    tell: mpsc::UnboundedSender<Vec<Fact>>,
) {
    loop {
        // At the end it fails, unless there is something to look for still.
        let _ = wanted.wait_for(|wanted| !wanted.is_nothing()).await;
        let over = wanted.has_changed().is_err();
        let now = wanted.borrow_and_update().clone();
        if over && now.is_nothing() {
            return;
        }
        let pace = if now.texts.is_empty() { LATER } else { SOON };
        // Files may be on a disk that takes its time.
        let read = tokio::task::spawn_blocking(move || {
            let facts = transcripts.read(&now.texts);
            (transcripts, facts)
        });
        let Ok((back, facts)) = read.await else {
            return;
        };
        transcripts = back;
        if !facts.is_empty() && tell.send(facts).is_err() {
            return;
        }
        if over {
            return;
        }
        // Comes back early at the end alone.
        let _ = tokio::time::timeout(pace, wanted.wait_for(|_| false)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use podfleet_harness::Harness;
    use serde_json::json;

    use super::*;

    fn said(text: &str) -> String {
        let message = json!({"role": "user", "content": [{"type": "text", "text": text}]});
        format!("{}\n", json!({"type": "message", "message": message}))
    }

    fn start(home: &tempfile::TempDir) -> Witness {
        let harness = Harness::shipped("pi").unwrap();
        let rules = harness.transcript().unwrap().clone();
        let begun = Transcripts::begin(rules, home.path().to_owned());
        Witness::reading(std::future::ready(Some(begun)))
    }

    fn looks_for(text: &str) -> Wanted {
        Wanted {
            texts: vec![text.to_owned()],
            turn: false,
        }
    }

    #[tokio::test]
    async fn what_is_looked_for_is_found_while_the_agent_works() {
        let home = tempfile::tempdir().unwrap();
        let mut witness = Some(start(&home));
        witness.as_ref().unwrap().look_for(looks_for("hello"));
        fs::write(home.path().join("a.jsonl"), said("hello")).unwrap();
        let found = found(&mut witness).await.unwrap();
        assert_eq!(found, [Fact::User("hello".into())]);
    }

    #[tokio::test]
    async fn what_was_written_just_before_the_end_is_found_once() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let witness = start(&home);
            witness.look_for(looks_for("last words"));
            // Whatever the witness does at this moment.
            tokio::task::yield_now().await;
            let file = home.path().join("b.jsonl");
            fs::write(&file, said("last words")).unwrap();
            assert_eq!(witness.end().await, [Fact::User("last words".into())]);
            fs::remove_file(file).unwrap();
        }
    }

    #[tokio::test]
    async fn nothing_is_read_at_the_end_if_nothing_is_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let witness = start(&home);
        fs::write(home.path().join("a.jsonl"), said("hello")).unwrap();
        assert_eq!(witness.end().await, []);
    }
}

//! The witness of one run: reads the agent's transcript while something of ours is on its way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use podfleet_harness::Transcript;
use podfleet_protocol::{Run, Source};
use tokio::sync::watch;

use crate::command::Command;
use crate::shared::Shared;
use crate::transcripts::Transcripts;

/// How often the transcripts are looked at for a text of ours, which others wait for.
const SOON: Duration = Duration::from_millis(60);
/// How often the end of a turn is looked for.
const LATER: Duration = Duration::from_millis(200);

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

/// Tells the witness what to look for; it ends with this.
#[derive(Debug)]
pub(crate) struct Witness(watch::Sender<Wanted>);

impl Witness {
    /// Begins to follow the transcripts in a directory from now on.
    pub(crate) fn start(
        rules: Transcript,
        directory: PathBuf,
        run: Run,
        shared: Arc<Shared>,
    ) -> Self {
        let (sender, wanted) = watch::channel(Wanted::default());
        tokio::spawn(follow(rules, directory, run, shared, wanted));
        Self(sender)
    }

    /// Says what is to be looked for from now on.
    pub(crate) fn look_for(&self, wanted: Wanted) {
        self.0.send_if_modified(|before| {
            let changed = *before != wanted;
            *before = wanted;
            changed
        });
    }
}

async fn follow(
    rules: Transcript,
    directory: PathBuf,
    run: Run,
    shared: Arc<Shared>,
    mut wanted: watch::Receiver<Wanted>,
) {
    let begun = tokio::task::spawn_blocking(|| Transcripts::begin(rules, directory)).await;
    let Ok(mut transcripts) = begun else { return };
    loop {
        if wanted
            .wait_for(|wanted| !wanted.is_nothing())
            .await
            .is_err()
        {
            return;
        }
        let texts = wanted.borrow_and_update().texts.clone();
        let pace = if texts.is_empty() { LATER } else { SOON };
        // Files may be on a disk that takes its time.
        let read = tokio::task::spawn_blocking(move || {
            let facts = transcripts.read(&texts);
            (transcripts, facts)
        });
        let Ok((back, facts)) = read.await else {
            return;
        };
        transcripts = back;
        if !facts.is_empty() {
            shared.tell(Command::Witnessed(run, Source::Transcript, facts));
        }
        tokio::time::sleep(pace).await;
    }
}

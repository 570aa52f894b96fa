//! Making views while pods come up.

use std::collections::HashSet;

use tokio::sync::mpsc;

use super::settle::account;
use crate::views::{View, Views};

/// Makes views as their pods come up. What comes while tmux works waits for the next call, so
/// there are few of them however many the agents.
///
/// Returns what is worth knowing: views of `standing` agents, which were up already, that had to
/// be made again, and those that could not be made.
pub(super) async fn make_views(
    views: Option<&Views>,
    mut queue: mpsc::UnboundedReceiver<View>,
    standing: HashSet<&str>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut again = Vec::new();
    while let Some(first) = queue.recv().await {
        let mut batch = vec![first];
        while let Ok(next) = queue.try_recv() {
            batch.push(next);
        }
        let Some(views) = views else {
            continue;
        };
        match views.make(&batch).await {
            Ok(made) => {
                notes.extend(made.taken_notes());
                let names = made.made.into_iter().map(String::from);
                again.extend(names.filter(|name| standing.contains(name.as_str())));
            }
            Err(error) => notes.push(format!("views cannot be made: {}", account(&error))),
        }
    }
    if !again.is_empty() {
        notes.push(format!("made tmux views again: {}", again.join(", ")));
    }
    notes
}

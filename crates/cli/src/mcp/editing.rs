//! Edits of the roster by the lead: the commands themselves, in a context of their own.

use std::path::PathBuf;

use podfleet::Fleet;
use podfleet_roster::AgentName;
use serde_json::Value;

use super::arguments as args;
use crate::commands::edit::Done;
use crate::commands::scope::{DryRun, JsonFlag};
use crate::commands::{add, remove};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{Output, Said};
use crate::runtime::block_on;

const DRY_RUN: DryRun = DryRun { dry_run: false };
const JSON: JsonFlag = JsonFlag { json: true };

/// Where the roster is, and who edits it.
#[derive(Debug, Clone)]
pub(super) struct Editing {
    pub(super) roster: Option<PathBuf>,
    pub(super) client: String,
}

/// What an edit came to, and the fleet as it is since.
pub(super) struct Edited {
    pub(super) value: Value,
    pub(super) fleet: Fleet,
}

impl Editing {
    pub(super) async fn add(&self, add: args::Add) -> Result<Edited, Error> {
        let usage = |error: &dyn std::fmt::Display| Error::message(Exit::Usage, error.to_string());
        let args = add::Args {
            name: AgentName::new(add.name.as_str()).map_err(|error| usage(&error))?,
            runtime: add.runtime,
            class: add.class,
            model: add.model,
            no_start: add.start == Some(false),
            dry_run: DRY_RUN,
            json: JSON,
        };
        self.edit(move |context| add::carry_out(&args, context))
            .await
    }

    pub(super) async fn remove(&self, remove: args::Remove) -> Result<Edited, Error> {
        let args = remove::Args {
            name: remove.agent,
            successor: remove.successor,
            keep_files: remove.keep_files,
            dry_run: DRY_RUN,
            json: JSON,
        };
        self.edit(move |context| remove::carry_out(&args, context))
            .await
    }

    /// Carries an edit out on a thread of its own, as the commands wait for what they do. What they
    /// would print is part of an error, since nobody reads our standard error.
    async fn edit(
        &self,
        edit: impl FnOnce(&mut Context) -> Result<Done, Error> + Send + 'static,
    ) -> Result<Edited, Error> {
        let Self { roster, client } = self.clone();
        let work = move || {
            let said = Said::default();
            let mut context = Context::new(Output::to(&said), roster, client);
            let edited = edit(&mut context).and_then(|done| {
                let value = serde_json::to_value(done.edited())?;
                let (roster, path) = done.roster();
                let fleet = block_on(context.fleet_of(roster.clone(), path))?;
                Ok(Edited { value, fleet })
            });
            edited.map_err(|error| match said.text() {
                said if said.is_empty() => error,
                said => error.hint(said),
            })
        };
        let failed =
            |error: tokio::task::JoinError| Error::message(Exit::System, error.to_string());
        tokio::task::spawn_blocking(work).await.map_err(failed)?
    }
}

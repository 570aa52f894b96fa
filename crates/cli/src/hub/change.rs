//! Changing something by way of a hub, or looking what that would do.

use podfleet_hub::op::Op;
use podfleet_hub::preview::Preview;
use podfleet_hub::wire::DEADLINE;
use serde::Serialize;

use super::HubArgs;
use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::preview;

/// By which hub something is changed, and whether it is only shown.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
}

impl ChangeArgs {
    /// Whether nothing is to be changed.
    pub(crate) const fn is_dry(&self) -> bool {
        self.dry_run.dry_run
    }

    /// Has an operation carried out. With `--dry-run` tells what it would do, and returns nothing.
    pub(crate) async fn call<O: Op>(
        &self,
        context: &mut Context,
        params: O::Params,
        json: JsonFlag,
    ) -> Result<Option<O::Result>, Error> {
        if !self.is_dry() {
            return self.hub.call::<O>(context, params).await.map(Some);
        }
        tell(&self.preview::<O>(context, params).await?, json, context)?;
        Ok(None)
    }

    /// Asks what an operation would do.
    pub(crate) async fn preview<O: Op>(
        &self,
        context: &Context,
        params: O::Params,
    ) -> Result<Preview, Error> {
        let client = self.hub.client(context)?;
        Ok(client.preview::<O>(params, DEADLINE, None).await?)
    }
}

/// Tells what would be done.
pub(crate) fn tell(preview: &Preview, json: JsonFlag, context: &mut Context) -> Outcome {
    #[derive(Serialize)]
    struct DryRun<'a> {
        dry_run: bool,
        #[serde(flatten)]
        preview: &'a Preview,
    }
    if json.json {
        let dry_run = true;
        context.output.json(&DryRun { dry_run, preview })?;
    } else {
        for line in preview::lines(preview) {
            context.output.say(line)?;
        }
    }
    Ok(Exit::Success)
}

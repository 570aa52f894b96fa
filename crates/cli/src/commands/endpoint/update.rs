//! Giving a machine another token or key, or accepting that another hub answers there.

use std::path::PathBuf;

use podfleet_hub::op::{EndpointUpdate, EndpointUpdateParams};
use podfleet_hub::tls::Pin;
use podfleet_protocol::EndpointName;

use super::{add, look};
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::hub::ChangeArgs;

const EXITS: &str = "\
With --token the new one is read from FLEET_ENDPOINT_TOKEN, else from standard
input.
Exit status: 0 once it is connected, 1 if it cannot be asked yet, 3 if it shows
another key than PIN.";

#[derive(Debug, clap::Args)]
#[command(
    after_help = EXITS,
    override_usage = "fleet endpoint update [OPTIONS] <--pin PIN|--token|--accept-hub> <NAME>",
    group = clap::ArgGroup::new("what").required(true).multiple(true)
)]
pub(super) struct UpdateArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// The key that it has now, as `fleet hub status` prints it there
    #[arg(long, value_name = "PIN", group = "what")]
    pin: Option<Pin>,
    /// Give it a new token of the hub there
    #[arg(long, group = "what", conflicts_with = "token_file")]
    token: bool,
    /// A file with the new token, readable by you alone
    #[arg(long, value_name = "FILE", group = "what", value_hint = clap::ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    /// Take the hub that answers there now for that machine's, as after it was set up anew
    #[arg(long, group = "what")]
    accept_hub: bool,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) async fn update(args: UpdateArgs, context: &mut Context) -> Outcome {
    let token = match args.token || args.token_file.is_some() {
        true => Some(add::token(args.token_file.as_deref(), context)?),
        false => None,
    };
    let params = EndpointUpdateParams {
        name: args.name,
        pin: args.pin,
        token: token.map(Into::into),
    };
    let updated = args
        .change
        .call::<EndpointUpdate>(context, params, args.json);
    match updated.await? {
        Some(view) => look::tell(view, &args.change.hub, args.json, context).await,
        None => Ok(Exit::Success),
    }
}

mod health;
mod listen;
mod send;
mod switch;

use std::sync::Arc;

use clap::Subcommand;
use podfleet::Fleet;
use podfleet_connectors::OrchestratorConnector;
use podfleet_roster::{Chat, FleetName};

use crate::commands::connector_fields::{ConnectorFields, Kind};
use crate::commands::scope::Scope;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::runtime::block_on;

const HOW: &str = "\
`health`, `send` and `listen` need neither a roster nor a running fleet: name
the kind and its fields. A secret is taken from the environment
(DISCORD_BOT_TOKEN, MATRIX_ACCESS_TOKEN) or from the file, of mode 0600, that
the variable with _FILE names. Without a kind the roster's connector is meant.

  fleet connector health discord --channel-id 123456789012345678
  fleet connector switch matrix --homeserver-url https://matrix.example.org \\
      --user-id @fleet:example.org --room-id '!room:example.org'";

/// Try a chat connector, or change to another one
#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell whether it works: can be reached, knows us, lets us in
    Health(health::Args),
    /// Say something over it, past the fleet and its bridge
    Send(send::Args),
    /// Print what people say, until ctrl-c
    Listen(listen::Args),
    /// Write another connector into the roster, and move the bridge
    Switch(switch::Args),
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::Health(args) => health::run(args, context),
        Command::Send(args) => send::run(args, context),
        Command::Listen(args) => listen::run(args, context),
        Command::Switch(args) => switch::run(args, context),
    }
}

/// Which connector is meant.
#[derive(Debug, clap::Args)]
struct Which {
    /// Its kind: tmux, discord, matrix, or x-… of another crate [default: the roster's]
    #[arg(value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    fields: ConnectorFields,
    #[command(flatten)]
    scope: Scope,
}

impl Which {
    /// Makes the connector; nothing is sent, and no store is made for it.
    async fn open(
        &self,
        context: &mut Context,
    ) -> Result<(Fleet, Arc<dyn OrchestratorConnector>), Error> {
        let fleet = context.fleet_to_see(&self.scope).await?;
        let of_roster = fleet.roster().and_then(|roster| roster.connector.as_ref());
        let chat = self.chat(of_roster)?;
        let connector = fleet.connector_of(chat.as_ref())?;
        Ok((fleet, connector))
    }

    fn chat(&self, of_roster: Option<&Chat>) -> Result<Option<Chat>, Error> {
        let is_new = self.fields != ConnectorFields::default();
        match &self.kind {
            None if is_new => Err(Error::message(Exit::Usage, "the kind is not named")
                .hint("name it before its fields, such as `discord --channel-id ID`")),
            None => Ok(of_roster.cloned()),
            Some(kind) => {
                self.fields.check(Some(kind), the_kind)?;
                let same = |chat: &&Chat| !is_new && chat.connector.kind() == kind.as_str();
                match of_roster.filter(same) {
                    Some(chat) => Ok(Some(chat.clone())),
                    None => Ok(Some(self.fields.connector(kind)?.into())),
                }
            }
        }
    }
}

/// Says how a kind is asked for.
fn the_kind(kind: &str) -> String {
    format!("the kind `{kind}`")
}

/// Asks a connector that is not in use yet whether it works.
///
/// # Errors
/// Fails when it does not, and when it cannot be made.
pub(super) fn check(
    chat: &Chat,
    fleet: Option<&FleetName>,
    context: &Context,
) -> Result<(), Error> {
    block_on(async {
        let fleet = context.fleet_alone(fleet).await?;
        let connector = fleet.connector_of(Some(chat))?;
        health::demand(&*connector).await
    })
}

/// Says who else talks in the same place, where that may be why something failed: the history of a
/// terminal's chat is one process's alone.
fn beside_the_bridge(error: Error, fleet: &Fleet, connector: &dyn OrchestratorConnector) -> Error {
    let same = |status: &podfleet::BridgeStatus| {
        status.kind == connector.kind().as_str() && status.channel == connector.channel()
    };
    match fleet.bridge_status() {
        Some((status, true))
            if same(&status) && connector.is_own_users_alone() && error.exit() == Exit::System =>
        {
            error.hint("the fleet's bridge talks there; `fleet say` and `fleet chat` go through it")
        }
        _ => error,
    }
}

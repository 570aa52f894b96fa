//! Adding a machine: its address and key, its token, and whether it answers.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use podfleet_hub::address::{Address, Reach, SshDestination};
use podfleet_hub::op::{EndpointAdd, EndpointAddParams, EndpointProbe, ProbeParams};
use podfleet_hub::secret::Secret;
use podfleet_hub::tls::Pin;
use podfleet_protocol::EndpointName;

use super::look;
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::connect::{given, secret_of_file};
use crate::hub::{ChangeArgs, HubArgs};

const TOKEN: &str = "\
The token is one of the hub there: `fleet hub token create home --scope …`. It
is read from --token-file, else from FLEET_ENDPOINT_TOKEN, else from standard
input. By ssh none is needed: the login proves who asks.
Exit status: 0 once it is connected; 1 if it is added and cannot be asked yet,
for the reason that is told; 3 if it is not added: it shows another key than
PIN, its key was not confirmed, or it is there already.";

#[derive(Debug, clap::Args)]
#[command(
    after_help = TOKEN,
    override_usage = "fleet endpoint add [OPTIONS] <--address ADDRESS|--ssh DESTINATION> <NAME>",
    group = clap::ArgGroup::new("way").required(true)
)]
pub(super) struct AddArgs {
    /// Its name here
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// Where its hub listens: HOST:PORT, IPv6 in brackets
    #[arg(long, value_name = "ADDRESS", group = "way")]
    address: Option<Address>,
    /// Reach it by the system's ssh
    #[arg(long, value_name = "DESTINATION", group = "way")]
    ssh: Option<SshDestination>,
    /// Its key, as `fleet hub status` prints it there; without this you are asked
    #[arg(
        long,
        value_name = "PIN",
        requires = "address",
        conflicts_with = "plain"
    )]
    pin: Option<Pin>,
    /// Speak to it in the clear: whoever is between can read the token and all else
    #[arg(long, requires = "address", conflicts_with = "ssh")]
    plain: bool,
    /// A file with the token, readable by you alone
    #[arg(long, value_name = "FILE", requires = "address", value_hint = clap::ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) async fn add(args: AddArgs, context: &mut Context) -> Outcome {
    let token = match args.ssh {
        Some(_) => None,
        None => Some(token(args.token_file.as_deref(), context)?),
    };
    let reach = match (args.address, args.ssh) {
        (_, Some(destination)) => Reach::Ssh { destination },
        (Some(address), None) if args.plain => Reach::Plain { address },
        (Some(address), None) => {
            let pin = match args.pin {
                Some(pin) => pin,
                None => confirmed(&address, &args.change.hub, context).await?,
            };
            Reach::Tls { address, pin }
        }
        (None, None) => return Err(Error::message(Exit::Usage, "no address is given")),
    };
    let params = EndpointAddParams {
        name: args.name,
        reach,
        token: token.map(Into::into),
    };
    let added = args.change.call::<EndpointAdd>(context, params, args.json);
    match added.await? {
        Some(view) => look::tell(view, &args.change.hub, args.json, context).await,
        None => Ok(Exit::Success),
    }
}

/// Has the user compare the key that a machine shows.
async fn confirmed(address: &Address, hub: &HubArgs, context: &mut Context) -> Result<Pin, Error> {
    let params = ProbeParams {
        address: address.clone(),
    };
    let pin = hub.call::<EndpointProbe>(context, params).await?.pin;
    let output = &mut context.output;
    output.complain(format_args!("{address} shows the key\n  {pin}\n"))?;
    if !std::io::stdin().is_terminal() {
        let message = "nobody is there to compare the key";
        return Err(Error::message(Exit::Refused, message).hint(format!(
            "compare it with what `fleet hub status` prints there, and give it: `--pin {pin}`"
        )));
    }
    let question = "Is it the one that `fleet hub status` prints there?";
    let answer = inquire::Confirm::new(question).with_default(false).prompt();
    match answer {
        Ok(true) => Ok(pin),
        _ => Err(Error::message(
            Exit::Refused,
            "the key was not confirmed; nothing is added",
        )),
    }
}

/// Reads a token from a file, the environment or standard input.
pub(super) fn token(file: Option<&std::path::Path>, context: &Context) -> Result<Secret, Error> {
    if let Some(file) = file {
        return secret_of_file(file);
    }
    if let Some(token) = context.env.get("FLEET_ENDPOINT_TOKEN") {
        return given(token);
    }
    if std::io::stdin().is_terminal() {
        let asked = inquire::Password::new("Token of the hub there:")
            .without_confirmation()
            .prompt();
        let asked = asked.map_err(|_| Error::message(Exit::Usage, "no token is given"))?;
        return given(&asked);
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    given(&text)
}

//! Which hub a command talks to.

use podfleet_hub::address::Address;
use podfleet_hub::client::{HubClient, Way};
use podfleet_hub::fault::Fault;
use podfleet_hub::host::find;
use podfleet_hub::op::Op;
use podfleet_hub::secret::Secret;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::input::read_file;

/// Which hub.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct HubArgs {
    /// The hub: `local`, or HOST:PORT with `FLEET_HUB_TOKEN` and `FLEET_HUB_PIN`
    #[arg(long, value_name = "HUB", display_order = 820, env = "FLEET_HUB")]
    pub(crate) hub: Option<String>,
}

impl HubArgs {
    /// Makes the client of the hub.
    pub(crate) fn client(&self, context: &Context) -> Result<HubClient, Error> {
        client(self.hub.as_deref().unwrap_or("local"), context)
    }

    /// Calls one operation of the hub.
    pub(crate) async fn call<O: Op>(
        &self,
        context: &Context,
        params: O::Params,
    ) -> Result<O::Result, Error> {
        Ok(self.client(context)?.call::<O>(params).await?)
    }
}

/// Makes the client of a hub that is named.
pub(crate) fn client(name: &str, context: &Context) -> Result<HubClient, Error> {
    if name == "local" {
        return own(context);
    }
    let address: Address = name.parse().map_err(|error| {
        Error::new(
            Exit::Usage,
            anyhow::Error::new::<podfleet_hub::address::AddressError>(error),
        )
        .hint("`local` is the hub of this machine; others are HOST:PORT")
    })?;
    let way = match context.env.get("FLEET_HUB_PIN") {
        Some(pin) => {
            let pin = pin.parse().map_err(|error: podfleet_hub::tls::PinError| {
                Error::new(Exit::Usage, error).context("FLEET_HUB_PIN is no pin")
            })?;
            Way::Tls(address, pin)
        }
        None if address.is_loopback() => Way::Plain(address),
        None => {
            let message = format!("the key of the hub {address} is not known");
            return Err(Error::message(Exit::Usage, message)
                .hint("set FLEET_HUB_PIN to the key that `fleet hub status` prints there"));
        }
    };
    Ok(HubClient::new(way, Some(token(context)?)))
}

fn own(context: &Context) -> Result<HubClient, Error> {
    // The hub sees by itself whose process asks, but for one that left what its pod started.
    if context.env.get("FLEET_POD_CREDENTIAL").is_some() {
        let pod = context.env.get("FLEET_POD_NAME").unwrap_or("this process");
        let message = format!("`{pod}`: only the operator uses the hub");
        return Err(Error::message(Exit::Refused, message)
            .hint("what an agent may do is done by the same commands without `--hub`"));
    }
    let directory = super::process::directory(context)?;
    let Some(standing) = find(&directory)? else {
        return Err(Error::message(Exit::Missing, "no hub runs on this machine")
            .hint("`fleet hub run` runs one, `fleet hub run --background` in the background"));
    };
    Ok(HubClient::new(Way::Socket(standing.socket), None))
}

/// Reads the token: of the environment, or of a file that it names.
fn token(context: &Context) -> Result<Secret, Error> {
    if let Some(token) = context.env.get("FLEET_HUB_TOKEN") {
        return given(token);
    }
    let Some(path) = context.env.get("FLEET_HUB_TOKEN_FILE") else {
        return Err(Error::message(Exit::Usage, "a token of that hub is needed")
            .hint("`fleet hub token create` there makes one; give it in FLEET_HUB_TOKEN, or a file with it in FLEET_HUB_TOKEN_FILE"));
    };
    secret_of_file(path.as_ref())
}

/// Reads a secret out of a file that nobody else may read.
pub(crate) fn secret_of_file(path: &std::path::Path) -> Result<Secret, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let bytes = read_file(path)?;
    let open = std::fs::metadata(path)?.permissions().mode() & 0o077 != 0;
    if open {
        let message = format!("others may read {}", path.display());
        return Err(Error::message(Exit::Refused, message).hint(format!(
            "`chmod 600 {}` keeps it to yourself",
            path.display()
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::message(Exit::Usage, format!("{} is no token", path.display())))?;
    given(&text)
}

/// Takes a token that somebody gives; one that is empty is none.
pub(crate) fn given(text: &str) -> Result<Secret, Error> {
    let token = Secret::new(text);
    if token.is_empty() {
        return Err(Error::message(Exit::Usage, "the token is empty")
            .hint("`fleet hub token create` there makes one"));
    }
    Ok(token)
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        super::error::of_fault(fault)
    }
}

//! How a chat connector is named on a command line.

use std::str::FromStr;

use podfleet_roster::{Connector, Discord, Matrix, check_text};

use crate::error::Error;
use crate::exit::Exit;

/// Where the fields of connectors stand in a roster.
pub(crate) const CHANNEL_ID: &str = "connector.discord.channel_id";
const API_URL: &str = "connector.discord.api_url";
pub(crate) const HOMESERVER_URL: &str = "connector.matrix.homeserver_url";
pub(crate) const USER_ID: &str = "connector.matrix.user_id";
pub(crate) const ROOM_ID: &str = "connector.matrix.room_id";

/// Takes a field of the roster as people type it, or says why it cannot be one.
pub(crate) fn checked(field: &str, text: &str) -> Result<String, String> {
    let text = text.trim();
    match check_text(field, text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }),
    }
}

/// A kind of connector: one that ships, or `x-…` of another crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind(String);

impl Kind {
    /// The kinds that a roster has blocks for.
    pub(crate) const SHIPPED: [&str; 3] = ["tmux", "discord", "matrix"];

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(kind: &str) -> Result<Self, String> {
        if Self::SHIPPED.contains(&kind) || kind.starts_with("x-") {
            return Ok(Self(kind.to_owned()));
        }
        let kinds = Self::SHIPPED.join(", ");
        Err(format!("kinds are {kinds}, and x-… of another crate"))
    }
}

/// Where a connector talks, field by field.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub(crate) struct ConnectorFields {
    /// For discord: the channel
    #[arg(long, value_name = "ID", value_parser = |text: &str| checked(CHANNEL_ID, text))]
    pub(crate) channel_id: Option<String>,
    /// For discord: a proxy of its API; absent: Discord itself
    #[arg(long, value_name = "URL", value_parser = |text: &str| checked(API_URL, text))]
    api_url: Option<String>,
    /// For matrix: the homeserver
    #[arg(long, value_name = "URL", value_parser = |text: &str| checked(HOMESERVER_URL, text))]
    pub(crate) homeserver_url: Option<String>,
    /// For matrix: the connector's own user
    #[arg(long, value_name = "@USER:SERVER", value_parser = |text: &str| checked(USER_ID, text))]
    pub(crate) user_id: Option<String>,
    /// For matrix: the room
    #[arg(long, value_name = "ROOM", value_parser = |text: &str| checked(ROOM_ID, text))]
    pub(crate) room_id: Option<String>,
    /// For x-… of another crate: its settings, a JSON object
    #[arg(long, value_name = "JSON", value_parser = parse_settings)]
    settings: Option<Settings>,
}

type Settings = serde_json::Map<String, serde_json::Value>;

fn parse_settings(text: &str) -> Result<Settings, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl ConnectorFields {
    /// Fails for a field of another kind than the one that is meant; `named` says how that one would
    /// be asked for.
    pub(crate) fn check(
        &self,
        kind: Option<&Kind>,
        named: impl Fn(&str) -> String,
    ) -> Result<(), Error> {
        let kind = kind.map(Kind::as_str);
        let fields = [
            ("--channel-id", self.channel_id.is_some(), "discord"),
            ("--api-url", self.api_url.is_some(), "discord"),
            ("--homeserver-url", self.homeserver_url.is_some(), "matrix"),
            ("--user-id", self.user_id.is_some(), "matrix"),
            ("--room-id", self.room_id.is_some(), "matrix"),
        ];
        let mut stray = fields.into_iter();
        match stray.find(|(_, given, of)| *given && kind != Some(of)) {
            None => Ok(()),
            Some((flag, _, of)) => {
                let message = format!("`{flag}` goes with {}", named(of));
                Err(Error::message(Exit::Usage, message))
            }
        }
    }

    /// Returns the flags without which a kind can be nowhere; nothing if there are none.
    pub(crate) fn needed(kind: &Kind) -> &'static str {
        match kind.as_str() {
            "discord" => "`--channel-id`",
            "matrix" => "`--homeserver-url`, `--user-id` and `--room-id`",
            _ => "",
        }
    }

    /// Returns the connector of a kind with these fields.
    ///
    /// # Errors
    /// Fails when one is missing that the kind needs.
    pub(crate) fn connector(&self, kind: &Kind) -> Result<Connector, Error> {
        let needed = Self::needed(kind);
        let field = |value: &Option<String>| {
            value
                .clone()
                .ok_or_else(|| Error::message(Exit::Usage, format!("the connector needs {needed}")))
        };
        Ok(match kind.as_str() {
            "tmux" => Connector::Tmux,
            "discord" => {
                let channel = field(&self.channel_id)?;
                let discord = Discord::new(channel);
                Connector::Discord(match &self.api_url {
                    Some(url) => discord.with_api_url(url.clone()),
                    None => discord,
                })
            }
            "matrix" => Connector::Matrix(Matrix::new(
                field(&self.homeserver_url)?,
                field(&self.user_id)?,
                field(&self.room_id)?,
            )),
            kind => Connector::extension(kind, self.settings.clone().unwrap_or_default()),
        })
    }

    /// Returns the fields that were given, as the roster names them.
    #[cfg(feature = "fleet")]
    pub(crate) fn given(&self) -> Vec<(&'static str, serde_json::Value)> {
        let texts = [
            (CHANNEL_ID, &self.channel_id),
            (API_URL, &self.api_url),
            (HOMESERVER_URL, &self.homeserver_url),
            (USER_ID, &self.user_id),
            (ROOM_ID, &self.room_id),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(path, value)| Some((path, value.clone()?.into())));
        let settings = self.settings.clone();
        let settings = settings.map(|settings| ("connector.settings", settings.into()));
        texts.chain(settings).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_the_shipped_ones_and_those_of_other_crates() {
        for kind in ["tmux", "discord", "matrix", "x-irc"] {
            assert_eq!(kind.parse::<Kind>().unwrap().as_str(), kind);
        }
        let refused = "slack".parse::<Kind>().unwrap_err();
        assert_eq!(
            refused,
            "kinds are tmux, discord, matrix, and x-… of another crate"
        );
    }
}

//! The chat between the fleet's orchestrator and its human.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::spelling::camel_case;

pub(crate) const KIND_PATTERN: &str = "^x-[a-z0-9][a-z0-9-]*$";
pub(crate) const URL_PATTERN: &str = r"^https?://[^\s/]+\S*$";
pub(crate) const USER_PATTERN: &str = r"^@[^\s:]+:\S+$";
pub(crate) const ROOM_PATTERN: &str = r"^[!#]\S+$";
pub(crate) const CHANNEL_PATTERN: &str = "^[0-9]+$";

/// The chat between the fleet's orchestrator and its human.
///
/// A roster without a `connector` block has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ConnectorBlock", into = "ConnectorBlock")]
#[non_exhaustive]
pub struct Chat {
    /// What carries it.
    pub connector: Connector,
    /// The carrier's ids of those who may give commands such as `!pause`; nobody is one by default,
    /// but who sits at a terminal of this host always may.
    pub operators: Vec<String>,
    /// Whether it is told of agents that are blocked, dead or quarantined.
    pub events: bool,
}

/// A chosen chat connector with the fields of its kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Connector {
    /// The chat is a terminal (`kind: tmux`).
    Tmux,
    /// A Discord channel (`kind: discord`).
    Discord(Discord),
    /// A Matrix room (`kind: matrix`).
    Matrix(Matrix),
    /// A connector from another crate (`kind: x-…`).
    Extension {
        /// The kind, with its `x-` prefix.
        kind: String,
        /// `connector.settings`, not looked into.
        settings: serde_json::Map<String, serde_json::Value>,
    },
}

/// Where the Discord connector talks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Discord {
    /// The channel's id: digits.
    pub channel_id: String,
    /// Base address of a proxy of the API; absent: Discord itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

/// Where the Matrix connector talks, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Matrix {
    /// Base address of the homeserver, `http://` or `https://`.
    pub homeserver_url: String,
    /// The connector's own user, `@user:server`.
    pub user_id: String,
    /// The room's id (`!room:server`) or alias (`#alias:server`).
    pub room_id: String,
}

impl From<Connector> for Chat {
    fn from(connector: Connector) -> Self {
        Self {
            connector,
            operators: Vec::new(),
            events: true,
        }
    }
}

impl Discord {
    /// Returns the block for one channel.
    #[must_use]
    pub fn new(channel_id: impl Into<String>) -> Self {
        Self {
            channel_id: channel_id.into(),
            api_url: None,
        }
    }

    /// Goes through a proxy of Discord's API.
    #[must_use]
    pub fn with_api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }
}

impl Matrix {
    /// Returns the block for one room.
    #[must_use]
    pub fn new(
        homeserver_url: impl Into<String>,
        user_id: impl Into<String>,
        room_id: impl Into<String>,
    ) -> Self {
        Self {
            homeserver_url: homeserver_url.into(),
            user_id: user_id.into(),
            room_id: room_id.into(),
        }
    }
}

impl Connector {
    /// Returns a connector of another crate; `kind` begins with `x-`.
    #[must_use]
    pub fn extension(
        kind: impl Into<String>,
        settings: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        Self::Extension {
            kind: kind.into(),
            settings,
        }
    }

    /// Returns the kind as it is written in the roster.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Tmux => "tmux",
            Self::Discord(_) => "discord",
            Self::Matrix(_) => "matrix",
            Self::Extension { kind, .. } => kind,
        }
    }
}

/// The chat connector between the fleet's orchestrator and its human.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Connector", transform = require_chosen_block)]
pub(crate) struct ConnectorBlock {
    /// Which connector is used: `tmux`, `discord`, `matrix`, or one of another crate whose name starts
    /// with `x-`.
    #[schemars(example = &"tmux")]
    kind: ConnectorKind,
    /// Where the Matrix connector talks; needed for kind `matrix`, unused otherwise. Absent: fine for
    /// every other kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({
        "homeserver_url": "https://matrix.example.org",
        "user_id": "@fleet:example.org",
        "room_id": "!room:example.org",
    }))]
    matrix: Option<MatrixBlock>,
    /// Where the Discord connector talks; needed for kind `discord`, unused otherwise. Absent: fine
    /// for every other kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({"channel_id": "123456789012345678"}))]
    discord: Option<DiscordBlock>,
    /// Settings of a kind `x-…`; free, and read by that connector alone. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({"server": "irc.example.org"}))]
    settings: Option<serde_json::Map<String, serde_json::Value>>,
    /// Who may give commands such as `!pause` in the chat: the carrier's ids of them, such as
    /// `@ada:example.org`. Absent: nobody; who sits at a terminal of this host always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!(["@ada:example.org"]))]
    operators: Vec<String>,
    /// Whether the chat is told of agents that are blocked, dead or quarantined, at most six times a
    /// minute. Absent: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &false)]
    events: Option<bool>,
}

/// The Matrix connector. Its token comes from the environment (`MATRIX_ACCESS_TOKEN`) or from the
/// file that `MATRIX_ACCESS_TOKEN_FILE` names, never from the roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct MatrixBlock {
    /// Base address of the homeserver. Absent: an error for kind `matrix`.
    #[serde(
        alias = "homeserverUrl",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(
        regex(pattern = URL_PATTERN),
        example = &"https://matrix.example.org"
    )]
    homeserver_url: Option<String>,
    /// The connector's own user, `@user:server`. Absent: an error for kind `matrix`.
    #[serde(alias = "userId", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = USER_PATTERN), example = &"@fleet:example.org")]
    user_id: Option<String>,
    /// The room's id (`!room:server`) or alias (`#alias:server`). Absent: an error for kind `matrix`.
    #[serde(alias = "roomId", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = ROOM_PATTERN), example = &"!room:example.org")]
    room_id: Option<String>,
}

/// The Discord connector. Its token comes from the environment (`DISCORD_BOT_TOKEN`) or from the
/// file that `DISCORD_BOT_TOKEN_FILE` names, never from the roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct DiscordBlock {
    /// The channel's id: digits, in quotes so that they stay a text. Absent: an error for kind
    /// `discord`.
    #[serde(alias = "channelId", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = CHANNEL_PATTERN), example = &"123456789012345678")]
    channel_id: Option<String>,
    /// Base address of a proxy of Discord's API; without TLS on this host alone. Absent: Discord
    /// itself.
    #[serde(alias = "apiUrl", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = URL_PATTERN), example = &"http://127.0.0.1:8080")]
    api_url: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct ConnectorKind(String);

impl JsonSchema for ConnectorKind {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ConnectorKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "anyOf": [
                { "enum": ["tmux", "discord", "matrix"] },
                { "pattern": KIND_PATTERN },
            ],
        })
    }
}

/// Demands the block of the chosen kind and its fields. Conditions rather than alternatives, so
/// that a fault is reported for the chosen kind alone.
fn require_chosen_block(schema: &mut Schema) {
    let either = |field: &&str| {
        let twin = camel_case(field);
        serde_json::json!({ "anyOf": [{ "required": [field] }, { "required": [twin] }] })
    };
    let when = |kind: &str, fields: &[&str]| {
        let fields: Vec<_> = fields.iter().map(either).collect();
        serde_json::json!({
            "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] },
            "then": { "required": [kind], "properties": { kind: { "allOf": fields } } },
        })
    };
    schema.insert(
        "allOf".to_owned(),
        serde_json::json!([
            when("matrix", &["homeserver_url", "user_id", "room_id"]),
            when("discord", &["channel_id"]),
        ]),
    );
}

/// Says that a connector block lacks a field of its kind.
#[derive(Debug, thiserror::Error)]
#[error("connector of kind `{kind}` lacks `{field}`")]
pub(crate) struct IncompleteConnector {
    kind: &'static str,
    field: &'static str,
}

impl TryFrom<ConnectorBlock> for Chat {
    type Error = IncompleteConnector;

    fn try_from(mut block: ConnectorBlock) -> Result<Self, Self::Error> {
        Ok(Self {
            operators: std::mem::take(&mut block.operators),
            events: block.events.unwrap_or(true),
            connector: block.try_into()?,
        })
    }
}

impl TryFrom<ConnectorBlock> for Connector {
    type Error = IncompleteConnector;

    fn try_from(block: ConnectorBlock) -> Result<Self, Self::Error> {
        match block.kind.0.as_str() {
            "tmux" => Ok(Self::Tmux),
            "discord" => discord(block.discord).map(Self::Discord),
            "matrix" => matrix(block.matrix).map(Self::Matrix),
            kind => Ok(Self::Extension {
                kind: kind.to_owned(),
                settings: block.settings.unwrap_or_default(),
            }),
        }
    }
}

fn discord(block: Option<DiscordBlock>) -> Result<Discord, IncompleteConnector> {
    let (channel_id, api_url) =
        block.map_or((None, None), |block| (block.channel_id, block.api_url));
    let channel_id = channel_id.ok_or(IncompleteConnector {
        kind: "discord",
        field: "discord.channel_id",
    })?;
    Ok(Discord {
        channel_id,
        api_url,
    })
}

fn matrix(block: Option<MatrixBlock>) -> Result<Matrix, IncompleteConnector> {
    let lacks = |field| IncompleteConnector {
        kind: "matrix",
        field,
    };
    let block = block.ok_or(lacks("matrix"))?;
    Ok(Matrix {
        homeserver_url: block.homeserver_url.ok_or(lacks("matrix.homeserver_url"))?,
        user_id: block.user_id.ok_or(lacks("matrix.user_id"))?,
        room_id: block.room_id.ok_or(lacks("matrix.room_id"))?,
    })
}

impl From<Chat> for ConnectorBlock {
    fn from(chat: Chat) -> Self {
        Self {
            operators: chat.operators,
            events: (!chat.events).then_some(false),
            ..chat.connector.into()
        }
    }
}

impl From<Connector> for ConnectorBlock {
    fn from(connector: Connector) -> Self {
        let kind = ConnectorKind(connector.kind().to_owned());
        let block = Self {
            kind,
            ..Self::default()
        };
        match connector {
            Connector::Tmux => block,
            Connector::Discord(discord) => Self {
                discord: Some(DiscordBlock {
                    channel_id: Some(discord.channel_id),
                    api_url: discord.api_url,
                }),
                ..block
            },
            Connector::Matrix(matrix) => Self {
                matrix: Some(MatrixBlock {
                    homeserver_url: Some(matrix.homeserver_url),
                    user_id: Some(matrix.user_id),
                    room_id: Some(matrix.room_id),
                }),
                ..block
            },
            Connector::Extension { settings, .. } => Self {
                settings: Some(settings),
                ..block
            },
        }
    }
}

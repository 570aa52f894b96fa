//! Rosters to begin with.

use std::fmt;
use std::str::FromStr;

use crate::connector::{Connector, ConnectorBlock};
use crate::name::FleetName;
use crate::spelling;

/// A shipped roster to begin with.
///
/// ```
/// use podfleet_roster::{Known, Preset, PresetOptions, Roster};
///
/// let options = PresetOptions::default().with_fleet("alpha".parse().unwrap());
/// let text = Preset::Coding.render(&options);
/// let (roster, findings) = Roster::parse(&text, "coding", &Known::shipped());
/// assert!(findings.is_empty());
/// let roster = roster.unwrap();
/// assert_eq!(roster.fleet.as_str(), "alpha");
/// assert_eq!(roster.tmux.socket_name.as_deref(), Some("podfleet-alpha"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// One agent and nothing else.
    Minimal,
    /// A whole fleet of simulated agents.
    LocalCanary,
    /// A small fleet for work of any kind.
    General,
    /// Two implementers and a reviewer.
    Coding,
    /// Two researchers and an analyst.
    Research,
    /// Software and research at once.
    Hybrid,
}

/// What [`Preset::render`] changes in a preset.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PresetOptions {
    /// The fleet's name. If it is given it is written into the roster, and the tmux socket is
    /// named after it, so that two fleets of one user share nothing.
    pub fleet: Option<FleetName>,
    /// The chat connector. If it is given, its block is appended.
    pub connector: Option<Connector>,
}

impl PresetOptions {
    /// Gives the fleet a name.
    #[must_use]
    pub fn with_fleet(mut self, fleet: FleetName) -> Self {
        self.fleet = Some(fleet);
        self
    }

    /// Gives the fleet a chat connector.
    #[must_use]
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = Some(connector);
        self
    }
}

/// The tmux socket of every preset, without a fleet's name.
const SOCKET: &str = "podfleet";

impl Preset {
    /// Every preset, the smallest first.
    pub const ALL: [Self; 6] = [
        Self::Minimal,
        Self::LocalCanary,
        Self::General,
        Self::Coding,
        Self::Research,
        Self::Hybrid,
    ];

    /// Returns the preset's name, such as `local-canary`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::LocalCanary => "local-canary",
            Self::General => "general",
            Self::Coding => "coding",
            Self::Research => "research",
            Self::Hybrid => "hybrid",
        }
    }

    /// Returns what the preset is for, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.text()
            .lines()
            .skip(1)
            .find_map(|line| line.strip_prefix("# "))
            .unwrap_or_default()
    }

    /// Returns the preset as it is shipped, comments included.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("presets/minimal.yaml"),
            Self::LocalCanary => include_str!("presets/local-canary.yaml"),
            Self::General => include_str!("presets/general.yaml"),
            Self::Coding => include_str!("presets/coding.yaml"),
            Self::Research => include_str!("presets/research.yaml"),
            Self::Hybrid => include_str!("presets/hybrid.yaml"),
        }
    }

    /// Returns the preset's text with the options written into it.
    #[must_use]
    pub fn render(self, options: &PresetOptions) -> String {
        let mut text = String::new();
        for line in self.text().lines() {
            match &options.fleet {
                Some(fleet) if line == "transport: tmux" => {
                    text.push_str(&format!(
                        "{line}\nfleet: {}\n",
                        spelling::quoted_name(fleet.as_str())
                    ));
                }
                Some(fleet) if line.starts_with("  socket_name: ") => {
                    text.push_str(&line.replace(SOCKET, &format!("{SOCKET}-{fleet}")));
                    text.push('\n');
                }
                _ => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        if let Some(connector) = &options.connector {
            text.push_str("\nconnector:\n");
            text.push_str(&connector_block(connector));
        }
        text
    }
}

fn connector_block(connector: &Connector) -> String {
    let block = serde_json::to_value(ConnectorBlock::from(connector.clone()));
    let mut text = format!("  kind: {}\n", connector.kind());
    for (key, fields) in block.iter().filter_map(|block| block.as_object()).flatten() {
        let Some(fields) = fields.as_object() else {
            continue;
        };
        text.push_str(&format!("  {key}:\n"));
        for (field, value) in fields {
            // JSON is YAML, so a value of any form can stand there; so can a key.
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            let field = match field.bytes().all(plain) {
                true => spelling::quoted_name(field),
                false => serde_json::json!(field).to_string(),
            };
            text.push_str(&format!("    {field}: {value}\n"));
        }
    }
    text
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that there is no preset of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no preset {text:?}")]
pub struct UnknownPreset {
    text: String,
}

impl UnknownPreset {
    /// Returns what to do about it: the nearest preset, else all of them.
    #[must_use]
    pub fn hint(&self) -> String {
        let names = Preset::ALL.map(Preset::as_str);
        match spelling::nearest(&self.text, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("presets are {}", spelling::list(names, "and")),
        }
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.as_str() == text)
            .ok_or_else(|| UnknownPreset {
                text: text.to_owned(),
            })
    }
}

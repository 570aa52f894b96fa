//! The settings of the kind `tmux`.

use serde::{Deserialize, Serialize};

/// Where the chat in a terminal is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TmuxSettings {
    /// The tmux socket's name; `None` for tmux's own default.
    pub socket_name: Option<String>,
    /// The session in which the human's end of the chat runs.
    pub session: String,
}

impl Default for TmuxSettings {
    fn default() -> Self {
        Self {
            socket_name: None,
            session: "_chat".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectorConfig, CreateErrorKind};

    fn config(json: &str) -> ConnectorConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_fleet_that_chose_nothing_chats_in_the_default_socket() {
        let settings: TmuxSettings = config("{}").settings().unwrap();
        assert_eq!(settings, TmuxSettings::default());
        assert_eq!(
            (settings.socket_name, settings.session.as_str()),
            (None, "_chat")
        );
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let config = config(r#"{"kind": "tmux", "settings": {"socket": "x"}}"#);
        let error = config.settings::<TmuxSettings>().unwrap_err();
        assert!(matches!(error.kind(), CreateErrorKind::Settings));
        insta::assert_snapshot!(error, @"read the settings of connector `tmux`");
        insta::assert_snapshot!(
            std::error::Error::source(&error).unwrap(),
            @"unknown field `socket`, expected `socket_name` or `session`"
        );
    }
}

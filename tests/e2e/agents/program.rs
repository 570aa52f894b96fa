//! What each agent program needs to run against a model on loopback: variables and files of its
//! home.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

/// An agent program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Claude,
    Codex,
    Opencode,
    Pi,
}

/// No key of anybody's: it has the form that Claude Code asks for.
const KEY: &str = "sk-ant-api03-made-up-for-a-test-of-podfleet";

impl Program {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Pi => "pi",
        }
    }

    /// The model's name for the program's flag.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Claude | Self::Codex => "stub-model",
            Self::Opencode | Self::Pi => "stub/stub-model",
        }
    }

    /// The directory in which the program is, if it is installed.
    pub(crate) fn directory(self) -> Option<PathBuf> {
        podfleet_tests::require::agent_program(self.name())
    }

    /// The variables of `agents/<name>.env`.
    pub(crate) fn variables(self, home: &Path, model_url: &str) -> Vec<(&'static str, String)> {
        let mut variables = vec![("HOME", home.to_str().unwrap().to_owned())];
        let mut add = |name, value: &str| variables.push((name, value.to_owned()));
        match self {
            Self::Claude => {
                add("ANTHROPIC_BASE_URL", model_url);
                add("ANTHROPIC_API_KEY", KEY);
                add("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
                add("DISABLE_AUTOUPDATER", "1");
            }
            Self::Codex => add("STUB_KEY", "none"),
            Self::Opencode => {
                add("OPENCODE_DISABLE_AUTOUPDATE", "1");
                add("OPENCODE_DISABLE_MODELS_FETCH", "1");
                add("OPENCODE_DISABLE_LSP_DOWNLOAD", "1");
            }
            Self::Pi => {
                add("PI_OFFLINE", "1");
                add("PI_SKIP_VERSION_CHECK", "1");
            }
        }
        variables
    }

    /// Fills the program's home: no questions at its start, and the model on loopback.
    pub(crate) fn settle(self, home: &Path, work: &Path, model_url: &str) {
        let write = |path: &str, text: &str| {
            let path = home.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let work = work.to_str().unwrap();
        match self {
            Self::Claude => write(".claude.json", &claude_settings(Some(work)).to_string()),
            Self::Codex => write(".codex/config.toml", &codex_settings(work, model_url)),
            Self::Opencode => write(
                ".config/opencode/opencode.json",
                &opencode_settings(model_url).to_string(),
            ),
            Self::Pi => write(".pi/agent/models.json", &pi_models(model_url).to_string()),
        }
    }
}

/// The settings of Claude Code, with trust in a directory.
pub(crate) fn claude_settings(trusted: Option<&str>) -> serde_json::Value {
    let trust = json!({"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true});
    let mut settings = json!({
        "hasCompletedOnboarding": true,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [&KEY[KEY.len() - 20..]], "rejected": []},
        "projects": {},
    });
    if let Some(directory) = trusted {
        settings["projects"][directory] = trust;
    }
    settings
}

fn codex_settings(work: &str, model_url: &str) -> String {
    // The daemon would copy 400 MB into this home and outlive the program.
    format!(
        r#"
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "{model_url}/v1"
env_key = "STUB_KEY"
wire_api = "responses"
[projects."{work}"]
trust_level = "trusted"
[analytics]
enabled = false
[features]
daemon_auto_start = false
"#
    )
}

fn opencode_settings(model_url: &str) -> serde_json::Value {
    json!({
        "autoupdate": false,
        "share": "disabled",
        "small_model": "stub/stub-model",
        "provider": {"stub": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Stub",
            "options": {"baseURL": format!("{model_url}/v1"), "apiKey": "none"},
            "models": {"stub-model": {"name": "Stub"}},
        }},
    })
}

fn pi_models(model_url: &str) -> serde_json::Value {
    json!({"providers": {"stub": {
        "baseUrl": format!("{model_url}/v1"),
        "api": "openai-completions",
        "apiKey": "none",
        "models": [{
            "id": "stub-model", "name": "Stub", "reasoning": false, "input": ["text"],
            "contextWindow": 100_000, "maxTokens": 4096,
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
        }],
    }}})
}

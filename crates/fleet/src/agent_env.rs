//! The environments that agents and pods are started with.
//!
//! Both are allow-lists: what is not named here does not get through, whatever the shell of the
//! person at the command line holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use podfleet_home::Env;

use crate::dirs::Dirs;

/// What an agent gets of its user's environment besides `PATH` and `LC_*`.
const OF_THE_USER: [&str; 23] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "SHELL",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    // Where the sockets of tmux are: its own `fleet` must find the same views.
    "TMUX_TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "EDITOR",
];

/// Variables of the outer world that say where *it* runs; an agent must never inherit them.
const NEVER: [&str; 4] = ["FLEET_", "TMUX", "NOTIFY_SOCKET", "WATCHDOG_"];

/// What of them does not depend on where the outer world runs.
const EVERYWHERE: [&str; 2] = ["FLEET_SIM_", "TMUX_TMPDIR"];

/// What the fleet sets for every agent.
const OURS: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];

/// What a pod gets besides the directories and what its agent gets of the user's.
const OF_THE_POD: [&str; 4] = [
    "FLEET_HEARTBEAT_INTERVAL",
    "FLEET_IDLE_THRESHOLD",
    "FLEET_LOG",
    "RUST_BACKTRACE",
];

/// Returns whether a variable comes from the user's environment by itself.
///
/// Such a variable differs from shell to shell, so a difference in it is no change of the roster.
#[must_use]
pub fn is_captured(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    name == "PATH" || name.starts_with("LC_") || OF_THE_USER.contains(&upper.as_str())
}

fn is_forbidden(name: &str) -> bool {
    let begins = |prefix: &&str| name.starts_with(prefix);
    NEVER.iter().any(begins) && !EVERYWHERE.iter().any(begins)
}

/// Makes the environment of an agent, but for what its pod adds.
///
/// It is the allow-list out of the user's, then what the fleet sets for every terminal, then the
/// harness's variables, then the roster's; `extra_path` are directories appended to `PATH` unless
/// they are in it. `FLEET_*` but for `FLEET_SIM_*`, `TMUX*` but for
/// `TMUX_TMPDIR`, `NOTIFY_SOCKET` and `WATCHDOG_*` never get through.
#[must_use]
pub fn agent_env(
    user: &Env,
    extra_path: &[PathBuf],
    harness: &BTreeMap<String, String>,
    roster: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env = captured(user);
    let path = extended_path(user.get("PATH").unwrap_or(DEFAULT_PATH), extra_path);
    env.insert("PATH".to_owned(), path);
    env.extend(OURS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let explicit = harness.iter().chain(roster);
    env.extend(explicit.map(|(name, value)| (name.clone(), value.clone())));
    env.retain(|name, _| !is_forbidden(name));
    env
}

const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn captured(user: &Env) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = user
        .iter()
        .filter(|(name, _)| is_captured(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if !user.get("LC_ALL").or(user.get("LANG")).is_some_and(is_utf8) {
        env.remove("LC_ALL");
        env.insert("LANG".to_owned(), "C.UTF-8".to_owned());
    }
    env
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn extended_path(path: &str, extra: &[PathBuf]) -> String {
    let mut path = path.to_owned();
    for directory in extra {
        let directory = directory.to_string_lossy();
        if !path.split(':').any(|known| known == directory) {
            path.push(':');
            path.push_str(&directory);
        }
    }
    path
}

/// Returns the directories in which people's own programs commonly are, as far as they exist.
#[must_use]
pub fn own_program_dirs(user: &Env) -> Vec<PathBuf> {
    let Some(home) = user.get("HOME").map(Path::new) else {
        return Vec::new();
    };
    let npm = user
        .get("NPM_CONFIG_PREFIX")
        .map(|prefix| Path::new(prefix).join("bin"));
    [".local/bin", ".cargo/bin", ".npm-global/bin", ".bun/bin"]
        .into_iter()
        .map(|below| home.join(below))
        .chain(npm)
        .filter(|directory| directory.is_dir())
        .collect()
}

/// Makes the environment of a pod's own process. Nothing of it but the user's part gets to its
/// agent.
#[must_use]
pub fn pod_env(
    user: &Env,
    dirs: &Dirs,
    roster: Option<&Path>,
    tenant: &str,
) -> BTreeMap<String, String> {
    let mut env = captured(user);
    let passed = OF_THE_POD
        .into_iter()
        .chain(["PATH"])
        .filter_map(|name| Some((name.to_owned(), user.get(name)?.to_owned())));
    env.extend(passed);
    env.extend(location(dirs, roster, tenant));
    env
}

/// Returns the variables by which a program finds its fleet's configuration and records.
///
/// The runtime directory is not among them: it may differ between two logins of one user, and
/// every pod records its own.
#[must_use]
pub fn location(dirs: &Dirs, roster: Option<&Path>, tenant: &str) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut env = BTreeMap::from([
        ("FLEET_HOME".to_owned(), text(&dirs.config)),
        ("FLEET_STATE_DIR".to_owned(), text(&dirs.state)),
        ("FLEET_TENANT".to_owned(), tenant.to_owned()),
    ]);
    env.extend(roster.map(|path| ("FLEET_ROSTER".to_owned(), text(path))));
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(env: &BTreeMap<String, String>) -> String {
        env.iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }

    fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn user() -> Env {
        Env::new(map(&[
            ("HOME", "/home/a"),
            ("PATH", "/usr/bin:/home/a/.local/bin"),
            ("LANG", "de_DE.UTF-8"),
            ("LC_TIME", "C"),
            ("https_proxy", "http://proxy:1"),
            ("TMUX", "/tmp/x,1,0"),
            ("TMUX_TMPDIR", "/tmp/t"),
            ("TMUX_PANE", "%1"),
            ("TERM", "screen"),
            ("NOTIFY_SOCKET", "/run/n"),
            ("WATCHDOG_USEC", "1"),
            ("FLEET_POD_CREDENTIAL", "secret"),
            ("MATRIX_ACCESS_TOKEN", "secret"),
            ("ANTHROPIC_API_KEY", "secret"),
        ]))
    }

    #[test]
    fn an_agent_gets_what_it_needs_and_no_secret_of_the_outer_world() {
        let extra = ["/home/a/.local/bin".into(), "/home/a/.cargo/bin".into()];
        let harness = map(&[("CLAUDE_CODE_DISABLE_1M_CONTEXT", "1"), ("A", "harness")]);
        let roster = map(&[("A", "roster"), ("FLEET_HOME", "/forged")]);
        insta::assert_snapshot!(lines(&agent_env(&user(), &extra, &harness, &roster)), @r"
        A=roster
        CLAUDE_CODE_DISABLE_1M_CONTEXT=1
        COLORTERM=truecolor
        HOME=/home/a
        LANG=de_DE.UTF-8
        LC_TIME=C
        PATH=/usr/bin:/home/a/.local/bin:/home/a/.cargo/bin
        TERM=xterm-256color
        TMUX_TMPDIR=/tmp/t
        https_proxy=http://proxy:1
        ");
    }

    #[test]
    fn a_pod_gets_the_fleets_directories_and_no_secret() {
        let dirs = Dirs {
            config: "/c".into(),
            state: "/s".into(),
            runtime: "/r".into(),
        };
        let env = pod_env(&user(), &dirs, Some(Path::new("/c/roster.yaml")), "a");
        insta::assert_snapshot!(lines(&env), @r"
        FLEET_HOME=/c
        FLEET_ROSTER=/c/roster.yaml
        FLEET_STATE_DIR=/s
        FLEET_TENANT=a
        HOME=/home/a
        LANG=de_DE.UTF-8
        LC_TIME=C
        PATH=/usr/bin:/home/a/.local/bin
        TMUX_TMPDIR=/tmp/t
        https_proxy=http://proxy:1
        ");
    }

    #[test]
    fn a_locale_without_utf8_is_replaced() {
        for variables in [
            &[][..],
            &[("LANG", "C")],
            &[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")],
        ] {
            let env = agent_env(
                &Env::new(map(variables)),
                &[],
                &BTreeMap::new(),
                &BTreeMap::new(),
            );
            assert_eq!(env.get("LANG").map(String::as_str), Some("C.UTF-8"));
            assert_eq!(env.get("LC_ALL"), None);
        }
    }

    proptest! {
        #[test]
        fn only_named_variables_of_the_user_get_through(name in "[A-Z_]{1,12}") {
            let user = Env::new(map(&[(&name, "value")]));
            let env = agent_env(&user, &[], &BTreeMap::new(), &BTreeMap::new());
            prop_assert!(!env.contains_key(&name) || is_captured(&name) || name == "TERM" || name == "COLORTERM");
            prop_assert!(!env.keys().any(|name| is_forbidden(name)));
        }
    }
}

//! Wherever a credential stands in a text, nothing that is shown of the text repeats it.

use podfleet_roster::{Document, Known};
use proptest::prelude::*;

/// What is planted, and the part of it that must not be shown.
fn secret() -> impl Strategy<Value = (String, String)> {
    let tail = "[0-9][a-zA-Z0-9]{39}";
    prop_oneof![
        (
            prop_oneof![
                Just("syt_"),
                Just("sk-"),
                Just("sk-ant-api03-"),
                Just("sk_live_"),
                Just("ghp_"),
                Just("github_pat_"),
                Just("glpat-"),
                Just("xoxb-"),
                Just("hf_"),
                Just("npm_"),
                Just("pypi-"),
                Just("AIza"),
            ],
            tail,
        )
            .prop_map(|(prefix, tail)| (format!("{prefix}{tail}"), tail)),
        "[A-Z0-9]{16}".prop_map(|tail| (format!("AKIA{tail}"), tail)),
        tail.prop_map(|tail| (format!("postgres://fleet:{tail}@db/fleet"), tail)),
    ]
}

/// Texts with a place to plant it in, sound and broken.
const TEXTS: &[&str] = &[
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, env: {T: @}}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, yollo: 1} # @\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: @, runtime: sim}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: @}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, class: @}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, depends_on: [@]}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, \"@\": x}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, env: {\"@\": 1, \"@\": 2}}\n",
    "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, restart: {window: @}}\n",
    "version: 1\ntransport: @\nagents: @\n",
    "version: @\n",
    "@",
    "@: &x [*x, *y] @\n@\n",
    "agents: [ # @\n",
    "k: \"@\n",
    "k: 'x @ y\n  more: @\n",
    "version: 1\ntransport: tmux\nruntimes: {\"@\": {harness: \"@\"}}\nagents: [{name: a, runtime: b}]\n",
    "connector: {kind: \"@\", matrix: {room_id: \"@\"}}\n",
    "tmux: {socket_name: a, socketName: \"@\"}\n--- @\n",
    "k: |\n  one\n  @\n  two\nl: >-\n @\nagents: 7 # @\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_finding_and_no_line_repeats_a_secret((secret, hidden) in secret(), text in proptest::sample::select(TEXTS)) {
        let text = text.replace('@', &secret);
        let document = Document::read(&text, "roster.yaml");
        let (_, findings) = document.check(&Known::shipped());
        let shown = format!("{findings:?}\n{}", document.redacted_text());
        prop_assert!(!shown.contains(&hidden), "{shown}");
        prop_assert_eq!(document.redacted_text().len(), text.len());
    }

    #[test]
    fn no_escape_hides_a_secret_in_what_cannot_be_parsed(
        (secret, hidden) in secret(),
        escaped in any::<prop::sample::Index>(),
        form in 0..4,
    ) {
        let at = escaped.index(secret.len());
        let (before, rest) = secret.split_at(at);
        let (one, rest) = rest.split_at(1);
        let code = u32::from(one.chars().next().unwrap_or_default());
        let written = match form {
            0 => format!("{before}\\x{code:02x}{rest}"),
            1 => format!("{before}\\u{code:04X}{rest}"),
            2 => format!("{before}\\U{code:08x}{rest}"),
            _ => format!("{before}\\\n  {one}{rest}"),
        };
        let text = format!("version: 1\nagents: [{{name: \"{written}\", runtime\n- ]");
        let document = Document::read(&text, "roster.yaml");
        let (_, findings) = document.check(&Known::shipped());
        let shown = format!("{findings:?}\n{}", document.redacted_text());
        let parts = (12..=hidden.len()).map(|end| &hidden[end - 12..end]);
        for part in parts {
            prop_assert!(!shown.contains(part), "{shown}");
        }
    }
}

//! The presets pass their own checks, whatever is written into them.

use podfleet_roster::{Code, Connector, Discord, Known, Matrix, Preset, PresetOptions, Roster};

fn checked(preset: Preset, options: &PresetOptions) -> (Roster, Vec<Code>) {
    let text = preset.render(options);
    let (roster, findings) = Roster::parse(&text, preset.as_str(), &Known::shipped());
    let codes = findings.iter().map(|finding| finding.code).collect();
    (
        roster.unwrap_or_else(|| panic!("{preset}: {findings:#?}")),
        codes,
    )
}

fn agents(preset: Preset) -> Vec<String> {
    let (roster, _) = checked(preset, &PresetOptions::default());
    let shown = |agent: &podfleet_roster::Agent| {
        format!("{} {} {}", agent.name, agent.class, agent.runtime)
    };
    roster.agents.iter().map(shown).collect()
}

#[test]
fn all_presets_but_minimal_have_no_finding() {
    for preset in Preset::ALL {
        let (_, codes) = checked(preset, &PresetOptions::default());
        match preset {
            Preset::Minimal => assert_eq!(codes, [Code::NoLead]),
            _ => assert_eq!(codes, [], "{preset}"),
        }
    }
}

#[test]
fn a_preset_without_options_is_its_text() {
    for preset in Preset::ALL {
        assert_eq!(preset.render(&PresetOptions::default()), preset.text());
    }
}

#[test]
fn every_preset_has_its_agents_in_order() {
    assert_eq!(agents(Preset::Minimal), ["canary-pi worker pi"]);
    assert_eq!(
        agents(Preset::LocalCanary),
        [
            "orchestrator orchestrator sim",
            "enhancer enhancer sim",
            "coder code sim",
            "reviewer review sim"
        ]
    );
    assert_eq!(
        agents(Preset::General)[2..],
        ["generalist worker pi".to_owned()]
    );
    assert_eq!(
        agents(Preset::Coding)[2..],
        [
            "coder0 implementer pi",
            "coder1 implementer pi",
            "reviewer review pi"
        ]
        .map(str::to_owned)
    );
    assert_eq!(
        agents(Preset::Research)[2..],
        [
            "researcher0 researcher pi",
            "researcher1 researcher pi",
            "analyst analyst pi"
        ]
        .map(str::to_owned)
    );
    assert_eq!(
        agents(Preset::Hybrid)[2..],
        [
            "coder0 implementer pi",
            "researcher0 researcher pi",
            "reviewer review pi"
        ]
        .map(str::to_owned)
    );
}

#[test]
fn the_leads_of_real_fleets_are_persistent_and_the_others_have_a_model() {
    for preset in [
        Preset::General,
        Preset::Coding,
        Preset::Research,
        Preset::Hybrid,
    ] {
        let (roster, _) = checked(preset, &PresetOptions::default());
        for (index, agent) in roster.agents.iter().enumerate() {
            assert_eq!(agent.persistent_persona, index < 2, "{}", agent.name);
            let model = (index >= 2).then_some("openai-codex/gpt-5.5:high");
            assert_eq!(agent.model_hint.as_deref(), model, "{}", agent.name);
        }
    }
}

#[test]
fn a_fleet_name_is_written_and_names_the_socket() {
    for (preset, name) in Preset::ALL
        .into_iter()
        .zip(["beta", "7", "true", "a.b", "_x", "1e3"])
    {
        let options = PresetOptions::default().with_fleet(name.parse().unwrap());
        let (roster, _) = checked(preset, &options);
        assert_eq!(roster.fleet.as_str(), name);
        let socket = roster.tmux.socket_name.unwrap();
        assert_eq!(socket, format!("podfleet-{name}"));
    }
}

#[test]
fn without_a_fleet_name_the_socket_is_the_shared_one() {
    let (roster, _) = checked(Preset::Coding, &PresetOptions::default());
    assert_eq!(roster.tmux.socket_name.as_deref(), Some("podfleet"));
    assert_eq!(roster.fleet.as_str(), "default");
}

#[test]
fn every_connector_can_be_written_into_a_preset() {
    for connector in [
        Connector::Tmux,
        Connector::Discord(Discord::new("123456789012345678")),
        Connector::Matrix(Matrix::new(
            "https://matrix.example.org",
            "@fleet:example.org",
            "#room:example.org",
        )),
        Connector::extension(
            "x-irc",
            serde_json::Map::from_iter([("tls".into(), true.into())]),
        ),
    ] {
        let options = PresetOptions::default().with_connector(connector.clone());
        let (roster, codes) = checked(Preset::Coding, &options);
        assert_eq!(roster.connector, Some(connector.into()));
        assert_eq!(codes, []);
    }
}

#[test]
fn an_unknown_preset_is_told_the_nearest_one() {
    let hint = |text: &str| text.parse::<Preset>().unwrap_err().hint();
    assert_eq!(hint("codnig"), "did you mean `coding`?");
    assert!(hint("xyz").starts_with("presets are `minimal`, "));
}

#[test]
fn every_preset_has_a_summary() {
    for preset in Preset::ALL {
        assert!(
            preset.summary().len() > 20,
            "{preset}: {}",
            preset.summary()
        );
    }
}

#[test]
fn every_preset_names_the_schema_first_and_the_same_socket() {
    let first = |text: &str| text.lines().next().map(str::to_owned);
    let profiles = podfleet_roster::Profiles::shipped();
    let made = profiles
        .iter()
        .map(|p| p.provision(podfleet_roster::Staffing::Floor));
    let modeline = made.map(|text| first(&text)).next().flatten().unwrap();
    for preset in Preset::ALL {
        assert_eq!(first(preset.text()).unwrap(), modeline, "{preset}");
        assert!(
            preset.text().contains("  socket_name: podfleet "),
            "{preset}"
        );
    }
}

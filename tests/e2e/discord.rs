//! The chat in a Discord channel: bridge, orchestrator and people, over a stand-in for Discord.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use podfleet_sim_agent::Kind;
use podfleet_stub_discord::{StubDiscord, TOKEN};
use rustix::process::Signal;

use crate::chat::as_agent;
use crate::world::{Ran, World, fits_80_columns, ran, signal, until};

/// The id of the person whom the stand-in plays.
const ADA: &str = "800";
/// The same as the roster writes it.
const OPERATOR: &str = "\"800\"";

/// A world whose fleet talks in a channel.
struct Channel {
    world: World,
    discord: StubDiscord,
}

impl Channel {
    fn new(operators: &str) -> Self {
        let (world, discord) = (World::new(), StubDiscord::start());
        let lead = world.entry("lead", "sim", "");
        let lead = lead.replace("runtime: sim\n", "runtime: sim\n    class: orchestrator\n");
        let connector = format!(
            "connector:\n  kind: discord\n  operators: [{operators}]\n  discord:\n    \
             channel_id: \"{}\"\n    api_url: {}\n",
            discord.channel(),
            discord.url()
        );
        world.write_roster("default", &format!("{lead}{connector}"));
        let token = world.path("home/token");
        fs::write(&token, TOKEN).unwrap();
        fs::set_permissions(&token, PermissionsExt::from_mode(0o600)).unwrap();
        Self { world, discord }
    }

    /// Runs a command of a person who has the token in a file.
    fn fleet(&self, arguments: &[&str]) -> Ran {
        let mut command = self.world.command("default", arguments);
        command.env("DISCORD_BOT_TOKEN_FILE", self.world.path("home/token"));
        let ran = ran(&command.output().unwrap());
        assert!(!ran.to_string().contains(TOKEN), "{ran}");
        ran
    }

    fn texts(&self) -> Vec<String> {
        let heard = self.discord.heard().into_iter();
        heard.map(|said| said.text).collect()
    }

    #[track_caller]
    fn until_heard(&self, wanted: &str) {
        until(|| {
            let texts = self.texts();
            let heard = texts.iter().any(|text| text.contains(wanted));
            heard.then_some(()).ok_or_else(|| format!("{texts:#?}"))
        });
    }

    #[track_caller]
    fn until_received(&self, wanted: &str) {
        until(|| {
            let received = self.world.received("lead", Kind::Submit);
            let found = received.iter().any(|text| text.contains(wanted));
            found.then_some(()).ok_or_else(|| format!("{received:#?}"))
        });
    }

    fn bridge(&self) -> u32 {
        let status = self.fleet(&["bridge", "status", "--json"]).json();
        u32::try_from(status["status"]["pid"].as_u64().unwrap()).unwrap()
    }
}

/// Returns every file below a directory that holds a text.
fn files_with(directory: &Path, text: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_person_in_a_channel_is_answered_in_the_thread_and_the_token_is_nowhere() {
    let channel = Channel::new(OPERATOR);
    channel.fleet(&["up"]).exits(0);
    let asked = channel.discord.say("SLEEP:1500 is it done?", None);
    channel.until_received(":lead class=human] SLEEP:1500 is it done?");
    as_agent(&channel.world, "lead", &["say", "-m", "yes, **done**"]).exits(0);
    channel.until_heard("yes, **done**");
    channel.discord.say("SLEEP:1500 and this?", Some(&asked));
    channel.until_received(&format!(" thread={asked}] SLEEP:1500 and this?"));
    let answer = ["say", "--thread", &asked, "-m", "this too"];
    as_agent(&channel.world, "lead", &answer).exits(0);
    channel.until_heard("this too");
    let said = channel.discord.heard();
    let answer = said.iter().find(|said| said.text == "this too").unwrap();
    assert_eq!(answer.thread.as_deref(), Some(asked.as_str()));
    channel.discord.say("!ps", None);
    channel.until_heard("lead  ");

    let ps = channel.fleet(&["ps"]).exits(0);
    assert!(ps.stdout.contains("bridge: connected"), "{ps}");
    assert!(fits_80_columns(&ps.stdout), "{ps}");
    let checked = channel.fleet(&["doctor"]);
    assert!(checked.stdout.contains("discord 600"), "{checked}");
    let command = fs::read(format!("/proc/{}/cmdline", channel.bridge())).unwrap();
    assert!(!String::from_utf8_lossy(&command).contains(TOKEN));
    channel.fleet(&["down", "--all"]).exits(0);
    let held = files_with(channel.world.path("").as_path(), TOKEN.as_bytes());
    assert_eq!(held, [channel.world.path("home/token")]);
    until(|| match channel.discord.connections() {
        0 => Ok(()),
        open => Err(format!("{open} connections are open")),
    });
}

#[test]
fn whoever_is_not_listed_gives_no_commands() {
    let channel = Channel::new("");
    channel.fleet(&["up"]).exits(0);
    channel.discord.say("!pause", None);
    channel.until_heard("You may not give commands here");
    channel.until_heard(&format!("you are `{ADA}`"));
    assert_eq!(channel.world.row("lead")["flags"], serde_json::json!([]));
}

#[test]
fn nothing_is_lost_or_doubled_while_bridge_and_gateway_are_killed() {
    let channel = Channel::new(OPERATOR);
    channel.discord.say("of the past", None);
    channel.fleet(&["up"]).exits(0);
    for round in 0..6 {
        channel.discord.say(&format!("human {round}"), None);
        let text = format!("fleet {round}");
        let say = ["say", "--timeout", "0", "-m", &text];
        channel.fleet(&say).exits(0);
        match round % 3 {
            0 => channel.discord.forget_sessions(),
            1 => channel.discord.break_connections(),
            _ => channel.discord.ask_to_reconnect(),
        }
        signal(channel.bridge(), Signal::KILL);
        channel.discord.say(&format!("meanwhile {round}"), None);
        until(|| {
            let status = channel.fleet(&["bridge", "status", "--json"]).json();
            (status["runs"] == false)
                .then_some(())
                .ok_or_else(|| "it runs".to_owned())
        });
        channel.fleet(&["bridge", "start"]).exits(0);
    }
    channel.until_received("] meanwhile 5");
    channel.until_heard("fleet 5");
    let received = channel.world.received("lead", Kind::Submit);
    let received: Vec<_> = received
        .iter()
        .filter_map(|text| text.split(" class=human] ").nth(1))
        .collect();
    let sent = (0..6).flat_map(|round| [format!("human {round}"), format!("meanwhile {round}")]);
    assert_eq!(received, sent.collect::<Vec<_>>());
    let texts = channel.texts();
    let said: Vec<_> = texts
        .iter()
        .filter_map(|text| text.strip_prefix("fleet "))
        .collect();
    assert_eq!(said, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn a_connector_is_tried_without_a_fleet() {
    let channel = Channel::new("");
    fs::remove_file(channel.world.path("work/default.yaml")).unwrap();
    let url = channel.discord.url();
    let with = |arguments: &[&str]| {
        let place = ["--channel-id", "600", "--api-url", &url];
        channel.fleet(&[&["connector"], arguments, &place].concat())
    };
    let health = with(&["health", "discord"]).exits(0);
    assert!(health.stdout.contains("authenticated  yes"), "{health}");
    with(&["send", "discord", "-m", "hello"]).exits(0);
    assert_eq!(channel.texts(), ["hello"]);
    let missing = channel.world.command(
        "default",
        &["connector", "health", "discord", "--channel-id", "600"],
    );
    let missing = ran(&{ missing }.output().unwrap()).exits(2);
    let named = missing
        .stderr
        .contains("`DISCORD_BOT_TOKEN` is missing or empty");
    assert!(named, "{missing}");
    channel.discord.hide_channel();
    let health = with(&["health", "discord"]).exits(1);
    assert!(health.stdout.contains("Unknown Channel"), "{health}");
    assert!(!channel.world.path("state").exists(), "no store is made");
}

#[test]
fn a_message_is_listened_to_without_a_fleet() {
    let channel = Channel::new("");
    let listening = ["connector", "listen", "--count", "1", "--json"];
    let mut command = channel.world.command("default", &listening);
    command
        .env("DISCORD_BOT_TOKEN_FILE", channel.world.path("home/token"))
        .stdout(std::process::Stdio::piped());
    let listener = command.spawn().unwrap();
    until(|| match channel.discord.sessions() {
        (1, _) => Ok(()),
        sessions => Err(format!("{sessions:?}")),
    });
    let id = channel.discord.say("is anybody there?", None);
    let listened = ran(&listener.wait_with_output().unwrap()).exits(0);
    let message = listened.json();
    assert_eq!(message["text"], "is anybody there?");
    assert_eq!(message["id"], id);
    assert_eq!(message["sender"], ADA);
}

#[test]
fn a_switch_is_checked_keeps_the_roster_and_moves_the_bridge() {
    let channel = Channel::new(OPERATOR);
    channel.fleet(&["up"]).exits(0);
    let roster = channel.world.path("work/default.yaml");
    let before = fs::read_to_string(&roster).unwrap();
    let switched = channel.fleet(&["connector", "switch", "tmux"]).exits(0);
    assert!(switched.stderr.contains("the bridge moved"), "{switched}");
    assert!(fits_80_columns(&switched.stderr), "{switched}");
    let after = fs::read_to_string(&roster).unwrap();
    assert_eq!(after, before.replace("kind: discord", "kind: tmux"));
    let status = channel.fleet(&["bridge", "status"]).exits(0);
    assert!(status.stdout.contains("chat     tmux"), "{status}");
    channel.discord.allow_content(false);
    let refused = channel.fleet(&["connector", "switch", "discord"]).exits(1);
    assert!(
        refused.stderr.contains("Message Content Intent"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&roster).unwrap(), after);
    channel.discord.allow_content(true);
    channel.fleet(&["connector", "switch", "discord"]).exits(0);
    assert_eq!(fs::read_to_string(&roster).unwrap(), before);
    until(|| {
        let status = channel.fleet(&["bridge", "status"]);
        let there = status.stdout.contains("chat     discord 600") && status.code == 0;
        there.then_some(()).ok_or_else(|| status.to_string())
    });
}

#[test]
fn init_writes_no_connector_that_does_not_work() {
    let channel = Channel::new("");
    channel.discord.hide_channel();
    let url = channel.discord.url();
    let path = channel.world.path("home/new.yaml");
    let init = |more: &[&str]| {
        let path = path.to_str().unwrap();
        let place = ["--channel-id", "600", "--api-url", &url, "--roster", path];
        let init = [
            "init",
            "--preset",
            "minimal",
            "--connector",
            "discord",
            "--write",
        ];
        channel.fleet(&[&init, &place[..], more].concat())
    };
    let refused = init(&[]).exits(1);
    assert!(
        refused.stderr.contains("`--unchecked` writes it"),
        "{refused}"
    );
    assert!(!path.exists());
    init(&["--unchecked"]).exits(0);
    assert!(path.exists());
}

//! The chat in a Discord channel: bridge, orchestrator and people, over a stand-in for Discord.

pub(crate) mod channel;
mod storm;

use std::fs;

use podfleet_sim_agent::Kind;

use crate::chat::as_agent;
use crate::world::{Ran, fits_80_columns, ran, until};
use channel::{ADA, Channel};

impl Channel {
    fn fleet(&self, arguments: &[&str]) -> Ran {
        self.operator.fleet(arguments)
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

    /// Waits until what is said will be heard.
    #[track_caller]
    fn until_connected(&self) {
        until(|| match self.fleet(&["bridge", "status"]) {
            status if status.code == 0 => Ok(()),
            status => Err(status.to_string()),
        });
    }

    #[track_caller]
    fn until_received(&self, wanted: &str) {
        until(|| {
            let received = self.operator.world.received("lead", Kind::Submit);
            let found = received.iter().any(|text| text.contains(wanted));
            found.then_some(()).ok_or_else(|| format!("{received:#?}"))
        });
    }
}

#[test]
fn a_person_in_a_channel_is_answered_in_the_thread_and_the_token_is_nowhere() {
    let mut channel = Channel::new(&[ADA]);
    channel.operator.log = "trace";
    channel.fleet(&["up"]).exits(0);
    let asked = channel.discord.say("SLEEP:1500 is it done?", None);
    channel.until_received(":lead class=human] SLEEP:1500 is it done?");
    as_agent(
        &channel.operator.world,
        "lead",
        &["say", "-m", "yes, **done**"],
    )
    .exits(0);
    channel.until_heard("yes, **done**");
    channel.discord.say("SLEEP:1500 and this?", Some(&asked));
    channel.until_received(&format!(" thread={asked}] SLEEP:1500 and this?"));
    let answer = ["say", "--thread", &asked, "-m", "this too"];
    as_agent(&channel.operator.world, "lead", &answer).exits(0);
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
    channel.operator.hides_its_token();
    channel.fleet(&["down", "--all"]).exits(0);
    until(|| match channel.discord.connections() {
        0 => Ok(()),
        open => Err(format!("{open} connections are open")),
    });
}

#[test]
fn a_bridge_that_is_told_to_listens_from_now_on() {
    let channel = Channel::new(&[ADA]);
    channel.fleet(&["up"]).exits(0);
    channel.until_connected();
    channel.discord.say("before", None);
    channel.until_received("human] before");
    channel.fleet(&["bridge", "stop"]).exits(0);
    channel.discord.say("meanwhile", None);
    channel.fleet(&["bridge", "start", "--from-now"]).exits(0);
    channel.until_connected();
    channel.discord.say("afterwards", None);
    channel.until_received("human] afterwards");
    let received = channel.operator.world.received("lead", Kind::Submit);
    let meanwhile = received.iter().any(|text| text.contains("meanwhile"));
    assert!(!meanwhile, "{received:#?}");
}

#[test]
fn what_cannot_be_said_is_told_with_the_place_the_cause_and_what_to_do() {
    let channel = Channel::new(&[ADA]);
    channel.fleet(&["up"]).exits(0);
    let say = [
        "say",
        "--thread",
        "99",
        "--timeout",
        "20",
        "-m",
        "and this?",
    ];
    let said = channel.fleet(&say).exits(1);
    insta::assert_snapshot!(format!("{}{}", said.stdout, said.stderr), @r"
    cannot be sent: discord 600: send into a thread: not found: 99 is no thread of
      the channel
    hint: what is named has to be there: the chat that the roster names, the thread,
      the message that is answered, the file; without a thread it goes to the chat
      itself
    ");
    as_agent(&channel.operator.world, "lead", &say).exits(1);
    channel.until_received("was not sent: discord 600: send into a thread: not found: ");
    let sent = channel.fleet(&["connector", "send", "--thread", "99", "-m", "and this?"]);
    insta::assert_snapshot!(sent.exits(3).stderr, @r"
    error: discord 600: send into a thread: not found
      cause: 99 is no thread of the channel

    hint: what is named has to be there: the chat that the roster names, the thread,
      the message that is answered, the file; without a thread it goes to the chat
      itself
    ");
    assert_eq!(channel.texts(), [""; 0]);
}

#[test]
fn whoever_is_not_listed_gives_no_commands() {
    let channel = Channel::new(&[]);
    channel.fleet(&["up"]).exits(0);
    channel.discord.say("!pause", None);
    channel.until_heard("You may not give commands here");
    channel.until_heard(&format!("you are `{ADA}`"));
    assert_eq!(
        channel.operator.world.row("lead")["flags"],
        serde_json::json!([])
    );
}

#[test]
fn a_connector_is_tried_without_a_fleet() {
    let channel = Channel::new(&[]);
    fs::remove_file(channel.operator.world.path("work/default.yaml")).unwrap();
    let url = channel.discord.url();
    let with = |arguments: &[&str]| {
        let place = ["--channel-id", "600", "--api-url", &url];
        channel.fleet(&[&["connector"], arguments, &place].concat())
    };
    let health = with(&["health", "discord"]).exits(0);
    assert!(health.stdout.contains("authenticated  yes"), "{health}");
    with(&["send", "discord", "-m", "hello"]).exits(0);
    assert_eq!(channel.texts(), ["hello"]);
    let missing = channel.operator.world.command(
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
    assert!(
        !channel.operator.world.path("state").exists(),
        "no store is made"
    );
}

#[test]
fn a_message_is_listened_to_without_a_fleet() {
    let channel = Channel::new(&[]);
    let listening = ["connector", "listen", "--count", "1", "--json"];
    let mut command = channel.operator.command(&listening);
    let listener = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
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
    let channel = Channel::new(&[ADA]);
    channel.fleet(&["up"]).exits(0);
    let roster = channel.operator.world.path("work/default.yaml");
    let before = fs::read_to_string(&roster).unwrap();
    let switched = channel.fleet(&["connector", "switch", "tmux"]).exits(0);
    assert!(switched.stderr.contains("the bridge moved"), "{switched}");
    assert!(fits_80_columns(&switched.stderr), "{switched}");
    let after = fs::read_to_string(&roster).unwrap();
    assert_eq!(after, before.replace("kind: discord", "kind: tmux"));
    until(|| {
        let status = channel.fleet(&["bridge", "status"]);
        let there = status.stdout.contains("chat     tmux") && status.code == 0;
        there.then_some(()).ok_or_else(|| status.to_string())
    });
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
fn who_is_no_longer_listed_gives_no_commands_after_the_next_up() {
    let channel = Channel::new(&[ADA]);
    channel.fleet(&["up"]).exits(0);
    let roster = channel.operator.world.path("work/default.yaml");
    let listed = fs::read_to_string(&roster).unwrap();
    let none = listed.replace(&format!("operators: [\"{ADA}\"]"), "operators: []");
    assert_ne!(none, listed);
    fs::write(&roster, none).unwrap();
    let verified = channel.fleet(&["verify"]).exits(1);
    assert!(verified.stdout.contains("an earlier roster"), "{verified}");
    channel.fleet(&["up"]).exits(0);
    channel.discord.say("!pause", None);
    channel.until_heard("You may not give commands here");
    channel.fleet(&["bridge", "status"]).exits(0);
    channel.fleet(&["verify"]).exits(0);
}

#[test]
fn what_was_asked_in_a_thread_of_the_chat_before_a_switch_is_answered_in_the_one_behind_it() {
    let channel = Channel::new(&[ADA]);
    channel.fleet(&["up"]).exits(0);
    channel.fleet(&["connector", "switch", "tmux"]).exits(0);
    // Its turn lasts until it is answered.
    let ask = ["chat", "--thread", "topic-1", "-m", "ASK is it done?"];
    channel.fleet(&ask).exits(0);
    channel
        .operator
        .world
        .until_row("lead", |row| row["readiness"] == "blocked");
    channel.fleet(&["connector", "switch", "discord"]).exits(0);
    channel.fleet(&["answer", "lead", "yes"]).exits(0);
    channel.until_heard("ended its turn without an answer");
}

#[test]
fn init_writes_no_connector_that_does_not_work() {
    let channel = Channel::new(&[]);
    channel.discord.hide_channel();
    let url = channel.discord.url();
    let path = channel.operator.world.path("home/new.yaml");
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

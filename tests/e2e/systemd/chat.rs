//! The bridge of a chat as a unit.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use podfleet_stub_discord::{StubDiscord, TOKEN};
use rustix::process::Signal;

use super::host::Host;
use crate::world::{Ran, ran, signal, text, until};

const BRIDGE: &str = "fleet-bridge@web:v2.service";

/// A fleet of a user with a service manager, and its human's end.
struct Chat {
    host: Host,
    discord: StubDiscord,
}

impl Chat {
    fn new() -> Option<Self> {
        let (host, discord) = (Host::start()?, StubDiscord::start());
        host.write_roster(&format!(
            "  - {{name: e, runtime: sim, class: orchestrator}}\nconnector:\n  kind: discord\n  \
             discord: {{channel_id: \"{}\", api_url: \"{}\"}}\n",
            discord.channel(),
            discord.url()
        ));
        host.write("token", TOKEN);
        fs::set_permissions(host.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
        Some(Self { host, discord })
    }

    fn fleet_with(&self, (variable, value): (&str, &str), arguments: &[&str]) -> Ran {
        let mut command = self.host.command(&self.host.exe(), arguments);
        let command = command.env(variable, value).env("FLEET_LOG", "trace");
        let ran = ran(&command.output().unwrap());
        assert!(!ran.to_string().contains(TOKEN), "{ran}");
        ran
    }

    fn fleet(&self, arguments: &[&str]) -> Ran {
        let token = self.host.path("token");
        self.fleet_with(("DISCORD_BOT_TOKEN_FILE", text(&token)), arguments)
    }

    fn until_answered(&self, answers: usize) {
        until(|| {
            let said = self.discord.heard();
            match said.len() {
                heard if heard >= answers => Ok(()),
                _ => Err(format!("{said:#?}")),
            }
        });
    }

    /// Fails if the token is anywhere but in its file.
    #[track_caller]
    fn hides_its_token(&self) {
        let home = self.host.path("");
        let found = Command::new("grep")
            .args(["-r", "--text", "-l", "--fixed-strings", "--devices=skip"])
            .args([TOKEN, text(&home)])
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        let found: Vec<_> = found.lines().collect();
        assert_eq!(found, [text(&self.host.path("token"))], "and nowhere else");
        for show in [
            &["show", BRIDGE][..],
            &["cat", BRIDGE],
            &["show-environment"],
        ] {
            let shown = self.host.systemctl(show).exits(0);
            assert!(!shown.to_string().contains(TOKEN), "{shown}");
        }
        for process in self.host.processes() {
            for part in ["cmdline", "environ"] {
                let bytes = fs::read(format!("/proc/{process}/{part}")).unwrap_or_default();
                let bytes = String::from_utf8_lossy(&bytes).into_owned();
                assert!(!bytes.contains(TOKEN), "{part} of {process}");
            }
        }
    }
}

#[test]
fn the_bridge_is_a_unit_and_its_token_is_in_its_file_alone() {
    let Some(chat) = Chat::new() else { return };
    // What is in a variable would have to be written down.
    let bare = chat.fleet_with(("DISCORD_BOT_TOKEN", TOKEN), &["up"]);
    assert!(bare.stderr.contains("DISCORD_BOT_TOKEN_FILE"), "{bare}");
    assert_eq!(chat.host.property(BRIDGE, "ActiveState"), "inactive");

    chat.fleet(&["up"]).exits(0);
    assert_eq!(chat.host.property(BRIDGE, "ActiveState"), "active");
    let status = chat.fleet(&["bridge", "status", "--json"]).json();
    assert_eq!(status["status"]["pid"], chat.host.main_pid(BRIDGE));
    chat.discord.say("how far are you?", None);
    chat.until_answered(1);

    // A killed one is started again, and goes on.
    signal(chat.host.main_pid(BRIDGE), Signal::KILL);
    chat.discord.say("and now?", None);
    chat.until_answered(2);
    assert_eq!(chat.host.property(BRIDGE, "NRestarts"), "1");
    chat.hides_its_token();

    // One that gave up is not.
    chat.discord.revoke_token();
    chat.discord.close_connections(4004);
    until(
        || match chat.host.property(BRIDGE, "ActiveState").as_str() {
            "failed" => Ok(()),
            state => Err(state.to_owned()),
        },
    );
    let status = chat.fleet(&["bridge", "status"]).exits(1);
    assert!(status.stdout.starts_with("bridge   failed"), "{status}");
    chat.hides_its_token();
}

#[test]
fn a_bridge_that_the_roster_has_no_use_for_is_not_started_at_boot() {
    let Some(chat) = Chat::new() else { return };
    chat.fleet(&["up"]).exits(0);
    chat.fleet(&["install"]).exits(0);
    let enabled = chat.host.units().join("fleet.target.wants").join(BRIDGE);
    assert!(enabled.symlink_metadata().is_ok());
    chat.host.change_roster("fleet: web.v2", "fleet: shop");
    let left = "the bridge of the fleet `web.v2`";
    let up = chat.fleet(&["up"]).to_string();
    let up = up.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        up.contains("1 agent and the bridge of the fleet `web.v2`"),
        "{up}"
    );
    chat.fleet(&["down", "--all", "--fleet", "web.v2"]).exits(0);
    assert!(enabled.symlink_metadata().is_err());
    let plan = chat.fleet(&["plan"]).exits(0);
    assert!(!plan.to_string().contains(left), "{plan}");
}

//! A machine with its hub.

use std::io::Write as _;
use std::process::Stdio;

use podfleet_hub::client::{HubClient, Way};
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{Ran, World, is_gone, ran, signal, until};

/// A machine with its hub, which ends before the machine does.
pub(crate) struct Machine {
    /// The process of its hub.
    pub(crate) hub: u32,
    pub(super) standing: Value,
    pub(crate) world: World,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end_hub();
    }
}

impl Machine {
    pub(crate) fn new(agent: &str) -> Self {
        Self::of(World::with_agents(&[(agent, "")]), "127.0.0.1:0")
    }

    pub(crate) fn of(world: World, listen: &str) -> Self {
        let mut machine = Self {
            hub: 0,
            standing: Value::Null,
            world,
        };
        machine.start_hub(listen);
        machine
    }

    pub(crate) fn start_hub(&mut self, listen: &str) {
        self.start_hub_with(listen, &[]);
    }

    pub(super) fn start_hub_with(&mut self, listen: &str, more: &[&str]) {
        let allow = self.world.path("home");
        let arguments = [
            "hub",
            "run",
            "--background",
            "--json",
            "--tls",
            "--listen",
            listen,
        ];
        let allow = ["--allow", allow.to_str().unwrap()];
        let arguments = [&arguments[..], &allow, more].concat();
        // A port that was its own may be somebody's for a moment.
        let started = until(|| match self.world.fleet(&arguments) {
            ran if ran.code == 0 => Ok(ran),
            ran => Err(ran.to_string()),
        });
        self.standing = started.json();
        self.hub = u32::try_from(self.standing["pid"].as_u64().unwrap()).unwrap();
    }

    pub(crate) fn end_hub(&self) {
        signal(self.hub, Signal::TERM);
        until(|| {
            if is_gone(self.hub) {
                Ok(())
            } else {
                Err("the hub runs".into())
            }
        });
    }

    pub(crate) fn address(&self) -> String {
        self.standing["listen"][0][0].as_str().unwrap().to_owned()
    }

    pub(crate) fn client(&self) -> HubClient {
        HubClient::new(
            Way::Socket(self.standing["socket"].as_str().unwrap().into()),
            None,
        )
    }

    pub(super) fn pin(&self) -> &str {
        self.standing["pin"].as_str().unwrap()
    }

    /// Makes a token for a home.
    pub(super) fn token(&self) -> String {
        let scopes = "observe,files:read,files:write,pty,message";
        self.world
            .fleet(&["hub", "token", "create", "home", "--scope", scopes])
            .exits(0)
            .stdout
    }

    pub(super) fn endpoint_add(&self, name: &str, address: &str, pin: &str, token: &str) -> Ran {
        let place = ["--address", address, "--pin", pin];
        let add = [&["endpoint", "add", name][..], &place].concat();
        let mut adding = self
            .world
            .command("default", &add)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = adding.stdin.take().unwrap();
        stdin.write_all(token.as_bytes()).unwrap();
        drop(stdin);
        ran(&adding.wait_with_output().unwrap())
    }

    /// Makes another machine an endpoint of this one, with its home mounted as `far`.
    pub(crate) fn add(&self, name: &str, other: &Self) {
        self.endpoint_add(name, &other.address(), other.pin(), &other.token())
            .exits(0);
        let root = other.world.path("home");
        let root = root.to_str().unwrap();
        self.world
            .fleet(&["mount", "add", "--name", "far", "--endpoint", name, root])
            .exits(0);
    }

    pub(crate) fn until_connected(&self, name: &str) {
        until(|| {
            let ran = self.world.fleet(&["endpoint", "status", name]);
            if ran.code == 0 {
                Ok(())
            } else {
                Err(ran.to_string())
            }
        });
    }

    /// Opens a shell named `sh` on the other machine.
    pub(crate) fn open_shell(&self) {
        self.world
            .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
            .exits(0);
    }
}

/// Two machines, of which the second is the endpoint `box` of the first.
pub(crate) fn pair() -> (Machine, Machine) {
    let (home, spoke) = (Machine::new("lead"), Machine::new("coder"));
    home.add("box", &spoke);
    (home, spoke)
}

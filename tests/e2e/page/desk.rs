//! A browser at a hub.

use serde_json::json;

use super::browser::{Browser, ENTER};
use crate::hub::Machine;

const ALL: &str = "observe,files:read,files:write,pty,message,admin";

/// A browser that is logged in at the hub of a machine.
pub(super) struct Desk {
    pub(super) browser: Browser,
    pub(super) site: String,
    pub(super) token: String,
}

impl Desk {
    pub(super) fn at(machine: &Machine) -> Option<Self> {
        Self::with_rights(machine, ALL)
    }

    pub(super) fn with_rights(machine: &Machine, scopes: &str) -> Option<Self> {
        let browser = Browser::start()?;
        let token = machine
            .world
            .fleet(&["hub", "token", "create", "desk", "--scope", scopes])
            .exits(0);
        let desk = Self {
            browser,
            site: format!("https://{}", machine.address()),
            token: token.stdout.trim().to_owned(),
        };
        desk.go("/");
        desk.log_in(&desk.token);
        desk.browser.until("return location.pathname === '/'");
        Some(desk)
    }

    #[track_caller]
    pub(super) fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.site));
    }

    /// By keys alone: the field has the focus.
    #[track_caller]
    pub(super) fn log_in(&self, token: &str) {
        self.browser
            .until("return document.activeElement.id === 'token'");
        self.browser.press(token);
        self.browser.press(&ENTER.to_string());
    }

    /// What the terminal shows.
    pub(super) fn screen(&self) -> String {
        let text = self
            .browser
            .run("return document.querySelector('.xterm-rows').innerText");
        text.as_str().unwrap().replace('\u{a0}', " ")
    }

    #[track_caller]
    pub(super) fn until_screen(&self, wanted: &str) {
        self.browser.until(&format!(
            "return document.querySelector('.xterm-rows')?.innerText.replaceAll('\\u00a0', ' ').includes({})",
            json!(wanted)
        ));
    }

    #[track_caller]
    pub(super) fn until_status(&self, wanted: &str) {
        self.browser.until(&format!(
            "return document.getElementById('terminal-state').textContent.includes({})",
            json!(wanted)
        ));
    }

    /// Keeps the sockets that the page opens from now on in `opened`.
    pub(super) fn keep_sockets(&self) {
        self.browser.run(
            "window.opened = []; \
             window.WebSocket = class extends WebSocket { \
                 constructor(...all) { super(...all); window.opened.push(this); } \
             }",
        );
    }

    #[track_caller]
    pub(super) fn without_complaints(self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
    }
}

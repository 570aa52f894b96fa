//! What a person is at stays as it is, whatever a page does meanwhile to keep itself fresh.

use std::fs;

use super::browser::{CONTROL, ENTER};
use super::desk::Desk;
use crate::hub::{Machine, pair};

/// Looks whether a form of this page has got a new key without being made anew; if it was, at the
/// next one.
const KEY_IS_NEW: &str = "
    if (!window.key?.isConnected) {
        window.key = document.querySelector('form[action=\"/terminals\"] [name=key]');
        window.first = window.key.value;
    }
    document.dispatchEvent(new Event('visibilitychange'));
    return window.key.value !== window.first;
";

#[test]
fn the_focus_stays_at_one_mount_and_what_has_not_changed_is_not_made_anew() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let mount = |name: &str| {
        let root = home.world.path("home").join(name);
        fs::create_dir(&root).unwrap();
        let add = ["mount", "add", "--name", name, root.to_str().unwrap()];
        home.world.fleet(&add).exits(0);
    };
    mount("own");
    desk.go("/machines");
    desk.browser
        .tab_to("it.textContent === 'Open a terminal on own'");
    desk.browser.until(KEY_IS_NEW);
    let focus = || {
        desk.browser
            .run("return document.activeElement.textContent")
    };
    assert_eq!(focus(), "Open a terminal on own");
    mount("other");
    desk.browser.until_text("other");
    assert_eq!(focus(), "Open a terminal on own");
    desk.without_complaints();
}

#[test]
fn a_break_does_not_take_the_focus_to_the_terminal() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    home.open_shell();
    desk.go("/agents/sh@box");
    desk.until_status("nobody has control");
    desk.keep_sockets();
    desk.browser
        .run("document.getElementById('control').click()");
    desk.until_status("You have control");
    desk.browser.press("echo mine-$((1+1))");
    desk.browser.press(&ENTER.to_string());
    desk.until_screen("mine-2");
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press("dear ");
    desk.browser.run("window.opened.at(-1).close()");
    desk.browser.until(
        "return window.opened.length > 1 \
         && document.getElementById('terminal-state').textContent.includes('You have control')",
    );
    desk.browser.press("agent");
    assert_eq!(
        desk.browser
            .run("return document.getElementById('body').value"),
        "dear agent"
    );
    desk.without_complaints();
}

#[test]
fn what_was_written_stays_when_the_login_ends_and_is_sent_after_another() {
    let mut home = Machine::new("lead");
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/agents/lead");
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press("dear agent");
    home.end_hub();
    let address = home.address();
    home.start_hub(&address);
    desk.browser.until_text("You are logged out");
    let first = desk.browser.tab();
    desk.browser.open_tab();
    desk.go("/machines");
    desk.log_in(&desk.token);
    desk.browser
        .until("return location.pathname === '/machines'");
    desk.browser.show_tab(&first);
    desk.browser
        .until("return document.getElementById('connection').textContent === ''");
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press_with(CONTROL, ENTER);
    desk.browser
        .until("return document.querySelector('#receipts .body')?.textContent === 'dear agent'");
    desk.without_complaints();
}

#[test]
fn a_directory_is_kept_fresh_again_when_its_machine_was_away() {
    let (home, mut spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    fs::write(spoke.world.path("home/first"), "").unwrap();
    desk.go("/files/far");
    desk.browser.until_text("first");
    spoke.end_hub();
    desk.browser
        .until_text("Changes are not told to this page at present");
    // What is answered then is no stream, after which a browser does not ask again by itself.
    desk.browser
        .until("return document.querySelector('#entries .fault')");
    let address = spoke.address();
    spoke.start_hub(&address);
    home.until_connected("box");
    desk.browser.until_text("first");
    desk.browser
        .until("return document.getElementById('connection').textContent === ''");
    fs::write(spoke.world.path("home/put there"), "").unwrap();
    desk.browser.until_text("put there");
    desk.without_complaints();
}

#[test]
fn who_keeps_one_of_several_files_has_the_others_uploaded() {
    let home = Machine::new("lead");
    let Some(desk) = Desk::at(&home) else { return };
    let root = home.world.path("home/files");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("b"), "as it was").unwrap();
    let add = ["mount", "add", "--name", "m", root.to_str().unwrap()];
    home.world.fleet(&add).exits(0);
    let local = ["a", "b", "c"].map(|name| {
        let path = home.world.path("work").join(name);
        fs::write(&path, "new").unwrap();
        path.to_str().unwrap().to_owned()
    });
    desk.go("/files/m");
    desk.browser.choose_files("#upload", &local.join("\n"));
    assert_eq!(desk.browser.decline(), "Replace b?");
    desk.browser
        .until_text("Not all were uploaded: b stays as it is.");
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    assert_eq!(["a", "b", "c"].map(read), ["new", "as it was", "new"]);
    desk.without_complaints();
}

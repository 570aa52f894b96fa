//! What a person is at stays as it is, whatever a page does meanwhile to keep itself fresh.

use std::fs;
use std::path::PathBuf;

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
    let home = Machine::new("lead");
    let Some(mut desk) = Desk::at(&home) else {
        return;
    };
    desk.go("/agents/lead");
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press("dear agent");
    let token = |verb: &[&str]| {
        home.world
            .fleet(&[&["hub", "token"], verb].concat())
            .exits(0)
    };
    token(&["revoke", "desk"]);
    let another = token(&["create", "another", "--scope", "observe,message"]);
    desk.token = another.stdout.trim().to_owned();
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
    let (home, root) = with_mount();
    let Some(desk) = Desk::at(&home) else { return };
    fs::write(root.join("b"), "as it was").unwrap();
    let local = ["a", "b", "c"].map(|name| {
        let path = home.world.path("work").join(name);
        fs::write(&path, "new").unwrap();
        path.to_str().unwrap().to_owned()
    });
    desk.go("/files/m");
    desk.browser.choose_files("#upload", &local.join("\n"));
    assert_eq!(desk.browser.decline(), "Replace b?");
    desk.browser.until_text("Not uploaded: b (stays as it is).");
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    assert_eq!(["a", "b", "c"].map(read), ["new", "as it was", "new"]);
    desk.without_complaints();
}

/// A machine with an empty directory that is mounted as `m`; returns both.
fn with_mount() -> (Machine, PathBuf) {
    let home = Machine::new("lead");
    let root = home.world.path("home/files");
    fs::create_dir(&root).unwrap();
    let add = ["mount", "add", "--name", "m", root.to_str().unwrap()];
    home.world.fleet(&add).exits(0);
    (home, root)
}

#[test]
fn who_may_see_files_alone_is_told_of_no_trouble_with_what_else_there_is() {
    let (home, root) = with_mount();
    let Some(desk) = Desk::with_rights(&home, "files:read,files:write") else {
        return;
    };
    desk.go("/files/m");
    desk.browser
        .until("return document.getElementById('connection').textContent === ''");
    fs::write(root.join("put there"), "").unwrap();
    desk.browser.until_text("put there");
    let connection = "return document.getElementById('connection').textContent";
    assert_eq!(desk.browser.run(connection), "");
    desk.without_complaints();
}

/// Selects what is in the list of files. From then on the looks are counted that the page has put off,
/// and what it is told is counted in `heard`.
const SELECT_AND_COUNT: &str = "
    const [wait, forget] = [setTimeout, clearTimeout].map((of) => of.bind(window));
    window.waiting = new Set();
    window.most = 0;
    window.setTimeout = (then, pause) => {
        const id = wait(() => { waiting.delete(id); then(); }, pause);
        waiting.add(id);
        most = Math.max(most, waiting.size);
        return id;
    };
    window.clearTimeout = (id) => { waiting.delete(id); forget(id); };
    const entries = document.getElementById('entries');
    window.heard = 0;
    new EventSource(entries.dataset.on).addEventListener('change', () => { heard += 1; });
    getSelection().selectAllChildren(entries);
";

#[test]
fn a_directory_that_changes_while_a_name_in_it_is_selected_is_asked_for_by_one_look_at_a_time() {
    let (home, root) = with_mount();
    fs::write(root.join("first"), "").unwrap();
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/files/m");
    desk.browser.until_text("first");
    desk.browser.run(SELECT_AND_COUNT);
    for round in 0..4 {
        let heard = desk.browser.run("return heard").as_u64().unwrap();
        // Again and again: what changes before the browser listens is not heard.
        crate::world::until(|| {
            fs::write(root.join(format!("file {round}")), "").unwrap();
            match desk.browser.run("return heard").as_u64() {
                Some(now) if now > heard => Ok(()),
                _ => Err("no change is heard".to_owned()),
            }
        });
    }
    desk.browser.until("return waiting.size > 0");
    assert_eq!(desk.browser.run("return most"), 1);
    assert!(!desk.browser.text().contains("file 3"));
    desk.browser.run("getSelection().removeAllRanges()");
    desk.browser.until_text("file 3");
    desk.without_complaints();
}

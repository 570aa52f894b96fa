//! Terminals in a browser.

use super::browser::{Browser, ENTER, ESCAPE, SHIFT, TAB};
use super::desk::Desk;
use crate::hub::pair;

#[test]
fn a_terminal_is_shown_at_once_and_typed_in_only_with_control() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    home.open_shell();
    desk.go("/agents/sh@box");
    desk.until_status("nobody has control");
    // A viewer's keys go nowhere.
    desk.browser
        .run("document.querySelector('.xterm-helper-textarea').focus()");
    desk.browser.press("echo intruder\n");
    desk.browser
        .tab_to("it.id === 'fit' || it.id === 'body' || it.id === 'log'");
    desk.browser
        .run("document.getElementById('control').focus()");
    desk.browser.press(&ENTER.to_string());
    desk.until_status("You have control");
    desk.browser.press("echo mine-$((1+1))");
    desk.browser.press(&ENTER.to_string());
    desk.until_screen("mine-2");
    assert!(!desk.screen().contains("intruder"), "{}", desk.screen());
    // Colours of 24 bits and of the palette, in spite of the policy.
    desk.browser
        .press("printf '\\033[38;2;1;200;3mtrue\\033[0m \\033[31mred\\033[0m\\n'");
    desk.browser.press(&ENTER.to_string());
    desk.until_screen("\ntrue red");
    let colours = desk.browser.run(
        "return [...document.querySelectorAll('.xterm-rows span')] \
         .filter((span) => ['true', 'red'].includes(span.textContent.trim())) \
         .map((span) => getComputedStyle(span).color)",
    );
    let plain = desk
        .browser
        .run("return getComputedStyle(document.querySelector('.xterm-rows')).color");
    let colours = colours.as_array().unwrap();
    assert!(
        colours.len() >= 2 && !colours.contains(&plain),
        "{colours:?} {plain}"
    );
    desk.browser.picture("terminal");
    // The terminal keeps Tab for itself, and lets go by Shift and Escape.
    desk.browser.press(&TAB.to_string());
    assert_eq!(
        desk.browser.run("return document.activeElement.className"),
        "xterm-helper-textarea"
    );
    desk.browser.press_with(SHIFT, ESCAPE);
    assert_eq!(
        desk.browser.run("return document.activeElement.id"),
        "control"
    );
    desk.browser.press(&ENTER.to_string());
    desk.until_status("nobody has control");
    desk.without_complaints();
}

#[test]
fn control_that_another_has_is_taken_only_after_a_question() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    home.open_shell();
    let other = Browser::start().unwrap();
    other.go(&format!("{}/agents/sh@box", desk.site));
    let other = Desk {
        browser: other,
        site: desk.site.clone(),
        token: desk.token.clone(),
    };
    other.log_in(&other.token);
    for desk in [&desk, &other] {
        desk.go("/agents/sh@box");
        desk.until_status("nobody has control");
    }
    other.keep_sockets();
    other
        .browser
        .run("document.getElementById('control').click()");
    other.until_status("You have control");
    desk.browser.until(
        "return /; .* has control/.test(document.getElementById('terminal-state').textContent)",
    );
    desk.browser
        .run("document.getElementById('control').click()");
    let question = desk.browser.accept(None);
    assert!(question.contains("Take it all the same?"), "{question}");
    desk.until_status("You have control");
    other
        .browser
        .until("return document.getElementById('control').textContent === 'Take control'");
    // Who lost it does not take it back after a break.
    other.browser.run("window.opened.at(-1).close()");
    other.browser.until(
        "return window.opened.length > 1 \
         && document.getElementById('terminal').dataset.connected === 'yes'",
    );
    other.until_status("has control");
    assert_eq!(
        other
            .browser
            .run("return document.getElementById('control').textContent"),
        "Take control"
    );
    desk.until_status("You have control");
    other.without_complaints();
    desk.without_complaints();
}

#[test]
fn a_terminal_goes_on_where_it_was_when_a_hub_restarts() {
    let (mut home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    home.open_shell();
    desk.go("/agents/sh@box");
    desk.until_status("nobody has control");
    desk.browser
        .run("document.getElementById('control').click()");
    desk.until_status("You have control");
    desk.browser
        .press("i=0; while sleep 0.1; do i=$((i+1)); echo \"<$i>\"; done");
    desk.browser.press(&ENTER.to_string());
    desk.until_screen("<5>");
    home.end_hub();
    desk.until_status("Trying again");
    desk.browser.press("lost");
    desk.until_status("was not sent");
    home.start_hub(&home.address());
    // The login outlives the hub.
    desk.browser
        .until("return document.getElementById('terminal').dataset.connected === 'yes'");
    desk.until_screen("<60>");
    let screen = desk.screen();
    assert!(!screen.contains("lost"), "{screen}");
    let lines: Vec<u32> = screen
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix('<')?
                .strip_suffix('>')?
                .parse()
                .ok()
        })
        .collect();
    assert!(lines.len() > 10, "{screen}");
    assert!(
        lines.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{lines:?}"
    );
    desk.without_complaints();
}

/// The next connection ends after the first of two parts of a repaint; where each began is kept.
const CUT_REPAINT: &str = "
    window.asked = [];
    window.WebSocket = class {
        static OPEN = 1;
        readyState = 1;
        constructor(url) {
            window.asked.push(url);
            if (window.asked.length === 1) setTimeout(() => this.cut());
        }
        cut() {
            const position = { generation: 1, run: 1, offset: 0 };
            this.onmessage({ data: JSON.stringify({ position, in_control: false }) });
            const frame = new DataView(new ArrayBuffer(16 + 20));
            frame.setUint8(0, 0x02);
            frame.setUint8(1, 1);
            frame.setUint32(4, 20);
            frame.setBigUint64(8, 5000n);
            frame.setUint16(16 + 16, 80);
            frame.setUint16(16 + 18, 24);
            this.onmessage({ data: frame.buffer });
            this.onclose();
        }
        send() {}
        close() {}
    };
    document.getElementById('control').click();
";

#[test]
fn a_terminal_that_is_cut_within_a_repaint_asks_for_the_whole_of_it() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    home.open_shell();
    desk.go("/agents/sh@box");
    desk.until_status("nobody has control");
    desk.browser.run(CUT_REPAINT);
    desk.browser.until("return window.asked.length > 1");
    let asked = desk.browser.run("return window.asked");
    assert!(asked[0].as_str().unwrap().contains("offset="), "{asked}");
    assert!(!asked[1].as_str().unwrap().contains("offset="), "{asked}");
}

#[test]
fn a_terminal_is_opened_on_a_mount_by_keys_alone() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/machines");
    desk.browser
        .tab_to("it.textContent === 'Open a terminal on far'");
    desk.browser.press(&ENTER.to_string());
    desk.browser
        .until("return location.pathname.startsWith('/agents/pty-')");
    desk.browser.tab_to("it.id === 'control' && !it.disabled");
    desk.browser.press(&ENTER.to_string());
    desk.until_status("You have control");
    desk.browser.press("pwd");
    desk.browser.press(&ENTER.to_string());
    let root = spoke.world.path("home");
    desk.until_screen(root.to_str().unwrap());
    desk.without_complaints();
}

#[test]
fn a_terminal_that_is_opened_anew_under_a_name_does_not_go_on_as_the_one_before() {
    let (home, _spoke) = pair();
    let spawn = |says: &str| {
        let script = format!("echo {says}; exec cat");
        let spawn = ["pty", "spawn", "far", "--name", "same", "--"];
        let shell = ["/bin/sh", "-c", script.as_str()];
        home.world.fleet(&[&spawn[..], &shell].concat()).exits(0);
    };
    spawn("FIRST-OF-TWO");
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/agents/same@box");
    desk.until_screen("FIRST-OF-TWO");
    home.world.fleet(&["pty", "kill", "same@box"]).exits(0);
    spawn("THE-SECOND-IS-ANOTHER");
    desk.until_status("there is no such terminal");
    desk.go("/agents/same@box");
    desk.until_screen("THE-SECOND-IS-ANOTHER");
    assert!(!desk.screen().contains("FIRST"), "{}", desk.screen());
}

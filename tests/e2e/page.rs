//! The page of a hub in a real Chromium: two machines, real pods, TLS.

mod browser;
mod desk;
mod looks;
mod lost_answers;
mod terminals;
mod undisturbed;

use std::fs;

use crate::hub::{Machine, pair};
use browser::{Browser, CONTROL, ENTER};
use desk::Desk;

#[test]
fn a_token_logs_in_by_keys_alone_and_never_stands_where_a_page_or_an_address_has_it() {
    let home = Machine::new("lead");
    let Some(browser) = Browser::start() else {
        return;
    };
    let created = home
        .world
        .fleet(&["hub", "token", "create", "desk", "--scope", "observe"])
        .exits(0);
    let desk = Desk {
        browser,
        site: format!("https://{}", home.address()),
        token: created.stdout.trim().to_owned(),
    };
    desk.go("/machines");
    assert!(desk.browser.address().ends_with("/login?next=%2Fmachines"));
    desk.browser.picture("login");
    desk.log_in("flt_0123456789abcdef0123456789abcdef_x");
    desk.browser
        .until_text("the token is unknown, revoked or over");
    desk.log_in(&desk.token);
    desk.browser
        .until("return location.pathname === '/machines'");
    let seen = desk.browser.run(
        "return [location.href, document.cookie, document.documentElement.outerHTML, \
         JSON.stringify(sessionStorage), JSON.stringify(localStorage), \
         performance.getEntries().map((entry) => entry.name).join()].join('\\n')",
    );
    let (secret, seen) = (
        desk.token.rsplit('_').next().unwrap(),
        seen.as_str().unwrap(),
    );
    assert!(!seen.contains(secret), "{seen}");
    assert_eq!(desk.browser.run("return document.cookie"), "");
    // Who may only look is offered nothing else.
    assert_eq!(
        desk.browser
            .run("return document.querySelectorAll('td form').length"),
        0
    );

    desk.browser.tab_to("it.textContent === 'Log out'");
    desk.browser.press(&ENTER.to_string());
    desk.browser.until("return location.pathname === '/login'");
    desk.go("/machines");
    assert!(desk.browser.address().contains("/login"));
    desk.log_in(&desk.token);
    desk.browser
        .until("return location.pathname === '/machines'");
    // A token that ends, ends what began with it, also on a page that is open.
    home.world
        .fleet(&["hub", "token", "revoke", "desk"])
        .exits(0);
    desk.browser.until("return location.pathname === '/login'");
    desk.without_complaints();
}

#[test]
fn agents_of_all_machines_are_listed_and_kept_fresh() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let row = |agent: &str| {
        format!(
            "[...document.querySelectorAll('tbody tr')].find((row) => \
             row.querySelector('th').textContent === '{agent}')"
        )
    };
    let state = |agent: &str, state: &str| {
        format!(
            "return {}?.querySelector('.state').textContent === '{state}'",
            row(agent)
        )
    };
    desk.browser.until(&state("lead", "stopped"));
    desk.browser.until(&state("coder", "stopped"));
    let machine = format!("return {}.querySelector('td').textContent", row("coder"));
    assert_eq!(desk.browser.run(&machine), "box");
    desk.browser.run("window.kept = true");
    spoke.world.fleet(&["up"]).exits(0);
    desk.browser.until(&state("coder", "available"));
    desk.browser.picture("agents");
    spoke.end_hub();
    desk.browser
        .until("return document.querySelector('.fault')?.textContent.includes('box')");
    assert_eq!(
        desk.browser.run("return window.kept"),
        true,
        "the page was loaded anew"
    );
    desk.go("/machines");
    desk.browser
        .until("return document.querySelector('[data-state=offline]')");
    desk.browser
        .until_text("start its hub there: fleet hub run");
    desk.browser.picture("machines-offline");
    desk.without_complaints();
}

#[test]
fn more_tabs_than_a_browser_has_connections_are_all_kept_fresh() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let first = desk.browser.tab();
    // A directory hears of two things, and a browser has six connections for all pages of a site.
    for _ in 0..8 {
        desk.browser.open_tab();
        desk.go("/files/far");
        desk.browser
            .until("return document.getElementById('entries')");
    }
    fs::write(spoke.world.path("home/put there"), "").unwrap();
    desk.browser.until_text("put there");
    desk.browser.show_tab(&first);
    spoke.world.fleet(&["up"]).exits(0);
    desk.browser.until(
        "return [...document.querySelectorAll('.state')].some((it) => it.textContent === 'available')",
    );
    desk.without_complaints();
}

#[test]
fn a_message_is_sent_by_keys_and_its_receipt_inbox_and_log_are_shown() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/agents/coder@box");
    // Who does not run has a message wait.
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press("first by the page");
    desk.browser.press_with(CONTROL, ENTER);
    desk.browser
        .until("return document.querySelector('#receipts [data-outcome=held]')");
    desk.browser.until(
        "return [...document.querySelectorAll('[data-live$=inbox] .body')] \
        .some((body) => body.textContent === 'first by the page')",
    );
    assert_eq!(
        desk.browser
            .run("return document.getElementById('body').value"),
        ""
    );
    spoke.world.fleet(&["up"]).exits(0);
    desk.browser
        .until("return document.querySelector('#receipts [data-outcome=answered]')");
    desk.browser.until("return document.querySelector('[data-live$=inbox]').textContent.includes('No message waits')");
    desk.browser
        .until("return document.querySelector('.log').textContent.includes('first by the page')");
    desk.browser.picture("agent");
    // What is refused is said, and what was written stays.
    desk.browser.run("document.getElementById('body').value = ' \\n '; document.querySelector('form.message').requestSubmit()");
    desk.browser.until(
        "return document.querySelector('form.message .fault')?.textContent.includes('empty')",
    );
    desk.without_complaints();
}

#[test]
fn files_of_another_machine_are_listed_uploaded_renamed_and_removed() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let files = spoke.world.path("home/dir of ä");
    fs::create_dir(&files).unwrap();
    fs::write(files.join("<b>.txt"), "bytes").unwrap();
    std::os::unix::fs::symlink("dir of ä", spoke.world.path("home/link")).unwrap();
    desk.go("/machines");
    desk.browser.tab_to("it.textContent === 'far'");
    desk.browser.press(&ENTER.to_string());
    desk.browser
        .until("return location.pathname === '/files/far'");
    desk.browser.tab_to("it.textContent === 'link/'");
    desk.browser.press(&ENTER.to_string());
    desk.browser.until_text("<b>.txt");
    desk.browser.tab_to("it.textContent === 'far'");
    desk.browser.press(&ENTER.to_string());
    desk.browser.tab_to("it.textContent === 'dir of ä/'");
    desk.browser.press(&ENTER.to_string());
    desk.browser.until_text("<b>.txt");
    desk.browser.picture("files");
    let bytes = desk.browser.run(
        "const link = [...document.querySelectorAll('a[download]')].find((a) => a.textContent === '<b>.txt'); \
         return fetch(link.href).then((answer) => answer.text())",
    );
    assert_eq!(bytes, "bytes");

    let local = home.world.path("work/new file");
    fs::write(&local, "uploaded").unwrap();
    desk.browser
        .choose_files("#upload", local.to_str().unwrap());
    desk.browser.until("return [...document.querySelectorAll('a[download]')].some((a) => a.textContent === 'new file')");
    assert_eq!(fs::read(files.join("new file")).unwrap(), b"uploaded");
    fs::write(&local, "again").unwrap();
    desk.browser
        .choose_files("#upload", local.to_str().unwrap());
    assert_eq!(desk.browser.accept(None), "Replace new file?");
    crate::world::until(
        || match fs::read(files.join("new file")).unwrap().as_slice() {
            b"again" => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    let button = |name: &str, word: &str| {
        format!("document.querySelector('[data-name=\"{name}\"] [data-do={word}]')")
    };
    desk.browser
        .until(&format!("return {}", button("new file", "rename")));
    desk.browser.run(&format!(
        "setTimeout(() => {}.click())",
        button("new file", "rename")
    ));
    desk.browser.accept(Some("renamed"));
    desk.browser
        .until(&format!("return {}", button("renamed", "remove")));
    desk.browser.run(&format!(
        "setTimeout(() => {}.click())",
        button("renamed", "remove")
    ));
    assert_eq!(desk.browser.accept(None), "Remove renamed?");
    desk.browser
        .until(&format!("return !{}", button("renamed", "remove")));
    desk.browser
        .run("setTimeout(() => document.getElementById('mkdir').click())");
    desk.browser.accept(Some("made"));
    desk.browser.until_text("made/");
    assert!(files.join("made").is_dir());
    desk.go("/files/far/..%2f..");
    desk.browser
        .until_text("is refused: a separator is encoded");
    desk.without_complaints();
}

#[test]
fn the_agents_of_every_fleet_of_a_machine_are_shown_and_each_page_is_of_its_own() {
    let home = Machine::new("lead");
    // Two fleets may have an agent of one name.
    let agents = home.world.agents(&[("lead", ""), ("other", "")]);
    home.world.write_roster("second", &agents);
    home.world.fleet_of("second", &["up"]).exits(0);
    let Some(desk) = Desk::at(&home) else {
        return;
    };
    desk.browser
        .until("return document.querySelectorAll('#fleet tbody tr').length === 3");
    let fleets = "return [...document.querySelectorAll('#fleet .fleet')].map(it => it.textContent)";
    let fleets = desk.browser.run(fleets);
    assert_eq!(fleets, serde_json::json!(["default", "second", "second"]));
    desk.browser.picture("fleets");
    desk.browser
        .run("document.querySelector('a[href*=\"other?fleet=second\"]').click()");
    desk.browser
        .until("return location.search === '?fleet=second'");
    desk.until_status("nobody has control");
    desk.browser.until_text("in fleet second");
    desk.browser.run("document.getElementById('body').focus()");
    desk.browser.press("to the second fleet");
    desk.browser.press_with(CONTROL, ENTER);
    desk.until_screen("to the second fleet");
    desk.browser
        .until("return document.querySelector('#receipts [data-outcome=answered]')");
    desk.without_complaints();
}

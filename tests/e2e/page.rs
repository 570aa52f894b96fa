//! The page of a hub in a real Chromium: two machines, real pods, TLS.

mod browser;

use std::fs;

use serde_json::{Value, json};

use crate::hub::{Machine, pair};
use browser::{Browser, CONTROL, ENTER, ESCAPE, SHIFT, TAB};

const ALL: &str = "observe,files:read,files:write,pty,message,admin";

/// A browser that is logged in at the hub of a machine.
struct Desk {
    browser: Browser,
    site: String,
    token: String,
}

impl Desk {
    fn at(machine: &Machine) -> Option<Self> {
        Self::with_rights(machine, ALL)
    }

    fn with_rights(machine: &Machine, scopes: &str) -> Option<Self> {
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
    fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.site));
    }

    /// By keys alone: the field has the focus.
    #[track_caller]
    fn log_in(&self, token: &str) {
        self.browser
            .until("return document.activeElement.id === 'token'");
        self.browser.press(token);
        self.browser.press(&ENTER.to_string());
    }

    /// What the terminal shows.
    fn screen(&self) -> String {
        let text = self
            .browser
            .run("return document.querySelector('.xterm-rows').innerText");
        text.as_str().unwrap().replace('\u{a0}', " ")
    }

    #[track_caller]
    fn until_screen(&self, wanted: &str) {
        self.browser.until(&format!(
            "return document.querySelector('.xterm-rows')?.innerText.replaceAll('\\u00a0', ' ').includes({})",
            json!(wanted)
        ));
    }

    #[track_caller]
    fn until_status(&self, wanted: &str) {
        self.browser.until(&format!(
            "return document.getElementById('terminal-state').textContent.includes({})",
            json!(wanted)
        ));
    }

    #[track_caller]
    fn without_complaints(self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
    }
}

fn shell_on(home: &Machine) {
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
}

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
fn a_terminal_is_shown_at_once_and_typed_in_only_with_control() {
    let (home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    shell_on(&home);
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
    shell_on(&home);
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
    other.without_complaints();
    desk.without_complaints();
}

#[test]
fn a_terminal_goes_on_where_it_was_when_a_hub_restarts() {
    let (mut home, _spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    shell_on(&home);
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
    // The login was of the hub that is gone.
    desk.browser.until("return location.pathname === '/login'");
    desk.log_in(&desk.token);
    desk.browser
        .until("return location.pathname === '/agents/sh@box'");
    desk.until_status("nobody has control");
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
    desk.go("/machines");
    desk.browser.tab_to("it.textContent === 'far'");
    desk.browser.press(&ENTER.to_string());
    desk.browser
        .until("return location.pathname === '/files/far'");
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

/// The pages, with something on each of them.
fn furnished(home: &Machine, spoke: &Machine) -> [&'static str; 5] {
    spoke.world.fleet(&["up"]).exits(0);
    shell_on(home);
    fs::write(spoke.world.path("home").join("a".repeat(120)), "").unwrap();
    home.world
        .fleet(&["send", "lead", "-m", &"one-long-word".repeat(30)])
        .exits(0);
    [
        "/",
        "/machines",
        "/files/far",
        "/agents/sh@box",
        "/agents/lead",
    ]
}

#[test]
fn nothing_scrolls_sideways_at_390_pixels() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let pages = furnished(&home, &spoke);
    desk.browser.resize(390, 844);
    for page in pages.into_iter().chain(["/nowhere", "/agents/nobody"]) {
        desk.go(page);
        if page == "/agents/sh@box" {
            desk.until_status("nobody has control");
        }
        desk.browser.until("return ![...document.querySelectorAll('[data-live]')].some((part) => part.textContent === '…')");
        let wide = desk.browser.run(
            "const room = document.documentElement.clientWidth; \
             return [room, document.scrollingElement.scrollWidth, [...document.querySelectorAll('body *')] \
             .filter((it) => it.getBoundingClientRect().right > room + 1 && !it.closest('.screen, .skip')) \
             .map((it) => it.outerHTML.slice(0, 120))]",
        );
        assert!(
            wide[1].as_u64() <= wide[0].as_u64() && wide[2] == json!([]),
            "{page}: {wide:#}"
        );
        assert_eq!(desk.browser.run("return innerWidth"), 390);
        desk.browser
            .picture(&format!("narrow{}", page.replace(['/', '@'], "-")));
    }
    desk.browser.complaints();
}

#[test]
fn light_and_dark_follow_the_system_and_both_can_be_read() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let pages = furnished(&home, &spoke);
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        desk.browser.prefer(scheme);
        for page in pages {
            desk.go(page);
            desk.browser.until("return ![...document.querySelectorAll('[data-live]')].some((part) => part.textContent === '…')");
            let pale = desk.browser.run(CONTRAST);
            assert_eq!(pale, json!([]), "{scheme} {page}");
            let name = page.replace(['/', '@'], "-");
            desk.browser.picture(&format!("{scheme}{name}"));
        }
        grounds.push(
            desk.browser
                .run("return getComputedStyle(document.body).backgroundColor"),
        );
    }
    assert_ne!(grounds[0], grounds[1]);
    desk.without_complaints();
}

/// Returns the texts whose contrast with what is behind them is under 4.5 (WCAG 2, AA).
const CONTRAST: &str = r"
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = (colour) => {
  const [r, g, b] = channels(colour).map((c) => {
    const part = c / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (it) => {
  for (; it; it = it.parentElement) {
    const colour = getComputedStyle(it).backgroundColor;
    const [, , , alpha = 1] = channels(colour);
    if (alpha > 0) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const pale = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const it = walker.currentNode.parentElement;
  const box = it.getBoundingClientRect();
  if (!walker.currentNode.textContent.trim() || box.width <= 1 || it.closest('.xterm, script, noscript, :disabled')) continue;
  const [a, b] = [light(getComputedStyle(it).color), light(ground(it))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) pale.push(`${it.outerHTML.slice(0, 100)} ${ratio.toFixed(2)}`);
}
return pale;
";

#[test]
fn every_page_is_walked_through_by_tab_and_each_stop_is_seen() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    for page in furnished(&home, &spoke) {
        desk.go(page);
        if page.starts_with("/agents") {
            desk.browser.until("return !document.getElementById('terminal-state').textContent.startsWith('Connecting')");
        }
        let reachable = desk.browser.run(
            "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, [tabindex=\"0\"]')] \
             .filter((it) => it.checkVisibility() && !it.disabled).length",
        );
        let mut seen = Vec::<Value>::new();
        for _ in 0..80 {
            desk.browser.press(&TAB.to_string());
            let stop = desk.browser.run(
                "const it = document.activeElement; if (it === document.body) return null; \
                 const style = getComputedStyle(it); const label = it.labels?.[0] && getComputedStyle(it.labels[0]); \
                 const screen = it.closest('.screen') && getComputedStyle(it.closest('.screen')); \
                 const marked = [style, label, screen].some((s) => s && s.outlineStyle !== 'none' && s.outlineWidth !== '0px'); \
                 return [it.outerHTML.slice(0, 150), marked, it === document.querySelector('.skip')]",
            );
            // Behind the last one comes the browser's own, and then the first.
            if stop.is_null() || (stop[2] == true && !seen.is_empty()) {
                break;
            }
            assert_eq!(
                stop[1], true,
                "{page}: the focus is not seen at {}",
                stop[0]
            );
            seen.push(stop[0].clone());
        }
        let stops = seen.len() as u64;
        assert!(
            stops + 2 >= reachable.as_u64().unwrap() && stops < 80,
            "{page}: {stops} stops of {reachable}: {seen:#?}"
        );
        assert!(
            seen[0].as_str().unwrap().contains("Skip to content"),
            "{seen:?}"
        );
    }
    desk.without_complaints();
}

//! How the pages look, and how one walks through them.

use std::fs;

use serde_json::{Value, json};

use super::browser::TAB;
use super::desk::Desk;
use crate::hub::{Machine, pair};

/// The pages, with something on each of them.
fn furnished(home: &Machine, spoke: &Machine) -> [&'static str; 5] {
    spoke.world.fleet(&["up"]).exits(0);
    home.open_shell();
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
fn a_size_and_a_date_stay_in_one_piece_beside_a_long_name() {
    let (home, spoke) = pair();
    let Some(desk) = Desk::at(&home) else { return };
    let long = spoke.world.path("home").join("a".repeat(200));
    fs::write(long, "x".repeat(12_345)).unwrap();
    desk.browser.resize(1280, 844);
    desk.go("/files/far");
    let lines = desk.browser.run(
        "const short = ['Kind', 'Bytes', 'Changed (UTC)']; \
         return [...document.querySelectorAll('td')].filter((it) => short.includes(it.dataset.label)).map((it) => { \
           const range = document.createRange(); range.selectNodeContents(it); \
           return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size; })",
    );
    let lines = lines.as_array().unwrap();
    assert!(
        lines.len() >= 3 && lines.iter().all(|count| *count == 1),
        "{lines:?}"
    );
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

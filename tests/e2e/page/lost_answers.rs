//! Messages whose answer does not come.

use super::desk::Desk;
use crate::hub::Machine;

#[test]
fn a_message_whose_answer_was_lost_is_the_same_until_its_text_is_another() {
    let home = Machine::new("lead");
    let Some(desk) = Desk::at(&home) else { return };
    desk.go("/agents/lead");
    // The hub has each of these orders; the page never hears of it.
    desk.browser.run(
        "window.lost = 0; window.real = window.fetch; \
         window.fetch = async (place, options) => { \
             const answer = await window.real(place, options); \
             if (options?.method !== 'POST') return answer; \
             window.lost += 1; \
             throw new TypeError('it was lost'); \
         }",
    );
    let send = |text: &str| {
        let send = format!(
            "document.getElementById('body').value = '{text}'; \
             document.querySelector('form.message').requestSubmit()"
        );
        desk.browser.run(&send);
    };
    for (count, text) in [(1, "one"), (2, "one"), (3, "another"), (4, "one")] {
        send(text);
        desk.browser.until(&format!(
            "return window.lost === {count} && !document.querySelector('form.message button').disabled"
        ));
    }
    desk.browser.run("window.fetch = window.real");
    send("one");
    desk.browser
        .until("return document.getElementById('body').value === ''");
    send("one");
    desk.browser
        .until("return document.querySelectorAll('#receipts .body').length === 2");
    let inbox = home.world.fleet(&["inbox", "lead", "--json"]).exits(0);
    let inbox = inbox.json();
    let waiting = inbox["messages"].as_array().unwrap().iter();
    let waiting: Vec<_> = waiting.map(|it| it["preview"].as_str().unwrap()).collect();
    assert_eq!(waiting, ["one", "another", "one"]);
    desk.without_complaints();
}

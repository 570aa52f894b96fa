//! A person and an orchestrator, in all the ways in which a client can speak.

use std::fs;

use podfleet_sim_agent::Kind;
use serde_json::json;

use super::human::{Event, full};
use super::scene::Chat;
use crate::world::{text, until};

impl Chat {
    /// Waits until the orchestrator was told something that contains this, and returns it.
    #[track_caller]
    fn until_told(&self, wanted: &str) -> String {
        until(|| {
            let told = self.operator.world.received("lead", Kind::Submit);
            let found = told.iter().find(|text| text.contains(wanted));
            found.cloned().ok_or_else(|| format!("{told:#?}"))
        })
    }

    /// Waits until the fleet said something that contains this, and returns it as the person sees it.
    #[track_caller]
    fn until_said(&mut self, wanted: &str) -> Event {
        until(|| {
            let said = self.ada.said_by("fleet");
            let found = said.iter().find(|event| event.body().contains(wanted));
            found.cloned().ok_or_else(|| format!("{said:#?}"))
        })
    }
}

#[test]
fn a_person_and_the_orchestrator_speak_in_a_room() {
    let Some(mut chat) = Chat::new() else { return };
    chat.operator.log = "trace";
    chat.ada.say("said before the fleet was there");
    chat.operator.fleet(&["up"]).exits(0);

    chat.ada.say("how far are you?");
    let told = chat.until_told("how far are you?");
    assert!(told.starts_with("[chat:@ada%3Alocalhost -> "), "{told}");
    assert!(told.contains(":lead class=human] how far"), "{told}");
    // A turn that ends without a word is told all the same.
    chat.until_said("ended its turn without an answer to you");

    formatting(&mut chat);
    threads(&mut chat);
    corrections(&mut chat);
    files(&mut chat);

    let all = chat.operator.world.received("lead", Kind::Submit);
    let old = all.iter().filter(|text| text.contains("before the fleet"));
    assert_eq!(old.count(), 0, "nothing of the past comes");
    let status = chat.operator.bridge();
    assert_eq!(status["status"]["phase"], "connected");
    assert_eq!(status["status"]["channel"], chat.room);
    chat.operator.hides_its_token();
}

fn formatting(chat: &mut Chat) {
    chat.operator.say(&[
        "-m",
        "@room **done**: `a<b`, ada and @ada:localhost\n<img src=x onerror=y>",
    ]);
    let said = chat.until_said("@room **done**");
    assert_eq!(said.content["format"], "org.matrix.custom.html");
    insta::assert_snapshot!(
        said.content["formatted_body"].as_str().unwrap(),
        @"
    @room <strong>done</strong>: <code>a&lt;b</code>, ada and @ada:localhost<br />
    &lt;img src=x onerror=y&gt;
    "
    );
    let highlights = chat.ada.order(&json!({"do": "highlights"}));
    assert_eq!(highlights["highlights"], 0, "nobody is called by accident");
}

fn threads(chat: &mut Chat) {
    let root = chat.ada.say("a topic");
    chat.until_told("a topic");
    chat.ada.say_in(&root, "more of the topic");
    let told = chat.until_told("more of the topic");
    // As an agent reads it, so it gives it back.
    let thread = told.split(" thread=").nth(1).unwrap();
    let thread = thread.split(']').next().unwrap();
    chat.operator
        .say(&["--thread", thread, "-m", "an answer to the topic"]);
    let answer = chat.until_said("an answer to the topic");
    assert_eq!(
        answer.content["m.relates_to"],
        json!({
            "rel_type": "m.thread", "event_id": root, "is_falling_back": true,
            "m.in_reply_to": {"event_id": root},
        })
    );
    let asked = chat.ada.say("to be answered");
    chat.operator
        .say(&["--reply-to", &asked, "-m", "the answer itself"]);
    let answer = chat.until_said("the answer itself");
    let relation = json!({"m.in_reply_to": {"event_id": asked}});
    assert_eq!(answer.content["m.relates_to"], relation);
    let order = json!({"do": "say", "text": "to the point", "reply_to": answer.id});
    chat.ada.order(&order);
    let told = chat.until_told("to the point");
    assert!(!told.contains("what was quoted"), "{told}");
}

fn corrections(chat: &mut Chat) {
    let root = chat.ada.say("on Mondy");
    chat.until_told("on Mondy");
    let order = json!({"do": "edit", "id": root, "text": "on Monday"});
    chat.ada.order(&order);
    chat.until_told("(corrected) on Monday");
    let regretted = chat.ada.say("a slip of the tongue");
    chat.ada.order(&json!({"do": "redact", "id": regretted}));
    chat.ada.say("after the slip");
    chat.until_told("after the slip");
}

fn files(chat: &mut Chat) {
    chat.ada.order(&json!({
        "do": "attach", "name": "plan.txt", "media_type": "text/plain", "content": "step 1",
    }));
    let told = chat.until_told("plan.txt");
    let path = told.split("(attachment: ").nth(1).unwrap();
    let path = path.split(" (text/plain)").next().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "step 1");

    let report = chat.operator.world.path("work/report.md");
    fs::write(&report, "# fine").unwrap();
    chat.operator
        .say(&["--attach", text(&report), "-m", "see the report"]);
    chat.until_said("see the report");
    let file = chat.until_said("report.md");
    assert_eq!(file.content["msgtype"], "m.file");
    assert_eq!(file.content["info"]["mimetype"], "text/markdown");
    let url = file.content["url"].clone();
    let read = chat.ada.order(&json!({"do": "download", "url": url}));
    assert_eq!(read["text"], "# fine");
}

#[test]
fn only_the_operator_gives_commands_and_a_withdrawn_token_ends_the_bridge_with_a_reason() {
    let Some(mut chat) = Chat::new() else { return };
    chat.operator.fleet(&["up"]).exits(0);
    chat.ada.say("!ps");
    let answer = chat.until_said("lead");
    assert!(answer.content["m.relates_to"]["m.in_reply_to"].is_object());
    let mut eve = chat.join("eve");
    eve.say("!pause");
    let answer = chat.until_said(&full("eve"));
    assert!(answer.body().contains("may not"), "{}", answer.body());

    chat.ada
        .order(&json!({"do": "log_out", "token": chat.operator.token.secret}));
    let status = until(|| {
        let status = chat.operator.fleet(&["bridge", "status"]);
        match status.stdout.starts_with("bridge   failed") {
            true => Ok(status.stdout),
            false => Err(status.to_string()),
        }
    });
    assert!(status.contains("not authenticated"), "{status}");
    let refused = chat.operator.fleet(&["bridge", "start"]);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(refused.stderr.contains("M_UNKNOWN_TOKEN"), "{refused}");
    chat.operator.hides_its_token();
}

//! A person types at the agent's terminal while messages come in.

use podfleet_protocol::method::{AttachRole, GetReceipt, ReceiptParams};
use podfleet_protocol::{HoldReason, NewMessage, Outcome};
use podfleet_sim_agent::Kind;

use super::client::attach_as;
use super::pod::{Pod, Pods};
use crate::world::until;

fn until_state(pod: &Pod, state: &str) {
    until(|| match pod.settled().screen.state {
        now if now == state => Ok(()),
        now => Err(now),
    });
}

#[test]
fn a_persons_draft_is_neither_cleared_nor_merged_and_the_message_waits_for_it() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let attached = pod.connect().attach(attach_as(AttachRole::Controller));
    let (_, mut person) = attached.unwrap();
    person.type_text("half a thought");
    until_state(&pod, "draft");

    let message = NewMessage::new("the build is green");
    let id = message.id;
    let mut client = pod.connect();
    client.run(message).unwrap();
    let look = ReceiptParams {
        id,
        until: Some(Outcome::Submitted),
        or_held: true,
        timeout_ms: 10_000,
    };
    let receipt = client.call::<GetReceipt>(look).unwrap();
    assert_eq!(receipt.outcome, Outcome::Held);
    assert_eq!(receipt.hold.unwrap().reason, HoldReason::Draft);

    person.type_text(", completed\r");
    client.until(id, Outcome::Answered);
    assert_eq!(
        pods.received("a", Kind::Submit),
        [
            "half a thought, completed",
            "[fern:operator -> fern:a] the build is green"
        ]
    );
}

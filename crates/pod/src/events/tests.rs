use podfleet_protocol::event::Push;
use podfleet_protocol::rpc::Incoming;
use podfleet_protocol::{
    FleetName, Identity, MessageId, PodId, PodName, Run, TenantId, UnixMillis,
};
use proptest::prelude::*;

use super::*;
use crate::shared::first_status;

const GENERATION: Generation = Generation(3);

fn status(inbox: u32) -> PodStatus {
    let identity = Identity {
        id: PodId::generate(),
        name: PodName::new("coder").unwrap(),
        fleet: FleetName::default(),
        tenant_id: TenantId::new("me").unwrap(),
        host: "fern".into(),
    };
    PodStatus {
        inbox,
        ..first_status(identity, GENERATION, "")
    }
}

fn events() -> Events {
    Events::new(GENERATION, status(0), SessionId::generate())
}

fn read(line: &Bytes) -> EventParams {
    match Incoming::parse(line).unwrap() {
        Incoming::Push(Push::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn started(run: u64) -> Event {
    Event::AgentStarted { run: Run(run) }
}

#[test]
fn a_subscriber_that_comes_back_gets_exactly_what_it_missed() {
    let events = events();
    for run in 1..=5 {
        events.publish(started(run));
    }
    let (result, mut subscription) = events.subscribe(Some(EventCursor::new(GENERATION, 3)));
    assert!(result.snapshot.is_none() && result.lagged.is_none());
    let lines = events.unseen(&mut subscription, 100).unwrap();
    let read: Vec<EventParams> = lines.iter().map(read).collect();
    assert_eq!(
        read.iter().map(|event| event.number).collect::<Vec<_>>(),
        [4, 5]
    );
    assert_eq!(read[1].cursor, EventCursor::new(GENERATION, 5));
    assert_eq!(read[1].event, started(5));
}

#[test]
fn a_place_of_another_generation_or_beyond_the_last_event_begins_anew_and_is_said() {
    let events = events();
    events.publish(started(1));
    for from in [
        EventCursor::new(Generation(2), 1),
        EventCursor::new(GENERATION, 2),
    ] {
        let (result, _) = events.subscribe(Some(from));
        assert_eq!(result.lagged, Some(from));
        assert!(result.snapshot.is_some());
        assert_eq!(result.cursor, EventCursor::new(GENERATION, 1));
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_told_what_it_has_seen_and_the_ring_stays_bounded() {
    let events = events();
    let (_, mut slow) = events.subscribe(None);
    for run in 0..10 * EVENT_RING as u64 {
        events.publish(started(run));
    }
    assert!(events.inner().lines.len() <= EVENT_RING);
    let from = EventCursor::new(GENERATION, 0);
    assert_eq!(
        events.unseen(&mut slow, 1),
        Err(Lagged(LaggedParams { from }))
    );
    let long = "x".repeat(EVENT_RING_BYTES / 4);
    for _ in 0..10 {
        events.publish(Event::Errored {
            detail: long.clone(),
        });
    }
    assert!(events.inner().bytes <= EVENT_RING_BYTES);
}

#[test]
fn a_spinner_is_no_event_and_stands_in_the_snapshot() {
    let events = events();
    let mut now = events.inner().snapshot.status.clone();
    now.last_output = Some(UnixMillis(9));
    now.screen.line = Some("⠋ Working… (4s)".into());
    events.status(&now);
    let (result, _) = events.subscribe(None);
    assert_eq!(result.cursor.number(), 0);
    assert_eq!(result.snapshot.unwrap().status, now);
    now.screen.state = "busy".into();
    events.status(&now);
    assert_eq!(events.subscribe(None).0.cursor.number(), 1);
}

proptest! {
    /// Each step is an event; the subscriber looks, or comes back, between any two of them.
    #[test]
    fn snapshot_and_events_are_the_whole_however_the_subscriber_reads(
        steps in prop::collection::vec((0_u8..4, 1_usize..4), 1..60),
    ) {
        let events = events();
        let (first, mut subscription) = events.subscribe(None);
        let mut inbox = first.snapshot.unwrap().status.inbox;
        let mut cursor = first.cursor;
        let mut receipts = 0_u64;
        for (step, limit) in steps {
            match step {
                0 => events.status(&status(inbox + 1)),
                1 => {
                    receipts += 1;
                    let receipt = Receipt::accepted(MessageId::generate(), UnixMillis(0));
                    events.receipt(receipt, Some(receipts), None);
                }
                2 => {
                    let (resumed, place) = events.subscribe(Some(cursor));
                    prop_assert!(resumed.snapshot.is_none());
                    subscription = place;
                }
                _ => {}
            }
            for line in events.unseen(&mut subscription, limit).unwrap() {
                let event = read(&line);
                prop_assert_eq!(event.number, cursor.number() + 1);
                cursor = event.cursor;
                if let Event::Status { status } = event.event {
                    inbox = status.inbox;
                }
            }
        }
        for line in events.unseen(&mut subscription, usize::MAX).unwrap() {
            if let Event::Status { status } = read(&line).event {
                inbox = status.inbox;
            }
        }
        let now = events.subscribe(None).0.snapshot.unwrap();
        prop_assert_eq!(inbox, now.status.inbox);
        prop_assert_eq!(now.log_seq, receipts);
    }
}

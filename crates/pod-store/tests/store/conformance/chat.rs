//! What every store does with the chat of a fleet. Each test runs on each store.

use podfleet_pod_store::{
    ChatPlace, Fate, Heard, MAX_UNSENT, NewSaying, NotSaid, Page, PodStore, StoreErrorKind,
};
use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{PodId, UnixMillis};

use super::super::samples::{AT, fleet, saying, turn};

on_every_store!(
    what_is_said_waits_in_order_until_it_is_settled,
    a_saying_is_there_once_for_its_id_and_never_changes,
    too_long_and_too_many_are_refused,
    attempts_are_counted_before_they_are_made,
    fleets_do_not_see_each_others_chats,
    a_channel_goes_on_where_it_was_heard_last,
    a_turn_is_recorded_once_and_closed_for_good,
    pruning_leaves_what_waits_and_what_is_open,
);

const LATER: UnixMillis = UnixMillis(AT.0 + 1);

async fn say(store: &dyn PodStore, text: &str) -> ChatPlace {
    let said = store.say(&fleet("default"), saying(text)).await;
    said.unwrap().unwrap().place
}

async fn unsent(store: &dyn PodStore, name: &str) -> Vec<String> {
    let listing = store.unsent(&fleet(name), Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let sayings = listing.items.into_iter();
    sayings.map(|saying| saying.said.text).collect()
}

fn heard(cursor: &str) -> Heard {
    Heard {
        channel: "room".to_owned(),
        cursor: cursor.to_owned(),
        at: AT,
    }
}

async fn what_is_said_waits_in_order_until_it_is_settled(store: &dyn PodStore) {
    let key = fleet("default");
    let first = say(store, "one").await;
    say(store, "two").await;
    assert_eq!(unsent(store, "default").await, ["one", "two"]);
    let sent = Fate::Sent {
        ids: vec!["$1".to_owned()],
    };
    store.settle_saying(&key, first, &sent, AT).await.unwrap();
    let failed = Fate::Failed {
        why: "no room".to_owned(),
        hint: Some("make some".to_owned()),
    };
    store.settle_saying(&key, first, &failed, AT).await.unwrap();
    assert_eq!(unsent(store, "default").await, ["two"]);
    let by = PodId::generate();
    assert_eq!(store.last_said(&key, by, LATER).await.unwrap(), None);
    let own = NewSaying {
        by: Some(by),
        at: LATER,
        ..saying("three")
    };
    let id = own.id;
    let place = store.say(&key, own).await.unwrap().unwrap().place;
    let last = store.last_said(&key, by, LATER).await;
    assert_eq!(last.unwrap(), Some(LATER));
    assert_eq!(store.last_said(&key, by, AT).await.unwrap(), None);
    assert!(place > first);
    let there = store.saying(&key, id).await.unwrap().unwrap();
    assert_eq!(
        (there.place, there.fate, there.said.by),
        (place, None, Some(by))
    );
}

async fn a_saying_is_there_once_for_its_id_and_never_changes(store: &dyn PodStore) {
    let key = fleet("default");
    let said = NewSaying {
        thread: Some("$root".to_owned()),
        reply_to: Some("$1".to_owned()),
        attachments: vec!["/tmp/a.png".into()],
        ..saying("one")
    };
    let first = store.say(&key, said.clone()).await.unwrap().unwrap();
    let again = store.say(&key, said.clone()).await.unwrap().unwrap();
    assert_eq!((first.duplicate, again.duplicate), (false, true));
    assert_eq!(first.place, again.place);
    let other = NewSaying {
        text: "two".to_owned(),
        ..said.clone()
    };
    let refused = store.say(&key, other).await.unwrap();
    assert_eq!(refused, Err(NotSaid::IdReused));
    let there = store.saying(&key, said.id).await.unwrap().unwrap();
    assert_eq!(there.said, said);
}

async fn too_long_and_too_many_are_refused(store: &dyn PodStore) {
    let key = fleet("default");
    let long = saying(&"x".repeat(MAX_BODY + 1));
    let refused = store.say(&key, long).await.unwrap();
    assert_eq!(refused, Err(NotSaid::TooLarge { limit: MAX_BODY }));
    assert_eq!(MAX_UNSENT, 10_000);
    assert_eq!(unsent(store, "default").await, [""; 0]);
}

async fn attempts_are_counted_before_they_are_made(store: &dyn PodStore) {
    let key = fleet("default");
    let place = say(store, "one").await;
    for expected in 1..=3 {
        let attempt = store.begin_sending(&key, place).await.unwrap();
        assert_eq!(attempt, expected);
    }
    let sent = Fate::Sent { ids: Vec::new() };
    store.settle_saying(&key, place, &sent, AT).await.unwrap();
    let error = store.begin_sending(&key, place).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("unsent message"));
}

async fn fleets_do_not_see_each_others_chats(store: &dyn PodStore) {
    let place = say(store, "one").await;
    let other = fleet("other");
    assert_eq!(unsent(store, "other").await, [""; 0]);
    assert!(store.begin_sending(&other, place).await.is_err());
    let heard = heard("s1");
    let key = fleet("default");
    store.set_heard(&key, heard, Vec::new()).await.unwrap();
    assert_eq!(store.heard(&other, "room").await.unwrap(), None);
}

async fn a_channel_goes_on_where_it_was_heard_last(store: &dyn PodStore) {
    let key = fleet("default");
    assert_eq!(store.heard(&key, "room").await.unwrap(), None);
    for cursor in ["s1", "s2"] {
        let heard = heard(cursor);
        store.set_heard(&key, heard, Vec::new()).await.unwrap();
    }
    let cursor = store.heard(&key, "room").await.unwrap();
    assert_eq!(cursor.as_deref(), Some("s2"));
    assert_eq!(store.heard(&key, "elsewhere").await.unwrap(), None);
}

async fn a_turn_is_recorded_once_and_closed_for_good(store: &dyn PodStore) {
    let key = fleet("default");
    let (first, second) = (turn(PodId::generate()), turn(PodId::generate()));
    for _ in 0..2 {
        let turns = vec![first.clone(), second.clone()];
        store.set_heard(&key, heard("s1"), turns).await.unwrap();
    }
    let open = store.open_turns(&key, Page::all()).await.unwrap().items;
    let turns: Vec<_> = open.iter().map(|open| open.turn.clone()).collect();
    assert_eq!(turns, [first.clone(), second]);
    assert_eq!(open[0].begun, None);
    for at in [AT, LATER] {
        store.begin_turn(&key, open[0].place, at).await.unwrap();
    }
    let page = store.open_turns(&key, Page::first(1)).await.unwrap();
    assert_eq!(page.items[0].begun, Some(AT));
    store.close_turn(&key, open[0].place).await.unwrap();
    store
        .set_heard(&key, heard("s2"), vec![first])
        .await
        .unwrap();
    let left = store.open_turns(&key, Page::all()).await.unwrap().items;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].place, open[1].place);
}

async fn pruning_leaves_what_waits_and_what_is_open(store: &dyn PodStore) {
    let key = fleet("default");
    let sent = say(store, "sent").await;
    say(store, "waits").await;
    let fate = Fate::Sent { ids: Vec::new() };
    store.settle_saying(&key, sent, &fate, AT).await.unwrap();
    let turns = vec![turn(PodId::generate()), turn(PodId::generate())];
    store.set_heard(&key, heard("s1"), turns).await.unwrap();
    let open = store.open_turns(&key, Page::all()).await.unwrap().items;
    store.close_turn(&key, open[0].place).await.unwrap();
    assert_eq!(store.prune_chat(&key, AT).await.unwrap(), 0);
    assert_eq!(store.preview_prune_chat(&key, AT).await.unwrap(), 0);
    assert_eq!(store.preview_prune_chat(&key, LATER).await.unwrap(), 2);
    assert_eq!(store.prune_chat(&key, LATER).await.unwrap(), 2);
    assert_eq!(store.preview_prune_chat(&key, LATER).await.unwrap(), 0);
    assert_eq!(unsent(store, "default").await, ["waits"]);
    let left = store.open_turns(&key, Page::all()).await.unwrap().items;
    assert_eq!(left[0].place, open[1].place);
}

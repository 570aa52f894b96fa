//! The chat of fleets in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{MessageId, PodId, UnixMillis};

use super::MemoryStore;
use crate::chat::{
    ChatPlace, ChatStore, Fate, Heard, HumanTurn, MAX_UNSENT, NewSaying, NotSaid, OpenTurn, Said,
    Saying,
};
use crate::error::{StoreError, StoreErrorKind};
use crate::page::{Listing, Page};
use crate::record::FleetKey;

#[derive(Default)]
pub(super) struct Chat {
    sayings: BTreeMap<ChatPlace, Settled>,
    turns: BTreeMap<ChatPlace, Closed>,
    cursors: BTreeMap<String, String>,
}

struct Settled {
    saying: Saying,
    settled: Option<UnixMillis>,
}

struct Closed {
    turn: OpenTurn,
    closed: bool,
}

impl Chat {
    fn find(&self, id: MessageId) -> Option<&Saying> {
        let mut sayings = self.sayings.values().map(|kept| &kept.saying);
        sayings.find(|saying| saying.said.id == id)
    }

    fn unsent(&self) -> impl Iterator<Item = &Saying> {
        let sayings = self.sayings.values().map(|kept| &kept.saying);
        sayings.filter(|saying| saying.fate.is_none())
    }

    fn say(&mut self, place: ChatPlace, said: NewSaying) -> Result<Said, NotSaid> {
        if said.text.len() > MAX_BODY {
            return Err(NotSaid::TooLarge { limit: MAX_BODY });
        }
        if let Some(there) = self.find(said.id) {
            if there.said.text != said.text {
                return Err(NotSaid::IdReused);
            }
            return Ok(Said {
                place: there.place,
                duplicate: true,
            });
        }
        if self.unsent().count() >= MAX_UNSENT as usize {
            return Err(NotSaid::Full { limit: MAX_UNSENT });
        }
        let saying = Saying {
            place,
            said,
            attempts: 0,
            fate: None,
        };
        let settled = None;
        self.sayings.insert(place, Settled { saying, settled });
        Ok(Said {
            place,
            duplicate: false,
        })
    }
}

fn page<T>(
    items: impl Iterator<Item = T>,
    page: &Page<ChatPlace>,
    place: impl Fn(&T) -> ChatPlace,
) -> Listing<T, ChatPlace> {
    let after = page.after;
    let rest = items.filter(|item| after.is_none_or(|after| place(item) > after));
    Listing::first(rest, page.limit, &place)
}

#[async_trait]
impl ChatStore for MemoryStore {
    async fn say(
        &self,
        fleet: &FleetKey,
        saying: NewSaying,
    ) -> Result<Result<Said, NotSaid>, StoreError> {
        self.call("say", |state| {
            state.last += 1;
            let place = ChatPlace(state.last);
            Ok(state.chat(fleet).say(place, saying))
        })
    }

    async fn unsent(
        &self,
        fleet: &FleetKey,
        wanted: Page<ChatPlace>,
    ) -> Result<Listing<Saying, ChatPlace>, StoreError> {
        self.call("list what is unsent", |state| {
            let unsent = state.chat(fleet).unsent().cloned();
            Ok(page(unsent, &wanted, |saying| saying.place))
        })
    }

    async fn saying(&self, fleet: &FleetKey, id: MessageId) -> Result<Option<Saying>, StoreError> {
        self.call("read what was said", |state| {
            Ok(state.chat(fleet).find(id).cloned())
        })
    }

    async fn begin_sending(&self, fleet: &FleetKey, place: ChatPlace) -> Result<u32, StoreError> {
        self.call("begin to send", |state| {
            let kept = state.chat(fleet).sayings.get_mut(&place);
            let kept = kept.filter(|kept| kept.saying.fate.is_none());
            let kept = kept.ok_or(StoreErrorKind::NotFound("unsent message"))?;
            kept.saying.attempts += 1;
            Ok(kept.saying.attempts)
        })
    }

    async fn settle_saying(
        &self,
        fleet: &FleetKey,
        place: ChatPlace,
        fate: &Fate,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record what became of it", |state| {
            let kept = state.chat(fleet).sayings.get_mut(&place);
            if let Some(kept) = kept.filter(|kept| kept.saying.fate.is_none()) {
                kept.saying.fate = Some(fate.clone());
                kept.settled = Some(at);
            }
            Ok(())
        })
    }

    async fn last_said(
        &self,
        fleet: &FleetKey,
        by: PodId,
        until: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError> {
        self.call("look what was said last", |state| {
            let sayings = state.chat(fleet).sayings.values();
            let mut own = sayings
                .map(|kept| &kept.saying.said)
                .filter(|said| said.by == Some(by) && said.at <= until);
            Ok(own.next_back().map(|said| said.at))
        })
    }

    async fn heard(&self, fleet: &FleetKey, channel: &str) -> Result<Option<String>, StoreError> {
        self.call("look how far was heard", |state| {
            Ok(state.chat(fleet).cursors.get(channel).cloned())
        })
    }

    async fn set_heard(
        &self,
        fleet: &FleetKey,
        heard: Heard,
        turns: Vec<HumanTurn>,
    ) -> Result<(), StoreError> {
        self.call("record how far was heard", |state| {
            for turn in turns {
                state.last += 1;
                let place = ChatPlace(state.last);
                let chat = state.chat(fleet);
                let known = |kept: &Closed| kept.turn.turn.message == turn.message;
                if chat.turns.values().any(known) {
                    continue;
                }
                let begun = None;
                let turn = OpenTurn { place, turn, begun };
                let closed = false;
                chat.turns.insert(place, Closed { turn, closed });
            }
            let chat = state.chat(fleet);
            chat.cursors.insert(heard.channel, heard.cursor);
            Ok(())
        })
    }

    async fn open_turns(
        &self,
        fleet: &FleetKey,
        wanted: Page<ChatPlace>,
    ) -> Result<Listing<OpenTurn, ChatPlace>, StoreError> {
        self.call("list open turns", |state| {
            let turns = state.chat(fleet).turns.values();
            let open = turns.filter(|kept| !kept.closed);
            let open = open.map(|kept| kept.turn.clone());
            Ok(page(open, &wanted, |turn| turn.place))
        })
    }

    async fn begin_turn(
        &self,
        fleet: &FleetKey,
        turn: ChatPlace,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("begin a turn", |state| {
            if let Some(kept) = state.chat(fleet).turns.get_mut(&turn) {
                kept.turn.begun.get_or_insert(at);
            }
            Ok(())
        })
    }

    async fn close_turn(&self, fleet: &FleetKey, turn: ChatPlace) -> Result<(), StoreError> {
        self.call("close a turn", |state| {
            if let Some(kept) = state.chat(fleet).turns.get_mut(&turn) {
                kept.closed = true;
            }
            Ok(())
        })
    }

    async fn prune_chat(&self, fleet: &FleetKey, before: UnixMillis) -> Result<u64, StoreError> {
        self.call("prune the chat", |state| {
            let chat = state.chat(fleet);
            let held = chat.sayings.len() + chat.turns.len();
            chat.sayings
                .retain(|_, kept| kept.settled.is_none_or(|settled| settled >= before));
            chat.turns
                .retain(|_, kept| !kept.closed || kept.turn.turn.at >= before);
            Ok((held - chat.sayings.len() - chat.turns.len()) as u64)
        })
    }

    async fn preview_prune_chat(
        &self,
        fleet: &FleetKey,
        before: UnixMillis,
    ) -> Result<u64, StoreError> {
        self.call("look what of the chat is old", |state| {
            let chat = state.chat(fleet);
            let said = chat.sayings.values();
            let said = said.filter(|kept| kept.settled.is_some_and(|settled| settled < before));
            let turns = chat.turns.values();
            let turns = turns.filter(|kept| kept.closed && kept.turn.turn.at < before);
            Ok((said.count() + turns.count()) as u64)
        })
    }
}

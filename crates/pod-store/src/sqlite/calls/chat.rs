//! Calls about the chat.

use async_trait::async_trait;
use podfleet_protocol::{MessageId, PodId, UnixMillis};

use crate::chat::{
    ChatPlace, ChatStore, Fate, Heard, HumanTurn, NewSaying, NotSaid, OpenTurn, Said, Saying,
};
use crate::error::StoreError;
use crate::page::{Listing, Page};
use crate::record::FleetKey;
use crate::sqlite::{SqliteStore, chat};

#[async_trait]
impl ChatStore for SqliteStore {
    async fn say(
        &self,
        fleet: &FleetKey,
        saying: NewSaying,
    ) -> Result<Result<Said, NotSaid>, StoreError> {
        let fleet = fleet.clone();
        self.call("say", move |database| {
            database.write(|transaction| chat::say(transaction, &fleet, &saying))
        })
        .await
    }

    async fn unsent(
        &self,
        fleet: &FleetKey,
        page: Page<ChatPlace>,
    ) -> Result<Listing<Saying, ChatPlace>, StoreError> {
        let fleet = fleet.clone();
        self.call("list what is unsent", move |database| {
            chat::unsent(database.reader(), &fleet, &page)
        })
        .await
    }

    async fn saying(&self, fleet: &FleetKey, id: MessageId) -> Result<Option<Saying>, StoreError> {
        let fleet = fleet.clone();
        self.call("read what was said", move |database| {
            chat::find(database.reader(), &fleet, id)
        })
        .await
    }

    async fn begin_sending(&self, fleet: &FleetKey, place: ChatPlace) -> Result<u32, StoreError> {
        let fleet = fleet.clone();
        self.call("begin to send", move |database| {
            database.write(|transaction| chat::begin_sending(transaction, &fleet, place))
        })
        .await
    }

    async fn settle_saying(
        &self,
        fleet: &FleetKey,
        place: ChatPlace,
        fate: &Fate,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let (fleet, fate) = (fleet.clone(), fate.clone());
        self.call("record what became of it", move |database| {
            database.write(|transaction| chat::settle(transaction, &fleet, place, &fate, at))
        })
        .await
    }

    async fn last_said(
        &self,
        fleet: &FleetKey,
        by: PodId,
        until: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let fleet = fleet.clone();
        self.call("look what was said last", move |database| {
            chat::last_said(database.reader(), &fleet, by, until)
        })
        .await
    }

    async fn heard(&self, fleet: &FleetKey, channel: &str) -> Result<Option<String>, StoreError> {
        let (fleet, channel) = (fleet.clone(), channel.to_owned());
        self.call("look how far was heard", move |database| {
            chat::heard(database.reader(), &fleet, &channel)
        })
        .await
    }

    async fn set_heard(
        &self,
        fleet: &FleetKey,
        heard: Heard,
        turns: Vec<HumanTurn>,
    ) -> Result<(), StoreError> {
        let fleet = fleet.clone();
        self.call("record how far was heard", move |database| {
            database.write(|transaction| chat::set_heard(transaction, &fleet, &heard, &turns))
        })
        .await
    }

    async fn open_turns(
        &self,
        fleet: &FleetKey,
        page: Page<ChatPlace>,
    ) -> Result<Listing<OpenTurn, ChatPlace>, StoreError> {
        let fleet = fleet.clone();
        self.call("list open turns", move |database| {
            chat::open_turns(database.reader(), &fleet, &page)
        })
        .await
    }

    async fn begin_turn(
        &self,
        fleet: &FleetKey,
        turn: ChatPlace,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let fleet = fleet.clone();
        self.call("begin a turn", move |database| {
            database.write(|transaction| chat::begin_turn(transaction, &fleet, turn, at))
        })
        .await
    }

    async fn close_turn(&self, fleet: &FleetKey, turn: ChatPlace) -> Result<(), StoreError> {
        let fleet = fleet.clone();
        self.call("close a turn", move |database| {
            database.write(|transaction| chat::close_turn(transaction, &fleet, turn))
        })
        .await
    }

    async fn prune_chat(&self, fleet: &FleetKey, before: UnixMillis) -> Result<u64, StoreError> {
        let fleet = fleet.clone();
        self.call("prune the chat", move |database| {
            database.write(|transaction| chat::prune(transaction, &fleet, before))
        })
        .await
    }

    async fn preview_prune_chat(
        &self,
        fleet: &FleetKey,
        before: UnixMillis,
    ) -> Result<u64, StoreError> {
        let fleet = fleet.clone();
        self.call("look what of the chat is old", move |database| {
            chat::preview_prune(database.reader(), &fleet, before)
        })
        .await
    }
}

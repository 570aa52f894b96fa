//! The room: finding it, being in it, and what it must not be.

use ruma::api::client::alias::get_alias;
use ruma::api::client::membership::join_room_by_id_or_alias;
use ruma::api::client::state::get_state_event_for_key;
use ruma::events::StateEventType;
use ruma::events::room::member::MembershipState;
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;

use super::MatrixSettings;
use super::client::Client;
use super::sync;
use crate::{ConnectorError, ConnectorErrorKind as Kind, Retry};

/// A room that we are in and can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    /// Its id.
    pub(super) id: OwnedRoomId,
    /// Our own user.
    pub(super) user: OwnedUserId,
}

#[derive(Deserialize)]
struct Membership {
    membership: MembershipState,
}

#[derive(Deserialize)]
struct Tombstone {
    replacement_room: Option<OwnedRoomId>,
}

/// Finds the configured room, and enters it if we may, such as by an invitation. No other invitation
/// is ever accepted. That the token is our own user's is looked at first: what we say under another
/// name would come back as a person's words.
pub(super) async fn enter(
    client: &Client,
    settings: &MatrixSettings,
) -> Result<Room, ConnectorError> {
    client.prove(&settings.user_id).await?;
    let room = find(client, settings).await?;
    match membership(client, &room).await? {
        Some(MembershipState::Join) => {}
        Some(MembershipState::Ban) => return Err(not_in(settings, "banned from")),
        _ => join(client, settings).await?,
    }
    refuse_encrypted(client, &room).await?;
    refuse_replaced(client, settings, &room).await?;
    Ok(room)
}

/// Looks whether the room can be used. Changes nothing: an invitation stays one.
pub(super) async fn look(client: &Client, settings: &MatrixSettings) -> Result<(), ConnectorError> {
    let room = find(client, settings).await?;
    match membership(client, &room).await? {
        Some(MembershipState::Join) => {
            refuse_encrypted(client, &room).await?;
            refuse_replaced(client, settings, &room).await
        }
        Some(MembershipState::Ban) => Err(not_in(settings, "banned from")),
        // The first message or subscription accepts it.
        _ if is_invited(client, &room).await? => Ok(()),
        _ => Err(not_in(settings, "not in")),
    }
}

fn not_in(settings: &MatrixSettings, how: &str) -> ConnectorError {
    let cause = format!("{} is {how} {}", settings.user_id, settings.room_id);
    ConnectorError::new(Kind::Forbidden, "enter the room").because(cause)
}

async fn find(client: &Client, settings: &MatrixSettings) -> Result<Room, ConnectorError> {
    let id = match OwnedRoomId::try_from(settings.room_id.clone()) {
        Ok(id) => id,
        Err(alias) => resolve(client, alias).await?,
    };
    let user = settings.user_id.clone();
    Ok(Room { id, user })
}

async fn resolve(client: &Client, alias: OwnedRoomAliasId) -> Result<OwnedRoomId, ConnectorError> {
    let request = get_alias::v3::Request::new(alias);
    let found = client.call(request, "find the room by its alias").await?;
    Ok(found.room_id)
}

/// Returns what we are to the room; nothing if we never were anything, or may not know.
async fn membership(
    client: &Client,
    room: &Room,
) -> Result<Option<MembershipState>, ConnectorError> {
    const DOING: &str = "ask for our membership";
    let user = room.user.to_string();
    let request = state(room, StateEventType::RoomMember, user);
    match client.call(request, DOING).await {
        Ok(found) => serde_json::from_str(found.event_or_content.get())
            .map(|found: Membership| Some(found.membership))
            .map_err(|error| ConnectorError::new(Kind::Protocol, DOING).because(error)),
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether we are invited to the room, which who is not in it is not told by its state.
async fn is_invited(client: &Client, room: &Room) -> Result<bool, ConnectorError> {
    let now = sync::poll(client, room, &sync::nonce(), None).await?;
    Ok(now.rooms.invite.contains_key(&room.id))
}

fn state(room: &Room, kind: StateEventType, key: String) -> get_state_event_for_key::v3::Request {
    get_state_event_for_key::v3::Request::new(room.id.clone(), kind, key)
}

async fn join(client: &Client, settings: &MatrixSettings) -> Result<(), ConnectorError> {
    let request = join_room_by_id_or_alias::v3::Request::new(settings.room_id.clone());
    client.call(request, "join the room").await.map(drop)
}

async fn refuse_encrypted(client: &Client, room: &Room) -> Result<(), ConnectorError> {
    let request = state(room, StateEventType::RoomEncryption, String::new());
    let asked = client
        .call(request, "ask whether the room is encrypted")
        .await;
    match asked {
        Ok(_) => Err(encrypted()),
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Fails for a room that was replaced by another, as by an upgrade. A room that is named by its id is
/// the one that people chose to be heard in, and no other is gone to; an alias is asked again.
pub(super) async fn refuse_replaced(
    client: &Client,
    settings: &MatrixSettings,
    room: &Room,
) -> Result<(), ConnectorError> {
    let request = state(room, StateEventType::RoomTombstone, String::new());
    let asked = client.call(request, "ask whether the room was replaced");
    let tombstone = match asked.await {
        Ok(found) => found.event_or_content,
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let told: Result<Tombstone, _> = serde_json::from_str(tombstone.get());
    let successor = told.ok().and_then(|told| told.replacement_room);
    let successor = successor.map_or("another".to_owned(), |successor| successor.to_string());
    let named = &settings.room_id;
    let (kind, cause) = match named.is_room_alias_id() {
        true => (
            Kind::Unreachable,
            format!("it was replaced by {successor}, and {named} does not lead there yet"),
        ),
        false => (
            Kind::NotFound,
            format!("{named} was replaced by {successor}; name that one as the room"),
        ),
    };
    Err(ConnectorError::new(kind, "enter the room").because(cause))
}

/// Makes a failure to enter the room that an alias names now one that may pass: the way into it
/// opens after the one before was closed.
pub(super) fn not_moved(settings: &MatrixSettings, error: ConnectorError) -> ConnectorError {
    let passes = error.retry() != Retry::Never || error.kind() == Kind::Unauthenticated;
    if passes || !settings.room_id.is_room_alias_id() {
        return error;
    }
    let doing = "move to the room that replaced the one before";
    ConnectorError::new(Kind::Unreachable, doing).because(error)
}

pub(super) fn encrypted() -> ConnectorError {
    let cause = "the room is encrypted, which is not supported; make one without encryption";
    ConnectorError::new(Kind::Protocol, "read the room").because(cause)
}

//! Statements about the chat.

use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{MessageId, PodId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{
    json, json_optional, parsed, parsed_optional, readable, signed, to_json, unsigned,
};
use super::listing;
use super::transaction::Transaction;
use crate::chat::{
    ChatPlace, Fate, Heard, HumanTurn, MAX_UNSENT, NewSaying, NotSaid, OpenTurn, Said, Saying,
};
use crate::error::{Fault, StoreErrorKind};
use crate::page::{Listing, Page};
use crate::record::FleetKey;

const SAYING: &str = "place, id, by_pod, text, thread, reply_to, attachments, at, attempts, fate";

pub(super) fn say(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    saying: &NewSaying,
) -> Result<Result<Said, NotSaid>, Fault> {
    if saying.text.len() > MAX_BODY {
        return Ok(Err(NotSaid::TooLarge { limit: MAX_BODY }));
    }
    if let Some(there) = find(transaction, fleet, saying.id)? {
        if there.said.text != saying.text {
            return Ok(Err(NotSaid::IdReused));
        }
        return Ok(Ok(Said {
            place: there.place,
            duplicate: true,
        }));
    }
    let waiting: i64 = transaction
        .prepare_cached(
            "SELECT count(*) FROM saying WHERE tenant = ?1 AND fleet = ?2 AND fate IS NULL",
        )?
        .query_row(
            params![fleet.tenant.as_str(), fleet.fleet.as_str()],
            |row| row.get(0),
        )?;
    if waiting >= i64::from(MAX_UNSENT) {
        return Ok(Err(NotSaid::Full { limit: MAX_UNSENT }));
    }
    transaction
        .prepare_cached(
            "INSERT INTO saying \
             (tenant, fleet, id, by_pod, text, thread, reply_to, attachments, at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            fleet.tenant.as_str(),
            fleet.fleet.as_str(),
            saying.id.to_string(),
            saying.by.map(|by| by.to_string()),
            saying.text,
            saying.thread,
            saying.reply_to,
            to_json(&saying.attachments)?,
            saying.at.0,
        ])?;
    let place = ChatPlace(transaction.last_insert_rowid().unsigned_abs());
    let duplicate = false;
    Ok(Ok(Said { place, duplicate }))
}

fn decode(row: &Row<'_>) -> Result<Saying, Fault> {
    Ok(Saying {
        place: place(row)?,
        said: NewSaying {
            id: parsed(row, "id")?,
            by: parsed_optional(row, "by_pod")?,
            text: row.get("text")?,
            thread: row.get("thread")?,
            reply_to: row.get("reply_to")?,
            attachments: json(row, "attachments")?,
            at: UnixMillis(row.get("at")?),
        },
        attempts: u32::try_from(unsigned(row, "attempts")?).unwrap_or(u32::MAX),
        fate: json_optional(row, "fate")?,
    })
}

fn place(row: &Row<'_>) -> Result<ChatPlace, Fault> {
    Ok(ChatPlace(unsigned(row, "place")?))
}

/// Where a page begins.
fn after(page: &Page<ChatPlace>) -> i64 {
    page.after.map_or(0, |after| signed(after.0))
}

pub(super) fn unsent(
    connection: &Connection,
    fleet: &FleetKey,
    page: &Page<ChatPlace>,
) -> Result<Listing<Saying, ChatPlace>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SAYING} FROM saying \
         WHERE tenant = ?1 AND fleet = ?2 AND fate IS NULL AND place > ?3 \
         ORDER BY place LIMIT ?4"
    ))?;
    let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
    let rows = statement.query(params![tenant, name, after(page), i64::from(page.limit)])?;
    listing::read(rows, page.limit, place, decode, |row| {
        Ok((readable(row, "id")?, String::new()))
    })
}

pub(super) fn find(
    connection: &Connection,
    fleet: &FleetKey,
    id: MessageId,
) -> Result<Option<Saying>, Fault> {
    let sql = format!("SELECT {SAYING} FROM saying WHERE tenant = ?1 AND fleet = ?2 AND id = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
    let mut rows = statement.query(params![tenant, name, id.to_string()])?;
    rows.next()?.map(decode).transpose()
}

pub(super) fn begin_sending(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    place: ChatPlace,
) -> Result<u32, Fault> {
    let attempts: Option<u32> = transaction
        .prepare_cached(
            "UPDATE saying SET attempts = attempts + 1 \
             WHERE place = ?1 AND tenant = ?2 AND fleet = ?3 AND fate IS NULL RETURNING attempts",
        )?
        .query_row(
            params![signed(place.0), fleet.tenant.as_str(), fleet.fleet.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    attempts.ok_or_else(|| StoreErrorKind::NotFound("unsent message").into())
}

pub(super) fn settle(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    place: ChatPlace,
    fate: &Fate,
    at: UnixMillis,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE saying SET fate = ?4, settled = ?5 \
             WHERE place = ?1 AND tenant = ?2 AND fleet = ?3 AND fate IS NULL",
        )?
        .execute(params![
            signed(place.0),
            fleet.tenant.as_str(),
            fleet.fleet.as_str(),
            to_json(fate)?,
            at.0
        ])?;
    Ok(())
}

pub(super) fn last_said(
    connection: &Connection,
    fleet: &FleetKey,
    by: PodId,
    until: UnixMillis,
) -> Result<Option<UnixMillis>, Fault> {
    let last = connection
        .prepare_cached(
            "SELECT at FROM saying WHERE tenant = ?1 AND fleet = ?2 AND by_pod = ?3 \
             AND at <= ?4 ORDER BY place DESC LIMIT 1",
        )?
        .query_row(
            params![
                fleet.tenant.as_str(),
                fleet.fleet.as_str(),
                by.to_string(),
                until.0
            ],
            |row| row.get("at").map(UnixMillis),
        )
        .optional()?;
    Ok(last)
}

pub(super) fn heard(
    connection: &Connection,
    fleet: &FleetKey,
    channel: &str,
) -> Result<Option<String>, Fault> {
    let cursor = connection
        .prepare_cached(
            "SELECT cursor FROM chat_cursor WHERE tenant = ?1 AND fleet = ?2 AND channel = ?3",
        )?
        .query_row(
            params![fleet.tenant.as_str(), fleet.fleet.as_str(), channel],
            |row| row.get("cursor"),
        )
        .optional()?;
    Ok(cursor)
}

pub(super) fn set_heard(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    heard: &Heard,
    turns: &[HumanTurn],
) -> Result<(), Fault> {
    let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
    for turn in turns {
        transaction
            .prepare_cached(
                "INSERT INTO chat_turn (tenant, fleet, message, pod, thread, event, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (tenant, fleet, message) DO NOTHING",
            )?
            .execute(params![
                tenant,
                name,
                turn.message.to_string(),
                turn.pod.to_string(),
                turn.thread,
                turn.event,
                turn.at.0
            ])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO chat_cursor (tenant, fleet, channel, cursor, updated) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, fleet, channel) DO UPDATE \
             SET cursor = excluded.cursor, updated = excluded.updated",
        )?
        .execute(params![
            tenant,
            name,
            heard.channel,
            heard.cursor,
            heard.at.0
        ])?;
    Ok(())
}

pub(super) fn open_turns(
    connection: &Connection,
    fleet: &FleetKey,
    page: &Page<ChatPlace>,
) -> Result<Listing<OpenTurn, ChatPlace>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT place, message, pod, thread, event, at, begun FROM chat_turn \
         WHERE tenant = ?1 AND fleet = ?2 AND closed = 0 AND place > ?3 ORDER BY place LIMIT ?4",
    )?;
    let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
    let rows = statement.query(params![tenant, name, after(page), i64::from(page.limit)])?;
    let decode = |row: &Row<'_>| {
        let begun: Option<i64> = row.get("begun")?;
        Ok(OpenTurn {
            place: place(row)?,
            turn: HumanTurn {
                message: parsed(row, "message")?,
                pod: parsed(row, "pod")?,
                thread: row.get("thread")?,
                event: row.get("event")?,
                at: UnixMillis(row.get("at")?),
            },
            begun: begun.map(UnixMillis),
        })
    };
    listing::read(rows, page.limit, place, decode, |row| {
        Ok((readable(row, "message")?, String::new()))
    })
}

pub(super) fn begin_turn(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    turn: ChatPlace,
    at: UnixMillis,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE chat_turn SET begun = ?4 \
             WHERE place = ?1 AND tenant = ?2 AND fleet = ?3 AND begun IS NULL",
        )?
        .execute(params![
            signed(turn.0),
            fleet.tenant.as_str(),
            fleet.fleet.as_str(),
            at.0
        ])?;
    Ok(())
}

pub(super) fn close_turn(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    turn: ChatPlace,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE chat_turn SET closed = 1 WHERE place = ?1 AND tenant = ?2 AND fleet = ?3",
        )?
        .execute(params![
            signed(turn.0),
            fleet.tenant.as_str(),
            fleet.fleet.as_str()
        ])?;
    Ok(())
}

/// What is settled and older than a moment.
const PRUNED: [&str; 2] = [
    "saying WHERE tenant = ?1 AND fleet = ?2 AND settled < ?3",
    "chat_turn WHERE tenant = ?1 AND fleet = ?2 AND closed AND at < ?3",
];

/// Counts what [`prune`] would remove.
pub(super) fn preview_prune(
    connection: &Connection,
    fleet: &FleetKey,
    before: UnixMillis,
) -> Result<u64, Fault> {
    let mut old = 0;
    for rows in PRUNED {
        let sql = format!("SELECT count(*) FROM {rows}");
        let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
        let parameters = params![tenant, name, before.0];
        let mut statement = connection.prepare_cached(&sql)?;
        let count: i64 = statement.query_row(parameters, |row| row.get(0))?;
        old += u64::try_from(count).unwrap_or_default();
    }
    Ok(old)
}

pub(super) fn prune(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    before: UnixMillis,
) -> Result<u64, Fault> {
    let mut gone = 0;
    for rows in PRUNED {
        let sql = format!("DELETE FROM {rows}");
        let (tenant, name) = (fleet.tenant.as_str(), fleet.fleet.as_str());
        gone += transaction.execute(&sql, params![tenant, name, before.0])? as u64;
    }
    Ok(gone)
}

/// Returns the fleets that have anything of a chat.
pub(super) fn fleets(connection: &Connection) -> Result<Vec<FleetKey>, Fault> {
    let mut statement = connection
        .prepare("SELECT tenant, fleet FROM saying UNION SELECT tenant, fleet FROM chat_turn")?;
    let mut rows = statement.query([])?;
    let mut fleets = Vec::new();
    while let Some(row) = rows.next()? {
        fleets.push(FleetKey::new(parsed(row, "tenant")?, parsed(row, "fleet")?));
    }
    Ok(fleets)
}

//! The tables, their version, and how older ones become newer ones.
//!
//! # Versions
//!
//! `version` is the newest schema that a build brought the database to; `min_writer` the oldest one
//! whose builds may still write. A migration only ever adds tables, and columns that are nullable
//! or have a default; or it takes a rule away that no build relies on; or it changes which indexes
//! there are, which no statement names; or it adds a trigger that changes only what it added itself. So a build of an older schema goes on working beside a newer
//! one: it names the columns that it reads and writes, and leaves the others as they are. What
//! cannot be done that way raises `min_writer`, and older builds then refuse the database.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::crash::CrashPoint;
use crate::error::{Fault, StoreErrorKind};

/// The schema of this build.
pub(crate) const VERSION: u32 = 8;

/// Marks the file as ours in its header (`pods` in ASCII).
const APPLICATION_ID: i32 = 0x706f_6473;

/// The step that leads to each version, the first from the empty file to version 1.
const MIGRATIONS: [&str; VERSION as usize] = [V1, V2, V3, V4, V5, V6, V7, V8];

const V1: &str = "
CREATE TABLE schema_version (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    min_writer INTEGER NOT NULL
) STRICT;
INSERT INTO schema_version (only, version, min_writer) VALUES (1, 0, 1);

CREATE TABLE fleet (
    tenant TEXT NOT NULL,
    fleet TEXT NOT NULL,
    roster BLOB NOT NULL,
    PRIMARY KEY (tenant, fleet)
) STRICT, WITHOUT ROWID;

CREATE TABLE pod (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    fleet TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    host TEXT NOT NULL,
    class TEXT NOT NULL,
    alias TEXT,
    runtime TEXT NOT NULL,
    spec TEXT NOT NULL,
    runtime_dir BLOB NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    socket BLOB,
    heartbeat BLOB,
    pid INTEGER,
    build TEXT,
    state TEXT NOT NULL DEFAULT 'stopped',
    account TEXT,
    expected INTEGER NOT NULL DEFAULT 0,
    session TEXT,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX pod_name ON pod (tenant, fleet, folded);

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    pod TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER
) STRICT;
CREATE INDEX session_pod ON session (pod, started);

CREATE TABLE child (
    child TEXT PRIMARY KEY REFERENCES pod (id) ON DELETE CASCADE,
    parent TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    scope TEXT NOT NULL DEFAULT '{}',
    created INTEGER NOT NULL,
    ended INTEGER
) STRICT;
CREATE INDEX child_parent ON child (parent);

CREATE TABLE peer (
    low TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    high TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    PRIMARY KEY (low, high),
    CHECK (low < high)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_high ON peer (high);

CREATE TABLE message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    pod TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    sender TEXT,
    from_host TEXT NOT NULL,
    from_session TEXT NOT NULL,
    to_host TEXT NOT NULL,
    to_session TEXT NOT NULL,
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    thread TEXT,
    body TEXT,
    body_file TEXT,
    typing TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'accepted',
    outcome TEXT NOT NULL,
    receipt TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL,
    CHECK (body IS NOT NULL OR body_file IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX message_id ON message (pod, id);
CREATE INDEX message_undelivered ON message (pod, sequence) WHERE state <> 'settled';
CREATE INDEX message_sender ON message (sender, pod, accepted) WHERE sender IS NOT NULL;
";

/// `writer_schema` is that of the build which began the generation `writer_generation`; a build of
/// version 1 begins one without saying so, and the two numbers differ.
///
/// `child.scope` of version 1 was never written; the scope belongs to the pod, and outlives its parent.
const V2: &str = "
ALTER TABLE pod ADD COLUMN member INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pod ADD COLUMN scope TEXT;
ALTER TABLE pod ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pod ADD COLUMN writer_schema INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pod ADD COLUMN writer_generation INTEGER NOT NULL DEFAULT 0;

CREATE TABLE outbox (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    pod TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    change TEXT NOT NULL,
    by_pod TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_pod ON outbox (pod, place);

CREATE TABLE read_cursor (
    reader TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    source TEXT NOT NULL REFERENCES pod (id) ON DELETE CASCADE,
    cursor TEXT NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (reader, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_cursor_source ON read_cursor (source);
";

const V3: &str = "
ALTER TABLE pod ADD COLUMN paused TEXT;
";

/// The chat. `fate` is null while a saying waits to be sent.
const V4: &str = "
CREATE TABLE saying (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    fleet TEXT NOT NULL,
    id TEXT NOT NULL,
    by_pod TEXT,
    text TEXT NOT NULL,
    thread TEXT,
    reply_to TEXT,
    attachments TEXT NOT NULL DEFAULT '[]',
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    fate TEXT,
    settled INTEGER
) STRICT;
CREATE UNIQUE INDEX saying_id ON saying (tenant, fleet, id);
CREATE INDEX saying_unsent ON saying (tenant, fleet, place) WHERE fate IS NULL;
CREATE INDEX saying_by ON saying (tenant, fleet, by_pod, place) WHERE by_pod IS NOT NULL;

CREATE TABLE chat_cursor (
    tenant TEXT NOT NULL,
    fleet TEXT NOT NULL,
    channel TEXT NOT NULL,
    cursor TEXT NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (tenant, fleet, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE chat_turn (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    fleet TEXT NOT NULL,
    message TEXT NOT NULL,
    pod TEXT NOT NULL,
    thread TEXT,
    event TEXT NOT NULL,
    at INTEGER NOT NULL,
    begun INTEGER,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX chat_turn_message ON chat_turn (tenant, fleet, message);
CREATE INDEX chat_turn_open ON chat_turn (tenant, fleet, place) WHERE closed = 0;
";

/// Messages are numbered by their table alone. For a number that is never used twice, whatever is
/// removed, `SQLite` keeps the last one in a table of its own, and an acceptance would write a page
/// more. How rows are kept is the same with and without, which is when the text of a table may be
/// changed (<https://sqlite.org/lang_altertable.html>, 7).
const V5: &str = "
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
    SET sql = replace(sql, 'INTEGER PRIMARY KEY AUTOINCREMENT', 'INTEGER PRIMARY KEY')
    WHERE type = 'table' AND name = 'message';
PRAGMA writable_schema = RESET;
DELETE FROM sqlite_sequence WHERE name = 'message';
";

/// Each index costs every new row of its table a page of the log. So a message, whoever sent it, is
/// in one index beside that of its id: of what waits, and then of what was delivered from pod to
/// pod. What waits is in order ([`WAITING`]) where there may be much of it, from the operator; of
/// what a pod sent, the moment counts. The few events of the outbox are found by their place alone:
/// who reads them knows how far he has read.
///
/// A build of an older schema finds the same rows by what is left, after some more reading.
const V6: &str = "
DROP INDEX message_undelivered;
CREATE INDEX message_undelivered ON message
    (pod, sender, iif(sender IS NULL, sequence, accepted)) WHERE state <> 'settled';
DROP INDEX message_sender;
CREATE INDEX message_settled ON message (pod, sender, accepted)
    WHERE state = 'settled' AND sender IS NOT NULL;
DROP INDEX outbox_pod;
";

/// An acceptance writes the receiver's inbox and nothing else. What the sender's outbox is to tell of
/// it stands in the same row until then: `untold` is the place among the undelivered that the message
/// got, and null where nobody is to be told, or was. A build of an older schema tells in the outbox
/// at once, and is told so ([`LOOKS`]).
///
/// Peers are few, and all of them are soon read; an index of the second one would cost every
/// registration a page.
const V7: &str = "
ALTER TABLE message ADD COLUMN untold INTEGER;
DROP INDEX peer_high;
";

/// Most messages are settled within moments, and what looks one up by the index of what waits, or of
/// what was settled, seldom comes while it is there. So a message is in neither as long as it is
/// `recent`: one of the last at most 64, which are read through to find it (`recent_message`). When the
/// next block of 64 begins, those of the last one that still matter enter the indexes together, which
/// writes each page once and not once for each message.
///
/// A new number is one more than the last that is there, so a block is only ever entered by its first
/// number, whoever inserts it, a build of an older schema too; and what is removed at the end, so that a
/// block is entered again, had only such before it as are in the indexes. What an older build inserts is
/// there at once; what it looks for, it finds by the index of the ids.
///
/// What a child reports while it is being spawned is `held` until its parent may hear of it.
const V8: &str = "
ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN recent INTEGER NOT NULL DEFAULT 0;
CREATE VIEW recent_message AS
    SELECT * FROM message NOT INDEXED
    WHERE sequence >= (SELECT max(sequence) FROM message) / 64 * 64 AND recent;
CREATE TRIGGER message_block AFTER INSERT ON message WHEN new.sequence % 64 = 0 BEGIN
    UPDATE message SET recent = 0
    WHERE sequence BETWEEN new.sequence - 64 AND new.sequence - 1 AND recent;
END;
DROP INDEX message_undelivered;
CREATE INDEX message_undelivered ON message
    (pod, sender, iif(sender IS NULL, sequence, accepted))
    WHERE state <> 'settled' AND recent = 0;
DROP INDEX message_settled;
CREATE INDEX message_settled ON message (pod, sender, accepted)
    WHERE state = 'settled' AND recent = 0 AND sender IS NOT NULL;
";

/// Whether the pods `one` and `pod` look after `untold`: a build of this schema runs them, or nobody
/// has yet.
pub(super) const LOOKS: &str = "\
     (one.generation = 0 OR one.generation = one.writer_generation AND one.writer_schema >= 7) \
     AND (pod.generation = 0 OR pod.generation = pod.writer_generation AND pod.writer_schema >= 7)";

/// What the index of the waiting messages of a sender is ordered by. It is used by statements that
/// have the same expression.
pub(super) const WAITING: &str = "iif(sender IS NULL, sequence, accepted)";

/// Where the messages from pod to pod are, each in one of these, and what they are ordered by there. The
/// conditions must stand in a statement's text: the indexes are chosen by them.
pub(super) const BY_TIME: [(&str, &str); 3] = [
    ("message WHERE recent = 0 AND state <> 'settled'", WAITING),
    ("message WHERE recent = 0 AND state = 'settled'", "accepted"),
    ("recent_message WHERE true", "accepted"),
];

/// Returns whether the database has everything that this build needs.
pub(crate) fn is_current(connection: &Connection) -> Result<bool, Fault> {
    Ok(stored(connection)?.is_some_and(|stored| stored.version >= VERSION))
}

/// Refuses a database that is not ours, or from a build that locked this one out.
pub(crate) fn check(connection: &Connection) -> Result<(), Fault> {
    let Some(stored) = stored(connection)? else {
        return Ok(());
    };
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Fault::corrupt(
            "the database belongs to another application",
        ));
    }
    if stored.min_writer > VERSION {
        return Err(StoreErrorKind::FromTheFuture {
            min_writer: stored.min_writer,
            ours: VERSION,
        }
        .into());
    }
    Ok(())
}

/// Brings the database to this build's schema, step by step, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = match stored(&transaction)? {
        Some(stored) => stored.version,
        None if is_empty(&transaction)? => 0,
        None => {
            return Err(Fault::corrupt(
                "the database belongs to another application",
            ));
        }
    };
    for step in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
        CrashPoint::MigrationStep.reach();
    }
    if from < VERSION {
        // Other connections read the text of a table again only when this number is another one.
        let cookie: i64 =
            transaction.pragma_query_value(None, "schema_version", |row| row.get(0))?;
        transaction.pragma_update(None, "schema_version", cookie + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute("UPDATE schema_version SET version = ?1", params![VERSION])?;
    }
    CrashPoint::MigrationWritten.reach();
    transaction.commit()?;
    CrashPoint::MigrationCommitted.reach();
    Ok(())
}

/// What a database says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) version: u32,
    pub(crate) min_writer: u32,
}

pub(crate) fn stored(connection: &Connection) -> Result<Option<Stored>, Fault> {
    let there: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if there.is_none() {
        return Ok(None);
    }
    let stored = connection.query_row(
        "SELECT version, min_writer FROM schema_version",
        [],
        |row| {
            Ok(Stored {
                version: row.get("version")?,
                min_writer: row.get("min_writer")?,
            })
        },
    )?;
    Ok(Some(stored))
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

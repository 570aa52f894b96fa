//! Looking for damage.

use std::path::Path;

use rusqlite::Connection;

use super::super::columns::readable;
use super::super::connection::Database;
use super::super::inbox::Which;
use super::super::{chat, children, inbox, outbox, pods, prune, schema};
use super::logs;
use crate::error::Fault;
use crate::inbox::Sequence;
use crate::maintenance::{Check, Finding, Records};
use crate::page::{CorruptRecord, Page};

/// How many faults of the database file itself are told.
const MAX_FILE_FAULTS: u32 = 100;
/// How many records are in memory at once.
const PAGE: u32 = 500;

/// Rules of this crate that the tables cannot state: what is wrong, and which rows it is true of.
/// Each selects `id` and `label`.
const RULES: [(&str, &str, &str); 10] = [
    (
        "pod",
        "its folded name is not its name in lower case, so that it cannot be found",
        "SELECT id, name AS label FROM pod WHERE folded <> lower(name)",
    ),
    (
        "pod",
        "its present session is not recorded, or is another pod's",
        "SELECT id, name AS label FROM pod WHERE session IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM session WHERE session.id = pod.session AND session.pod = pod.id)",
    ),
    (
        "pod",
        "it is a spawned pod and a member of its roster at once",
        "SELECT id, name AS label FROM pod WHERE scope IS NOT NULL AND member",
    ),
    (
        "session",
        "its generation is one that its pod has not reached",
        "SELECT session.id, pod.name AS label FROM session JOIN pod ON pod.id = session.pod \
         WHERE session.generation > pod.generation",
    ),
    (
        "child",
        "the pod has a parent, and was not spawned",
        "SELECT pod.id, pod.name AS label FROM child JOIN pod ON pod.id = child.child \
         WHERE pod.scope IS NULL",
    ),
    (
        "child",
        "parent and child are of different tenants",
        "SELECT pod.id, pod.name AS label FROM child JOIN pod ON pod.id = child.child \
         JOIN pod AS parent ON parent.id = child.parent WHERE parent.tenant <> pod.tenant",
    ),
    (
        "peer",
        "the two are of different tenants",
        "SELECT low.id, low.name AS label FROM peer JOIN pod AS low ON low.id = peer.low \
         JOIN pod AS high ON high.id = peer.high WHERE low.tenant <> high.tenant",
    ),
    (
        "message",
        "its state is none that a message can be in",
        "SELECT message.id, pod.name AS label FROM message JOIN pod ON pod.id = message.pod \
         WHERE message.state NOT IN ('accepted', 'delivering', 'settled')",
    ),
    (
        "message",
        "the place that its sender is to be told is none",
        "SELECT message.id, pod.name AS label FROM message JOIN pod ON pod.id = message.pod \
         WHERE message.untold NOT BETWEEN 1 AND 4294967295",
    ),
    (
        "message",
        "it is in no index, and not looked for where the recent ones are",
        "SELECT message.id, pod.name AS label FROM message JOIN pod ON pod.id = message.pod \
         WHERE message.recent AND message.sequence NOT IN (SELECT sequence FROM recent_message)",
    ),
];

pub(super) fn check(database: &mut Database, state: &Path) -> Result<Check, Fault> {
    // One moment for all questions, without the right to write.
    database.connection.execute_batch("BEGIN")?;
    let found = look(database);
    database.connection.execute_batch("ROLLBACK")?;
    let mut check = found?;
    // They are long, and no transaction should be.
    let damaged = logs::problems(database.reader(), state)?.into_iter();
    let named = damaged.map(|(session, pod, problem)| finding("log", session, pod, problem));
    check.findings.extend(named);
    Ok(check)
}

fn look(database: &Database) -> Result<Check, Fault> {
    let connection = database.reader();
    let mut findings = file_faults(connection)?;
    findings.extend(dangling(connection)?);
    for (subject, problem, sql) in RULES {
        findings.extend(broken(connection, subject, problem, sql)?);
    }
    let ids = pod_ids(connection)?;
    for (id, name) in &ids {
        findings.extend(records_of(database, id, name)?);
    }
    findings.extend(events(connection)?);
    findings.extend(chats(connection)?);
    let stored = schema::stored(connection)?;
    Ok(Check {
        schema: stored.map_or(0, |stored| stored.version),
        min_writer: stored.map_or(0, |stored| stored.min_writer),
        ours: schema::VERSION,
        records: count(connection)?,
        findings,
        stray_bodies: prune::stray(database)?.len() as u64,
    })
}

fn finding(subject: &str, id: String, label: String, problem: impl Into<String>) -> Finding {
    Finding {
        subject: subject.to_owned(),
        id,
        label,
        problem: problem.into(),
    }
}

fn file_faults(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let sql = format!("PRAGMA integrity_check({MAX_FILE_FAULTS})");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let problem: String = row.get(0)?;
        if problem != "ok" {
            findings.push(finding("database", String::new(), String::new(), problem));
        }
    }
    Ok(findings)
}

fn dangling(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut statement = connection.prepare(
        "SELECT \"table\", count(*), \"parent\" FROM pragma_foreign_key_check GROUP BY 1, 3",
    )?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let parent: String = row.get(2)?;
        let problem = match count {
            1 => format!("one refers to a {parent} that is not there"),
            _ => format!("{count} refer to a {parent} that is not there"),
        };
        findings.push(finding(&table, String::new(), String::new(), problem));
    }
    Ok(findings)
}

fn broken(
    connection: &Connection,
    subject: &str,
    problem: &str,
    sql: &str,
) -> Result<Vec<Finding>, Fault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, label) = (readable(row, "id")?, readable(row, "label")?);
        findings.push(finding(subject, id, label, problem));
    }
    Ok(findings)
}

fn pod_ids(connection: &Connection) -> Result<Vec<(String, String)>, Fault> {
    let mut statement =
        connection.prepare("SELECT id, name FROM pod ORDER BY tenant, fleet, folded")?;
    let mut rows = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push((readable(row, "id")?, readable(row, "name")?));
    }
    Ok(ids)
}

/// Decodes everything that belongs to one pod.
fn records_of(database: &Database, id: &str, name: &str) -> Result<Vec<Finding>, Fault> {
    let Ok(pod) = id.parse() else {
        let problem = "its id is none";
        return Ok(vec![finding(
            "pod",
            id.to_owned(),
            name.to_owned(),
            problem,
        )]);
    };
    let mut findings = Vec::new();
    let mut take = |subject: &str, corrupt: Vec<CorruptRecord>| {
        let named =
            |record: CorruptRecord| finding(subject, record.id, name.to_owned(), record.error);
        findings.extend(corrupt.into_iter().map(named));
    };
    match pods::get(database.reader(), pod) {
        Err(fault) if fault.is_damage() => take(
            "pod",
            vec![CorruptRecord {
                id: id.to_owned(),
                label: String::new(),
                error: fault.account(),
            }],
        ),
        found => drop(found?),
    }
    let mut page: Page<Sequence> = Page::first(PAGE);
    loop {
        let listing = inbox::list(database, pod, Which::All, &page)?;
        take("message", listing.corrupt);
        match listing.next {
            Some(next) => page = Page::after(next, PAGE),
            None => break,
        }
    }
    let connection = database.reader();
    take(
        "child",
        children::list(connection, pod, &Page::all())?.corrupt,
    );
    Ok(findings)
}

/// Decodes what is in the outbox, whose events are not found by their pods.
fn events(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let damaged = outbox::damaged(connection)?.into_iter();
    let named = |event: CorruptRecord| finding("outbox", event.id, event.label, event.error);
    Ok(damaged.map(named).collect())
}

/// Decodes everything that the chats of fleets still need.
fn chats(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    for fleet in chat::fleets(connection)? {
        let unsent = chat::unsent(connection, &fleet, &Page::all())?.corrupt;
        let turns = chat::open_turns(connection, &fleet, &Page::all())?.corrupt;
        for (subject, corrupt) in [("saying", unsent), ("chat turn", turns)] {
            findings.extend(
                corrupt.into_iter().map(|record| {
                    finding(subject, record.id, fleet.fleet.to_string(), record.error)
                }),
            );
        }
    }
    Ok(findings)
}

fn count(connection: &Connection) -> Result<Records, Fault> {
    let of = |table: &str| -> Result<u64, Fault> {
        let sql = format!("SELECT count(*) FROM {table}");
        let number: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    Ok(Records {
        fleets: of("fleet")?,
        pods: of("pod")?,
        sessions: of("session")?,
        children: of("child")?,
        peers: of("peer")?,
        messages: of("message")?,
        sayings: of("saying")?,
    })
}

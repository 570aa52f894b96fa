//! A store as lines of JSON, and back.
//!
//! Rows are moved as they are, column by column, so that nothing has to be said here of what they
//! mean, and columns of a newer build survive.

use std::io::{self, BufRead, Read as _, Write};
use std::path::Path;

use rusqlite::types::{Value as Column, ValueRef};
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::bodies::Bodies;
use super::super::columns::path_bytes;
use super::super::connection::Database;
use super::super::schema;
use super::super::transaction::Transaction;
use crate::error::{Fault, StoreErrorKind};
use crate::maintenance::Transfer;

/// The version of the lines' form.
const FORMAT: u32 = 1;
/// The longest line in bytes: a body of 1 MiB with every byte escaped, and room for the rest.
const MAX_LINE: u64 = 8 << 20;
/// The column of a message that says where this file finds it, and nothing of the message.
const LOCAL: &str = "recent";
/// The tables, those that others refer to first.
const TABLES: [&str; 12] = [
    "fleet",
    "pod",
    "session",
    "child",
    "peer",
    "message",
    "outbox",
    "read_cursor",
    "saying",
    "chat_cursor",
    "chat_turn",
    // The last numbers of messages and events, which are never used again.
    "sqlite_sequence",
];

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Head {
        format: u32,
        schema: u32,
        /// The oldest schema whose builds may write to the store; exports of before do not say it.
        #[serde(default)]
        min_writer: u32,
    },
    Row {
        table: String,
        row: Map<String, Value>,
    },
    End {
        rows: u64,
    },
}

pub(super) fn export(database: &mut Database, mut out: impl Write) -> Result<Transfer, Fault> {
    database.connection.execute_batch("BEGIN")?;
    let written = write_all(database, &mut out);
    database.connection.execute_batch("ROLLBACK")?;
    written
}

fn write_all(database: &Database, out: &mut impl Write) -> Result<Transfer, Fault> {
    let connection = database.reader();
    let mut transfer = Transfer::default();
    let stored = schema::stored(connection)?;
    let head = Line::Head {
        format: FORMAT,
        schema: stored.as_ref().map_or(0, |stored| stored.version),
        min_writer: stored.map_or(0, |stored| stored.min_writer),
    };
    write_line(out, &head)?;
    for table in TABLES {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
        let names: Vec<String> = statement.column_names().map(ToString::to_string).collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut row = to_json(&names, row)?;
            if table == "message" {
                row.remove(LOCAL);
                inline_body(&mut row, &database.bodies, &mut transfer)?;
            }
            transfer.records += u64::from(table != "sqlite_sequence");
            let table = table.to_owned();
            write_line(out, &Line::Row { table, row })?;
        }
    }
    let rows = transfer.records;
    write_line(out, &Line::End { rows })?;
    out.flush().map_err(unwritable)?;
    Ok(transfer)
}

fn write_line(out: &mut impl Write, line: &Line) -> Result<(), Fault> {
    serde_json::to_writer(&mut *out, line).map_err(|error| unwritable(error.into()))?;
    out.write_all(b"\n").map_err(unwritable)
}

fn unwritable(error: io::Error) -> Fault {
    Fault::io(Path::new("the export"), "write", error)
}

fn to_json(names: &[String], row: &Row<'_>) -> Result<Map<String, Value>, Fault> {
    let mut object = Map::new();
    for (index, name) in names.iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Blob(bytes) => blob_to_json(bytes),
        };
        object.insert(name.clone(), value);
    }
    Ok(object)
}

/// Paths are bytes, and nearly always text.
fn blob_to_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::json!({ "path": text }),
        Err(_) => serde_json::json!({ "bytes": bytes }),
    }
}

fn inline_body(
    row: &mut Map<String, Value>,
    bodies: &Bodies,
    transfer: &mut Transfer,
) -> Result<(), Fault> {
    let Some(Value::String(file)) = row.get("body_file").cloned() else {
        return Ok(());
    };
    match bodies.read(&file) {
        Ok(body) => {
            row.insert("body".to_owned(), body.into());
            row.insert("body_file".to_owned(), Value::Null);
        }
        Err(fault) if fault.is_damage() => {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
            transfer.without_body.push(id.to_owned());
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}

pub(super) fn import(
    database: &mut Database,
    lines: impl BufRead,
    runtime_dir: &Path,
) -> Result<Transfer, Fault> {
    let bodies = database.bodies.clone();
    let mut files = Vec::new();
    let done = database.write(|transaction| {
        refuse_filled(transaction)?;
        let transfer = read_all(transaction, lines, Some(&bodies), &mut files)?;
        // Nobody runs here, and an import alone must not make anybody start.
        transaction.execute(
            "UPDATE pod SET expected = 0, socket = NULL, heartbeat = NULL, pid = NULL, build = NULL, \
             state = iif(state = 'live', 'stopped', state), runtime_dir = ?1",
            params![path_bytes(runtime_dir)],
        )?;
        Ok(transfer)
    });
    if done.as_ref().is_err_and(|fault| !fault.is_uncertain()) {
        files.iter().for_each(|file: &String| bodies.remove(file));
    }
    done
}

/// Reads the lines as [`import`] does, into tables that nobody sees.
pub(super) fn preview(lines: impl BufRead) -> Result<Transfer, Fault> {
    // Without a name it is a file that has none, and goes with its connection.
    let mut connection = Connection::open("")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut connection)?;
    let transaction = Transaction::begin(&mut connection)?;
    read_all(&transaction, lines, None, &mut Vec::new())
}

pub(super) fn refuse_filled(connection: &Connection) -> Result<(), Fault> {
    for table in TABLES {
        let sql = format!("SELECT 1 FROM {table} LIMIT 1");
        if connection.prepare(&sql)?.exists([])? {
            return Err(StoreErrorKind::NotEmpty.into());
        }
    }
    Ok(())
}

fn read_all(
    transaction: &Transaction<'_>,
    mut lines: impl BufRead,
    bodies: Option<&Bodies>,
    files: &mut Vec<String>,
) -> Result<Transfer, Fault> {
    let mut transfer = Transfer::default();
    for number in 1_u64.. {
        let wrong = |what: String| damaged(format!("line {number}: {what}"));
        let line = next_line(&mut lines, number)?;
        let line = line.ok_or_else(|| wrong("the export ends early".to_owned()))?;
        let line = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        match line {
            Line::Head {
                format,
                schema,
                min_writer,
            } if number == 1 => {
                check_head(format, schema)?;
                // Whoever was locked out for good stays so.
                transaction.execute(
                    "UPDATE schema_version SET min_writer = max(min_writer, ?1)",
                    params![min_writer.min(schema::VERSION)],
                )?;
            }
            Line::Row { table, row } if number > 1 => {
                transfer.records += u64::from(table != "sqlite_sequence");
                insert(transaction, &table, row, bodies, files)
                    .map_err(|fault| fault.within(number))?;
            }
            Line::End { rows } if rows == transfer.records => {
                return match lines.fill_buf() {
                    Ok([]) => Ok(transfer),
                    Ok(_) => Err(wrong("more follows after the end".to_owned())),
                    Err(error) => Err(Fault::io(Path::new("the export"), "read", error)),
                };
            }
            Line::End { rows } => {
                let there = transfer.records;
                return Err(wrong(format!("{there} records, and {rows} were exported")));
            }
            Line::Head { .. } | Line::Row { .. } => {
                return Err(wrong("no head, or not in its place".to_owned()));
            }
        }
    }
    Ok(transfer)
}

fn damaged(what: impl Into<String>) -> Fault {
    StoreErrorKind::BadExport(what.into()).into()
}

fn check_head(format: u32, schema: u32) -> Result<(), Fault> {
    if format > FORMAT {
        let ours = FORMAT;
        return Err(StoreErrorKind::NewerExport { format, ours }.into());
    }
    if schema > schema::VERSION {
        let (min_writer, ours) = (schema, schema::VERSION);
        return Err(StoreErrorKind::FromTheFuture { min_writer, ours }.into());
    }
    Ok(())
}

fn next_line(lines: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>, Fault> {
    let mut line = Vec::new();
    let read = lines.take(MAX_LINE).read_until(b'\n', &mut line);
    let read = read.map_err(|error| Fault::io(Path::new("the export"), "read", error))?;
    match (read, line.pop()) {
        (0, _) => Ok(None),
        (_, Some(b'\n')) => Ok(Some(line)),
        _ if read as u64 == MAX_LINE => {
            let what = format!("line {number}: longer than {MAX_LINE} bytes");
            Err(damaged(what))
        }
        _ => Ok(None),
    }
}

fn insert(
    transaction: &Transaction<'_>,
    table: &str,
    mut row: Map<String, Value>,
    bodies: Option<&Bodies>,
    files: &mut Vec<String>,
) -> Result<(), Fault> {
    let table = TABLES
        .into_iter()
        .find(|known| *known == table)
        .ok_or_else(|| damaged("a table that this build does not know"))?;
    if let ("message", Some(Value::String(body))) = (table, row.get("body"))
        && let Some(file) = bodies
            .map(|bodies| bodies.keep(body))
            .transpose()?
            .flatten()
    {
        row.insert("body".to_owned(), Value::Null);
        row.insert("body_file".to_owned(), file.clone().into());
        files.push(file);
    }
    if table == "message" {
        row.remove(LOCAL);
    }
    let known = columns(transaction, table)?;
    let mut values = Vec::with_capacity(row.len());
    for (name, value) in &row {
        if !known.contains(name) {
            return Err(damaged("a column that this build does not know"));
        }
        values.push(from_json(value).ok_or_else(|| {
            damaged(format!("column `{name}` has a value that cannot be stored"))
        })?);
    }
    let names: Vec<_> = row.keys().map(|name| format!("\"{name}\"")).collect();
    let places: Vec<_> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    transaction
        .prepare_cached(&sql)?
        .execute(params_from_iter(values))?;
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, Fault> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map(params![table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn from_json(value: &Value) -> Option<Column> {
    Some(match value {
        Value::Null => Column::Null,
        Value::Bool(_) | Value::Array(_) => return None,
        Value::Number(number) => Column::Integer(number.as_i64()?),
        Value::String(text) => Column::Text(text.clone()),
        Value::Object(object) => match (object.get("path"), object.get("bytes")) {
            (Some(Value::String(text)), None) => Column::Blob(text.clone().into_bytes()),
            (None, Some(bytes)) => Column::Blob(serde_json::from_value(bytes.clone()).ok()?),
            _ => return None,
        },
    })
}

//! Write transactions.

use std::ops::Deref;

use rusqlite::{Connection, Result};

/// A transaction that writes, undone unless it is committed. Its beginning and its end come out of the
/// cache of statements: to parse them is a twentieth of what an acceptance takes.
#[derive(Debug)]
pub(super) struct Transaction<'a>(&'a Connection);

impl<'a> Transaction<'a> {
    /// Begins one. The connection is nobody else's meanwhile, so that there is none in it.
    pub(super) fn begin(connection: &'a mut Connection) -> Result<Self> {
        run(connection, "BEGIN IMMEDIATE")?;
        Ok(Self(connection))
    }

    /// Has what was written be on the disk.
    pub(super) fn commit(self) -> Result<()> {
        run(self.0, "COMMIT")
    }
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // Some failures undo it themselves. What cannot be undone is undone by who opens the file next.
        if !self.0.is_autocommit() {
            let _ = run(self.0, "ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn what_is_not_committed_is_undone_and_nothing_is_parsed_twice() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n)").unwrap();
        for commits in [true, false, true] {
            let transaction = Transaction::begin(&mut connection).unwrap();
            transaction.execute("INSERT INTO t VALUES (1)", []).unwrap();
            if commits {
                transaction.commit().unwrap();
            }
        }
        let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(count, Ok(2));
        for (sql, runs) in [("BEGIN IMMEDIATE", 3), ("COMMIT", 2), ("ROLLBACK", 1)] {
            let statement = connection.prepare_cached(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::Run), runs, "{sql}");
        }
    }
}

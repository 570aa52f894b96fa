//! Logins of browsers: digests of their cookies, with the token that each goes by.

use podfleet_protocol::UnixMillis;
use rusqlite::{OptionalExtension as _, params};

use super::Topology;
use super::tokens::token_of;
use crate::fault::Fault;
use crate::secret::Digest;
use crate::token::Caller;

/// How many there may be; beyond that the oldest ends.
const MOST: u32 = 1024;

impl Topology {
    /// Keeps a login by a token until a moment. It ends with the token, and outlives the process.
    ///
    /// # Errors
    /// Fails when there is no such token any more, or the disk fails.
    pub(crate) fn keep_login(
        &self,
        login: &Digest,
        token: &str,
        until: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), Fault> {
        self.change(|tx| {
            tx.execute("DELETE FROM login WHERE until <= ?1", [now.0])?;
            let sql = "DELETE FROM login WHERE digest NOT IN
                (SELECT digest FROM login ORDER BY until DESC LIMIT ?1)";
            tx.execute(sql, [MOST - 1])?;
            let sql = "INSERT INTO login (digest, token, until) VALUES (?1, ?2, ?3)";
            tx.execute(sql, params![login.as_bytes(), token, until.0])?;
            Ok(())
        })
    }

    /// Returns who is logged in so; nothing when the login or its token is over.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub(crate) fn logged_in(
        &self,
        login: &Digest,
        now: UnixMillis,
    ) -> Result<Option<Caller>, Fault> {
        let connection = self.lock();
        let sql = "SELECT token.* FROM login JOIN token ON token.id = login.token
            WHERE login.digest = ?1 AND login.until > ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let values = params![login.as_bytes(), now.0];
        let found = statement.query_row(values, token_of).optional()?;
        let found = found.filter(|(record, _)| !record.is_over(now));
        Ok(found.map(|(record, _)| Caller::of(record)))
    }

    /// Ends a login.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub(crate) fn end_login(&self, login: &Digest) -> Result<(), Fault> {
        self.change(|tx| {
            tx.execute("DELETE FROM login WHERE digest = ?1", [login.as_bytes()])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secret::Secret;
    use crate::token::Scope;

    fn login(number: u32) -> Digest {
        Secret::new(&number.to_string()).digest()
    }

    #[test]
    fn a_login_outlives_the_process_and_ends_with_its_time_and_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("hub");
        let open = || Topology::open(&place).unwrap();
        let now = UnixMillis(1_000);
        let scopes = BTreeSet::from([Scope::Observe]);
        let made = open().create_token("browser", scopes, None, now).unwrap();
        let token = made.1.id;
        open()
            .keep_login(&login(1), &token, UnixMillis(5_000), now)
            .unwrap();
        let who = |at| open().logged_in(&login(1), UnixMillis(at)).unwrap();
        assert_eq!(who(4_999).unwrap().name, "browser");
        assert!(who(5_000).is_none());
        assert!(open().logged_in(&login(2), now).unwrap().is_none());
        open().revoke_token("browser").unwrap();
        assert!(who(1_001).is_none());
        let unknown = open().keep_login(&login(3), &token, UnixMillis(5_000), now);
        assert!(unknown.is_err());
    }

    #[test]
    fn the_oldest_login_ends_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let topology = Topology::open(&directory.path().join("hub")).unwrap();
        let now = UnixMillis(1_000);
        let scopes = BTreeSet::from([Scope::Observe]);
        let made = topology.create_token("browser", scopes, None, now).unwrap();
        let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO login SELECT CAST('old' || i AS BLOB), ?2, 5000 + i FROM n";
        let values = params![MOST, made.1.id];
        topology.lock().execute(fill, values).unwrap();
        let until = UnixMillis(9_000);
        topology
            .keep_login(&login(0), &made.1.id, until, now)
            .unwrap();
        let count = |sql: &str| -> u32 {
            topology
                .lock()
                .query_row(sql, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count("SELECT count(*) FROM login"), MOST);
        assert_eq!(count("SELECT min(until) FROM login"), 5002);
        assert!(topology.logged_in(&login(0), now).unwrap().is_some());
    }
}

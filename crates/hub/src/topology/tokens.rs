//! Tokens: their digests and rights.

use std::collections::BTreeSet;

use podfleet_protocol::UnixMillis;
use rusqlite::{OptionalExtension as _, Row, params};

use super::Topology;
use crate::fault::{Code, Fault};
use crate::secret::{Digest, Secret};
use crate::token::{Caller, NewToken, Scope, TokenRecord, claimed_id};

/// The longest name of a token in bytes.
const MAX_NAME: usize = 64;

impl Topology {
    /// Makes a token. Its text is in the result and nowhere else.
    ///
    /// # Errors
    /// Fails when the name is taken, no right is given, or the disk fails.
    pub fn create_token(
        &self,
        name: &str,
        scopes: BTreeSet<Scope>,
        expires: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<(Secret, TokenRecord), Fault> {
        if scopes.is_empty() {
            return Err(Fault::new(Code::RequestInvalid, "a token needs a right"));
        }
        let odd = name.trim() != name || name.is_empty() || name.chars().any(char::is_control);
        if odd || name.len() > MAX_NAME || name == Caller::owner().name {
            let message = "a token's name has 1 to 64 bytes, no control characters, no blank at \
                           either end, and is not the owner's";
            return Err(Fault::new(Code::RequestInvalid, message));
        }
        let new = NewToken::generate()
            .map_err(|error| Fault::new(Code::Internal, format!("no random bytes: {error}")))?;
        let record = TokenRecord {
            id: new.id.clone(),
            name: name.to_owned(),
            scopes,
            created: now,
            expires,
        };
        let words: Vec<&str> = record.scopes.iter().map(|scope| scope.as_str()).collect();
        self.change(|tx| {
            let sql = "INSERT INTO token (id, name, digest, scopes, created, expires)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![
                record.id,
                record.name,
                new.digest.as_bytes(),
                words.join(" "),
                now.0,
                expires.map(|at| at.0),
            ];
            match tx.execute(sql, values) {
                Err(error)
                    if error.sqlite_error_code()
                        == Some(rusqlite::ErrorCode::ConstraintViolation) =>
                {
                    let message = format!("there is a token `{name}` already");
                    Err(Fault::new(Code::RequestInvalid, message)
                        .hint("`fleet hub token revoke` ends one"))
                }
                other => other.map(|_| ()).map_err(Fault::from),
            }
        })?;
        Ok((new.secret, record))
    }

    /// Lists the tokens by name, without their texts, which nobody has.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>, Fault> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT * FROM token ORDER BY name")?;
        let rows = statement.query_map([], |row| token_of(row).map(|(record, _)| record));
        rows?.collect::<Result<_, _>>().map_err(Fault::from)
    }

    /// Ends a token at once; returns whether there was one.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn revoke_token(&self, name: &str) -> Result<bool, Fault> {
        self.change(|tx| {
            let gone = tx.execute("DELETE FROM token WHERE name = ?1", [name]);
            gone.map(|rows| rows > 0).map_err(Fault::from)
        })
    }

    /// Returns who presents a token; nothing for one that is unknown, wrong or over.
    pub(crate) fn caller(&self, token: &Secret, now: UnixMillis) -> Result<Option<Caller>, Fault> {
        let Some(id) = claimed_id(token) else {
            return Ok(None);
        };
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT * FROM token WHERE id = ?1")?;
        let found = statement.query_row([id], token_of).optional()?;
        Ok(found
            .filter(|(record, digest)| digest.is(&token.digest()) && !record.is_over(now))
            .map(|(record, _)| Caller::of(record)))
    }

    /// Returns whether a token that was shown is still worth something.
    pub(crate) fn token_lasts(&self, id: &str, now: UnixMillis) -> Result<bool, Fault> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT * FROM token WHERE id = ?1")?;
        let found = statement.query_row([id], token_of).optional()?;
        Ok(found.is_some_and(|(record, _)| !record.is_over(now)))
    }
}

pub(super) fn token_of(row: &Row<'_>) -> rusqlite::Result<(TokenRecord, Digest)> {
    let scopes: String = row.get("scopes")?;
    let digest: Vec<u8> = row.get("digest")?;
    let wrong = |what: &str| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(0, kind, what.to_owned().into())
    };
    let expires: Option<i64> = row.get("expires")?;
    let record = TokenRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        // A right of a newer build is not given by this one.
        scopes: scopes
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect(),
        created: UnixMillis(row.get("created")?),
        expires: expires.map(UnixMillis),
    };
    let digest = Digest::from_bytes(&digest).ok_or_else(|| wrong("a digest has no 32 bytes"))?;
    Ok((record, digest))
}

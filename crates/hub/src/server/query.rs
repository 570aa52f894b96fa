//! What stands behind the `?` of an address: a path takes what its description names, and refuses all
//! else, since who asks for what nobody does would take the answer for one to that.

use std::error::Error as _;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::fault::{Code, Fault};

/// The query of a request, read into a type that denies unknown fields.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        match read {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => {
                let why = error.source().map(ToString::to_string).unwrap_or_default();
                let message = format!("the query is not understood: {why}");
                Err(Fault::new(Code::RequestInvalid, message))
            }
        }
    }
}

/// The query of a path that takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

//! What stands behind the `?` of an attach.

use podfleet_protocol::method::{AttachParams, AttachRole, Position};
use podfleet_protocol::{FleetName, Generation, Run, Size};
use serde::{Deserialize, Serialize};

use super::invalid;
use crate::fault::Fault;

/// What stands behind the `?` of an attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachQuery {
    role: Option<AttachRole>,
    #[serde(default)]
    take: bool,
    columns: Option<u16>,
    rows: Option<u16>,
    generation: Option<u64>,
    run: Option<u64>,
    offset: Option<u64>,
    pub(super) fleet: Option<FleetName>,
    #[serde(default)]
    pub(super) refusal: Refusal,
}

/// How it is told that there will be no terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    /// By the answer to the request.
    #[default]
    Answer,
    /// By the first message, as in the body of an answer: browsers hide the answer to a request
    /// for a socket from their pages.
    Message,
}

/// Writes the parameters of an attach as a query.
pub(crate) fn query(fleet: Option<&FleetName>, params: &AttachParams) -> String {
    let role = match params.role {
        AttachRole::Viewer => "viewer",
        AttachRole::Controller => "controller",
        AttachRole::View => "view",
    };
    let mut query = format!("role={role}&take={}", params.take);
    if let Some(Size { columns, rows }) = params.size {
        query.push_str(&format!("&columns={columns}&rows={rows}"));
    }
    if let Some(Position {
        generation,
        run,
        offset,
    }) = params.from
    {
        query.push_str(&format!(
            "&generation={generation}&run={run}&offset={offset}"
        ));
    }
    if let Some(fleet) = fleet {
        query.push_str(&format!("&fleet={fleet}"));
    }
    query
}

impl AttachQuery {
    /// Returns the parameters of the attach.
    ///
    /// # Errors
    /// Fails when a size or a place is only half there.
    pub(super) fn params(&self) -> Result<AttachParams, Fault> {
        let size = match (self.columns, self.rows) {
            (Some(columns), Some(rows)) if columns > 0 && rows > 0 => Some(Size { columns, rows }),
            (None, None) => None,
            _ => return Err(invalid("a size has `columns` and `rows`, both over 0")),
        };
        let from = match (self.generation, self.run, self.offset) {
            (Some(generation), Some(run), Some(offset)) => Some(Position {
                generation: Generation(generation),
                run: Run(run),
                offset,
            }),
            (None, None, None) => None,
            _ => return Err(invalid("a place has `generation`, `run` and `offset`")),
        };
        Ok(AttachParams {
            role: self.role.unwrap_or(AttachRole::Viewer),
            take: self.take,
            size,
            from,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    #[test]
    fn a_query_is_read_back_as_it_was_meant() {
        let fleet: FleetName = "other".parse().unwrap();
        for from in [
            None,
            Some(Position {
                generation: Generation(3),
                run: Run(2),
                offset: 1 << 40,
            }),
        ] {
            let params = AttachParams {
                role: AttachRole::Controller,
                take: true,
                size: Some(Size {
                    columns: 80,
                    rows: 24,
                }),
                from,
            };
            let uri = format!("http://x/?{}", query(Some(&fleet), &params))
                .parse()
                .unwrap();
            let Query(read) = Query::<AttachQuery>::try_from_uri(&uri).unwrap();
            assert_eq!(read.params().unwrap(), params);
            assert_eq!(read.fleet.as_ref(), Some(&fleet));
        }
    }
}

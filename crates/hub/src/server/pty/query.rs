//! What stands behind the `?` of an attach.

use podfleet_protocol::method::{AttachParams, AttachRole, Position};
use podfleet_protocol::{FleetName, Generation, PodId, Run, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::invalid;
use crate::fault::Fault;
use crate::terminal::TerminalRef;

/// What stands behind the `?` of an attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachQuery {
    /// As what; `viewer` unless it is given. The others need the right `pty`.
    role: Option<AttachRole>,
    /// Takes control from another client.
    #[serde(default)]
    take: bool,
    /// The width of the client's terminal, with `rows`; only a controller's is applied.
    #[schemars(range(min = 1))]
    columns: Option<u16>,
    /// The height of the client's terminal.
    #[schemars(range(min = 1))]
    rows: Option<u16>,
    /// The pod that is meant, as the first message of an earlier attach told it: if another one has
    /// its name by now, the terminal is gone. A place may be one of both, so the pod belongs to it.
    pub(super) pod: Option<PodId>,
    /// The start of the pod from which the client has seen all up to `run` and `offset`: it is given
    /// what is missing, or a repaint.
    generation: Option<u64>,
    /// The start of its agent.
    run: Option<u64>,
    /// The bytes of that start which the client has seen.
    offset: Option<u64>,
    /// The agent's fleet, if it is not the default one.
    pub(super) fleet: Option<FleetName>,
    /// How it is told that there will be no terminal.
    #[serde(default)]
    pub(super) refusal: Refusal,
}

/// How it is told that there will be no terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
pub(crate) fn query(terminal: &TerminalRef, params: &AttachParams) -> String {
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
    if let Some(pod) = terminal.pod {
        query.push_str(&format!("&pod={pod}"));
    }
    if let Some(fleet) = &terminal.fleet {
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
    use std::collections::BTreeSet;

    use axum::extract::Query;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_parameter_of_the_document_is_taken_and_no_other() {
        let document = crate::server::document();
        let described = document["paths"]["/v1/pty/{session}"]["get"]["parameters"].as_array();
        let described = described.unwrap().iter();
        let in_query: Vec<&Value> = described.filter(|one| one["in"] == "query").collect();
        let read = |query: &str| {
            let uri = format!("http://x/?{query}").parse().unwrap();
            Query::<AttachQuery>::try_from_uri(&uri)
        };
        for parameter in &in_query {
            let name = parameter["name"].as_str().unwrap();
            // What fits none of them is told by its name, and by no other.
            let refused = read(&format!("{name}=%00")).unwrap_err().body_text();
            assert!(refused.contains(&format!("{name}: ")), "{refused}");
            assert!(parameter["description"].is_string(), "{name}");
        }
        let refused = read("unknown=1").unwrap_err().body_text();
        let (_, names) = refused.split_once("expected one of ").unwrap();
        let names: BTreeSet<&str> = { names.split(", ") }
            .map(|name| name.trim_matches('`'))
            .collect();
        let named: BTreeSet<&str> = { in_query.iter() }
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, names);
    }

    #[test]
    fn a_query_is_read_back_as_it_was_meant() {
        let terminal = TerminalRef {
            agent: "sh@box".parse().unwrap(),
            fleet: Some("other".parse().unwrap()),
            pod: Some(PodId::generate()),
        };
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
            let uri = format!("http://x/?{}", query(&terminal, &params))
                .parse()
                .unwrap();
            let Query(read) = Query::<AttachQuery>::try_from_uri(&uri).unwrap();
            assert_eq!(read.params().unwrap(), params);
            assert_eq!(
                (read.fleet, read.pod),
                (terminal.fleet.clone(), terminal.pod)
            );
        }
    }
}

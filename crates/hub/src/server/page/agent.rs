//! One agent: how it is, its terminal, messages to it, its inbox and its log.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use podfleet::wording;
use podfleet_pod_store::session_log::Record;
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{FleetName, NameError};
use serde::Deserialize;

use super::layout::{self, Page, Tab};
use super::{Part, Visitor, fleet, messages, segment};
use crate::fault::{Code, Fault};
use crate::op::{
    AgentRef, AgentRow, FleetInbox, FleetLog, FleetPs, InboxParams, LogParams, PsParams,
};
use crate::server::query::Query;
use crate::token::Scope;

/// How many of the last records are shown.
const RECORDS: u32 = 100;

/// The fleet that a page is about: what stands behind the `?` of its address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfFleet {
    fleet: Option<FleetName>,
}

/// Whom a page is about.
pub(super) struct Subject {
    pub(super) agent: AgentRef,
    /// Its fleet; absent: the one that its machine's own commands mean.
    pub(super) fleet: Option<FleetName>,
}

impl Subject {
    /// Reads what an address names.
    pub(super) fn named(agent: &str, of: OfFleet) -> Result<Self, Fault> {
        let named = agent.parse::<AgentRef>();
        let agent =
            named.map_err(|error: NameError| Fault::new(Code::AgentNotFound, error.to_string()))?;
        let fleet = of.fleet;
        Ok(Self { agent, fleet })
    }

    /// Returns the address of the page, or of what lies below it.
    pub(super) fn place(&self, below: &str) -> String {
        let agent = segment(&self.agent.to_string());
        let fleet = self.fleet.as_ref();
        let of = fleet.map(|fleet| format!("?fleet={}", segment(fleet.as_str())));
        format!("/agents/{agent}{below}{}", of.unwrap_or_default())
    }
}

pub(super) async fn page(
    visitor: Visitor,
    Path(agent): Path<String>,
    Query(of): Query<OfFleet>,
) -> Response {
    let page = Page {
        tab: Tab::Fleet,
        title: &agent,
        terminal: true,
    };
    let content = async { content(&visitor, &Subject::named(&agent, of)?).await };
    page.show(&visitor, content.await)
}

async fn content(visitor: &Visitor, subject: &Subject) -> Result<Markup, Fault> {
    let row = row_of(visitor, subject).await?;
    Ok(html! {
        h1 { (subject.agent) }
        div.line data-live=(subject.place("/state")) data-every="2000" { (state_line(subject, &row)) }
        (terminal(visitor, subject))
        div.columns {
            section aria-labelledby="messages" {
                h2 #messages { "Messages" }
                (messages::form(visitor, subject))
                h3 { "Waiting in its inbox" }
                div data-live=(subject.place("/inbox")) data-every="2000" { p.empty { "…" } }
            }
            section aria-labelledby="log" {
                h2 #log { "Log" }
                div.log tabindex="0" role="region" aria-label="Log, newest first"
                    data-live=(subject.place("/log")) data-every="2000" { p.empty { "…" } }
            }
        }
    })
}

fn terminal(visitor: &Visitor, subject: &Subject) -> Markup {
    // A terminal by its session: another one that is opened under its name does not go on in its place.
    let route = visitor.shared.hub.route_of(&subject.agent);
    let route = route.ok().flatten();
    let of_it = route.filter(|route| subject.fleet.is_none() || subject.fleet == route.fleet);
    let session = of_it.map(|route| route.session.to_string());
    let session = session.unwrap_or_else(|| subject.agent.to_string());
    html! {
        section aria-labelledby="terminal-title" {
            h2 #terminal-title { "Terminal" }
            div.bar {
                @if visitor.may(Scope::Pty) {
                    button #control type="button" aria-pressed="false" disabled { "Take control" }
                    button #fit type="button" hidden { "Fit to this window" }
                }
                p #terminal-state role="status" { "Connecting …" }
            }
            div.screen { div #terminal data-session=(session) data-fleet=[subject.fleet.as_ref()] {} }
            noscript { p.fault { "The terminal is shown by a script, which this browser does not run." } }
        }
    }
}

pub(super) async fn state(
    visitor: Visitor,
    Path(agent): Path<String>,
    Query(of): Query<OfFleet>,
) -> Part {
    let state = async {
        let subject = Subject::named(&agent, of)?;
        let row = row_of(&visitor, &subject).await?;
        Ok(state_line(&subject, &row))
    };
    Part(state.await)
}

fn state_line(subject: &Subject, agent: &AgentRow) -> Markup {
    let row = &agent.row;
    html! {
        p {
            (fleet::state(agent))
            @if let Some(since) = agent.since_seconds { " for " (layout::age(Some(since))) }
            " on " (agent.endpoint)
            @if let Some(fleet) = &subject.fleet { " in fleet " (fleet) }
            @for word in [&row.runtime, &row.model, &row.class].into_iter().flatten() { " · " (word) }
            @for flag in &row.flags { " " span.flag { (flag.kind.as_str()) } }
        }
    }
}

pub(super) async fn inbox(
    visitor: Visitor,
    Path(agent): Path<String>,
    Query(of): Query<OfFleet>,
) -> Part {
    let inbox = async {
        let Subject { agent, fleet } = Subject::named(&agent, of)?;
        let params = InboxParams { agent, fleet };
        let inbox = visitor.ask::<FleetInbox>(params).await?;
        Ok(html! {
            @if inbox.messages.is_empty() { p.empty { "No message waits." } }
            @else { ol.messages { @for message in &inbox.messages { (waiting(message)) } } }
            @for damaged in &inbox.corrupt { p.fault { "Damaged: " (damaged) } }
        })
    };
    Part(inbox.await)
}

fn waiting(message: &InboxRow) -> Markup {
    html! {
        li {
            p.meta { (layout::moment(message.accepted.0)) " from " (message.from.session) }
            p.body { (message.preview) }
            (messages::fate(&message.receipt))
        }
    }
}

pub(super) async fn log(
    visitor: Visitor,
    Path(agent): Path<String>,
    Query(of): Query<OfFleet>,
) -> Part {
    let log = async {
        let Subject { agent, fleet } = Subject::named(&agent, of)?;
        let params = LogParams {
            agent,
            fleet,
            last: RECORDS,
        };
        let log = visitor.ask::<FleetLog>(params).await?;
        let records = log.records.into_iter().rev();
        let records: Vec<_> = records
            .filter_map(|it| Record::from_object(it).ok())
            .collect();
        Ok(html! {
            @if records.is_empty() { p.empty { "It never ran." } }
            @else { ol { @for record in &records { (happened(record)) } } }
        })
    };
    Part(log.await)
}

fn happened(record: &Record) -> Markup {
    let (kind, what) = wording::record(&record.entry);
    html! {
        li { (layout::moment(record.ts.0)) " " b { (kind) } " " (wording::first_line(&what)) }
    }
}

async fn row_of(visitor: &Visitor, subject: &Subject) -> Result<AgentRow, Fault> {
    let agent = &subject.agent;
    let params = PsParams {
        endpoint: Some(agent.endpoint.clone()),
        fleet: subject.fleet.clone(),
        all_fleets: false,
    };
    let rows = visitor.ask::<FleetPs>(params).await?.rows;
    let row = { rows.into_iter() }.find(|row| row.row.name == agent.agent.as_str());
    row.ok_or_else(|| {
        let message = format!("there is no agent `{agent}`");
        Fault::new(Code::AgentNotFound, message)
    })
}

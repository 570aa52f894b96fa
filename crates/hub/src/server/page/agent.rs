//! One agent: how it is, its terminal, messages to it, its inbox and its log.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use podfleet::wording;
use podfleet_pod_store::session_log::Record;
use podfleet_protocol::NameError;
use podfleet_protocol::method::InboxRow;

use super::layout::{self, Page, Tab};
use super::{Part, Visitor, fleet, messages, segment};
use crate::fault::{Code, Fault};
use crate::op::{
    AgentRef, AgentRow, FleetInbox, FleetLog, FleetPs, InboxParams, LogParams, PsParams,
};
use crate::token::Scope;

/// How many of the last records are shown.
const RECORDS: u32 = 100;

pub(super) async fn page(visitor: Visitor, Path(agent): Path<String>) -> Response {
    let page = Page {
        tab: Tab::Fleet,
        title: &agent,
        terminal: true,
    };
    let content = content(&visitor, &agent).await;
    page.show(&visitor, content)
}

async fn content(visitor: &Visitor, agent: &str) -> Result<Markup, Fault> {
    let agent = named(agent)?;
    let row = row_of(visitor, &agent).await?;
    let place = place(&agent);
    Ok(html! {
        h1 { (agent) }
        div.line data-live={ (place) "/state" } data-every="2000" { (state_line(&row)) }
        (terminal(visitor, &agent))
        div.columns {
            section aria-labelledby="messages" {
                h2 #messages { "Messages" }
                (messages::form(visitor, &agent))
                h3 { "Waiting in its inbox" }
                div data-live={ (place) "/inbox" } data-every="2000" { p.empty { "…" } }
            }
            section aria-labelledby="log" {
                h2 #log { "Log" }
                div.log tabindex="0" role="region" aria-label="Log, newest first"
                    data-live={ (place) "/log" } data-every="2000" { p.empty { "…" } }
            }
        }
    })
}

fn terminal(visitor: &Visitor, agent: &AgentRef) -> Markup {
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
            div.screen { div #terminal data-agent=(agent) {} }
            noscript { p.fault { "The terminal is shown by a script, which this browser does not run." } }
        }
    }
}

pub(super) async fn state(visitor: Visitor, Path(agent): Path<String>) -> Part {
    Part(async { Ok(state_line(&row_of(&visitor, &named(&agent)?).await?)) }.await)
}

fn state_line(agent: &AgentRow) -> Markup {
    let row = &agent.row;
    html! {
        p {
            (fleet::state(agent))
            @if let Some(since) = agent.since_seconds { " for " (layout::age(Some(since))) }
            " on " (agent.endpoint)
            @for word in [&row.runtime, &row.model, &row.class].into_iter().flatten() { " · " (word) }
            @for flag in &row.flags { " " span.flag { (flag.kind.as_str()) } }
        }
    }
}

pub(super) async fn inbox(visitor: Visitor, Path(agent): Path<String>) -> Part {
    let inbox = async {
        let params = InboxParams {
            agent: named(&agent)?,
            fleet: None,
        };
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

pub(super) async fn log(visitor: Visitor, Path(agent): Path<String>) -> Part {
    let log = async {
        let params = LogParams {
            agent: named(&agent)?,
            fleet: None,
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

/// Returns the agent that a path names.
pub(super) fn named(agent: &str) -> Result<AgentRef, Fault> {
    agent
        .parse()
        .map_err(|error: NameError| Fault::new(Code::AgentNotFound, error.to_string()))
}

pub(super) fn place(agent: &AgentRef) -> String {
    format!("/agents/{}", segment(&agent.to_string()))
}

async fn row_of(visitor: &Visitor, agent: &AgentRef) -> Result<AgentRow, Fault> {
    let params = PsParams {
        endpoint: Some(agent.endpoint.clone()),
        fleet: None,
    };
    let rows = visitor.ask::<FleetPs>(params).await?.rows;
    let row = { rows.into_iter() }.find(|row| row.row.name == agent.agent.as_str());
    row.ok_or_else(|| {
        let message = format!("there is no agent `{agent}`");
        Fault::new(Code::AgentNotFound, message)
    })
}

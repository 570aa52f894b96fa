//! The agents of all machines.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};
use podfleet_protocol::PodName;

use super::layout::{self, Page, Tab};
use super::{Part, Visitor, segment};
use crate::fault::Fault;
use crate::op::{AgentRef, AgentRow, FleetPs, PsParams, PsResult};

const PAGE: Page<'_> = Page {
    tab: Tab::Fleet,
    title: "Agents",
    terminal: false,
};

pub(super) async fn page(visitor: Visitor) -> Response {
    let agents = agents(&visitor).await.map(|agents| {
        html! {
            h1 { "Agents" }
            div #fleet data-live="/fleet" data-every="2000" { (agents) }
        }
    });
    PAGE.show(&visitor, agents)
}

pub(super) async fn part(visitor: Visitor) -> Part {
    Part(agents(&visitor).await)
}

async fn agents(visitor: &Visitor) -> Result<Markup, Fault> {
    let found = visitor.ask::<FleetPs>(PsParams::default()).await?;
    Ok(html! {
        (missing(&found))
        @if found.rows.is_empty() {
            p.empty { "No agents. " code { "fleet init" } " begins a roster, and " code { "fleet up" } " starts its agents." }
        } @else {
            p.summary { (summary(&found)) }
            (table(&found.rows))
        }
    })
}

/// The machines that could not be asked, whose agents are not in the list.
fn missing(found: &PsResult) -> Markup {
    html! { @for fault in &found.missing { (layout::fault(fault)) } }
}

/// How many there are in each state.
fn summary(found: &PsResult) -> String {
    let mut states = BTreeMap::<&str, usize>::new();
    for row in &found.rows {
        *states.entry(row.row.readiness.as_str()).or_default() += 1;
    }
    let count = found.rows.len();
    let agents = if count == 1 { "agent" } else { "agents" };
    let states = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    format!(
        "{count} {agents}: {}",
        states.collect::<Vec<_>>().join(", ")
    )
}

fn table(rows: &[AgentRow]) -> Markup {
    html! {
        table.cards {
            thead { tr {
                th scope="col" { "Agent" }
                th scope="col" { "Machine" }
                th scope="col" { "State" }
                th scope="col" { "Since" }
                th scope="col" { "Idle" }
                th scope="col" { "Inbox" }
                th scope="col" { "Model" }
                th scope="col" { "Flags" }
            } }
            tbody { @for row in rows { (line(row)) } }
        }
    }
}

fn line(agent: &AgentRow) -> Markup {
    let row = &agent.row;
    let alias = row.alias.as_ref().map(|alias| format!(" ({alias})"));
    html! {
        tr {
            th scope="row" {
                @match place(agent) {
                    Some(place) => a href=(place) { (row.name) },
                    None => (row.name),
                }
                (alias.unwrap_or_default())
            }
            td data-label="Machine" { (agent.endpoint) }
            td data-label="State" { (state(agent)) }
            td data-label="Since" { (layout::age(agent.since_seconds)) }
            td data-label="Idle" { (layout::age(row.idle_seconds)) }
            td data-label="Inbox" { (row.inbox.unwrap_or_default()) }
            td data-label="Model" { (row.model.as_deref().unwrap_or("–")) }
            td data-label="Flags" {
                @for flag in &row.flags { span.flag { (flag.kind.as_str()) } " " }
            }
        }
    }
}

/// The state as a word, with what more is known of it.
pub(super) fn state(agent: &AgentRow) -> Markup {
    html! {
        span.state data-state=(agent.row.readiness) { (agent.row.readiness) }
        @if let Some(detail) = &agent.detail { " " span.detail { (detail) } }
    }
}

/// The page of an agent; a session that no pod hosts has none.
fn place(agent: &AgentRow) -> Option<String> {
    let named = AgentRef {
        agent: PodName::new(agent.row.name.as_str()).ok()?,
        endpoint: agent.endpoint.clone(),
    };
    let named = agent.row.managed.then_some(named)?;
    Some(format!("/agents/{}", segment(&named.to_string())))
}

//! The agents of all machines.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use maud::{Markup, html};
use podfleet_protocol::{FleetName, PodName};

use super::agent::Subject;
use super::layout::{self, Page, Tab};
use super::{Part, Visitor};
use crate::fault::Fault;
use crate::op::{AgentRef, AgentRow, FleetPs, PsParams, PsResult};
use crate::topology::MachineName;

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
    let all = PsParams {
        all_fleets: true,
        ..PsParams::default()
    };
    let found = visitor.ask::<FleetPs>(all).await?;
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
    let several = with_several_fleets(rows);
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
            tbody { @for row in rows { (line(row, &several)) } }
        }
    }
}

/// The machines that have agents of more than one fleet: there a row says which.
fn with_several_fleets(rows: &[AgentRow]) -> BTreeSet<&MachineName> {
    let mut fleets = BTreeMap::<&MachineName, BTreeSet<&str>>::new();
    for row in rows {
        let fleet = row.fleet.as_ref().map(FleetName::as_str);
        fleets.entry(&row.endpoint).or_default().extend(fleet);
    }
    let several = fleets.into_iter().filter(|(_, fleets)| fleets.len() > 1);
    several.map(|(machine, _)| machine).collect()
}

fn line(agent: &AgentRow, several: &BTreeSet<&MachineName>) -> Markup {
    let row = &agent.row;
    let fleet = agent
        .fleet
        .as_ref()
        .filter(|_| several.contains(&agent.endpoint));
    let alias = row.alias.as_ref().map(|alias| format!(" ({alias})"));
    html! {
        tr {
            th scope="row" {
                @match place(agent, fleet) {
                    Some(place) => a href=(place) { (row.name) },
                    None => (row.name),
                }
                (alias.unwrap_or_default())
            }
            td data-label="Machine" {
                (agent.endpoint)
                @if let Some(fleet) = fleet { " · " span.fleet { (fleet) } }
            }
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
fn place(agent: &AgentRow, fleet: Option<&FleetName>) -> Option<String> {
    let named = AgentRef {
        agent: PodName::new(agent.row.name.as_str()).ok()?,
        endpoint: agent.endpoint.clone(),
    };
    let subject = Subject {
        agent: named,
        fleet: fleet.cloned(),
    };
    agent.row.managed.then(|| subject.place(""))
}

//! The machines: endpoints with how they are, mounts, and terminals that were opened on them.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use podfleet_protocol::Size;
use podfleet_protocol::method::Nothing;
use serde::Deserialize;
use uuid::Uuid;

use super::agent::Subject;
use super::layout::{self, Page, Tab};
use super::{Part, Visitor, segment};
use crate::fault::{Code, Fault};
use crate::hub::Order;
use crate::op::{
    AgentRef, EndpointList, EndpointParams, EndpointRetry, EndpointView, MountList,
    MountListParams, MountView, PtyList, PtySpawn, PtySpawnParams, PtyView,
};
use crate::token::Scope;
use crate::topology::{MountRef, Route};

const PAGE: Page<'_> = Page {
    tab: Tab::Machines,
    title: "Machines",
    terminal: false,
};

pub(super) async fn page(visitor: Visitor) -> Response {
    let machines = machines(&visitor).await.map(|machines| {
        html! {
            h1 { "Machines" }
            div data-live="/machines/state" data-every="5000" { (machines) }
            @if visitor.may(Scope::Admin) {
                p.hint { "More are added on the command line: " code { "fleet endpoint add" } ", " code { "fleet mount add" } "." }
            }
        }
    });
    PAGE.show(&visitor, machines)
}

pub(super) async fn part(visitor: Visitor) -> Part {
    Part(machines(&visitor).await)
}

async fn machines(visitor: &Visitor) -> Result<Markup, Fault> {
    let endpoints = visitor.ask::<EndpointList>(Nothing {}).await?.endpoints;
    let mounts = visitor.ask::<MountList>(MountListParams::default()).await?;
    let terminals = visitor.ask::<PtyList>(Nothing {}).await?.terminals;
    Ok(html! {
        (endpoint_table(visitor, &endpoints))
        h2 { "Mounts" }
        (mount_table(visitor, &mounts.mounts))
        h2 { "Terminals" }
        (terminal_table(&terminals))
    })
}

fn endpoint_table(visitor: &Visitor, endpoints: &[EndpointView]) -> Markup {
    html! {
        table.cards {
            thead { tr {
                th scope="col" { "Machine" }
                th scope="col" { "State" }
                th scope="col" { "Reached by" }
                th scope="col" { "What to do" }
            } }
            tbody { @for view in endpoints { tr {
                th scope="row" { (view.name) }
                td data-label="State" {
                    span.state data-state=(view.status.as_str()) { (view.status) }
                    @if let Some(detail) = view.status.detail() { " " span.detail { (detail) } }
                }
                td data-label="Reached by" {
                    @match &view.endpoint {
                        Some(endpoint) => (endpoint.reach.place()),
                        None => "this machine",
                    }
                }
                td data-label="What to do" { (remedy(visitor, view)) }
            } } }
        }
    }
}

fn remedy(visitor: &Visitor, view: &EndpointView) -> Markup {
    html! {
        @match &view.action {
            Some(action) => (layout::ticked(action)),
            None => span.none { "–" },
        }
        @if view.action.is_some() && visitor.may(Scope::Admin) {
            " "
            form method="post" action={ "/machines/" (segment(view.name.as_str())) "/retry" } {
                button id={ "retry-" (view.name) } { "Try again now" span.unseen { " (" (view.name) ")" } }
            }
        }
    }
}

fn mount_table(visitor: &Visitor, mounts: &[MountView]) -> Markup {
    html! {
        @if mounts.is_empty() {
            p.empty { "No mounts. " code { "fleet mount add" } " gives a directory a name here." }
        } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Mount" }
                    th scope="col" { "Machine" }
                    th scope="col" { "Directory" }
                    th scope="col" { "Terminal" }
                } }
                tbody { @for view in mounts { (mount_line(visitor, view)) } }
            }
        }
    }
}

fn mount_line(visitor: &Visitor, view: &MountView) -> Markup {
    let mount = &view.mount;
    let name = MountRef {
        space: mount.space.clone(),
        name: mount.name.clone(),
    };
    html! {
        tr {
            th scope="row" {
                @if visitor.may(Scope::FilesRead) { a href={ "/files/" (segment(&name.to_string())) } { (name) } }
                @else { (name) }
            }
            td data-label="Machine" {
                (mount.endpoint) " " span.state data-state=(view.status.as_str()) { (view.status) }
            }
            td data-label="Directory" {
                code { (mount.root) }
                @if !mount.checked { " " span.flag { "UNCHECKED" } }
            }
            td data-label="Terminal" {
                @if visitor.may(Scope::Pty) {
                    form method="post" action="/terminals" {
                        input type="hidden" name="mount" value=(name);
                        // Sent twice by mistake, it opens one.
                        input type="hidden" name="key" value=(Uuid::now_v7());
                        button id={ "open-" (name) } { "Open" span.unseen { " a terminal on " (name) } }
                    }
                } @else { span.none { "–" } }
            }
        }
    }
}

fn terminal_table(terminals: &[PtyView]) -> Markup {
    html! {
        @if terminals.is_empty() { p.empty { "None was opened through this hub." } }
        @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Terminal" }
                    th scope="col" { "State" }
                    th scope="col" { "Mount" }
                    th scope="col" { "Opened" }
                } }
                tbody { @for view in terminals { tr {
                    th scope="row" {
                        @let subject = subject(&view.route);
                        a href=(subject.place("")) { (subject.agent) }
                    }
                    td data-label="State" { span.state data-state=(view.state.as_str()) { (view.state.as_str()) } }
                    td data-label="Mount" { (view.route.mount) }
                    td data-label="Opened" { (layout::moment(view.route.created.0)) }
                } } }
            }
        }
    }
}

/// Whom the page of a terminal is about.
fn subject(route: &Route) -> Subject {
    Subject {
        agent: AgentRef {
            agent: route.agent.clone(),
            endpoint: route.endpoint.clone(),
        },
        fleet: route.fleet.clone(),
    }
}

pub(super) async fn retry(visitor: Visitor, Path(endpoint): Path<String>) -> Response {
    let retried = async {
        let name = endpoint.parse::<podfleet_protocol::EndpointName>();
        let name = name.map_err(|error| Fault::new(Code::EndpointNotFound, error.to_string()))?;
        visitor.ask::<EndpointRetry>(EndpointParams { name }).await
    };
    match retried.await {
        Ok(_) => Redirect::to("/machines").into_response(),
        Err(fault) => PAGE.show(&visitor, Err(fault)),
    }
}

/// What the form of a mount says.
#[derive(Debug, Deserialize)]
pub(super) struct Opening {
    mount: String,
    key: Uuid,
}

pub(super) async fn open_terminal(visitor: Visitor, Form(opening): Form<Opening>) -> Response {
    let opened = async {
        let mount = opening.mount.parse::<MountRef>();
        let mount = mount.map_err(|error| Fault::new(Code::MountNotFound, error.to_string()))?;
        let params = PtySpawnParams {
            mount,
            cwd: String::new(),
            command: Vec::new(),
            size: Size::default(),
            name: None,
        };
        let order = Order {
            key: Some(format!("{}\0page\0{}", visitor.caller.name, opening.key)),
            ..Order::default()
        };
        visitor.order::<PtySpawn>(params, order).await
    };
    match opened.await {
        Ok(route) => Redirect::to(&subject(&route).place("")).into_response(),
        Err(fault) => PAGE.show(&visitor, Err(fault)),
    }
}

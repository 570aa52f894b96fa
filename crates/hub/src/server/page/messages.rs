//! Messages to an agent, with their receipts.

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use podfleet::wording;
use podfleet_protocol::{Class, MessageId, Outcome, Receipt, Typing};
use serde::Deserialize;

use super::agent::{OfFleet, Subject};
use super::{Part, Visitor, layout};
use crate::fault::{Code, Fault};
use crate::op::{FleetReceipt, FleetSend, ReceiptParams, SendParams};
use crate::server::query::Query;
use crate::token::Scope;

/// What a person wrote.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    body: String,
    /// Chosen by the form: what is sent twice by mistake is delivered once.
    id: MessageId,
}

/// The form for a message; nothing for who may not send.
pub(super) fn form(visitor: &Visitor, subject: &Subject) -> Markup {
    html! {
        @if visitor.may(Scope::Message) {
            form.message method="post" action=(subject.place("/messages")) data-into="receipts" {
                input type="hidden" name="id" value=(MessageId::generate());
                label for="body" { "Message" }
                textarea #body name="body" rows="3" required maxlength="1048576" {}
                div.bar {
                    button { "Send" }
                    span.hint { "Control and Enter send it too." }
                }
            }
            ol #receipts.messages aria-live="polite" {}
        } @else {
            p.empty { "Your token does not give the right to send messages." }
        }
    }
}

pub(super) async fn send(
    visitor: Visitor,
    Path(agent): Path<String>,
    Query(of): Query<OfFleet>,
    Form(written): Form<Written>,
) -> Response {
    let sent = async {
        let subject = Subject::named(&agent, of)?;
        let place = subject.place(&format!("/messages/{}", written.id));
        // A browser sends lines as HTTP does.
        let body = written.body.replace("\r\n", "\n");
        let shown = wording::first_line(&body);
        let params = SendParams {
            to: subject.agent,
            fleet: subject.fleet,
            body,
            id: Some(written.id),
            class: Class::default(),
            typing: Typing::default(),
            words_only: false,
            // What becomes of it is asked for afterwards.
            wait: Some(Outcome::Accepted),
            timeout_ms: None,
        };
        let report = visitor.ask::<FleetSend>(params).await?;
        Ok::<_, Fault>(html! {
            li {
                p.body { (shown) }
                div data-live=(place) data-every="1000" { (fate(&report.receipt)) }
            }
        })
    };
    match sent.await {
        Ok(item) => layout::html(StatusCode::CREATED, item),
        Err(fault) => Part(Err(fault)).into_response(),
    }
}

pub(super) async fn receipt(
    visitor: Visitor,
    Path((agent, id)): Path<(String, String)>,
    Query(of): Query<OfFleet>,
) -> Part {
    let receipt = async {
        let no_id = |_| Fault::new(Code::RequestInvalid, "this is no message's id");
        let Subject { agent, fleet } = Subject::named(&agent, of)?;
        let params = ReceiptParams {
            agent,
            fleet,
            id: id.parse().map_err(no_id)?,
        };
        Ok(fate(&visitor.ask::<FleetReceipt>(params).await?))
    };
    Part(receipt.await)
}

/// What became of a message, and how that is known.
pub(super) fn fate(receipt: &Receipt) -> Markup {
    html! {
        p.fate data-outcome=(receipt.outcome) data-settled=[receipt.settled.then_some("")] {
            strong { (wording::outcome(receipt)) }
            @if let Some(evidence) = &receipt.evidence { " · " (evidence) }
            @if let Some(reason) = &receipt.reason { " · " (reason) }
            @if let Some(hold) = &receipt.hold { " · " (hold.reason.release()) }
        }
    }
}

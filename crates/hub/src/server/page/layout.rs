//! What all pages have in common: head, navigation, policy; and how errors, ages and times look.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};
use podfleet::wording;

use super::{Visitor, status_of};
use crate::fault::{Code, Fault, Origin};

/// What only this hub may send, and to nobody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'";

/// Which of the pages that the navigation names a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Fleet,
    Machines,
}

/// A page to be shown.
pub(super) struct Page<'a> {
    pub(super) tab: Tab,
    pub(super) title: &'a str,
    /// Whether it shows a terminal, for which xterm.js is needed.
    pub(super) terminal: bool,
}

impl Page<'_> {
    /// Shows the page to a visitor, or why there is none.
    pub(super) fn show(&self, visitor: &Visitor, content: Result<Markup, Fault>) -> Response {
        let (status, content) = match content {
            Ok(content) => (StatusCode::OK, content),
            Err(fault) => (status_of(&fault), self::fault(&fault)),
        };
        let terminal = self.terminal && status == StatusCode::OK;
        let nonce = match terminal.then(nonce).transpose() {
            Ok(nonce) => nonce,
            Err(fault) => return fault.into_response(),
        };
        let header = html! {
            header {
                a.brand href="/" { "Fleet" }
                span.host title="The machine of this hub" { (visitor.host()) }
                nav aria-label="Pages" {
                    @for (tab, name, place) in [
                        (Tab::Fleet, "Agents", "/"),
                        (Tab::Machines, "Machines", "/machines"),
                    ] {
                        a href=(place) aria-current=[(tab == self.tab).then_some("page")] { (name) }
                    }
                }
                form method="post" action="/logout" { button.quiet { "Log out" } }
            }
        };
        let markup = document(
            self.title,
            visitor.host(),
            nonce.as_deref(),
            &header,
            &content,
        );
        with_policy(html(status, markup), nonce.as_deref())
    }
}

/// Makes a page for somebody who is not logged in.
pub(super) fn outside(status: StatusCode, title: &str, host: &str, content: &Markup) -> Response {
    let header = html! {
        header {
            span.brand { "Fleet" }
            span.host { (host) }
        }
    };
    with_policy(
        html(status, document(title, host, None, &header, content)),
        None,
    )
}

fn document(
    title: &str,
    host: &str,
    nonce: Option<&str>,
    header: &Markup,
    content: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (host) }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/page.css";
                @if nonce.is_some() {
                    link rel="stylesheet" href="/assets/xterm.css" nonce=[nonce];
                    script src="/assets/xterm.js" defer {}
                    script src="/assets/terminal.js" defer {}
                }
                script src="/assets/page.js" defer {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                (header)
                p #connection role="status" {}
                main #content tabindex="-1" { (content) }
            }
        }
    }
}

/// Answers with HTML.
pub(super) fn html(status: StatusCode, markup: Markup) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, kind, markup.into_string()).into_response()
}

/// A form that is sent has an `Origin` only where pages may say to their own site where they are.
fn with_policy(mut response: Response, nonce: Option<&str>) -> Response {
    let policy = match nonce {
        Some(nonce) => format!("{POLICY} 'nonce-{nonce}'"),
        None => POLICY.to_owned(),
    };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}

fn nonce() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    Ok(BASE64.encode(&bytes))
}

/// Shows what went wrong, on which machine, and what to do about it.
pub(super) fn fault(fault: &Fault) -> Markup {
    let origin = match fault.origin {
        Origin::Home => fault.endpoint.as_deref().map(|name| format!("{name}: ")),
        Origin::Endpoint => fault
            .endpoint
            .as_deref()
            .map(|name| format!("{name} says: ")),
    };
    html! {
        div.fault role="alert" data-code=(fault.code) {
            p { (origin.unwrap_or_default()) (fault.message) }
            @if let Some(hint) = &fault.hint { p.hint { (ticked(hint)) } }
        }
    }
}

/// Shows what stands between backticks as code.
pub(super) fn ticked(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Shows seconds in their largest unit.
pub(super) fn age(seconds: Option<u64>) -> Markup {
    html! {
        @match seconds {
            Some(seconds) => (wording::age(Duration::from_secs(seconds))),
            None => span.none { "–" },
        }
    }
}

/// Shows a moment, to the second, as universal time.
pub(super) fn moment(milliseconds: i64) -> Markup {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(at) => html! {
            time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ")) { (at.strftime("%Y-%m-%d %H:%M:%S")) }
        },
        Err(_) => html! { span.none { "–" } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_becomes_a_tag() {
        let fault = Fault::new(Code::FsIo, "<script>alert(1)</script>").hint("do `<b>`");
        let shown = self::fault(&fault).into_string();
        assert!(
            !shown.contains("<script>") && !shown.contains("<b>"),
            "{shown}"
        );
        assert!(shown.contains("<code>&lt;b&gt;</code>"), "{shown}");
    }

    #[test]
    fn a_moment_is_universal_time() {
        let shown = moment(1_767_323_045_000).into_string();
        assert_eq!(
            shown,
            "<time datetime=\"2026-01-02T03:04:05Z\">2026-01-02 03:04:05</time>"
        );
    }
}

//! The page, as its bytes come: logging in, what a cookie is worth, and what a browser is told.

use podfleet_hub::token::Scope;

use crate::surface::mounted;
use crate::world::{TestHub, raw};

/// Asks as a browser does that sees the hub as `localhost`.
async fn ask(hub: &TestHub, line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(hub, &request).await
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    { lines }
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

const ORIGIN: (&str, &str) = ("origin", "http://localhost");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Logs in, and returns the cookie as it is sent back.
async fn logged_in(hub: &TestHub, scopes: &[Scope]) -> String {
    let token = hub.token("browser", scopes).reveal_once();
    let body = format!("token={token}&next=%2Fmachines");
    let answer = ask(hub, "POST /login", &[ORIGIN, FORM], &body).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert_eq!(header(&answer, "location"), Some("/machines"));
    let cookie = header(&answer, "set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    assert!(
        !answer.contains(&token) && !cookie.contains("Secure"),
        "{answer}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_gives_a_cookie_that_is_worth_what_its_token_is() {
    let hub = TestHub::new().await;
    let cookie = logged_in(&hub, &[Scope::Observe]).await;
    let cookie = ("cookie", cookie.as_str());
    let page = ask(&hub, "GET /machines", &[cookie], "").await;
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("this machine"),
        "{page}"
    );
    let invoke = r#"{"op": "hub.info"}"#;
    let answer = ask(&hub, "POST /v1/invoke", &[cookie, ORIGIN], invoke).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let beyond = r#"{"op": "mount.remove", "params": {"mount": "m"}}"#;
    let answer = ask(&hub, "POST /v1/invoke", &[cookie, ORIGIN], beyond).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    // Without an origin of ours, a cookie that came along is no consent.
    let answer = ask(&hub, "POST /v1/invoke", &[cookie], invoke).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let foreign = ("origin", "http://localhost:3000");
    let answer = ask(&hub, "POST /v1/invoke", &[cookie, foreign], invoke).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let socket = [
        cookie,
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let answer = raw(
        &hub,
        &format!(
            "GET /v1/pty/a HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n{}\r\n",
            socket
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .concat()
        ),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");

    hub.running()
        .hub()
        .topology()
        .revoke_token("browser")
        .unwrap();
    let answer = ask(&hub, "GET /machines", &[cookie], "").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[tokio::test]
async fn logging_out_ends_the_login_and_not_the_token() {
    let hub = TestHub::new().await;
    let cookie = logged_in(&hub, &[Scope::Observe]).await;
    let cookie = ("cookie", cookie.as_str());
    let answer = ask(&hub, "POST /logout", &[cookie, ORIGIN], "").await;
    assert_eq!(header(&answer, "location"), Some("/login"));
    assert!(header(&answer, "set-cookie").unwrap().contains("Max-Age=0"));
    let answer = ask(&hub, "GET /", &[cookie], "").await;
    assert_eq!(
        header(&answer, "location"),
        Some("/login?next=%2F"),
        "{answer}"
    );
    assert_eq!(hub.running().hub().topology().tokens().unwrap().len(), 1);
}

#[tokio::test]
async fn a_login_outlives_the_hubs_process_and_not_its_token() {
    let mut hub = TestHub::new().await;
    let cookie = logged_in(&hub, &[Scope::Observe]).await;
    let cookie = ("cookie", cookie.as_str());
    hub.stop().await;
    hub.start().await;
    let answer = ask(&hub, "GET /machines", &[cookie], "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let topology = hub.running().hub().topology();
    topology.revoke_token("browser").unwrap();
    hub.stop().await;
    hub.start().await;
    let answer = ask(&hub, "GET /machines", &[cookie], "").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[tokio::test]
async fn a_login_whose_token_is_revoked_is_over_however_often_its_page_asks() {
    let hub = TestHub::new().await;
    let cookie = logged_in(&hub, &[Scope::Observe]).await;
    let cookie = ("cookie", cookie.as_str());
    let topology = hub.running().hub().topology();
    topology.revoke_token("browser").unwrap();
    for _ in 0..20 {
        let answer = ask(&hub, "GET /machines/state", &[cookie], "").await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_on_the_page_and_counted_as_everywhere() {
    let hub = TestHub::new().await;
    let mut last = String::new();
    for _ in 0..11 {
        last = ask(
            &hub,
            "POST /login",
            &[ORIGIN, FORM],
            "token=flt_%3Cb%3E&next=//evil.example",
        )
        .await;
        assert!(header(&last, "set-cookie").is_none());
        assert!(!last.contains("<b>") && !last.contains("evil"), "{last}");
    }
    assert!(last.starts_with("HTTP/1.1 429"), "{last}");
    assert!(last.contains("wait a minute"), "{last}");
    let answer = ask(&hub, "POST /login", &[FORM], "token=x").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_cookie_of_tls_is_sent_by_tls_alone() {
    let hub = TestHub::new().await;
    let token = hub.token("browser", &[Scope::Observe]).reveal_once();
    let proxied = ("origin", "https://localhost");
    let answer = ask(
        &hub,
        "POST /login",
        &[proxied, FORM],
        &format!("token={token}"),
    )
    .await;
    assert!(
        header(&answer, "set-cookie").unwrap().ends_with("; Secure"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_page_allows_nothing_but_what_the_hub_itself_has() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    std::fs::write(hub.files().join("<img src=x>.html"), "<script>").unwrap();
    let cookie = logged_in(&hub, &[Scope::Observe, Scope::FilesRead]).await;
    let cookie = ("cookie", cookie.as_str());
    for page in ["/", "/machines", "/files/m", "/agents/a", "/login"] {
        let answer = ask(&hub, &format!("GET {page}"), &[cookie], "").await;
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(
            !answer.contains("<img") && !answer.contains("style="),
            "{answer}"
        );
        assert_eq!(header(&answer, "x-frame-options"), Some("DENY"));
    }
    let file = "GET /v1/files/m/%3Cimg%20src%3Dx%3E.html";
    let answer = ask(&hub, file, &[cookie], "").await;
    assert!(answer.ends_with("<script>"), "{answer}");
    assert_eq!(
        header(&answer, "content-type"),
        Some("application/octet-stream")
    );
    assert!(
        header(&answer, "content-security-policy")
            .unwrap()
            .ends_with("sandbox")
    );
    // Another page of this host, at another port, may not have it read for it.
    let other = ("sec-fetch-site", "same-site");
    let answer = ask(&hub, file, &[cookie, other], "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_style_or_script_that_a_browser_has_is_not_sent_again() {
    let hub = TestHub::new().await;
    let first = ask(&hub, "GET /assets/page.js", &[], "").await;
    assert!(first.contains("'use strict'"), "{first}");
    let tag = header(&first, "etag").unwrap();
    let again = ask(&hub, "GET /assets/page.js", &[("if-none-match", tag)], "").await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    let none = ask(&hub, "GET /assets/..%2fpage.rs", &[], "").await;
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
}

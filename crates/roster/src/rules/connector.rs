//! The chat's connector.

use std::net::IpAddr;

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;

/// Where the kinds that ship have the address of their server.
const ADDRESSES: [(&str, &str); 2] = [("matrix", "homeserver_url"), ("discord", "api_url")];

/// A connector sends its token to another host by https alone.
pub(super) fn tokens_in_the_clear(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let tree = outline.tree;
    let address = tree.get(outline.root, "connector").and_then(|connector| {
        let kind = tree.text_of(connector, "kind")?;
        let (kind, key) = ADDRESSES.into_iter().find(|(of, _)| *of == kind.text)?;
        tree.text_of(tree.get(connector, kind)?, key)
    });
    let found = address.and_then(|address| {
        let host = plain_host(address.text).filter(|host| !is_here(host))?;
        let message = format!("no token is sent to `{}` by http", shown(host));
        let help = "it takes https, or a server on this host";
        Some(Finding::new(Code::TokenInTheClear, address.span, message).help(help))
    });
    found.into_iter().collect()
}

/// Returns the host of an address by http.
fn plain_host(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(ip) => ip.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    scheme.eq_ignore_ascii_case("http").then_some(host)
}

fn is_here(host: &str) -> bool {
    let loopback = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_told_from_what_is_around_it() {
        let away = |address| plain_host(address).filter(|host| !is_here(host));
        for here in [
            "http://localhost:8008",
            "http://LOCALHOST/",
            "http://127.0.0.1:8008/x",
            "http://127.9.9.9",
            "http://[::1]:8008",
            "https://example.org",
        ] {
            assert_eq!(away(here), None, "{here}");
        }
        assert_eq!(away("http://example.org:8008/a"), Some("example.org"));
        assert_eq!(away("HTTP://192.0.2.2?x"), Some("192.0.2.2"));
        assert_eq!(away("http://localhost@example.org"), Some("example.org"));
        assert_eq!(away("http://[2001:db8::1]:80/"), Some("2001:db8::1"));
        assert_eq!(
            away("http://localhost.example.org"),
            Some("localhost.example.org")
        );
    }
}

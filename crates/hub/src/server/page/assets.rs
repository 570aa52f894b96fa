//! Styles, scripts and xterm.js: files of the repository, parts of the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::fault::{Code, Fault};

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $kind:literal, $file:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../../../page/", $file)),
        }
    };
}

const ASSETS: [Asset; 6] = [
    asset!("page.css", "text/css; charset=utf-8", "page.css"),
    asset!("page.js", "text/javascript; charset=utf-8", "page.js"),
    asset!(
        "terminal.js",
        "text/javascript; charset=utf-8",
        "terminal.js"
    ),
    asset!("icon.svg", "image/svg+xml", "icon.svg"),
    asset!(
        "xterm.js",
        "text/javascript; charset=utf-8",
        "vendor/xterm.js"
    ),
    asset!("xterm.css", "text/css; charset=utf-8", "vendor/xterm.css"),
];

static TAGS: LazyLock<[String; ASSETS.len()]> = LazyLock::new(|| {
    ASSETS.map(|asset| format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(asset.bytes))))
});

/// Serves one. Browsers ask each time whether theirs is still the one, so that a newer build is seen
/// at once.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = ASSETS
        .iter()
        .zip(&*TAGS)
        .find(|(asset, _)| asset.name == name);
    let Some((asset, tag)) = found else {
        return Fault::new(Code::RequestUnknown, "there is no such file").into_response();
    };
    let fresh = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let known = headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, asset.kind)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the table beside the vendored files says they are.
    #[test]
    fn vendored_files_are_those_that_were_recorded() {
        let record = include_str!("../../../page/vendor/README.md");
        for name in ["xterm.js", "xterm.css"] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            let digest = HEXLOWER.encode(&Sha256::digest(asset.bytes));
            assert!(record.contains(&digest), "{name} is {digest}");
        }
    }
}

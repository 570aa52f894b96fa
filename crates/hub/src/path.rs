//! Paths below a mount, as clients write them.
//!
//! A path is relative and has no way up. It is refused when it is absolute, climbs, or when a part
//! of it could be read as one of those by anything on the way that decodes it once more or comes
//! from another platform. Whether a path that is accepted stays below its mount is decided by the
//! kernel when it is opened ([`crate::contained`]); this is the first of two fences.

use std::fmt;
use std::path::Path;

use percent_encoding::percent_decode_str;
use podfleet_protocol::Shown;

use crate::fault::{Code, Fault};

/// The longest path in bytes.
pub const MAX_PATH: usize = 4096;

/// A path below a mount: names joined by `/`; empty for the mount itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MountPath(String);

impl MountPath {
    /// Returns the mount's own directory.
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Reads a path as people type it: every character stands for itself.
    ///
    /// # Errors
    /// Fails with [`Code::PathOutsideRoot`].
    pub fn plain(text: &str) -> Result<Self, Fault> {
        let mut names = Vec::new();
        if text.len() > MAX_PATH {
            return Err(outside(text, "it is longer than 4096 bytes"));
        }
        if text.starts_with('/') {
            return Err(outside(text, "it is absolute"));
        }
        for name in text.split('/') {
            match name {
                "" | "." => {}
                name => {
                    if let Some(why) = refusal(name) {
                        return Err(outside(text, why));
                    }
                    names.push(name);
                }
            }
        }
        Ok(Self(names.join("/")))
    }

    /// Reads a path as it stands in a URL: percent-encoded once.
    ///
    /// # Errors
    /// Fails with [`Code::PathOutsideRoot`], also for a malformed escape and an encoded separator.
    pub fn encoded(text: &str) -> Result<Self, Fault> {
        let mut names = Vec::new();
        for name in text.split('/') {
            let decoded = decode(name).ok_or_else(|| outside(text, "an escape is malformed"))?;
            if decoded.contains('/') {
                return Err(outside(text, "a separator is encoded"));
            }
            names.push(decoded);
        }
        Self::plain(&names.join("/"))
    }

    /// Reads a path, or a `file:` URI of something below `root`.
    ///
    /// # Errors
    /// Fails with [`Code::PathOutsideRoot`], also for other schemes and for other hosts.
    pub fn parse(text: &str, root: &Path) -> Result<Self, Fault> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::plain(text);
        };
        if !scheme.eq_ignore_ascii_case("file") {
            return Err(outside(text, "only `file:` URIs are taken"));
        }
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let Some(path) = path.strip_prefix('/') else {
            return Err(outside(text, "it is on another host"));
        };
        let path = Self::encoded(path)?;
        let absolute = Path::new("/").join(&path.0);
        let below = absolute.strip_prefix(root).ok().and_then(Path::to_str);
        below.map_or_else(
            || Err(outside(text, "it is not below the mount")),
            Self::plain,
        )
    }

    /// Returns the names, joined by `/`; empty for the mount itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the mount itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what it is in; nothing for the mount itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parent = self.0.rsplit_once('/').map_or("", |(parent, _)| parent);
        (!self.is_root()).then(|| Self(parent.to_owned()))
    }

    /// Returns what to open relative to the mount's directory.
    #[must_use]
    pub fn relative(&self) -> &Path {
        if self.is_root() {
            Path::new(".")
        } else {
            Path::new(&self.0)
        }
    }

    /// Returns the path for a URL, percent-encoded.
    #[must_use]
    pub fn to_url(&self) -> String {
        const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
            .remove(b'/')
            .remove(b'.')
            .remove(b'-')
            .remove(b'_')
            .remove(b'~');
        percent_encoding::utf8_percent_encode(&self.0, &KEPT).to_string()
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_root() { "." } else { &self.0 })
    }
}

/// Decodes one name, strictly: every `%` begins two hexadecimal digits, and the bytes are UTF-8.
fn decode(name: &str) -> Option<String> {
    let bytes = name.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = bytes.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    percent_decode_str(name).decode_utf8().ok().map(Into::into)
}

/// Returns why a name is no name of a file below a mount.
fn refusal(name: &str) -> Option<&'static str> {
    if name == ".." {
        return Some("it climbs out of a directory");
    }
    if name.contains('\0') {
        return Some("it contains a NUL");
    }
    if name.contains('\\') {
        return Some("it contains a separator of another platform");
    }
    if name.len() > 255 {
        return Some("a name in it is longer than 255 bytes");
    }
    let mut characters = name.chars();
    let drive = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && characters.next() == Some(':');
    if drive || name.contains("::") || name.contains(":$") {
        return Some("it has the form of a drive or a stream");
    }
    hides(name).then_some("it hides a separator, a dot or a NUL in an escape")
}

/// Returns whether decoding the name, however often, would make something else of it than a name.
fn hides(name: &str) -> bool {
    let mut text = name.to_owned();
    while text.contains('%') {
        let decoded = percent_decode_str(&text).collect::<Vec<u8>>();
        let decoded = String::from_utf8_lossy(&decoded).into_owned();
        if decoded == text {
            return false;
        }
        let dots = decoded == "." || decoded == ".." || count(&decoded, '.') > count(&text, '.');
        if dots || decoded.contains(['/', '\\', '\0']) {
            return true;
        }
        text = decoded;
    }
    false
}

fn count(text: &str, wanted: char) -> usize {
    text.chars()
        .filter(|character| *character == wanted)
        .count()
}

fn outside(text: &str, why: &str) -> Fault {
    let shown: String = text.chars().take(80).collect();
    let message = format!("the path `{}` is refused: {why}", Shown(&shown));
    Fault::new(Code::PathOutsideRoot, message)
        .hint("a path is relative to its mount, with `/` between names and no `..`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("../etc"; "up")]
    #[test_case("a/../../etc"; "up from below")]
    #[test_case("/etc/passwd"; "absolute")]
    #[test_case("//etc"; "absolute twice")]
    #[test_case("a\0b"; "nul")]
    #[test_case("a%2f..%2f.."; "encoded separator")]
    #[test_case("%2e%2e/x"; "encoded dots")]
    #[test_case("%252e%252e/x"; "dots encoded twice")]
    #[test_case("%5c..%5c"; "encoded separator of another platform")]
    #[test_case("%255c"; "that twice")]
    #[test_case("%00"; "encoded nul")]
    #[test_case("..\\x"; "separator of another platform")]
    #[test_case("C:"; "drive")]
    #[test_case("c:/x"; "drive with a path")]
    #[test_case("\\\\host\\share"; "unc")]
    #[test_case("a::$DATA"; "stream")]
    #[test_case("http://x/a"; "another scheme")]
    #[test_case("file://host/srv/a"; "another host")]
    #[test_case("file:///etc/passwd"; "a uri elsewhere")]
    #[test_case("file:///srvX/a"; "a sibling with the same beginning")]
    #[test_case("file:///srv/%2e%2e/etc"; "a uri that climbs")]
    fn is_refused(text: &str) {
        let fault = MountPath::parse(text, Path::new("/srv")).unwrap_err();
        assert_eq!(fault.code, Code::PathOutsideRoot, "{fault}");
    }

    #[test_case("%zz"; "no digits")]
    #[test_case("%2"; "one digit")]
    #[test_case("%"; "none")]
    #[test_case("%ff"; "not utf 8")]
    #[test_case("a%2f..%2f.."; "separator")]
    #[test_case("%5c..%5c"; "separator of another platform")]
    #[test_case("%252e"; "twice")]
    #[test_case("%00"; "nul")]
    #[test_case("%2e%2e/a"; "dots")]
    #[test_case("/etc"; "absolute")]
    fn is_refused_in_a_url(text: &str) {
        let fault = MountPath::encoded(text).unwrap_err();
        assert_eq!(fault.code, Code::PathOutsideRoot, "{fault}");
    }

    #[test]
    fn a_path_that_is_refused_is_shown_as_it_was_given() {
        let said = |path| MountPath::plain(path).unwrap_err().message;
        assert!(said(r"C:\x").contains(r"`C:\x`"), "{}", said(r"C:\x"));
        assert!(said("../\u{1b}[2J").contains(r"`../\u{1b}[2J`"));
    }

    #[test]
    fn what_merely_looks_odd_is_taken() {
        for name in [
            "100%",
            "50% off.txt",
            "12:30.txt",
            "a b",
            "ü",
            "...",
            "..a",
            "-rf",
            "%zz",
        ] {
            assert_eq!(MountPath::plain(name).unwrap().as_str(), name);
        }
        assert_eq!(MountPath::plain("./a//b/.").unwrap().as_str(), "a/b");
        assert!(MountPath::plain(".").unwrap().is_root());
        let root = Path::new("/srv");
        assert_eq!(
            MountPath::parse("file:///srv/a%20b", root)
                .unwrap()
                .as_str(),
            "a b"
        );
        assert!(
            MountPath::parse("file://localhost/srv", root)
                .unwrap()
                .is_root()
        );
    }

    proptest! {
        #[test]
        fn no_accepted_path_climbs_or_is_absolute(text in "[a./\\\\%25ef0C:\0-]{0,24}") {
            for path in [MountPath::plain(&text), MountPath::encoded(&text)].into_iter().flatten() {
                prop_assert!(!path.as_str().starts_with('/'));
                prop_assert!(path.as_str().split('/').all(|name| name != ".." && name != "."));
                prop_assert!(!path.as_str().contains(['\0', '\\']));
            }
        }

        #[test]
        fn a_path_survives_a_url(names in prop::collection::vec("[^/\\\\%:\0]{1,12}", 0..4)) {
            if let Ok(path) = MountPath::plain(&names.join("/")) {
                prop_assert_eq!(MountPath::encoded(&path.to_url()).unwrap(), path);
            }
        }
    }
}

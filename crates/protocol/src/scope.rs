//! What of the file system a spawned pod may change.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An absolute path without `.` and `..`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "PathBuf", into = "PathBuf")]
pub struct ScopePath(PathBuf);

/// A path cannot stand in a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope has absolute paths without `.` and `..`, which {} is not", .0.display())]
pub struct ScopePathError(PathBuf);

impl ScopePath {
    /// Checks a path.
    ///
    /// # Errors
    /// Fails when it is relative, or `.` or `..` is a part of it. Links are not followed: whoever
    /// enforces a scope has to.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, ScopePathError> {
        let path = path.into();
        let dotted = path.as_os_str().as_encoded_bytes();
        let dotted = dotted.split(|byte| *byte == b'/').any(|part| part == b".");
        let plain = path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if path.is_absolute() && plain && !dotted {
            return Ok(Self(path.components().collect()));
        }
        Err(ScopePathError(path))
    }

    /// Returns the path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for ScopePath {
    type Error = ScopePathError;

    fn try_from(path: PathBuf) -> Result<Self, ScopePathError> {
        Self::new(path)
    }
}

impl From<ScopePath> for PathBuf {
    fn from(path: ScopePath) -> Self {
        path.0
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// What a pod's agent may change. It is recorded, shown, and handed to the harness where that has
/// such a flag; the pod itself does not enforce it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// These directories and files, and what is below them; absent is all that the user may change,
    /// empty is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<BTreeSet<ScopePath>>,
}

/// A scope that a pod cannot hand on, because it goes beyond its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not yours to delegate: your own scope is {own}")]
pub struct NotYours {
    what: String,
    own: Scope,
}

impl Scope {
    /// All that the user may change.
    pub const UNLIMITED: Self = Self { writable: None };

    /// Returns whether a path is within it.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        self.writable.as_ref().is_none_or(|writable| {
            let mut roots = writable.iter();
            roots.any(|root| path.starts_with(root.as_path()))
        })
    }

    /// Returns the scope of a child: what is asked for, or this one.
    ///
    /// # Errors
    /// Fails when what is asked for is wider than this one.
    pub fn delegate(&self, asked: Option<Self>) -> Result<Self, NotYours> {
        let Some(asked) = asked else {
            return Ok(self.clone());
        };
        let beyond = match &asked.writable {
            None if self.writable.is_some() => Some("an unlimited scope".to_owned()),
            None => None,
            Some(paths) => {
                let mut paths = paths.iter();
                let beyond = paths.find(|path| !self.covers(path.as_path()));
                beyond.map(ToString::to_string)
            }
        };
        match beyond {
            None => Ok(asked),
            Some(what) => Err(NotYours {
                what,
                own: self.clone(),
            }),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(writable) = &self.writable else {
            return f.write_str("unlimited");
        };
        if writable.is_empty() {
            return f.write_str("read-only");
        }
        for (index, path) in writable.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(paths: &[&str]) -> Scope {
        let paths = paths.iter().map(|path| ScopePath::new(path).unwrap());
        Scope {
            writable: Some(paths.collect()),
        }
    }

    #[test]
    fn a_path_that_could_lead_out_stands_in_no_scope() {
        for wrong in ["", "src", "./src", "/srv/../etc", "/srv/./app", "~/app"] {
            assert!(ScopePath::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            ScopePath::new("/srv//app/").unwrap().to_string(),
            "/srv/app"
        );
    }

    #[test]
    fn a_child_gets_no_wider_scope_than_its_parent() {
        let own = scope(&["/srv/app", "/tmp/build"]);
        assert_eq!(own.delegate(None), Ok(own.clone()));
        let part = scope(&["/srv/app/docs"]);
        assert_eq!(own.delegate(Some(part.clone())), Ok(part));
        assert_eq!(own.delegate(Some(scope(&[]))), Ok(scope(&[])));
        let error = |asked| own.delegate(Some(asked)).unwrap_err().to_string();
        insta::assert_snapshot!(
            error(scope(&["/srv/app", "/srv/application"])),
            @"/srv/application is not yours to delegate: your own scope is /srv/app, /tmp/build"
        );
        insta::assert_snapshot!(
            error(Scope::UNLIMITED),
            @"an unlimited scope is not yours to delegate: your own scope is /srv/app, /tmp/build"
        );
    }

    #[test]
    fn an_unlimited_parent_may_delegate_anything() {
        for asked in [Scope::UNLIMITED, scope(&["/"]), scope(&[])] {
            assert_eq!(Scope::UNLIMITED.delegate(Some(asked.clone())), Ok(asked));
        }
    }

    #[test]
    fn a_scope_that_says_nothing_is_unlimited() {
        assert_eq!(
            serde_json::from_str::<Scope>("{}").unwrap(),
            Scope::UNLIMITED
        );
    }

    proptest! {
        #[test]
        fn what_a_delegated_scope_covers_its_giver_covers_too(
            own in prop::collection::btree_set("/[ab](/[ab]){0,2}", 0..3),
            asked in prop::collection::btree_set("/[ab](/[ab]){0,2}", 0..3),
            path in "/[ab](/[ab]){0,3}",
        ) {
            let of = |paths: BTreeSet<String>| Scope {
                writable: Some(paths.into_iter().map(|path| ScopePath::new(path).unwrap()).collect()),
            };
            let own = of(own);
            if let Ok(given) = own.delegate(Some(of(asked))) {
                let path = Path::new(&path);
                prop_assert!(!given.covers(path) || own.covers(path));
            }
        }
    }
}

//! Listing a directory, in pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::closed::Reach;
use super::{Contained, Kind, Stat, fault};
use crate::fault::{Code, Fault};
use crate::path::MountPath;

/// How many entries a directory may have to be listed.
pub const MAX_ENTRIES: usize = 100_000;
/// How many entries a page has at most.
const MAX_PAGE: usize = 1000;

/// A part of the entries of a directory, sorted by name, links not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPage {
    /// The entries.
    pub entries: Vec<Stat>,
    /// How many names are left out, since they are no UTF-8.
    #[serde(default)]
    pub unreadable: usize,
    /// The name after which the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Contained {
    /// Lists a directory by names, from the one after `after`; `limit` 0 or over 1,000 means 1,000.
    /// What a link leads to is looked at: where that is on a file system that does not answer, nor
    /// does this.
    ///
    /// # Errors
    /// Fails when it is no directory, has more than [`MAX_ENTRIES`] entries, or a link leads out.
    pub fn list(
        &self,
        path: &MountPath,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, Fault> {
        let error = |error: std::io::Error| fault(&error, path.as_str());
        let directory = self.open_directory(path)?;
        let mut names = Vec::new();
        let mut unreadable = 0;
        for entry in directory.entries().map_err(error)? {
            match entry.map_err(error)?.file_name().into_string() {
                Ok(name) => names.push(name),
                Err(_) => unreadable += 1,
            }
            if names.len() + unreadable > MAX_ENTRIES {
                let why = format!("`{path}` has more than {MAX_ENTRIES} entries");
                return Err(Fault::new(Code::FsTooLarge, why));
            }
        }
        names.sort_unstable();
        let limit = if limit == 0 {
            MAX_PAGE
        } else {
            limit.min(MAX_PAGE)
        };
        let first = after.map_or(0, |after| {
            names.partition_point(|name| name.as_str() <= after)
        });
        let page = &names[first..names.len().min(first + limit)];
        let next = (first + page.len() < names.len())
            .then(|| page.last().cloned())
            .flatten();
        let stat = |name: &String| {
            // One that is gone meanwhile is left out.
            let metadata = directory.symlink_metadata(name).ok()?;
            let mut stat = Stat::of(name, &metadata);
            if stat.kind == Kind::Symlink {
                // From the mount on: a link may lead to what is beside this directory.
                let target = self.look(&path.relative().join(name), Reach::WhatIsInIt, path);
                stat.target = target.ok().map(|target| Kind::of(&target));
            }
            Some(stat)
        };
        Ok(ListPage {
            entries: page.iter().filter_map(stat).collect(),
            unreadable,
            next,
        })
    }
}

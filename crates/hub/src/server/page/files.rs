//! The files below a mount.

use axum::extract::Query;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{self, Page, Tab};
use super::{Part, Visitor, segment};
use crate::contained::{Kind, ListPage, Stat};
use crate::fault::Fault;
use crate::op::{FsList, ListParams, Place};
use crate::path::MountPath;
use crate::server::files::{PREFIX, mount_of, split};
use crate::server::watch;
use crate::token::Scope;
use crate::topology::MountRef;

/// How many entries a page has.
const ENTRIES: u32 = 500;

/// Which part of which listing.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Begins after this name.
    after: Option<String>,
    /// Only the entries, for a page that is shown.
    #[serde(default)]
    part: bool,
}

pub(super) async fn page(visitor: Visitor, Query(asked): Query<Asked>, uri: Uri) -> Response {
    let part = asked.part;
    let content = content(&visitor, uri.path(), asked).await;
    if part {
        return Part(content).into_response();
    }
    let page = Page {
        tab: Tab::Machines,
        title: "Files",
        terminal: false,
    };
    page.show(&visitor, content)
}

async fn content(visitor: &Visitor, path: &str, asked: Asked) -> Result<Markup, Fault> {
    let (mount, path) = split(path, "/files/");
    let (mount, path) = (mount_of(mount)?, MountPath::encoded(path)?);
    let from = asked
        .after
        .as_deref()
        .map(|after| format!("&after={}", segment(after)));
    let again = format!(
        "{}?part=true{}",
        place(&mount, &path),
        from.unwrap_or_default()
    );
    let params = ListParams {
        place: Place::Mount(mount.clone()),
        path: path.as_str().to_owned(),
        after: asked.after,
        limit: ENTRIES,
    };
    let list = visitor.ask::<FsList>(params).await?;
    let writes = visitor.may(Scope::FilesWrite);
    let entries = entries(&mount, &path, &list, writes);
    if asked.part {
        return Ok(entries);
    }
    Ok(html! {
        h1 { (mount) }
        (way(&mount, &path))
        @if writes { (tools(&mount, &path)) }
        div #entries data-live=(again) data-on=(address(watch::PREFIX, &mount, &path)) { (entries) }
    })
}

fn entries(mount: &MountRef, path: &MountPath, list: &ListPage, writes: bool) -> Markup {
    html! {
        (listing(mount, path, list, writes))
        @if let Some(next) = &list.next {
            p { a href={ (place(mount, path)) "?after=" (segment(next)) } { "More, after " (next) } }
        }
        @if list.unreadable > 0 {
            @let (names, are) = if list.unreadable == 1 { ("name", "is") } else { ("names", "are") };
            p.hint { (list.unreadable) " " (names) " " (are) " no UTF-8 and not shown." }
        }
    }
}

/// The directories above, each a link.
fn way(mount: &MountRef, path: &MountPath) -> Markup {
    let names: Vec<&str> = path
        .as_str()
        .split('/')
        .filter(|name| !name.is_empty())
        .collect();
    let above = |count: usize| {
        let names = names.iter().take(count).map(|name| segment(name));
        let names: Vec<_> = std::iter::once(segment(&mount.to_string()))
            .chain(names)
            .collect();
        format!("/files/{}", names.join("/"))
    };
    html! {
        nav.way aria-label="Directories above" {
            a href="/machines" { "Machines" } " / "
            a href=(above(0)) { (mount) }
            @for (at, name) in names.iter().enumerate() {
                " / " a href=(above(at + 1)) aria-current=[(at + 1 == names.len()).then_some("page")] { (name) }
            }
        }
    }
}

/// What changes files; scripts do it, by the same surface that programs use.
fn tools(mount: &MountRef, path: &MountPath) -> Markup {
    html! {
        div.bar #tools data-mount=(mount) data-path=(path.as_str()) hidden {
            label.button for="upload" { "Upload files" }
            input #upload.unseen type="file" multiple;
            button #mkdir type="button" { "New directory" }
            p #work role="status" {}
        }
    }
}

fn listing(mount: &MountRef, path: &MountPath, list: &ListPage, writes: bool) -> Markup {
    html! {
        @if list.entries.is_empty() { p.empty { "Nothing is here." } }
        @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Name" }
                    th scope="col" { "Kind" }
                    th scope="col" { "Bytes" }
                    th scope="col" { "Changed (UTC)" }
                    @if writes { th.scripted scope="col" { "Change" } }
                } }
                tbody { @for entry in &list.entries { (line(mount, path, entry, writes)) } }
            }
        }
    }
}

fn line(mount: &MountRef, path: &MountPath, entry: &Stat, writes: bool) -> Markup {
    let below = below(path, &entry.name);
    html! {
        tr {
            th scope="row" {
                @match (below, entry.target.unwrap_or(entry.kind)) {
                    (Ok(below), Kind::Directory) => a href=(place(mount, &below)) { (entry.name) "/" },
                    (Ok(below), Kind::File) => a href=(address(PREFIX, mount, &below)) download=(entry.name) { (entry.name) },
                    _ => (entry.name),
                }
            }
            td.short data-label="Kind" {
                (entry.kind.word())
                @if entry.kind == Kind::Symlink && entry.target.is_none() { " that leads nowhere here" }
            }
            td.short data-label="Bytes" { @if entry.kind == Kind::File { (entry.size) } @else { span.none { "–" } } }
            td.short data-label="Changed (UTC)" { (layout::moment(entry.modified_ms)) }
            @if writes {
                td.scripted data-label="Change" data-name=(entry.name) {
                    button type="button" data-do="rename" { "Rename" span.unseen { " " (entry.name) } }
                    " "
                    button type="button" data-do="remove" { "Remove" span.unseen { " " (entry.name) } }
                }
            }
        }
    }
}

fn below(path: &MountPath, name: &str) -> Result<MountPath, Fault> {
    if path.is_root() {
        MountPath::plain(name)
    } else {
        MountPath::plain(&format!("{path}/{name}"))
    }
}

fn place(mount: &MountRef, path: &MountPath) -> String {
    let path = path.to_url();
    let slash = if path.is_empty() { "" } else { "/" };
    format!("/files/{}{slash}{path}", segment(&mount.to_string()))
}

fn address(prefix: &str, mount: &MountRef, path: &MountPath) -> String {
    format!("{prefix}{}/{}", segment(&mount.to_string()), path.to_url())
}

//! The media type of a file, by its name.

use std::path::Path;

/// What needs no more than its bytes.
pub(crate) const BYTES: &str = "application/octet-stream";

const KNOWN: [(&str, &str); 18] = [
    ("csv", "text/csv"),
    ("diff", "text/x-diff"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("mp4", "video/mp4"),
    ("patch", "text/x-diff"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("yaml", "application/yaml"),
    ("zip", "application/zip"),
];

/// Returns the media type that a file's name suggests.
pub(crate) fn of(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let found = KNOWN.iter().find(|(known, _)| *known == extension);
    found.map_or(BYTES, |(_, media_type)| media_type)
}

//! The recorded terminals of the real agent programs (`tests/recordings/`).

use std::fs;
use std::path::{Path, PathBuf};

use podfleet_protocol::Size;

/// What a program wrote, and what its terminal showed at some points.
pub(crate) struct Recording {
    /// `100x32/claude` and the like.
    pub(crate) name: String,
    pub(crate) size: Size,
    pub(crate) stream: Vec<u8>,
    pub(crate) steps: Vec<Step>,
}

/// The terminal at one point of a recording.
pub(crate) struct Step {
    pub(crate) name: String,
    /// How much of the stream had come by then, give or take a repaint.
    pub(crate) offset: usize,
    /// The rows without trailing blanks.
    pub(crate) rows: Vec<String>,
    pub(crate) cursor: (u16, u16),
    pub(crate) alternate: bool,
    pub(crate) title: String,
}

/// All recordings, sorted by name.
pub(crate) fn all() -> Vec<Recording> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut recordings = Vec::new();
    for (folder, columns, rows) in [("100x32", 100, 32), ("80x24", 80, 24)] {
        for path in entries(&root.join(folder)) {
            let agent = path.file_name().unwrap().to_str().unwrap();
            recordings.push(Recording {
                name: format!("{folder}/{agent}"),
                size: Size { columns, rows },
                stream: fs::read(path.join("stream.raw")).unwrap(),
                steps: steps(&path),
            });
        }
    }
    recordings
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

fn steps(folder: &Path) -> Vec<Step> {
    let texts = entries(folder);
    let texts = texts
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "txt"));
    texts.map(|path| step(path)).collect()
}

fn step(text: &Path) -> Step {
    let read = |extension: &str| fs::read_to_string(text.with_extension(extension)).unwrap();
    let meta = read("meta");
    let (cursor, meta) = meta.trim_end().split_once(" alt=").unwrap();
    let (alternate, meta) = meta.split_once(" title=").unwrap();
    let (title, _) = meta.rsplit_once(" cmd=").unwrap();
    let (column, row) = cursor.split_once(',').unwrap();
    Step {
        name: text.file_stem().unwrap().to_str().unwrap().to_owned(),
        offset: read("offset").trim().parse().unwrap(),
        rows: read("txt")
            .lines()
            .map(|row| row.trim_end().to_owned())
            .collect(),
        cursor: (row.parse().unwrap(), column.parse().unwrap()),
        alternate: alternate == "1",
        title: title.to_owned(),
    }
}

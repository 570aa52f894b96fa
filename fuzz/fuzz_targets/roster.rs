//! Whatever the bytes, a roster is read without a panic, every place lies in the text, what is read
//! and written as JSON reads back the same, and so does what is read in halves.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podfleet_roster::{Document, Known, Roster};

fuzz_target!(|bytes: &[u8]| {
    let known = Known::shipped();
    for name in ["roster.yaml", "roster.json"] {
        read(&Document::read_bytes(bytes, name), &known);
    }
});

/// A text around which comments stand that make it long enough to be read in halves.
fn lengthened(document: &Document) -> Option<String> {
    let text = document.text();
    let fits = document.name().ends_with("yaml")
        && text.contains("\nagents:")
        && text.ends_with('\n')
        && !text.starts_with('\u{feff}');
    let comment = format!("#{}\n", "-".repeat(40 * 1024));
    fits.then(|| format!("{comment}{text}{comment}"))
}

fn read(document: &Document, known: &Known) {
    let (roster, findings) = document.check(known);
    let text = document.text();
    if let Some(long) = lengthened(document) {
        // Of bytes that are no text the document has only what comes before them.
        let (alone, _) = Roster::parse(text, document.name(), known);
        let (same, _) = Roster::parse(&long, document.name(), known);
        assert_eq!(same, alone);
    }
    for finding in &findings {
        assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
        assert!(finding.line >= 1 && finding.column >= 1, "{finding:?}");
    }
    assert_eq!(document.redacted_text().len(), text.len());
    assert_eq!(document.findings(known, None), findings);
    let refused = findings.iter().any(|finding| finding.blocks_changes());
    let Some(roster) = roster else {
        assert!(refused, "no roster and nothing says why: {findings:?}");
        return;
    };
    assert_eq!(document.glance(known).0.as_ref(), Some(&roster));
    assert_eq!(roster.start_order().len(), roster.agents.len());
    let written = serde_json::to_string(&roster).expect("a roster is JSON");
    let (again, findings) = Roster::parse(&written, "again", known);
    assert_eq!(again.as_ref(), Some(&roster), "{findings:?}");
}

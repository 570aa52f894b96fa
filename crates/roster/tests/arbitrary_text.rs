//! Reading never panics, whatever the text.

use podfleet_roster::{Document, Known, Roster};
use proptest::prelude::*;

/// Fragments that make a text look like a roster, so that chance gets past the first line.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("version: 1\ntransport: tmux\n".to_owned()),
        Just("agents:\n".to_owned()),
        Just("  - name: a\n    runtime: sim\n".to_owned()),
        Just("  - {name: b, depends_on: [a, b], class: orchestrator}\n".to_owned()),
        Just("connector: {kind: matrix}\n".to_owned()),
        Just("x: &x [*x, *y]\n<<: *x\n".to_owned()),
        "[-:?{}\\[\\],&*#!|>'\"%@` \t\r\na-c\u{feff}é漢😀]{0,12}",
        any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_text_is_read_and_every_place_is_in_it(text in text()) {
        let document = Document::read(&text, "x");
        let (roster, findings) = document.check(&Known::shipped());
        let wrong = findings.iter().any(|f| f.is_error() && f.blocks_changes());
        prop_assert!(roster.is_some() || wrong);
        for finding in &findings {
            prop_assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
            prop_assert!(finding.line >= 1 && finding.column >= 1);
        }
        prop_assert_eq!(document.redacted_text().len(), text.len());
        if let Some(roster) = roster {
            prop_assert_eq!(roster.start_order().len(), roster.agents.len());
        }
    }

    #[test]
    fn arbitrary_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::read_bytes(bytes, "x").check(&Known::shipped());
    }

    #[test]
    fn a_roster_written_as_json_reads_back_the_same(text in text()) {
        let (Some(roster), _) = Roster::parse(&text, "x", &Known::shipped()) else {
            return Ok(());
        };
        let json = serde_json::to_string(&roster).unwrap();
        let (again, findings) = Roster::parse(&json, "x", &Known::shipped());
        prop_assert_eq!(again, Some(roster), "{:?}", findings);
    }
}

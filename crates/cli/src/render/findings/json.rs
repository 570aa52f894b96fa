//! Findings for programs: one JSON object a line, with the fields of [`Diagnostic`].
//!
//! [`Diagnostic`]: podfleet_roster::Diagnostic

use super::Checked;

/// Renders the findings of all texts.
pub(super) fn render(checked: &[Checked]) -> serde_json::Result<String> {
    let mut text = String::new();
    for finding in checked.iter().flat_map(|roster| &roster.findings) {
        text.push_str(&serde_json::to_string(finding)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FAULTY, check};

    #[test]
    fn each_line_is_one_finding() {
        let checked = check(FAULTY);
        let text = super::render(&checked).unwrap();
        let codes: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["code"].clone())
            .collect();
        let expected: Vec<_> = checked[0]
            .findings
            .iter()
            .map(|f| f.code.as_str())
            .collect();
        assert_eq!(codes, expected);
    }
}

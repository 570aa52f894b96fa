//! Findings as SARIF 2.1.0, the format of code scanning services.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use podfleet_roster::{Code, Diagnostic, Related};
use serde::Serialize;

use super::{Checked, UNREADABLE, Unread};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What stays as it is in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    invocations: [Invocation<'a>; 1],
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
    /// What notifications refer to, as results do to rules.
    notifications: [Rule; 1],
}

/// What the program tells of its own run, rather than of a text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification<'a>>,
}

#[derive(Serialize)]
struct Notification<'a> {
    descriptor: Descriptor,
    level: &'static str,
    message: Text<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
struct Descriptor {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    full_description: Text<'static>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'static str,
    level: &'static str,
    message: Text<'a>,
    locations: [Location<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    byte_offset: usize,
    byte_length: usize,
}

/// Renders the findings of all texts as results, and what could not be read as notifications: code
/// scanning takes no result without a line of a file.
pub(super) fn render(checked: &[Checked], unread: &[Unread]) -> serde_json::Result<String> {
    let findings = checked.iter().flat_map(|roster| &roster.findings);
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: tool(),
            invocations: [Invocation {
                execution_successful: unread.is_empty(),
                tool_execution_notifications: unread.iter().map(notification).collect(),
            }],
            column_kind: "unicodeCodePoints",
            results: findings.map(result).collect(),
        }],
    };
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn tool() -> Tool {
    let rule = |code: &Code| Rule {
        id: code.as_str(),
        full_description: Text {
            text: code.meaning().into(),
        },
        default_configuration: Configuration {
            level: code.severity().as_str(),
        },
    };
    let unreadable = Rule {
        id: UNREADABLE,
        full_description: Text {
            text: "A file that was named cannot be read, or a pattern matches none.".into(),
        },
        default_configuration: Configuration { level: "error" },
    };
    Tool {
        driver: Driver {
            name: "fleet validate",
            version: env!("CARGO_PKG_VERSION"),
            information_uri: env!("CARGO_PKG_REPOSITORY"),
            rules: Code::ALL.iter().map(rule).collect(),
            notifications: [unreadable],
        },
    }
}

fn result(finding: &Diagnostic) -> SarifResult<'_> {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message).into(),
        None => finding.message.as_str().into(),
    };
    let region = Region {
        start_line: finding.line,
        start_column: finding.column,
        byte_offset: finding.span.start,
        byte_length: finding.span.len(),
    };
    SarifResult {
        rule_id: finding.code.as_str(),
        level: finding.severity.as_str(),
        message: Text { text },
        locations: [location(&finding.file, Some(region), None)],
        related_locations: finding
            .related
            .iter()
            .map(|place| related(&finding.file, place))
            .collect(),
    }
}

fn notification(unread: &Unread) -> Notification<'_> {
    let file = unread.name.iter();
    Notification {
        descriptor: Descriptor { id: UNREADABLE },
        level: "error",
        message: Text {
            text: unread.why.as_str().into(),
        },
        locations: file.map(|file| location(file, None, None)).collect(),
    }
}

fn related<'a>(file: &str, place: &'a Related) -> Location<'a> {
    let region = Region {
        start_line: place.line,
        start_column: place.column,
        byte_offset: place.span.start,
        byte_length: place.span.len(),
    };
    let text = place.message.as_str().into();
    location(file, Some(region), Some(Text { text }))
}

fn location<'a>(file: &str, region: Option<Region>, message: Option<Text<'a>>) -> Location<'a> {
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(file) },
            region,
        },
        message,
    }
}

/// Returns a path as a URI: relative as it is, absolute with its scheme.
fn uri(file: &str) -> String {
    let file = file.replace(std::path::MAIN_SEPARATOR, "/");
    let path = utf8_percent_encode(&file, PATH).to_string();
    if file.starts_with('/') {
        format!("file://{path}")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FAULTY, check};
    use super::*;

    fn run(unread: &[Unread]) -> serde_json::Value {
        let text = render(&check(FAULTY), unread).unwrap();
        let mut log: serde_json::Value = serde_json::from_str(&text).unwrap();
        log["runs"][0].take()
    }

    #[test]
    fn every_result_names_a_rule_of_the_tool_and_a_line() {
        let run = run(&[]);
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["region"]["startLine"].is_u64(), "{result:#}");
        }
        insta::assert_json_snapshot!(results[0], @r#"
        {
          "level": "warning",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "fleet/my%20roster.yaml"
                },
                "region": {
                  "byteLength": 6,
                  "byteOffset": 27,
                  "startColumn": 1,
                  "startLine": 3
                }
              }
            }
          ],
          "message": {
            "text": "the fleet has no orchestrator and no enhancer, so it has no lead\nadd an agent of class `orchestrator` and one of class `enhancer`"
          },
          "ruleId": "roster::no-lead"
        }
        "#);
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    }

    #[test]
    fn what_cannot_be_read_is_told_of_the_run_and_no_result() {
        let unread = [
            Unread {
                name: Some("none.yaml".into()),
                why: "there is no file none.yaml".into(),
            },
            Unread {
                name: None,
                why: "no file matches `*.yml`".into(),
            },
        ];
        let told = run(&unread);
        assert_eq!(told["results"], run(&[])["results"]);
        assert_eq!(told["tool"]["driver"]["notifications"][0]["id"], UNREADABLE);
        insta::assert_json_snapshot!(told["invocations"], @r#"
        [
          {
            "executionSuccessful": false,
            "toolExecutionNotifications": [
              {
                "descriptor": {
                  "id": "fleet::unreadable"
                },
                "level": "error",
                "locations": [
                  {
                    "physicalLocation": {
                      "artifactLocation": {
                        "uri": "none.yaml"
                      }
                    }
                  }
                ],
                "message": {
                  "text": "there is no file none.yaml"
                }
              },
              {
                "descriptor": {
                  "id": "fleet::unreadable"
                },
                "level": "error",
                "message": {
                  "text": "no file matches `*.yml`"
                }
              }
            ]
          }
        ]
        "#);
    }

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/etc/r.yaml"), "file:///etc/r.yaml");
    }
}

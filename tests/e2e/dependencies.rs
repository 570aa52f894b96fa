//! What is depended on, against `deny.toml`. The tool that the file is written for takes longer to
//! compile than all the tests; who has it looks up known advisories too.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rules() -> Value {
    let text = std::fs::read_to_string(workspace().join("deny.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

/// The packages of others in the lock file, for every system and with every feature.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = [
        "metadata",
        "--locked",
        "--format-version=1",
        "--all-features",
    ];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| !package["source"].is_null())
        .cloned()
        .collect()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn named(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or("?").to_owned();
    format!("{} {} ({})", text("name"), text("version"), text("license"))
}

/// Returns whether a package's licence leaves a choice that is allowed.
fn is_allowed(package: &Value, rules: &Value) -> bool {
    let exceptions = rules["licenses"]["exceptions"].as_array().unwrap();
    let own = exceptions
        .iter()
        .filter(|exception| exception["crate"] == package["name"])
        .flat_map(|exception| texts(&exception["allow"]));
    let allowed: HashSet<_> = texts(&rules["licenses"]["allow"]).chain(own).collect();
    let licence = package["license"].as_str().unwrap_or_default();
    Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|licence| allowed.contains(licence.to_string().as_str()))
    })
}

#[test]
fn what_is_depended_on_has_an_allowed_licence_and_comes_from_the_registry() {
    let (rules, packages) = (rules(), packages());
    assert!(packages.len() > 100, "{}", packages.len());
    let denied: HashSet<_> = rules["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["crate"].as_str())
        .collect();
    let wrong: Vec<_> = packages
        .iter()
        .filter(|package| {
            !is_allowed(package, &rules)
                || package["source"] != REGISTRY
                || denied.contains(package["name"].as_str().unwrap())
        })
        .map(named)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_licence_that_nobody_allowed_and_none_at_all_are_found() {
    let rules = rules();
    let package = |licence: Option<&str>| serde_json::json!({"name": "a", "license": licence});
    assert!(is_allowed(&package(Some("MIT OR GPL-3.0-only")), &rules));
    assert!(is_allowed(&package(Some("MIT/Apache-2.0")), &rules));
    for licence in [
        Some("GPL-3.0-only"),
        Some("MIT AND MPL-2.0"),
        Some(""),
        None,
    ] {
        assert!(!is_allowed(&package(licence), &rules), "{licence:?}");
    }
}

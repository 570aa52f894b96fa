//! Names the build: the package's version and, inside a Git checkout, the commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=FLEET_BUILD_REVISION");
    let revision = std::env::var("FLEET_BUILD_REVISION")
        .ok()
        .or_else(checked_out_commit)
        .filter(|revision| !revision.is_empty());
    let version = env!("CARGO_PKG_VERSION");
    let build = revision.map_or_else(
        || version.to_owned(),
        |revision| format!("{version}+{revision}"),
    );
    println!("cargo:rustc-env=FLEET_BUILD={build}");
}

/// Returns the commit of the checkout that this crate lies in, if it lies in one.
fn checked_out_commit() -> Option<String> {
    let git_dir = git(&["rev-parse", "--absolute-git-dir"])?;
    // A commit appends to the log of HEAD; checking out another one does too.
    let log = Path::new(&git_dir).join("logs/HEAD");
    if log.is_file() {
        println!("cargo:rerun-if-changed={}", log.display());
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

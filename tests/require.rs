//! Components that a test needs and that a machine may not have.
//!
//! On a developer's machine a test whose component is missing is skipped, and reported by name
//! at the end of `make test`. In CI (the variable `CI` is set) it fails: a check that silently
//! stopped running is worse than none.
//!
//! ```no_run
//! use podfleet_tests::require;
//!
//! let Some(tmux) = require::tmux() else { return };
//! ```

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

/// The variable that names the file to which skipped tests are reported.
const REPORT: &str = "PODFLEET_SKIPPED";

/// Returns the path of tmux.
pub fn tmux() -> Option<PathBuf> {
    program("tmux", "apt install tmux")
}

/// Returns the path of bash.
pub fn bash() -> Option<PathBuf> {
    program("bash", "apt install bash")
}

/// Returns the path of strace.
pub fn strace() -> Option<PathBuf> {
    program("strace", "apt install strace")
}

/// Returns the path of the library that shows a program another time.
pub fn faketime() -> Option<PathBuf> {
    program("faketime", "apt install faketime")?;
    let directories = std::fs::read_dir("/usr/lib").ok()?.flatten();
    directories
        .map(|directory| directory.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
}

/// Returns the path of sshd, which wants to be started by its whole path.
pub fn sshd() -> Option<PathBuf> {
    let found = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].map(PathBuf::from);
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        missing("sshd", "apt install openssh-server");
    }
    found
}

/// Returns the path of Python 3.
pub fn python3() -> Option<PathBuf> {
    program("python3", "apt install python3")
}

/// Returns the Python that has the Python SDK of the Model Context Protocol, which
/// `scripts/setup.sh tests` installs into `.tools`.
///
/// # Panics
///
/// When it is missing in CI.
pub fn mcp_client() -> Option<PathBuf> {
    let python = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.tools/mcp/bin/python3"
    ));
    let installed = python.exists();
    if !installed {
        missing("the Python SDK of MCP", "scripts/setup.sh tests");
    }
    installed.then_some(python)
}

/// Returns the Python that has Synapse, a Matrix homeserver, and matrix-nio, a client, which
/// `scripts/setup.sh matrix` installs into `.tools`.
///
/// # Panics
///
/// When it is missing in CI.
pub fn synapse() -> Option<PathBuf> {
    file(".tools/matrix/bin/python", "scripts/setup.sh matrix")
}

/// Returns the directory in which the program of a real agent is, which `scripts/setup.sh agents`
/// installs from npm into `.tools`.
///
/// # Panics
///
/// When it is missing in CI.
pub fn agent_program(name: &str) -> Option<PathBuf> {
    let program = format!(".tools/agents/{name}/node_modules/.bin/{name}");
    let found = file(&program, "scripts/setup.sh agents")?;
    found.parent().map(Path::to_owned)
}

/// Returns Chromium, and the program that drives it.
///
/// # Panics
///
/// When one is missing in CI.
pub fn chromium() -> Option<[PathBuf; 2]> {
    let chromium = program("chromium", "scripts/setup.sh browser")?;
    let driver = program("chromedriver", "scripts/setup.sh browser")?;
    Some([chromium, driver])
}

/// Returns whether the test may give programs a network of their own, with loopback alone.
///
/// # Panics
///
/// When it may not, in CI.
pub fn own_network() -> Option<()> {
    root_for("root, to make a network of its own").then_some(())?;
    program("ip", "apt install iproute2")?;
    program("nsenter", "apt install util-linux").map(drop)
}

/// Returns whether the test may mount file systems.
///
/// # Panics
///
/// When it may not, in CI.
pub fn root() -> bool {
    root_for("root, to mount a small file system")
}

/// Returns whether the test runs as root; `what` says that and for what it needs it.
///
/// # Panics
///
/// When it does not, in CI.
pub fn root_for(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        missing(what, "run the tests as root");
    }
    root
}

/// Returns whether a service manager of an ordinary user can be started.
///
/// # Panics
///
/// When it cannot, in CI.
pub fn user_systemd() -> Option<()> {
    root_for("root, to start a service manager of another user").then_some(())?;
    program("systemctl", "apt install systemd")?;
    program("setpriv", "apt install util-linux")?;
    tmux().map(drop)
}

/// Reports a part of the current test that this kind of machine can never show; no failure, also
/// in CI, since nothing could be installed for it.
pub fn cannot_show(what: &str, why: &str) {
    report(&describe(thread::current().name(), what, why));
}

/// Returns the path of a program; `remedy` is how a person gets it.
///
/// # Panics
///
/// When it is missing in CI.
pub fn program(name: &str, remedy: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = find(name, &path);
    if found.is_none() {
        missing(name, remedy);
    }
    found
}

/// Returns the path of a file of this repository that the setup makes; `remedy` makes it.
///
/// # Panics
///
/// When it is missing in CI.
pub fn file(path: &str, remedy: &str) -> Option<PathBuf> {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
    let found = file.is_file().then_some(file);
    if found.is_none() {
        missing(path, remedy);
    }
    found
}

fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Reports that the current test is skipped for want of a component.
///
/// # Panics
///
/// In CI.
fn missing(component: &str, remedy: &str) {
    let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    let line = describe(thread::current().name(), component, remedy);
    assert!(!in_ci, "{line}");
    report(&line);
}

fn report(line: &str) {
    if let Some(file) = env::var_os(REPORT) {
        let report = OpenOptions::new().append(true).create(true).open(file);
        // One write, so that the lines of parallel tests do not mix.
        let written = report.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        assert!(written.is_ok(), "report a skipped test: {written:?}");
    }
}

fn describe(test: Option<&str>, component: &str, remedy: &str) -> String {
    let test = test.unwrap_or("a test without a name");
    format!("{test}: needs {component} ({remedy})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_only_there() {
        assert_eq!(
            find("sh", OsStr::new("/nonexistent:/bin")),
            Some(PathBuf::from("/bin/sh"))
        );
        assert_eq!(find("sh", OsStr::new("/nonexistent")), None);
        assert_eq!(
            find("bin", OsStr::new("/")),
            None,
            "a directory is no program"
        );
    }

    #[test]
    fn the_report_names_the_test_and_the_remedy() {
        let line = describe(thread::current().name(), "tmux", "apt install tmux");
        assert!(
            line.ends_with(
                "the_report_names_the_test_and_the_remedy: needs tmux (apt install tmux)"
            )
        );
    }
}

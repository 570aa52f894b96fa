//! Files that a command makes for the user.

use std::path::Path;

use crate::error::Error;
use crate::exit::Exit;

/// Fails where a new file could not be written: by what is there, if it is not to be replaced;
/// `hint` then says what to do.
#[cfg(feature = "fleet")]
pub(crate) fn check_place(path: &Path, force: bool, hint: &str) -> Result<(), Error> {
    free_place(path, force, hint).map(drop)
}

/// Writes a file in one step, with the directories above it. Without `force` one that is there is
/// never replaced, even if it appeared a moment ago; `hint` then says what to do.
#[cfg(feature = "fleet")]
pub(crate) fn write(path: &Path, text: &str, force: bool, hint: &str) -> Result<(), Error> {
    let before = free_place(path, force, hint)?;
    Ok(before.replace(text.as_bytes())?)
}

#[cfg(feature = "fleet")]
fn free_place(path: &Path, force: bool, hint: &str) -> Result<podfleet::FileSnapshot, Error> {
    let before = podfleet::FileSnapshot::read(path, podfleet_roster::MAX_BYTES)?;
    if before.bytes().is_some() && !force {
        let message = format!("{} is there already; nothing was written", path.display());
        return Err(Error::message(Exit::Refused, message).hint(hint));
    }
    Ok(before)
}

/// A build for rosters alone has no part that replaces files safely.
#[cfg(not(feature = "fleet"))]
pub(crate) fn check_place(_: &Path, _: bool, _: &str) -> Result<(), Error> {
    Err(Error::message(
        Exit::Missing,
        "this build is for checking rosters; it writes no files",
    )
    .hint("let it print the text, into a file of yours"))
}

/// A build for rosters alone has no part that replaces files safely.
#[cfg(not(feature = "fleet"))]
pub(crate) fn write(path: &Path, _: &str, force: bool, hint: &str) -> Result<(), Error> {
    check_place(path, force, hint)
}

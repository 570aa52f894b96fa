//! Whether this machine runs a program at all.
//!
//! The C library hands what the kernel refuses to a shell, which takes machine code for a script:
//! what comes out is the shell's complaint about the program's second line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::io::Errno;

/// How every file of machine code begins (elf(5)).
const MAGIC: &[u8] = b"\x7fELF";
/// The 32-bit programs that 64-bit x86 runs too: class, byte order, machine.
const I386: [u8; 4] = [1, 1, 3, 0];

/// Checks a program before it is run.
///
/// # Errors
/// Fails for machine code of another machine, unless the kernel was taught to run others'.
pub(super) fn check(program: &Path) -> io::Result<()> {
    let Ok(Some(theirs)) = kind(program) else {
        // No machine code; or it cannot be read, which the kernel need not mind.
        return Ok(());
    };
    let ours = kind(Path::new("/proc/self/exe"))?;
    if theirs == ours.flatten() || theirs == Some(I386) || runs_others() {
        return Ok(());
    }
    Err(Errno::NOEXEC.into())
}

/// Returns what machine code is for; inside nothing if it is cut off, and nothing if it is none.
fn kind(program: &Path) -> io::Result<Option<Option<[u8; 4]>>> {
    let mut head = Vec::new();
    File::open(program)?.take(20).read_to_end(&mut head)?;
    if !head.starts_with(MAGIC) {
        return Ok(None);
    }
    Ok(Some(match head.as_slice() {
        [_, _, _, _, class, order, .., low, high] if head.len() == 20 => {
            Some([*class, *order, *low, *high])
        }
        _ => None,
    }))
}

/// Returns whether a handler for other programs is registered (`binfmt_misc`).
fn runs_others() -> bool {
    let entries = std::fs::read_dir("/proc/sys/fs/binfmt_misc");
    entries.is_ok_and(|entries| entries.count() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_runs_passes_and_what_it_does_not_run_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = |content: &[u8]| {
            let path = directory.path().join("program");
            std::fs::write(&path, content).unwrap();
            path
        };
        check(Path::new("/proc/self/exe")).unwrap();
        check(&file(b"#!/bin/sh\n")).unwrap();
        check(&file(b"")).unwrap();
        if !runs_others() {
            let foreign = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\0\xff";
            for content in [&foreign[..], &foreign[..10]] {
                let error = check(&file(content)).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(Errno::NOEXEC.raw_os_error()));
            }
        }
    }
}

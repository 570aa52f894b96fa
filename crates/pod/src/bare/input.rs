//! What the kernel of this machine knows of another process's terminal.

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::ioctl_fionread;
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::Terminal;

/// What becomes of the input of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalInput {
    /// Whether some of it waits for a program to read it.
    pub unread: bool,
    /// Whether a command has the terminal, and neither the program that the terminal was made for nor
    /// one that edits lines itself.
    pub away: bool,
}

impl TerminalInput {
    /// Asks the kernel about the terminal at `device`, which was made for `process`; nothing if it
    /// does not tell, or if that process has another terminal.
    #[must_use]
    pub fn of(process: u32, device: &Path) -> Option<Self> {
        let held = Terminal::of(process)?;
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags.bits()).ok()?)
            .open(device)
            .ok()?;
        if opened.metadata().ok()?.rdev() != held.device {
            return None;
        }
        let modes = tcgetattr(&opened).ok()?.local_modes;
        let canonical = modes.contains(LocalModes::ICANON);
        Some(Self {
            unread: ioctl_fionread(&opened).ok()? > 0,
            away: held.foreground != held.group && canonical,
        })
    }
}

//! Who listens on Unix sockets, by `/proc/net/unix` (proc(5)).

use std::path::Path;

/// The flag of a socket that listens (`__SO_ACCEPTCON`).
const LISTENS: u32 = 0x0001_0000;

/// The paths that are listened on, one for each listener.
pub(super) struct Listeners<'a>(Vec<&'a str>);

impl<'a> Listeners<'a> {
    /// Reads the kernel's table; its first line is a heading, and a path is last and may be absent.
    /// A path with blanks is cut, and so is never found.
    pub(super) fn in_table(table: &'a str) -> Self {
        let listener = |line: &'a str| {
            let mut fields = line.split_whitespace();
            let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
            let path = fields.nth(3)?;
            (flags & LISTENS != 0).then_some(path)
        };
        Self(table.lines().skip(1).filter_map(listener).collect())
    }

    /// Returns how many listen on a path.
    pub(super) fn on(&self, path: &Path) -> usize {
        self.0
            .iter()
            .filter(|found| Path::new(found) == path)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Linux 6.1.
    const TABLE: &str = "\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 18171 /tmp/tmux-0/web
0000000000000000: 00000002 00000000 00010000 0001 01 18172 /tmp/tmux-0/web
0000000000000000: 00000003 00000000 00000000 0001 03 18173 /tmp/tmux-0/web
0000000000000000: 00000002 00000000 00010000 0001 01 18174 /tmp/tmux-0/other
0000000000000000: 00000003 00000000 00000000 0001 03 18175
";

    #[test]
    fn two_servers_on_one_path_are_two_and_connections_are_none() {
        let listeners = Listeners::in_table(TABLE);
        assert_eq!(listeners.on(Path::new("/tmp/tmux-0/web")), 2);
        assert_eq!(listeners.on(Path::new("/tmp/tmux-0/other")), 1);
        assert_eq!(listeners.on(Path::new("/tmp/tmux-0/none")), 0);
    }
}

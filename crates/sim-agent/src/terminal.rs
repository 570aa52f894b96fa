//! The controlling terminal: its modes, and how it is given back.

use std::io::{Stdin, Stdout};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr,
};

use crate::SimError;
use crate::screen::Size;

/// Undoes every mode that the agent may have set, the alternate screen excepted.
const RESET_MODES: &str = "\x1b[?2004l\x1b[?1004l\x1b[?25h\x1b[22m";

/// How the terminal hands on what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Byte by byte, not echoed.
    Raw,
    /// Line by line, edited by the kernel.
    Canonical { echo: bool },
}

/// Standard input and output as a terminal. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub(crate) struct Terminal {
    input: Stdin,
    output: Stdout,
    before: Termios,
    mode: Mode,
    alternate_screen: bool,
}

impl Terminal {
    pub(crate) fn open(mode: Mode, alternate_screen: bool) -> Result<Self, SimError> {
        let (input, output) = (std::io::stdin(), std::io::stdout());
        if !isatty(&input) {
            return Err(SimError::not_a_terminal("standard input"));
        }
        if !isatty(&output) {
            return Err(SimError::not_a_terminal("standard output"));
        }
        let before = tcgetattr(&input)
            .map_err(|error| SimError::terminal("reading the terminal's modes", error))?;
        let mut modes = before.clone();
        match mode {
            Mode::Raw => modes.make_raw(),
            Mode::Canonical { echo } => {
                modes.local_modes.insert(LocalModes::ICANON);
                modes.local_modes.set(LocalModes::ECHO, echo);
            }
        }
        // `Now`, as anything typed ahead is to be seen, and told of, by the agent.
        tcsetattr(&input, OptionalActions::Now, &modes)
            .map_err(|error| SimError::terminal("setting the terminal's modes", error))?;
        Ok(Self {
            input,
            output,
            before,
            mode,
            alternate_screen,
        })
    }

    /// Returns the size; 24 rows of 80 columns where the terminal has none.
    pub(crate) fn size(&self) -> Size {
        match tcgetwinsize(&self.input) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => Size {
                rows: size.ws_row,
                columns: size.ws_col,
            },
            _ => Size {
                rows: 24,
                columns: 80,
            },
        }
    }

    /// Reads what is there; nothing at all means that the terminal is gone.
    pub(crate) fn read<'b>(&self, buffer: &'b mut [u8]) -> &'b [u8] {
        loop {
            match rustix::io::read(&self.input, &mut *buffer) {
                Err(Errno::INTR) => {}
                Err(_) => return &[],
                Ok(length) => return &buffer[..length],
            }
        }
    }

    /// Writes all of `text`, waiting while the terminal takes no more.
    pub(crate) fn write(&self, text: &str) -> Result<(), Errno> {
        // Not through `Stdout`, which would cut a frame in two at its last newline.
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match rustix::io::write(&self.output, rest) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
                Ok(length) => rest = &rest[length..],
            }
        }
        Ok(())
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The terminal may be gone by now; there is nobody left to tell.
        if self.mode == Mode::Raw {
            let _ = self.write(RESET_MODES);
            if self.alternate_screen {
                let _ = self.write("\x1b[?1049l");
            }
        }
        let _ = tcsetattr(&self.input, OptionalActions::Now, &self.before);
    }
}

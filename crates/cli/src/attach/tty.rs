//! The user's terminal: raw while an agent's terminal is shown in it, and given back as it was.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use podfleet_pod::terminal::LEAVE;
use podfleet_protocol::Size;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, ttyname};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::alternate::confine;
use super::display::ScreenUse;
use crate::error::Error;
use crate::exit::Exit;

/// How the terminal was before it was made raw, and what brings it back. There is one terminal a
/// process, and the panic hook has to find it.
static BEFORE: Mutex<Option<Before>> = Mutex::new(None);

struct Before {
    settings: Termios,
    screen: ScreenUse,
}

/// Keeps the title for later and enters the alternate screen, so that what the user had on the
/// screen is safe below it.
const ENTER: &[u8] = b"\x1b[22;0t\x1b[?1049h\x1b[2J\x1b[H";
/// Leaves the alternate screen and brings the title back.
const BACK: &[u8] = b"\x1b[?1049l\x1b[23;0t";

/// The user's terminal in raw mode; dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) struct Tty {
    // A terminal is no pipe, but is read, written and waited for just as one.
    input: Receiver,
    output: Sender,
}

impl Tty {
    /// Makes the terminal raw, and enters the alternate screen if that is to be used.
    ///
    /// # Errors
    /// Fails when standard input and output are not one terminal.
    pub(crate) fn open(screen: ScreenUse) -> Result<Self, Error> {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Err(Error::message(
                Exit::Usage,
                "standard input and output are not a terminal",
            )
            .hint("`fleet tail` prints an agent's terminal where there is none"));
        }
        // The terminal is opened anew, so that not blocking does not concern the shell that shares
        // our standard input.
        let path = ttyname(io::stdin(), Vec::new()).map_err(io::Error::from)?;
        let path = path.to_string_lossy().into_owned();
        let open = |options: &mut OpenOptions| {
            options
                .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
                .open(&path)
                .map_err(|error| Error::from(error).context(format!("{path} cannot be opened")))
        };
        let tty = Self {
            input: Receiver::from_file_unchecked(open(OpenOptions::new().read(true))?)?,
            output: Sender::from_file_unchecked(open(OpenOptions::new().write(true))?)?,
        };
        let settings = tcgetattr(&tty.input).map_err(io::Error::from)?;
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        *before = Some(Before { settings, screen });
        drop(before);
        tty.make_raw()?;
        if screen == ScreenUse::Alternate {
            io::stdout().write_all(ENTER)?;
            io::stdout().flush()?;
        }
        Ok(tty)
    }

    /// Makes the terminal raw, also once more after somebody else changed it.
    pub(crate) fn make_raw(&self) -> io::Result<()> {
        let mut settings = tcgetattr(&self.input)?;
        settings.make_raw();
        tcsetattr(&self.input, OptionalActions::Now, &settings)?;
        Ok(())
    }

    /// Returns the terminal's size; one that says 0 counts as 80×24.
    pub(crate) fn size(&self) -> Size {
        let size = tcgetwinsize(&self.input).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        let size = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
        Size {
            columns: size.0,
            rows: size.1,
        }
        .clamped()
    }

    /// Reads what the user typed; 0 bytes mean that the terminal is gone.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.input.readable().await?;
            match self.input.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A terminal that hung up answers with this instead of an end of file.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                    return Ok(0);
                }
                read => return read,
            }
        }
    }

    /// Writes some of `bytes`; returns how many. Nothing is written if it is cancelled.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.output.writable().await?;
            match self.output.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }

    /// Writes all of `bytes`.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write(bytes).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was; does nothing if it was not taken or is given back already.
pub(crate) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(before) = before else { return };
    let mut leave = Vec::new();
    match before.screen {
        ScreenUse::Owned => leave.extend_from_slice(LEAVE),
        ScreenUse::Alternate => {
            // What the agent set is taken back in the screen that it was set in: the cursor and
            // the keyboard's flags are each screen's own.
            confine(LEAVE, &mut leave);
            leave.extend_from_slice(BACK);
        }
    }
    // Nothing can be done for a terminal that is gone.
    let _ = io::stdout().write_all(&leave);
    let _ = io::stdout().flush();
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before.settings);
}

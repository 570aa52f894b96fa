//! What comes in from a client, line by line, and how much of a line that has no end yet is read.
//!
//! A line may be long, and a client may leave it unfinished. So of long lines only a few are read at
//! once, whatever the number of clients: the others wait in their sockets, where it is their clients
//! that wait. Who has such a place and does not finish its line in time is let go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use podfleet_protocol::limits::LINE_DEADLINE;
use podfleet_protocol::rpc::{ErrorCode, Response, RpcError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use super::deadline::Deadline;

/// This much of a line is read from any client.
const BEGINNING: usize = 16 << 10;
/// How many lines are read at once beyond that.
const LONG_LINES: usize = 3;

/// The places for long lines, which all connections of a pod share.
#[derive(Debug, Clone)]
pub(crate) struct LongLines(Arc<Semaphore>);

impl Default for LongLines {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LONG_LINES)))
    }
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Inlet {
    socket: UnixStream,
    /// How much of a line that has no end yet was read.
    unfinished: usize,
    places: PollSemaphore,
    place: Option<OwnedSemaphorePermit>,
    due: Deadline,
}

impl Inlet {
    pub(super) fn new(socket: UnixStream, places: &LongLines) -> Self {
        Self {
            socket,
            unfinished: 0,
            places: PollSemaphore::new(Arc::clone(&places.0)),
            place: None,
            due: Deadline::none(),
        }
    }

    /// Returns until when a long line must have its end.
    pub(super) fn due(&self) -> Deadline {
        self.due.clone()
    }

    pub(super) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Ends the reading of lines.
    pub(super) fn into_socket(self) -> UnixStream {
        self.socket
    }

    fn begin_long(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
        self.due.set(Instant::now() + LINE_DEADLINE);
    }

    fn count(&mut self, piece: &[u8]) {
        let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') else {
            self.unfinished += piece.len();
            return;
        };
        self.unfinished = piece.len() - end - 1;
        // The next one waits for its own place.
        if self.place.take().is_some() {
            self.due.lift();
        }
    }
}

impl AsyncRead for Inlet {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inlet = self.get_mut();
        if inlet.unfinished > BEGINNING && inlet.place.is_none() {
            match ready!(inlet.places.poll_acquire(context)) {
                Some(place) => inlet.begin_long(place),
                None => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            }
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut inlet.socket).poll_read(context, buffer))?;
        inlet.count(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Inlet {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

/// Returns what a client is told that did not finish its line in time.
pub(super) fn unfinished() -> Response {
    let message = format!(
        "a line of more than {} KiB was not finished within {} s; the connection is closed",
        BEGINNING >> 10,
        LINE_DEADLINE.as_secs()
    );
    Response::failure(None, RpcError::new(ErrorCode::LineUnfinished, message))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use futures_util::StreamExt;
    use podfleet_protocol::codec::LineCodec;
    use tokio::io::AsyncWriteExt;
    use tokio_util::codec::Framed;

    use super::*;

    const LONG: usize = 1 << 20;

    fn connection(places: &LongLines) -> (UnixStream, Framed<Inlet, LineCodec>) {
        let (client, socket) = UnixStream::pair().unwrap();
        let lines = Framed::new(Inlet::new(socket, places), LineCodec::new());
        (client, lines)
    }

    /// Sends bytes as far as they are read, and reads lines meanwhile.
    async fn carry(
        client: &mut UnixStream,
        lines: &mut Framed<Inlet, LineCodec>,
        bytes: &[u8],
    ) -> BytesMut {
        let sending = async {
            client.write_all(bytes).await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            line = lines.next() => line.unwrap().unwrap(),
            () = sending => BytesMut::new(),
        }
    }

    /// Reads what is there, and finds out what comes.
    async fn turn(lines: &mut Framed<Inlet, LineCodec>) {
        assert!(futures_util::poll!(lines.next()).is_pending());
        tokio::task::yield_now().await;
    }

    /// Makes a client with the beginning of a long line, and reads all of it that is read now.
    async fn begun(places: &LongLines) -> (UnixStream, Framed<Inlet, LineCodec>) {
        let (client, mut lines) = connection(places);
        let written = client.try_write(&vec![b'a'; 64 << 10]).unwrap();
        assert!(written > BEGINNING);
        while lines.get_ref().unfinished <= BEGINNING {
            turn(&mut lines).await;
        }
        turn(&mut lines).await;
        (client, lines)
    }

    #[tokio::test]
    async fn a_long_line_waits_for_one_of_the_others_and_a_short_one_does_not() {
        let places = LongLines::default();
        let mut holding = Vec::new();
        for _ in 0..LONG_LINES {
            let (client, lines) = begun(&places).await;
            assert!(lines.get_ref().place.is_some());
            holding.push((client, lines));
        }
        let (_client, mut waiting) = begun(&places).await;
        assert!(waiting.get_ref().place.is_none());
        assert!(waiting.read_buffer().len() <= 2 * BEGINNING);
        let (mut client, mut lines) = connection(&places);
        assert_eq!(carry(&mut client, &mut lines, b"short\n").await, "short");

        holding.pop();
        turn(&mut waiting).await;
        assert!(waiting.get_ref().place.is_some());
    }

    #[tokio::test]
    async fn a_line_that_is_finished_gives_its_place_back_and_has_no_deadline() {
        let places = LongLines::default();
        let (mut client, mut lines) = connection(&places);
        let mut line = vec![b'a'; LONG];
        line.extend(b"\nnext");
        for _ in 0..2 * LONG_LINES {
            let came = carry(&mut client, &mut lines, &line).await;
            assert!(came.len() >= LONG);
            assert_eq!(places.0.available_permits(), LONG_LINES);
        }
        assert!(futures_util::poll!(std::pin::pin!(lines.get_ref().due().passed())).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_not_finished_has_a_deadline() {
        let places = LongLines::default();
        let (_client, lines) = begun(&places).await;
        let begun = tokio::time::Instant::now();
        lines.get_ref().due().passed().await;
        assert!(begun.elapsed() <= LINE_DEADLINE + LINE_DEADLINE / 10);
    }
}

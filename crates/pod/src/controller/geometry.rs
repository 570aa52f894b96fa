//! The size of the terminal. A change is applied when it was the last one for a moment, whoever made
//! it: each costs the agent a repaint.

use std::time::{Duration, Instant};

use podfleet_protocol::Size;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use tokio::sync::oneshot;

use super::Controller;

/// How long a new geometry must stand before it is applied.
const SETTLES: Duration = Duration::from_millis(100);

type Answer = oneshot::Sender<Result<Size, RpcError>>;

/// Changes of the size that are not applied yet.
#[derive(Debug, Default)]
pub(super) struct Geometry {
    /// When the last of them is applied.
    pub(super) due: Option<Instant>,
    /// The size that a request asks for, and those who wait to hear what became of theirs.
    asked: Option<Size>,
    answers: Vec<Answer>,
}

impl Geometry {
    fn changed(&mut self) {
        self.due = Some(Instant::now() + SETTLES);
    }

    fn wait(&mut self, answer: Answer) {
        if self.answers.len() == self.answers.capacity() {
            // Before they become more, those leave whose connections are gone.
            self.answers.retain(|answer| !answer.is_closed());
        }
        self.answers.push(answer);
    }
}

impl Controller {
    pub(super) fn geometry_changed(&mut self) {
        self.geometry.changed();
    }

    /// Takes a request for a size, which is answered when that is applied: refused when a controller
    /// sets the size.
    pub(super) fn resize(&mut self, size: Size, answer: Answer) {
        let size = size.clamped();
        let (free, standing) = (self.controllers_size().is_none(), self.live.terminal.size());
        let geometry = &mut self.geometry;
        if free && size != geometry.asked.unwrap_or(standing) {
            geometry.asked = Some(size);
            geometry.changed();
        }
        if geometry.asked.is_some() {
            geometry.wait(answer);
        } else {
            let _ = answer.send(self.size_or_controller());
        }
    }

    pub(super) fn apply_geometry(&mut self) {
        let Geometry { asked, answers, .. } = std::mem::take(&mut self.geometry);
        let wanted = self.controllers_size().or(asked);
        if let Some(size) = wanted.or_else(|| self.live.clients.wanted_size())
            && size != self.live.terminal.size()
        {
            self.apply_size(size);
        }
        for answer in answers {
            let _ = answer.send(self.size_or_controller());
        }
    }

    fn controllers_size(&self) -> Option<Size> {
        let clients = &self.live.clients;
        clients.controller().and_then(|_| clients.wanted_size())
    }

    /// Returns the size, or refuses to say that it is what a request asked for: a controller sets it.
    fn size_or_controller(&self) -> Result<Size, RpcError> {
        if self.controllers_size().is_none() {
            return Ok(self.live.terminal.size());
        }
        let controller = self.live.clients.controller().unwrap_or_default();
        Err(RpcError::new(
            ErrorCode::ControlTaken,
            format!("{controller} has control, and the terminal its size"),
        ))
    }

    fn apply_size(&mut self, size: Size) {
        self.live.terminal.resize(size);
        self.live.clients.geometry(size);
        if let Some(terminal) = &self.terminal
            && let Err(error) = terminal.resize(size)
        {
            tracing::warn!(%error, "cannot resize the terminal");
        }
    }
}

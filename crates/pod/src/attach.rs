//! The clients of an agent's terminal: who sees what, who may type, and how far each has read.
//!
//! It is a state machine without I/O: frames go into one unbounded queue a client, which stays
//! bounded because a client that does not read gets no more than a repaint and [`ATTACH_WINDOW`]
//! bytes. A slow client never slows the agent or another client: it skips to a
//! repaint.

mod ring;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use podfleet_protocol::frame::{Frame, RESET_HEAD};
use podfleet_protocol::limits::{ATTACH_WINDOW, MAX_FRAME};
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Generation, Run, RunEnd, Size};
use tokio::sync::mpsc::UnboundedSender;

use ring::Ring;

/// How long a controller must not have typed before a view may take control with a key, and a view
/// before any controller may.
const CONTROL_IDLE: Duration = Duration::from_secs(10);

/// How long after a view has given control back its terminal may still tell the size that it goes back
/// to.
const SIZE_OWED: Duration = Duration::from_secs(2);

/// The smallest size that a controller gives an agent's terminal.
const LEAST_SIZE: Size = Size {
    columns: 20,
    rows: 6,
};

/// Names a client within its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

#[derive(Debug)]
struct Client {
    name: String,
    role: AttachRole,
    frames: UnboundedSender<Frame>,
    /// Up to where the stream was sent, and acknowledged.
    sent: u64,
    acknowledged: u64,
    needs_reset: bool,
    /// Whether a repaint is on its way to it: no further one follows before it was written out.
    painting: bool,
    /// Whether it has not seen anything yet: its first repaint brings scrollback along, which a
    /// later one would only double.
    new: bool,
    size: Option<Size>,
    /// The epoch of which it was told that it is not in control, since it last showed that it
    /// reads: who types on and never reads gets no more frames for that.
    told_off: Option<u32>,
}

#[derive(Debug)]
struct Control {
    client: ClientId,
    last_key: Option<Instant>,
}

impl Control {
    /// Returns whether it was used and has not been for a while.
    fn is_idle(&self, now: Instant) -> bool {
        let key = self.last_key;
        key.is_some_and(|key| now.saturating_duration_since(key) > CONTROL_IDLE)
    }
}

/// How much scrollback a repaint brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrollback {
    None,
    Tail,
}

/// Who made a piece of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Somebody at the keys.
    Person,
    /// The terminal alone: focus, mouse and other reports.
    Terminal,
}

/// What a client's input leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// It may be typed.
    Allowed,
    /// It may be typed, and the client has control from now on.
    TookControl,
    /// It is discarded, and the client was told.
    Discarded,
    /// The client broke the protocol and was sent off.
    Violation,
}

/// All attached clients and the view stream that they follow.
#[derive(Debug)]
pub(crate) struct Clients {
    generation: Generation,
    run: Run,
    size: Size,
    ring: Ring,
    clients: BTreeMap<ClientId, Client>,
    next_id: u64,
    control: Option<Control>,
    /// The size that a view left behind, while nobody has control.
    left: Option<Size>,
    /// The view that left it, and when: its next size counts too, once.
    owes_size: Option<(ClientId, Instant)>,
    epoch: u32,
}

impl Clients {
    pub(crate) fn new(generation: Generation, size: Size) -> Self {
        Self {
            generation,
            run: Run(0),
            size,
            ring: Ring::default(),
            clients: BTreeMap::new(),
            next_id: 1,
            control: None,
            left: None,
            owes_size: None,
            epoch: 0,
        }
    }

    /// Returns the end of the view stream.
    pub(crate) fn position(&self) -> Position {
        Position {
            generation: self.generation,
            run: self.run,
            offset: self.ring.end(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.clients.len()).unwrap_or(u32::MAX)
    }

    /// Returns the name of the client that may type.
    pub(crate) fn controller(&self) -> Option<&str> {
        let control = self.control.as_ref()?;
        Some(self.clients.get(&control.client)?.name.as_str())
    }

    /// Returns the name of a client.
    pub(crate) fn name(&self, id: ClientId) -> Option<&str> {
        self.clients.get(&id).map(|client| client.name.as_str())
    }

    /// Returns the size that the controller told, or that a view which was it left behind.
    pub(crate) fn wanted_size(&self) -> Option<Size> {
        let size = match &self.control {
            Some(control) => self.clients.get(&control.client)?.size?,
            None => self.left?,
        };
        // In less no agent can show its composer; the client shows a part of it.
        Some(Size {
            columns: size.columns.max(LEAST_SIZE.columns),
            rows: size.rows.max(LEAST_SIZE.rows),
        })
    }

    /// Takes a client in. Its stream begins where it left off if that is still there, else with a
    /// repaint at the next [`pump`](Self::pump).
    ///
    /// # Errors
    /// Fails when it wants control that another client has and does not take it. A view that has not
    /// typed for a while gives way: whoever looked at it may have left.
    pub(crate) fn attach(
        &mut self,
        name: String,
        params: &AttachParams,
        frames: UnboundedSender<Frame>,
        now: Instant,
    ) -> Result<(ClientId, AttachResult), RpcError> {
        if params.role == AttachRole::Controller
            && !(params.take || self.is_idle_view(now))
            && let Some(holder) = self.controller()
        {
            return Err(RpcError::new(
                ErrorCode::ControlTaken,
                format!("{holder} has control; watch instead, or take control (`--take`)"),
            ));
        }
        let id = ClientId(self.next_id);
        self.next_id += 1;
        let resumed = params.from.filter(|from| self.can_resume(*from));
        let sent = resumed.map_or(self.ring.end(), |from| from.offset);
        let client = Client {
            name,
            role: params.role,
            frames,
            sent,
            acknowledged: sent,
            needs_reset: resumed.is_none(),
            painting: false,
            new: resumed.is_none(),
            told_off: None,
            size: params.size.map(Size::clamped),
        };
        self.clients.insert(id, client);
        if params.role == AttachRole::Controller {
            self.give_control(Some(id));
        }
        let result = AttachResult {
            position: Position {
                offset: sent,
                ..self.position()
            },
            size: self.size,
            in_control: self.has_control(id),
            controller: self.controller().map(str::to_owned),
            epoch: self.epoch,
        };
        Ok((id, result))
    }

    /// Returns whether a view has control and has not typed for a while.
    fn is_idle_view(&self, now: Instant) -> bool {
        let Some(control) = &self.control else {
            return false;
        };
        let holder = self.clients.get(&control.client);
        holder.is_some_and(|holder| holder.role == AttachRole::View) && control.is_idle(now)
    }

    fn can_resume(&self, from: Position) -> bool {
        from.generation == self.generation && from.run == self.run && self.ring.holds(from.offset)
    }

    fn has_control(&self, id: ClientId) -> bool {
        self.control
            .as_ref()
            .is_some_and(|control| control.client == id)
    }

    /// Lets a client go. Returns whether control became free by it.
    pub(crate) fn detach(&mut self, id: ClientId) -> bool {
        let had_control = self.has_control(id);
        self.clients.remove(&id);
        if had_control {
            self.give_control(None);
        }
        had_control
    }

    fn give_control(&mut self, to: Option<ClientId>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.control = to.map(|client| Control {
            client,
            last_key: None,
        });
        (self.left, self.owes_size) = (None, None);
        let name = self.controller().unwrap_or_default().to_owned();
        for (id, client) in &self.clients {
            let frame = Frame::ControllerChanged {
                epoch: self.epoch,
                you: to == Some(*id),
                name: name.clone(),
            };
            let _ = client.frames.send(frame);
        }
    }

    /// Decides what becomes of a client's input: of keys, or of what its terminal reports by itself,
    /// which neither takes control nor keeps it.
    pub(crate) fn input(&mut self, id: ClientId, source: Source, now: Instant) -> Input {
        let Some(client) = self.clients.get(&id) else {
            return Input::Discarded;
        };
        let role = client.role;
        if role == AttachRole::Viewer {
            self.send_off(id, "a viewer may not type; attach with control instead");
            return Input::Violation;
        }
        if let Some(control) = &mut self.control
            && control.client == id
        {
            if source == Source::Person {
                control.last_key = Some(now);
            }
            return Input::Allowed;
        }
        if source == Source::Terminal {
            return Input::Discarded;
        }
        let held = self.control.as_ref();
        let free = held.is_none_or(|control| control.is_idle(now));
        if role == AttachRole::View && free {
            self.give_control(Some(id));
            if let Some(control) = &mut self.control {
                control.last_key = Some(now);
            }
            return Input::TookControl;
        }
        let epoch = self.epoch;
        if let Some(client) = self.clients.get_mut(&id)
            && client.told_off.replace(epoch) != Some(epoch)
        {
            let _ = client.frames.send(Frame::NotController { epoch });
        }
        Input::Discarded
    }

    /// Remembers a client's size. Returns whether it counts now.
    pub(crate) fn resize(&mut self, id: ClientId, size: Size, now: Instant) -> bool {
        let owed = self
            .owes_size
            .is_some_and(|(view, since)| view == id && now.duration_since(since) < SIZE_OWED);
        let has_control = self.has_control(id);
        match self.clients.get_mut(&id) {
            Some(client) if client.role != AttachRole::Viewer => {
                client.size = Some(size.clamped());
                if owed {
                    self.left = client.size;
                    self.owes_size = None;
                }
                has_control || owed
            }
            Some(_) => {
                self.send_off(id, "a viewer does not set the size");
                false
            }
            None => false,
        }
    }

    /// Takes control back from who has it. A view's size stays, until it tells the one that its window
    /// goes back to.
    pub(crate) fn release(&mut self, id: ClientId, now: Instant) {
        if !self.has_control(id) {
            return;
        }
        self.give_control(None);
        if let Some(client) = self.clients.get(&id)
            && client.role == AttachRole::View
        {
            (self.left, self.owes_size) = (client.size, Some((id, now)));
        }
    }

    pub(crate) fn acknowledge(&mut self, id: ClientId, offset: u64) {
        if let Some(client) = self.clients.get_mut(&id) {
            let acknowledged = offset.clamp(client.acknowledged, client.sent);
            if acknowledged > client.acknowledged {
                client.told_off = None;
            }
            client.acknowledged = acknowledged;
        }
    }

    pub(crate) fn repaint(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.needs_reset = true;
        }
    }

    /// Takes notice that a client's connection took a repaint.
    pub(crate) fn painted(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.painting = false;
        }
    }

    pub(crate) fn pong(&self, id: ClientId, payload: Bytes) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.frames.send(Frame::Pong(payload));
        }
    }

    fn send_off(&mut self, id: ClientId, why: &str) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.frames.send(Frame::Error(why.to_owned()));
        }
        self.detach(id);
    }

    /// Appends output to the view stream.
    pub(crate) fn output(&mut self, bytes: Bytes) {
        self.ring.push(bytes);
    }

    /// Begins the stream of a new run.
    pub(crate) fn begin_run(&mut self, run: Run) {
        self.run = run;
        self.ring = Ring::default();
        for client in self.clients.values_mut() {
            client.sent = 0;
            client.acknowledged = 0;
            client.needs_reset = true;
        }
    }

    /// Tells everybody how a run ended.
    pub(crate) fn end_run(&self, end: &RunEnd) {
        for client in self.clients.values() {
            let _ = client.frames.send(Frame::Exit {
                offset: self.ring.end(),
                run: self.run,
                end: end.to_string(),
            });
        }
    }

    /// Tells everybody the terminal's new size; what was sent before is of no use at it.
    pub(crate) fn geometry(&mut self, size: Size) {
        self.size = size;
        self.ring.forget();
        for client in self.clients.values_mut() {
            let offset = self.ring.end();
            let _ = client.frames.send(Frame::Geometry { offset, size });
            client.needs_reset = true;
        }
    }

    /// Sends to every client what it lacks and has room for. `repaint` renders the terminal, with
    /// scrollback for clients that are new.
    pub(crate) fn pump(&mut self, repaint: impl Fn(Scrollback) -> Vec<u8>) {
        let (end, position, size) = (self.ring.end(), self.position(), self.size);
        for client in self.clients.values_mut() {
            let in_flight = client.sent.saturating_sub(client.acknowledged);
            if in_flight >= ATTACH_WINDOW {
                continue;
            }
            if client.needs_reset || !self.ring.holds(client.sent) {
                if client.painting {
                    continue;
                }
                let scrollback = if client.new {
                    Scrollback::Tail
                } else {
                    Scrollback::None
                };
                for frame in reset_frames(&repaint(scrollback), position, size) {
                    let _ = client.frames.send(frame);
                }
                client.needs_reset = false;
                client.painting = true;
                client.new = false;
                client.sent = end;
                client.acknowledged = end;
                continue;
            }
            let room = ATTACH_WINDOW - in_flight;
            for (offset, bytes) in self.ring.read(client.sent, room) {
                client.sent = offset + bytes.len() as u64;
                let _ = client.frames.send(Frame::Output { offset, bytes });
            }
        }
    }
}

/// Cuts a repaint into frames.
fn reset_frames(bytes: &[u8], position: Position, size: Size) -> Vec<Frame> {
    let first = bytes.len().min(MAX_FRAME - RESET_HEAD);
    let (head, tail) = bytes.split_at(first);
    let parts = tail.len().div_ceil(MAX_FRAME);
    let mut frames = vec![Frame::Reset {
        offset: position.offset,
        generation: position.generation,
        run: position.run,
        size,
        bytes: Bytes::copy_from_slice(head),
        more: parts > 0,
    }];
    for (index, part) in tail.chunks(MAX_FRAME).enumerate() {
        frames.push(Frame::ResetPart {
            offset: position.offset,
            bytes: Bytes::copy_from_slice(part),
            more: index + 1 < parts,
        });
    }
    frames
}

#[cfg(test)]
mod tests;

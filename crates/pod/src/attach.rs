//! The clients of an agent's terminal: who sees what, who may type, and how far each has read.
//!
//! It is a state machine without I/O: frames go into an outbox a client, which stays small because a
//! client that does not read gets no more than a repaint and a window of bytes, and all of them
//! together no more than a bound of the pod's. A slow client never slows the agent or another client:
//! it skips to a repaint.

mod control;
mod easel;
mod outbox;
mod ring;

use std::collections::BTreeMap;
use std::mem;
use std::time::Instant;

use bytes::Bytes;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::limits::{ATTACH_WINDOW, LEAST_WINDOW, READ_DEADLINE};
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Generation, Run, RunEnd, Size};

use control::Control;
pub(crate) use control::{Input, Source};
pub(crate) use easel::Scrollback;
use easel::{Easel, reset_frames};
pub(crate) use outbox::{Outbox, Outgoing, outbox};
use ring::Ring;

/// How many bytes all clients together may leave unacknowledged.
const WINDOWS: u64 = 16 << 20;

/// Names a client within its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

#[derive(Debug)]
struct Client {
    name: String,
    role: AttachRole,
    frames: Outbox,
    /// Up to where the stream was sent, and acknowledged.
    sent: u64,
    acknowledged: u64,
    needs_reset: bool,
    /// The repaint that is on its way to it: no further one follows before it was written out.
    painting: Option<Painting>,
    /// Whether it has not seen anything yet: its first repaint brings scrollback along, which a
    /// later one would only double.
    new: bool,
    size: Option<Size>,
    /// The epoch of which it was told that it is not in control, since it last showed that it
    /// reads: who types on and never reads gets no more frames for that.
    told_off: Option<u32>,
}

impl Client {
    /// Returns how many bytes of output are on their way to it: what waits to be written to it is,
    /// whatever it acknowledges.
    fn in_flight(&self) -> u64 {
        let unacknowledged = self.sent.saturating_sub(self.acknowledged);
        unacknowledged.max(self.frames.waiting())
    }
}

#[derive(Debug)]
struct Painting {
    since: Instant,
    bytes: Bytes,
}

/// All attached clients and the view stream that they follow.
#[derive(Debug)]
pub(crate) struct Clients {
    generation: Generation,
    run: Run,
    size: Size,
    ring: Ring,
    /// Where in the stream of this run the size last changed.
    resized: Option<u64>,
    clients: BTreeMap<ClientId, Client>,
    next_id: u64,
    control: Option<Control>,
    /// The size that a view left behind, while nobody has control.
    left: Option<Size>,
    /// The view that left it, and when: its next size counts too, once.
    owes_size: Option<(ClientId, Instant)>,
    epoch: u32,
    /// Whether somebody waits for a repaint because others do not take theirs.
    starved: bool,
}

impl Clients {
    pub(crate) fn new(generation: Generation, size: Size) -> Self {
        Self {
            generation,
            run: Run(0),
            size,
            ring: Ring::default(),
            resized: None,
            clients: BTreeMap::new(),
            next_id: 1,
            control: None,
            left: None,
            owes_size: None,
            epoch: 0,
            starved: false,
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

    /// Returns the name of a client.
    pub(crate) fn name(&self, id: ClientId) -> Option<&str> {
        self.clients.get(&id).map(|client| client.name.as_str())
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
        frames: Outbox,
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
            painting: None,
            new: resumed.is_none(),
            told_off: None,
            size: params.size.map(Size::clamped),
        };
        self.clients.insert(id, client);
        if params.role == AttachRole::Controller {
            self.give_control(Some(Control::new(id, now)));
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

    /// Returns whether a client may go on where it left off. Of one that has seen all up to the last
    /// change of size nothing tells whether it has seen the change, too.
    fn can_resume(&self, from: Position) -> bool {
        from.generation == self.generation
            && from.run == self.run
            && self.resized.is_none_or(|resized| from.offset > resized)
            && self.ring.holds(from.offset)
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
            client.painting = None;
        }
    }

    pub(crate) fn pong(&self, id: ClientId, payload: Bytes) {
        if let Some(client) = self.clients.get(&id) {
            client.frames.push(Frame::Pong(payload));
        }
    }

    fn send_off(&mut self, id: ClientId, why: &str) {
        if let Some(client) = self.clients.get(&id) {
            client.frames.cut(why);
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
        self.resized = None;
        for client in self.clients.values_mut() {
            client.sent = 0;
            client.acknowledged = 0;
            client.needs_reset = true;
        }
    }

    /// Tells everybody how a run ended.
    pub(crate) fn end_run(&self, end: &RunEnd) {
        for client in self.clients.values() {
            client.frames.push(Frame::Exit {
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
        self.resized = Some(self.ring.end());
        for client in self.clients.values_mut() {
            let offset = self.ring.end();
            client.frames.push(Frame::Geometry { offset, size });
            client.needs_reset = true;
        }
    }

    /// Returns how many bytes a client may leave unacknowledged, as many as there are.
    fn window(&self) -> u64 {
        let share = WINDOWS / u64::from(self.count().max(1));
        share.clamp(LEAST_WINDOW, ATTACH_WINDOW)
    }

    /// Returns how many bytes of repaints wait to be taken. Clients that were sent the very same one
    /// share it.
    fn unpainted(&self) -> usize {
        let paintings = self
            .clients
            .values()
            .filter_map(|client| client.painting.as_ref());
        let distinct: BTreeMap<_, _> = paintings
            .map(|painting| (painting.bytes.as_ptr(), painting.bytes.len()))
            .collect();
        distinct.values().sum()
    }

    /// Returns when somebody who waits for a repaint gets room.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let paintings = self
            .clients
            .values()
            .filter_map(|client| client.painting.as_ref());
        let oldest = paintings.map(|painting| painting.since).min();
        oldest
            .filter(|_| self.starved)
            .map(|since| since + READ_DEADLINE)
    }

    /// Lets those go that have not taken a repaint in time while others wait for one.
    fn make_room(&mut self, now: Instant) {
        let overdue = |client: &Client| {
            let since = client.painting.as_ref().map(|painting| painting.since);
            since.is_some_and(|since| now.saturating_duration_since(since) >= READ_DEADLINE)
        };
        let late = self.clients.iter().filter(|(_, client)| overdue(client));
        for id in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.send_off(
                id,
                "its repaint was not read in time, and others wait for theirs",
            );
        }
    }

    /// Sends to every client what it lacks and has room for. `repaint` renders the terminal, with
    /// scrollback for clients that are new.
    pub(crate) fn pump(&mut self, now: Instant, repaint: impl Fn(Scrollback) -> Vec<u8>) {
        if mem::take(&mut self.starved) {
            self.make_room(now);
        }
        let (end, position, window) = (self.ring.end(), self.position(), self.window());
        let mut easel = Easel::new(self.unpainted());
        for client in self.clients.values_mut() {
            let in_flight = client.in_flight();
            if in_flight >= window {
                continue;
            }
            if client.needs_reset || !self.ring.holds(client.sent) {
                if client.painting.is_some() {
                    continue;
                }
                let scrollback = if client.new {
                    Scrollback::Tail
                } else {
                    Scrollback::None
                };
                let Some(bytes) = easel.paint(scrollback, &repaint) else {
                    self.starved = true;
                    continue;
                };
                for frame in reset_frames(&bytes, position, self.size) {
                    client.frames.push(frame);
                }
                client.needs_reset = false;
                client.painting = Some(Painting { since: now, bytes });
                client.new = false;
                client.sent = end;
                client.acknowledged = end;
                continue;
            }
            for (offset, bytes) in self.ring.read(client.sent, window - in_flight) {
                client.sent = offset + bytes.len() as u64;
                client.frames.push(Frame::Output { offset, bytes });
            }
        }
    }
}

#[cfg(test)]
mod tests;

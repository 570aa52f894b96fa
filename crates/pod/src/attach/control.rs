//! Control: which client may type, and whose size the terminal has.

use std::time::{Duration, Instant};

use podfleet_protocol::Size;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::AttachRole;

use super::{ClientId, Clients};

/// How long a controller must not have typed before a view may take control with a key, and a view
/// before any controller may.
pub(super) const CONTROL_IDLE: Duration = Duration::from_secs(10);

/// How long after a view has given control back its terminal may still tell the size that it goes back
/// to.
pub(super) const SIZE_OWED: Duration = Duration::from_secs(2);

/// The smallest size that a controller gives an agent's terminal.
const LEAST_SIZE: Size = Size {
    columns: 20,
    rows: 6,
};

#[derive(Debug)]
pub(super) struct Control {
    client: ClientId,
    /// When it last typed, or took control.
    used: Instant,
}

impl Control {
    pub(super) const fn new(client: ClientId, now: Instant) -> Self {
        Self { client, used: now }
    }

    /// Returns whether it has not been used for a while.
    fn is_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) > CONTROL_IDLE
    }
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

impl Clients {
    /// Returns the name of the client that may type.
    pub(crate) fn controller(&self) -> Option<&str> {
        let control = self.control.as_ref()?;
        Some(self.clients.get(&control.client)?.name.as_str())
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

    /// Returns whether a view has control and has not typed for a while.
    pub(super) fn is_idle_view(&self, now: Instant) -> bool {
        let Some(control) = &self.control else {
            return false;
        };
        let holder = self.clients.get(&control.client);
        holder.is_some_and(|holder| holder.role == AttachRole::View) && control.is_idle(now)
    }

    pub(super) fn has_control(&self, id: ClientId) -> bool {
        self.control
            .as_ref()
            .is_some_and(|control| control.client == id)
    }

    pub(super) fn give_control(&mut self, to: Option<Control>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.control = to;
        (self.left, self.owes_size) = (None, None);
        let name = self.controller().unwrap_or_default().to_owned();
        for (id, client) in &self.clients {
            let frame = Frame::ControllerChanged {
                epoch: self.epoch,
                you: self.has_control(*id),
                name: name.clone(),
            };
            client.frames.push(frame);
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
                control.used = now;
            }
            return Input::Allowed;
        }
        if source == Source::Terminal {
            return Input::Discarded;
        }
        let held = self.control.as_ref();
        let free = held.is_none_or(|control| control.is_idle(now));
        if role == AttachRole::View && free {
            self.give_control(Some(Control::new(id, now)));
            return Input::TookControl;
        }
        let epoch = self.epoch;
        if let Some(client) = self.clients.get_mut(&id)
            && client.told_off.replace(epoch) != Some(epoch)
        {
            client.frames.push(Frame::NotController { epoch });
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
}

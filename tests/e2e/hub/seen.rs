//! What one client sees of a terminal.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::HubClient;
use podfleet_hub::op::AgentRef;
use podfleet_hub::terminal::TerminalRef;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};

use super::Machine;

/// How long anything that ought to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn params(role: AttachRole, from: Option<Position>) -> AttachParams {
    AttachParams {
        role,
        take: false,
        // Another size would be a reason for a repaint.
        size: None,
        from,
    }
}

/// What was seen of a terminal: its bytes, and up to where.
pub(super) struct Seen {
    pub(super) stream: AttachStream,
    pub(super) position: Position,
    pub(super) text: Vec<u8>,
    pub(super) resets: usize,
}

impl Seen {
    /// Takes control of the shell that a machine opened on another, from a place on.
    pub(super) async fn shell_of(home: &Machine, from: Option<Position>) -> Self {
        let params = params(AttachRole::Controller, from);
        Self::attach(&home.client(), "sh@box", params).await
    }

    pub(super) async fn attach(client: &HubClient, agent: &str, params: AttachParams) -> Self {
        let agent: AgentRef = agent.parse().unwrap();
        Self::of(client, &mut agent.into(), params).await
    }

    pub(super) async fn of(
        client: &HubClient,
        terminal: &mut TerminalRef,
        params: AttachParams,
    ) -> Self {
        let attached = client.attach_to(terminal, &params).await;
        let (result, stream): (AttachResult, _) = attached.unwrap();
        Self {
            stream,
            position: params.from.unwrap_or(result.position),
            text: Vec::new(),
            resets: 0,
        }
    }

    pub(super) async fn type_in(&mut self, text: &str) {
        let input = Frame::Input(text.to_owned().into());
        self.stream.send(input).await.unwrap();
    }

    /// Takes frames until the text is there; nothing if the stream ends before.
    pub(super) async fn until(&mut self, wanted: &str) -> Option<()> {
        let reading = async {
            while !String::from_utf8_lossy(&self.text).contains(wanted) {
                match self.stream.next().await?.ok()? {
                    Frame::Output { offset, bytes } => {
                        assert_eq!(offset, self.position.offset, "a gap or a repetition");
                        self.position.offset += bytes.len() as u64;
                        self.text.extend_from_slice(&bytes);
                        let ack = Frame::Ack(self.position.offset);
                        let _ = self.stream.send(ack).await;
                    }
                    Frame::Reset {
                        offset,
                        generation,
                        run,
                        bytes,
                        ..
                    } => {
                        self.resets += 1;
                        self.position = Position {
                            generation,
                            run,
                            offset,
                        };
                        self.text = bytes.to_vec();
                    }
                    Frame::ResetPart { bytes, .. } => self.text.extend_from_slice(&bytes),
                    _ => {}
                }
            }
            Some(())
        };
        let found = tokio::time::timeout(PATIENCE, reading).await;
        found.unwrap_or_else(|_| {
            panic!(
                "{wanted} never came: {}",
                String::from_utf8_lossy(&self.text)
            )
        })
    }
}

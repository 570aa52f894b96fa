//! A client that follows a terminal whatever happens to its way.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::HubClient;
use podfleet_hub::op::AgentRef;
use podfleet_hub::terminal::TerminalRef;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachRole, Position};

use super::seen::params;

/// How long a stream may take to go on, or to be seen to have ended: longer than the 30 s after
/// which a silent side is given up.
const PATIENCE: Duration = Duration::from_secs(50);

/// A stretch of a view stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Stretch {
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// What one client got: stretches without a gap, a new one after each reset.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) stretches: Vec<Stretch>,
    position: Option<Position>,
}

impl Got {
    fn end(&self) -> u64 {
        self.stretches.last().map_or(0, Stretch::end)
    }

    fn take(&mut self, frame: &Frame) {
        match frame {
            Frame::Output { offset, bytes } => {
                let last = self
                    .stretches
                    .last_mut()
                    .expect("a stream begins with a reset");
                assert_eq!(*offset, last.end(), "a gap or a repetition");
                last.bytes.extend_from_slice(bytes);
                if let Some(position) = &mut self.position {
                    position.offset = last.end();
                }
            }
            Frame::Reset {
                offset,
                generation,
                run,
                ..
            } => {
                self.stretches.push(Stretch {
                    start: *offset,
                    bytes: Vec::new(),
                });
                self.position = Some(Position {
                    generation: *generation,
                    run: *run,
                    offset: *offset,
                });
            }
            _ => {}
        }
    }
}

/// Follows a terminal for as long as the test runs, and attaches again whenever the way breaks.
pub(super) struct Follower {
    pub(super) got: Arc<Mutex<Got>>,
    breaks: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    pub(super) fn of(client: HubClient, agent: &str) -> Self {
        let agent: AgentRef = agent.parse().unwrap();
        let mut terminal = TerminalRef::from(agent);
        let (got, breaks) = (Arc::<Mutex<Got>>::default(), Arc::<Mutex<usize>>::default());
        let (of_task, breaks_of_task) = (Arc::clone(&got), Arc::clone(&breaks));
        let task = tokio::spawn(async move {
            loop {
                let from = of_task.lock().unwrap().position;
                let attached = client
                    .attach_to(&mut terminal, &params(AttachRole::Viewer, from))
                    .await;
                if let Ok((_, mut stream)) = attached {
                    while let Some(Ok(frame)) = stream.next().await {
                        let end = {
                            let mut got = of_task.lock().unwrap();
                            got.take(&frame);
                            got.end()
                        };
                        let _ = stream.send(Frame::Ack(end)).await;
                    }
                    *breaks_of_task.lock().unwrap() += 1;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { got, breaks, task }
    }

    pub(super) fn end(&self) -> u64 {
        self.got.lock().unwrap().end()
    }

    pub(super) fn breaks(&self) -> usize {
        *self.breaks.lock().unwrap()
    }

    pub(super) async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: at {}", self.end());
            assert!(!self.task.is_finished(), "{what}: the follower failed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it has all that another has now.
    pub(super) async fn catches_up_with(&self, other: &Self, when: &str) {
        let wanted = other.end();
        self.until(when, |own| own.end() >= wanted).await;
    }

    /// Waits until it goes on behind a break, as one beside a pod does whose hub restarts.
    pub(super) async fn goes_on_after_a_break(&self) {
        self.until("the break", |own| own.breaks() > 0).await;
        let before = self.end();
        self.until("it goes on", |own| own.end() > before).await;
    }
}

/// Compares what came through hubs with what a follower beside the pod got.
pub(super) fn each_byte_once(direct: &Follower, through: &Follower) {
    let (direct, through) = (direct.got.lock().unwrap(), through.got.lock().unwrap());
    let [whole] = direct.stretches.as_slice() else {
        panic!("the follower beside the pod was repainted")
    };
    assert!(whole.bytes.len() > 1000);
    for stretch in &through.stretches {
        // Each began with a repaint, the first of them after what is compared with did.
        let start = usize::try_from(stretch.start.saturating_sub(whole.start)).unwrap();
        let skipped = usize::try_from(whole.start.saturating_sub(stretch.start)).unwrap();
        let wanted = whole.bytes.get(start..).unwrap_or_default();
        let got = stretch.bytes.get(skipped..).unwrap_or_default();
        let both = wanted.len().min(got.len());
        assert_eq!(&wanted[..both], &got[..both]);
        assert!(both > 0);
    }
}

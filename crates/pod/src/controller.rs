//! The controller: the one task that owns an agent's run and decides what happens in a pod.
//!
//! All events reach it one by one, so there is one order of things. It never waits for a disk: it
//! asks the journal and is told. Its live state is one value, [`Live`].

mod agent;
mod clients;
mod conversation;
mod dialogs;
mod head;
mod keys;
mod lane;
mod launch;
mod news;
mod orders;
mod own_words;
mod prompt;
mod resetting;
mod status;
mod text;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt as _;
use podfleet_harness::{Classification, Harness, ScreenState};
use podfleet_pod_store::CrashPoint;
use podfleet_protocol::{Hold, Message, MessageId, Paused, Run, Size};
use pty_process::{OwnedReadPty, OwnedWritePty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::agent_process::{AgentProcess, AgentTerminal, GuardReport};
use crate::attach::Clients;
use crate::clock::Moment;
use crate::command::Command;
use crate::delivery::Delivery;
use crate::keeper::{Keeper, Watchdog};
use crate::lifecycle::Lifecycle;
use crate::restart::Restarts;
use crate::shared::Shared;
use crate::spec::PodSpec;
use crate::terminal::Terminal;
use crate::timer::Timer;
use crate::witness::Witness;
use agent::{Ending, Phase, Stopping};
use keys::Keys;
use prompt::Prompt;

/// How much output is taken at once.
const READ: usize = 64 << 10;
/// How much of it the terminal reads at once.
const PIECE: usize = 4 << 10;
/// The same after a piece that stood for more than [`GROWS`] times as much as it was.
const GROWING_PIECE: usize = 256;
const GROWS: usize = 16;
/// After how much output for clients it is others' turn.
const VISIBLE: usize = READ;
/// How far apart looks at a changing screen are.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The same while a delivery watches. An agent that streams is read in thousands of pieces, and a
/// look at each would take longer than all of them.
const WATCH_EVERY: Duration = Duration::from_millis(2);
/// After which times of quiet the screen is looked at again, since rules may ask for quiet.
const QUIET_LOOKS: [Duration; 6] = [
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1500),
    Duration::from_millis(3100),
];
/// How long a new geometry must stand before it is applied.
const GEOMETRY_SETTLES: Duration = Duration::from_millis(100);
/// How many bytes an agent may leave unread before its terminal answers no more queries.
const UNREAD_ANSWERS: usize = 64 << 10;
/// Lines of scrollback that the terminal model keeps.
const SCROLLBACK: usize = 2000;

/// What does not change while a pod runs.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) shared: Arc<Shared>,
    /// Where the parent is told what happens, if there is one.
    pub(crate) lifecycle: Option<mpsc::UnboundedSender<Lifecycle>>,
    pub(crate) spec: PodSpec,
    pub(crate) harness: Harness,
    /// Our own binary.
    pub(crate) exe: PathBuf,
    /// What the pod adds to its agent's environment.
    pub(crate) pod_env: Vec<(String, String)>,
    pub(crate) heartbeat_interval: Duration,
    /// Where bodies go that are too long to be typed.
    pub(crate) bodies: PathBuf,
    /// The account of a quarantine that outlived the former generation.
    pub(crate) quarantined: Option<String>,
    pub(crate) boot_id: String,
    /// The brake that outlived the former generation.
    pub(crate) paused: Option<Paused>,
}

/// All that is true of the running agent: a later build of the pod could be handed this, with the
/// descriptors of [`Controller`], and go on.
#[derive(Debug)]
struct Live {
    run: Run,
    terminal: Terminal,
    clients: Clients,
    delivery: Delivery,
    keys: Keys,
    prompt: Prompt,
    /// Bytes on their way to the agent.
    outgoing: BytesMut,
    classification: Classification,
    since: Moment,
    started: Instant,
    started_at: Moment,
    last_output: Option<Instant>,
    /// When bytes last went to the agent, or were last seen to wait for it.
    last_input: Option<Instant>,
    output_at: Option<Moment>,
    /// The next message, and how many wait.
    next: Option<Next>,
    waiting: u32,
    hold: Option<Hold>,
    /// What the agent last said of itself in this run.
    own_word: Option<own_words::OwnWord>,
    /// Who reads its transcript.
    witness: Option<Witness>,
    /// The choice of a dialog that was picked last, while nothing else was seen.
    pick: Option<dialogs::Pick>,
    /// The answer to a dialog that is on its way.
    answering: Option<dialogs::Answering>,
}

/// The message that is to be typed next.
#[derive(Debug, Clone)]
struct Next {
    message: Message,
    attempts: u32,
    /// Whether it is the store's; else it is the pod's own.
    stored: bool,
}

/// The state of a pod.
#[derive(Debug)]
pub(crate) struct Controller {
    setup: Setup,
    live: Live,
    process: Option<AgentProcess>,
    terminal: Option<AgentTerminal>,
    agent_pid: Option<u32>,
    phase: Phase,
    restarts: Restarts,
    stopping: Option<Stopping>,
    /// A run that is being ended for a new conversation.
    renewing: Option<Ending>,
    /// Why it is being ended.
    stop_reason: String,
    shutdown_answers: Vec<oneshot::Sender<()>>,
    /// What the agent has written and the terminal has not read yet.
    unread: BytesMut,
    /// Whether the last piece of it stood for much more than it was.
    grows: bool,
    /// Whether the screen changed since the last look, and when that was.
    dirty: bool,
    last_look: Instant,
    resize_at: Option<Instant>,
    head_wanted: bool,
    head_asked: bool,
    /// What was withdrawn since the store was asked: its answer may still name it.
    withdrawn: Vec<MessageId>,
    /// Whether a message has left whose receipt the store does not have yet: until then the store
    /// would give it again.
    leaving: bool,
    open: lane::Open,
    /// The pod's own messages that go before all others.
    own: VecDeque<Message>,
    /// The task for which the context was reset.
    reset_for: Option<MessageId>,
    /// The reset that is on its way.
    resetting: Option<MessageId>,
    /// The conversation of this run.
    talk: conversation::Talk,
    /// Whether the conversation that was kept is to be forgotten.
    forgotten: bool,
    /// Why the log could not take the last message.
    commit_fault: Option<String>,
    /// The brake, if delivery is paused.
    paused: Option<Paused>,
    heartbeat: status::Beat,
}

impl Controller {
    pub(crate) fn new(setup: Setup) -> Self {
        let now = Instant::now();
        let size = setup.spec.size.clamped();
        let generation = setup.shared.fence.generation;
        let restarts = Restarts::new(setup.spec.restart);
        Self {
            live: Live {
                run: Run(0),
                terminal: Terminal::new(size, SCROLLBACK),
                clients: Clients::new(generation, size),
                delivery: Delivery::new(),
                keys: Keys::default(),
                prompt: Prompt::default(),
                outgoing: BytesMut::new(),
                classification: not_started(),
                since: Moment::now(),
                started: now,
                started_at: Moment::now(),
                last_output: None,
                last_input: None,
                output_at: None,
                next: None,
                waiting: 0,
                hold: None,
                own_word: None,
                witness: None,
                pick: None,
                answering: None,
            },
            process: None,
            terminal: None,
            agent_pid: None,
            phase: Phase::Idle,
            restarts,
            stopping: None,
            renewing: None,
            stop_reason: String::new(),
            shutdown_answers: Vec::new(),
            unread: BytesMut::with_capacity(READ),
            grows: false,
            dirty: false,
            last_look: now,
            resize_at: None,
            head_wanted: true,
            head_asked: false,
            withdrawn: Vec::new(),
            leaving: false,
            open: lane::Open::new(),
            own: VecDeque::new(),
            reset_for: None,
            resetting: None,
            talk: conversation::Talk::default(),
            forgotten: false,
            commit_fault: None,
            paused: setup.paused.clone(),
            heartbeat: status::Beat::default(),
            setup,
        }
    }

    /// Hosts the agent until the pod is told to end.
    ///
    /// # Errors
    /// Fails when the system gives no signals or no timer.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        waiting: u32,
        keeper: Box<dyn Keeper>,
    ) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut quit = signal(SignalKind::quit())?;
        let mut timer = Timer::new()?;
        let mut watchdog = Watchdog::new(keeper, Instant::now());
        self.live.waiting = waiting;
        self.begin().await;
        self.settle();
        while !self.is_over() {
            watchdog.feed(Instant::now());
            let wake = self.next_wake();
            let wake = watchdog.due().map_or(wake, |due| due.min(wake));
            let (reading, writing) = match &mut self.terminal {
                Some(terminal) => (Some(&mut terminal.output), Some(&mut terminal.input)),
                None => (None, None),
            };
            tokio::select! {
                Some(command) = commands.recv() => self.command(command).await,
                report = report(&mut self.process) => self.reported(report).await,
                read = read(reading, &mut self.unread) => self.read_done(read.unwrap_or(0)),
                wrote = write(writing, &self.live.outgoing) => self.write_done(wrote.ok(), Instant::now()),
                ended = timer.until(wake) => ended?,
                _ = terminate.recv() => self.shut_down("SIGTERM", None),
                _ = interrupt.recv() => self.shut_down("SIGINT", None),
                _ = hangup.recv() => self.shut_down("SIGHUP", None),
                _ = quit.recv() => self.shut_down("SIGQUIT", None),
            }
            self.timers().await;
            self.settle();
            if !self.unread.is_empty() {
                // The rest is there at once, and others have waited meanwhile.
                tokio::task::yield_now().await;
            }
        }
        self.farewell().await;
        Ok(())
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Accepted(waiting) => {
                self.live.waiting = waiting.max(1);
                self.head_wanted = true;
            }
            Command::Left => {
                self.live.waiting = self.live.waiting.saturating_sub(1);
                self.leaving = false;
                self.head_wanted = true;
            }
            Command::Head(head) => self.head(*head),
            Command::Committed(id, result) => self.committed(id, result),
            Command::LaunchCommitted(result) => self.launch_committed(result).await,
            Command::InputLogged => self.input_logged(),
            Command::Prepared(result) => self.prepared(result).await,
            Command::Paused(paused) => self.pause(paused),
            Command::Withdrawn(id) => self.withdrawn(id),
            Command::CaughtUp(answer) => {
                let _ = answer.send(());
            }
            Command::Interrupt(answer) => {
                let _ = answer.send(self.interrupt());
            }
            Command::Dialog(answer) => {
                let _ = answer.send(self.dialog_result());
            }
            Command::Answer(params, attempt, answer) => {
                self.answer(params, attempt, answer, Instant::now());
            }
            Command::Reset(answer) => {
                let _ = answer.send(self.reset());
            }
            Command::Witnessed(run, source, facts) if run == self.live.run => {
                self.witnessed(source, &facts);
            }
            // Of a run that is over.
            Command::Witnessed(..) => {}
            Command::Reported(payload) => self.hook_called(&payload),
            Command::Resize(size, answer) => {
                let _ = answer.send(self.resize(size));
            }
            Command::Screen(answer) => {
                let _ = answer.send(self.screen());
            }
            Command::Scrollback(params, answer) => {
                let _ = answer.send(self.scrollback(params));
            }
            Command::Attach(client) => self.attach(*client),
            Command::Frame(id, frame, _place) => self.frame(id, frame),
            Command::Painted(id) => self.live.clients.painted(id),
            Command::Gone(id) => self.gone(id),
            Command::Shutdown(reason, answer) => self.shut_down(&reason, answer),
        }
    }

    fn read_done(&mut self, length: usize) {
        if length == 0 {
            // The guard's report says that a run ended, not the terminal: a descendant of the
            // agent may hold it, or have closed it.
            self.terminal = None;
        } else {
            self.output();
        }
    }

    /// Takes the agent's output in: model, answers to its queries, clients. What stands for much more
    /// than it is, is left for later in part: a few bytes may repeat a character a thousand times.
    fn output(&mut self) {
        let live = &mut self.live;
        let mut visible = Vec::with_capacity(self.unread.len());
        while !self.unread.is_empty() && visible.len() < VISIBLE {
            let piece = if self.grows { GROWING_PIECE } else { PIECE };
            let piece = piece.min(self.unread.len());
            let before = visible.len();
            let unread = &self.unread[..piece];
            let answers = live.terminal.feed_seen(unread, &mut visible);
            // An agent that asks and never reads gets no further answers.
            if live.outgoing.len() + answers.len() <= UNREAD_ANSWERS || live.delivery.is_typing() {
                live.outgoing.extend_from_slice(&answers);
            }
            self.grows = visible.len() - before > GROWS * piece;
            self.unread.advance(piece);
        }
        // In memory of just its size, since it is kept.
        live.clients.output(Bytes::copy_from_slice(&visible));
        live.last_output = Some(Instant::now());
        live.output_at = Some(Moment::now());
        self.dirty = true;
    }

    fn write_done(&mut self, length: Option<usize>, now: Instant) {
        match length {
            Some(length) => {
                self.live.last_input = Some(now);
                self.live.outgoing.advance(length);
                if self.live.outgoing.is_empty() && self.live.delivery.is_typing() {
                    CrashPoint::DeliverTyped.reach();
                }
            }
            None => self.live.outgoing.clear(),
        }
        self.release_keys();
    }

    /// Draws the conclusions after an event: what is on the screen, what to type, whom to tell.
    fn settle(&mut self) {
        let now = Instant::now();
        if self.look_due(now) {
            self.look(now);
        }
        self.go_on_answering(now);
        let live = &mut self.live;
        let terminal = &live.terminal;
        live.clients
            .pump(|scrollback| terminal.repaint(clients::tail(scrollback)));
        self.publish();
        self.direct_witness();
        self.fetch_head();
    }

    fn look_due(&self, now: Instant) -> bool {
        let timed = self.quiet_look().is_some_and(|at| at <= now)
            || self
                .live
                .delivery
                .next_look(self.last_look)
                .is_some_and(|at| at <= now)
            || self.gate_opens().is_some_and(|at| at <= now)
            || self.own_word_expires().is_some_and(|at| at <= now);
        timed || self.change_look().is_some_and(|at| at <= now)
    }

    /// Returns when to look at what has changed on the screen.
    fn change_look(&self) -> Option<Instant> {
        let pace = if self.live.delivery.is_watching() {
            WATCH_EVERY
        } else {
            LOOK_EVERY
        };
        self.dirty.then(|| self.last_look + pace)
    }

    /// Returns the next moment of quiet that a rule may wait for.
    fn quiet_look(&self) -> Option<Instant> {
        self.process.as_ref()?;
        let quiet_since = self.live.last_output.unwrap_or(self.live.started);
        QUIET_LOOKS
            .iter()
            .map(|quiet| quiet_since + *quiet)
            .find(|at| *at > self.last_look)
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let due = [
            self.quiet_look(),
            self.live.delivery.next_look(self.last_look),
            self.gate_opens(),
            self.own_word_expires(),
            self.change_look(),
            self.resize_at,
            self.restart_due(),
            self.order_due(),
            self.live
                .answering
                .as_ref()
                .map(|answering| answering.until.min(now + LOOK_EVERY)),
            Some(self.heartbeat.due(self.setup.heartbeat_interval, now)),
        ];
        due.into_iter().flatten().min().unwrap_or(now)
    }

    async fn timers(&mut self) {
        let now = Instant::now();
        if self.resize_at.is_some_and(|at| at <= now) {
            self.apply_geometry();
        }
        if self.restart_due().is_some_and(|at| at <= now) {
            self.begin().await;
        }
        if self.order_due().is_some_and(|due| due <= now) {
            self.press_stop(now).await;
        }
    }

    /// Tells the parent what happened, if there is one.
    fn report(&self, event: Lifecycle) {
        if let Some(lifecycle) = &self.setup.lifecycle {
            // Whoever tells it ends after us.
            let _ = lifecycle.send(event);
        }
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

fn not_started() -> Classification {
    Classification {
        state: ScreenState::Starting,
        rule: "not-started".into(),
        line: None,
    }
}

async fn report(process: &mut Option<AgentProcess>) -> GuardReport {
    match process {
        Some(process) => process.report().await,
        None => std::future::pending().await,
    }
}

/// Reads what is there, up to about [`READ`] bytes, and waits until there is something. The kernel gives
/// a page at a time, and each costs conclusions and a frame for every client unless it is taken with
/// the others. What is left of the last time comes first.
async fn read(terminal: Option<&mut OwnedReadPty>, output: &mut BytesMut) -> io::Result<usize> {
    let Some(terminal) = terminal else {
        return std::future::pending().await;
    };
    if !output.is_empty() {
        return Ok(output.len());
    }
    output.reserve(READ);
    terminal.read_buf(output).await?;
    // Nothing is waited for here, so that what was read cannot be lost on the way. An end or an error
    // is met again by the next read.
    while !output.is_empty() && output.len() < READ {
        match terminal.read_buf(output).now_or_never() {
            Some(Ok(more)) if more > 0 => {}
            _ => break,
        }
    }
    Ok(output.len())
}

async fn write(terminal: Option<&mut OwnedWritePty>, bytes: &BytesMut) -> io::Result<usize> {
    match terminal {
        Some(terminal) if !bytes.is_empty() => terminal.write(bytes).await,
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

//! The controller: the one task that owns an agent's run and decides what happens in a pod.
//!
//! All events reach it one by one, so there is one order of things. It never waits for a disk: it
//! asks the journal and is told. Its live state is one value, [`Live`].

mod agent;
mod chronicle;
mod clients;
mod conversation;
mod dialogs;
mod draining;
mod geometry;
mod head;
mod interruption;
mod keys;
mod lane;
mod launch;
mod news;
mod orders;
mod own_words;
mod prompt;
mod resetting;
mod status;
mod suspension;
mod terminal_io;
mod text;
mod typist;
mod waking;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use podfleet_harness::{Classification, Harness, ScreenState};
use podfleet_protocol::{Hold, Message, MessageId, Paused, Run};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::agent_process::{AgentProcess, AgentTerminal, GuardReport};
use crate::attach::Clients;
use crate::clock::Moment;
use crate::command::Command;
use crate::delivery::Delivery;
use crate::keeper::{Keeper, Watchdog};
use crate::lifecycle::Lifecycle;
use crate::process::Adopted;
use crate::restart::Restarts;
use crate::shared::Shared;
use crate::spec::PodSpec;
use crate::terminal::Terminal;
use crate::timer::Timer;
use crate::witness::{self, Witness};
use agent::{Ending, Phase, Stopping};
use keys::Keys;
use prompt::Prompt;
use terminal_io::{READ, read, write};

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
    /// What is done about an agent that stopped itself.
    suspension: Option<suspension::Suspension>,
    /// The answer to a dialog that is on its way.
    answering: Option<dialogs::Answering>,
    interruption: Option<interruption::Interruption>,
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
    /// Until when nothing is begun, since somebody is about to end the pod.
    drained: Option<Instant>,
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
    geometry: geometry::Geometry,
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
    /// Why nothing can be delivered.
    fault: Option<lane::Fault>,
    /// The brake, if delivery is paused.
    paused: Option<Paused>,
    heartbeat: status::Beat,
    adopted: Adopted,
    chronicle: chronicle::Chronicle,
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
                suspension: None,
                answering: None,
                interruption: None,
            },
            process: None,
            terminal: None,
            agent_pid: None,
            phase: Phase::Idle,
            restarts,
            stopping: None,
            drained: None,
            renewing: None,
            stop_reason: String::new(),
            shutdown_answers: Vec::new(),
            unread: BytesMut::with_capacity(READ),
            grows: false,
            dirty: false,
            last_look: now,
            geometry: geometry::Geometry::default(),
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
            fault: None,
            paused: setup.paused.clone(),
            heartbeat: status::Beat::default(),
            adopted: Adopted::default(),
            chronicle: chronicle::Chronicle::default(),
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
                Some(facts) = witness::found(&mut self.live.witness) => self.witnessed(podfleet_protocol::Source::Transcript, &facts),
                report = report(&mut self.process) => self.reported(report).await,
                read = read(reading, &mut self.unread) => self.read_done(read.unwrap_or(0)),
                wrote = write(writing, &self.live.outgoing) => self.write_done(wrote.ok(), Instant::now()),
                ended = timer.until(wake) => ended?,
                _ = terminate.recv() => self.signalled("SIGTERM"),
                _ = interrupt.recv() => self.signalled("SIGINT"),
                _ = hangup.recv() => self.signalled("SIGHUP"),
                _ = quit.recv() => self.signalled("SIGQUIT"),
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
            Command::Head(head) => {
                if matches!(&*head, Ok(Some(entry)) if entry.message.typing.task) {
                    self.take_up_changes().await;
                }
                self.head(*head);
            }
            Command::Committed(id, result) => self.committed(id, result),
            Command::LaunchCommitted(result) => self.launch_committed(result).await,
            Command::StoreLost(lost) => self.store_lost(lost),
            Command::InputLogged => self.input_logged(),
            Command::Prepared(result) => self.prepared(result).await,
            Command::Paused(paused) => self.pause(paused),
            Command::Withdrawn(id) => self.withdrawn(id),
            Command::CaughtUp(answer) => {
                let _ = answer.send(());
            }
            Command::Drain(answer) => self.come_to_rest(answer, Instant::now()),
            Command::Interrupt(answer) => self.interrupt(answer),
            Command::Dialog(answer) => {
                let _ = answer.send(self.dialog_result());
            }
            Command::Answer(params, attempt, answer) => {
                self.answer(params, attempt, answer, Instant::now());
            }
            Command::Reset(answer) => {
                self.take_up_changes().await;
                let _ = answer.send(self.reset());
            }
            Command::Reported(payload) => self.hook_called(&payload),
            Command::Resize(size, answer) => self.resize(size, answer),
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
            Command::Shutdown(params, answer) => self.shut_down(params, answer),
        }
    }

    /// Draws the conclusions after an event: what is on the screen, what to type, whom to tell.
    fn settle(&mut self) {
        let now = Instant::now();
        if self.look_due(now) {
            self.look(now);
        }
        self.go_on_answering(now);
        self.go_on_interrupting(now);
        let live = &mut self.live;
        let terminal = &live.terminal;
        live.clients.pump(now, |scrollback| {
            terminal.repaint(clients::tail(scrollback))
        });
        self.publish();
        self.direct_witness();
        self.fetch_head();
    }

    async fn timers(&mut self) {
        let now = Instant::now();
        if self.geometry.due.is_some_and(|at| at <= now) {
            self.apply_geometry();
        }
        if self.restart_due().is_some_and(|at| at <= now) {
            self.take_up_changes().await;
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

#[cfg(test)]
mod tests;

mod notes;

use std::time::Duration;

use podfleet::{SendReport, SendRequest, SessionTarget};
use podfleet_protocol::{Class, MessageId, OnCrash, Outcome as Reached, Typing};

use crate::commands::body::BodyArgs;
use crate::commands::scope::{DryRun, JsonFlag, Scope, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::receipt;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const OUTCOMES: &str = "\
Outcomes, from the weakest: accepted (it is safe in the inbox), submitted (the
agent has taken it), queued_by_agent, started (the agent works on it), answered
(the turn has ended). A message that is held stays in the inbox and is typed
when the agent is free.
Exit status without --wait: 0 once it is accepted. With --wait: 0 if that was
reached, 1 if not; 3 if a rule refused it.

An agent chooses how a message is typed (--raw, --now, --task) only where it may
give orders: as the fleet's lead, or to a child of its own.

An agent of another host is reached by ssh: the fleet there takes the message,
or else it is typed into its tmux session. A session that no pod hosts has no
inbox: a message is typed at once or refused; exit status 0 means submitted.
Nothing there knows the ids of messages: one that is sent again is typed again.";

/// Send a message to an agent, and show the receipt
#[derive(Debug, clap::Args)]
#[command(
    after_help = OUTCOMES,
    group = clap::ArgGroup::new("body"),
    override_usage = "fleet send <AGENT|--tmux <SESSION>> <-m <TEXT>|-f <FILE>|-> [OPTIONS]"
)]
pub(crate) struct Args {
    /// The agent
    #[arg(
        value_name = "AGENT",
        required_unless_present = "tmux",
        add = crate::completion::agents()
    )]
    agent: Option<String>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    body: BodyArgs,
    /// Wait until it came so far: accepted, submitted, started or answered
    #[arg(long, value_name = "OUTCOME", value_parser = wanted)]
    wait: Option<Reached>,
    /// How long to wait or look at most, in seconds [default: 10; 60 with --wait, 600 for answered]
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = super::number::within(0..=3600))]
    timeout: Option<u64>,
    /// Inside a pod: send it though the same text was sent within a minute
    #[arg(long)]
    again: bool,
    /// The message's id; however often it is sent, an inbox takes it once
    #[arg(long, value_parser = message_id)]
    id: Option<MessageId>,
    /// What it asks for: actionable, human, reaction or terminal-log
    #[arg(long, value_parser = class, default_value = "actionable", hide_default_value = true)]
    class: Class,
    /// It starts a task: the context is reset before it where the roster says so
    #[arg(long)]
    task: bool,
    /// Type it into a busy agent's own queue, where that is safe
    #[arg(long)]
    now: bool,
    /// Leave out the line head that says who speaks to whom
    #[arg(long)]
    raw: bool,
    /// Allow a raw message that the agent may take for a command (`!`, `/`, `@`)
    #[arg(long, requires = "raw")]
    allow_command: bool,
    /// What to do when a crash interrupts the typing: `retry` types it again
    #[arg(long, value_name = "WHAT", value_parser = ["retry"], hide_possible_values = true)]
    on_crash: Option<String>,
    /// The conversation that it belongs to
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Type it into this tmux session, which no pod hosts
    #[arg(long, value_name = "SESSION")]
    tmux: Option<String>,
    /// The session's socket, a name or a path [default: the fleet's; with --ssh tmux's]
    #[arg(long, value_name = "NAME", requires = "tmux")]
    socket: Option<String>,
    /// The session's machine, as ssh knows it
    #[arg(long, value_name = "TARGET", requires = "tmux")]
    ssh: Option<String>,
    /// The program in the session: a runtime [default: found by its name]
    #[arg(long, value_name = "RUNTIME", requires = "tmux")]
    runtime: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

fn wanted(text: &str) -> Result<Reached, String> {
    match text.parse() {
        Ok(
            outcome @ (Reached::Accepted
            | Reached::Submitted
            | Reached::Started
            | Reached::Answered),
        ) => Ok(outcome),
        _ => Err("it is one of accepted, submitted, started and answered".to_owned()),
    }
}

pub(super) fn message_id(text: &str) -> Result<MessageId, String> {
    let no_id = |_| "it is a UUID, such as a receipt shows".to_owned();
    text.parse().map_err(no_id)
}

fn class(text: &str) -> Result<Class, String> {
    text.parse().map_err(|()| {
        let classes = Class::ALL.map(Class::as_str);
        format!("it is one of {}", classes.join(", "))
    })
}

impl Args {
    /// With `--tmux` the only word on the command line is `-`.
    fn dash_alone(&self) -> bool {
        self.tmux.is_some() && self.agent.as_deref() == Some("-")
    }

    /// Returns the session that it is typed into, if it goes to no agent.
    fn session(&self) -> Result<Option<SessionTarget>, Error> {
        let Some(session) = &self.tmux else {
            return Ok(None);
        };
        if let Some(agent) = self.agent.as_deref().filter(|word| *word != "-") {
            let message = format!("it is sent either to the agent `{agent}` or to a tmux session");
            return Err(Error::message(Exit::Usage, message));
        }
        Ok(Some(SessionTarget {
            session: session.clone(),
            socket: self.socket.clone(),
            ssh: self.ssh.clone(),
            host: None,
            runtime: self.runtime.clone(),
        }))
    }

    fn receiver(&self) -> &str {
        self.tmux
            .as_deref()
            .or(self.agent.as_deref())
            .unwrap_or_default()
    }

    fn body(&self) -> Result<String, Error> {
        if !self.body.is_given() && !self.dash_alone() {
            let hint = "give it by `-m TEXT`, `-f FILE`, or `-` for standard input";
            return Err(Error::message(Exit::Usage, "there is no message").hint(hint));
        }
        self.body.read()
    }
}

impl Args {
    fn request(&self) -> Result<SendRequest, Error> {
        let request = SendRequest::new(self.receiver(), self.body()?);
        Ok(SendRequest {
            id: self.id,
            class: self.class,
            thread: self.thread.clone(),
            typing: Typing {
                raw: self.raw,
                allow_command: self.allow_command,
                task: self.task,
                now: self.now,
                on_crash: match self.on_crash {
                    Some(_) => OnCrash::Retry,
                    None => OnCrash::Report,
                },
            },
            again: self.again,
            wait: self.wait,
            timeout: self.timeout.map(Duration::from_secs),
            ..request
        })
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let session = args.session()?;
    let request = args.request()?;
    #[cfg(feature = "hub")]
    if let Some(hub) = &args.through.hub {
        return match through_hub(hub, &session, request, args, context)? {
            Some(report) => tell(&report, args, context),
            None => tell_dry(args, context),
        };
    }
    let sent = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        if args.dry_run.dry_run {
            match &session {
                Some(session) => fleet.check_session(session, &request).await?,
                None => fleet.check_send(&request).await?,
            }
            return Ok(None);
        }
        Ok(Some(match &session {
            Some(session) => fleet.send_to_session(session, &request).await?,
            None => fleet.send(request).await?,
        }))
    });
    let sent = sent.map_err(|error| {
        let name = args.receiver();
        error.hint_if_interrupted(format!(
            "if it was accepted it stays in the inbox; `fleet log {name}` says so"
        ))
    })?;
    match sent {
        Some(report) => tell(&report, args, context),
        None => tell_dry(args, context),
    }
}

fn tell_dry(args: &Args, context: &mut Context) -> Outcome {
    let agent = args.receiver();
    if args.json.json {
        let told = serde_json::json!({ "dry_run": true, "agent": agent });
        context.output.json(&told)?;
    } else {
        context
            .output
            .say(format_args!("it would be sent to `{agent}`"))?;
    }
    Ok(Exit::Success)
}

fn tell(report: &SendReport, args: &Args, context: &mut Context) -> Outcome {
    if args.json.json {
        context.output.json(report)?;
    } else {
        context.output.data(receipt::render_sent(report))?;
        for note in notes::of(report, args.wait, args.id) {
            context
                .output
                .say(wrap(&format!("note: {note}"), 0, "  "))?;
        }
    }
    Ok(exit(report, args.wait))
}

/// How far a message has to come for the command to succeed: what no inbox keeps has to be submitted.
fn needed(report: &SendReport, wait: Option<Reached>) -> Option<Reached> {
    match wait {
        None if !report.via.is_kept() => Some(Reached::Submitted),
        wait => wait,
    }
}

/// Sends by way of a hub, to an agent of whatever machine; nothing with `--dry-run`.
#[cfg(feature = "hub")]
fn through_hub(
    hub: &str,
    session: &Option<podfleet::SessionTarget>,
    request: SendRequest,
    args: &Args,
    context: &mut Context,
) -> Result<Option<SendReport>, Error> {
    use crate::hub::{connect, meant};
    use podfleet_hub::op::{FleetSend, SendParams};
    use podfleet_hub::wire::{DEADLINE, MAX_DEADLINE};

    /// How much longer than the message the answer may take.
    const SLACK: Duration = Duration::from_secs(15);

    if session.is_some() {
        let message = "`--tmux` is for this machine, not for a hub's";
        return Err(Error::message(Exit::Usage, message));
    }
    let deadline = request
        .timeout
        .map_or(MAX_DEADLINE, |timeout| timeout + SLACK);
    if deadline > MAX_DEADLINE {
        let most = (MAX_DEADLINE - SLACK).as_secs();
        let message = format!("through a hub it is waited for {most} s at most");
        let hint = format!(
            "`fleet log {} --hub {hub}` tells what came of it",
            args.receiver()
        );
        return Err(Error::message(Exit::Usage, message).hint(hint));
    }
    // The answer may be lost on the way, and whoever sends it again means the same message.
    let id = request.id.unwrap_or_else(MessageId::generate);
    let again = format!("sent again with `--id {id}` it is delivered once, accepted now or not");
    let timeout = request.timeout;
    let client = connect::client(hub, context)?;
    let meant = block_on(meant::terminal(hub, &request.agent, &args.scope, context))?;
    let params = SendParams {
        to: meant.agent,
        fleet: meant.fleet,
        body: request.body,
        id: Some(id),
        class: request.class,
        typing: request.typing,
        words_only: false,
        wait: request.wait,
        timeout_ms: timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
    };
    let sent = block_on(async {
        if args.dry_run.dry_run {
            let looked = client.preview::<FleetSend>(params, DEADLINE, None);
            return looked.await.map(|_| None).map_err(Error::from);
        }
        let sent = client.call_within::<FleetSend>(params, deadline, None);
        sent.await.map(Some).map_err(|error| {
            let may_be_accepted = is_lost(&error);
            let error = Error::from(error);
            if may_be_accepted {
                error.hint(&again)
            } else {
                error
            }
        })
    });
    let report = sent.map_err(|error| error.hint_if_interrupted(&again))?;
    Ok(report.map(|report| SendReport {
        agent: request.agent,
        ..report
    }))
}

/// Returns whether it may have been done all the same.
#[cfg(feature = "hub")]
fn is_lost(error: &podfleet_hub::client::ClientError) -> bool {
    use podfleet_hub::client::{ClientError, Unreachable};
    use podfleet_hub::fault::Code;
    match error {
        ClientError::Unreachable(why, _) => {
            matches!(why, Unreachable::Timeout | Unreachable::Reset)
        }
        // Such as a proxy that answers for a hub that is gone.
        ClientError::NoHub(_) => true,
        ClientError::Answer(fault) => {
            matches!(fault.code, Code::EndpointOffline | Code::DeadlineExceeded)
        }
    }
}

/// Without a wait an accepted message is a success: whoever reads a failure would send it again.
fn exit(report: &SendReport, wait: Option<Reached>) -> Exit {
    if report.receipt.outcome == Reached::Refused {
        return Exit::Refused;
    }
    Exit::answer(needed(report, wait).is_none_or(|wanted| report.reached(wanted)))
}

//! `send` to where no pod of this fleet is: to a tmux session, here or on another machine, and to a
//! fleet there.

mod far_fleet;
mod program;

use std::time::Duration;

use far_fleet::hosted_there;

use podfleet_pod::bare::{BrokenOff, Parcel, deliver};
use podfleet_pod::clock;
use podfleet_pod_store::Refusal;
use podfleet_protocol::{Address, Message, MessageId, Outcome, Receipt, clean_body};
use podfleet_roster::Agent;
use podfleet_tmux::{Pane, Socket, Tmux, TmuxErrorKind};

use super::Fleet;
use super::send::{SendReport, SendRequest, Via};
use super::settle::account;
use crate::bare_session::{BareSession, RunsTmux, SessionFault, panes};
use crate::comms::elsewhere;
use crate::error::{FleetError, FleetErrorKind};
use crate::names::near;
use crate::remote::{RemoteFault, RemoteShell, RemoteTmux};
use crate::views::{HOLDER, find_program};

/// A tmux session that no pod of this fleet hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTarget {
    /// Its name.
    pub session: String,
    /// The name or the path of the server's socket. Absent: the fleet's own, on another machine
    /// tmux's default one.
    pub socket: Option<String>,
    /// How ssh reaches its machine. Absent: it is here.
    pub ssh: Option<String>,
    /// The machine's name in the message's head. Absent: this machine's, or the one that ssh goes to.
    pub host: Option<String>,
    /// The harness that knows its program. Absent: by the program's name, else that of any program
    /// with a prompt.
    pub runtime: Option<String>,
}

impl SessionTarget {
    /// Returns the session of an agent that is on another machine.
    fn of(agent: &Agent, host: &str, harness: &str) -> Self {
        Self {
            session: agent.name.to_string(),
            socket: agent.socket.clone(),
            ssh: Some(agent.ssh.clone().unwrap_or_else(|| host.to_owned())),
            host: Some(host.to_owned()),
            runtime: Some(harness.to_owned()),
        }
    }

    fn place(&self) -> String {
        match &self.ssh {
            Some(ssh) => format!("on `{ssh}`"),
            None => "on this socket".to_owned(),
        }
    }
}

impl Fleet {
    /// Sends a message to a tmux session that no pod of this fleet hosts, with the steps and the
    /// evidence of a pod, as far as the screen gives it.
    ///
    /// There is no inbox there: what cannot be typed now is refused, and nothing waits. On another
    /// machine the fleet there takes the message, if it has an agent of that name; then it is in
    /// that agent's inbox, and the receipt is that fleet's.
    ///
    /// # Errors
    /// Fails when nothing was typed and nothing accepted: the session or the machine cannot be
    /// reached, or a pod hosts it.
    pub async fn send_to_session(
        &self,
        target: &SessionTarget,
        request: &SendRequest,
    ) -> Result<SendReport, FleetError> {
        self.check(request)?;
        self.check_typing(request).await?;
        let message = self.letter(target, request).await?;
        let Some(ssh) = &target.ssh else {
            let tmux = self.tmux_of(target)?;
            return self.type_into(&tmux, target, request, &message).await;
        };
        let mut shell = self.shell_of(ssh).await?;
        if let Some(name) = hosted_there(&mut shell, &target.session).await {
            return self
                .hand_over(&mut shell, ssh, &name, request, &message)
                .await;
        }
        let tmux = RemoteTmux {
            shell: &mut shell,
            socket: socket_of(target.socket.as_deref().unwrap_or_default()),
        };
        self.type_into(tmux, target, request, &message).await
    }

    /// Says whether [`send_to_session`](Self::send_to_session) would find its session, and no rule of
    /// ours refuses the message; types nothing.
    ///
    /// # Errors
    /// As `send_to_session`, save for what only a look at the screen can tell.
    pub async fn check_session(
        &self,
        target: &SessionTarget,
        request: &SendRequest,
    ) -> Result<(), FleetError> {
        self.check(request)?;
        self.check_typing(request).await?;
        let message = self.letter(target, request).await?;
        parcel_of(request, &message, Duration::ZERO)?;
        let Some(ssh) = &target.ssh else {
            let tmux = self.tmux_of(target)?;
            return self.check_pane(&tmux, target, request).await;
        };
        let mut shell = self.shell_of(ssh).await?;
        if hosted_there(&mut shell, &target.session).await.is_some() {
            return Ok(());
        }
        let tmux = RemoteTmux {
            shell: &mut shell,
            socket: socket_of(target.socket.as_deref().unwrap_or_default()),
        };
        self.check_pane(tmux, target, request).await
    }

    /// Where no pod of ours is there is none that knows who may choose how a message is typed: of the
    /// pods the lead alone may, as it does among its mates.
    async fn check_typing(&self, request: &SendRequest) -> Result<(), FleetError> {
        if !request.typing.is_chosen() || self.may_give_orders().await? {
            return Ok(());
        }
        Err(FleetError::new(FleetErrorKind::Refused {
            agent: request.agent.clone(),
            rule: Refusal::NotItsTyping.to_string(),
        }))
    }

    async fn check_pane(
        &self,
        mut tmux: impl RunsTmux,
        target: &SessionTarget,
        request: &SendRequest,
    ) -> Result<(), FleetError> {
        let pane = pane_of(&mut tmux, target).await?;
        let harness = self.harness_for(&mut tmux, target, &pane, request);
        harness.await.map(drop)
    }

    async fn shell_of(&self, ssh: &str) -> Result<RemoteShell, FleetError> {
        let program = find_program("ssh", &self.env);
        let opened = match &program {
            Some(program) => RemoteShell::open(program, ssh).await,
            None => Err(RemoteFault::NoSsh),
        };
        opened.map_err(|fault| unreached(ssh, fault.into()))
    }

    /// Returns the session of a fleet mate that lives on another machine; nothing for one that is
    /// here, or unknown.
    #[must_use]
    pub fn session_elsewhere(&self, agent: &str) -> Option<SessionTarget> {
        let roster = self.roster()?;
        let found = roster.agent(agent)?;
        let host = elsewhere(found, &self.host)?;
        Some(SessionTarget::of(found, host, roster.harness_of(found)))
    }

    /// Puts the message into the form in which a pod would have accepted it.
    async fn letter(
        &self,
        target: &SessionTarget,
        request: &SendRequest,
    ) -> Result<Message, FleetError> {
        let sender = self.sender().await?;
        let host = target
            .host
            .clone()
            .or_else(|| target.ssh.as_deref().map(machine));
        let host = host.unwrap_or_else(|| self.host.clone());
        Ok(Message {
            id: request.id.unwrap_or_else(MessageId::generate),
            from: sender.address,
            to: Address::new(host, &target.session),
            kind: sender.kind,
            class: request.class,
            thread: request.thread.clone(),
            body: clean_body(&request.body).text,
            typing: request.typing,
            accepted: clock::wall(),
        })
    }

    fn tmux_of(&self, target: &SessionTarget) -> Result<Tmux, FleetError> {
        let program = find_program("tmux", &self.env)
            .ok_or_else(|| FleetError::new(FleetErrorKind::TmuxMissing))?;
        let socket = match (&target.socket, self.views()) {
            (Some(socket), _) => socket_of(socket),
            (None, Some(views)) => socket_of(views?.socket()),
            (None, None) => Socket::Default,
        };
        Ok(Tmux::new(program, socket))
    }

    /// Types a message into the session's pane.
    async fn type_into<R: RunsTmux>(
        &self,
        mut tmux: R,
        target: &SessionTarget,
        request: &SendRequest,
        message: &Message,
    ) -> Result<SendReport, FleetError> {
        let pane = pane_of(&mut tmux, target).await?;
        let harness = self.harness_for(&mut tmux, target, &pane, request).await?;
        let parcel = parcel_of(request, message, self.patience_at_sight(request))?;
        let mut session = BareSession {
            tmux,
            pane: pane.id,
            message: message.id,
            here: target.ssh.is_none(),
            input: None,
        };
        let receipt = match deliver(&mut session, &harness, &parcel).await {
            Ok(receipt) => receipt,
            Err(BrokenOff {
                error,
                receipt: Some(receipt),
            }) => doubted(receipt, &error),
            Err(BrokenOff {
                error: SessionFault::Unfit(why),
                receipt: None,
            }) => refused(message.id, why),
            Err(BrokenOff { error, .. }) => return Err(faulty(target, error)),
        };
        Ok(SendReport {
            agent: request.agent.clone(),
            receipt,
            position: 0,
            duplicate: false,
            stripped: clean_body(&request.body).stripped,
            via: match target.ssh {
                Some(_) => Via::SshTmux,
                None => Via::Tmux,
            },
        })
    }
}

fn parcel_of(
    request: &SendRequest,
    message: &Message,
    patience: Duration,
) -> Result<Parcel, FleetError> {
    let until = request.wait.unwrap_or(Outcome::Submitted);
    Parcel::new(message, until, patience).map_err(|rule| {
        let agent = request.agent.clone();
        FleetError::new(FleetErrorKind::Refused { agent, rule })
    })
}

/// A value with a `/` is a path.
fn socket_of(name: &str) -> Socket {
    if name.contains('/') {
        Socket::Path(name.into())
    } else {
        Socket::from_name(name)
    }
}

/// Returns the machine of a target of ssh: `user@machine` or `ssh://user@machine:port`.
fn machine(target: &str) -> String {
    let target = target.strip_prefix("ssh://").unwrap_or(target);
    let machine = target
        .rsplit_once('@')
        .map_or(target, |(_, machine)| machine);
    let machine = machine.split(['.', ':', '/']).next().unwrap_or_default();
    // An address has no short form.
    let is_address = machine.bytes().all(|byte| byte.is_ascii_digit());
    if is_address {
        target.rsplit('@').next().unwrap_or(target)
    } else {
        machine
    }
    .to_owned()
}

fn is_nobody(kind: TmuxErrorKind) -> bool {
    matches!(kind, TmuxErrorKind::NoServer | TmuxErrorKind::ServerLost)
}

async fn pane_of(tmux: &mut impl RunsTmux, target: &SessionTarget) -> Result<Pane, FleetError> {
    match panes(tmux).await {
        Ok(panes) => chosen(panes, target),
        Err(SessionFault::Tmux(error)) if is_nobody(error.kind()) => {
            Err(no_session(target, Vec::new()))
        }
        Err(fault) => Err(faulty(target, fault)),
    }
}

fn faulty(target: &SessionTarget, fault: SessionFault) -> FleetError {
    match &target.ssh {
        Some(ssh) => unreached(ssh, fault),
        None => here(fault),
    }
}

/// Finds the pane that the session shows.
fn chosen(panes: Vec<Pane>, target: &SessionTarget) -> Result<Pane, FleetError> {
    let names = panes.iter().map(|pane| pane.session_name.clone()).collect();
    let of_session = |pane: &Pane| pane.session_name == target.session && pane.active;
    let Some(pane) = panes.into_iter().find(of_session) else {
        return Err(no_session(target, names));
    };
    let session = target.session.clone();
    if pane.tag.as_deref() == Some(HOLDER) {
        return Err(FleetError::new(FleetErrorKind::HolderSession { session }));
    }
    if pane.tag.is_some() {
        return Err(FleetError::new(FleetErrorKind::HostedSession { session }));
    }
    Ok(pane)
}

fn no_session(target: &SessionTarget, names: Vec<String>) -> FleetError {
    FleetError::new(FleetErrorKind::NoSuchSession {
        session: target.session.clone(),
        place: target.place(),
        near: near(&target.session, names),
    })
}

fn here(fault: SessionFault) -> FleetError {
    match fault {
        SessionFault::Tmux(error) => error.into(),
        fault => FleetError::new(FleetErrorKind::Tmux).caused_by(fault),
    }
}

fn unreached(ssh: &str, fault: SessionFault) -> FleetError {
    let target = ssh.to_owned();
    match fault {
        SessionFault::Remote(RemoteFault::NoSsh) => FleetError::new(FleetErrorKind::SshMissing),
        SessionFault::Remote(RemoteFault::BadTarget(target)) => {
            FleetError::new(FleetErrorKind::BadTarget { target })
        }
        fault => FleetError::new(FleetErrorKind::Unreachable { target }).caused_by(fault),
    }
}

fn doubted(receipt: Receipt, fault: &SessionFault) -> Receipt {
    let why = format!(
        "then it could not be looked at any more: {}",
        account(fault)
    );
    Receipt {
        reason: Some(match receipt.reason {
            Some(reason) => format!("{reason}; {why}"),
            None => why,
        }),
        ..receipt
    }
}

fn refused(id: MessageId, why: &str) -> Receipt {
    Receipt {
        outcome: Outcome::Refused,
        settled: true,
        reason: Some(format!("nothing was typed: {why}")),
        ..Receipt::accepted(id, clock::wall())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_of_a_target_is_its_short_name() {
        for (target, expected) in [
            ("oak", "oak"),
            ("me@oak", "oak"),
            ("me@oak.example.org", "oak"),
            ("ssh://me@oak:2222", "oak"),
            ("me@10.0.0.7", "10.0.0.7"),
        ] {
            assert_eq!(machine(target), expected, "{target}");
        }
    }
}

//! Commands in the chat: `!ps`, `!tail`, `!send`, `!answer`, `!pause`, `!resume`, `!help`.

use std::fmt::Write as _;

use podfleet_connectors::InboundMessage;
use podfleet_protocol::MessageId;
use podfleet_protocol::method::Dialog;

use super::Bridge;
use super::block::block;
use crate::choice::{meant_choice, why_not_pressed};
use crate::error::FleetError;
use crate::fleet::{Brake, BrakeReport, SendRequest};
use crate::ps::PsRow;

/// Lines that `!tail` shows.
const LINES: u32 = 20;

const HELP: &str = "\
- `!ps`: how the agents are
- `!tail NAME`: the end of an agent's terminal
- `!send NAME TEXT`: a message to an agent
- `!answer NAME [CHOICE]`: an agent's dialog, or one of its choices picked
- `!pause [NAME…]`: hold the messages of agents, of all without a name
- `!resume [NAME…]`: let them be delivered again
- `!help`: this

Everything else goes to the orchestrator.";

/// A command, as a person wrote it.
#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Help,
    Ps,
    Tail(&'a str),
    Send(&'a str, &'a str),
    Answer(&'a str, &'a str),
    Pause(Vec<String>),
    Resume(Vec<String>),
    /// It is none, or lacks something; with what to say of it.
    Wrong(String),
}

impl<'a> Command<'a> {
    fn parse(text: &'a str) -> Self {
        let text = text.trim_start_matches('!').trim();
        let (word, rest) = split(text);
        let names = || rest.split_whitespace().map(ToOwned::to_owned).collect();
        match (word, rest) {
            ("help", _) => Self::Help,
            ("ps", _) => Self::Ps,
            ("tail", "") => Self::Wrong("`!tail` needs the name of an agent".to_owned()),
            ("tail", name) => Self::Tail(split(name).0),
            ("send", rest) => match split(rest) {
                (_, "") => Self::Wrong("`!send` needs a name and a text".to_owned()),
                (name, text) => Self::Send(name, text),
            },
            ("answer", "") => Self::Wrong("`!answer` needs the name of an agent".to_owned()),
            ("answer", rest) => {
                let (name, choice) = split(rest);
                Self::Answer(name, choice)
            }
            ("pause", _) => Self::Pause(names()),
            ("resume", _) => Self::Resume(names()),
            _ => Self::Wrong(format!(
                "there is no command `!{}`; `!help` lists them",
                word.replace('`', "'")
            )),
        }
    }
}

/// Splits the first word off.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

impl Bridge<'_> {
    /// Carries out a command, if its sender may give one, and answers. Heard again, it may be done
    /// again: each of them but `!answer` is the same done twice.
    pub(super) async fn command(
        &self,
        id: MessageId,
        message: &InboundMessage,
    ) -> Result<(), FleetError> {
        let answer = if self.may_command(&message.sender) {
            match self.done(id, message).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok(()),
                Err(error) if error.is_stores() => return Err(error),
                Err(error) => {
                    let hints = error.hints().iter();
                    let hints: String = hints.map(|hint| format!("\n\n{hint}")).collect();
                    format!("{}{hints}", error.in_one_line())
                }
            }
        } else {
            format!(
                "You may not give commands here. Who may is listed in `connector.operators` of \
                 the roster; you are `{}`.",
                message.sender.replace('`', "'")
            )
        };
        self.answer(id, message, answer).await
    }

    fn may_command(&self, sender: &str) -> bool {
        if self.connector.is_own_users_alone() {
            return true;
        }
        let chat = self
            .fleet
            .roster()
            .and_then(|roster| roster.connector.as_ref());
        chat.is_some_and(|chat| chat.operators.iter().any(|operator| operator == sender))
    }

    /// Carries out a command; returns what is to be said of it.
    async fn done(
        &self,
        id: MessageId,
        message: &InboundMessage,
    ) -> Result<Option<String>, FleetError> {
        let fleet = self.fleet;
        Ok(Some(match Command::parse(&message.text) {
            Command::Help => HELP.to_owned(),
            Command::Wrong(why) => why,
            Command::Ps => listed(&fleet.ps(&[]).await?),
            Command::Tail(name) => {
                let tail = fleet.tail(name, LINES, false).await?;
                block(&tail.lines.join("\n"))
            }
            Command::Send(name, text) => {
                let request = SendRequest {
                    id: Some(MessageId::of_chat("command", &id.to_string())),
                    timeout: Some(std::time::Duration::ZERO),
                    ..SendRequest::new(name, text)
                };
                let report = fleet.send(request).await?;
                format!("`{name}`: {}", report.receipt.outcome)
            }
            Command::Pause(names) => {
                let reason = "in the chat".to_owned();
                braked(&fleet.brake(&names, &Brake::Pause { reason }, false).await?)
            }
            Command::Answer(name, words) => return self.pick(id, message, name, words).await,
            Command::Resume(names) => braked(&fleet.brake(&names, &Brake::Resume, false).await?),
        }))
    }

    /// Picks a choice of an agent's dialog, at most once: another dialog may stand there when the
    /// command is heard again. So that it will be picked is said durably, and then it is done.
    async fn pick(
        &self,
        id: MessageId,
        message: &InboundMessage,
        name: &str,
        words: &str,
    ) -> Result<Option<String>, FleetError> {
        let shown = self.fleet.dialog(name).await?;
        let Some(dialog) = shown.dialog else {
            let state = &shown.screen.state;
            return Ok(Some(format!(
                "`{name}` shows no dialog with choices ({state})."
            )));
        };
        if words.is_empty() {
            return Ok(Some(asked(name, &dialog)));
        }
        let choice = match meant_choice(&dialog, words) {
            Ok(choice) => choice,
            Err(why) => return Ok(Some(format!("{why}\n\n{}", asked(name, &dialog)))),
        };
        let picking = format!("`{name}`: picking {}, {}", choice.key, choice.label);
        let first = self.answer_once(id, message, picking).await?;
        if !first {
            return Ok(None);
        }
        let picked = self.fleet.answer(name, &dialog.id, &choice.key).await;
        let why = match picked {
            Ok(result) if result.pressed => return Ok(None),
            Ok(result) => why_not_pressed(&result, &dialog.id),
            Err(error) => error.in_one_line(),
        };
        let text = format!("`{name}`: nothing was pressed: {why}");
        let failed = MessageId::of_chat("not picked", &id.to_string());
        self.answer(failed, message, text).await?;
        Ok(None)
    }
}

/// Tells a dialog with its choices.
fn asked(name: &str, dialog: &Dialog) -> String {
    let mut lines = Vec::new();
    if dialog.cut {
        lines.push("… (what stands above is not on its screen)".to_owned());
    }
    lines.extend(dialog.text.iter().cloned());
    lines.push(String::new());
    let choices = dialog.choices.iter();
    lines.extend(choices.map(|choice| format!("{}  {}", choice.key, choice.label)));
    format!(
        "`!answer {name} CHOICE` picks a choice by its number or words:\n{}",
        block(&lines.join("\n"))
    )
}

fn listed(rows: &[PsRow]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows.iter().filter(|row| row.managed) {
        let inbox = match row.inbox.unwrap_or(0) {
            0 => String::new(),
            waiting => format!("  {waiting} waiting"),
        };
        let flags: String = row.flags.iter().map(|flag| format!("  {flag}")).collect();
        let _ = writeln!(
            text,
            "{:<width$}  {:<11}{inbox}{flags}",
            row.name, row.readiness
        );
    }
    if text.is_empty() {
        return "There are no agents.".to_owned();
    }
    block(text.trim_end())
}

fn braked(reports: &[BrakeReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let state = match (&report.error, &report.paused) {
            (Some(error), _) => error.clone(),
            (None, Some(_)) => "paused".to_owned(),
            (None, None) => "not paused".to_owned(),
        };
        let _ = writeln!(text, "- `{}`: {state}", report.agent);
    }
    if text.is_empty() {
        return "There are no agents.".to_owned();
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_what_is_wrong_is_said() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Command::parse("!ps"), Command::Ps);
        assert_eq!(Command::parse("! tail  lead "), Command::Tail("lead"));
        assert_eq!(
            Command::parse("!send lead  fix\nit"),
            Command::Send("lead", "fix\nit")
        );
        assert_eq!(
            Command::parse("!answer lead  Yes, and"),
            Command::Answer("lead", "Yes, and")
        );
        assert_eq!(Command::parse("!answer lead"), Command::Answer("lead", ""));
        assert_eq!(
            Command::parse("!pause a b"),
            Command::Pause(names(&["a", "b"]))
        );
        assert_eq!(Command::parse("!pause"), Command::Pause(Vec::new()));
        for (text, expected) in [
            ("!send lead", "`!send` needs a name and a text"),
            ("!tail", "`!tail` needs the name of an agent"),
            ("!answer", "`!answer` needs the name of an agent"),
            ("!rm -rf", "there is no command `!rm`; `!help` lists them"),
            ("!", "there is no command `!`; `!help` lists them"),
        ] {
            assert_eq!(Command::parse(text), Command::Wrong(expected.to_owned()));
        }
    }
}

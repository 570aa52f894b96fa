//! The comms block: what an agent is told about its fleet mates and how to reach them.

mod command_readers;

use std::fmt::Write;

pub use command_readers::CommandReaders;

use podfleet_harness::Harness;
use podfleet_roster::{Agent, Roster};

use crate::remote::quoted;

/// The class of the agent to whom a human speaks.
const ORCHESTRATOR: &str = "orchestrator";

/// How a block begins, up to the name of its agent.
const OPENING: &str = "# Your fleet\n\nYou are `[";

/// Returns where the block begins in what an agent is told, of which it is always the last part; nothing
/// if it is told none.
pub(crate) fn begin(told: &str) -> Option<usize> {
    told.rfind(OPENING).or_else(|| told.rfind(CHAT_OPENING))
}

/// What an agent can call besides commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tools {
    /// Nothing.
    #[default]
    None,
    /// The tools of `fleet mcp` too.
    Too,
    /// The tools of `fleet mcp` first: its own shell may be kept from the fleet's sockets.
    First,
}

impl Tools {
    /// Returns what the agents of a harness can call.
    #[must_use]
    pub fn of(harness: &Harness) -> Self {
        let launch = harness.launch();
        match (&launch.mcp, launch.sandboxed_shell) {
            (None, _) => Self::None,
            (Some(_), false) => Self::Too,
            (Some(_), true) => Self::First,
        }
    }
}

/// Returns the comms block of `agent` on `host`, or nothing for a lone agent or one that is no
/// member of the roster.
///
/// A pure function of the roster and of what is known of its programs: the same text is told at launch
/// and printed by `fleet comms`.
#[must_use]
pub fn block(
    roster: &Roster,
    agent: &str,
    host: &str,
    tools: Tools,
    readers: &CommandReaders,
) -> Option<String> {
    let own = roster.agent(agent)?;
    let mates: Vec<_> = roster
        .agents
        .iter()
        .filter(|mate| mate.name != own.name)
        .collect();
    let chat = own.class == ORCHESTRATOR && roster.connector.is_some();
    if mates.is_empty() {
        return chat.then(|| CHAT.to_owned());
    }
    let mut text = format!(
        "{OPENING}{host}:{agent}]`, class {}, in the fleet `{}`.\n\n",
        own.class, roster.fleet
    );
    if tools == Tools::First {
        text.push_str(TOOLS_FIRST);
    }
    text.push_str("| Agent | Role | Send it a message |\n|---|---|---|\n");
    for mate in &mates {
        let how = match readers.has(mate) {
            true => commands_to(roster, own, mate, host),
            false => format!("`{}`", command(mate, host, "")),
        };
        text.push_str(&row(mate, host, &how));
    }
    text.push_str(&contact(roster, own));
    text.push_str(RULES);
    if tools == Tools::Too {
        text.push_str(TOOLS_TOO);
    }
    if chat {
        text.push('\n');
        text.push_str(CHAT);
    }
    Some(text)
}

const TOOLS_FIRST: &str = "\
Send by the tools of the MCP server `fleet`: `send_to_peer` with the agent's name reports and asks,
`list_pods` lists whom you can reach, `inbox` shows what waits for you. Your shell may be kept from the
fleet; where it is not, these commands do the same.

";

const TOOLS_TOO: &str = "\
The MCP server `fleet` has the same as tools: `send_to_peer`, `list_pods`, `inbox`, `status`.
";

/// How that begins which the orchestrator is told of the chat.
const CHAT_OPENING: &str = "# Your human\n\nA message that begins `[chat:";

/// What the orchestrator of a fleet with a chat is told of it.
const CHAT: &str = "\
# Your human

A message that begins `[chat:NAME -> …]` is from a person. What you write in your terminal they do not
see: answer with `fleet say -m \"…\"` (Markdown), or with the tool `say`. If the message has
`thread=ID`, add `--thread ID`. `kept` means that it will be sent: do not say it again. Say something
at the end of every turn that a person began, and by yourself when something needs them.
";

const RULES: &str = "\
A message comes to you with its sender in front: `[host:name -> host:you] text`. To answer, send to
that name; your own is put in front of what you send.
`fleet send` prints how far a message came. `accepted` means that it is kept and will be typed when
its receiver is idle: do not send it again. `submitted` means that it was shown to have been typed;
neither means that it was read or agreed to. `refused` means that nothing was typed and that nothing
waits. `--wait answered` waits for the end of the turn.
";

/// Returns how a mate is reached that runs what it reads: it takes commands only from the agent that may
/// give orders.
fn commands_to(roster: &Roster, own: &Agent, mate: &Agent, host: &str) -> String {
    if own.class == ORCHESTRATOR {
        return format!(
            "`{}` (it runs what it reads)",
            command(mate, host, " --raw")
        );
    }
    match orchestrator(roster) {
        Some(lead) => format!("runs what it reads, takes commands of {} alone", lead.name),
        None => "runs what it reads, takes commands of people alone".to_owned(),
    }
}

fn row(mate: &Agent, host: &str, how: &str) -> String {
    let mut role = mate.class.clone();
    if let Some(alias) = &mate.alias {
        let _ = write!(role, " ({})", cell(alias));
    }
    if let Some(elsewhere) = elsewhere(mate, host) {
        let _ = write!(role, " · host `{elsewhere}`");
    }
    if mate.class == ORCHESTRATOR {
        role.push_str(" ← point of contact");
    }
    let name = &mate.name;
    format!("| {name} | {role} | {how} |\n")
}

/// Returns the agent to whom a human speaks.
#[must_use]
pub fn orchestrator(roster: &Roster) -> Option<&Agent> {
    let mut agents = roster.agents.iter();
    agents.find(|agent| agent.class == ORCHESTRATOR)
}

/// Returns where an agent is, if it is not on `host`.
#[must_use]
pub fn elsewhere<'a>(agent: &'a Agent, host: &str) -> Option<&'a str> {
    agent.host.as_deref().filter(|there| *there != host)
}

/// An agent that no pod of this roster hosts is reached through tmux, its socket named before its
/// host.
fn command(mate: &Agent, host: &str, how: &str) -> String {
    let Some(there) = elsewhere(mate, host) else {
        return format!("fleet send {}{how} -m \"…\"", mate.name);
    };
    let socket = mate
        .socket
        .as_ref()
        .map(|socket| format!(" --socket {}", word(socket)))
        .unwrap_or_default();
    let ssh = word(mate.ssh.as_deref().unwrap_or(there));
    // The name of a program says not always which one it is.
    let runtime = word(&mate.runtime);
    format!(
        "fleet send --tmux {}{socket} --ssh {ssh} --runtime {runtime}{how} -m \"…\"",
        mate.name
    )
}

/// Returns a text as a shell takes it for one word; plain ones stay as they are.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    cell(&quoted(text))
}

fn contact(roster: &Roster, own: &Agent) -> String {
    match orchestrator(roster) {
        Some(lead) if lead.name == own.name => {
            "\nYou are the point of contact: people speak to you, and the others report to you.\n\n"
                .to_owned()
        }
        Some(lead) => format!(
            "\nThe point of contact is {}: report there, and ask there.\n\n",
            lead.name
        ),
        None => {
            "\nThis fleet has no orchestrator: there is no single point of contact.\n\n".to_owned()
        }
    }
}

/// Keeps a text inside its cell of the table.
fn cell(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_roster::Known;

    fn none() -> CommandReaders {
        CommandReaders::default()
    }

    fn roster(agents: &str) -> Roster {
        let text = format!("version: 1\ntransport: tmux\nfleet: alpha\nagents:\n{agents}");
        let (roster, findings) = Roster::parse(&text, "roster.yaml", &Known::shipped());
        roster.unwrap_or_else(|| panic!("{findings:?}"))
    }

    const FLEET: &str = "
  - {name: lead, runtime: sim, class: orchestrator}
  - {name: better, runtime: sim, class: enhancer, alias: Ida | Improver}
  - {name: coder, runtime: sim, class: code}
  - {name: far, runtime: sim, class: review, host: oak, ssh: me@oak, socket: podfleet}
";

    #[test]
    fn every_mate_has_a_row_with_its_exact_command() {
        insta::assert_snapshot!(block(&roster(FLEET), "coder", "fern", Tools::Too, &none()).unwrap(), @r#"
        # Your fleet

        You are `[fern:coder]`, class code, in the fleet `alpha`.

        | Agent | Role | Send it a message |
        |---|---|---|
        | lead | orchestrator ← point of contact | `fleet send lead -m "…"` |
        | better | enhancer (Ida \| Improver) | `fleet send better -m "…"` |
        | far | review · host `oak` | `fleet send --tmux far --socket podfleet --ssh me@oak --runtime sim -m "…"` |

        The point of contact is lead: report there, and ask there.

        A message comes to you with its sender in front: `[host:name -> host:you] text`. To answer, send to
        that name; your own is put in front of what you send.
        `fleet send` prints how far a message came. `accepted` means that it is kept and will be typed when
        its receiver is idle: do not send it again. `submitted` means that it was shown to have been typed;
        neither means that it was read or agreed to. `refused` means that nothing was typed and that nothing
        waits. `--wait answered` waits for the end of the turn.
        The MCP server `fleet` has the same as tools: `send_to_peer`, `list_pods`, `inbox`, `status`.
        "#);
    }

    #[test]
    fn the_lead_is_told_that_it_leads_and_a_fleet_without_one_says_so() {
        let lead = block(&roster(FLEET), "lead", "fern", Tools::None, &none()).unwrap();
        assert!(lead.contains("You are the point of contact"));
        let pair = roster("  - {name: a, runtime: sim}\n  - {name: b, runtime: sim}\n");
        assert!(
            block(&pair, "a", "fern", Tools::None, &none())
                .unwrap()
                .contains("has no orchestrator")
        );
    }

    #[test]
    fn an_agent_whose_shell_is_sandboxed_is_told_of_the_tools_before_the_commands() {
        let of = |name: &str| Tools::of(&Harness::shipped(name).unwrap());
        assert_eq!(of("codex"), Tools::First);
        assert_eq!(of("claude"), Tools::Too);
        assert_eq!(of("sim"), Tools::None);
        let text = block(&roster(FLEET), "coder", "fern", Tools::First, &none()).unwrap();
        let tools = text.find("`send_to_peer`").unwrap();
        assert!(tools < text.find("| Agent |").unwrap(), "{text}");
    }

    #[test]
    fn a_mate_that_runs_what_it_reads_is_sent_commands_by_whom_it_takes_them_from() {
        let shells = "
  - {name: sh, runtime: generic, command: [bash]}
  - {name: far-sh, runtime: generic, command: [bash], host: oak}
  - {name: tool, runtime: generic, command: [bash, agent.sh]}
";
        let row_of = |roster: &Roster, agent, mate: &str| {
            let readers =
                CommandReaders::of(roster, |agent| Harness::shipped(roster.harness_of(agent)));
            let text = block(roster, agent, "fern", Tools::None, &readers).unwrap();
            let begin = format!("| {mate} |");
            let row = text.lines().find(|row| row.starts_with(&begin)).unwrap();
            row.rsplit(" | ").next().unwrap().to_owned()
        };
        let fleet = roster(&format!("{FLEET}{shells}"));
        let of = |agent, mate| row_of(&fleet, agent, mate);
        assert_eq!(
            of("lead", "sh"),
            "`fleet send sh --raw -m \"…\"` (it runs what it reads) |"
        );
        assert_eq!(
            of("coder", "sh"),
            "runs what it reads, takes commands of lead alone |"
        );
        assert_eq!(
            of("coder", "far-sh"),
            "runs what it reads, takes commands of lead alone |"
        );
        assert_eq!(
            of("lead", "far-sh"),
            "`fleet send --tmux far-sh --ssh oak --runtime generic --raw -m \"…\"` (it runs what it reads) |"
        );
        assert_eq!(of("coder", "tool"), "`fleet send tool -m \"…\"` |");
        let leaderless = roster(&format!("  - {{name: a, runtime: sim}}{shells}"));
        assert_eq!(
            row_of(&leaderless, "a", "sh"),
            "runs what it reads, takes commands of people alone |"
        );
    }

    #[test]
    fn a_target_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(word("me@oak.example"), "me@oak.example");
        assert_eq!(word("oak; rm x"), "'oak; rm x'");
    }

    #[test]
    fn the_orchestrator_of_a_fleet_with_a_chat_is_told_how_to_speak_in_it() {
        let with_chat = roster(&format!("{FLEET}connector: {{kind: tmux}}\n"));
        let told = |agent| block(&with_chat, agent, "fern", Tools::None, &none()).unwrap();
        assert!(told("lead").ends_with(CHAT));
        assert!(!told("coder").contains("fleet say"));
        let lone = "  - {name: a, runtime: sim, class: orchestrator}\nconnector: {kind: tmux}\n";
        assert_eq!(
            block(&roster(lone), "a", "fern", Tools::None, &none()).as_deref(),
            Some(CHAT)
        );
    }

    #[test]
    fn the_block_is_found_behind_whatever_is_told_before_it() {
        let own = "# Role\n\n# Your fleet\n\nis large.";
        let with_chat = roster(&format!("{FLEET}connector: {{kind: tmux}}\n"));
        let lone = "  - {name: lead, runtime: sim, class: orchestrator}\nconnector: {kind: tmux}\n";
        for roster in [roster(FLEET), with_chat, roster(lone)] {
            let block = block(&roster, "lead", "fern", Tools::Too, &none()).unwrap();
            let told = format!("{own}\n\n{block}");
            assert_eq!(&told[begin(&told).unwrap()..], block);
        }
        assert_eq!(begin(own), None);
    }

    #[test]
    fn a_lone_agent_and_a_stranger_are_told_nothing() {
        let lone = roster("  - {name: a, runtime: sim}\n");
        assert_eq!(block(&lone, "a", "fern", Tools::None, &none()), None);
        assert_eq!(
            block(&roster(FLEET), "nobody", "fern", Tools::None, &none()),
            None
        );
    }
}

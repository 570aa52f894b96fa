//! What each agent's own pod tells of it.

use std::time::Duration;

use jiff::Timestamp;
use podfleet::AgentStatus;
use podfleet::wording::age;
use podfleet_protocol::{AgentPhase, PodStatus, RunEnd, UnixMillis};

use super::ps::{style, told_flags};
use super::style::STRONG;
use super::wrap::wrap;

/// Columns of the words in front of the facts.
const LABEL: usize = 14;

/// Renders a block for each agent, ages counted back from `now`.
pub(crate) fn render(agents: &[AgentStatus], now: Timestamp) -> String {
    let blocks: Vec<String> = agents.iter().map(|agent| block(agent, now)).collect();
    blocks.join("\n")
}

fn block(status: &AgentStatus, now: Timestamp) -> String {
    let row = &status.row;
    let state = style(row.readiness);
    let mut text = format!(
        "{STRONG}{}{STRONG:#}: {state}{}{state:#}\n",
        row.name, row.readiness
    );
    let mut fact = |label: &str, value: String| {
        let label = format!("  {label:<width$}", width = LABEL - 2);
        let indent = " ".repeat(LABEL);
        text.push_str(&label);
        text.push_str(&wrap(&value.replace(char::is_control, " "), LABEL, &indent));
        text.push('\n');
    };
    if let Some(detail) = &row.detail {
        fact("because", detail.clone());
    }
    let kind = [
        row.class.as_deref(),
        row.runtime.as_deref(),
        row.model.as_deref(),
    ];
    fact(
        "is",
        kind.into_iter().flatten().collect::<Vec<_>>().join(", "),
    );
    if let Some(pod) = &status.pod {
        for (label, value) in pod_facts(pod, now) {
            fact(label, value);
        }
    }
    if let Some(silence) = &status.silence {
        fact("its pod", silence.clone());
    }
    if let Some(unit) = &status.unit {
        fact("unit", unit.clone());
    }
    if let Some(directory) = &row.working_directory {
        fact("directory", directory.display().to_string());
    }
    for flag in told_flags(row) {
        fact("flag", flag.to_string());
    }
    text
}

fn pod_facts(pod: &PodStatus, now: Timestamp) -> Vec<(&'static str, String)> {
    let ago = |at: UnixMillis| {
        let millis = now.as_millisecond().saturating_sub(at.0);
        age(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    };
    let mut facts = vec![("agent", phase(&pod.agent, ago))];
    // Without a process nobody shows the screen that the pod goes on looking at.
    if matches!(pod.agent, AgentPhase::Running { .. }) {
        let screen = &pod.screen;
        let line = screen.line.as_ref();
        let line = line.map(|line| format!(": {}", line.trim()));
        let value = format!(
            "{} for {} (rule `{}`{})",
            screen.state,
            ago(screen.since),
            screen.rule,
            line.unwrap_or_default()
        );
        facts.push(("screen", value));
    }
    if let Some(at) = pod.last_output {
        facts.push(("last output", format!("{} ago", ago(at))));
    }
    let inbox = match &pod.hold {
        Some(hold) if pod.inbox == 0 => format!("0 waiting, none could be delivered: {hold}"),
        Some(hold) => format!("{} waiting, the first for: {hold}", pod.inbox),
        None => format!("{} waiting", pod.inbox),
    };
    facts.push(("inbox", inbox));
    if let Some(paused) = &pod.paused {
        facts.push(("paused", format!("{paused}, {} ago", ago(paused.since))));
    }
    let size = format!("{}×{}", pod.size.columns, pod.size.rows);
    let controller = pod.controller.as_ref().map_or_else(
        || "nobody types".to_owned(),
        |controller| format!("{controller} has control"),
    );
    facts.push((
        "terminal",
        format!("{size}, {controller}, {} attached", pod.viewers),
    ));
    facts.push((
        "pod",
        format!(
            "pid {}, generation {}, build {}",
            pod.pod_pid, pod.generation, pod.build
        ),
    ));
    facts
}

fn phase(phase: &AgentPhase, ago: impl Fn(UnixMillis) -> String) -> String {
    match phase {
        AgentPhase::Running { pid, since } => format!("runs for {}, pid {pid}", ago(*since)),
        AgentPhase::BackingOff {
            last,
            ends,
            allowed,
            ..
        } => {
            let account = match last {
                RunEnd::NotStarted(why) => format!("not started ({why}), is tried again soon"),
                end => format!("ended ({end}), is started again soon"),
            };
            format!("{account}; {ends} ends of {allowed} allowed")
        }
        AgentPhase::Ended { last } => format!("ended ({last}), and is left so"),
        AgentPhase::Quarantined { account } => format!("quarantined: {account}"),
        AgentPhase::Idle => "not started".to_owned(),
    }
}

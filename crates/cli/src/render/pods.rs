//! Pods as a table, and one of them in full.

use std::collections::BTreeSet;

use jiff::Timestamp;
use podfleet::ForgetReport;
use podfleet_protocol::method::InspectResult;
use podfleet_protocol::{AgentPhase, Availability, PodRow, Restorable};

use super::count::counted;
use super::style::{DIM, ERROR, GOOD, STRONG, WARNING};
use super::table::{Cell, Column, Table};
use super::wrap::wrap;

/// Columns of the words in front of the facts.
const LABEL: usize = 14;

/// Makes the table of pods.
pub(crate) fn table(rows: &[PodRow]) -> Table {
    let mut table = Table::new([
        Column::new("NAME"),
        Column::new("FLEET"),
        Column::new("STATE"),
        Column::new("AGENT").flexible(8),
        Column::new("RUNTIME").optional(2),
        Column::new("INBOX").right(),
        Column::new("SEEN AS"),
        Column::new("NOTE").wrapping(24),
    ]);
    let fleets = rows.iter().filter_map(|row| row.identity.as_ref());
    let fleets: BTreeSet<_> = fleets.map(|identity| &identity.fleet).collect();
    for row in rows {
        table.row(cells(row, fleets.len() > 1));
    }
    table.without_empty(&["FLEET", "AGENT", "SEEN AS", "NOTE"]);
    table
}

fn cells(row: &PodRow, several_fleets: bool) -> Vec<Cell> {
    let identity = row.identity.as_ref().filter(|_| several_fleets);
    let fleet = identity.map(|identity| identity.fleet.to_string());
    let style = match row.availability {
        Availability::Live => GOOD,
        Availability::Stopped => DIM,
        Availability::Unreachable { .. } => WARNING,
        _ => ERROR,
    };
    let seen: Vec<_> = row
        .visibility
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    vec![
        row.name.clone().into(),
        fleet.unwrap_or_else(|| "-".to_owned()).into(),
        Cell::styled(row.availability.as_str(), style),
        agent(row).into(),
        row.runtime.clone().unwrap_or_else(|| "-".to_owned()).into(),
        row.inbox.to_string().into(),
        seen.join(",").into(),
        note(row).into(),
    ]
}

fn agent(row: &PodRow) -> String {
    let Some(status) = &row.status else {
        return "-".to_owned();
    };
    match &status.agent {
        AgentPhase::Running { .. } => status.screen.clone(),
        AgentPhase::BackingOff { .. } => "backing off".to_owned(),
        AgentPhase::Ended { last } => format!("ended: {last}"),
        AgentPhase::Quarantined { .. } => "quarantined".to_owned(),
        AgentPhase::Idle => "not started".to_owned(),
    }
}

/// What is worth saying: what is wrong, else why a stopped pod cannot be restored.
fn note(row: &PodRow) -> String {
    if let Some(error) = row.availability.error() {
        return error.to_owned();
    }
    match (&row.availability, &row.restorable) {
        (Availability::Live, _) => match &row.status {
            Some(status) if status.paused => "paused".to_owned(),
            _ => String::new(),
        },
        (_, Restorable { possible: true, .. }) => "can be restored".to_owned(),
        (_, Restorable { why, .. }) => format!("not restorable: {why}"),
    }
}

/// Renders all that is told of one pod.
pub(crate) fn inspected(pod: &InspectResult) -> String {
    let row = &pod.pod;
    let mut text = format!(
        "{STRONG}{}{STRONG:#}: {}\n",
        row.name,
        row.availability.as_str()
    );
    let mut fact = |label: &str, value: String| {
        if value.is_empty() {
            return;
        }
        let label = format!("  {label:<width$}", width = LABEL - 2);
        let indent = " ".repeat(LABEL);
        text.push_str(&label);
        text.push_str(&wrap(&value.replace(char::is_control, " "), LABEL, &indent));
        text.push('\n');
    };
    fact(
        "because",
        row.availability.error().unwrap_or_default().to_owned(),
    );
    let kind = [row.class.as_deref(), row.runtime.as_deref()];
    fact(
        "is",
        kind.into_iter().flatten().collect::<Vec<_>>().join(", "),
    );
    fact(
        "agent",
        row.status.as_ref().map(|_| agent(row)).unwrap_or_default(),
    );
    let directory = pod.working_directory.as_ref();
    fact(
        "directory",
        directory
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
    );
    fact("command", pod.argv.join(" "));
    fact(
        "may change",
        pod.scope
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    fact(
        "parent",
        pod.parent
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    let names = |names: &[podfleet_protocol::PodName]| {
        names
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    fact("children", names(&pod.children));
    fact("peers", names(&pod.peers));
    let seen: Vec<_> = row
        .visibility
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    fact("seen as", seen.join(", "));
    fact("inbox", format!("{} waiting", row.inbox));
    let yes = if row.restorable.possible { "yes" } else { "no" };
    fact("restorable", format!("{yes}: {}", row.restorable.why));
    if let Some(identity) = &row.identity {
        fact(
            "pod",
            format!("{}, generation {}", identity.id, pod.generation),
        );
    }
    let created = Timestamp::from_millisecond(pod.created.0);
    fact(
        "made",
        created.map(|at| format!("{at:.0}")).unwrap_or_default(),
    );
    text
}

/// Renders what went, or would go, with a forgotten pod.
pub(crate) fn forgotten(report: &ForgetReport) -> String {
    let count =
        |count: u64, what: &str| counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    let verb = if report.done {
        "is forgotten"
    } else {
        "would be forgotten"
    };
    let mut text = format!("`{}` {verb}, and with it:\n", report.name);
    let mut line = |line: String| {
        text.push_str(&wrap(&format!("  {line}"), 0, "    "));
        text.push('\n');
    };
    line(format!(
        "{}, {} of them undelivered",
        count(report.messages, "message"),
        report.undelivered
    ));
    line(count(report.sessions, "session"));
    if report.peers > 0 {
        line(format!("its relation to {}", count(report.peers, "peer")));
    }
    if report.parent {
        line("its relation to its parent".to_owned());
    }
    match report.children {
        0 => {}
        1 => line("its relation to a child, which stays".to_owned()),
        many => line(format!("its relation to {many} children, which stay")),
    }
    text.push_str(&wrap(
        &format!(
            "its logs stay in {}, until `fleet prune` finds them old",
            report.logs.display()
        ),
        0,
        "  ",
    ));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_protocol::{Glance, UnixMillis, Visibility};

    fn row(name: &str, availability: Availability) -> PodRow {
        PodRow {
            name: name.to_owned(),
            identity: None,
            class: Some("worker".to_owned()),
            runtime: Some("sim".to_owned()),
            visibility: Vec::new(),
            availability,
            status: None,
            restorable: Restorable::no("it is live"),
            inbox: 0,
        }
    }

    #[test]
    fn a_pod_that_cannot_be_had_is_listed_with_the_reason() {
        let live = PodRow {
            status: Some(Glance {
                agent: AgentPhase::Running {
                    pid: 1,
                    since: UnixMillis(0),
                },
                screen: "ready".to_owned(),
                since: UnixMillis(0),
                hold: None,
                paused: false,
            }),
            visibility: vec![Visibility::Child, Visibility::Peer],
            ..row("helper", Availability::Live)
        };
        let stopped = PodRow {
            restorable: Restorable::yes("its agent starts again in /srv"),
            inbox: 2,
            visibility: vec![Visibility::Fleet],
            ..row("coder", Availability::Stopped)
        };
        let error = "it listens and gave no answer within 200 ms".to_owned();
        let silent = PodRow {
            visibility: vec![Visibility::Peer],
            ..row("tester", Availability::Unreachable { error })
        };
        let text = table(&[live, stopped, silent]).render(Some(80));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
        NAME    STATE        AGENT  RUNTIME  INBOX  SEEN AS     NOTE
        helper  live         ready  sim          0  child,peer
        coder   stopped      -      sim          2  fleet       can be restored
        tester  unreachable  -      sim          0  peer        it listens and gave no
                                                                answer within 200 ms
        ");
    }

    #[test]
    fn what_goes_with_a_pod_is_counted() {
        let report = ForgetReport {
            name: "helper".into(),
            done: false,
            messages: 3,
            undelivered: 1,
            sessions: 2,
            logs: "/home/me/.local/state/fleet/sessions/0199".into(),
            peers: 1,
            children: 2,
            parent: true,
        };
        insta::assert_snapshot!(forgotten(&report), @r"
        `helper` would be forgotten, and with it:
          3 messages, 1 of them undelivered
          2 sessions
          its relation to 1 peer
          its relation to its parent
          its relation to 2 children, which stay
        its logs stay in /home/me/.local/state/fleet/sessions/0199, until `fleet prune`
          finds them old
        ");
    }
}

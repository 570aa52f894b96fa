//! Plans, and what came of carrying them out.

use std::time::Duration;

use anstyle::Style;
use podfleet::{Action, AgentReport, AgentResult, Failure, Plan, Report};

use super::count::counted;
use super::style::{BUSY, DIM, ERROR, GOOD, WARNING};
use super::table::{Cell, Column, Table};
use super::wrap::{columns, width, wrap};

/// Renders a plan as a table, and what it says beyond single agents.
pub(crate) fn plan(plan: &Plan, width: usize) -> String {
    let mut table = Table::new([
        Column::new("AGENT").flexible(12),
        Column::new("ACTION"),
        Column::new("WHY").wrapping(20),
    ]);
    for step in &plan.steps {
        let action = Cell::styled(step.action.as_str(), action_style(&step.action));
        table.row([step.agent.as_str().into(), action, step.why.as_str().into()]);
    }
    // Whatever is started gets its view without saying.
    let starts = |agent: &String| {
        plan.steps
            .iter()
            .any(|step| step.agent == *agent && step.action.changes())
    };
    for agent in plan.views.iter().filter(|agent| !starts(agent)) {
        let action = Cell::styled("view", BUSY);
        table.row([
            agent.as_str().into(),
            action,
            "its tmux view is missing".into(),
        ]);
    }
    let mut text = table.render(Some(width));
    for note in &plan.notes {
        text.push_str(&wrap(&format!("note: {note}"), 0, "  "));
        text.push('\n');
    }
    text
}

const fn action_style(action: &Action) -> Style {
    match action {
        Action::Start => GOOD,
        Action::Restart { .. } | Action::Reapply { .. } => BUSY,
        Action::Stop | Action::Quarantined => WARNING,
        Action::Impossible => ERROR,
        _ => DIM,
    }
}

/// Renders one line about an agent that is done, and below it what explains a failure.
pub(crate) fn agent(report: &AgentReport, name_width: usize) -> String {
    let (style, words) = result(report);
    let name = &report.agent;
    let indent = " ".repeat(name_width + 2);
    let mut head = format!("{name:<name_width$}  ");
    let mut used = head.len();
    if used > indent.len() && used + columns(&words) > width() {
        // Beside a name that is wider than most there is little room.
        head = format!("{name}\n{indent}");
        used = indent.len();
    }
    let words = wrap(&words, used, &indent);
    let mut text = format!("{head}{style}{words}{style:#}");
    if let AgentResult::Failed(failure) = &report.result {
        text.push_str(&evidence(failure));
    }
    text
}

fn result(report: &AgentReport) -> (Style, String) {
    let took = took(report.elapsed);
    match &report.result {
        AgentResult::Planned => (DIM, planned(&report.action, &report.why)),
        AgentResult::Unchanged => (DIM, format!("unchanged: {}", report.why)),
        AgentResult::Ready => (GOOD, format!("ready{took}")),
        AgentResult::Blocked { reason } => (
            WARNING,
            format!("started, waits for a person: {reason}{took}"),
        ),
        AgentResult::Applied => (GOOD, format!("applied without a restart: {}", report.why)),
        AgentResult::Stopped => (GOOD, format!("stopped{took}")),
        AgentResult::Kept => (DIM, format!("left alone: {}", report.why)),
        AgentResult::Failed(failure) => (ERROR, format!("failed: {}", failure.message)),
        _ => (DIM, report.why.clone()),
    }
}

fn planned(action: &Action, why: &str) -> String {
    match action {
        Action::Leave => format!("unchanged: {why}"),
        action if action.changes() => format!("would {}: {why}", action.as_str()),
        action => format!("{}: {why}", action.as_str()),
    }
}

fn took(elapsed: Duration) -> String {
    if elapsed < Duration::from_millis(50) {
        return String::new();
    }
    format!(" in {:.1} s", elapsed.as_secs_f64())
}

fn evidence(failure: &Failure) -> String {
    let mut text = String::new();
    let mut block = |title: &str, lines: &[String]| {
        if lines.is_empty() {
            return;
        }
        text.push_str(&format!("\n  {title}:"));
        for line in lines {
            let line = line.replace(char::is_control, " ");
            text.push_str(&format!("\n  {DIM}│{DIM:#} {line}"));
        }
    };
    block("its screen", &failure.screen);
    let log = failure.log_path.as_ref().map_or_else(
        || "its pod's log".to_owned(),
        |path| format!("its pod's log, {}", path.display()),
    );
    block(&log, &failure.log);
    let missing = failure.missing.as_ref();
    if let Some(install) = missing.and_then(|missing| missing.install.as_ref()) {
        text.push_str(&format!("\n  hint: install it with `{install}`"));
    }
    text
}

/// Says in one line what came of a verb over several agents.
pub(crate) fn summary(report: &Report) -> String {
    let count = |wanted: fn(&AgentResult) -> bool| {
        let agents = report.agents.iter();
        agents.filter(|agent| wanted(&agent.result)).count()
    };
    let parts = [
        (count(|result| *result == AgentResult::Ready), "ready"),
        (
            count(|result| matches!(result, AgentResult::Blocked { .. })),
            "blocked",
        ),
        (
            count(|result| *result == AgentResult::Applied),
            "applied without a restart",
        ),
        (count(|result| *result == AgentResult::Stopped), "stopped"),
        (
            count(|result| *result == AgentResult::Unchanged),
            "unchanged",
        ),
        (count(|result| *result == AgentResult::Kept), "left alone"),
        (count(|result| *result == AgentResult::Planned), "planned"),
        (report.failed().count(), "failed"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let agents = counted(report.agents.len(), "agent");
    if parts.is_empty() {
        return agents;
    }
    format!("{agents}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use podfleet::Step;

    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn report(agent: &str, result: AgentResult) -> AgentReport {
        AgentReport {
            agent: agent.into(),
            action: Action::Start,
            why: "it is new".into(),
            result,
            elapsed: Duration::from_millis(430),
        }
    }

    fn steps() -> Plan {
        let step = |agent: &str, action, why: &str| Step {
            agent: agent.into(),
            action,
            why: why.into(),
        };
        Plan {
            steps: vec![
                step("orchestrator", Action::Leave, "it is as the roster says"),
                step(
                    "coder",
                    Action::Restart { fields: vec![] },
                    "changed: command, env, kickstart, working_directory, restart, prepare",
                ),
            ],
            views: vec!["orchestrator".into(), "coder".into()],
            notes: vec!["/home/me/src is made".into()],
        }
    }

    #[test]
    fn a_plan_in_a_narrow_terminal_is_whole() {
        insta::assert_snapshot!(plain(&plan(&steps(), 40)), @"
        AGENT   orchestrator
        ACTION  leave
        WHY     it is as the roster says

        AGENT   coder
        ACTION  restart
        WHY     changed: command, env,
                kickstart, working_directory,
                restart, prepare

        AGENT   orchestrator
        ACTION  view
        WHY     its tmux view is missing
        note: /home/me/src is made
        ");
    }

    #[test]
    fn a_plan_says_what_and_why() {
        let shown = plan(&steps(), 80);
        insta::assert_snapshot!(plain(&shown), @"
        AGENT         ACTION   WHY
        orchestrator  leave    it is as the roster says
        coder         restart  changed: command, env, kickstart, working_directory,
                               restart, prepare
        orchestrator  view     its tmux view is missing
        note: /home/me/src is made
        ");
    }

    #[test]
    fn a_failure_shows_what_explains_it() {
        let failure = Failure {
            message: "the pod answers, but its agent's terminal did not get ready within 30 s"
                .into(),
            screen: vec!["$ claude".into(), "command not found: claude".into()],
            log: vec!["agent ended: exit 127".into()],
            log_path: Some("/home/me/.local/state/fleet/logs/abcdefghijkl.log".into()),
            missing: Some(Box::new(podfleet::MissingProgram {
                looked_in: "/usr/bin:/bin".into(),
                install: Some("npm install -g claude".into()),
            })),
        };
        let shown = agent(&report("coder", AgentResult::Failed(failure)), 12);
        insta::assert_snapshot!(plain(&shown), @"
        coder         failed: the pod answers, but its agent's terminal did not get
                      ready within 30 s
          its screen:
          │ $ claude
          │ command not found: claude
          its pod's log, /home/me/.local/state/fleet/logs/abcdefghijkl.log:
          │ agent ended: exit 127
          hint: install it with `npm install -g claude`
        ");
    }

    #[test]
    fn what_came_of_an_agent_with_a_long_name_stands_below_it() {
        let shown = |name: &str| plain(&agent(&report(name, AgentResult::Stopped), 12));
        assert_eq!(
            shown("security-reviewer"),
            "security-reviewer  stopped in 0.4 s"
        );
        assert_eq!(
            shown(&"n".repeat(64)),
            format!("{}\n{}stopped in 0.4 s", "n".repeat(64), " ".repeat(14))
        );
    }

    #[test]
    fn what_is_planned_reads_as_a_sentence() {
        let shown = |action| planned(&action, "why");
        assert_eq!(shown(Action::Start), "would start: why");
        assert_eq!(shown(Action::Leave), "unchanged: why");
        assert_eq!(shown(Action::Quarantined), "quarantined: why");
    }

    #[test]
    fn a_summary_counts_what_happened() {
        let report = Report {
            agents: vec![
                report("a", AgentResult::Ready),
                report("b", AgentResult::Ready),
                report("c", AgentResult::Failed(Failure::default())),
                report("d", AgentResult::Applied),
            ],
            notes: Vec::new(),
        };
        assert_eq!(
            summary(&report),
            "4 agents: 2 ready, 1 applied without a restart, 1 failed"
        );
    }
}

use podfleet::{Check, Verdict};
use unicode_width::UnicodeWidthStr;

use crate::commands::scope::{JsonFlag, Scope};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::style::{DIM, ERROR, GOOD, WARNING};
use crate::render::table::{Cell, Column, Table};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Say what of this machine makes trouble, and how to mend it
#[derive(Debug, clap::Args)]
#[command(after_help = "Changes nothing. Exit status: 0 if nothing is wrong, 1 if something is.")]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let checks = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.doctor().await?)
    })?;
    if args.json.json {
        context.output.json(&checks)?;
    } else {
        let width = context.output.width();
        context.output.data(render(&checks, width))?;
    }
    let wrong = checks.iter().any(|check| check.verdict == Verdict::Wrong);
    Ok(Exit::answer(!wrong))
}

/// A command that is wider than this would be broken in the table, and not be what is copied from it.
const UNBROKEN: usize = 28;

/// What a remedy begins with that is a command as it stands; others say what to do.
const PROGRAMS: [&str; 6] = ["apt", "chmod", "fleet", "loginctl", "npm", "systemctl"];

/// Returns the command that mends it, if it is too wide for the table.
fn long_command(check: &Check) -> Option<&str> {
    let remedy = check.remedy.as_deref()?;
    let program = remedy.split(' ').next()?;
    (remedy.width() > UNBROKEN && PROGRAMS.contains(&program)).then_some(remedy)
}

fn render(checks: &[Check], width: usize) -> String {
    let mut text = table(checks).render(Some(width));
    let mut commands: Vec<_> = checks.iter().filter_map(long_command).collect();
    commands.dedup();
    if !commands.is_empty() {
        text.push_str("\nTo mend it:\n");
    }
    for command in commands {
        text.push_str(&format!("  {command}\n"));
    }
    text
}

fn table(checks: &[Check]) -> Table {
    let mut table = Table::new([
        Column::new("CHECK").wrapping(17),
        Column::new("IS"),
        Column::new("FOUND").wrapping(16),
        Column::new("REMEDY").wrapping(16),
    ]);
    for check in checks {
        let style = match check.verdict {
            Verdict::Ok => GOOD,
            Verdict::Note => WARNING,
            Verdict::Wrong => ERROR,
            Verdict::Unknown => DIM,
        };
        table.row([
            check.check.as_str().into(),
            Cell::styled(check.verdict.as_str(), style),
            check.found.as_str().into(),
            match long_command(check) {
                Some(_) => "below",
                None => check.remedy.as_deref().unwrap_or("-"),
            }
            .into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(check: &str, found: &str, remedy: Option<&str>) -> Check {
        Check {
            check: check.into(),
            verdict: Verdict::Wrong,
            found: found.into(),
            remedy: remedy.map(str::to_owned),
        }
    }

    #[test]
    fn a_command_that_the_table_would_break_stands_below_it_in_one_line() {
        let unit = "fleet-pod@a-fleet.an-agent-of-that-fleet.service";
        let stray = format!(
            "systemctl --user disable --now {unit} && systemctl --user reset-failed {unit}"
        );
        let checks = [
            check("permissions", "nothing is open to others", None),
            check("linger", "off", Some("loginctl enable-linger")),
            check(
                "systemd",
                "cannot be reached",
                Some("nothing, or in a container `fleet supervise`"),
            ),
            check("units", "a unit is of no agent of the roster", Some(&stray)),
        ];
        let text = anstream::adapter::strip_str(&render(&checks, 80)).to_string();
        insta::assert_snapshot!(text);
    }
}

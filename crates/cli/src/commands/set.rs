use podfleet_roster::{Edit, EditError, Field};

use super::edit::{self, Done, Follows, Mode};
use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::runtime::block_on;

const SYNTAX: &str = "\
KEY=VALUE sets a field, KEY= or KEY! clears it; `env.X=` makes X empty instead.
Keys inside of others have dots: restart.policy, resources.memory_max, env.X.
Texts are taken as they are; lists are written [a, b], mappings {a: b}.

  fleet set coder0 model_hint=opus restart.policy=always
  fleet set coder0 alias! coder1 depends_on='[coder0]' env.LANG=C.UTF-8

All of it is one edit: the rules judge what comes out. Agents that run take the
change up at once, restarted where they have to be; `--dry-run` tells.";

/// Set fields of agents, and make those that run follow
#[derive(Debug, clap::Args)]
#[command(after_help = SYNTAX, override_usage = "fleet set [OPTIONS] NAME KEY=VALUE... [NAME2 KEY=VALUE...]")]
pub(crate) struct Args {
    /// An agent, and what is set of it; then the next agent
    #[arg(value_name = "NAME KEY=VALUE", required = true, num_args = 1.., add = crate::completion::agents())]
    words: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// One thing that is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Assignment {
    Set(Field, String),
    Clear(Field),
}

impl Assignment {
    fn apply(&self, edit: &mut Edit<'_>) -> Result<(), EditError> {
        match self {
            Self::Set(field, text) => edit.set_text(field, text),
            Self::Clear(field) => edit.clear(field),
        }
    }
}

/// Reads the words of the command line: a name, what is set of it, the next name.
fn parse(words: &[String]) -> Result<Vec<Assignment>, Error> {
    let usage = |message: String| Error::message(Exit::Usage, message);
    let mut assignments = Vec::new();
    // Whose fields follow, and whether one did.
    let mut agent: Option<(&str, bool)> = None;
    for word in words {
        let (key, value) = match (word.split_once('='), word.strip_suffix('!')) {
            (Some((key, value)), _) => (key, Some(value)),
            (None, Some(key)) => (key, None),
            (None, None) => {
                check_used(agent)?;
                agent = Some((word, false));
                continue;
            }
        };
        let Some((name, used)) = &mut agent else {
            let message = format!("`{key}` comes before the agent whose field it is");
            return Err(usage(message).hint("`fleet set NAME KEY=VALUE`"));
        };
        *used = true;
        let field = Field::of_agent(*name, key);
        assignments.push(match value {
            Some("") if !key.starts_with("env.") => Assignment::Clear(field),
            Some(value) => Assignment::Set(field, value.to_owned()),
            None => Assignment::Clear(field),
        });
    }
    check_used(agent)?;
    Ok(assignments)
}

fn check_used(agent: Option<(&str, bool)>) -> Result<(), Error> {
    match agent {
        Some((name, false)) => {
            let message = format!("nothing is set of `{name}`");
            let hint = format!(
                "fields follow the agent's name: `fleet set {name} KEY=VALUE`; \
                 if `{name}` is a field, it wants a value: `{name}=VALUE`"
            );
            Err(Error::message(Exit::Usage, message).hint(hint))
        }
        _ => Ok(()),
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let mode = Mode {
        dry_run: args.dry_run.dry_run,
        json: args.json.json,
    };
    let assignments = parse(&args.words)?;
    let draft = edit::draft(context, Follows::AtOnce, |edit| {
        assignments.iter().try_for_each(|one| one.apply(edit))
    })?;
    edit::write(&draft, mode, context)?;
    let mut names: Vec<String> = Vec::new();
    for assignment in &assignments {
        let (Assignment::Set(field, _) | Assignment::Clear(field)) = assignment;
        if let Some(name) = field
            .agent()
            .filter(|name| !names.iter().any(|one| one == name))
        {
            names.push(name.to_owned());
        }
    }
    let report = block_on(async {
        let fleet = context
            .fleet_of(draft.roster().clone(), draft.path())
            .await?;
        let mut report = edit::converge(&fleet, &names, mode, context).await?;
        if !draft.changes() {
            // That agents do not run is no news then.
            report.notes.clear();
        }
        edit::tell_untold(&fleet, mode, &mut report).await?;
        Ok(report)
    })?;
    edit::conclude(&Done::new(draft, report), mode, &mut context.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_are_names_and_what_is_set_of_them() {
        let field = Field::of_agent;
        assert_eq!(
            parse(&words("a x=1 y= env.Z= z! b.c q=k=v")).unwrap(),
            [
                Assignment::Set(field("a", "x"), "1".into()),
                Assignment::Clear(field("a", "y")),
                Assignment::Set(field("a", "env.Z"), String::new()),
                Assignment::Clear(field("a", "z")),
                Assignment::Set(field("b.c", "q"), "k=v".into()),
            ]
        );
    }

    #[test]
    fn a_name_without_fields_and_a_field_without_a_name_are_told() {
        let said = |line: &str| parse(&words(line)).unwrap_err().headline();
        assert_eq!(said("x=1"), "`x` comes before the agent whose field it is");
        assert_eq!(said("a"), "nothing is set of `a`");
        assert_eq!(said("a x=1 yolo"), "nothing is set of `yolo`");
        assert_eq!(said("a b x=1"), "nothing is set of `a`");
    }
}

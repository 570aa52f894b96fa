use std::path::PathBuf;

use podfleet_roster::{Name, Role};
use serde::Serialize;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::new_file;
use crate::own_files::{OwnRoles, Source};
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;

const WHERE: &str = "\
Your own roles lie in `roles/` of the configuration directory, one Markdown file
`CLASS.md` each; one of the same class takes the place of a shipped one. Lines
between two `---` at its beginning may give `synonyms: a, b`.";

/// Show and change what agents of a class are told
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the classes that have a role
    List(JsonFlag),
    /// Print the role of a class
    Show(Show),
    /// Write a copy of a role that you can edit
    Customize(Customize),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The class, or a synonym of it
    #[arg(add = crate::completion::classes())]
    class: String,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct Customize {
    /// The class, or a synonym of it
    #[arg(add = crate::completion::classes())]
    class: Name,
    /// Begin a role for a class that has none of its own
    #[arg(long)]
    new: bool,
    /// Print what would be written, and where
    #[arg(long)]
    dry_run: bool,
}

/// A role, as programs read it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    class: &'a str,
    synonyms: &'a [String],
    source: Source,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(role: &'a Role, own: &OwnRoles) -> Self {
        Self {
            class: role.class(),
            synonyms: role.synonyms(),
            source: own.source(role),
            summary: role.summary(),
            text: None,
        }
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::List(args) => list(args.json, context),
        Command::Show(args) => show(args, context),
        Command::Customize(args) => customize(args, context),
    }
}

fn list(json: bool, context: &mut Context) -> Outcome {
    let own = context.roles()?;
    let shown: Vec<_> = own.roles.iter().map(|role| Shown::of(role, &own)).collect();
    if json {
        context.output.json(&shown)?;
    } else {
        let width = context.output.width();
        context.output.data(table(&shown).render(Some(width)))?;
    }
    for fault in own.faults() {
        context.output.complain(fault.render())?;
    }
    Ok(Exit::answer(own.faults().len() == 0))
}

fn table(roles: &[Shown<'_>]) -> Table {
    let mut table = Table::new([
        Column::new("CLASS"),
        Column::new("SOURCE"),
        Column::new("MANDATE").wrapping(24),
    ]);
    let all_shipped = roles.iter().all(|role| role.source == Source::Shipped);
    for role in roles {
        let source = match all_shipped {
            true => "",
            false => role.source.as_str(),
        };
        table.row([role.class.into(), source.into(), mandate(role).into()]);
    }
    table.without_empty(&["SOURCE"]);
    table
}

/// Returns the first sentence of what a role has to do, and what else it is called.
fn mandate(role: &Shown<'_>) -> String {
    let first = first_sentence(&role.summary);
    match role.synonyms.is_empty() {
        true => first.to_owned(),
        false => format!("{first} ({})", role.synonyms.join(", ")),
    }
}

/// Returns as much of a text as a list has room for.
fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

fn show(args: &Show, context: &mut Context) -> Outcome {
    let own = context.roles()?;
    let class = args.class.as_str();
    let role = find(&own, class, context)?;
    let shown = Shown::of(role, &own);
    let output = &mut context.output;
    if args.json.json {
        output.json(&Shown {
            text: Some(role.text()),
            ..shown
        })?;
        return Ok(Exit::Success);
    }
    output.data(role.text())?;
    let synonym = match role.class() == class {
        true => String::new(),
        false => format!("`{class}` is a synonym of `{}`; ", role.class()),
    };
    let source = shown.source.as_str();
    output.say(format_args!("\n{synonym}this role is {source}"))?;
    Ok(Exit::Success)
}

/// Returns the role of a class. A file of the user's that should be that role and is none is told,
/// and never passed over for a shipped one.
fn find<'a>(own: &'a OwnRoles, class: &str, context: &Context) -> Result<&'a Role, Error> {
    let path = role_path(class, context)?;
    if let Some(fault) = own.fault_of(&path) {
        return Err(Error::message(fault.exit(), fault.in_one_line()));
    }
    own.roles.of_class(class).ok_or_else(|| {
        let message = format!("there is no role for the class `{class}`");
        let error = Error::message(Exit::Usage, message);
        match own.roles.nearest(class) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if Name::new(class).is_err() => error.hint("`fleet role list` shows all"),
            None => error.hint(format!(
                "`fleet role list` shows all; `fleet role customize {class} --new` begins one"
            )),
        }
    })
}

fn role_path(class: &str, context: &Context) -> Result<PathBuf, Error> {
    let roles = context.config_dir()?.join("roles");
    Ok(roles.join(format!("{class}.md")))
}

fn customize(args: &Customize, context: &mut Context) -> Outcome {
    let own = context.roles()?;
    let asked = args.class.as_str();
    let (class, text) = if args.new {
        (asked.to_owned(), new_role(&own, asked)?)
    } else {
        let role = find(&own, asked, context)?;
        (role.class().to_owned(), role.to_markdown())
    };
    let path = role_path(&class, context)?;
    let hint = "edit it, or remove it to go back to the shipped role";
    if args.dry_run {
        new_file::check_place(&path, false, hint)?;
    } else {
        new_file::write(&path, &text, false, hint)?;
    }
    let output = &mut context.output;
    if args.dry_run {
        output.data(&text)?;
        output.say(format_args!("would write {}", path.display()))?;
    } else {
        output.say(format_args!("wrote {}", path.display()))?;
    }
    if class != asked {
        let note = format!("`{asked}` is a synonym of `{class}`, so this role is told to both");
        output.say(wrap(&note, 0, "  "))?;
    }
    if !args.dry_run {
        output.say("next: edit it; agents are told it at their next start")?;
    }
    Ok(Exit::Success)
}

/// Returns the beginning of a role for a class that has none of its own.
fn new_role(own: &OwnRoles, class: &str) -> Result<String, Error> {
    match own.roles.of_class(class) {
        Some(role) if role.class() == class => {
            let message = format!("there is a role `{class}` already");
            let hint = match own.source(role) {
                Source::Shipped => format!("`fleet role customize {class}` writes a copy of it"),
                Source::Yours => "it is yours; edit it".to_owned(),
            };
            Err(Error::message(Exit::Refused, message).hint(hint))
        }
        _ => Ok(Role::template(class)),
    }
}

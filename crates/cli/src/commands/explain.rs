use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use podfleet_roster::{Blocks, Code, Layer, UnknownCode};
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::findings::UNREADABLE;
use crate::render::style::STRONG;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;

/// Explain what the code of a finding means
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A code such as `roster::unknown-key`, or its second half [default: list all]
    #[arg(value_parser = parse_code, add = codes())]
    code: Option<Code>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_code(text: &str) -> Result<Code, String> {
    if text == UNREADABLE {
        return Err(
            "no finding in a text: the file could not be read, and the message says why; \
                    the exit code is 2"
                .to_owned(),
        );
    }
    text.parse()
        .map_err(|error: UnknownCode| format!("{error}; {}", error.hint()))
}

/// Completes codes; a second half only where one was begun.
fn codes() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let begun = begun.to_string_lossy();
        let wanted = |text: &&str| text.starts_with(&*begun);
        let candidates = Code::ALL.iter().filter_map(|code| {
            let whole = code.as_str();
            let half = whole.split_once("::").map(|(_, half)| half);
            let half = half.filter(|_| !begun.is_empty());
            let found = [Some(whole), half].into_iter().flatten().find(wanted)?;
            Some(CompletionCandidate::new(found).help(Some(code.meaning().into())))
        });
        candidates.collect()
    })
}

#[derive(Debug, Serialize)]
struct Explanation {
    code: Code,
    severity: podfleet_roster::Severity,
    blocks: Blocks,
    meaning: &'static str,
    wrong: &'static str,
    right: &'static str,
}

impl Explanation {
    const fn of(code: Code) -> Self {
        Self {
            code,
            severity: code.severity(),
            blocks: code.blocks(),
            meaning: code.meaning(),
            wrong: code.bad(),
            right: code.good(),
        }
    }

    fn render(&self) -> String {
        format!(
            "{STRONG}{}{STRONG:#} ({})\n\n{}\n{}\n\n{STRONG}wrong{STRONG:#}\n{}\n{STRONG}right{STRONG:#}\n{}",
            self.code,
            self.severity,
            wrap(self.meaning, 0, ""),
            wrap(stops(self.code), 0, ""),
            indent(self.wrong),
            indent(self.right),
        )
    }
}

/// Says what a finding keeps the fleet from doing.
fn stops(code: Code) -> &'static str {
    match code.blocks() {
        _ if code.layer() == Layer::Profiles => "It stops `provision` of that profile.",
        Blocks::Nothing => "It stops nothing.",
        Blocks::ThatAgent => "It stops `up` for that agent; the others start.",
        Blocks::Writing => {
            "It stops `init`, `provision` and `remove`; `set`, `add` and `up` only warn."
        }
        Blocks::Changes => "It stops everything that reads the roster for a change, such as `up`.",
    }
}

fn indent(fragment: &str) -> String {
    fragment
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect()
}

fn list() -> Table {
    let mut table = Table::new([
        Column::new("CODE"),
        Column::new("SEVERITY"),
        Column::new("MEANING").wrapping(20),
    ]);
    for code in Code::ALL {
        let severity = code.severity().to_string();
        table.row([code.as_str().into(), severity.into(), code.meaning().into()]);
    }
    table
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let output = &mut context.output;
    match (args.code, args.json) {
        (Some(code), true) => output.json(&Explanation::of(code))?,
        (Some(code), false) => output.data(Explanation::of(code).render())?,
        (None, true) => {
            let all: Vec<_> = Code::ALL.iter().copied().map(Explanation::of).collect();
            output.json(&all)?;
        }
        (None, false) => {
            let width = output.width();
            output.data(list().render(Some(width)))?;
        }
    }
    Ok(Exit::Success)
}

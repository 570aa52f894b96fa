//! What verbs over several agents show while they work, and when they are done.

use std::future::Future;

use podfleet::{AgentResult, Failure, FleetError, Progress, Report};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::report;
use crate::render::style::DIM;
use crate::render::wrap::wrap;

/// Shows the progress of a verb while it works.
///
/// `start` begins the work and is given where its events go.
pub(crate) async fn follow<W, T>(
    start: impl FnOnce(UnboundedSender<Progress>) -> W,
    output: &mut Output,
) -> Result<T, Error>
where
    W: Future<Output = Result<T, FleetError>>,
{
    let (sender, mut events) = unbounded_channel();
    let work = start(sender);
    tokio::pin!(work);
    // That nobody listens any more is no reason to leave the work half done.
    let report = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => drop(show(&event, output)),
            report = &mut work => break report,
        }
    };
    while let Ok(event) = events.try_recv() {
        drop(show(&event, output));
    }
    Ok(report?)
}

/// Columns that names are given in lines of progress; longer ones push the rest to the right.
const NAME_WIDTH: usize = 14;

fn show(event: &Progress, output: &mut Output) -> std::io::Result<()> {
    match event {
        Progress::Waiting { what } => output.say(format_args!("{DIM}waiting for {what}{DIM:#}")),
        Progress::Note { agent, text } => {
            let text = match agent {
                Some(agent) => format!("{agent:<NAME_WIDTH$}  {text}"),
                None => format!("note: {text}"),
            };
            output.say(wrap(&text, 0, "  "))
        }
        Progress::Begun { agent, action } => {
            output.explain(format_args!("{agent:<NAME_WIDTH$}  {}", action.as_str()))
        }
        Progress::Answering { agent } => {
            output.explain(format_args!("{agent:<NAME_WIDTH$}  its pod answers"))
        }
        Progress::Done(done) => {
            output.say(report::agent(done, NAME_WIDTH))?;
            match &done.result {
                AgentResult::Failed(Failure {
                    missing: Some(missing),
                    ..
                }) => {
                    let places = format!("looked in {}", missing.looked_in);
                    output.explain(wrap(&places, 0, "  "))
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Shows what came of a verb, and decides how the command ends.
pub(crate) fn conclude(report: &Report, json: bool, output: &mut Output) -> Outcome {
    let exit = Exit::answer(report.succeeded());
    if json {
        output.json(report)?;
        return Ok(exit);
    }
    // The answer stands whoever hears it.
    drop(tell(report, output));
    Ok(exit)
}

fn tell(report: &Report, output: &mut Output) -> std::io::Result<()> {
    for note in &report.notes {
        output.say(wrap(&format!("note: {note}"), 0, "  "))?;
    }
    let agents = report.agents.iter();
    for planned in agents.filter(|agent| agent.result == AgentResult::Planned) {
        output.say(report::agent(planned, NAME_WIDTH))?;
    }
    output.say(report::summary(report))
}

//! What verbs over several agents show while they work, and when they are done.

use std::future::Future;

use podfleet::{AgentResult, FleetError, Progress, Report};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

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
    let report = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => show(&event, output)?,
            report = &mut work => break report,
        }
    };
    show_rest(&mut events, output)?;
    Ok(report?)
}

fn show_rest(events: &mut UnboundedReceiver<Progress>, output: &mut Output) -> std::io::Result<()> {
    while let Ok(event) = events.try_recv() {
        show(&event, output)?;
    }
    Ok(())
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
        Progress::Done(done) => output.say(report::agent(done, NAME_WIDTH)),
        _ => Ok(()),
    }
}

/// Shows what came of a verb, and decides how the command ends.
pub(crate) fn conclude(report: &Report, json: bool, output: &mut Output) -> Outcome {
    if json {
        output.json(report)?;
    } else {
        for note in &report.notes {
            output.say(wrap(&format!("note: {note}"), 0, "  "))?;
        }
        for planned in report
            .agents
            .iter()
            .filter(|agent| agent.result == AgentResult::Planned)
        {
            output.say(report::agent(planned, NAME_WIDTH))?;
        }
        output.say(report::summary(report))?;
    }
    Ok(Exit::answer(report.succeeded()))
}

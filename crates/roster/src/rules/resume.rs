//! Resets and resumption at odds.

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;

/// An agent whose context is reset between tasks does not resume its conversation.
pub(super) fn resume_conflicts(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let resetting = outline
        .agents
        .iter()
        .filter(|agent| agent.is_true("reset_between_tasks"));
    resetting
        .filter_map(|agent| {
            let resume = agent
                .text("resume")
                .filter(|resume| resume.text != "never")?;
            let message = "the context is reset between tasks, yet a restart resumes it";
            let help = "remove `resume` (it is then `never`), or `reset_between_tasks`";
            Some(Finding::new(Code::ResumeConflict, resume.span, message).help(help))
        })
        .collect()
}

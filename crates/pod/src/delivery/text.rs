//! The exact text that is typed for a message.

use podfleet_protocol::{Preamble, Typing, may_be_command};

/// Returns the text of a message whose body can be typed as it is.
///
/// # Errors
/// Gives the reason why the agent might take the body for a command.
pub(crate) fn typed_text(
    preamble: &Preamble,
    body: &str,
    typing: Typing,
) -> Result<String, String> {
    // A line break at the end would stand for a submit key, or in front of it.
    let body = body.trim_end_matches('\n');
    if !typing.raw {
        // Some agents read a backslash and the submit key as a line break.
        let end = if body.ends_with('\\') { " " } else { "" };
        return Ok(format!("{preamble} {body}{end}"));
    }
    if may_be_command(body) && !typing.allow_command {
        return Err(
            "a raw message that begins with `!`, `/` or `@` may be taken for a command".into(),
        );
    }
    Ok(body.to_owned())
}

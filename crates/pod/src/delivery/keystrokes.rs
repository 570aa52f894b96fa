//! The bytes that put a text into a composer.

use podfleet_harness::Submit;

use crate::agent_process::LineDiscipline;

/// Bytes of a line that the kernel keeps in canonical mode; the rest is cut in silence.
pub(crate) const CANONICAL_LINE: usize = 4095;
const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// A tab that is typed, not pasted, would be a completion key.
pub(crate) const TYPED_TAB: &str = "    ";

/// Returns the bytes for a text without control characters but LF and TAB.
///
/// A terminal whose program asked for bracketed paste gets one frame. Otherwise lines are parted
/// by the harness's newline key.
///
/// # Errors
/// Gives the reason why the text would not arrive whole.
pub(crate) fn keystrokes(
    text: &str,
    submit: &Submit,
    bracketed_paste: bool,
    discipline: LineDiscipline,
) -> Result<Vec<u8>, String> {
    if bracketed_paste {
        return Ok([PASTE_START, text.as_bytes(), PASTE_END].concat());
    }
    let mut lines = text.split('\n');
    if discipline.canonical {
        let longest = lines.clone().map(str::len).max().unwrap_or_default();
        if longest > CANONICAL_LINE {
            return Err(format!(
                "a line of {longest} bytes would be cut: the agent reads lines of at most {CANONICAL_LINE} bytes"
            ));
        }
        if text.contains('\n') {
            return Err(
                "the agent reads line by line: several lines would be several messages".into(),
            );
        }
        if !discipline.echo {
            return Err("the agent hides what is typed, as a password prompt does".into());
        }
    }
    if text.contains('\n') && submit.newline.is_empty() {
        return Err("the agent has no key for a new line, and no bracketed paste".into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    if let Some(first) = lines.next() {
        bytes.extend_from_slice(first.replace('\t', TYPED_TAB).as_bytes());
    }
    for line in lines {
        bytes.extend_from_slice(&submit.newline);
        bytes.extend_from_slice(line.replace('\t', TYPED_TAB).as_bytes());
    }
    Ok(bytes)
}

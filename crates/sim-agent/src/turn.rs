//! One turn of the simulated model: what a message asks for, and what it is answered.

use std::time::Duration;

/// What a message asks of the simulated model by words in its text.
///
/// | word | effect |
/// |---|---|
/// | `SLEEP:2000` | the turn lasts 2000 ms |
/// | `FAIL:529` | it ends with an API error |
/// | `ASK` | a permission dialog opens half-way; its clock stops meanwhile |
/// | `SAY:text` | the answer is the rest of the line |
/// | `FLOOD:100000` | so many bytes of output |
/// | `EXIT:3` | the process exits with this code when the turn ends |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// How long the turn lasts.
    pub sleep: Option<Duration>,
    /// The status of an API error.
    pub fail: Option<u16>,
    /// Whether a permission dialog opens.
    pub ask: bool,
    /// The answer.
    pub say: Option<String>,
    /// Bytes of output.
    pub flood: Option<u64>,
    /// Exit code.
    pub exit: Option<u8>,
}

impl Script {
    /// Reads the script words of a message; of a word given twice the last counts.
    #[must_use]
    pub fn parse(message: &str) -> Self {
        let mut script = Self::default();
        for word in message.split_whitespace() {
            match word.split_once(':') {
                Some(("SLEEP", ms)) => script.sleep = ms.parse().ok().map(Duration::from_millis),
                Some(("FAIL", status)) => script.fail = status.parse().ok(),
                Some(("FLOOD", bytes)) => script.flood = bytes.parse().ok(),
                Some(("EXIT", code)) => script.exit = code.parse().ok(),
                None if word == "ASK" => script.ask = true,
                _ => {}
            }
        }
        script.say = message
            .lines()
            .find_map(|line| line.split_once("SAY:"))
            .map(|(_, text)| text.trim().to_owned());
        script
    }
}

/// Returns a message without the `[sender -> receiver]` in front of it.
#[must_use]
pub fn body(message: &str) -> &str {
    message
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(address, _)| address.contains(" -> "))
        .map_or(message, |(_, body)| body)
}

/// Returns the answer to a message: what it asked to be said, else its first line.
#[must_use]
pub fn answer(message: &str, script: &Script) -> String {
    const LONGEST: usize = 200;
    if let Some(say) = &script.say {
        return say.clone();
    }
    let body = body(message);
    let first = body.lines().next().unwrap_or_default();
    let shown: String = first.chars().take(LONGEST).collect();
    let cut = if shown.len() < first.len() { "…" } else { "" };
    match body.lines().count().saturating_sub(1) {
        0 => format!("echo: {shown}{cut}"),
        1 => format!("echo: {shown}{cut} (+1 line)"),
        more => format!("echo: {shown}{cut} (+{more} lines)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_message_script_its_turn() {
        let script = Script::parse("[h:a -> h:b] please SLEEP:20 FAIL:529 ASK\nFLOOD:7 EXIT:3");
        let expected = Script {
            sleep: Some(Duration::from_millis(20)),
            fail: Some(529),
            ask: true,
            say: None,
            flood: Some(7),
            exit: Some(3),
        };
        assert_eq!(script, expected);
        assert_eq!(
            Script::parse("ask me to SLEEP: or ASKING EXIT:999"),
            Script::default()
        );
    }

    #[test]
    fn the_answer_leaves_the_address_out() {
        let echo = |message| answer(message, &Script::parse(message));
        assert_eq!(echo("[h:operator -> h:coder] hello"), "echo: hello");
        assert_eq!(
            echo("[not an address] hello"),
            "echo: [not an address] hello"
        );
        assert_eq!(echo("one\ntwo\nthree"), "echo: one (+2 lines)");
        assert_eq!(echo("SAY:two words  "), "two words");
    }
}

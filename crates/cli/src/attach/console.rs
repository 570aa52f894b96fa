//! The line at the bottom of an attached terminal: from the keys that open it to the answer.

use futures_util::future::BoxFuture;
use podfleet_protocol::{PodRow, Size};
use unicode_width::UnicodeWidthStr as _;

use super::command::{Command, Fault, help, parse};
use super::keys::OurKeys;
use super::prompt::{Prompt, Typed};
use crate::render::pods;
use crate::render::wrap::wrap_to;

/// What is told of a command.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Lines, which are broken where the terminal is narrower.
    Lines(Vec<String>),
    /// A table of pods.
    Pods(Vec<PodRow>),
}

impl Answer {
    fn lines(&self, columns: usize) -> Vec<String> {
        let text = match self {
            Self::Lines(lines) => {
                let broken = lines.iter().map(|line| wrap_to(columns, line, 0, ""));
                broken.collect::<Vec<_>>().join("\n")
            }
            Self::Pods(rows) => {
                let table = pods::table(rows).render(Some(columns));
                anstream::adapter::strip_str(&table).to_string()
            }
        };
        text.lines().map(str::to_owned).collect()
    }
}

/// Whoever carries commands out.
pub(crate) trait Executor {
    /// Returns the name of the pod that the terminal is of.
    fn pod(&self) -> &str;
    /// Returns the names of the pods that can be named.
    fn names(&self) -> BoxFuture<'_, Vec<String>>;
    /// Carries a command out that is about other pods, and returns what to tell of it.
    fn execute(&self, command: Command) -> BoxFuture<'_, Answer>;
}

/// What is shown at the bottom of the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The lines, from above.
    pub(crate) lines: Vec<String>,
    /// The column of the cursor in the last of them, if it is there.
    pub(crate) cursor: Option<usize>,
}

/// The console, once it is open.
pub(crate) struct Console<'a> {
    executor: &'a dyn Executor,
    /// Whether commands that change something are refused.
    only_looks: bool,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Typing(Prompt),
    Executing(String, BoxFuture<'a, Answer>),
    Told(Answer),
}

/// What becomes of the console.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'i> {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
    /// It is closed by our own prefix, which this follows.
    Prefixed(&'i [u8]),
    /// The user leaves the terminal.
    Leave,
}

impl<'a> Console<'a> {
    /// Opens it for the pod of `executor`.
    pub(crate) fn open(executor: &'a dyn Executor, only_looks: bool) -> Self {
        Self {
            executor,
            only_looks,
            stage: Stage::Typing(Prompt::default()),
        }
    }

    /// Makes the pods known that can be named.
    pub(crate) fn know(&mut self, names: Vec<String>) {
        if let Stage::Typing(prompt) = &mut self.stage {
            prompt.know(names);
        }
    }

    /// Takes what was typed. What follows the key that ends a stage is dropped, up to our own prefix.
    pub(crate) fn take<'i>(&mut self, input: &'i [u8], keys: &OurKeys) -> Next<'i> {
        if input.is_empty() {
            return Next::Stay;
        }
        let (next, rest) = match &mut self.stage {
            Stage::Typing(prompt) => match prompt.take(input, keys) {
                Typed::Editing => return Next::Stay,
                Typed::Cancelled(rest) => (Next::Close, rest),
                Typed::Entered(line, rest) => match self.entered(&line) {
                    Next::Leave => return Next::Leave,
                    // What was typed with a command does not give up the wait for it.
                    next if self.is_executing() => return next,
                    next => (next, rest),
                },
            },
            // It cannot be taken back; only the wait for it can be given up.
            Stage::Executing(..) if matches!(input, b"\x03" | b"\x1b") => return Next::Close,
            Stage::Executing(..) => (Next::Stay, input),
            Stage::Told(_) => (Next::Close, input),
        };
        keys.behind_first(rest).map_or(next, Next::Prefixed)
    }

    fn is_executing(&self) -> bool {
        matches!(self.stage, Stage::Executing(..))
    }

    fn entered(&mut self, line: &str) -> Next<'static> {
        let command = match parse(line, self.executor.pod()) {
            Ok(None) => return Next::Close,
            Ok(Some(Command::Detach)) => return Next::Leave,
            Ok(Some(Command::Help(verb))) => return self.tell(help(verb)),
            Ok(Some(Command::Peer(_) | Command::Unpeer(_))) if self.only_looks => {
                let text = "who only looks changes nothing; `fleet attach` or `fleet peer` do";
                return self.tell(vec![text.to_owned()]);
            }
            Ok(Some(command)) => command,
            Err(fault) => return self.refuse(&fault),
        };
        let executing = self.executor.execute(command);
        self.stage = Stage::Executing(line.to_owned(), executing);
        Next::Stay
    }

    fn refuse(&mut self, fault: &Fault) -> Next<'static> {
        self.tell(vec![fault.to_string()])
    }

    fn tell(&mut self, lines: Vec<String>) -> Next<'static> {
        self.stage = Stage::Told(Answer::Lines(lines));
        Next::Stay
    }

    /// Waits for the answer to a command, if one is on its way, and shows it. Nothing is lost if
    /// this is cancelled.
    pub(crate) async fn answer(&mut self) {
        match &mut self.stage {
            Stage::Executing(_, executing) => {
                let answer = executing.await;
                self.stage = Stage::Told(answer);
            }
            _ => std::future::pending().await,
        }
    }

    /// Returns what to show in a terminal of a size.
    pub(crate) fn panel(&self, size: Size) -> Panel {
        let columns = usize::from(size.columns);
        match &self.stage {
            Stage::Typing(prompt) => {
                let (lines, cursor) = prompt.lines(columns);
                Panel {
                    lines,
                    cursor: Some(cursor),
                }
            }
            Stage::Executing(line, _) => Panel {
                lines: vec![format!(":{line} …")],
                cursor: None,
            },
            Stage::Told(answer) => Panel {
                lines: with_way_out(answer.lines(columns), size),
                cursor: None,
            },
        }
    }
}

/// Says how an answer is closed: beside the answer, or below it where there is no room; and how much
/// of it has no place below the first line of the terminal.
fn with_way_out(mut lines: Vec<String>, size: Size) -> Vec<String> {
    const WAY_OUT: &str = "(any key goes on)";
    let room = usize::from(size.rows.saturating_sub(1)).max(1);
    match lines.as_mut_slice() {
        [only] if only.width() + 1 + WAY_OUT.len() <= usize::from(size.columns) => {
            only.push(' ');
            only.push_str(WAY_OUT);
        }
        all if all.len() < room => lines.push(WAY_OUT.to_owned()),
        all => {
            let more = all.len() - (room - 1);
            lines.truncate(room - 1);
            lines.push(format!("… and {more} more lines {WAY_OUT}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::attach::prefix::PrefixKey;

    fn ours() -> OurKeys {
        OurKeys::new(PrefixKey::default())
    }

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Command>>);

    impl Executor for Recorder {
        fn pod(&self) -> &str {
            "coder"
        }

        fn names(&self) -> BoxFuture<'_, Vec<String>> {
            Box::pin(async { vec!["lead".to_owned()] })
        }

        fn execute(&self, command: Command) -> BoxFuture<'_, Answer> {
            self.0.lock().unwrap().push(command);
            Box::pin(async { Answer::Lines(vec!["done".to_owned()]) })
        }
    }

    fn shown(console: &Console<'_>) -> String {
        console.panel(size(80, 24)).lines.join("\n")
    }

    fn size(columns: u16, rows: u16) -> Size {
        Size { columns, rows }
    }

    #[tokio::test]
    async fn a_command_is_typed_carried_out_and_answered() {
        let recorder = Recorder::default();
        let mut console = Console::open(&recorder, false);
        console.know(recorder.names().await);
        assert_eq!(console.take(b"peer l\t", &ours()), Next::Stay);
        assert_eq!(shown(&console), ":peer lead ");
        assert_eq!(console.take(b"\r", &ours()), Next::Stay);
        assert_eq!(shown(&console), ":peer lead  …");
        console.answer().await;
        assert_eq!(shown(&console), "done (any key goes on)");
        assert_eq!(console.take(b"x", &ours()), Next::Close);
        assert_eq!(recorder.0.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn our_key_closes_every_stage_with_what_follows_it() {
        let recorder = Recorder::default();
        let opened = || Console::open(&recorder, false);
        let rest = Next::Prefixed(b":p");
        for input in [
            &b"\x1c:p"[..],
            b"po\x1c:p",
            b"po\x1b[92;5u:p",
            b"po\x03x\x1c:p",
            b"help\r\x1b[27;5;92~:p",
            b"\r\x1c:p",
        ] {
            assert_eq!(opened().take(input, &ours()), rest, "{input:?}");
        }
        let mut console = opened();
        assert_eq!(console.take(b"pods\r\x1c:p", &ours()), Next::Stay);
        assert_eq!(console.take(b"x\x1c:p", &ours()), rest);
        console.answer().await;
        assert_eq!(console.take(b"x\x1c:p", &ours()), rest);
        assert_eq!(console.take(b"x", &ours()), Next::Close);
    }

    #[test]
    fn how_an_answer_is_closed_stands_below_it_where_there_is_no_room() {
        let recorder = Recorder::default();
        let mut console = Console::open(&recorder, false);
        console.take(b"help detach\r", &ours());
        let answer = "detach          leave the terminal; the agent goes on";
        assert_eq!(shown(&console), format!("{answer} (any key goes on)"));
        let narrow = console.panel(size(60, 24)).lines;
        assert_eq!(narrow, [answer, "(any key goes on)"]);
    }

    #[test]
    fn an_answer_that_has_no_room_is_broken_and_says_how_much_of_it_is_left_out() {
        let lines = |count: usize| (1..=count).map(|number| format!("line {number}")).collect();
        let shown = |answer: Vec<String>, size| with_way_out(Answer::Lines(answer).lines(80), size);
        let low = size(40, 5);
        assert_eq!(
            shown(lines(3), low),
            ["line 1", "line 2", "line 3", "(any key goes on)"]
        );
        assert_eq!(
            shown(lines(9), low),
            [
                "line 1",
                "line 2",
                "line 3",
                "… and 6 more lines (any key goes on)"
            ]
        );
        assert_eq!(
            shown(lines(9), size(40, 1)),
            ["… and 9 more lines (any key goes on)"]
        );
        let name = "n".repeat(70);
        let fault = Answer::Lines(vec![format!("`{name}` is longer than 64 characters")]);
        assert_eq!(fault.lines(80)[1], "longer than 64 characters");
    }

    #[test]
    fn a_line_that_is_wrong_sends_nothing() {
        let recorder = Recorder::default();
        for line in [
            &b"per lead\r"[..],
            b"peer\r",
            b"peer coder\r",
            b"help\r",
            b"\r",
        ] {
            Console::open(&recorder, false).take(line, &ours());
        }
        assert!(recorder.0.lock().unwrap().is_empty());
    }

    #[test]
    fn who_only_looks_may_list_and_leave_but_change_nothing() {
        let recorder = Recorder::default();
        let mut console = Console::open(&recorder, true);
        assert_eq!(console.take(b"peer lead\r", &ours()), Next::Stay);
        assert!(shown(&console).contains("changes nothing"));
        assert!(recorder.0.lock().unwrap().is_empty());
        assert_eq!(
            Console::open(&recorder, true).take(b"detach\r", &ours()),
            Next::Leave
        );
        Console::open(&recorder, true).take(b"pods\r", &ours());
        assert_eq!(*recorder.0.lock().unwrap(), [Command::Pods]);
    }
}

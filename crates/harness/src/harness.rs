//! A harness: all that is known about one agent CLI.

use serde::Deserialize;

use crate::answer::AnswerRule;
use crate::composer::{Composer, ComposerRule};
use crate::dialog::{Dialog, DialogRule, Press};
use crate::echo::EchoRule;
use crate::error::HarnessError;
use crate::holding::{Holding, compare, contains_text};
use crate::input::{Input, program_of, starts_one_of};
use crate::launch::Launch;
use crate::pattern::Pattern;
use crate::queue::{Match, QueueRule};
use crate::rule::{Rule, View};
use crate::screen::Screen;
use crate::state::{Classification, ScreenState, Signals};
use crate::submit::Submit;
use crate::trust::Trust;
use crate::witness::{Hooks, Transcript};

/// Names of the harnesses that are built in.
pub const SHIPPED: &[&str] = &["claude", "codex", "pi", "opencode", "generic", "sim"];

fn shipped_source(name: &str) -> Option<&'static str> {
    Some(match name {
        "claude" => include_str!("../data/claude.toml"),
        "codex" => include_str!("../data/codex.toml"),
        "pi" => include_str!("../data/pi.toml"),
        "opencode" => include_str!("../data/opencode.toml"),
        "generic" => include_str!("../data/generic.toml"),
        "sim" => include_str!("../data/sim.toml"),
        _ => return None,
    })
}

/// Bytes from which a message goes into a file, unless the harness says otherwise.
const COMFORTABLE_BYTES: usize = 64 * 1024;

/// All that is known about one agent CLI.
///
/// Every answer about a screen is a pure function of what is passed: it reads no clock and keeps no
/// memory of former screens.
#[derive(Debug, Clone)]
pub struct Harness {
    name: String,
    title: String,
    versions: Vec<String>,
    launch: Launch,
    submit: Submit,
    reset_command: Option<String>,
    queue_safe: bool,
    suspends: bool,
    input: Input,
    interpreters: Vec<String>,
    comfortable_bytes: usize,
    evidence: Evidence,
    queue: Option<QueueRule>,
    user_message: Option<Pattern>,
    answer: Option<AnswerRule>,
    dialog: Option<DialogRule>,
    transcript: Option<Transcript>,
    hooks: Option<Hooks>,
    trust: Option<Trust>,
    /// Sorted, the highest priority first.
    rules: Vec<Rule>,
}

/// Where it is seen what has been typed.
#[derive(Debug, Clone)]
enum Evidence {
    Screen(Box<ComposerRule>),
    Echo(EchoRule),
}

/// A harness file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    versions: Vec<String>,
    evidence: EvidenceKind,
    reset_command: Option<String>,
    #[serde(default)]
    queue_safe: bool,
    #[serde(default)]
    suspends: bool,
    #[serde(default)]
    input: Input,
    #[serde(default)]
    interpreters: Vec<String>,
    comfortable_bytes: Option<usize>,
    user_message: Option<Pattern>,
    answer: Option<Pattern>,
    answer_rows: Option<Pattern>,
    answer_never: Option<Pattern>,
    dialog: Option<DialogRule>,
    transcript: Option<Transcript>,
    hooks: Option<Hooks>,
    trust: Option<Trust>,
    launch: Launch,
    submit: Submit,
    composer: Option<ComposerRule>,
    echo: Option<EchoRule>,
    queue: Option<QueueRule>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EvidenceKind {
    Screen,
    Echo,
}

impl Harness {
    /// Returns a harness that is built in, `None` if there is none of that name.
    pub fn shipped(name: &str) -> Option<Harness> {
        // A test parses all that are shipped.
        Harness::parse(name, shipped_source(name)?).ok()
    }

    /// Returns the file of a harness that is built in: what one of your own may begin with.
    pub fn shipped_file(name: &str) -> Option<&'static str> {
        shipped_source(name)
    }

    /// Reads a harness file.
    ///
    /// # Errors
    ///
    /// Fails at the first fault, with its place: text that is no TOML, a key or word that is not
    /// known, a pattern that does not compile, parts that do not fit together.
    pub fn parse(name: &str, toml: &str) -> Result<Harness, HarnessError> {
        let file: File =
            toml::from_str(toml).map_err(|error| HarnessError::from_toml(name, toml, &error))?;
        let inconsistent = |place: &str, message: String| {
            Err(HarnessError::inconsistent(name, toml, place, message))
        };
        if let Some(unknown) = file.launch.unknown_placeholder() {
            return inconsistent(
                &unknown,
                format!("`{unknown}` means nothing in this template"),
            );
        }
        let evidence = match (file.evidence, file.composer, file.echo) {
            (EvidenceKind::Screen, Some(composer), None) => Evidence::Screen(Box::new(composer)),
            (EvidenceKind::Echo, None, echo) => Evidence::Echo(echo.unwrap_or_default()),
            (EvidenceKind::Screen, None, None) => {
                let message = "`evidence = \"screen\"` needs a table `[composer]`";
                return inconsistent("evidence", message.to_owned());
            }
            (EvidenceKind::Screen, _, Some(_)) => {
                let message = "`[echo]` goes with `evidence = \"echo\"`";
                return inconsistent("[echo]", message.to_owned());
            }
            (EvidenceKind::Echo, Some(_), _) => {
                let message = "`[composer]` goes with `evidence = \"screen\"`";
                return inconsistent("[composer]", message.to_owned());
            }
        };
        let answer = match (file.answer, file.answer_rows, file.answer_never) {
            (None, None, None) => None,
            (Some(mark), None, None) => Some(AnswerRule::Marked(mark)),
            (None, Some(rows), never) => Some(AnswerRule::Plain { rows, never }),
            (Some(_), Some(_), _) => {
                let message = "an answer has either a mark (`answer`) or none (`answer_rows`)";
                return inconsistent("answer_rows", message.to_owned());
            }
            (_, None, Some(_)) => {
                let message = "`answer_never` goes with `answer_rows`";
                return inconsistent("answer_never", message.to_owned());
            }
        };
        let mut rules = file.rules;
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        Ok(Harness {
            name: name.to_owned(),
            title: file.title,
            versions: file.versions,
            launch: file.launch,
            submit: file.submit,
            reset_command: file.reset_command,
            queue_safe: file.queue_safe,
            suspends: file.suspends,
            input: file.input,
            interpreters: file.interpreters,
            comfortable_bytes: file.comfortable_bytes.unwrap_or(COMFORTABLE_BYTES),
            evidence,
            queue: file.queue,
            user_message: file.user_message,
            answer,
            dialog: file.dialog,
            transcript: file.transcript,
            hooks: file.hooks,
            trust: file.trust,
            rules,
        })
    }

    /// Returns the name under which the harness was read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the program as its makers write it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the versions of the program that the rules were tested with.
    pub fn versions(&self) -> &[String] {
        &self.versions
    }

    /// Returns how the agent is started.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Returns which keys the agent takes, and when.
    pub fn submit(&self) -> &Submit {
        &self.submit
    }

    /// Returns the command that forgets the conversation, if the agent has one.
    pub fn reset_command(&self) -> Option<&str> {
        self.reset_command.as_deref()
    }

    /// Tells whether a message may be typed while the agent is busy, because it keeps it for later.
    pub fn queue_safe(&self) -> bool {
        self.queue_safe
    }

    /// Tells whether the program stops itself on a key (Ctrl-Z), and then waits for a shell's `fg`.
    pub fn suspends(&self) -> bool {
        self.suspends
    }

    /// Returns what the program does with what it reads, where `argv` starts it.
    pub fn input(&self, argv: &[String]) -> Input {
        match self.input {
            Input::Messages if starts_one_of(&self.interpreters, argv) => Input::Commands,
            input => input,
        }
    }

    /// Returns the name of the program that a command line runs: the script's where an interpreter that
    /// this harness knows runs one.
    pub fn program_of(&self, argv: &[String]) -> Option<String> {
        program_of(&self.interpreters, argv)
    }

    /// Returns the size from which a message should go into a file that the agent is told to read.
    pub fn comfortable_bytes(&self) -> usize {
        self.comfortable_bytes
    }

    /// Returns where the agent writes what was said, if it does.
    pub fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    /// Returns where the program keeps whether a directory is trusted, if it does.
    pub fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// Returns how the agent calls us, if it can.
    pub fn hooks(&self) -> Option<&Hooks> {
        self.hooks.as_ref()
    }

    /// Returns the agent's last answer as far as the screen shows it: since the user's last message,
    /// the last stretch of rows that are one, without mark and indentation.
    ///
    /// A transcript says it better.
    pub fn answer(&self, screen: &Screen) -> Option<String> {
        self.answer.as_ref()?.read(self.view(screen).turn())
    }

    /// Tells whether the program has a composer that its rules can read; of any other it is only seen
    /// what it echoes.
    pub fn has_composer(&self) -> bool {
        matches!(self.evidence, Evidence::Screen(_))
    }

    /// Reads the dialog on a screen that is classified as blocked: what it asks, and its choices.
    /// Nothing where choices cannot be told apart, or something else gets the keys.
    pub fn dialog(&self, screen: &Screen) -> Option<Dialog> {
        self.dialog.as_ref()?.read(screen)
    }

    /// Returns what to type next to pick a choice of a dialog by its key, as the dialog is now; `None`
    /// where it has no such choice.
    pub fn press(&self, dialog: &Dialog, key: &str) -> Option<Press> {
        self.dialog.as_ref()?.press(dialog, key)
    }

    /// Decides which state a screen shows.
    ///
    /// The rule with the highest priority whose conditions all hold decides. If none holds, the
    /// state is [`ScreenState::Unknown`] and the rule `none`.
    pub fn classify(&self, screen: &Screen, signals: &Signals) -> Classification {
        let view = self.view(screen);
        self.rules
            .iter()
            .find_map(|rule| {
                let evidence = rule.evidence(&view, signals)?;
                Some(Classification {
                    state: rule.state,
                    rule: rule.name.clone(),
                    line: evidence.line,
                })
            })
            .unwrap_or_else(|| Classification {
                state: ScreenState::Unknown,
                rule: "none".to_owned(),
                line: None,
            })
    }

    /// Reads what the composer holds, without ghost text.
    ///
    /// A dialog may look like a composer; so ask [`Harness::classify`] first.
    pub fn composer(&self, screen: &Screen) -> Composer {
        self.view(screen).composer
    }

    /// Decides whether the composer holds a text.
    ///
    /// White space does not count. A long text counts by its end, or by the placeholder that the
    /// agent shows for it.
    pub fn holds(&self, screen: &Screen, text: &str) -> Holding {
        match &self.evidence {
            Evidence::Echo(echo) => echo.holds(screen, text),
            Evidence::Screen(rule) => {
                let Some(located) = rule.locate(screen) else {
                    return Holding::Unknown;
                };
                match rule.read(screen, &located) {
                    Composer::Unknown => Holding::Unknown,
                    Composer::Empty => Holding::No,
                    Composer::Holds(shown) => {
                        let shortest_tail = rule.shortest_tail(screen, &located);
                        compare(&shown, text, shortest_tail, &rule.placeholder)
                    }
                }
            }
        }
    }

    /// Tells whether the composer shows a text, alone or among others. White space does not count.
    pub fn composer_has(&self, screen: &Screen, text: &str) -> bool {
        let Composer::Holds(shown) = self.composer(screen) else {
            return false;
        };
        let whole = matches!(
            self.holds(screen, text),
            Holding::Text | Holding::Placeholder(_)
        );
        whole || contains_text(&shown, text)
    }

    /// Looks for a text in the agent's own list of queued messages.
    pub fn queued(&self, screen: &Screen, text: &str) -> Option<Match> {
        let Evidence::Screen(composer) = &self.evidence else {
            return None;
        };
        let above = composer
            .locate(screen)
            .map_or(screen.rows.len(), |found| found.frame.start);
        self.queue
            .as_ref()?
            .find(&screen.rows, above, text, &composer.placeholder)
    }

    fn view<'a>(&self, screen: &'a Screen) -> View<'a> {
        let (located, composer) = match &self.evidence {
            Evidence::Echo(_) => (None, Composer::Unknown),
            Evidence::Screen(rule) => {
                let located = rule.locate(screen);
                let composer = located
                    .as_ref()
                    .map_or(Composer::Unknown, |found| rule.read(screen, found));
                (located, composer)
            }
        };
        let above = located
            .as_ref()
            .map_or(screen.rows.len(), |found| found.frame.start);
        let last_message = self.user_message.as_ref().and_then(|pattern| {
            screen.rows[..above]
                .iter()
                .rposition(|row| pattern.is_match(&row.text))
        });
        View {
            screen,
            located,
            composer,
            last_message,
        }
    }
}

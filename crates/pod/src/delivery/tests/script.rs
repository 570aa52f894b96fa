//! Scripts: an agent's screen over time, and what is told of a message meanwhile.

use super::super::*;

pub(super) const TEXT: &str = "[fern:operator -> fern:coder] hello";

/// How an agent shows that it works.
pub(super) const SPINNER: &str = "⠹ Working… (0s · esc to interrupt)";

/// A simulated agent's screen over time.
pub(super) struct Script {
    pub(super) harness: Harness,
    pub(super) delivery: Delivery,
    pub(super) now: Instant,
    screen: Screen,
    log: Vec<String>,
}

pub(super) fn composer(text: &str, above: &str) -> Screen {
    let rule = "─".repeat(60);
    Screen::from_text(
        60,
        &format!("{above}\n{rule}\n❯ {text}\n{rule}\n  ? for shortcuts\n"),
    )
}

pub(super) fn job(now: bool) -> Job {
    Job {
        id: MessageId::generate(),
        text: TEXT.into(),
        now,
        command: false,
    }
}

pub(super) fn permission() -> Screen {
    Screen::from_text(60, "Do you want to proceed?\n❯ 1. Yes\n  2. No\n")
}

impl Script {
    pub(super) fn typed(now: bool) -> Self {
        let mut script = Self {
            harness: Harness::shipped("sim").unwrap(),
            delivery: Delivery::new(),
            now: Instant::now(),
            screen: composer("", ""),
            log: Vec::new(),
        };
        script.delivery.begin(job(now), || None);
        let job = script.delivery.withdraw().unwrap();
        script.delivery.typed(job, script.now);
        script
    }

    /// Begins and types a further message of the same text.
    pub(super) fn types_again(mut self) -> Self {
        assert!(self.delivery.may_begin());
        let (harness, screen) = (&self.harness, &self.screen);
        self.delivery.begin(job(false), || harness.answer(screen));
        let job = self.delivery.withdraw().unwrap();
        self.delivery.typed(job, self.now);
        self
    }

    /// Shows a still screen for some milliseconds, with a look every 10.
    pub(super) fn shows(self, screen: Screen, millis: u64) -> Self {
        self.looks(screen, millis, true)
    }

    /// Shows a screen on which something always moves.
    pub(super) fn spins(self, screen: Screen, millis: u64) -> Self {
        self.looks(screen, millis, false)
    }

    pub(super) fn looks(self, screen: Screen, millis: u64, still: bool) -> Self {
        self.sees(screen, millis, still, false)
    }

    /// The agent stands still, and what is typed to it lies in the kernel.
    pub(super) fn stalls(self, screen: Screen, millis: u64) -> Self {
        self.sees(screen, millis, true, true)
    }

    pub(super) fn sees(mut self, screen: Screen, millis: u64, still: bool, unread: bool) -> Self {
        self.screen = screen;
        let began = self.now;
        for _ in 0..millis / 10 {
            self.now += Duration::from_millis(10);
            let quiet_for = if still {
                self.now - began
            } else {
                Duration::ZERO
            };
            let signals = podfleet_harness::Signals {
                quiet_for,
                running_for: Duration::from_secs(60),
                output_seen: true,
                was_ready: true,
                ..podfleet_harness::Signals::default()
            };
            let classification = self.harness.classify(&self.screen, &signals);
            let actions = self.delivery.look(&Look {
                now: self.now,
                harness: &self.harness,
                screen: &self.screen,
                classification: &classification,
                quiet_for,
                written: true,
                unread: Some(unread),
            });
            self.log.extend(actions.into_iter().map(told));
        }
        self
    }

    /// The agent says something of itself.
    pub(super) fn says(self, fact: &Fact) -> Self {
        self.says_by(Source::Transcript, fact)
    }

    pub(super) fn says_by(mut self, source: Source, fact: &Fact) -> Self {
        let actions = self.delivery.witnessed(source, fact, self.now);
        self.log.extend(actions.into_iter().map(told));
        self
    }

    pub(super) fn log(self) -> String {
        self.log.join("\n")
    }
}

fn told(action: Action) -> String {
    let Action::Found(_, found) = action else {
        return "submit key".to_owned();
    };
    let settled = if found.settled { ", settled" } else { "" };
    let hold = found.hold.map(|hold| format!(", {hold}"));
    let answer = found.answer.map(|answer| format!(": {}", answer.text));
    format!(
        "{}{settled}{}{}",
        found.outcome,
        hold.unwrap_or_default(),
        answer.unwrap_or_default()
    )
}

pub(super) fn end(answer: &str, of: Option<&str>) -> Fact {
    Fact::End {
        answer: Some(answer.into()),
        of: of.map(str::to_owned),
        error: None,
    }
}

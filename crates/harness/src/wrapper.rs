//! Programs that start another in their place, such as `env` and `nice`: what they start is what reads
//! the terminal.

use std::borrow::Cow;

use crate::input::base_name;

/// A program that starts the one that its arguments name.
struct Wrapper {
    names: &'static [&'static str],
    /// Short options whose value follows, in the same word or in the next.
    valued: &'static str,
    /// Long options whose value is the next word; one behind a `=` is in the same.
    long: &'static [&'static str],
    /// Options whose value is a whole command line, and how that is read.
    line: Line,
    /// How many words stand before the program besides options.
    operands: usize,
    /// Whether it starts the user's shell where it is told nothing to start.
    or_shell: bool,
}

/// How a wrapper reads a command line that is one word of its own.
enum Line {
    /// It has no such option.
    Never,
    /// As more arguments of itself.
    AsArguments(&'static [&'static str]),
    /// By a shell.
    ByShell(&'static [&'static str]),
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["env"],
        valued: "uCSa",
        long: &["--unset", "--chdir", "--split-string", "--argv0"],
        line: Line::AsArguments(&["S", "--split-string"]),
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["nice"],
        valued: "n",
        long: &["--adjustment"],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["nohup", "setsid", "busybox", "toybox", "unbuffer"],
        valued: "",
        long: &[],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["exec"],
        valued: "a",
        long: &[],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["stdbuf"],
        valued: "ioe",
        long: &["--input", "--output", "--error"],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["time"],
        valued: "fo",
        long: &["--format", "--output"],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["timeout"],
        valued: "ks",
        long: &["--kill-after", "--signal"],
        line: Line::Never,
        operands: 1,
        or_shell: false,
    },
    Wrapper {
        names: &["ionice"],
        valued: "cn",
        long: &["--class", "--classdata"],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["chrt"],
        valued: "TPD",
        long: &["--sched-runtime", "--sched-period", "--sched-deadline"],
        line: Line::Never,
        operands: 1,
        or_shell: false,
    },
    Wrapper {
        names: &["taskset"],
        valued: "",
        long: &[],
        line: Line::Never,
        operands: 1,
        or_shell: false,
    },
    Wrapper {
        names: &["script"],
        valued: "cBEIOTmo",
        long: &[
            "--command",
            "--echo",
            "--log-in",
            "--log-out",
            "--log-io",
            "--log-timing",
        ],
        line: Line::ByShell(&["c", "--command"]),
        // The file of what was shown.
        operands: 1,
        or_shell: true,
    },
    Wrapper {
        names: &["flock"],
        valued: "wE",
        long: &["--timeout", "--wait", "--conflict-exit-code"],
        line: Line::Never,
        operands: 1,
        or_shell: false,
    },
    Wrapper {
        names: &["unshare"],
        valued: "SGRw",
        long: &[
            "--setuid",
            "--setgid",
            "--root",
            "--wd",
            "--propagation",
            "--setgroups",
            "--map-user",
            "--map-users",
            "--map-group",
            "--map-groups",
            "--monotonic",
            "--boottime",
        ],
        line: Line::Never,
        operands: 0,
        or_shell: true,
    },
    Wrapper {
        names: &["setpriv"],
        valued: "",
        long: &[
            "--reuid",
            "--regid",
            "--groups",
            "--inh-caps",
            "--ambient-caps",
            "--bounding-set",
            "--securebits",
            "--pdeathsig",
            "--selinux-label",
            "--apparmor-profile",
        ],
        line: Line::Never,
        operands: 0,
        or_shell: false,
    },
    Wrapper {
        names: &["chroot"],
        valued: "",
        long: &[],
        line: Line::Never,
        operands: 1,
        or_shell: true,
    },
    Wrapper {
        names: &["sudo", "doas"],
        valued: "aCDghpRrTtUu",
        long: &[
            "--group",
            "--prompt",
            "--close-from",
            "--chdir",
            "--host",
            "--chroot",
            "--role",
            "--command-timeout",
            "--type",
            "--user",
            "--other-user",
        ],
        line: Line::Never,
        operands: 0,
        or_shell: true,
    },
];

/// Returns the command line that is left of one when all wrappers have done their part. It is empty
/// where they start nothing.
pub(crate) fn unwrapped(argv: &[String]) -> Cow<'_, [String]> {
    let mut argv = Cow::Borrowed(argv);
    loop {
        let wrapper = argv.first().and_then(|program| {
            let name = base_name(program);
            WRAPPERS.iter().find(|known| known.names.contains(&name))
        });
        let Some(wrapper) = wrapper else {
            return argv;
        };
        let (before, skipped) = wrapper.skip(&argv);
        let rest = argv.get(skipped..).unwrap_or_default();
        let mut left: Vec<_> = before.into_iter().chain(rest.iter().cloned()).collect();
        if left.is_empty() && wrapper.or_shell {
            left.push("sh".to_owned());
        }
        argv = Cow::Owned(left);
    }
}

impl Wrapper {
    /// Returns how many words stand before the program, and those that come before the rest: what a
    /// word holds that is a command line.
    fn skip(&self, argv: &[String]) -> (Vec<String>, usize) {
        let mut operands = self.operands;
        let mut options = true;
        let mut at = 1;
        while let Some(word) = argv.get(at) {
            if options && word == "--" {
                options = false;
                at += 1;
            } else if options && word.starts_with('-') {
                let (value, taken) = self.value(word, argv.get(at + 1));
                at += taken;
                match (value, &self.line) {
                    (Some((name, line)), Line::AsArguments(options)) if options.contains(&name) => {
                        let words = line.split_whitespace().map(str::to_owned);
                        return (std::iter::once(argv[0].clone()).chain(words).collect(), at);
                    }
                    (Some((name, line)), Line::ByShell(options)) if options.contains(&name) => {
                        return (["sh", "-c", line].map(str::to_owned).into(), argv.len());
                    }
                    _ => {}
                }
            } else if self.assigns(word) {
                at += 1;
            } else if operands > 0 {
                operands -= 1;
                at += 1;
            } else {
                break;
            }
        }
        (Vec::new(), at)
    }

    /// Returns the name and value of an option that has one, and how many words it takes.
    fn value<'a>(
        &self,
        word: &'a str,
        next: Option<&'a String>,
    ) -> (Option<(&'a str, &'a str)>, usize) {
        let of_next = |name| match next {
            Some(next) => (Some((name, next.as_str())), 2),
            None => (None, 1),
        };
        if word.starts_with("--") {
            return match word.split_once('=') {
                Some(given) => (Some(given), 1),
                None if self.long.contains(&word) => of_next(word),
                None => (None, 1),
            };
        }
        let valued = word.char_indices().skip(1);
        let valued = valued.map(|(at, letter)| (at, at + letter.len_utf8(), letter));
        let mut valued = valued.filter(|(.., letter)| self.valued.contains(*letter));
        match valued.next() {
            Some((at, end, _)) if end == word.len() => of_next(&word[at..end]),
            Some((at, end, _)) => (Some((&word[at..end], &word[end..])), 1),
            None => (None, 1),
        }
    }

    /// Returns whether a word sets a variable of what is started.
    fn assigns(&self, word: &str) -> bool {
        let sets = ["env", "sudo", "doas"];
        word.contains('=') && self.names.iter().any(|name| sets.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(line: &str) -> String {
        let argv: Vec<_> = line.split(' ').map(str::to_owned).collect();
        unwrapped(&argv).join(" ")
    }

    #[test]
    fn what_a_wrapper_starts_is_found_behind_its_options() {
        for line in [
            "env bash -l",
            "/usr/bin/env -i PATH=/bin bash -l",
            "env -u X VAR=1 bash -l",
            "env -iu X --chdir=/tmp --unset Y - bash -l",
            "env -- A=b bash -l",
            "nice -n 5 bash -l",
            "nice -n5 bash -l",
            "nice -19 bash -l",
            "nice --adjustment 5 bash -l",
            "nohup bash -l",
            "setsid --ctty --wait bash -l",
            "stdbuf -oL -e 0 bash -l",
            "timeout --foreground -k 5 60 bash -l",
            "ionice -c 3 bash -l",
            "chrt -f 10 bash -l",
            "taskset -c 0-3 bash -l",
            "taskset -- 3 bash -l",
            "sudo -u me A=b bash -l",
            "busybox bash -l",
            "exec -a me bash -l",
            "nohup nice -n 5 env A=b bash -l",
        ] {
            assert_eq!(left(line), "bash -l", "{line}");
        }
        let split = ["env", "-S", "-u X A=b bash", "-l"].map(str::to_owned);
        assert_eq!(unwrapped(&split).join(" "), "bash -l");
        let split = ["env", "-vSbash -l"].map(str::to_owned);
        assert_eq!(unwrapped(&split).join(" "), "bash -l");
    }

    #[test]
    fn what_wraps_nothing_is_left_as_it_is() {
        for line in ["bash -l", "my-agent env bash", "environment bash"] {
            assert_eq!(left(line), line);
        }
        for line in [
            "env",
            "env -u",
            "nice -n",
            "timeout 5",
            "env -S",
            "taskset --",
        ] {
            assert_eq!(left(line), "", "{line}");
        }
    }
}

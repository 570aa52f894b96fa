//! The catalogue of findings: each code with its meaning and an example of wrong and right.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::diagnostic::{Blocks, Severity};
use crate::spelling;

/// What a code of the catalogue says of itself.
struct Entry {
    name: &'static str,
    layer: Layer,
    severity: Severity,
    blocks: Blocks,
    meaning: &'static str,
    bad: &'static str,
    good: &'static str,
}

/// The layer of checks that a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// YAML itself.
    Syntax,
    /// The published JSON Schema.
    Schema,
    /// What a schema cannot say.
    Rules,
    /// What a schema cannot say of a profile.
    Profiles,
}

/// Declares the codes and their entries side by side, so that none can lack one.
macro_rules! catalog {
    ($(
        $variant:ident = $name:literal, $layer:ident, $severity:ident, $blocks:ident:
        $meaning:literal
        bad $bad:literal
        good $good:literal;
    )*) => {
        /// The stable code of a finding.
        ///
        /// Codes are never reused and never change their meaning.
        ///
        /// ```
        /// use podfleet_roster::Code;
        ///
        /// let code: Code = "roster::unknown-key".parse().unwrap();
        /// assert_eq!(code, Code::UnknownKey);
        /// println!("{}\n\nwrong:\n{}\nright:\n{}", code.meaning(), code.bad(), code.good());
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, by layer.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$variant => &Entry {
                        name: $name,
                        layer: Layer::$layer,
                        severity: Severity::$severity,
                        blocks: Blocks::$blocks,
                        meaning: $meaning,
                        bad: $bad,
                        good: $good,
                    },)*
                }
            }
        }
    };
}

catalog! {
    Syntax = "roster::syntax", Syntax, Error, Changes:
    "The text is not YAML (or JSON, which is read as YAML). Nothing after this place could be read, so the other checks are left out."
    bad "version: 1\ntransport: tmux\nagents: [\n"
    good "version: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n";

    Json = "roster::json", Syntax, Error, Changes:
    "The file's name ends in `.json`, but the text is no JSON: it has comments, a comma before a closing bracket, or something else that only YAML allows. Other programs would refuse it."
    bad "{\n  \"version\": 1,\n  \"transport\": \"tmux\",\n  \"agents\": [\n    {\"name\": \"coder0\", \"runtime\": \"claude\"}, // the first\n  ]\n}\n"
    good "{\n  \"version\": 1,\n  \"transport\": \"tmux\",\n  \"agents\": [\n    {\"name\": \"coder0\", \"runtime\": \"claude\"}\n  ]\n}\n";

    Encoding = "roster::encoding", Syntax, Error, Changes:
    "The file is not UTF-8 text."
    bad "version: 1  # caf\\xE9, saved as Latin-1\n"
    good "version: 1  # café, saved as UTF-8\n";

    Empty = "roster::empty", Syntax, Error, Changes:
    "The file has no content but comments and blanks."
    bad "# nothing here yet\n"
    good "version: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n";

    DuplicateKey = "roster::duplicate-key", Syntax, Error, Changes:
    "A key is given twice in one mapping. YAML programs disagree about which of the two counts, so neither is taken."
    bad "- name: coder0\n  runtime: claude\n  runtime: pi\n"
    good "- name: coder0\n  runtime: pi\n";

    KeyType = "roster::key-type", Syntax, Error, Changes:
    "A key is not a text: it is a number, a boolean, nothing, a collection or an alias."
    bad "runtimes:\n  4: {harness: claude}\n"
    good "runtimes:\n  \"4\": {harness: claude}\n";

    MergeKey = "roster::merge-key", Syntax, Error, Changes:
    "Merge keys (`<<`) are no part of YAML 1.2 and programs differ in how they read them. Anchors and aliases are allowed."
    bad "- &base\n  name: coder0\n  runtime: claude\n- <<: *base\n  name: coder1\n  runtime: pi\n"
    good "- name: coder0\n  runtime: claude\n  env: &env {LANG: C}\n- name: coder1\n  runtime: pi\n  env: *env\n";

    UnsupportedTag = "roster::unsupported-tag", Syntax, Error, Changes:
    "A value has a tag that the YAML 1.2 core schema does not know, or one that does not fit the value."
    bad "- name: coder0\n  runtime: claude\n  alias: !secret token\n"
    good "- name: coder0\n  runtime: claude\n  alias: token\n";

    SecondDocument = "roster::second-document", Syntax, Error, Changes:
    "The file has more than one YAML document. Only the first is read."
    bad "version: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n---\nversion: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n"
    good "version: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n";

    UnknownAlias = "roster::unknown-alias", Syntax, Error, Changes:
    "An alias names an anchor that was not defined before it."
    bad "- name: coder0\n  runtime: claude\n  env: *defaults\n"
    good "- name: coder0\n  runtime: claude\n  env: &defaults {LANG: C}\n";

    RecursiveAlias = "roster::recursive-alias", Syntax, Error, Changes:
    "An alias stands inside the very value that its anchor names, so the value would contain itself."
    bad "- name: coder0\n  runtime: claude\n  command: &start [claude, *start]\n"
    good "- name: coder0\n  runtime: claude\n  command: [claude]\n";

    TooManyAliases = "roster::too-many-aliases", Syntax, Error, Changes:
    "The aliases would unfold into more values than any roster needs. Small files that unfold into huge ones are an attack on the program that reads them."
    bad "connector:\n  kind: x-irc\n  settings:\n    a: &a [x, x, x, x, x, x, x, x, x, x]\n    b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n    c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n    d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n    e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n    f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
    good "connector:\n  kind: x-irc\n  settings:\n    a: &a [x, x]\n    b: [*a, *a]\n";

    TooDeep = "roster::too-deep", Syntax, Error, Changes:
    "Lists and mappings are nested more than 64 levels deep."
    bad "connector:\n  kind: x-irc\n  settings:\n    a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n       [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n       ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
    good "connector:\n  kind: x-irc\n  settings:\n    a: [[x]]\n";

    TooLarge = "roster::too-large", Syntax, Error, Changes:
    "The file is larger than 4 MiB."
    bad "# a log that was appended by accident, 4 MiB of lines like this one\n"
    good "version: 1\ntransport: tmux\nagents:\n  - name: coder0\n    runtime: claude\n";

    UnknownKey = "roster::unknown-key", Schema, Error, Changes:
    "A key is not known at this place. A misspelt key would otherwise be ignored without a word."
    bad "- name: coder0\n  runtme: claude\n"
    good "- name: coder0\n  runtime: claude\n";

    MissingKey = "roster::missing-key", Schema, Error, Changes:
    "A key that must be there is not."
    bad "- name: coder0\n"
    good "- name: coder0\n  runtime: claude\n";

    WrongType = "roster::wrong-type", Schema, Error, Changes:
    "A value has the wrong type. A text that looks like a number or a boolean needs quotes."
    bad "- name: 123\n  runtime: claude\n"
    good "- name: \"123\"\n  runtime: claude\n";

    UnknownValue = "roster::unknown-value", Schema, Error, Changes:
    "Only certain values are allowed here, and this is none of them."
    bad "transport: screen\n"
    good "transport: tmux\n";

    InvalidValue = "roster::invalid-value", Schema, Error, Changes:
    "A value has the right type but not the right form, length or size."
    bad "- name: my agent\n  runtime: claude\n"
    good "- name: my-agent\n  runtime: claude\n";

    BothSpellings = "roster::both-spellings", Schema, Error, Changes:
    "A key is given in both its spellings, `snake_case` and `camelCase`."
    bad "tmux:\n  socket_name: a\n  socketName: b\n"
    good "tmux:\n  socket_name: a\n";

    DuplicateName = "roster::duplicate-name", Rules, Error, Changes:
    "Two agents have the same name."
    bad "- name: coder\n  runtime: claude\n- name: coder\n  runtime: pi\n"
    good "- name: coder0\n  runtime: claude\n- name: coder1\n  runtime: pi\n";

    CaseTwin = "roster::case-twin", Rules, Error, Changes:
    "Two agents' names differ in case only. People mistake them for each other, and some file systems do too."
    bad "- name: coder\n  runtime: claude\n- name: Coder\n  runtime: pi\n"
    good "- name: coder0\n  runtime: claude\n- name: coder1\n  runtime: pi\n";

    SessionClash = "roster::session-clash", Rules, Error, Changes:
    "tmux writes `.` and `:` in a session's name as `_`, and after that two names are the same session."
    bad "- name: web.api\n  runtime: claude\n- name: web_api\n  runtime: pi\n"
    good "- name: web.api\n  runtime: claude\n- name: web-ui\n  runtime: pi\n";

    ReservedName = "roster::reserved-name", Rules, Error, Changes:
    "The name belongs to the fleet itself: `operator` and `chat` are senders of messages, `local` is this machine, the holder session keeps the tmux server alive."
    bad "- name: operator\n  runtime: claude\n"
    good "- name: ops\n  runtime: claude\n  class: operator\n";

    UnknownDependency = "roster::unknown-dependency", Rules, Error, Changes:
    "`depends_on` names an agent that is not in the roster."
    bad "- name: lead\n  runtime: claude\n- name: coder\n  runtime: claude\n  depends_on: [laed]\n"
    good "- name: lead\n  runtime: claude\n- name: coder\n  runtime: claude\n  depends_on: [lead]\n";

    DependencyCycle = "roster::dependency-cycle", Rules, Error, Changes:
    "Agents depend on each other in a circle, so none of them could be started first."
    bad "- name: a\n  runtime: pi\n  depends_on: [b]\n- name: b\n  runtime: pi\n  depends_on: [a]\n"
    good "- name: a\n  runtime: pi\n- name: b\n  runtime: pi\n  depends_on: [a]\n";

    Secret = "roster::secret", Rules, Error, Changes:
    "A value has the shape of a credential. Rosters are shared and committed; tokens come from the environment or from a file that only its owner can read."
    bad "- name: coder0\n  runtime: claude\n  env:\n    GITHUB_TOKEN: ghp_…\n"
    good "- name: coder0\n  runtime: claude\n  env:\n    GITHUB_TOKEN_FILE: ~/.config/github-token\n";

    ClassFloor = "roster::class-floor", Rules, Error, Writing:
    "A fleet needs exactly one agent of class `orchestrator` and at least one of class `enhancer`."
    bad "- name: lead\n  runtime: claude\n  class: orchestrator\n- name: coder\n  runtime: claude\n"
    good "- name: lead\n  runtime: claude\n  class: orchestrator\n- name: enhancer\n  runtime: claude\n  class: enhancer\n- name: coder\n  runtime: claude\n";

    UnknownRuntime = "roster::unknown-runtime", Rules, Error, ThatAgent:
    "No harness is known for the runtime: it is not shipped, not in `runtimes`, and not among the user's harness files."
    bad "- name: coder\n  runtime: cluade\n"
    good "- name: coder\n  runtime: claude\n";

    MissingCommand = "roster::missing-command", Rules, Error, ThatAgent:
    "The runtime `generic` stands for any program, so the agent needs a `command` of its own."
    bad "- name: shell\n  runtime: generic\n"
    good "- name: shell\n  runtime: generic\n  command: [bash]\n";

    NoLead = "roster::no-lead", Rules, Warning, Nothing:
    "The fleet has neither an orchestrator nor an enhancer, or is a single agent. That is allowed; it has no lead."
    bad "agents:\n  - name: coder\n    runtime: claude\n"
    good "agents:\n  - name: orchestrator\n    runtime: claude\n    class: orchestrator\n  - name: enhancer\n    runtime: claude\n    class: enhancer\n";

    UnknownRole = "roster::unknown-role", Rules, Warning, Nothing:
    "There is no role of that class, so the agent is told nothing about its mandate at launch."
    bad "- name: coder\n  runtime: claude\n  class: codr\n"
    good "- name: coder\n  runtime: claude\n  class: code\n";

    ResumeConflict = "roster::resume-conflict", Rules, Warning, Nothing:
    "The context is reset between tasks, but a restart is told to continue the conversation."
    bad "- name: coder\n  runtime: claude\n  reset_between_tasks: true\n  resume: always\n"
    good "- name: coder\n  runtime: claude\n  reset_between_tasks: true\n";

    TokenInTheClear = "roster::token-in-the-clear", Rules, Warning, Nothing:
    "The chat's server is on another host and is not reached by https, so the connector does not send it its token: the bridge fails."
    bad "connector:\n  kind: matrix\n  matrix: {homeserver_url: \"http://matrix.example.org\", user_id: \"@fleet:example.org\", room_id: \"!room:example.org\"}\n"
    good "connector:\n  kind: matrix\n  matrix: {homeserver_url: \"https://matrix.example.org\", user_id: \"@fleet:example.org\", room_id: \"!room:example.org\"}\n";

    SharedDirectory = "roster::shared-directory", Rules, Warning, Nothing:
    "Two agents work in one git working directory and neither prepares one of its own, so they overwrite each other's changes."
    bad "- name: coder0\n  runtime: claude\n  working_directory: ~/src/app\n- name: coder1\n  runtime: claude\n  working_directory: ~/src/app\n"
    good "- name: coder0\n  runtime: claude\n  working_directory: ~/src/app-0\n- name: coder1\n  runtime: claude\n  working_directory: ~/src/app-1\n";

    NotADirectory = "roster::not-a-directory", Rules, Warning, Nothing:
    "The working directory is there, but it is no directory."
    bad "- name: coder\n  runtime: claude\n  working_directory: /etc/passwd\n"
    good "- name: coder\n  runtime: claude\n  working_directory: ~/src/app\n";

    NoSsh = "roster::no-ssh", Rules, Note, Nothing:
    "The agent is on another host and `ssh` is absent: ssh is asked for the host by its name."
    bad "- name: coder\n  runtime: claude\n  host: build-box\n"
    good "- name: coder\n  runtime: claude\n  host: build-box\n  ssh: me@build-box\n";

    EmptyValue = "roster::empty-value", Rules, Warning, Nothing:
    "A text is there but empty, which counts as absent: the default is taken."
    bad "- name: coder\n  runtime: claude\n  model_hint: \"\"\n"
    good "- name: coder\n  runtime: claude\n";

    IgnoredKey = "roster::ignored-key", Rules, Note, Nothing:
    "The key has no effect here: `socket` and `ssh` are for agents on other hosts."
    bad "- name: coder\n  runtime: claude\n  socket: other\n"
    good "- name: coder\n  runtime: claude\n";

    IdMismatch = "profile::id-mismatch", Profiles, Error, Writing:
    "A profile's id is not the stem of its file's name, by which it is looked for."
    bad "# in profiles/my-team.yaml\nid: our-team\n"
    good "# in profiles/my-team.yaml\nid: my-team\n";

    DuplicateId = "profile::duplicate-id", Profiles, Error, Writing:
    "Two files of the user's own define a profile of one id."
    bad "# in profiles/my-team.yaml, and again in profiles/my-team.json\nid: my-team\n"
    good "# in profiles/my-team.yaml alone\nid: my-team\n";

    UnknownClass = "profile::unknown-class", Profiles, Error, Writing:
    "There is no role of that class, so the agents in its seats would be told nothing about their mandate."
    bad "roster:\n  - class: orchestrator\n  - class: codr\n"
    good "roster:\n  - class: orchestrator\n  - class: code\n";

    DuplicateClass = "profile::duplicate-class", Profiles, Error, Writing:
    "A profile lists a class twice, so seats named after it would have the same names."
    bad "roster:\n  - class: orchestrator\n  - class: code\n  - class: code\n"
    good "roster:\n  - class: orchestrator\n  - class: code\n    multiplicity: 2\n";

    OutsideRoster = "profile::outside-roster", Profiles, Error, Writing:
    "`lead`, `floor` or `reports_to` names a class that the profile's `roster` does not list, so nobody would sit there."
    bad "lead: planner\nroster:\n  - class: orchestrator\n  - class: code\n"
    good "lead: planner\nroster:\n  - class: orchestrator\n  - class: planner\n  - class: code\n";

    ReportingCycle = "profile::reporting-cycle", Profiles, Error, Writing:
    "Classes report to each other in a circle. In the end everybody reports to the orchestrator."
    bad "roster:\n  - class: orchestrator\n  - class: code\n    reports_to: review\n  - class: review\n    reports_to: code\n"
    good "roster:\n  - class: orchestrator\n  - class: code\n    reports_to: review\n  - class: review\n";
}

impl Code {
    /// Returns the code as text, such as `roster::unknown-key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// Returns the layer of checks that finds it.
    #[must_use]
    pub const fn layer(self) -> Layer {
        self.entry().layer
    }

    /// Returns how grave such a finding is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.entry().severity
    }

    /// Returns what such a finding stops.
    #[must_use]
    pub const fn blocks(self) -> Blocks {
        self.entry().blocks
    }

    /// The code without what it is about.
    fn bare(self) -> &'static str {
        let name = self.as_str();
        name.split_once("::").map_or(name, |(_, bare)| bare)
    }

    /// Whether the finding is about the value at its place, so that no other check has anything
    /// to say of that value.
    pub(crate) const fn refuses_value(self) -> bool {
        matches!(
            self,
            Self::WrongType | Self::UnknownValue | Self::InvalidValue | Self::UnknownAlias
        )
    }

    /// Returns what the code means, in full sentences.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// Returns a fragment of a roster that has the fault.
    #[must_use]
    pub const fn bad(self) -> &'static str {
        self.entry().bad
    }

    /// Returns a fragment of a roster as it should be.
    #[must_use]
    pub const fn good(self) -> &'static str {
        self.entry().good
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Says that a text is not a [`Code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no finding `{text}`")]
pub struct UnknownCode {
    text: String,
}

impl UnknownCode {
    /// Returns what to do about it: the nearest code, else how to see all.
    #[must_use]
    pub fn hint(&self) -> String {
        let asked = self.text.rsplit("::").next().unwrap_or_default();
        let bare = Code::ALL.iter().map(|code| code.bare());
        let near = spelling::nearest(asked, bare).and_then(|near| near.parse::<Code>().ok());
        match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`fleet explain` lists all".to_owned(),
        }
    }
}

/// Reads a code, with or without its `roster::` or `profile::` prefix.
impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let matches = |code: &&Self| code.as_str() == text || code.bare() == text;
        Self::ALL
            .iter()
            .find(matches)
            .copied()
            .ok_or_else(|| UnknownCode {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_can_be_looked_up() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(
                code.bare().parse(),
                Ok(*code),
                "not told by its second part"
            );
            assert_ne!(code.bad(), code.good());
        }
    }
}

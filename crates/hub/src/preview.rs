//! What a change would be, for who asks before it is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an operation would do: the answer to one that is given with `dry_run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// What would become of each thing, in order; nothing if nothing would be changed.
    pub effects: Vec<Effect>,
}

/// What would become of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// What it is.
    pub thing: Thing,
    /// Its name, as commands take it.
    pub name: String,
    /// What would be done to it.
    pub change: Change,
    /// The name that it would have then, or that of what is made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What else is to be known: how much it is, what stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

macro_rules! words {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            /// Returns the word that people read.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What can be changed.
    Thing {
        /// Another machine.
        Endpoint = "endpoint",
        /// A name of a directory.
        Mount = "mount",
        /// A terminal, or the route to one.
        Terminal = "terminal",
        /// A file with bytes, or a socket, pipe or device.
        File = "file",
        /// A directory.
        Directory = "directory",
        /// A link, not what it leads to.
        Link = "link",
        /// An agent.
        Agent = "agent",
        /// A token of the hub.
        Token = "token",
    }
}

words! {
    /// What can be done to a thing.
    Change {
        /// It is recorded, and was not.
        Added = "added",
        /// It is made.
        Made = "made",
        /// It is another, under the same name.
        Changed = "changed",
        /// Its place in the list is another.
        Moved = "moved",
        /// It has another name.
        Renamed = "renamed",
        /// There is another one like it.
        Copied = "copied",
        /// Something else takes its place.
        Replaced = "replaced",
        /// Its bytes are written.
        Written = "written",
        /// It is gone.
        Removed = "removed",
        /// It goes on, and nothing is known of it here.
        Forgotten = "forgotten",
        /// It is begun.
        Started = "started",
        /// It is ended.
        Ended = "ended",
        /// A message is sent to it.
        Told = "sent the message",
        /// It is worth nothing any more.
        Revoked = "revoked",
    }
}

impl Effect {
    /// Says what would be done to something.
    #[must_use]
    pub fn new(thing: Thing, name: &(impl ToString + ?Sized), change: Change) -> Self {
        Self {
            thing,
            name: name.to_string(),
            change,
            to: None,
            detail: None,
        }
    }

    /// Adds its other name.
    #[must_use]
    pub fn to(mut self, to: &(impl ToString + ?Sized)) -> Self {
        self.to = Some(to.to_string());
        self
    }

    /// Adds what else is to be known.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<Effect> for Preview {
    fn from(effect: Effect) -> Self {
        Self {
            effects: vec![effect],
        }
    }
}

impl Preview {
    /// Names everything otherwise, as home names what another machine tells of.
    #[must_use]
    pub fn named(mut self, name: impl Fn(&str) -> String) -> Self {
        for effect in &mut self.effects {
            effect.name = name(&effect.name);
            effect.to = effect.to.as_deref().map(&name);
        }
        self
    }
}

//! What the patterns of the schema mean, in words.

use crate::connector::{CHANNEL_PATTERN, KIND_PATTERN, ROOM_PATTERN, URL_PATTERN, USER_PATTERN};
use crate::name::{NAME_PATTERN, Name};
use crate::profile::ID_PATTERN;
use crate::resources::MEMORY_PATTERN;
use crate::ssh_target::SSH_TARGET_PATTERN;
use crate::timespan::TIMESPAN_PATTERN;

/// Returns what a text of that form looks like, to follow the word "expected".
pub(super) fn form(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        NAME_PATTERN => {
            "1 to 64 ASCII letters, digits, `_`, `.` or `-`, the first none of the last two"
        }
        ID_PATTERN => "small letters, digits and single `-` between them, such as `my-team`",
        TIMESPAN_PATTERN => "a length of time such as `90s`, `10m`, `8h` or `2d`",
        MEMORY_PATTERN => "an amount such as `512M`, `2G`, `50%` or `infinity`",
        URL_PATTERN => "an address such as `https://matrix.example.org`",
        USER_PATTERN => "a user such as `@fleet:example.org`",
        ROOM_PATTERN => "a room such as `!room:example.org` or `#room:example.org`",
        CHANNEL_PATTERN => "the channel's id, digits only",
        SSH_TARGET_PATTERN => "one word that ssh takes for a machine, such as `me@build-box`",
        KIND_PATTERN => "a kind of another crate such as `x-irc`",
        _ => return None,
    })
}

/// Returns what exactly keeps a text from having that form, where that can be said.
pub(super) fn reason(pattern: &str, text: &str) -> Option<String> {
    if pattern != NAME_PATTERN {
        return None;
    }
    Name::new(text).err().map(|error| error.reason().to_owned())
}

/// Returns a value to show for a key that is missing.
pub(super) fn example(key: &str) -> Option<&'static str> {
    Some(match key {
        "version" => "1",
        "transport" | "kind" => "tmux",
        "name" => "coder0",
        "runtime" => "claude",
        "homeserver_url" => "https://matrix.example.org",
        "user_id" => "\"@fleet:example.org\"",
        "room_id" => "\"!room:example.org\"",
        "id" => "my-team",
        "title" => "My team",
        "description" => "What it is for.",
        "lead" => "planner",
        "floor" => "[orchestrator, enhancer]",
        "class" => "code",
        "channel_id" => "\"123456789012345678\"",
        _ => return None,
    })
}

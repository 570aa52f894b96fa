//! What a credential looks like.

mod unescaped;

use std::borrow::Cow;
use std::ops::Range;

use unescaped::Unescaped;
use unicode_width::UnicodeWidthChar;

/// No credential is shorter, in bytes: `a://b:c@` is the barest address with a password.
const SHORTEST: usize = 8;

/// The longest part of a value that a message repeats, in columns: no name is longer.
const SHOWN: usize = crate::name::MAX_NAME_LENGTH;

/// Returns what kind of credential a text has the shape of.
pub(crate) fn kind_of(text: &str) -> Option<&'static str> {
    if text.len() < SHORTEST {
        return None;
    }
    // A value is one text, whatever quotes are in it.
    if text.contains(':') && credentials_in_addresses(text, &[]).next().is_some() {
        return Some("a password in an address");
    }
    if text.len() < SHORTEST_TOKEN {
        return None;
    }
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    text.split(|c: char| !is_token_character(c))
        .find_map(token_kind)
}

/// Returns a text as a message may repeat it: shortened, without line breaks, and not at all if it
/// looks like a secret.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if kind_of(text).is_some() {
        return Cow::Borrowed("…");
    }
    let mut columns = 0;
    let cut = text.char_indices().find(|(_, c)| {
        columns += c.width().unwrap_or(1);
        columns > SHOWN
    });
    let short = cut.map_or(text, |(at, _)| &text[..at]);
    if cut.is_none() && !short.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mark = if cut.is_some() { "…" } else { "" };
    Cow::Owned(short.replace(char::is_control, " ") + mark)
}

/// Returns the places in any text, be it YAML or not, that have the shape of a credential, also
/// where escapes of a quoted string hide it.
pub(crate) fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = written_places(text);
    if let Some(unescaped) = Unescaped::of(text) {
        let hidden = written_places(unescaped.text()).into_iter();
        places.extend(hidden.map(|place| unescaped.origin(&place)));
    }
    places
}

/// The places of credentials that are written out.
fn written_places(text: &str) -> Vec<Range<usize>> {
    let words = text.split(|c: char| !is_token_character(c));
    let tokens = words
        .filter(|word| token_kind(word).is_some())
        .map(|word| range_in(text, word));
    let passwords = credentials_in_addresses(text, &['"', '\'']).map(|user| range_in(text, user));
    tokens.chain(passwords).chain(private_keys(text)).collect()
}

/// The places of private keys, each from its first line to its last, or to the end of the text.
fn private_keys(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find("-----BEGIN")?;
        let end = text[start..].find("-----END");
        from = end.map_or(text.len(), |end| start + end);
        Some(start..from)
    })
}

/// The place of a part that was split off a text.
fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Prefixes that vendors give their tokens, with the fewest characters that follow one.
const PREFIXES: [(&str, usize, &str); 31] = [
    ("syt_", 16, "a Matrix access token"),
    ("syr_", 16, "a Matrix refresh token"),
    ("mat_", 37, "a Matrix access token"),
    ("mct_", 37, "a Matrix access token"),
    ("mar_", 37, "a Matrix refresh token"),
    ("mcr_", 37, "a Matrix refresh token"),
    ("sk-", 16, "an API key"),
    ("sk_live_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("sk_test_", 16, "a Stripe key"),
    ("whsec_", 16, "a Stripe key"),
    ("xai-", 20, "an API key"),
    ("gsk_", 20, "an API key"),
    ("pplx-", 20, "an API key"),
    ("r8_", 30, "an API key"),
    ("AGE-SECRET-KEY-", 40, "a private key"),
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghu_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("ghr_", 20, "a GitHub token"),
    ("github_pat_", 20, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("xoxb-", 16, "a Slack token"),
    ("xoxp-", 16, "a Slack token"),
    ("xoxa-", 16, "a Slack token"),
    ("xapp-", 16, "a Slack token"),
    ("AIza", 35, "a Google API key"),
    ("hf_", 30, "a Hugging Face token"),
    ("npm_", 36, "an npm token"),
    ("pypi-", 40, "a PyPI token"),
];

/// No token of any kind is shorter, in bytes: most words need no closer look.
const SHORTEST_TOKEN: usize = 19;

fn token_kind(word: &str) -> Option<&'static str> {
    if word.len() < SHORTEST_TOKEN {
        return None;
    }
    if is_json_web_token(word) {
        return Some("a JSON web token");
    }
    if is_discord_token(word) {
        return Some("a Discord bot token");
    }
    // Other tokens have no dots, but may stand behind one.
    word.split('.').find_map(undotted_kind)
}

/// Prefixes that end too many words (`disk-…`) to count for anything but at the beginning of one.
const AT_THE_BEGINNING: [&str; 4] = ["sk-", "hf_", "npm_", "pypi-"];

/// Prefixes that end words too (`format_…`), of tokens that are told by their form.
const WITH_CHECKSUM: [&str; 4] = ["mat_", "mct_", "mar_", "mcr_"];

/// Whether 30 random characters and 6 of a checksum follow, as in the tokens of Matrix's own
/// authentication service.
fn has_checksum(rest: &str) -> bool {
    rest.split_once('_').is_some_and(|(random, checksum)| {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        random.len() == 30 && checksum.len() == 6 && is_plain(random) && is_plain(checksum)
    })
}

fn undotted_kind(token: &str) -> Option<&'static str> {
    for (prefix, least, kind) in PREFIXES {
        let rest = match token.split_once(prefix) {
            Some(("", rest)) => rest,
            // It was pasted behind something else.
            Some((_, rest)) if !AT_THE_BEGINNING.contains(&prefix) => glued(prefix, rest),
            _ => continue,
        };
        let fits = match WITH_CHECKSUM.contains(&prefix) {
            true => has_checksum(rest),
            false => is_random(rest),
        };
        if rest.len() >= least && fits {
            return Some(kind);
        }
    }
    is_aws_key(token).then_some("an AWS access key")
}

/// What of a word belongs to a token that does not begin it: no separators, but for Matrix.
fn glued<'t>(prefix: &str, rest: &'t str) -> &'t str {
    let matrix = prefix.starts_with("sy") || WITH_CHECKSUM.contains(&prefix);
    let separates = |c: char| !(c.is_ascii_alphanumeric() || (matrix && c == '_'));
    rest.split(separates).next().unwrap_or_default()
}

/// Tells a token from words that happen to begin like one (`sk-learn-is-a-library`).
fn is_random(text: &str) -> bool {
    let mixed = |run: &str| {
        let has = |wanted: fn(&u8) -> bool| run.bytes().any(|byte| wanted(&byte));
        run.len() >= 16 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
    };
    let mut runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    text.bytes().any(|byte| byte.is_ascii_digit()) || runs.any(mixed)
}

fn is_aws_key(token: &str) -> bool {
    let token = &token[token.len().saturating_sub(20)..];
    let rest = token
        .strip_prefix("AKIA")
        .or_else(|| token.strip_prefix("ASIA"));
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(upper))
}

/// Returns whether three parts in a row, which dots join, are as wanted: what stands before or
/// behind them may be joined by dots too, as the end of a sentence is.
fn has_three(word: &str, wanted: impl Fn(&str, &str, &str) -> bool) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let mut threes = parts.windows(3);
    threes.any(|three| matches!(three, [first, second, third] if wanted(first, second, third)))
}

fn is_json_web_token(word: &str) -> bool {
    has_three(word, |header, payload, signature| {
        let header = header.trim_start_matches('-');
        header.starts_with("eyJ") && payload.starts_with("eyJ") && signature.len() >= 16
    })
}

/// A bot token is the bot's id in base64, a timestamp and a signature, joined by dots.
fn is_discord_token(word: &str) -> bool {
    has_three(word, |id, timestamp, signature| {
        let id = id.trim_start_matches('-');
        (23..=28).contains(&id.len())
            && id.starts_with(['M', 'N', 'O'])
            && (6..=7).contains(&timestamp.len())
            && (27..=40).contains(&signature.trim_end_matches('-').len())
    })
}

/// The longest address that is looked at, in bytes.
const LONGEST_ADDRESS: usize = 1024;

/// The parts `user:password` of the addresses in a text, which also these characters end.
fn credentials_in_addresses<'t>(
    text: &'t str,
    quotes: &'t [char],
) -> impl Iterator<Item = &'t str> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let most = rest.floor_char_boundary(LONGEST_ADDRESS);
        let ends =
            |c: char| matches!(c, '/' | '?' | '#') || quotes.contains(&c) || c.is_whitespace();
        let authority = rest[..most].split(ends).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        (!password.is_empty() && !is_variable(password)).then_some(user)
    })
}

/// Returns whether a text is `$NAME` or `${NAME}`, which somebody else fills in.
fn is_variable(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else {
        return false;
    };
    let braced = name
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'));
    let name = braced.unwrap_or(name);
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_credentials_are_recognised() {
        for (text, kind) in [
            (
                "syt_Zm9v_abcdefGHIJ1234567890_1a2b3c",
                "a Matrix access token",
            ),
            ("sk-ant-api03-abcdefghijklmnop1234", "an API key"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "a GitHub token"),
            (
                "Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345",
                "a GitHub token",
            ),
            (
                "xghp_0123456789abcdefghijABCDEFGHIJ012345",
                "a GitHub token",
            ),
            (
                "token_syt_Zm9v_abcdefGHIJ1234567890_1a2b3c",
                "a Matrix access token",
            ),
            (
                "mat_kkLSacJDpek22jKWw4AcXG68b7U3W6_0Lg9yb",
                "a Matrix access token",
            ),
            (
                "mct_kkLSacJDpek22jKWw4AcXG68b7U3W6_0Lg9yb",
                "a Matrix access token",
            ),
            (
                "mar_kkLSacJDpek22jKWw4AcXG68b7U3W6_0Lg9yb",
                "a Matrix refresh token",
            ),
            (
                "token_mcr_kkLSacJDpek22jKWw4AcXG68b7U3W6_0Lg9yb",
                "a Matrix refresh token",
            ),
            ("sk-proj-abcDEFghiJKLmnoPQRstuVWXyz", "an API key"),
            ("AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
            ("keyAKIAIOSFODNN7EXAMPLE", "an AWS access key"),
            (
                "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
                "a Discord bot token",
            ),
            (
                "The token is -MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs.",
                "a Discord bot token",
            ),
            (
                "use eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLTE2.",
                "a JSON web token",
            ),
            ("gsk_0123456789abcdefghijABCD", "an API key"),
            ("postgres://u:p%40'hunter2@db", "a password in an address"),
            ("redis://default:$2a$10$abc@h", "a password in an address"),
            (
                "postgres://fleet:hunter2@db/fleet",
                "a password in an address",
            ),
            (
                "see https://example.org, then postgres://fleet:hunter2@db/fleet",
                "a password in an address",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "a private key"),
        ] {
            assert_eq!(kind_of(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_no_credentials() {
        for text in [
            "",
            "claude",
            "openai-codex/gpt-5.5:high",
            "sk-learn-is-a-python-library",
            "sk-learn-is-a-Python-library",
            "format_kkLSacJDpek22jKWw4AcXG68b7U3W6_in_40_columns",
            "disk-0123456789abcdef0123",
            "highs_and_lows_of_the_year_2024",
            "https://matrix.example.org",
            "https://user@example.org/",
            "postgres://fleet:$PASSWORD@db/fleet",
            "postgres://fleet:${DB_PASSWORD}@db/fleet",
            "~/.config/github-token",
            "@fleet:example.org",
        ] {
            assert_eq!(kind_of(text), None, "{text}");
        }
    }

    #[test]
    fn no_credential_is_shorter_than_what_is_looked_at() {
        let shortest = PREFIXES.map(|(prefix, least, _)| prefix.len() + least);
        assert_eq!(shortest.into_iter().min(), Some(SHORTEST_TOKEN));
        assert_eq!(kind_of("a://b:c@"), Some("a password in an address"));
    }

    #[test]
    fn a_shown_value_is_short_and_on_one_line() {
        assert_eq!(shown("a\nb"), "a b");
        assert_eq!(shown(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(shown(&"x".repeat(70)), "x".repeat(64) + "…");
        assert_eq!(shown(&"漢".repeat(33)), "漢".repeat(32) + "…");
        assert_eq!(shown("ghp_0123456789abcdefghijABCDEFGHIJ012345"), "…");
    }
}

//! Spellings: the two of every key, and the nearest of several words.

use std::mem;

use crate::secret::shown;

/// Returns the camelCase spelling of a `snake_case` key.
pub(crate) fn camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    for (index, word) in snake.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index > 0 => camel.push(first.to_ascii_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.push_str(letters.as_str());
    }
    camel
}

/// Whether a key is spelled as this `snake_case` one is, or as its camelCase twin.
pub(crate) fn is_key(spelled: &str, key: &str) -> bool {
    spelled == key || is_twin(spelled, key)
}

/// Whether a key is `camel_case(snake)`, told without making that.
fn is_twin(spelled: &str, snake: &str) -> bool {
    let mut letters = spelled.bytes();
    let mut capital = false;
    for letter in snake.bytes() {
        if letter == b'_' {
            capital = true;
            continue;
        }
        let expected = match mem::take(&mut capital) {
            true => letter.to_ascii_uppercase(),
            false => letter,
        };
        if letters.next() != Some(expected) {
            return false;
        }
    }
    letters.next().is_none()
}

/// Returns a name as YAML wants it: one that looks like a number, a boolean or nothing, to any
/// version of YAML, is put in quotes.
pub(crate) fn quoted_name(name: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !WORDS.iter().any(|word| name.eq_ignore_ascii_case(word));
    if plain {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}

/// Returns the one of `known` that a misspelt word most likely meant: at most one edit in three
/// characters away, case and word separators not counted.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The measure takes quadratic time, and nobody misspells at such a length.
    if word.len() > 80 {
        return None;
    }
    let bare = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let word = bare(word);
    let length = word.chars().count();
    let allowed = (length / 3).max(1).min(length.saturating_sub(1));
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &bare(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .filter(|candidate| shown(candidate) == *candidate)
}

/// What people write for a key whose name is another word.
const OTHER_WORDS: [(&str, &str); 8] = [
    ("role", "class"),
    ("type", "class"),
    ("model", "model_hint"),
    ("cwd", "working_directory"),
    ("dir", "working_directory"),
    ("directory", "working_directory"),
    ("cmd", "command"),
    ("program", "command"),
];

/// Returns the one of `known` that a word in the place of a key most likely meant: the nearest, the one
/// that it begins with, as where the colon was forgotten, or the one for which people write it.
pub(crate) fn meant<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    nearest(word, known.clone()).or_else(|| {
        let begins = |key: &str| {
            let rest = word.strip_prefix(key);
            rest.is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphanumeric() && c != '_'))
        };
        known
            .into_iter()
            .find(|key| begins(key) || OTHER_WORDS.contains(&(word, key)))
    })
}

/// The most words that a message lists.
const LISTED: usize = 32;

/// Joins words for a message: `a`, `b` and `c`. A secret is not repeated, and the rest of very many is only counted.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut words = words.into_iter();
    let listed = words.by_ref().take(LISTED);
    let mut quoted: Vec<String> = listed.map(|word| format!("`{}`", shown(word))).collect();
    let more = words.count();
    if more > 0 {
        quoted.push(format!("{more} more"));
    }
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snake_case_key_has_a_camel_case_twin() {
        assert_eq!(camel_case("reset_between_tasks"), "resetBetweenTasks");
        assert_eq!(camel_case("name"), "name");
        for spelled in ["reset_between_tasks", "resetBetweenTasks"] {
            assert!(is_key(spelled, "reset_between_tasks"), "{spelled}");
        }
        for other in ["resetBetweentasks", "reset", "resetbetweentasks"] {
            assert!(!is_key(other, "reset_between_tasks"), "{other}");
        }
    }

    #[test]
    fn the_nearest_word_is_found_despite_case_and_separators() {
        let known = ["name", "runtime", "working_directory"];
        assert_eq!(nearest("nmae", known), Some("name"));
        assert_eq!(
            nearest("workingdirectory", known),
            Some("working_directory")
        );
        assert_eq!(nearest("Runtime", known), Some("runtime"));
        assert_eq!(nearest("flavour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn a_key_is_meant_by_what_begins_with_it_and_by_other_words_for_it() {
        let known = ["harness", "class", "command"];
        assert_eq!(meant("harnes", known), Some("harness"));
        assert_eq!(meant("harness generic", known), Some("harness"));
        assert_eq!(meant("role", known), Some("class"));
        assert_eq!(meant("role", ["harness"]), None);
        assert_eq!(meant("harnesses_of_mine", known), None);
    }

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert!(list(["a"; 40], "and").ends_with("`a` and 8 more"));
    }
}

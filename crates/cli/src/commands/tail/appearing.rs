//! Which lines of a terminal are new since the last look.

/// Above so many pairs of lines the comparison is given up, and all that differs counts as new.
const MOST_PAIRS: usize = 1 << 20;

/// Returns the lines of `new` that are no part of the longest sequence that it has in common with
/// `old`: what was inserted, or changed.
pub(super) fn appeared<'a>(old: &[String], new: &'a [String]) -> Vec<&'a str> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same..], &new[same..]);
    let ends = old.iter().rev().zip(new.iter().rev());
    let same = ends.take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - same], &new[..new.len() - same]);
    if old.len() * new.len() > MOST_PAIRS {
        return new.iter().map(String::as_str).collect();
    }
    inserted(old, new)
}

/// The longest common subsequence by the textbook's table, and what it leaves of `new`.
fn inserted<'a>(old: &[String], new: &'a [String]) -> Vec<&'a str> {
    let columns = new.len() + 1;
    // The cell of a pair has the longest length that the lines from there on have in common.
    let mut lengths = vec![0_u32; (old.len() + 1) * columns];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            let cell = row * columns + column;
            lengths[cell] = if old[row] == new[column] {
                lengths[cell + columns + 1] + 1
            } else {
                lengths[cell + 1].max(lengths[cell + columns])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut left = Vec::new();
    while column < new.len() {
        let cell = row * columns + column;
        if row < old.len() && old[row] == new[column] {
            row += 1;
            column += 1;
        } else if row < old.len() && lengths[cell + columns] >= lengths[cell + 1] {
            row += 1;
        } else {
            left.push(new[column].as_str());
            column += 1;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn new_lines(old: &str, new: &str) -> String {
        appeared(&lines(old), &lines(new)).join(" ")
    }

    #[test]
    fn lines_at_the_end_appear() {
        assert_eq!(new_lines("a b", "a b c d"), "c d");
    }

    #[test]
    fn lines_above_a_composer_that_stays_appear() {
        assert_eq!(new_lines("a ── > ──", "a b c ── > ──"), "b c");
    }

    #[test]
    fn lines_that_scrolled_out_do_not_matter() {
        assert_eq!(new_lines("a b c d", "c d e"), "e");
    }

    #[test]
    fn a_changed_line_appears_anew() {
        assert_eq!(new_lines("a 1s >", "a 2s >"), "2s");
    }

    #[test]
    fn nothing_appears_where_nothing_changed() {
        assert_eq!(new_lines("a b", "a b"), "");
        assert_eq!(new_lines("a b", ""), "");
    }
}

//! Names that are nearly the same.

/// Returns the known names nearest to an unknown one, at most three, nearest first.
#[must_use]
pub fn near(unknown: &str, known: impl IntoIterator<Item = String>) -> Vec<String> {
    const MOST: usize = 3;
    let folded = unknown.to_lowercase();
    let mut near: Vec<_> = known
        .into_iter()
        .map(|name| (distance(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_look_alike_are_offered() {
        let known = ["coder", "Coder1", "reviewer", "lead"].map(str::to_owned);
        assert_eq!(near("CODER", known.clone()), ["coder", "Coder1"]);
        assert_eq!(near("reviwer", known.clone()), ["reviewer"]);
        assert!(near("zebra", known).is_empty());
    }
}

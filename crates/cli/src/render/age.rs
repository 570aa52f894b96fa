//! Lengths of time in few characters.

use std::time::Duration;

/// Writes a length of time in its largest unit: `12s`, `3m`, `5h`, `2d`.
pub(crate) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_given_in_its_largest_unit() {
        let text = |seconds| age(Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 3599, 3600, 86_399, 86_400, 864_000].map(text),
            ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "10d"]
        );
    }
}

//! Parts of a file, as HTTP asks for them.

/// The part of a file that is asked for: its first byte, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// What a `Range` header means for a file of `size` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// The whole file: nothing, something odd, or several parts were asked for.
    Whole,
    /// One part.
    Part(Part),
    /// Nothing of the file is in it.
    Unsatisfiable,
}

impl Range {
    pub(super) fn of(header: Option<&str>, size: u64) -> Self {
        let Some(range) = header.and_then(|header| header.strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = range.split_once('-') else {
            return Self::Whole;
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let (start, end) = match (number(first), number(last)) {
            (Some(start), Some(last)) if last < start => return Self::Whole,
            (Some(start), Some(last)) => (start, last.saturating_add(1).min(size)),
            (Some(start), None) if last.is_empty() => (start, size),
            (None, Some(last)) if first.is_empty() => (size.saturating_sub(last), size),
            _ => return Self::Whole,
        };
        if start >= end {
            return Self::Unsatisfiable;
        }
        Self::Part(Part {
            start,
            length: end - start,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_its_header_says_within_the_file() {
        let part = |start, length| Range::Part(Part { start, length });
        let of = |header| Range::of(Some(header), 100);
        assert_eq!(of("bytes=0-9"), part(0, 10));
        assert_eq!(of("bytes=90-"), part(90, 10));
        assert_eq!(of("bytes=-10"), part(90, 10));
        assert_eq!(of("bytes=-1000"), part(0, 100));
        assert_eq!(of("bytes=50-1000"), part(50, 50));
        assert_eq!(of("bytes=100-"), Range::Unsatisfiable);
        assert_eq!(of("bytes=-0"), Range::Unsatisfiable);
        for odd in [
            "bytes=0-1,5-6",
            "bytes=5-1",
            "bytes=-",
            "bytes=a-b",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(of(odd), Range::Whole, "{odd}");
        }
        assert_eq!(Range::of(None, 100), Range::Whole);
    }
}

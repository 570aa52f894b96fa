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

/// Returns whether a part may be answered with: without an `If-Range`, or when the file still has the
/// tag in it. Dates and weak tags never fit, since neither is given out.
pub(super) fn is_of(if_range: Option<&str>, etag: &str) -> bool {
    let tag = |text: &str| text.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    if_range.is_none_or(|text| tag(text).is_some_and(|tag| tag == etag))
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

    #[test]
    fn a_part_is_answered_with_only_of_the_file_that_is_meant() {
        assert!(is_of(None, "tag"));
        assert!(is_of(Some("\"tag\""), "tag"));
        for other in [
            "\"other\"",
            "tag",
            "W/\"tag\"",
            "\"",
            "",
            "Wed, 21 Oct 2015 07:28:00 GMT",
        ] {
            assert!(!is_of(Some(other), "tag"), "{other}");
        }
    }
}

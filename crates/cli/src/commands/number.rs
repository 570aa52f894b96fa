//! Whole numbers on the command line.

use std::ops::RangeInclusive;

/// Reads a whole number within bounds; what is none is told with the bounds.
pub(crate) fn within(
    bounds: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            format!("it is a whole number from {least} to {most}")
        })
    }
}

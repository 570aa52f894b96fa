//! Sizes for people.

/// Writes a number of bytes with its unit, such as `512 B` and `1.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    // Tenths, so that nothing is lost to a float before the last digit.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_three_or_four_digits_and_a_unit() {
        let told = [0, 1023, 1024, 1536, (1 << 20) - 1, 1 << 30, 5 << 40].map(size);
        assert_eq!(
            told,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "1023.9 KiB",
                "1.0 GiB",
                "5.0 TiB"
            ]
        );
    }
}

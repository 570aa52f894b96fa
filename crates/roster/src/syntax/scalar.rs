//! Plain scalars as YAML's core schema resolves them (YAML 1.2.2, section 10.3.2).

use serde_json::Number;

use crate::tree::NodeKind;

/// Resolves a plain scalar.
///
/// Infinity and not-a-number, which JSON cannot say, become texts; nothing in a roster takes
/// either.
pub(super) fn resolve(text: &str) -> NodeKind {
    if is_surely_text(text) {
        return NodeKind::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
        "true" | "True" | "TRUE" => NodeKind::Boolean(true),
        "false" | "False" | "FALSE" => NodeKind::Boolean(false),
        _ => number(text).map_or_else(|| NodeKind::Text(text.to_owned()), NodeKind::Number),
    }
}

/// Whether the first byte says already that it is a text, as that of most scalars does.
pub(super) fn is_surely_text(text: &str) -> bool {
    match text.bytes().next() {
        None | Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'+' | b'-' | b'.') => false,
        Some(byte) => !byte.is_ascii_digit(),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(text);
    }
    is_float(unsigned).then(|| float(text.parse().ok()?))?
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    if digits.is_empty() {
        return None;
    }
    let known = |digit: char| digit.to_digit(radix);
    let digits: Vec<u32> = digits.chars().map(known).collect::<Option<_>>()?;
    let exact = digits.iter().try_fold(0_u64, |number, digit| {
        number
            .checked_mul(radix.into())?
            .checked_add((*digit).into())
    });
    let rough = || {
        let times = f64::from(radix);
        let number = digits
            .iter()
            .fold(0.0, |sum, digit| sum * times + f64::from(*digit));
        float(number)
    };
    exact.map(Number::from).or_else(rough)
}

fn integer(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    match (digits.parse::<u64>(), digits.parse::<i64>()) {
        (Ok(number), _) => Some(number.into()),
        (_, Ok(number)) => Some(number.into()),
        _ => float(digits.parse().ok()?),
    }
}

/// JSON Schema does not tell `1.0` from `1`, so neither does the tree. A number that is too large
/// for any value of a roster becomes the largest that there is, and stays a number.
fn float(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number.clamp(f64::MIN, f64::MAX))
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, the sign taken off.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            NodeKind::Null => "null".to_owned(),
            NodeKind::Boolean(value) => format!("boolean {value}"),
            NodeKind::Number(number) => format!("number {number}"),
            NodeKind::Text(text) => format!("text {text}"),
            _ => unreachable!("a scalar is no collection"),
        }
    }

    #[test]
    fn scalars_are_resolved_by_the_core_schema() {
        for (text, expected) in [
            ("", "null"),
            ("~", "null"),
            ("true", "boolean true"),
            ("yes", "text yes"),
            ("on", "text on"),
            ("nobody", "text nobody"),
            ("false", "boolean false"),
            ("12", "number 12"),
            ("-12", "number -12"),
            ("+12", "number 12"),
            ("007", "number 7"),
            ("0o17", "number 15"),
            ("0xfF", "number 255"),
            ("0x", "text 0x"),
            ("0x+1", "text 0x+1"),
            ("1.5", "number 1.5"),
            ("1.0", "number 1"),
            ("1.", "number 1"),
            (".5", "number 0.5"),
            ("1e3", "number 1000"),
            ("1e", "text 1e"),
            (".", "text ."),
            ("-", "text -"),
            ("1_000", "text 1_000"),
            ("12:30", "text 12:30"),
            (".inf", "text .inf"),
            ("2024-01-01", "text 2024-01-01"),
            ("99999999999999999999", "number 1e+20"),
            ("18446744073709551615", "number 18446744073709551615"),
            ("0xFFFFFFFFFFFFFFFF", "number 18446744073709551615"),
            ("0x10000000000000000", "number 1.8446744073709552e+19"),
            ("1e400", "number 1.7976931348623157e+308"),
            ("-1e400", "number -1.7976931348623157e+308"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}

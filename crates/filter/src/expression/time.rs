//! Points in time and durations, in nanoseconds.

use std::fmt::Write as _;

/// A point in time: RFC 3339, such as `2026-01-01T00:00:00Z`.
pub(super) fn read_timestamp(text: &str) -> Option<i128> {
    // jiff also reads other forms, such as times with the name of a zone.
    if text.contains('[') || !text.contains(['T', 't']) {
        return None;
    }
    text.parse().ok().map(jiff::Timestamp::as_nanosecond)
}

pub(super) fn write_timestamp(nanoseconds: i128) -> Option<String> {
    jiff::Timestamp::from_nanosecond(nanoseconds).ok().map(|time| time.to_string())
}

const SECOND: i128 = 1_000_000_000;

/// A duration: numbers with units, such as `1h30m`, `1.5s` or `-20ms`.
pub(super) fn read_duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i128;
    loop {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" => SECOND / 1000,
            "us" | "µs" => SECOND / 1_000_000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(times(number, unit)?)?;
        rest = after;
        if rest.is_empty() {
            return Some(sign * total);
        }
    }
}

/// A decimal number times a unit.
fn times(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // More digits are below a nanosecond, or beyond every time.
    if whole.len() > 18 || fraction.len() > 18 || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(whole * unit + part * unit / scale)
}

/// Seconds, as CEL writes durations.
pub(super) fn write_duration(nanoseconds: i128) -> String {
    let mut text = String::new();
    let absolute = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (absolute / SECOND.unsigned_abs(), absolute % SECOND.unsigned_abs());
    // Writing to a String cannot fail.
    let _ = write!(text, "{}{seconds}", if nanoseconds < 0 { "-" } else { "" });
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_and_written() {
        assert_eq!(read_timestamp("1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
        assert_eq!(read_timestamp("1970-01-01T02:00:00+02:00"), Some(0));
        for text in ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00+01:00[Europe/Rome]"] {
            assert_eq!(read_timestamp(text), None, "{text}");
        }
        assert_eq!(write_timestamp(1_500_000_000).as_deref(), Some("1970-01-01T00:00:01.5Z"));
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, nanoseconds, written) in [
            ("1h30m", 5_400_000_000_000, "5400s"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("-20ms", -20_000_000, "-0.02s"),
            ("0", 0, "0s"),
            ("3us4ns", 3004, "0.000003004s"),
        ] {
            assert_eq!(read_duration(text), Some(nanoseconds), "{text}");
            assert_eq!(write_duration(nanoseconds), written);
        }
        for text in ["", "1", "s", "1x", "1.2.3s", "--1s", "1s-"] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }
}

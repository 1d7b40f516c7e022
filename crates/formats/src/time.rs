//! Times in files and on command lines: milliseconds since 1970-01-01 UTC, or RFC 3339.

use std::time::{Duration, UNIX_EPOCH};

/// The first millisecond that RFC 3339 cannot express: the beginning of the year 10000.
const END: i64 = 253_402_300_800_000;

/// The time as `2025-11-22T20:45:00.000Z`. `None` before 1970 and after the year 9999, which RFC 3339 cannot express.
pub fn iso(ms: i64) -> Option<String> {
    let ms = u64::try_from(ms).ok().filter(|_| ms < END)?;
    Some(humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string())
}

/// Parses milliseconds since 1970, or a time such as `2025-11-22T20:45:00Z`, `2025-11-22 20:45:00` or `2025-11-22`.
/// Like in Kafka's tools, the time is in UTC unless it ends with an offset (`+01:00`). `None` for other texts and for
/// times before 1970.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(ms) => (ms >= 0).then_some(ms),
        Err(_) => parse_rfc3339(text).filter(|ms| (0..END).contains(ms)),
    }
}

/// RFC 3339, also without the time of day, the seconds or the offset.
fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, offset_minutes) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => ("00:00:00", 0),
        None => return None,
        Some(time) => split_offset(time)?,
    };
    let seconds = if time.len() == "20:45".len() { ":00" } else { "" };
    let local = humantime::parse_rfc3339(&format!("{date}T{time}{seconds}Z")).ok()?;
    let ms = i64::try_from(local.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()?;
    Some(ms - offset_minutes * 60_000)
}

/// The time of day, and the minutes of the offset after it: `Z`, `+01:00` or `+0100`.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (time, offset) = time.split_at(at);
    let (sign, digits) = (if offset.starts_with('-') { -1 } else { 1 }, offset[1..].replacen(':', "", 1));
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours < 24 && minutes < 60).then_some((time, sign * (hours * 60 + minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_in_utc_unless_it_has_an_offset() {
        for (text, expected) in [
            ("1763800000123", Some(1_763_800_000_123)),
            (" 2025-11-22T08:26:40.123Z ", Some(1_763_800_000_123)),
            ("2025-11-22 08:26:40", Some(1_763_800_000_000)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-02", Some(86_400_000)),
            ("1970-01-02T00:01", Some(86_460_000)),
            ("1970-01-02t00:00:00.5-0130", Some(91_800_500)),
            ("1970-01-02T00:00:00+25:00", None),
            ("1970-01-02T00:00:00+1", None),
            ("1970-01-02x", None),
            ("città città", None),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("9999-12-31 23:59:59", Some(253_402_300_799_000)),
            ("9999-12-31T23:59:59-01:00", None),
            ("yesterday", None),
            ("-5", None),
            ("1969-12-31T23:59:59Z", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text:?}");
        }
    }

    #[test]
    fn time_after_the_year_9999_has_no_rfc_3339_form() {
        assert_eq!(iso(1_763_800_000_123).as_deref(), Some("2025-11-22T08:26:40.123Z"));
        assert_eq!(iso(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(iso(253_402_300_799_999).as_deref(), Some("9999-12-31T23:59:59.999Z"));
        for none in [-1, 253_402_300_800_000, 1_763_800_000_000_000, i64::MAX] {
            assert_eq!(iso(none), None, "{none}");
        }
    }
}

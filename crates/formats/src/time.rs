//! Times in files and on command lines: milliseconds since 1970-01-01 UTC, or RFC 3339.

use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};

/// The time as `2025-11-22T20:45:00.000Z`. `None` before 1970 and after the year 9999, which RFC 3339 cannot express.
pub fn iso(ms: i64) -> Option<String> {
    // A civil time, since jiff's `Timestamp` ends a day before the year 9999 does.
    let time = date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_millis(ms)).ok()?;
    (ms >= 0).then(|| format!("{time:.3}Z"))
}

/// Parses milliseconds since 1970, or a time such as `2025-11-22T20:45:00Z`, `2025-11-22 20:45:00` or `2025-11-22`.
/// Like in Kafka's tools, the time is in UTC unless it ends with an offset (`+01:00`). `None` for other texts and for
/// times before 1970.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let ms = match text.parse::<i64>() {
        Ok(ms) => ms,
        Err(_) => match text.parse::<Timestamp>() {
            Ok(time) => time.as_millisecond(),
            Err(_) => civil_ms(text)?,
        },
    };
    (ms >= 0).then_some(ms)
}

/// A time without an offset, or with `Z`. jiff's `Timestamp` ends a day before the year 9999 does.
fn civil_ms(text: &str) -> Option<i64> {
    let civil = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    // The parser of civil times ignores offsets and zones.
    let has_zone = civil.char_indices().any(|(at, character)| at >= 10 && matches!(character, '+' | '-' | '−' | '['));
    let time = civil.parse::<DateTime>().ok().filter(|_| !has_zone)?;
    i64::try_from(time.duration_since(date(1970, 1, 1).at(0, 0, 0, 0)).as_millis()).ok()
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

//! Dates, times, timestamps and durations: Avro's numbers, and their texts in JSON (RFC 3339, ISO 8601).

use jiff::Timestamp;
use jiff::civil;

use crate::time_text::{self, Fraction, TimeText};

/// The unit of a time or timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    pub(super) fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// The number of digits after the point of a second.
    fn digits(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    /// Whole seconds, and the digits of the unit after them.
    fn split(self, number: i64) -> (i64, Fraction) {
        let fraction = number.rem_euclid(self.per_second()) as u32;
        (number.div_euclid(self.per_second()), Fraction::with_digits(fraction, self.digits()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        }
    }

    /// As in `timestamp-millis`.
    pub(super) fn name_in_schemas(self) -> &'static str {
        match self {
            Self::Millis => "millis",
            Self::Micros => "micros",
            Self::Nanos => "nanos",
        }
    }
}

/// `None` for years outside 0000 to 9999.
pub(super) fn date_text(days: i32) -> Option<TimeText> {
    time_text::date(days.into())
}

/// `None` for numbers that are no time of a day.
pub(super) fn time_text(time: i64, unit: Unit) -> Option<TimeText> {
    let (second, fraction) = unit.split(time);
    time_text::time_of_day(second, fraction)
}

/// `None` for years outside 0000 to 9999.
pub(super) fn timestamp_text(timestamp: i64, unit: Unit, is_local: bool) -> Option<TimeText> {
    let (second, fraction) = unit.split(timestamp);
    if is_local { time_text::local_time(second, fraction) } else { time_text::instant(second, fraction) }
}

/// A duration as in ISO 8601.
pub(super) fn duration_text(months: u32, days: u32, millis: u32) -> TimeText {
    let mut text = TimeText::start();
    text.push(b'P');
    if months > 0 {
        text.number(months.into());
        text.push(b'M');
    }
    if days > 0 {
        text.number(days.into());
        text.push(b'D');
    }
    if millis > 0 || (months == 0 && days == 0) {
        text.push(b'T');
        text.number(u64::from(millis / 1000));
        if !millis.is_multiple_of(1000) {
            text.fraction(Fraction::with_digits(millis % 1000, 3));
        }
        text.push(b'S');
    }
    text.end()
}

/// # Errors
/// What is expected instead.
pub(super) fn parse_date(text: &str) -> Result<i32, String> {
    let date: civil::Date = text.parse().map_err(|_| "expects a date such as 2024-02-29".to_owned())?;
    let days = civil::date(1970, 1, 1).until((jiff::Unit::Day, date)).map_err(|error| error.to_string())?;
    Ok(days.get_days())
}

/// # Errors
/// What is expected instead.
pub(super) fn parse_time(text: &str, unit: Unit) -> Result<i64, String> {
    let time: civil::Time = text.parse().map_err(|_| "expects a time such as 13:45:59.123".to_owned())?;
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    in_units(i128::from(seconds) * 1_000_000_000 + i128::from(time.subsec_nanosecond()), unit)
}

/// # Errors
/// What is expected instead.
pub(super) fn parse_timestamp(text: &str, unit: Unit, is_local: bool) -> Result<i64, String> {
    let timestamp = if is_local {
        let has_zone = text.ends_with(['Z', 'z', ']']) || text.parse::<Timestamp>().is_ok();
        let local = text.parse::<civil::DateTime>().ok().filter(|_| !has_zone);
        local.and_then(|local| local.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|zoned| zoned.timestamp()).ok_or_else(
            || "expects a timestamp without a time zone, such as 2024-02-29T13:45:59.123, or an integer".to_owned(),
        )?
    } else {
        text.parse::<Timestamp>().map_err(|_| {
            "expects a timestamp with a time zone, such as 2024-02-29T13:45:59.123Z, or an integer".to_owned()
        })?
    };
    in_units(timestamp.as_nanosecond(), unit)
}

fn in_units(nanos: i128, unit: Unit) -> Result<i64, String> {
    let nanos_per_unit = i128::from(Unit::Nanos.per_second() / unit.per_second());
    if nanos % nanos_per_unit != 0 {
        return Err(format!("expects at most {} digits after the second: the unit is {}", unit.digits(), unit.name()));
    }
    i64::try_from(nanos / nanos_per_unit).map_err(|_| format!("is out of the range of 64-bit {}", unit.name()))
}

/// Months, days and milliseconds of an ISO 8601 duration.
///
/// # Errors
/// What is expected instead.
pub(super) fn parse_duration(text: &str) -> Result<[u32; 3], String> {
    let parts = duration_parts(text).ok_or_else(|| {
        "expects an ISO 8601 duration of months, days and milliseconds below 2^32, such as P1M2DT3.004S".to_owned()
    })?;
    Ok(parts)
}

fn duration_parts(text: &str) -> Option<[u32; 3]> {
    let (dates, times) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text.strip_prefix('P').filter(|dates| !dates.is_empty())?, ""),
    };
    let [mut months, mut days, mut millis] = [0_u64; 3];
    for (part, units) in [(dates, "YMWD"), (times, "HMS")] {
        let mut rest = part;
        // Each unit comes at most once, and after the larger ones.
        let mut units_left = units;
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|letter: char| letter.is_ascii_uppercase())?);
            let unit = after.chars().next()?;
            units_left = &units_left[units_left.find(unit)? + 1..];
            rest = &after[1..];
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
            if !is_plain(whole) || !is_plain(fraction) || number.ends_with('.') {
                return None;
            }
            if !fraction.is_empty() && (unit != 'S' || fraction.len() > 3) {
                return None;
            }
            // Ten digits, so that no product below is larger than 64 bits.
            let number = u64::from(whole.parse::<u32>().ok()?);
            match (units, unit) {
                ("YMWD", 'Y') => months += number * 12,
                ("YMWD", 'M') => months += number,
                ("YMWD", 'W') => days += number * 7,
                ("YMWD", _) => days += number,
                (_, 'H') => millis += number * 3_600_000,
                (_, 'M') => millis += number * 60_000,
                _ => millis += number * 1000 + format!("{fraction:0<3}").parse::<u64>().ok()?,
            }
        }
    }
    Some([months.try_into().ok()?, days.try_into().ok()?, millis.try_into().ok()?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &TimeText) -> &str {
        std::str::from_utf8(text.as_bytes()).expect("ASCII").trim_matches('"')
    }

    #[test]
    fn texts_have_the_digits_of_their_unit() {
        let timestamp = |value, unit| timestamp_text(value, unit, false).map(|written| text(&written).to_owned());
        assert_eq!(timestamp(1_709_214_359_123, Unit::Millis).as_deref(), Some("2024-02-29T13:45:59.123Z"));
        assert_eq!(timestamp(-1, Unit::Micros).as_deref(), Some("1969-12-31T23:59:59.999999Z"));
        assert_eq!(timestamp(i64::MIN, Unit::Nanos).as_deref(), Some("1677-09-21T00:12:43.145224192Z"));
        assert_eq!(timestamp(i64::MAX, Unit::Millis), None);
        assert_eq!(timestamp(253_402_300_799_999, Unit::Millis).as_deref(), Some("9999-12-31T23:59:59.999Z"));
        assert_eq!(timestamp(253_402_300_800_000, Unit::Millis), None);
        assert_eq!(timestamp(-62_167_219_200_000, Unit::Millis).as_deref(), Some("0000-01-01T00:00:00.000Z"));
        assert_eq!(timestamp(-62_167_219_200_001, Unit::Millis), None);
        assert_eq!(time_text(49_559_123, Unit::Millis).as_ref().map(text), Some("13:45:59.123"));
        assert!(time_text(86_400_000, Unit::Millis).is_none() && time_text(-1, Unit::Micros).is_none());
        assert_eq!(text(&duration_text(1, 2, 3004)), "P1M2DT3.004S");
        assert_eq!(text(&duration_text(0, 0, 0)), "PT0S");
        assert_eq!(text(&duration_text(u32::MAX, u32::MAX, u32::MAX)), "P4294967295M4294967295DT4294967.295S");
    }

    #[test]
    fn texts_that_cannot_be_stored_are_refused() {
        assert_eq!(parse_timestamp("2024-02-29T13:45:59.123+01:00", Unit::Millis, false), Ok(1_709_210_759_123));
        assert!(parse_timestamp("2024-02-29T13:45:59.1234Z", Unit::Millis, false).is_err());
        assert!(parse_timestamp("2024-02-29T13:45:59", Unit::Millis, false).is_err());
        assert!(parse_timestamp("2024-02-29T13:45:59Z", Unit::Millis, true).is_err());
        assert!(parse_timestamp("2024-02-29T13:45:59+01:00", Unit::Millis, true).is_err());
        assert!(parse_timestamp("9999-01-01T00:00:00Z", Unit::Nanos, false).is_err());
        assert!(parse_date("2023-02-29").is_err() && parse_time("25:00:00", Unit::Micros).is_err());
        assert_eq!(parse_duration("P1Y2M1W1DT1H1M1.5S"), Ok([14, 8, 3_661_500]));
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "P1S",
            "PT1D",
            "P1D1M",
            "P1M1M",
            "PT1.0001S",
            "P1.5D",
            "P4294967296D",
            "P-1D",
            "PT1.S",
            "PéM",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_are_read_as_they_are_written(days in -719_528_i32..=2_932_896) {
            prop_assert_eq!(parse_date(text(&date_text(days).expect("in range"))), Ok(days));
        }

        #[test]
        fn timestamps_are_read_as_they_are_written(value: i64, unit in 0..3, is_local: bool) {
            let unit = [Unit::Millis, Unit::Micros, Unit::Nanos][unit as usize];
            let value = value % 60_000_000_000_i64.saturating_mul(unit.per_second());
            let written = timestamp_text(value, unit, is_local).expect("in range");
            prop_assert_eq!(parse_timestamp(text(&written), unit, is_local), Ok(value), "{}", text(&written));
        }

        #[test]
        fn durations_are_read_as_they_are_written(months: u32, days: u32, millis: u32) {
            prop_assert_eq!(parse_duration(text(&duration_text(months, days, millis))), Ok([months, days, millis]));
        }
    }
}

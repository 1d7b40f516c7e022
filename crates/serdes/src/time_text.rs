//! Dates, times and timestamps as RFC 3339 writes them, as JSON strings. They are written directly, because most records have a timestamp.

const DAY_SECONDS: i64 = 86_400;

/// A short text between quotation marks, written without an allocation. The longest is Avro's duration with 42 characters.
#[derive(Clone, Debug)]
pub(crate) struct TimeText {
    bytes: [u8; 48],
    len: usize,
}

/// The digits after the point of a second; without digits, there is no point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fraction {
    number: u32,
    digits: usize,
}

impl Fraction {
    /// `number` with zeros in front.
    pub(crate) fn with_digits(number: u32, digits: usize) -> Self {
        Self { number, digits }
    }

    /// Nanoseconds without zeros at the end.
    pub(crate) fn shortest(nanos: u32) -> Self {
        let mut fraction = Self::in_thousands(nanos);
        while fraction.digits > 0 && fraction.number.is_multiple_of(10) {
            fraction = Self { number: fraction.number / 10, digits: fraction.digits - 1 };
        }
        fraction
    }

    /// Nanoseconds as milliseconds, microseconds or nanoseconds, whichever suffice, as ProtoJSON writes them.
    pub(crate) fn in_thousands(nanos: u32) -> Self {
        let (number, digits) = match nanos {
            0 => (0, 0),
            _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
            _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
            _ => (nanos, 9),
        };
        Self { number, digits }
    }
}

impl TimeText {
    /// An empty text, to which parts are added.
    pub(crate) fn start() -> Self {
        let mut text = Self { bytes: [0; 48], len: 0 };
        text.push(b'"');
        text
    }

    /// Ends the text.
    pub(crate) fn end(mut self) -> Self {
        self.push(b'"');
        self
    }

    /// The JSON string.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// Pushes a number with zeros in front.
    fn digits(&mut self, mut number: u32, count: usize) {
        for at in (self.len..self.len + count).rev() {
            self.bytes[at] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.len += count;
    }

    /// Pushes a number of at most 20 digits.
    pub(crate) fn number(&mut self, number: u64) {
        let mut buffer = itoa::Buffer::new();
        for byte in buffer.format(number).bytes() {
            self.push(byte);
        }
    }

    /// Pushes the point and the digits after it.
    pub(crate) fn fraction(&mut self, fraction: Fraction) {
        if fraction.digits > 0 {
            self.push(b'.');
            self.digits(fraction.number, fraction.digits);
        }
    }

    fn date(&mut self, days: i64) -> Option<()> {
        let (year, month, day) = civil_from_days(days)?;
        self.digits(year, 4);
        self.push(b'-');
        self.digits(month, 2);
        self.push(b'-');
        self.digits(day, 2);
        Some(())
    }

    fn time(&mut self, second_of_day: u32, fraction: Fraction) {
        self.digits(second_of_day / 3600, 2);
        self.push(b':');
        self.digits(second_of_day / 60 % 60, 2);
        self.push(b':');
        self.digits(second_of_day % 60, 2);
        self.fraction(fraction);
    }
}

/// The date of a day since 1970-01-01, for years from 0000 to 9999. The algorithm is `civil_from_days` of
/// <https://howardhinnant.github.io/date_algorithms.html>: years begin in March, so that leap days are at the end.
fn civil_from_days(days: i64) -> Option<(u32, u32, u32)> {
    // 0000-01-01 and 9999-12-31.
    if !(-719_528..=2_932_896).contains(&days) {
        return None;
    }
    // Days since 0000-03-01, 400 years later, so that the number is not negative.
    let days = (days + 719_468 + 146_097) as u32;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u32::from(month <= 2) - 400;
    Some((year, month, day))
}

/// A date such as `"2024-05-01"`, from its days since 1970; `None` for years outside 0000 to 9999.
pub(crate) fn date(days: i64) -> Option<TimeText> {
    let mut text = TimeText::start();
    text.date(days)?;
    Some(text.end())
}

/// A time such as `"12:00:00.5"`; `None` for a second that no day has.
pub(crate) fn time_of_day(second: i64, fraction: Fraction) -> Option<TimeText> {
    let second = u32::try_from(second).ok().filter(|second| i64::from(*second) < DAY_SECONDS)?;
    let mut text = TimeText::start();
    text.time(second, fraction);
    Some(text.end())
}

/// An instant such as `"2024-05-01T12:00:00.5Z"`, from its seconds since 1970; `None` for years outside 0000 to 9999.
pub(crate) fn instant(second: i64, fraction: Fraction) -> Option<TimeText> {
    let mut text = date_and_time(second, fraction)?;
    text.push(b'Z');
    Some(text.end())
}

/// Like [`instant`], without a time zone.
pub(crate) fn local_time(second: i64, fraction: Fraction) -> Option<TimeText> {
    date_and_time(second, fraction).map(TimeText::end)
}

fn date_and_time(second: i64, fraction: Fraction) -> Option<TimeText> {
    let mut text = TimeText::start();
    text.date(second.div_euclid(DAY_SECONDS))?;
    text.push(b'T');
    text.time(second.rem_euclid(DAY_SECONDS) as u32, fraction);
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: Option<TimeText>) -> Option<String> {
        text.map(|text| String::from_utf8(text.as_bytes().to_vec()).expect("ASCII").trim_matches('"').to_owned())
    }

    #[test]
    fn years_0000_to_9999_have_texts() {
        let (first, last) = (-62_167_219_200, 253_402_300_799);
        let (with, none) = (Fraction::with_digits, Fraction::shortest(0));
        assert_eq!(text(instant(last, with(999, 3))).as_deref(), Some("9999-12-31T23:59:59.999Z"));
        assert_eq!(text(instant(first, none)).as_deref(), Some("0000-01-01T00:00:00Z"));
        assert_eq!(text(local_time(-1, with(5, 6))).as_deref(), Some("1969-12-31T23:59:59.000005"));
        assert!(instant(last + 1, none).is_none() && local_time(first - 1, none).is_none());
        assert!(instant(i64::MIN, none).is_none() && date(i64::MAX).is_none());
        assert_eq!(text(time_of_day(49_559, with(123, 3))).as_deref(), Some("13:45:59.123"));
        assert!(time_of_day(86_400, none).is_none() && time_of_day(-1, none).is_none());
    }

    #[test]
    fn fractions_have_as_many_digits_as_they_need() {
        for (nanos, shortest, in_thousands) in [
            (0, "", ""),
            (500_000_000, ".5", ".500"),
            (1_000, ".000001", ".000001"),
            (120_000, ".00012", ".000120"),
            (999_999_999, ".999999999", ".999999999"),
        ] {
            let written = |fraction| text(instant(0, fraction)).expect("in range");
            let expected = |fraction: &str| format!("1970-01-01T00:00:00{fraction}Z");
            assert_eq!(written(Fraction::shortest(nanos)), expected(shortest));
            assert_eq!(written(Fraction::in_thousands(nanos)), expected(in_thousands));
        }
    }

    proptest! {
        #[test]
        fn instants_are_those_of_jiff(second in -62_167_219_200_i64..=253_402_207_200, nanos in 0..1_000_000_000_u32) {
            let expected = jiff::Timestamp::new(second, 0)
                .and_then(|instant| instant.checked_add(jiff::Span::new().nanoseconds(i64::from(nanos))))
                .expect("in range");
            prop_assert_eq!(text(instant(second, Fraction::shortest(nanos))), Some(expected.to_string()));
        }

        #[test]
        fn dates_are_those_of_jiff(days in -719_528_i32..=2_932_896) {
            let expected = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).expect("in range");
            prop_assert_eq!(text(date(days.into())), Some(expected.to_string()));
        }
    }
}

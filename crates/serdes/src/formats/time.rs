//! Writes instants as text.

use crate::error::DecodeError;
use crate::json_writer::JsonWriter;
use crate::time_text::{self, Fraction, TimeText};

/// Writes an instant as a string such as `"2024-05-01T12:00:00.5Z"` (RFC 3339). Returns false, and writes nothing, if it is outside of the
/// years 0000 to 9999.
pub(super) fn write(json: &mut JsonWriter<'_>, seconds: i64, nanoseconds: u32) -> Result<bool, DecodeError> {
    write_text(json, time_text::instant(seconds, Fraction::shortest(nanoseconds)))
}

/// Like [`write()`], only the date, such as `"2024-05-01"`, from its days since 1970.
pub(super) fn write_date(json: &mut JsonWriter<'_>, days: i64) -> Result<bool, DecodeError> {
    write_text(json, time_text::date(days))
}

/// Like [`write()`], only the time, such as `"12:00:00.5"`. Returns false for a second that no day has.
pub(super) fn write_time_of_day(json: &mut JsonWriter<'_>, second: i64, nanoseconds: u32) -> Result<bool, DecodeError> {
    write_text(json, time_text::time_of_day(second, Fraction::shortest(nanoseconds)))
}

/// Like [`write()`], from the milliseconds since 1970 that Kafka counts.
pub(super) fn write_milliseconds(json: &mut JsonWriter<'_>, milliseconds: i64) -> Result<bool, DecodeError> {
    let nanoseconds = (milliseconds.rem_euclid(1000) * 1_000_000) as u32;
    write(json, milliseconds.div_euclid(1000), nanoseconds)
}

fn write_text(json: &mut JsonWriter<'_>, text: Option<TimeText>) -> Result<bool, DecodeError> {
    match text {
        Some(text) => json.raw(text.as_bytes()).map(|()| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use crate::json_writer::JsonWriter;

    #[test]
    fn instants_are_rfc_3339() {
        let written = |milliseconds| {
            let mut text = Vec::new();
            super::write_milliseconds(&mut JsonWriter::new(&mut text, 100), milliseconds).expect("it fits");
            String::from_utf8(text).expect("UTF-8")
        };
        assert_eq!(written(0), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(written(1_714_564_800_500), "\"2024-05-01T12:00:00.5Z\"");
        assert_eq!(written(-1), "\"1969-12-31T23:59:59.999Z\"");
        assert_eq!(written(i64::MAX), "");
        assert_eq!(written(i64::MIN), "");
    }
}

//! Instants as text.

use std::io::Write as _;

use jiff::Timestamp;

use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

/// Some 35 characters at most, for a year such as -009999 with nanoseconds, and quotation marks.
const MAX_LENGTH: usize = 48;

/// Writes an instant as a string such as `"2024-05-01T12:00:00.5Z"` (RFC 3339). Returns false, and writes nothing, if it is before the
/// year -9999 or after 9999.
pub(super) fn write(json: &mut JsonWriter<'_>, seconds: i64, nanoseconds: i32) -> Result<bool, DecodeError> {
    write_part(json, seconds, nanoseconds, |text| Some(text))
}

/// Like [`write()`], only the date, such as `"2024-05-01"`.
pub(super) fn write_date(json: &mut JsonWriter<'_>, seconds: i64) -> Result<bool, DecodeError> {
    write_part(json, seconds, 0, |text| text.split(|byte| *byte == b'T').next())
}

/// Like [`write()`], only the time, such as `"12:00:00.5"`.
pub(super) fn write_time_of_day(
    json: &mut JsonWriter<'_>,
    seconds: i64,
    nanoseconds: i32,
) -> Result<bool, DecodeError> {
    write_part(json, seconds, nanoseconds, |text| text.split(|byte| *byte == b'T').nth(1)?.strip_suffix(b"Z"))
}

fn write_part(
    json: &mut JsonWriter<'_>,
    seconds: i64,
    nanoseconds: i32,
    part: impl Fn(&[u8]) -> Option<&[u8]>,
) -> Result<bool, DecodeError> {
    let Ok(instant) = Timestamp::new(seconds, nanoseconds) else { return Ok(false) };
    let mut text = [0; MAX_LENGTH];
    let mut rest = text.as_mut_slice();
    if write!(rest, "{instant}").is_err() {
        return Ok(false);
    }
    let written = MAX_LENGTH - rest.len();
    let Some(part) = part(&text[..written]) else { return Ok(false) };
    json.raw(b"\"")?;
    json.raw(part)?;
    json.raw(b"\"")?;
    Ok(true)
}

/// Like [`write()`], from the milliseconds since 1970 that Kafka counts.
pub(super) fn write_milliseconds(json: &mut JsonWriter<'_>, milliseconds: i64) -> Result<bool, DecodeError> {
    let nanoseconds = (milliseconds.rem_euclid(1000) * 1_000_000) as i32;
    write(json, milliseconds.div_euclid(1000), nanoseconds)
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

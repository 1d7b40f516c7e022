//! Message types whose JSON is not an object of their fields: those of `google/protobuf/*.proto`, and Confluent's decimals.

use std::fmt::Write as _;

use super::table::{Cardinality, Kind, Message};
use crate::time_text::{self, Fraction, TimeText};

/// How a message type is written as JSON; the numbers are indexes of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// An object of its fields.
    None,
    Timestamp {
        seconds: u32,
        nanos: u32,
    },
    Duration {
        seconds: u32,
        nanos: u32,
    },
    FieldMask {
        paths: u32,
    },
    /// A boxed scalar.
    Wrapper {
        value: u32,
    },
    Struct {
        fields: u32,
    },
    ListValue {
        values: u32,
    },
    /// Its fields are one oneof.
    Value,
    Any {
        type_url: u32,
        value: u32,
    },
    Empty,
    /// `confluent.type.Decimal`: the bytes of an integer, and how many of its digits are after the point.
    Decimal {
        value: u32,
        precision: Option<u32>,
        scale: u32,
    },
}

/// Recognizes a type by its name. One with other fields than the well-known type is an ordinary type.
pub(super) fn special(message: &Message, messages: &[Message]) -> Special {
    Shape { message, messages }.special().unwrap_or(Special::None)
}

struct Shape<'m> {
    message: &'m Message,
    messages: &'m [Message],
}

impl Shape<'_> {
    fn special(&self) -> Option<Special> {
        use Cardinality::{List, Single};
        let name = self.message.full_name.as_str();
        if name == "confluent.type.Decimal" {
            // The number of `scale` differs between versions of the file.
            return Some(Special::Decimal {
                value: self.named("value", Kind::Bytes)?,
                precision: self.named("precision", Kind::Uint32),
                scale: self.named("scale", Kind::Int32)?,
            });
        }
        let wrapper = |kind| Some(Special::Wrapper { value: self.numbered(1, Single, kind)? });
        match name.strip_prefix("google.protobuf.")? {
            "Timestamp" => Some(Special::Timestamp {
                seconds: self.numbered(1, Single, Kind::Int64)?,
                nanos: self.numbered(2, Single, Kind::Int32)?,
            }),
            "Duration" => Some(Special::Duration {
                seconds: self.numbered(1, Single, Kind::Int64)?,
                nanos: self.numbered(2, Single, Kind::Int32)?,
            }),
            "FieldMask" => Some(Special::FieldMask { paths: self.numbered(1, List, Kind::String)? }),
            "DoubleValue" => wrapper(Kind::Double),
            "FloatValue" => wrapper(Kind::Float),
            "Int64Value" => wrapper(Kind::Int64),
            "UInt64Value" => wrapper(Kind::Uint64),
            "Int32Value" => wrapper(Kind::Int32),
            "UInt32Value" => wrapper(Kind::Uint32),
            "BoolValue" => wrapper(Kind::Bool),
            "StringValue" => wrapper(Kind::String),
            "BytesValue" => wrapper(Kind::Bytes),
            "Struct" => {
                let index = self.message.by_number(1)?;
                let field = self.message.field(index);
                let Kind::Message(entry) = field.kind else { return None };
                let (key, value) = self.messages.get(entry as usize)?.entry_fields()?;
                let fits =
                    field.cardinality == Cardinality::Map && key.kind == Kind::String && self.is_value(value.kind);
                fits.then_some(Special::Struct { fields: index })
            }
            "ListValue" => {
                let index = self.message.by_number(1)?;
                let field = self.message.field(index);
                let fits = field.cardinality == List && self.is_value(field.kind);
                fits.then_some(Special::ListValue { values: index })
            }
            "Value" => {
                let first = self.message.fields.first()?.oneof;
                let fits = first.is_some()
                    && self.message.fields.len() == 6
                    && self.message.fields.iter().all(|field| field.oneof == first)
                    && [(2, Kind::Double), (3, Kind::String), (4, Kind::Bool)]
                        .iter()
                        .all(|(number, kind)| self.numbered(*number, Single, *kind).is_some());
                fits.then_some(Special::Value)
            }
            "Any" => Some(Special::Any {
                type_url: self.numbered(1, Single, Kind::String)?,
                value: self.numbered(2, Single, Kind::Bytes)?,
            }),
            "Empty" if self.message.fields.is_empty() => Some(Special::Empty),
            _ => None,
        }
    }

    fn numbered(&self, number: u32, cardinality: Cardinality, kind: Kind) -> Option<u32> {
        let index = self.message.by_number(number)?;
        let field = self.message.field(index);
        (field.cardinality == cardinality && field.kind == kind).then_some(index)
    }

    fn named(&self, name: &str, kind: Kind) -> Option<u32> {
        let index = self.message.by_name(name)?;
        let field = self.message.field(index);
        (field.cardinality == Cardinality::Single && field.kind == kind).then_some(index)
    }

    fn is_value(&self, kind: Kind) -> bool {
        let Kind::Message(index) = kind else { return false };
        self.messages.get(index as usize).is_some_and(|message| message.full_name == "google.protobuf.Value")
    }
}

/// The years 1 to 9999, as ProtoJSON requires.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const MAX_NANOS: i32 = 999_999_999;
/// About 10,000 years, as ProtoJSON requires.
const MAX_DURATION_SECONDS: i64 = 315_576_000_000;

/// `"2026-01-31T12:30:00.250Z"`; `None` if it is not in the years 1 to 9999.
pub(super) fn timestamp(seconds: i64, nanos: i32) -> Option<TimeText> {
    if !TIMESTAMP_SECONDS.contains(&seconds) || !(0..=MAX_NANOS).contains(&nanos) {
        return None;
    }
    time_text::instant(seconds, Fraction::in_thousands(nanos.unsigned_abs()))
}

/// `"-1.500s"`; `None` if it is more than 10,000 years. Different signs of seconds and nanoseconds are invalid, but their sum is
/// clear.
pub(super) fn duration(seconds: i64, nanos: i32) -> Option<TimeText> {
    if !(-MAX_DURATION_SECONDS..=MAX_DURATION_SECONDS).contains(&seconds) || !(-MAX_NANOS..=MAX_NANOS).contains(&nanos)
    {
        return None;
    }
    let (seconds, nanos) = match (seconds.signum(), nanos.signum()) {
        (-1, 1) => (seconds + 1, nanos - MAX_NANOS - 1),
        (1, -1) => (seconds - 1, nanos + MAX_NANOS + 1),
        _ => (seconds, nanos),
    };
    let mut text = TimeText::start();
    if seconds < 0 || nanos < 0 {
        text.push(b'-');
    }
    text.number(seconds.unsigned_abs());
    text.fraction(Fraction::in_thousands(nanos.unsigned_abs()));
    text.push(b's');
    Some(text.end())
}

/// Seconds and nanoseconds of an RFC 3339 time.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    // jiff also accepts a space, and a time without a zone.
    if !text.is_ascii() || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    let (seconds, nanos) = (timestamp.as_second(), timestamp.subsec_nanosecond());
    // jiff's nanoseconds have the sign of the seconds.
    let (seconds, nanos) = if nanos < 0 { (seconds - 1, nanos + MAX_NANOS + 1) } else { (seconds, nanos) };
    TIMESTAMP_SECONDS.contains(&seconds).then_some((seconds, nanos))
}

/// Seconds and nanoseconds of a duration such as `1.5s`.
pub(super) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let sign = if is_negative { -1 } else { 1 };
    (seconds <= MAX_DURATION_SECONDS).then_some((i64::from(sign) * seconds, sign * nanos))
}

/// `user_id` → `userId`; `None` if the name cannot be restored from that.
pub(super) fn to_camel_case(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut bytes = path.chars();
    while let Some(char) = bytes.next() {
        match char {
            '_' => camel.push(bytes.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase()),
            'A'..='Z' | ',' => return None,
            _ => camel.push(char),
        }
    }
    Some(camel)
}

/// `userId` → `user_id`; `None` if the text is not in camel case.
pub(super) fn to_snake_case(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 8);
    for char in path.chars() {
        match char {
            '_' => return None,
            'A'..='Z' => {
                let _ = write!(snake, "_{}", char.to_ascii_lowercase());
            }
            _ => snake.push(char),
        }
    }
    Some(snake)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: Option<TimeText>) -> Option<String> {
        text.map(|text| String::from_utf8(text.as_bytes().to_vec()).expect("ASCII").trim_matches('"').to_owned())
    }

    #[test]
    fn timestamps_of_every_day_agree_with_jiff() {
        let (first, last) = TIMESTAMP_SECONDS.into_inner();
        for seconds in (first..=last).step_by(7_654_321) {
            let written = text(timestamp(seconds, 0)).expect("in range");
            assert_eq!(written, jiff::Timestamp::from_second(seconds).expect("in range").to_string());
            assert_eq!(parse_timestamp(&written), Some((seconds, 0)), "{written}");
        }
        assert_eq!(text(timestamp(last, MAX_NANOS)).as_deref(), Some("9999-12-31T23:59:59.999999999Z"));
        assert_eq!(text(timestamp(first, 1_000)).as_deref(), Some("0001-01-01T00:00:00.000001Z"));
        assert_eq!(parse_timestamp("0001-01-01T00:00:00.000001Z"), Some((first, 1_000)));
        assert_eq!(parse_timestamp("1969-12-31T23:59:59.5Z"), Some((-1, 500_000_000)));
        assert_eq!(parse_timestamp("2026-01-01T02:00:00+02:00"), Some((1_767_225_600, 0)));
        assert!(
            timestamp(last + 1, 0).is_none() && timestamp(0, -1).is_none() && timestamp(0, MAX_NANOS + 1).is_none()
        );
        for invalid in ["", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-02-30T00:00:00Z", "x"] {
            assert_eq!(parse_timestamp(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn durations_are_read_as_they_were_written() {
        for (seconds, nanos, expected) in [
            (0, 0, "0s"),
            (1, 500_000_000, "1.500s"),
            (-1, -1, "-1.000000001s"),
            (0, -1_000, "-0.000001s"),
            (MAX_DURATION_SECONDS, MAX_NANOS, "315576000000.999999999s"),
        ] {
            assert_eq!(text(duration(seconds, nanos)).as_deref(), Some(expected));
            assert_eq!(parse_duration(expected), Some((seconds, nanos)));
        }
        assert_eq!(text(duration(1, -1)).as_deref(), Some("0.999999999s"));
        assert_eq!(text(duration(-2, 1)).as_deref(), Some("-1.999999999s"));
        assert!(duration(MAX_DURATION_SECONDS + 1, 0).is_none() && duration(0, MAX_NANOS + 1).is_none());
        for invalid in ["1", "s", ".5s", "1.s", "1.0000000001s", "+1s", "99999999999999999999s", "315576000001s"] {
            assert_eq!(parse_duration(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn paths_of_field_masks_can_be_restored() {
        assert_eq!(to_camel_case("user.first_name").as_deref(), Some("user.firstName"));
        assert_eq!(to_snake_case("user.firstName").as_deref(), Some("user.first_name"));
        for path in ["firstName", "first__name", "first_", "first_1", "a,b"] {
            assert_eq!(to_camel_case(path), None, "{path}");
        }
        assert_eq!(to_snake_case("first_name"), None);
    }
}

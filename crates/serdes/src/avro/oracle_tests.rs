//! Compares random schemas and values with a second implementation, `apache-avro`.

use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Days, Decimal, Duration, Millis, Months, Schema, Uuid};
use base64::Engine;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::AvroSchema;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::json_tree::Json;
use crate::json_writer::JsonWriter;

/// Random bytes that choose what comes next. Zeros, the smallest choices, follow after the last one.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// Small numbers as often as large ones.
    fn number(&mut self) -> i64 {
        let size = self.below(9);
        let bits = (0..size).fold(0_u64, |bits, _| bits << 8 | u64::from(self.byte()));
        if self.byte() & 1 == 1 { (bits as i64).wrapping_neg() } else { bits as i64 }
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(5)).map(|_| self.byte()).collect()
    }

    fn text(&mut self) -> String {
        const CHARS: [&str; 8] = ["a", "\"", "\\", "\n", "à", "我", "\u{1}", "/"];
        (0..self.below(5)).map(|_| CHARS[usize::from(self.below(8))]).collect()
    }
}

#[derive(Debug)]
enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Date,
    TimeMillis,
    TimeMicros,
    Timestamp { digits: usize, is_local: bool },
    Uuid(Option<usize>),
    Decimal { scale: usize, fixed: Option<(usize, usize)> },
    Fixed(usize, usize),
    Duration(usize),
    Enum(usize, u8),
    Record(usize, Vec<Shape>),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
}

impl Shape {
    /// `names` is the number of named types before.
    fn choose(choices: &mut Choices<'_>, depth: usize, names: &mut usize) -> Self {
        let mut name = || {
            *names += 1;
            *names
        };
        match choices.below(if depth < 4 { 23 } else { 18 }) {
            0 => Self::Null,
            1 => Self::Boolean,
            2 => Self::Int,
            3 => Self::Long,
            4 => Self::Float,
            5 => Self::Double,
            6 => Self::Bytes,
            7 => Self::String,
            8 => Self::Date,
            9 => Self::TimeMillis,
            10 => Self::TimeMicros,
            11 => Self::Timestamp { digits: 3 * (1 + usize::from(choices.below(3))), is_local: choices.below(2) == 1 },
            12 => Self::Uuid(Some(name()).filter(|_| choices.below(2) == 1)),
            13 => Self::Decimal { scale: usize::from(choices.below(30)), fixed: None },
            14 => Self::Decimal { scale: usize::from(choices.below(30)), fixed: Some((name(), 20)) },
            15 => Self::Fixed(name(), usize::from(choices.below(4))),
            16 => Self::Duration(name()),
            17 => Self::Enum(name(), 1 + choices.below(100)),
            18 | 19 => {
                let name = name();
                Self::Record(name, (0..choices.below(5)).map(|_| Self::choose(choices, depth + 1, names)).collect())
            }
            20 => Self::Array(Box::new(Self::choose(choices, depth + 1, names))),
            21 => Self::Map(Box::new(Self::choose(choices, depth + 1, names))),
            _ => match choices.below(2) {
                0 => match Self::choose(choices, depth + 1, names) {
                    union @ Self::Union(_) => union,
                    Self::Null => Self::Union(vec![Self::Null, Self::Int]),
                    other => Self::Union(vec![other, Self::Null]),
                },
                // Each has a JSON type of its own, so that no name is needed.
                _ => {
                    let name = name();
                    let record = Self::Record(name, vec![Self::choose(choices, depth + 1, names)]);
                    let items = Box::new(Self::choose(choices, depth + 1, names));
                    Self::Union(vec![Self::Null, Self::Boolean, Self::Long, Self::String, record, Self::Array(items)])
                }
            },
        }
    }

    fn schema(&self) -> serde_json::Value {
        let logical = |name: &str, logical: &str| json!({"type": name, "logicalType": logical});
        let fixed = |name: &usize, size: &usize| json!({"type": "fixed", "name": format!("N{name}"), "size": size});
        match self {
            Self::Null => json!("null"),
            Self::Boolean => json!("boolean"),
            Self::Int => json!("int"),
            Self::Long => json!({"type": "long"}),
            Self::Float => json!("float"),
            Self::Double => json!("double"),
            Self::Bytes => json!("bytes"),
            Self::String => json!({"type": "string", "avro.java.string": "String"}),
            Self::Date => logical("int", "date"),
            Self::TimeMillis => logical("int", "time-millis"),
            Self::TimeMicros => logical("long", "time-micros"),
            Self::Timestamp { digits, is_local } => {
                let unit = ["millis", "micros", "nanos"][digits / 3 - 1];
                logical("long", &format!("{}timestamp-{unit}", if *is_local { "local-" } else { "" }))
            }
            Self::Uuid(None) => logical("string", "uuid"),
            Self::Uuid(Some(name)) => {
                json!({"type": "fixed", "name": format!("N{name}"), "size": 16, "logicalType": "uuid"})
            }
            Self::Decimal { scale, fixed: None } => {
                json!({"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": scale})
            }
            Self::Decimal { scale, fixed: Some((name, size)) } => json!({
                "type": "fixed", "name": format!("N{name}"), "size": size,
                "logicalType": "decimal", "precision": 40, "scale": scale,
            }),
            Self::Fixed(name, size) => fixed(name, size),
            Self::Duration(name) => {
                json!({"type": "fixed", "name": format!("N{name}"), "size": 12, "logicalType": "duration"})
            }
            Self::Enum(name, count) => {
                let symbols: Vec<String> = (0..*count).map(|index| format!("S{index}")).collect();
                json!({"type": "enum", "name": format!("N{name}"), "symbols": symbols})
            }
            Self::Record(name, fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(|(index, field)| json!({"name": format!("f{index}"), "type": field.schema()}))
                    .collect();
                json!({"type": "record", "name": format!("N{name}"), "namespace": "com.acme", "fields": fields})
            }
            Self::Array(items) => json!({"type": "array", "items": items.schema()}),
            Self::Map(values) => json!({"type": "map", "values": values.schema()}),
            Self::Union(branches) => branches.iter().map(Self::schema).collect(),
        }
    }

    /// A value, and the JSON that is expected for it.
    fn value(&self, choices: &mut Choices<'_>) -> (Value, String) {
        let base64 = |bytes: &[u8]| format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(bytes));
        match self {
            Self::Null => (Value::Null, "null".to_owned()),
            Self::Boolean => {
                let value = choices.below(2) == 1;
                (Value::Boolean(value), value.to_string())
            }
            Self::Int => {
                let value = choices.number() as i32;
                (Value::Int(value), value.to_string())
            }
            Self::Long => {
                let value = choices.number();
                (Value::Long(value), value.to_string())
            }
            Self::Float => {
                let value =
                    Some(f32::from_bits(choices.number() as u32)).filter(|value| value.is_finite()).unwrap_or(0.1);
                (Value::Float(value), ryu::Buffer::new().format_finite(value).to_owned())
            }
            Self::Double => {
                let value =
                    Some(f64::from_bits(choices.number() as u64)).filter(|value| value.is_finite()).unwrap_or(0.1);
                (Value::Double(value), ryu::Buffer::new().format_finite(value).to_owned())
            }
            Self::Bytes => {
                let value = choices.bytes();
                let json = base64(&value);
                (Value::Bytes(value), json)
            }
            Self::String => {
                let value = choices.text();
                let json = json!(value).to_string();
                (Value::String(value), json)
            }
            Self::Date => {
                let days = (choices.number() % 700_000) as i32;
                let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
                (Value::Date(days), format!("\"{date}\""))
            }
            Self::TimeMillis => {
                let time = (choices.number().unsigned_abs() % 86_400_000) as i64;
                (Value::TimeMillis(time as i32), format!("\"{:.3}\"", time_of_day(time * 1_000_000)))
            }
            Self::TimeMicros => {
                let time = (choices.number().unsigned_abs() % 86_400_000_000) as i64;
                (Value::TimeMicros(time), format!("\"{:.6}\"", time_of_day(time * 1000)))
            }
            Self::Timestamp { digits, is_local } => timestamp(*digits, *is_local, choices.number()),
            Self::Uuid(_) => {
                let uuid = Uuid::from_u128(u128::from(choices.number() as u64) << 64 | u128::from(choices.byte()));
                (Value::Uuid(uuid), format!("\"{uuid}\""))
            }
            Self::Decimal { scale, fixed } => {
                let unscaled = i128::from(choices.number()) * i128::from(choices.number());
                let mut bytes = unscaled.to_be_bytes().to_vec();
                if let Some((_, size)) = fixed {
                    let sign = if unscaled < 0 { 0xff } else { 0 };
                    bytes.splice(0..0, std::iter::repeat_n(sign, size - 16));
                }
                let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let sign = if unscaled < 0 { "-" } else { "" };
                let point = if *scale > 0 { "." } else { "" };
                (Value::Decimal(Decimal::from(bytes)), format!("{sign}{whole}{point}{fraction}"))
            }
            Self::Fixed(_, size) => {
                let bytes: Vec<u8> = (0..*size).map(|_| choices.byte()).collect();
                let json = base64(&bytes);
                (Value::Fixed(*size, bytes), json)
            }
            Self::Duration(_) => {
                let (months, days, millis) = (choices.number() as u32, choices.byte(), choices.byte());
                let value = Duration::new(Months::new(months), Days::new(days.into()), Millis::new(millis.into()));
                let text = super::time::duration_text(months, days.into(), millis.into());
                (Value::Duration(value), String::from_utf8_lossy(text.as_bytes()).into_owned())
            }
            Self::Enum(_, count) => {
                let index = choices.below(*count);
                (Value::Enum(index.into(), format!("S{index}")), format!("\"S{index}\""))
            }
            Self::Record(_, fields) => {
                let (values, members): (Vec<_>, Vec<_>) = fields
                    .iter()
                    .enumerate()
                    .map(|(index, field)| {
                        let (value, json) = field.value(choices);
                        ((format!("f{index}"), value), format!("\"f{index}\":{json}"))
                    })
                    .unzip();
                (Value::Record(values), format!("{{{}}}", members.join(",")))
            }
            Self::Array(items) => {
                let (values, items): (Vec<_>, Vec<_>) = (0..choices.below(4)).map(|_| items.value(choices)).unzip();
                (Value::Array(values), format!("[{}]", items.join(",")))
            }
            // Maps of apache-avro have no order.
            Self::Map(_) if choices.below(3) == 0 => (Value::Map([].into()), "{}".to_owned()),
            Self::Map(values) => {
                let key = choices.text();
                let (value, json) = values.value(choices);
                let member = format!("{{{}:{json}}}", json!(key));
                (Value::Map([(key, value)].into()), member)
            }
            Self::Union(branches) => {
                let index = choices.below(branches.len() as u8);
                let (value, json) = branches[usize::from(index)].value(choices);
                (Value::Union(index.into(), Box::new(value)), json)
            }
        }
    }
}

fn remove_logical_types(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(members) => {
            members
                .retain(|name, _| !matches!(name.as_str(), "logicalType" | "precision" | "scale" | "avro.java.string"));
            members.values_mut().for_each(remove_logical_types);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(remove_logical_types),
        _ => {}
    }
}

fn time_of_day(nanos: i64) -> jiff::civil::Time {
    jiff::civil::Time::midnight().wrapping_add(jiff::Span::new().nanoseconds(nanos))
}

fn timestamp(digits: usize, is_local: bool, number: i64) -> (Value, String) {
    let limit = 200_000_000_000_i64.saturating_mul(10_i64.pow(digits as u32 - 3)) / 4 * 5;
    let value = number % limit.max(1_000_000);
    let timestamp = match digits {
        3 => Timestamp::from_millisecond(value),
        6 => Timestamp::from_microsecond(value),
        _ => Timestamp::from_nanosecond(value.into()),
    }
    .expect("in range");
    let text = format!("{timestamp:.digits$}");
    let text = if is_local { text.trim_end_matches('Z') } else { &text };
    let value = match (digits, is_local) {
        (3, false) => Value::TimestampMillis(value),
        (6, false) => Value::TimestampMicros(value),
        (_, false) => Value::TimestampNanos(value),
        (3, true) => Value::LocalTimestampMillis(value),
        (6, true) => Value::LocalTimestampMicros(value),
        (_, true) => Value::LocalTimestampNanos(value),
    };
    (value, format!("\"{text}\""))
}

fn decoded(schema: &AvroSchema, body: &[u8], limit: usize) -> (Vec<u8>, Result<(), DecodeError>) {
    let mut text = Vec::new();
    let result = schema.decode(body, &mut JsonWriter::new(&mut text, limit));
    (text, result)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn values_are_read_and_written_like_apache_avro(choices in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut choices = Choices(&choices);
        let shape = Shape::choose(&mut choices, 0, &mut 0);
        let text = shape.schema().to_string();
        let (value, expected) = shape.value(&mut choices);
        let schema = AvroSchema::parse(&text, &[]).expect(&text);
        let oracle = Schema::parse_str(&text).expect(&text);

        let writer = GenericDatumWriter::builder(&oracle).build().expect("a writer");
        let body = writer.write_value_to_vec(value.clone()).expect("the value has the schema");
        let (json, result) = decoded(&schema, &body, 1 << 20);
        prop_assert_eq!(result, Ok(()), "{} {:?}", text, value);
        let json = String::from_utf8(json).expect("UTF-8");
        // The texts of numbers must be the same, escapes of strings need not.
        prop_assert_eq!(Json::parse(&json), Json::parse(&expected), "{}", text);

        let encoded = schema.encode(&json);
        prop_assert!(encoded.is_ok(), "{:?} {} {}", encoded, text, json);
        let encoded = encoded.expect("checked");
        let reader = GenericDatumReader::builder(&oracle).build().expect("a reader");
        let read = reader.read_value(&mut encoded.as_slice());
        prop_assert_eq!(read.expect("it is read"), value, "{} {}", text, json);

        // Logical types are no part of the canonical form, but apache-avro keeps some of their attributes.
        let mut plain = shape.schema();
        remove_logical_types(&mut plain);
        let fingerprint = Schema::parse_str(&plain.to_string()).expect("a schema").fingerprint::<Rabin>().bytes;
        prop_assert_eq!(schema.fingerprint().to_le_bytes().to_vec(), fingerprint, "{}", text);
    }

    #[test]
    fn examples_are_encodable(choices in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = Shape::choose(&mut Choices(&choices), 0, &mut 0).schema().to_string();
        let schema = AvroSchema::parse(&text, &[]).expect(&text);
        let example = schema.example();
        let encoded = schema.encode(&example);
        prop_assert!(encoded.is_ok(), "{:?} {} {}", encoded, text, example);
    }

    #[test]
    fn damaged_bytes_are_refused_within_the_limit(
        choices in prop::collection::vec(any::<u8>(), 0..200),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        body in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        limit in 0_usize..1000,
    ) {
        let mut choices = Choices(&choices);
        let shape = Shape::choose(&mut choices, 0, &mut 0);
        let text = shape.schema().to_string();
        let schema = AvroSchema::parse(&text, &[]).expect(&text);
        let oracle = Schema::parse_str(&text).expect(&text);
        let writer = GenericDatumWriter::builder(&oracle).build().expect("a writer");
        let valid = writer.write_value_to_vec(shape.value(&mut choices).0).expect("the value has the schema");
        let mut body = body.unwrap_or(valid);
        for (at, byte) in damage {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        let (json, result) = decoded(&schema, &body, limit);
        prop_assert!(json.len() <= limit);
        match result {
            Ok(()) => prop_assert!(Json::parse(&String::from_utf8(json).expect("UTF-8")).is_ok()),
            Err(error) => {
                prop_assert!(matches!(error.code, DecodeErrorCode::Malformed | DecodeErrorCode::TooLarge));
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}

//! Random messages, compared with prost-reflect's own ProtoJSON.

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, SerializeOptions, Value};

use super::*;

const RICH: &str = r#"
syntax = "proto3"; package p;
import "google/protobuf/any.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto"; import "old.proto";
message Rich {
    double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6; sint32 s32 = 7; sint64 s64 = 8;
    fixed32 x32 = 9; fixed64 x64 = 10; sfixed32 y32 = 11; sfixed64 y64 = 12; bool flag = 13; string text_value = 14; bytes raw = 15;
    Color color = 16;
    optional double od = 17; optional int64 oi = 18; optional string ot = 19; optional Color oc = 20; optional bytes ob = 21;
    repeated double ld = 22; repeated float lf = 23; repeated sint64 li = 24; repeated string lt = 25; repeated Color lc = 26;
    repeated bool lb = 27 [packed = false]; repeated fixed32 lx = 28; repeated bytes lr = 29; repeated Rich lm = 30;
    Rich again = 31; Flat flat = 32;
    map<string, int64> ms = 33; map<int32, string> mi = 34; map<bool, Rich> mb = 35; map<fixed64, Color> mx = 36;
    map<sint32, bytes> mz = 37; map<uint64, double> mu = 38; map<string, google.protobuf.Value> mv = 39;
    oneof choice { int32 c1 = 40; string c2 = 41; Flat c3 = 42; Rich c4 = 43; }
    google.protobuf.Timestamp time = 44; google.protobuf.Duration duration = 45; google.protobuf.FieldMask mask = 46;
    google.protobuf.Struct st = 47; google.protobuf.Value va = 48; google.protobuf.ListValue lv = 49;
    google.protobuf.Int64Value wi = 50; google.protobuf.StringValue ws = 51; google.protobuf.BytesValue wb = 52;
    google.protobuf.BoolValue wo = 53; google.protobuf.UInt64Value wu = 54; google.protobuf.UInt32Value wv = 55;
    google.protobuf.Empty empty = 56; google.protobuf.NullValue null = 57; google.protobuf.Any any = 58;
    repeated google.protobuf.Timestamp times = 59; Old old = 60; sint32 far = 100000; int32 named = 61 [json_name = "other \"name\""];
}
enum Color { NONE = 0; RED = 1; GREEN = 5; DARK = -3; }
"#;

const OLD: &str = r#"
syntax = "proto2"; package p;
message Flat { optional int32 a = 3 [default = 5]; optional string b = 1; repeated int64 c = 2; repeated sint32 d = 4 [packed = true];
    optional Flat e = 6; optional Level level = 5; }
message Old { optional group One = 1 { optional int32 x = 1; optional Old old = 2; } repeated group Many = 3 { optional string y = 1; }
    optional Level level = 4 [default = HIGH]; map<string, Level> levels = 5; extensions 100 to 200; }
enum Level { LOW = 1; HIGH = 2; }
extend Old { optional Flat flat_extension = 100; repeated int32 list_extension = 101; }
"#;

struct Types {
    pool: DescriptorPool,
    schema: ProtobufSchema,
}

fn types() -> &'static Types {
    static TYPES: std::sync::LazyLock<Types> = std::sync::LazyLock::new(|| {
        let compiled = source::compile(RICH, &[("old.proto", OLD)]).expect("a valid schema");
        Types { schema: ProtobufSchema::new(&compiled), pool: compiled.pool }
    });
    &TYPES
}

/// Bytes that decide everything about a message; then zeros.
struct Entropy<'e>(&'e [u8]);

impl Entropy<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Small numbers, the limits, and any other numbers.
    fn number(&mut self) -> u64 {
        match self.byte() % 8 {
            0 => 0,
            1 | 2 => u64::from(self.byte()),
            3 => u64::MAX,
            4 => i64::MIN.cast_unsigned(),
            5 => u64::from(u32::MAX / 2) + u64::from(self.byte() % 3),
            _ => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
        }
    }

    fn text(&mut self) -> String {
        let count = self.byte() % 5;
        (0..count)
            .map(|_| ['a', 'B', '_', '"', '\\', '\n', '\u{1}', 'à', '我', '😀', '.'][usize::from(self.byte()) % 11])
            .collect()
    }

    fn message(&mut self, message: MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut dynamic = DynamicMessage::new(message.clone());
        let fields: Vec<FieldDescriptor> = message.fields().collect();
        match message.full_name() {
            "google.protobuf.Timestamp" => {
                let seconds = (self.number() % 315_537_897_600).cast_signed() - 62_135_596_800;
                dynamic.set_field_by_name("seconds", Value::I64(seconds));
                dynamic.set_field_by_name("nanos", Value::I32((self.number() % 1_000_000_000) as i32));
                return dynamic;
            }
            "google.protobuf.FieldMask" => {
                let path = || Value::String("first_name.x".to_owned());
                dynamic.set_field_by_name("paths", Value::List((0..self.byte() % 3).map(|_| path()).collect()));
                return dynamic;
            }
            "google.protobuf.Any" => {
                let inner = self.message(types().pool.get_message_by_name("p.Flat").expect("Flat"), depth + 1);
                dynamic.set_field_by_name("type_url", Value::String("x/p.Flat".to_owned()));
                dynamic.set_field_by_name("value", Value::Bytes(inner.encode_to_vec().into()));
                return dynamic;
            }
            _ => {}
        }
        if fields.is_empty() || depth > 6 {
            return dynamic;
        }
        for _ in 0..self.byte() % 12 {
            let field = &fields[usize::from(self.byte()) % fields.len()];
            let value = if field.is_list() {
                Value::List((0..self.byte() % 4).map(|_| self.value(&field.kind(), depth)).collect())
            } else if let Kind::Message(entry) = field.kind()
                && field.is_map()
            {
                let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
                Value::Map((0..self.byte() % 4).map(|_| (self.key(&key), self.value(&value, depth))).collect())
            } else {
                self.value(&field.kind(), depth)
            };
            dynamic.set_field(field, value);
        }
        for extension in message.extensions() {
            if self.byte() % 4 == 1 {
                let value = match extension.is_list() {
                    true => Value::List((0..self.byte() % 4).map(|_| self.value(&extension.kind(), depth)).collect()),
                    false => self.value(&extension.kind(), depth),
                };
                dynamic.set_extension(&extension, value);
            }
        }
        dynamic
    }

    fn key(&mut self, kind: &Kind) -> MapKey {
        match self.value(kind, 0) {
            Value::Bool(value) => MapKey::Bool(value),
            Value::I32(value) => MapKey::I32(value),
            Value::I64(value) => MapKey::I64(value),
            Value::U32(value) => MapKey::U32(value),
            Value::U64(value) => MapKey::U64(value),
            Value::String(value) => MapKey::String(value),
            other => panic!("{other:?} as a key"),
        }
    }

    fn value(&mut self, kind: &Kind, depth: usize) -> Value {
        let number = self.number();
        match kind {
            Kind::Double => {
                Value::F64(if number.is_multiple_of(2) { f64::from_bits(number) } else { number as f64 / 10.0 })
            }
            Kind::Float => {
                Value::F32(if number.is_multiple_of(2) { f32::from_bits(number as u32) } else { number as f32 / 10.0 })
            }
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number.cast_signed()),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(number),
            Kind::Bool => Value::Bool(number % 2 == 1),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.text().into_bytes().into()),
            Kind::Enum(_) => Value::EnumNumber((number % 10) as i32 - 3),
            Kind::Message(message) => Value::Message(self.message(message.clone(), depth + 1)),
        }
    }
}

/// prost-reflect's JSON; `None` for values that it cannot write.
fn reference(dynamic: &DynamicMessage) -> Option<serde_json::Value> {
    let options = SerializeOptions::new().stringify_64_bit_integers(false).skip_default_fields(false);
    let mut text = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options).ok()?;
    Some(parsed(std::str::from_utf8(&text).expect("JSON is UTF-8")))
}

/// prost writes a wrong sign if seconds and nanoseconds have different signs.
fn without_signs_of_durations(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value::{Array, Object, String};
    match json {
        String(text) if text.ends_with('s') => String(text.trim_start_matches('-').to_owned()),
        Array(list) => Array(list.into_iter().map(without_signs_of_durations).collect()),
        Object(map) => Object(map.into_iter().map(|(name, value)| (name, without_signs_of_durations(value))).collect()),
        other => other,
    }
}

fn parsed(json: &str) -> serde_json::Value {
    protocol::from_json(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn check(name: &str, body: &[u8]) -> Result<(), TestCaseError> {
    let message = types().schema.by_name(name).expect(name);
    let descriptor = types().pool.get_message_by_name(name).expect(name);
    let json = decoded(&message, body);
    let dynamic = match DynamicMessage::decode(descriptor.clone(), body) {
        Ok(dynamic) => dynamic,
        Err(error) => {
            prop_assert!(json.is_err(), "{body:?}: {error}: {json:?}");
            return Ok(());
        }
    };
    let json = match json {
        Ok(json) => json,
        Err(error) => {
            // prost does not read the bytes of an Any, has another limit for the depth, and ignores the wire type of map entries.
            let is_expected = error.code == DecodeErrorCode::TooLarge
                || error.message.contains("Entry needs Length")
                || error.message.contains("without its start")
                || reference(&dynamic).is_none();
            prop_assert!(is_expected, "{body:?}: {error}");
            return Ok(());
        }
    };
    // Paths that cannot be restored from camel case, for example empty ones, are written differently.
    if let Some(expected) = reference(&dynamic).filter(|_| !json.contains("\"paths\":[")) {
        let (ours, theirs) = (without_signs_of_durations(parsed(&json)), without_signs_of_durations(expected));
        prop_assert_eq!(ours, theirs, "{:?}", body);
    }
    // What was decoded can be encoded, and is then the same.
    let written = message.encode(&json).map_err(|error| TestCaseError::fail(format!("{body:?}: {json}: {error}")))?;
    prop_assert_eq!(decoded(&message, &written).ok(), Some(json), "{:?}", body);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_messages_agree_with_prost_reflect(a in proptest::collection::vec(any::<u8>(), 0..400), b in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in ["p.Rich", "p.Old"] {
            let descriptor = types().pool.get_message_by_name(name).expect(name);
            let a = Entropy(&a).message(descriptor.clone(), 0).encode_to_vec();
            let b = Entropy(&b).message(descriptor, 0).encode_to_vec();
            check(name, &a)?;
            // Protobuf merges concatenated messages.
            check(name, &[a, b].concat())?;
        }
    }

    #[test]
    fn encoded_bytes_are_those_of_prost_reflect(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let descriptor = types().pool.get_message_by_name("p.Flat").expect("Flat");
        let dynamic = Entropy(&bytes).message(descriptor, 0);
        let message = types().schema.by_name("p.Flat").expect("Flat");
        let body = dynamic.encode_to_vec();
        let json = decoded(&message, &body).expect("valid");
        prop_assert_eq!(message.encode(&json).expect("valid"), body, "{}", json);
    }

    #[test]
    fn mutated_messages_agree_with_prost_reflect(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let descriptor = types().pool.get_message_by_name("p.Rich").expect("Rich");
        let mut body = Entropy(&bytes).message(descriptor, 0).encode_to_vec();
        for (index, byte, action) in mutations {
            if body.is_empty() {
                break;
            }
            let at = index.index(body.len());
            match action {
                0 => body[at] = byte,
                1 => _ = body.remove(at),
                _ => body.insert(at, byte),
            }
        }
        check("p.Rich", &body)?;
    }

    #[test]
    fn random_bytes_agree_with_prost_reflect(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        check("p.Rich", &body)?;
        check("p.Old", &body)?;
    }

    #[test]
    fn random_json_is_encoded_or_refused(json in r#"[\{\}\[\]",:0-9a-d.eE\-@ ]{0,40}"#) {
        let _ = types().schema.by_name("p.Rich").expect("Rich").encode(&json);
    }

    #[test]
    fn mutated_schemas_are_compiled_or_refused(
        start in 0..RICH.len(), end in 0..RICH.len(), insert in "[a-z0-9 =;{}\\[\\]<>(),.\"']{0,6}",
        old in any::<bool>(), descriptor in any::<bool>(),
    ) {
        let text = if old { OLD } else { RICH };
        let (start, end) = (start.min(end).min(text.len()), start.max(end).min(start.min(end) + 40).min(text.len()));
        let mutated = format!("{}{insert}{}", &text[..start], &text[end..]);
        if descriptor {
            use prost_reflect::prost_types::FileDescriptorProto;
            let file = types().pool.get_file_by_name("old.proto").expect("old.proto");
            let mut bytes = FileDescriptorProto::encode_to_vec(file.file_descriptor_proto());
            let at = start % bytes.len();
            bytes.splice(at..(at + 3).min(bytes.len()), insert.bytes());
            let _ = ProtobufSchema::from_descriptor_set(&bytes);
        } else {
            let _ = ProtobufSchema::parse(&mutated, &[("old.proto", OLD)]);
        }
    }
}

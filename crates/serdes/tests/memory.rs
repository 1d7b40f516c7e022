//! The memory of decoders for values that are made to need much of it: deep nesting, huge lengths and counts, and values that grow when they
//! are decompressed.
//!
//! A decoder may allocate 16 bytes for each byte of the value and its schema, 64 KiB, and the JSON up to its limit. Decompressed values are
//! beside the JSON in memory, with a limit of their own. The allocator does not see the window of zstd, which is allocated in C and at most 8 MiB.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use protocol::RecordFormat;
use serdes::formats::wire::Part;
use serdes::formats::{cbor, compressed, json, message_pack, xml};
use serdes::protobuf::ProtobufSchema;
use serdes::{AvroSchema, DecodeError, Decoder, Field, JsonWriter};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// For each byte of the value and its schema.
const BYTES_PER_BYTE: usize = 16;
const CONSTANT: usize = 64 * 1024;

const LIMITS: [usize; 2] = [64 * 1024, 4 << 20];

/// The allocator counts for all threads, so that only one test may run at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most memory that was allocated at a time during the call, beside what was allocated before.
fn peak<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = call();
    (result, ALLOCATOR.peak_usage().saturating_sub(before))
}

/// The start of a value, for the messages of tests.
fn start(value: &[u8]) -> &[u8] {
    &value[..value.len().min(24)]
}

/// Decodes with several limits. `schema`: the size of the schema.
#[track_caller]
fn check(what: &str, schema: usize, value: &[u8], decode: impl Fn(&mut JsonWriter<'_>) -> Result<(), DecodeError>) {
    for limit in LIMITS {
        // The JSON has its memory already, so that only that of the decoder is measured.
        let mut text = Vec::with_capacity(limit);
        let (result, peak) = peak(|| decode(&mut JsonWriter::new(&mut text, limit)));
        let allowed = BYTES_PER_BYTE * (value.len() + schema) + CONSTANT;
        let length = value.len();
        assert!(peak <= allowed, "{what}: {peak} bytes for {length} bytes {:02x?}: {result:?}", start(value));
        assert_eq!(text.capacity(), limit, "{what}: more JSON than the limit for {:02x?}", start(value));
        let mut text = Vec::new();
        let _ = decode(&mut JsonWriter::new(&mut text, limit));
        assert!(text.capacity() <= limit, "{what}: memory for {} bytes for {:02x?}", text.capacity(), start(value));
    }
}

/// A value, and `count` times a part of it.
fn repeated(before: &[u8], part: &[u8], count: usize, after: &[u8]) -> Vec<u8> {
    [before, &part.repeat(count), after].concat()
}

#[test]
fn json_needs_no_memory() {
    let _alone = alone();
    for value in [
        "[".repeat(100_000),
        "{\"a\":".repeat(50_000),
        format!("\"{}\"", "\\u00e0\\\"".repeat(20_000)),
        format!("[{}1]", "1e999,".repeat(20_000)),
        format!("{{{}\"a\":1}}", "\"a\":[],".repeat(20_000)),
        "9".repeat(100_000),
    ] {
        check("json", 0, value.as_bytes(), |json| json::decode(value.as_bytes(), json));
    }
}

#[test]
fn message_pack_allocates_no_stated_length() {
    let _alone = alone();
    let half = 40_000;
    let mut values = vec![
        vec![0x91; 100_000],
        vec![0x81; 100_000],
        repeated(&[0xdd, 0, 1, 0x86, 0xa0], &[0xd4, 5, 0], 100_000, &[]),
        // A key that is an array of booleans, and one of numbers.
        repeated(&[0x81, 0xdd, 0, 1, 0x86, 0xa0], &[0xc2], 100_000, &[0xc0]),
        repeated(&[0x81, 0xdd, 0, 0, 0x9c, 0x40], &[0xca, 0x7f, 0x7f, 0xff, 0xff], half, &[0xc0]),
        repeated(&[0x81, 0xdd, 0, 0, 0x9c, 0x40], &[0xa1, b'"'], half, &[0xc0]),
        repeated(&[0xdf, 0, 0, 0x9c, 0x40], &[0x91, 0xc0, 0xc0], half, &[]),
    ];
    for kind in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        values.push(vec![kind, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        values.push(vec![kind, 0x7f, 0xff, 0xff, 0xff, 0xc0]);
    }
    for value in values {
        check("message pack", 0, &value, |json| message_pack::decode(&value, json));
    }
}

#[test]
fn cbor_allocates_no_stated_length() {
    let _alone = alone();
    let half = 40_000;
    let array = [0x9a, 0, 0, 0x9c, 0x40];
    let mut values = vec![
        vec![0x81; 100_000],
        vec![0x9f; 100_000],
        vec![0xbf; 100_000],
        vec![0xc1; 100_000],
        // Strings of many chunks.
        repeated(&[0x5f], &[0x41, 0], 100_000, &[0xff]),
        repeated(&[0x7f], &[0x61, b'"'], 100_000, &[0xff]),
        repeated(&[0x5f], &[0x40], 100_000, &[0xff]),
        // Large integers and decimals.
        repeated(&array, &[0xc2, 0x41, 1], half, &[]),
        repeated(&array, &[0xc4, 0x82, 0x38, 0x3f, 1], half, &[]),
        [&[0xc2, 0x59, 4, 0][..], &[0xff; 1024]].concat(),
        [&[0xc3, 0x5a, 0, 1, 0, 0][..], &[0xff; 0x1_0000]].concat(),
        // Keys that are arrays: of numbers with many digits, of simple values, and of texts with escapes.
        repeated(&[&[0xa1][..], &array].concat(), &[0xf9, 0, 1], half, &[0]),
        repeated(&[&[0xa1][..], &array].concat(), &[0xe0], half, &[0]),
        repeated(&[&[0xa1][..], &array].concat(), &[0x61, b'"'], half, &[0]),
        repeated(&[0xba, 0, 0, 0x9c, 0x40], &[0x81, 0xf6, 0xf6], half, &[]),
    ];
    for kind in [0x5b, 0x7b, 0x9b, 0xbb] {
        values.push(repeated(&[kind], &[0xff], 8, &[0, 0]));
        values.push(vec![kind, 0, 0, 0, 1, 0, 0, 0, 0, 0xf6]);
    }
    for value in values {
        check("cbor", 0, &value, |json| cbor::decode(&value, json));
    }
}

#[test]
fn xml_keeps_little_beside_its_text() {
    let _alone = alone();
    for value in [
        "<a>".repeat(50_000),
        format!("<a>{}</a>", "<b/>".repeat(50_000)),
        format!("<a>{}</a>", "x<b/>".repeat(50_000)),
        format!("<a>{}</a>", "&b;".repeat(50_000)),
        format!("<a>{}</a>", "<b></b>".repeat(30_000)),
        format!("<a{}/>", (0..30_000).map(|i| format!(" a{i}=''")).collect::<String>()),
        format!("<a {}/>", "a='' ".repeat(30_000)),
        format!("<!DOCTYPE a [{}]><a>&b;</a>", "<!ENTITY b \"&b;&b;\">".repeat(5_000)),
        format!("{}<a/>", "<?p?>".repeat(30_000)),
        format!("<{}/>", "a".repeat(100_000)),
    ] {
        check("xml", 0, value.as_bytes(), |json| xml::decode(value.as_bytes(), json));
    }
}

/// A variable-length integer of Avro.
fn long(number: i64) -> Vec<u8> {
    let mut rest = (number << 1 ^ number >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

#[test]
fn avro_allocates_no_stated_length() {
    let _alone = alone();
    let many = 50_000;
    let array_of = |items: &str| format!(r#"{{"type":"array","items":{items}}}"#);
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":2000,"scale":1000}"#;
    let big_decimal = r#"{"type":"bytes","logicalType":"big-decimal"}"#;
    let list = r#"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"]}]}"#;
    let tree = r#"{"type":"record","name":"Tree","fields":[{"name":"trees","type":{"type":"map","values":"Tree"}}]}"#;
    let long_names = format!(r#"{{"type":"enum","name":"E","symbols":["{}"]}}"#, "x".repeat(1000));
    let filled = |item: &[u8]| repeated(&long(many as i64), item, many, &[0]);
    for (schema, values) in [
        (array_of("\"null\""), vec![long(i64::MAX), long(i64::MIN), [long(1 << 40), vec![0]].concat()]),
        (array_of("\"long\""), vec![long(i64::MAX), [long(-1), long(i64::MAX)].concat(), filled(&[1])]),
        ("\"bytes\"".to_owned(), vec![long(i64::MAX), long(-1), [long(100_000), vec![7; 100_000]].concat()]),
        ("\"string\"".to_owned(), vec![long(1 << 40), [long(50_000), vec![b'"'; 50_000]].concat()]),
        (
            array_of(decimal),
            vec![filled(&[2, 1]), repeated(&long(60), &[&long(1024)[..], &[0x55; 1024]].concat(), 60, &[0])],
        ),
        (array_of(big_decimal), vec![filled(&[8, 2, 1, 0xbe, 1]), filled(&[8, 2, 1, 0xff, 0x7f])]),
        (list.to_owned(), vec![long(1).repeat(100_000)]),
        (tree.to_owned(), vec![[2, 2, b'a'].repeat(50_000), repeated(&long(many as i64), &[2, b'a', 0], many, &[0])]),
        (array_of(&long_names), vec![filled(&[0])]),
        (array_of(r#"{"type":"long","logicalType":"timestamp-micros"}"#), vec![filled(&[2])]),
        (array_of(r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#), vec![filled(&[0xff; 12])]),
    ] {
        let compiled = AvroSchema::parse(&schema, &[]).expect("a valid schema");
        for value in values {
            check(&schema[..schema.len().min(80)], schema.len(), &value, |json| compiled.decode(&value, json));
        }
    }
}

/// A field of Protobuf whose value begins with its length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut length = value.len();
    let mut bytes = vec![number << 3 | 2];
    while length >= 0x80 {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn protobuf_allocates_no_stated_length() {
    let _alone = alone();
    let text = r#"syntax = "proto3";
        import "google/protobuf/any.proto"; import "google/protobuf/struct.proto"; import "confluent/type/decimal.proto";
        import "google/protobuf/field_mask.proto";
        message M { int32 a = 1; map<int32, int32> map = 2; map<string, M> texts = 3; repeated M list = 4; repeated int32 packed = 5;
            google.protobuf.Any any = 6; google.protobuf.Value value = 7; repeated confluent.type.Decimal decimals = 8;
            google.protobuf.FieldMask mask = 9; M next = 10; oneof o { string s = 11; bytes b = 12; } }"#;
    let schema = ProtobufSchema::parse(text, &[]).expect("a valid schema");
    let message = schema.by_name("M").expect("M");
    let many = 40_000;
    let nested = |number: u8, levels: usize| (0..levels).fold(Vec::new(), |inner, _| field(number, &inner));
    let any = |inner: Vec<u8>| field(6, &[field(1, b"x/M"), field(2, &inner)].concat());
    let keys: Vec<u8> = (0..100_000_u32)
        .flat_map(|i| {
            [18, 4, 8, i.to_le_bytes()[0] | 0x80, (i >> 7).to_le_bytes()[0] | 0x80, (i >> 14).to_le_bytes()[0] & 0x7f]
        })
        .collect();
    let entry = |i: usize| field(3, &field(1, i.to_string().as_bytes()));
    for value in [
        [8, 0].repeat(many),
        [18, 0].repeat(many),
        [26, 2, 10, 0].repeat(many),
        [34, 0].repeat(many),
        [82, 0].repeat(many),
        keys,
        (0..many).flat_map(entry).collect(),
        field(5, &vec![0; 100_000]),
        [&[42][..], &[0xff; 9], &[1]].concat(),
        vec![42, 0xff, 0xff, 0xff, 0xff, 0x0f],
        nested(4, 2_000),
        nested(10, 2_000),
        nested(3, 2_000),
        (0..200).fold(Vec::new(), |inner, _| any(inner)),
        (0..500).fold(field(7, b""), |inner, _| field(7, &field(6, &field(1, &inner)))),
        field(8, &[field(1, &[0x55; 1024]), vec![24, 5]].concat()).repeat(60),
        field(8, &[field(1, &[1]), vec![24, 60]].concat()).repeat(many),
        field(9, &field(1, b"a").repeat(many)),
        [field(11, b"x"), field(12, b"x")].concat().repeat(many),
        // Groups of a field that the schema does not have.
        vec![0x7b; 100_000],
        [0x7b, 0x7c].repeat(many),
    ] {
        check("protobuf", text.len(), &value, |json| message.decode(&value, json));
    }
}

const COMPRESSIONS: [&str; 6] = ["gzip", "zlib", "zstd", "lz4", "snappy", "snappy-java"];

fn compress(kind: &str, value: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::best();
    match kind {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(value).and_then(|()| encoder.finish()).expect("gzip")
        }
        "zlib" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(value).and_then(|()| encoder.finish()).expect("zlib")
        }
        "zstd" => zstd::encode_all(value, 19).expect("zstd"),
        "lz4" => {
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max4MB)
                .block_mode(lz4_flex::frame::BlockMode::Linked);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(value).expect("lz4");
            encoder.finish().expect("lz4")
        }
        "snappy" => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            encoder.write_all(value).expect("snappy");
            encoder.into_inner().expect("snappy")
        }
        _ => {
            let mut stream = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
            for block in value.chunks(1 << 20) {
                let block = snap::raw::Encoder::new().compress_vec(block).expect("snappy");
                stream.extend(u32::try_from(block.len()).expect("short").to_be_bytes());
                stream.extend(block);
            }
            stream
        }
    }
}

/// What decompression may allocate: the opened value, and its smaller memory while it is copied to a larger one.
fn allowed_for_opened(value: &[u8], limit: usize) -> usize {
    /// The buffers of Snappy's decoder.
    const BUFFERS: usize = 128 * 1024;
    BYTES_PER_BYTE * value.len() + CONSTANT + BUFFERS + 2 * limit
}

#[test]
fn compressed_values_are_opened_up_to_the_limit() {
    let _alone = alone();
    let bomb = vec![b' '; 8 << 20];
    let mut values: Vec<(String, Vec<u8>)> = Vec::new();
    for kind in COMPRESSIONS {
        let once = compress(kind, &bomb);
        for outer in COMPRESSIONS {
            values.push((format!("{kind} in {outer}"), compress(outer, &once)));
        }
        values.push((format!("much {kind}"), compress(kind, b"x").repeat(5_000)));
        values.push((format!("little {kind}"), compress(kind, b"little")));
        values.push((kind.to_owned(), once));
    }
    drop(bomb);
    for (what, value) in values {
        for limit in LIMITS {
            let (opened, peak) =
                peak(|| compressed::open(&value, limit).map(|opened| opened.map(|opened| opened.bytes)));
            let allowed = allowed_for_opened(&value, limit);
            assert!(peak <= allowed, "{what}: {peak} bytes of {allowed} for {} bytes", value.len());
            if let Ok(Some(opened)) = opened {
                assert!(opened.capacity() <= limit.max(64), "{what}");
            }
            check_automatic(&what, &value, limit);
        }
    }
}

/// Decodes with the format `auto`, which opens compressed values and guesses what is in them.
fn check_automatic(what: &str, value: &[u8], limit: usize) {
    let decoder = Decoder::new(None, limit);
    let mut text = Vec::with_capacity(limit);
    let field = Field { topic: "orders", part: Part::Value, bytes: value, key: None };
    let decode = || decoder.decode_one_blocking(RecordFormat::Auto, field, std::iter::empty(), &mut text);
    let (result, peak) = peak(decode);
    let allowed = allowed_for_opened(value, limit);
    assert!(peak <= allowed, "{what}, auto: {peak} bytes of {allowed} for {} bytes: {result:?}", value.len());
    assert_eq!(text.capacity(), limit, "{what}");
}

#[test]
fn guessed_formats_need_no_more_memory_than_chosen_ones() {
    let _alone = alone();
    let array = [0x9a, 0, 0, 0x9c, 0x40];
    for value in [
        repeated(&[&[0xa1][..], &array].concat(), &[0xf9, 0, 1], 40_000, &[0]),
        repeated(&[0x81, 0xdd, 0, 0, 0x9c, 0x40], &[0xca, 0x7f, 0x7f, 0xff, 0xff], 40_000, &[0xc0]),
        format!("<a>{}</a>", "x<b/>".repeat(50_000)).into_bytes(),
        format!("[{}1]", "1e999,".repeat(20_000)).into_bytes(),
    ] {
        check_automatic("guessed", &value, 4 << 20);
        let (_, peak) = peak(|| serdes::formats::guess::guess(&value));
        let allowed = BYTES_PER_BYTE * value.len() + CONSTANT;
        assert!(peak <= allowed, "{peak} bytes of {allowed} for {:02x?}", start(&value));
    }
}

#[test]
fn random_values_need_little_memory() {
    let _alone = alone();
    let avro = r#"{"type":"array","items":["null","long","string","bytes",{"type":"map","values":"double"},{"type":"bytes","logicalType":"big-decimal"}]}"#;
    let avro_schema = AvroSchema::parse(avro, &[]).expect("a valid schema");
    let proto = r#"syntax = "proto3"; import "google/protobuf/struct.proto";
        message M { repeated M list = 1; map<string, M> map = 2; google.protobuf.Value value = 3; string s = 4; repeated sint64 n = 5; }"#;
    let proto_schema = ProtobufSchema::parse(proto, &[]).expect("a valid schema");
    let message = proto_schema.by_name("M").expect("M");
    let starts = prop::sample::select(vec![
        &b""[..],
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18\x64\x70\xb9",
        b"\xff\x06\0\0sNaPpY",
        b"\x82SNAPPY\0",
        b"<a>",
        b"[[",
    ]);
    proptest!(|(first in starts, rest in prop::collection::vec(any::<u8>(), 0..300), times in 1_usize..300)| {
        let value = [first, &rest.repeat(times)].concat();
        check("json", 0, &value, |json| json::decode(&value, json));
        check("message pack", 0, &value, |json| message_pack::decode(&value, json));
        check("cbor", 0, &value, |json| cbor::decode(&value, json));
        check("xml", 0, &value, |json| xml::decode(&value, json));
        check("avro", avro.len(), &value, |json| avro_schema.decode(&value, json));
        check("protobuf", proto.len(), &value, |json| message.decode(&value, json));
        check_automatic("auto", &value, 64 * 1024);
    });
}

//! Properties that hold for every input: bytes are preserved, batches can be split at any record, and parsers never
//! panic.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use protocol::{
    BadBatch, BinaryBatch, ClientMessage, ClusterName, Frame, GroupId, Header, HeaderView, JsonBatch, MAX_JSON_DEPTH,
    Offset, ProduceBatch, ProduceFrame, ProduceRecord, Record, RecordView, Records, RecordsFrame, RecordsHead,
    ServerMessage, TimestampType, TopicName, WireBytes,
};

type Bytes = Option<Vec<u8>>;

/// A record that owns its bytes, to create views from.
#[derive(Clone, Debug, PartialEq)]
struct OwnedRecord {
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: TimestampType,
    key: Bytes,
    value: Bytes,
    headers: Vec<(String, Bytes)>,
}

impl OwnedRecord {
    fn view(&self) -> RecordView<'_, impl Iterator<Item = HeaderView<'_>> + Clone> {
        RecordView {
            offset: self.offset,
            timestamp: self.timestamp,
            timestamp_type: self.timestamp_type,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())),
        }
    }

    /// The size of key, value and headers, computed independently.
    fn size(&self) -> u64 {
        let bytes = |b: &Bytes| b.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + bytes(value)).sum();
        (bytes(&self.key) + bytes(&self.value) + headers) as u64
    }

    fn as_received(&self) -> Record {
        Record {
            offset: Offset(self.offset),
            timestamp: self.timestamp,
            timestamp_type: self.timestamp_type,
            key: WireBytes::from_kafka(self.key.as_deref()),
            value: WireBytes::from_kafka(self.value.as_deref()),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| Header(name.clone(), WireBytes::from_kafka(value.as_deref())))
                .collect(),
            key_note: None,
            value_note: None,
        }
    }
}

/// JSON whose spacing, key order and numbers would change if it were parsed and written again.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        ".{0,12}".prop_map(|text| serde_json::to_string(&text).expect("a string is JSON")),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[ {} ]", items.join(" ,\t"))),
            vec(("[a-z]{1,3}", inner), 0..5).prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\" :  {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

/// All kinds of bytes that Kafka may store; unusual ones are frequent.
fn kafka_bytes() -> impl Strategy<Value = Bytes> {
    option::weighted(
        0.9,
        prop_oneof![
            Just(Vec::new()),
            vec(any::<u8>(), 0..40),
            ".{0,20}".prop_map(String::into_bytes),
            json_text().prop_map(String::into_bytes),
            json_text().prop_map(|json| format!(" {json}\n").into_bytes()),
            Just(b"9007199254740993".to_vec()),
            Just(b"nullify".to_vec()),
            Just("\u{feff}{}".as_bytes().to_vec()),
            Just(b"\"\\ud800\"".to_vec()),
        ],
    )
}

fn record() -> impl Strategy<Value = OwnedRecord> {
    (
        0..i64::MAX,
        option::of(0..4_102_444_800_000_i64),
        prop_oneof![Just(TimestampType::Create), Just(TimestampType::LogAppend)],
        kafka_bytes(),
        kafka_bytes(),
        vec((".{0,8}", kafka_bytes()), 0..4),
    )
        .prop_map(|(offset, timestamp, timestamp_type, key, value, headers)| OwnedRecord {
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
        })
}

fn batch_of(records: &[OwnedRecord]) -> BinaryBatch {
    let mut batch = BinaryBatch::default();
    for record in records {
        batch.push(record.view());
    }
    batch
}

fn head(subscription: u32, last: usize, topic: &str, partition: i32) -> RecordsHead<'_> {
    RecordsHead { subscription, seq: last as u64, topic, partition }
}

fn decode<'a, H: Iterator<Item = HeaderView<'a>>>(view: RecordView<'a, H>) -> OwnedRecord {
    OwnedRecord {
        offset: view.offset,
        timestamp: view.timestamp,
        timestamp_type: view.timestamp_type,
        key: view.key.map(<[u8]>::to_vec),
        value: view.value.map(<[u8]>::to_vec),
        headers: view.headers.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect(),
    }
}

fn parse_records(frame: &str) -> Records {
    match ServerMessage::parse(frame) {
        Ok(Frame { id: None, message: ServerMessage::Records(records), .. }) => records,
        other => panic!("no records: {other:?}\n{frame}"),
    }
}

/// Parses the bytes with every parser.
fn read_all(bytes: &[u8]) {
    if let Ok(frame) = ProduceFrame::parse(bytes) {
        let mut read = 0;
        for record in frame.iter() {
            assert!(record.headers.count() <= bytes.len());
            read += 1;
        }
        assert_eq!(read, frame.count);
    }
    if let Ok(frame) = RecordsFrame::parse(bytes) {
        let views: Result<Vec<_>, BadBatch> = frame.records.map(|record| record?.view()).collect();
        if let Ok(views) = views {
            views.into_iter().for_each(|view| drop(decode(view)));
        }
    }
}

proptest! {
    #[test]
    fn bytes_are_preserved_to_the_client_and_back(bytes in kafka_bytes()) {
        let sent = WireBytes::from_kafka(bytes.as_deref());
        prop_assert_eq!(sent.as_kafka(), bytes.as_deref());

        let json = serde_json::to_string(&sent).expect("every form is JSON");
        let received: WireBytes = serde_json::from_str(&json).expect("our own JSON parses");
        prop_assert_eq!(received.as_kafka(), bytes.as_deref(), "{}", json);
    }

    /// serde_json's own strings decide whether an escape is valid, since they contain only whole characters.
    #[test]
    fn string_is_sent_as_json_exactly_if_its_escapes_are_valid(
        pieces in vec(
            prop_oneof![
                "[a-z]{0,2}",
                r"\\u[dD][89abAB][0-9a-f]{2}",
                r"\\u[dD][c-fC-F][0-9a-f]{2}",
                r"\\u00[0-9a-f]{2}",
                Just(r"\\".to_owned()),
                Just(r#"\""#.to_owned()),
            ],
            0..8,
        ),
    ) {
        let json = format!("\"{}\"", pieces.concat());
        let readable = serde_json::from_str::<String>(&json).is_ok();
        let shown = WireBytes::from_kafka(Some(json.as_bytes()));
        prop_assert_eq!(matches!(shown, WireBytes::Json(_)), readable, "{}", json);
        prop_assert_eq!(shown.as_kafka(), Some(json.as_bytes()));
    }

    /// serde_json decides what is valid JSON.
    #[test]
    fn invalid_json_is_never_sent_as_json(
        json in json_text(),
        damage in vec((any::<prop::sample::Index>(), prop::sample::select(br#"{}[]:,"\0-+.eEtn x"#.to_vec())), 0..3),
        cut in option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = json.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let is_json = std::str::from_utf8(&bytes).is_ok_and(|text| {
            text.trim_matches([' ', '\t', '\n', '\r']) == text && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
        });
        let shown = WireBytes::from_kafka(Some(&bytes));
        prop_assert_eq!(matches!(shown, WireBytes::Json(_)), is_json, "{}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(shown.as_kafka(), Some(bytes.as_slice()));
    }

    #[test]
    fn raw_json_keeps_its_bytes(json in json_text()) {
        let text = format!(r#"{{"type":"produce","seq":0,"records":[{{"topic":"t","value":{{"json":{json}}}}}]}}"#);
        let Ok(Frame { message: ClientMessage::Produce(produce), .. }) = ClientMessage::parse(&text) else {
            panic!("no produce: {text}");
        };
        prop_assert_eq!(produce.records[0].value.as_kafka(), Some(json.as_bytes()));
    }

    #[test]
    fn batch_split_anywhere_has_exactly_the_pushed_records(
        records in vec(record(), 1..12),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
        topic in "[a-zA-Z0-9._-]{1,20}",
        partition in 0..1000_i32,
    ) {
        let batch = batch_of(&records);
        let json = JsonBatch::encode(&batch);
        prop_assert_eq!(batch.len(), records.len());

        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(records.len())).collect();
        bounds.extend([0, records.len()]);
        bounds.sort_unstable();
        bounds.dedup();

        let (mut received, mut received_binary) = (Vec::new(), Vec::new());
        for pair in bounds.windows(2) {
            let range = pair[0]..pair[1];
            let size: u64 = records[range.clone()].iter().map(OwnedRecord::size).sum();
            prop_assert_eq!(batch.payload_bytes(range.clone()), size);
            prop_assert_eq!(batch.fitting(range.start, range.len() as u64, u64::MAX), range.len());
            prop_assert!(batch.fitting(range.start, u64::MAX, size) >= range.len());

            let bytes = batch.frame(&head(7, range.end, &topic, partition), range.clone());
            let binary = RecordsFrame::parse(&bytes).expect("our own frame");
            prop_assert_eq!((binary.subscription, binary.seq, binary.partition), (7, pair[1] as u64, partition));
            prop_assert_eq!((binary.topic, binary.count as usize), (topic.as_str(), range.len()));
            for record in binary.records {
                received_binary.push(decode(record.and_then(|record| record.view()).expect("our own record")));
            }

            let frame = parse_records(&json.frame(&head(7, range.end, &topic, partition), range));
            prop_assert_eq!(frame.subscription, 7);
            prop_assert_eq!(frame.seq, pair[1] as u64);
            prop_assert_eq!(&frame.topic, &topic);
            prop_assert_eq!(frame.partition, partition);
            received.extend(frame.records);
        }
        let sent: Vec<Record> = records.iter().map(OwnedRecord::as_received).collect();
        prop_assert_eq!(received, sent);
        prop_assert_eq!(received_binary, records);
    }

    #[test]
    fn appended_batch_has_the_records_of_both(
        first in vec(record(), 1..6),
        second in vec(record(), 1..6),
    ) {
        let mut joined = batch_of(&first);
        joined.append(&batch_of(&second));
        let all: Vec<OwnedRecord> = first.into_iter().chain(second).collect();
        let whole = batch_of(&all);
        prop_assert_eq!(joined.body(0..all.len()), whole.body(0..all.len()));
        prop_assert_eq!(joined.payload_bytes(0..all.len()), all.iter().map(OwnedRecord::size).sum::<u64>());
        prop_assert_eq!(joined.iter().map(decode).collect::<Vec<_>>(), all);
    }

    #[test]
    fn produce_frame_has_the_pushed_records(
        records in vec((record(), option::of(0..100_i32)), 0..8),
        seq in any::<u64>(),
    ) {
        let records: Vec<ProduceRecord> = records
            .into_iter()
            .map(|(record, partition)| {
                let Record { timestamp, key, value, headers, .. } = record.as_received();
                ProduceRecord { topic: "foobar".to_owned(), partition, key, value, headers, timestamp }
            })
            .collect();
        let mut batch = ProduceBatch::new("foobar", seq);
        for record in &records {
            batch.push(record.view());
        }
        let bytes = batch.into_frame();
        let frame = ProduceFrame::parse(&bytes).expect("our own frame");
        prop_assert_eq!((frame.seq, frame.topic, frame.count as usize), (seq, "foobar", records.len()));
        let wire = |bytes: Option<&[u8]>| WireBytes::from_kafka(bytes);
        let received: Vec<ProduceRecord> = frame
            .iter()
            .map(|view| ProduceRecord {
                topic: frame.topic.to_owned(),
                partition: view.partition,
                key: wire(view.key),
                value: wire(view.value),
                headers: view.headers.map(|(name, value)| Header(name.to_owned(), wire(value))).collect(),
                timestamp: view.timestamp,
            })
            .collect();
        prop_assert_eq!(received, records);
    }

    /// Every prefix of a frame is an error, never a panic or a shorter batch. A frame with a changed byte may parse or
    /// not, but must not panic.
    #[test]
    fn truncated_frame_is_an_error(records in vec(record(), 1..4), flip in any::<prop::sample::Index>(), to in any::<u8>()) {
        let frame = batch_of(&records).frame(&head(1, records.len(), "foobar", 0), 0..records.len());
        let mut produce = ProduceBatch::new("foobar", 0);
        for record in &records {
            produce.push(ProduceRecord { value: WireBytes::from_kafka(record.value.as_deref()), ..Default::default() }.view());
        }
        let produce = produce.into_frame();
        for cut in 0..produce.len() {
            prop_assert!(ProduceFrame::parse(&produce[..cut]).is_err(), "cut at {}", cut);
        }
        for mut bytes in [frame, produce] {
            let at = flip.index(bytes.len());
            bytes[at] = to;
            read_all(&bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in vec(any::<u8>(), 0..200), kind in 0..4_u8) {
        read_all(&bytes);
        // Sets a valid head, so that the bytes reach the record parser.
        bytes.splice(0..0, [1, kind]);
        read_all(&bytes);
    }

    #[test]
    fn json_batch_matches_the_serialized_types(record in record()) {
        let json = JsonBatch::encode(&batch_of(std::slice::from_ref(&record)));
        let typed = ServerMessage::from(Records {
            subscription: 1,
            seq: 1,
            topic: "foobar".to_owned(),
            partition: 0,
            records: vec![record.as_received()],
        });
        prop_assert_eq!(json.frame(&head(1, 1, "foobar", 0), 0..1), typed.to_json());
    }

    #[test]
    fn credit_is_never_exceeded(records in vec(record(), 1..10), max_records in 0..12_u64, max_bytes in 0..400_u64) {
        let batch = batch_of(&records);
        for start in 0..batch.len() {
            let count = batch.fitting(start, max_records, max_bytes);
            prop_assert!(count as u64 <= max_records);
            prop_assert!(start + count <= batch.len());
            prop_assert!(batch.payload_bytes(start..start + count) <= max_bytes);
            let one_more = start..start + count + 1;
            if (count as u64) < max_records && one_more.end <= batch.len() {
                prop_assert!(batch.payload_bytes(one_more) > max_bytes, "stopped before the limit");
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = ClientMessage::parse(&text);
        let _ = ServerMessage::parse(&text);
        let _ = serde_json::from_str::<WireBytes>(&text);
        let _ = serde_json::from_str::<Offset>(&text);
        let _ = TopicName::parse(&text);
        let _ = GroupId::parse(&text);
        let _ = ClusterName::parse(&text);
    }

    /// A known type with arbitrary fields reaches parsers that arbitrary text does not reach.
    #[test]
    fn known_types_with_arbitrary_fields_never_panic(
        name in prop::sample::select([ClientMessage::NAMES, ServerMessage::NAMES].concat()),
        fields in vec((field_name(), json_text()), 0..6),
    ) {
        let fields: String = fields.iter().map(|(field, value)| format!(r#","{field}":{value}"#)).collect();
        let text = format!(r#"{{"type":"{name}"{fields}}}"#);
        let _ = ClientMessage::parse(&text);
        let _ = ServerMessage::parse(&text);
    }

    #[test]
    fn offset_is_a_string_and_never_negative(offset in any::<i64>()) {
        let json = format!("\"{offset}\"");
        let parsed = serde_json::from_str::<Offset>(&json);
        if offset >= 0 {
            let parsed = parsed.expect("a position");
            prop_assert_eq!(parsed, Offset(offset));
            prop_assert_eq!(serde_json::to_string(&parsed).expect("an offset is JSON"), json);
        } else {
            prop_assert!(parsed.is_err());
        }
    }

    #[test]
    fn cluster_names_need_no_escaping(name in "[a-zA-Z0-9._-]{1,64}") {
        prop_assert_eq!(ClusterName::parse(&name).is_ok(), name != "." && name != "..");
        for bad in ["/", " ", "\0", "é", "\"", "\u{202e}"] {
            let bad_name = format!("{}{bad}", &name[1..]);
            prop_assert!(ClusterName::parse(&bad_name).is_err(), "{:?}", bad_name);
        }
        prop_assert!(ClusterName::parse("").is_err());
        prop_assert!(ClusterName::parse(&name.repeat(65)).is_err());
    }

    #[test]
    fn topic_names_follow_kafkas_rules(name in "[a-zA-Z0-9._-]{1,249}") {
        prop_assert_eq!(TopicName::parse(&name).is_ok(), name != "." && name != "..");
        for bad in ["/", " ", "\0", "é", "\u{202e}"] {
            let bad_name = format!("{name}{bad}");
            prop_assert!(TopicName::parse(&bad_name).is_err(), "{:?}", bad_name);
        }
    }
}

fn field_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "id",
        "type",
        "seq",
        "records",
        "topics",
        "mode",
        "window",
        "format",
        "subscription",
        "positions",
        "plan",
        "cluster",
        "acks",
        "errors",
        "code",
        "message",
        "resume",
        "session",
        "protocol",
        "client",
        "name",
        "config",
    ])
}

#[test]
fn bytes_are_sent_in_the_matching_form() {
    let shown =
        |bytes: Option<&[u8]>| serde_json::to_string(&WireBytes::from_kafka(bytes)).expect("every form is JSON");
    for (bytes, expected) in [
        (None, "null"),
        (Some(&b""[..]), r#"{"text":""}"#),
        (Some(b"null"), r#"{"json":null}"#),
        (Some(b"9007199254740993"), r#"{"json":9007199254740993}"#),
        (Some(br#"{"b":1, "a":2}"#), r#"{"json":{"b":1, "a":2}}"#),
        (Some(b" {} "), r#"{"text":" {} "}"#),
        (Some(b"ciao"), r#"{"text":"ciao"}"#),
        (Some("\u{fffd}".as_bytes()), "{\"text\":\"\u{fffd}\"}"),
        (Some(b"\x00\xff"), r#"{"base64":"AP8="}"#),
    ] {
        assert_eq!(shown(bytes), expected, "{bytes:?}");
    }
}

/// `levels` nested arrays, with a string inside that contains more brackets.
fn nested(levels: usize) -> String {
    format!("{}\"[[\\\"[[\"{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn json_deeper_than_128_levels_is_sent_as_text() {
    let is_json = |json: &str| matches!(WireBytes::from_kafka(Some(json.as_bytes())), WireBytes::Json(_));
    assert_eq!(MAX_JSON_DEPTH, 128);
    assert!(is_json(&nested(128)));
    assert!(!is_json(&nested(129)));
    assert!(!is_json(&nested(20_000)));
    assert!(!is_json(&format!("{}1{}", r#"{"a":[1,"#.repeat(65), "]}".repeat(65))));
    assert!(is_json(&format!("[{}]", vec!["[{}]"; 1000].join(","))), "many adjacent values are not nested deeply");
    assert!(is_json(&format!(r#"["{}"]"#, "[{".repeat(1000))), "brackets in a string are text");
}

#[test]
fn json_with_half_a_surrogate_pair_is_sent_as_text() {
    let is_json = |json: &str| matches!(WireBytes::from_kafka(Some(json.as_bytes())), WireBytes::Json(_));
    for half in [
        r"\ud800",
        r"\uDC00",
        r"\ud800\ud800",
        r"\ud800 \udc00",
        r"\ud800\n",
        r"\udc00\ud800",
        r"\ud83d\u0041",
        r"x\ud800",
    ] {
        assert!(!is_json(&format!(r#""{half}""#)), "{half}");
        assert!(!is_json(&format!(r#"{{"{half}":1}}"#)), "{half} in a name");
    }
    for whole in [r"\ud83d\ude00", r"\\ud800", r"\u0041", r"\\\\udc00", r"\ud83d\ude00\uD83D\uDE00x"] {
        assert!(is_json(&format!(r#""{whole}""#)), "{whole}");
    }
}

#[test]
fn plain_string_from_a_client_is_text() {
    let bytes: WireBytes = serde_json::from_str(r#""città""#).expect("a string is a value");
    assert_eq!(bytes.as_kafka(), Some("città".as_bytes()));
}

#[test]
fn value_in_two_forms_is_refused() {
    for json in [r#"{"text":"a","json":1}"#, "{}", r#"{"hex":"00"}"#, r#"{"base64":"*"}"#, "[]", "1", "true"] {
        assert!(serde_json::from_str::<WireBytes>(json).is_err(), "{json}");
    }
}

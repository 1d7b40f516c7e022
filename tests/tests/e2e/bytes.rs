//! Records are the same byte for byte in both directions, checked with Kafka clients that are independent of Ponte.

use protocol::{Header, ProduceRecord, WireBytes};
use tests::client::{RecordExt, json_record, text_record};
use tests::{Bridge, Watch, on_every_kafka};

const BIG: &str = r#"{"z": 9007199254740993,  "a":[1.0, 1e2, 0.1000], "z": 2}"#;
const BEYOND_ASCII: &str = "città ✓ 日本語 🌉 \u{202e}oilgof";

/// Records of every kind that once caused an error, with a name.
pub fn awkward_records(topic: &str) -> Vec<(&'static str, ProduceRecord)> {
    let record = |value: WireBytes| ProduceRecord { topic: topic.to_owned(), value, ..ProduceRecord::default() };
    let header = |name: &str, value| Header(name.to_owned(), value);
    vec![
        ("tombstone", record(WireBytes::Null).with_key("deleted")),
        ("empty value", text_record(topic, "")),
        ("empty key", text_record(topic, "v").with_key("")),
        ("binary value", record(WireBytes::Base64(vec![0, 0xff, 0xfe, b'\n', 0x80, 0]))),
        ("binary key", ProduceRecord { key: WireBytes::Base64(vec![0xc3, 0x28]), ..text_record(topic, "v") }),
        ("64-bit integer", json_record(topic, "9007199254740993")),
        ("JSON as it was written", json_record(topic, BIG)),
        ("JSON with space around it", text_record(topic, " {\"a\":1}\n")),
        ("beyond ASCII", text_record(topic, BEYOND_ASCII).with_key(BEYOND_ASCII)),
        ("NUL in text", text_record(topic, "a\0b")),
        ("markup", text_record(topic, "<img src=x onerror=alert(1)>")),
        ("text that looks like null", text_record(topic, "null")),
        (
            "duplicate headers",
            ProduceRecord {
                headers: vec![
                    header("trace", WireBytes::text("one")),
                    header("other", WireBytes::text("città")),
                    header("trace", WireBytes::text("two")),
                ],
                ..text_record(topic, "v")
            },
        ),
        (
            "header values of every kind",
            ProduceRecord {
                headers: vec![
                    header("empty", WireBytes::text("")),
                    header("none", WireBytes::Null),
                    header("binary", WireBytes::Base64(vec![0, 0xff])),
                ],
                ..text_record(topic, "v")
            },
        ),
    ]
}

on_every_kafka! {
    async fn produced_records_are_in_the_log_byte_for_byte(kafka: Kafka) {
        let topic = kafka.topic("sent").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let records = awkward_records(&topic);
        bridge.client().await.write(records.iter().map(|(_, record)| record.clone()).collect()).await;

        let Some(judge) = bridge.judge().await else { return };
        let log = judge.read(&topic).await;
        assert_eq!(log.len(), records.len(), "{log:#?}");
        for ((what, sent), seen) in records.iter().zip(&log) {
            assert_eq!(seen.key.as_deref(), sent.key.as_kafka(), "{what}: the key");
            assert_eq!(seen.value.as_deref(), sent.value.as_kafka(), "{what}: the value");
        }
        let duplicate = records.iter().position(|(what, _)| *what == "duplicate headers").expect("it is there");
        assert_eq!(log[duplicate].headers, "trace=one,other=città,trace=two");
    }

    async fn produced_records_are_delivered_unchanged(kafka: Kafka) {
        let topic = kafka.topic("round").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let records = awkward_records(&topic);
        client.write(records.iter().map(|(_, record)| record.clone()).collect()).await;

        let watch = client.subscribe(&Watch::tail(&topic)).await;
        let received = client.records(watch, records.len()).await;
        assert_eq!(received.len(), records.len());
        for ((what, sent), got) in records.iter().zip(&received) {
            assert_eq!(got.record.key, sent.key, "{what}: the key");
            assert_eq!(got.record.value, sent.value, "{what}: the value");
            assert_eq!(got.record.headers, sent.headers, "{what}: the headers");
        }
    }

    async fn records_written_by_kcat_are_delivered_unchanged(kafka: Kafka) {
        let topic = kafka.topic("theirs").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let Some(judge) = bridge.judge().await else { return };
        judge.write_lines(&topic, &["-K", ":", "-Z"], "gone:\n").await;
        judge.write(&topic, &["-k", "k"], BIG.as_bytes()).await;
        judge.write(&topic, &[], &[0, 0xff, b'\n']).await;
        judge.write(&topic, &["-H", "h=1", "-H", "h=2"], BEYOND_ASCII.as_bytes()).await;

        let mut client = bridge.client().await;
        let watch = client.subscribe(&Watch::tail(&topic)).await;
        let received = client.records(watch, 4).await;
        let values: Vec<_> = received.iter().map(|got| &got.record.value).collect();
        assert!(values[0].is_null(), "{values:?}");
        assert_eq!(values[1].as_kafka(), Some(BIG.as_bytes()));
        assert!(matches!(values[1], WireBytes::Json(_)), "JSON comes as JSON: {values:?}");
        assert_eq!(values[2].as_kafka(), Some(&[0, 0xff, b'\n'][..]));
        assert!(matches!(values[2], WireBytes::Base64(_)), "{values:?}");
        assert!(matches!(values[3], WireBytes::Text(text) if text == BEYOND_ASCII), "{values:?}");
        let expected = ["1", "2"].map(|value| Header("h".to_owned(), WireBytes::text(value)));
        assert_eq!(received[3].record.headers, expected);
    }
}

on_every_kafka! {
    real
    async fn kafka_console_consumer_prints_the_produced_records(kafka: Kafka) {
        let topic = kafka.topic("console").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let record = json_record(&topic, BIG).with_key(BEYOND_ASCII).with_header("h", WireBytes::text("1"));
        let record = record.with_header("h", WireBytes::text("2"));
        bridge.client().await.write(vec![record, text_record(&topic, BEYOND_ASCII)]).await;

        let arguments = [
            "--topic", &topic, "--from-beginning", "--max-messages", "2", "--timeout-ms", "20000",
            "--property", "print.key=true", "--property", "print.headers=true", "--property", "key.separator=|",
        ];
        let printed = kafka.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments).await;
        // A newer Kafka first prints a warning about the option's new name, which an older one does not know.
        let lines: Vec<&str> = printed.lines().filter(|line| line.contains('|')).collect();
        assert!(lines[0].starts_with("h:1,h:2"), "{printed}");
        assert!(lines[0].ends_with(&format!("{BEYOND_ASCII}|{BIG}")), "{printed}");
        assert!(lines[1].ends_with(&format!("null|{BEYOND_ASCII}")), "{printed}");
    }
}

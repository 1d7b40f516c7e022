//! JSON that a client's parser would refuse is sent as text, so that the frame's other records stay readable.

use std::process::Stdio;

use protocol::{Decode, Fetch, Offset};
use tests::client::{RecordExt, text_record};
use tests::skip::skip;
use tests::socket::Heard;
use tests::{Bridge, Watch, on_every_kafka};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// An independent parser reads the frame and writes each record again.
const PYTHON: &str = r#"
import json, sys
for record in json.loads(sys.stdin.read())["records"]:
    print(*sorted(record["value"]), *sorted(record["headers"][0][1]))
    json.dumps(record, ensure_ascii=False).encode("utf-8")
"#;

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// `None` after a skip.
async fn python_reads(frame: &str) -> Option<Vec<String>> {
    let python = Command::new("python3").args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        skip("python3 is not installed: no parser but ours reads the frames");
        return None;
    };
    let mut input = python.stdin.take().expect("piped");
    input.write_all(frame.as_bytes()).await.expect("python reads");
    drop(input);
    let output = python.wait_with_output().await.expect("python ends");
    assert!(output.status.success(), "python could not read {} bytes; its reason is above", frame.len());
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

on_every_kafka! {
    async fn json_that_parsers_refuse_travels_as_text_and_the_frame_stays_readable(kafka: Kafka) {
        let topic = kafka.topic("hostile-json").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let values = [
            (nested(128), "json"),
            (nested(129), "text"),
            (nested(20_000), "text"),
            (r#"{"half":"\ud800"}"#.to_owned(), "text"),
            (r#"{"whole":"\ud83d\ude00"}"#.to_owned(), "json"),
            ("123456789012345678901234567890.5e1000".to_owned(), "json"),
            (r#"{"a":1,"a":2}"#.to_owned(), "json"),
        ];
        let record = |value: &String| text_record(&topic, value).on_partition(0).with_header("same", protocol::WireBytes::text(value));
        client.write(values.iter().map(|(value, _)| record(value)).collect()).await;
        let expected: Vec<String> = values.iter().map(|(_, form)| format!("{form} {form}")).collect();

        // In `fetched` and in `records`.
        let fetch = Fetch { topic: topic.clone(), partition: 0, from: Offset(0), to: Offset(7), decode: Decode::default() };
        let (mut fetched, mut records) = (Vec::new(), Vec::new());
        client.request(fetch).await;
        client.send(Watch::tail(&topic).message()).await;
        // A `records` frame has the records that have arrived so far.
        while fetched.len() < expected.len() || records.len() < expected.len() {
            let Heard::Text(text) = client.socket.next().await else { panic!("the socket was closed") };
            let read = match &text {
                text if text.contains(r#""type":"fetched""#) => &mut fetched,
                text if text.contains(r#""type":"records""#) => &mut records,
                text => {
                    assert!(!text.contains(r#""type":"error""#), "{text}");
                    continue;
                }
            };
            let Some(forms) = python_reads(&text).await else { return };
            read.extend(forms);
        }
        assert_eq!((&fetched, &records), (&expected, &expected));
    }
}

//! Batches: many records pasted or dropped at once, and checked before they are sent.

use protocol::{ProduceRecord, WireBytes};
use tests::client::{RecordExt, text_record};
use tests::judge::Seen;
use tests::{Bridge, Browser, Client, Kafka, Page, Watch};

use crate::page::{bridge, listen};
use crate::page_sending::{drop_file, log, value_of};
use crate::page_states::photograph;

// Batches.

/// Pastes a text into the batch form and waits until it is read.
async fn paste(page: &Page, text: &str) {
    page.click("send-batch-tab").await;
    page.fill("batch-text", text).await;
    page.wait("batch", "data-state", "checked").await;
}

async fn send_batch(page: &Page, count: u64) {
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", &count.to_string()).await;
}

fn keys_and_values(log: &[Seen]) -> Vec<(String, String)> {
    let text = |bytes: &Option<Vec<u8>>| {
        bytes.as_ref().map_or("null".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let mut all: Vec<_> = log.iter().map(|seen| (text(&seen.key), text(&seen.value))).collect();
    all.sort();
    all
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[tokio::test]
async fn json_array_becomes_a_record_for_each_value() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    paste(&page, "[\n {\"id\": 9007199254740993},\n {\"id\":  2}\n]").await;
    assert_eq!(value_of(&page, "batch-format").await, "json");
    photograph(&page, "batch-json").await;
    send_batch(&page, 2).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    assert_eq!(keys_and_values(&log), pairs(&[("null", "{\"id\":  2}"), ("null", "{\"id\": 9007199254740993}")]));
    page.is_clean().await;
}

#[tokio::test]
async fn invalid_lines_are_listed_and_only_valid_records_are_sent() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    let text = "{\"key\":\"a\",\"value\":{\"text\":\"uno\"}}\n{\"value\":\n\n{\"key\":\"b\",\"value\":{\"json\":[ 1 ]}}\n\
                {\"key\":\"c\",\"value\":{\"base64\":\"AP/+gA==\"},\"headers\":[[\"h\",\"1\"],[\"h\",\"2\"]]}\n{\"valu\":1}";
    paste(&page, text).await;
    assert_eq!(page.attribute("batch", "data-good").await.as_deref(), Some("3"));
    assert_eq!(page.attribute("batch", "data-faulty").await.as_deref(), Some("2"));
    let told = page.text("batch").await;
    assert!(told.contains("line 2") && told.contains("line 6") && told.contains("valu"), "{told}");
    photograph(&page, "batch-mistakes").await;
    assert!(page.text("batch-send").await.contains("3 records"));
    send_batch(&page, 3).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    assert_eq!(log.len(), 3);
    let by_key = |key: &str| log.iter().find(|seen| seen.key.as_deref() == Some(key.as_bytes())).expect(key);
    assert_eq!((by_key("a").text(), by_key("b").text()), ("uno", "[ 1 ]"));
    assert_eq!(by_key("c").value.as_deref(), Some(&[0, 255, 254, 128][..]));
    assert_eq!(by_key("c").headers, "h=1,h=2");
    page.is_clean().await;
}

#[tokio::test]
async fn csv_columns_become_key_value_and_headers_as_chosen() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    let csv = "nome,value,colour,timestamp\nuno,\"a, \"\"b\"\"\",red,1763800000123\ndue,,blue,\n";
    page.click("send-batch-tab").await;
    drop_file(&page, "batch-drop", "records.csv", csv.as_bytes()).await;
    page.wait("batch", "data-state", "checked").await;
    assert_eq!(value_of(&page, "batch-format").await, "csv");
    // The column whose meaning the form does not recognise.
    page.choose("batch-column", "key").await;
    page.click("batch-empty-null").await;
    page.until("keys", "document.querySelector('[data-testid=batch-preview]')?.innerText.includes('uno → ')").await;
    photograph(&page, "batch-csv").await;
    send_batch(&page, 2).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    assert_eq!(keys_and_values(&log), pairs(&[("due", "null"), ("uno", "a, \"b\"")]));
    let uno = log.iter().find(|seen| seen.key.as_deref() == Some(b"uno")).expect("it is there");
    assert_eq!((uno.headers.as_str(), uno.timestamp_ms), ("colour=red", 1_763_800_000_123));
    page.is_clean().await;
}

#[tokio::test]
async fn lines_are_split_at_the_chosen_separator() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    paste(&page, "a:1|x\nb:2|y").await;
    assert_eq!(value_of(&page, "batch-format").await, "lines");
    page.choose("batch-separator", ":").await;
    page.until("keys", "document.querySelector('[data-testid=batch-preview]')?.innerText.includes('a → 1|x')").await;
    send_batch(&page, 2).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    assert_eq!(keys_and_values(&log), pairs(&[("a", "1|x"), ("b", "2|y")]));
    page.is_clean().await;
}

#[tokio::test]
async fn arrays_are_values_and_the_separator_is_one_of_every_line() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    for (text, format, reason, count) in [
        ("[[45.1,9.2],[45.2,9.3]]", "json", "a JSON array", 2),
        ("[\"a\"]\n[{\"a\":1},{\"a\":2}]", "jsonl", "Each line is JSON", 2),
        ("{\"c\":1},\n{\"c\":2},", "jsonl", "commas at line ends", 2),
        ("user-1:{\"roles\":\"admin|ops\"}\nuser-2:{\"roles\":\"ops|dev\"}", "lines", "“:” follows the key", 2),
        ("[2026-11-30 10:00:00] start\n[2026-11-30 10:00:01] end, done", "lines", "column 6 is not JSON", 2),
        ("{'a': 1}\n{'a': None}", "lines", "line 1, column 2 is not JSON", 2),
    ] {
        paste(&page, text).await;
        assert_eq!(value_of(&page, "batch-format").await, format, "{text}");
        let shown = page.text("batch-reason").await;
        assert!(shown.contains(reason), "{text}: {shown}");
        send_batch(&page, count).await;
    }
    paste(&page, "{\"a\": NaN}\n{\"a\": 1}\n  {\"a\": x}\n{\"a\": 2}").await;
    assert_eq!(page.attribute("batch", "data-good").await.as_deref(), Some("2"));
    let told = page.text("batch").await;
    assert!(told.contains("line 3 invalid JSON, column 9"), "{told}");
    assert!(page.text("batch-reason").await.contains("2 of 4 lines"), "what was taken is said");
    let Some(log) = log(&bridge, &topic).await else { return };
    let expected = pairs(&[
        ("null", "[\"a\"]"),
        ("null", "[2026-11-30 10:00:00] start"),
        ("null", "[2026-11-30 10:00:01] end, done"),
        ("null", "[45.1,9.2]"),
        ("null", "[45.2,9.3]"),
        ("null", "[{\"a\":1},{\"a\":2}]"),
        ("null", "{\"c\":1}"),
        ("null", "{\"c\":2}"),
        ("null", "{'a': 1}"),
        ("null", "{'a': None}"),
        ("user-1", "{\"roles\":\"admin|ops\"}"),
        ("user-2", "{\"roles\":\"ops|dev\"}"),
    ]);
    assert_eq!(keys_and_values(&log), expected);
    page.is_clean().await;
}

#[tokio::test]
async fn ordinary_csv_becomes_json_objects_and_is_not_sent_without_a_value() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    let excel = "\u{feff}sep=;\r\nid;name;price\r\n9007199254740993;\"a; b\";1.10\r\n2;città;\r\n";
    page.click("send-batch-tab").await;
    drop_file(&page, "batch-drop", "excel.csv", excel.as_bytes()).await;
    page.wait("batch", "data-state", "checked").await;
    assert_eq!(value_of(&page, "batch-format").await, "csv");
    assert!(page.text("batch-reason").await.contains("names the separator"));
    photograph(&page, "batch-csv-objects").await;
    send_batch(&page, 2).await;
    page.click("batch-remove").await;

    paste(&page, "id,name,price\n1,uno,2\n2,due,3\n").await;
    assert_eq!(value_of(&page, "batch-format").await, "csv");
    // The first column becomes the key and stays in the value.
    page.choose("batch-column", "key-and-field").await;
    send_batch(&page, 2).await;

    // Nothing is the value: the rows would be tombstones.
    let choose_all = "document.querySelectorAll('[data-testid=batch-column]').forEach(select => { select.value = 'header'; \
         select.dispatchEvent(new Event('change', {bubbles: true})) })";
    page.eval::<serde_json::Value>(&format!("{choose_all}, null")).await;
    page.until("why not", "document.querySelector('#batch-why-not').innerText.includes('No column is the value')")
        .await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=batch-send]').disabled").await);
    let Some(log) = log(&bridge, &topic).await else { return };
    let expected = pairs(&[
        ("1", r#"{"id":1,"name":"uno","price":2}"#),
        ("2", r#"{"id":2,"name":"due","price":3}"#),
        ("null", r#"{"id":2,"name":"città","price":""}"#),
        ("null", r#"{"id":9007199254740993,"name":"a; b","price":1.10}"#),
    ]);
    assert_eq!(keys_and_values(&log), expected);
    page.is_clean().await;
}

#[tokio::test]
async fn partitions_and_timestamps_of_another_topics_file_are_off_until_chosen() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (source, topic) = (kafka.topic_with("source", 3).await, kafka.topic_with("target", 6).await);
    let bridge = Bridge::start().on(&kafka).topic(&topic).await;
    let page = browser.open(&bridge).await;
    let line = |n: usize| {
        format!(
            "{{\"topic\":\"{source}\",\"partition\":2,\"timestamp\":1763800000123,\"key\":\"k{n}\",\"value\":{n}}}\n"
        )
    };
    let text: String = (0..60).map(line).collect();
    let keeps = async |page: &Page| {
        let on = "['partitions', 'timestamps'].map(part => document.querySelector(`[data-testid=batch-keep-${part}]`).checked)";
        page.eval::<Vec<bool>>(on).await
    };
    paste(&page, &text).await;
    assert_eq!(keeps(&page).await, [false, false]);
    let note = page.text("batch-keeps-note").await;
    assert!(note.contains(&source), "{note}");
    send_batch(&page, 60).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    let partitions: std::collections::BTreeSet<i32> = log.iter().map(|seen| seen.partition).collect();
    assert!(partitions.len() > 3, "the keys choose the partitions: {partitions:?}");
    assert!(log.iter().all(|seen| seen.timestamp_ms != 1_763_800_000_123));

    // For the topic of the file both are on.
    page.fill("batch-topic", &source).await;
    page.until("both on", "document.querySelector('[data-testid=batch-keep-partitions]').checked").await;
    assert_eq!(keeps(&page).await, [true, true]);
    assert_eq!(page.text("batch-keeps-note").await, "");
    page.is_clean().await;
}

#[tokio::test]
async fn lines_whose_records_kafka_refused_are_listed() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    let good = r#"{"value":"good","partition":0}"#;
    let bad = r#"{"value":"bad","partition":4000}"#;
    paste(&page, &format!("{good}\n\n{bad}\n{good}")).await;
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", "2").await;
    page.wait("run", "data-failed", "1").await;
    let failures = page.text("run-failures").await;
    assert!(failures.contains("lines 3"), "{failures}");
    photograph(&page, "batch-failures").await;
    // If the partitions in the file are ignored, all records can be sent.
    page.click("batch-keep-partitions").await;
    send_batch(&page, 3).await;
    let Some(log) = log(&bridge, &topic).await else { return };
    assert_eq!(log.len(), 5);
    page.is_clean().await;
}

#[tokio::test]
async fn file_of_twenty_megabytes_is_read_in_slices_and_sent() {
    const LINES: u64 = 100_000;
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    page.click("send-batch-tab").await;
    page.wait_for("batch-drop").await;
    // Made in the page: the way of 20 MB through the DevTools protocol is not what is tested. While the file is read, the event loop
    // must turn; how long a turn takes is measured by `cargo xtask bench`, row B16.
    let make = "(() => { const line = i => JSON.stringify({key: `k${i}`, value: {json: {i, pad: 'x'.repeat(160)}}}); \
         let text = ''; for (let i = 0; i < 100000; i++) text += line(i) + '\\n'; \
         const checked = () => document.querySelector('[data-testid=batch]')?.dataset.state === 'checked'; \
         window.__turns = 0; \
         const turn = () => { if (!checked()) { window.__turns++; setTimeout(turn, 0) } }; \
         const data = new DataTransfer(); data.items.add(new File([text], 'large.jsonl')); \
         turn(); \
         document.querySelector('[data-testid=batch-drop]').dispatchEvent(new DragEvent('drop', \
           {bubbles: true, cancelable: true, dataTransfer: data})); return text.length })()";
    let size: u64 = page.eval(make).await;
    assert!(size > 20_000_000, "{size} bytes");
    page.wait("batch", "data-state", "checked").await;
    page.wait("batch", "data-good", &LINES.to_string()).await;
    let turns: u64 = page.eval("window.__turns").await;
    assert!(turns > 10, "the file was read in {turns} turns of the event loop");
    photograph(&page, "batch-large").await;
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", &LINES.to_string()).await;
    page.is_clean().await;
}

/// Records of every kind are exported to a file and sent again from it, byte for byte.
#[tokio::test]
async fn exported_file_is_sent_again_byte_for_byte() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (from, to) = (kafka.topic("out").await, kafka.topic("in").await);
    let bridge = Bridge::start().on(&kafka).topic(&from).await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let big = serde_json::from_str(r#"{"json":{ "id":9007199254740993,  "x": 1.10e0, "z":[ ] }}"#).expect("a value");
    let record = |key: WireBytes, value: WireBytes| ProduceRecord { key, value, ..text_record(&from, "") };
    let records = vec![
        record(WireBytes::Null, WireBytes::Null),
        record(WireBytes::text(""), WireBytes::text("")),
        record(WireBytes::text("clé \u{202e}"), big),
        record(WireBytes::Base64(all_bytes.clone()), WireBytes::Base64(all_bytes)),
        record(WireBytes::text("{\"text\":1}"), WireBytes::text("riga 1\nriga \"2\"\t\u{0}\u{2028}")),
        record(WireBytes::text("1"), WireBytes::text("9223372036854775807")),
        record(WireBytes::text("k"), WireBytes::text("\u{feff}{\"a\":1}"))
            .with_header("a", WireBytes::text("1"))
            .with_header("a", WireBytes::Null)
            .with_header("a", WireBytes::text("1"))
            .with_header("", WireBytes::Base64(vec![0xff, 0]))
            .with_header("b,c=\"d\"", WireBytes::text("")),
    ];
    let count = records.len();
    let mut client = bridge.client().await;
    client.write(records.into_iter().enumerate().map(|(at, record)| at_minute(record, at)).collect()).await;

    let page = browser.open(&bridge).await;
    page.click("mode-watch").await;
    page.choose("start", "earliest").await;
    listen(&page).await;
    page.wait("feed", "data-received", &count.to_string()).await;
    let keep = "(() => { window.files = []; const make = URL.createObjectURL; \
         URL.createObjectURL = blob => { window.files.push(blob); return make(blob) }; return true })()";
    page.eval::<bool>(keep).await;
    page.click("list-settings").await;
    page.click("export-jsonl").await;
    page.until("a file", "window.files.length === 1").await;
    let file: String = page.eval("window.files[0].text()").await;
    page.press("Escape", &[]).await;

    page.click("send-batch-tab").await;
    page.fill("batch-topic", &to).await;
    // A file that is not UTF-8 is refused.
    drop_file(&page, "batch-drop", "windows-1252.csv", b"key;value\n1;citt\xe0").await;
    page.until("why not", "document.querySelector('[data-testid=toast]')?.innerText.includes('UTF-8')").await;
    assert_eq!(page.number_of("[data-testid=batch][data-state=checked]").await, 0);
    drop_file(&page, "batch-drop", "again.jsonl", file.as_bytes()).await;
    page.wait("batch", "data-state", "checked").await;
    page.wait("batch", "data-good", &count.to_string()).await;
    page.wait("batch", "data-faulty", "0").await;
    // The file is from another topic, so its timestamps are kept only on request.
    page.click("batch-keep-timestamps").await;
    send_batch(&page, count as u64).await;

    let read = async |client: &mut Client, topic: &str| {
        let watch = client.subscribe(&Watch::tail(topic)).await;
        client.records(watch, count).await.into_iter().map(|received| received.record).collect::<Vec<_>>()
    };
    let (sent, again) = (read(&mut client, &from).await, read(&mut client, &to).await);
    for (sent, again) in sent.iter().zip(&again) {
        assert_eq!(again.key.as_kafka(), sent.key.as_kafka());
        assert_eq!(again.value.as_kafka(), sent.value.as_kafka());
        assert_eq!(again.timestamp, sent.timestamp);
        let headers = |record: &protocol::Record| {
            let header =
                |header: &protocol::Header| (header.0.clone(), header.1.as_kafka().map(|bytes| bytes.to_vec()));
            record.headers.iter().map(header).collect::<Vec<_>>()
        };
        assert_eq!(headers(again), headers(sent));
    }
    page.is_clean().await;
}

/// A record with its own timestamp.
fn at_minute(record: ProduceRecord, minute: usize) -> ProduceRecord {
    ProduceRecord { timestamp: Some(1_763_800_000_123 + minute as i64 * 60_000), ..record }
}

//! The reading half of the page: start positions, filters, details of a record, export, gaps.

use std::time::Duration;

use protocol::{ProduceRecord, WireBytes};
use tests::client::{RecordExt, json_record, messaggi, text_record};
use tests::kafka::committed;
use tests::page::View;
use tests::{Bridge, Browser, Kafka, Page, unique};

use crate::page::{bridge, listen, listen_in_group, stop_listening};
use crate::page_states::photograph;

/// The offsets in the list, top to bottom.
const OFFSETS: &str = "[...document.querySelectorAll('[data-testid=record]')].map(e => Number(e.dataset.offset))";

async fn shows(page: &Page, offsets: &[u64]) {
    let list = serde_json::to_string(offsets).expect("numbers");
    page.until(&format!("the offsets {list}"), &format!("JSON.stringify({OFFSETS}) === '{list}'")).await;
}

/// A bridge on real Kafka with a topic of one partition, so that offsets are known in advance.
async fn on_real_kafka(partitions: i32) -> Option<(Bridge, String, Kafka)> {
    let kafka = Kafka::current().await?;
    let topic = kafka.topic_with("watching", partitions).await;
    let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &unique("group")).await;
    Some((bridge, topic, kafka))
}

pub async fn watch_from(page: &Page, start: &str, detail: &str) {
    page.click("mode-watch").await;
    page.choose("start", start).await;
    if !detail.is_empty() {
        page.fill(&format!("start-{start}"), detail).await;
    }
    listen(page).await;
}

#[tokio::test]
async fn filter_combines_every_field_while_records_arrive() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    let order = |id: u64, key: &str| {
        json_record(
            &topic,
            &format!(r#"{{"id": {id}, "state": "{}"}}"#, if id.is_multiple_of(2) { "Paid" } else { "open" }),
        )
        .with_key(key)
        .with_header("trace", WireBytes::text(format!("t-{id}")))
    };
    writer.write((0..10).map(|id| order(id, "shop-1")).collect()).await;
    page.wait("feed", "data-received", "10").await;

    // Text without regard to case; matches are marked.
    page.fill("filter", "PAID").await;
    page.wait("feed", "data-matching", "5").await;
    page.wait("feed", "data-scanned", "10").await;
    shows(&page, &[0, 2, 4, 6, 8]).await;
    page.until("the marks", "document.querySelectorAll('[data-testid=record] .mark').length === 5").await;

    // A regular expression, the browser's own.
    page.click("filter-pattern").await;
    page.fill("filter", "\"id\": [3-5]").await;
    shows(&page, &[3, 4, 5]).await;
    page.fill("filter", "[3-").await;
    page.wait("filter", "aria-invalid", "true").await;
    page.until("why", "document.querySelector('[data-testid=filter-fault]').innerText.length > 10").await;
    // An empty match before a surrogate pair does not advance the engine's position.
    writer.write(vec![json_record(&topic, r#"{"id": 10, "text": "😀 3"}"#)]).await;
    page.wait("feed", "data-received", "11").await;
    page.fill("filter", "/[0-9]*/u").await;
    page.wait("feed", "data-matching", "11").await;
    page.until("the digits marked", "document.querySelectorAll('[data-testid=record] .mark').length > 11").await;
    page.fill("filter", "").await;
    page.wait("filter", "aria-invalid", "false").await;

    // The further fields, all at once.
    page.click("filter-more").await;
    page.fill("filter-key", "SHOP").await;
    page.fill("filter-path", "$.state == \"Paid\" && $.id > 2").await;
    page.fill("filter-offset", "0-6").await;
    shows(&page, &[4, 6]).await;
    page.fill("filter-header", "trace=t-6").await;
    shows(&page, &[6]).await;
    page.fill("filter-offset", "9-1").await;
    page.wait("filter-offset", "aria-invalid", "true").await;
    page.fill("filter-offset", "").await;
    page.fill("filter-path", "$.id ==").await;
    page.wait("filter-path", "aria-invalid", "true").await;
    page.screenshot("filters-with-a-fault").await;

    // New records are filtered as well.
    page.fill("filter-path", "").await;
    page.fill("filter-header", "trace=t-12").await;
    writer.write((10..14).map(|id| order(id, "shop-2")).collect()).await;
    page.wait("feed", "data-received", "15").await;
    shows(&page, &[13]).await;
    page.click("filter-clear").await;
    page.wait("feed", "data-matching", "15").await;
    page.is_clean().await;
}

#[tokio::test]
async fn tail_starts_at_last_offset_earliest_and_time_as_chosen() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic, _)) = on_real_kafka(1).await else { return };
    let old = |id: i64| ProduceRecord {
        timestamp: Some(1_700_000_000_000 + id * 60_000),
        ..text_record(&topic, &format!("v{id}"))
    };
    bridge.client().await.write((0..10).map(old).collect()).await;
    let page = browser.open(&bridge).await;
    page.click("mode-watch").await;
    page.choose("start", "last").await;
    page.fill("start-last", "x").await;
    page.until("a disabled button", "document.querySelector('[data-testid=listen]').disabled").await;
    for (start, detail, expected) in [
        ("last", "3", vec![7, 8, 9]),
        ("offset", "6", vec![6, 7, 8, 9]),
        ("offset", "0@8", vec![8, 9]),
        ("earliest", "", (0..10).collect()),
    ] {
        watch_from(&page, start, detail).await;
        shows(&page, &expected).await;
        stop_listening(&page).await;
    }
    // The fifth minute, in the browser's own time zone.
    let at: String = page
        .eval("(d => new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 19))(new Date(1700000300000))")
        .await;
    page.choose("start", "time").await;
    let set = format!(
        "(e => {{ e.value = '{at}'; e.dispatchEvent(new Event('input', {{bubbles: true}})); return true }})(document.querySelector('[data-testid=start-time]'))"
    );
    assert!(page.eval::<bool>(&set).await);
    listen(&page).await;
    shows(&page, &[5, 6, 7, 8, 9]).await;
    page.is_clean().await;
}

#[tokio::test]
async fn several_topics_are_read_at_once_and_the_address_restores_the_view() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic, kafka)) = on_real_kafka(1).await else { return };
    let other = kafka.topic("second").await;
    let mut writer = bridge.client().await;
    writer.write(messaggi(&topic, 2)).await;
    writer.write(messaggi(&other, 3)).await;
    let page = browser.open(&bridge).await;
    page.fill("topic", &format!("{topic}, {other}")).await;
    watch_from(&page, "earliest", "").await;
    page.wait("feed", "data-received", "5").await;
    page.fill("filter", "messaggio 1").await;
    page.wait("feed", "data-matching", "2").await;
    page.until("the address", "location.search.includes('filter=messaggio')").await;
    page.reload().await;
    page.wait("feed", "data-received", "5").await;
    page.wait("feed", "data-matching", "2").await;
    assert_eq!(page.eval::<String>("document.querySelector('[data-testid=filter]').value").await, "messaggio 1");
    page.is_clean().await;
}

#[tokio::test]
async fn group_partitions_commits_and_lag_are_live() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (kafka.topic_with("lag", 3).await, unique("group"));
    let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &group).await;
    let page = browser.open(&bridge).await;
    listen_in_group(&page).await;
    bridge.client().await.write(messaggi(&topic, 9)).await;
    page.wait("feed", "data-received", "9").await;
    page.wait("lag", "data-lag", "0").await;
    page.click("partitions").await;
    page.until("three partitions", "document.querySelectorAll('[data-testid=partition]').length === 3").await;
    page.screenshot("partitions-of-a-group").await;
    let ends = "[...document.querySelectorAll('[data-testid=partition]')].reduce((n, row) => n + Number(row.cells[3].innerText), 0)";
    page.until("ends that add up", &format!("{ends} === 9")).await;
    let sum = "[...document.querySelectorAll('[data-testid=partition]')].reduce((n, row) => n + Number(row.cells[2].innerText), 0)";
    page.until("commits that add up", &format!("{sum} === 9")).await;
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let known: i64 = committed(&servers, &group, &topic).await.values().sum();
    assert_eq!(known, 9, "Kafka says the same");
    page.is_clean().await;
}

#[tokio::test]
async fn opened_record_shows_value_headers_text_and_bytes_unchanged() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic, _)) = on_real_kafka(1).await else { return };
    let json = r#"{"z": 9007199254740993, "a": {"list": [1.10, 2]}, "z": null}"#;
    let mut writer = bridge.client().await;
    writer
        .write(vec![
            json_record(&topic, json)
                .with_key("k")
                .with_header("twice", WireBytes::text("1"))
                .with_header("twice", WireBytes::Null),
            text_record(&topic, "second"),
            ProduceRecord { value: WireBytes::Base64(vec![0xff, 0, 0x41]), ..text_record(&topic, "") },
        ])
        .await;
    let page = browser.open(&bridge).await;
    watch_from(&page, "earliest", "").await;
    shows(&page, &[0, 1, 2]).await;
    page.click_at("[data-testid=record][data-offset='0']").await;
    page.wait_for("detail").await;
    let shown = page.text("detail-value").await;
    assert!(shown.contains("9007199254740993") && shown.contains("1.10"), "{shown}");
    assert!(shown.find("\"z\"").expect("z") < shown.find("\"a\"").expect("a"), "keys keep their order: {shown}");
    let facts = page.text("detail").await;
    assert_eq!(facts.matches("twice").count(), 2, "{facts}");

    // The value can be folded, and shown as text and as bytes.
    page.click_at(".fold[data-line='2']").await;
    page.until("folded", "!document.querySelector('[data-testid=detail-value]').innerText.includes('1.10')").await;
    page.click("fold-all").await;
    page.until("unfolded", "document.querySelector('[data-testid=detail-value]').innerText.includes('1.10')").await;
    page.click("value-text").await;
    page.until(
        "as it was sent",
        &format!("document.querySelector('[data-testid=detail-value]').innerText.trim() === {json:?}"),
    )
    .await;
    page.click("value-bytes").await;
    page.until(
        "hex",
        "document.querySelector('[data-testid=detail-value]').innerText.startsWith('00000000  7b 22 7a')",
    )
    .await;
    page.click("detail-next").await;
    page.until("the second", "document.querySelector('[data-testid=detail-value]').innerText.includes('second')").await;
    page.click("detail-next").await;
    page.until("bytes", "document.querySelector('[data-testid=detail-value]').innerText.includes('ff 00 41')").await;
    page.click("detail-previous").await;
    page.until("the second", "document.querySelector('[data-testid=detail-value]').innerText.includes('second')").await;

    // The record's link opens the page at its offset in another tab.
    assert_eq!(page.attribute("record-link", "target").await.as_deref(), Some("_blank"));
    let address = page.attribute("record-link", "href").await.expect("a link");
    let there = browser.load(&address, View::default()).await;
    shows(&there, &[1, 2]).await;
    page.is_clean().await;
    there.is_clean().await;
}

/// How long it takes to open is measured by `cargo xtask bench`, row B16.
#[tokio::test]
async fn value_of_a_mebibyte_is_shown_in_part_until_show_more() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let items: Vec<String> = (0..20_000).map(|id| format!(r#"{{"id":{id},"text":"messaggio lungo {id}"}}"#)).collect();
    let json = format!("[{}]", items.join(","));
    assert!((800_000..1_000_000).contains(&json.len()), "{} bytes", json.len());
    bridge.client().await.write(vec![json_record(&topic, &json)]).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.until("the row", "document.querySelector('[data-testid=record]')").await;
    page.click("record").await;
    page.until("the value", "document.querySelector('[data-testid=detail-value]')?.firstChild").await;
    assert!(page.number_of("[data-testid=detail-value] *").await < 5_000);
    page.click("show-more").await;
    page.until("more lines", "document.querySelectorAll('.json-line').length > 1000").await;
    page.screenshot("large-value-open").await;
    page.is_clean().await;
}

#[tokio::test]
async fn exported_file_has_every_kept_record_unchanged() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let values = [
        WireBytes::Null,
        WireBytes::text(""),
        WireBytes::text("a,\"b\"\nc"),
        WireBytes::Base64(vec![0xff, 0]),
        WireBytes::from_kafka(Some(br#"{"id": 9007199254740993}"#)),
    ];
    let record = |value: &WireBytes| {
        let record = ProduceRecord { value: value.clone(), ..text_record(&topic, "") };
        record.with_key("k").with_header("h", WireBytes::Null).with_header("h", WireBytes::text("x"))
    };
    bridge.client().await.write(values.iter().map(record).collect()).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "5").await;
    page.eval::<bool>("(() => { window.files = []; const make = URL.createObjectURL; URL.createObjectURL = blob => { window.files.push(blob); return make(blob) }; return true })()").await;
    page.click("list-settings").await;
    page.click("export-jsonl").await;
    page.until("a file", "window.files.length === 1").await;
    let lines: String = page.eval("window.files[0].text()").await;
    let again: Vec<ProduceRecord> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let same: Vec<WireBytes> = again.iter().map(|record| record.value.clone()).collect();
    assert_eq!(same, values, "{lines}");
    assert!(again.iter().all(|record| record.headers.len() == 2 && record.topic == topic), "{lines}");

    // With a filter, the export has the matching records.
    page.press("Escape", &[]).await;
    page.fill("filter", "9007199254740993").await;
    page.wait("feed", "data-matching", "1").await;
    page.click("list-settings").await;
    page.click("export-csv").await;
    page.until("another file", "window.files.length === 2").await;
    let table: String = page.eval("window.files[1].text()").await;
    assert_eq!(table.lines().count(), 2, "{table}");
    page.is_clean().await;
}

#[tokio::test]
async fn chosen_columns_and_widths_survive_a_reload() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    bridge.client().await.write(vec![text_record(&topic, "v").with_header("trace", WireBytes::text("7f3a"))]).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "1").await;
    page.click("list-settings").await;
    page.click("column-headers").await;
    page.until("the header", "document.querySelector('.rows .cell-headers').innerText === 'trace: 7f3a'").await;
    page.press("Escape", &[]).await;
    let width = "document.querySelector('.th .cell-key')?.getBoundingClientRect().width";
    let before: f64 = page.eval(width).await;
    page.eval::<bool>("(document.querySelector('[data-testid=column-edge-key]').focus(), true)").await;
    page.press("ArrowRight", &[]).await;
    page.until("a wider column", &format!("{width} > {before} + 5")).await;
    page.reload().await;
    page.until("still wider", &format!("{width} > {before} + 5")).await;
    page.is_clean().await;
}

#[tokio::test]
async fn scrolling_up_holds_the_list_and_reception_continues() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(messaggi(&topic, 200)).await;
    page.wait("feed", "data-received", "200").await;
    page.until("the newest", &format!("{OFFSETS}.includes(199)")).await;
    page.press("g", &[]).await;
    page.until("the first", &format!("{OFFSETS}[0] === 0")).await;
    writer.write(messaggi(&topic, 50)).await;
    page.wait("feed", "data-received", "250").await;
    page.until("what is new", "document.querySelector('[data-testid=latest]').innerText.includes('50')").await;
    assert_eq!(page.eval::<u64>(&format!("{OFFSETS}[0]")).await, 0, "it stands still");
    page.click("latest").await;
    page.until("the newest again", &format!("{OFFSETS}.includes(249)")).await;
    page.is_clean().await;
}

/// A page that is busy while many records arrive, and skips ahead: it gets a gap and then loads it.
#[tokio::test]
async fn gap_is_shown_and_loaded_in_place() {
    const COUNT: usize = 400;
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic, _)) = on_real_kafka(1).await else { return };
    let page = browser.open(&bridge).await;
    page.click("list-settings").await;
    page.click("skip-ahead").await;
    page.press("Escape", &[]).await;
    watch_from(&page, "earliest", "").await;
    let big = "x".repeat(100_000);
    let mut writer = bridge.client().await;
    // The page is busy and gives no credit for a while.
    let sleep = "(() => { setTimeout(() => { const until = performance.now() + 12000; while (performance.now() < until); }, 50); return true })()";
    page.eval::<bool>(sleep).await;
    for _ in 0..COUNT / 20 {
        writer.write((0..20).map(|_| text_record(&topic, &big)).collect()).await;
    }
    page.until_within(
        Duration::from_secs(60),
        "a gap",
        "document.querySelector('[data-testid=feed]').dataset.missing > 0",
    )
    .await;
    let all = format!(
        "(f => Number(f.received) + Number(f.missing) === {COUNT})(document.querySelector('[data-testid=feed]').dataset)"
    );
    page.until("every record, received or missing", &all).await;
    page.press("g", &[]).await;
    page.fill("filter", "only gaps have this").await;
    page.wait_for("gap").await;
    photograph(&page, "gap").await;
    // There may be several.
    let settled = "!document.querySelector('[data-testid=gap-stop]')";
    while page.number_of("[data-testid=gap-load]").await > 0 {
        page.click("gap-load").await;
        page.until_within(Duration::from_secs(60), "the gap loaded", settled).await;
    }
    page.wait("feed", "data-missing", "0").await;
    page.wait("feed", "data-received", &COUNT.to_string()).await;
    page.is_clean().await;
}

/// `enable.auto.commit=false` of the seed's options.
#[tokio::test]
async fn group_without_commit_keeps_its_committed_offsets() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (kafka.topic("uncommitted").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &group).await;
    bridge.client().await.write(messaggi(&topic, 10)).await;
    let page = browser.open(&bridge).await;
    page.click("list-settings").await;
    page.click("commit").await;
    page.press("Escape", &[]).await;
    listen_in_group(&page).await;
    page.wait("feed", "data-received", "10").await;
    stop_listening(&page).await;

    // The setting is kept after a reload, and the group's offsets have not moved.
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    listen(&page).await;
    page.wait("feed", "data-received", "10").await;
    stop_listening(&page).await;
    page.click("list-settings").await;
    page.click("commit").await;
    page.press("Escape", &[]).await;
    listen(&page).await;
    page.until("all committed", "/\\b0\\s+lag/.test(document.querySelector('.counts').innerText)").await;
    page.is_clean().await;
}

/// An empty paused list must not show the message of a filter without matches.
#[tokio::test]
async fn list_paused_while_empty_shows_how_many_records_arrived() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("pause").await;
    bridge.client().await.write(messaggi(&topic, 3)).await;
    page.wait("empty", "data-reason", "paused").await;
    assert!(page.text("empty").await.contains("3 records"), "{}", page.text("empty").await);
    photograph(&page, "paused-empty").await;
    page.click("pause").await;
    shows(&page, &[0, 1, 2]).await;
    page.is_clean().await;
}

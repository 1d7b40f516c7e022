//! B16: how long the page takes for what a user does, from the click to the effect. Measured in the page, so that the way from the
//! benchmark to the browser is not part of it.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::SinkExt as _;
use protocol::{ClientMessage, CreateTopic, Produce, ProduceRecord, ServerMessage, WireBytes};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde::Deserialize;

use crate::browser::Window;
use crate::case::{Case, Metric};
use crate::client::Client;
use crate::lab::{Bridge, Lab};
use crate::measurement::{Measurement, Unit};

const MS_US: f64 = 1000.0;

const SEEN_P50_LIMIT: f64 = 50.0 * MS_US;
const SEEN_P99_LIMIT: f64 = 250.0 * MS_US;
const OPENED_LIMIT: f64 = 200.0 * MS_US;
const LISTED_LIMIT: f64 = 500.0 * MS_US;
const FILTERED_LIMIT: f64 = 200.0 * MS_US;
const SORTED_LIMIT: f64 = 200.0 * MS_US;
/// How long a click has to wait while a file is read.
const LONGEST_TURN_LIMIT: f64 = 500.0 * MS_US;
const READ_LIMIT: f64 = 10_000.0 * MS_US;
const BACK_IN_SIGHT_LIMIT: f64 = 2000.0 * MS_US;
/// 4,000 records at 2,000 a second, and a quarter on top.
const RUN_LIMIT: f64 = 2500.0 * MS_US;

const CLICKS: u64 = 100;
const TOPICS: u64 = 5000;
const PARTITIONS: i32 = 1000;
const FILE_LINES: u64 = 100_000;
const HIDDEN_RECORDS: u64 = 20_000;
const HIDDEN_RECORD_BYTES: usize = 100;
const RUN_RECORDS: u64 = 4000;
const RUN_RATE: u64 = 2000;

/// A producer that creates topics asks for the metadata of all its topics again with each new one.
const TOPICS_OF_A_PRODUCER: usize = 500;
const FLUSH_WITHIN: Duration = Duration::from_secs(60);
/// librdkafka's mock may sleep while connections wait; a further connection wakes it.
const WAKE_EVERY: Duration = Duration::from_millis(50);

const IS_LISTENING: &str = "document.querySelector('[data-testid=listen]')?.dataset.state === 'listening'";
const IS_OPEN: &str = "document.querySelector('[data-testid=connection]')?.dataset.state === 'open'";

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let within = |name, limit| Metric::within(name, Unit::Microseconds, limit);
    let mut action = |name: &str, metrics: Vec<Metric>, ours: &mut dyn FnMut() -> Result<Vec<Measurement>>| {
        measure(&mut Case { row: "B16", name: name.to_owned(), metrics, floors: Vec::new(), ours: Box::new(ours) });
    };
    let seen = vec![within("p50", SEEN_P50_LIMIT), within("p99", SEEN_P99_LIMIT)];
    action("send: click → acknowledged and seen", seen, &mut || send_is_seen(lab));
    action("1 MiB of JSON: click → shown", vec![within("open", OPENED_LIMIT)], &mut || value_is_opened(lab));
    let lists = vec![within("arrived → listed", LISTED_LIMIT), within("typed → filtered", FILTERED_LIMIT)];
    action("5,000 topics", lists, &mut || topics_are_listed(lab));
    let sorted = vec![within("click → sorted", SORTED_LIMIT)];
    action("1,000 partitions", sorted, &mut || partitions_are_sorted(lab));
    let file = vec![within("longest turn", LONGEST_TURN_LIMIT), within("dropped → read", READ_LIMIT)];
    action("file of 20 MB", file, &mut || file_is_read(lab));
    let shown = vec![within("shown → newest row", BACK_IN_SIGHT_LIMIT)];
    action("hidden tab with 20,000 new records", shown, &mut || hidden_tab_is_shown(lab));
    let run = vec![within("click → done", RUN_LIMIT)];
    action("run of 4,000 records at 2,000/s", run, &mut || run_keeps_its_rate(lab));
    Ok(())
}

fn milliseconds(value: f64) -> Measurement {
    Measurement::of(value * MS_US)
}

/// A page that reads this topic from its first record.
fn listening(bridge: &Bridge, topic: &str) -> Result<Window> {
    let window = Window::open()?;
    window.go(&format!("http://{}/?mode=watch&start=earliest&topic={topic}", bridge.address))?;
    window.until("listening", IS_LISTENING)?;
    Ok(window)
}

/// Replaces what a field holds, as typing and leaving it would.
fn fill(window: &Window, testid: &str, text: &str) -> Result<()> {
    window.until(testid, &format!("document.querySelector('[data-testid={testid}]')"))?;
    window.ask::<bool>(&format!(
        "(e => {{ e.focus(); e.value = {text:?}; for (const kind of ['input', 'change']) \
         e.dispatchEvent(new Event(kind, {{bubbles: true}})); e.blur(); return true }})\
         (document.querySelector('[data-testid={testid}]'))"
    ))?;
    Ok(())
}

fn click(window: &Window, testid: &str) -> Result<()> {
    let ready = format!("(e => e && !e.disabled)(document.querySelector('[data-testid={testid}]'))");
    window.until(testid, &ready)?;
    window.ask::<bool>(&format!("(document.querySelector('[data-testid={testid}]').click(), true)"))?;
    Ok(())
}

#[derive(Deserialize)]
struct Clicks {
    /// Milliseconds, in ascending order.
    took: Vec<f64>,
}

fn send_is_seen(lab: &Lab) -> Result<Vec<Measurement>> {
    // Each click waits for a row that was not there before, acknowledged and read back.
    const MEASURE: &str = "(async () => { const seen = \
           `[data-testid='sent-row'][data-state='acked'][data-seen='true']`, took = []; \
         for (let i = 0; i < CLICKS; i++) { \
           const rows = new Set([...document.querySelectorAll('[data-testid=sent-row]')].map(e => e.dataset.seq)); \
           const began = performance.now(); document.querySelector('[data-testid=send]').click(); \
           const fresh = () => [...document.querySelectorAll(seen)].some(e => !rows.has(e.dataset.seq)); \
           while (!fresh()) { await new Promise(requestAnimationFrame); \
             if (performance.now() - began > 5000) throw new Error(`record ${i} never came`) } \
           took.push(performance.now() - began); } \
         return {took: took.sort((a, b) => a - b)} })()";
    let topic = lab.topic()?;
    let bridge = lab.bridge_with(&["--topic", &topic.name])?;
    let window = listening(&bridge, &topic.name)?;
    fill(&window, "compose-value", r#"{"n":1}"#)?;
    window.until("a form that can be sent", "!document.querySelector('[data-testid=send]').disabled")?;
    let Clicks { took } = window.ask(&MEASURE.replace("CLICKS", &CLICKS.to_string()))?;
    let at = |share: usize| took.get(took.len() * share / 100).copied().context("no clicks");
    Ok(vec![milliseconds(at(50)?), milliseconds(at(99)?)])
}

fn value_is_opened(lab: &Lab) -> Result<Vec<Measurement>> {
    const MEASURE: &str = "(async () => { const began = performance.now(); \
         document.querySelector('[data-testid=record]').click(); \
         while (!document.querySelector('[data-testid=detail-value]')?.firstChild) \
           await new Promise(requestAnimationFrame); \
         return performance.now() - began })()";
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let mut json = "[0".to_owned();
    for id in 0..20_000 {
        write!(json, r#",{{"id":{id},"text":"messaggio lungo {id}"}}"#)?;
    }
    json.push(']');
    let value = WireBytes::from_kafka(Some(json.as_bytes()));
    let record = ProduceRecord { topic: topic.name.clone(), value, ..ProduceRecord::default() };
    with_client(&bridge, async |client| {
        client.socket.send(crate::client::text(Produce { seq: 0, records: vec![record] })).await?;
        client.acknowledged(1).await
    })?;
    let window = listening(&bridge, &topic.name)?;
    window.until("the row", "document.querySelector('[data-testid=record]')")?;
    Ok(vec![milliseconds(window.ask(MEASURE)?)])
}

fn topics_are_listed(lab: &Lab) -> Result<Vec<Measurement>> {
    // When the first push is read, and when its rows are in the document.
    const NOTE: &str = "(() => { const data = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data'); \
         Object.defineProperty(MessageEvent.prototype, 'data', {configurable: true, get() { \
           const text = data.get.call(this); \
           if (typeof text === 'string' && text.startsWith('{\"type\":\"topics_changed\"')) \
             window.__arrived ??= performance.now(); \
           return text }}); \
         const look = () => { if (document.querySelector('[data-testid=topic-row]')) window.__listed ??= performance.now(); \
           else requestAnimationFrame(look) }; \
         requestAnimationFrame(look); return true })()";
    const FILTER: &str = "new Promise(done => { const find = document.querySelector('[data-testid=find-topic]'), \
           began = performance.now(); \
         find.value = 'TEXT'; find.dispatchEvent(new Event('input', {bubbles: true})); \
         const look = () => document.querySelector('[data-testid=topics]').ariaRowCount === '2' \
           ? done(performance.now() - began) : requestAnimationFrame(look); look() })";
    let count = lab.scale.of(TOPICS);
    let name = |number: u64| format!("orders-{number:04}.with-a-name-as-long-as-they-come-in-larger-companies");
    // librdkafka's mock: what the brokers take is not measured, and thousands of topics would slow down the other rows' Kafka.
    let mock = MockCluster::new(1)?;
    create_topics(&mock.bootstrap_servers(), &(0..count).map(name).collect::<Vec<_>>())?;
    let bridge = lab.bridge_on(&mock.bootstrap_servers(), &[])?;
    let window = Window::open()?;
    window.go(&format!("http://{}/", bridge.address))?;
    window.until("a connection", IS_OPEN)?;
    window.ask::<bool>(NOTE)?;
    click(&window, "nav-topics")?;
    window.until("the rows", "window.__listed")?;
    let listed: f64 = window.ask("window.__listed - window.__arrived")?;
    let filtered: f64 = window.ask(&FILTER.replace("TEXT", &format!("orders-{:04}.", count - 1)))?;
    Ok(vec![milliseconds(listed), milliseconds(filtered)])
}

/// The mock creates a topic when a record is sent to it.
fn create_topics(servers: &str, names: &[String]) -> Result<()> {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let _ = TcpStream::connect(servers);
                std::thread::sleep(WAKE_EVERY);
            }
        });
        let created = names.chunks(TOPICS_OF_A_PRODUCER).try_for_each(|some| {
            let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", servers).create()?;
            for name in some {
                producer.send(BaseRecord::<(), str>::to(name).payload("first")).map_err(|(error, _)| error)?;
            }
            producer.flush(FLUSH_WITHIN)?;
            anyhow::Ok(())
        });
        is_done.store(true, Ordering::Relaxed);
        created
    })
}

fn partitions_are_sorted(lab: &Lab) -> Result<Vec<Measurement>> {
    const MEASURE: &str = "new Promise(done => { const began = performance.now(); \
         document.querySelector('[data-testid=sort-partition]').click(); \
         const look = () => document.querySelector('[aria-sort=descending]') ? done(performance.now() - began) \
           : requestAnimationFrame(look); look() })";
    let bridge = lab.demo_bridge()?;
    let create = CreateTopic {
        name: "wide".to_owned(),
        partitions: Some(PARTITIONS),
        replication: None,
        config: std::collections::BTreeMap::new(),
    };
    with_client(&bridge, async |client| {
        let request = ClientMessage::from(create).to_json_with_id(Some(1));
        client.socket.send(tokio_tungstenite::tungstenite::Message::text(request)).await?;
        client.find(|message| matches!(message, ServerMessage::CreateTopicResult(_)).then_some(())).await
    })?;
    let window = Window::open()?;
    window.go(&format!("http://{}/?view=topics&name=wide&tab=partitions", bridge.address))?;
    window.until("the partitions", "document.querySelector('[data-testid=partition-row]')")?;
    Ok(vec![milliseconds(window.ask(MEASURE)?)])
}

#[derive(Deserialize)]
struct Reading {
    longest: f64,
    took: f64,
}

fn file_is_read(lab: &Lab) -> Result<Vec<Measurement>> {
    // Made in the page. The longest time between two turns of the event loop is how long a click has to wait.
    const MEASURE: &str = "(async () => { \
         const line = i => JSON.stringify({key: `k${i}`, value: {json: {i, pad: 'x'.repeat(160)}}}); \
         let text = ''; for (let i = 0; i < LINES; i++) text += line(i) + '\\n'; \
         const data = new DataTransfer(); data.items.add(new File([text], 'large.jsonl')); \
         const began = performance.now(); let last = began, longest = 0; \
         document.querySelector('[data-testid=batch-drop]').dispatchEvent(new DragEvent('drop', \
           {bubbles: true, cancelable: true, dataTransfer: data})); \
         const is_checked = () => document.querySelector('[data-testid=batch]')?.dataset.state === 'checked'; \
         while (!is_checked()) { await new Promise(turn => setTimeout(turn, 0)); \
           const now = performance.now(); longest = Math.max(longest, now - last); last = now; \
           if (now - began > 25000) throw new Error('the file was not read') } \
         return {longest, took: last - began} })()";
    let bridge = lab.demo_bridge()?;
    let window = Window::open()?;
    window.go(&format!("http://{}/", bridge.address))?;
    click(&window, "send-batch-tab")?;
    window.until("the form", "document.querySelector('[data-testid=batch-drop]')")?;
    let Reading { longest, took } = window.ask(&MEASURE.replace("LINES", &lab.scale.of(FILE_LINES).to_string()))?;
    Ok(vec![milliseconds(longest), milliseconds(took)])
}

fn hidden_tab_is_shown(lab: &Lab) -> Result<Vec<Measurement>> {
    const NOTE: &str = "(() => { window.__shown = null; document.addEventListener('visibilitychange', () => { \
         if (document.hidden) return; const began = performance.now(); \
         const look = () => { const newest = [...document.querySelectorAll('[data-testid=record]')].at(-1); \
           if (Number(newest?.dataset.offset) === LAST) window.__shown = performance.now() - began; \
           else requestAnimationFrame(look) }; requestAnimationFrame(look) }); return true })()";
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let window = listening(&bridge, &topic.name)?;
    window.hide()?;
    window.until("a hidden tab", "document.hidden")?;
    let records = lab.scale.of(HIDDEN_RECORDS);
    topic.fill(records, HIDDEN_RECORD_BYTES)?;
    window.until("the count in the title", &format!("document.title.startsWith('({records})')"))?;
    window.ask::<bool>(&NOTE.replace("LAST", &(records - 1).to_string()))?;
    window.show()?;
    window.until("the newest row", "window.__shown !== null")?;
    Ok(vec![milliseconds(window.ask("window.__shown")?)])
}

fn run_keeps_its_rate(lab: &Lab) -> Result<Vec<Measurement>> {
    const MEASURE: &str = "(async () => { const began = performance.now(); \
         document.querySelector('[data-testid=run-start]').click(); \
         const state = () => document.querySelector('[data-testid=run]')?.dataset.state; \
         while (state() !== 'done') { await new Promise(requestAnimationFrame); \
           if (performance.now() - began > 25000) throw new Error(`the run is ${state()}`) } \
         return performance.now() - began })()";
    let topic = lab.topic()?;
    let bridge = lab.bridge_with(&["--topic", &topic.name])?;
    let window = Window::open()?;
    window.go(&format!("http://{}/?mode=watch&topic={}", bridge.address, topic.name))?;
    window.until("a connection", IS_OPEN)?;
    click(&window, "send-run-tab")?;
    fill(&window, "run-value", r#"{"i": {{i}}}"#)?;
    for (field, number) in [("run-count", lab.scale.of(RUN_RECORDS)), ("run-rate", RUN_RATE)] {
        // "None" means until stopped, and as fast as possible.
        if window.ask(&format!("document.querySelector('[data-testid={field}-none]').checked"))? {
            click(&window, &format!("{field}-none"))?;
        }
        fill(&window, field, &number.to_string())?;
    }
    window.until("a run that can start", "!document.querySelector('[data-testid=run-start]').disabled")?;
    let took: f64 = window.ask(MEASURE)?;
    ensure!(took > 0.0, "a run takes time");
    Ok(vec![milliseconds(took)])
}

fn with_client<T>(bridge: &Bridge, work: impl AsyncFnOnce(&mut Client) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut client = Client::connect(&bridge.address).await?;
        work(&mut client).await
    })
}

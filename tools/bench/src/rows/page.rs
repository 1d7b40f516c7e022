//! B5: the live list in a real browser, while records come at a steady rate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::browser::Window;
use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::{Bridge, Lab, Topic};
use crate::measurement::{Measurement, Unit};
use crate::role::Role;
use crate::roles::hand_written_page::HandWrittenPage;
use crate::roles::paced_producer::PacedProducer;
use crate::rows::decode::configuration;
use crate::suite::floor;
use crate::values::Values;

const RATES: [u64; 4] = [1_000, 10_000, 100_000, 300_000];
/// Of records that the bridge decodes.
const TYPED_RATE: u64 = 100_000;
const RECORD_BYTES: usize = 100;
const TIME: Duration = Duration::from_secs(60);
const QUICK_TIME: Duration = Duration::from_secs(2);
/// After this number of records the tab keeps no more of them, so its memory must stay the same.
const BEFORE: u64 = 600_000;
/// How long records in flight may take after the producer is done.
const CATCH_UP: Duration = Duration::from_secs(10);

/// The limit for the slowest twentieth of the frames, of 60 a second.
const FRAMES_LIMIT: f64 = 58.0;
/// Users notice tasks of this length.
const TASK_LIMIT_US: f64 = 50_000.0;
const CPU_TARGET: f64 = 1.3;
/// How much the browser's own memory varies.
const GROWTH_LIMIT: f64 = 24.0 * 1_048_576.0;

/// With `--long`: growth that one minute does not show.
const LONG_RATE: u64 = 10_000;
const LONG_TIME: Duration = Duration::from_secs(600);
const LONG_GROWTH: f64 = 1.1;

/// Kafka deletes old records; a page that keeps up has read them long before.
const RETENTION: [(&str, &str); 2] = [("retention.bytes", "1073741824"), ("segment.bytes", "134217728")];

/// Times of drawn frames, and tasks of 50 ms and more, which is all that browsers report.
const METER: &str = "(() => { const meter = window.__meter = {frames: [], longest: 0}; \
     new PerformanceObserver(list => { for (const task of list.getEntries()) \
       meter.longest = Math.max(meter.longest, task.duration) }).observe({type: 'longtask'}); \
     const frame = at => { meter.frames.push(at); requestAnimationFrame(frame) }; requestAnimationFrame(frame); \
     return true })()";
const READ_METER: &str = "(({frames, longest}) => { \
     const apart = frames.slice(1).map((at, i) => at - frames[i]).sort((a, b) => a - b); \
     return {fps: 1000 / apart[Math.floor(apart.length * 0.95)], longest} })(window.__meter)";

#[derive(Deserialize)]
struct Meter {
    /// The slowest twentieth of the frames was slower than this.
    fps: f64,
    /// Milliseconds; 0 where none took 50.
    longest: f64,
}

/// A page that shows a topic: its address, and expressions for whether it listens and how many records it has received.
struct Shown<'s> {
    url: String,
    is_listening: &'s str,
    received: &'s str,
}

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let mut by_hand = Process::start(&Role::HandWrittenPage(HandWrittenPage {}))?;
    let address: String = by_hand.hear()?;
    for rate in RATES {
        measure(&mut Case {
            row: "B5",
            name: format!("{rate} records/s"),
            metrics: metrics(),
            floors: vec![floor("by hand in JavaScript", &[Some(CPU_TARGET), None, None, None], || {
                watch(lab, (rate, Values::Json), &address, |bridge, topic| Shown {
                    url: format!("http://{address}/?bridge={}&topic={}", bridge.address, topic.name),
                    is_listening: "window.listening",
                    received: "window.received()",
                })
            })],
            ours: Box::new(|| watch(lab, (rate, Values::Json), &address, ponte)),
        });
    }
    measure(&mut Case {
        row: "B5",
        name: format!("{TYPED_RATE} Avro records/s"),
        metrics: metrics(),
        floors: vec![floor("the same rate of JSON", &[None, None, None, None], || {
            watch(lab, (TYPED_RATE, Values::Json), &address, ponte)
        })],
        ours: Box::new(|| watch(lab, (TYPED_RATE, Values::Avro), &address, ponte)),
    });
    if lab.scale.long {
        measure(&mut long_run(lab, &address));
    }
    Ok(())
}

fn metrics() -> Vec<Metric> {
    vec![
        Metric::new("CPU of the browser", Unit::Cores),
        Metric::within("p5 of frames", Unit::FramesPerSecond, FRAMES_LIMIT),
        Metric::within("longest task", Unit::Microseconds, TASK_LIMIT_US),
        Metric::within("growth of the tab", Unit::Bytes, GROWTH_LIMIT),
    ]
}

fn ponte(bridge: &Bridge, topic: &Topic<'_>) -> Shown<'static> {
    Shown {
        url: format!("http://{}/?mode=watch&start=earliest&topic={}", bridge.address, topic.name),
        is_listening: "document.querySelector('[data-testid=listen]')?.dataset.state === 'listening'",
        received: "Number(document.querySelector('[data-testid=feed]').dataset.received)",
    }
}

/// Whether a tab grows in ten minutes. The floor is its memory before them.
fn long_run<'l>(lab: &'l Lab, address: &'l str) -> Case<'l> {
    let page = Rc::new(RefCell::new(None));
    let before = Rc::new(Cell::new(None));
    let (opened, known) = (Rc::clone(&page), Rc::clone(&before));
    let open = move || {
        // The second measurement of the floor is the value of the first one.
        if let Some(memory) = known.take() {
            return Ok(vec![Measurement::of(memory)]);
        }
        let page = Watched::open(lab, (LONG_RATE, Values::Json), LONG_TIME, address, ponte)?;
        let memory = page.tab_bytes()?;
        *opened.borrow_mut() = Some((page, memory));
        Ok(vec![Measurement::of(memory)])
    };
    Case {
        row: "B5",
        name: format!("{LONG_RATE} records/s for {} minutes", LONG_TIME.as_secs() / 60),
        metrics: vec![Metric::new("memory of the tab", Unit::Bytes)],
        floors: vec![floor("the same tab before", &[Some(LONG_GROWTH)], open)],
        ours: Box::new(move || {
            let (mut page, memory) = page.take().context("the page was not opened")?;
            let sent = page.produce()?;
            page.counts_all(sent)?;
            before.set(Some(memory));
            Ok(vec![Measurement::of(page.tab_bytes()?)])
        }),
    }
}

/// A page in a new browser that has received the existing records of its topic, and a producer that waits to start.
struct Watched<'l> {
    window: Window,
    producer: Process,
    received: &'static str,
    before: u64,
    time: Duration,
    _bridge: Bridge,
    _topic: Topic<'l>,
}

impl<'l> Watched<'l> {
    fn open(
        lab: &'l Lab,
        (per_second, values): (u64, Values),
        time: Duration,
        allowed: &str,
        shown: impl FnOnce(&Bridge, &Topic<'_>) -> Shown<'static>,
    ) -> Result<Self> {
        let topic = lab.topic_with(&RETENTION)?;
        let before = lab.scale.of(BEFORE);
        topic.fill_with(values, before, RECORD_BYTES)?;
        let origin = format!("http://{allowed}");
        let mut options = vec!["--allowed-origins", &origin];
        let config = values.schema().map(|_| configuration(&topic.name, values)).transpose()?;
        options.extend(config.iter().flat_map(|config| ["--config", config]));
        let bridge = lab.bridge_with(&options)?;
        let Shown { url, is_listening, received } = shown(&bridge, &topic);
        let window = Window::open()?;
        window.go(&url)?;
        window.until("listening", is_listening)?;
        window.until("what was there before", &format!("{received} >= {before}"))?;

        let records = per_second * time.as_secs();
        let (kafka, topic_name, bytes) = (lab.kafka(), topic.name.clone(), RECORD_BYTES);
        let role = PacedProducer { kafka, topic: topic_name, per_second, records, values, bytes };
        let mut producer = Process::start(&Role::PacedProducer(role))?;
        let _connected: u64 = producer.hear()?;
        Ok(Self { window, producer, received, before, time, _bridge: bridge, _topic: topic })
    }

    /// Starts the producer, waits until it is done, and returns how many records it has sent. It takes longer on a machine that
    /// is too slow for the rate.
    fn produce(&mut self) -> Result<u64> {
        self.producer.go()?;
        self.producer.hear_within(self.time * 2)
    }

    /// Waits until the page has counted every record.
    fn counts_all(&self, sent: u64) -> Result<()> {
        let last = self.before + sent;
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let counted: u64 = self.window.ask(self.received)?;
            if counted == last {
                return Ok(());
            }
            ensure!(counted < last && Instant::now() < deadline, "{counted} of {last} records were counted");
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
    fn tab_bytes(&self) -> Result<f64> {
        Ok(self.window.tab_bytes()? as f64)
    }
}

/// Measures our page or the hand-written one while records arrive at this rate.
fn watch(
    lab: &Lab,
    (per_second, values): (u64, Values),
    allowed: &str,
    shown: impl Fn(&Bridge, &Topic<'_>) -> Shown<'static>,
) -> Result<Vec<Measurement>> {
    let time = if lab.scale.quick { QUICK_TIME } else { TIME };
    let mut page = Watched::open(lab, (per_second, values), time, allowed, shown)?;
    let memory = page.tab_bytes()?;
    page.window.ask::<bool>(METER)?;
    let (began, cpu) = (Instant::now(), page.window.cpu_seconds()?);
    let sent = page.produce()?;
    let (took, cpu) = (began.elapsed(), page.window.cpu_seconds()? - cpu);
    let meter: Meter = page.window.ask(READ_METER)?;
    page.counts_all(sent)?;
    let grown = (page.tab_bytes()? - memory).max(0.0);
    Ok([cpu / took.as_secs_f64(), meter.fps, meter.longest * 1000.0, grown].map(Measurement::of).to_vec())
}

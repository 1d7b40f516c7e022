//! B5: the live list in a real browser, while records come at a steady rate.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::browser::Window;
use crate::case::{Case, Metric};
use crate::lab::{Bridge, Lab, Topic};
use crate::measurement::{Measurement, Unit};
use crate::role::{Process, Role};
use crate::roles::hand_written_page::HandWrittenPage;
use crate::roles::paced_producer::PacedProducer;
use crate::suite::floor;

const RATES: [u64; 4] = [1_000, 10_000, 100_000, 300_000];
const RECORD_BYTES: usize = 100;
const TIME: Duration = Duration::from_secs(60);
const QUICK_TIME: Duration = Duration::from_secs(2);
/// A tab that has seen so many keeps no more of them than it does later: from here on its memory has to stay.
const BEFORE: u64 = 600_000;
/// At most so many records may still be on their way when the producer is done: a second's.
const CATCH_UP: Duration = Duration::from_secs(10);

/// Of 60 frames a second that the browser draws, the slowest twentieth.
const FRAMES_LIMIT: f64 = 58.0;
/// A task of this length is felt.
const TASK_LIMIT_US: f64 = 50_000.0;
const CPU_TARGET: f64 = 1.3;
/// What the browser itself comes and goes by.
const GROWTH_LIMIT: f64 = 24.0 * 1_048_576.0;

/// Old records go: a page that keeps up reads them long before.
const RETENTION: [(&str, &str); 2] = [("retention.bytes", "1073741824"), ("segment.bytes", "134217728")];

/// Frames as they are drawn, and tasks of 50 ms and more, which is all that browsers tell.
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

/// A page that shows a topic: where it is, when it listens, and what it has received.
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
            metrics: vec![
                Metric::new("CPU of the browser", Unit::Cores),
                Metric::within("p5 of frames", Unit::FramesPerSecond, FRAMES_LIMIT),
                Metric::within("longest task", Unit::Microseconds, TASK_LIMIT_US),
                Metric::within("growth of the tab", Unit::Bytes, GROWTH_LIMIT),
            ],
            floors: vec![floor("by hand in JavaScript", &[Some(CPU_TARGET), None, None, None], || {
                watch(lab, rate, &address, |bridge, topic| Shown {
                    url: format!("http://{address}/?bridge={}&topic={}", bridge.address, topic.name),
                    is_listening: "window.listening",
                    received: "window.received()",
                })
            })],
            ours: Box::new(|| {
                watch(lab, rate, &address, |bridge, topic| Shown {
                    url: format!("http://{}/?mode=watch&start=earliest&topic={}", bridge.address, topic.name),
                    is_listening: "document.querySelector('[data-testid=listen]')?.dataset.state === 'listening'",
                    received: "Number(document.querySelector('[data-testid=feed]').dataset.received)",
                })
            }),
        });
    }
    Ok(())
}

/// One page, fresh in a fresh browser, while records come at this rate.
fn watch(
    lab: &Lab,
    per_second: u64,
    allowed: &str,
    shown: impl Fn(&Bridge, &Topic<'_>) -> Shown<'static>,
) -> Result<Vec<Measurement>> {
    let time = if lab.scale.quick { QUICK_TIME } else { TIME };
    let topic = lab.topic_with(&RETENTION)?;
    let before = lab.scale.of(BEFORE);
    topic.fill(before, RECORD_BYTES)?;
    let bridge = lab.bridge_with(&["--allowed-origins", &format!("http://{allowed}")])?;
    let Shown { url, is_listening, received } = shown(&bridge, &topic);
    let window = Window::open()?;
    window.go(&url)?;
    window.until("listening", is_listening)?;
    window.until("what was there before", &format!("{received} >= {before}"))?;

    let records = per_second * time.as_secs();
    let role =
        PacedProducer { kafka: lab.kafka(), topic: topic.name.clone(), per_second, records, bytes: RECORD_BYTES };
    let mut producer = Process::start(&Role::PacedProducer(role))?;
    let _connected: u64 = producer.hear()?;
    let memory = window.tab_bytes()?;
    window.ask::<bool>(METER)?;
    let (began, cpu) = (Instant::now(), window.cpu_seconds()?);
    producer.go()?;
    let sent: u64 = producer.hear()?;
    let (took, cpu) = (began.elapsed(), window.cpu_seconds()? - cpu);
    let meter: Meter = window.ask(READ_METER)?;

    let last = before + sent;
    let deadline = Instant::now() + CATCH_UP;
    let counted = loop {
        let counted: u64 = window.ask(received)?;
        if counted >= last || Instant::now() > deadline {
            break counted;
        }
    };
    ensure!(counted == last, "{counted} of {last} records were counted");
    let grown = window.tab_bytes()?.saturating_sub(memory);
    ensure!(took < time * 2, "{sent} records took the producer {took:?}: the machine is too small for this rate");
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
    let grown = grown as f64;
    Ok([cpu / took.as_secs_f64(), meter.fps, meter.longest * 1000.0, grown].map(Measurement::of).to_vec())
}

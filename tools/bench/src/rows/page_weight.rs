//! B8: how many bytes the page loads, and how long a slow computer needs for it.

use anyhow::Result;
use serde::Deserialize;

use crate::browser::Window;
use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::role::Role;
use crate::roles::hand_written_page::HandWrittenPage;
use crate::suite::floor;

/// What must arrive before the live view works.
const FIRST_LOAD_LIMIT: f64 = 400.0 * 1024.0;
/// The speed of an old mobile phone relative to this machine.
const SLOWER: f64 = 4.0;

/// Records the time at which the first usable control exists.
const NOTE: &str = "new MutationObserver((_, observer) => { if (READY) { window.__ready = performance.now(); \
     observer.disconnect() } }).observe(document, {subtree: true, childList: true, attributes: true})";
/// Compressed sizes of what was requested before the page was interactive; the parts that it loads later are not counted.
/// Loopback counts as secure, so the browser accepts brotli.
const READ: &str = "(() => { const all = [...performance.getEntriesByType('navigation'), \
     ...performance.getEntriesByType('resource')].filter(one => one.startTime < window.__ready); \
     return {bytes: all.reduce((sum, one) => sum + one.encodedBodySize, 0), \
     painted: performance.getEntriesByName('first-contentful-paint')[0].startTime, ready: window.__ready} })()";

#[derive(Deserialize)]
struct Arrival {
    bytes: f64,
    /// Milliseconds since the navigation started.
    painted: f64,
    ready: f64,
}

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let mut by_hand = Process::start(&Role::HandWrittenPage(HandWrittenPage {}))?;
    let address: String = by_hand.hear()?;
    measure(&mut Case {
        row: "B8",
        name: "the page, first visit".to_owned(),
        metrics: vec![
            Metric::within("bytes, compressed", Unit::Bytes, FIRST_LOAD_LIMIT),
            Metric::new("first paint, 4× slower", Unit::Microseconds),
            Metric::new("interactive, 4× slower", Unit::Microseconds),
        ],
        // For orientation: the page is more than a list.
        floors: vec![floor("by hand in JavaScript", &[None, None, None], || {
            arrive(&format!("http://{address}/"), "document.getElementById('rows')")
        })],
        ours: Box::new(|| {
            let bridge = lab.bridge()?;
            let control = "document.querySelector('[data-testid=listen]:not(:disabled)')";
            arrive(&format!("http://{}/", bridge.address), control)
        }),
    });
    Ok(())
}

fn arrive(url: &str, ready: &str) -> Result<Vec<Measurement>> {
    let window = Window::open()?;
    window.slow_down(SLOWER)?;
    window.prepare(&NOTE.replace("READY", ready))?;
    window.go(url)?;
    window.until("an interactive page", "window.__ready")?;
    window.until("a painted page", "performance.getEntriesByName('first-contentful-paint').length")?;
    let Arrival { bytes, painted, ready } = window.ask(READ)?;
    Ok([bytes, painted * 1000.0, ready * 1000.0].map(Measurement::of).to_vec())
}

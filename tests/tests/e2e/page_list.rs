//! The list of records: long lists, following, scrolling, and hidden tabs.

use tests::client::{messaggi, text_record};
use tests::page::View;
use tests::{Bridge, Browser, Page};

use crate::page::{bridge, listen};

/// The offsets of the visible rows, top to bottom.
const OFFSETS: &str = "[...document.querySelectorAll('[data-testid=record]')].map(e => Number(e.dataset.offset))";

/// Records every change in the document, except for the title.
pub const NOTE_CHANGES: &str = "(() => { window.__changes = []; new MutationObserver(changes => window.__changes.push( \
     ...changes.map(({type, target}) => `${type} of ${(target.parentElement ?? target).outerHTML.slice(0, 100)}`))) \
     .observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true}); return true })()";

/// Writes short records as fast as the page reads them: the demo broker deletes records beyond 5 MiB for each partition.
async fn flood(page: &Page, bridge: &Bridge, topic: &str, count: u64) {
    const ROUND: u64 = 10_000;
    let mut writer = bridge.client().await;
    let mut written = 0;
    while written < count {
        for _ in 0..ROUND / 1000 {
            writer.write((0..1000).map(|_| text_record(topic, "v")).collect()).await;
        }
        written += ROUND;
        let arrived = "Number(document.querySelector('[data-testid=feed]').dataset.received)";
        page.until(&format!("{written} records"), &format!("{arrived} >= {written} - 20000")).await;
    }
    page.wait("feed", "data-received", &count.to_string()).await;
    page.wait("feed", "data-missing", "0").await;
}

/// Drags the scrollbar to this fraction of its range.
async fn drag(page: &Page, part: f64) {
    page.eval::<f64>(&format!(
        "(e => e.scrollTop = (e.scrollHeight - e.clientHeight) * {part})(document.querySelector('[data-testid=feed]'))"
    ))
    .await;
}

/// More records than a browser could give a pixel each, so the scrollbar is scaled.
#[tokio::test]
async fn scrollbar_of_a_long_list_reaches_its_middle_and_both_ends() {
    const COUNT: u64 = 250_000;
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    flood(&page, &bridge, &topic, COUNT).await;
    page.wait("feed", "data-kept", &COUNT.to_string()).await;
    page.until("the newest", &format!("{OFFSETS}.at(-1) === {}", COUNT - 1)).await;

    drag(&page, 0.5).await;
    let middle = COUNT as f64 / 2.0;
    page.until("the middle", &format!("Math.abs({OFFSETS}[0] - {middle}) < 50")).await;
    drag(&page, 0.25).await;
    page.until("a quarter", &format!("Math.abs({OFFSETS}[0] - {}) < 50", middle / 2.0)).await;
    drag(&page, 0.0).await;
    page.until("the first", &format!("{OFFSETS}[0] === 0")).await;
    drag(&page, 1.0).await;
    page.until("the last", &format!("{OFFSETS}.at(-1) === {}", COUNT - 1)).await;
    page.until("following again", "!document.querySelector('[data-testid=latest]')").await;

    // The wheel scrolls by rows, although many rows share a pixel of the scrollbar.
    drag(&page, 0.5).await;
    page.until("the middle", &format!("Math.abs({OFFSETS}[0] - {middle}) < 50")).await;
    let before: u64 = page.eval(&format!("{OFFSETS}[0]")).await;
    page.eval::<bool>("(document.querySelector('[data-testid=feed]').scrollBy(0, 60), true)").await;
    page.until("two rows on", &format!("{OFFSETS}[0] === {}", before + 2)).await;
    // The rows are in order and complete.
    let in_order: bool =
        page.eval(&format!("{OFFSETS}.every((offset, i, all) => i === 0 || offset === all[i - 1] + 1)")).await;
    assert!(in_order);
    page.press("g", &[]).await;
    page.until("the first", &format!("{OFFSETS}[0] === 0")).await;
    page.press("G", &["Shift"]).await;
    page.until("the last", &format!("{OFFSETS}.at(-1) === {}", COUNT - 1)).await;
    assert!(page.number_of("[data-testid=record]").await < 200, "only the rows in sight");
    page.is_clean().await;
}

#[tokio::test]
async fn list_follows_new_records_only_while_its_end_is_visible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(messaggi(&topic, 100)).await;
    page.until("the newest", &format!("{OFFSETS}.at(-1) === 99")).await;
    writer.write(messaggi(&topic, 1)).await;
    page.until("followed", &format!("{OFFSETS}.at(-1) === 100")).await;

    // A change of the window's size is not scrolling, whichever event the browser reports first.
    for height in [300, 900, 500, 800] {
        page.show_on(&View { height, ..View::default() }).await;
        page.eval::<f64>("document.body.getBoundingClientRect().height").await;
        page.until("the newest", &format!("{OFFSETS}.at(-1) === 100")).await;
        page.until("following", "!document.querySelector('[data-testid=latest]')").await;
    }
    // The browser reports the last size in a frame; until then the page takes scrolling for a consequence of the new size.
    let two_frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
    page.eval::<bool>(two_frames).await;

    // After one step up the list stands still and counts the new records.
    page.eval::<bool>("(document.querySelector('[data-testid=feed]').scrollBy(0, -300), true)").await;
    page.wait_for("latest").await;
    let first: u64 = page.eval(&format!("{OFFSETS}[0]")).await;
    writer.write(messaggi(&topic, 1)).await;
    page.until("one new", "document.querySelector('[data-testid=latest]').innerText.includes('1 new, jump to latest')")
        .await;
    writer.write(messaggi(&topic, 6)).await;
    page.until(
        "more new",
        "document.querySelector('[data-testid=latest]').innerText.includes('7 new, jump to latest')",
    )
    .await;
    assert_eq!(page.eval::<u64>(&format!("{OFFSETS}[0]")).await, first, "it stands still");

    // Scrolled back to its end, the list follows again.
    drag(&page, 1.0).await;
    page.until("the newest", &format!("{OFFSETS}.at(-1) === 107")).await;
    page.until("following", "!document.querySelector('[data-testid=latest]')").await;
    writer.write(messaggi(&topic, 1)).await;
    page.until("followed", &format!("{OFFSETS}.at(-1) === 108")).await;
    page.is_clean().await;
}

#[tokio::test]
async fn hidden_tab_draws_no_row_and_counts_every_record() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(messaggi(&topic, 5)).await;
    page.wait("feed", "data-received", "5").await;

    page.hide().await;
    page.until("a hidden tab", "document.hidden").await;
    page.eval::<bool>(NOTE_CHANGES).await;
    for _ in 0..20 {
        writer.write(messaggi(&topic, 1000)).await;
    }
    // Only the title shows the number of new records.
    page.until("the title", "document.title === '(20000) Ponte'").await;
    let changes: Vec<String> = page.eval("window.__changes").await;
    assert!(changes.is_empty(), "nothing is drawn that nobody sees: {changes:#?}");

    page.show().await;
    page.wait("feed", "data-received", "20005").await;
    page.until("the newest", &format!("{OFFSETS}.at(-1) === 20004")).await;
    page.wait("feed", "data-missing", "0").await;
    page.until("the title", "document.title === 'Ponte'").await;
    page.is_clean().await;
}

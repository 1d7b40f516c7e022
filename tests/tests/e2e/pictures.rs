//! The pictures of the README: `cargo xtask pictures` takes them, and the screenshots of every state, into `target/screenshots/`.

use std::time::Duration;

use tests::client::{RecordExt, json_record};
use tests::page::View;
use tests::{Bridge, Browser, Page};

use crate::page::listen;

/// Device pixels for one CSS pixel.
const SCALE: f64 = 2.0;
/// The short film: the number of pictures, and the time between them.
const FRAMES: usize = 30;
const FRAME: Duration = Duration::from_millis(200);

/// A topic with the orders of a shop.
async fn shop() -> Bridge {
    let bridge = Bridge::start().demo().topic("orders").option("--group", "my-group").await;
    let states = ["created", "paid", "packed", "shipped", "delivered"];
    let cities = ["Ravenna", "Torino", "Lisboa", "Kraków", "Gent", "Malmö", "Cádiz"];
    let order = |n: usize| {
        let json = format!(
            r#"{{"order": {}, "state": "{}", "city": "{}", "total": {}.{:02}, "items": [{{"sku": "B-{:03}", "n": {}}}]}}"#,
            48210 + n / 2,
            states[n % 5],
            cities[n * 3 % 7],
            17 + n * 13 % 180,
            n * 37 % 100,
            n * 71 % 997,
            1 + n % 4
        );
        let trace = protocol::WireBytes::text(format!("7f3a-{:04x}", n * 977 % 65536));
        json_record("orders", &json).with_key(&format!("customer-{}", 100 + n * 7 % 23)).with_header("trace-id", trace)
    };
    bridge.client().await.write((0..14).map(order).collect()).await;
    bridge
}

async fn open(browser: &Browser, bridge: &Bridge, view: View) -> Page {
    let page = browser.open_as(bridge, view).await;
    listen(&page).await;
    page.wait("feed", "data-received", "14").await;
    page
}

#[tokio::test]
async fn readme_pictures_show_live_list_opened_record_and_narrow_screen() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = shop().await;
    let page = open(&browser, &bridge, View::default().scaled(SCALE)).await;
    page.fill("compose-key", "customer-107").await;
    page.fill("compose-value", r#"{"order": 48217, "state": "paid", "city": "Ravenna", "total": 84.50}"#).await;
    for sent in 1..=3 {
        page.click("send").await;
        page.until(
            "seen",
            &format!("document.querySelectorAll('[data-testid=sent-row][data-seen=true]').length === {sent}"),
        )
        .await;
    }
    page.screenshot("readme-live").await;

    let page = open_watching(&browser, &bridge, View::default().dark().scaled(SCALE)).await;
    page.click_at("[data-testid=record][data-offset='11']").await;
    page.wait_for("detail").await;
    page.screenshot("readme-record").await;

    let page = open_watching(&browser, &bridge, View::narrow().dark().scaled(SCALE)).await;
    page.screenshot("readme-telephone").await;
}

async fn open_watching(browser: &Browser, bridge: &Bridge, view: View) -> Page {
    let page = browser.load(&format!("{}?topic=orders&mode=watch&start=earliest", bridge.url()), view).await;
    page.wait("listen", "data-state", "listening").await;
    page.until("the records", "Number(document.querySelector('[data-testid=feed]').dataset.received) >= 14").await;
    page
}

/// Ten records are sent and arrive. The pictures are joined to a film by another tool.
#[tokio::test]
async fn readme_film_shows_ten_records_arriving() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic("foobar").await;
    let view = View { height: 720, ..View::default() };
    let page = browser.open_as(&bridge, view).await;
    listen(&page).await;
    let mut clock = tokio::time::interval(FRAME);
    for frame in 0..FRAMES {
        if frame == 3 {
            page.click("send-ten").await;
        }
        clock.tick().await;
        page.screenshot(&format!("readme-film-{frame:02}")).await;
    }
}

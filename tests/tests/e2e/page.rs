//! The page in a real browser: listening, sending, language, theme, errors.

use tests::page::View;
use tests::{Bridge, Browser, Page, measured, unique};

/// A bridge with a new default topic.
pub async fn bridge() -> (Bridge, String) {
    let topic = unique("page");
    let bridge = Bridge::start().demo().topic(&topic).option("--group", &unique("group")).await;
    (bridge, topic)
}

pub async fn listen(page: &Page) {
    page.click("listen").await;
    page.wait("listen", "data-state", "listening").await;
}

/// As a member of the consumer group in the form. On real Kafka the page reads without a group unless the user chooses one.
pub async fn listen_in_group(page: &Page) {
    page.click("mode-group").await;
    listen(page).await;
}

pub async fn stop_listening(page: &Page) {
    page.click("listen").await;
    page.wait("listen", "data-state", "idle").await;
}

/// Sends ten records with "Send 10" and waits until all are acknowledged.
pub async fn send_ten(page: &Page) {
    page.click("send-ten").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", "10").await;
    assert_eq!(page.attribute("run", "data-failed").await.as_deref(), Some("0"));
    assert_eq!(page.attribute("run", "data-sent").await.as_deref(), Some("10"));
}

const ACKED_AND_SEEN: &str = "[data-testid='sent-row'][data-state='acked'][data-seen='true']";

#[tokio::test]
async fn ten_records_are_sent_acknowledged_and_seen() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    page.wait("broker", "data-state", "up").await;
    page.wait("broker", "data-demo", "true").await;

    listen(&page).await;
    send_ten(&page).await;
    page.until(
        "ten rows, acknowledged and seen",
        &format!("document.querySelectorAll(`{ACKED_AND_SEEN}`).length === 10"),
    )
    .await;
    page.wait("feed", "data-received", "10").await;
    page.wait("feed", "data-missing", "0").await;
    page.until("ten records in the list", "document.querySelectorAll('[data-testid=record]').length === 10").await;

    let list = page.text("feed").await;
    for id in 0..10 {
        assert!(list.contains(&format!("messaggio {id}")), "no messaggio {id} in:\n{list}");
    }
    page.screenshot("ten-sent-and-seen").await;

    let Some(judge) = bridge.judge().await else { return };
    let log: Vec<String> = judge.read(&topic).await.iter().map(|seen| seen.text().to_owned()).collect();
    let sent: Vec<String> = (0..10).map(|id| format!(r#"{{"id": {id}, "text": "messaggio {id}"}}"#)).collect();
    let same = |a: &String, b: &String| {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        json(a) == json(b)
    };
    assert!(log.len() == 10 && log.iter().zip(&sent).all(|(a, b)| same(a, b)), "{log:#?}");
    page.is_clean().await;
}

#[tokio::test]
async fn consumer_stops_and_continues_at_the_same_offset() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(tests::client::messaggi(&topic, 5)).await;
    page.wait("feed", "data-received", "5").await;

    stop_listening(&page).await;
    writer.write(tests::client::messaggi(&topic, 3)).await;
    listen(&page).await;
    page.until("three more, each once", "document.querySelectorAll('[data-testid=record]').length >= 3").await;
    let offsets = "[...document.querySelectorAll('[data-testid=record]')].map(e => Number(e.dataset.offset))";
    page.until("offset 7", &format!("{offsets}.includes(7)")).await;
    let mut offsets: Vec<u64> = page.eval(offsets).await;
    let count = offsets.len();
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), count, "a record is shown twice");
    page.is_clean().await;
}

#[tokio::test]
async fn record_is_sent_with_the_keyboard_alone() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.fill("compose-key", "clé").await;
    page.fill("compose-value", r#"{"n": 9007199254740993}"#).await;
    page.press("Enter", &["Control"]).await;
    page.wait("sent-row", "data-state", "acked").await;
    page.wait("sent-row", "data-seen", "true").await;
    assert!(page.text("feed").await.contains("9007199254740993"), "the whole integer");
    let kept: String = page.eval("document.querySelector('[data-testid=compose-value]').value").await;
    assert_eq!(kept, r#"{"n": 9007199254740993}"#, "the form keeps what it had");

    let Some(judge) = bridge.judge().await else { return };
    let log = judge.read(&topic).await;
    assert_eq!(log[0].key.as_deref(), Some("clé".as_bytes()));
    assert_eq!(log[0].value.as_deref(), Some(&br#"{"n": 9007199254740993}"#[..]));
    page.is_clean().await;
}

#[tokio::test]
async fn markup_in_a_record_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let payloads = [
        "<img src=x onerror=window.__xss=1>",
        "<script>window.__xss=1</script>",
        "\"><svg onload=window.__xss=1>",
        "{{constructor.constructor('window.__xss=1')()}}",
        "javascript:window.__xss=1",
    ];
    let mut writer = bridge.client().await;
    let mut records = Vec::new();
    for payload in payloads {
        let record = tests::client::text_record(&topic, payload);
        let record = tests::client::RecordExt::with_key(record, payload);
        let header = protocol::WireBytes::text(payload);
        records.push(tests::client::RecordExt::with_header(record, payload, header));
    }
    writer.write(records).await;
    page.wait("feed", "data-received", "5").await;
    page.until("the list", "document.querySelectorAll('[data-testid=record]').length === 5").await;
    assert!(page.text("feed").await.contains(payloads[0]), "shown as it is: {}", page.text("feed").await);
    // The same in the opened record, with key, value and headers.
    page.click("record").await;
    page.wait_for("detail").await;
    page.screenshot("markup-is-text").await;

    // The same in records that the page sends.
    page.fill("compose-value", payloads[0]).await;
    assert_eq!(page.number_of("[data-testid=feed] img, [data-testid=detail] img, [data-testid=sent-row] img").await, 0);
    assert_eq!(page.eval::<Option<u8>>("window.__xss ?? null").await, None);
    page.is_clean().await;
}

#[tokio::test]
async fn page_is_shown_in_english_and_italian() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let english = browser.open(&bridge).await;
    assert_eq!(english.eval::<String>("document.documentElement.lang").await, "en");
    assert!(english.whole_text().await.contains("Send 10"), "{}", english.whole_text().await);

    let italian = browser.open_as(&bridge, View::default().italian()).await;
    assert_eq!(italian.eval::<String>("document.documentElement.lang").await, "it");
    let text = italian.whole_text().await;
    assert!(text.contains("Invia") && !text.contains("Send 10"), "{text}");

    // Chosen by the user, the language is kept after a reload.
    english.click("language").await;
    english
        .until("Italian", "document.documentElement.lang === 'it' && document.body.innerText.includes('Invia')")
        .await;
    english.reload().await;
    english.wait("connection", "data-state", "open").await;
    assert!(english.whole_text().await.contains("Invia"));
    english.is_clean().await;
    italian.is_clean().await;
}

#[tokio::test]
async fn theme_follows_the_system_and_the_theme_button() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open_as(&bridge, View::default().dark()).await;
    let background = "getComputedStyle(document.body).backgroundColor";
    let dark: String = page.eval(background).await;
    page.show_on(&View::default()).await;
    page.until("another background", &format!("{background} !== {dark:?}")).await;
    let light: String = page.eval(background).await;
    // The button switches between the themes.
    for _ in 0..3 {
        page.click("theme").await;
        if page.eval::<String>(background).await == dark {
            page.is_clean().await;
            return;
        }
    }
    panic!("the button never gave {dark} instead of {light}");
}

#[tokio::test]
async fn missing_browser_feature_shows_a_message() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    for missing in ["WebAssembly", "TextDecoder"] {
        let mut page = browser.open(&bridge).await;
        page.forgive(missing);
        page.prepare(&format!("delete window.{missing}")).await;
        page.reload().await;
        page.until("its words", "document.getElementById('boot-failed')?.checkVisibility()").await;
        page.screenshot(&format!("without-{}", missing.to_lowercase())).await;
        page.is_clean().await;
    }
}

#[tokio::test]
async fn crashed_page_shows_a_message() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let mut page = browser.open(&bridge).await;
    page.forgive("unreachable");
    page.eval::<bool>("setTimeout(() => { throw new Error('unreachable, but not of the page') }) > 0").await;
    let is_shown = "document.getElementById('stopped').checkVisibility()";
    assert!(!page.eval::<bool>(is_shown).await);
    page.eval::<bool>("setTimeout(() => { throw new WebAssembly.RuntimeError('unreachable') }) > 0").await;
    page.until("its words", is_shown).await;
    page.screenshot("stopped").await;
    page.is_clean().await;
}

#[tokio::test]
async fn panic_before_the_page_is_drawn_shows_a_message() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let mut page = browser.open(&bridge).await;
    page.forgive("unreachable");
    page.forgive("panicked");
    // The page is mounted in the body.
    page.prepare("Object.defineProperty(Document.prototype, 'body', {get: () => null})").await;
    page.reload().await;
    page.until("its words", "document.getElementById('boot-failed')?.checkVisibility()").await;
    page.is_clean().await;
}

#[tokio::test]
async fn every_control_has_an_accessible_name() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    for view in [View::default(), View::narrow(), View::default().italian()] {
        let page = browser.open_as(&bridge, view).await;
        let nameless: Vec<String> = page
            .eval(
                "[...document.querySelectorAll('button, input, select, textarea, a, [role=button]')].filter(e => \
                 e.getClientRects().length && !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') \
                 || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML)",
            )
            .await;
        assert!(nameless.is_empty(), "{nameless:#?}");
        let doubled: Vec<String> = page
            .eval("[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)")
            .await;
        assert!(doubled.is_empty(), "ids used twice: {doubled:?}");
        page.is_clean().await;
    }
}

/// How long it takes from the click to the row is measured by `cargo xtask bench`, row B16.
#[tokio::test]
async fn each_of_a_hundred_clicks_sends_a_record_that_is_acknowledged_and_seen() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.fill("compose-value", r#"{"n":1}"#).await;
    for sent in 1..=100 {
        page.eval::<bool>("(document.querySelector('[data-testid=send]').click(), true)").await;
        page.wait("feed", "data-received", &sent.to_string()).await;
        page.wait("sent-totals", "data-acked", &sent.to_string()).await;
    }
    page.until("no row that is not seen", "!document.querySelector('[data-testid=sent-row][data-seen=false]')").await;
    assert!(page.number_of(ACKED_AND_SEEN).await > 0);
    page.is_clean().await;
}

/// Memory of the tab after many records.
#[tokio::test]
async fn hundred_thousand_records_are_counted_and_tab_memory_is_bounded() {
    const COUNT: u64 = 100_000;
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(tests::client::messaggi(&topic, 1)).await;
    page.wait("feed", "data-received", "1").await;
    page.collect_garbage().await;
    let before = browser.tab_bytes().await;

    let value = format!("{{\"text\":\"{}\"}}", "x".repeat(100 - 11));
    // The demo broker deletes records beyond 5 MiB for each partition, so the page must not lag further behind.
    for round in 1..=COUNT / 10_000 {
        for _ in 0..10 {
            let records = (0..1000).map(|_| tests::client::json_record(&topic, &value)).collect();
            writer.write(records).await;
        }
        page.until(
            &format!("round {round}"),
            &format!(
                "Number(document.querySelector('[data-testid=feed]').dataset.received) + \
             Number(document.querySelector('[data-testid=feed]').dataset.missing) >= {} - 20000",
                round * 10_000
            ),
        )
        .await;
    }
    page.wait("feed", "data-received", &(COUNT + 1).to_string()).await;
    page.wait("feed", "data-missing", "0").await;
    let kept = page.count("feed", "data-kept").await;
    assert_eq!(kept, COUNT + 1, "all of them fit into the limits");
    assert!(page.number_of("[data-testid=record]").await < 200, "only visible rows are in the document");
    page.collect_garbage().await;
    let grown = browser.tab_bytes().await.saturating_sub(before);
    measured("page_growth_100k_mib", grown >> 20);
    assert!(grown < 150 << 20, "{} MiB", grown >> 20);
    page.is_clean().await;
}

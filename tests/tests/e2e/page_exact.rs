//! The live view shows, compares, finds and copies exactly what is in Kafka: big numbers, escapes, invisible characters, bytes; and its
//! filter keeps what it has found.

use protocol::{ProduceRecord, WireBytes};
use tests::client::{RecordExt, text_record};
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::page::{bridge, listen};
use crate::page_states::photograph;

/// A page that listens to these records and has received them.
async fn page_with(browser: &Browser, records: impl Fn(&str) -> Vec<ProduceRecord>) -> (Bridge, String, Page) {
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let records = records(&topic);
    let count = records.len().to_string();
    bridge.client().await.write(records).await;
    page.wait("feed", "data-received", &count).await;
    (bridge, topic, page)
}

/// Opens the record and waits until it is shown.
async fn open_record(page: &Page, offset: i64) {
    page.click_at(&format!("[data-testid=record][data-offset='{offset}']")).await;
    page.until("the record", &format!("document.querySelector('.detail-head h3')?.innerText.endsWith('@ {offset}')"))
        .await;
}

/// The text of a cell of the record's row.
async fn cell(page: &Page, offset: i64, column: &str) -> String {
    page.eval(&format!(
        "document.querySelector(`[data-testid=record][data-offset='{offset}'] .cell-{column}`).textContent"
    ))
    .await
}

/// The signs of invisible characters within an element.
async fn signs(page: &Page, element: &str) -> String {
    page.eval(&format!(
        "[...document.querySelector(`{element}`).querySelectorAll('.sign')].map(e => e.dataset.sign).join(' ')"
    ))
    .await
}

#[tokio::test]
async fn path_condition_compares_numbers_of_any_size_exactly() {
    const IDS: [&str; 8] = [
        "1712238412889623552",
        "1712238412889623553",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "1000",
        "0.10000000000000001",
        "1e400",
    ];
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic, page) =
        page_with(&browser, |topic| IDS.iter().map(|id| text_record(topic, &format!(r#"{{"id": {id}}}"#))).collect())
            .await;
    page.click("filter-more").await;
    for (condition, expected) in [
        ("id == 1712238412889623553", &[1][..]),
        ("id == 9007199254740992", &[2]),
        ("id > 9007199254740992 && id < 1712238412889623553", &[0, 3]),
        ("id <= -9007199254740993", &[4]),
        ("id == 1e3", &[5]),
        ("id == 1000.0", &[5]),
        ("id > 0.1 && id < 1", &[6]),
        ("id >= 1e400", &[7]),
    ] {
        page.fill("filter-path", condition).await;
        let offsets = "[...document.querySelectorAll('[data-testid=record]')].map(e => e.dataset.offset).join()";
        let expected = expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        page.until(condition, &format!("{offsets} === '{expected}'")).await;
    }

    // In a link, whose filter is compiled by code that is loaded only for it.
    let link =
        format!("{}?topic={topic}&mode=watch&start=earliest&path=%24.id%20%3D%3D%201712238412889623553", bridge.url());
    let page = browser.load(&link, View::default()).await;
    page.wait("feed", "data-received", "8").await;
    page.wait("feed", "data-matching", "1").await;
    assert!(cell(&page, 1, "value").await.contains("1712238412889623553"));
    page.is_clean().await;
}

#[tokio::test]
async fn escaped_characters_are_found_and_shown_and_the_text_keeps_its_escapes() {
    const JSON: &str =
        r#"{"\u540d": "\u6211 \ud83e\udd80", "url": "http:\/\/x\/y", "half": "\ud83e", "quote": "\u0022"}"#;
    let Some(browser) = Browser::start().await else { return };
    let (_bridge, _, page) = page_with(&browser, |topic| {
        vec![text_record(topic, JSON).with_key(r#""\u00e8""#), text_record(topic, r"C:\u6211 is not JSON")]
    })
    .await;
    for text in ["我", "名", "🦀", "http://x/y", "half"] {
        page.fill("filter", text).await;
        page.wait("feed", "data-matching", "1").await;
        page.until("the mark", &format!("document.querySelector('.mark')?.textContent === '{text}'")).await;
    }
    page.fill("filter", r"\u6211").await;
    page.wait("feed", "data-matching", "2").await;
    page.click("filter-pattern").await;
    // As a regular expression, it is the character.
    page.wait("feed", "data-matching", "1").await;
    page.fill("filter", "u6211").await;
    page.wait("feed", "data-matching", "2").await;
    page.fill("filter", "我 .").await;
    page.wait("feed", "data-matching", "1").await;
    page.fill("filter", "").await;
    page.wait("feed", "data-matching", "2").await;
    page.click("filter-more").await;
    for (field, text) in [("filter-key", "è"), ("filter-path", "名 == \"我 🦀\""), ("filter-path", "$.half")] {
        page.fill(field, text).await;
        page.wait("feed", "data-matching", "1").await;
        page.fill(field, "").await;
        page.wait("feed", "data-matching", "2").await;
    }

    assert_eq!(cell(&page, 0, "key").await, "\"è\"");
    open_record(&page, 0).await;
    let shown = page.text("detail-value").await;
    for part in [r#""名": "我 🦀""#, r#""http://x/y""#, r#""half": "\ud83e""#, r#""quote": "\u0022""#] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    page.click("value-text").await;
    page.until(
        "the text as it is",
        &format!("document.querySelector('[data-testid=detail-value]').innerText === {JSON:?}"),
    )
    .await;
    assert_eq!(copied(&page, "copy-value").await, JSON);
    page.is_clean().await;
}

#[tokio::test]
async fn invisible_characters_have_signs_and_are_selected_and_copied_unchanged() {
    const KEY: &str = "\u{feff}order 7";
    const VALUE: &str =
        "\u{1b}[31mfailed\u{1b}[0m\r\nuser\u{200b}name \u{202e}gpj.exe\u{2028}👨\u{200d}👩\u{200d}👧\tend";
    const NOT_JSON: &str = "[2026-11-30] failed\n\tat line 7";
    let Some(browser) = Browser::start().await else { return };
    let (_bridge, _, page) = page_with(&browser, |topic| {
        let record = text_record(topic, VALUE).with_key(KEY).with_header("a\u{ad}b", WireBytes::text("text\u{7f}"));
        let json = text_record(topic, "{\"a\": \"\u{202e}gpj.exe\",\r\n\t\t\"b\": \"two  spaces\"}");
        vec![record, json, text_record(topic, NOT_JSON)]
    })
    .await;
    page.click("list-settings").await;
    page.click("column-headers").await;
    page.press("Escape", &[]).await;
    // The document contains the characters, so that a selection copies them; the style sheet draws the signs.
    for (column, text, expected_signs) in [
        ("key", KEY, "U+FEFF"),
        ("value", VALUE, "ESC ESC CR LF U+200B U+202E U+2028 TAB"),
        ("headers", "a\u{ad}b: text\u{7f}", "U+00AD DEL"),
    ] {
        assert_eq!(cell(&page, 0, column).await, text);
        assert_eq!(
            signs(&page, &format!("[data-testid=record][data-offset='0'] .cell-{column}")).await,
            expected_signs
        );
    }
    assert_eq!(cell(&page, 1, "value").await, "{\"a\": \"\u{202e}gpj.exe\", \"b\": \"two  spaces\"}");
    assert_eq!(signs(&page, "[data-testid=record][data-offset='1'] .cell-value").await, "U+202E");
    assert_eq!(cell(&page, 2, "value").await, NOT_JSON);
    assert_eq!(
        signs(&page, "[data-testid=record][data-offset='2'] .cell-value").await,
        "LF TAB",
        "the text only begins like JSON"
    );
    let drawn: String =
        page.eval("getComputedStyle(document.querySelector('.cell-key .sign'), '::before').content").await;
    assert!(drawn.contains("U+FEFF") || drawn.contains("data-sign"), "{drawn}");

    open_record(&page, 0).await;
    let shown: String = page.eval("document.querySelector('[data-testid=detail-value]').textContent").await;
    assert_eq!(shown, VALUE);
    let expected_signs = "ESC ESC CR U+200B U+202E U+2028";
    assert_eq!(signs(&page, "[data-testid=detail-value]").await, expected_signs, "a text has line breaks and tabs");
    let facts: String = page.eval("document.querySelector('.facts').textContent").await;
    assert!(facts.contains(KEY) && facts.contains("a\u{ad}b: text\u{7f}"), "{facts}");
    assert_eq!(signs(&page, ".facts").await, "U+FEFF U+00AD DEL");
    photograph(&page, "invisible-characters").await;
    assert_eq!(copied(&page, "copy-key").await, KEY);
    assert_eq!(copied(&page, "copy-value").await, VALUE);
    page.is_clean().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_in_hexadecimal_digits_with_their_ascii_characters() {
    const KEY: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 0x2a];
    const VALUE: &[u8] = b"\x02\0\x04\x2dPonte\xff\xfe and more bytes than one line";
    let Some(browser) = Browser::start().await else { return };
    let (_bridge, _, page) = page_with(&browser, |topic| {
        let bytes = |bytes: &[u8]| WireBytes::from_kafka(Some(bytes));
        let record = ProduceRecord { key: bytes(&KEY), value: bytes(VALUE), ..text_record(topic, "") };
        vec![record.with_header("id", bytes(&[1, 2, 0xff])), text_record(topic, "a\0b")]
    })
    .await;
    assert_eq!(cell(&page, 0, "key").await, "binary 00 00 00 00 00 00 00 2a");
    assert!(cell(&page, 0, "value").await.starts_with("binary 02 00 04 2d 50 6f 6e 74 65 ff fe 20 61"));
    assert_eq!(cell(&page, 1, "value").await, "binary 61 00 62");

    open_record(&page, 0).await;
    let shown: String = page.eval("document.querySelector('[data-testid=detail-value]').textContent").await;
    assert!(
        shown.starts_with("00000000  02 00 04 2d 50 6f 6e 74  ...-Pont\n00000008  65 ff fe 20 61 6e 64 20  e.. and \n"),
        "{shown}"
    );
    let facts: String = page.eval("document.querySelector('.facts').textContent").await;
    assert!(
        facts.contains(" 00 00 00 00  ....\n 00 00 00 2a  ...*\n") && facts.contains(" 01 02 ff     ...\n"),
        "{facts}"
    );
    photograph(&page, "binary-record").await;

    // A text with a NUL is shown as bytes first, and may be shown as text.
    open_record(&page, 1).await;
    page.until("bytes", "document.querySelector('[data-testid=value-bytes]').ariaPressed === 'true'").await;
    page.click("value-text").await;
    page.until("text", "document.querySelector('[data-testid=detail-value]').textContent === 'a\\0b'").await;
    assert_eq!(signs(&page, "[data-testid=detail-value]").await, "NUL");
    page.is_clean().await;
}

/// Clicks the button, and returns what the clipboard has then.
async fn copied(page: &Page, button: &str) -> String {
    page.click(button).await;
    page.until("the toast", "document.querySelector('[data-testid=toast]')?.innerText.includes('Copied')").await;
    let text = page.pasted_into("filter").await;
    page.click_at("[data-testid=toast] button").await;
    page.until("no toast", "!document.querySelector('[data-testid=toast]')").await;
    text
}

#[tokio::test]
async fn copying_works_on_plain_http_and_otherwise_the_text_is_selected_in_a_field() {
    const VALUE: &str = "two\r\nlines, città";
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("copy");
    let bridge = Bridge::start().demo().topic(&topic).option("--allowed-hosts", "ponte.test").await;
    bridge.client().await.write(vec![text_record(&topic, VALUE).with_key("order 7")]).await;
    // To the browser this is another machine, so the page has no clipboard API.
    let address = bridge.url().replace("127.0.0.1", "ponte.test");
    let mut page = browser.load(&format!("{address}?topic={topic}&mode=watch&start=earliest"), View::default()).await;
    // On plain http browsers ignore this header, and say so.
    page.forgive("Cross-Origin-Opener-Policy");
    page.wait("feed", "data-received", "1").await;
    assert!(!page.eval::<bool>("isSecureContext || 'clipboard' in navigator").await, "plain http");
    open_record(&page, 0).await;
    assert_eq!(copied(&page, "copy-value").await, VALUE);
    assert_eq!(copied(&page, "copy-key").await, "order 7");
    assert_eq!(page.number_of("textarea.out-of-sight").await, 0, "the field for the command is gone");
    let line = copied(&page, "copy-record").await;
    assert!(line.contains(r#""value":{"text":"two\r\nlines, città"}"#), "{line}");

    // A browser that refuses the command, too.
    page.eval::<bool>("(document.execCommand = () => false, true)").await;
    page.click("copy-key").await;
    page.wait_for("uncopied").await;
    let selected = "(e => document.activeElement === e && e.value.slice(e.selectionStart, e.selectionEnd))(document.querySelector('#uncopied'))";
    page.until("the selected text", &format!("{selected} === 'order 7'")).await;
    photograph(&page, "copy-by-hand").await;

    // What the user copies by hand keeps the carriage return, which the field does not.
    page.click("copy-value").await;
    page.until("the text", "document.querySelector('#uncopied')?.value === 'two\\nlines, città'").await;
    let copied: String = page
        .eval(
            "(field => {
                field.select();
                const data = new DataTransfer();
                field.dispatchEvent(new ClipboardEvent('copy', { clipboardData: data, cancelable: true }));
                return data.getData('text/plain');
            })(document.querySelector('#uncopied'))",
        )
        .await;
    assert_eq!(copied, VALUE);
    page.is_clean().await;
}

#[tokio::test]
async fn filter_keeps_its_matches_when_the_list_is_full_and_says_how_much_it_searched() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    page.click("list-settings").await;
    page.choose("limit-records", "1000").await;
    page.press("Escape", &[]).await;
    page.fill("filter", "needle").await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    let value = |n: u64| if n % 2000 == 7 { format!("needle {n}") } else { format!("straw {n}") };
    for round in 0..6 {
        writer.write((0..1000).map(|n| text_record(&topic, &value(round * 1000 + n))).collect()).await;
    }
    page.wait("feed", "data-received", "6000").await;
    page.wait("feed", "data-matching", "3").await;
    page.wait("feed", "data-scanned", "6000").await;
    page.wait("feed", "data-kept", "1000").await;
    let offsets = "[...document.querySelectorAll('[data-testid=record]')].map(e => e.dataset.offset).join()";
    page.until("the matches", &format!("{offsets} === '7,2007,4007'")).await;
    page.screenshot("matches-kept").await;

    // Another filter searches what is kept, and says so.
    page.fill("filter", "straw 2").await;
    page.wait("feed", "data-matching", "0").await;
    page.wait("empty", "data-reason", "filtered").await;
    page.until(
        "what was searched",
        "document.querySelector('.empty-next').innerText.includes('1,000 of the 6,000 received')",
    )
    .await;
    photograph(&page, "searched-a-part").await;
    page.fill("filter", "needle").await;
    page.until("the matches", &format!("{offsets} === '7,2007,4007'")).await;

    // A list full of matches removes the oldest, and counts them.
    page.fill("filter", "e").await;
    writer.write((0..2000).map(|n| text_record(&topic, &format!("e {n}"))).collect()).await;
    page.wait("feed", "data-received", "8000").await;
    page.wait("feed", "data-matching", "1000").await;
    page.wait_for("lost-matches").await;
    assert!(page.text("lost-matches").await.contains("matches removed"), "{}", page.text("lost-matches").await);
    page.screenshot("matches-removed").await;
    page.is_clean().await;
}

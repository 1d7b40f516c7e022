//! Text from outside is shown as text: more than a hundred payloads, through every input of the page.

use std::collections::BTreeSet;

use protocol::{Header, ProduceRecord, WireBytes};
use tests::client::{RecordExt, json_record, text_record};
use tests::page::View;
use tests::payloads::{PAYLOADS, is_plain};
use tests::{Bridge, Browser, Page, unique};

use crate::page::{bridge, listen, stop_listening};
use crate::page_sending::{acked, choose_file, drop_file, unfold};

/// The names of all elements in the document.
async fn kinds(page: &Page) -> BTreeSet<String> {
    let kinds: Vec<String> = page.eval("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]").await;
    kinds.into_iter().collect()
}

/// Checks that no element, handler, address, request or dialog comes from the data.
async fn is_inert(page: &Page, after: &str) {
    assert_eq!(page.eval::<Option<u8>>("window.__xss ?? null").await, None, "a script ran, after {after}");
    assert_eq!(page.eval::<Option<u8>>("({}).__xss ?? null").await, None, "the prototype changed, after {after}");
    let foreign: Vec<String> = page
        .eval(
            "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on') \
             || a.name === 'style' && e.closest('[data-testid=feed]') === null && a.value.includes('url') \
             || ['href', 'src', 'action', 'formaction', 'xlink:href', 'srcdoc', 'data'].includes(a.name) \
             && !/^(https?:\\/\\/127|\\/|\\?|#|data:image|(ponte|start|favicon|code)-[0-9a-f]{16}|\\.)/.test(a.value)) \
             || ['iframe', 'object', 'embed', 'frame', 'portal', 'marquee', 'video', 'audio', 'math', 'base', 'img', \
             'image', 'foreignObject'].includes(e.localName)).map(e => e.outerHTML.slice(0, 200))",
        )
        .await;
    assert!(foreign.is_empty(), "from the data, after {after}: {foreign:#?}");
    let asked: Vec<String> = page
        .eval("performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))")
        .await;
    assert!(asked.is_empty(), "asked for, after {after}: {asked:?}");
    assert!(page.eval::<bool>("document.title.includes('Ponte')").await, "the title, after {after}");
    page.is_clean().await;
}

#[tokio::test]
async fn markup_in_records_is_shown_as_text_in_list_and_detail() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    // Harmless records of each form show which elements the page uses.
    let record = |text: &str, in_json: bool| {
        let json = serde_json::to_string(text).expect("a string");
        let record = if in_json {
            json_record(&topic, &format!(r#"{{{json}: [{json}, {{"x": {json}}}]}}"#))
        } else {
            text_record(&topic, text)
        };
        // Kafka clients end a header's name at a NUL.
        let headers = vec![Header(text.replace('\0', ""), WireBytes::text(text)), Header("n".into(), WireBytes::Null)];
        ProduceRecord { headers, ..record.with_key(text) }
    };
    writer.write(vec![record("harmless", false), record("harmless", true)]).await;
    page.wait("feed", "data-received", "2").await;
    page.click("list-settings").await;
    page.click("column-headers").await;
    page.press("Escape", &[]).await;
    let open = |offset: u64| format!("document.querySelector('.detail-head h3')?.innerText.endsWith('@ {offset}')");
    page.click("record").await;
    page.until("the first open", &open(0)).await;
    let mut before = kinds(&page).await;
    page.press("ArrowDown", &[]).await;
    page.until("the second open", &open(1)).await;
    before.append(&mut kinds(&page).await);

    let records: Vec<_> = PAYLOADS.iter().flat_map(|payload| [record(payload, false), record(payload, true)]).collect();
    let count = records.len() as u64;
    assert!(PAYLOADS.len() > 100);
    for records in records.chunks(50) {
        writer.write(records.to_vec()).await;
    }
    page.wait("feed", "data-received", &(count + 2).to_string()).await;
    // Opens every record.
    page.eval::<bool>("document.activeElement.blur() ?? true").await;
    for offset in 2..count + 2 {
        page.press("ArrowDown", &[]).await;
        page.until(&format!("record {offset} open"), &open(offset)).await;
        let payload = PAYLOADS[(offset as usize - 2) / 2];
        // A value that is JSON is indented.
        let is_text = offset % 2 == 0 && serde_json::from_str::<serde_json::Value>(payload).is_err();
        if is_text && is_plain(payload) {
            let shown: String = page.eval("document.querySelector('[data-testid=detail-value]').textContent").await;
            assert!(shown.contains(payload), "{payload} is shown as {shown}");
        }
        if offset % 40 == 0 {
            is_inert(&page, payload).await;
        }
    }
    let after = kinds(&page).await;
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "elements that no harmless record makes: {new:?}");
    is_inert(&page, "all records").await;
    page.screenshot("markup-in-records").await;
}

#[tokio::test]
async fn markup_in_filters_and_form_fields_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    writer.write(PAYLOADS.iter().map(|payload| text_record(&topic, payload).with_key(payload)).collect()).await;
    page.wait("feed", "data-received", &PAYLOADS.len().to_string()).await;
    page.click("filter-more").await;
    let before = kinds(&page).await;
    for (at, payload) in PAYLOADS.iter().enumerate() {
        // Matches are marked, and invalid input is quoted in the error.
        page.fill("filter", payload).await;
        for field in ["filter-key", "filter-header", "filter-path", "filter-offset"] {
            if at % 4 == 0 {
                page.fill(field, payload).await;
            }
        }
        if at == PAYLOADS.len() / 2 {
            page.click("filter-pattern").await;
        }
    }
    is_inert(&page, "filters").await;
    page.click("filter-clear").await;
    page.fill("filter", "onerror").await;
    page.until("marks", "document.querySelector('[data-testid=record] .mark')").await;
    let marked: BTreeSet<String> = kinds(&page).await;
    let new: Vec<_> = marked.difference(&before).filter(|kind| *kind != "mark" && *kind != "span").collect();
    assert!(new.is_empty(), "{new:?}");

    // Sent records, and values that are not valid JSON.
    page.click("compose-value-text").await;
    for (count, payload) in (1..).zip(PAYLOADS.iter().step_by(8)) {
        page.fill("compose-key", payload).await;
        page.fill("compose-value", payload).await;
        page.click("send").await;
        acked(&page, count).await;
    }
    page.click("compose-value-json").await;
    for payload in PAYLOADS.iter().step_by(8) {
        page.fill("compose-value", payload).await;
    }
    is_inert(&page, "sent records").await;
}

#[tokio::test]
async fn markup_in_the_page_address_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let names = ["topic", "group", "filter", "path", "key", "header", "start", "since"];
    let page = browser.open(&bridge).await;
    for payloads in PAYLOADS.chunks(names.len()) {
        let pairs: Vec<_> = names.iter().zip(payloads).map(|(name, text)| format!("{name}={}", encode(text))).collect();
        let mode = if payloads[0].len().is_multiple_of(2) { "watch" } else { "group" };
        let url = format!("{}?mode={mode}&{}#{}", bridge.url(), pairs.join("&"), encode(payloads[0]));
        page.go(&url).await;
        page.wait("connection", "data-state", "open").await;
        is_inert(&page, &url).await;
    }
    // As a regular expression, and as unknown parameters.
    page.go(&format!("{}?pattern={}&<script>=1&__proto__=1", bridge.url(), encode("[<img src=x onerror=alert(1)>")))
        .await;
    page.wait("connection", "data-state", "open").await;
    page.until("a fault", "document.querySelector('[data-testid=filter-fault]').innerText.includes('onerror')").await;
    is_inert(&page, "a pattern").await;
}

/// Sets `__said` once the page shows the text. A group's name is shown only while it is joined, which may be too short for
/// polling.
async fn notes_when_it_says(page: &Page, text: &str) {
    let note = format!(
        "(() => {{ window.__said = false; window.__listener?.disconnect(); \
         window.__listener = new MutationObserver(() => window.__said ||= document.body.innerText.includes({text:?})); \
         window.__listener.observe(document.body, {{subtree: true, childList: true, characterData: true, \
         attributes: true}}); return true }})()"
    );
    assert!(page.eval::<bool>(&note).await);
}

#[tokio::test]
async fn markup_in_group_and_topic_names_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    // The choice of formats is loaded after the form.
    page.until("the choice of formats", "document.querySelector('[data-testid=encode-value]')").await;
    let before = kinds(&page).await;
    for payload in PAYLOADS {
        page.fill("group", payload).await;
    }
    // A text in the topic field becomes chips, each with its error.
    for payload in PAYLOADS.iter().step_by(3) {
        page.fill("topic", payload).await;
    }
    is_inert(&page, "names").await;
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    for payload in ["<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "{{7*7}}{topic}"] {
        page.fill("group", payload).await;
        notes_when_it_says(&page, payload).await;
        page.click("listen").await;
        page.until("the name", "window.__said").await;
        page.until("a start", "document.querySelector('[data-testid=listen]').dataset.state !== 'idle'").await;
        stop_listening(&page).await;
    }
    let after = kinds(&page).await;
    let usual = ["li", "button", "span", "ul", "strong"];
    let new: Vec<_> = after.difference(&before).filter(|kind| !usual.contains(&kind.as_str())).collect();
    assert!(new.is_empty(), "{new:?}");
    is_inert(&page, "groups").await;
}

#[tokio::test]
async fn markup_in_templates_and_files_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    page.click("send-run-tab").await;
    unfold(&page, "templates").await;
    for payload in PAYLOADS.iter().step_by(4) {
        page.fill("run-value", payload).await;
        page.fill("template-name", payload).await;
        page.click("template-save").await;
    }
    page.wait_for("template").await;
    is_inert(&page, "templates").await;
    // The same from a file, and a file that is not valid.
    let file: String = page.eval("localStorage.getItem('ponte.templates')").await;
    choose_file(&page, "templates-picker", "<img src=x onerror=alert(1)>.json", file.as_bytes()).await;
    choose_file(&page, "templates-picker", "x.json", PAYLOADS[0].as_bytes()).await;
    page.until("a refusal", "document.querySelector('.template-said').innerText.includes('Not a file')").await;
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page.click("send-run-tab").await;
    is_inert(&page, "templates from a file").await;

    page.click("send-batch-tab").await;
    let quoted = |text: &&str| format!("\"{}\"", text.replace('"', "\"\""));
    // As column names, values, invalid lines, and the name of the file.
    let csv = [
        PAYLOADS.iter().map(quoted).collect::<Vec<_>>().join(","),
        PAYLOADS.iter().rev().map(quoted).collect::<Vec<_>>().join(","),
        "too,few".to_owned(),
    ];
    drop_file(&page, "batch-drop", "<img src=x onerror=alert(1)>.csv", csv.join("\n").as_bytes()).await;
    page.wait("batch", "data-state", "checked").await;
    is_inert(&page, "a CSV file").await;
    page.click("batch-remove").await;
    let lines: Vec<String> = PAYLOADS
        .iter()
        .flat_map(|payload| {
            let json = serde_json::to_string(payload).expect("a string");
            [
                format!(r#"{{"key":{json},"value":{{"text":{json}}},"headers":[[{json},{json}]]}}"#),
                format!(r#"{{"value":{{"text":"x"}},"partition":{json}}}"#),
                format!(r"{{{json}:1}}"),
            ]
        })
        .collect();
    drop_file(&page, "batch-drop", "records.jsonl", lines.join("\n").as_bytes()).await;
    page.wait("batch", "data-state", "checked").await;
    page.until("findings", "document.querySelector('[data-testid=batch-fault]')").await;
    is_inert(&page, "a file of JSON Lines").await;
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    is_inert(&page, "the batch sent").await;
}

#[tokio::test]
async fn markup_in_messages_of_the_bridge_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    // The address of a broker is the user's text as well, and is shown in a banner while the broker does not respond.
    let servers = "<img/src=x/onerror=alert(1)>.invalid:9092";
    let bridge = Bridge::start().option("--bootstrap-servers", servers).topic(&unique("none")).await;
    let page = browser.open(&bridge).await;
    page.wait_for("banner").await;
    page.until("the address", "document.querySelector('[data-testid=banner]').innerText.includes('onerror')").await;
    is_inert(&page, "a broker's address").await;
    for view in [View::narrow(), View::default().italian()] {
        page.show_on(&view).await;
    }
    is_inert(&page, "other screens").await;
}

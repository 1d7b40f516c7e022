//! The page writes typed records: the bridge encodes the JSON of the form or of the text, and the page reads the records back decoded.

use protocol::{RegisterSchema, RegisterSchemaResult, SchemaDraft, SchemaLanguage};
use tests::registry::registry;
use tests::{Bridge, Browser, Page, unique};

use crate::page::listen;
use crate::page_sending::{acked, value_of};
use crate::page_states::photograph;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "name", "type": "string"}, {"name": "price", "type": "double"}]}}},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "labels", "type": {"type": "map", "values": "int"}, "default": {}}
]}"#;

/// A bridge with a registry, a new topic, and the schema of an order as version 1 of the topic's subject. `None` after a skip.
async fn typed_bridge() -> Option<(Bridge, String)> {
    let registry = registry().await?;
    let topic = unique("typed");
    let bridge = Bridge::start()
        .demo()
        .topic(&topic)
        .option("--group", &unique("group"))
        .option("--schema-registry", &registry.url())
        .await;
    let schema = SchemaDraft { language: SchemaLanguage::Avro, text: ORDER.to_owned(), references: Vec::new() };
    let subject = format!("{topic}-value");
    let RegisterSchemaResult { version, .. } = bridge.client().await.ask(RegisterSchema { subject, schema }).await;
    assert_eq!(version, 1);
    Some((bridge, topic))
}

/// Opens the choice of formats, which is one line for users who send text.
async fn open_formats(page: &Page) {
    page.wait_for("encode-formats").await;
    if page.attribute("encode-formats", "aria-expanded").await.as_deref() == Some("false") {
        page.click("encode-formats").await;
    }
}

async fn choose_avro(page: &Page) {
    open_formats(page).await;
    page.choose("encode-value", "avro").await;
    page.until("the schema", "document.querySelector('[data-testid=encode-value-schema]')?.innerText.includes('v1')")
        .await;
}

/// The element of a row of the form.
fn part(testid: &str, path: &str) -> String {
    format!("document.querySelector(`[data-testid={testid}][data-path='{path}']`)")
}

/// Writes into a field of the form, or chooses in one of its lists.
async fn write(page: &Page, testid: &str, path: &str, value: &str) {
    let element = part(testid, path);
    page.until(&format!("{testid} {path}"), &element).await;
    let write = format!(
        "(e => {{ e.value = {value:?}; e.dispatchEvent(new Event(e.tagName === 'SELECT' ? 'change' : 'input', \
         {{bubbles: true}})); return e.value === {value:?} }})({element})"
    );
    assert!(page.eval::<bool>(&write).await, "{testid} {path} cannot be {value:?}");
}

async fn click_part(page: &Page, testid: &str, path: &str) {
    page.click_at(&format!("[data-testid={testid}][data-path='{path}']")).await;
}

/// The text of the value's cell in the row of this offset, once it is decoded.
async fn decoded(page: &Page, offset: u64) -> String {
    let row = format!("document.querySelector(`[data-testid=record][data-offset='{offset}']`)");
    page.until("a decoded record", &format!("{row}?.dataset.valueNote === 'decoded'")).await;
    page.eval::<String>(&format!("{row}.querySelector('.cell-value').textContent")).await.replace(' ', "")
}

/// Waits for the error at this path.
async fn wait_for_error(page: &Page, path: &str) {
    page.until(
        &format!("an error at {path}"),
        &format!("(e => e?.dataset.path === {path:?} && e.innerText)(document.querySelector('[data-part=value]'))"),
    )
    .await;
}

async fn wait_until_sendable(page: &Page) {
    page.until("a record that can be sent", "!document.querySelector('[data-testid=send]').disabled").await;
}

#[tokio::test]
async fn formats_are_one_line_that_opens_and_opens_by_itself_for_a_typed_format() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    page.wait_for("encode-formats").await;
    page.until("the formats", "document.querySelector('[data-testid=encode-formats]').innerText.includes('JSON')")
        .await;
    let is_shown = "document.querySelector('[data-testid=encode-value]')?.getClientRects().length > 0";
    assert!(!page.eval::<bool>(is_shown).await, "the choice is folded");
    photograph(&page, "typed-folded").await;
    choose_avro(&page).await;
    let line = page.text("encode-formats").await;
    assert!(line.contains("Avro"), "{line}");
    page.click("encode-formats").await;
    page.until("a folded choice", &format!("!({is_shown})")).await;
    page.reload().await;
    page.until("an open choice", is_shown).await;
    page.is_clean().await;
}

#[tokio::test]
async fn misfit_is_shown_once_and_goes_away_with_the_text() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    choose_avro(&page).await;
    page.fill("compose-value", r#"{"id": 1, "state": "OLD", "items": []}"#).await;
    wait_for_error(&page, "state").await;
    let error: String = page
        .eval("[...document.querySelectorAll('[data-testid=encode-error]')].map(e => e.innerText).find(Boolean)")
        .await;
    let shown = page.whole_text().await.matches(error.as_str()).count();
    assert_eq!(shown, 1, "{error}");
    page.fill("compose-value", r#"{"id": 1, "state": "NEW", "items": []}"#).await;
    page.until("no error", "[...document.querySelectorAll('[data-testid=encode-error]')].every(e => !e.innerText)")
        .await;
    assert!(!page.whole_text().await.contains(&error));
    wait_until_sendable(&page).await;
    page.is_clean().await;
}

#[tokio::test]
async fn list_of_sent_records_shows_the_json_of_typed_records() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    choose_avro(&page).await;
    page.fill("compose-value", r#"{"id": 41, "state": "NEW", "items": []}"#).await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 1).await;
    let row = page.text("sent-row").await;
    assert!(row.contains(r#""id": 41"#), "{row}");
    page.click("send-run-tab").await;
    page.fill("run-value", r#"{"id": {{i 70}}, "state": "PAID", "items": []}"#).await;
    page.fill("run-rate", "100").await;
    page.press("Tab", &[]).await;
    page.click("run-start").await;
    page.wait("run", "data-acked", "10").await;
    let row = page.text("sent-row").await;
    assert!(row.contains(r#""id": 79"#), "{row}");
    page.is_clean().await;
}

#[tokio::test]
async fn saved_template_keeps_its_encoding() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    page.click("send-run-tab").await;
    choose_avro(&page).await;
    page.until("the versions", "document.querySelector('[data-testid=encode-value-version] option[value=\"1\"]')")
        .await;
    page.choose("encode-value-version", "1").await;
    page.click_at("[data-testid=templates] summary").await;
    page.fill("template-name", "orders").await;
    page.click("template-save").await;
    page.choose("encode-value", "text").await;
    page.click("template-load").await;
    page.until("the encoding", "document.querySelector('[data-testid=encode-value]').value === 'avro'").await;
    page.until("the version", "document.querySelector('[data-testid=encode-value-version]').value === '1'").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_stays_responsive_while_a_large_text_with_few_valid_lines_is_checked() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    page.click("send-batch-tab").await;
    choose_avro(&page).await;
    // The longest time between two runs of a timer of 10 ms.
    let watch = "(window.__longest = 0, window.__last = performance.now(), setInterval(() => { \
                 const now = performance.now(); window.__longest = Math.max(window.__longest, now - window.__last); \
                 window.__last = now }, 10), true)";
    let drop = "(() => { const text = '{broken\\n'.repeat(1e6) + '{\"id\": 1, \"state\": \"NEW\", \"items\": []}\\n'; \
                const data = new DataTransfer(); data.items.add(new File([text], 'large.jsonl')); \
                const picker = document.querySelector('[data-testid=batch-picker]'); picker.files = data.files; \
                picker.dispatchEvent(new Event('change', {bubbles: true})); return true })()";
    page.eval::<bool>(drop).await;
    page.wait_for("batch").await;
    page.choose("batch-format", "jsonl").await;
    assert!(page.eval::<bool>(watch).await);
    page.wait("batch", "data-state", "checked").await;
    page.wait("batch", "data-good", "1").await;
    page.wait("batch", "data-faulty", "1000000").await;
    let longest: f64 = page.eval("window.__longest").await;
    assert!(longest < 1000.0, "the page did not respond for {longest} ms");
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", "1").await;
    page.is_clean().await;
}

#[tokio::test]
async fn avro_record_is_written_as_json_with_an_example_and_its_errors_name_the_field() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    listen(&page).await;
    choose_avro(&page).await;
    photograph(&page, "typed-composer").await;

    page.fill("compose-value", r#"{"id": 9007199254740993, "state": "OLD", "items": []}"#).await;
    wait_for_error(&page, "state").await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=send]').disabled").await);
    photograph(&page, "typed-error").await;
    page.fill(
        "compose-value",
        r#"{"id": 9007199254740993, "state": "PAID", "items": [{"name": "tea", "price": "x"}]}"#,
    )
    .await;
    wait_for_error(&page, "items[0].price").await;
    page.fill(
        "compose-value",
        r#"{"id": 9007199254740993, "state": "PAID", "items": [{"name": "tea", "price": 1.5}]}"#,
    )
    .await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 1).await;
    let shown = decoded(&page, 0).await;
    assert!(shown.contains(r#""id":9007199254740993,"state":"PAID""#), "{shown}");

    page.click("encode-example").await;
    page.until("an example", "document.querySelector('[data-testid=compose-value]').value.includes('state')").await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 2).await;
    decoded(&page, 1).await;
    page.is_clean().await;
}

#[tokio::test]
async fn form_and_json_follow_each_other_and_the_choice_is_kept_for_the_topic() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    listen(&page).await;
    choose_avro(&page).await;
    page.fill("compose-value", r#"{"id": 1, "state": "NEW", "items": []}"#).await;
    page.click("typed-view-form").await;
    write(&page, "form-field", "id", "9007199254740993").await;
    // The option of the enum, by its place.
    write(&page, "form-field", "state", "1").await;
    click_part(&page, "form-add", "items").await;
    write(&page, "form-field", "items[0].name", "tè").await;
    write(&page, "form-field", "items[0].price", "1.10").await;
    click_part(&page, "form-set", "note").await;
    write(&page, "form-branch", "note", "1").await;
    write(&page, "form-field", "note", "ciao").await;
    photograph(&page, "typed-form").await;
    let json = value_of(&page, "compose-value").await;
    assert_eq!(
        json,
        r#"{"id": 9007199254740993, "state": "PAID", "items": [{"name": "tè", "price": 1.10}], "note": "ciao"}"#
    );
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 1).await;
    let shown = decoded(&page, 0).await;
    assert!(shown.contains(r#""items":[{"name":"tè","price":1.1}],"note":"ciao""#), "{shown}");

    // The form reads what is written as JSON.
    page.click("typed-view-json").await;
    page.fill("compose-value", r#"{"id": 7, "state": "NEW", "items": [], "labels": {"a": 1}}"#).await;
    page.click("typed-view-form").await;
    page.until("the new id", &format!("{}?.value === '7'", part("form-field", "id"))).await;
    page.until("the entry of the map", &format!("{}?.value === '1'", part("form-field", "labels.a"))).await;
    click_part(&page, "form-remove", "labels.a").await;
    page.until("no entry", &format!("!{}", part("form-field", "labels.a"))).await;
    page.click("typed-view-json").await;
    page.fill("compose-value", r#"{"id": "#).await;
    page.click("typed-view-form").await;
    page.until("the reason", "document.querySelector('[data-testid=form-note]').innerText").await;

    page.reload().await;
    page.wait_for("encode-value").await;
    page.until("the choice", "document.querySelector('[data-testid=encode-value]').value === 'avro'").await;
    page.is_clean().await;
}

#[tokio::test]
async fn subject_that_does_not_exist_blocks_sending_and_is_never_registered() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    let missing = unique("missing");
    open_formats(&page).await;
    page.choose("encode-value", "avro").await;
    page.choose("encode-value-strategy", "subject").await;
    page.fill("encode-value-subject", &missing).await;
    page.until(
        "the missing subject",
        &format!("document.querySelector('[data-testid=encode-value-schema]').innerText.includes({missing:?})"),
    )
    .await;
    page.until("a blocked button", "document.querySelector('[data-testid=send]').disabled").await;
    let known: protocol::SubjectsResult = bridge.client().await.ask(protocol::SubjectsRequest::default()).await;
    assert!(!known.subjects.iter().any(|subject| subject.name == missing));
    page.is_clean().await;
}

#[tokio::test]
async fn run_of_a_template_is_encoded_and_stops_at_a_record_that_does_not_fit() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("send-run-tab").await;
    choose_avro(&page).await;
    page.fill("run-value", r#"{"id": {{i}}, "state": "NEW", "items": []}"#).await;
    page.fill("run-rate", "100").await;
    page.press("Tab", &[]).await;
    page.click("run-start").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", "10").await;
    for offset in 0..10 {
        let shown = decoded(&page, offset).await;
        assert!(shown.starts_with(&format!(r#"{{"id":{offset},"#)), "{shown}");
    }

    // The first record has the largest long, and the second one does not fit.
    page.fill("run-value", r#"{"id": 922337203685477580{{i 7}}, "state": "NEW", "items": []}"#).await;
    page.click("run-start").await;
    page.wait("run", "data-state", "cancelled").await;
    let reason = page.text("run-stopped").await;
    assert!(reason.contains("record 2") && reason.contains("id"), "{reason}");
    page.wait("run", "data-acked", "1").await;
    page.is_clean().await;
}

#[tokio::test]
async fn lines_that_do_not_fit_the_schema_are_listed_before_the_first_record_is_sent() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("send-batch-tab").await;
    choose_avro(&page).await;
    let line = |id: &str| format!(r#"{{"id": {id}, "state": "NEW", "items": []}}"#);
    let text = [line("1"), line("\"two\""), line("3")].join("\n");
    page.fill("batch-text", &text).await;
    page.wait("batch", "data-state", "checked").await;
    page.wait("batch", "data-good", "2").await;
    page.wait("batch", "data-faulty", "1").await;
    let fault = page.text("batch-fault").await;
    assert!(fault.contains('2') && fault.contains("id"), "{fault}");
    photograph(&page, "typed-batch").await;
    page.click("batch-send").await;
    page.wait("run", "data-state", "done").await;
    page.wait("run", "data-acked", "2").await;
    for (offset, id) in [(0, "1"), (1, "3")] {
        let shown = decoded(&page, offset).await;
        assert!(shown.starts_with(&format!(r#"{{"id":{id},"#)), "{shown}");
    }
    page.is_clean().await;
}

#[tokio::test]
async fn decoded_record_is_edited_as_json_and_written_in_its_schema() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, _)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    listen(&page).await;
    choose_avro(&page).await;
    page.fill("compose-value", r#"{"id": 9007199254740993, "state": "NEW", "items": []}"#).await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 1).await;
    decoded(&page, 0).await;
    page.choose("encode-value", "text").await;

    page.click_at("[data-testid=record][data-offset='0']").await;
    page.click("replay-edit").await;
    page.until("the encoding", "document.querySelector('[data-testid=encode-value]')?.value === 'avro'").await;
    let json = value_of(&page, "compose-value").await;
    assert!(json.contains("9007199254740993") && json.contains(r#""state":"NEW""#), "{json}");
    page.fill("compose-value", &json.replace("NEW", "PAID")).await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 2).await;
    let shown = decoded(&page, 1).await;
    assert!(shown.contains(r#""id":9007199254740993,"state":"PAID""#), "{shown}");
    page.is_clean().await;
}

#[tokio::test]
async fn number_is_written_without_a_schema() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic)) = typed_bridge().await else { return };
    let page = browser.open(&bridge).await;
    open_formats(&page).await;
    page.choose("encode-key", "int64").await;
    page.click("compose-key-json").await;
    page.fill("compose-key", "42").await;
    wait_until_sendable(&page).await;
    page.click("send").await;
    acked(&page, 1).await;
    let Some(log) = crate::page_sending::log(&bridge, &topic).await else { return };
    assert_eq!(log[0].key.as_deref(), Some(&42_i64.to_be_bytes()[..]));
    page.is_clean().await;
}

//! The page's view of a real schema registry: subjects, versions and their differences, checks, registration and deletion.

use protocol::{RegisterSchema, RegisterSchemaResult, SchemaDraft, SchemaLanguage, ServerMessage};
use tests::page::View;
use tests::registry::registry;
use tests::{Bridge, Browser, Page, unique};

use crate::page_states::photograph;
use crate::page_topics::wait_for_row;

const FIRST: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"next","type":["null","shop.Order"],"default":null}]}"#;
/// Adds a field with a default, which is backward compatible.
const SECOND: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"next","type":["null","shop.Order"],"default":null},{"name":"note","type":"string","default":""}]}"#;
/// Adds a field without a default: consumers with this schema cannot read the earlier records.
const INCOMPATIBLE: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"next","type":["null","shop.Order"],"default":null},{"name":"price","type":"double"}]}"#;

/// A bridge with the demo broker and the shared registry, and the address of the registry.
async fn with_registry(topic: &str) -> Option<(Bridge, String, Browser)> {
    let browser = Browser::start().await?;
    let url = registry().await?.url();
    let bridge = Bridge::start().demo().topic(topic).option("--schema-registry", &url).await;
    Some((bridge, url, browser))
}

async fn register(bridge: &Bridge, subject: &str, text: &str) -> RegisterSchemaResult {
    let mut client = bridge.client().await;
    let schema = SchemaDraft { language: SchemaLanguage::Avro, text: text.to_owned(), references: Vec::new() };
    let request = client.request(RegisterSchema { subject: subject.to_owned(), schema }).await;
    client
        .find("the registered schema", |frame| match &frame.message {
            ServerMessage::RegisterSchemaResult(result) if frame.id == Some(request) => Some(result.clone()),
            ServerMessage::ErrorMessage(error) if frame.id == Some(request) => panic!("refused: {error:?}"),
            _ => None,
        })
        .await
}

async fn open_subject(browser: &Browser, bridge: &Bridge, subject: &str, rest: &str) -> Page {
    let page = browser.load(&format!("{}?view=schemas&subject={subject}{rest}", bridge.url()), View::default()).await;
    page.wait("subject", "data-subject", subject).await;
    page
}

/// Types the name into the confirmation dialog and confirms.
async fn confirm(page: &Page, name: &str) {
    page.wait_for("confirm-name").await;
    page.fill("confirm-name", name).await;
    confirm_without_name(page).await;
}

async fn confirm_without_name(page: &Page) {
    page.wait_for("confirm").await;
    page.click("confirm").await;
    page.until("the dialog to close", "!document.querySelector('[data-testid=confirm-dialog]').open").await;
}

fn row(subject: &str) -> String {
    format!("[data-testid=subject-row][data-name='{subject}']")
}

#[tokio::test]
async fn subjects_are_listed_and_found_and_versions_are_compared_line_by_line() {
    let topic = unique("orders");
    let Some((bridge, url, browser)) = with_registry(&topic).await else { return };
    let subject = format!("{topic}-value");
    register(&bridge, &subject, FIRST).await;
    let second = register(&bridge, &subject, SECOND).await;
    let page = browser.open(&bridge).await;
    page.click("nav-schemas").await;
    page.wait_for("subject-filter").await;
    let address = url.trim_end_matches('/');
    let shown = format!("document.querySelector('[data-testid=registry-address]')?.innerText.includes({address:?})");
    page.until("the registry's address", &shown).await;
    page.fill("subject-filter", &subject).await;
    page.wait("subjects", "data-count", "1").await;
    photograph(&page, "subjects").await;
    page.click_at(&format!("{} a", row(&subject))).await;

    page.wait("schema-version", "data-version", "2").await;
    page.wait("schema-facts", "data-id", &second.schema_id.to_string()).await;
    page.until("the text", "document.querySelector('[data-testid=schema-text]').textContent.includes('\"note\"')")
        .await;
    // The root, its three fields, and no more until the user opens a node.
    page.wait("schema-structure", "data-rows", "4").await;
    page.click_at("[data-testid=schema-structure] button[data-path='1']").await;
    page.until("the types of the union", "document.querySelector('[data-testid=schema-structure]').dataset.rows > 4")
        .await;
    photograph(&page, "schema").await;

    page.click("tab-compare").await;
    // The new field has three lines and two brackets.
    page.wait("schema-diff", "data-added", "5").await;
    assert_eq!(page.attribute("schema-diff", "data-removed").await.as_deref(), Some("0"));
    photograph(&page, "schema-compare").await;
    page.click("tab-uses").await;
    page.wait("schema-topics", "data-count", "1").await;
    photograph(&page, "schema-uses").await;
    page.click_at("[data-testid=schema-topic] a").await;
    page.wait_for("topic-facts").await;
    page.click("topic-value-schema").await;
    page.wait("subject", "data-subject", &subject).await;
    page.is_clean().await;
}

#[tokio::test]
async fn incompatible_schema_is_reported_by_the_check_and_a_compatible_one_becomes_the_next_version() {
    let topic = unique("checked");
    let Some((bridge, _, browser)) = with_registry(&topic).await else { return };
    let subject = format!("{topic}-value");
    register(&bridge, &subject, FIRST).await;
    let page = open_subject(&browser, &bridge, &subject, "").await;
    page.wait("schema-version", "data-version", "1").await;
    page.choose("schema-compatibility", "BACKWARD").await;
    page.click("schema-compatibility-set").await;
    confirm_without_name(&page).await;
    page.wait("schema-compatibility", "data-level", "BACKWARD").await;

    page.click("schema-new").await;
    page.until(
        "the latest version as a draft",
        "document.querySelector('[data-testid=schema-draft]')?.value.includes('shop')",
    )
    .await;
    page.fill("schema-draft", INCOMPATIBLE).await;
    page.click("schema-check").await;
    page.wait("schema-check-result", "data-compatible", "false").await;
    photograph(&page, "schema-register").await;
    page.fill("schema-draft", SECOND).await;
    page.until("the result of the other text is gone", "!document.querySelector('[data-testid=schema-check-result]')")
        .await;
    page.click("schema-check").await;
    page.wait("schema-check-result", "data-compatible", "true").await;
    page.click("schema-register").await;
    page.wait("schema-version", "data-version", "2").await;

    page.click("schema-new").await;
    page.wait_for("schema-draft").await;
    page.fill("schema-draft", "").await;
    page.click("schema-register").await;
    page.until("the mistake", "document.querySelector('[data-testid=schema-draft][aria-invalid=true]')").await;
    page.is_clean().await;
}

#[tokio::test]
async fn deleted_subject_is_marked_and_restored_by_registering_its_schema_again() {
    let topic = unique("deleted");
    let Some((bridge, _, browser)) = with_registry(&topic).await else { return };
    let subject = format!("{topic}-value");
    register(&bridge, &subject, FIRST).await;
    let page = open_subject(&browser, &bridge, &subject, "").await;
    page.wait("schema-delete", "data-permanent", "false").await;
    page.click("schema-delete").await;
    page.wait_for("confirm-name").await;
    assert!(page.text("confirm-dialog").await.contains("restores"), "the dialog says how to restore the subject");
    confirm(&page, &subject).await;
    page.wait_for("subject-deleted").await;
    page.wait("schema-delete", "data-permanent", "true").await;
    photograph(&page, "subject-deleted").await;

    page.click("nav-schemas").await;
    page.wait_for("subject-filter").await;
    page.fill("subject-filter", &subject).await;
    page.until("no row", &format!("!document.querySelector({:?})", row(&subject))).await;
    page.click("subjects-deleted").await;
    wait_for_row(&page, &format!("{}[data-deleted=true]", row(&subject))).await;

    page.click_at(&format!("{} a", row(&subject))).await;
    page.click("schema-new").await;
    // Apicurio does not return the text of deleted versions.
    page.fill("schema-draft", FIRST).await;
    page.click("schema-register").await;
    page.until(
        "a version that is not deleted",
        "document.querySelector('[data-testid=schema-delete]')?.dataset.permanent === 'false'",
    )
    .await;
    page.is_clean().await;
}

#[tokio::test]
async fn read_only_bridge_shows_schemas_and_disables_their_changes_with_the_reason() {
    let topic = unique("fixed");
    let Some((bridge, url, browser)) = with_registry(&topic).await else { return };
    let subject = format!("{topic}-value");
    register(&bridge, &subject, FIRST).await;
    let read_only = Bridge::start().demo().flag("--read-only").option("--schema-registry", &url).await;
    let page = open_subject(&browser, &read_only, &subject, "").await;
    page.wait("schema-version", "data-version", "1").await;
    for control in ["schema-new", "schema-delete", "schema-delete-version", "schema-compatibility"] {
        let element = format!("document.querySelector('[data-testid={control}]')");
        page.until(control, &format!("{element}?.disabled && {element}.title !== ''")).await;
    }
    page.is_clean().await;
}

#[tokio::test]
async fn link_opens_a_version_and_a_missing_subject_says_so() {
    let topic = unique("linked");
    let Some((bridge, _, browser)) = with_registry(&topic).await else { return };
    let subject = format!("{topic}-value");
    register(&bridge, &subject, FIRST).await;
    register(&bridge, &subject, SECOND).await;
    let page = open_subject(&browser, &bridge, &subject, "&version=1").await;
    page.wait("schema-version", "data-version", "1").await;
    page.until("the text", "document.querySelector('[data-testid=schema-text]')?.textContent.includes('\"id\"')").await;
    page.choose("schema-version", "2").await;
    page.until("the version in the address", "location.search.includes('version=2')").await;
    page.go(&format!("{}?view=schemas&subject={topic}-key", bridge.url())).await;
    page.wait("instead", "data-reason", "missing").await;
    page.is_clean().await;
}

#[tokio::test]
async fn bridge_without_a_registry_has_no_entry_for_schemas() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().await;
    let page = browser.load(&format!("{}?view=schemas", bridge.url()), View::default()).await;
    page.wait("instead", "data-reason", "nothing").await;
    assert_eq!(page.number_of("[data-testid=nav-schemas]").await, 0);
    page.is_clean().await;
}

//! The filter for a JSON path or condition: lenient syntax is accepted, and an invalid condition never shows all records.

use tests::Browser;
use tests::client::json_record;

use crate::page::{bridge, listen};
use crate::page_states::photograph;

#[tokio::test]
async fn condition_without_json_path_syntax_is_understood_and_an_invalid_one_keeps_the_last_filter_and_blocks_export() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let line = |ms: u32| {
        let level = if ms > 900 { "ERROR" } else { "INFO" };
        json_record(&topic, &format!(r#"{{"ms": {ms}, "level": "{level}"}}"#))
    };
    bridge.client().await.write([100, 880, 895, 905, 990].map(line).to_vec()).await;
    page.wait("feed", "data-received", "5").await;
    page.click("filter-more").await;
    for (condition, matching, read_as) in [
        ("ms > 890", "3", "$.ms > 890"),
        ("$.level = ERROR", "2", "$.level == \"ERROR\""),
        ("level == INFO && ms > 100", "2", "$.level == \"INFO\" && $.ms > 100"),
    ] {
        page.fill("filter-path", condition).await;
        page.wait("feed", "data-matching", matching).await;
        page.wait("filter-path", "aria-invalid", "false").await;
        let fields = page.eval::<String>("document.querySelector('#filter-fields').innerText").await;
        assert!(fields.contains(read_as), "how it was read: {fields}");
    }

    page.fill("filter-path", "ms > ").await;
    page.wait("filter-path", "aria-invalid", "true").await;
    photograph(&page, "filter-invalid").await;
    // The error is shown while the fields are closed too, and the last valid condition is kept.
    page.click("filter-more").await;
    assert!(page.text("filter-fault").await.contains("JSON path"), "{}", page.text("filter-fault").await);
    bridge.client().await.write(vec![line(500), line(950)]).await;
    page.wait("feed", "data-received", "7").await;
    page.wait("feed", "data-matching", "3").await;
    page.click("list-settings").await;
    page.wait_for("export-csv").await;
    page.until(
        "both exports blocked",
        "['export-jsonl', 'export-csv'].every(id => document.querySelector(`[data-testid=${id}]`).disabled)",
    )
    .await;
    assert!(page.text("export-note").await.contains("JSON path"), "why: {}", page.text("export-note").await);
    photograph(&page, "export-blocked").await;
    page.press("Escape", &[]).await;

    page.click("filter-more").await;
    page.fill("filter-path", "ms < 890").await;
    page.wait("feed", "data-matching", "3").await;
    page.click("list-settings").await;
    page.until("the export", "!document.querySelector('[data-testid=export-jsonl]').disabled").await;
    page.is_clean().await;
}

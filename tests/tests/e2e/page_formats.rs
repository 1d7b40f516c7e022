//! The page reads keys and values in the format that they have or that the user chooses, and shows why it cannot read one.

use protocol::{ProduceRecord, WireBytes};
use tests::client::text_record;
use tests::{Browser, Page};

use crate::page::{bridge, listen};
use crate::page_states::photograph;

fn binary(topic: &str, value: &[u8]) -> ProduceRecord {
    ProduceRecord { value: WireBytes::Base64(value.to_vec()), ..text_record(topic, "") }
}

/// The code of the row's note, or `decoded`.
async fn wait_for_note(page: &Page, offset: i64, note: &str) {
    let row = format!("document.querySelector(`[data-testid=record][data-offset='{offset}']`)");
    page.until(note, &format!("({row}?.dataset.valueNote ?? '') === '{note}'")).await;
}

#[tokio::test]
async fn decoded_values_show_their_format_and_their_bytes_and_others_the_reason() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    // {"a": 1} as MessagePack; the id of a schema without a registry; JSON; the number 42 in eight bytes.
    let values = [&b"\x81\xa1a\x01"[..], b"\0\0\0\x00\x4d\xff\xfe", br#"{"b":2}"#, &42_i64.to_be_bytes()];
    bridge.client().await.write(values.iter().map(|value| binary(&topic, value)).collect()).await;
    page.wait("feed", "data-received", "4").await;
    wait_for_note(&page, 0, "decoded").await;
    wait_for_note(&page, 1, "no_schema").await;
    wait_for_note(&page, 2, "").await;
    let cell: String =
        page.eval("document.querySelector(`[data-testid=record][data-offset='0'] .cell-value`).textContent").await;
    assert_eq!(cell.replace(' ', ""), r#"{"a":1}"#);

    page.click_at("[data-testid=record][data-offset='0']").await;
    page.until("the note", "document.querySelector('[data-testid=value-note]')?.innerText.includes('MessagePack')")
        .await;
    photograph(&page, "typed-record").await;
    page.click("show-raw").await;
    page.until("the bytes", "document.querySelector('.detail').innerText.includes('81 a1 61 01')").await;
    page.click("show-decoded").await;

    page.click("read-as").await;
    page.choose("value-format", "int64").await;
    // The group goes on in the new format.
    bridge.client().await.write(vec![binary(&topic, &43_i64.to_be_bytes()), text_record(&topic, "text")]).await;
    page.wait("feed", "data-received", "6").await;
    wait_for_note(&page, 4, "decoded").await;
    wait_for_note(&page, 5, "malformed").await;
    photograph(&page, "typed-records").await;
    page.is_clean().await;
}

//! Topics to listen to, and why no record arrives.

use tests::client::messaggi;
use tests::{Bridge, Browser, Kafka, Page, unique};

use crate::page::{bridge, listen, listen_in_group, stop_listening};
use crate::page_states::photograph;

const CHIPS: &str = "[...document.querySelectorAll('[data-testid=topic-chip]')].map(e => e.dataset.topic).join(' ')";

async fn chips_are(page: &Page, names: &str) {
    page.until(&format!("the chips {names:?}"), &format!("{CHIPS} === {names:?}")).await;
}

#[tokio::test]
async fn topics_are_chips_that_the_keyboard_adds_and_removes() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (first, second, third) = (kafka.topic("a").await, kafka.topic("b").await, kafka.topic("c").await);
    let bridge = Bridge::start().on(&kafka).topic(&first).option("--group", &unique("group")).await;
    let page = browser.open(&bridge).await;
    // One topic is plain text.
    page.until("the topic", &format!("document.querySelector('[data-testid=topic]').value === '{first}'")).await;
    chips_are(&page, "").await;

    // A comma ends a name. Several names may be pasted.
    page.fill("topic", &format!("{first},")).await;
    chips_are(&page, &first).await;
    page.fill("topic", &format!("{second}, {third}")).await;
    chips_are(&page, &format!("{first} {second}")).await;
    // When the field loses the focus, every name becomes a chip.
    page.press("Tab", &[]).await;
    chips_are(&page, &format!("{first} {second} {third}")).await;
    // The composer uses the first topic.
    page.until(
        "one topic to send to",
        &format!("document.querySelector('[data-testid=compose-topic]').value === '{first}'"),
    )
    .await;

    // Backspace edits the last chip. Each chip has a remove button, and the focus stays in the form.
    page.fill("topic", "").await;
    page.press("Backspace", &[]).await;
    page.until("the last again", &format!("document.querySelector('[data-testid=topic]').value === '{third}'")).await;
    page.press("Tab", &["Shift"]).await;
    page.press("Enter", &[]).await;
    page.until("without the second", &format!("!{CHIPS}.includes('{second}')")).await;
    page.until("the focus", "document.activeElement.id === 'topic'").await;
    page.press(",", &[]).await;
    chips_are(&page, &format!("{first} {third}")).await;

    page.click("mode-watch").await;
    page.choose("start", "earliest").await;
    listen(&page).await;
    assert_eq!(page.number_of("[data-testid=topic-remove]:not([hidden])").await, 0, "they stand still");
    photograph(&page, "several-topics-listening").await;
    let mut writer = bridge.client().await;
    for (topic, count) in [(&first, 2), (&second, 4), (&third, 3)] {
        writer.write(messaggi(topic, count)).await;
    }
    page.wait("feed", "data-received", "5").await;
    let topics = "[...new Set([...document.querySelectorAll('[data-testid=record]')].map(e => e.dataset.topic))].sort().join(' ')";
    let mut read = [first, third];
    read.sort();
    page.until("both topics", &format!("{topics} === '{}'", read.join(" "))).await;
    page.is_clean().await;
}

#[tokio::test]
async fn invalid_topic_name_is_marked_among_the_chips() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    page.fill("topic", &format!("{topic}, città, ")).await;
    page.until("a marked chip", "document.querySelector('[data-testid=topic-chip].fault')?.dataset.topic === 'città'")
        .await;
    page.wait("topic", "aria-invalid", "true").await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=listen]').disabled").await);
    page.click_at("[data-topic='città'] [data-testid=topic-remove]").await;
    page.wait("topic", "aria-invalid", "false").await;
    listen(&page).await;
    page.is_clean().await;
}

#[tokio::test]
async fn empty_topic_and_topic_without_new_records_show_different_messages() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (kafka.topic("nothing").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &group).await;
    let page = browser.open(&bridge).await;
    listen_in_group(&page).await;
    page.wait("empty", "data-reason", "empty-topic").await;
    assert!(page.text("empty").await.contains("is empty"), "{}", page.text("empty").await);
    photograph(&page, "topic-is-empty").await;
    bridge.client().await.write(messaggi(&topic, 3)).await;
    page.wait("feed", "data-received", "3").await;
    stop_listening(&page).await;

    // The same group in a reloaded page.
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    listen(&page).await;
    page.wait("empty", "data-reason", "nothing-new").await;
    let said = page.text("empty").await;
    assert!(said.contains(&group) && said.contains("has read all existing records"), "{said}");
    photograph(&page, "group-at-its-end").await;
    // A button reads the topic from the beginning.
    page.click("watch-all").await;
    page.wait("feed", "data-received", "3").await;
    page.until("watching", "document.querySelector('[data-testid=mode]').dataset.value === 'watch'").await;
    stop_listening(&page).await;

    page.choose("start", "latest").await;
    listen(&page).await;
    page.wait("empty", "data-reason", "nothing-new").await;
    assert!(page.text("empty").await.contains("older records"), "{}", page.text("empty").await);
    page.is_clean().await;
}

//! The view of consumer groups: live, with an offset reset in two steps. On real Kafka, compared with the group's committed
//! offsets.

use std::collections::BTreeMap;

use local_kafka::Flavour;
use protocol::{
    GroupRequest, GroupResult, PlanOffsetReset, PlanOffsetResetResult, ResetOffsets, ResetOffsetsResult, ResetTarget,
    TopicsRequest, TopicsResult,
};
use tests::client::{RecordExt, messaggi, text_record};
use tests::kafka::committed;
use tests::page::View;
use tests::{Bridge, Browser, Client, Kafka, Page, Program, Watch, eventually, on_every_kafka, unique};

use crate::page::listen_in_group;
use crate::page_states::photograph;

/// Reads and commits this number of records, leaves, and returns the output.
pub async fn consume(bridge: &Bridge, topic: &str, group: &str, count: usize) -> String {
    let servers = bridge.bootstrap_servers().await;
    let count = count.to_string();
    let args = ["consume", "--bootstrap-servers", &servers, "--topic", topic, "--group", group, "--count", &count];
    let mut program = Program::bridge(&args);
    assert_eq!(program.exit_code().await, 0);
    program.all_output().await.0
}

struct Scene {
    bridge: Bridge,
    client: Client,
    topic: String,
    group: String,
}

impl Scene {
    /// A topic of one partition with ten records, and a group that has committed offset 4 and has no members.
    async fn four_of_ten(kafka: &Kafka) -> Self {
        let (topic, group) = (kafka.topic("read").await, unique("group"));
        let bridge = Bridge::start().on(kafka).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        consume(&bridge, &topic, &group, 4).await;
        Self { bridge, client, topic, group }
    }

    async fn open(&self, browser: &Browser) -> Page {
        open_group(browser, &self.bridge, &self.group).await
    }

    async fn committed(&self) -> BTreeMap<i32, i64> {
        committed(&self.bridge.bootstrap_servers().await, &self.group, &self.topic).await
    }
}

async fn open_at(browser: &Browser, bridge: &Bridge, query: &str) -> Page {
    let page = browser.load(&format!("{}?{query}", bridge.url()), View::default()).await;
    page.wait("connection", "data-state", "open").await;
    page
}

async fn open_group(browser: &Browser, bridge: &Bridge, group: &str) -> Page {
    let page = open_at(browser, bridge, &format!("view=groups&name={group}")).await;
    page.wait("freshness", "data-state", "live").await;
    page
}

/// Opens the form and asks for the plan to this target.
async fn plan(page: &Page, target: &str, value: &str) {
    page.click("reset-offsets").await;
    page.choose("reset-to", target).await;
    if !value.is_empty() {
        page.fill("reset-value", value).await;
    }
    page.click("reset-plan").await;
    page.wait("reset", "data-state", "planned").await;
}

/// Groups of an older Kafka look different in screenshots.
fn picture(state: &str, kafka: &Kafka) -> String {
    if speaks_classic(kafka) { format!("{state}-classic") } else { state.to_owned() }
}

fn speaks_classic(kafka: &Kafka) -> bool {
    matches!(kafka, Kafka::Real(cluster) if cluster.flavour() == Flavour::Zookeeper)
}

/// Whether the shown plan cannot be applied.
const IS_DISABLED: &str = "document.querySelector('[data-testid=confirm]').disabled";

on_every_kafka! {
    real
    async fn group_list_is_live_searched_sorted_and_opened(kafka: Kafka) {
        let Some(browser) = Browser::start().await else { return };
        let Scene { bridge, mut client, topic, group } = Scene::four_of_ten(&kafka).await;
        let page = browser.open(&bridge).await;
        page.click("nav-groups").await;
        page.wait("freshness", "data-state", "live").await;
        page.fill("find-group", &group).await;
        page.wait("groups-view", "data-found", "1").await;
        for (name, value) in
            [("data-group", group.as_str()), ("data-state", "Empty"), ("data-members", "0"), ("data-lag", "6")]
        {
            page.wait("group-row", name, value).await;
        }
        let protocol = if speaks_classic(&kafka) { "classic" } else { "consumer" };
        let line = page.text("group-row").await;
        assert!(line.contains(protocol), "{line}");
        client.write(messaggi(&topic, 5)).await;
        page.wait("group-row", "data-lag", "11").await;

        // A second group is found by its topic; groups are sorted by lag in descending order.
        let other = unique("other");
        consume(&bridge, &topic, &other, 15).await;
        page.fill("find-group", &topic).await;
        page.wait("groups-view", "data-found", "2").await;
        page.click("sort-lag").await;
        page.until(
            "the lagging one first",
            &format!("document.querySelector('[data-testid=group-row]').dataset.group === '{group}'"),
        )
        .await;
        let address: String = page.eval("location.search").await;
        assert!(address.contains(&format!("find={topic}")) && address.contains("sort=-lag"), "{address}");
        page.reload().await;
        page.wait("groups-view", "data-found", "2").await;
        photograph(&page, &picture("groups", &kafka)).await;

        page.fill("find-group", "no such group").await;
        page.wait("instead", "data-reason", "none-found").await;
        page.click("find-clear").await;
        page.fill("find-group", &group).await;
        page.wait("groups-view", "data-found", "1").await;
        page.click_at("[data-testid=group-row] a").await;
        page.wait("group-view", "data-group", &group).await;
        assert!(page.eval::<String>("document.title").await.contains(&group));
        page.eval::<()>("history.back()").await;
        page.wait("groups-view", "data-found", "1").await;
        page.is_clean().await;
    }
}

on_every_kafka! {
    real
    async fn group_view_follows_lag_members_and_committed_offsets(kafka: Kafka) {
        let Some(browser) = Browser::start().await else { return };
        let mut scene = Scene::four_of_ten(&kafka).await;
        let page = scene.open(&browser).await;
        page.wait("group-view", "data-lag", "6").await;
        page.wait("position", "data-offset", "4").await;
        scene.client.write(messaggi(&scene.topic, 5)).await;
        page.wait("group-view", "data-lag", "11").await;

        let mut reader = scene.bridge.client().await;
        let watch = reader.subscribe(&Watch::group(&scene.topic, &scene.group).commit_by_ack()).await;
        reader.records(watch, 11).await;
        page.wait("group-view", "data-members", "1").await;
        page.wait("group-view", "data-state", "Stable").await;
        reader.ack(watch, &scene.topic, 0, 12).await;
        page.wait("group-view", "data-lag", "3").await;
        page.wait("position", "data-offset", "12").await;
        page.until("a picture of several looks", "+document.querySelector('[data-testid=lag-chart]').dataset.points > 3")
            .await;
        photograph(&page, &picture("group-with-a-member", &kafka)).await;

        page.click("tab-members").await;
        page.wait_for("member").await;
        let line = page.text("member").await;
        assert!(line.contains(&format!("0 of {}", scene.topic)), "which partition it reads: {line}");
        let cannot: String = page.eval("document.querySelector('[data-testid=delete-group]').title").await;
        assert!(cannot.contains('1'), "why it cannot be deleted: {cannot:?}");
        page.is_clean().await;
    }
}

on_every_kafka! {
    real
    async fn idle_group_is_reset_as_planned_and_reads_from_there(kafka: Kafka) {
        let Some(browser) = Browser::start().await else { return };
        let scene = Scene::four_of_ten(&kafka).await;
        let page = scene.open(&browser).await;
        plan(&page, "earliest", "").await;
        for (name, value) in [("data-from", "4"), ("data-to", "0"), ("data-clamped", "false")] {
            page.wait("change", name, value).await;
        }
        for (name, value) in [("data-moved", "1"), ("data-reread", "4"), ("data-skipped", "0")] {
            page.wait("reset-sum", name, value).await;
        }
        assert_eq!(scene.committed().await, [(0, 4)].into(), "a plan changes nothing");
        photograph(&page, &picture("reset-plan", &kafka)).await;
        page.click("confirm").await;
        page.wait("reset", "data-state", "done").await;
        page.wait("position", "data-offset", "0").await;
        page.wait("group-view", "data-lag", "10").await;
        photograph(&page, &picture("reset-done", &kafka)).await;

        let printed = consume(&scene.bridge, &scene.topic, &scene.group, 10).await;
        for id in 0..10 {
            assert!(printed.contains(&format!("messaggio {id}")), "{printed}");
        }
        page.is_clean().await;
    }
}

#[tokio::test]
async fn every_reset_target_is_planned_and_offsets_out_of_range_are_clamped() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let scene = Scene::four_of_ten(&kafka).await;
    let page = scene.open(&browser).await;
    for (target, value, to, clamped) in [
        ("latest", "", "10", "false"),
        ("offset", "7", "7", "false"),
        ("offset", "700", "10", "true"),
        ("shift", "-3", "1", "false"),
        ("shift", "2", "6", "false"),
        ("time", "2001-01-01T00:00:00", "0", "false"),
    ] {
        page.click("reset-offsets").await;
        page.choose("reset-to", target).await;
        if !value.is_empty() {
            // A date and time field does not accept pasted text.
            let set = format!(
                "(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('input', {{bubbles: true}})); return true }})\
                 (document.querySelector('[data-testid=reset-value]'))"
            );
            page.wait_for("reset-value").await;
            assert!(page.eval::<bool>(&set).await);
        }
        page.click("reset-plan").await;
        page.wait("reset", "data-state", "planned").await;
        page.wait("change", "data-to", to).await;
        page.wait("change", "data-clamped", clamped).await;
        page.click("reset-close").await;
    }
    // One topic with some of its partitions. A partition that does not exist is refused with the bridge's error.
    page.click("reset-offsets").await;
    page.choose("reset-to", "earliest").await;
    page.fill("reset-topic", &scene.topic).await;
    page.fill("reset-partitions", "0-2").await;
    page.click("reset-plan").await;
    page.until("the reason", "document.querySelector('[data-testid=reset-error]').innerText.includes('partition')")
        .await;
    page.fill("reset-partitions", "0").await;
    page.click("reset-plan").await;
    page.wait("change", "data-to", "0").await;
    assert_eq!(scene.committed().await, [(0, 4)].into(), "plans change nothing");
    page.is_clean().await;
}

on_every_kafka! {
    real
    async fn reset_of_a_group_with_members_is_disabled_and_names_them(kafka: Kafka) {
        let Some(browser) = Browser::start().await else { return };
        let mut scene = Scene::four_of_ten(&kafka).await;
        let mut reader = scene.bridge.client().await;
        let watch = reader.subscribe(&Watch::group(&scene.topic, &scene.group).commit_by_ack()).await;
        reader.records(watch, 6).await;
        let page = scene.open(&browser).await;
        page.wait("group-view", "data-members", "1").await;
        plan(&page, "earliest", "").await;
        page.wait("reset-obstacle", "data-state", "members").await;
        assert!(page.eval::<bool>(IS_DISABLED).await);
        let why = page.text("reset-obstacle").await;
        let seen: GroupResult = scene.client.ask(GroupRequest { group: scene.group.clone() }).await;
        assert!(why.contains(&seen.members[0].member), "who is to be stopped: {why}");
        photograph(&page, &picture("reset-refused", &kafka)).await;

        // Without members the same plan can be applied.
        reader.unsubscribe(watch).await;
        page.wait("reset-obstacle", "data-state", "ready").await;
        page.click("confirm").await;
        page.wait("reset", "data-state", "done").await;
        assert_eq!(scene.committed().await, [(0, 0)].into());
        page.is_clean().await;
    }
}

#[tokio::test]
async fn committed_offsets_that_moved_after_the_plan_are_not_overwritten() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let scene = Scene::four_of_ten(&kafka).await;
    let page = scene.open(&browser).await;
    plan(&page, "earliest", "").await;
    consume(&scene.bridge, &scene.topic, &scene.group, 2).await;
    page.wait("reset-obstacle", "data-state", "moved").await;
    assert!(page.eval::<bool>(IS_DISABLED).await);
    photograph(&page, "reset-moved").await;
    assert_eq!(scene.committed().await, [(0, 6)].into());

    page.click("reset-again").await;
    page.wait("change", "data-from", "6").await;
    page.click("confirm").await;
    page.wait("reset", "data-state", "done").await;
    assert_eq!(scene.committed().await, [(0, 0)].into());

    // Undoing does not overwrite moved offsets either; it needs a new plan then.
    consume(&scene.bridge, &scene.topic, &scene.group, 3).await;
    page.click("undo").await;
    page.wait("reset", "data-state", "refused").await;
    assert_eq!(scene.committed().await, [(0, 3)].into());
    page.click("reset-plan-old").await;
    page.wait("change", "data-to", "6").await;
    page.wait("change", "data-from", "3").await;
    page.click("confirm").await;
    page.wait("reset", "data-state", "done").await;
    assert_eq!(scene.committed().await, [(0, 6)].into());
    page.is_clean().await;
}

#[tokio::test]
async fn undo_restores_committed_offsets_and_removes_new_ones() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let (topic, group) = (kafka.topic_with("undone", 2).await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write((0..8).map(|_| text_record(&topic, "x").on_partition(0)).collect()).await;
    consume(&bridge, &topic, &group, 6).await;
    let scene = Scene { bridge, client, topic, group };
    let page = scene.open(&browser).await;
    page.click("reset-offsets").await;
    page.fill("reset-topic", &scene.topic).await;
    page.click("reset-plan").await;
    page.wait("reset-sum", "data-moved", "2").await;
    page.click("confirm").await;
    page.wait("reset", "data-state", "done").await;
    assert_eq!(scene.committed().await, [(0, 0), (1, 0)].into());
    // The undo is kept while the view is open, even if the form is closed.
    page.click("reset-close").await;
    page.click("reset-offsets").await;
    page.click("undo").await;
    page.wait("reset", "data-state", "undone").await;
    assert_eq!(scene.committed().await, [(0, 6)].into());
    page.is_clean().await;
}

#[tokio::test]
async fn offsets_of_a_file_are_checked_line_by_line() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let scene = Scene::four_of_ten(&kafka).await;
    let page = scene.open(&browser).await;
    page.click("reset-offsets").await;
    page.choose("reset-to", "file").await;
    page.fill("reset-lines", &format!("{0},0,2\n{0},zero,2\n{0},1\n", scene.topic)).await;
    page.until("two faults", "document.querySelectorAll('[data-testid=reset-faults] li').length === 2").await;
    let faults = page.text("reset-faults").await;
    assert!(faults.contains('2') && faults.contains("zero") && faults.contains('3'), "{faults}");
    photograph(&page, "reset-file").await;
    // Kafka's export of several groups: the lines of other groups are ignored.
    page.fill("reset-lines", "another,t,0,2\nanother,t,1,2\n").await;
    page.until("why not", "document.querySelector('#reset-form-why').innerText.includes('this group')").await;
    let export = format!("\u{feff}GROUP,TOPIC,PARTITION,OFFSET\nanother,t,0,2\n{},{},0,3\n", scene.group, scene.topic);
    page.fill("reset-lines", &export).await;
    page.until(
        "what is ignored",
        "document.querySelector('[data-testid=reset-ignored]').innerText.includes('1 line of another group')",
    )
    .await;
    page.click("reset-plan").await;
    page.wait("change", "data-to", "3").await;
    page.click("reset-change").await;
    page.fill("reset-lines", &format!("topic,partition,offset\n{},0,2\n", scene.topic)).await;
    page.click("reset-plan").await;
    page.wait("change", "data-to", "2").await;
    page.click("confirm").await;
    page.wait("reset", "data-state", "done").await;
    assert_eq!(scene.committed().await, [(0, 2)].into());
    page.is_clean().await;
}

#[tokio::test]
async fn group_is_deleted_after_its_name_was_typed() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let scene = Scene::four_of_ten(&kafka).await;
    let page = scene.open(&browser).await;
    page.click("delete-group").await;
    page.fill("confirm-name", "another name").await;
    assert!(page.eval::<bool>("document.querySelector('dialog [data-testid=confirm]').disabled").await);
    page.fill("confirm-name", &scene.group).await;
    page.click_at("dialog [data-testid=confirm]").await;
    page.wait_for("groups-view").await;
    let committed = || async { scene.committed().await.is_empty().then_some(()) };
    eventually("no position is left", committed).await;
    let page = open_group(&browser, &scene.bridge, &scene.group).await;
    page.wait("instead", "data-reason", "missing").await;
    photograph(&page, "group-missing").await;
    page.is_clean().await;
}

#[tokio::test]
async fn read_only_bridge_shows_groups_and_why_changes_are_disabled() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let scene = Scene::four_of_ten(&kafka).await;
    let bridge = Bridge::start().on(&kafka).flag("--read-only").await;
    let page = open_group(&browser, &bridge, &scene.group).await;
    page.wait("group-view", "data-lag", "6").await;
    page.until(
        "both disabled",
        "['reset-offsets', 'delete-group'].every(id => document.querySelector(`[data-testid=${id}]`).disabled)",
    )
    .await;
    assert!(page.text("cannot-change").await.contains("read-only"));
    page.is_clean().await;
}

#[tokio::test]
async fn demo_broker_shows_which_group_functions_it_lacks() {
    let Some(browser) = Browser::start().await else { return };
    let (topic, group) = (unique("demo"), unique("group"));
    let bridge = Bridge::start().demo().topic(&topic).option("--group", &group).await;
    bridge.client().await.write(messaggi(&topic, 10)).await;
    consume(&bridge, &topic, &group, 4).await;
    let page = browser.open(&bridge).await;
    page.click("nav-groups").await;
    page.wait("instead", "data-reason", "demo").await;
    photograph(&page, "groups-demo").await;
    page.click("open-group").await;
    page.wait("group-view", "data-lag", "6").await;
    page.wait("position", "data-offset", "4").await;
    page.until(
        "both disabled",
        "['reset-offsets', 'delete-group'].every(id => document.querySelector(`[data-testid=${id}]`).disabled)",
    )
    .await;
    assert!(page.text("cannot-change").await.contains("demo broker"));
    photograph(&page, "group-demo").await;
    page.is_clean().await;
}

#[tokio::test]
async fn record_links_to_its_group_and_the_group_to_the_live_view() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let (topic, group) = (kafka.topic("led").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &group).await;
    bridge.client().await.write(messaggi(&topic, 3)).await;
    let page = browser.open(&bridge).await;
    listen_in_group(&page).await;
    page.wait("feed", "data-received", "3").await;
    page.click_at("[data-testid=record]").await;
    page.click("detail-group").await;
    page.wait("group-view", "data-group", &group).await;
    page.wait("group-view", "data-members", "1").await;
    page.click("group-live").await;
    page.wait("listen", "data-state", "listening").await;
    page.wait_for("feed").await;
    assert_eq!(page.count("feed", "data-received").await, 3, "it went on meanwhile");

    // The page itself is the only member, and can leave the group.
    page.click("lag").await;
    plan(&page, "earliest", "").await;
    page.wait("reset-obstacle", "data-state", "members").await;
    page.click("reset-stop-listening").await;
    page.until(
        "the plan can be applied, or is out of date",
        "['ready', 'moved', 'idle'].includes(document.querySelector('[data-testid=reset-obstacle]').dataset.state)",
    )
    .await;
    page.is_clean().await;
}

#[tokio::test]
async fn lost_bridge_keeps_the_last_group_view_and_marks_it_as_lost() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let Scene { bridge, group, .. } = Scene::four_of_ten(&kafka).await;
    let mut page = open_group(&browser, &bridge, &group).await;
    page.expect_lost_bridge().await;
    page.forgive("ERR_CONNECTION_REFUSED");
    page.wait("group-view", "data-lag", "6").await;
    drop(bridge);
    page.wait("freshness", "data-state", "lost").await;
    assert_eq!(page.attribute("position", "data-offset").await.as_deref(), Some("4"));
    photograph(&page, "group-offline").await;
}

/// A group with positions in a thousand partitions.
#[tokio::test]
async fn group_with_a_thousand_partitions_is_shown_and_planned() {
    const PARTITIONS: usize = 1000;
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let (topic, group) = (kafka.topic_with("wide", 1000).await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    loop {
        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        if listed.topics.iter().any(|seen| seen.name == topic && seen.records.is_some()) {
            break;
        }
    }
    let earliest = PlanOffsetReset {
        group: group.clone(),
        topics: vec![topic.clone()],
        partitions: Vec::new(),
        to: ResetTarget::Earliest,
    };
    let PlanOffsetResetResult { plan: made, .. } = client.ask(earliest).await;
    assert_eq!(made.changes.len(), PARTITIONS);
    let _: ResetOffsetsResult = client.ask(ResetOffsets { plan: made }).await;
    client.write(vec![text_record(&topic, "x").on_partition(999)]).await;

    let page = open_group(&browser, &bridge, &group).await;
    page.wait("group-view", "data-partitions", "1000").await;
    let drawn: u64 = page.number_of("[data-testid=position]").await;
    assert!(drawn < 100, "only what is in sight is in the document: {drawn}");
    page.click("sort-lag").await;
    page.wait("position", "data-partition", "999").await;
    page.eval::<f64>("document.querySelector('[data-testid=positions]').scrollTop = 15000").await;
    plan(&page, "latest", "").await;
    page.wait("reset-sum", "data-moved", "1").await;
    page.wait("reset-sum", "data-stays", "999").await;
    photograph(&page, "group-thousand-partitions").await;
    page.is_clean().await;
    let delete = protocol::DeleteTopic { name: topic.clone(), confirm: topic };
    let _: protocol::DeleteTopicResult = client.ask(delete).await;
}

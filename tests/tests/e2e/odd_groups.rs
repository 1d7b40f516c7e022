//! Groups whose names may be misread: Kafka stores offsets for the empty name, and for names with line breaks. They are listed,
//! described, reset and deleted like others; only joining them is refused.

use protocol::{
    DeleteGroup, DeleteGroupResult, ErrorCode, GroupKind, GroupRequest, GroupResult, GroupsRequest, GroupsResult,
    PlanOffsetReset, PlanOffsetResetResult, ResetOffsets, ResetOffsetsResult, ResetTarget,
};
use tests::client::messaggi;
use tests::kafka::{commit, committed};
use tests::offset_commit::commit_without_joining;
use tests::{Bridge, Browser, Client, Kafka, Program, Watch, eventually, on_every_kafka, unique};

/// Moves the group to the offset with a plan.
async fn reset(client: &mut Client, group: &str, topic: &str, to: ResetTarget) {
    let request =
        PlanOffsetReset { group: group.to_owned(), topics: vec![topic.to_owned()], partitions: Vec::new(), to };
    let PlanOffsetResetResult { plan, refused } = client.ask(request).await;
    assert_eq!((refused, plan.group.as_str()), (None, group));
    let done: ResetOffsetsResult = client.ask(ResetOffsets { plan }).await;
    assert_eq!(done.positions.len(), 1, "{done:?}");
}

async fn listed(client: &mut Client) -> Vec<String> {
    let listed: GroupsResult = client.ask(GroupsRequest {}).await;
    listed.groups.into_iter().map(|group| group.group).collect()
}

async fn output(servers: &str, words: &[&str]) -> (i32, String, String) {
    let mut program = Program::bridge(&[words, &["--bootstrap-servers", servers]].concat());
    program.type_and_end("");
    let code = program.exit_code().await;
    let (out, err) = program.all_output().await;
    (code, out, err)
}

on_every_kafka! {
    real
    async fn group_with_line_break_is_listed_described_reset_and_deleted(kafka: Kafka) {
        let topic = kafka.topic("odd").await;
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let group = format!("{}\nsecond line", unique("two"));
        commit(&servers, &group, &topic, &[(0, 4)]).await;

        assert!(listed(&mut client).await.contains(&group));
        let described: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
        assert_eq!((described.lag, described.kind), (6, GroupKind::Classic), "{described:?}");
        reset(&mut client, &group, &topic, ResetTarget::Earliest).await;
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 0)].into());

        let quoted = format!("\"{}\"", group.replace('\n', "\\n"));
        let (code, out, err) = output(&servers, &["groups", "list"]).await;
        assert!(code == 0 && out.lines().any(|line| line == quoted), "{out}\n{err}");
        let (code, out, err) = output(&servers, &["groups", "describe", "--group", &group]).await;
        assert!(code == 0 && out.contains(&quoted) && out.contains(&topic), "{out}\n{err}");

        let delete = DeleteGroup { group: group.clone(), confirm: group.clone() };
        let _: DeleteGroupResult = client.ask(delete).await;
        assert!(!listed(&mut client).await.contains(&group));

        // A reset would create the group again, which no consumer of the bridge could join.
        let (topics, to) = (vec![topic.clone()], ResetTarget::Earliest);
        let request = PlanOffsetReset { group: group.clone(), topics, partitions: Vec::new(), to };
        let PlanOffsetResetResult { plan, refused } = client.ask(request).await;
        assert_eq!(refused.map(|error| error.code), Some(ErrorCode::InvalidGroup.number()));
        let refused = client.refused(ResetOffsets { plan }).await;
        assert_eq!(refused.error.code, ErrorCode::InvalidGroup.number(), "{refused:?}");
        assert!(!listed(&mut client).await.contains(&group));
    }
}

/// The cluster is the test's own, because it has only one group with the empty name.
#[tokio::test]
async fn group_with_empty_name_is_listed_described_and_reset_in_socket_terminal_and_page() {
    let Some(cluster) = Kafka::own_cluster().await else { return };
    let servers = cluster.bootstrap_servers();
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).await;
    let mut client = bridge.client().await;
    let topic = unique("odd");
    client.write(messaggi(&topic, 10)).await;
    let empty = client.refused(GroupRequest { group: String::new() }).await;
    assert_eq!(empty.error.code, ErrorCode::GroupMissing.number(), "{empty:?}");

    commit_without_joining(&servers, "", &topic, 10).await;
    reset(&mut client, "", &topic, ResetTarget::Shift(-7)).await;
    assert!(listed(&mut client).await.contains(&String::new()));
    let described: GroupResult = client.ask(GroupRequest { group: String::new() }).await;
    assert_eq!((described.state.as_str(), described.lag, described.members.len()), ("Empty", 7, 0), "{described:?}");

    let (code, out, err) = output(&servers, &["groups", "list"]).await;
    assert!(code == 0 && out.lines().any(|line| line == "\"\""), "{out}\n{err}");
    let (code, out, err) = output(&servers, &["groups", "describe", "--all-groups"]).await;
    let is_row = |line: &str| line.starts_with("\"\" ") && line.contains(&topic) && line.contains(" 7 ");
    assert!(code == 0 && out.lines().any(is_row), "{out}\n{err}");
    let (code, _, err) = output(&servers, &["consume", "--topic", &topic, "--group", ""]).await;
    assert!(code == 2 && err.contains("1 to 255"), "{err}");

    let refused = client.refused(Watch::group(&topic, "").message()).await;
    assert_eq!(refused.error.code, ErrorCode::InvalidGroup.number(), "{refused:?}");

    let Some(browser) = Browser::start().await else { return };
    let page = browser.open(&bridge).await;
    page.click("nav-groups").await;
    page.until(
        "the quoted name",
        "[...document.querySelectorAll('[data-testid=group-row] a')].some(link => link.textContent === '\"\"')",
    )
    .await;
    page.click_at("[data-testid=group-row] a").await;
    page.wait("group-view", "data-group", "").await;
    page.wait("group-view", "data-lag", "7").await;
    page.until("joining is refused", "document.querySelector('[data-testid=group-live]').ariaDisabled === 'true'")
        .await;
    assert!(page.text("cannot-listen").await.contains("1 to 255"), "{}", page.text("cannot-listen").await);
    // The address opens the same group.
    page.reload().await;
    page.wait("group-view", "data-lag", "7").await;
    page.is_clean().await;

    let delete = DeleteGroup { group: String::new(), confirm: String::new() };
    let _: DeleteGroupResult = client.ask(delete).await;
    eventually("the group is gone", || async {
        let mut client = bridge.client().await;
        (!listed(&mut client).await.contains(&String::new())).then_some(())
    })
    .await;
}

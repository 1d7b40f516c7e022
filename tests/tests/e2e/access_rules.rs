//! Users and access rules: what each user may do and see, through the socket and over HTTP.

use std::collections::BTreeMap;
use std::path::Path;

use hyper::StatusCode;
use nix::sys::signal::Signal;
use protocol::{
    AddPartitions, AlterTopicConfig, ClientMessage, CloseCode, ClusterDetailsRequest, ClusterRequest, CreateTopic,
    CreateTopicResult, Decode, DeleteGroup, DeleteTopic, DeleteTopicResult, EmptyTopic, ErrorBody, ErrorCode, Fetch,
    GroupChanged, GroupRequest, GroupResult, GroupsChanged, GroupsRequest, GroupsResult, Hello, Offset,
    OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult, Position, ResetOffsets, ResetOffsetsResult, ResetTarget,
    Resume, TopicPartition, TopicRequest, TopicsChanged, TopicsRequest, TopicsResult, WatchCluster, WatchGroup,
    WatchGroups, WatchTopic, WatchTopics, Watching,
};
use serde_json::{Value, json};
use tests::client::{Outcome, offset_change, text_record};
use tests::configuration::{Configuration, OPERATOR, Users, client_of, hello_of, operator, token_of};
use tests::http::Request;
use tests::kafka::{commit, committed};
use tests::{Bridge, Client, Watch, eventually, on_every_kafka, unique};

pub async fn create(client: &mut Client, topic: &str) {
    let create =
        CreateTopic { name: topic.to_owned(), partitions: Some(1), replication: None, config: BTreeMap::new() };
    client.ask::<CreateTopicResult>(create).await;
}

/// The status of a route for the user.
async fn status(bridge: &Bridge, path: &str, token: &str) -> StatusCode {
    Request::get(path).header("authorization", &format!("Bearer {token}")).send(&bridge.address).await.status
}

async fn body(bridge: &Bridge, path: &str, user: &str) -> Value {
    let authorization = format!("Bearer {}", token_of(user));
    Request::get(path).header("authorization", &authorization).send(&bridge.address).await.json()
}

/// Refused by the bridge, not by Kafka.
fn is_forbidden(error: &ErrorBody) -> bool {
    error.code == ErrorCode::Forbidden.number() && error.kafka.is_none()
}

async fn failure(client: &mut Client, topic: &str) -> Option<ErrorBody> {
    let seq = client.produce(vec![text_record(topic, "ciao")]).await;
    match client.outcome(seq).await {
        Outcome::Acked { .. } => None,
        Outcome::Failed(error) => Some(error),
    }
}

// What each action allows

/// A user for each action, who is allowed only that one, on topics and groups that begin with `open-`.
const ACTIONS: [&str; 6] = ["describe", "read", "write", "create", "alter", "delete"];

/// As in Kafka, a user who may do anything but create may also describe.
const DESCRIBE: &[&str] = &["describe", "read", "write", "alter", "delete"];

/// Requests about a topic and a group, and who may send them. They change nothing even if the rules allow them: those that would
/// are not confirmed, or are invalid in another way.
fn requests(topic: &str, group: &str) -> Vec<(ClientMessage, &'static [&'static str])> {
    let (name, group) = (topic.to_owned(), group.to_owned());
    let nothing = String::new;
    let change = offset_change(topic, -1);
    let plan = |topics, partitions, to| PlanOffsetReset { group: group.clone(), topics, partitions, to };
    let partition = TopicPartition { topic: name.clone(), partition: 0 };
    let position = Position { topic: name.clone(), partition: 0, offset: Offset(0) };
    let range = Fetch { topic: name.clone(), partition: 0, from: Offset(0), to: Offset(1), decode: Decode::default() };
    vec![
        (TopicRequest { name: name.clone() }.into(), DESCRIBE),
        (WatchTopic { name: name.clone() }.into(), DESCRIBE),
        (GroupRequest { group: group.clone() }.into(), DESCRIBE),
        (WatchGroup { group: group.clone() }.into(), DESCRIBE),
        (plan(vec![name.clone()], Vec::new(), ResetTarget::Earliest).into(), DESCRIBE),
        (plan(Vec::new(), vec![partition], ResetTarget::Earliest).into(), DESCRIBE),
        (plan(Vec::new(), Vec::new(), ResetTarget::Positions(vec![position])).into(), DESCRIBE),
        (range.into(), &["read"]),
        (Watch::tail(topic).message().into(), &["read"]),
        (Watch::group(topic, &group).message().into(), &["read"]),
        (
            CreateTopic { name: name.clone(), partitions: Some(0), replication: None, config: BTreeMap::new() }.into(),
            &["create"],
        ),
        (AlterTopicConfig { name: name.clone(), set: BTreeMap::new(), delete: Vec::new() }.into(), &["alter"]),
        (AddPartitions { name: name.clone(), partitions: 9, confirm: nothing() }.into(), &["alter"]),
        (
            ResetOffsets { plan: OffsetResetPlan { group: group.clone(), changes: vec![change], forget: Vec::new() } }
                .into(),
            &["alter"],
        ),
        (EmptyTopic { name: name.clone(), confirm: nothing() }.into(), &["delete"]),
        (DeleteTopic { name, confirm: nothing() }.into(), &["delete"]),
        (DeleteGroup { group, confirm: nothing() }.into(), &["delete"]),
    ]
}

#[tokio::test]
async fn each_action_allows_its_requests_and_no_others() {
    let rule = |action: &str| {
        format!("[[rules]]\nusers = [{action:?}]\ntopics = [\"open-*\"]\ngroups = [\"open-*\"]\nallow = [{action:?}]\n")
    };
    let users = ACTIONS.map(|action| (action, &[][..]));
    let configuration = Configuration::new(&users, &ACTIONS.map(rule).concat());
    let bridge = configuration.bridge_with_operator().demo().await;
    let mut owner = operator(&bridge).await;
    create(&mut owner, "open-topic").await;
    create(&mut owner, "shut-topic").await;
    for action in ACTIONS {
        let mut client = client_of(&bridge, action).await;
        assert_eq!(client.welcome.user.as_ref().map(|user| user.name.as_str()), Some(action));
        for (request, allowed) in requests("open-topic", "open-group") {
            let error = client.refusal(request.clone()).await;
            let is_allowed = !error.as_ref().is_some_and(is_forbidden);
            assert_eq!(is_allowed, allowed.contains(&action), "{action}: {request:?}: {error:?}");
        }
        // The answer does not tell whether a topic exists.
        let (existing, missing) = (requests("shut-topic", "shut-group"), requests("shut-nothing", "shut-group"));
        for ((request, _), (missing, _)) in existing.into_iter().zip(missing) {
            let error = client.refusal(request.clone()).await.unwrap_or_else(|| panic!("{action}: {request:?}"));
            assert!(is_forbidden(&error), "{action}: {request:?}: {error:?}");
            let of_missing = client.refusal(missing).await.expect("an error");
            assert_eq!(of_missing.message.replace("shut-nothing", "shut-topic"), error.message);
        }
        for topic in ["open-topic", "shut-topic"] {
            let error = failure(&mut client, topic).await;
            let is_written = error.is_none();
            assert_eq!(is_written, (action, topic) == ("write", "open-topic"), "{action}: {topic}: {error:?}");
            assert!(error.as_ref().is_none_or(is_forbidden), "{action}: {topic}: {error:?}");
        }
    }
}

#[tokio::test]
async fn every_user_of_a_cluster_may_see_its_brokers_and_request_the_lists() {
    let rule = "[[rules]]\nusers = [\"ann\"]\ntopics = [\"nothing\"]\nallow = [\"create\"]\n";
    let configuration = Configuration::new(&[("ann", &[])], rule);
    let bridge = configuration.bridge_with_operator().demo().await;
    let mut ann = client_of(&bridge, "ann").await;
    let requests: [ClientMessage; 7] = [
        ClusterRequest {}.into(),
        ClusterDetailsRequest {}.into(),
        TopicsRequest {}.into(),
        GroupsRequest {}.into(),
        WatchCluster {}.into(),
        WatchTopics {}.into(),
        WatchGroups {}.into(),
    ];
    for request in requests {
        let error = ann.refusal(request.clone()).await;
        assert!(!error.as_ref().is_some_and(is_forbidden), "{request:?}: {error:?}");
    }
}

#[tokio::test]
async fn user_without_any_rule_and_a_bridge_without_rules_are_opposites() {
    let configuration = Configuration::new(&[("ann", &[]), ("bob", &[])], "");
    let bridge = configuration.bridge_with_operator().demo().await;
    let mut socket = bridge.socket().await;
    socket.text(&ClientMessage::from(hello_of("ann")).to_json()).await;
    socket.expect_close(CloseCode::Forbidden).await;

    // Without rules, every admitted user may do everything.
    let text = std::fs::read_to_string(configuration.file()).expect("the file");
    let users = text.split("\n[[rules]]").next().expect("the users come first");
    configuration.write_file("ponte.toml", users);
    let bridge = configuration.bridge_with_operator().demo().await;
    let mut ann = client_of(&bridge, "ann").await;
    assert_eq!(ann.welcome.rights, None);
    create(&mut ann, "any-topic").await;
    assert_eq!(failure(&mut ann, "any-topic").await, None);
}

// Lists

fn names(listed: &TopicsResult) -> Vec<&str> {
    listed.topics.iter().map(|topic| topic.name.as_str()).collect()
}

on_every_kafka! {
    real
    async fn topic_list_and_its_live_view_have_only_what_the_user_may_describe(kafka: Kafka) {
        let [seen, hidden] = ["seen", "hidden"].map(unique);
        let topic = |prefix: &str, number: u32| format!("{prefix}-{number}");
        let rule = format!("[[rules]]\nroles = [\"support\"]\ntopics = [\"{seen}-*\"]\nallow = [\"read\"]\n");
        let configuration = Configuration::new(&[("ann", &["support"])], &rule);
        let bridge = configuration.bridge_with_operator().on(&kafka).await;
        let (mut owner, mut ann) = (operator(&bridge).await, client_of(&bridge, "ann").await);
        for prefix in [&seen, &hidden] {
            create(&mut owner, &topic(prefix, 1)).await;
        }
        assert_eq!(names(&ann.ask(TopicsRequest {}).await), [topic(&seen, 1)]);
        let all: TopicsResult = owner.ask(TopicsRequest {}).await;
        assert!([&seen, &hidden].iter().all(|prefix| names(&all).contains(&topic(prefix, 1).as_str())), "{all:?}");

        let Watching { watch } = ann.ask(WatchTopics {}).await;
        let first: TopicsChanged = ann.expect().await;
        assert_eq!((first.watch, first.topics.len(), &first.topics[0].name), (watch, 1, &topic(&seen, 1)));
        owner.ask::<Watching>(WatchTopics {}).await;
        let first: TopicsChanged = owner.expect().await;
        assert!(first.topics.iter().any(|listed| listed.name == topic(&hidden, 1)), "{first:?}");

        for prefix in [&hidden, &seen] {
            create(&mut owner, &topic(prefix, 2)).await;
        }
        for prefix in [&hidden, &seen] {
            let name = topic(prefix, 1);
            owner.ask::<DeleteTopicResult>(DeleteTopic { name: name.clone(), confirm: name }).await;
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        while added.is_empty() || removed.is_empty() {
            let TopicsChanged { topics, removed: gone, .. } = ann.expect().await;
            added.extend(topics.into_iter().map(|listed| listed.name).filter(|name| *name != topic(&seen, 1)));
            removed.extend(gone);
        }
        added.dedup();
        assert_eq!((added, removed), (vec![topic(&seen, 2)], vec![topic(&seen, 1)]));
    }
}

on_every_kafka! {
    real
    async fn groups_show_only_groups_positions_and_lag_that_the_user_may_describe(kafka: Kafka) {
        let (seen, hidden) = (kafka.topic("seen").await, kafka.topic("hidden").await);
        let (group, other) = (unique("group"), unique("other"));
        let rule = format!(
            "[[rules]]\nusers = [\"ann\"]\ntopics = [{seen:?}]\ngroups = [{group:?}]\nallow = [\"alter\"]\n"
        );
        let configuration = Configuration::new(&[("ann", &[])], &rule);
        let bridge = configuration.bridge_with_operator().on(&kafka).await;
        let (mut owner, mut ann) = (operator(&bridge).await, client_of(&bridge, "ann").await);
        for (topic, count) in [(&seen, 3), (&hidden, 5)] {
            owner.write((0..count).map(|_| text_record(topic, "x")).collect()).await;
        }
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        for (group, topic) in [(&group, &seen), (&group, &hidden), (&other, &hidden)] {
            commit(&servers, group, topic, &[(0, 0)]).await;
        }

        let mine = |listed: &[protocol::GroupSummary]| -> Vec<(String, Option<u64>, Vec<String>)> {
            let known = listed.iter().filter(|listed| [&group, &other].contains(&&listed.group));
            known.map(|listed| (listed.group.clone(), listed.lag, listed.topics.clone())).collect()
        };
        let visible = vec![(group.clone(), Some(3), vec![seen.clone()])];
        let listed: GroupsResult = ann.ask(GroupsRequest {}).await;
        assert_eq!((mine(&listed.groups), listed.groups.len()), (visible.clone(), 1));
        let all: GroupsResult = owner.ask(GroupsRequest {}).await;
        assert_eq!(mine(&all.groups).iter().map(|(_, lag, _)| *lag).collect::<Vec<_>>(), [Some(8), Some(5)]);
        ann.ask::<Watching>(WatchGroups {}).await;
        let pushed: GroupsChanged = ann.expect().await;
        assert_eq!((mine(&pushed.groups), pushed.groups.len()), (visible, 1));

        let described: GroupResult = ann.ask(GroupRequest { group: group.clone() }).await;
        let positions: Vec<&str> = described.positions.iter().map(|position| position.topic.as_str()).collect();
        assert_eq!((described.lag, positions), (3, vec![seen.as_str()]));
        let whole: GroupResult = owner.ask(GroupRequest { group: group.clone() }).await;
        assert_eq!((whole.lag, whole.positions.len()), (8, 2));
        ann.ask::<Watching>(WatchGroup { group: group.clone() }).await;
        let pushed: GroupChanged = ann.expect().await;
        assert_eq!((pushed.lag, pushed.positions.len()), (3, 1), "{pushed:?}");

        // A reset of all positions is one of those that the user sees.
        let plan = |topics: Vec<String>| PlanOffsetReset {
            group: group.clone(), topics, partitions: Vec::new(), to: ResetTarget::Latest,
        };
        assert!(is_forbidden(&ann.refused(plan(vec![seen.clone(), hidden.clone()])).await.error));
        let planned: PlanOffsetResetResult = ann.ask(plan(Vec::new())).await;
        assert_eq!(planned.plan.changes.iter().map(|change| change.topic.as_str()).collect::<Vec<_>>(), [&seen]);
        // A plan that was not made by the bridge cannot move other positions either.
        let whole: PlanOffsetResetResult = owner.ask(plan(Vec::new())).await;
        assert_eq!(whole.plan.changes.len(), 2);
        assert!(is_forbidden(&ann.refused(ResetOffsets { plan: whole.plan }).await.error));
        let forget = Position { topic: hidden.clone(), partition: 0, offset: Offset(0) };
        let forgetting = OffsetResetPlan { group: group.clone(), changes: Vec::new(), forget: vec![forget] };
        assert!(is_forbidden(&ann.refused(ResetOffsets { plan: forgetting }).await.error));
        let _: ResetOffsetsResult = ann.ask(ResetOffsets { plan: planned.plan }).await;
        assert_eq!(committed(&servers, &group, &seen).await, BTreeMap::from([(0, 3)]));
        assert_eq!(committed(&servers, &group, &hidden).await, BTreeMap::from([(0, 0)]));
    }
}

// Topics that do not exist

on_every_kafka! {
    async fn sending_creates_a_topic_only_with_the_right_to_create_it(kafka: Kafka) {
        let (topic, other) = (unique("orders"), unique("orders"));
        let rules = "[[rules]]\nusers = [\"ann\"]\ntopics = [\"orders-*\"]\nallow = [\"write\"]\n\
                     [[rules]]\nusers = [\"bob\"]\ntopics = [\"orders-*\"]\nallow = [\"write\", \"create\"]\n";
        let configuration = Configuration::new(&[("ann", &[]), ("bob", &[])], rules);
        let bridge = configuration.bridge_with_operator().on(&kafka).await;
        let (mut ann, mut bob) = (client_of(&bridge, "ann").await, client_of(&bridge, "bob").await);
        let error = failure(&mut ann, &topic).await.expect("the topic does not exist");
        assert!(is_forbidden(&error) && error.message.contains("does not exist"), "{error:?}");
        let listed: TopicsResult = operator(&bridge).await.ask(TopicsRequest {}).await;
        assert!(!names(&listed).contains(&topic.as_str()), "{listed:?}");

        // Asked for by one user who may not create it, and right after by one who may.
        let refused = ann.produce(vec![text_record(&other, "ann")]).await;
        assert_eq!(failure(&mut bob, &other).await, None);
        match ann.outcome(refused).await {
            Outcome::Acked { topic, .. } => assert_eq!(topic, other, "it was created before ann's look-up ended"),
            Outcome::Failed(error) => {
                assert!(is_forbidden(&error) && error.message.contains("does not exist"), "{error:?}");
            }
        }
        assert_eq!(failure(&mut bob, &topic).await, None);
        eventually("the topic to be found", || {
            let (bridge, topic) = (&bridge, &topic);
            async move { failure(&mut client_of(bridge, "ann").await, topic).await.is_none().then_some(()) }
        })
        .await;
    }
}

// Clusters

#[tokio::test]
async fn cluster_without_any_right_does_not_exist_for_the_user() {
    let rest = "[[rules]]\nusers = [\"ann\"]\nclusters = [\"dev\"]\ntopics = [\"*\"]\nallow = [\"read\"]\n\
                [clusters.prod]\ndemo = true\n[clusters.dev]\ndemo = true\n";
    let configuration = Configuration::new(&[("ann", &[]), ("bob", &[])], rest);
    let bridge = configuration.bridge_with_operator().await;
    assert_eq!(operator(&bridge).await.welcome.clusters.len(), 2);
    let ann = client_of(&bridge, "ann").await;
    assert_eq!(ann.welcome.cluster_name, "dev", "the first one that she may use");
    assert_eq!(ann.welcome.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), ["dev"]);

    let mut reasons = Vec::new();
    for cluster in ["prod", "nope"] {
        let mut socket = bridge.socket().await;
        let hello = Hello { cluster: Some(cluster.to_owned()), ..hello_of("ann") };
        socket.text(&ClientMessage::from(hello).to_json()).await;
        reasons.push(socket.expect_close(CloseCode::UnknownCluster).await.replace(cluster, "…"));
    }
    assert_eq!(reasons[0], reasons[1], "a forbidden cluster is like one that does not exist");
    assert!(reasons[0].ends_with("this bridge has: dev"), "{reasons:?}");
    let mut socket = bridge.socket().await;
    socket.text(&ClientMessage::from(hello_of("bob")).to_json()).await;
    socket.expect_close(CloseCode::Forbidden).await;

    let listed = body(&bridge, "/api/clusters", "ann").await;
    assert_eq!(
        listed.as_array().map(|clusters| clusters.iter().map(|c| c["name"].clone()).collect()),
        Some(vec![json!("dev")])
    );
    for path in ["/api/cluster?cluster=prod", "/readyz?cluster=prod"] {
        assert_eq!(status(&bridge, path, &token_of("ann")).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(status(&bridge, "/api/cluster", &token_of("ann")).await, StatusCode::OK);
    assert_eq!(status(&bridge, "/api/cluster", &token_of("bob")).await, StatusCode::NOT_FOUND);
    assert_eq!(body(&bridge, "/api/clusters", "bob").await, json!([]));
}

#[tokio::test]
async fn metrics_need_a_rule_that_allows_them() {
    let rules = "[[rules]]\nusers = [\"ann\"]\ntopics = [\"*\"]\ngroups = [\"*\"]\nallow = [\"all\"]\n\
                 [[rules]]\nusers = [\"prometheus\"]\nmetrics = true\n";
    let configuration = Configuration::new(&[("ann", &[]), ("prometheus", &[])], rules);
    let bridge = configuration.bridge_with_operator().demo().await;
    for (token, expected) in [
        (token_of("ann"), StatusCode::FORBIDDEN),
        (token_of("prometheus"), StatusCode::OK),
        (OPERATOR.to_owned(), StatusCode::OK),
        ("of-no-user-0123456789".to_owned(), StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(status(&bridge, "/metrics", &token).await, expected, "{token}");
    }
    // Metrics are all that this user may read.
    let mut socket = bridge.socket().await;
    socket.text(&ClientMessage::from(hello_of("prometheus")).to_json()).await;
    socket.expect_close(CloseCode::Forbidden).await;
}

// Sessions, and rules that change

#[tokio::test]
async fn session_is_resumed_only_for_its_user() {
    let rule = "[[rules]]\ntopics = [\"*\"]\nallow = [\"read\", \"write\", \"create\"]\n";
    let configuration = Configuration::new(&[("ann", &[]), ("bob", &[])], rule);
    let bridge = configuration.bridge_with_operator().demo().await;
    let ann = client_of(&bridge, "ann").await;
    let resume = Resume { session: ann.welcome.session.clone(), attempt: None };
    let bob = Client::greet(bridge.socket().await, Hello { resume: Some(resume.clone()), ..hello_of("bob") }).await;
    assert!(!bob.welcome.resumed && bob.welcome.session != resume.session);
    ann.socket.cut();
    let ann = Client::greet(bridge.socket().await, Hello { resume: Some(resume.clone()), ..hello_of("ann") }).await;
    assert!(ann.welcome.resumed && ann.welcome.session == resume.session);
}

#[tokio::test]
async fn changed_rules_close_open_sockets_and_apply_to_those_that_come_back() {
    let rule = |actions: &str| {
        format!("[[rules]]\nroles = [\"support\"]\ntopics = [\"orders\"]\ngroups = [\"*\"]\nallow = {actions}\n")
    };
    let users: Users<'_> = &[("ann", &["support"]), ("bob", &["support"])];
    let configuration = Configuration::new(users, &rule(r#"["read"]"#));
    let bridge = configuration.bridge_with_operator().demo().await;
    create(&mut operator(&bridge).await, "orders").await;
    let mut ann = client_of(&bridge, "ann").await;
    ann.subscribe(&Watch::tail("orders")).await;
    assert!(failure(&mut ann, "orders").await.is_some_and(|error| is_forbidden(&error)));

    configuration.write(users, &rule(r#"["write"]"#));
    bridge.signal(Signal::SIGHUP);
    ann.socket.expect_close(CloseCode::AccessChanged).await;
    assert!(CloseCode::should_reconnect(CloseCode::AccessChanged.number()));
    let mut ann = client_of(&bridge, "ann").await;
    assert!(is_forbidden(&ann.refused(Watch::tail("orders").message()).await.error));
    assert!(is_forbidden(&ann.refused(Watch::group("orders", "readers").message()).await.error));
    assert_eq!(failure(&mut ann, "orders").await, None);

    // The token of a removed user is none.
    let mut bob = client_of(&bridge, "bob").await;
    configuration.write(&users[..1], &rule(r#"["write"]"#));
    bridge.signal(Signal::SIGHUP);
    bob.socket.expect_close(CloseCode::AccessChanged).await;
    let mut socket = bridge.socket().await;
    socket.text(&ClientMessage::from(hello_of("bob")).to_json()).await;
    socket.expect_close(CloseCode::TokenRefused).await;
    ann.socket.expect_close(CloseCode::AccessChanged).await;
    client_of(&bridge, "ann").await;

    // A file with a mistake changes nothing.
    configuration.write(users, "[[rules]]\nallow = [\"everything\"]\n");
    bridge.signal(Signal::SIGHUP);
    bridge.logged("the changed configuration file cannot be used").await;
    assert_eq!(failure(&mut client_of(&bridge, "ann").await, "orders").await, None);
}

// The audit log

/// The lines of an audit log so far.
fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn audit_log_names_the_user_of_changes_refusals_joins_and_writes() {
    let rule = "[[rules]]\nusers = [\"ann\"]\ntopics = [\"orders\"]\ngroups = [\"readers\"]\nallow = [\"read\", \"write\", \"create\"]\n";
    let configuration = Configuration::new(&[("ann", &[])], rule);
    let file = configuration.path("audit.jsonl");
    let bridge =
        configuration.bridge_with_operator().demo().option("--audit", file.to_str().expect("a plain path")).await;
    let mut ann = client_of(&bridge, "ann").await;
    create(&mut ann, "orders").await;
    for _ in 0..3 {
        ann.write(vec![text_record("orders", "not for the log")]).await;
    }
    for _ in 0..2 {
        assert!(failure(&mut ann, "payments").await.is_some());
    }
    ann.subscribe(&Watch::group("orders", "readers")).await;
    ann.refused(Watch::group("orders", "others").message()).await;
    ann.refused(DeleteTopic { name: "orders".into(), confirm: "orders".into() }).await;
    ann.socket.close().await;

    let logged = eventually("the totals at the end of the socket", || async {
        let lines = lines(&file);
        lines.iter().any(|line| line["message"] == "audit: records written").then_some(lines)
    })
    .await;
    let seen: Vec<(&str, &str)> = logged
        .iter()
        .map(|line| (line["message"].as_str().unwrap_or_default(), line["change"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ("audit: topic created", "create_topic"),
        ("audit: first record for the topic", "produce"),
        ("audit: refused by the access rules", "produce"),
        ("audit: joined a consumer group", "subscribe"),
        ("audit: refused by the access rules", "subscribe"),
        ("audit: refused by the access rules", "delete_topic"),
        ("audit: records written", "produce"),
    ];
    assert_eq!(seen, expected);
    for line in &logged {
        assert_eq!((&line["user"], &line["cluster"]), (&json!("ann"), &json!("default")), "{line}");
    }
    assert!(logged[2]["reason"].as_str().is_some_and(|reason| reason.contains("payments")), "{}", logged[2]);
    assert_eq!((&logged[3]["group"], &logged[3]["topics"]), (&json!("readers"), &json!("orders")));
    assert_eq!((&logged[6]["topic"], &logged[6]["records"]), (&json!("orders"), &json!(3)));
    // Standard error has changes and refusals, as far as its filter shows them.
    let said = bridge.stderr.text();
    assert!(said.contains("user=\"ann\"") && said.contains("audit: topic created"), "{said}");
    assert!(!said.contains("first record") && !said.contains("records written") && !said.contains("not for the log"));
}

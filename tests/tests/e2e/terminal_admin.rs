//! `bridge topics` and `bridge groups`: options and output like those of Kafka's tools, which check the results.

use std::io::Write;

use protocol::{GroupResult, PlanOffsetResetResult, ResetOffsetsResult, TopicResult, TopicsResult};
use tests::client::messaggi;
use tests::kafka::{committed, unused_address};
use tests::{Bridge, Kafka, Program, Watch, on_every_kafka, unique};

const TOPIC_TOOL: &str = "org.apache.kafka.tools.TopicCommand";
const GROUP_TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
/// The tool's default of five seconds is too short on a busy machine.
const TOOL_TIMEOUT_MS: &str = "30000";

/// Exit code and output of a command.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs `bridge <words> --bootstrap-servers …` with empty standard input.
async fn bridge(servers: &str, words: &[&str]) -> Said {
    // A command without a subcommand is invalid with any option.
    let address = if words.len() > 1 { &["--bootstrap-servers", servers][..] } else { &[] };
    let mut program = Program::bridge(&[words, address].concat());
    program.type_and_end("");
    let code = program.exit_code().await;
    let (out, err) = program.all_output().await;
    Said { code, out, err }
}

/// The same, of a command that must succeed.
async fn succeeds(servers: &str, words: &[&str]) -> String {
    let Said { code, out, err } = bridge(servers, words).await;
    assert_eq!(code, 0, "{words:?}: {out}\n{err}");
    out
}

fn columns(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn servers(kafka: &Kafka) -> String {
    kafka.bootstrap_servers().expect("real Kafka has an address")
}

on_every_kafka! {
    real
    async fn topic_commands_create_describe_alter_empty_and_delete(kafka: Kafka) {
        let (topic, servers) = (unique("life"), servers(&kafka));
        let on = ["--topic", &topic];
        let run = async |verb: &str, options: &[&str]| succeeds(&servers, &[&["topics", verb], options].concat()).await;

        let settings = ["--partitions", "2", "--config", "retention.ms=3600000"];
        assert_eq!(run("create", &[&on[..], &settings].concat()).await, format!("Created topic {topic}.\n"));
        let again = bridge(&servers, &[&["topics", "create"], &on[..]].concat()).await;
        assert_eq!(again.code, 1);
        assert!(again.err.contains(&topic) && again.err.contains("exists"), "{}", again.err);
        run("create", &[&on[..], &["--if-not-exists"]].concat()).await;
        assert!(run("list", &[]).await.lines().any(|line| line == topic));
        let listed: TopicsResult = json(&run("list", &["--json", "--exclude-internal"]).await);
        assert!(listed.topics.iter().any(|seen| seen.name == topic) && listed.topics.iter().all(|seen| !seen.internal));

        let described = run("describe", &on).await;
        let theirs = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", &topic]).await;
        for part in ["PartitionCount: 2", "ReplicationFactor: 1", "retention.ms=3600000", "Partition: 1", "Leader: 1", "Isr: 1"] {
            assert!(described.contains(part) && theirs.contains(part), "{part}:\n{described}\n{theirs}");
        }
        let options = [&on[..], &["--config", "cleanup.policy=compact", "--delete-config", "retention.ms"]].concat();
        let changed = run("alter", &options).await;
        let rows: Vec<_> = changed.lines().map(columns).collect();
        assert_eq!(rows[1..], [["cleanup.policy", "delete", "compact"], ["retention.ms", "3600000", "604800000"]]);
        run("alter", &[&on[..], &["--delete-config", "cleanup.policy"]].concat()).await;
        run("add-partitions", &[&on[..], &["--partitions", "3", "--yes"]].concat()).await;

        Bridge::start().on(&kafka).await.client().await.write(messaggi(&topic, 5)).await;
        let emptied = run("empty", &[&on[..], &["--yes", "--json"]].concat()).await;
        let emptied: protocol::EmptyTopicResult = json(&emptied);
        assert_eq!(emptied.partitions.iter().map(|partition| partition.to.0).sum::<i64>(), 5);
        let described: TopicResult = json(&run("describe", &[&on[..], &["--json"]].concat()).await);
        assert_eq!(described.partitions.len(), 3);

        let unasked = bridge(&servers, &[&["topics", "delete"], &on[..]].concat()).await;
        assert_eq!(unasked.code, 2, "nobody is there to type the name: {}", unasked.err);
        assert!(unasked.err.contains("--yes"), "{}", unasked.err);
        run("delete", &[&on[..], &["--yes"]].concat()).await;
        let gone = bridge(&servers, &[&["topics", "describe"], &on[..]].concat()).await;
        assert_eq!(gone.code, 1, "{}", gone.out);
        run("delete", &[&on[..], &["--yes", "--if-exists"]].concat()).await;
    }
}

/// A topic of one partition with ten records, and a group that has committed offset 4 and has no members.
async fn four_of_ten(kafka: &Kafka) -> (Bridge, String, String) {
    let (topic, group) = (kafka.topic("shown").await, unique("group"));
    let bridge = Bridge::start().on(kafka).await;
    bridge.client().await.write(messaggi(&topic, 10)).await;
    let servers = servers(kafka);
    let args = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group, "--count", "4"];
    assert_eq!(Program::bridge(&args).exit_code().await, 0);
    (bridge, topic, group)
}

on_every_kafka! {
    real
    async fn groups_describe_equals_kafka_consumer_groups_tool(kafka: Kafka) {
        let (bridge_, topic, group) = four_of_ten(&kafka).await;
        let servers = servers(&kafka);
        let ours = succeeds(&servers, &["groups", "describe", "--group", &group]).await;
        let theirs = kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--describe", "--group", &group]).await;
        let row = |text: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.contains(&topic)).unwrap_or_else(|| panic!("{text}"));
            columns(line).into_iter().map(str::to_owned).collect()
        };
        assert_eq!(row(&ours), row(&theirs));
        assert!(succeeds(&servers, &["groups", "list"]).await.lines().any(|line| line == group));

        let mut reader = bridge_.client().await;
        let watch = reader.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        reader.records(watch, 6).await;
        let members = succeeds(&servers, &["groups", "describe", "--group", &group, "--members"]).await;
        assert!(members.contains(&format!("{topic}:0")), "{members}");
        let seen: GroupResult = json(&succeeds(&servers, &["groups", "describe", "--group", &group, "--json"]).await);
        assert_eq!((seen.state.as_str(), seen.members.len(), seen.lag), ("Stable", 1, 6));

        // The reset is printed but refused, and the exit code is 1.
        let words = ["groups", "reset", "--group", &group, "--topic", &topic, "--to-earliest", "--execute"];
        let refused = bridge(&servers, &words).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(refused.err.contains(&seen.members[0].member), "{}", refused.err);
        let delete = bridge(&servers, &["groups", "delete", "--group", &group, "--yes"]).await;
        assert_eq!(delete.code, 1, "{}", delete.out);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 4)].into());
    }
}

on_every_kafka! {
    real
    async fn groups_reset_is_a_dry_run_without_execute(kafka: Kafka) {
        let (_bridge, topic, group) = four_of_ten(&kafka).await;
        let servers = servers(&kafka);
        let reset = async |options: &[&str]| {
            succeeds(&servers, &[&["groups", "reset", "--group", &group, "--topic", &topic], options].concat()).await
        };
        for (options, new_offset) in [
            (&["--to-earliest"][..], "0"),
            (&["--to-latest"], "10"),
            (&["--to-offset", "7"], "7"),
            (&["--shift-by", "-3"], "1"),
            (&["--to-datetime", "2001-01-01T00:00:00.000"], "0"),
            (&["--to-datetime", "2099-01-01T00:00:00.000+01:00"], "10"),
        ] {
            let shown = reset(options).await;
            let row = columns(shown.lines().nth(1).unwrap_or_else(|| panic!("{shown}")));
            assert_eq!(row[..5], [&group, &topic, "0", new_offset, "4"], "{options:?}: {shown}");
        }
        let theirs = ["--timeout", TOOL_TIMEOUT_MS, "--reset-offsets", "--group", &group, "--topic", &topic, "--shift-by", "-3", "--dry-run"];
        let theirs = kafka.tool(GROUP_TOOL, &theirs).await;
        // Some versions print heading and row on one line.
        assert!(columns(&theirs).ends_with(&[&group, &topic, "0", "1"]), "{theirs}");
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 4)].into(), "nothing was done so far");

        let scope = format!("{topic}:0");
        let words = ["groups", "reset", "--group", &group, "--topic", &scope, "--to-offset", "6", "--execute"];
        succeeds(&servers, &words).await;
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 6)].into());

        // The export of one command is the input of another.
        let exported = reset(&["--shift-by", "-5", "--export"]).await;
        assert_eq!(exported, format!("{topic},0,1\n"));
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(exported.as_bytes()).expect("a temporary file takes bytes");
        let path = file.path().to_str().expect("a plain path");
        let words = ["groups", "reset", "--group", &group, "--from-file", path, "--execute", "--json"];
        let done: ResetOffsetsResult = json(&succeeds(&servers, &words).await);
        assert_eq!((done.positions[0].offset.0, done.undo.changes[0].to.0), (1, 6));
        let words = ["groups", "reset", "--group", &group, "--all-topics", "--to-latest", "--json"];
        let planned: PlanOffsetResetResult = json(&succeeds(&servers, &words).await);
        assert_eq!(planned.plan.changes.iter().map(|change| change.skipped).collect::<Vec<_>>(), [9]);

        succeeds(&servers, &["groups", "delete", "--group", &group, "--yes"]).await;
        assert_eq!(bridge(&servers, &["groups", "describe", "--group", &group]).await.code, 1, "it is gone");
    }
}

on_every_kafka! {
    real
    async fn offset_files_of_kafkas_tool_and_of_spreadsheets_are_read(kafka: Kafka) {
        let (_bridge, topic, group) = four_of_ten(&kafka).await;
        let (_other, other_topic, other_group) = four_of_ten(&kafka).await;
        let servers = servers(&kafka);
        // Kafka's tool exports several groups with four columns.
        let theirs = ["--timeout", TOOL_TIMEOUT_MS, "--reset-offsets", "--group", &group, "--group", &other_group, "--all-topics",
            "--to-offset", "3", "--dry-run", "--export"];
        let exported = kafka.tool(GROUP_TOOL, &theirs).await;
        assert!(exported.contains(&format!("\"{group}\",\"{topic}\",0,3")), "{exported}");
        assert!(exported.contains(&format!("\"{other_group}\",\"{other_topic}\",0,3")), "{exported}");

        let file = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
            file.write_all(text.as_bytes()).expect("a temporary file takes bytes");
            file
        };
        let reset = async |group: &str, text: &str| {
            let file = file(text);
            let path = file.path().to_str().expect("a plain path");
            bridge(&servers, &["groups", "reset", "--group", group, "--from-file", path, "--execute"]).await
        };
        let said = reset(&group, &exported).await;
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.err.contains("ignored 1 line of groups other than"), "{}", said.err);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 3)].into());
        assert_eq!(committed(&servers, &other_group, &other_topic).await, [(0, 4)].into());

        for (text, offset) in [
            (format!("\u{feff}Group,Topic,Partition,Offset\r\n\"{group}\",{topic},0,5\r\n"), 5),
            (format!("\u{feff}TOPIC,PARTITION,OFFSET\n{topic},0,6\n"), 6),
        ] {
            let said = reset(&group, &text).await;
            assert_eq!(said.code, 0, "{}", said.err);
            assert_eq!(committed(&servers, &group, &topic).await, [(0, offset)].into());
        }
        let said = reset("nobody", &exported).await;
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("no line for the group nobody") && said.err.contains("2 lines for other groups"), "{}", said.err);
    }
}

#[tokio::test]
async fn invalid_arguments_exit_with_2_and_refused_changes_with_1() {
    let nobody = unused_address();
    let reset = ["groups", "reset", "--group", "g", "--topic", "t"];
    let with = |options: &[&'static str]| -> Vec<&'static str> {
        reset.iter().copied().chain(options.iter().copied()).collect()
    };
    for (words, names) in [
        (vec!["topics"], "Usage"),
        (vec!["topics", "create"], "--topic"),
        (vec!["topics", "create", "--topic", "a b"], "a b"),
        (vec!["topics", "create", "--topic", "t", "--partitions", "0"], "--partitions"),
        (vec!["topics", "create", "--topic", "t", "--config", "retention.ms"], "NAME=VALUE"),
        (vec!["topics", "alter", "--topic", "t"], "--config"),
        (vec!["groups", "describe"], "--group"),
        (with(&[]), "--to-earliest"),
        (with(&["--to-earliest", "--to-latest"]), "--to-latest"),
        (with(&["--to-offset", "-1"]), "--to-offset"),
        (with(&["--to-datetime", "soon"]), "2026-01-01T00:00:00.000"),
        (with(&["--all-topics", "--to-earliest"]), "--all-topics"),
        (vec!["groups", "reset", "--group", "g", "--to-earliest"], "--topic"),
        (vec!["groups", "reset", "--group", "g", "--from-file", "/not/there"], "/not/there"),
        (vec!["groups", "reset", "--group", "g", "--topic", "t:x", "--to-earliest"], "t:0,1"),
    ] {
        let said = bridge(&nobody, &words).await;
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.err.contains(names), "{words:?}: {}", said.err);
    }
    let topic = unique("demo");
    let demo = Bridge::start().demo().topic(&topic).await;
    let servers = demo.bootstrap_servers().await;
    let refused = bridge(&servers, &["topics", "delete", "--topic", &topic, "--yes"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("demo broker"), "{}", refused.err);
    assert_eq!(succeeds(&servers, &["topics", "list"]).await, format!("{topic}\n"));
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

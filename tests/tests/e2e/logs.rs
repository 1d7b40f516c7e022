//! The formats of the log on standard error, and the audit log.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::{AlterTopicConfig, CreateTopic, DeleteTopic};
use serde_json::Value;
use tests::{Bridge, Kafka, Program, eventually, unique};

/// The lines of an audit log so far.
fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the bridge has created it");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn audit_log_has_a_line_for_each_change_and_each_refusal() {
    let Some(kafka) = Kafka::current().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    let (path, topic) = (file.to_str().expect("a path"), unique("audited"));
    let mut bridge = Bridge::start().on(&kafka).env("PONTE_AUDIT", path).env("PONTE_LOG", "error").await;
    let mut client = bridge.client().await;
    let config = BTreeMap::new();
    let created = CreateTopic { name: topic.clone(), partitions: Some(2), replication: None, config };
    client.ask::<protocol::CreateTopicResult>(created).await;
    client.ask::<protocol::DeleteTopicResult>(DeleteTopic { name: topic.clone(), confirm: topic.clone() }).await;

    let logged = eventually("two lines", || async { Some(lines(&file)).filter(|lines| lines.len() == 2) }).await;
    for (line, message) in logged.iter().zip(["audit: topic created", "audit: topic deleted"]) {
        assert_eq!(line["message"], message, "{line}");
        assert_eq!(line["topic"], topic.as_str());
        assert_eq!(line["cluster"], "default");
        assert_eq!(line["user"], "anyone", "a bridge without users admits everyone");
        let asker = line["asker"].as_str().expect("who asked");
        assert!(asker.starts_with("127.0.0.1:") && asker.ends_with("(\"tests/1\")"), "{asker}");
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    assert_eq!(logged[0]["change"], "create_topic");
    assert!(!bridge.stderr.text().contains("audit:"), "the audit log does not depend on PONTE_LOG");

    // A restarted bridge appends.
    bridge.ctrl_c();
    bridge.exit_code().await;
    let bridge = Bridge::start().on(&kafka).flag("--read-only").option("--audit", path).await;
    let change = AlterTopicConfig { name: topic.clone(), set: BTreeMap::new(), delete: vec!["retention.ms".into()] };
    bridge.client().await.refused(change).await;
    let logged = eventually("a third line", || async { Some(lines(&file)).filter(|lines| lines.len() == 3) }).await;
    assert_eq!(logged[2]["change"], "alter_topic_config");
    assert!(logged[2]["message"].as_str().is_some_and(|message| message.contains("refused")), "{}", logged[2]);
    drop(bridge);

    // So is a change that Kafka refuses.
    let bridge = Bridge::start().on(&kafka).option("--audit", path).await;
    bridge.client().await.refused(DeleteTopic { name: topic.clone(), confirm: topic.clone() }).await;
    let logged = eventually("a fourth line", || async { Some(lines(&file)).filter(|lines| lines.len() == 4) }).await;
    assert_eq!(logged[3]["message"], "audit: change failed");
    assert_eq!(logged[3]["change"], "delete_topic");
    assert!(logged[3]["error"].is_string() && logged[3]["reason"].is_string(), "{}", logged[3]);
}

#[tokio::test]
async fn audit_file_that_cannot_be_opened_stops_the_start() {
    let mut program = Program::bridge(&["--listen", "127.0.0.1:0", "--demo", "--audit", "/nonexistent/audit.jsonl"]);
    assert_eq!(program.exit_code().await, 2);
    let (_, stderr) = program.all_output().await;
    assert!(stderr.contains("--audit /nonexistent/audit.jsonl: No such file"), "{stderr}");
    let mut check = Program::bridge(&["config", "check", "--demo", "--audit", "/nonexistent/audit.jsonl"]);
    assert_eq!(check.exit_code().await, 2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    let mut check = Program::bridge(&["config", "check", "--demo", "--audit", file.to_str().expect("a path")]);
    assert_eq!(check.exit_code().await, 0, "{}", check.output());
    assert!(!file.exists(), "a check creates no file");
}

#[tokio::test]
async fn json_log_is_one_object_a_line() {
    let bridge = Bridge::start().demo().option("--log-format", "json").await;
    let _client = bridge.client().await;
    bridge.logged("session opened").await;
    for line in bridge.stderr.all() {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "message"] {
            assert!(event[field].is_string(), "{field}: {line}");
        }
    }
}

/// The first event of a process is logged too, with any filter.
#[tokio::test]
async fn first_event_is_logged_with_a_filter_for_some_modules() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "max.poll.records=3\n").expect("a temporary file takes bytes");
    let path = file.path().to_str().expect("a path");
    let bridge = Bridge::start().env("PONTE_LOG", "info,bridge=debug").option("--bootstrap-servers", "127.0.0.1:1");
    let bridge = bridge.option("--kafka-config", path).await;
    let line = bridge.logged("have no effect here: max.poll.records").await;
    assert_eq!(bridge.stderr.all().first(), Some(&line));
}

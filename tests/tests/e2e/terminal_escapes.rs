//! Control characters in records and names: a terminal gets them escaped, and a pipe gets every byte unchanged.

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tests::client::text_record;
use tests::kafka::client_config;
use tests::{Bridge, Program, on_every_kafka, unique};

/// Clears the screen, sets the title, reverses the text, and forges a line of output.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}b\r\n← Consumato: forged\u{9b}2Jc";
const SHOWN: &str = r"a\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}b\r\n← Consumato: forged\u{9b}2Jc";

fn is_harmless(output: &str) -> bool {
    !output.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'])
}

on_every_kafka! {
    async fn record_is_escaped_on_a_terminal_and_unchanged_in_a_pipe(kafka: Kafka) {
        let topic = kafka.topic("hostile").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        bridge.client().await.write(vec![text_record(&topic, HOSTILE), text_record(&topic, "città")]).await;
        let servers = bridge.bootstrap_servers().await;
        let consume = |group: &str| -> Vec<String> {
            let args = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", group, "--count", "2"];
            args.map(str::to_owned).to_vec()
        };
        let (shown, piped) = (consume(&unique("shown")), consume(&unique("piped")));

        let mut on_terminal = Program::bridge_on_terminal(&shown.iter().map(String::as_str).collect::<Vec<_>>());
        on_terminal.expect_line(&format!("In ascolto su '{topic}'...")).await;
        on_terminal.expect_line(&format!("← Consumato: {SHOWN}")).await;
        on_terminal.expect_line("← Consumato: città").await;
        assert_eq!(on_terminal.exit_code().await, 0);

        let mut in_pipe = Program::bridge(&piped.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(in_pipe.exit_code().await, 0);
        let (out, _) = in_pipe.all_output().await;
        // The test's line reader removes carriage returns.
        let exact = HOSTILE.replace("\r\n", "\n");
        assert!(out.contains(&format!("← Consumato: {exact}\n← Consumato: città\n")), "{out:?}");
    }
}

on_every_kafka! {
    real
    async fn group_names_are_escaped_on_a_terminal(kafka: Kafka) {
        let topic = kafka.topic("named").await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        // Kafka accepts any group name.
        let (bidi, hostile) = (format!("{}\u{202e}b", unique("bidi")), format!("{}\u{1b}[2J\nforged", unique("hostile")));
        for group in [&bidi, &hostile] {
            let consumer: BaseConsumer = client_config(&servers).set("group.id", group).create().expect("a consumer");
            let mut positions = TopicPartitionList::new();
            positions.add_partition_offset(&topic, 0, Offset::Offset(0)).expect("a position");
            consumer.commit(&positions, CommitMode::Sync).expect("a commit");
        }
        for format in [&["--verbose"][..], &["--json"], &[]] {
            let args = [&["groups", "list", "--bootstrap-servers", &servers], format].concat();
            let mut on_terminal = Program::bridge_on_terminal(&args);
            assert_eq!(on_terminal.exit_code().await, 0, "{args:?}");
            let (out, _) = on_terminal.all_output().await;
            assert!(out.contains("hostile-") && out.contains("bidi-"), "{args:?}: {out:?}");
            assert!(is_harmless(&out) && !out.lines().any(|line| line.starts_with("forged")), "{args:?}: {out:?}");

            let mut in_pipe = Program::bridge(&args);
            assert_eq!(in_pipe.exit_code().await, 0, "{args:?}");
            let (out, _) = in_pipe.all_output().await;
            let shown = if format == ["--json"] { bidi.clone() } else { bidi.replace('\u{202e}', "\\u{202e}") };
            assert!(out.contains(&shown), "{shown:?}: {out:?}");
            assert!(!out.lines().any(|line| line.starts_with("forged")), "a group is one line: {out:?}");
        }
    }
}

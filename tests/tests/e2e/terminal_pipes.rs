//! The terminal programs in a pipeline: standard input byte for byte, and an output that another program stops reading.

use std::process::Command;

use tests::client::messaggi;
use tests::kafka::committed;
use tests::program::bridge_binary;
use tests::{Bridge, Program, unique};

/// Runs a shell command in which `$0` is the bridge; a pipeline fails if one of its programs fails.
fn shell(script: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", script]).arg(bridge_binary());
    Program::run(command, arguments, &[])
}

async fn ends_quietly(mut program: Program) -> String {
    let code = program.exit_code().await;
    let (out, err) = program.all_output().await;
    assert_eq!(code, 0, "{out}\n{err}");
    for words in ["Broken pipe", "error:", "panicked", "records read"] {
        assert!(!err.contains(words), "{err}");
    }
    out
}

#[tokio::test]
async fn consume_ends_quietly_when_its_reader_has_ended() {
    let (topic, group) = (unique("head"), unique("group"));
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    bridge.client().await.write(messaggi(&topic, 10)).await;
    let arguments = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group];
    let out = ends_quietly(shell(r#""$0" "$@" | head -3"#, &arguments)).await;
    assert_eq!(out.lines().count(), 3, "{out}");
    let next = committed(&servers, &group, &topic).await[&0];
    assert!((2..=10).contains(&next), "{next}");

    // No further record comes that would notice that the pipe is closed.
    let rest = format!("{}", 1 + 10 - next);
    let all = [&arguments[..], &["--no-commit"]].concat();
    let out = ends_quietly(shell(&format!(r#""$0" "$@" | head -{rest}"#), &all)).await;
    assert_eq!(out.lines().count().to_string(), rest, "{out}");

    // Also when standard error is the same pipe.
    ends_quietly(shell(r#""$0" "$@" 2>&1 | head -1"#, &[&arguments[..], &["--no-commit"]].concat())).await;
}

#[tokio::test]
async fn every_program_that_prints_ends_quietly_when_nobody_reads() {
    let topic = unique("unread");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let at = ["--bootstrap-servers", servers.as_str()];
    for words in [
        &["topics", "list"][..],
        &["topics", "list", "--json"],
        &["topics", "describe", "--all-settings", "--topic", &topic],
        &["topics", "list", "--verbose"],
        &["produce", "--topic", &topic, "--count", "2", "--interval-ms", "1"],
    ] {
        // The reader has ended before the first byte is written.
        ends_quietly(shell(r#""$0" "$@" 2>/dev/null | true"#, &[words, &at].concat())).await;
    }
    for words in [&["config", "print"][..], &["completions", "bash"], &["--help"], &["topics", "--help"]] {
        ends_quietly(shell(r#""$0" "$@" 2>&1 | true"#, words)).await;
    }
}

#[tokio::test]
async fn standard_input_becomes_keys_and_values_byte_for_byte() {
    let topic = unique("bytes");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let at = ["produce", "--bootstrap-servers", &servers, "--topic", &topic, "--stdin"];
    let produce = |options: &[&str], input: &[u8]| {
        let mut program = Program::bridge(&[&at, options].concat());
        program.type_bytes_and_end(input);
        program
    };
    let mut plain = produce(&[], b"\xff\x00\x9b2J\n\n[1]\r\nlast");
    assert_eq!(plain.exit_code().await, 0, "{}", plain.output());
    let mut keyed = produce(&["--key-separator", ":"], b"k\xff:a:b\xfe\n:\nuser-1:{\"roles\":\"admin|ops\"}\n");
    assert_eq!(keyed.exit_code().await, 0, "{}", keyed.output());
    let mut tabs = produce(&["--key-separator", "\\t", "--empty-as-null"], b"gone\t\n\tvalue\n");
    assert_eq!(tabs.exit_code().await, 0, "{}", tabs.output());
    assert!(tabs.stdout.all().contains(&"→ Inviato: None".to_owned()), "{}", tabs.output());

    // A line without the separator ends the input; the records before it are in the log.
    let mut invalid = produce(&["--key-separator", "::"], b"a::1\nb:2\nc::3\n");
    assert_eq!(invalid.exit_code().await, 1);
    let told = invalid.output();
    assert!(told.contains("line 2 has no key separator \"::\"") && told.contains("after 1 records"), "{told}");

    let Some(judge) = bridge.judge().await else { return };
    let log: Vec<_> = judge.read(&topic).await.into_iter().map(|seen| (seen.key, seen.value)).collect();
    let bytes = |bytes: &[u8]| Some(bytes.to_vec());
    assert_eq!(
        log,
        [
            (None, bytes(b"\xff\x00\x9b2J")),
            (None, bytes(b"")),
            (None, bytes(b"[1]")),
            (None, bytes(b"last")),
            (bytes(b"k\xff"), bytes(b"a:b\xfe")),
            (bytes(b""), bytes(b"")),
            (bytes(b"user-1"), bytes(b"{\"roles\":\"admin|ops\"}")),
            (bytes(b"gone"), None),
            (None, bytes(b"value")),
            (bytes(b"a"), bytes(b"1")),
        ]
    );
}

#[tokio::test]
async fn key_separator_needs_standard_input_and_a_text() {
    for (arguments, named) in [
        (&["produce", "--key-separator", ":"][..], "--stdin"),
        (&["produce", "--empty-as-null"], "--stdin"),
        (&["produce", "--stdin", "--key-separator", ""], "must not be empty"),
    ] {
        let mut program = Program::bridge(arguments);
        assert_eq!(program.exit_code().await, 2, "{arguments:?}");
        assert!(program.output().contains(named), "{arguments:?}: {}", program.output());
    }
}

//! Users, rules and masks of the configuration file: how they change while the bridge runs.

use std::path::Path;

use nix::sys::signal::Signal;
use protocol::CloseCode;
use serde_json::{Value, json};
use tests::configuration::{Configuration, token_of};
use tests::socket::{Heard, Socket};
use tests::{Bridge, Program, eventually};

/// The configuration, with the action that ann may do.
fn configuration(allow: &str) -> String {
    format!(
        "topic = \"orders-eu\"\n[users.ann]\ntoken-file = \"ann.token\"\n[users.bob]\ntoken-file = \"bob.token\"\n\
         [[rules]]\nusers = [\"ann\"]\ntopics = [\"orders-*\"]\nallow = [\"{allow}\"]\n\
         [[rules]]\nusers = [\"bob\"]\ntopics = [\"*\"]\nallow = \"all\"\n"
    )
}

/// The configuration and the tokens of ann and bob.
fn files() -> Configuration {
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    Configuration::of_files(&[("ponte.toml", &configuration("read")), ("ann.token", &ann), ("bob.token", &bob)])
}

/// Sends `hello`; the socket, and the `welcome` unless the token is refused.
async fn hello(bridge: &Bridge, token: &str) -> (Socket, Option<Value>) {
    let mut socket = bridge.socket().await;
    let hello = json!({"type": "hello", "protocol": "ponte.v1", "client": "test/1", "token": token});
    socket.text(&hello.to_string()).await;
    let welcome = match socket.next().await {
        Heard::Text(text) => serde_json::from_str::<Value>(&text).ok().filter(|message| message["type"] == "welcome"),
        _ => None,
    };
    (socket, welcome)
}

async fn is_open(socket: &mut Socket) {
    socket.text(r#"{"type":"cluster","id":1}"#).await;
    socket.hears("cluster_result").await;
}

/// Waits until the log has one more line with this text than before `change`, which ends with SIGHUP.
async fn logs_again(bridge: &Bridge, text: &str, change: impl FnOnce()) {
    let before = bridge.stderr.text().matches(text).count();
    change();
    bridge.signal(Signal::SIGHUP);
    eventually(text, || async { (bridge.stderr.text().matches(text).count() > before).then_some(()) }).await;
}

#[tokio::test]
async fn changed_rules_close_every_socket_with_4006_and_apply_to_its_next_hello() {
    let files = files();
    let bridge = files.bridge().demo().await;
    let (mut ann, welcome) = hello(&bridge, &token_of("ann")).await;
    let welcome = welcome.expect("ann is admitted");
    assert_eq!(welcome["user"]["name"], "ann");
    assert_eq!(welcome["rights"], json!([{"topics": ["orders-*"], "allow": ["read"]}]));
    let (mut bob, _) = hello(&bridge, &token_of("bob")).await;

    // The change is noticed without a signal.
    files.write_file("ponte.toml", &configuration("write"));
    for socket in [&mut ann, &mut bob] {
        socket.expect_close(CloseCode::AccessChanged).await;
    }
    let line = bridge.logged("rules or masks changed").await;
    assert!(line.contains("users=2") && line.contains("rules=2") && line.contains("masks=0"), "{line}");
    let (_ann, welcome) = hello(&bridge, &token_of("ann")).await;
    assert_eq!(welcome.expect("ann is admitted")["rights"][0]["allow"], json!(["write"]));
    assert!(!bridge.output().contains("canary"), "{}", bridge.output());
}

#[tokio::test]
async fn changed_token_and_removed_user_apply_at_once() {
    const NEXT: &str = "canary-ann-9876543210";
    let files = files();
    let bridge = files.bridge().demo().await;
    let (mut ann, _) = hello(&bridge, &token_of("ann")).await;
    files.write_file("ann.token", &format!("{NEXT}\n"));
    ann.expect_close(CloseCode::AccessChanged).await;
    bridge.logged("users changed: ann").await;
    assert!(hello(&bridge, &token_of("ann")).await.1.is_none(), "the earlier token");
    assert!(hello(&bridge, NEXT).await.1.is_some());

    let (mut bob, welcome) = hello(&bridge, &token_of("bob")).await;
    assert!(welcome.is_some());
    let without_bob =
        "[users.ann]\ntoken-file = \"ann.token\"\n[[rules]]\nusers = [\"ann\"]\ntopics = [\"*\"]\nallow = \"all\"\n";
    files.write_file("ponte.toml", without_bob);
    bob.expect_close(CloseCode::AccessChanged).await;
    bridge.logged("users removed: bob; rules or masks changed").await;
    assert!(hello(&bridge, &token_of("bob")).await.1.is_none());
    assert!(hello(&bridge, NEXT).await.1.is_some());
}

#[tokio::test]
async fn invalid_or_incomplete_files_keep_users_and_rules_and_open_sockets() {
    const UNCHANGED: &str = "users, rules and masks are unchanged";
    let files = files();
    let bridge = files.bridge().demo().await;
    let (mut ann, _) = hello(&bridge, &token_of("ann")).await;
    let users: String = configuration("read").lines().take(5).map(|line| format!("{line}\n")).collect();
    for (content, reason) in [
        (configuration("raed"), "did you mean read?"),
        ("topic = \n".to_owned(), "line 1"),
        // The beginning of a file that is being written.
        (String::new(), "there is no [users] any more"),
        (users, "there is no [[rules]] any more"),
        (format!("{}[users.carl]\ntoken-file = \"carl.token\"\n", configuration("write")), "carl.token"),
    ] {
        logs_again(&bridge, UNCHANGED, || files.write_file("ponte.toml", &content)).await;
        bridge.logged(reason).await;
        is_open(&mut ann).await;
    }
    for (name, change) in [
        ("ann.token", Box::new(|path: &Path| std::fs::write(path, "short\n")) as Box<dyn FnOnce(&Path) -> _>),
        ("ann.token", Box::new(|path: &Path| std::fs::remove_file(path))),
        ("ponte.toml", Box::new(|path: &Path| std::fs::remove_file(path))),
    ] {
        if name == "ann.token" {
            files.write_file("ponte.toml", &configuration("read"));
        }
        logs_again(&bridge, UNCHANGED, || change(&files.path(name)).expect("the file is writable")).await;
        is_open(&mut ann).await;
    }
    let (_ann, welcome) = hello(&bridge, &token_of("ann")).await;
    assert_eq!(welcome.expect("ann is admitted")["rights"][0]["allow"], json!(["read"]));

    // Valid files again: what has not changed closes no socket.
    files.write_file("ann.token", &token_of("ann"));
    let other_topic = configuration("read").replace("topic = \"orders-eu\"", "# a comment\ntopic = \"orders-us\"");
    logs_again(&bridge, "changed: topic; restart the bridge", || files.write_file("ponte.toml", &other_topic)).await;
    is_open(&mut ann).await;
    assert!(!bridge.output().contains("canary"), "{}", bridge.output());
}

#[tokio::test]
async fn listener_beyond_loopback_is_allowed_with_users() {
    let files = files();
    let mut program = Program::bridge(&["--demo", "--listen", "0.0.0.0:0", "--config", &files.file()]);
    let line = program.line().await;
    assert!(line.starts_with("Ponte is listening on http://"), "{line}");
}

#[tokio::test]
async fn token_that_every_user_of_the_machine_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = files();
    std::fs::set_permissions(files.path("bob.token"), std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let bridge = files.bridge().demo().await;
    let line = bridge.logged("every user of this machine can read the token").await;
    assert!(line.contains("WARN") && line.contains("bob.token"), "{line}");
    assert!(!bridge.output().contains("ann.token"), "{}", bridge.output());
}

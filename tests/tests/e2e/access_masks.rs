//! Masks: users with different masks see different records of the same topic, in every format.

use protocol::{Decode, Fetch, Fetched, Offset, Record, WireBytes};
use serde_json::{Value, json};
use tests::Watch;
use tests::client::{RecordExt, json_record};
use tests::configuration::{Configuration, Users, client_of, operator};

use crate::access_rules::create;

/// What a user sees of the record: the value, and the header `ssn`.
type View = (Value, Option<String>);

fn view(record: &Record) -> View {
    let value = record.value.as_kafka().expect("a value");
    let header = record.headers.iter().find(|header| header.0 == "ssn");
    let text = |bytes: &WireBytes| String::from_utf8(bytes.as_kafka().unwrap_or_default().to_vec()).expect("text");
    (serde_json::from_slice(value).expect("JSON"), header.map(|header| text(&header.1)))
}

#[tokio::test]
async fn users_with_different_masks_each_get_their_own_view_of_a_topic() {
    let rules = r#"
[[rules]]
topics = ["*"]
groups = ["*"]
allow = ["read"]

[[masks]]
topics = ["orders-*"]
fields = ["value.email", "headers.ssn"]
method = "replace"
except-roles = ["privacy"]

[[masks]]
topics = ["orders-*"]
fields = ["value.iban"]
method = "remove"
except-users = ["access-token", "ann", "bob"]
"#;
    let users: Users<'_> =
        &[("ann", &["support"]), ("bob", &["privacy"]), ("carl", &["support"]), ("dana", &["support"])];
    let configuration = Configuration::new(users, rules);
    let bridge = configuration.bridge_with_operator().demo().await;
    let mut owner = operator(&bridge).await;
    for topic in ["orders-1", "other"] {
        create(&mut owner, topic).await;
    }
    let record = |topic: &str, n: u64| {
        let json = format!(r#"{{"n":{n},"email":"a@example.com","iban":"IT60"}}"#);
        json_record(topic, &json).with_header("ssn", WireBytes::text("123"))
    };
    let expected = |user: &str, n: u64| -> View {
        match user {
            "ann" => (json!({"n": n, "email": "***", "iban": "IT60"}), Some("***".to_owned())),
            "bob" => (json!({"n": n, "email": "a@example.com", "iban": "IT60"}), Some("123".to_owned())),
            _ => (json!({"n": n, "email": "***"}), Some("***".to_owned())),
        }
    };
    owner.write(vec![record("orders-1", 0)]).await;

    // Two sockets of users with the same view share it; each user also has a binary and a JSON subscription.
    let mut subscribed = Vec::new();
    for user in ["ann", "bob", "carl", "dana"] {
        for watch in [Watch::tail("orders-1"), Watch::tail("orders-1").binary(), Watch::tail("orders-1").latest()] {
            let is_latest = matches!(watch.message().mode, protocol::Mode::Tail { start: protocol::TailStart::Latest });
            let mut client = client_of(&bridge, user).await;
            let subscription = client.subscribe(&watch).await;
            client.expect::<protocol::Assigned>().await;
            subscribed.push((user, client, subscription, is_latest));
        }
    }
    owner.write(vec![record("orders-1", 1), record("orders-1", 2)]).await;
    for (user, client, subscription, is_latest) in &mut subscribed {
        let first = u64::from(*is_latest);
        let received = client.records(*subscription, (3 - first) as usize).await;
        let views: Vec<View> = received.iter().map(|received| view(&received.record)).collect();
        assert_eq!(views, (first..3).map(|n| expected(user, n)).collect::<Vec<_>>(), "{user}");
        let range = Fetch {
            topic: "orders-1".to_owned(),
            partition: 0,
            from: Offset(0),
            to: Offset(3),
            decode: Decode::default(),
        };
        let fetched: Fetched = client.ask(range).await;
        let views: Vec<View> = fetched.records.iter().map(view).collect();
        assert_eq!(views, (0..3).map(|n| expected(user, n)).collect::<Vec<_>>(), "{user}: fetch");
        assert_eq!(fetched.masked.is_empty(), *user == "bob", "{user}: {:?}", fetched.masked);
    }
    let subscribe = |topic: &str| Watch::tail(topic).message();
    let mut carl = client_of(&bridge, "carl").await;
    let opened: protocol::Subscribed = carl.ask(subscribe("orders-1")).await;
    assert_eq!(opened.masked, ["headers.ssn", "value.email", "value.iban"]);
    let opened: protocol::Subscribed = carl.ask(subscribe("other")).await;
    assert!(opened.masked.is_empty(), "{opened:?}");
}

//! Changed files of `[[schemas]]`, which a running bridge reads again.

use nix::sys::signal::Signal;
use protocol::{Decode, ProduceRecord, RecordFormat, ServerMessage, Subscribed, WireBytes};
use tests::client::text_record;
use tests::configuration::Configuration;
use tests::{Client, unique};

use super::typed_records::subscription;

fn table(topic: &str, file: &str) -> String {
    format!("[[schemas]]\ntopics = [{topic:?}]\nvalue-format = \"avro\"\nvalue-files = [{file:?}]\n")
}

/// A record of one integer.
fn schema(field: &str) -> String {
    format!(r#"{{"type":"record","name":"Order","fields":[{{"name":"{field}","type":"int"}}]}}"#)
}

/// Writes the integer 7 in Avro, and returns it as the subscription gets it.
async fn written(client: &mut Client, subscription: u32, topic: &str) -> String {
    let value = WireBytes::Base64(vec![14]);
    client.write(vec![ProduceRecord { value, ..text_record(topic, "") }]).await;
    let record = client
        .find("the record", |frame| match &frame.message {
            ServerMessage::Records(records) if records.subscription == subscription => records.records.first().cloned(),
            _ => None,
        })
        .await;
    match &record.value {
        WireBytes::Json(json) => json.get().to_owned(),
        other => panic!("not decoded: {other:?}, {:?}", record.value_note),
    }
}

#[tokio::test]
async fn changed_schema_files_and_tables_apply_to_new_records_and_mistakes_keep_the_earlier_schemas() {
    let topic = unique("schema-files");
    let files = Configuration::of_files(&[
        ("ponte.toml", &table(&topic, "order.avsc")),
        ("order.avsc", &schema("first")),
        ("other.avsc", &schema("other")),
    ]);
    let bridge = files.bridge().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let decode = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);
    let Subscribed { subscription, .. } = client.ask(subscription(&topic, decode)).await;
    assert_eq!(written(&mut client, subscription, &topic).await, r#"{"first":7}"#);

    // The change is noticed without a signal.
    files.write_file("order.avsc", &schema("second"));
    bridge.logged("the schemas of [[schemas]] have changed").await;
    assert_eq!(written(&mut client, subscription, &topic).await, r#"{"second":7}"#);

    files.write_file("order.avsc", "{\"type\":");
    bridge.signal(Signal::SIGHUP);
    let line = bridge.logged("the earlier ones stay").await;
    assert!(line.contains("ERROR") && line.contains("line 4") && line.contains("order.avsc"), "{line}");
    assert_eq!(written(&mut client, subscription, &topic).await, r#"{"second":7}"#);

    files.write_file("ponte.toml", &table(&topic, "other.avsc"));
    bridge.signal(Signal::SIGHUP);
    let text = "the schemas of [[schemas]] have changed";
    tests::eventually(text, || async { (bridge.stderr.text().matches(text).count() == 2).then_some(()) }).await;
    assert_eq!(written(&mut client, subscription, &topic).await, r#"{"other":7}"#);
    assert!(!bridge.output().contains("restart the bridge"), "{}", bridge.output());
}

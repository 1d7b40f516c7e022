//! For every property that the bridge sets: a user's file that sets the same property takes effect, or is refused with
//! the property's name. No user's value is overridden silently.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use super::*;

/// For each property that the bridge sets another valid value.
const OTHER_VALUES: &[(&str, &str)] = &[
    ("acks", "1"),
    ("allow.auto.create.topics", "true"),
    ("auto.commit.interval.ms", "2500"),
    ("auto.offset.reset", "latest"),
    ("bootstrap.servers", "elsewhere:9092"),
    ("client.id", "another"),
    ("enable.auto.commit", "true"),
    ("enable.auto.offset.store", "true"),
    ("enable.idempotence", "false"),
    ("enable.partition.eof", "true"),
    ("fetch.queue.backoff.ms", "77"),
    ("fetch.wait.max.ms", "333"),
    ("group.id", "another"),
    ("group.protocol", "classic"),
    ("linger.ms", "7"),
    ("message.max.bytes", "5000000"),
    ("message.timeout.ms", "9000"),
    ("partition.assignment.strategy", "range"),
    ("partitioner", "random"),
    ("queue.buffering.max.kbytes", "2048"),
    ("queued.max.messages.kbytes", "1024"),
    ("reconnect.backoff.max.ms", "4000"),
    ("reconnect.backoff.ms", "50"),
    ("retry.backoff.max.ms", "900"),
    ("session.timeout.ms", "20000"),
    ("socket.keepalive.enable", "false"),
    ("socket.nagle.disable", "false"),
    ("ssl.ca.location", "probe"),
    ("statistics.interval.ms", "1000"),
    ("topic.metadata.propagation.max.ms", "4000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// Properties that the bridge itself uses instead of passing them to librdkafka; their effect is tested elsewhere.
const USED_BY_THE_BRIDGE: &[&str] = &["allow.auto.create.topics", "bootstrap.servers"];

fn connection(properties: KafkaProperties) -> Connection {
    Connection::without_sign_in("localhost:9092".to_owned(), properties)
}

/// Every configuration with which the bridge creates a client.
fn roles(connection: &Connection) -> BTreeMap<&'static str, ClientConfig> {
    let group = GroupId::parse("a-group").expect("a group");
    let member = |protocol| connection.group_config(&group, protocol);
    BTreeMap::from([
        ("brokers", connection.base_config()),
        ("metadata", connection.metadata_config()),
        ("tail", connection.reader_config(connection.tail_config())),
        ("classic member", connection.reader_config(member(GroupProtocol::Classic))),
        ("member", connection.reader_config(member(GroupProtocol::Consumer))),
        ("range", connection.range_config()),
        ("terminal", connection.terminal_consumer_config(&group, GroupProtocol::Classic, true)),
        ("producer", connection.producer_config()),
    ])
}

fn read(name: &str, value: &str) -> Result<KafkaProperties, PropertiesError> {
    let file: PathBuf = std::env::temp_dir().join(format!("ponte-{name}-{}.properties", std::process::id()));
    let mut written = std::fs::File::create(&file).expect("a file");
    let protocol = if name.starts_with("ssl.") { "security.protocol=SSL\n" } else { "" };
    writeln!(written, "{protocol}{name}={value}").expect("the file can be written");
    let properties = KafkaProperties::read(&file);
    let _ = std::fs::remove_file(&file);
    properties
}

#[test]
fn property_of_the_file_takes_effect_or_is_refused_by_name() {
    let mut without_creation = KafkaProperties::default();
    without_creation.forbid_auto_create();
    let without_file = [KafkaProperties::default(), without_creation].map(|properties| roles(&connection(properties)));
    for (role, config) in without_file.into_iter().flatten() {
        for (name, own) in config.config_map() {
            let other = OTHER_VALUES.iter().find(|(known, _)| *known == name);
            let (_, other) = other.unwrap_or_else(|| panic!("{role}: {name} needs another value in the table"));
            let read = read(name, other);
            // A property that differs between roles, and that no file may set, may be equal to the value in the table.
            assert!(
                own != *other || name == "ssl.ca.location" || read.is_err(),
                "{role}: {name} needs a value that is not the bridge's own"
            );
            match read {
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains(name) && error.contains("cannot be set here"), "{role}: {error}");
                }
                Ok(_) if USED_BY_THE_BRIDGE.contains(&name) => {}
                Ok(properties) => {
                    let with_it = roles(&connection(properties));
                    assert_eq!(with_it[role].get(name), Some(*other), "{role}: {name} has the user's value");
                }
            }
        }
    }
}

#[test]
fn statistics_are_reported_by_two_clients_unless_the_file_turns_them_off() {
    let reporting = |properties| {
        let all = roles(&connection(properties));
        let is_on = |config: &ClientConfig| config.get("statistics.interval.ms").is_some_and(|ms| ms != "0");
        all.into_iter().filter(|(_, config)| is_on(config)).map(|(role, _)| role).collect::<Vec<_>>()
    };
    assert_eq!(reporting(KafkaProperties::default()), ["metadata", "producer"]);
    assert_eq!(reporting(read("statistics.interval.ms", "0").expect("allowed")), [""; 0]);
}

#[test]
fn aliases_of_a_property_take_effect() {
    for (name, kept, value) in [
        ("delivery.timeout.ms", "message.timeout.ms", "9000"),
        ("queue.buffering.max.ms", "linger.ms", "7"),
        ("fetch.max.wait.ms", "fetch.wait.max.ms", "333"),
        ("max.request.size", "message.max.bytes", "5000000"),
    ] {
        let connection = connection(read(name, value).unwrap_or_else(|error| panic!("{name}: {error}")));
        let all = roles(&connection);
        let role = if kept.starts_with("fetch") { "tail" } else { "producer" };
        assert_eq!(all[role].get(kept), Some(value), "{name}");
        assert_eq!(all[role].get(name), None, "{name} is given once, as {kept}");
    }
    assert_eq!(
        connection(read("delivery.timeout.ms", "9000").expect("valid")).delivery_timeout(),
        Duration::from_secs(9)
    );
}

#[test]
fn contradiction_to_a_setting_of_the_bridge_is_refused_when_the_file_is_read() {
    let error = read("max.in.flight.requests.per.connection", "6").expect_err("idempotence allows five");
    assert!(error.to_string().contains("max.in.flight"), "{error}");
}

#[cfg(feature = "tls")]
#[test]
fn system_certificates_are_used_unless_the_file_names_some() {
    let ca_location = |properties: &[(&str, &str)]| {
        let config = connection(KafkaProperties::of(properties)).base_config();
        config.get("ssl.ca.location").map(ToOwned::to_owned)
    };
    let by_default = if system_ca::is_named_by_environment() { None } else { Some("probe".to_owned()) };
    assert_eq!(ca_location(&[]), by_default);
    assert_eq!(ca_location(&[("ssl.ca.location", "/etc/ours.pem")]).as_deref(), Some("/etc/ours.pem"));
    assert_eq!(ca_location(&[("ssl.ca.pem", "-----BEGIN CERTIFICATE-----")]), None);
}

#[test]
fn changed_credentials_are_applied_and_other_changes_need_a_restart() {
    let sasl = |password: &str, more: &[(&str, &str)]| {
        let given = [("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "me")];
        KafkaProperties::of(&[&given, &[("sasl.password", password)][..], more].concat())
    };
    let before = sasl("first", &[("socket.timeout.ms", "1000"), ("client.id", "a")]);
    let connection = Connection::without_sign_in("localhost:9092".to_owned(), before.clone());
    let now = sasl("second", &[("socket.timeout.ms", "2000"), ("metadata.max.age.ms", "1000")]);
    let changes = connection.reload(&before, &now).expect("valid");
    assert_eq!(changes.applied, ["sasl.password"]);
    assert_eq!(changes.needs_restart, ["client.id", "metadata.max.age.ms", "socket.timeout.ms"]);
    assert_eq!(connection.reload(&now, &now).expect("valid"), ReloadedProperties::default());
}

#[test]
fn credentials_of_another_mechanism_need_a_restart() {
    let sasl = |mechanism: &str, password: &str| {
        KafkaProperties::of(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", "me"),
            ("sasl.password", password),
        ])
    };
    let before = sasl("PLAIN", "first");
    let connection = Connection::without_sign_in("localhost:9092".to_owned(), before.clone());
    let changes = connection.reload(&before, &sasl("SCRAM-SHA-512", "second")).expect("valid");
    assert_eq!(changes.applied, [""; 0]);
    assert_eq!(changes.needs_restart, ["sasl.mechanism", "sasl.password"]);
}

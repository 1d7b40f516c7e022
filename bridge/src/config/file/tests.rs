use clap::{CommandFactory, FromArgMatches};

use super::*;
use crate::config::CommandLine;

/// Reads a configuration file of this text.
fn read(text: &str) -> Result<OptionsFile, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ponte.toml");
    std::fs::write(&file, text).expect("a file");
    OptionsFile::read(&CommandLine::command(), &file).map_err(|error| error.to_string())
}

/// Parses the command line with a configuration file of this text.
fn parsed(text: &str, arguments: &[&str]) -> Result<CommandLine, String> {
    let command = read(text)?.with_defaults(CommandLine::command());
    let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
    CommandLine::from_arg_matches(&matches).map_err(|error| error.to_string())
}

#[test]
fn file_values_are_defaults_and_the_command_line_takes_precedence() {
    let text = "topic = \"orders\"\nread-only = true\nmax-sockets = 8\nallowed-hosts = [\"a.example\", \"b.example\"]\n\
                kafka-config = \"client.properties\"\n";
    let line = parsed(text, &["bridge", "--max-sockets", "9"]).expect("valid");
    assert_eq!((line.serve.topic.as_str(), line.serve.read_only, line.serve.max_sockets), ("orders", true, 9));
    assert_eq!(line.serve.allowed_hosts, ["a.example", "b.example"]);
    let properties = line.serve.kafka.kafka_config.expect("a path");
    assert!(properties.is_absolute() && properties.ends_with("client.properties"), "{}", properties.display());
}

#[test]
fn numbers_with_a_fraction_are_accepted() {
    let line = parsed("trace-sample = 0.05\n", &["bridge"]).expect("valid");
    assert_eq!(line.serve.traces.trace_sample, Some(0.05));
    let error = parsed("trace-sample = 1.5\n", &["bridge"]).expect_err("more than all records");
    assert!(error.contains("from 0 to 1"), "{error}");
}

#[test]
fn topics_and_groups_take_only_the_connection_from_the_file() {
    let text = "topic = \"orders\"\nbootstrap-servers = \"kafka.example:9092\"\n";
    let line = parsed(text, &["bridge", "topics", "list"]).expect("valid");
    let Some(crate::config::Command::Topics(topics)) = line.command else { panic!("{line:?}") };
    assert_eq!(topics.kafka().bootstrap_servers.as_deref(), Some("kafka.example:9092"));
    let error = parsed(text, &["bridge", "topics", "delete", "--yes"]).expect_err("no topic is named");
    assert!(error.contains("--topic"), "{error}");
}

/// clap finds options with the same name only when it builds the command that has them.
#[test]
fn no_command_has_two_options_of_the_same_name() {
    CommandLine::command().debug_assert();
}

#[test]
fn invalid_file_is_reported_with_line_and_expected_value() {
    for (text, expected) in [
        (
            "topic = \"a\"\nlisten-on = \"x\"\n",
            &["line 2, column 1", "unknown option \"listen-on\"", "allowed-hosts, "][..],
        ),
        ("topc = \"a\"\n", &["line 1", "unknown option \"topc\"; did you mean topic?"]),
        ("read-only = \"yes\"\n", &["line 1", "read-only must be true or false"]),
        ("max-sockets = [1]\n", &["max-sockets must be a string or a number"]),
        ("token = \"0123456789abcdef\"\n", &["token is not allowed here", "token-file"]),
        ("topic = \n", &["line 1"]),
        ("open = true\ntopic = \"a b\"\n", &["ponte.toml, line 2", "\"a b\" for topic", "letters"]),
        ("\nstart = \"soon\"\n", &["line 2", "\"soon\" for start", "earliest or latest"]),
        ("max-sockets = \"many\"\n", &["line 1", "\"many\" for max-sockets", "whole number"]),
        ("max-sockets = -1\n", &["line 1", "\"-1\" for max-sockets", "whole number"]),
        ("listen = \"nowhere\"\n", &["line 1", "\"nowhere\" for listen"]),
        ("allowed-origins = [\"http://a.example\", \"b\"]\n", &["line 1", "\"b\" for allowed-origins", "scheme"]),
        ("bootstrap-servers = \"kafka\"\n", &["line 1", "host:port"]),
        ("listen = \"nowhere\"\nmax-sockets = \"many\"\n", &["line 1", "listen"]),
        ("max-decoded-bytes = 1\n", &["line 1", "\"1\" for max-decoded-bytes", "65536 to 67108864"]),
        ("schema-registry = [\"http://a\", \"b:8081\"]\n", &["line 1", "\"b:8081\" for schema-registry", "http://"]),
        ("\nschema-registry = \"http://ann:0123456789abcdef@b\"\n", &["line 2", "\"http://…@b\"", "authentication"]),
    ] {
        let error = parsed(text, &["bridge"]).expect_err(text);
        for piece in expected {
            assert!(error.contains(piece), "{text}: {piece} in {error}");
        }
        assert!(!error.contains("0123456789abcdef"), "the error must not show the token: {error}");
    }
}

#[test]
fn clusters_are_read_in_the_order_of_the_file() {
    let file = read(
        "[clusters.prod]\nbootstrap-servers = \"kafka.example:9093\"\nkafka-config = \"prod.properties\"\nread-only = true\n\
         topic = \"orders\"\ngroup = \"audit\"\nstart = \"latest\"\nno-auto-create = true\ncolour = \"red\"\n\
         [clusters.dev]\nbootstrap-servers = \"localhost:9092\"\n[clusters.\"a.playground\"]\ndemo = true\n",
    );
    let file = file.expect("valid");
    assert_eq!(file.names(), ["prod", "dev", "a.playground"]);
    let keys = &file.clusters[0].keys;
    assert!(keys.read_only && keys.no_auto_create && !keys.demo, "{keys:?}");
    assert_eq!(keys.colour, Some(protocol::ClusterColour::Red));
    assert_eq!(keys.topic.as_ref().map(protocol::TopicName::as_str), Some("orders"));
    assert!(keys.kafka_config.as_ref().expect("a path").is_absolute(), "relative to the file");
    assert!(file.clusters[2].keys.demo && file.clusters[2].keys.topic.is_none());
    assert_eq!(file.cluster(None).expect("a default").expect("a cluster").name.as_str(), "prod");
}

#[test]
fn invalid_cluster_is_reported_with_line_and_reason() {
    for (text, expected) in [
        ("clusters = 1\n", &["line 1", "[clusters.prod]"][..]),
        ("[clusters]\n", &["line 1", "clusters has no table"]),
        ("[clusters]\nprod = 1\n", &["line 2", "[clusters.prod]"]),
        ("[clusters.\"a b\"]\ndemo = true\n", &["line 1", "invalid cluster name \"a b\""]),
        ("[clusters.prod]\n", &["line 1", "prod has neither bootstrap-servers"]),
        (
            "[clusters.prod]\ndemo = true\nbootstrap-servers = \"a:1\"\n",
            &["line 1", "demo = true and also bootstrap-servers"],
        ),
        (
            "[clusters.prod]\ndemo = true\ncolour = \"purple\"\n",
            &["line 3", "prod: invalid value \"purple\" for colour: allowed values: grey, blue, green, amber, red"],
        ),
        ("[clusters.prod]\nbootstrap-server = \"a:1\"\n", &["line 2", "did you mean bootstrap-servers?", "colour"]),
        ("[clusters.prod]\ndemo = true\nlisten = \"127.0.0.1:1\"\n", &["line 3", "unknown option \"listen\""]),
        ("[clusters.prod]\ndemo = \"yes\"\n", &["line 2", "demo must be true or false"]),
        (
            "bootstrap-servers = \"a:1\"\n\n[clusters.prod]\ndemo = true\n",
            &["line 3", "bootstrap-servers (line 1, column 1) cannot be combined with [clusters]"],
        ),
        ("kafka-config = \"a\"\n[clusters.prod]\ndemo = true\n", &["kafka-config (line 1"]),
    ] {
        let error = read(text).expect_err(text);
        for piece in expected {
            assert!(error.contains(piece), "{text}: {piece} in {error}");
        }
    }
}

/// The registries of `serve`, by cluster: the number of nodes and the first URL.
fn registries(text: &str, arguments: &[&str]) -> Vec<Option<(usize, String)>> {
    let file = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let line = parsed(text, arguments).unwrap_or_else(|error| panic!("{text}: {error}"));
    let config = crate::config::Config::from_args(line.serve, Some(&file)).unwrap_or_else(|error| panic!("{error:?}"));
    let registries = config.clusters.into_iter().map(|cluster| cluster.registry.map(|registry| registry.urls));
    registries.map(|urls| urls.map(|urls| (urls.len(), urls[0].to_string()))).collect()
}

#[test]
fn registry_of_a_cluster_replaces_that_of_the_options() {
    let found = |count, url: &str| Some((count, url.to_owned()));
    assert_eq!(registries("schema-registry = \"http://a,http://b\"\n", &["bridge"]), [found(2, "http://a")]);
    assert_eq!(
        registries("", &["bridge", "--schema-registry", "http://a", "--schema-registry", "http://b/"]),
        [found(2, "http://a")]
    );
    assert_eq!(registries("", &["bridge"]), [None]);
    let clusters = "[clusters.one]\ndemo = true\nschema-registry = [\"http://c\", \"http://d\"]\n\
                    [clusters.two]\ndemo = true\n";
    assert_eq!(registries(clusters, &["bridge"]), [found(2, "http://c"), None]);
    let arguments = ["bridge", "--schema-registry", "http://a"];
    assert_eq!(registries(clusters, &arguments), [found(2, "http://c"), found(1, "http://a")]);
}

#[test]
fn credentials_of_the_options_are_not_used_for_the_registry_of_a_cluster() {
    let text = "schema-registry = \"http://a\"\nschema-registry-config = \"missing.properties\"\n\
                [clusters.one]\ndemo = true\nschema-registry = \"http://c\"\n";
    assert_eq!(registries(text, &["bridge"]), [Some((1, "http://c".to_owned()))]);

    let cluster = &read(text).expect("valid").clusters[0];
    let consume = |arguments: &[&str]| {
        let command = cluster.with_defaults(read(text).expect("valid").with_defaults(CommandLine::command()));
        let matches = command.try_get_matches_from(arguments).expect("a command line");
        let line = CommandLine::from_arg_matches(&matches).expect("valid");
        let Some(crate::config::Command::Consume(args)) = line.command else { panic!("{line:?}") };
        args.decode.registry
    };
    let of_cluster = consume(&["bridge", "consume"]);
    assert_eq!(of_cluster.schema_registry[0].as_str(), "http://c");
    assert_eq!(of_cluster.schema_registry_config, None);
    let given = consume(&["bridge", "consume", "--schema-registry", "http://e"]);
    assert_eq!(given.schema_registry[0].as_str(), "http://e");
}

#[test]
fn unknown_cluster_is_reported_with_the_existing_names() {
    let file = read("[clusters.prod]\ndemo = true\n[clusters.dev]\ndemo = true\n").expect("valid");
    let name = protocol::ClusterName::parse("prd").expect("a valid name");
    let error = file.cluster(Some(&name)).expect_err("unknown").to_string();
    assert!(error.contains("no cluster \"prd\"; did you mean prod?; the configuration has: prod, dev"), "{error}");
}

#[test]
fn changes_of_the_file_are_listed_by_name() {
    let loaded =
        read("topic = \"a\"\nopen = true\n[clusters.prod]\ndemo = true\n[clusters.old]\ndemo = true\n").expect("valid");
    let changed = read(
        "topic = \"b\"\nopen = true\n[clusters.prod]\ndemo = true\ncolour = \"red\"\n[clusters.new]\ndemo = true\n",
    );
    let changes = loaded.changes(&changed.expect("valid"));
    assert_eq!(changes, ["clusters.new", "clusters.old", "clusters.prod.colour", "topic"]);
    assert!(loaded.changes(&loaded).is_empty());
}

#[test]
fn documentation_has_every_option_of_serve() {
    const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");
    let command = CommandLine::command();
    let in_file = known(&command);
    for argument in command.get_arguments() {
        let Some(name) = argument.get_long().filter(|name| !["help", "version"].contains(name)) else { continue };
        let row = DOCUMENTATION
            .lines()
            .find(|line| line.starts_with(&format!("| `--{name}`")) || line.starts_with(&format!("| `--{name} ")));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md has no row for --{name}"));
        let variable = argument.get_env().expect("every option is an environment variable").to_string_lossy();
        assert!(row.contains(&format!("| `{variable}` |")), "{variable} in {row}");
        assert_eq!(row.contains(&format!("| `{name}` |")), in_file.contains(&name), "the key of the file in {row}");
    }
}

#[test]
fn example_file_is_valid() {
    let file = read(include_str!("../../../../docs/ponte.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.names(), ["prod", "dev", "playground"]);
}

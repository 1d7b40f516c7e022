//! The command line and environment, validated before any port is bound.

mod groups;
mod topics;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use protocol::{GroupId, GroupStart, TopicName};

use kafka::properties::{KafkaProperties, parse_addresses};
use server::access_token::AccessToken;
use server::websocket::SocketLimits;

pub use self::groups::{DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
pub use self::topics::{
    AddPartitionsArgs, AlterTopic, ConfirmationArgs, CreateTopicArgs, DeleteTopicArgs, DescribeTopics, EmptyTopicArgs,
    ListTopics, TopicsCommand,
};

/// Where Kafka is looked for when nothing else is said.
pub const DEFAULT_BOOTSTRAP_SERVERS: &str = "localhost:9092";

/// Where the bridge listens when nothing else is said; the terminal programs look for a running bridge there.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:3030";

/// Where the access token is looked for; the terminal programs, too, when they ask a running bridge.
pub const TOKEN_VARIABLE: &str = "PONTE_TOKEN";

/// Sockets that may wait for their `hello` at once; see the protocol's specification.
const SOCKETS_BEFORE_HELLO: usize = 64;

#[derive(Parser, Debug)]
#[command(
    name = "bridge",
    version,
    // Each command has options of its own: what stands before its name would be for another one.
    args_conflicts_with_subcommands = true,
    about = "Ponte: Kafka in the browser",
    long_about = "Ponte puts Kafka in the browser. Without a command it serves the page and its WebSocket.\n\
                  Its options, and those of produce and consume, can also be set as environment variables: PONTE_ and the \
                  option's name."
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the page and its WebSocket (the default)
    Serve(ServeArgs),
    /// Send messages from the terminal: ten, half a second apart, unless told otherwise
    Produce(ProduceArgs),
    /// Print messages in the terminal as they arrive
    Consume(ConsumeArgs),
    /// List, create, change and delete topics
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Look at consumer groups, and reset their positions
    #[command(subcommand)]
    Groups(GroupsCommand),
}

/// How Kafka is reached; the same for every command.
#[derive(Args, Debug, Clone)]
pub struct KafkaArgs {
    /// Kafka's addresses, host:port separated by commas [default: localhost:9092]
    #[arg(long, alias = "bootstrap-server", env = "PONTE_BOOTSTRAP_SERVERS", value_parser = parse_addresses, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: Option<String>,

    /// File with Kafka client properties (TLS, SASL, …): a client.properties of Java, or librdkafka's names
    #[arg(long, env = "PONTE_KAFKA_CONFIG", value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,

    /// Never make Kafka create a topic by sending to it
    #[arg(long, env = "PONTE_NO_AUTO_CREATE")]
    pub no_auto_create: bool,
}

/// What [`KafkaArgs`] say together with the file of `--kafka-config`.
#[derive(Clone, Debug)]
pub struct KafkaTarget {
    /// The addresses that the user named, on the command line or in the file.
    pub bootstrap_servers: Option<String>,
    pub properties: KafkaProperties,
}

#[derive(Args, Debug, Clone)]
pub struct ServeArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, env = "PONTE_LISTEN", default_value = DEFAULT_LISTEN, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// Use the built-in demo broker (in memory), even if there is a Kafka
    #[arg(long, env = "PONTE_DEMO", conflicts_with = "bootstrap_servers")]
    pub demo: bool,

    /// The topic that the page proposes
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// The consumer group that the page proposes
    #[arg(long, env = "PONTE_GROUP", default_value = "my-group")]
    pub group: GroupId,

    /// Where the page proposes to start without a committed offset
    #[arg(long, env = "PONTE_START", default_value = "earliest", value_parser = parse_start, value_name = "earliest|latest")]
    pub start: GroupStart,

    /// Open the page in the browser
    #[arg(long, env = "PONTE_OPEN")]
    pub open: bool,

    /// Host name under which the page may be asked for, besides this machine's loopback names; repeatable
    #[arg(long, env = "PONTE_ALLOWED_HOSTS", value_delimiter = ',', value_name = "HOST")]
    pub allowed_hosts: Vec<String>,

    /// Origin of another page that may open the WebSocket, such as http://127.0.0.1:8080; repeatable
    #[arg(long, env = "PONTE_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = parse_origin, value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,

    /// Sockets that may be open at once
    #[arg(long, env = "PONTE_MAX_SOCKETS", default_value_t = 256, value_name = "COUNT")]
    pub max_sockets: usize,

    /// Sockets that may be open at once from one IP address (IPv6: one /64 network) of another machine
    #[arg(long, env = "PONTE_MAX_SOCKETS_PER_ADDRESS", default_value_t = 32, value_name = "COUNT")]
    pub max_sockets_per_address: usize,

    /// Change nothing in Kafka: refuse to produce, to join groups (that commits), and every change of topics and groups
    #[arg(long, env = "PONTE_READ_ONLY")]
    pub read_only: bool,

    /// Access token that every client must give; better from the environment or a file, where other users do not see it
    #[arg(long, env = TOKEN_VARIABLE, hide_env_values = true, conflicts_with = "token_file", value_name = "TOKEN")]
    pub token: Option<AccessToken>,

    /// File with the access token, its only line
    #[arg(long, env = "PONTE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Accept a listener beyond loopback although no access token is set: anyone who reaches it can read and write
    #[arg(long, env = "PONTE_INSECURE_NO_TOKEN")]
    pub insecure_no_token: bool,
}

#[derive(Args, Debug, Clone)]
pub struct ProduceArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// Topic to write to
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// How many messages to send
    #[arg(long, env = "PONTE_COUNT", default_value_t = 10)]
    pub count: u64,

    /// Milliseconds between two messages
    #[arg(long, env = "PONTE_INTERVAL_MS", default_value_t = 500)]
    pub interval_ms: u64,

    /// What to send; {{i}} counts from 0
    #[arg(long, env = "PONTE_TEMPLATE", default_value = r#"{"id": {{i}}, "text": "messaggio {{i}}"}"#)]
    pub template: String,

    /// Send what comes on standard input, one message a line, instead of a template
    #[arg(long, env = "PONTE_STDIN", conflicts_with_all = ["template", "count"])]
    pub stdin: bool,
}

#[derive(Args, Debug, Clone)]
pub struct ConsumeArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// Topic to read
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// Consumer group to join
    #[arg(long, env = "PONTE_GROUP", default_value = "my-group")]
    pub group: GroupId,

    /// Where to start without a committed offset
    #[arg(long, env = "PONTE_START", default_value = "earliest", value_parser = parse_start, value_name = "earliest|latest")]
    pub start: GroupStart,

    /// Stop after this many messages
    #[arg(long, env = "PONTE_COUNT")]
    pub count: Option<u64>,

    /// Do not commit what was read
    #[arg(long, env = "PONTE_NO_COMMIT")]
    pub no_commit: bool,
}

/// Settings that contradict each other or the machine; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "--listen {0} is reachable from other machines, and no access token is set: anyone could read and write your \
         Kafka. Listen on 127.0.0.1, or set one with --token-file or {TOKEN_VARIABLE}, or pass --insecure-no-token if \
         that is what you want"
    )]
    OpenListener(SocketAddr),
    #[error("--token-file {}: {reason}", file.display())]
    BadTokenFile { file: PathBuf, reason: String },
    #[error("--token (or {TOKEN_VARIABLE}): {0}")]
    BadToken(String),
    #[error("this would {0}: say --yes where nobody can be asked to type the name")]
    NotConfirmed(String),
    #[error("--from-file: cannot read {}", file.display())]
    UnreadablePositions { file: PathBuf, source: std::io::Error },
    #[error("--from-file: {}, line {line}: expected topic,partition,offset", file.display())]
    NoPosition { file: PathBuf, line: usize },
    #[error("--kafka-config")]
    KafkaConfig(#[from] kafka::client_config::PropertiesError),
}

/// Which broker the bridge talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// The user named it: no other is ever used instead.
    Named(String),
    /// `localhost:9092` if something listens there, else the demo broker.
    LocalOrDemo,
    Demo,
}

/// Everything `serve` needs, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub broker: BrokerChoice,
    pub kafka_properties: KafkaProperties,
    pub topic: TopicName,
    pub group: GroupId,
    pub start: GroupStart,
    pub open: bool,
    pub read_only: bool,
    pub token: Option<AccessToken>,
    pub allowed_hosts: Vec<String>,
    pub allowed_origins: Vec<String>,
    pub sockets: SocketLimits,
}

impl Config {
    pub fn from_args(args: ServeArgs) -> Result<Self, ConfigError> {
        let token = match (args.token, args.token_file) {
            (Some(token), _) => Some(token.checked().map_err(ConfigError::BadToken)?),
            (None, Some(file)) => {
                Some(AccessToken::read(&file).map_err(|reason| ConfigError::BadTokenFile { file, reason })?)
            }
            (None, None) => None,
        };
        if !args.listen.ip().is_loopback() && token.is_none() && !args.insecure_no_token {
            return Err(ConfigError::OpenListener(args.listen));
        }
        let target = args.kafka.target()?;
        let broker = match (target.bootstrap_servers, args.demo) {
            (_, true) => BrokerChoice::Demo,
            (Some(servers), false) => BrokerChoice::Named(servers),
            (None, false) => BrokerChoice::LocalOrDemo,
        };
        Ok(Self {
            listen: args.listen,
            broker,
            kafka_properties: target.properties,
            topic: args.topic,
            group: args.group,
            start: args.start,
            open: args.open,
            read_only: args.read_only,
            token,
            allowed_hosts: args.allowed_hosts,
            allowed_origins: args.allowed_origins,
            sockets: SocketLimits {
                total: args.max_sockets,
                per_address: args.max_sockets_per_address,
                before_hello: SOCKETS_BEFORE_HELLO,
            },
        })
    }
}

impl KafkaArgs {
    /// Reads and checks the file of `--kafka-config`. The command line wins over the file's addresses.
    pub fn target(&self) -> Result<KafkaTarget, ConfigError> {
        let mut properties = match &self.kafka_config {
            Some(file) => KafkaProperties::read(file)?,
            None => KafkaProperties::default(),
        };
        if self.no_auto_create {
            properties.forbid_auto_create();
        }
        let in_file = properties.bootstrap_servers();
        if let (Some(named), Some(in_file)) = (self.bootstrap_servers.as_deref(), in_file)
            && named != in_file
        {
            tracing::info!("--bootstrap-servers {named} is used instead of the file's bootstrap.servers {in_file}");
        }
        let bootstrap_servers = self.bootstrap_servers.clone().or(in_file.map(ToOwned::to_owned));
        Ok(KafkaTarget { bootstrap_servers, properties })
    }
}

fn parse_start(text: &str) -> Result<GroupStart, String> {
    match text {
        "earliest" => Ok(GroupStart::Earliest),
        "latest" => Ok(GroupStart::Latest),
        _ => Err("use earliest or latest".to_owned()),
    }
}

fn parse_origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '*']) => Ok(text.to_ascii_lowercase()),
        _ => Err("an origin is scheme, host and port alone, such as http://127.0.0.1:8080".to_owned()),
    }
}

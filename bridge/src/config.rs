//! The command line, the environment and the file of `--config`, validated before any port is bound.

mod file;
mod groups;
mod topics;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use formats::{OffsetsError, TemplateError};
use protocol::{GroupId, GroupStart, TopicName};

use kafka::properties::{KafkaProperties, parse_addresses};
use server::access_token::AccessToken;
use server::traces::TraceSettings;
use server::websocket::SocketLimits;

pub use self::groups::{DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
pub use self::topics::{
    AddPartitionsArgs, AlterTopic, ConfirmationArgs, CreateTopicArgs, DeleteTopicArgs, DescribeTopics, EmptyTopicArgs,
    ListTopics, TopicsCommand,
};

/// The address of Kafka if none is given.
pub const DEFAULT_BOOTSTRAP_SERVERS: &str = "localhost:9092";

/// The address that the bridge listens on if none is given. The terminal programs look for a running bridge there.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:3030";

/// The environment variable of the access token. The terminal programs also send it to a running bridge.
pub const TOKEN_VARIABLE: &str = "PONTE_TOKEN";

/// Names the file of `--config`.
const OPTIONS_FILE_VARIABLE: &str = "PONTE_CONFIG";

/// Sockets that may be open before their `hello` at once; see the protocol's specification.
const SOCKETS_BEFORE_HELLO: usize = 64;

#[derive(Parser, Debug)]
#[command(
    name = "bridge",
    version,
    // Each command has its own options, so options before the command's name are refused.
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
    /// Produce messages from the terminal: by default ten, one every half second
    Produce(ProduceArgs),
    /// Print messages in the terminal as they arrive
    Consume(ConsumeArgs),
    /// List, create, change and delete topics
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// List and describe consumer groups, and reset their offsets
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// Check the configuration without starting anything
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Check that the --config file, the environment and the options are valid
    Check(ServeArgs),
}

impl CommandLine {
    /// Reads the command line, the environment and the file of `--config`.
    ///
    /// # Errors
    /// When the file is invalid. If the command line itself is invalid, clap prints why and exits.
    pub fn read() -> Result<Self, ConfigError> {
        // This pass only finds the file. The second pass reports mistakes, with the file's values as defaults.
        let first = Self::command().ignore_errors(true).get_matches();
        let mut command = Self::command();
        let from_environment = || Some(PathBuf::from(std::env::var_os(OPTIONS_FILE_VARIABLE)?));
        if let Some(file) = options_file(&first).or_else(from_environment) {
            command = file::with_defaults(command, &file)?;
        }
        let matches = command.get_matches();
        Ok(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
    }
}

/// The file of `--config`, which may be given before or after the command's name.
fn options_file(matches: &clap::ArgMatches) -> Option<PathBuf> {
    let own = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    own.or_else(|| options_file(matches.subcommand()?.1))
}

/// How to connect to Kafka; the same options for every command.
#[derive(Args, Debug, Clone)]
pub struct KafkaArgs {
    /// Kafka's bootstrap servers, host:port separated by commas [default: localhost:9092]
    #[arg(long, alias = "bootstrap-server", env = "PONTE_BOOTSTRAP_SERVERS", value_parser = parse_addresses, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: Option<String>,

    /// File with Kafka client properties (TLS, SASL, …), in the names of Java clients or of librdkafka
    #[arg(long, env = "PONTE_KAFKA_CONFIG", value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,

    /// Do not let Kafka create a missing topic when producing to it
    #[arg(long, env = "PONTE_NO_AUTO_CREATE")]
    pub no_auto_create: bool,
}

/// `--config`. The commands of `topics` and `groups` do not have it: there `--config` is a setting of a topic, as in `kafka-topics`.
/// `PONTE_CONFIG` works with every command.
#[derive(Args, Debug, Clone)]
pub struct OptionsFileArg {
    /// Configuration file (ponte.toml) with options by their long names; the command line and the environment take
    /// precedence
    #[arg(long, env = OPTIONS_FILE_VARIABLE, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What [`KafkaArgs`] and the file of `--kafka-config` say together.
#[derive(Clone, Debug)]
pub struct KafkaTarget {
    /// The bootstrap servers that the user gave, on the command line or in the file.
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

    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Use the built-in demo broker (in memory) even if a Kafka broker is running
    #[arg(long, env = "PONTE_DEMO", conflicts_with = "bootstrap_servers")]
    pub demo: bool,

    /// Default topic of the page
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// Default consumer group of the page
    #[arg(long, env = "PONTE_GROUP", default_value = "my-group")]
    pub group: GroupId,

    /// Default start position of the page for a group without a committed offset
    #[arg(long, env = "PONTE_START", default_value = "earliest", value_parser = parse_start, value_name = "earliest|latest")]
    pub start: GroupStart,

    /// Open the page in the browser
    #[arg(long, env = "PONTE_OPEN")]
    pub open: bool,

    /// Additional host name under which the page may be requested, besides the loopback names; repeatable
    #[arg(long, env = "PONTE_ALLOWED_HOSTS", value_delimiter = ',', value_name = "HOST")]
    pub allowed_hosts: Vec<String>,

    /// Origin of another page that may open the WebSocket, such as http://127.0.0.1:8080; repeatable
    #[arg(long, env = "PONTE_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = parse_origin, value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,

    /// Maximum number of open sockets
    #[arg(long, env = "PONTE_MAX_SOCKETS", default_value_t = 256, value_name = "COUNT")]
    pub max_sockets: usize,

    /// Maximum number of open sockets from one IP address (IPv6: one /64 network) of another machine
    #[arg(long, env = "PONTE_MAX_SOCKETS_PER_ADDRESS", default_value_t = 32, value_name = "COUNT")]
    pub max_sockets_per_address: usize,

    /// Refuse every change in Kafka: producing, joining consumer groups (which commits), changing topics and groups
    #[arg(long, env = "PONTE_READ_ONLY")]
    pub read_only: bool,

    /// Access token that clients must present; prefer the environment or a file, which other users cannot see
    #[arg(long, env = TOKEN_VARIABLE, hide_env_values = true, conflicts_with = "token_file", value_name = "TOKEN")]
    pub token: Option<AccessToken>,

    /// File that contains the access token on its only line
    #[arg(long, env = "PONTE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Allow a listener beyond loopback without an access token: anyone who can reach it can read and write
    #[arg(long, env = "PONTE_INSECURE_NO_TOKEN")]
    pub insecure_no_token: bool,

    #[command(flatten)]
    pub traces: traces::TraceArgs,
}

#[derive(Args, Debug, Clone)]
pub struct ProduceArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Topic to produce to
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// Number of messages
    #[arg(long, env = "PONTE_COUNT", default_value_t = 10)]
    pub count: u64,

    /// Milliseconds between messages
    #[arg(long, env = "PONTE_INTERVAL_MS", default_value_t = 500)]
    pub interval_ms: u64,

    /// Template of the messages; {{i}} counts from 0
    #[arg(long, env = "PONTE_TEMPLATE", default_value = r#"{"id": {{i}}, "text": "messaggio {{i}}"}"#)]
    pub template: String,

    /// Produce each line of standard input as a message, instead of a template
    #[arg(long, env = "PONTE_STDIN", conflicts_with_all = ["template", "count"])]
    pub stdin: bool,
}

#[derive(Args, Debug, Clone)]
pub struct ConsumeArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Topic to consume
    #[arg(long, env = "PONTE_TOPIC", default_value = "foobar")]
    pub topic: TopicName,

    /// Consumer group to join
    #[arg(long, env = "PONTE_GROUP", default_value = "my-group")]
    pub group: GroupId,

    /// Where to start if the group has no committed offset
    #[arg(long, env = "PONTE_START", default_value = "earliest", value_parser = parse_start, value_name = "earliest|latest")]
    pub start: GroupStart,

    /// Stop after this many messages
    #[arg(long, env = "PONTE_COUNT")]
    pub count: Option<u64>,

    /// Do not commit offsets
    #[arg(long, env = "PONTE_NO_COMMIT")]
    pub no_commit: bool,
}

/// An invalid configuration; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "--listen {0} is reachable from other machines, but no access token is set: anyone could read and write your \
         Kafka. Listen on 127.0.0.1, or set a token with --token-file or {TOKEN_VARIABLE}, or pass --insecure-no-token if \
         that is intended"
    )]
    OpenListener(SocketAddr),
    #[error("--token-file {}: {reason}", file.display())]
    BadTokenFile { file: PathBuf, reason: String },
    #[error("--token (or {TOKEN_VARIABLE}): {0}")]
    BadToken(String),
    #[error("this would {0}: pass --yes to confirm when standard input is not a terminal")]
    NotConfirmed(String),
    #[error("--from-file: cannot read {}", file.display())]
    UnreadablePositions { file: PathBuf, source: std::io::Error },
    #[error("--from-file: {}, {}", file.display(), listed(errors))]
    BadPositions { file: PathBuf, errors: Vec<OffsetsError> },
    #[error("--template: {0}")]
    BadTemplate(#[source] TemplateError),
    #[error("--config")]
    File(#[from] file::FileError),
    #[error("--kafka-config")]
    KafkaConfig(#[from] kafka::client_config::PropertiesError),
}

/// Which broker the bridge connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// The user gave it; the bridge never falls back to another one.
    Named(String),
    /// `localhost:9092` if something listens there, else the demo broker.
    LocalOrDemo,
    Demo,
}

/// The validated configuration of `serve`.
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
    /// `None`: no traces.
    pub traces: Option<TraceSettings>,
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
            traces: args.traces.settings(),
        })
    }
}

impl KafkaArgs {
    /// Reads and validates the file of `--kafka-config`. The command line takes precedence over its
    /// `bootstrap.servers`.
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

/// The first invalid lines, and how many more there are.
fn listed(errors: &[OffsetsError]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = errors.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match errors.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
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
        _ => Err("an origin has only a scheme, a host and a port, such as http://127.0.0.1:8080".to_owned()),
    }
}

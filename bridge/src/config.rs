//! The command line, the environment and the file of `--config`, validated before any port is bound.

mod access;
mod cluster_config;
mod clusters;
mod effective;
mod environment;
mod error;
mod file;
mod groups;
mod log_args;
mod network;
mod registry;
mod registry_command;
mod schemas;
mod search;
mod search_command;
mod sign_in;
mod table;
mod terminal;
mod topics;
mod traces;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use protocol::{ClusterName, GroupId, GroupStart, TopicName};

use kafka::properties::{KafkaProperties, parse_addresses};
use kafka::record_limit::DEFAULT_MAX_MESSAGE_BYTES;
use server::access_token::AccessToken;
use server::http::{BasePath, Certificate, TrustedProxies};
use server::search::SearchLimits;
use server::traces::TraceSettings;
use server::websocket::SocketLimits;

pub use self::access::Access;
use self::cluster_config::chosen_table;
pub use self::cluster_config::{BrokerChoice, ClusterConfig};
use self::clusters::ClusterTable;
use self::effective::EffectiveOption;
pub use self::environment::UnknownVariable;
pub use self::error::ConfigError;
pub use self::file::OptionsFile;
pub use self::groups::{DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
pub use self::log_args::{LogArgs, LogFormat};
pub use self::network::NetworkArgs;
pub use self::registry::{DecodeArgs, RegistryArgs, RegistryConfigError};
pub use self::registry_command::{
    CompatibilityArgs, DeleteSubjectArgs, DescribeSubject, ListSubjects, RegistryCommand, SchemaArgs, SubjectArg,
    VersionArg,
};
use self::search::SearchArgs;
pub use self::search_command::SearchCommand;
pub use self::sign_in::SignInConfig;
pub use self::terminal::{ConsumeArgs, HealthcheckArgs, ProduceArgs};
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
    #[arg(skip)]
    pub sources: Sources,
}

/// What was read besides the command line's own values.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file of `--config`.
    pub file: Option<OptionsFile>,
    /// The options of the called command, with the places where their values come from.
    options: Vec<EffectiveOption>,
    /// Environment variables that belong to no option.
    pub unknown_variables: Vec<UnknownVariable>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the page and its WebSocket (the default)
    Serve(ServeArgs),
    /// Produce messages from the terminal: by default ten, one every half second
    Produce(ProduceArgs),
    /// Print messages in the terminal as they arrive
    Consume(ConsumeArgs),
    /// Find records of topics, without joining a group
    Search(Box<SearchCommand>),
    /// List, create, change and delete topics
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// List and describe consumer groups, and reset their offsets
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// List, check, register and delete schemas of the schema registry
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Check the configuration without starting anything
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running bridge whether it is up; exit code 0 if it is
    Healthcheck(HealthcheckArgs),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Check that the --config file, the environment, the options and the files that they name are valid
    Check(ServeArgs),
    /// Print the effective configuration as a configuration file, with the origin of each value
    Print(ServeArgs),
}

impl CommandLine {
    /// Reads the command line, the environment and the file of `--config`.
    ///
    /// # Errors
    /// When the file is invalid. If the command line itself is invalid, clap prints why and exits.
    pub fn read() -> Result<Self, ConfigError> {
        // This pass only finds the file. The second pass reports mistakes, with the file's values as defaults.
        let mut command = Self::command();
        let first = command.clone().ignore_errors(true).get_matches();
        let from_environment = || Some(PathBuf::from(std::env::var_os(OPTIONS_FILE_VARIABLE)?));
        let path = options_file(&first).or_else(from_environment);
        let file = path.map(|path| OptionsFile::read(&command, &path)).transpose()?;
        if let Some(file) = &file {
            command = file.with_defaults(command);
        }
        environment::check(&command, &first)?;
        let unknown_variables = environment::unknown(&command);
        let mut matches = command.clone().get_matches();
        if let Some(file) = &file
            && let Some(of_command) = command_of_one_cluster(&matches)
            && let Some(cluster) = file.cluster(of_command.get_one("cluster"))?
        {
            matches = cluster.with_defaults(command.clone()).get_matches();
        }
        let mut line = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let options = match line.command {
            Some(Command::Config(_)) => effective::options(&command, &matches, file.as_ref()),
            _ => Vec::new(),
        };
        line.sources = Sources { file, options, unknown_variables };
        line.choose_cluster()?;
        Ok(line)
    }

    /// The options of the log, which only serve has.
    pub fn log_args(&self) -> LogArgs {
        match &self.command {
            None => self.serve.log.clone(),
            Some(Command::Serve(args)) => args.log.clone(),
            Some(_) => LogArgs::default(),
        }
    }

    /// Finds the cluster of `--cluster` in the file, for the commands that use one cluster.
    fn choose_cluster(&mut self) -> Result<(), ConfigError> {
        let kafka = match &mut self.command {
            Some(Command::Produce(args)) => &mut args.kafka,
            Some(Command::Consume(args)) => &mut args.kafka,
            Some(Command::Search(args)) => &mut args.kafka,
            Some(Command::Topics(args)) => args.kafka_mut(),
            Some(Command::Groups(args)) => args.kafka_mut(),
            None
            | Some(
                Command::Serve(_)
                | Command::Registry(_)
                | Command::Config(_)
                | Command::Healthcheck(_)
                | Command::Completions { .. }
                | Command::Man { .. },
            ) => return Ok(()),
        };
        kafka.table = chosen_table(kafka, self.sources.file.as_ref())?.cloned();
        let decoding = match &mut self.command {
            Some(
                Command::Produce(ProduceArgs { kafka, decode, .. })
                | Command::Consume(ConsumeArgs { kafka, decode, .. }),
            ) => Some((kafka, decode)),
            Some(Command::Search(args)) => Some((&mut args.kafka, &mut args.decode)),
            _ => None,
        };
        if let (Some(file), Some((kafka, decode))) = (&self.sources.file, decoding) {
            let cluster = kafka.table.as_ref().map(|table| table.name.clone()).unwrap_or_default();
            decode.schemas = file.load_schemas(&cluster)?;
        }
        Ok(())
    }
}

impl Sources {
    /// The effective configuration as the text of a configuration file.
    pub fn print(&self) -> String {
        effective::print(&self.options, self.file.as_ref())
    }

    /// What `config check` has checked.
    pub fn summary(&self, config: &Config) -> String {
        let set = self.options.iter().filter(|option| !option.is_default()).count();
        let file = match &self.file {
            Some(file) => format!("file {}", file.path.display()),
            None => "no file".to_owned(),
        };
        let names: Vec<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let clusters = format!("{} ({})", counted(names.len(), "cluster"), names.join(", "));
        let access = [
            counted(config.access.users.len(), "user"),
            counted(config.access.rules.len(), "rule"),
            counted(config.access.masks.len(), "mask"),
        ];
        let access = access.into_iter().filter(|counted| !counted.starts_with("0 "));
        let sign_in = config.sign_in.as_ref().map(|sign_in| format!("sign-in at {}", sign_in.issuer));
        let parts: Vec<String> = [file, clusters].into_iter().chain(access).chain(sign_in).collect();
        format!("the configuration is valid: {}, {} options, {set} of them set\n", parts.join(", "), self.options.len())
    }
}

/// The number with the noun in its form.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The arguments of a command that uses the topic, the group or the schema registry of one cluster.
fn command_of_one_cluster(matches: &clap::ArgMatches) -> Option<&clap::ArgMatches> {
    match matches.subcommand()? {
        ("produce" | "consume", of_command) => Some(of_command),
        ("registry", of_registry) => of_registry.subcommand().map(|(_, of_command)| of_command),
        _ => None,
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

    /// Cluster of the configuration file to use; for serve, the default one [default: the file's first]
    #[arg(long, env = "PONTE_CLUSTER", value_parser = ClusterName::parse, value_name = "NAME")]
    pub cluster: Option<ClusterName>,

    /// The table of `cluster`, or of the file's first cluster.
    #[arg(skip)]
    pub table: Option<ClusterTable>,
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
    /// The cluster of the configuration file that has a demo broker. Such a broker belongs to a running bridge.
    pub demo_cluster: Option<ClusterName>,
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

    /// Never fall back to the demo broker: without other servers, connect to localhost:9092 and wait until it answers
    #[arg(long, env = "PONTE_NO_DEMO")]
    pub no_demo: bool,

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

    #[command(flatten)]
    pub network: NetworkArgs,

    #[command(flatten)]
    pub log: LogArgs,

    /// Maximum number of open sockets
    #[arg(long, env = "PONTE_MAX_SOCKETS", default_value_t = 256, value_name = "COUNT")]
    pub max_sockets: usize,

    /// Maximum number of open sockets from one IP address (IPv6: one /64 network) of another machine
    #[arg(long, env = "PONTE_MAX_SOCKETS_PER_ADDRESS", default_value_t = 32, value_name = "COUNT")]
    pub max_sockets_per_address: usize,

    /// Maximum size of a record that clients may produce: key, value and headers, in bytes (1024 to 67108864)
    #[arg(long, env = "PONTE_MAX_MESSAGE_BYTES", default_value_t = DEFAULT_MAX_MESSAGE_BYTES, value_parser = parse_message_bytes, value_name = "BYTES")]
    pub max_message_bytes: usize,

    #[command(flatten)]
    pub search: SearchArgs,

    #[command(flatten)]
    pub decode: DecodeArgs,

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

/// The validated configuration of `serve`.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// In the order of the file; at least one.
    pub clusters: Vec<ClusterConfig>,
    /// The index of the cluster for clients that name none.
    pub default_cluster: usize,
    /// The file of `--config`, and the file of the token, to notice changes.
    pub file: Option<OptionsFile>,
    pub token_file: Option<PathBuf>,
    pub open: bool,
    pub token: Option<AccessToken>,
    pub access: Access,
    /// `None`: users cannot sign in.
    pub sign_in: Option<SignInConfig>,
    pub allowed_hosts: Vec<String>,
    pub allowed_origins: Vec<String>,
    pub base_path: BasePath,
    pub trusted_proxies: TrustedProxies,
    pub proxy_protocol: bool,
    pub certificate: Option<Arc<Certificate>>,
    pub sockets: SocketLimits,
    pub max_message_bytes: usize,
    /// The largest decoded key or value.
    pub max_decoded_bytes: usize,
    pub searches: SearchLimits,
    /// `None`: no traces.
    pub traces: Option<TraceSettings>,
}

impl Config {
    pub fn from_args(args: ServeArgs, file: Option<&OptionsFile>) -> Result<Self, ConfigError> {
        // Not clap's `conflicts_with`, which also refuses --demo with PONTE_NO_DEMO=false.
        if args.demo && args.no_demo {
            return Err(ConfigError::DemoAndNoDemo);
        }
        let token = match (args.token.clone(), args.token_file.clone()) {
            (Some(token), _) => Some(token.checked().map_err(ConfigError::BadToken)?),
            (None, Some(file)) => {
                Some(AccessToken::read(&file).map_err(|reason| ConfigError::BadTokenFile { file, reason })?)
            }
            (None, None) => None,
        };
        let (access, sign_in) = match file {
            Some(file) => {
                file.access.warn();
                (file.load_access(token.as_ref())?, file.load_sign_in()?)
            }
            None => (Access::default(), None),
        };
        let admits_everyone = token.is_none() && access.users.is_empty() && sign_in.is_none();
        if !args.listen.ip().is_loopback() && admits_everyone && !args.insecure_no_token {
            return Err(ConfigError::OpenListener(args.listen));
        }
        if args.network.proxy_protocol && args.network.trusted_proxies.is_empty() {
            return Err(ConfigError::ProxyProtocolWithoutProxies);
        }
        let certificate = args.network.certificate()?;
        let (clusters, default_cluster) = args.clusters(file)?;
        let mut allowed_hosts = args.allowed_hosts;
        // The provider sends browsers to this host.
        allowed_hosts.extend(sign_in.as_ref().and_then(SignInConfig::host));
        Ok(Self {
            listen: args.listen,
            clusters,
            default_cluster,
            file: None,
            // A token on the command line or in the environment takes precedence over the file.
            token_file: args.token_file.filter(|_| args.token.is_none()),
            open: args.open,
            token,
            access,
            sign_in,
            allowed_hosts,
            allowed_origins: args.allowed_origins,
            base_path: args.network.base_path,
            proxy_protocol: args.network.proxy_protocol,
            trusted_proxies: TrustedProxies::new(args.network.trusted_proxies),
            certificate,
            sockets: SocketLimits {
                total: args.max_sockets,
                per_address: args.max_sockets_per_address,
                before_hello: SOCKETS_BEFORE_HELLO,
            },
            max_message_bytes: args.max_message_bytes,
            max_decoded_bytes: args.decode.max_decoded_bytes,
            searches: args.search.limits(),
            traces: args.traces.settings(),
        })
    }
}

impl KafkaArgs {
    /// Reads and validates the file of `--kafka-config`. The command line takes precedence over its
    /// `bootstrap.servers`. With `[clusters]`, the servers and the file are those of the chosen cluster.
    pub fn target(&self) -> Result<KafkaTarget, ConfigError> {
        if let Some(ClusterTable { name, keys, .. }) = &self.table {
            let named = Self {
                bootstrap_servers: keys.bootstrap_servers.clone(),
                kafka_config: keys.kafka_config.clone(),
                no_auto_create: self.no_auto_create || keys.no_auto_create,
                cluster: None,
                table: None,
            };
            let demo_cluster = keys.demo.then(|| name.clone());
            return Ok(KafkaTarget { demo_cluster, ..named.target()? });
        }
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
        Ok(KafkaTarget { bootstrap_servers, properties, demo_cluster: None })
    }
}

/// At most 64 MiB: librdkafka's consumers read messages of up to 100,000,000 bytes by default.
fn parse_message_bytes(text: &str) -> Result<usize, String> {
    const ALLOWED: std::ops::RangeInclusive<usize> = 1024..=64 * 1024 * 1024;
    let bytes = text.parse().ok().filter(|bytes| ALLOWED.contains(bytes));
    bytes.ok_or_else(|| format!("use a whole number of bytes from {} to {}", ALLOWED.start(), ALLOWED.end()))
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

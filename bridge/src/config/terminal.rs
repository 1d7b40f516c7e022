//! The options of the commands `produce`, `consume` and `healthcheck`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use protocol::{GroupId, GroupStart, RecordFormat, TopicName};

use super::{DEFAULT_LISTEN, DecodeArgs, KafkaArgs, OptionsFileArg, SubjectArg, parse_start};

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

    /// With --stdin: each line is a key, this separator (\t for a tab) and a value; the first separator counts
    #[arg(long, env = "PONTE_KEY_SEPARATOR", value_name = "SEPARATOR", requires = "stdin", value_parser = parse_separator)]
    pub key_separator: Option<String>,

    /// With --stdin: an empty key or value is null
    #[arg(long, env = "PONTE_EMPTY_AS_NULL", requires = "stdin")]
    pub empty_as_null: bool,

    /// Subject of the schema registry; each value is JSON, which is written in this schema
    #[arg(long, env = "PONTE_VALUE_SCHEMA", value_name = "SUBJECT[:VERSION]")]
    pub value_schema: Option<SubjectArg>,

    /// Format in which JSON values are written; needed only without --value-schema, for example for a schema of the configuration file
    #[arg(long, env = "PONTE_VALUE_ENCODING", value_parser = record_format(), value_name = "FORMAT")]
    pub value_encoding: Option<RecordFormat>,

    /// Message type of Protobuf values [default: the first one of the schema]
    #[arg(long, env = "PONTE_VALUE_MESSAGE", value_name = "NAME")]
    pub value_message: Option<String>,

    /// With --key-separator: subject of the schema registry; each key is JSON, which is written in this schema
    #[arg(long, env = "PONTE_KEY_SCHEMA", value_name = "SUBJECT[:VERSION]", requires = "key_separator")]
    pub key_schema: Option<SubjectArg>,

    /// With --key-separator: format in which JSON keys are written
    #[arg(long, env = "PONTE_KEY_ENCODING", value_parser = record_format(), value_name = "FORMAT", requires = "key_separator")]
    pub key_encoding: Option<RecordFormat>,

    /// Message type of Protobuf keys [default: the first one of the schema]
    #[arg(long, env = "PONTE_KEY_MESSAGE", value_name = "NAME", requires = "key_separator")]
    pub key_message: Option<String>,

    #[command(flatten)]
    pub decode: DecodeArgs,
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

    /// How values are printed: byte for byte, or decoded from this format to JSON on one line
    #[arg(long, env = "PONTE_VALUE_FORMAT", default_value_t = RecordFormat::Raw, value_parser = record_format(), value_name = "FORMAT")]
    pub value_format: RecordFormat,

    /// Print the key and this separator (\t for a tab) before each value
    #[arg(long, env = "PONTE_KEY_SEPARATOR", value_name = "SEPARATOR", value_parser = parse_separator)]
    pub key_separator: Option<String>,

    /// With --key-separator: how keys are printed, in the same formats
    #[arg(long, env = "PONTE_KEY_FORMAT", default_value_t = RecordFormat::Raw, value_parser = record_format(), value_name = "FORMAT", requires = "key_separator")]
    pub key_format: RecordFormat,

    #[command(flatten)]
    pub decode: DecodeArgs,
}

#[derive(Args, Debug, Clone)]
pub struct HealthcheckArgs {
    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Address that the bridge listens on; an address such as 0.0.0.0 is asked on loopback
    #[arg(long, env = "PONTE_LISTEN", default_value = DEFAULT_LISTEN, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// The bridge serves HTTPS with this certificate, which is not checked
    #[arg(long, env = "PONTE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Whole address to ask instead, such as http://127.0.0.1:3030/healthz
    #[arg(long, env = "PONTE_HEALTHCHECK_URL", value_name = "URL")]
    pub url: Option<String>,
}

/// A parser that lists the formats in `--help` and in completions.
pub fn record_format() -> impl TypedValueParser<Value = RecordFormat> {
    let names = RecordFormat::ALL.iter().map(|format| format.name());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<RecordFormat>())
}

fn parse_separator(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.replace("\\t", "\t"))
}

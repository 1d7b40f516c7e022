//! The command line of `bridge registry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use protocol::{ClusterName, CompatibilityLevel, RegistryReference, SchemaLanguage};

use super::schemas::parse_language;
use super::topics::ConfirmationArgs;
use super::{OptionsFileArg, RegistryArgs};

#[derive(Subcommand, Debug, Clone)]
pub enum RegistryCommand {
    /// List the subjects, one name per line
    List(ListSubjects),
    /// Show the versions of a subject, or print the text of one version
    Describe(DescribeSubject),
    /// Ask whether a schema could become the next version of a subject; exit code 1 if it could not
    Check(SchemaArgs),
    /// Make a schema the next version of a subject
    Register(SchemaArgs),
    /// Show or set the compatibility level of a subject or of the registry
    Compatibility(CompatibilityArgs),
    /// Delete a subject or one of its versions
    Delete(DeleteSubjectArgs),
}

impl RegistryCommand {
    pub fn common(&self) -> &RegistryCommonArgs {
        match self {
            Self::List(args) => &args.common,
            Self::Describe(args) => &args.common,
            Self::Check(args) | Self::Register(args) => &args.common,
            Self::Compatibility(args) => &args.common,
            Self::Delete(args) => &args.common,
        }
    }
}

/// What all commands of `bridge registry` have.
#[derive(Args, Debug, Clone)]
pub struct RegistryCommonArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,

    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Cluster of the configuration file whose registry is used [default: the file's first]
    #[arg(long, env = "PONTE_CLUSTER", value_parser = ClusterName::parse, value_name = "NAME")]
    pub cluster: Option<ClusterName>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Clone)]
pub struct ListSubjects {
    /// Also list deleted subjects whose schemas still exist
    #[arg(long)]
    pub deleted: bool,

    #[command(flatten)]
    pub common: RegistryCommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DescribeSubject {
    /// Name of the subject
    #[arg(long)]
    pub subject: String,

    /// Print the text of this version: a number or latest
    #[arg(long, value_parser = parse_version, value_name = "VERSION")]
    pub version: Option<VersionArg>,

    #[command(flatten)]
    pub common: RegistryCommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct SchemaArgs {
    /// Name of the subject
    #[arg(long)]
    pub subject: String,

    /// File with the schema
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,

    /// Language of the schema [default: by the end of the file's name: .avsc, .proto, .json]
    #[arg(long, value_parser = parse_language, value_name = "avro|protobuf|json-schema")]
    pub format: Option<SchemaLanguage>,

    /// Schema that this one references, such as money.proto=money:1; repeatable
    #[arg(long = "reference", value_parser = parse_reference, value_name = "NAME=SUBJECT:VERSION")]
    pub references: Vec<RegistryReference>,

    #[command(flatten)]
    pub common: RegistryCommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct CompatibilityArgs {
    /// Name of the subject [default: the level of the registry]
    #[arg(long)]
    pub subject: Option<String>,

    /// New level: NONE, BACKWARD, FORWARD, FULL, or one of the last three with _TRANSITIVE
    #[arg(long, value_parser = parse_level, value_name = "LEVEL")]
    pub level: Option<CompatibilityLevel>,

    /// Remove the level of the subject, so that the registry's level applies
    #[arg(long, requires = "subject", conflicts_with = "level")]
    pub unset: bool,

    #[command(flatten)]
    pub common: RegistryCommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DeleteSubjectArgs {
    /// Name of the subject
    #[arg(long)]
    pub subject: String,

    /// Version to delete [default: all versions]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub version: Option<u32>,

    /// Remove the deleted schemas for ever; records with their ids cannot be read any more
    #[arg(long)]
    pub permanent: bool,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: RegistryCommonArgs,
}

/// A version on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionArg {
    Latest,
    Number(u32),
}

/// A subject on the command line, and perhaps its version: `orders-value`, `orders-value:3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectArg {
    pub subject: String,
    /// `None`: the latest one.
    pub version: Option<u32>,
}

impl std::str::FromStr for SubjectArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Names of subjects may contain colons; what follows the last one is a version only if it looks like one.
        let (subject, version) = match text.rsplit_once(':') {
            Some((subject, version)) => match parse_version(version) {
                Ok(VersionArg::Latest) => (subject, None),
                Ok(VersionArg::Number(version)) => (subject, Some(version)),
                Err(_) => (text, None),
            },
            None => (text, None),
        };
        if subject.is_empty() {
            return Err("name a subject, such as orders-value or orders-value:3".to_owned());
        }
        Ok(Self { subject: subject.to_owned(), version })
    }
}

fn parse_version(text: &str) -> Result<VersionArg, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(VersionArg::Number(number)),
        _ if text == "latest" => Ok(VersionArg::Latest),
        _ => Err("use the number of a version, from 1, or latest".to_owned()),
    }
}

fn parse_level(text: &str) -> Result<CompatibilityLevel, String> {
    let level = CompatibilityLevel::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
    level.ok_or_else(|| format!("allowed values: {}", CompatibilityLevel::ALL.map(CompatibilityLevel::name).join(", ")))
}

fn parse_reference(text: &str) -> Result<RegistryReference, String> {
    let parts = text.split_once('=').and_then(|(name, target)| {
        let (subject, version) = target.rsplit_once(':')?;
        let version = version.parse().ok().filter(|version| *version > 0)?;
        (!name.is_empty() && !subject.is_empty()).then(|| (name.to_owned(), subject.to_owned(), version))
    });
    let (name, subject, version) =
        parts.ok_or_else(|| "use NAME=SUBJECT:VERSION, such as money.proto=money:1".to_owned())?;
    Ok(RegistryReference { name, subject, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_may_contain_colons() {
        for (text, subject, version) in [
            ("orders-value", "orders-value", None),
            ("orders-value:3", "orders-value", Some(3)),
            ("orders-value:latest", "orders-value", None),
            (":.shop:orders", ":.shop:orders", None),
            (":.shop:orders:12", ":.shop:orders", Some(12)),
            ("orders:0", "orders:0", None),
        ] {
            assert_eq!(text.parse(), Ok(SubjectArg { subject: subject.to_owned(), version }), "{text}");
        }
        assert!("".parse::<SubjectArg>().is_err());
        assert!(":3".parse::<SubjectArg>().is_err());
    }

    #[test]
    fn reference_has_a_name_a_subject_and_a_version() {
        let reference = RegistryReference { name: "a/money.proto".to_owned(), subject: "x:y".to_owned(), version: 2 };
        assert_eq!(parse_reference("a/money.proto=x:y:2"), Ok(reference));
        for text in ["", "money.proto", "money.proto=money", "money.proto=money:0", "=money:1", "money.proto=:1"] {
            assert!(parse_reference(text).is_err(), "{text}");
        }
    }
}

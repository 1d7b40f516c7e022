//! `[[schemas]]` in the file of `--config`: the schemas of topics whose records name none in a registry.

use std::path::{Path, PathBuf};

use clap::Args;
use formats::Spot;
use protocol::{ClusterName, NamePattern, SchemaLanguage, TopicName};
use serdes::{TopicRule, TopicSchema};

use super::table::{Table, TableError};

/// The name of the tables in the file.
pub const TABLE: &str = "schemas";

/// The keys of a table.
#[derive(Args, Clone, Debug)]
pub struct SchemaKeys {
    /// Clusters that have the topics; absent: every cluster.
    #[arg(long, value_parser = ClusterName::parse)]
    pub clusters: Vec<ClusterName>,

    /// Patterns of the topics.
    #[arg(long, value_parser = parse_topics)]
    pub topics: Vec<NamePattern>,

    /// Folder of which `import` in Protobuf files gives relative paths; absent: the folder of each file.
    #[arg(long)]
    pub proto_path: Option<PathBuf>,

    #[arg(long, value_parser = parse_language)]
    pub key_format: Option<SchemaLanguage>,

    /// The files of the schema of keys; the last one is the schema, the others are what it uses.
    #[arg(long)]
    pub key_files: Vec<PathBuf>,

    /// The message type of Protobuf keys; absent: the first one of the last file.
    #[arg(long)]
    pub key_message: Option<String>,

    #[arg(long, value_parser = parse_language)]
    pub value_format: Option<SchemaLanguage>,

    /// The files of the schema of values; the last one is the schema, the others are what it uses.
    #[arg(long)]
    pub value_files: Vec<PathBuf>,

    /// The message type of Protobuf values; absent: the first one of the last file.
    #[arg(long)]
    pub value_message: Option<String>,
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("[[schemas]] has no topics; add for example topics = [\"orders-*\"]")]
    NoTopics,
    #[error("[[schemas]] has no schema; add value-format and value-files, or key-format and key-files")]
    NoSchema,
    #[error("[[schemas]] has {present}, but no {missing}; add for example {missing} = {example}")]
    Incomplete { present: String, missing: String, example: &'static str },
    #[error("[[schemas]]: the file has no cluster {0}")]
    UnknownCluster(ClusterName),
    #[error("cannot read {}: {source}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{} is not in the folder {} of proto-path", file.display(), folder.display())]
    OutsideProtoPath { file: PathBuf, folder: PathBuf },
    #[error("{}: {reason}", file.display())]
    Invalid { file: PathBuf, reason: String },
}

type Failed = (Spot, SchemasError);

/// The names of the options of one part of the records.
struct Part<'k> {
    name: &'static str,
    language: Option<SchemaLanguage>,
    files: &'k [PathBuf],
    message: Option<&'k String>,
}

/// Checks that each table is complete. `clusters`: the clusters that the bridge serves with this file.
pub fn check(tables: &[Table<SchemaKeys>], clusters: &[ClusterName]) -> Result<(), Failed> {
    for table in tables {
        if table.keys.topics.is_empty() {
            return Err((table.spot("topics"), SchemasError::NoTopics));
        }
        if let Some(unknown) = table.keys.clusters.iter().find(|name| !clusters.contains(name)) {
            return Err((table.spot("clusters"), SchemasError::UnknownCluster(unknown.clone())));
        }
        let parts = table.keys.parts();
        if parts.iter().all(|part| part.language.is_none() && part.files.is_empty()) {
            return Err((table.at, SchemasError::NoSchema));
        }
        for part in parts {
            let (format, files) = (format!("{}-format", part.name), format!("{}-files", part.name));
            match (part.language, part.files.is_empty()) {
                (Some(_), true) => {
                    let at = table.spot(&format);
                    let example = "[\"shop.proto\"]";
                    return Err((at, SchemasError::Incomplete { present: format, missing: files, example }));
                }
                (None, false) => {
                    let at = table.spot(&files);
                    let example = "\"protobuf\"";
                    return Err((at, SchemasError::Incomplete { present: files, missing: format, example }));
                }
                (None, true) if part.message.is_some() => {
                    let present = format!("{}-message", part.name);
                    let at = table.spot(&present);
                    let example = "\"protobuf\"";
                    return Err((at, SchemasError::Incomplete { present, missing: format, example }));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Reads the files of the tables for a cluster, in the order of the tables, and checks that the schemas can be used.
pub fn load(tables: &[Table<SchemaKeys>], cluster: &ClusterName) -> Result<Vec<TopicRule>, Failed> {
    let mut rules = Vec::new();
    for table in tables {
        let keys = &table.keys;
        if !keys.clusters.is_empty() && !keys.clusters.contains(cluster) {
            continue;
        }
        let [key, value] = keys.parts();
        let (key, value) = (key.load(table)?, value.load(table)?);
        rules.push(TopicRule { topics: keys.topics.clone(), key, value });
    }
    Ok(rules)
}

impl SchemaKeys {
    /// The files of keys and values.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.key_files.iter().chain(&self.value_files).map(PathBuf::as_path)
    }

    fn parts(&self) -> [Part<'_>; 2] {
        [
            Part { name: "key", language: self.key_format, files: &self.key_files, message: self.key_message.as_ref() },
            Part {
                name: "value",
                language: self.value_format,
                files: &self.value_files,
                message: self.value_message.as_ref(),
            },
        ]
    }
}

impl Part<'_> {
    fn load(&self, table: &Table<SchemaKeys>) -> Result<Option<TopicSchema>, Failed> {
        let (Some(language), Some(last)) = (self.language, self.files.last()) else { return Ok(None) };
        let at = table.spot(&format!("{}-files", self.name));
        let mut files = Vec::with_capacity(self.files.len());
        for file in self.files {
            let content =
                std::fs::read(file).map_err(|source| (at, SchemasError::Unreadable { file: file.clone(), source }))?;
            let name = match &table.keys.proto_path {
                Some(folder) => file.strip_prefix(folder).map_err(|_| {
                    let (file, folder) = (file.clone(), folder.clone());
                    (at, SchemasError::OutsideProtoPath { file, folder })
                })?,
                None => file.file_name().map_or(file.as_path(), AsRef::as_ref),
            };
            // Imports have slashes on every system.
            let name = name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            files.push((name, content));
        }
        let name =
            last.file_name().map_or_else(|| last.display().to_string(), |name| name.to_string_lossy().into_owned());
        let schema = TopicSchema { language, files, message: self.message.cloned(), name };
        // Compiled again where it is used; a mistake is reported before any port is bound.
        schema.check().map_err(|error| (at, SchemasError::Invalid { file: last.clone(), reason: error.message }))?;
        Ok(Some(schema))
    }
}

pub fn parse_language(text: &str) -> Result<SchemaLanguage, String> {
    let language = SchemaLanguage::ALL.into_iter().find(|language| language.format().name() == text);
    language.ok_or_else(|| {
        let names = SchemaLanguage::ALL.map(|language| language.format().name());
        format!("allowed values: {}", names.join(", "))
    })
}

/// A star is checked as if it stood for a letter.
pub fn parse_topics(text: &str) -> Result<NamePattern, String> {
    TopicName::parse(&text.replace('*', "x")).map(|_| NamePattern(text.to_owned())).map_err(|_| {
        "no topic has such a name: use letters, digits, dots, underscores and hyphens, and * for any characters"
            .to_owned()
    })
}

//! `--config FILE` (`ponte.toml`): options by their long names, the Kafka clusters in `[clusters.NAME]`, and the tables of users, rules,
//! masks, sign-in and schemas. The command line and the environment take precedence.
//!
//! Each value becomes the default of its option, so it is parsed and validated as if it had been typed. A value is checked
//! as soon as it is read, so that an error names the file and the line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::{ArgAction, Args, Command};
use formats::Spot;
use protocol::ClusterName;
use serdes::TopicRule;
use server::access_token::AccessToken;
use toml::de::{DeTable, DeValue};

use super::access::{self, Access, AccessError, AccessTables};
use super::clusters::{ClusterError, ClusterTable};
use super::schemas::{self, SchemaKeys, SchemasError};
use super::sign_in::SignInConfig;
use super::table::Table;
use super::value;

/// Options that the file may not contain, and what to do instead.
const NOT_IN_FILE: [(&str, &str); 5] = [
    ("client-secret", "keep the secret in its own file and set client-secret-file"),
    ("config", "a configuration file cannot include another one"),
    ("help", "use it on the command line"),
    ("version", "use it on the command line"),
    ("token", "keep the token in its own file and set token-file"),
];

/// Commands that administer Kafka, and the options of the file that apply to them.
const ADMINISTRATION: [&str; 2] = ["topics", "groups"];
const CONNECTION: [&str; 4] = ["bootstrap-servers", "kafka-config", "no-auto-create", "cluster"];

/// Why the file is invalid.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", file.display())]
    NotToml { file: PathBuf, reason: String },
    #[error("{}, {at}: {reason}", file.display())]
    Key { file: PathBuf, at: Spot, reason: KeyError },
    #[error("{}, {at}: {reason}", file.display())]
    Cluster { file: PathBuf, at: Spot, reason: Box<ClusterError> },
    #[error("{}, {at}: {reason}", file.display())]
    Access { file: PathBuf, at: Spot, reason: Box<AccessError> },
    #[error("{}, {at}: {reason}", file.display())]
    Schemas { file: PathBuf, at: Spot, reason: Box<SchemasError> },
}

/// What is wrong with a key or its value.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("unknown option {key:?}{}; known options: {known}", value::suggestion(nearest.as_deref()))]
    Unknown { key: String, nearest: Option<String>, known: String },
    #[error("unknown table {key:?}{}; known tables: {known}", value::suggestion(nearest.as_deref()))]
    UnknownTable { key: String, nearest: Option<String>, known: String },
    #[error("{key} is not allowed here: {instead}")]
    NotInFile { key: String, instead: &'static str },
    #[error("{key} must be {expected}")]
    WrongType { key: String, expected: &'static str },
    #[error("invalid value {value:?} for {key}: {reason}")]
    Invalid { key: String, value: String, reason: String },
}

/// The checked content of the file.
#[derive(Clone, Debug)]
pub struct OptionsFile {
    pub path: PathBuf,
    pub options: BTreeMap<String, FileValue>,
    /// In their order in the file.
    pub clusters: Vec<ClusterTable>,
    pub access: AccessTables,
    /// In their order in the file.
    pub schemas: Vec<Table<SchemaKeys>>,
}

/// The value of a key, as it would be typed, and where the key is.
#[derive(Clone, Debug)]
pub struct FileValue {
    pub at: Spot,
    pub texts: Vec<OsString>,
}

impl OptionsFile {
    /// Reads the file. `command`: the definition of the command line. The file may have the options of `serve`; other
    /// commands use those that they share with it.
    pub fn read(command: &Command, path: &Path) -> Result<Self, FileError> {
        let file = || path.to_owned();
        let text = std::fs::read_to_string(path).map_err(|source| FileError::Unreadable { file: file(), source })?;
        let table = DeTable::parse(&text)
            .map_err(|error| FileError::NotToml { file: file(), reason: error.to_string().trim_end().to_owned() })?;
        let reader = Reader { text: &text, folder: path.parent().unwrap_or(Path::new("")) };
        let mut table = table.into_inner();
        let clusters = table.remove("clusters");
        let access: Vec<_> = access::TABLES.iter().filter_map(|name| table.remove_entry(*name)).collect();
        let schemas = Table::take_list(&reader, &mut table, schemas::TABLE)
            .map_err(|(at, reason)| schemas_error(path, at, reason))?;
        check_tables(&reader, &table).map_err(|(at, reason)| FileError::Key { file: file(), at, reason })?;
        let options =
            reader.options(command, &table).map_err(|(at, reason)| FileError::Key { file: file(), at, reason })?;
        let clusters = match clusters {
            None => Vec::new(),
            Some(clusters) => {
                let failed = |(at, reason)| FileError::Cluster { file: file(), at, reason: Box::new(reason) };
                let at = reader.spot(clusters.span().start);
                match clusters.into_inner() {
                    DeValue::Table(tables) => ClusterTable::read_all(&reader, &options, at, tables).map_err(failed)?,
                    _ => return Err(failed((at, ClusterError::NotTables))),
                }
            }
        };
        let names: Vec<ClusterName> = match clusters.is_empty() {
            true => vec![ClusterName::default()],
            false => clusters.iter().map(|cluster: &ClusterTable| cluster.name.clone()).collect(),
        };
        let access = AccessTables::take(&reader, &mut access.into_iter().collect(), &names)
            .map_err(|(at, reason)| FileError::Access { file: file(), at, reason: Box::new(reason) })?;
        schemas::check(&schemas, &names).map_err(|(at, reason)| schemas_error(path, at, reason))?;
        Ok(Self { path: file(), options, clusters, access, schemas })
    }

    /// Reads the tokens of the users. `access_token`: that of `--token`, which must differ from theirs.
    pub fn load_access(&self, access_token: Option<&AccessToken>) -> Result<Access, FileError> {
        self.access.load(access_token).map_err(|error| self.access_error(error))
    }

    /// Reads the files of `[sign-in]`.
    pub fn load_sign_in(&self) -> Result<Option<SignInConfig>, FileError> {
        let sign_in = self.access.sign_in.as_ref().map(|table| table.load());
        sign_in.transpose().map_err(|error| self.access_error(error))
    }

    /// Reads the files of `[[schemas]]` for a cluster.
    pub fn load_schemas(&self, cluster: &ClusterName) -> Result<Vec<TopicRule>, FileError> {
        schemas::load(&self.schemas, cluster).map_err(|(at, reason)| schemas_error(&self.path, at, reason))
    }

    /// The files of `[[schemas]]`.
    pub fn schema_files(&self) -> impl Iterator<Item = &Path> {
        self.schemas.iter().flat_map(|table| table.keys.files())
    }

    fn access_error(&self, (at, reason): (Spot, AccessError)) -> FileError {
        FileError::Access { file: self.path.clone(), at, reason: Box::new(reason) }
    }

    /// The command line's definition with the file's values as defaults.
    #[must_use]
    pub fn with_defaults(&self, command: Command) -> Command {
        self.options.iter().fold(command, |command, (key, value)| with_default(command, key, &value.texts))
    }

    /// The names of what differs in the other file and needs a restart, such as `topic` and `clusters.prod.colour`.
    pub fn changes(&self, other: &Self) -> Vec<String> {
        let mut changes = changed_keys(&self.options, &other.options, "");
        for cluster in self.clusters.iter().chain(&other.clusters) {
            let of = |file: &Self| file.clusters.iter().find(|each| each.name == cluster.name).cloned();
            let prefix = format!("clusters.{}", cluster.name);
            match (of(self), of(other)) {
                (Some(mine), Some(theirs)) => {
                    changes.extend(changed_keys(&mine.options, &theirs.options, &format!("{prefix}.")));
                }
                _ => changes.push(prefix),
            }
        }
        match (&self.access.sign_in, &other.access.sign_in) {
            (Some(mine), Some(theirs)) => changes.extend(changed_keys(&mine.options, &theirs.options, "sign-in.")),
            (None, None) => {}
            _ => changes.push("sign-in".to_owned()),
        }
        changes.sort();
        changes.dedup();
        changes
    }
}

fn schemas_error(file: &Path, at: Spot, reason: SchemasError) -> FileError {
    FileError::Schemas { file: file.to_owned(), at, reason: Box::new(reason) }
}

fn changed_keys(mine: &BTreeMap<String, FileValue>, theirs: &BTreeMap<String, FileValue>, prefix: &str) -> Vec<String> {
    let texts = |values: &BTreeMap<String, FileValue>, key: &str| values.get(key).map(|value| value.texts.clone());
    let keys = mine.keys().chain(theirs.keys());
    keys.filter(|key| texts(mine, key) != texts(theirs, key)).map(|key| format!("{prefix}{key}")).collect()
}

/// Reports a misspelled table as such: its keys are no options.
fn check_tables(reader: &Reader<'_>, table: &DeTable<'_>) -> Result<(), (Spot, KeyError)> {
    let is_table = |value: &DeValue<'_>| match value {
        DeValue::Table(_) => true,
        DeValue::Array(values) => values.iter().any(|value| matches!(value.get_ref(), DeValue::Table(_))),
        _ => false,
    };
    let Some((key, _)) = table.iter().find(|(_, value)| is_table(value.get_ref())) else { return Ok(()) };
    let tables: Vec<&str> = [&["clusters", schemas::TABLE][..], &access::TABLES].concat();
    let name = key.get_ref().to_string();
    let nearest = value::nearest(&name, tables.iter().copied()).map(str::to_owned);
    let reason = KeyError::UnknownTable { key: name, nearest, known: tables.join(", ") };
    Err((reader.spot(key.span().start), reason))
}

/// The definition of a table whose keys are defined as options.
pub fn table_command<K: Args>() -> Command {
    K::augment_args(Command::new("table").disable_help_flag(true).no_binary_name(true))
}

/// Reads the tables of a file.
pub struct Reader<'t> {
    text: &'t str,
    /// The folder of the file.
    folder: &'t Path,
}

impl Reader<'_> {
    pub fn spot(&self, byte: usize) -> Spot {
        Spot::of(self.text, byte)
    }

    /// The values of the table, which are options of the command.
    pub fn options(
        &self,
        command: &Command,
        table: &DeTable<'_>,
    ) -> Result<BTreeMap<String, FileValue>, (Spot, KeyError)> {
        // In the order of the file, so that the first mistake is reported.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut options = BTreeMap::new();
        for (key, value) in entries {
            let at = self.spot(key.span().start);
            let key = key.get_ref().to_string();
            let texts = self.texts(command, &key, value.get_ref()).map_err(|reason| (at, reason))?;
            options.insert(key, FileValue { at, texts });
        }
        Ok(options)
    }

    /// The keys of a table, which are defined as options: parsed, and as they would be typed. `at`: the place of the table.
    pub fn keys<K: Args>(
        &self,
        at: Spot,
        table: &DeTable<'_>,
    ) -> Result<(K, BTreeMap<String, FileValue>), (Spot, KeyError)> {
        let command = table_command::<K>();
        let options = self.options(&command, table)?;
        let command = options.iter().fold(command, |command, (key, value)| with_default(command, key, &value.texts));
        let parsed = command.try_get_matches_from([""; 0]).and_then(|matches| K::from_arg_matches(&matches));
        // Each value was checked, so this cannot fail.
        let refused = |error: clap::Error| KeyError::Invalid {
            key: "table".to_owned(),
            value: String::new(),
            reason: error.to_string(),
        };
        parsed.map(|keys| (keys, options)).map_err(|error| (at, refused(error)))
    }

    /// The option's values, as they would be typed.
    fn texts(&self, command: &Command, key: &str, value: &DeValue<'_>) -> Result<Vec<OsString>, KeyError> {
        let owned = || key.to_owned();
        if let Some((_, instead)) = NOT_IN_FILE.iter().find(|(known, _)| *known == key) {
            return Err(KeyError::NotInFile { key: owned(), instead });
        }
        let Some(argument) = command.get_arguments().find(|argument| argument.get_long() == Some(key)) else {
            let known = known(command);
            let nearest = value::nearest(key, known.iter().copied()).map(str::to_owned);
            return Err(KeyError::Unknown { key: owned(), nearest, known: known.join(", ") });
        };
        // Relative paths are relative to the file's own folder.
        let text = |text: &str| match value::is_path(argument) {
            true => self.folder.join(text).into_os_string(),
            false => OsString::from(text),
        };
        let takes_several = matches!(argument.get_action(), ArgAction::Append);
        let is_flag = matches!(argument.get_action(), ArgAction::SetTrue);
        let expected = match (is_flag, takes_several) {
            (true, _) => "true or false",
            (false, true) => "a list of strings",
            (false, false) => "a string or a number",
        };
        let texts = match value {
            DeValue::Boolean(on) if is_flag => Some(vec![OsString::from(on.to_string())]),
            DeValue::String(value) if !is_flag => Some(vec![text(value)]),
            DeValue::Integer(value) if !is_flag => Some(vec![OsString::from(value.to_string())]),
            DeValue::Float(value) if !is_flag => Some(vec![OsString::from(value.to_string())]),
            DeValue::Array(values) if takes_several => values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(value) => Some(text(value)),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let texts = texts.ok_or_else(|| KeyError::WrongType { key: owned(), expected })?;
        match value::refusal(command, argument, &texts) {
            None => Ok(texts),
            Some((value, reason)) => Err(KeyError::Invalid { key: owned(), value, reason }),
        }
    }
}

/// The options that the file may contain.
pub fn known(command: &Command) -> Vec<&str> {
    let names = command.get_arguments().filter_map(|argument| argument.get_long());
    let mut names: Vec<&str> = names.filter(|name| NOT_IN_FILE.iter().all(|(refused, _)| refused != name)).collect();
    names.sort_unstable();
    names
}

/// Sets the default of the option wherever it exists: for `serve` without a command, and for each command. The commands of `topics` and `groups`
/// take only the connection from the file: `topics delete` must not find the topic to delete there.
pub fn with_default(command: Command, key: &str, defaults: &[OsString]) -> Command {
    let id =
        command.get_arguments().find(|argument| argument.get_long() == Some(key)).map(|found| found.get_id().clone());
    let command = match id {
        Some(id) => command
            .mut_arg(id, |argument| argument.default_values(defaults.iter().map(|value| OsStr::from(value.clone())))),
        None => command,
    };
    let names: Vec<String> = command.get_subcommands().map(|each| each.get_name().to_owned()).collect();
    names
        .into_iter()
        .filter(|name| CONNECTION.contains(&key) || !ADMINISTRATION.contains(&name.as_str()))
        .fold(command, |command, name| command.mut_subcommand(name, |each| with_default(each, key, defaults)))
}

#[cfg(test)]
mod tests;

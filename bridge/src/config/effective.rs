//! `bridge config print`: the effective configuration as a `ponte.toml`, with a comment on each line that says where the
//! value comes from. Secrets are never printed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use formats::Spot;

use super::access::{MaskKeys, RuleKeys, UserKeys};
use super::clusters::ClusterKeys;
use super::file::{FileValue, OptionsFile, known, table_command};
use super::schemas::SchemaKeys;
use super::sign_in::SignInKeys;
use super::value::{is_number, is_path, quoted_key};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    NotSet,
    Default,
    File(PathBuf, Spot),
    /// The variable's name.
    Environment(String),
    CommandLine,
}

/// An option with its effective values.
#[derive(Clone, Debug)]
pub struct EffectiveOption {
    pub name: String,
    pub origin: Origin,
    values: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flag,
    Number,
    Text,
    Path,
    List,
    /// The value is not printed.
    Secret,
}

/// The effective options of the called command that a configuration file may contain, and secrets without their values.
pub fn options(command: &Command, matches: &ArgMatches, file: Option<&OptionsFile>) -> Vec<EffectiveOption> {
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        return options(command, matches, file);
    }
    let in_file = known(command);
    let arguments = command.get_arguments().filter_map(|argument| Some((argument, argument.get_long()?)));
    let mut options: Vec<EffectiveOption> = arguments
        .filter(|(argument, name)| in_file.contains(name) || argument.is_hide_env_values_set())
        .map(|(argument, name)| EffectiveOption {
            name: name.to_owned(),
            origin: origin(argument, name, matches, file),
            values: values(argument, matches),
            kind: kind(argument),
        })
        .collect();
    // clap moves an option whose default is set, so the order of definition is lost.
    options.sort_by(|one, other| one.name.cmp(&other.name));
    options
}

impl EffectiveOption {
    pub fn is_default(&self) -> bool {
        matches!(self.origin, Origin::NotSet | Origin::Default)
    }
}

fn origin(argument: &Arg, name: &str, matches: &ArgMatches, file: Option<&OptionsFile>) -> Origin {
    match matches.value_source(argument.get_id().as_str()) {
        Some(ValueSource::CommandLine) => Origin::CommandLine,
        Some(ValueSource::EnvVariable) => {
            let variable = argument.get_env().unwrap_or_default();
            Origin::Environment(variable.to_string_lossy().into_owned())
        }
        Some(_) => match file.and_then(|file| Some((file, file.options.get(name)?))) {
            Some((file, value)) => Origin::File(file.path.clone(), value.at),
            None => Origin::Default,
        },
        None => Origin::NotSet,
    }
}

fn values(argument: &Arg, matches: &ArgMatches) -> Vec<String> {
    let id = argument.get_id().as_str();
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        return vec![matches.get_flag(id).to_string()];
    }
    let raw = matches.get_raw(id).into_iter().flatten();
    raw.map(|value| value.to_string_lossy().into_owned()).collect()
}

fn kind(argument: &Arg) -> Kind {
    match argument.get_action() {
        ArgAction::SetTrue => Kind::Flag,
        _ if argument.is_hide_env_values_set() => Kind::Secret,
        ArgAction::Append => Kind::List,
        // Printed as absolute paths, because a path in a configuration file is relative to the file.
        _ if is_path(argument) => Kind::Path,
        _ if is_number(argument) => Kind::Number,
        _ => Kind::Text,
    }
}

/// The text of the configuration file.
pub fn print(options: &[EffectiveOption], file: Option<&OptionsFile>) -> String {
    let mut text = String::new();
    for option in options {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{option}");
    }
    if let Some(file) = file {
        let mut print = |header: &str, command: &Command, options: &BTreeMap<String, FileValue>| {
            let _ = writeln!(text, "\n{header}");
            for (key, value) in options {
                let argument = command.get_arguments().find(|argument| argument.get_long() == Some(key));
                let kind = argument.map_or(Kind::Text, kind);
                let values: Vec<String> =
                    value.texts.iter().map(|text: &OsString| text.to_string_lossy().into_owned()).collect();
                let origin = Origin::File(file.path.clone(), value.at);
                let _ = writeln!(text, "{key} = {}  # {origin}", toml_value(kind, &values));
            }
        };
        for cluster in &file.clusters {
            let header = format!("[clusters.{}]", quoted_key(cluster.name.as_str()));
            print(&header, &table_command::<ClusterKeys>(), &cluster.options);
        }
        // Tokens and secrets are in files of their own, so the tables can be printed.
        for user in &file.access.users {
            print(&user.header, &table_command::<UserKeys>(), &user.options);
        }
        for rule in &file.access.rules {
            print(&rule.header, &table_command::<RuleKeys>(), &rule.options);
        }
        for mask in &file.access.masks {
            print(&mask.header, &table_command::<MaskKeys>(), &mask.options);
        }
        for schemas in &file.schemas {
            print(&schemas.header, &table_command::<SchemaKeys>(), &schemas.options);
        }
        if let Some(sign_in) = &file.access.sign_in {
            print(&sign_in.header, &table_command::<SignInKeys>(), &sign_in.options);
        }
    }
    text
}

impl fmt::Display for EffectiveOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, origin, values, kind } = self;
        match (kind, origin) {
            (Kind::Secret, Origin::NotSet) => write!(f, "# {name}: not set"),
            (Kind::Secret, Origin::Environment(variable)) => write!(f, "# {name}: set by {variable}"),
            (Kind::Secret, _) => write!(f, "# {name}: set by the {origin}"),
            (_, Origin::NotSet) => write!(f, "# {name}: not set"),
            _ => write!(f, "{name} = {}  # {origin}", toml_value(*kind, values)),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet => f.write_str("not set"),
            Self::Default => f.write_str("default"),
            // A comment must stay on its line, whatever the file's name contains.
            Self::File(file, at) => write!(f, "{}, line {}", file.display().to_string().escape_debug(), at.line),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

fn toml_value(kind: Kind, values: &[String]) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let first = values.first().map_or("", String::as_str);
    match kind {
        Kind::Flag | Kind::Number => first.to_owned(),
        Kind::Path => {
            let path = std::path::absolute(Path::new(first)).unwrap_or_else(|_| first.into());
            text(&path.to_string_lossy())
        }
        Kind::List => {
            let texts: Vec<String> = values.iter().map(|value| text(value)).collect();
            format!("[{}]", texts.join(", "))
        }
        Kind::Text | Kind::Secret => text(first),
    }
}

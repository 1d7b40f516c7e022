//! `--config FILE` (`ponte.toml`): a file with options by their long names. The command line and the environment take
//! precedence.
//!
//! Each value becomes the default of its option, so it is parsed and validated as if it had been typed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::{ArgAction, Command};
use formats::Spot;
use toml::{Spanned, Value};

/// Options whose values are paths. Relative paths are relative to the file's own folder.
const PATHS: [&str; 4] = ["kafka-config", "token-file", "tls-cert", "tls-key"];

/// Options that the file may not contain, and what to do instead.
const NOT_IN_FILE: [(&str, &str); 4] = [
    ("config", "a configuration file cannot include another one"),
    ("help", "use it on the command line"),
    ("version", "use it on the command line"),
    ("token", "keep the token in its own file and set token-file"),
];

/// Commands that administer Kafka, and the options of the file that apply to them.
const ADMINISTRATION: [&str; 2] = ["topics", "groups"];
const CONNECTION: [&str; 3] = ["bootstrap-servers", "kafka-config", "no-auto-create"];

/// Why the file is invalid.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", file.display())]
    NotToml { file: PathBuf, reason: String },
    #[error("{}, {at}: unknown option {key:?}; known options: {known}", file.display())]
    Unknown { file: PathBuf, at: Spot, key: String, known: String },
    #[error("{}, {at}: {key} is not allowed here: {instead}", file.display())]
    NotInFile { file: PathBuf, at: Spot, key: String, instead: &'static str },
    #[error("{}, {at}: {key} must be {expected}", file.display())]
    WrongType { file: PathBuf, at: Spot, key: String, expected: &'static str },
}

/// The command line's definition with the file's values as defaults. The file may have the options of `serve`; other
/// commands use those that they share with it.
pub fn with_defaults(command: Command, file: &Path) -> Result<Command, FileError> {
    let text =
        std::fs::read_to_string(file).map_err(|source| FileError::Unreadable { file: file.to_owned(), source })?;
    let options: BTreeMap<Spanned<String>, Spanned<Value>> = toml::from_str(&text).map_err(|error| {
        FileError::NotToml { file: file.to_owned(), reason: error.to_string().trim_end().to_owned() }
    })?;
    let mut command = command;
    for (key, value) in options {
        let at = Spot::of(&text, key.span().start);
        let defaults = defaults(&command, file, at, key.get_ref(), value.into_inner())?;
        command = with_default(command, key.get_ref(), &defaults);
    }
    Ok(command)
}

/// The option's values, as they would be typed.
fn defaults(command: &Command, file: &Path, at: Spot, key: &str, value: Value) -> Result<Vec<OsString>, FileError> {
    let (file, key) = (file.to_owned(), key.to_owned());
    if let Some((_, instead)) = NOT_IN_FILE.iter().find(|(known, _)| *known == key) {
        return Err(FileError::NotInFile { file, at, key, instead });
    }
    let Some(argument) = command.get_arguments().find(|argument| argument.get_long() == Some(&key)) else {
        return Err(FileError::Unknown { file, at, key, known: known(command) });
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let text = |text: String| match PATHS.contains(&key.as_str()) {
        true => folder.join(text).into_os_string(),
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
        Value::Boolean(on) if is_flag => Some(vec![OsString::from(on.to_string())]),
        Value::String(value) if !is_flag => Some(vec![text(value)]),
        Value::Integer(value) if !is_flag => Some(vec![OsString::from(value.to_string())]),
        Value::Array(values) if takes_several => values
            .into_iter()
            .map(|value| match value {
                Value::String(value) => Some(text(value)),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    texts.ok_or(FileError::WrongType { file, at, key, expected })
}

fn known(command: &Command) -> String {
    let names = command.get_arguments().filter_map(|argument| argument.get_long());
    let mut names: Vec<&str> = names.filter(|name| NOT_IN_FILE.iter().all(|(refused, _)| refused != name)).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Sets the default of the option wherever it exists: for `serve` without a command, and for each command. The commands of `topics` and `groups`
/// take only the connection from the file: `topics delete` must not find the topic to delete there.
fn with_default(command: Command, key: &str, defaults: &[OsString]) -> Command {
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
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::config::CommandLine;

    /// Parses the command line with a configuration file of this text.
    fn parsed(text: &str, arguments: &[&str]) -> Result<CommandLine, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ponte.toml");
        std::fs::write(&file, text).expect("a file");
        let command = with_defaults(CommandLine::command(), &file).map_err(|error| error.to_string())?;
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
            ("read-only = \"yes\"\n", &["line 1", "read-only must be true or false"]),
            ("max-sockets = [1]\n", &["max-sockets must be a string or a number"]),
            ("token = \"0123456789abcdef\"\n", &["token is not allowed here", "token-file"]),
            ("topic = \n", &["line 1"]),
            ("topic = \"a b\"\n", &["topic"]),
        ] {
            let error = parsed(text, &["bridge"]).expect_err(text);
            for piece in expected {
                assert!(error.contains(piece), "{text}: {piece} in {error}");
            }
            assert!(!error.contains("0123456789abcdef"), "the error must not show the token: {error}");
        }
    }
}

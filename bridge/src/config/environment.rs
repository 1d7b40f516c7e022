//! The environment variables `PONTE_…`: each belongs to an option. Their values are checked before clap reads them, so
//! that an error names the variable.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{ArgMatches, Command};

use super::{ConfigError, value};

const PREFIX: &str = "PONTE_";

/// Variables that are no options: the filter of the log, and those of builds and tests.
const OTHERS: [&str; 6] =
    ["PONTE_LOG", "PONTE_SKIP_PAGE", "PONTE_BRIDGE_BIN", "PONTE_SKIP_LOG", "PONTE_SEED", "PONTE_LONG"];

/// A variable that looks like one of the bridge, but has no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: no option has this environment variable{}", value::suggestion(nearest.as_deref()))]
pub struct UnknownVariable {
    pub name: String,
    pub nearest: Option<String>,
}

/// Checks the values of the variables that the called command reads.
///
/// # Errors
/// The first variable whose option does not accept the value.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<(), ConfigError> {
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        return check(command, matches);
    }
    for argument in command.get_arguments() {
        let Some(variable) = argument.get_env() else { continue };
        let Some(text) = std::env::var_os(variable) else { continue };
        let texts = match argument.get_value_delimiter() {
            Some(delimiter) => text.to_string_lossy().split(delimiter).map(OsString::from).collect(),
            None => vec![text],
        };
        if let Some((value, reason)) = value::refusal(command, argument, &texts) {
            let variable = variable.to_string_lossy().into_owned();
            let value = if argument.is_hide_env_values_set() { "…".to_owned() } else { value };
            return Err(ConfigError::Variable { variable, value, reason });
        }
    }
    Ok(())
}

/// The variables in the environment that no option of any command has.
pub fn unknown(command: &Command) -> Vec<UnknownVariable> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    unknown_among(command, variables)
}

fn unknown_among(command: &Command, variables: impl Iterator<Item = (String, String)>) -> Vec<UnknownVariable> {
    let mut known = BTreeSet::from(OTHERS.map(str::to_owned));
    collect(command, &mut known);
    let mut unknown: Vec<UnknownVariable> = variables
        .filter(|(name, value)| {
            name.starts_with(PREFIX) && !known.contains(name) && !is_of_kubernetes_service(name, value)
        })
        .map(|(name, _)| {
            let nearest = value::nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
            UnknownVariable { name, nearest }
        })
        .collect();
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    unknown
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(|argument| argument.get_env());
    known.extend(variables.map(|variable| variable.to_string_lossy().into_owned()));
    command.get_subcommands().for_each(|each| collect(each, known));
}

/// Kubernetes adds such variables to every container if a service is called `ponte` or `ponte-…`:
/// `PONTE_SERVICE_HOST`, `PONTE_SERVICE_PORT_HTTP`, `PONTE_PORT=tcp://…`, `PONTE_PORT_3030_TCP_ADDR`.
fn is_of_kubernetes_service(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_of_port = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && is_address)
        || name.split("_PORT_").skip(1).any(is_of_port)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::CommandLine;

    #[test]
    fn unknown_variable_is_found_with_a_suggestion() {
        for (name, value, expected) in [
            ("PONTE_TOPC", "a", Some(Some("PONTE_TOPIC"))),
            ("PONTE_BOOTSTRAP_SERVER", "a:1", Some(Some("PONTE_BOOTSTRAP_SERVERS"))),
            ("PONTE_COMPLETELY_DIFFERENT", "a", Some(None)),
            ("PONTE_TOPIC", "a", None),
            ("PONTE_INTERVAL_MS", "1", None),
            ("PONTE_LOG", "debug", None),
            ("OTHER_TOPC", "a", None),
            ("PONTE_SERVICE_HOST", "10.0.0.1", None),
            ("PONTE_SERVICE_PORT_HTTP", "3030", None),
            ("PONTE_PORT", "tcp://10.0.0.1:3030", None),
            ("PONTE_PORT", "3030", Some(None)),
            ("PONTE_WEB_PORT_3030_TCP_ADDR", "10.0.0.1", None),
        ] {
            let found = unknown_among(&CommandLine::command(), [(name.to_owned(), value.to_owned())].into_iter());
            let nearest = found.first().map(|found| found.nearest.as_deref());
            assert_eq!(nearest, expected, "{name}={value}");
        }
    }
}

//! Checks single values with the parsers of their options, so that the error can name where the value was given.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::num::ParseIntError;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

/// The first of these values that the option does not accept, and why.
pub fn refusal(command: &Command, argument: &Arg, texts: &[OsString]) -> Option<(String, String)> {
    let long = argument.get_long()?;
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        let refused = texts.iter().find(|text| *text != "true" && *text != "false")?;
        return Some((shown(refused), "use true or false".to_owned()));
    }
    // Only this option is parsed: the environment must not add others, whose errors would be reported in its place.
    let command = command
        .clone()
        .no_binary_name(true)
        .args_conflicts_with_subcommands(false)
        .mut_args(|argument| argument.env(Resettable::Reset).required(false));
    texts.iter().find_map(|text| {
        let mut option = OsString::from(format!("--{long}="));
        option.push(text);
        let error = command.clone().try_get_matches_from([option]).err()?;
        Some((shown(text), reason(&error, argument)))
    })
}

/// The value for an error, without the user names and passwords of its URLs.
fn shown(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host = &part[..part.find('/').unwrap_or(part.len())];
        shown.push_str("://");
        match host.rfind('@') {
            Some(at) => {
                shown.push('…');
                shown.push_str(&part[at..]);
            }
            None => shown.push_str(part),
        }
    }
    shown
}

fn reason(error: &clap::Error, argument: &Arg) -> String {
    if is_number(argument) && error.source().is_some_and(|source| source.is::<ParseIntError>()) {
        return "expected a whole number".to_owned();
    }
    if let Some(ContextValue::Strings(allowed)) = error.get(ContextKind::ValidValue)
        && !allowed.is_empty()
    {
        return format!("allowed values: {}", allowed.join(", "));
    }
    error.source().map_or_else(|| "the value is empty or not valid text".to_owned(), ToString::to_string)
}

/// Whether the option's values are paths.
pub fn is_path(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// Whether the option's values are numbers.
pub fn is_number(argument: &Arg) -> bool {
    let numbers =
        [TypeId::of::<usize>(), TypeId::of::<u64>(), TypeId::of::<u32>(), TypeId::of::<u16>(), TypeId::of::<i32>()];
    let parser = argument.get_value_parser().type_id();
    numbers.iter().any(|number| parser == *number)
}

/// The known name that is most similar to this one; `None` if all differ too much for a typing error.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let max_distance = (name.len() / 4).clamp(2, 4);
    let distances = known.into_iter().map(|known| (strsim::levenshtein(name, known), known));
    distances.filter(|(distance, _)| *distance <= max_distance).min().map(|(_, known)| known)
}

pub fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// The name as a key in the file. A name with a dot would be read as several keys.
pub fn quoted_key(name: &str) -> String {
    if name.contains('.') { toml::Value::from(name).to_string() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_value_is_shown_without_credentials() {
        for (text, expected) in [
            ("http://a.example:8081/x@y", "http://a.example:8081/x@y"),
            ("http://anna:geheim@a.example:8081/x", "http://…@a.example:8081/x"),
            ("http://a,https://anna@b:c@d", "http://a,https://…@d"),
            ("a b", "a b"),
        ] {
            assert_eq!(shown(OsStr::new(text)), expected);
        }
    }
}

//! Every language has every key: a missing one would show English words in an Italian page.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, SourceFile};

const DIRECTORY: &str = "frontend/locales/";

/// Finds files by language as leptos_i18n does: `en.json`, or `en/<namespace>.json`.
pub(super) fn check(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let mut languages: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let Some(name) = file.path.strip_prefix(DIRECTORY).and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let (language, namespace) = name.split_once('/').unwrap_or((name, ""));
        let keys = languages.entry(language).or_default();
        match serde_json::from_str(&file.text) {
            Ok(value) => collect_keys(namespace, &value, keys),
            Err(error) => {
                let message = format!("is no JSON: {error}");
                findings.push(Finding { path: file.path.clone(), line: error.line(), message });
            }
        }
    }
    let all: BTreeSet<_> = languages.values().flatten().cloned().collect();
    for (language, keys) in &languages {
        for missing in all.difference(keys) {
            let message = format!("has no `{missing}`, which another language has");
            findings.push(Finding { path: format!("{DIRECTORY}{language}"), line: 0, message });
        }
    }
}

/// Which of these a language needs is its own affair: Italian counts in `one`, `many` and `other`, English without `many`.
const PLURAL_FORMS: [&str; 6] = ["_zero", "_one", "_two", "_few", "_many", "_other"];

fn collect_keys(prefix: &str, value: &Value, keys: &mut BTreeSet<String>) {
    let Value::Object(entries) = value else {
        keys.insert(prefix.to_owned());
        return;
    };
    for (name, inner) in entries {
        let name = PLURAL_FORMS.iter().find_map(|form| name.strip_suffix(form)).unwrap_or(name);
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        collect_keys(&key, inner, keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_one_language_lacks_is_named() {
        let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
        let files = [
            file("frontend/locales/en.json", r#"{"send": "Send", "state": {"open": "open"}}"#),
            file("frontend/locales/it.json", r#"{"send": "Invia", "state": {}}"#),
        ];
        let mut findings = Vec::new();
        check(&files, &mut findings);
        let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(messages, ["frontend/locales/it: has no `state.open`, which another language has"]);
    }
}

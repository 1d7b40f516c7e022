//! Turns `i18n/<language>/<feature>.toml` into `words.rs`: one struct with a field for each key, and one static of it for each
//! language. English is the reference. A key that is missing or unknown, a placeholder that differs, and a plural without
//! `other` stop the build and name their file.
//!
//! The type of a field says what its text needs: `&'static str` nothing; `WithTopic` the value of `{topic}`; `Plural<…>` a
//! number, by which the form is chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Every other language must have the same keys.
const REFERENCE: &str = "en";

/// Unicode's plural categories, as browsers name them.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// A text, or its plural forms by category.
#[derive(Clone)]
enum Words {
    Text(String),
    Plural(BTreeMap<String, String>),
}

/// One language: each key with the file that has it.
type Language = BTreeMap<String, (PathBuf, Words)>;

/// What the code sees of a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    is_plural: bool,
    /// In alphabetical order.
    placeholders: Vec<String>,
}

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistakes) => {
            for mistake in mistakes {
                println!("cargo::error={mistake}");
            }
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), Vec<String>> {
    let directory =
        |variable: &str| env::var_os(variable).map(PathBuf::from).ok_or_else(|| vec![format!("no {variable}")]);
    let i18n = directory("CARGO_MANIFEST_DIR")?.join("i18n");
    println!("cargo::rerun-if-changed={}", i18n.display());
    let mut languages = BTreeMap::new();
    for (code, folder) in children(&i18n)? {
        languages.insert(code, read_language(&folder)?);
    }
    let reference =
        languages.get(REFERENCE).ok_or_else(|| vec![format!("no folder {REFERENCE} in {}", i18n.display())])?;
    let mistakes: Vec<String> =
        languages.iter().flat_map(|(code, language)| differences(code, language, reference)).collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let source = source(reference, &languages);
    let file = directory("OUT_DIR")?.join("words.rs");
    fs::write(&file, source).map_err(|error| vec![format!("{}: {error}", file.display())])
}

/// The entries of a folder by their names without extension.
fn children(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Vec<String>> {
    let failed = |error: std::io::Error| vec![format!("{}: {error}", folder.display())];
    let mut children = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            children.insert(name.to_owned(), path.clone());
        }
    }
    Ok(children)
}

fn read_language(folder: &Path) -> Result<Language, Vec<String>> {
    let mut language = Language::new();
    let mut mistakes = Vec::new();
    for file in children(folder)?.into_values() {
        let text = fs::read_to_string(&file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
        let table: toml::Table = text.parse().map_err(|error| vec![format!("{}: {error}", file.display())])?;
        for (key, value) in table {
            let words = match words_of(&key, value) {
                Ok(words) => words,
                Err(mistake) => {
                    mistakes.push(format!("{}: {mistake}", file.display()));
                    continue;
                }
            };
            if let Some((first, _)) = language.insert(key.clone(), (file.clone(), words)) {
                mistakes.push(format!("{}: {key} stands in {} already", file.display(), first.display()));
            }
        }
    }
    if mistakes.is_empty() { Ok(language) } else { Err(mistakes) }
}

fn words_of(key: &str, value: toml::Value) -> Result<Words, String> {
    match value {
        toml::Value::String(text) if text.is_empty() => Err(format!("{key} is empty")),
        toml::Value::String(text) => Ok(Words::Text(text)),
        toml::Value::Table(forms) => {
            let mut plural = BTreeMap::new();
            for (category, form) in forms {
                match form {
                    toml::Value::String(form) if CATEGORIES.contains(&category.as_str()) => {
                        plural.insert(category, form)
                    }
                    _ => return Err(format!("{key}.{category} must be one of {CATEGORIES:?}, with a text")),
                };
            }
            if plural.contains_key("other") {
                Ok(Words::Plural(plural))
            } else {
                Err(format!("{key} has no form `other`"))
            }
        }
        _ => Err(format!("{key} must be a text, or a table of plural forms")),
    }
}

impl Words {
    fn shape(&self) -> Shape {
        let (is_plural, texts): (bool, Vec<&String>) = match self {
            Self::Text(text) => (false, vec![text]),
            Self::Plural(forms) => (true, forms.values().collect()),
        };
        let placeholders: BTreeSet<String> = texts.into_iter().flat_map(|text| placeholders(text)).collect();
        Shape { is_plural, placeholders: placeholders.into_iter().collect() }
    }
}

/// The names between braces; any other brace is a brace (`{"id": 0}`).
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).filter(is_name).map(str::to_owned)
}

/// What keeps a language from having the shape of the reference.
fn differences(code: &str, language: &Language, reference: &Language) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (key, (file, words)) in reference {
        match language.get(key) {
            None => mistakes.push(format!("i18n/{code}: {key} of {} is missing", file.display())),
            Some((own, translated)) if translated.shape() != words.shape() => {
                mistakes.push(format!(
                    "{}: {key} has not the placeholders, or plural, of {}",
                    own.display(),
                    file.display()
                ));
            }
            Some(_) => {}
        }
    }
    for (key, (file, _)) in language.iter().filter(|(key, _)| !reference.contains_key(*key)) {
        mistakes.push(format!("{}: {key} is unknown: {REFERENCE} does not have it", file.display()));
    }
    mistakes
}

fn source(reference: &Language, languages: &BTreeMap<String, Language>) -> String {
    let mut out = String::from("// Generated by build.rs.\n\n");
    let shapes: BTreeSet<Vec<String>> =
        reference.values().map(|(_, words)| words.shape().placeholders).filter(|names| !names.is_empty()).collect();
    for names in &shapes {
        text_type(names, &mut out);
    }
    out.push_str("/// The words of one language.\npub struct Words {\n    /// Its code, such as `en`.\n    pub code: &'static str,\n");
    for (key, (_, words)) in reference {
        let _ = writeln!(out, "    pub r#{key}: {},", type_of(&words.shape()));
    }
    out.push_str("}\n\n");
    let mut names = Vec::new();
    for (code, language) in languages {
        let name = code.to_uppercase().replace('-', "_");
        let _ = writeln!(out, "static {name}: Words = Words {{\n    code: {code:?},");
        for (key, (_, words)) in language {
            let _ = writeln!(out, "    r#{key}: {},", value_of(words, &reference[key].1.shape(), code));
        }
        out.push_str("};\n\n");
        names.push(format!("&{name}"));
    }
    let _ = writeln!(out, "/// Every language; the first one is used where none fits.");
    let _ = writeln!(out, "pub static LANGUAGES: [&Words; {}] = [{}];", names.len(), names.join(", "));
    out
}

/// A type for the texts that have these placeholders.
fn text_type(names: &[String], out: &mut String) {
    let type_name = text_type_name(names);
    let method = names.join("_");
    let parameters: Vec<String> = names.iter().map(|name| format!("r#{name}: &str")).collect();
    let values: Vec<String> = names.iter().map(|name| format!("({name:?}, r#{name})")).collect();
    let _ = writeln!(
        out,
        "/// A text with {}.\n#[derive(Clone, Copy)]\npub struct {type_name}(&'static str);\n\n\
         impl {type_name} {{\n    pub fn with_{method}(self, {}) -> String {{\n        fill(self.0, &[{}])\n    }}\n}}\n",
        names.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(", "),
        parameters.join(", "),
        values.join(", "),
    );
}

fn text_type_name(names: &[String]) -> String {
    let camel = |name: &String| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    format!("With{}", names.iter().map(camel).collect::<String>())
}

fn type_of(shape: &Shape) -> String {
    let text =
        if shape.placeholders.is_empty() { "&'static str".to_owned() } else { text_type_name(&shape.placeholders) };
    if shape.is_plural { format!("Plural<{text}>") } else { text }
}

fn value_of(words: &Words, shape: &Shape, code: &str) -> String {
    let text = |text: &str| match shape.placeholders.is_empty() {
        true => format!("{text:?}"),
        false => format!("{}({text:?})", text_type_name(&shape.placeholders)),
    };
    match words {
        Words::Text(words) => text(words),
        Words::Plural(forms) => {
            let form = |category: &&str| match forms.get(*category) {
                Some(form) if *category == "other" => format!("{category}: {}", text(form)),
                Some(form) => format!("{category}: Some({})", text(form)),
                None => format!("{category}: None"),
            };
            let forms: Vec<String> = CATEGORIES.iter().map(form).collect();
            format!("Plural {{ code: {code:?}, {} }}", forms.join(", "))
        }
    }
}

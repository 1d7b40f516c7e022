//! Generates `words.rs` from the files `i18n/<language>/<feature>.toml`: a struct with a field for each key, and a static of it
//! for each language, of which all but the reference are in files of their own. English is the reference. A missing or unknown
//! key, different placeholders, or a plural without `other` fail the build with the name of the file.
//!
//! The type of a field depends on its text: `&'static str` for a text without placeholders, `WithTopic` for a text with
//! `{topic}`, `Plural<…>` for a text with plural forms.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The language whose keys every other language must have.
const REFERENCE: &str = "en";

/// Unicode's plural categories.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// A text, or its plural forms by category.
#[derive(Clone)]
enum Words {
    Text(String),
    Plural(BTreeMap<String, String>),
}

/// One language: for each key its file and its text.
type Language = BTreeMap<String, (PathBuf, Words)>;

/// The properties of a text that determine the type of its field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    is_plural: bool,
    /// In alphabetical order.
    placeholders: Vec<String>,
}

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(errors) => {
            for error in errors {
                println!("cargo::error={error}");
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
    let errors: Vec<String> =
        languages.iter().flat_map(|(code, language)| differences(code, language, reference)).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let source = source(reference, &languages);
    let file = directory("OUT_DIR")?.join("words.rs");
    fs::write(&file, source).map_err(|error| vec![format!("{}: {error}", file.display())])
}

/// The entries of a folder by their names without the extension.
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
    let mut errors = Vec::new();
    for file in children(folder)?.into_values() {
        let text = fs::read_to_string(&file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
        let table: toml::Table = text.parse().map_err(|error| vec![format!("{}: {error}", file.display())])?;
        for (key, value) in table {
            let words = match words_of(&key, value) {
                Ok(words) => words,
                Err(error) => {
                    errors.push(format!("{}: {error}", file.display()));
                    continue;
                }
            };
            if let Some((first, _)) = language.insert(key.clone(), (file.clone(), words)) {
                errors.push(format!("{}: {key} is also defined in {}", file.display(), first.display()));
            }
        }
    }
    if errors.is_empty() { Ok(language) } else { Err(errors) }
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

/// The placeholders: lower-case names between braces. Other braces, as in `{"id": 0}`, are part of the text.
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).filter(is_name).map(str::to_owned)
}

/// Errors for keys, placeholders and plurals of a language that differ from the reference.
fn differences(code: &str, language: &Language, reference: &Language) -> Vec<String> {
    let mut errors = Vec::new();
    for (key, (file, words)) in reference {
        match language.get(key) {
            None => errors.push(format!("i18n/{code}: {key} of {} is missing", file.display())),
            Some((own, translated)) if translated.shape() != words.shape() => {
                errors.push(format!(
                    "{}: {key} must have the same placeholders and plural forms as in {}",
                    own.display(),
                    file.display()
                ));
            }
            Some(_) => {}
        }
    }
    for (key, (file, _)) in language.iter().filter(|(key, _)| !reference.contains_key(*key)) {
        errors.push(format!("{}: unknown key {key}: {REFERENCE} does not have it", file.display()));
    }
    errors
}

fn source(reference: &Language, languages: &BTreeMap<String, Language>) -> String {
    let mut out = String::from("// Generated by build.rs.\n\n");
    let shapes: BTreeSet<Vec<String>> =
        reference.values().map(|(_, words)| words.shape().placeholders).filter(|names| !names.is_empty()).collect();
    for names in &shapes {
        text_type(names, &mut out);
    }
    out.push_str("/// The texts of one language.\npub struct Words {\n    /// The language's code, such as `en`.\n    pub code: &'static str,\n");
    for (key, (_, words)) in reference {
        let _ = writeln!(out, "    pub r#{key}: {},", type_of(&words.shape()));
    }
    out.push_str("}\n\n");
    let mut names = String::new();
    let mut loaded = String::new();
    for (code, language) in languages {
        let name = code.replace('-', "_");
        let texts = name.to_uppercase();
        let _ = writeln!(out, "static {texts}: Words = Words {{\n    code: {code:?},");
        for (key, (_, words)) in language {
            let _ = writeln!(out, "    r#{key}: {},", value_of(words, &reference[key].1.shape(), code));
        }
        out.push_str("};\n\n");
        let _ = writeln!(
            names,
            "    LanguageName {{ code: {texts}.code, short_name: {texts}.short_name, switch_to_this: {texts}.switch_to_this }},"
        );
        match code == REFERENCE {
            true => {
                let _ = writeln!(
                    out,
                    "/// The texts that are in the page's main file.\npub static REFERENCE: &Words = &{texts};\n"
                );
            }
            false => {
                split_function(&name, &texts, &mut out);
                let _ = writeln!(loaded, "        {code:?} => {name}().await.ok(),");
            }
        }
    }
    let count = languages.len();
    let _ = writeln!(out, "pub static LANGUAGES: [LanguageName; {count}] = [\n{names}];\n");
    let _ = writeln!(
        out,
        "/// The texts of a language; `None` if they cannot be loaded, or if there is no such language.\n\
         async fn texts_of(code: &str) -> Option<Language> {{\n    match code {{\n{loaded}        _ => of(code),\n    }}\n}}"
    );
    out
}

/// Generates a function that returns the texts of a language from a file of its own.
fn split_function(name: &str, texts: &str, out: &mut String) {
    let is_split = "all(target_arch = \"wasm32\", feature = \"split\")";
    let _ = writeln!(
        out,
        "#[cfg({is_split})]\n\
         #[leptos::wasm_split::wasm_split(texts_{name}, wasm_split_path = ::leptos::wasm_split, fallible)]\n\
         fn {name}() -> Result<Language, leptos::wasm_split::SplitLoaderError> {{\n    Ok(&{texts})\n}}\n\n\
         #[cfg(not({is_split}))]\n\
         fn {name}() -> std::future::Ready<Result<Language, std::convert::Infallible>> {{\n    std::future::ready(Ok(&{texts}))\n}}\n"
    );
}

/// Generates the type of texts with these placeholders.
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

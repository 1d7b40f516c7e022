//! Checks documents and manifests: ARCHITECTURE.md mentions every crate and only existing files, SECURITY.md only
//! existing tests, and manifests keep the layers and matching versions.

use super::{Finding, SourceFile};
use crate::programs::workspace_root;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const SECURITY: &str = "SECURITY.md";

/// Dependencies that only some of the product's crates may have.
struct DependencyRule {
    dependencies: &'static [&'static str],
    packages: &'static [&'static str],
    why: &'static str,
}

const DEPENDENCY_RULES: &[DependencyRule] = &[
    DependencyRule {
        dependencies: &["rdkafka", "rdkafka-sys"],
        packages: &["crates/kafka"],
        why: "only crates/kafka may use librdkafka",
    },
    DependencyRule {
        dependencies: &["warp", "tokio-tungstenite"],
        packages: &["crates/server"],
        why: "only crates/server may use sockets",
    },
    DependencyRule {
        dependencies: &["server"],
        packages: &["bridge"],
        why: "the Kafka side does not use sockets, and the page shares only protocol and formats with the bridge",
    },
    DependencyRule {
        dependencies: &["feed", "kafka"],
        packages: &["bridge", "crates/kafka", "crates/server"],
        why: "the page shares only protocol and formats with the bridge, and feed does not use Kafka's client library",
    },
    DependencyRule {
        dependencies: &["page_model", "web-sys", "js-sys", "wasm-bindgen", "wasm-bindgen-futures"],
        packages: &["frontend"],
        why: "only the page runs in a browser, and its model is plain Rust so that its tests run natively",
    },
    DependencyRule { dependencies: &["bridge", "frontend"], packages: &[], why: "they are programs" },
];

pub(super) fn check(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let members: Vec<_> = files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml")).collect();
    match files.iter().find(|file| file.path == ARCHITECTURE) {
        Some(architecture) => check_architecture(architecture, files, &members, findings),
        None => findings.push(Finding { path: ARCHITECTURE.into(), line: 0, message: "the file is missing".into() }),
    }
    match files.iter().find(|file| file.path == SECURITY) {
        Some(security) => check_security(security, files, findings),
        None => findings.push(Finding { path: SECURITY.into(), line: 0, message: "the file is missing".into() }),
    }
    check_dependencies(files, findings);
    check_wasm_bindgen(files, findings);
}

/// SECURITY.md names a test for each guarantee as `module::test`; each of these tests must exist.
fn check_security(file: &SourceFile, files: &[SourceFile], findings: &mut Vec<Finding>) {
    for (number, line) in (1..).zip(file.text.lines()) {
        for (module, test) in quoted_tests(line) {
            let of_module = || files.iter().filter(|source| source.path.ends_with(&format!("/{module}.rs")));
            let message = if of_module().any(|source| runs_test(&source.text, test)) {
                continue;
            } else if of_module().any(|source| source.text.contains(&format!("fn {test}("))) {
                format!("{test} in {module}.rs is not a test; name the #[test] that calls it")
            } else {
                format!("no file {module}.rs declares the test {test}")
            };
            findings.push(Finding { path: file.path.clone(), line: number, message });
        }
    }
}

/// Whether the source declares a test with this name: a function with a test attribute, or one in the macro
/// `on_every_kafka!`.
fn runs_test(source: &str, test: &str) -> bool {
    const ON_EVERY_KAFKA: &str = "on_every_kafka! {";
    let declaration = format!("fn {test}(");
    let (mut has_attribute, mut is_in_macro) = (false, false);
    for line in source.lines() {
        is_in_macro = line == ON_EVERY_KAFKA || (is_in_macro && line != "}");
        // Excludes functions inside the functions of the macro.
        let is_outermost = line.trim_start().len() + 4 == line.len();
        let line = line.trim();
        if line.contains(&declaration) && (has_attribute || (is_in_macro && is_outermost)) {
            return true;
        }
        let is_beside_attribute = line.starts_with("#[") || line.starts_with("//");
        has_attribute = is_test_attribute(line) || (has_attribute && is_beside_attribute);
    }
    false
}

fn is_test_attribute(line: &str) -> bool {
    let runner = line.strip_prefix("#[").and_then(|line| line.split([']', '(']).next());
    matches!(runner, Some("test" | "tokio::test"))
}

/// The texts in backticks that have the form `module::test`.
fn quoted_tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(move |(module, test)| is_name(module) && is_name(test))
}

fn check_architecture(file: &SourceFile, files: &[SourceFile], members: &[&str], findings: &mut Vec<Finding>) {
    for member in members {
        if !file.text.contains(&format!("{member}/")) {
            let message = format!("does not mention the crate {member}/");
            findings.push(Finding { path: file.path.clone(), line: 0, message });
        }
    }
    // The top-level modules of the product must be in the code map.
    let modules = files.iter().filter_map(|module| {
        let (package, name) = module.path.strip_suffix(".rs")?.split_once("/src/")?;
        let is_top_level = !name.contains('/') && !["main", "lib"].contains(&name);
        // The page's model is described as a whole, because its files are named after parts of the page.
        let is_described = is_product(package) && package != "crates/page_model";
        (is_described && is_top_level).then_some((&module.path, name))
    });
    for (path, name) in modules {
        if !mentions(&file.text, name) {
            findings.push(Finding { path: file.path.clone(), line: 0, message: format!("does not mention {path}") });
        }
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        for path in quoted_paths(line, members) {
            if !workspace_root().join(path).exists() {
                let message = format!("`{path}` does not exist");
                findings.push(Finding { path: file.path.clone(), line: number, message });
            }
        }
    }
}

/// Whether the text contains `name` as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

/// The paths in backticks that begin with the directory of a member, or with the directory that contains it.
fn quoted_paths<'a>(line: &'a str, members: &[&str]) -> impl Iterator<Item = &'a str> {
    let is_path = |quoted: &&str| {
        let begins_at_member = members.iter().any(|member| top_level(member) == top_level(quoted));
        quoted.contains('/') && begins_at_member && !quoted.contains(['*', ' ', '…', '{'])
    };
    line.split('`').skip(1).step_by(2).filter(is_path).collect::<Vec<_>>().into_iter()
}

fn top_level(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Whether the package is part of the bridge or the page, not of tests or tools.
fn is_product(package: &str) -> bool {
    package.starts_with("crates/") || ["bridge", "frontend"].contains(&package)
}

/// Checks [`DEPENDENCY_RULES`] in the manifests of the product's crates; the compiler then enforces them in the
/// sources.
fn check_dependencies(files: &[SourceFile], findings: &mut Vec<Finding>) {
    for file in files {
        let Some(package) = file.path.strip_suffix("/Cargo.toml").filter(|package| is_product(package)) else {
            continue;
        };
        for (number, line) in (1..).zip(file.text.lines()) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let rule = DEPENDENCY_RULES.iter().find(|rule| rule.dependencies.contains(&name));
            if let Some(rule) = rule.filter(|rule| !rule.packages.contains(&package)) {
                let message = format!("{package} must not depend on {name}: {}", rule.why);
                findings.push(Finding { path: file.path.clone(), line: number, message });
            }
        }
    }
}

/// The two crates of wasm-bindgen must have the same version, because their private format changes with each version.
fn check_wasm_bindgen(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let pinned = |path: &str, name: &str| -> Option<&str> {
        let manifest = files.iter().find(|file| file.path == path)?;
        let line = manifest.text.lines().find(|line| line.split('=').next().map(str::trim) == Some(name))?;
        line.split('"').find(|part| part.starts_with('='))
    };
    let page = pinned("frontend/Cargo.toml", "wasm-bindgen");
    let builder = pinned("tools/page_builder/Cargo.toml", "wasm-bindgen-cli-support");
    if page.is_none() || page != builder {
        findings.push(Finding {
            path: "tools/page_builder/Cargo.toml".into(),
            line: 0,
            message: format!(
                "wasm-bindgen-cli-support ({}) and frontend's wasm-bindgen ({}) must be pinned to the same version",
                builder.unwrap_or("not pinned"),
                page.unwrap_or("not pinned")
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn dependency_against_the_layers_is_found() {
        let manifest =
            "[package]\nname = \"server\"\n\n[dependencies]\nkafka.workspace = true\nrdkafka = { version = \"1\" }\n";
        let files = [file("crates/server/Cargo.toml", manifest), file("tests/Cargo.toml", manifest)];
        let mut findings = Vec::new();
        check_dependencies(&files, &mut findings);
        let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
        let expected = "crates/server/Cargo.toml:6: crates/server must not depend on rdkafka: only crates/kafka may use librdkafka";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn guarantee_without_a_test_is_found() {
        let files = [file(
            "tests/tests/e2e/token.rs",
            "#[tokio::test]\nasync fn a_wrong_token_is_refused() {\n    it_is_refused().await;\n}\n\nasync fn it_is_refused() {}\n",
        )];
        let security = file(
            SECURITY,
            "| a | `token::a_wrong_token_is_refused` |\n| b | `token::is_gone` `--token` |\n| c | `token::it_is_refused` |",
        );
        let mut findings = Vec::new();
        check_security(&security, &files, &mut findings);
        let found: Vec<_> = findings.iter().map(|finding| (finding.line, finding.message.as_str())).collect();
        assert_eq!(
            found,
            [
                (2, "no file token.rs declares the test is_gone"),
                (3, "it_is_refused in token.rs is not a test; name the #[test] that calls it")
            ]
        );
    }

    #[test]
    fn tests_are_functions_with_a_test_attribute_or_in_the_macro_on_every_kafka() {
        let source = "\
#[test]
// Why.
#[cfg(unix)]
fn plain() {}
#[tokio::test(flavor = \"multi_thread\")]
async fn with_threads() {}
#[test_case]
fn of_another_runner() {}
fn helper() {}
on_every_kafka! {
    real
    async fn on_each(kafka: Kafka) {
        fn within() {}
    }
}
    fn behind() {}
mod tests {
    #[test]
    fn of_a_unit() {}
}
";
        let names =
            ["plain", "with_threads", "of_another_runner", "helper", "on_each", "within", "behind", "of_a_unit"];
        let tests: Vec<_> = names.into_iter().filter(|name| runs_test(source, name)).collect();
        assert_eq!(tests, ["plain", "with_threads", "on_each", "of_a_unit"]);
    }
}

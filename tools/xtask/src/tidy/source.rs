//! Checks single files: forbidden names (ARCHITECTURE.md), the length of files, `unsafe` code, and paths of the
//! developer's machine.

use super::{Finding, SourceFile};

/// A longer file usually has more than one subject.
const MAX_LINES: usize = 600;

/// The files with `unsafe` code: calls of librdkafka's C API, each behind a safe function.
const UNSAFE_FILES: &[&str] = &["crates/kafka/src/native.rs", "crates/kafka/src/native/", "tools/bench/src/native.rs"];

/// Paths of one machine. Split, so that this file does not violate its own rule.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/bash", "_jobs")];

/// Functions of serde_json that read a struct also from an array. Split, so that this file does not violate its own rule.
const LENIENT_JSON: &[&str] = &[
    concat!("from_", "str"),
    concat!("from_", "slice"),
    concat!("from_", "value"),
    concat!("from_", "reader"),
    "Deserializer",
];

/// The files that may use them: the strict reader itself, and those that read only strings or raw JSON from a longer text.
const LENIENT_JSON_FILES: &[&str] = &[
    "crates/protocol/src/from_json.rs",
    "crates/access/src/mask/",
    "crates/formats/src/batch_guess.rs",
    "crates/formats/src/batch_reader",
    // Reads maps itself, and no structs.
    "crates/serdes/src/protobuf/encode.rs",
];

/// Names that only some files may use.
struct NameRule {
    names: &'static [&'static str],
    /// The rule applies to files below this directory.
    within: &'static str,
    /// Files with these path prefixes are exempt.
    except: &'static [&'static str],
    why: &'static str,
}

/// Only rules within a crate; dependencies between crates are checked in the manifests.
const NAME_RULES: &[NameRule] = &[
    NameRule {
        names: &["crate::platform::socket"],
        within: "frontend/src/",
        except: &["frontend/src/context/store.rs"],
        why: "components get signals and callbacks, and do not use the socket",
    },
    NameRule {
        names: &["crate::app"],
        within: "frontend/src/",
        except: &["frontend/src/app/", "frontend/src/app.rs"],
        why: "the frame depends on the features, and not the other way round",
    },
    NameRule {
        names: &["crate::live", "crate::send", "crate::topics", "crate::groups", "crate::cluster"],
        within: "frontend/src/",
        except: &[
            "frontend/src/app/",
            "frontend/src/live/",
            "frontend/src/messages/",
            "frontend/src/send/",
            "frontend/src/topics/",
            "frontend/src/groups/",
            "frontend/src/cluster/",
        ],
        why: "widgets, context and platform know no feature",
    },
    NameRule {
        names: &["crate::live"],
        within: "frontend/src/send/",
        except: &[],
        why: "the live view uses the send form, and not the other way round",
    },
    NameRule {
        names: &["crate::ui"],
        within: "frontend/src/context/",
        except: &[],
        why: "widgets use the context, and not the other way round",
    },
    NameRule {
        names: &["crate::context", "crate::ui"],
        within: "frontend/src/platform/",
        except: &[],
        why: "the browser's interfaces know nothing of the page",
    },
];

pub(super) fn check(file: &SourceFile, findings: &mut Vec<Finding>) {
    let mut report = |line: usize, message: String| {
        findings.push(Finding { path: file.path.clone(), line, message });
    };
    for (number, line) in (1..).zip(file.text.lines()) {
        for path in MACHINE_PATHS.iter().filter(|path| line.contains(**path)) {
            report(number, format!("{path} is a path of one machine; use a relative path"));
        }
    }
    if !file.path.ends_with(".rs") {
        return;
    }

    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        report(0, format!("{lines} lines, more than {MAX_LINES}; split the file by subject"));
    }
    let rules: Vec<_> = NAME_RULES.iter().filter(|rule| rule.applies_to(&file.path)).collect();
    let may_be_unsafe = UNSAFE_FILES.iter().any(|allowed| file.path.starts_with(allowed));
    let must_be_strict = reads_json_of_others(&file.path);
    let mut is_test = false;
    for (number, line) in (1..).zip(file.text.lines()) {
        let code = without_comment(line);
        is_test |= line.starts_with("#[cfg(test)]");
        if must_be_strict && !is_test && uses_lenient_json(code) {
            report(number, "serde_json reads a struct also from an array; use protocol::from_json".to_owned());
        }
        if !may_be_unsafe && is_unsafe_code(code) {
            report(number, format!("unsafe code is allowed only in {}", UNSAFE_FILES.join(", ")));
        }
        for rule in &rules {
            for name in rule.names.iter().filter(|name| names_path(code, name)) {
                report(number, format!("`{name}` is not allowed here: {}", rule.why));
            }
        }
    }
}

impl NameRule {
    fn applies_to(&self, path: &str) -> bool {
        path.starts_with(self.within) && !self.except.iter().any(|exempt| path.starts_with(exempt))
    }
}

/// Whether the file is part of the bridge or the page, and not a test.
fn reads_json_of_others(path: &str) -> bool {
    let is_product = ["crates/", "bridge/src/", "frontend/src/"].iter().any(|folder| path.starts_with(folder));
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    is_product && !is_test && !LENIENT_JSON_FILES.iter().any(|allowed| path.starts_with(allowed))
}

fn uses_lenient_json(code: &str) -> bool {
    let after = code.split_once("serde_json::").map_or("", |(_, after)| after);
    after.split(|character| !is_word(character)).any(|word| LENIENT_JSON.contains(&word))
}

/// A `//` inside a string also cuts the line, which only hides code from these checks.
fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |comment| &line[..comment])
}

fn is_unsafe_code(code: &str) -> bool {
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait", "unsafe("]
        .iter()
        .any(|form| code.find(form).is_some_and(|at| !code[..at].ends_with(is_word) && !code[..at].ends_with('"')))
}

/// Whether the line names a path that begins with `name`: `name::…`, or `use name…`.
fn names_path(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = &code[..at];
        let after = &code[at + name.len()..];
        let begins = !before.ends_with(is_word) && (!before.ends_with("::") || before.trim_start() == "::");
        let is_import = before.trim_start().trim_start_matches("pub ").trim_start() == "use ";
        begins && (after.starts_with("::") || (is_import && !after.starts_with(is_word)))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&SourceFile { path: path.into(), text: text.into() }, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn forbidden_name_is_found() {
        let text = "// crate::platform::socket:: in a comment\nuse crate::platform::socket::Socket;\n";
        assert_eq!(messages("frontend/src/context/store.rs", text), [""; 0]);
        assert_eq!(
            messages("frontend/src/ui/menu.rs", text),
            [
                "frontend/src/ui/menu.rs:2: `crate::platform::socket` is not allowed here: components get signals and callbacks, and do \
                 not use the socket"
            ]
        );
    }

    #[test]
    fn longer_name_is_not_forbidden() {
        assert_eq!(
            messages(
                "frontend/src/ui/menu.rs",
                "use crate::platform::sockets::x;\nlet y = my_crate::platform::socket::z();\n"
            ),
            [""; 0]
        );
    }

    #[test]
    fn unsafe_code_is_found_where_it_is_not_allowed() {
        // Split, so that this line does not violate the rule.
        let text = concat!("fn f() { unsa", "fe { g() } }\n#![deny(unsafe_code)]\n");
        assert_eq!(messages("crates/kafka/src/native.rs", text), [""; 0]);
        assert_eq!(messages("crates/protocol/src/lib.rs", text).len(), 1);
    }

    #[test]
    fn lenient_json_is_found_outside_tests() {
        let text = format!(
            "let a: A = serde_json::from_{0}(text)?;\n#[cfg(test)]\nlet b: B = serde_json::from_{0}(text)?;\n",
            "str"
        );
        assert_eq!(
            messages("crates/page_model/src/field.rs", &text),
            ["crates/page_model/src/field.rs:1: serde_json reads a struct also from an array; use protocol::from_json"]
        );
        assert_eq!(
            messages("frontend/src/send/batch_form.rs", &format!("use serde_json::{{from_{}, Value}};", "slice")).len(),
            1
        );
        for path in
            ["crates/protocol/src/from_json.rs", "crates/page_model/src/bridge_messages/tests.rs", "tests/src/http.rs"]
        {
            assert_eq!(messages(path, &text), [""; 0], "{path}");
        }
        assert_eq!(
            messages("bridge/src/log.rs", "let json = serde_json::to_string(&value)?; // serde_json::from_str"),
            [""; 0]
        );
    }

    #[test]
    fn path_of_one_machine_is_found_in_any_file() {
        assert_eq!(messages("README.md", &format!("see {}main\n", MACHINE_PATHS[0])).len(), 1);
    }
}

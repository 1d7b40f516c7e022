//! Documents that must stay true: ARCHITECTURE.md names every crate and only files that exist; manifests agree where they must.

use super::{Finding, SourceFile};
use crate::programs::workspace_root;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

pub(super) fn check(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let members: Vec<_> = files
        .iter()
        .filter_map(|file| file.path.strip_suffix("/Cargo.toml"))
        .filter(|member| !member.contains('/'))
        .collect();
    match files.iter().find(|file| file.path == ARCHITECTURE) {
        Some(architecture) => check_architecture(architecture, files, &members, findings),
        None => findings.push(Finding { path: ARCHITECTURE.into(), line: 0, message: "it is missing".into() }),
    }
    check_wasm_bindgen(files, findings);
}

fn check_architecture(file: &SourceFile, files: &[SourceFile], members: &[&str], findings: &mut Vec<Finding>) {
    for member in members {
        if !file.text.contains(&format!("{member}/")) {
            let message = format!("does not mention the crate {member}/");
            findings.push(Finding { path: file.path.clone(), line: 0, message });
        }
    }
    // Top-level modules of the product: what a newcomer looks for in the map.
    let modules = files.iter().filter_map(|module| {
        let (package, name) = module.path.strip_suffix(".rs")?.split_once("/src/")?;
        let is_top_level = !name.contains('/') && !["main", "lib"].contains(&name);
        (["bridge", "frontend", "protocol"].contains(&package) && is_top_level).then_some((&module.path, name))
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

/// Whether a text has `name` as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

/// What stands in backticks and begins with the directory of a member.
fn quoted_paths<'a>(line: &'a str, members: &[&str]) -> impl Iterator<Item = &'a str> {
    let is_path = |quoted: &&str| {
        let first = quoted.split('/').next().unwrap_or_default();
        quoted.contains('/') && members.contains(&first) && !quoted.contains(['*', ' ', '…', '{'])
    };
    line.split('`').skip(1).step_by(2).filter(is_path).collect::<Vec<_>>().into_iter()
}

/// wasm-bindgen's two halves speak a private format that changes with each version.
fn check_wasm_bindgen(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let pinned = |path: &str, name: &str| -> Option<&str> {
        let manifest = files.iter().find(|file| file.path == path)?;
        let line = manifest.text.lines().find(|line| line.split('=').next().map(str::trim) == Some(name))?;
        line.split('"').find(|part| part.starts_with('='))
    };
    let page = pinned("frontend/Cargo.toml", "wasm-bindgen");
    let builder = pinned("page_builder/Cargo.toml", "wasm-bindgen-cli-support");
    if page.is_none() || page != builder {
        findings.push(Finding {
            path: "page_builder/Cargo.toml".into(),
            line: 0,
            message: format!(
                "wasm-bindgen-cli-support ({}) and frontend's wasm-bindgen ({}) must be pinned to the same version",
                builder.unwrap_or("not pinned"),
                page.unwrap_or("not pinned")
            ),
        });
    }
}

//! `cargo xtask format`: rustfmt for all code, and leptosfmt for the page's `view!` macros, which rustfmt does not format.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use leptosfmt_formatter::{FormatterSettings, format_file_source};

use crate::programs::{cargo, run as run_command, workspace_root};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    /// Changes nothing and fails if a file is not formatted.
    Check,
}

pub(crate) fn run(mode: Mode) -> Result<()> {
    if mode == Mode::Check {
        run_command(&mut cargo(&["fmt", "--all", "--check"]))?;
    }
    let mut files = Vec::new();
    rust_files(&workspace_root().join("frontend").join("src"), &mut files)?;
    let mut unformatted = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let formatted = format_views(&source).with_context(|| format!("cannot format {}", file.display()))?;
        if formatted == source {
            continue;
        }
        match mode {
            Mode::Write => {
                fs::write(&file, formatted).with_context(|| format!("cannot write {}", file.display()))?;
            }
            Mode::Check => unformatted.push(file.display().to_string()),
        }
    }
    if !unformatted.is_empty() {
        bail!("`view!` is not formatted in {}; run `cargo xtask format`", unformatted.join(", "));
    }
    // After leptosfmt, because both format the code around a `view!`, and rustfmt decides.
    if mode == Mode::Write {
        run_command(&mut cargo(&["fmt", "--all"]))?;
    }
    Ok(())
}

/// Formats the `view!` macros of a source file.
///
/// leptosfmt removes comments inside of closures within `view!` (as of version 0.1.33). Such a file is an error.
fn format_views(source: &str) -> Result<String> {
    let settings = FormatterSettings { max_width: 120, ..FormatterSettings::default() };
    let formatted = format_file_source(source, &settings).context("leptosfmt cannot parse the file")?;
    let kept: Vec<&str> = comments(&formatted).collect();
    if let Some(lost) = comments(source).find(|comment| !kept.contains(comment)) {
        bail!("leptosfmt would remove the comment `{lost}`: move the closure that contains it in front of the `view!`");
    }
    Ok(formatted)
}

fn comments(source: &str) -> impl Iterator<Item = &str> {
    source.lines().map(str::trim).filter(|line| line.starts_with("//"))
}

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", directory.display()))?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_formatted_and_other_code_is_kept() {
        let source = "fn a() {\n    let x=1;\n    view! { <p class=\"b\" >{x}</p> }\n}\n";
        let formatted = format_views(source).expect("valid code");
        assert!(formatted.contains("let x=1;"), "{formatted}");
        assert!(formatted.contains("view! { <p class=\"b\">{x}</p> }"), "{formatted}");
        assert_eq!(format_views(&formatted).expect("valid code"), formatted);
    }

    #[test]
    fn file_is_refused_if_a_comment_would_be_lost() {
        let source = "fn a() {\n    view! {\n        <p\n            on:click=move |_| {\n                // Why.\n                \
                      go();\n            }\n        ></p>\n    }\n}\n";
        let error = format_views(source).expect_err("a comment in a closure");
        assert!(error.to_string().contains("// Why."), "{error}");
    }
}

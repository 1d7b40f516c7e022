//! `cargo xtask format`: rustfmt for all code, and leptosfmt for the page's `view!` macros, which rustfmt does not format.

use std::fs;

use anyhow::{Context, Result, bail};
use leptosfmt_formatter::{FormatterSettings, format_file_source};

use crate::programs::{cargo, run as run_command, workspace_root};
use crate::tidy::{SourceFile, repository_files};

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
    let mut unformatted = Vec::new();
    for SourceFile { path, text } in repository_files()? {
        if !(path.starts_with("frontend/src/") && path.ends_with(".rs")) {
            continue;
        }
        let formatted = format_views(&text).with_context(|| format!("cannot format {path}"))?;
        if formatted == text {
            continue;
        }
        match mode {
            Mode::Write => {
                fs::write(workspace_root().join(&path), formatted).with_context(|| format!("cannot write {path}"))?;
            }
            Mode::Check => unformatted.push(path),
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

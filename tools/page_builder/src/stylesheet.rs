//! Joins the stylesheets that the template links into one. The rules keep the order of the links, on which the cascade
//! depends.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Joins the linked stylesheets. `links` are relative to `frontend`, the directory of the template.
///
/// # Errors
/// If a linked file does not exist, two have the same name, or a stylesheet below `frontend` is not linked and would
/// have no effect.
pub(crate) fn join(frontend: &Path, links: &[&str]) -> Result<Vec<u8>> {
    let mut joined = Vec::new();
    let mut names = BTreeSet::new();
    for link in links {
        let path = frontend.join(link);
        // `trunk serve` copies all stylesheets into one directory, where the second file would replace the first.
        if !names.insert(path.file_name().map(std::ffi::OsStr::to_owned)) {
            bail!(
                "index.html links {link} and another stylesheet with the same file name, which trunk does not support"
            );
        }
        let content = fs::read(&path).with_context(|| match path.try_exists() {
            Ok(false) => format!("index.html links the stylesheet {link}, but {} does not exist", path.display()),
            _ => format!("cannot read {}", path.display()),
        })?;
        joined.extend(content);
        joined.push(b'\n');
    }

    for path in stylesheets_below(frontend)? {
        if !links.iter().any(|link| frontend.join(link) == path) {
            bail!(
                "{} is not linked by a <link data-trunk rel=\"css\"> in index.html: link it or delete it",
                path.display()
            );
        }
    }
    Ok(joined)
}

fn stylesheets_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let cannot_list = || format!("cannot list {}", directory.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(cannot_list)? {
        let entry = entry.with_context(cannot_list)?;
        let path = entry.path();
        if entry.file_type().with_context(cannot_list)?.is_dir() {
            found.extend(stylesheets_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "css") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these files, each of which contains its own path.
    fn frontend(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for file in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent directory")).expect("a directory");
            fs::write(path, file).expect("a file");
        }
        directory
    }

    fn refusal(files: &[&str], links: &[&str]) -> String {
        format!("{:#}", join(frontend(files).path(), links).expect_err("an error"))
    }

    #[test]
    fn stylesheets_are_joined_in_the_order_of_the_links() {
        let frontend = frontend(&["index.html", "a.css", "src/live/z.css", "src/live/z.rs"]);
        let joined = join(frontend.path(), &["src/live/z.css", "a.css"]).expect("both exist");
        assert_eq!(String::from_utf8_lossy(&joined), "src/live/z.css\na.css\n");
    }

    #[test]
    fn missing_linked_stylesheet_is_reported_by_name() {
        let error = refusal(&["a.css"], &["a.css", "src/gone.css"]);
        assert!(error.contains("src/gone.css") && error.contains("does not exist"), "{error}");
    }

    #[test]
    fn stylesheet_without_a_link_is_reported_by_name() {
        let error = refusal(&["a.css", "src/live/forgotten.css"], &["a.css"]);
        assert!(error.contains("forgotten.css") && error.contains("link it or delete it"), "{error}");
    }

    #[test]
    fn two_stylesheets_with_one_file_name_are_refused() {
        let error = refusal(&["src/live/list.css", "src/send/list.css"], &["src/live/list.css", "src/send/list.css"]);
        assert!(error.contains("src/send/list.css"), "{error}");
    }
}

//! The golden files of `protocol`: one frame in each file, `<type>.json` or `<type>.<variant>.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The frames of a message, by variant; the main one has the empty name.
pub type Frames = BTreeMap<String, String>;

#[derive(Debug)]
pub struct Golden {
    /// By wire name.
    pub client: BTreeMap<String, Frames>,
    pub server: BTreeMap<String, Frames>,
    /// The lines of the example session.
    pub session: String,
    /// Bytes of binary frames as hexadecimal digits, by name.
    pub binary: BTreeMap<String, String>,
}

impl Golden {
    /// # Errors
    /// If a file cannot be read.
    pub fn read() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/protocol/golden");
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        Ok(Self {
            client: frames(&folder.join("client"))?,
            server: frames(&folder.join("server"))?,
            session: read(&folder.join("session.txt"))?,
            binary: files(&folder.join("binary"))?,
        })
    }
}

fn frames(folder: &Path) -> Result<BTreeMap<String, Frames>> {
    let mut messages: BTreeMap<String, Frames> = BTreeMap::new();
    for (name, text) in files(folder)? {
        let (message, variant) = name.split_once('.').unwrap_or((&name, ""));
        messages.entry(message.to_owned()).or_default().insert(variant.to_owned(), text.trim_end().to_owned());
    }
    Ok(messages)
}

/// The text of each file, by its name without the extension.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let mut texts = BTreeMap::new();
    for path in paths {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().and_then(|name| name.to_str()).context("golden files have plain names")?;
        texts.insert(name.to_owned(), text);
    }
    Ok(texts)
}

//! Writes the generated documents of the protocol: `cargo xtask protocol`.

use std::fs;

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    for (path, text) in protocol_document::documents()? {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

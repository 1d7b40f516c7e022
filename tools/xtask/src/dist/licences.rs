//! THIRD-PARTY-LICENSES.txt: the licence texts of everything that is linked in. Equal texts are written once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::components::Components;

pub(super) fn write(components: &Components, file: &Path) -> Result<()> {
    let mut text = String::from("Ponte contains the following components.\n\n");
    let mut users_of_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for component in &components.0 {
        let name = format!("{} {}", component.name, component.version);
        writeln!(text, "{name}: {}", component.licence)?;
        for path in &component.texts {
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let licence = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned();
            let users = users_of_text.entry(licence).or_default();
            if !users.contains(&name) {
                users.push(name.clone());
            }
        }
    }
    for (licence, users) in users_of_text {
        write!(text, "\n{}\n{}\n\n{licence}\n", "=".repeat(80), users.join(", "))?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

//! The crate documentation of `protocol`, and the tables in it.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use crate::golden::Golden;
use crate::tables;

const CRATE: &str = include_str!("../../../crates/protocol/src/lib.rs");
const BINARY: &str = include_str!("../../../crates/protocol/src/binary.rs");

/// The text with the tables at their places, and the layout of binary frames at the end.
pub(crate) fn with_tables(golden: &Golden) -> Result<String> {
    let mut text = documentation(CRATE);
    for (name, table) in [
        ("requests", tables::requests(golden)?),
        ("limits", tables::limits()),
        ("errors", tables::errors()),
        ("close codes", tables::close_codes()),
    ] {
        let place = format!("<!-- table: {name} -->");
        ensure!(text.matches(&place).count() == 1, "the crate documentation must have one line {place}");
        text = text.replace(&place, table.trim_end());
    }
    write!(text, "\n## Binary frames\n{}", documentation(BINARY))?;
    for (name, hex) in &golden.binary {
        write!(text, "\nExample, a `{name}` frame byte by byte:\n```text\n{}\n```\n", hex.trim_end())?;
    }
    Ok(text)
}

/// The documentation comment at the start of a module.
fn documentation(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

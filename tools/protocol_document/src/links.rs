//! Links in documentation comments: rustdoc resolves [`Name`] by itself, Markdown needs the address of a heading.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::schema::{Direction, Schemas};

/// Headings for names that are neither messages nor types.
const OTHERS: &[(&str, &str, &str)] = &[
    ("binary", "Binary frames", "binary frames"),
    ("ErrorCode", "Errors", "error codes"),
    ("CloseCode", "Close codes", "close codes"),
];

/// The shown text and the heading of each name.
pub(crate) struct Links(BTreeMap<String, (String, String)>);

impl Links {
    pub(crate) fn new(schemas: &Schemas) -> Self {
        let mut links = BTreeMap::new();
        for Direction { messages, definitions } in [&schemas.client, &schemas.server] {
            for name in definitions.keys() {
                links.entry(name.clone()).or_insert_with(|| (format!("`{name}`"), type_heading(name)));
            }
            for (name, of) in messages {
                links.insert((*of).to_owned(), (format!("`{name}`"), message_heading(name)));
            }
        }
        for (name, heading, text) in OTHERS {
            links.insert((*name).to_owned(), ((*text).to_owned(), (*heading).to_owned()));
        }
        Self(links)
    }

    /// The link to a type of the protocol.
    pub(crate) fn to_type(&self, name: &str) -> String {
        self.0
            .get(name)
            .map_or_else(|| format!("`{name}`"), |(text, heading)| format!("[{text}](#{})", anchor(heading)))
    }

    /// Replaces the links of rustdoc, except in code blocks.
    ///
    /// # Errors
    /// If a link leads to nothing in the document.
    pub(crate) fn resolve(&self, text: &str) -> Result<String> {
        let mut resolved = Vec::new();
        let mut is_code = false;
        for line in text.split('\n') {
            is_code ^= line.trim_start().starts_with("```");
            resolved.push(if is_code { line.to_owned() } else { self.resolve_line(line)? });
        }
        Ok(resolved.join("\n"))
    }

    fn resolve_line(&self, line: &str) -> Result<String> {
        let mut resolved = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("[`") {
            let Some((path, after)) = after.split_once("`]") else { break };
            resolved.push_str(before);
            // A link of a table, which is resolved already.
            if after.starts_with("(#") {
                resolved.push_str(&format!("[`{path}`]"));
                rest = after;
                continue;
            }
            // An address behind the text: [`Name`](crate::Name).
            rest = after
                .strip_prefix("(crate::")
                .and_then(|address| address.split_once(')'))
                .map_or(after, |(_, rest)| rest);
            let (of, field) = path.split_once("::").unwrap_or((path, ""));
            let Some((text, heading)) = self.0.get(of) else {
                bail!("the link to {path:?} leads to nothing in the document: {line}");
            };
            let text = if field.is_empty() { text.clone() } else { format!("`{field}`") };
            resolved.push_str(&format!("[{text}](#{})", anchor(heading)));
        }
        resolved.push_str(rest);
        Ok(resolved)
    }
}

pub(crate) fn message_heading(name: &str) -> String {
    format!("Message `{name}`")
}

pub(crate) fn type_heading(name: &str) -> String {
    format!("Type `{name}`")
}

/// The anchor that code hosts make from a heading.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(|&character| kept(character)).collect::<String>().replace(' ', "-")
}

//! A section for each message, with its fields and examples, and for each type.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::golden::{Frames, Golden};
use crate::links::{Links, message_heading, type_heading};
use crate::schema::{Direction, Schemas};

/// Fields of the envelope, which the section "Frames" describes.
const ENVELOPE: [&str; 3] = ["type", "id", "more"];

pub(crate) fn all(schemas: &Schemas, golden: &Golden, links: &Links) -> Result<String> {
    let mut text = String::new();
    let directions = [
        ("Messages from the client", &schemas.client, &golden.client),
        ("Messages from the bridge", &schemas.server, &golden.server),
    ];
    for (heading, direction, frames) in directions {
        writeln!(text, "## {heading}")?;
        for (name, of) in &direction.messages {
            let frames = frames.get(*name).with_context(|| format!("no golden file of {name}"))?;
            message(&mut text, direction, name, of, frames, links).with_context(|| format!("message {name}"))?;
        }
    }
    writeln!(text, "## Types\nThe types of fields, in alphabetical order.\n")?;
    let messages: BTreeSet<&str> =
        [&schemas.client, &schemas.server].iter().flat_map(|d| &d.messages).map(|m| m.1).collect();
    let names: BTreeSet<&String> = schemas.client.definitions.keys().chain(schemas.server.definitions.keys()).collect();
    for name in names.into_iter().filter(|name| !messages.contains(name.as_str())) {
        // What the bridge writes is also what it reads.
        let direction = [&schemas.server, &schemas.client].into_iter().find(|d| d.definitions.contains_key(name));
        let direction = direction.context("the name is from one of them")?;
        let definition = &direction.definitions[name];
        writeln!(text, "### {}\n{}\n", type_heading(name), description(definition, links)?)?;
        body(&mut text, direction, definition, links, false).with_context(|| format!("type {name}"))?;
    }
    Ok(text)
}

fn message(
    text: &mut String,
    direction: &Direction,
    name: &str,
    of: &str,
    frames: &Frames,
    links: &Links,
) -> Result<()> {
    let definition = direction.definitions.get(of).context("no schema")?;
    let description = description(definition, links)?;
    ensure!(!description.is_empty(), "the message has no documentation comment");
    writeln!(text, "### {}\n{description}\n", message_heading(name))?;
    body(text, direction, definition, links, true)?;
    let examples: String = frames.values().map(|frame| format!("{frame}\n")).collect();
    writeln!(text, "```json\n{examples}```\n")?;
    Ok(())
}

/// The fields of an object, or the values of a choice.
fn body(text: &mut String, direction: &Direction, definition: &Value, links: &Links, is_message: bool) -> Result<()> {
    if let Some(choices) = definition["oneOf"].as_array() {
        return self::choices(text, direction, choices, links);
    }
    if definition["properties"].is_object() {
        return fields(text, direction, definition, links, is_message);
    }
    writeln!(text, "In JSON: {}.\n", kind(definition, links))?;
    Ok(())
}

/// The values of a choice: strings, and objects with one member.
fn choices(text: &mut String, direction: &Direction, choices: &[Value], links: &Links) -> Result<()> {
    writeln!(text, "| value | … | meaning |\n|---|---|---|")?;
    for choice in choices {
        let meaning = description(choice, links)?;
        let constants = choice["enum"].as_array().into_iter().flatten().chain(choice.get("const"));
        for value in constants {
            writeln!(text, "| `{value}` | | {meaning} |")?;
        }
        for (name, of, _) in direction.fields(choice) {
            let inner = if of["properties"].is_object() { "see below".to_owned() } else { kind(of, links) };
            writeln!(text, "| `{{\"{name}\": …}}` | {inner} | {meaning} |")?;
        }
        if choice["type"] != "object" && choice["enum"].is_null() && choice["const"].is_null() {
            writeln!(text, "| {} | | {meaning} |", kind(choice, links))?;
        }
    }
    writeln!(text)?;
    for (name, of, _) in choices.iter().flat_map(|choice| direction.fields(choice)) {
        if of["properties"].is_object() {
            writeln!(text, "Fields of `{name}`:\n")?;
            fields(text, direction, of, links, false)?;
        }
    }
    Ok(())
}

fn fields(text: &mut String, direction: &Direction, definition: &Value, links: &Links, is_message: bool) -> Result<()> {
    let fields = direction.fields(definition);
    let own: Vec<_> = fields.into_iter().filter(|(name, ..)| !is_message || !ENVELOPE.contains(name)).collect();
    if own.is_empty() {
        writeln!(text, "No further fields.\n")?;
        return Ok(());
    }
    writeln!(text, "| field | type | | meaning |\n|---|---|---|---|")?;
    for (name, schema, is_required) in own {
        let meaning = description(schema, links)?;
        ensure!(!meaning.is_empty(), "the field {name} has no documentation comment");
        let presence = if is_required { "" } else { "optional" };
        let kind = kind(schema, links);
        // An optional field is left out rather than null.
        let kind = if is_required { kind.as_str() } else { kind.trim_end_matches(" or null") };
        writeln!(text, "| `{name}` | {kind} | {presence} | {meaning} |")?;
    }
    writeln!(text)?;
    Ok(())
}

fn description(schema: &Value, links: &Links) -> Result<String> {
    let text = schema["description"].as_str().unwrap_or_default();
    Ok(links.resolve(text)?.replace("\n\n", " ").replace('|', "\\|"))
}

/// The type of a field, in words.
fn kind(schema: &Value, links: &Links) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return links.to_type(reference.rsplit('/').next().unwrap_or(reference));
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return choices.iter().map(|choice| kind(choice, links)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(types) = schema["type"].as_array() {
        let names = types.iter().filter_map(Value::as_str).map(|name| named(name, schema, links));
        return names.collect::<Vec<_>>().join(" or ");
    }
    schema["type"].as_str().map_or_else(|| "any JSON".to_owned(), |name| named(name, schema, links))
}

fn named(name: &str, schema: &Value, links: &Links) -> String {
    match name {
        "array" => match schema["prefixItems"].as_array() {
            Some(items) => format!("[{}]", items.iter().map(|item| kind(item, links)).collect::<Vec<_>>().join(", ")),
            None => format!("list of {}", kind(&schema["items"], links)),
        },
        "object" => format!("object: name → {}", kind(&schema["additionalProperties"], links)),
        other => other.to_owned(),
    }
}

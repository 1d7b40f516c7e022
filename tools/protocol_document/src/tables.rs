//! Tables of requests, limits, error codes and close codes, from the constants and declarations of `protocol`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use protocol::{ClientMessage, CloseCode, ErrorCode, Kind, Object, limits};

use crate::golden::Golden;
use crate::links::{anchor, message_heading};

/// Each request with its reply, what it does, and the rights that it needs, which its golden files show.
pub(crate) fn requests(golden: &Golden) -> Result<String> {
    let mut table = String::from("| request | reply | what it does | needs |\n|---|---|---|---|\n");
    for name in ClientMessage::NAMES {
        let frames = golden.client.get(*name).with_context(|| format!("no golden file of {name}"))?;
        let (mut row, mut needs) = (None, Vec::new());
        for text in frames.values() {
            let message = ClientMessage::parse(text)?.message;
            let Some((kind, reply, needed)) = message.as_request() else { continue };
            row = Some((kind, reply));
            for (action, object) in needed {
                let need = need(action.name(), &object);
                if !needs.contains(&need) {
                    needs.push(need);
                }
            }
        }
        let Some((kind, reply)) = row else { continue };
        let kind = match kind {
            Kind::Query => "reads once",
            Kind::Change => "changes Kafka",
            Kind::Stream => "opens or controls a stream",
        };
        writeln!(table, "| {} | {} | {kind} | {} |", link(name), link(reply), needs.join(", "))?;
    }
    Ok(table)
}

fn need(action: &str, object: &Object<'_>) -> String {
    match object {
        Object::Cluster => format!("`{action}` on any topic or group of the cluster"),
        Object::Topics | Object::Groups | Object::Subjects => "nothing; lists what the user may describe".to_owned(),
        Object::Topic(_) => format!("`{action}` on the topic"),
        Object::Group(_) => format!("`{action}` on the group"),
        Object::Subject(_) => format!("`{action}` on the subject"),
        Object::Registry => format!("`{action}` on all subjects (`*`)"),
        Object::Opened(_) => "nothing more than when it was opened".to_owned(),
    }
}

fn link(message: &str) -> String {
    format!("[`{message}`](#{})", anchor(&message_heading(message)))
}

pub(crate) fn limits() -> String {
    let mut table = String::from("| limit | value |\n|---|---|\n");
    for limit in limits::ALL {
        table.push_str(&format!("| {} | {} {} |\n", one_line(limit.documentation), grouped(limit.value), limit.unit));
    }
    table
}

pub(crate) fn errors() -> String {
    let mut table = String::from("| code | name | retriable | when |\n|---|---|---|---|\n");
    for error in ErrorCode::ALL {
        let retriable = if error.retriable() { "yes" } else { "no" };
        let (number, name, when) = (error.number(), error.name(), one_line(error.documentation()));
        table.push_str(&format!("| {number} | `{name}` | {retriable} | {when} |\n"));
    }
    table
}

pub(crate) fn close_codes() -> String {
    let mut table = String::from("| code | connect again | when |\n|---|---|---|\n");
    for code in CloseCode::ALL {
        let reconnects = if code.reconnects() { "yes" } else { "no" };
        table.push_str(&format!("| {} | {reconnects} | {} |\n", code.number(), one_line(code.documentation())));
    }
    table
}

fn one_line(documentation: &str) -> String {
    documentation.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (first, rest) = digits.split_at((digits.len() - 1) % 3 + 1);
    let groups = rest.as_bytes().chunks(3).map(|group| format!(",{}", String::from_utf8_lossy(group)));
    std::iter::once(first.to_owned()).chain(groups).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_groups_of_three_digits() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (50_000, "50,000"), (1_048_576, "1,048,576")]
        {
            assert_eq!(grouped(number), expected);
        }
    }
}

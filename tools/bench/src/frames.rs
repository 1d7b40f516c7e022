//! Reads the frames of the bridge, or of a floor that imitates it.

use anyhow::{Context, Result, bail, ensure};
use protocol::{RecordsFrame, ServerMessage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client;
use crate::tally::Tally;

/// Counts the records of a binary frame; returns the number of the last.
pub fn binary(frame: &[u8], tally: &mut Tally) -> Result<u64> {
    let frame = RecordsFrame::parse(frame)?;
    for record in frame.records {
        let record = record?.view()?;
        tally.push(record.offset, record.value.unwrap_or_default());
    }
    Ok(frame.seq)
}

/// The fields of a `records` text frame that are read. Nothing is copied, because a fast client is measured.
#[derive(Deserialize)]
struct TextFrame<'a> {
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(default)]
    seq: u64,
    #[serde(default, borrow)]
    records: Vec<TextRecord<'a>>,
}

#[derive(Deserialize)]
struct TextRecord<'a> {
    offset: &'a str,
    #[serde(borrow)]
    value: TextValue<'a>,
}

#[derive(Deserialize)]
struct TextValue<'a> {
    #[serde(borrow)]
    json: &'a RawValue,
}

/// Counts the records of a text frame; returns the number of the last, or nothing for another message.
pub fn text(text: &str, tally: &mut Tally) -> Result<Option<u64>> {
    // Other messages do not have these fields, and are rare.
    let frame = match serde_json::from_str::<TextFrame<'_>>(text) {
        Ok(frame) if frame.name == "records" => frame,
        _ => return control(text).map(|()| None),
    };
    for record in &frame.records {
        tally.push(record.offset.parse().context("an offset is no number")?, record.value.json.get().as_bytes());
    }
    ensure!(!frame.records.is_empty(), "a frame without records");
    Ok(Some(frame.seq))
}

/// Any other message of the bridge.
///
/// # Errors
/// It says that records are missing, or that something failed.
pub fn control(text: &str) -> Result<()> {
    match client::parse(text)? {
        ServerMessage::Gap(gap) => bail!("the bridge left out records: {gap:?}"),
        _ => Ok(()),
    }
}

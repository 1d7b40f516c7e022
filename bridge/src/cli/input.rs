//! The lines of standard input, each of which becomes a record: its bytes as they are, whether or not they are UTF-8.

use anyhow::{Context, ensure};
use protocol::{ProduceRecord, WireBytes};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Stdin};

/// A longer line is not a record: Kafka's largest limit for a record is 2 GiB, and its default 1 MiB.
const MAX_LINE_BYTES: usize = 256 * 1024 * 1024;

pub struct InputLines {
    input: BufReader<Stdin>,
    key_separator: Option<String>,
    empty_as_null: bool,
    line: u64,
}

impl InputLines {
    pub fn new(key_separator: Option<String>, empty_as_null: bool) -> Self {
        Self { input: BufReader::new(tokio::io::stdin()), key_separator, empty_as_null, line: 0 }
    }

    /// The record of the next line, without its topic. A line ends with LF or CR LF.
    ///
    /// # Errors
    /// If the line has no key separator, or is too long.
    pub async fn next(&mut self) -> anyhow::Result<Option<ProduceRecord>> {
        let mut line = Vec::new();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut line).await;
        if read.context("cannot read standard input")? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        ensure!(line.len() <= MAX_LINE_BYTES, "line {} is longer than {MAX_LINE_BYTES} bytes", self.line);
        let Some(separator) = &self.key_separator else {
            let value = self.bytes(&line);
            return Ok(Some(ProduceRecord { value, ..ProduceRecord::default() }));
        };
        let at = line.windows(separator.len()).position(|bytes| bytes == separator.as_bytes());
        let at = at.with_context(|| {
            format!("line {} has no key separator {separator:?}; add it, or leave out --key-separator", self.line)
        })?;
        let (key, value) = (self.bytes(&line[..at]), self.bytes(&line[at + separator.len()..]));
        Ok(Some(ProduceRecord { key, value, ..ProduceRecord::default() }))
    }

    fn bytes(&self, bytes: &[u8]) -> WireBytes {
        if bytes.is_empty() && self.empty_as_null { WireBytes::Null } else { WireBytes::Base64(bytes.to_owned()) }
    }
}

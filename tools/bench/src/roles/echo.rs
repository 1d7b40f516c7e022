//! One WebSocket that writes into a topic and watches it.

use std::net::TcpStream;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use protocol::{Format, Mode, ProduceBatch, ProduceView, RecordsFrame, ServerMessage, TailStart, WhenSlow, Window};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use crate::client::{self, Credit};
use crate::frames;
use crate::pace::Pace;
use crate::parent::tell;
use crate::payload::Payload;
use crate::roundtrip::{self, See, Send};

/// More records than are ever in flight.
const WINDOW: Window = Window { records: 100_000, bytes: 16 * 1024 * 1024 };

/// Writes into a new topic and reads it through the bridge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Echo {
    pub address: String,
    /// The bridge, whose CPU time is measured.
    pub watched: u32,
    pub topic: String,
    pub bytes: usize,
    pub pace: Pace,
}

impl Echo {
    pub fn play(self) -> Result<()> {
        let (mut reader, writer) = client::open_blocking(&self.address)?;
        let writer = Arc::new(Mutex::new(writer));
        reader.send(client::hello())?;
        let mode = Mode::Tail { start: TailStart::Latest };
        reader.send(client::subscribe(&self.topic, mode, Format::Binary, WINDOW, WhenSlow::Skip))?;
        // A record sent before `assigned` might be older than "latest".
        loop {
            if let Message::Text(text) = reader.read()?
                && let ServerMessage::Assigned(assigned) = client::parse(&text)?
            {
                let credit = Credit::new(assigned.subscription, WINDOW);
                let sender =
                    SocketSender { writer: Arc::clone(&writer), topic: self.topic, payload: Payload::new(self.bytes) };
                let seer = SocketSeer { reader, writer, credit };
                return tell(&roundtrip::measure(self.pace, self.watched, sender, seer)?);
            }
        }
    }
}

/// The writing half, which sends records and sometimes credit.
type Writer = Arc<Mutex<WebSocket<TcpStream>>>;

struct SocketSender {
    writer: Writer,
    topic: String,
    payload: Payload,
}

impl Send for SocketSender {
    /// Records that are due at the same time are sent in one frame, as by a page.
    fn send(&mut self, numbers: Range<u64>) -> Result<()> {
        let mut batch = ProduceBatch::new(&self.topic, numbers.start);
        for number in numbers {
            let value = Some(self.payload.value(number));
            batch.push(ProduceView { partition: None, timestamp: None, key: None, value, headers: std::iter::empty() });
        }
        let frame = Message::binary(batch.into_frame());
        Ok(self.writer.lock().unwrap_or_else(PoisonError::into_inner).send(frame)?)
    }
}

struct SocketSeer {
    reader: WebSocket<TcpStream>,
    writer: Writer,
    credit: Credit,
}

impl See for SocketSeer {
    fn see(&mut self, seen: &mut Vec<u64>) -> Result<()> {
        let frame = match self.reader.read()? {
            Message::Binary(frame) => frame,
            Message::Text(text) => return frames::control(&text),
            other => bail!("{other} came in between"),
        };
        let frame = RecordsFrame::parse(&frame)?;
        let mut bytes = 0;
        for record in frame.records {
            let value = record?.view()?.value.unwrap_or_default();
            bytes += value.len() as u64;
            seen.push(Payload::number(value).context("a record without a number")?);
        }
        if let Some(flow) = self.credit.use_up(frame.seq, frame.count.into(), bytes) {
            self.writer.lock().unwrap_or_else(PoisonError::into_inner).send(flow)?;
        }
        Ok(())
    }
}

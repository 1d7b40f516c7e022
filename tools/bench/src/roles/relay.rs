//! The bare relay: the floor's consumer copies records to binary frames on a raw WebSocket, in one thread, without credit, ring
//! and sessions. It is the least that any bridge must do.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use protocol::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::{Message, accept_with_config};

use crate::kafka_config;
use crate::native::{self, Consumer};
use crate::parent::tell;

const WAIT: Duration = Duration::from_secs(10);

/// The fields of the header that do not change.
const VERSION_AND_KIND: [u8; 2] = [1, 1];
const SUBSCRIPTION: u32 = 1;
const PARTITION: i32 = 0;
const NO_KEY: i32 = -1;
const COUNT_AT: usize = 4;
const SEQ_AT: usize = 8;

/// Relays the first records of a topic to one socket, once that has sent a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relay {
    pub kafka: String,
    pub topic: String,
    pub records: u64,
}

impl Relay {
    pub fn play(self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        tell(&listener.local_addr()?.to_string())?;
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut socket = accept_with_config(stream, None).ok().context("the handshake failed")?;
        socket.read()?;

        let mut consumer = Consumer::new(&kafka_config::consumer(&self.kafka), &self.topic, 0, 0)?;
        let mut sent = 0;
        while sent < self.records {
            let batch = consumer.take(WAIT, MAX_BATCH_RECORDS)?;
            ensure!(!batch.is_empty(), "no record for {WAIT:?} after {sent} of {}", self.records);
            let mut frame = Frame::new(&self.topic);
            for message in batch.iter() {
                if frame.is_full(&message) {
                    socket.write(std::mem::replace(&mut frame, Frame::new(&self.topic)).finish(sent))?;
                }
                sent += 1;
                frame.push(&message);
            }
            socket.write(frame.finish(sent))?;
            socket.flush()?;
        }
        // The sink closes the socket when it has every record.
        while socket.read().is_ok() {}
        Ok(())
    }
}

/// A `records` frame in the layout of [`protocol::binary`], written in one go.
struct Frame {
    bytes: Vec<u8>,
    count: u32,
}

impl Frame {
    fn new(topic: &str) -> Self {
        let mut bytes = Vec::with_capacity(MAX_BATCH_BYTES);
        bytes.extend_from_slice(&VERSION_AND_KIND);
        bytes.extend_from_slice(&u16::try_from(topic.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&0u32.to_le_bytes());
        bytes.extend_from_slice(&0u64.to_le_bytes());
        bytes.extend_from_slice(&SUBSCRIPTION.to_le_bytes());
        bytes.extend_from_slice(&PARTITION.to_le_bytes());
        bytes.extend_from_slice(topic.as_bytes());
        Self { bytes, count: 0 }
    }

    fn is_full(&self, next: &native::Message<'_>) -> bool {
        self.count > 0 && self.bytes.len() + next.value().len() > MAX_BATCH_BYTES
    }

    fn push(&mut self, message: &native::Message<'_>) {
        let value = message.value();
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let mut head = [0; 29];
        head[..4].copy_from_slice(&(length + 25).to_le_bytes());
        head[4..12].copy_from_slice(&message.offset().to_le_bytes());
        head[12..20].copy_from_slice(&message.timestamp().to_le_bytes());
        head[21..25].copy_from_slice(&NO_KEY.to_le_bytes());
        head[25..29].copy_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(value);
        self.count += 1;
    }

    /// `seq` is the number of its last record.
    fn finish(mut self, seq: u64) -> Message {
        self.bytes[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_le_bytes());
        self.bytes[SEQ_AT..SEQ_AT + 8].copy_from_slice(&seq.to_le_bytes());
        Message::binary(self.bytes)
    }
}

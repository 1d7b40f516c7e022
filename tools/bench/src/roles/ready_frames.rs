//! The floor of fan-out: raw tungstenite that sends one ready frame over and over to every socket.

use anyhow::{Context, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{BinaryBatch, MAX_BATCH_RECORDS, RecordView, RecordsHead, TimestampType};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::parent::{Parent, tell};
use crate::payload::Payload;

/// The frame size of the bridge.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Sends to each socket that sent a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadyFrames {
    /// Bytes of a record's value.
    pub bytes: usize,
    /// Frames for each socket.
    pub frames: u64,
}

impl ReadyFrames {
    pub fn play(self, parent: Parent) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        let frame = Message::binary(ready_frame(self.bytes));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let frame = frame.clone();
                tokio::spawn(async move {
                    // The other end reports a failed socket.
                    let _ = serve(stream, frame, self.frames).await;
                });
            }
        });
        tell(&address)?;
        runtime.block_on(parent.waited())
    }
}

fn ready_frame(bytes: usize) -> Vec<u8> {
    let mut payload = Payload::new(bytes);
    let mut batch = BinaryBatch::with_capacity(MAX_BATCH_RECORDS, MAX_BATCH_RECORDS * bytes);
    for offset in 0..MAX_BATCH_RECORDS as u64 {
        batch.push(RecordView {
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            timestamp: None,
            timestamp_type: TimestampType::Create,
            key: None,
            value: Some(payload.value(offset)),
            headers: std::iter::empty(),
        });
    }
    let head = RecordsHead { subscription: 1, seq: MAX_BATCH_RECORDS as u64, topic: "ready", partition: 0 };
    batch.frame(&head, 0..MAX_BATCH_RECORDS)
}

async fn serve(stream: TcpStream, frame: Message, frames: u64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = READ_BUFFER_BYTES;
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    socket.next().await.context("closed before it began")??;
    for _ in 0..frames {
        socket.feed(frame.clone()).await?;
    }
    socket.flush().await?;
    // The connection stays open until the other end has read everything.
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

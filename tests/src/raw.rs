//! A raw TCP connection to the bridge, on which a test sends any bytes at any time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::PATIENCE;

#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    /// Received bytes that were not processed yet.
    received: Vec<u8>,
}

impl Raw {
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, received: Vec::new() }
    }

    /// A WebSocket connection before its `hello`.
    pub async fn upgraded(address: &str) -> Self {
        let mut raw = Self::connect(address).await;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        raw.send(request.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Bytes that the bridge no longer accepts are lost. Returns whether all were written.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(PATIENCE, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// The next answer's status line and headers; empty where the connection ended.
    pub async fn head(&mut self) -> String {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            if let Some(at) = self.received.windows(END.len()).position(|bytes| bytes == END) {
                let head: Vec<u8> = self.received.drain(..at + END.len()).collect();
                return String::from_utf8_lossy(&head).to_ascii_lowercase().replacen("http", "HTTP", 1);
            }
            if !self.read().await {
                return String::new();
            }
        }
    }

    /// The status of the answer to this request, and the answer's headers in lower case.
    pub async fn ask(address: &str, request: &str) -> (u16, String) {
        let mut raw = Self::connect(address).await;
        raw.send(request.as_bytes()).await;
        let head = raw.head().await;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer to {request:?}: {head:?}")), head)
    }

    /// Waits for a close frame, skips other frames, and returns its code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            while let Some((opcode, payload)) = self.take_frame() {
                if opcode == 8 {
                    return u16::from_be_bytes([payload[0], payload[1]]);
                }
            }
            assert!(self.read().await, "the connection ended without a close frame");
        }
    }

    /// A complete frame of the server, which is not masked: opcode and payload.
    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&first, rest) = self.received.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, head) = match length {
            126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
            length => (usize::from(length), 2),
        };
        if self.received.len() < head + length {
            return None;
        }
        let frame: Vec<u8> = self.received.drain(..head + length).collect();
        Some((first & 0x0f, frame[head..].to_vec()))
    }

    /// Waits until the other side ends the connection, in order or by a reset.
    pub async fn ended(&mut self) {
        while self.read().await {}
    }

    /// Whether the other side has not ended the connection, as far as the kernel knows now.
    pub async fn is_open(&mut self) -> bool {
        timeout(Duration::ZERO, self.ended()).await.is_err()
    }

    /// How long a connection that is closed after some seconds stayed open; fails after a generous wait.
    pub async fn open_for(&mut self) -> Duration {
        let began = Instant::now();
        self.ended().await;
        began.elapsed()
    }

    /// Returns false if the connection has ended.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("something comes, or the end");
        match read {
            Ok(length @ 1..) => {
                self.received.extend_from_slice(&bytes[..length]);
                true
            }
            _ => false,
        }
    }
}

/// The head of a client's frame for a payload of this length, masked with zeros.
pub fn frame_head(first: u8, length: usize) -> Vec<u8> {
    const MASK: [u8; 4] = [0; 4];
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | u8::try_from(length).expect("short")),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend(u16::try_from(length).expect("short").to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head.extend(MASK);
    head
}

/// A complete text frame.
pub fn text_frame(text: &str) -> Vec<u8> {
    [&frame_head(0x81, text.len()), text.as_bytes()].concat()
}

/// A close frame with this code.
pub fn close_frame(code: u16) -> Vec<u8> {
    [&frame_head(0x88, 2)[..], &code.to_be_bytes()].concat()
}

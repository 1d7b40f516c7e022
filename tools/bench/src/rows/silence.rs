//! B15: clients that are silent or take what they can: how soon the bridge closes them, and what they cost a user.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::case::{Case, Metric};
use crate::client::{self, Client, Socket};
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::suite::floor;

const SECOND_US: f64 = 1_000_000.0;

/// The bridge allows ten seconds for a request and for `hello`, and pings a client after 20 s of silence; after 40 s the client is
/// closed. The limits are a tenth above that.
const NO_REQUEST_LIMIT: f64 = 11.0 * SECOND_US;
const NO_HELLO_LIMIT: f64 = 11.0 * SECOND_US;
const FIRST_PING_LIMIT: f64 = 22.0 * SECOND_US;
const NO_PONG_LIMIT: f64 = 44.0 * SECOND_US;
/// Longer than any of them.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

/// A user is served within this time, whatever others do.
const SERVED_LIMIT: f64 = SECOND_US;
const HEALTH_WITHOUT_DESCRIPTORS_LIMIT: f64 = 2.0 * SECOND_US;

/// More than may be open before their `hello`, and more than may be idle.
const SILENT_SOCKETS: usize = 300;
const ATTACKING_SOCKETS: usize = 500;
const IDLE_CONNECTIONS: usize = 500;
/// Of each, the slowest counts.
const WELCOMES: usize = 20;
const HEALTH_CHECKS: usize = 5;
/// The bridge may open so few files that idle connections use them all.
const FILES: u32 = 160;
const MORE_THAN_FILES: usize = 200;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let within = |name, limit| Metric::within(name, Unit::Microseconds, limit);
    measure(&mut Case {
        row: "B15",
        name: "silent client → closed".to_owned(),
        metrics: vec![
            within("no request", NO_REQUEST_LIMIT),
            within("half a request", NO_REQUEST_LIMIT),
            within("no hello", NO_HELLO_LIMIT),
            within("first ping", FIRST_PING_LIMIT),
            within("no pong", NO_PONG_LIMIT),
        ],
        floors: Vec::new(),
        ours: Box::new(|| silent_clients(lab)),
    });
    measure(&mut Case {
        row: "B15",
        name: format!("welcome, {SILENT_SOCKETS} silent sockets and more every moment"),
        metrics: vec![within("slowest of 20", SERVED_LIMIT)],
        floors: vec![floor("without them", &[None], || welcomes(lab, false))],
        ours: Box::new(|| welcomes(lab, true)),
    });
    measure(&mut Case {
        row: "B15",
        name: format!("/healthz, {IDLE_CONNECTIONS} idle connections"),
        metrics: vec![within("slowest of 5", SERVED_LIMIT)],
        floors: vec![floor("without them", &[None], || health(&lab.bridge()?.address, 0))],
        ours: Box::new(|| health(&lab.bridge()?.address, IDLE_CONNECTIONS)),
    });
    measure(&mut Case {
        row: "B15",
        name: format!("/healthz, all {FILES} descriptors in use"),
        metrics: vec![within("slowest of 5", HEALTH_WITHOUT_DESCRIPTORS_LIMIT)],
        floors: vec![floor("without idle connections", &[None], || health(&lab.bridge_with_files(FILES)?.address, 0))],
        ours: Box::new(|| health(&lab.bridge_with_files(FILES)?.address, MORE_THAN_FILES)),
    });
    Ok(())
}

fn silent_clients(lab: &Lab) -> Result<Vec<Measurement>> {
    let bridge = lab.bridge()?;
    let address = bridge.address.as_str();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (nothing, half, no_hello, (ping, no_pong)) = runtime.block_on(async {
        let all = async {
            tokio::try_join!(
                closed_after(address, b""),
                closed_after(address, &request.as_bytes()[..20]),
                closed_without_hello(address),
                closed_without_pong(address),
            )
        };
        tokio::time::timeout(GIVEN_UP_AFTER, all).await.context("a silent client stays connected")?
    })?;
    Ok([nothing, half, no_hello, ping, no_pong].map(Measurement::of_time).to_vec())
}

/// A connection on which only this is sent.
async fn closed_after(address: &str, sent: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(sent).await?;
    let mut answer = Vec::new();
    // A reset ends the connection as well.
    let _ = stream.read_to_end(&mut answer).await;
    Ok(began.elapsed())
}

async fn closed_without_hello(address: &str) -> Result<Duration> {
    let began = Instant::now();
    let mut socket = client::open(address).await?;
    until_closed(&mut socket).await;
    Ok(began.elapsed())
}

/// When the first ping came, and when the connection was closed.
async fn closed_without_pong(address: &str) -> Result<(Duration, Duration)> {
    let began = Instant::now();
    let mut client = Client::connect(address).await?;
    loop {
        match client.socket.next().await.context("closed before the first ping")?? {
            Message::Text(text) if text.contains(r#""type":"ping""#) => break,
            Message::Close(frame) => bail!("closed before the first ping: {frame:?}"),
            _ => {}
        }
    }
    let ping = began.elapsed();
    until_closed(&mut client.socket).await;
    Ok((ping, began.elapsed()))
}

async fn until_closed(socket: &mut Socket) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return;
        }
    }
}

/// The slowest of several welcomes, each with a connection of its own.
fn welcomes(lab: &Lab, is_attacked: bool) -> Result<Vec<Measurement>> {
    let bridge = lab.bridge()?;
    let address = bridge.address.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let silent = lab.scale.sockets(if is_attacked { SILENT_SOCKETS } else { 0 });
    let is_over = Arc::new(AtomicBool::new(!is_attacked));
    let slowest = runtime.block_on(async {
        let mut sockets = Vec::new();
        for _ in 0..silent {
            sockets.push(client::open(&address).await?);
        }
        let attack = std::thread::spawn({
            let (address, is_over, most) =
                (address.clone(), Arc::clone(&is_over), lab.scale.sockets(ATTACKING_SOCKETS));
            move || attack(&address, most, &is_over)
        });
        let mut slowest = Duration::ZERO;
        for _ in 0..WELCOMES {
            slowest = slowest.max(welcome(&address).await?);
        }
        is_over.store(true, Ordering::Relaxed);
        attack.join().map_err(|_| anyhow::anyhow!("the attack panicked"))??;
        anyhow::Ok(slowest)
    })?;
    Ok(vec![Measurement::of_time(slowest)])
}

/// Opens sockets without a word, one after the other, until it is over.
fn attack(address: &str, most: usize, is_over: &AtomicBool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut silent = VecDeque::new();
        while !is_over.load(Ordering::Relaxed) {
            silent.push_back(client::open(address).await?);
            if silent.len() > most {
                silent.pop_front();
            }
        }
        Ok(())
    })
}

/// As the page does it: a socket that is closed to make room, before its `hello` was read, is opened again.
async fn welcome(address: &str) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let mut socket = client::open(address).await?;
        // A socket that was closed already says so when it is read.
        let _ = socket.send(client::hello()).await;
        if let Some(Ok(Message::Text(_))) = socket.next().await {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < GIVEN_UP_AFTER, "no welcome");
    }
}

/// The slowest of several health checks beside idle connections.
fn health(address: &str, idle: usize) -> Result<Vec<Measurement>> {
    let mut connections = Vec::new();
    for index in 0..idle {
        let mut stream = TcpStream::connect(address)?;
        if index % 2 == 1 {
            // The connection may be closed already, to make room.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: ");
        }
        connections.push(stream);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..HEALTH_CHECKS {
        slowest = slowest.max(health_check(address)?);
    }
    Ok(vec![Measurement::of_time(slowest)])
}

fn health_check(address: &str) -> Result<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GIVEN_UP_AFTER))?;
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "/healthz answers {answer:?}");
    Ok(began.elapsed())
}

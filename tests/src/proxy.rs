//! A proxy between a client and the bridge that imitates a bad network: slow, in segments of one byte, reset in the middle of a
//! frame, or silent without being closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The state of the network, for all connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    Clear,
    /// Every byte is a segment of its own.
    Slices,
    /// Every segment is delayed by this time.
    Delay(Duration),
    /// At most this number of bytes a second in each direction.
    Throttle(u32),
    /// No data passes, and no connection is closed.
    HalfOpen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToBridge,
    ToClient,
}

#[derive(Debug)]
pub struct Proxy {
    pub address: String,
    network: Arc<Network>,
    listener: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Network {
    weather: watch::Sender<Weather>,
    /// A counter: each connection is reset when it changes.
    resets: watch::Sender<u64>,
    /// The next planned reset: after this number of further bytes in this direction.
    planned: Mutex<Option<(Direction, usize)>>,
}

impl Proxy {
    pub async fn to(bridge: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener").to_string();
        let network = Arc::new(Network {
            weather: watch::Sender::new(Weather::Clear),
            resets: watch::Sender::new(0),
            planned: Mutex::new(None),
        });
        let (shared, bridge) = (Arc::clone(&network), bridge.to_owned());
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&bridge).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&shared)));
            }
        });
        Self { address, network, listener }
    }

    pub fn weather(&self, weather: Weather) {
        self.network.weather.send_replace(weather);
    }

    /// Resets every connection (RST) in both directions.
    pub fn reset(&self) {
        self.network.resets.send_modify(|resets| *resets += 1);
    }

    /// The same once this number of further bytes has passed in this direction.
    pub fn reset_after(&self, direction: Direction, bytes: usize) {
        *self.network.planned.lock().expect("no holder panics") = Some((direction, bytes));
    }

    /// Whether the planned reset has not happened yet.
    pub fn reset_is_planned(&self) -> bool {
        self.network.planned.lock().expect("no holder panics").is_some()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.reset();
    }
}

impl Network {
    /// How many of these bytes pass before the planned reset; all of them if no reset is planned.
    fn passing(&self, direction: Direction, bytes: usize) -> usize {
        let mut planned = self.planned.lock().expect("no holder panics");
        match planned.as_mut() {
            Some((planned_direction, left)) if *planned_direction == direction => {
                if bytes < *left {
                    *left -= bytes;
                    return bytes;
                }
                let passing = *left;
                *planned = None;
                drop(planned);
                self.resets.send_modify(|resets| *resets += 1);
                passing
            }
            _ => bytes,
        }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, network: Arc<Network>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut resets = network.resets.subscribe();
    let reset = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let both = async {
            tokio::join!(
                pump(from_client, to_server, &network, Direction::ToBridge),
                pump(from_server, to_client, &network, Direction::ToClient)
            )
        };
        tokio::select! {
            _ = both => false,
            _ = resets.changed() => true,
        }
    };
    if reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, network: &Network, direction: Direction) {
    const CHUNK: usize = 16 * 1024;
    /// How many times a second a throttled connection may send its share.
    const SHARES_A_SECOND: u32 = 20;
    let mut weather = network.weather.subscribe();
    let mut buffer = vec![0; CHUNK];
    loop {
        let now = *weather.borrow_and_update();
        let most = match now {
            Weather::HalfOpen => {
                // The channel ends when the proxy is dropped.
                if weather.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Weather::Throttle(bytes) => (bytes / SHARES_A_SECOND).max(1) as usize,
            Weather::Clear | Weather::Slices | Weather::Delay(_) => CHUNK,
        };
        let read = tokio::select! {
            read = from.read(&mut buffer[..most]) => read,
            changed = weather.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let arrived = Instant::now();
        let Ok(read @ 1..) = read else {
            let _ = to.shutdown().await;
            return;
        };
        match now {
            Weather::Delay(delay) => sleep_until(arrived + delay).await,
            Weather::Throttle(_) => sleep_until(arrived + Duration::from_secs(1) / SHARES_A_SECOND).await,
            Weather::Clear | Weather::Slices | Weather::HalfOpen => {}
        }
        let passing = network.passing(direction, read);
        let pieces = if now == Weather::Slices { 1 } else { CHUNK };
        for piece in buffer[..passing].chunks(pieces) {
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
        if passing < read {
            // The connection is about to be reset; no further byte may pass.
            std::future::pending::<()>().await;
        }
    }
}

//! Between a bridge and a broker: counts the requests by their kind, as they stand in Kafka's protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Kinds of request (<https://kafka.apache.org/protocol#protocol_api_keys>).
pub const OFFSET_FETCH: i16 = 9;

/// A port for a broker that is not started yet: it must advertise it.
pub struct Listening(TcpListener);

/// Ends with this value; the broker behind it stays.
pub struct BrokerProxy {
    pub address: String,
    counts: Counts,
    accepting: tokio::task::JoinHandle<()>,
}

type Counts = Arc<Mutex<BTreeMap<i16, usize>>>;

impl Listening {
    pub async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("a bound listener").port()
    }

    /// Passes everything on to the broker.
    pub fn to(self, broker: String) -> BrokerProxy {
        let address = format!("127.0.0.1:{}", self.port());
        let counts = Counts::default();
        let counting = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = self.0.accept().await {
                let Ok(server) = TcpStream::connect(&broker).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&counting)));
            }
        });
        BrokerProxy { address, counts, accepting }
    }
}

impl BrokerProxy {
    /// How many requests of this kind have passed so far.
    pub fn count(&self, kind: i16) -> usize {
        self.counts.lock().expect("no holder panics").get(&kind).copied().unwrap_or(0)
    }
}

impl Drop for BrokerProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, counts: Counts) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    // A request is its length in four bytes, then its kind in two.
    while let Ok(length) = from_client.read_u32().await {
        let mut request = vec![0; length as usize];
        if from_client.read_exact(&mut request).await.is_err() {
            break;
        }
        if let [high, low, ..] = request[..] {
            *counts.lock().expect("no holder panics").entry(i16::from_be_bytes([high, low])).or_default() += 1;
        }
        let passed_on = async {
            to_server.write_u32(length).await?;
            to_server.write_all(&request).await
        };
        if passed_on.await.is_err() {
            break;
        }
    }
    answers.abort();
}

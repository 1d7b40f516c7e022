//! A proxy between a bridge and a broker. It counts Kafka requests by their API key, and can drop requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Kinds of request (<https://kafka.apache.org/protocol#protocol_api_keys>).
pub const OFFSET_FETCH: i16 = 9;
pub const DESCRIBE_GROUPS: i16 = 15;
pub const CONSUMER_GROUP_DESCRIBE: i16 = 69;

/// A port that a broker can advertise before it is started.
pub struct Listening(TcpListener);

/// The proxy. It ends when it is dropped; the broker stays.
pub struct BrokerProxy {
    pub address: String,
    counts: Counts,
    held: Held,
    accepting: tokio::task::JoinHandle<()>,
}

type Counts = Arc<Mutex<BTreeMap<i16, usize>>>;
type Held = Arc<Mutex<BTreeSet<i16>>>;

impl Listening {
    pub async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("a bound listener").port()
    }

    /// Forwards every connection to the broker.
    pub fn to(self, broker: String) -> BrokerProxy {
        let address = format!("127.0.0.1:{}", self.port());
        let counts = Counts::default();
        let held = Held::default();
        let (counting, holding) = (Arc::clone(&counts), Arc::clone(&held));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = self.0.accept().await {
                let Ok(server) = TcpStream::connect(&broker).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&counting), Arc::clone(&holding)));
            }
        });
        BrokerProxy { address, counts, held, accepting }
    }
}

impl BrokerProxy {
    /// How many requests with this API key were forwarded or dropped so far.
    pub fn count(&self, kind: i16) -> usize {
        self.counts.lock().expect("no holder panics").get(&kind).copied().unwrap_or(0)
    }

    /// From now on requests with these API keys, and only these, are dropped.
    pub fn hold(&self, kinds: &[i16]) {
        *self.held.lock().expect("no holder panics") = kinds.iter().copied().collect();
    }
}

impl Drop for BrokerProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, counts: Counts, held: Held) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    // A request consists of its length in four bytes and a header that begins with the API key in two bytes.
    while let Ok(length) = from_client.read_u32().await {
        let mut request = vec![0; length as usize];
        if from_client.read_exact(&mut request).await.is_err() {
            break;
        }
        if let [high, low, ..] = request[..] {
            let kind = i16::from_be_bytes([high, low]);
            *counts.lock().expect("no holder panics").entry(kind).or_default() += 1;
            if held.lock().expect("no holder panics").contains(&kind) {
                continue;
            }
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

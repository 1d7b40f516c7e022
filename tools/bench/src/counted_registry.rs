//! A real schema registry, whose requests are counted on their way to it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use local_registry::{Installation, LocalRegistry, Options};

/// How the first line of a request ends. Requests for schemas have no body, so no other line of a connection ends like this.
const REQUEST_LINE_END: &[u8] = b" HTTP/1.1\r\n";

/// The registry stops when this is dropped.
pub struct CountedRegistry {
    _registry: LocalRegistry,
    /// Goes through the counter.
    pub url: String,
    requests: Arc<AtomicU32>,
}

impl CountedRegistry {
    /// A registry without schemas.
    pub fn start(installation: &Installation) -> Result<Self> {
        let registry = installation.start(&Options::for_tests())?;
        let target = registry.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&requests);
        // Until the benchmark ends.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                // A connection that fails is the client's to report.
                std::thread::spawn(move || relay(client, target, &counter));
            }
        });
        let url = registry.url().replacen(&format!(":{target}/"), &format!(":{port}/"), 1);
        Ok(Self { _registry: registry, url, requests })
    }

    /// How many requests there were so far.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Copies both directions of a connection, until the client closes it.
fn relay(client: TcpStream, target: u16, requests: &AtomicU32) -> std::io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut answers, mut to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        // However it ends, the client sees that the connection is closed.
        let _ = std::io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut lines = BufReader::new(client);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if line.ends_with(REQUEST_LINE_END) {
            requests.fetch_add(1, Ordering::Relaxed);
        }
        server.write_all(&line)?;
        line.clear();
    }
    server.shutdown(Shutdown::Both)
}

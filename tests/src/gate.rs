//! A proxy in front of a server that can refuse connections, as if the server were stopped. The server keeps its data.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    server: String,
    accepting: Option<JoinHandle<()>>,
}

impl Gate {
    /// A proxy that refuses connections until it is opened.
    pub async fn closed(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        Self { address, server: server.to_owned(), accepting: None }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port of the proxy");
        let server = self.server.clone();
        self.accepting = Some(tokio::spawn(async move {
            // Ends the connections when it is dropped with this task.
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        }));
    }

    /// Ends all connections, and refuses further ones.
    pub async fn close(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

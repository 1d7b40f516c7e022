//! A TCP proxy between browser and bridge whose connections a test can end, as a network failure does.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

pub struct Wire {
    address: SocketAddr,
    target: watch::Sender<String>,
    cut: broadcast::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Accepts connections, and forwards them once there is a target.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (cut, _) = broadcast::channel(1);
        let (target, targets) = watch::channel(String::new());
        let cuts = cut.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut targets, mut cut) = (targets.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    let Ok(target) = targets.wait_for(|target| !target.is_empty()).await.map(|target| target.clone())
                    else {
                        return;
                    };
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { address, target, cut, accepting }
    }

    /// Sets the address to which connections are forwarded, such as `127.0.0.1:3030`.
    pub fn lead_to(&self, target: &str) {
        self.target.send_replace(target.to_owned());
    }

    /// The proxy's address for a `Host` header.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Ends every open connection; new ones are forwarded as before.
    pub fn cut(&self) {
        // Without open connections there is no receiver.
        let _ = self.cut.send(());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

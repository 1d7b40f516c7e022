//! HTTP: the page, health checks, metrics, and the upgrade to a WebSocket.

mod base_path;
mod certificate;
mod connections;
mod guard;
mod page;
mod peer;
mod proxy_header;
mod routes;
mod server;
mod sign_in;
mod stream;
mod unverified_tls;

pub use self::base_path::BasePath;
pub use self::certificate::{Certificate, CertificateError};
pub use self::connections::ActiveStream;
pub use self::guard::Guard;
pub use self::page::Asset;
pub use self::peer::{Peer, ProxyNetwork, TrustedProxies};
pub use self::routes::routes;
pub use self::server::{Listening, serve};
pub use self::stream::{ReadHalf, Stream, WriteHalf};
pub use self::unverified_tls::connect_unverified;

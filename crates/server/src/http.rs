//! HTTP: the page, health checks, metrics, and the upgrade to a WebSocket.

mod base_path;
mod certificate;
mod connections;
mod guard;
mod own_certificate;
mod page;
mod peer;
mod routes;
mod server;
mod stream;

pub use self::base_path::BasePath;
pub use self::certificate::{Certificate, CertificateError};
pub use self::connections::ActiveStream;
pub use self::guard::Guard;
pub use self::own_certificate::connect_to_own_certificate;
pub use self::page::Asset;
pub use self::peer::{Peer, ProxyNetwork, TrustedProxies};
pub use self::routes::routes;
pub use self::server::{Listening, serve};
pub use self::stream::{ReadHalf, Stream, WriteHalf};

//! HTTP: the page, health checks, metrics, and the upgrade to a WebSocket.

mod connections;
mod guard;
mod page;
mod routes;
mod server;

pub use self::connections::ActiveStream;
pub use self::guard::Guard;
pub use self::page::Asset;
pub use self::routes::routes;
pub use self::server::serve;

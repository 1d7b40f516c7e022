//! The HTTP side: the page, health, and the door to the WebSocket.

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

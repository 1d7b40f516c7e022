//! A minimal warp server: the cost of starting and idling in any case.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use warp::Filter as _;

use crate::parent::{Parent, tell};

/// Serves one path until the benchmark ends it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WarpServer {}

impl WarpServer {
    pub fn play(self, parent: Parent) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        runtime.spawn(warp::serve(warp::path::end().map(|| "")).incoming(listener).run());
        tell(&address)?;
        runtime.block_on(parent.waited())
    }
}

//! The floor of the page: the same list written by hand in JavaScript, from `tools/bench/page`.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use warp::Filter as _;

use crate::parent::{Parent, tell};

const PAGE: &str = include_str!("../../page/list.html");

/// Serves the page until the benchmark ends it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandWrittenPage {}

impl HandWrittenPage {
    pub fn play(self, parent: Parent) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        let page = warp::path::end().map(|| warp::reply::html(PAGE));
        runtime.spawn(warp::serve(page).incoming(listener).run());
        tell(&address)?;
        runtime.block_on(parent.waited())
    }
}

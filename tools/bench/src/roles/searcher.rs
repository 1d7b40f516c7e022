//! A client that searches a topic, and the time that the bridge takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::SinkExt as _;
use protocol::{ClientMessage, Filter, Order, Search, SearchDone, SearchProgress, SearchRecords, ServerMessage};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::measurement::Throughput;
use crate::parent::tell;
use crate::stopwatch::Stopwatch;

/// Searches a topic once, after a search for one record, with which the bridge connects to Kafka.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Searcher {
    pub address: String,
    /// The bridge, whose CPU time is measured.
    pub watched: u32,
    pub topic: String,
    pub filter: Filter,
    pub order: Order,
    pub count: u32,
}

/// What a search has read and found, and how long it took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Searched {
    pub scanned: u64,
    pub found: u64,
    pub throughput: Throughput,
    pub took: Duration,
}

impl Searcher {
    pub fn play(self) -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.run())
    }

    async fn run(self) -> Result<()> {
        let mut client = Client::connect(&self.address).await?;
        self.search(&mut client, 1).await?;
        let watch = Stopwatch::over(self.watched)?;
        let begin = Instant::now();
        let (scanned, found) = self.search(&mut client, self.count).await?;
        let took = begin.elapsed();
        tell(&Searched { scanned, found, throughput: watch.stop(scanned)?, took })
    }

    async fn search(&self, client: &mut Client, count: u32) -> Result<(u64, u64)> {
        let request = Search {
            topics: vec![self.topic.clone()],
            partitions: Vec::new(),
            from: protocol::RangeBound::Earliest,
            to: protocol::RangeBound::Latest,
            // The first search has none, so that it ends at once.
            filter: Box::new(if count == 1 { Filter::default() } else { self.filter.clone() }),
            partitioner: None,
            order: self.order,
            count,
            isolation: protocol::Isolation::Committed,
            decode: protocol::Decode::default(),
            cursor: None,
        };
        client.socket.send(Message::text(ClientMessage::from(request).to_json_with_id(Some(1)))).await?;
        let (mut last, mut found) = (SearchProgress::default(), 0);
        loop {
            match client.hear().await.context("a search")? {
                ServerMessage::SearchRecords(SearchRecords { records, .. }) => found += records.len() as u64,
                ServerMessage::SearchProgress(progress) => last = progress,
                ServerMessage::SearchDone(SearchDone { error, .. }) => {
                    ensure!(error.is_none(), "the search failed: {error:?}");
                    return Ok((last.scanned, found));
                }
                _ => {}
            }
        }
    }
}

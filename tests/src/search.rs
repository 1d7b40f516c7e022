//! Searches of a client, and what they find.

use protocol::{
    FoundRecord, Search, SearchCursor, SearchDone, SearchProgress, SearchRecords, SearchStarted, ServerMessage,
};

use crate::client::Client;

/// A search for up to `count` records of a topic, the newest first.
pub fn search(topic: &str, count: u32) -> Search {
    protocol::from_json(&format!(r#"{{"topics":[{topic:?}],"count":{count}}}"#)).expect("a search")
}

/// What a search has sent.
#[derive(Debug)]
pub struct Found {
    pub started: SearchStarted,
    pub records: Vec<FoundRecord>,
    /// The last progress.
    pub progress: SearchProgress,
    pub done: SearchDone,
}

impl Found {
    pub fn values(&self) -> Vec<String> {
        let value = |found: &FoundRecord| {
            let bytes = found.record.value.as_kafka().unwrap_or(b"(null)");
            String::from_utf8_lossy(bytes).into_owned()
        };
        self.records.iter().map(value).collect()
    }

    /// Partitions and offsets.
    pub fn places(&self) -> Vec<(i32, i64)> {
        self.records.iter().map(|found| (found.partition, found.record.offset.0)).collect()
    }
}

impl Client {
    /// Runs a search to its end.
    pub async fn search(&mut self, request: Search) -> Found {
        let started: SearchStarted = self.ask(request).await;
        self.found(started).await
    }

    /// What a search that was started sends until its end.
    pub async fn found(&mut self, started: SearchStarted) -> Found {
        let number = started.search;
        let (mut records, mut progress) = (Vec::new(), SearchProgress::default());
        loop {
            let next = self.find("the end of the search", |frame| match &frame.message {
                ServerMessage::SearchRecords(SearchRecords { search, .. }) if *search == number => {
                    Some(frame.message.clone())
                }
                ServerMessage::SearchProgress(SearchProgress { search, .. }) if *search == number => {
                    Some(frame.message.clone())
                }
                ServerMessage::SearchDone(SearchDone { search, .. }) if *search == number => {
                    Some(frame.message.clone())
                }
                _ => None,
            });
            match next.await {
                ServerMessage::SearchRecords(found) => records.extend(found.records),
                ServerMessage::SearchProgress(latest) => progress = latest,
                ServerMessage::SearchDone(done) => return Found { started, records, progress, done },
                other => panic!("picked {other:?}"),
            }
        }
    }

    /// The same search page by page until nothing is left; the pages.
    pub async fn pages(&mut self, request: Search) -> Vec<Found> {
        let mut pages: Vec<Found> = Vec::new();
        let mut cursor: Option<SearchCursor> = None;
        loop {
            let page = self.search(Search { cursor: cursor.take(), ..request.clone() }).await;
            cursor = page.done.cursor.clone();
            pages.push(page);
            if cursor.is_none() {
                return pages;
            }
        }
    }
}

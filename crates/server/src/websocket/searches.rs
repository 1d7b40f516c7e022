//! The searches of one socket.

use std::collections::HashMap;

use protocol::{
    ErrorBody, ErrorCode, ErrorMessage, MessageBody as _, Search, SearchDone, SearchEnd, ServerMessage, limits,
};
use tokio_util::sync::CancellationToken;

use super::outbox::{Gone, Outbox};
use crate::metrics::METRICS;
use crate::search::{AdmittedSearch, Sent};

/// The session's handles on its searches.
#[derive(Default)]
pub struct Searches {
    running: HashMap<u32, CancellationToken>,
    last: u32,
}

impl Searches {
    /// Reserves the number of a new search.
    ///
    /// # Errors
    /// If the socket has the maximum number of searches.
    pub fn reserve(&mut self) -> Result<u32, ErrorBody> {
        const MOST: usize = limits::SEARCHES;
        // The token of an ended search is cancelled by its guard.
        self.running.retain(|_, stop| !stop.is_cancelled());
        if self.running.len() >= MOST {
            let message = format!("a socket has at most {MOST} searches; stop one first");
            return Err(ErrorBody::new(ErrorCode::TooManySearches, message));
        }
        self.last += 1;
        Ok(self.last)
    }

    /// Starts a search; the returned future is the task that sends what it finds. If the task is dropped, the search ends.
    pub fn start(
        &mut self,
        number: u32,
        search: AdmittedSearch,
        id: Option<u64>,
        outbox: Outbox,
    ) -> impl Future<Output = ()> + Send + 'static {
        let stop = CancellationToken::new();
        self.running.insert(number, stop.clone());
        async move {
            // Cancelled also if the task is dropped, because the socket is gone.
            let _guard = stop.clone().drop_guard();
            // If the socket is gone, the messages are discarded.
            let _ = send_all(search, number, stop, id, &outbox).await;
        }
    }

    /// Stops a search; what it has found follows.
    ///
    /// # Errors
    /// If there is no such search.
    pub fn stop(&mut self, number: u32) -> Result<(), ErrorBody> {
        let unknown = || {
            let message = format!("there is no search {number} on this socket, or it has ended");
            ErrorBody::new(ErrorCode::UnknownSearch, message)
        };
        let stop = self.running.remove(&number).filter(|stop| !stop.is_cancelled());
        stop.ok_or_else(unknown)?.cancel();
        Ok(())
    }
}

async fn send_all(
    search: AdmittedSearch,
    number: u32,
    stop: CancellationToken,
    id: Option<u64>,
    outbox: &Outbox,
) -> Result<(), Gone> {
    let mut messages = search.start(number, stop);
    loop {
        let message = tokio::select! {
            () = outbox.closed() => return Err(Gone),
            message = messages.recv() => message,
        };
        match message {
            Some(Sent::Started(started)) => {
                METRICS.request(Search::NAME, started.as_ref().map(drop));
                match started {
                    Ok(started) => outbox.reply(id, started).await?,
                    Err(error) => return outbox.reply(id, ErrorMessage::from(error)).await,
                }
            }
            Some(Sent::Push(message)) => {
                let is_last = matches!(*message, ServerMessage::SearchDone(_));
                outbox.send(*message).await?;
                if is_last {
                    return Ok(());
                }
            }
            // The thread of the search panicked.
            None => {
                let error =
                    ErrorBody::new(ErrorCode::Internal, "the search failed inside the bridge; see the bridge's log");
                let done = SearchDone { search: number, reason: SearchEnd::Failed, cursor: None, error: Some(error) };
                return outbox.send(done).await;
            }
        }
    }
}

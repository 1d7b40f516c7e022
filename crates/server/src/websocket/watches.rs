//! The live views of one socket. Each has a task that sends what changed since the last message.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use protocol::{
    ClusterDetailsChanged, ErrorBody, ErrorCode, GroupChanged, GroupPosition, GroupResult, GroupsChanged,
    PartitionInfo, ServerMessage, TopicChanged, TopicPartition, TopicsChanged, Unwatched, WatchTrouble,
};
use tokio_util::sync::CancellationToken;

use super::outbox::{Gone, Outbox};
use crate::permissions::Permissions;
use crate::views::{Snapshot, Snapshots, ViewData};

/// How many live views a socket may have.
const MAX_WATCHES: usize = protocol::limits::LIVE_VIEWS;

/// The session's handles on its live views.
#[derive(Default)]
pub struct Watches {
    open: HashMap<u32, Watch>,
    last: u32,
}

struct Watch {
    ending: CancellationToken,
    unwatch_id: Arc<OnceLock<Option<u64>>>,
}

impl Watches {
    /// Reserves the number of a new live view.
    pub fn reserve(&mut self) -> Result<u32, ErrorBody> {
        if self.open.len() >= MAX_WATCHES {
            let message = format!("a socket has at most {MAX_WATCHES} live views; end one first");
            return Err(ErrorBody::new(ErrorCode::TooManyWatches, message));
        }
        self.last += 1;
        Ok(self.last)
    }

    /// Starts a live view; the returned future is the task that sends its changes.
    pub fn start(
        &mut self,
        number: u32,
        snapshots: Snapshots,
        permissions: Permissions,
        outbox: Outbox,
    ) -> impl Future<Output = ()> + Send + 'static {
        let watch = Watch { ending: CancellationToken::new(), unwatch_id: Arc::default() };
        let (ending, unwatch_id) = (watch.ending.clone(), Arc::clone(&watch.unwatch_id));
        self.open.insert(number, watch);
        async move {
            let pushed = tokio::select! {
                () = outbox.closed() => Err(Gone),
                pushed = push(number, snapshots, &permissions, &outbox, &ending) => pushed,
            };
            if pushed.is_ok() {
                let id = unwatch_id.get().copied().flatten();
                // If the socket is gone, the reply is discarded.
                let _ = outbox.reply(id, Unwatched { watch: number }).await;
            }
        }
    }

    /// Ends a live view; the reply to request `id` follows its last message.
    pub fn end(&mut self, number: u32, id: Option<u64>) -> Result<(), ErrorBody> {
        let unknown =
            || ErrorBody::new(ErrorCode::UnknownWatch, format!("there is no live view {number} on this socket"));
        let watch = self.open.remove(&number).ok_or_else(unknown)?;
        // Set before the token is cancelled, because the task reads it afterwards.
        let _ = watch.unwatch_id.set(id);
        watch.ending.cancel();
        Ok(())
    }
}

/// Sends the changes of each snapshot until the socket is gone or `ending` is cancelled, which never divides a message. A slow
/// socket misses snapshots, but never the latest.
async fn push(
    watch: u32,
    mut snapshots: Snapshots,
    permissions: &Permissions,
    outbox: &Outbox,
    ending: &CancellationToken,
) -> Result<(), Gone> {
    let mut sent: Option<Sent> = None;
    let mut sent_error: Option<ErrorBody> = None;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(snapshot) = snapshot {
            match &snapshot.result {
                Ok(data) => {
                    sent_error = None;
                    let visible = permissions.visible(data);
                    if let Some(message) = changes(watch, snapshot.at, sent.as_ref().and_then(Sent::data), &visible) {
                        outbox.send(message).await?;
                    }
                    sent = Some(match visible {
                        Cow::Borrowed(_) => Sent::Whole(Arc::clone(&snapshot)),
                        Cow::Owned(part) => Sent::Part(Box::new(part)),
                    });
                }
                Err(error) if sent_error.as_ref() != Some(error) => {
                    sent_error = Some(error.clone());
                    outbox.send(WatchTrouble { watch, error: error.clone() }).await?;
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            // A requested end has priority over further changes.
            biased;
            () = ending.cancelled() => return Ok(()),
            // Fails only when the bridge ends.
            changed = snapshots.changed() => changed.map_err(|_| Gone)?,
        }
    }
}

/// The data that the client has. Snapshots are shared with the other subscribers of the view.
enum Sent {
    Whole(Arc<Snapshot>),
    /// Only what the user may see.
    Part(Box<ViewData>),
}

impl Sent {
    fn data(&self) -> Option<&ViewData> {
        match self {
            Self::Whole(snapshot) => snapshot.result.as_ref().ok(),
            Self::Part(data) => Some(data),
        }
    }
}

/// The message for a client that has the view's data `before`; `None` if nothing changed.
fn changes(watch: u32, at: i64, before: Option<&ViewData>, now: &ViewData) -> Option<ServerMessage> {
    match (before, now) {
        (Some(before), ViewData::Cluster(_)) if before == now => None,
        (_, ViewData::Cluster(details)) => Some(ClusterDetailsChanged { watch, at, details: details.clone() }.into()),
        (before, ViewData::Topics(topics)) => {
            let before = match before {
                Some(ViewData::Topics(before)) => Some(before.as_slice()),
                _ => None,
            };
            let (topics, removed) = difference(before, topics, |topic| topic.name.clone())?;
            Some(TopicsChanged { watch, at, topics, removed }.into())
        }
        (before, ViewData::Groups(groups)) => {
            let before = match before {
                Some(ViewData::Groups(before)) => Some(before.as_slice()),
                _ => None,
            };
            let (groups, removed) = difference(before, groups, |group| group.summary.group.clone())?;
            let groups = groups.into_iter().map(|group| group.summary).collect();
            Some(GroupsChanged { watch, at, groups, removed }.into())
        }
        (before, ViewData::Topic { partitions, records, rate }) => {
            let before: &[PartitionInfo] = match before {
                Some(ViewData::Topic { partitions, .. }) => partitions,
                _ => &[],
            };
            let (partitions, _) = changed(before, partitions, |partition| partition.partition);
            Some(TopicChanged { watch, at, partitions, records: *records, rate: *rate }.into())
        }
        (before, ViewData::Group(group)) => {
            let before = match before {
                Some(ViewData::Group(before)) => Some(before),
                _ => None,
            };
            Some(group_changed(watch, at, before, group).into())
        }
    }
}

fn group_changed(watch: u32, at: i64, before: Option<&GroupResult>, now: &GroupResult) -> GroupChanged {
    let partition_of =
        |position: &GroupPosition| TopicPartition { topic: position.topic.clone(), partition: position.partition };
    let known = before.map_or(&[][..], |before| &before.positions);
    let (positions, removed) = changed(known, &now.positions, partition_of);
    let same_members = before.is_some_and(|before| before.members == now.members);
    GroupChanged {
        watch,
        at,
        state: now.state.clone(),
        kind: now.kind,
        not_described: now.not_described.clone(),
        protocol: now.protocol,
        coordinator: now.coordinator.clone(),
        assignor: now.assignor.clone(),
        lag: now.lag,
        members: (!same_members).then(|| now.members.clone()),
        positions,
        removed,
    }
}

/// What changed in a list, or `None`. The first data of a view is a change even if it is empty.
fn difference<T: Clone + PartialEq, K: Ord>(
    before: Option<&[T]>,
    now: &[T],
    key: impl Fn(&T) -> K,
) -> Option<(Vec<T>, Vec<K>)> {
    let (new, removed) = changed(before.unwrap_or_default(), now, key);
    let nothing = before.is_some() && new.is_empty() && removed.is_empty();
    (!nothing).then_some((new, removed))
}

/// The new or different elements, and the keys of those that are gone.
fn changed<T: Clone + PartialEq, K: Ord>(before: &[T], now: &[T], key: impl Fn(&T) -> K) -> (Vec<T>, Vec<K>) {
    let mut before: BTreeMap<K, &T> = before.iter().map(|element| (key(element), element)).collect();
    let new = now.iter().filter(|element| before.remove(&key(element)) != Some(*element)).cloned().collect();
    (new, before.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use protocol::GroupSummary;

    use super::*;

    fn group(name: &str, lag: u64) -> GroupSummary {
        let (group, state) = (name.to_owned(), "Stable".to_owned());
        let (kind, protocol, topics) = Default::default();
        GroupSummary { group, state, members: Some(1), kind, protocol, topics, lag: Some(lag) }
    }

    #[test]
    fn only_changed_elements_are_sent() {
        let before = [group("a", 1), group("b", 1), group("c", 1)];
        let now = [group("a", 1), group("c", 2), group("d", 1)];
        let sent = difference(Some(&before), &now, |group| group.group.clone());
        assert_eq!(sent, Some((vec![group("c", 2), group("d", 1)], vec!["b".to_owned()])));
        assert_eq!(difference(Some(&now), &now, |group| group.group.clone()), None);
    }

    #[test]
    fn first_data_of_a_view_is_sent_even_if_empty() {
        let sent = difference::<GroupSummary, String>(None, &[], |group| group.group.clone());
        assert_eq!(sent, Some((Vec::new(), Vec::new())));
    }
}

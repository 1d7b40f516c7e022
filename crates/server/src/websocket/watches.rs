//! The live views of one socket: each a task that sends what changed since the last push.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use protocol::{
    ClusterDetailsChanged, ErrorBody, ErrorCode, GroupChanged, GroupPosition, GroupResult, GroupsChanged,
    PartitionInfo, ServerMessage, TopicChanged, TopicPartition, TopicsChanged, Unwatched, WatchTrouble,
};
use tokio_util::sync::CancellationToken;

use super::outbox::{Gone, Outbox};
use crate::views::{Look, Looks, Picture};

/// How many live views a socket may have.
const MAX_WATCHES: usize = 16;

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
    /// Makes room for one more.
    pub fn reserve(&mut self) -> Result<u32, ErrorBody> {
        if self.open.len() >= MAX_WATCHES {
            let message = format!("a socket has at most {MAX_WATCHES} live views; end one first");
            return Err(ErrorBody::new(ErrorCode::TooManyWatches, message));
        }
        self.last += 1;
        Ok(self.last)
    }

    /// Starts to push; the returned future is the task.
    pub fn start(&mut self, number: u32, looks: Looks, outbox: Outbox) -> impl Future<Output = ()> + Send + 'static {
        let watch = Watch { ending: CancellationToken::new(), unwatch_id: Arc::default() };
        let (ending, unwatch_id) = (watch.ending.clone(), Arc::clone(&watch.unwatch_id));
        self.open.insert(number, watch);
        async move {
            let pushed = tokio::select! {
                // An end asked for comes before more news.
                biased;
                () = ending.cancelled() => Ok(()),
                () = outbox.closed() => Err(Gone),
                pushed = push(number, looks, &outbox) => pushed,
            };
            if pushed.is_ok() {
                let id = unwatch_id.get().copied().flatten();
                // If the socket is gone there is nobody to tell.
                let _ = outbox.reply(id, Unwatched { watch: number }).await;
            }
        }
    }

    /// Ends one; the reply to request `id` follows its last push.
    pub fn end(&mut self, number: u32, id: Option<u64>) -> Result<(), ErrorBody> {
        let unknown =
            || ErrorBody::new(ErrorCode::UnknownWatch, format!("there is no live view {number} on this socket"));
        let watch = self.open.remove(&number).ok_or_else(unknown)?;
        // Set before the token: the task reads it after.
        let _ = watch.unwatch_id.set(id);
        watch.ending.cancel();
        Ok(())
    }
}

/// Sends what is new at each look, until the socket is gone. A socket that is slow misses looks, never the latest.
async fn push(watch: u32, mut looks: Looks, outbox: &Outbox) -> Result<(), Gone> {
    let mut told: Option<Picture> = None;
    let mut trouble: Option<ErrorBody> = None;
    loop {
        let look = looks.borrow_and_update().clone();
        if let Some(look) = look {
            let Look { at, seen } = &*look;
            match seen {
                Ok(picture) => {
                    trouble = None;
                    if let Some(message) = news(watch, *at, told.as_ref(), picture) {
                        outbox.send(message).await?;
                    }
                    told = Some(picture.clone());
                }
                Err(error) if trouble.as_ref() != Some(error) => {
                    trouble = Some(error.clone());
                    outbox.send(WatchTrouble { watch, error: error.clone() }).await?;
                }
                Err(_) => {}
            }
        }
        if looks.changed().await.is_err() {
            // Only when the bridge ends.
            return Err(Gone);
        }
    }
}

/// What is to be told of a picture to somebody who knows the one before; `None` where there is nothing new.
fn news(watch: u32, at: i64, before: Option<&Picture>, now: &Picture) -> Option<ServerMessage> {
    match (before, now) {
        (Some(before), Picture::Cluster(_)) if before == now => None,
        (_, Picture::Cluster(details)) => Some(ClusterDetailsChanged { watch, at, details: details.clone() }.into()),
        (before, Picture::Topics(topics)) => {
            let before = match before {
                Some(Picture::Topics(before)) => Some(before.as_slice()),
                _ => None,
            };
            let (topics, removed) = difference(before, topics, |topic| topic.name.clone())?;
            Some(TopicsChanged { watch, at, topics, removed }.into())
        }
        (before, Picture::Groups(groups)) => {
            let before = match before {
                Some(Picture::Groups(before)) => Some(before.as_slice()),
                _ => None,
            };
            let (groups, removed) = difference(before, groups, |group| group.group.clone())?;
            Some(GroupsChanged { watch, at, groups, removed }.into())
        }
        (before, Picture::Topic { partitions, records, rate }) => {
            let before: &[PartitionInfo] = match before {
                Some(Picture::Topic { partitions, .. }) => partitions,
                _ => &[],
            };
            let (partitions, _) = changed(before, partitions, |partition| partition.partition);
            Some(TopicChanged { watch, at, partitions, records: *records, rate: *rate }.into())
        }
        (before, Picture::Group(group)) => {
            let before = match before {
                Some(Picture::Group(before)) => Some(before),
                _ => None,
            };
            Some(group_changed(watch, at, before, group).into())
        }
    }
}

fn group_changed(watch: u32, at: i64, before: Option<&GroupResult>, now: &GroupResult) -> GroupChanged {
    let place =
        |position: &GroupPosition| TopicPartition { topic: position.topic.clone(), partition: position.partition };
    let known = before.map_or(&[][..], |before| &before.positions);
    let (positions, removed) = changed(known, &now.positions, place);
    let same_members = before.is_some_and(|before| before.members == now.members);
    GroupChanged {
        watch,
        at,
        state: now.state.clone(),
        protocol: now.protocol,
        coordinator: now.coordinator.clone(),
        assignor: now.assignor.clone(),
        lag: now.lag,
        members: (!same_members).then(|| now.members.clone()),
        positions,
        removed,
    }
}

/// What changed in a list; `None` where nothing did. A first picture is news even if it is empty.
fn difference<T: Clone + PartialEq, K: Ord>(
    before: Option<&[T]>,
    now: &[T],
    key: impl Fn(&T) -> K,
) -> Option<(Vec<T>, Vec<K>)> {
    let (new, removed) = changed(before.unwrap_or_default(), now, key);
    let nothing = before.is_some() && new.is_empty() && removed.is_empty();
    (!nothing).then_some((new, removed))
}

/// New or different elements, and the keys of those that are gone.
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
        GroupSummary { group, state, members: 1, protocol: None, topics: Vec::new(), lag: Some(lag) }
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = [group("a", 1), group("b", 1), group("c", 1)];
        let now = [group("a", 1), group("c", 2), group("d", 1)];
        let told = difference(Some(&before), &now, |group| group.group.clone());
        assert_eq!(told, Some((vec![group("c", 2), group("d", 1)], vec!["b".to_owned()])));
        assert_eq!(difference(Some(&now), &now, |group| group.group.clone()), None);
    }

    #[test]
    fn a_first_picture_is_told_even_if_it_is_empty() {
        let told = difference::<GroupSummary, String>(None, &[], |group| group.group.clone());
        assert_eq!(told, Some((Vec::new(), Vec::new())));
    }
}

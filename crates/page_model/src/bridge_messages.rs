//! Applies the bridge's messages to the app state. What the user and the clock do is in `app_state.rs`.

use std::rc::Rc;

use protocol::{
    ClusterState, ErrorBody, ErrorCode, ErrorMessage, GapReason, Produced, RequestId, ServerMessage, TopicPartition,
};

use super::app_state::{AppState, TopicRequestPurpose};
use super::entry::{Gap, ReceivedBatch};
use super::incoming::{self, Header};
use super::masked::MaskedFields;
use super::notices::NoticeKind;
use super::slice::Slice;

impl AppState {
    /// Applies one text frame. `arrived_ms`: when the socket received the frame, by the page's clock. Returns the
    /// interval of the bridge's `ping` in milliseconds if the frame was `welcome`.
    pub fn receive(&mut self, text: &str, arrived_ms: f64) -> Option<u64> {
        let header = match Header::parse(text) {
            Ok(header) => header,
            Err(error) => {
                self.notify(NoticeKind::Unreadable(error.to_string()), arrived_ms);
                return None;
            }
        };
        if let Some(search) = self.component_requests.search_started(&header) {
            self.send_search_stop(search);
        }
        if self.component_requests.received(&header, text) {
            return None;
        }
        match incoming::parse(&header.name, text) {
            Ok(Some(ServerMessage::Welcome(welcome))) => {
                let heartbeat_ms = welcome.heartbeat_ms;
                self.welcomed(welcome);
                return Some(heartbeat_ms);
            }
            Ok(Some(message)) => self.apply_message(header.id, header.more, message, arrived_ms),
            Ok(None) => {}
            Err(error) => self.notify(NoticeKind::Unreadable(error.to_string()), arrived_ms),
        }
        None
    }

    /// `more`: the lists of the message continue in the next one.
    fn apply_message(&mut self, id: Option<RequestId>, more: bool, message: ServerMessage, now_ms: f64) {
        match message {
            ServerMessage::ErrorMessage(error) => self.refused(id, error, now_ms),
            ServerMessage::ClusterChanged(changed) => {
                if changed.cluster.state == ClusterState::Up {
                    self.listening.kafka_is_back();
                }
                self.cluster = Some(changed.cluster);
                self.changes.mark(Slice::Cluster);
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::RegistryChanged(registry) => self.registry_changed(registry, now_ms),
            ServerMessage::AddSchemaResult(added) => self.schema_added(id, &added),
            ServerMessage::Produced(produced) => self.produced(produced, now_ms),
            ServerMessage::Subscribed(subscribed) if self.listening.awaits(id) => {
                let masked = MaskedFields::of_topics(subscribed.masked, self.listening.intent().topics.len());
                if self.listening.subscribed(subscribed.subscription, masked) {
                    self.unsubscribe(subscribed.subscription);
                }
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::Assigned(assigned) if self.is_mine(assigned.subscription) => {
                self.listening.assigned_to(&assigned.partitions, now_ms);
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::Revoked(revoked) if self.is_mine(revoked.subscription) => {
                self.listening.revoked(&revoked.partitions);
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::Committed(committed) if self.is_mine(committed.subscription) => {
                self.listening.committed(&committed.positions);
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::ProduceWaiting(wait) => {
                self.waits.produce_waits(wait);
                self.waits_shown = self.waits.sent().len();
                self.changes.mark(Slice::Sends);
                self.changes.mark(Slice::Cluster);
            }
            ServerMessage::RecordsWaiting(waiting) if self.is_mine(waiting.subscription) => {
                let topics = &self.listening.intent().topics;
                if more {
                    return self.waits.first_partitions(waiting.partitions);
                }
                self.waits.records_wait(waiting.partitions, |topic| topics.iter().any(|read| read == topic));
                self.waits_changed();
                self.changes.mark(Slice::Listening);
            }
            ServerMessage::ResumeCommitsResult(resumed) if self.is_mine(resumed.subscription) => {
                self.listening.commits_resumed(&resumed.partitions);
                self.changes.mark(Slice::Listening);
                self.changes.mark_list();
            }
            ServerMessage::GroupResult(group) if id.is_some() && self.group_request == id => {
                self.listening.set_committed_start(&group.positions);
                if !more {
                    self.group_request = None;
                    self.subscribe();
                }
            }
            ServerMessage::TopicResult(topic) => match id.and_then(|id| self.topic_request_of(id, more)) {
                Some(TopicRequestPurpose::Ends) => {
                    self.listening.set_ends(&topic.name, &topic.partitions);
                    self.changes.mark(Slice::Listening);
                }
                Some(TopicRequestPurpose::BeginAt) => {
                    self.listening.set_start_offsets(&topic.name, &topic.partitions);
                    if more || self.topic_requests.values().any(|&why| why == TopicRequestPurpose::BeginAt) {
                        return;
                    }
                    if self.listening.must_look_up_start() {
                        // Every topic was described, and none has the partition: a second request would return the same.
                        let message = "none of these topics has the partition to begin in";
                        self.listening.refused(ErrorBody::new(ErrorCode::UnknownPartition, message));
                        self.changes.mark(Slice::Listening);
                        self.listen_to_next();
                    } else {
                        self.subscribe();
                    }
                }
                None => {}
            },
            ServerMessage::Watching(watching) => {
                if let Some(watch) = self.component_requests.view_opened(id, watching.watch) {
                    self.unwatch(watch);
                }
            }
            ServerMessage::WatchTrouble(failed) => self.component_requests.view_failed(failed.watch, failed.error),
            ServerMessage::Fetched(fetched) => {
                if self.was_read_again(id, &fetched) {
                    return;
                }
                let Some(gap) = self.fills.replied(id) else { return };
                let Some(missing) = gap.as_gap() else { return };
                let (from, next) = (missing.from, fetched.next.0);
                let records = ReceivedBatch::fetched(
                    &missing.topic,
                    missing.partition,
                    &fetched.records,
                    MaskedFields::new(fetched.masked),
                    &mut self.shared_notes,
                );
                let rest = self.feed.fill(&gap, records.as_ref(), next);
                self.feed.shrink();
                self.changes.mark_list();
                // A reply without progress means that the partition ends before the gap does; another request would
                // return nothing.
                if let Some(rest) = rest.filter(|_| next > from) {
                    self.request_gap(&rest);
                }
            }
            ServerMessage::Gap(gap) if self.is_mine(gap.subscription) => {
                if gap.reason == GapReason::OutOfRange {
                    let topic_partition = TopicPartition { topic: gap.topic.clone(), partition: gap.partition };
                    self.listening.out_of_range(topic_partition, gap.from.0, gap.to.0);
                    self.changes.mark(Slice::Listening);
                }
                self.listening.gap(
                    &gap.topic,
                    gap.partition,
                    gap.to.0,
                    matches!(gap.reason, GapReason::Recreated | GapReason::OutOfRange),
                );
                let (topic, from, to) = (gap.topic.into(), gap.from.0, gap.to.0);
                self.feed.push_gap(Gap { topic, partition: gap.partition, from, to, reason: gap.reason });
                self.changes.mark_list();
            }
            ServerMessage::Unsubscribed(ended) if self.is_mine(ended.subscription) || self.listening.awaits(id) => {
                self.listening.ended();
                self.waits.list_ended();
                self.changes.mark(Slice::Listening);
                self.listen_to_next();
            }
            // About an earlier subscription. `ping` is answered by the socket.
            _ => {}
        }
    }

    /// The purpose of the request, which is over unless more parts of its reply follow.
    fn topic_request_of(&mut self, id: RequestId, more: bool) -> Option<TopicRequestPurpose> {
        if more { self.topic_requests.get(&id).copied() } else { self.topic_requests.remove(&id) }
    }

    /// Redraws the banner and the list of sent records, which both show the partitions with waiting records.
    fn waits_changed(&mut self) {
        let count = self.waits.sent().len();
        if std::mem::replace(&mut self.waits_shown, count) != count {
            self.changes.mark(Slice::Sends);
            self.changes.mark(Slice::Cluster);
        }
    }

    fn is_mine(&self, subscription: u32) -> bool {
        self.listening.subscription() == Some(subscription)
    }

    fn produced(&mut self, produced: Produced, now_ms: f64) {
        for ack in &produced.acks {
            self.sends.acked(ack, now_ms);
            self.waits.acked(&ack.topic, ack.partition);
        }
        for failure in produced.errors {
            self.sends.failed(failure.seq, failure.error);
        }
        if self.sends.waiting() == 0 {
            self.waits.all_have_outcomes();
        }
        self.waits_changed();
        self.settle(now_ms);
    }

    fn refused(&mut self, id: Option<RequestId>, ErrorMessage { subscription, error, .. }: ErrorMessage, now_ms: f64) {
        if self.component_requests.refused(id, &error)
            || self.schema_refused(id, &error)
            || self.reading_again_failed(id)
        {
            return;
        }
        if error.code == ErrorCode::UnknownCluster.number() {
            // Shown with the close code that follows.
            self.unknown_cluster = Some(error.message);
            return;
        }
        self.changes.mark(Slice::Listening);
        if id.is_some() && self.group_request == id {
            self.group_request = None;
            // A group that does not exist has no committed offsets.
            if error.code == ErrorCode::GroupMissing.number() {
                self.listening.set_committed_start(&[]);
                return self.subscribe();
            }
            self.listening.refused(error);
            return self.listen_to_next();
        }
        let purpose = id.and_then(|id| self.topic_requests.remove(&id));
        if id.is_some() && self.fills.replied(id).is_some() {
            self.changes.mark_list();
            self.notify(NoticeKind::Refused(error), now_ms);
        } else if purpose == Some(TopicRequestPurpose::Ends) {
            // The end offsets stay unknown; the subscription reports the error itself.
        } else if purpose == Some(TopicRequestPurpose::BeginAt) || self.listening.awaits(id) {
            self.listening.refused(error);
            self.listen_to_next();
        } else if subscription.is_some_and(|subscription| self.is_mine(subscription)) {
            self.listening.failed(error);
        } else if subscription.is_none() {
            self.notify(NoticeKind::Refused(error), now_ms);
        }
    }

    /// Applies one binary frame: a batch of records of one partition, in offset order.
    pub fn receive_batch(&mut self, bytes: Box<[u8]>, arrived_ms: f64) {
        let masked = self.listening.masked().clone();
        let batch = match ReceivedBatch::parse(bytes, self.last_topic.as_ref(), masked, &mut self.shared_notes) {
            Ok(batch) => batch,
            Err(error) => return self.notify(NoticeKind::Unreadable(error.to_string()), arrived_ms),
        };
        if !self.is_mine(batch.subscription) {
            return;
        }
        let (topic, partition) = (Rc::clone(batch.topic()), batch.partition());
        self.last_topic = Some(Rc::clone(&topic));
        let mut next = self.listening.next_of(&topic, partition, i64::MIN);
        let first = next;
        let mut count = 0;
        for (offset, entry) in batch.entries() {
            if offset >= next {
                next = offset + 1;
                self.feed.receive(entry);
                count += 1;
            }
        }
        if count > 0 {
            self.listening.advance(&topic, partition, next);
            self.mark_own_records(&batch, first, arrived_ms);
            self.read_late_records_again(&batch, arrived_ms);
        }
        self.feed.shrink();
        self.receive_stats.received(count, arrived_ms);
        self.changes.mark_if(Slice::Listening, self.listening.error().is_some());
        if let Some(flow) = self.listening.handled(batch.seq, batch.payload_bytes, arrived_ms) {
            self.post(&flow);
        }
        self.changes.mark(Slice::Rows);
    }

    /// Marks the records of a batch that this page has sent itself.
    fn mark_own_records(&mut self, batch: &ReceivedBatch, first: i64, arrived_ms: f64) {
        let (topic, partition) = (batch.topic(), batch.partition());
        let (low, high) = (batch.offsets().next().unwrap_or(0), batch.offsets().next_back().unwrap_or(0));
        // One check for each batch keeps the cost low for a fast stream without records of this page.
        if !self.sends.expects_any_in(topic, partition, low, high) {
            return;
        }
        let mut own_seen = false;
        for offset in batch.offsets().filter(|&offset| offset >= first) {
            if let Some(after_ms) = self.sends.record_arrived(topic, partition, offset, arrived_ms) {
                own_seen = true;
                self.receive_stats.seen_after(after_ms);
                self.waits.seen(topic, partition, offset);
                self.feed.mark_own(Rc::clone(topic), partition, offset, after_ms);
            }
        }
        if own_seen {
            self.waits_changed();
            self.settle(arrived_ms);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

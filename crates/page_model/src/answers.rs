//! What the bridge says, and what it changes in the page. The other half of `page.rs`.

use std::rc::Rc;

use protocol::{
    ClusterState, ErrorBody, ErrorCode, ErrorMessage, Frame, GapReason, Produced, RequestId, ServerMessage,
    TopicPartition,
};

use super::entry::{Arrived, Gap};
use super::incoming;
use super::notices::NoticeKind;
use super::page::{Page, TopicQuestion};

impl Page {
    /// Takes in one text frame. `arrived_ms` is when the socket got it, by the page's clock. If it was the welcome: how
    /// often the bridge sends `ping`, in milliseconds.
    pub fn receive(&mut self, text: &str, arrived_ms: f64) -> Option<u64> {
        match incoming::parse(text) {
            Ok(Some(Frame { message: ServerMessage::Welcome(welcome), .. })) => {
                let heartbeat_ms = welcome.heartbeat_ms;
                self.welcomed(welcome);
                return Some(heartbeat_ms);
            }
            Ok(Some(Frame { id, message })) => self.answer(id, message, arrived_ms),
            Ok(None) => {}
            Err(error) => self.notify(NoticeKind::Unreadable(error.to_string()), arrived_ms),
        }
        None
    }

    fn answer(&mut self, id: Option<RequestId>, message: ServerMessage, now_ms: f64) {
        match message {
            ServerMessage::ErrorMessage(error) => self.refused(id, error, now_ms),
            ServerMessage::ClusterChanged(changed) => {
                if changed.cluster.state == ClusterState::Up {
                    self.listening.kafka_is_back();
                }
                self.cluster = Some(changed.cluster);
                self.changed.cluster = true;
                self.changed.listening = true;
            }
            ServerMessage::Produced(produced) => self.produced(produced, now_ms),
            ServerMessage::Subscribed(subscribed) if self.listening.awaits(id) => {
                if self.listening.subscribed(subscribed.subscription) {
                    self.unsubscribe(subscribed.subscription);
                }
                self.changed.listening = true;
            }
            ServerMessage::Assigned(assigned) if self.is_mine(assigned.subscription) => {
                self.listening.assigned_to(&assigned.partitions, now_ms);
                self.changed.listening = true;
            }
            ServerMessage::Revoked(revoked) if self.is_mine(revoked.subscription) => {
                self.listening.revoked(&revoked.partitions);
                self.changed.listening = true;
            }
            ServerMessage::Committed(committed) if self.is_mine(committed.subscription) => {
                self.listening.committed(&committed.positions);
                self.changed.listening = true;
            }
            ServerMessage::ProduceWaiting(wait) => {
                self.waits.produce_waits(wait);
                self.waits_shown = self.waits.sent().len();
                self.changed.sends = true;
                self.changed.cluster = true;
            }
            ServerMessage::RecordsWaiting(waiting) if self.is_mine(waiting.subscription) => {
                let topics = &self.listening.intent().topics;
                self.waits.records_wait(waiting.partitions, |topic| topics.iter().any(|read| read == topic));
                self.waits_changed();
                self.changed.listening = true;
            }
            ServerMessage::ResumeCommitsResult(resumed) if self.is_mine(resumed.subscription) => {
                self.listening.commits_resumed(&resumed.partitions);
                self.changed.listening = true;
                self.changed.view = true;
            }
            ServerMessage::GroupResult(group) if id.is_some() && self.group_question == id => {
                self.group_question = None;
                self.listening.begin_at_committed(&group.positions);
                self.subscribe();
            }
            ServerMessage::TopicResult(topic) => match id.and_then(|id| self.topic_questions.remove(&id)) {
                Some(TopicQuestion::Ends) => {
                    self.listening.ends_are(&topic.name, &topic.partitions);
                    self.changed.listening = true;
                }
                Some(TopicQuestion::BeginAt) => {
                    self.listening.begin_at(&topic.name, &topic.partitions);
                    if self.topic_questions.values().any(|&why| why == TopicQuestion::BeginAt) {
                        return;
                    }
                    if self.listening.must_ask_first() {
                        // All have answered, and asking again would not bring the partition.
                        let message = "none of these topics has the partition to begin in";
                        self.listening.refused(ErrorBody::new(ErrorCode::UnknownPartition, message));
                        self.changed.listening = true;
                        self.listen_to_next();
                    } else {
                        self.subscribe();
                    }
                }
                None => {
                    self.questions.answered(id, topic.into());
                }
            },
            ServerMessage::Watching(watching) => {
                if let Some(watch) = self.questions.look_opened(id, watching.watch) {
                    self.end_look(watch);
                }
            }
            ServerMessage::TopicsChanged(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::TopicChanged(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::GroupsChanged(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::GroupChanged(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::ClusterDetailsChanged(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::WatchTrouble(ref news) => self.questions.pushed(news.watch, message),
            ServerMessage::Fetched(fetched) => {
                let Some(gap) = self.fills.answered(id) else { return };
                let Some(hole) = gap.as_gap() else { return };
                let (from, next) = (hole.from, fetched.next.0);
                let records = Arrived::fetched(&hole.topic, hole.partition, &fetched.records);
                let rest = self.feed.fill(&gap, records.as_ref(), next);
                self.feed.shrink();
                self.changed.view = true;
                // Without progress the partition ends before the gap does: asking again would not help.
                if let Some(rest) = rest.filter(|_| next > from) {
                    self.ask_for_gap(&rest);
                }
            }
            ServerMessage::Gap(gap) if self.is_mine(gap.subscription) => {
                if gap.reason == GapReason::OutOfRange {
                    let place = TopicPartition { topic: gap.topic.clone(), partition: gap.partition };
                    self.listening.out_of_range(place, gap.from.0, gap.to.0);
                    self.changed.listening = true;
                }
                self.listening.gap(
                    &gap.topic,
                    gap.partition,
                    gap.to.0,
                    matches!(gap.reason, GapReason::Recreated | GapReason::OutOfRange),
                );
                let (topic, from, to) = (gap.topic.into(), gap.from.0, gap.to.0);
                self.feed.push_gap(Gap { topic, partition: gap.partition, from, to, reason: gap.reason });
                self.changed.view = true;
            }
            ServerMessage::Unsubscribed(ended) if self.is_mine(ended.subscription) || self.listening.awaits(id) => {
                self.listening.ended();
                self.waits.list_ended();
                self.changed.listening = true;
                self.listen_to_next();
            }
            // What is left answers components, or needs no answer (`ping` got its at the socket).
            message => {
                self.questions.answered(id, message);
            }
        }
    }

    /// The banner and the list of sent records say what waits.
    fn waits_changed(&mut self) {
        let count = self.waits.sent().len();
        if std::mem::replace(&mut self.waits_shown, count) != count {
            self.changed.sends = true;
            self.changed.cluster = true;
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

    fn refused(&mut self, id: Option<RequestId>, ErrorMessage { subscription, error }: ErrorMessage, now_ms: f64) {
        if self.questions.refused(id, &error) {
            return;
        }
        self.changed.listening = true;
        if id.is_some() && self.group_question == id {
            self.group_question = None;
            // A group that is not there has no positions.
            if error.code == ErrorCode::GroupMissing.number() {
                self.listening.begin_at_committed(&[]);
                return self.subscribe();
            }
            self.listening.refused(error);
            return self.listen_to_next();
        }
        let question = id.and_then(|id| self.topic_questions.remove(&id));
        if id.is_some() && self.fills.answered(id).is_some() {
            self.changed.view = true;
            self.notify(NoticeKind::Refused(error), now_ms);
        } else if question == Some(TopicQuestion::Ends) {
            // What cannot be known is left out; the subscription itself says what is wrong.
        } else if question == Some(TopicQuestion::BeginAt) || self.listening.awaits(id) {
            self.listening.refused(error);
            self.listen_to_next();
        } else if subscription.is_some_and(|subscription| self.is_mine(subscription)) {
            self.listening.hindered(error);
        } else if subscription.is_none() {
            self.notify(NoticeKind::Refused(error), now_ms);
        }
    }

    /// Takes in one binary frame: a batch of one partition, in order.
    pub fn receive_batch(&mut self, bytes: Box<[u8]>, arrived_ms: f64) {
        let batch = match Arrived::parse(bytes, self.last_topic.as_ref()) {
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
            self.look_for_own(&batch, first, arrived_ms);
        }
        self.feed.shrink();
        self.pace.received(count, arrived_ms);
        self.changed.listening |= self.listening.problem().is_some();
        if let Some(flow) = self.listening.handled(batch.seq, batch.payload_bytes, arrived_ms) {
            self.post(flow);
        }
        self.changed.feed = true;
    }

    /// Which of a batch's records this page has sent itself.
    fn look_for_own(&mut self, batch: &Arrived, first: i64, arrived_ms: f64) {
        let (topic, partition) = (batch.topic(), batch.partition());
        let (low, high) = (batch.offsets().next().unwrap_or(0), batch.offsets().next_back().unwrap_or(0));
        // A fast stream is not searched for what cannot be in it.
        if !self.sends.expects_any_in(topic, partition, low, high) {
            return;
        }
        let mut own_seen = false;
        for offset in batch.offsets().filter(|&offset| offset >= first) {
            if let Some(after_ms) = self.sends.record_arrived(topic, partition, offset, arrived_ms) {
                own_seen = true;
                self.pace.seen_after(after_ms);
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
mod tests;

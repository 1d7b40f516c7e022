//! What the bridge says, and what it changes in the page. The other half of `page.rs`.

use std::sync::Arc;

use protocol::{
    ClusterState, ErrorMessage, Frame, GapReason, Produced, Record, Records, RequestId, ServerMessage, Welcome,
};

use super::link::Link;
use super::notices::NoticeKind;
use super::page::{Bridge, Page};
use super::ring::Arrival;
use super::sends::Settled;

/// How every `records` frame of our own bridge begins. Such a frame is read once; any other order of fields works too, but
/// is read twice.
const RECORDS_PREFIX: &str = "{\"type\":\"records\",";

impl Page {
    /// Takes in one text frame. `arrived_ms` is when the socket got it, by the page's clock. If it was the welcome: how
    /// often the bridge sends `ping`, in milliseconds.
    pub fn receive(&mut self, text: &str, arrived_ms: f64) -> Option<u64> {
        if text.starts_with(RECORDS_PREFIX)
            && let Ok(records) = serde_json::from_str::<Records>(text)
        {
            self.records(records, arrived_ms);
            return None;
        }
        match ServerMessage::parse(text) {
            Ok(Frame { message: ServerMessage::Welcome(welcome), .. }) => {
                let heartbeat_ms = welcome.heartbeat_ms;
                self.welcomed(welcome);
                return Some(heartbeat_ms);
            }
            Ok(Frame { id, message }) => self.answer(id, message, arrived_ms),
            // A newer bridge may say more than this page knows.
            Err(protocol::ParseError::UnknownType { .. }) => {}
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
            ServerMessage::Produced(produced) => self.produced(&produced, now_ms),
            ServerMessage::Subscribed(subscribed) if self.listening.awaits(id) => {
                if self.listening.subscribed(subscribed.subscription) {
                    self.unsubscribe(subscribed.subscription);
                }
                self.changed.listening = true;
            }
            ServerMessage::Assigned(assigned) if self.is_mine(assigned.subscription) => {
                self.listening.assigned_to(&assigned.partitions);
                self.changed.listening = true;
            }
            ServerMessage::Revoked(revoked) if self.is_mine(revoked.subscription) => {
                self.listening.revoked(revoked.partitions.iter().map(|partition| partition.partition));
                self.changed.listening = true;
            }
            ServerMessage::Records(records) => self.records(records, now_ms),
            ServerMessage::Gap(gap) if self.is_mine(gap.subscription) => {
                self.listening.gap(gap.partition, gap.to.0, gap.reason == GapReason::Recreated);
                self.feed.ring.push_gap(gap.topic.into(), gap.partition, gap.from.0, gap.to.0, gap.reason);
                self.changed.feed = true;
            }
            ServerMessage::Unsubscribed(ended) if self.is_mine(ended.subscription) || self.listening.awaits(id) => {
                self.listening.ended();
                self.changed.listening = true;
            }
            // The rest answers requests that this page does not make yet, or needs no answer (`ping` got its at the socket).
            _ => {}
        }
    }

    fn is_mine(&self, subscription: u32) -> bool {
        self.listening.subscription() == Some(subscription)
    }

    fn welcomed(&mut self, welcome: Welcome) {
        self.link = Link::Open;
        if welcome.resumed {
            for message in self.sends.resumed() {
                self.post(message);
            }
        } else {
            self.forget_session();
        }
        self.session = Some(welcome.session);
        self.cluster = Some(welcome.cluster);
        self.bridge = Some(Bridge { defaults: welcome.defaults, limits: welcome.limits, read_only: welcome.read_only });
        self.changed.link = true;
        self.changed.cluster = true;
        self.subscribe();
    }

    fn produced(&mut self, produced: &Produced, now_ms: f64) {
        let mut settled = Settled::default();
        for ack in &produced.acks {
            self.sends.acked(ack, now_ms, &mut settled);
        }
        for failure in &produced.errors {
            self.sends.failed(failure.seq, failure.error.clone(), &mut settled);
        }
        if self.sends.waiting() == 0 {
            self.produce_requests.clear();
        }
        self.settle(settled);
    }

    fn refused(&mut self, id: Option<RequestId>, ErrorMessage { subscription, error }: ErrorMessage, now_ms: f64) {
        self.changed.listening = true;
        if let Some(seq) = id.and_then(|id| self.produce_requests.remove(&id)) {
            let mut settled = Settled::default();
            self.sends.failed(seq, error, &mut settled);
            self.settle(settled);
        } else if self.listening.awaits(id) {
            self.listening.refused(error);
        } else if subscription.is_some_and(|subscription| self.is_mine(subscription)) {
            self.listening.hindered(error);
        } else if subscription.is_none() {
            self.notify(NoticeKind::Refused(error), now_ms);
        }
    }

    /// One batch: one partition, in order.
    fn records(&mut self, batch: Records, arrived_ms: f64) {
        if !self.is_mine(batch.subscription) {
            return;
        }
        let topic: Arc<str> = batch.topic.into();
        let may_be_own = self.sends.expects_any();
        let mut bytes = 0;
        let mut own_seen = false;
        for record in batch.records {
            let size = payload_bytes(&record);
            bytes += size as u64;
            if !self.listening.accept(batch.partition, record.offset.0) {
                continue;
            }
            let round_trip_ms = if may_be_own {
                self.sends.record_arrived(&topic, batch.partition, record.offset.0, arrived_ms)
            } else {
                None
            };
            own_seen |= round_trip_ms.is_some();
            let topic = Arc::clone(&topic);
            self.feed.ring.push_record(Arrival { topic, partition: batch.partition, record, size, round_trip_ms });
        }
        if own_seen {
            self.recount_run();
            self.changed.sends = true;
        }
        self.changed.listening |= self.listening.problem().is_some();
        if let Some(flow) = self.listening.handled(batch.seq, bytes, arrived_ms) {
            self.post(flow);
        }
        self.changed.feed = true;
    }
}

/// Bytes of key, value and headers: what credit counts.
fn payload_bytes(record: &Record) -> usize {
    let headers: usize = record.headers.iter().map(|header| header.0.len() + header.1.len()).sum();
    record.key.len() + record.value.len() + headers
}

#[cfg(test)]
mod tests {
    use crate::state::listening::{Intent, Phase};
    use crate::state::{Draft, Form, Loss, SendObstacle};

    use super::*;

    fn welcome(session: &str, resumed: bool) -> String {
        format!(
            r#"{{"type":"welcome","session":"{session}","resumed":{resumed},
            "cluster":{{"id":"x","demo":true,"brokers":[{{"id":1,"host":"localhost","port":9092}}]}},
            "defaults":{{"topic":"foobar","group":"my-group","start":"earliest"}},
            "limits":{{"message_bytes":1048576,"subscriptions":16,"produce_window":10000}},
            "heartbeat_ms":20000,"read_only":false}}"#
        )
    }

    fn connect(page: &mut Page, session: &str, resumed: bool) -> Vec<String> {
        page.connecting();
        page.socket_opened("test");
        page.receive(&welcome(session, resumed), 0.0);
        page.take_outbox()
    }

    fn connected() -> Page {
        let mut page = Page::default();
        connect(&mut page, "a", false);
        page
    }

    fn draft(value: &str) -> Draft {
        Draft { topic: "foobar".into(), value_form: Form::Text, value: value.into(), ..Draft::default() }
    }

    fn lose(page: &mut Page) {
        page.socket_lost(Loss::default(), Some(500.0));
    }

    fn listen(page: &mut Page) -> Vec<String> {
        page.listen(Intent { topic: "foobar".into(), group: "g".into(), ..Intent::default() });
        page.take_outbox()
    }

    fn records(subscription: u32, seq: u64, offsets: std::ops::Range<i64>) -> String {
        let records: Vec<String> = offsets
            .map(|o| {
                format!(
                    r#"{{"offset":"{o}","timestamp":1,"key":null,"value":{{"json":9007199254740993}},"headers":[]}}"#
                )
            })
            .collect();
        format!(
            r#"{{"type":"records","subscription":{subscription},"seq":{seq},"topic":"foobar","partition":0,"records":[{}]}}"#,
            records.join(",")
        )
    }

    fn outcomes(page: &Page) -> Vec<&'static str> {
        page.sends().rows().map(|row| row.outcome.name()).collect()
    }

    #[test]
    fn a_record_goes_from_queued_to_acked_to_seen() {
        let mut page = connected();
        let subscribe = listen(&mut page);
        assert!(subscribe[0].contains(r#""type":"subscribe","id":0"#), "{subscribe:?}");
        page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
        assert!(page.send(&draft("x"), 100.0));
        page.receive(
            r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
            102.0,
        );
        page.receive(&records(1, 1, 7..8), 103.0);
        let row = page.sends().last().expect("sent");
        assert_eq!((row.outcome.name(), row.seen_after_ms), ("acked", Some(3.0)));
        assert_eq!(page.feed().counts().received, 1);
    }

    #[test]
    fn nothing_is_sent_without_a_connection() {
        let mut page = Page::default();
        assert!(!page.send(&draft("x"), 0.0));
        assert_eq!(page.send_obstacle(), Some(SendObstacle::NotConnected));
        let mut page = connected();
        lose(&mut page);
        assert!(!page.send(&draft("x"), 0.0) && page.sends().last().is_none());
    }

    #[test]
    fn a_resumed_session_is_sent_what_has_no_outcome_again() {
        let mut page = connected();
        page.send(&draft("x"), 0.0);
        page.take_outbox();
        lose(&mut page);
        page.connecting();
        page.socket_opened("test");
        assert!(page.take_outbox()[0].contains(r#""resume":{"session":"a"}"#));
        page.receive(&welcome("a", true), 0.0);
        assert!(page.take_outbox()[0].contains(r#""type":"produce","seq":0"#));
        assert_eq!(outcomes(&page), ["queued"]);
    }

    #[test]
    fn a_new_session_leaves_what_had_no_outcome_unknown() {
        let mut page = connected();
        page.send(&draft("x"), 0.0);
        lose(&mut page);
        assert_eq!(outcomes(&page), ["queued"], "it may still be resumed");
        connect(&mut page, "b", false);
        assert_eq!(outcomes(&page), ["unknown"]);
        page.send(&draft("y"), 0.0);
        assert!(page.take_outbox()[0].contains(r#""seq":0"#));
    }

    #[test]
    fn listening_begins_again_by_itself_and_nothing_is_doubled() {
        let mut page = connected();
        listen(&mut page);
        page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
        page.receive(&records(1, 5, 0..5), 2.0);
        lose(&mut page);
        let again = connect(&mut page, "b", false);
        assert!(again.iter().any(|message| message.contains(r#""type":"subscribe","id":1"#)), "{again:?}");
        page.receive(r#"{"type":"subscribed","id":1,"subscription":1}"#, 3.0);
        page.receive(&records(1, 7, 3..10), 4.0);
        assert_eq!(page.feed().counts().received, 10);
    }

    #[test]
    fn stop_acknowledges_and_then_unsubscribes() {
        let mut page = connected();
        listen(&mut page);
        page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
        page.receive(&records(1, 5, 0..5), 2.0);
        page.stop_listening();
        let out = page.take_outbox();
        assert!(out[0].contains(r#""type":"flow","subscription":1,"through":5"#), "{out:?}");
        assert!(out[1].contains(r#""type":"unsubscribe","id":1,"subscription":1"#), "{out:?}");
        assert_eq!(page.listening().phase(), Phase::Stopping);
        page.receive(&records(1, 6, 5..6), 2.0);
        page.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
        assert_eq!((page.listening().phase(), page.feed().counts().received), (Phase::Idle, 6));
    }

    #[test]
    fn a_produce_refused_whole_fails_its_row() {
        let mut page = connected();
        page.send(&draft("x"), 0.0);
        page.receive(
            r#"{"type":"error","id":0,"code":202,"name":"invalid_topic","message":"no","retriable":false}"#,
            1.0,
        );
        assert_eq!(outcomes(&page), ["failed"]);
    }

    #[test]
    fn a_problem_of_the_subscription_stays_with_it_and_others_become_notices() {
        let mut page = connected();
        listen(&mut page);
        page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
        page.receive(
            r#"{"type":"error","subscription":1,"code":501,"name":"topic_missing","message":"…","retriable":true}"#,
            1.0,
        );
        assert_eq!(page.listening().problem().map(|error| error.code), Some(501));
        assert_eq!(page.notices().count(), 0);
        page.receive(r#"{"type":"error","code":900,"name":"internal","message":"…","retriable":true}"#, 1.0);
        assert_eq!(page.notices().count(), 1);
        page.tick(60_000.0);
        assert_eq!(page.notices().count(), 0);
    }

    #[test]
    fn a_run_waits_for_the_connection_and_goes_on() {
        let mut page = connected();
        page.start_run("foobar", 0.0);
        page.tick(500.0);
        assert_eq!(page.run().map(|run| run.sent), Some(2));
        lose(&mut page);
        page.tick(5000.0);
        assert_eq!(page.run().map(|run| run.sent), Some(2));
        connect(&mut page, "a", true);
        page.tick(6000.0);
        assert_eq!(page.run().map(|run| run.sent), Some(3));
    }

    #[test]
    fn unknown_messages_are_ignored_and_unreadable_ones_said() {
        let mut page = connected();
        page.receive(r#"{"type":"from_the_future","x":1}"#, 0.0);
        assert_eq!(page.notices().count(), 0);
        page.receive(r#"{"type":"subscribed"}"#, 0.0);
        page.receive("garbage", 0.0);
        assert_eq!(page.notices().count(), 2);
    }
}

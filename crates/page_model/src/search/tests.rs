use std::rc::Rc;

use protocol::{Header as RecordHeader, Offset, TimestampType, WireBytes};

use super::*;
use crate::{AppState, Delivery, Loss, Outgoing};

fn range(partition: i32, from: i64, to: i64) -> OffsetRange {
    OffsetRange { topic: "orders".to_owned(), partition, from: Offset(from), to: Offset(to) }
}

fn record(partition: i32, offset: i64) -> FoundRecord {
    let record = Record {
        offset: Offset(offset),
        timestamp: Some(1_763_800_000_000 + offset),
        timestamp_type: TimestampType::Create,
        key: WireBytes::Null,
        value: WireBytes::text(format!("{partition}@{offset}")),
        headers: vec![RecordHeader("h".to_owned(), WireBytes::Null)],
        key_note: None,
        value_note: None,
    };
    FoundRecord { topic: "orders".to_owned(), partition, record }
}

fn request() -> Search {
    protocol::from_json(r#"{"topics":["orders"],"count":3}"#).expect("a search")
}

/// A page that is connected, and its search.
struct Setup {
    state: AppState,
    found: FoundRecords,
}

impl Setup {
    fn new() -> Self {
        let state = crate::bridge_messages::tests::connected();
        let mut found = FoundRecords::default();
        found.begin(request());
        Self { state, found }
    }

    fn send(&mut self, search: &Search) -> u64 {
        self.state.start_search(&protocol::MessageText::of(search));
        let sent = self.state.take_outbox();
        let Some(Outgoing::Text(text)) = sent.last() else { panic!("{sent:?}") };
        let value: serde_json::Value = protocol::from_json(text).expect("JSON");
        value["id"].as_u64().expect("an id")
    }

    fn receive(&mut self, name: &str, id: Option<u64>, body: &impl serde::Serialize) {
        let mut value = serde_json::to_value(body).expect("JSON");
        value["type"] = name.into();
        if let Some(id) = id {
            value["id"] = id.into();
        }
        self.state.receive(&value.to_string(), 0.0);
        self.deliver();
    }

    fn deliver(&mut self) {
        for delivery in self.state.take_deliveries() {
            if let Delivery::ViewUpdate(_, update) = delivery {
                self.found.apply(update);
            }
        }
    }

    fn started(&mut self, search: &Search, number: u32, ranges: Vec<OffsetRange>) {
        let id = self.send(search);
        self.receive("search_started", Some(id), &SearchStarted { search: number, ranges, masked: Vec::new() });
    }

    fn positions(&self) -> Vec<(i32, i64)> {
        let of = |entry: &Entry| entry.record().map(|record| (record.partition, record.offset));
        self.found.rows().iter().filter_map(of).collect()
    }
}

#[test]
fn records_of_several_partitions_keep_the_order_of_the_search() {
    let mut setup = Setup::new();
    setup.started(&request(), 1, vec![range(0, 0, 10), range(1, 5, 10)]);
    assert_eq!(setup.found.counts(), SearchCounts { total: 15, ..SearchCounts::default() });
    let records = vec![record(1, 9), record(0, 9), record(1, 8)];
    setup.receive("search_records", None, &SearchRecords { search: 1, records });
    assert_eq!(setup.positions(), [(1, 9), (0, 9), (1, 8)]);
    let value = setup.found.rows()[2].record().and_then(|record| record.value.map(<[u8]>::to_vec));
    assert_eq!(value.as_deref(), Some(&b"1@8"[..]));

    let progress = SearchProgress { search: 1, scanned: 6, matched: 3, left: 7, elapsed_ms: 100, ..Default::default() };
    setup.receive("search_progress", None, &progress);
    assert_eq!(setup.found.counts(), SearchCounts { scanned: 6, total: 13, matched: 3, found: 3, failed: 0 });
    assert_eq!(setup.found.rate(), Some(60.0));
    assert!(setup.found.ms_left().is_some_and(|ms| (ms - 87.5).abs() < 0.01));
    let cursor = SearchCursor { ranges: vec![range(0, 0, 5), range(1, 5, 7)] };
    let done = SearchDone { search: 1, reason: SearchEnd::Count, cursor: Some(cursor.clone()), error: None };
    assert!(!setup.found.can_go_on());
    setup.receive("search_done", None, &done);
    assert_eq!((setup.found.state().name(), setup.found.can_go_on()), ("done", true));

    // The next page adds rows and counts.
    let next = setup.found.go_on(2).expect("more is left");
    assert_eq!((next.count, next.cursor.as_ref()), (2, Some(&cursor)));
    assert_eq!(setup.found.counts(), SearchCounts { scanned: 6, total: 13, matched: 3, found: 3, failed: 0 });
    setup.started(&next, 2, cursor.ranges);
    setup.receive("search_records", None, &SearchRecords { search: 2, records: vec![record(0, 4)] });
    setup.receive("search_records", None, &SearchRecords { search: 1, records: vec![record(0, 3)] });
    let progress = SearchProgress { search: 2, scanned: 7, matched: 1, left: 0, elapsed_ms: 9, ..Default::default() };
    setup.receive("search_progress", None, &progress);
    let done = SearchDone { search: 2, reason: SearchEnd::Complete, cursor: None, error: None };
    setup.receive("search_done", None, &done);
    assert_eq!(setup.positions(), [(1, 9), (0, 9), (1, 8), (0, 4)], "the first search has ended");
    assert_eq!(setup.found.counts(), SearchCounts { scanned: 13, total: 13, matched: 4, found: 4, failed: 0 });
    assert_eq!(setup.found.go_on(2), None, "nothing is left");
}

#[test]
fn lost_search_goes_on_after_the_rows_that_are_shown() {
    for (order, left) in
        [(Order::Newest, [range(0, 0, 8), range(1, 5, 10)]), (Order::Oldest, [range(0, 9, 10), range(1, 5, 10)])]
    {
        let mut setup = Setup::new();
        let search = Search { order, ..request() };
        setup.found.begin(search.clone());
        setup.started(&search, 1, vec![range(0, 0, 10), range(1, 5, 10)]);
        setup.receive("search_records", None, &SearchRecords { search: 1, records: vec![record(0, 8)] });
        setup.state.socket_lost(Loss::default(), None, 0.0);
        setup.deliver();
        assert_eq!((setup.found.state(), setup.found.rows().len()), (&SearchState::Lost, 1));
        let next = setup.found.go_on(3).expect("the rest");
        assert_eq!(next.cursor, Some(SearchCursor { ranges: left.to_vec() }));
        // Without a connection it is lost again, and the rest is the same.
        setup.state.start_search(&protocol::MessageText::of(&next));
        setup.deliver();
        assert_eq!(setup.found.go_on(3), Some(next));
    }
}

#[test]
fn refused_search_has_the_bridges_error() {
    let mut setup = Setup::new();
    let id = setup.send(&request());
    let error = r#""code":100,"name":"bad_request","message":"line 1: unexpected end","retriable":false"#;
    setup.state.receive(&format!(r#"{{"type":"error","id":{id},{error}}}"#), 0.0);
    setup.deliver();
    assert_eq!(setup.found.state().name(), "stopped");
    assert_eq!(setup.found.error().map(|error| error.message.as_str()), Some("line 1: unexpected end"));
    assert!(!setup.found.can_go_on() && !setup.found.is_running());
}

#[test]
fn failed_search_keeps_its_rows_and_its_cursor() {
    let mut setup = Setup::new();
    setup.started(&request(), 1, vec![range(0, 0, 10)]);
    setup.receive("search_records", None, &SearchRecords { search: 1, records: vec![record(0, 9)] });
    let cursor = Some(SearchCursor { ranges: vec![range(0, 0, 9)] });
    let error = Some(protocol::ErrorBody::new(protocol::ErrorCode::Internal, "no leader"));
    setup.receive("search_done", None, &SearchDone { search: 1, reason: SearchEnd::Failed, cursor, error });
    assert_eq!(setup.found.error().map(|error| error.message.as_str()), Some("no leader"));
    assert!(setup.found.can_go_on() && setup.found.rows().len() == 1);
}

#[test]
fn going_on_replaces_the_rows_of_a_full_list() {
    let mut setup = Setup::new();
    setup.started(&request(), 1, vec![range(0, 0, 20_000)]);
    let records = (0..MAX_FOUND as i64).map(|n| record(0, 19_999 - n)).collect();
    setup.receive("search_records", None, &SearchRecords { search: 1, records });
    let cursor = Some(SearchCursor { ranges: vec![range(0, 0, 10_000)] });
    setup.receive("search_done", None, &SearchDone { search: 1, reason: SearchEnd::Count, cursor, error: None });
    assert!(setup.found.is_full() && !setup.found.is_cut());
    assert!(setup.found.go_on(50).is_some());
    assert!(setup.found.rows().is_empty() && setup.found.is_cut());
}

#[test]
fn topics_of_rows_are_shared() {
    let mut setup = Setup::new();
    setup.started(&request(), 1, vec![range(0, 0, 10)]);
    setup.receive("search_records", None, &SearchRecords { search: 1, records: vec![record(0, 9), record(0, 8)] });
    let topics: Vec<_> = setup.found.rows().iter().filter_map(|row| Some(Rc::clone(row.record()?.topic))).collect();
    assert!(Rc::ptr_eq(&topics[0], &topics[1]));
}

#[test]
fn found_records_are_counted_in_the_buckets_of_the_timeline() {
    let mut setup = Setup::new();
    assert!(setup.found.waits_for_newest());
    setup.started(&request(), 1, vec![range(0, 0, 5000)]);
    let records = vec![record(0, 4000), record(0, 1999), record(0, 1000), record(0, 3)];
    setup.receive("search_records", None, &SearchRecords { search: 1, records });
    assert!(!setup.found.waits_for_newest());
    assert_eq!(setup.found.newer_than(None), Some(1_763_800_004_000));
    assert_eq!(setup.found.newer_than(Some(i64::MAX)), Some(i64::MAX));
    let buckets = TimeBuckets { from: 1_763_800_000_000, length_ms: 1000, count: 4 };
    assert_eq!(buckets.count_of(setup.found.rows()), [1, 2, 0, 0]);
}

#[test]
fn progress_is_known_for_each_partition() {
    let mut setup = Setup::new();
    setup.started(&request(), 1, vec![range(2, 0, 10), range(0, 5, 10), range(1, 0, 4)]);
    let shares = |setup: &Setup| -> Vec<(i32, u64, u64)> {
        let shares = setup.found.partition_shares().into_iter();
        shares.map(|share| (share.partition, share.offsets, share.left)).collect()
    };
    assert_eq!(shares(&setup), [(0, 5, 5), (1, 4, 4), (2, 10, 10)]);
    let left = |partition, left| protocol::PartitionProgress {
        topic: "orders".to_owned(),
        partition,
        scanned: 1,
        matched: 0,
        left,
    };
    let progress = SearchProgress { search: 1, partitions: vec![left(2, 7), left(0, 1)], ..SearchProgress::default() };
    setup.receive("search_progress", None, &progress);
    assert_eq!(shares(&setup), [(0, 5, 1), (1, 4, 0), (2, 10, 7)]);
    assert!((setup.found.partition_shares()[0].done() - 0.8).abs() < 1e-9);
    let done = SearchDone { search: 1, reason: SearchEnd::Complete, cursor: None, error: None };
    setup.receive("search_done", None, &done);
    assert_eq!(shares(&setup), [(0, 5, 0), (1, 4, 0), (2, 10, 0)]);
}

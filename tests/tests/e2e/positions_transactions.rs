//! Offsets while a transaction is open, aborted or committed: joining, reconnecting and reading move no committed offset, and
//! every view and reset counts as Kafka's own tools do.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use protocol::{
    Assigned, Decode, ErrorMessage, Fetch, Fetched, Gap, GroupRequest, GroupResult, Offset, OffsetResetPlan,
    PlanOffsetReset, PlanOffsetResetResult, Position, ProduceRecord, ProduceWaiting, RecordsWaiting, ResetOffsets,
    ResetOffsetsResult, ResetTarget, TopicRequest, TopicResult, TopicsRequest, TopicsResult, WaitReason,
};
use tests::client::{Expected, RecordExt, text_record};
use tests::fence::{nothing_before_records_wait, nothing_before_reply};
use tests::kafka::{GROUP_TOOL, commit, committed};
use tests::transaction::Transaction;
use tests::{Bridge, Client, Kafka, Watch, eventually, on_every_kafka, unique};

const OFFSET_TOOL: &str = "org.apache.kafka.tools.GetOffsetShell";
/// The tool's default of five seconds is too short on a busy machine.
const TOOL_TIMEOUT_MS: &str = "30000";

/// How many records each partition has before the transaction and in it.
const BEFORE: i64 = 20;
const IN_TRANSACTION: i64 = 5;
/// The offset after the transaction's last record, where the marker that ends the transaction is written.
const END: i64 = BEFORE + IN_TRANSACTION;

/// A position among the transaction's records.
const AMONG: i64 = BEFORE + 2;

/// The committed offset of the group whose lag is compared.
const BEHIND: i64 = BEFORE - 3;

/// 2096-10-02T07:06:40Z
const FUTURE_MS: i64 = 4_000_000_000_000;

type Offsets = BTreeMap<i32, i64>;
/// By topic and partition.
type EverywhereAt<T> = BTreeMap<(String, i32), T>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Aborted,
    Committed,
}

/// A topic whose partitions have [`BEFORE`] records each, and [`IN_TRANSACTION`] more in a transaction.
#[derive(Clone, Debug)]
struct Cell {
    state: State,
    topic: String,
    partitions: i32,
}

impl Cell {
    /// The high watermark of each partition.
    fn high(&self) -> i64 {
        if self.state == State::Open { END } else { END + 1 }
    }

    /// The last stable offset of each partition.
    fn stable(&self) -> i64 {
        if self.state == State::Open { BEFORE } else { self.high() }
    }

    /// The offsets of one partition, from this one on, that a consumer of committed records gets.
    fn visible_offsets(&self, from: i64) -> std::ops::Range<i64> {
        let end = if self.state == State::Committed { END } else { BEFORE };
        from..end.max(from)
    }

    /// The same of every partition.
    fn visible(&self, from: i64) -> Vec<(i32, i64)> {
        (0..self.partitions).flat_map(|id| self.visible_offsets(from).map(move |offset| (id, offset))).collect()
    }

    /// Every partition at the same offset.
    fn each(&self, offset: i64) -> Offsets {
        (0..self.partitions).map(|partition| (partition, offset)).collect()
    }

    fn last_partition(&self) -> i32 {
        self.partitions - 1
    }

    fn records(&self, of_each: i64) -> impl Iterator<Item = ProduceRecord> {
        let (topic, count) = (self.topic.clone(), usize::try_from(of_each).expect("small"));
        (0..self.partitions).flat_map(move |partition| records(&topic, partition, count).collect::<Vec<_>>())
    }
}

/// Topics for every state of a transaction, with one partition and with nine: the bridge once queried their ends in two ways with
/// different meanings.
struct Matrix {
    kafka: Kafka,
    servers: String,
    bridge: Bridge,
    cells: Vec<Cell>,
    open: Transaction,
}

/// Subscriptions that go on when the transaction ends.
struct Held {
    page: Client,
    group_at_end: String,
    group_among: String,
    at_end: u32,
    among: u32,
    /// With the position at which each was resumed.
    tails: Vec<(u32, i64)>,
    /// Of the last partition.
    link: u32,
}

impl Matrix {
    async fn new() -> Option<Self> {
        let kafka = Kafka::current().await?;
        let servers = kafka.bootstrap_servers()?;
        let states = [State::Open, State::Aborted, State::Committed];
        let cells = states.into_iter().flat_map(|state| [1, 9].map(|partitions| (state, partitions)));
        let cells = join_all(cells.map(|(state, partitions)| async move {
            let topic = kafka.topic_with(&format!("{state:?}-{partitions}"), partitions).await;
            Cell { state, topic, partitions }
        }));
        let (cells, bridge) = tokio::join!(cells, Bridge::start().on(&kafka).into_future());
        bridge.client().await.write(cells.iter().flat_map(|cell| cell.records(BEFORE)).collect()).await;

        let begin = async |state: State| {
            let topics = cells.iter().filter(|cell| cell.state == state);
            let topics: Vec<(&str, i32)> = topics.map(|cell| (cell.topic.as_str(), cell.partitions)).collect();
            Transaction::begin_in(&servers, &topics, usize::try_from(IN_TRANSACTION).expect("small")).await
        };
        let (open, aborted, committed) =
            tokio::join!(begin(State::Open), begin(State::Aborted), begin(State::Committed));
        tokio::join!(aborted.abort(), committed.commit());
        let matrix = Self { kafka, servers, bridge, cells, open };
        matrix.has_markers(|cell| cell.state != State::Open).await;
        Some(matrix)
    }

    /// Kafka writes the markers of an ended transaction asynchronously.
    async fn has_markers(&self, of: impl Fn(&Cell) -> bool) {
        for cell in self.cells.iter().filter(|cell| of(cell)) {
            eventually("the transaction's markers", async || {
                let request = TopicRequest { name: cell.topic.clone() };
                let described: TopicResult = self.bridge.client().await.ask(request).await;
                described.partitions.iter().all(|one| one.high.0 == END + 1).then_some(())
            })
            .await;
        }
    }

    fn topic_with_open_transaction(&self) -> &str {
        &self.cells.iter().find(|cell| cell.state == State::Open).expect("one of the states").topic
    }

    async fn group_at(&self, cell: &Cell, offset: i64) -> String {
        let group = unique("group");
        let positions: Vec<(i32, i64)> = cell.each(offset).into_iter().collect();
        commit(&self.servers, &group, &cell.topic, &positions).await;
        group
    }

    async fn committed(&self, group: &str, cell: &Cell) -> Offsets {
        committed(&self.servers, group, &cell.topic).await
    }

    /// Operations that must not change committed offsets: joining groups, resuming sessions, starting tails.
    async fn is_left_alone(&self, cell: &Cell) -> Held {
        let (group_at_end, group_among) = (self.group_at(cell, cell.high()).await, self.group_at(cell, AMONG).await);
        let mut page = self.bridge.client().await;
        self.starts_are_stable(cell, &mut page, &group_at_end).await;

        let at_end = Watch::group(&cell.topic, &group_at_end);
        let among = Watch::group(&cell.topic, &group_among).latest();
        let at_high = cell.each(cell.high());
        reads(&mut page, &at_end, &at_high, &[]).await;
        reads(&mut page, &among, &cell.each(AMONG), &cell.visible(AMONG)).await;
        reads(&mut page, &Watch::tail(&cell.topic), &cell.each(0), &cell.visible(0)).await;
        nothing_before_records_wait::<Gap>(&mut page, self.topic_with_open_transaction()).await;

        let session = page.welcome.session.clone();
        page.socket.cut();
        let mut page = Client::resume(self.bridge.socket().await, &session).await;
        assert!(page.welcome.resumed);
        let at_end = reads(&mut page, &at_end, &at_high, &[]).await;
        // Records that the client has not acknowledged are delivered again.
        let among = reads(&mut page, &among, &cell.each(AMONG), &cell.visible(AMONG)).await;
        let mut tails = Vec::new();
        let seen_to = cell.visible_offsets(0).end;
        for from in [seen_to, AMONG] {
            let tail = Watch::tail(&cell.topic).resuming(cell.each(from));
            tails.push((reads(&mut page, &tail, &cell.each(from), &cell.visible(from)).await, from));
        }
        let last = cell.last_partition();
        let linked: Vec<_> = cell.visible_offsets(AMONG).map(|offset| (last, offset)).collect();
        let link = reads(&mut page, &Watch::tail(&cell.topic).at(last, AMONG), &[(last, AMONG)].into(), &linked).await;
        nothing_before_records_wait::<Gap>(&mut page, self.topic_with_open_transaction()).await;
        nothing_before_reply::<ErrorMessage>(&mut page).await;
        assert_eq!(self.committed(&group_at_end, cell).await, at_high, "{cell:?}: joining commits nothing");
        assert_eq!(self.committed(&group_among, cell).await, cell.each(AMONG), "{cell:?}: joining commits nothing");
        self.ranges_end_at_the_last_stable_offset(cell, &mut page).await;
        self.lag_counts_to_the_high_watermark_and_resets_go_there(cell, &mut page).await;
        Held { page, group_at_end, group_among, at_end, among, tails, link }
    }

    async fn starts_are_stable(&self, cell: &Cell, page: &mut Client, group_at_end: &str) {
        for (watch, start, until_records_wait) in [
            (Watch::group(&cell.topic, group_at_end).latest(), cell.high(), true),
            (Watch::group(&cell.topic, &unique("fresh")).latest(), cell.stable(), false),
            (Watch::tail(&cell.topic).latest(), cell.stable(), false),
            (Watch::tail(&cell.topic).last(3), cell.visible_offsets(0).end - 3, false),
        ] {
            let subscription = reads(page, &watch, &cell.each(start), &cell.visible(start)).await;
            if until_records_wait {
                nothing_before_records_wait::<Gap>(page, self.topic_with_open_transaction()).await;
            }
            nothing_before_reply::<Gap>(page).await;
            assert_eq!(page.unsubscribe(subscription).await.len(), 0, "{watch:?}: nothing else is read");
        }
    }

    async fn ranges_end_at_the_last_stable_offset(&self, cell: &Cell, page: &mut Client) {
        for (from, to) in [(0, BEFORE), (BEFORE - 2, cell.high()), (AMONG, AMONG + 1)] {
            let partition = cell.last_partition();
            let range = Fetch {
                topic: cell.topic.clone(),
                partition,
                from: Offset(from),
                to: Offset(to),
                decode: Decode::default(),
            };
            let fetched: Fetched = page.ask(range).await;
            let offsets: Vec<i64> = fetched.records.iter().map(|record| record.offset.0).collect();
            let visible: Vec<i64> = cell.visible_offsets(from).filter(|offset| *offset < to).collect();
            let is_cut_short = to > cell.stable();
            let next = if is_cut_short { from.max(cell.stable()) } else { to };
            let waits_from = is_cut_short.then_some(Offset(cell.stable()));
            assert_eq!((offsets, fetched.next.0, fetched.waits_from), (visible, next, waits_from), "{cell:?} {from}");
        }
    }

    async fn lag_counts_to_the_high_watermark_and_resets_go_there(&self, cell: &Cell, page: &mut Client) {
        let (group, high) = (self.group_at(cell, BEHIND).await, cell.high());
        let seen: GroupResult = page.ask(GroupRequest { group: group.clone() }).await;
        let lags: Vec<_> = seen.positions.iter().map(|at| (at.partition, at.end.0, at.lag)).collect();
        let lag = high.abs_diff(BEHIND);
        assert_eq!(lags, (0..cell.partitions).map(|partition| (partition, high, lag)).collect::<Vec<_>>(), "{cell:?}");
        assert_eq!(seen.lag, lag * u64::try_from(cell.partitions).expect("small"), "{cell:?}");
        let described: TopicResult = page.ask(TopicRequest { name: cell.topic.clone() }).await;
        let ends: Vec<_> = described.partitions.iter().map(|one| (one.low.0, one.high.0)).collect();
        assert_eq!(ends, vec![(0, high); lags.len()], "{cell:?}");

        let position = |(partition, offset)| Position { topic: cell.topic.clone(), partition, offset: Offset(offset) };
        let mut from = BEHIND;
        for (to, target, clamped) in [
            (ResetTarget::Offset(Offset(23)), 23, false),
            (ResetTarget::Shift(1), 24, false),
            (ResetTarget::Earliest, 0, false),
            (ResetTarget::Timestamp(FUTURE_MS), high, false),
            (ResetTarget::Positions(cell.each(AMONG).into_iter().map(position).collect()), AMONG, false),
            (ResetTarget::Shift(700), high, true),
            (ResetTarget::Timestamp(0), 0, false),
            (ResetTarget::Latest, high, false),
        ] {
            let topics = match to {
                ResetTarget::Positions(_) => Vec::new(),
                _ => vec![cell.topic.clone()],
            };
            let request = PlanOffsetReset { group: group.clone(), topics, partitions: Vec::new(), to: to.clone() };
            let planned: PlanOffsetResetResult = page.ask(request).await;
            assert_eq!(planned.refused, None, "{to:?}");
            let moves: Vec<_> =
                planned.plan.changes.iter().map(|one| (one.to.0, one.reread, one.skipped, one.clamped)).collect();
            let (back, on) = ((from - target).max(0).unsigned_abs(), (target - from).max(0).unsigned_abs());
            assert_eq!(moves, vec![(target, back, on, clamped); lags.len()], "{cell:?}: {to:?}");
            let done: ResetOffsetsResult = page.ask(ResetOffsets { plan: planned.plan }).await;
            let positions: Offsets = done.positions.iter().map(|at| (at.partition, at.offset.0)).collect();
            assert_eq!(positions, cell.each(target), "{cell:?}: {to:?}");
            from = target;
        }
        assert_eq!(self.committed(&group, cell).await, cell.each(high), "{cell:?}: what Kafka itself has");
    }

    /// One group in all topics, because each run of a tool takes seconds.
    async fn kafkas_tools_count_the_same(&self) {
        let (group, mut client) = (unique("everywhere"), self.bridge.client().await);
        for cell in &self.cells {
            let positions: Vec<(i32, i64)> = cell.each(BEHIND).into_iter().collect();
            commit(&self.servers, &group, &cell.topic, &positions).await;
        }
        let ends: EverywhereAt<i64> = self.everywhere(Cell::high);

        let seen: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
        let ours: EverywhereAt<[i64; 3]> = seen
            .positions
            .into_iter()
            .map(|at| {
                let position = at.offset.expect("it was committed").0;
                ((at.topic, at.partition), [position, at.end.0, i64::try_from(at.lag).expect("small")])
            })
            .collect();
        assert_eq!(ours, self.everywhere(|cell| [BEHIND, cell.high(), cell.high() - BEHIND]));
        let told = self.kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--describe", "--group", &group]).await;
        let theirs: EverywhereAt<[i64; 3]> = rows_of(&told, &group)
            .map(|(partition, columns)| (partition, [0, 1, 2].map(|column| number(columns[column]))))
            .collect();
        assert_eq!(theirs, ours, "{told}");

        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        for cell in &self.cells {
            let listed = listed.topics.iter().find(|listed| listed.name == cell.topic).expect("it is listed");
            assert_eq!(listed.records, u64::try_from(cell.high() * i64::from(cell.partitions)).ok(), "{cell:?}");
        }
        let topics: Vec<&str> = self.cells.iter().map(|cell| cell.topic.as_str()).collect();
        let told = self.kafka.tool(OFFSET_TOOL, &["--topic", &topics.join(",")]).await;
        let row = |line: &str| {
            let (partition, end) = line.rsplit_once(':')?;
            let (topic, partition) = partition.rsplit_once(':')?;
            Some(((topic.to_owned(), partition.parse().ok()?), end.parse().ok()?))
        };
        assert_eq!(told.lines().filter_map(row).collect::<EverywhereAt<i64>>(), ends, "{told}");

        for (to, words, targets) in [
            (ResetTarget::Latest, &["--to-latest"][..], ends.clone()),
            (ResetTarget::Offset(Offset(23)), &["--to-offset", "23"], self.everywhere(|_| 23)),
            (ResetTarget::Shift(7), &["--shift-by", "7"], self.everywhere(|_| BEHIND + 7)),
            (ResetTarget::Timestamp(FUTURE_MS), &["--to-datetime", "2096-10-02T07:06:40.000"], ends),
        ] {
            let (topics, partitions) = (Vec::new(), Vec::new());
            let request = PlanOffsetReset { group: group.clone(), topics, partitions, to: to.clone() };
            let PlanOffsetResetResult { plan: OffsetResetPlan { changes, .. }, .. } = client.ask(request).await;
            let ours: EverywhereAt<i64> =
                changes.into_iter().map(|one| ((one.topic, one.partition), one.to.0)).collect();
            assert_eq!(ours, targets, "{to:?}");
            let dry = ["--timeout", TOOL_TIMEOUT_MS, "--reset-offsets", "--dry-run", "--all-topics", "--group", &group];
            let told = self.kafka.tool(GROUP_TOOL, &[&dry[..], words].concat()).await;
            let theirs: EverywhereAt<i64> =
                rows_of(&told, &group).map(|(partition, columns)| (partition, number(columns[0]))).collect();
            assert_eq!(theirs, ours, "{to:?}: {told}");
        }
    }

    fn everywhere<T>(&self, value: impl Fn(&Cell) -> T) -> EverywhereAt<T> {
        let mut everywhere = BTreeMap::new();
        for cell in &self.cells {
            everywhere.extend((0..cell.partitions).map(|id| ((cell.topic.clone(), id), value(cell))));
        }
        everywhere
    }

    /// After every transaction has ended, records that were not visible are delivered, then records written now, after the
    /// marker.
    async fn goes_on_behind_the_marker(&self, cell: &Cell, held: Held) {
        let Held { mut page, group_at_end, group_among, at_end, among, tails, link } = held;
        let was_open = cell.state == State::Open;
        let ended = Cell { state: if was_open { State::Committed } else { cell.state }, ..cell.clone() };
        let next: Vec<(i32, i64)> = cell.each(END + 1).into_iter().collect();
        assert_eq!(page.write(cell.records(1).collect()).await, next, "{cell:?}: right behind the marker");
        delivers(&mut page, at_end, &next).await;
        let new_from = |from| {
            let mut new = if was_open { ended.visible(from) } else { Vec::new() };
            new.extend(&next);
            new.sort_unstable();
            new
        };
        delivers(&mut page, among, &new_from(AMONG)).await;
        for (tail, from) in tails {
            delivers(&mut page, tail, &new_from(from)).await;
        }
        let linked = new_from(AMONG).into_iter().filter(|(partition, _)| *partition == cell.last_partition());
        let linked: Vec<(i32, i64)> = linked.collect();
        delivers(&mut page, link, &linked).await;

        let all_among = ended.visible(AMONG).len() + next.len();
        for (subscription, group, count) in [(at_end, group_at_end, next.len()), (among, group_among, all_among)] {
            page.flow(subscription, u64::try_from(count).expect("small"), 100).await;
            eventually("the commit of what was acknowledged", async || {
                (self.committed(&group, cell).await == cell.each(END + 2)).then_some(())
            })
            .await;
        }
    }
}

fn records(topic: &str, partition: i32, count: usize) -> impl Iterator<Item = ProduceRecord> {
    (0..count).map(move |id| text_record(topic, &id.to_string()).on_partition(partition))
}

/// Subscribes, and checks the start offsets and the delivered records.
async fn reads(page: &mut Client, watch: &Watch, starts: &Offsets, records: &[(i32, i64)]) -> u32 {
    let subscription = page.subscribe(watch).await;
    let assigned = page.find("Assigned", |frame| {
        Assigned::pick(&frame.message).filter(|assigned| assigned.subscription == subscription)
    });
    let assigned: Offsets = assigned.await.partitions.into_iter().map(|at| (at.partition, at.offset.0)).collect();
    assert_eq!(&assigned, starts, "{watch:?}");
    delivers(page, subscription, records).await;
    subscription
}

async fn delivers(page: &mut Client, subscription: u32, expected: &[(i32, i64)]) {
    let mut got: Vec<_> = page.records(subscription, expected.len()).await.iter().map(|one| one.place()).collect();
    got.sort_unstable();
    assert_eq!(got, expected, "subscription {subscription}");
}

/// The group tool's lines about this group: topic and partition, and the columns after them.
fn rows_of<'a>(told: &'a str, group: &'a str) -> impl Iterator<Item = ((String, i32), Vec<&'a str>)> {
    // Leaves out the tool's warning that no record is so new.
    let rows = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(move |columns| columns.first() == Some(&group)).map(|columns| {
        let partition = columns[2].parse().expect("a partition");
        ((columns[1].to_owned(), partition), columns[3..].to_vec())
    })
}

fn number(column: &str) -> i64 {
    column.parse().unwrap_or_else(|error| panic!("{column:?}: {error}"))
}

#[tokio::test]
async fn transactions_move_no_committed_offset_and_are_counted_as_by_kafkas_tools() {
    let Some(matrix) = Matrix::new().await else { return };
    let cells = join_all(matrix.cells.iter().map(|cell| matrix.is_left_alone(cell)));
    let (held, ()) = tokio::join!(cells, matrix.kafkas_tools_count_the_same());
    matrix.open.commit().await;
    matrix.has_markers(|cell| cell.state == State::Open).await;
    let cells = matrix.cells.iter().zip(held);
    join_all(cells.map(|(cell, held)| matrix.goes_on_behind_the_marker(cell, held))).await;
}

#[tokio::test]
async fn records_behind_an_open_transaction_are_reported_as_waiting_until_it_ends() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("a real Kafka");
    let (topic, group) = (kafka.topic_with("waiting", 3).await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    let before = usize::try_from(BEFORE).expect("small");
    client.write((0..3).flat_map(|partition| records(&topic, partition, before)).collect()).await;
    let inside = usize::try_from(IN_TRANSACTION).expect("small");
    let transaction = Transaction::begin(&servers, &topic, 3, inside).await;

    let mut tail = bridge.client().await;
    tail.subscribe(&Watch::tail(&topic).latest()).await;
    let mut member = bridge.client().await;
    let read = member.subscribe(&Watch::group(&topic, &group)).await;
    member.records(read, 3 * before).await;
    for client in [&mut tail, &mut member] {
        let waiting = client.expect::<RecordsWaiting>().await;
        let places: Vec<_> =
            waiting.partitions.iter().map(|one| (one.topic.as_str(), one.partition, one.offset.0, one.end.0)).collect();
        assert_eq!(places, [0, 1, 2].map(|partition| (topic.as_str(), partition, BEFORE, END)));
    }

    // The record is acknowledged, but not visible.
    assert_eq!(client.write(records(&topic, 1, 1).collect()).await, [(1, END)]);
    let told = client.expect::<ProduceWaiting>().await;
    assert_eq!((told.topic.as_str(), told.partition, told.reason), (topic.as_str(), 1, WaitReason::OpenTransaction));
    assert_eq!(told.offset, Some(Offset(BEFORE)));
    assert!(told.message.starts_with("not visible yet: an open transaction began at offset 20"), "{}", told.message);
    // A second record behind the same transaction is not reported: the next report is about the partition after it.
    client.write(records(&topic, 1, 1).collect()).await;
    client.write(records(&topic, 2, 1).collect()).await;
    assert_eq!(client.expect::<ProduceWaiting>().await.partition, 2);
    nothing_before_reply::<ProduceWaiting>(&mut client).await;

    transaction.abort().await;
    for client in [&mut tail, &mut member] {
        while !client.expect::<RecordsWaiting>().await.partitions.is_empty() {}
    }
    let mut got: Vec<_> = member.records(read, 3).await.iter().map(|record| record.place()).collect();
    got.sort_unstable();
    assert_eq!(got, [(1, END), (1, END + 1), (2, END)], "aborted records are not read");
    // Aborted records and the marker lie between the last record and the end; nothing waits there.
    let mut late = bridge.client().await;
    late.subscribe(&Watch::tail(&topic).at(0, BEFORE)).await;
    let another = kafka.topic("waiting-as-well").await;
    let transaction = Transaction::begin(&servers, &another, 1, inside).await;
    nothing_before_records_wait::<RecordsWaiting>(&mut late, &another).await;
    transaction.abort().await;
}

on_every_kafka! {
    real
    async fn last_records_are_found_behind_aborted_records_and_transaction_markers(kafka: Kafka) {
        let topic = kafka.topic("last").await;
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write((0..3).map(|id| text_record(&topic, &id.to_string())).collect()).await;
        for _ in 0..3 {
            Transaction::begin(&servers, &topic, 1, 20).await.abort().await;
        }
        for (last, first) in [(1, 2), (2, 1), (100, 0)] {
            let watch = Watch::tail(&topic).last(last);
            let expected: Vec<(i32, i64)> = (first..3).map(|offset| (0, offset)).collect();
            let subscription = client.subscribe(&watch).await;
            let seen: Vec<(i32, i64)> =
                client.records(subscription, expected.len()).await.iter().map(|got| got.place()).collect();
            assert_eq!(seen, expected, "last {last}");
            nothing_before_reply::<ErrorMessage>(&mut client).await;
        }
        client.write(vec![text_record(&topic, "newest")]).await;
        let subscription = client.subscribe(&Watch::tail(&topic).last(2)).await;
        let seen: Vec<String> = client.records(subscription, 2).await.iter().map(|got| got.value()).collect();
        assert_eq!(seen, ["2", "newest"]);
    }
}

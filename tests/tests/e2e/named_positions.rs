//! Positions in a request that Kafka does not have: the same typed errors on the demo broker and on real Kafka.

use protocol::{Decode, ErrorCode, ErrorMessage, Fetch, Mode, Offset, Position, TailStart};
use tests::client::messaggi;
use tests::{Bridge, Watch, on_every_kafka, unique};

const MAX: i64 = i64::MAX;

fn positions(topic: &str, positions: &[(i32, i64)]) -> Vec<Position> {
    let position = |&(partition, offset)| Position { topic: topic.to_owned(), partition, offset: Offset(offset) };
    positions.iter().map(position).collect()
}

fn tail(topic: &str, start: TailStart) -> protocol::Subscribe {
    protocol::Subscribe { mode: Mode::Tail { start }, ..Watch::tail(topic).message() }
}

on_every_kafka! {
    async fn fetch_of_an_invalid_range_is_a_typed_error(kafka: Kafka) {
        let (topic, missing) = (kafka.topic("ranges").await, unique("missing"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 3)).await;
        let table = [
            (&topic, 1, 0, 1, ErrorCode::UnknownPartition),
            (&topic, i32::MAX, 0, 1, ErrorCode::UnknownPartition),
            (&topic, -1, 0, 1, ErrorCode::BadRequest),
            (&topic, 0, -1, 1, ErrorCode::BadRequest),
            (&topic, 0, 2, 1, ErrorCode::BadRequest),
            (&topic, 0, MAX, 0, ErrorCode::BadRequest),
            (&missing, 0, 0, 1, ErrorCode::TopicMissing),
        ];
        for (topic, partition, from, to, expected) in table {
            let fetch = Fetch { topic: topic.clone(), partition, from: Offset(from), to: Offset(to), decode: Decode::default() };
            let refused = client.refused(fetch.clone()).await;
            assert_eq!(refused.error.name, expected.name(), "{fetch:?}: {refused:?}");
        }
        let fetch = Fetch { topic: topic.clone(), partition: 0, from: Offset(MAX), to: Offset(MAX), decode: Decode::default() };
        let nothing: protocol::Fetched = client.ask(fetch).await;
        assert_eq!((nothing.records.len(), nothing.next), (0, Offset(MAX)));
    }

    async fn tail_with_an_impossible_start_is_refused(kafka: Kafka) {
        let topic = kafka.topic("starts").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let table = [
            TailStart::Offsets(Vec::new()),
            TailStart::Offsets(positions(&topic, &[(-1, 0)])),
            TailStart::Offsets(positions(&topic, &[(0, -1)])),
            TailStart::Offsets(positions(&topic, &[(0, 1), (0, 2)])),
            TailStart::Offsets(positions("another", &[(0, 1)])),
            TailStart::Resume(positions(&topic, &[(0, i64::MIN)])),
            TailStart::Timestamp(-2),
        ];
        for start in table {
            let refused = client.refused(tail(&topic, start.clone())).await;
            assert_eq!(refused.error.name, ErrorCode::BadRequest.name(), "{start:?}: {refused:?}");
        }
    }

    async fn tail_reports_invalid_start_positions_and_reads_the_valid_ones(kafka: Kafka) {
        let topic = kafka.topic("named").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 3)).await;

        let named = client.subscribe(&Watch::tail(&topic).from_positions([(0, 1), (7, 0)])).await;
        let told: ErrorMessage = client.expect().await;
        assert_eq!((told.subscription, told.error.name.as_str()), (Some(named), ErrorCode::UnknownPartition.name()), "{told:?}");
        let offsets: Vec<i64> = client.records(named, 2).await.iter().map(|got| got.offset()).collect();
        assert_eq!(offsets, [1, 2]);

        // A position beyond the end is reported without a gap, and read once the partition has that offset.
        for (offset, more) in [(MAX, 0), (5, 3)] {
            let beyond = client.subscribe(&Watch::tail(&topic).at(0, offset)).await;
            let told: ErrorMessage = client.expect().await;
            let code = told.error.name.as_str();
            assert_eq!((told.subscription, code), (Some(beyond), ErrorCode::BadRequest.name()), "{told:?}");
            assert!(told.error.message.contains(&offset.to_string()), "{told:?}");
            if more > 0 {
                client.write(messaggi(&topic, more)).await;
                assert_eq!(client.records(beyond, 1).await[0].offset(), 5);
            }
        }
    }
}

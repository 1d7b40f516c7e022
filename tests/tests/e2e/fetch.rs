//! `fetch`: reads a range of offsets once, for a gap or a link.

use protocol::{Decode, ErrorCode, Fetch, Fetched, Offset};
use tests::client::messaggi;
use tests::{Bridge, on_every_kafka};

fn range(topic: &str, from: i64, to: i64) -> Fetch {
    Fetch { topic: topic.to_owned(), partition: 0, from: Offset(from), to: Offset(to), decode: Decode::default() }
}

on_every_kafka! {
    async fn fetch_returns_every_record_of_the_range_once(kafka: Kafka) {
        let topic = kafka.topic("range").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;

        let fetched: Fetched = client.ask(range(&topic, 3, 7)).await;
        let offsets: Vec<i64> = fetched.records.iter().map(|record| record.offset.0).collect();
        assert_eq!((offsets, fetched.next), (vec![3, 4, 5, 6], Offset(7)));

        let beyond: Fetched = client.ask(range(&topic, 8, 1000)).await;
        let offsets: Vec<i64> = beyond.records.iter().map(|record| record.offset.0).collect();
        assert_eq!((offsets, beyond.next), (vec![8, 9], Offset(10)), "it does not wait for what is not there yet");

        let backwards = client.refused(range(&topic, 7, 3)).await;
        assert_eq!(backwards.error.code, ErrorCode::BadRequest.number(), "{backwards:?}");
    }
}

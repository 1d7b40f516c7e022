//! Reads a topic's record batches from the broker's log, with producer ids and sequence numbers. Consumers do not get these, so
//! this module sends Fetch requests (version 4) itself and parses record batches (version 2).

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::kafka::client_config;
use crate::wait::PATIENCE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub partition: i32,
    pub base_offset: i64,
    pub records: i64,
    /// -1: the producer is not idempotent.
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
}

impl Batch {
    /// Every batch of the topic now, each partition in order.
    pub async fn read_all(bootstrap_servers: &str, topic: &str) -> Vec<Self> {
        let mut batches = Vec::new();
        for (partition, leader) in leaders(bootstrap_servers, topic).await {
            let read = timeout(PATIENCE, read_partition(&leader, topic, partition)).await;
            let read = read.unwrap_or_else(|_| panic!("{leader} does not answer"));
            batches.extend(read.unwrap_or_else(|error| panic!("{topic} {partition} from {leader}: {error}")));
        }
        batches
    }
}

/// Each partition, and the address of the broker that leads it.
async fn leaders(bootstrap_servers: &str, topic: &str) -> Vec<(i32, String)> {
    let (config, topic) = (client_config(bootstrap_servers), topic.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let asking: BaseConsumer = config.create().expect("a consumer");
        let metadata = asking.fetch_metadata(Some(&topic), PATIENCE).expect("metadata");
        let address = |id: i32| {
            let broker = metadata.brokers().iter().find(|broker| broker.id() == id);
            let broker = broker.unwrap_or_else(|| panic!("{topic} is led by {id}, which is no broker"));
            format!("{}:{}", broker.host(), broker.port())
        };
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        partitions.map(|one| (one.id(), address(one.leader()))).collect()
    });
    asked.await.expect("asking for leaders does not panic")
}

async fn read_partition(leader: &str, topic: &str, partition: i32) -> std::io::Result<Vec<Batch>> {
    let mut broker = BufStream::new(TcpStream::connect(leader).await?);
    let (mut batches, mut offset) = (Vec::new(), 0);
    loop {
        broker.write_all(&fetch_request(topic, partition, offset)).await?;
        broker.flush().await?;
        let (end, record_set) = fetch_answer(&mut broker).await?;
        batches.extend(parse(partition, &record_set));
        offset = batches.last().map_or(0, |last: &Batch| last.base_offset + last.records);
        if offset >= end {
            return Ok(batches);
        }
        assert!(!record_set.is_empty(), "nothing at {offset}, and {end} is the end");
    }
}

/// <https://kafka.apache.org/protocol#The_Messages_Fetch>
fn fetch_request(topic: &str, partition: i32, offset: i64) -> Vec<u8> {
    const FETCH: i16 = 1;
    const VERSION: i16 = 4;
    const CLIENT: &str = "judge";
    let string = |text: &str| {
        let length = i16::try_from(text.len()).expect("a name");
        [&length.to_be_bytes(), text.as_bytes()].concat()
    };
    let request = [
        &FETCH.to_be_bytes()[..],
        &VERSION.to_be_bytes(),
        // The correlation id: there is one request at a time.
        &0i32.to_be_bytes(),
        &string(CLIENT),
        // Replica id of a consumer, no waiting, any number of bytes, isolation level read uncommitted.
        &(-1i32).to_be_bytes(),
        &0i32.to_be_bytes(),
        &0i32.to_be_bytes(),
        &i32::MAX.to_be_bytes(),
        &[0],
        // One topic, one partition.
        &1i32.to_be_bytes(),
        &string(topic),
        &1i32.to_be_bytes(),
        &partition.to_be_bytes(),
        &offset.to_be_bytes(),
        &i32::MAX.to_be_bytes(),
    ]
    .concat();
    let length = i32::try_from(request.len()).expect("a short request");
    [&length.to_be_bytes(), &request[..]].concat()
}

/// The high watermark, and the batches from the offset on, as bytes.
async fn fetch_answer(broker: &mut BufStream<TcpStream>) -> std::io::Result<(i64, Vec<u8>)> {
    let (_length, _correlation, _throttle_ms) =
        (broker.read_i32().await?, broker.read_i32().await?, broker.read_i32().await?);
    assert_eq!(broker.read_i32().await?, 1, "topics");
    let mut name = vec![0; usize::try_from(broker.read_i16().await?).expect("a name")];
    broker.read_exact(&mut name).await?;
    assert_eq!(broker.read_i32().await?, 1, "partitions");
    let (partition, error) = (broker.read_i32().await?, broker.read_i16().await?);
    assert_eq!(error, 0, "the broker's error for partition {partition}");
    let (end, _last_stable) = (broker.read_i64().await?, broker.read_i64().await?);
    assert!(broker.read_i32().await? <= 0, "no transactions here");
    let mut record_set = vec![0; usize::try_from(broker.read_i32().await?).unwrap_or(0)];
    broker.read_exact(&mut record_set).await?;
    Ok((end, record_set))
}

/// <https://kafka.apache.org/documentation/#recordbatch>
fn parse(partition: i32, mut record_set: &[u8]) -> Vec<Batch> {
    /// The size of the base offset and the length field, which the length does not include.
    const BEFORE_LENGTH: usize = 12;
    fn field<const N: usize>(batch: &[u8], at: usize) -> [u8; N] {
        batch[at..at + N].try_into().expect("N bytes")
    }
    let mut batches = Vec::new();
    while !record_set.is_empty() {
        let length = usize::try_from(i32::from_be_bytes(field(record_set, 8))).expect("a length");
        let (batch, rest) = record_set.split_at(BEFORE_LENGTH + length);
        record_set = rest;
        assert_eq!(batch[16], 2, "the version of a batch");
        batches.push(Batch {
            partition,
            base_offset: i64::from_be_bytes(field(batch, 0)),
            records: i64::from(i32::from_be_bytes(field(batch, 23))) + 1,
            producer_id: i64::from_be_bytes(field(batch, 43)),
            producer_epoch: i16::from_be_bytes(field(batch, 51)),
            base_sequence: i32::from_be_bytes(field(batch, 53)),
        });
    }
    batches
}

//! Commits an offset for a group that no client can join, such as the one with the empty name: Kafka takes commits for such groups,
//! but librdkafka and Kafka's tools send none. So this module sends OffsetCommit requests (version 2) itself.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::wait::eventually;

/// Commits the offset in partition 0. The address must be that of the group's coordinator, as it is in a cluster of one broker.
pub async fn commit_without_joining(broker: &str, group: &str, topic: &str, offset: i64) {
    const NONE: i16 = 0;
    eventually("the commit", || async {
        let error = commit(broker, group, topic, offset).await.unwrap_or_else(|error| panic!("{broker}: {error}"));
        // Kafka creates `__consumer_offsets` when it is first needed.
        (error == NONE).then_some(())
    })
    .await;
}

/// <https://kafka.apache.org/protocol#The_Messages_OffsetCommit>; returns the error code of the partition.
async fn commit(broker: &str, group: &str, topic: &str, offset: i64) -> std::io::Result<i16> {
    const OFFSET_COMMIT: i16 = 8;
    const VERSION: i16 = 2;
    let string = |text: &str| {
        let length = i16::try_from(text.len()).expect("a name");
        [&length.to_be_bytes(), text.as_bytes()].concat()
    };
    let request = [
        &OFFSET_COMMIT.to_be_bytes()[..],
        &VERSION.to_be_bytes(),
        // The correlation id: there is one request at a time.
        &0i32.to_be_bytes(),
        &string("tests"),
        &string(group),
        // No generation and no member: the client has not joined. The broker's retention.
        &(-1i32).to_be_bytes(),
        &string(""),
        &(-1i64).to_be_bytes(),
        // One topic, one partition, no metadata.
        &1i32.to_be_bytes(),
        &string(topic),
        &1i32.to_be_bytes(),
        &0i32.to_be_bytes(),
        &offset.to_be_bytes(),
        &string(""),
    ]
    .concat();
    let length = i32::try_from(request.len()).expect("a short request");
    let mut broker = BufStream::new(TcpStream::connect(broker).await?);
    broker.write_all(&[&length.to_be_bytes(), &request[..]].concat()).await?;
    broker.flush().await?;
    let (_length, _correlation) = (broker.read_i32().await?, broker.read_i32().await?);
    assert_eq!(broker.read_i32().await?, 1, "topics");
    let mut name = vec![0; usize::try_from(broker.read_i16().await?).expect("a name")];
    broker.read_exact(&mut name).await?;
    assert_eq!(broker.read_i32().await?, 1, "partitions");
    let _partition = broker.read_i32().await?;
    broker.read_i16().await
}

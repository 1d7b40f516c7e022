//! Records on their way from a socket to Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, Produce, ProduceRecord, TopicName};

use super::ledger::{Admission, Ledger};
use super::{LIMITS, MAX_RECORD_BYTES};
use crate::kafka::producer::{Delivery, DeliverySink, NotSent, Producer};

/// How long to wait when librdkafka's queue is full before trying again.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Sends the records one by one. While it waits for room the socket is not read: that is the back-pressure.
///
/// # Errors
/// When the message as a whole is wrong; then none of its records was taken.
pub async fn produce(producer: &Producer, ledger: &Arc<Ledger>, request: Produce) -> Result<(), ErrorBody> {
    let received = Instant::now();
    let count = request.records.len() as u64;
    if count > LIMITS.produce_window {
        let message = format!("{count} records at once; send at most {}", LIMITS.produce_window);
        return Err(ErrorBody::new(ErrorCode::BatchTooLarge, message));
    }
    if request.seq.checked_add(count).is_none() {
        return Err(ErrorBody::new(
            ErrorCode::BadRequest,
            format!("seq {} leaves no numbers to count up", request.seq),
        ));
    }
    for (seq, record) in (request.seq..).zip(&request.records) {
        ledger.wait_for_room().await;
        match ledger.admit(seq) {
            Admission::New => send(producer, ledger, seq, record, received).await,
            Admission::Repeated => {}
            Admission::OutOfOrder => {
                let message = format!("record {seq}: its number was used or passed over before; numbers only rise");
                return Err(ErrorBody::new(ErrorCode::SequenceReused, message));
            }
        }
    }
    Ok(())
}

async fn send(producer: &Producer, ledger: &Arc<Ledger>, seq: u64, record: &ProduceRecord, received: Instant) {
    let topic = match check(record) {
        Ok(topic) => topic,
        Err(error) => return ledger.refuse(seq, error),
    };
    let sink = Arc::clone(ledger) as Arc<dyn DeliverySink>;
    let mut delivery = Box::new(Delivery { sink, seq, received });
    loop {
        delivery = match producer.send(&topic, record, delivery) {
            Ok(()) => return,
            Err(NotSent::Refused(error)) => return ledger.refuse(seq, error),
            Err(NotSent::QueueFull(delivery)) => delivery,
        };
        tokio::time::sleep(QUEUE_FULL_PAUSE).await;
    }
}

/// What librdkafka would refuse late, or not at all.
fn check(record: &ProduceRecord) -> Result<TopicName, ErrorBody> {
    let topic =
        TopicName::parse(&record.topic).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))?;
    let header_bytes: usize = record.headers.iter().map(|header| header.0.len() + header.1.len()).sum();
    let size = record.key.len() + record.value.len() + header_bytes;
    if size > MAX_RECORD_BYTES {
        let message = format!("the record has {size} bytes; at most {MAX_RECORD_BYTES} are taken");
        return Err(ErrorBody::new(ErrorCode::RecordTooLarge, message));
    }
    if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
        let message = format!("partition {partition}: use a number from 0, or leave it out and Kafka chooses");
        return Err(ErrorBody::new(ErrorCode::UnknownPartition, message));
    }
    if record.headers.iter().any(|header| header.0.contains('\0')) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "a header's name cannot contain a NUL character"));
    }
    if let Some(ms) = record.timestamp.filter(|ms| *ms < 0) {
        let message = format!("timestamp {ms}: milliseconds since 1970 cannot be negative");
        return Err(ErrorBody::new(ErrorCode::BadRequest, message));
    }
    Ok(topic)
}

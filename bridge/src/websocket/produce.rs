//! Records on their way from a socket to Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, HeaderView, ProduceView, TopicName};

use super::ledger::{Admission, Ledger};
use super::{LIMITS, MAX_RECORD_BYTES};
use crate::kafka::producer::{Delivery, DeliverySink, NotSent, Producer};

/// How long to wait when librdkafka's queue is full before trying again.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Records of one message, in the order of their numbers.
pub struct Numbered<I> {
    /// The number of the first.
    pub seq: u64,
    pub count: u64,
    pub records: I,
}

/// Sends the records one by one. While it waits for room the socket is not read: that is the back-pressure.
///
/// # Errors
/// When the message as a whole is wrong; then none of its records was taken.
pub async fn produce<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    producer: &Producer,
    ledger: &Arc<Ledger>,
    Numbered { seq, count, records }: Numbered<impl Iterator<Item = (&'a str, ProduceView<'a, H>)>>,
) -> Result<(), ErrorBody> {
    let received = Instant::now();
    if count > LIMITS.produce_window {
        let message = format!("{count} records at once; send at most {}", LIMITS.produce_window);
        return Err(ErrorBody::new(ErrorCode::BatchTooLarge, message));
    }
    if seq.checked_add(count).is_none() {
        return Err(ErrorBody::new(ErrorCode::BadRequest, format!("seq {seq} leaves no numbers to count up")));
    }
    for (seq, (topic, record)) in (seq..).zip(records) {
        ledger.wait_for_room().await;
        match ledger.admit(seq) {
            Admission::New => send(producer, ledger, seq, topic, record, received).await,
            Admission::Repeated => {}
            Admission::OutOfOrder => {
                let message = format!("record {seq}: its number was used or passed over before; numbers only rise");
                return Err(ErrorBody::new(ErrorCode::SequenceReused, message));
            }
        }
    }
    Ok(())
}

async fn send<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    producer: &Producer,
    ledger: &Arc<Ledger>,
    seq: u64,
    topic: &str,
    record: ProduceView<'a, H>,
    received: Instant,
) {
    if let Err(error) = check(topic, &record) {
        return ledger.refuse(seq, error);
    }
    let sink = Arc::clone(ledger) as Arc<dyn DeliverySink>;
    let mut delivery = Box::new(Delivery { sink, seq, received });
    loop {
        delivery = match producer.send(topic, record.clone(), delivery) {
            Ok(()) => return,
            Err(NotSent::Refused(error)) => return ledger.refuse(seq, error),
            Err(NotSent::QueueFull(delivery)) => delivery,
        };
        tokio::time::sleep(QUEUE_FULL_PAUSE).await;
    }
}

/// What librdkafka would refuse late, or not at all.
fn check<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    topic: &str,
    record: &ProduceView<'a, H>,
) -> Result<(), ErrorBody> {
    TopicName::parse(topic).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))?;
    let size = record.size();
    if size > MAX_RECORD_BYTES {
        let message = format!("the record has {size} bytes; at most {MAX_RECORD_BYTES} are taken");
        return Err(ErrorBody::new(ErrorCode::RecordTooLarge, message));
    }
    if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
        let message = format!("partition {partition}: use a number from 0, or leave it out and Kafka chooses");
        return Err(ErrorBody::new(ErrorCode::UnknownPartition, message));
    }
    if record.headers.clone().any(|(name, _)| name.contains('\0')) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "a header's name cannot contain a NUL character"));
    }
    if let Some(ms) = record.timestamp.filter(|ms| *ms < 0) {
        let message = format!("timestamp {ms}: milliseconds since 1970 cannot be negative");
        return Err(ErrorBody::new(ErrorCode::BadRequest, message));
    }
    Ok(())
}

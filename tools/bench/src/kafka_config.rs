//! librdkafka's configuration in the floors: that of the bridge where it matters for speed.

use rdkafka::ClientConfig;

/// librdkafka's own default for `queue.buffering.max.messages`, and below the bridge's 64 MiB for `…max.kbytes`: floors
/// keep fewer records than this without a delivery report, so that no batch is ever refused in part.
pub const QUEUE_MESSAGES: u64 = 100_000;
pub const QUEUE_BYTES: u64 = 48 * 1024 * 1024;

pub fn base(kafka: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", kafka)
        .set("client.id", "bench")
        .set("socket.nagle.disable", "true")
        // Errors only: warnings of a broker that has just started do not matter.
        .set("log_level", "3");
    config
}

/// As the bridge's producer is set: idempotent, hence acks=all.
pub fn producer(kafka: &str, linger_ms: u32) -> ClientConfig {
    let mut config = base(kafka);
    config
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", linger_ms.to_string())
        .set("queue.buffering.max.kbytes", "65536");
    config
}

/// librdkafka's defaults, except for the pause after a full queue, which is set for a slow reader.
pub fn consumer(kafka: &str) -> ClientConfig {
    let mut config = base(kafka);
    config.set("fetch.queue.backoff.ms", "10").set("allow.auto.create.topics", "false");
    config
}

//! Waiting for a condition with a deadline, and names that no other test uses.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for an event before it fails. It is long because two cores run brokers, browsers and compilers at once.
/// Durations are measured by `cargo xtask bench`, not by tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition that cannot be subscribed to is checked.
pub const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// Polls until there is a value; `what` completes "waited 30 s for …".
pub async fn eventually<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_within(PATIENCE, what, ask).await
}

/// The same with another limit, for events that take longer by design.
pub async fn eventually_within<T, F>(limit: Duration, what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", limit.as_secs());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// A name for a topic or group that no other test, and no other run on the same broker, uses.
pub fn unique(noun: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    format!("{noun}-{now_ms:x}-{}-{count}", std::process::id())
}

//! Topics that do not exist when a record is sent to them.
//!
//! Kafka creates a missing topic if the broker allows it and a client requests its metadata with
//! `allow.auto.create.topics`. The producer must not do this: it repeatedly requests every topic to which it has ever
//! written, and would create deleted topics again. Instead a temporary client requests the topic, only when there is a
//! record for it. If the user has disabled automatic creation, topics are only looked up. So they are for records whose sender may not create
//! topics; such a record waits for the answer, and fails if the topic does not exist.
//!
//! A thread of its own creates topics, because a broker that does not create them automatically costs seconds for each.
//! Otherwise a user who may create topics could delay the look-ups for all others.
//!
//! The demo broker keeps its topics in this process's memory and creates any number of them. So after the first topics,
//! a record for another topic waits until the topic was looked up, and no topic is created beyond the demo broker's
//! limits.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, TopicName};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;

use crate::client_config::Connection;
use crate::demo;
use crate::metadata_client::{MetadataClient, QuietContext, TIMEOUT};

/// How long a topic counts as existing. If records were sent to it, it is then looked up again, because it may have
/// been deleted.
const VALID_FOR: Duration = Duration::from_secs(2);

/// How often the thread checks which topics have to be looked up, and repeats failed requests.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// How long a record whose sender may not create topics waits for the look-up. After that it waits in librdkafka's queue, so that its
/// sender does not block while no broker answers.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(2);

/// If a topic does not exist this long after the request, the broker does not create topics automatically.
const CREATED_WITHIN: Duration = Duration::from_secs(2);
const CHECK_CREATED_EVERY: Duration = Duration::from_millis(50);

/// The producer refreshes the metadata of missing topics once a second. If it does not find a topic for longer than
/// this, the topic may have been deleted again.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// How many topics may wait for their creation. Beyond it a topic counts as missing, and is requested again with its next record.
const MAX_CREATIONS: usize = 1024;

/// The largest number of known topics; beyond it the oldest answers are dropped and requested again.
const MAX_KNOWN: usize = 4096;

/// Records for this many topics of the demo broker are sent without waiting for the look-up. A record that waits fails
/// if its socket closes meanwhile, as one that waits for the producer's queue does.
const DEMO_TOPICS_WITHOUT_WAIT: usize = 32;

type Topics = HashMap<Arc<str>, Known>;

pub struct MissingTopics {
    known: Arc<Mutex<Topics>>,
    /// Wakes the thread that looks up topics.
    wake: SyncSender<()>,
    is_demo: bool,
}

enum Known {
    /// The look-up is pending.
    Requested {
        /// Whether records are sent before the answer.
        may_send: bool,
        /// Whether one of the senders may create the topic.
        may_create: bool,
        /// The topic does not exist, and waits for its creation.
        is_creating: bool,
        since: Instant,
    },
    Answered {
        exists: bool,
        at: Instant,
        /// Whether a record was sent to the topic since.
        is_used: bool,
        /// Whether one of those records may create the topic.
        may_create: bool,
        /// A sender who may create the topic need not request it again.
        was_creation_tried: bool,
        /// The error if creating the topic would exceed the limits of the demo broker.
        refusal: Option<Arc<ErrorBody>>,
    },
}

impl Known {
    fn requested(may_send: bool, may_create: bool) -> Self {
        Self::Requested { may_send, may_create, is_creating: false, since: Instant::now() }
    }

    fn answered(exists: bool, was_creation_tried: bool) -> Self {
        let (at, is_used, may_create, refusal) = (Instant::now(), false, false, None);
        Self::Answered { exists, at, is_used, may_create, was_creation_tried, refusal }
    }

    fn refused(topic: &str, why: &str) -> Self {
        let message = format!("the topic {topic:?} does not exist and was not created: {why}");
        let refusal = Some(Arc::new(ErrorBody::new(ErrorCode::NotOnThisCluster, message)));
        let (at, is_used, may_create, was_creation_tried) = (Instant::now(), false, false, true);
        Self::Answered { exists: false, at, is_used, may_create, was_creation_tried, refusal }
    }
}

/// Whether records for a topic may be sent.
pub enum Admission {
    Send,
    /// The topic is being looked up; retry in a moment.
    Wait,
    /// The topic does not exist and is not created.
    Refuse(Arc<ErrorBody>),
}

impl MissingTopics {
    pub fn new(connection: &Connection, metadata_client: &Arc<MetadataClient>) -> Self {
        let (missing, woken) = Self::without_threads(connection.demo);
        let topics = TopicThread {
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            known: Arc::clone(&missing.known),
        };
        let (creations, requested) = sync_channel(MAX_CREATIONS);
        let creator = topics.clone();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        thread("kafka-topics").spawn(move || topics.look_up_all(&woken, &creations)).expect("a thread can be started");
        thread("kafka-create").spawn(move || creator.create_all(&requested)).expect("a thread can be started");
        missing
    }

    fn without_threads(is_demo: bool) -> (Self, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        (Self { known: Arc::default(), wake, is_demo }, woken)
    }

    /// Whether a record for this topic may be sent; requests the look-up of an unknown topic. `may_create`: whether its sender may
    /// create the topic. Never blocks.
    pub fn admit(&self, topic: &Arc<str>, may_create: bool) -> Admission {
        let mut known = self.lock();
        let may_send = match known.get_mut(topic) {
            Some(Known::Requested { may_send, may_create: is_creation_wanted, since, .. }) => {
                *is_creation_wanted |= may_create;
                *may_send || !self.is_demo && (may_create || since.elapsed() >= LOOKED_UP_WITHIN)
            }
            // It was looked up for a user who may not create it.
            Some(Known::Answered { exists: false, was_creation_tried: false, .. }) if may_create => {
                self.request(&mut known, topic, !self.is_demo, may_create);
                !self.is_demo
            }
            Some(Known::Answered { exists, is_used, may_create: is_creation_wanted, refusal, .. }) => {
                *is_used = true;
                *is_creation_wanted |= may_create;
                if !*exists && !may_create {
                    return Admission::Refuse(Arc::new(may_not_create(topic)));
                }
                if let Some(error) = refusal {
                    return Admission::Refuse(Arc::clone(error));
                }
                true
            }
            None => {
                let may_send = may_create && (!self.is_demo || known.len() < DEMO_TOPICS_WITHOUT_WAIT);
                let is_requested = self.request(&mut known, topic, may_send, may_create);
                may_send || !is_requested && !self.is_demo
            }
        };
        if may_send { Admission::Send } else { Admission::Wait }
    }

    /// Whether a topic that the producer does not find may exist in a moment.
    pub fn may_appear(&self, topic: &Arc<str>, may_create: bool) -> bool {
        let mut known = self.lock();
        match known.get(topic) {
            Some(Known::Requested { .. }) => true,
            Some(Known::Answered { exists: false, .. }) => false,
            Some(Known::Answered { exists: true, at, .. }) if at.elapsed() < NOTICED_WITHIN => true,
            _ => {
                self.request(&mut known, topic, true, may_create);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        // Each change is a single insert.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns false if too many other topics are requested.
    fn request(&self, known: &mut Topics, topic: &Arc<str>, may_send: bool, may_create: bool) -> bool {
        if known.len() >= MAX_KNOWN && !known.contains_key(topic) {
            make_room(known);
            if known.len() >= MAX_KNOWN {
                return false;
            }
        }
        known.insert(Arc::clone(topic), Known::requested(may_send, may_create));
        // If the channel is full, the thread wakes up anyway.
        let _ = self.wake.try_send(());
        true
    }
}

/// Drops the topics that do not exist, and then the older half of the answers. Those of topics with many records are recent.
fn make_room(known: &mut Topics) {
    known.retain(|_, known| !matches!(known, Known::Answered { exists: false, .. }));
    if known.len() < MAX_KNOWN {
        return;
    }
    let answered_at = |known: &Known| match known {
        Known::Requested { .. } => None,
        Known::Answered { at, .. } => Some(*at),
    };
    let mut times: Vec<Instant> = known.values().filter_map(answered_at).collect();
    times.sort_unstable();
    if let Some(&middle) = times.get(times.len() / 2) {
        known.retain(|_, known| answered_at(known).is_none_or(|at| at > middle));
    }
}

/// The topics to look up, those first that were requested first. Answers that are too old are requested again.
fn to_look_up(known: &mut Topics) -> Vec<Arc<str>> {
    let mut topics = Vec::new();
    for (topic, known) in known {
        if let Known::Answered { exists, at, is_used: true, may_create, .. } = *known
            && at.elapsed() >= VALID_FOR
        {
            *known = Known::requested(exists, may_create);
        }
        if let Known::Requested { is_creating: false, since, .. } = *known {
            topics.push((since, Arc::clone(topic)));
        }
    }
    topics.sort_unstable();
    topics.into_iter().map(|(_, topic)| topic).collect()
}

fn may_not_create(topic: &str) -> ErrorBody {
    let message = format!(
        "the topic {topic:?} does not exist, and the access rules of this bridge do not allow you to create it; the record was not written"
    );
    ErrorBody::new(ErrorCode::Forbidden, message)
}

/// Enters the answer for a topic that does not exist, or requests its creation if one of the senders may create it.
fn not_found(known: &mut Topics, topic: Arc<str>, creations: Option<&SyncSender<Arc<str>>>) {
    let is_wanted = matches!(known.get(&topic), Some(Known::Requested { may_create: true, .. }));
    let was_tried = match creations {
        Some(creations) if is_wanted => match creations.try_send(Arc::clone(&topic)) {
            Ok(()) => {
                if let Some(Known::Requested { is_creating, .. }) = known.get_mut(&topic) {
                    *is_creating = true;
                }
                return;
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        },
        _ => is_wanted,
    };
    known.insert(topic, Known::answered(false, was_tried));
}

/// What the two threads of [`MissingTopics`] need. They end when it is dropped.
#[derive(Clone)]
struct TopicThread {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    known: Arc<Mutex<Topics>>,
}

impl TopicThread {
    /// The thread `kafka-topics`.
    fn look_up_all(self, woken: &Receiver<()>, creations: &SyncSender<Arc<str>>) {
        let creations = self.connection.properties.may_auto_create().then_some(creations);
        loop {
            if woken.recv_timeout(CHECK_EVERY) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let topics = to_look_up(&mut self.lock());
            for topic in topics {
                let exists = match TopicName::parse(&topic) {
                    Ok(name) => self.exists(&name),
                    Err(_) => {
                        self.lock().insert(topic, Known::answered(false, true));
                        continue;
                    }
                };
                match exists {
                    Some(true) => drop(self.lock().insert(topic, Known::answered(true, false))),
                    Some(false) => not_found(&mut self.lock(), topic, creations),
                    // No broker answers.
                    None => break,
                }
            }
        }
    }

    /// The thread `kafka-create`.
    fn create_all(self, requested: &Receiver<Arc<str>>) {
        for topic in requested {
            // If no broker answers, the topic is looked up again.
            let created = self.find_or_create(&topic).unwrap_or_else(|| Known::requested(!self.connection.demo, true));
            self.lock().insert(topic, created);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        // Each change is a single assignment or insert.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if no broker answers.
    fn find_or_create(&self, topic: &str) -> Option<Known> {
        let Ok(name) = TopicName::parse(topic) else { return Some(Known::answered(false, true)) };
        if self.exists(&name)? {
            return Some(Known::answered(true, false));
        }
        if self.connection.demo {
            let topics = self.metadata_client.metadata(None, TIMEOUT).ok()?;
            if let Some(why) = demo::limit_exceeded_by(demo::DEFAULT_PARTITIONS, &topics) {
                return Some(Known::refused(topic, &why));
            }
        }
        let is_created = self.create(&name).unwrap_or_else(|error| {
            tracing::debug!(topic, %error, "cannot request the automatic creation of a topic");
            false
        });
        Some(Known::answered(is_created, true))
    }

    fn exists(&self, topic: &TopicName) -> Option<bool> {
        match self.metadata_client.partitions_of(topic) {
            Ok(partitions) => Some(partitions.is_some()),
            Err(error) if error.retriable => None,
            // Kafka refuses the request; the producer's own request will show whether the topic exists.
            Err(_) => Some(true),
        }
    }

    fn create(&self, topic: &TopicName) -> KafkaResult<bool> {
        // A consumer sends the same request as a producer, and needs neither threads nor queues of its own.
        let mut config = self.connection.base_config();
        config.set("allow.auto.create.topics", "true");
        let client = self.connection.consumer(&config, QuietContext(self.connection.hooks()))?;
        client.client().fetch_metadata(Some(topic.as_str()), TIMEOUT)?;
        let deadline = Instant::now() + CREATED_WITHIN;
        while Instant::now() < deadline {
            if self.exists(topic) == Some(true) {
                return Ok(true);
            }
            std::thread::sleep(CHECK_CREATED_EVERY);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(number: usize) -> Arc<str> {
        format!("topic-{number}").into()
    }

    /// All these topics wait for their creation.
    fn create(missing: &MissingTopics, creations: &SyncSender<Arc<str>>, numbers: std::ops::Range<usize>) {
        for number in numbers {
            assert!(matches!(missing.admit(&topic(number), true), Admission::Send));
        }
        let mut known = missing.lock();
        for topic in to_look_up(&mut known) {
            not_found(&mut known, topic, Some(creations));
        }
    }

    #[test]
    fn topics_that_wait_for_their_creation_delay_no_look_up() {
        let (missing, _woken) = MissingTopics::without_threads(false);
        let (creations, _requested) = sync_channel(MAX_CREATIONS);
        create(&missing, &creations, 0..MAX_CREATIONS + 8);
        let is_creating = |known: &Known| matches!(known, Known::Requested { is_creating: true, .. });
        assert_eq!(missing.lock().values().filter(|known| is_creating(known)).count(), MAX_CREATIONS);

        let other: Arc<str> = "other".into();
        assert!(matches!(missing.admit(&other, false), Admission::Wait));
        assert_eq!(to_look_up(&mut missing.lock()), [Arc::clone(&other)]);
        not_found(&mut missing.lock(), Arc::clone(&other), Some(&creations));
        assert!(matches!(missing.admit(&other, false), Admission::Refuse(_)));
    }

    #[test]
    fn topic_beyond_the_limit_of_creations_is_requested_again_with_its_next_record() {
        let (missing, _woken) = MissingTopics::without_threads(false);
        let (creations, requested) = sync_channel(1);
        create(&missing, &creations, 0..2);
        let created = requested.recv().expect("a creation");
        let beyond = topic(usize::from(created == topic(0)));
        assert!(matches!(missing.admit(&beyond, false), Admission::Refuse(_)), "it does not exist yet");
        create(&missing, &creations, 0..2);
        assert_eq!(requested.recv(), Ok(beyond));
    }

    #[test]
    fn record_of_a_user_who_may_not_create_topics_does_not_wait_if_no_topic_can_be_requested() {
        let (missing, _woken) = MissingTopics::without_threads(false);
        for number in 0..MAX_KNOWN {
            assert!(matches!(missing.admit(&topic(number), false), Admission::Wait));
        }
        assert!(matches!(missing.admit(&topic(MAX_KNOWN), false), Admission::Send), "librdkafka creates no topic");
        assert_eq!(missing.lock().len(), MAX_KNOWN);
    }

    #[test]
    fn missing_topics_and_old_answers_are_dropped_first() {
        let (missing, _woken) = MissingTopics::without_threads(false);
        let start = Instant::now();
        let answered = |exists: bool, number: usize| {
            let later = start + Duration::from_nanos(u64::try_from(number).expect("small"));
            match Known::answered(exists, true) {
                Known::Answered { exists, is_used, may_create, was_creation_tried, refusal, .. } => {
                    Known::Answered { exists, at: later, is_used, may_create, was_creation_tried, refusal }
                }
                requested @ Known::Requested { .. } => requested,
            }
        };
        let fill = |exists: fn(usize) -> bool| {
            *missing.lock() = (0..MAX_KNOWN).map(|number| (topic(number), answered(exists(number), number))).collect();
            missing.admit(&"new".into(), true);
            missing.lock().len()
        };
        assert_eq!(fill(|number| number != 7), MAX_KNOWN, "one is missing");
        assert!(!missing.lock().contains_key(&topic(7)) && missing.lock().contains_key(&topic(0)));
        assert_eq!(fill(|_| true), MAX_KNOWN / 2);
        assert!(!missing.lock().contains_key(&topic(0)) && missing.lock().contains_key(&topic(MAX_KNOWN - 1)));
    }
}

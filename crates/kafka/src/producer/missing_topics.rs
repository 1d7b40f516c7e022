//! Topics that do not exist when a record is sent to them.
//!
//! Kafka creates a missing topic if the broker allows it and a client requests its metadata with
//! `allow.auto.create.topics`. The producer must not do this: it repeatedly requests every topic to which it has ever
//! written, and would create deleted topics again. Instead a temporary client requests the topic, only when there is a
//! record for it. If the user has disabled automatic creation, topics are only looked up. So they are for records whose sender may not create
//! topics; such a record waits for the answer, and fails if the topic does not exist.
//!
//! The demo broker keeps its topics in this process's memory and creates any number of them. So after the first topics,
//! a record for another topic waits until the topic was looked up, and no topic is created beyond the demo broker's
//! limits.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
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

/// The capacity of the queue of requests. If it is full, a topic is requested with its next record.
const MAX_QUEUED: usize = 1024;

/// The largest number of known topics; beyond it the answers are dropped and requested again.
const MAX_KNOWN: usize = 4096;

/// Records for this many topics of the demo broker are sent without waiting for the look-up. A record that waits fails
/// if its socket closes meanwhile, as one that waits for the producer's queue does.
const DEMO_TOPICS_WITHOUT_WAIT: usize = 32;

pub struct MissingTopics {
    known: Arc<Mutex<HashMap<Arc<str>, Known>>>,
    requests: SyncSender<Arc<str>>,
    is_demo: bool,
}

enum Known {
    /// The look-up is pending.
    Requested {
        /// Whether records are sent before the answer.
        may_send: bool,
        /// Whether one of the senders may create the topic.
        may_create: bool,
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
        Self::Requested { may_send, may_create, since: Instant::now() }
    }

    fn answered(exists: bool, was_creation_tried: bool) -> Self {
        let (at, is_used, may_create, refusal) = (Instant::now(), false, false, None);
        Self::Answered { exists, at, is_used, may_create, was_creation_tried, refusal }
    }

    fn is_missing(&self) -> bool {
        matches!(self, Self::Answered { exists: false, .. })
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
        let known = Arc::default();
        let (requests, requested) = sync_channel(MAX_QUEUED);
        let creator = TopicCreator {
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            known: Arc::clone(&known),
        };
        let thread = std::thread::Builder::new().name("kafka-topics".to_owned());
        thread.spawn(move || creator.run(&requested)).expect("a thread can be started");
        Self { known, requests, is_demo: connection.demo }
    }

    /// Whether a record for this topic may be sent; requests the look-up of an unknown topic. `may_create`: whether its sender may
    /// create the topic. Never blocks.
    pub fn admit(&self, topic: &Arc<str>, may_create: bool) -> Admission {
        let mut known = self.lock();
        let may_send = match known.get_mut(topic) {
            Some(Known::Requested { may_send, may_create: is_creation_wanted, since }) => {
                *is_creation_wanted |= may_create;
                *may_send || !self.is_demo && (may_create || since.elapsed() >= LOOKED_UP_WITHIN)
            }
            // It was looked up for somebody who may not create it.
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
                self.request(&mut known, topic, may_send, may_create);
                may_send
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        // Each change is a single insert.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, known: &mut HashMap<Arc<str>, Known>, topic: &Arc<str>, may_send: bool, may_create: bool) {
        if known.len() >= MAX_KNOWN {
            known.retain(|_, known| matches!(known, Known::Requested { .. }));
        }
        if self.requests.try_send(Arc::clone(topic)).is_ok() {
            known.insert(Arc::clone(topic), Known::requested(may_send, may_create));
        }
    }
}

fn may_not_create(topic: &str) -> ErrorBody {
    let message = format!(
        "the topic {topic:?} does not exist, and the access rules of this bridge do not allow you to create it; the record was not written"
    );
    ErrorBody::new(ErrorCode::Forbidden, message)
}

/// The thread `kafka-topics`, which looks up and creates topics. It ends when [`MissingTopics`] is dropped.
struct TopicCreator {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    known: Arc<Mutex<HashMap<Arc<str>, Known>>>,
}

impl TopicCreator {
    fn run(self, requested: &Receiver<Arc<str>>) {
        let mut waiting: Vec<Arc<str>> = Vec::new();
        loop {
            match requested.recv_timeout(CHECK_EVERY) {
                Ok(topic) => waiting.push(topic),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            waiting.extend(requested.try_iter());
            let is_valid = |known: &Known| match known {
                Known::Requested { .. } => true,
                Known::Answered { at, is_used, .. } => !is_used || at.elapsed() < VALID_FOR,
            };
            for (topic, known) in self.lock().iter_mut().filter(|(_, known)| !is_valid(known)) {
                if let Known::Answered { exists, may_create, .. } = *known {
                    *known = Known::requested(exists, may_create);
                    waiting.push(Arc::clone(topic));
                }
            }
            while let Some(topic) = waiting.first() {
                let may_create = self.is_creation_wanted(topic);
                let Some(found) = self.find_or_create(topic, may_create) else { break };
                // Looked up again if somebody who may create the topic has sent a record meanwhile.
                if may_create || !found.is_missing() || !self.is_creation_wanted(topic) {
                    self.lock().insert(waiting.remove(0), found);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        // Each change is a single assignment or insert.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_creation_wanted(&self, topic: &str) -> bool {
        matches!(self.lock().get(topic), Some(Known::Requested { may_create: true, .. }))
    }

    /// `None` if no broker answers.
    fn find_or_create(&self, topic: &str, may_create: bool) -> Option<Known> {
        let Ok(name) = TopicName::parse(topic) else { return Some(Known::answered(false, true)) };
        if self.exists(&name)? {
            return Some(Known::answered(true, false));
        }
        if !may_create || !self.connection.properties.may_auto_create() {
            return Some(Known::answered(false, may_create));
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

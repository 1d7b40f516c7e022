//! Topics that do not exist yet when a record is sent to them.
//!
//! Kafka makes a topic when a client asks for it that may create it, where the broker is configured so. The producer itself
//! must not: it asks again and again for every topic that it has ever written to, and would bring back one that somebody
//! deleted. A client of its own asks in its place, only when there is something to send, and is gone at once. Where the user has
//! switched automatic creation off, topics are only looked up.
//!
//! The demo broker keeps its topics in this process's memory and creates any number of them. So once many topics are in use a record
//! for another one waits until that was looked up, and no topic is created beyond the demo broker's limits.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, TopicName};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;

use crate::admin::existing_partitions;
use crate::client_config::Connection;
use crate::demo;
use crate::metadata_client::{MetadataClient, QuietContext, TIMEOUT};

/// A topic that records were sent to since is asked for again after so long: it may have been deleted.
const BELIEVED_FOR: Duration = Duration::from_secs(2);

/// How often the thread looks what is to be asked for, and whether an absent broker is back.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A topic that is not there so long after it was asked for is not made by asking.
const MADE_WITHIN: Duration = Duration::from_secs(2);
const IS_IT_MADE_EVERY: Duration = Duration::from_millis(50);

/// The producer looks for topics that it misses once a second. Beyond that the topic may have been deleted again.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// Topics that wait for an answer. Others are asked for with their next record.
const WAITING: usize = 1024;

/// Topics that are remembered; when there are more they are asked for again.
const REMEMBERED: usize = 4096;

/// Records for so many topics of the demo broker are sent before their topic was looked up. A record that waits for the answer fails
/// if its socket ends meanwhile, as one that waits for the producer's queue does.
const DEMO_TOPICS_AT_ONCE: usize = 32;

pub struct MissingTopics {
    known: Arc<Mutex<HashMap<Arc<str>, Known>>>,
    asking: SyncSender<Arc<str>>,
    is_demo: bool,
}

enum Known {
    /// No broker has answered yet.
    Asked {
        /// Whether records are sent before the answer comes.
        may_send: bool,
    },
    Answered {
        is_there: bool,
        at: Instant,
        /// A record was sent to it since.
        is_wanted: bool,
        /// Why it was not created: the demo broker has no room for it.
        no_room: Option<Arc<ErrorBody>>,
    },
}

impl Known {
    fn now(is_there: bool) -> Self {
        Self::Answered { is_there, at: Instant::now(), is_wanted: false, no_room: None }
    }

    fn without_room(topic: &str, why: &str) -> Self {
        let message = format!("the topic {topic:?} does not exist and was not created: {why}");
        let error = Arc::new(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        Self::Answered { is_there: false, at: Instant::now(), is_wanted: false, no_room: Some(error) }
    }
}

/// What is to be done with records for a topic.
pub enum Admission {
    /// The producer gets them.
    Send,
    /// Whether the topic exists is being asked; try again in a moment.
    Wait,
    /// The topic does not exist, and is not created.
    Refuse(Arc<ErrorBody>),
}

impl MissingTopics {
    pub fn new(connection: &Connection, metadata_client: &Arc<MetadataClient>) -> Self {
        let known = Arc::default();
        let (asking, asked) = sync_channel(WAITING);
        let maker = Maker {
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            known: Arc::clone(&known),
        };
        let thread = std::thread::Builder::new().name("kafka-topics".to_owned());
        thread.spawn(move || maker.run(&asked)).expect("a thread can be started");
        Self { known, asking, is_demo: connection.demo }
    }

    /// A record is to go there: at once, except on the demo broker where many topics are in use. Never blocks.
    pub fn expect(&self, topic: &Arc<str>) -> Admission {
        let mut known = self.lock();
        let may_send = match known.get_mut(topic) {
            Some(Known::Asked { may_send }) => *may_send,
            Some(Known::Answered { is_wanted, no_room, .. }) => {
                *is_wanted = true;
                if let Some(error) = no_room {
                    return Admission::Refuse(Arc::clone(error));
                }
                true
            }
            None => {
                let may_send = !self.is_demo || known.len() < DEMO_TOPICS_AT_ONCE;
                self.ask(&mut known, topic, may_send);
                may_send
            }
        };
        if may_send { Admission::Send } else { Admission::Wait }
    }

    /// The producer does not find the topic: whether it may in a moment.
    pub fn may_appear(&self, topic: &Arc<str>) -> bool {
        let mut known = self.lock();
        match known.get(topic) {
            Some(Known::Asked { .. }) => true,
            Some(Known::Answered { is_there: false, .. }) => false,
            Some(Known::Answered { is_there: true, at, .. }) if at.elapsed() < NOTICED_WITHIN => true,
            _ => {
                self.ask(&mut known, topic, true);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        // Each change is a single insert.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, known: &mut HashMap<Arc<str>, Known>, topic: &Arc<str>, may_send: bool) {
        if known.len() >= REMEMBERED {
            known.retain(|_, known| matches!(known, Known::Asked { .. }));
        }
        if self.asking.try_send(Arc::clone(topic)).is_ok() {
            known.insert(Arc::clone(topic), Known::Asked { may_send });
        }
    }
}

/// The thread that asks; it ends with the last producer.
struct Maker {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    known: Arc<Mutex<HashMap<Arc<str>, Known>>>,
}

impl Maker {
    fn run(self, asked: &Receiver<Arc<str>>) {
        let mut waiting: Vec<Arc<str>> = Vec::new();
        loop {
            match asked.recv_timeout(LOOK_EVERY) {
                Ok(topic) => waiting.push(topic),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            waiting.extend(asked.try_iter());
            let believed = |known: &Known| match known {
                Known::Asked { .. } => true,
                Known::Answered { at, is_wanted, .. } => !is_wanted || at.elapsed() < BELIEVED_FOR,
            };
            {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                for (topic, known) in known.iter_mut().filter(|(_, known)| !believed(known)) {
                    *known = Known::Asked { may_send: matches!(known, Known::Answered { is_there: true, .. }) };
                    waiting.push(Arc::clone(topic));
                }
            }
            while let Some(topic) = waiting.first() {
                let Some(found) = self.find_or_make(topic) else { break };
                self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(waiting.remove(0), found);
            }
        }
    }

    /// None while no broker answers.
    fn find_or_make(&self, topic: &str) -> Option<Known> {
        let Ok(name) = TopicName::parse(topic) else { return Some(Known::now(false)) };
        if self.exists(&name)? {
            return Some(Known::now(true));
        }
        if !self.connection.properties.may_auto_create() {
            return Some(Known::now(false));
        }
        if self.connection.demo {
            let topics = self.metadata_client.metadata(None, TIMEOUT).ok()?;
            if let Some(why) = demo::no_room_for(demo::DEFAULT_PARTITIONS, &topics) {
                return Some(Known::without_room(topic, &why));
            }
        }
        let is_made = self.ask_for(&name).unwrap_or_else(|error| {
            tracing::debug!(topic, %error, "a topic could not be asked for");
            false
        });
        Some(Known::now(is_made))
    }

    fn exists(&self, topic: &TopicName) -> Option<bool> {
        match existing_partitions(self.metadata_client.metadata(Some(topic.as_str()), TIMEOUT), topic) {
            Ok(partitions) => Some(partitions.is_some()),
            Err(error) if error.retriable => None,
            // Kafka does not say; the producer's own attempt does.
            Err(_) => Some(true),
        }
    }

    fn ask_for(&self, topic: &TopicName) -> KafkaResult<bool> {
        // A consumer asks as a producer would, and needs neither threads nor queues of its own.
        let mut config = self.connection.base_config();
        config.set("allow.auto.create.topics", "true");
        let asking = self.connection.consumer(&config, QuietContext(self.connection.hooks()))?;
        asking.client().fetch_metadata(Some(topic.as_str()), TIMEOUT)?;
        let deadline = Instant::now() + MADE_WITHIN;
        while Instant::now() < deadline {
            if self.exists(topic) == Some(true) {
                return Ok(true);
            }
            std::thread::sleep(IS_IT_MADE_EVERY);
        }
        Ok(false)
    }
}

//! Groups that librdkafka's functions for consumer groups leave out: share groups, groups of Kafka Streams, and groups whose
//! members are not consumers, such as those of Kafka Connect.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::{Broker, ErrorBody, ErrorCode, GroupKind, shown_name};
use rdkafka::consumer::Consumer;

use crate::broker_connection::list_groups;
use crate::broker_connection::share_groups::{self, ShareGroup};
use crate::broker_requests::ask_each;
use crate::metadata_client::MetadataClient;
use crate::native::{self, DEAD, DescribedGroup};

/// The brokers are asked for their groups within this time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The coordinators of share groups are asked for members and offsets within this time, as for other groups.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

const UNKNOWN: &str = "Unknown";

/// A group as its coordinator lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGroup {
    pub name: String,
    pub kind: GroupKind,
    pub state: String,
    /// Not known if the cluster requires SASL.
    pub coordinator: Option<Broker>,
}

/// The answer of a broker to the request for its groups.
type Answer = (Broker, Result<Vec<KnownGroup>, ErrorBody>);

/// The groups that each broker listed last, by its id. A live list keeps them while the broker does not answer; otherwise they
/// would be removed and added again.
#[derive(Default)]
pub struct LastListed(Mutex<HashMap<i32, Vec<KnownGroup>>>);

impl LastListed {
    /// Stores the answers. Returns the last known groups of the brokers that did not answer, except consumer groups, which
    /// librdkafka lists.
    fn note(&self, answers: &[Answer]) -> Vec<KnownGroup> {
        // Each change is a single step, so the state is valid after a panic elsewhere.
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listed.retain(|id, _| answers.iter().any(|(broker, _)| broker.id == *id));
        let mut kept = Vec::new();
        for (broker, answer) in answers {
            match answer {
                Ok(groups) => {
                    let others = groups.iter().filter(|group| !group.is_of_consumers()).cloned();
                    listed.insert(broker.id, others.collect());
                }
                Err(error) if error.is_about_reaching_kafka() => {
                    kept.extend(listed.get(&broker.id).into_iter().flatten().cloned());
                }
                Err(_) => {
                    listed.remove(&broker.id);
                }
            }
        }
        kept
    }
}

impl KnownGroup {
    fn is_of_consumers(&self) -> bool {
        matches!(self.kind, GroupKind::Classic | GroupKind::Consumer)
    }
}

impl MetadataClient {
    /// Every group of every type. If the cluster requires SASL, the types of those that librdkafka does not list as consumer
    /// groups are not known: they are `Other`, while consumer groups are missing or `Other`.
    ///
    /// # Errors
    /// If a broker does not answer. The groups of the others are in the list, and those that the broker listed before.
    pub fn groups_of_all_kinds(&self) -> (Vec<KnownGroup>, Option<ErrorBody>) {
        if self.connection().properties.signs_in() {
            return match self.groups_without_kinds(None) {
                Ok(groups) => (groups, None),
                Err(error) => (Vec::new(), Some(error)),
            };
        }
        match self.ask_all_brokers() {
            Ok(answers) => {
                let kept = self.last_listed.note(&answers);
                let (mut groups, error) = all_listed(answers);
                groups.extend(kept);
                (groups, error)
            }
            Err(error) => (Vec::new(), Some(error)),
        }
    }

    /// The group of this name, if it is of a type that librdkafka does not know. `coordinator`: if it is known.
    ///
    /// # Errors
    /// If a broker does not answer, so that the type is not known.
    fn find_other_group(&self, name: &str, coordinator: Option<Broker>) -> Result<Option<KnownGroup>, ErrorBody> {
        let (groups, error) = match coordinator {
            _ if self.connection().properties.signs_in() => (self.groups_without_kinds(Some(name))?, None),
            Some(coordinator) => all_listed(self.ask_brokers(vec![coordinator])),
            None => all_listed(self.ask_all_brokers()?),
        };
        match groups.into_iter().find(|group| group.name == name) {
            Some(group) => Ok(Some(group).filter(|group| !group.is_of_consumers())),
            None => error.map_or(Ok(None), Err),
        }
    }

    /// Describes a group with `describe`, and looks for a group of another type if no consumer group has the name: librdkafka
    /// reports both alike. The second result is an error if a broker does not answer, so that the type is not known.
    ///
    /// # Errors
    /// Those of `describe`.
    pub fn describe_with_type<E>(
        &self,
        name: &str,
        mut describe: impl FnMut() -> Result<DescribedGroup, E>,
    ) -> Result<(DescribedGroup, Result<Option<KnownGroup>, ErrorBody>), E> {
        let described = describe()?;
        if !described.is_dead() {
            return Ok((described, Ok(None)));
        }
        let other = self.find_other_group(name, described.coordinator.clone());
        // A group of unknown type may be a consumer group that was created after the first request.
        if matches!(&other, Ok(Some(KnownGroup { kind: GroupKind::Other, .. }))) {
            let described = describe()?;
            if !described.is_dead() {
                return Ok((described, Ok(None)));
            }
        }
        Ok((described, other))
    }

    /// The members of a share group and where its partitions start.
    ///
    /// # Errors
    /// If the cluster requires SASL, or the coordinator does not answer, refuses, or is too old.
    pub fn share_group(&self, group: &KnownGroup) -> Result<ShareGroup, ErrorBody> {
        self.share_groups(std::slice::from_ref(group)).pop().unwrap_or_else(|| Err(not_described(group)))
    }

    /// The same for many groups, in their order. Each coordinator is asked once.
    pub fn share_groups(&self, groups: &[KnownGroup]) -> Vec<Result<ShareGroup, ErrorBody>> {
        let mut names: HashMap<Broker, Vec<String>> = HashMap::new();
        for group in groups {
            if let Some(coordinator) = &group.coordinator {
                names.entry(coordinator.clone()).or_default().push(group.name.clone());
            }
        }
        let coordinators = names.keys().cloned().collect();
        let ask = move |coordinator: &Broker, connection: &mut _| {
            share_groups::fetch(connection, names.get(coordinator).map_or(&[], Vec::as_slice))
        };
        let answers = ask_each(&self.connection().properties, coordinators, DESCRIBE_TIMEOUT, "its share groups", ask);
        let answers: HashMap<Broker, Result<HashMap<String, _>, ErrorBody>> = answers.into_iter().collect();
        let described = |group: &KnownGroup| {
            let answer = group.coordinator.as_ref().and_then(|coordinator| answers.get(coordinator));
            match answer.ok_or_else(|| not_asked(group))?.clone()?.get(&group.name) {
                Some(Ok(described)) => Ok(described.clone()),
                Some(Err(code)) => {
                    let message = format!("Kafka did not describe the share group: error code {code}");
                    Err(ErrorBody::new(ErrorCode::AdminRefused, message))
                }
                None => Err(not_described(group)),
            }
        };
        groups.iter().map(described).collect()
    }

    fn ask_all_brokers(&self) -> Result<Vec<Answer>, ErrorBody> {
        match native::fetch_brokers(self.brokers_client(), TIMEOUT) {
            Ok(list) => Ok(self.ask_brokers(list.brokers)),
            Err(code) => {
                let message = format!("no Kafka broker answered the request for the groups: {code}");
                Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message))
            }
        }
    }

    fn ask_brokers(&self, brokers: Vec<Broker>) -> Vec<Answer> {
        let answers = ask_each(&self.connection().properties, brokers, TIMEOUT, "its groups", |_, connection| {
            list_groups::fetch(connection)
        });
        let known = |broker: &Broker, group: list_groups::KafkasGroup| KnownGroup {
            name: group.name,
            kind: group.kind,
            state: group.state,
            coordinator: Some(broker.clone()),
        };
        let answer = |(broker, answer): (Broker, Result<Vec<_>, ErrorBody>)| {
            let groups = answer.map(|groups| groups.into_iter().map(|group| known(&broker, group)).collect());
            (broker, groups)
        };
        answers.into_iter().map(answer).collect()
    }

    /// All groups, or only the one of this name, by librdkafka's older function, which signs in like all its requests.
    fn groups_without_kinds(&self, name: Option<&str>) -> Result<Vec<KnownGroup>, ErrorBody> {
        let listed = self.consumer().fetch_group_list(name, TIMEOUT);
        let listed = listed.map_err(|error| {
            ErrorBody::new(ErrorCode::KafkaUnreachable, format!("Kafka did not list the groups of all types: {error}"))
        })?;
        let group = |group: &rdkafka::groups::GroupInfo| KnownGroup {
            name: group.name().to_owned(),
            kind: GroupKind::Other,
            // Kafka's classic DescribeGroups reports groups of other types as dead.
            state: Some(group.state())
                .filter(|state| *state != DEAD && !state.is_empty())
                .unwrap_or(UNKNOWN)
                .to_owned(),
            coordinator: None,
        };
        Ok(listed.groups().iter().map(group).collect())
    }
}

/// The groups of the brokers that answered, and the error of one that did not.
fn all_listed(answers: Vec<Answer>) -> (Vec<KnownGroup>, Option<ErrorBody>) {
    let (mut groups, mut error) = (Vec::new(), None);
    for (_, answer) in answers {
        match answer {
            Ok(listed) => groups.extend(listed),
            Err(failed) => error = Some(failed),
        }
    }
    (groups, error)
}

/// The error if the coordinator answered without the group, as while the group is deleted or moves to another broker.
fn not_described(group: &KnownGroup) -> ErrorBody {
    let message = format!("{}; its coordinator did not describe the group: try again", description(group));
    ErrorBody::new(ErrorCode::AdminRefused, message)
}

fn not_asked(group: &KnownGroup) -> ErrorBody {
    let message = format!(
        "{}; its members and offsets are not shown, because the bridge cannot request them on a cluster with SASL",
        description(group)
    );
    ErrorBody::new(ErrorCode::Unsupported, message)
}

/// The error for a request about consumer groups. `action`: what was requested, completes "cannot …".
pub fn not_a_consumer_group(group: &KnownGroup, action: &str) -> ErrorBody {
    let instead = match group.kind {
        GroupKind::Share => "use kafka-share-groups, or a share consumer, for it",
        GroupKind::Streams => "use kafka-streams-groups for it",
        _ => "use the tools of its own clients",
    };
    let message = format!("cannot {action}: {} and not a consumer group; {instead}", description(group));
    ErrorBody::new(ErrorCode::NotAConsumerGroup, message)
}

/// The group's name and type.
fn description(group: &KnownGroup) -> String {
    let name = shown_name(&group.name);
    match group.kind {
        GroupKind::Share => format!("the group {name} is a share group (KIP-932)"),
        GroupKind::Streams => format!("the group {name} is a group of Kafka Streams (KIP-1071)"),
        _ => format!("the group {name} is of another type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_broker_that_does_not_answer_are_kept() {
        let broker = |id| Broker { id, host: "kafka".to_owned(), port: 9092 };
        let group = |name: &str, kind| KnownGroup {
            name: name.to_owned(),
            kind,
            state: "Stable".to_owned(),
            coordinator: Some(broker(1)),
        };
        let unreachable = || Err(ErrorBody::new(ErrorCode::KafkaUnreachable, "no answer"));
        let (share, consumer) = (group("share", GroupKind::Share), group("consumer", GroupKind::Consumer));
        let last = LastListed::default();
        let both = [(broker(1), Ok(vec![share.clone(), consumer])), (broker(2), unreachable())];
        assert_eq!(last.note(&both), [], "broker 2 listed nothing before");
        assert_eq!(last.note(&[(broker(1), unreachable())]), [share]);
        assert_eq!(last.note(&[(broker(1), Ok(Vec::new()))]), []);
        assert_eq!(last.note(&[(broker(1), unreachable())]), [], "the group was deleted");
    }

    #[test]
    fn group_that_its_coordinator_did_not_describe_is_not_blamed_on_sasl() {
        let (kind, state) = (GroupKind::Share, "Empty".to_owned());
        let group = KnownGroup { name: "g".to_owned(), kind, state, coordinator: None };
        assert!(!not_described(&group).message.contains("SASL"));
        assert!(not_asked(&group).message.contains("SASL"));
    }
}

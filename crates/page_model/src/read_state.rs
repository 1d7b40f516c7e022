//! Read access to the app state. Derived values use the accessors of the slices only, so that reading one through
//! [`Tracked`] subscribes to exactly the slices that it depends on.

use protocol::{
    Action, Cluster, ClusterColour, ClusterState, LocalSchemaId, NamePattern, Object, RegistryChanged, RegistryState,
    Rights, User,
};

use super::allowed_names::AllowedNames;
use super::app_state::{AppState, Bridge};
use super::batch::Batch;
use super::blocked::{ChangeBlocked, ListenBlocked, SendBlocked};
use super::entry::Entry;
use super::feed::Feed;
use super::intent::{Intent, ReadMode, Start};
use super::latency_strip::LatencyStrip;
use super::link::Link;
use super::listening::{Listening, PartitionProgress, Phase};
use super::notices::Notice;
use super::receive_stats::ReceiveStats;
use super::run::Run;
use super::send_safety::SEED_TOPIC;
use super::sends::Sends;
use super::slice::Slice;
use super::waiting::Waits;

pub trait ReadState {
    /// Called for every slice that is read.
    fn subscribe(&self, slice: Slice);

    /// The state without a subscription, for this trait's own accessors.
    fn untracked(&self) -> &AppState;

    // Accessors: one slice each.

    fn link(&self) -> &Link {
        self.subscribe(Slice::Link);
        &self.untracked().link
    }

    fn bridge(&self) -> Option<&Bridge> {
        self.subscribe(Slice::Link);
        self.untracked().bridge.as_ref()
    }

    fn has_token(&self) -> bool {
        self.subscribe(Slice::Link);
        self.untracked().token.is_some()
    }

    /// Whether the bridge has refused the latest token.
    fn token_is_wrong(&self) -> bool {
        self.subscribe(Slice::Link);
        self.untracked().token_is_wrong
    }

    /// Whether the bridge offers to sign in, as far as the page knows.
    fn signs_in(&self) -> bool {
        self.subscribe(Slice::Link);
        self.untracked().signs_in
    }

    fn cluster(&self) -> Option<&Cluster> {
        self.subscribe(Slice::Cluster);
        self.untracked().cluster.as_ref()
    }

    /// The state of the cluster's schema registry; `None` if the cluster has none.
    fn registry(&self) -> Option<&RegistryChanged> {
        self.subscribe(Slice::Cluster);
        self.untracked().registry.as_ref()
    }

    /// The name of the cluster that this page is for; `None` until the first `welcome`, unless the address names one.
    fn cluster_choice(&self) -> Option<&str> {
        self.subscribe(Slice::Cluster);
        self.untracked().cluster_choice.as_deref()
    }

    fn allowed_names(&self) -> &AllowedNames {
        self.subscribe(Slice::Cluster);
        &self.untracked().allowed_names
    }

    fn sends(&self) -> &Sends {
        self.subscribe(Slice::Sends);
        &self.untracked().sends
    }

    fn run(&self) -> Option<&Run> {
        self.subscribe(Slice::Sends);
        self.untracked().run.as_ref()
    }

    /// Sent records that wait for Kafka, and records of the live list behind open transactions.
    fn waits(&self) -> &Waits {
        self.subscribe(Slice::Sends);
        self.subscribe(Slice::Listening);
        &self.untracked().waits
    }

    /// Increases whenever the batch is read again.
    fn batch_revision(&self) -> u64 {
        self.subscribe(Slice::Batch);
        self.untracked().batch_revision
    }

    fn batch(&self) -> Option<&Batch> {
        self.subscribe(Slice::Batch);
        self.untracked().batch.as_ref()
    }

    fn listening(&self) -> &Listening {
        self.subscribe(Slice::Listening);
        &self.untracked().listening
    }

    /// The id with which records are written in the user's own schema; `None` while the schema is on its way to the bridge.
    fn schema_to_write(&self, id: LocalSchemaId) -> Option<LocalSchemaId> {
        self.subscribe(Slice::Listening);
        self.untracked().schema_to_write(id)
    }

    /// The progress in each partition: positions change with every record, the other offsets with the bridge's messages.
    fn partition_progress(&self) -> Vec<PartitionProgress> {
        self.subscribe(Slice::Listening);
        self.subscribe(Slice::Numbers);
        self.untracked().listening.partition_progress()
    }

    /// Number of records up to the end offsets that were not received yet; changes with every record.
    fn behind(&self) -> Option<u64> {
        self.subscribe(Slice::Listening);
        self.subscribe(Slice::Numbers);
        self.untracked().listening.behind()
    }

    /// The list, for its counts and its hold: redrawn ten times a second, and at once after an action of the user.
    fn feed(&self) -> &Feed {
        self.subscribe(Slice::Numbers);
        &self.untracked().feed
    }

    /// The list, for its rows: redrawn in every frame with new records.
    fn rows(&self) -> &Feed {
        self.subscribe(Slice::Rows);
        &self.untracked().feed
    }

    /// Number of records received since the list was cleared, for the tab's title.
    fn received(&self) -> u64 {
        self.subscribe(Slice::Received);
        self.untracked().feed.counts().received
    }

    /// Whether the records of this gap are being loaded.
    fn is_filling(&self, gap: &Entry) -> bool {
        self.subscribe(Slice::Rows);
        self.untracked().fills.is_filling(gap)
    }

    fn receive_stats(&self) -> &ReceiveStats {
        self.subscribe(Slice::Numbers);
        &self.untracked().receive_stats
    }

    fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.subscribe(Slice::Notices);
        self.untracked().notices.shown()
    }

    // Derived values, which use the accessors only.

    /// False without a connection to the bridge, since the state of Kafka is unknown then.
    fn kafka_is_up(&self) -> bool {
        self.link().is_open() && self.cluster().is_some_and(|cluster| cluster.state == ClusterState::Up)
    }

    fn kafka_is_down(&self) -> bool {
        self.link().is_open() && self.cluster().is_some_and(|cluster| cluster.state == ClusterState::Down)
    }

    /// Why records that need a schema are shown raw: the schema registry does not answer. The reason may be empty.
    fn registry_down(&self) -> Option<&str> {
        let down = self.registry().filter(|registry| registry.state == RegistryState::Down)?;
        let listening = self.listening();
        let reads_typed = listening.phase() != Phase::Idle && !listening.intent().decode.is_raw();
        reads_typed.then(|| down.reason.as_deref().unwrap_or_default())
    }

    /// Changes when records of the list were replaced by decoded ones.
    fn reread_revision(&self) -> u64 {
        self.subscribe(Slice::Rows);
        self.untracked().rereads.revision()
    }

    fn is_read_only(&self) -> bool {
        self.bridge().is_some_and(|bridge| bridge.read_only)
    }

    fn is_demo(&self) -> bool {
        self.cluster().is_some_and(|cluster| cluster.demo)
    }

    fn user(&self) -> Option<&User> {
        self.bridge()?.user.as_ref()
    }

    /// What the user may do. `None`: everything.
    fn rights(&self) -> Option<&Rights> {
        self.bridge()?.rights.as_ref()
    }

    fn may(&self, action: Action, object: &Object<'_>) -> bool {
        self.rights().is_none_or(|rights| rights.allows(action, object))
    }

    /// Whether an empty list of topics means that there are none.
    fn sees_every_topic(&self) -> bool {
        self.rights().is_none_or(|rights| rights.0.iter().any(|grant| describes_all(&grant.topics, &grant.allow)))
    }

    /// Whether an empty list of groups means that there are none.
    fn sees_every_group(&self) -> bool {
        self.rights().is_none_or(|rights| rights.0.iter().any(|grant| describes_all(&grant.groups, &grant.allow)))
    }

    /// Whether an empty list of subjects means that there are none.
    fn sees_every_subject(&self) -> bool {
        self.rights().is_none_or(|rights| rights.0.iter().any(|grant| describes_all(&grant.subjects, &grant.allow)))
    }

    /// Whether the records of this gap may be loaded.
    fn may_load(&self, gap: &Entry) -> bool {
        gap.as_gap().is_some_and(|gap| self.may(Action::Read, &Object::Topic(&gap.topic)))
    }

    /// The name and colour of each cluster that the user can switch to, and of the current one.
    fn cluster_choices(&self) -> Vec<(String, Option<ClusterColour>)> {
        if let Some(names) = self.link().clusters_instead() {
            return names.into_iter().map(|name| (name.to_owned(), None)).collect();
        }
        let clusters = self.bridge().map(|bridge| bridge.clusters.as_slice()).unwrap_or_default();
        clusters.iter().map(|cluster| (cluster.name.clone(), cluster.colour)).collect()
    }

    /// The name of the cluster for links: only if the bridge has several.
    fn cluster_in_links(&self) -> Option<&str> {
        let has_several = self.bridge().is_none_or(|bridge| bridge.clusters.len() > 1);
        self.cluster_choice().filter(|_| has_several)
    }

    /// Whether a switch to another cluster would lose outcomes of sent records, or a run.
    fn switch_loses_outcomes(&self) -> bool {
        self.sends().waiting() > 0 || self.run().is_some_and(Run::is_active)
    }

    fn latency_strip(&self) -> LatencyStrip {
        let last = self.sends().last();
        let watched = last.as_ref().is_some_and(|row| self.listening().reads(&row.topic));
        LatencyStrip::of(last.as_ref(), watched)
    }

    /// Why no record can be sent now: the first reason that applies.
    fn send_blocked(&self) -> Option<SendBlocked> {
        let Some(bridge) = self.bridge().filter(|_| self.link().is_open()) else {
            return Some(SendBlocked::NotConnected);
        };
        if bridge.read_only {
            return Some(SendBlocked::ReadOnly);
        }
        // One less than the window: when the window is full, the bridge stops reading the socket and answers no request.
        (self.sends().waiting() as u64 + 1 >= bridge.limits.produce_window).then_some(SendBlocked::TooManyWaiting)
    }

    /// Why no record can be sent to this topic now.
    fn send_blocked_to(&self, topic: &str) -> Option<SendBlocked> {
        let (blocked, topic) = (self.send_blocked(), topic.trim());
        match blocked {
            None | Some(SendBlocked::TooManyWaiting)
                if !topic.is_empty() && !self.may(Action::Write, &Object::Topic(topic)) =>
            {
                Some(SendBlocked::Forbidden)
            }
            _ => blocked,
        }
    }

    /// Why the run sends nothing now. It continues once the reason is gone.
    fn run_blocked(&self) -> Option<SendBlocked> {
        self.send_blocked_to(self.run().map_or("", |run| &run.topic))
    }

    /// What the user's rights lack for listening as the intent says.
    fn listen_blocked(&self, intent: &Intent) -> Option<ListenBlocked> {
        let topic = intent.topics.iter().find(|topic| !self.may(Action::Read, &Object::Topic(topic)));
        let needed = match (intent.mode, intent.start) {
            (ReadMode::Group, _) => Some(Action::Read),
            // The committed offsets are read, and no record in the group's name.
            (ReadMode::Watch, Start::Committed) => Some(Action::Describe),
            (ReadMode::Watch, _) => None,
        };
        let is_forbidden = |action| !self.may(action, &Object::Group(&intent.group));
        match topic {
            Some(topic) => Some(ListenBlocked::Topic(topic.clone())),
            None => needed.is_some_and(is_forbidden).then(|| ListenBlocked::Group(intent.group.clone())),
        }
    }

    /// Why topics cannot be created now.
    fn create_blocked(&self) -> Option<ChangeBlocked> {
        let may_create = |rights: &Rights| {
            rights.0.iter().any(|grant| !grant.topics.is_empty() && grant.allow.contains(&Action::Create))
        };
        let is_forbidden = self.rights().is_some_and(|rights| !may_create(rights));
        self.blocked(is_forbidden.then_some(Action::Create))
    }

    /// Why an existing topic or group cannot be changed now.
    fn change_blocked(&self, action: Action, object: &Object<'_>) -> Option<ChangeBlocked> {
        let forbidden = (!self.may(action, object)).then_some(action);
        self.blocked(forbidden).or_else(|| self.is_demo().then_some(ChangeBlocked::DemoBroker))
    }

    /// Why the registry, or this subject in it, cannot be changed now. Kafka itself is not involved.
    fn schema_change_blocked(&self, action: Action, object: &Object<'_>) -> Option<ChangeBlocked> {
        self.registry_blocked((!self.may(action, object)).then_some(action))
    }

    /// Why no schema can be registered now, under any name.
    fn register_blocked(&self) -> Option<ChangeBlocked> {
        let may_register = |rights: &Rights| {
            rights.0.iter().any(|grant| !grant.subjects.is_empty() && grant.allow.contains(&Action::Write))
        };
        let is_forbidden = self.rights().is_some_and(|rights| !may_register(rights));
        self.registry_blocked(is_forbidden.then_some(Action::Write))
    }

    /// `forbidden`: what the user's rights lack.
    fn registry_blocked(&self, forbidden: Option<Action>) -> Option<ChangeBlocked> {
        if !self.link().is_open() {
            Some(ChangeBlocked::NotConnected)
        } else if self.is_read_only() {
            Some(ChangeBlocked::ReadOnly)
        } else {
            forbidden.map(ChangeBlocked::Forbidden)
        }
    }

    /// `forbidden`: what the user's rights lack.
    fn blocked(&self, forbidden: Option<Action>) -> Option<ChangeBlocked> {
        if !self.link().is_open() {
            Some(ChangeBlocked::NotConnected)
        } else if self.is_read_only() {
            Some(ChangeBlocked::ReadOnly)
        } else {
            let down = || self.kafka_is_down().then_some(ChangeBlocked::KafkaDown);
            forbidden.map(ChangeBlocked::Forbidden).or_else(down)
        }
    }

    /// Whether this topic may be used freely: the demo broker has no data of others, and `foobar` is the tutorial's topic.
    fn is_tutorial_topic(&self, topic: &str) -> bool {
        self.is_demo() || topic == SEED_TOPIC
    }

    /// Whether the page sends to this topic without a confirmation.
    fn may_send_to(&self, topic: &str) -> bool {
        let topic = topic.trim();
        // The user has started the bridge with this topic.
        let is_default = || self.bridge().is_some_and(|bridge| bridge.defaults.topic == topic);
        let is_own = || self.cluster_key().is_some_and(|cluster| self.allowed_names().has_topic(&cluster, topic));
        self.is_tutorial_topic(topic) || is_default() || is_own()
    }

    /// Identifies the cluster that allowed names belong to: its id, or the bootstrap addresses if it reports no id.
    fn cluster_key(&self) -> Option<String> {
        self.cluster().map(|cluster| cluster.id.clone().unwrap_or_else(|| cluster.bootstrap_servers.clone()))
    }

    /// The cluster's name for the user: the bootstrap addresses that the bridge was given.
    fn cluster_name(&self) -> String {
        let Some(cluster) = self.cluster() else { return String::new() };
        let first = || cluster.brokers.first().map(|broker| format!("{}:{}", broker.host, broker.port));
        match cluster.bootstrap_servers.as_str() {
            "" => first().or_else(|| cluster.id.clone()).unwrap_or_default(),
            servers => servers.to_owned(),
        }
    }

    /// The read mode of these topics unless the user has chosen one: in a group, as in the tutorial, on the demo broker and
    /// for the tutorial's topic, otherwise without a group. The bridge's `--topic` may be a topic of others.
    fn default_mode(&self, topics: &[String]) -> ReadMode {
        // Until `welcome` arrives, the form has the tutorial's fields. Listening cannot start before.
        let is_known = self.bridge().is_some();
        let is_tutorial = !is_known || topics.iter().all(|topic| self.is_tutorial_topic(topic));
        if is_tutorial { ReadMode::Group } else { ReadMode::Watch }
    }

    /// Whether listening needs no confirmation: reading without a group never needs one. A group is joined freely on the
    /// demo broker, by the default name on the tutorial's topic, and where this browser has joined it before. Any other
    /// group, also the one of `--group`, is joined without a question only if it has neither members nor positions
    /// ([`Joining::of`](crate::Joining::of)).
    fn may_listen(&self, intent: &Intent) -> bool {
        let is_default = || {
            let group = self.bridge().map(|bridge| &bridge.defaults.group);
            group == Some(&intent.group) && intent.topics.iter().all(|topic| self.is_tutorial_topic(topic))
        };
        let is_own =
            || self.cluster_key().is_some_and(|cluster| self.allowed_names().has_group(&cluster, &intent.group));
        intent.mode == ReadMode::Watch || self.is_demo() || is_default() || is_own()
    }
}

/// Every action except `create` implies `describe`. Patterns for internal names are not needed: a cluster with nothing else is empty.
fn describes_all(names: &[NamePattern], allow: &[Action]) -> bool {
    names.iter().any(|name| name.0 == "*") && allow.iter().any(|action| *action != Action::Create)
}

/// The steps of the state read it without subscriptions.
impl ReadState for AppState {
    fn subscribe(&self, _: Slice) {}

    fn untracked(&self) -> &AppState {
        self
    }
}

/// The state for components: reading a slice subscribes the component to it.
pub struct Tracked<'a, S> {
    state: &'a AppState,
    subscribe: S,
}

impl<'a, S: Fn(Slice)> Tracked<'a, S> {
    pub fn new(state: &'a AppState, subscribe: S) -> Self {
        Self { state, subscribe }
    }
}

impl<S: Fn(Slice)> ReadState for Tracked<'_, S> {
    fn subscribe(&self, slice: Slice) {
        (self.subscribe)(slice);
    }

    fn untracked(&self) -> &AppState {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::send_safety::tests::state_of;

    #[test]
    fn derived_value_subscribes_to_each_slice_it_depends_on() {
        let state = state_of("prod", false);
        let read = |read: fn(&dyn Fn(Slice), &AppState)| {
            let slices = RefCell::new(Vec::new());
            let subscribe = |slice| {
                let mut slices = slices.borrow_mut();
                if !slices.contains(&slice) {
                    slices.push(slice);
                }
            };
            read(&subscribe, &state);
            slices.take()
        };
        assert_eq!(read(|on, state| drop(Tracked::new(state, on).link().clone())), [Slice::Link]);
        assert_eq!(read(|on, state| assert!(Tracked::new(state, on).kafka_is_up())), [Slice::Link, Slice::Cluster]);
        assert_eq!(
            read(|on, state| assert_eq!(Tracked::new(state, on).send_blocked(), None)),
            [Slice::Link, Slice::Sends]
        );
        assert_eq!(
            read(|on, state| assert!(!Tracked::new(state, on).may_send_to("payments"))),
            [Slice::Cluster, Slice::Link]
        );
        assert_eq!(read(|on, state| assert_eq!(Tracked::new(state, on).received(), 0)), [Slice::Received]);
    }
}

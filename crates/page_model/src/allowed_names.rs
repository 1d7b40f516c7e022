//! The topics that this browser has sent to and the consumer groups that it has joined, for each cluster: these names
//! need no confirmation. Stored as one JSON text.

use serde::{Deserialize, Serialize};

/// Maximum number of stored clusters; the least recently used one is removed first.
const CLUSTERS: usize = 20;
/// Maximum number of stored topics, and of groups, per cluster. A name has at most 249 characters, so that all names take
/// far less than the 5 MB of the browser's storage.
const NAMES: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedNames {
    /// The most recently used cluster first.
    clusters: Vec<OfCluster>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct OfCluster {
    /// The cluster id, or the bootstrap addresses of a cluster that reports no id.
    cluster: String,
    /// The most recently used name first.
    topics: Vec<String>,
    groups: Vec<String>,
}

impl AllowedNames {
    /// Malformed JSON counts as no names.
    pub fn from_json(text: &str) -> Self {
        protocol::from_json(text).unwrap_or_default()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn has_topic(&self, cluster: &str, topic: &str) -> bool {
        self.of(cluster).is_some_and(|of| of.topics.iter().any(|known| known == topic))
    }

    pub fn has_group(&self, cluster: &str, group: &str) -> bool {
        self.of(cluster).is_some_and(|of| of.groups.iter().any(|known| known == group))
    }

    pub fn add_topic(&mut self, cluster: &str, topic: &str) {
        put_first(&mut self.of_mut(cluster).topics, topic);
    }

    pub fn add_group(&mut self, cluster: &str, group: &str) {
        put_first(&mut self.of_mut(cluster).groups, group);
    }

    /// Adds what another tab of this browser has stored meanwhile.
    pub fn merge(&mut self, stored: &Self) {
        for other in stored.clusters.iter().rev() {
            for topic in
                other.topics.iter().rev().filter(|topic| !self.has_topic(&other.cluster, topic)).collect::<Vec<_>>()
            {
                self.add_topic(&other.cluster, topic);
            }
            for group in
                other.groups.iter().rev().filter(|group| !self.has_group(&other.cluster, group)).collect::<Vec<_>>()
            {
                self.add_group(&other.cluster, group);
            }
        }
    }

    fn of(&self, cluster: &str) -> Option<&OfCluster> {
        self.clusters.iter().find(|of| of.cluster == cluster)
    }

    fn of_mut(&mut self, cluster: &str) -> &mut OfCluster {
        let known = self.clusters.iter().position(|of| of.cluster == cluster).map(|at| self.clusters.remove(at));
        let known = known.unwrap_or_else(|| OfCluster { cluster: cluster.to_owned(), ..OfCluster::default() });
        self.clusters.truncate(CLUSTERS - 1);
        self.clusters.insert(0, known);
        &mut self.clusters[0]
    }
}

fn put_first(names: &mut Vec<String>, name: &str) {
    names.retain(|known| known != name);
    names.truncate(NAMES - 1);
    names.insert(0, name.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_belong_to_their_cluster() {
        let mut own = AllowedNames::default();
        own.add_topic("prod", "payments");
        own.add_group("prod", "ledger");
        assert!(own.has_topic("prod", "payments") && own.has_group("prod", "ledger"));
        assert!(!own.has_topic("staging", "payments") && !own.has_group("prod", "payments"));
        assert_eq!(AllowedNames::from_json(&own.to_json()), own);
        assert_eq!(AllowedNames::from_json("[1"), AllowedNames::default());
    }

    #[test]
    fn least_recently_used_names_and_clusters_are_removed() {
        let mut own = AllowedNames::default();
        for n in 0..NAMES + 10 {
            own.add_topic("prod", &format!("t{n}"));
        }
        assert!(!own.has_topic("prod", "t9") && own.has_topic("prod", "t10"));
        for n in 0..CLUSTERS {
            own.add_topic(&format!("c{n}"), "t");
        }
        assert!(!own.has_topic("prod", "t10") && own.has_topic("c0", "t"));
    }

    #[test]
    fn names_of_two_tabs_are_merged() {
        let (mut mine, mut theirs) = (AllowedNames::default(), AllowedNames::default());
        mine.add_topic("prod", "a");
        theirs.add_topic("prod", "b");
        theirs.add_group("staging", "g");
        mine.merge(&theirs);
        assert!(mine.has_topic("prod", "a") && mine.has_topic("prod", "b") && mine.has_group("staging", "g"));
    }
}

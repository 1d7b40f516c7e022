//! Masks: fields of records that some users do not see.

use std::sync::Arc;

use protocol::{BinaryBatch, ClusterName, NamePattern};

use crate::policy::Who;
use crate::principal::Principal;

/// Hides fields of the records of some topics from everyone but some users.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Empty: every cluster.
    pub clusters: Vec<ClusterName>,
    pub topics: Vec<NamePattern>,
    pub fields: Vec<MaskPath>,
    pub method: MaskMethod,
    /// Users who see the fields.
    pub except: Who,
}

/// What a masked field is replaced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskMethod {
    /// The text `***`.
    Replace,
    /// A keyed hash: equal values stay equal, and nobody can compute it from a guessed value.
    Hash,
    /// Nothing: the field is left out.
    Remove,
}

/// Which part of a record a mask hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPath(String);

/// The masks that apply to a subscription. Two profiles with the same id mask alike.
#[derive(Clone, Debug)]
pub struct MaskProfile {
    id: MaskId,
    masks: Vec<Arc<Mask>>,
}

/// The number of the policy, and a bit for each of its masks.
type MaskId = (u64, u64);

impl Mask {
    pub(crate) fn is_for(&self, principal: &Principal, cluster: &ClusterName) -> bool {
        !self.except.names(principal) && (self.clusters.is_empty() || self.clusters.contains(cluster))
    }

    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.iter().any(|pattern| pattern.matches(topic))
    }
}

impl MaskPath {
    /// # Errors
    /// When the path begins with none of `value`, `key` and `headers`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl MaskProfile {
    /// The most masks that a policy may have.
    pub const MAX_MASKS: usize = 64;

    pub(crate) fn of(policy: u64, masks: impl Iterator<Item = (usize, Arc<Mask>)>) -> Option<Arc<Self>> {
        let mut profile = Self { id: (policy, 0), masks: Vec::new() };
        for (index, mask) in masks {
            profile.id.1 |= 1 << index;
            profile.masks.push(mask);
        }
        (!profile.masks.is_empty()).then(|| Arc::new(profile))
    }

    pub fn id(&self) -> MaskId {
        self.id
    }

    /// The masked fields of any of the topics, as they are configured.
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> =
            self.masks.iter().flat_map(|mask| mask.fields.iter().map(|path| path.0.clone())).collect();
        fields.sort();
        fields.dedup();
        fields
    }

    /// The records of a topic as the user sees them; the same number of records.
    pub fn apply(&self, topic: &str, records: &BinaryBatch) -> BinaryBatch {
        let _ = (topic, &records);
        todo!()
    }
}

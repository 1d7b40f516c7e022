//! What the user of one socket may do in its cluster.

mod maskable;
mod visible;

use std::sync::Arc;

use access::{MaskProfile, Policy, Principal, Source};
use protocol::{Action, ClusterName, ErrorBody, Need, Object, Rights, User};

pub use self::maskable::require_maskable;

/// The rights stay the same as long as the socket is open: when the rules change, the socket is closed.
#[derive(Clone, Debug)]
pub struct Permissions {
    pub principal: Arc<Principal>,
    cluster: ClusterName,
    policy: Arc<Policy>,
    /// `None`: everything is allowed.
    rights: Option<Arc<Rights>>,
}

impl Permissions {
    pub fn new(principal: Arc<Principal>, cluster: ClusterName, policy: Arc<Policy>) -> Self {
        let rights = policy.rights(&principal, &cluster).map(Arc::new);
        Self { principal, cluster, policy, rights }
    }

    /// What `welcome` says about the user.
    pub fn user(&self) -> Option<User> {
        let signed_in = match self.principal.source {
            Source::Anyone => return None,
            Source::Token => false,
            Source::SignIn => true,
        };
        Some(User { name: self.principal.name.clone(), signed_in })
    }

    /// Whether the user may do anything in another cluster.
    pub fn may_use(&self, cluster: &ClusterName) -> bool {
        self.policy.may_use(&self.principal, cluster)
    }

    pub fn rights(&self) -> Option<&Rights> {
        self.rights.as_deref()
    }

    /// # Errors
    /// `forbidden`, for the first need that no rule allows.
    pub fn require(&self, needs: &[Need<'_>]) -> Result<(), ErrorBody> {
        let Some(rights) = &self.rights else { return Ok(()) };
        needs.iter().try_for_each(|(action, object)| rights.require(*action, object))
    }

    pub fn may(&self, action: Action, object: &Object<'_>) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights.allows(action, object))
    }

    /// The masks that apply to the user's view of the topics.
    pub fn masks<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> Option<Arc<MaskProfile>> {
        self.policy.masks(&self.principal, &self.cluster, topics)
    }
}

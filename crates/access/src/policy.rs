//! The configured rules and masks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::{Action, ClusterName, Grant, NamePattern, Rights};

use crate::mask::{Mask, MaskProfile};
use crate::principal::Principal;

/// Rules and masks. Without any rule, every admitted user may do everything; with rules, only what one of them allows.
#[derive(Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    masks: Vec<Arc<Mask>>,
    /// Distinguishes the masks of this policy from those of any other one.
    number: u64,
}

/// Allows some users some actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The users to whom it applies; without names and roles, everyone.
    pub who: Who,
    /// Empty: every cluster.
    pub clusters: Vec<ClusterName>,
    pub topics: Vec<NamePattern>,
    pub groups: Vec<NamePattern>,
    /// Patterns of names of subjects of the schema registry.
    pub subjects: Vec<NamePattern>,
    pub allow: Vec<Action>,
    /// Also allows `/metrics`, which names topics and groups of every cluster.
    pub metrics: bool,
}

/// Users by name or by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub users: Vec<String>,
    pub roles: Vec<String>,
}

/// A policy has more masks than [`MaskProfile::MAX_MASKS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} masks; at most {max} are possible, but a mask may name several fields and topics", max = MaskProfile::MAX_MASKS)]
pub struct TooManyMasks(pub usize);

impl Who {
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.roles.is_empty()
    }

    pub fn names(&self, principal: &Principal) -> bool {
        self.users.contains(&principal.name) || self.roles.iter().any(|role| principal.roles.contains(role))
    }
}

impl Rule {
    fn applies_to(&self, principal: &Principal) -> bool {
        self.who.is_empty() || self.who.names(principal)
    }

    fn applies_in(&self, cluster: &ClusterName) -> bool {
        self.clusters.is_empty() || self.clusters.contains(cluster)
    }
}

impl Policy {
    /// # Errors
    /// When there are more than [`MaskProfile::MAX_MASKS`] masks.
    pub fn new(rules: Vec<Rule>, masks: Vec<Mask>) -> Result<Self, TooManyMasks> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if masks.len() > MaskProfile::MAX_MASKS {
            return Err(TooManyMasks(masks.len()));
        }
        let masks = masks.into_iter().map(Arc::new).collect();
        Ok(Self { rules, masks, number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// What the user may do in the cluster; `None`: everything.
    pub fn rights(&self, principal: &Principal, cluster: &ClusterName) -> Option<Rights> {
        if self.rules.is_empty() {
            return None;
        }
        let rules = self.rules.iter().filter(|rule| rule.applies_to(principal) && rule.applies_in(cluster));
        let grant = |rule: &Rule| Grant {
            topics: rule.topics.clone(),
            groups: rule.groups.clone(),
            subjects: rule.subjects.clone(),
            allow: rule.allow.clone(),
        };
        let grants = rules.map(grant).filter(|grant| !grant.allow.is_empty());
        Some(Rights(grants.collect()))
    }

    /// Whether the user may do anything in the cluster.
    pub fn may_use(&self, principal: &Principal, cluster: &ClusterName) -> bool {
        self.rights(principal, cluster).is_none_or(|rights| !rights.0.is_empty())
    }

    pub fn may_read_metrics(&self, principal: &Principal) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.metrics && rule.applies_to(principal))
    }

    /// The masks that apply to the user's view of these topics; `None` if there is none.
    pub fn masks<'t>(
        &self,
        principal: &Principal,
        cluster: &ClusterName,
        topics: impl IntoIterator<Item = &'t str>,
    ) -> Option<Arc<MaskProfile>> {
        let candidates: Vec<_> =
            self.masks.iter().enumerate().filter(|(_, mask)| mask.is_for(principal, cluster)).collect();
        if candidates.is_empty() {
            return None;
        }
        let topics: Vec<&str> = topics.into_iter().collect();
        let applying = candidates.into_iter().filter(|(_, mask)| topics.iter().any(|topic| mask.covers(topic)));
        MaskProfile::of(self.number, applying.map(|(index, mask)| (index, Arc::clone(mask))))
    }
}

#[cfg(test)]
mod tests {
    use protocol::Object;

    use super::*;
    use crate::{MaskMethod, MaskPath};

    fn patterns(patterns: &[&str]) -> Vec<NamePattern> {
        patterns.iter().map(|pattern| NamePattern((*pattern).to_owned())).collect()
    }

    fn cluster(name: &str) -> ClusterName {
        ClusterName::parse(name).expect("a valid name")
    }

    #[test]
    fn without_rules_everything_is_allowed() {
        let (policy, anyone) = (Policy::default(), Principal::anyone());
        assert_eq!(policy.rights(&anyone, &cluster("prod")), None);
        assert!(policy.may_use(&anyone, &cluster("prod")) && policy.may_read_metrics(&anyone));
    }

    #[test]
    fn with_rules_only_what_one_of_them_allows_is_allowed() {
        let everyone = Rule { topics: patterns(&["public-*"]), allow: vec![Action::Read], ..Rule::default() };
        let support = Rule {
            who: Who { users: vec!["oidc:eve".to_owned()], roles: vec!["support".to_owned()] },
            clusters: vec![cluster("prod")],
            topics: patterns(&["orders"]),
            groups: patterns(&["*"]),
            subjects: patterns(&["*"]),
            allow: vec![Action::Write],
            ..Rule::default()
        };
        let monitoring = Rule {
            who: Who { users: vec!["prometheus".to_owned()], ..Who::default() },
            metrics: true,
            ..Rule::default()
        };
        let policy = Policy::new(vec![everyone, support, monitoring], Vec::new()).expect("no masks");
        let without_role = Principal::with_token("bob", []);
        let by_role = Principal::with_token("ann", ["support".to_owned()]);
        let by_name = Principal::signed_in("eve", []);
        // A configured user cannot have the name of one who has signed in.
        let same_name = Principal::with_token("eve", []);
        for (principal, name, writes_orders) in [
            (&without_role, "prod", false),
            (&by_role, "prod", true),
            (&by_role, "dev", false),
            (&by_name, "prod", true),
            (&same_name, "prod", false),
        ] {
            let rights = policy.rights(principal, &cluster(name)).expect("there are rules");
            assert_eq!(rights.allows(Action::Write, &Object::Topic("orders")), writes_orders, "{principal} {name}");
            assert!(rights.allows(Action::Read, &Object::Topic("public-news")), "{principal} {name}");
            assert!(!policy.may_read_metrics(principal), "{principal}");
        }
        let prometheus = Principal::with_token("prometheus", []);
        assert!(policy.may_read_metrics(&prometheus));
        // The rule that allows only metrics grants nothing in a cluster; that of everyone does.
        assert_eq!(policy.rights(&prometheus, &cluster("dev")).map(|rights| rights.0.len()), Some(1));
    }

    #[test]
    fn cluster_in_which_nothing_is_allowed_cannot_be_used() {
        let rule = Rule {
            clusters: vec![cluster("dev")],
            topics: patterns(&["*"]),
            allow: vec![Action::Describe],
            ..Rule::default()
        };
        let policy = Policy::new(vec![rule], Vec::new()).expect("no masks");
        assert!(policy.may_use(&Principal::anyone(), &cluster("dev")));
        assert!(!policy.may_use(&Principal::anyone(), &cluster("prod")));
    }

    #[test]
    fn masks_apply_in_their_clusters_to_everyone_but_the_users_excepted() {
        let mask = |topic: &str, field: &str| Mask {
            clusters: Vec::new(),
            topics: patterns(&[topic]),
            fields: vec![MaskPath::parse(field).expect("a valid path")],
            method: MaskMethod::Replace,
            except: Who::default(),
        };
        let except = Who { roles: vec!["support".to_owned()], ..Who::default() };
        let orders = Mask { clusters: vec![cluster("prod")], except, ..mask("orders-*", "value.card") };
        let policy = || Policy::new(Vec::new(), vec![orders.clone(), mask("users", "key")]).expect("two masks");
        let (policy, reloaded) = (policy(), policy());
        let (bob, ann) = (Principal::with_token("bob", []), Principal::with_token("ann", ["support".to_owned()]));
        let fields = |principal, name, topics: &[&str]| {
            let profile = policy.masks(principal, &cluster(name), topics.iter().copied());
            profile.map_or_else(Vec::new, |profile| profile.fields())
        };
        assert_eq!(fields(&bob, "prod", &["orders-eu", "users"]), ["key", "value.card"]);
        assert_eq!(fields(&bob, "prod", &["orders-eu"]), ["value.card"]);
        assert_eq!(fields(&ann, "prod", &["orders-eu", "users"]), ["key"]);
        assert_eq!(fields(&bob, "dev", &["orders-eu", "users"]), ["key"]);
        assert!(fields(&bob, "prod", &["news"]).is_empty());
        // Users with the same masks share a variant, but not after the policy has changed.
        let users = |policy: &Policy, principal| policy.masks(principal, &cluster("dev"), ["users"]);
        assert_eq!(users(&policy, &bob), users(&policy, &ann));
        assert_ne!(users(&policy, &bob), users(&reloaded, &bob));

        let too_many = vec![mask("users", "key"); MaskProfile::MAX_MASKS + 1];
        assert_eq!(Policy::new(Vec::new(), too_many.clone()).err(), Some(TooManyMasks(65)));
        let most = Policy::new(Vec::new(), too_many[1..].to_vec()).expect("the most that are allowed");
        assert_eq!(users(&most, &bob).map(|profile| profile.id().1), Some(u64::MAX));
    }
}

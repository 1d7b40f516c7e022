//! The list of consumer groups: updated by pushes of the live view, searched and sorted.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::{GroupSummary, GroupsChanged};

use super::sort::{Sort, stable_sort};

/// The columns that the list can be sorted by, with their names in the URL.
pub const GROUP_COLUMNS: [&str; 6] = ["name", "state", "protocol", "members", "topics", "lag"];

fn compare(sort: Sort, a: &GroupSummary, b: &GroupSummary) -> Ordering {
    let by_column = match sort.column {
        "state" => a.state.cmp(&b.state),
        "protocol" => a.kind.cmp(&b.kind),
        "members" => a.members.cmp(&b.members),
        "topics" => a.topics.cmp(&b.topics),
        // Groups whose lag is unknown come last in either order.
        "lag" if a.lag.is_some() != b.lag.is_some() => return b.lag.is_some().cmp(&a.lag.is_some()),
        "lag" => a.lag.cmp(&b.lag),
        _ => a.group.cmp(&b.group),
    };
    sort.order(by_column, a.group.cmp(&b.group))
}

#[derive(Clone, Debug, Default)]
pub struct GroupList {
    groups: BTreeMap<String, Rc<GroupSummary>>,
    is_known: bool,
    next_push_is_complete: bool,
}

impl GroupList {
    /// The live view begins again: the current groups stay until the next push, which is complete.
    pub fn begin(&mut self) {
        self.next_push_is_complete = true;
    }

    /// Whether a push was applied.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn apply(&mut self, changed: GroupsChanged) {
        self.is_known = true;
        if std::mem::take(&mut self.next_push_is_complete) {
            self.groups.clear();
        }
        self.groups.extend(changed.groups.into_iter().map(|group| (group.group.clone(), Rc::new(group))));
        for name in &changed.removed {
            self.groups.remove(name);
        }
    }

    pub fn total(&self) -> usize {
        self.groups.len()
    }

    /// The sorted groups whose name, or the name of one of their topics, contains `search`.
    pub fn shown(&self, search: &str, sort: Sort) -> Vec<Rc<GroupSummary>> {
        let search = search.trim().to_lowercase();
        let contains = |name: &str| name.to_lowercase().contains(&search);
        let matches = |group: &GroupSummary| {
            search.is_empty() || contains(&group.group) || group.topics.iter().any(|topic| contains(topic))
        };
        let mut shown: Vec<_> = self.groups.values().filter(|group| matches(group)).cloned().collect();
        stable_sort(&mut shown, |a, b| compare(sort, a, b));
        shown
    }
}

#[cfg(test)]
mod tests {
    use protocol::GroupKind;

    use super::*;

    fn group(name: &str, topics: &[&str], lag: Option<u64>) -> GroupSummary {
        GroupSummary {
            group: name.to_owned(),
            state: "Stable".to_owned(),
            members: Some(1),
            kind: GroupKind::Classic,
            protocol: None,
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            lag,
        }
    }

    fn changed(groups: Vec<GroupSummary>, removed: &[&str]) -> GroupsChanged {
        GroupsChanged { watch: 1, at: 0, groups, removed: removed.iter().map(|&name| name.to_owned()).collect() }
    }

    fn list() -> GroupList {
        let mut list = GroupList::default();
        let groups = vec![
            group("billing", &["orders"], Some(7)),
            group("Audit", &["orders", "payments"], None),
            group("mail", &["users"], Some(700)),
        ];
        list.apply(changed(groups, &[]));
        list
    }

    fn names(shown: &[Rc<GroupSummary>]) -> Vec<&str> {
        shown.iter().map(|group| group.group.as_str()).collect()
    }

    #[test]
    fn group_is_found_by_its_name_and_by_its_topics() {
        let sort = Sort::by("name");
        for (search, expected) in [
            ("", &["Audit", "billing", "mail"][..]),
            (" AUD ", &["Audit"]),
            ("orders", &["Audit", "billing"]),
            ("nothing", &[]),
        ] {
            assert_eq!(names(&list().shown(search, sort)), expected, "{search:?}");
        }
    }

    #[test]
    fn descending_lag_lists_the_largest_first_and_unknown_last() {
        let sort = Sort::by("name").pressed("lag", true);
        assert_eq!(names(&list().shown("", sort)), ["mail", "billing", "Audit"]);
        assert_eq!(names(&list().shown("", sort.pressed("lag", true))), ["billing", "mail", "Audit"]);
    }

    #[test]
    fn ten_thousand_groups_are_sorted_within_half_a_second() {
        let mut list = GroupList::default();
        let groups = (0..10_000u64).map(|n| group(&format!("group-{n}"), &["orders"], Some(n * 7919 % 10_000)));
        list.apply(changed(groups.collect(), &[]));
        let began = std::time::Instant::now();
        let shown = list.shown("ORD", Sort::by("name").pressed("lag", true));
        let took = began.elapsed();
        assert_eq!((shown.len(), shown[0].lag), (10_000, Some(9999)));
        // A generous limit for a debug build on a busy machine; the page needs a tenth of it.
        assert!(took < std::time::Duration::from_millis(500), "{took:?}");
    }

    #[test]
    fn push_updates_named_groups_and_first_push_replaces_all() {
        let mut list = list();
        list.apply(changed(vec![group("mail", &[], Some(1)), group("new", &[], None)], &["billing"]));
        assert_eq!(names(&list.shown("", Sort::by("name"))), ["Audit", "mail", "new"]);
        list.begin();
        assert_eq!(list.total(), 3, "the groups stay until the next push");
        list.apply(changed(vec![group("only", &[], None)], &[]));
        assert_eq!((names(&list.shown("", Sort::by("name"))), list.total()), (vec!["only"], 1));
    }
}

//! The fields of records that the bridge hides from the user.

use std::rc::Rc;

/// Paths such as `value.customer.email`, as the bridge has configured them. A cheap handle, since every frame of a subscription has
/// one: the list may hold records of before and after a change of the masks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskedFields(Option<Rc<Fields>>);

#[derive(Debug, PartialEq, Eq)]
struct Fields {
    paths: Vec<String>,
    is_of_several_topics: bool,
}

impl MaskedFields {
    /// The masked fields of a topic.
    pub fn new(paths: Vec<String>) -> Self {
        Self::of_topics(paths, 1)
    }

    /// The masked fields of a subscription. The bridge does not report them for each topic.
    pub fn of_topics(paths: Vec<String>, topics: usize) -> Self {
        Self((!paths.is_empty()).then(|| Rc::new(Fields { paths, is_of_several_topics: topics > 1 })))
    }

    /// Whether a record may have none of these fields masked, because another topic of its subscription has the masks.
    pub fn is_of_several_topics(&self) -> bool {
        self.0.as_ref().is_some_and(|fields| fields.is_of_several_topics)
    }

    /// The paths of all of these, each once, in the order of their first occurrence.
    pub fn paths_of_all(all: impl Iterator<Item = Self>) -> Vec<String> {
        let mut distinct: Vec<Self> = Vec::new();
        for masked in all {
            // Most records have the same fields as the record before them.
            if !masked.is_empty() && distinct.last() != Some(&masked) && !distinct.contains(&masked) {
                distinct.push(masked);
            }
        }
        let mut paths: Vec<String> = Vec::new();
        for path in distinct.iter().flat_map(|masked| masked.paths()) {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        paths
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn paths(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |fields| &fields.paths)
    }

    /// The paths for a label, which omits `value.`: `customer.email` for `value.customer.email`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.paths().iter().map(|path| path.strip_prefix("value.").unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_has_each_path_without_value() {
        let paths = ["value", "key", "value.customer.email", "value.items.*", "value.\"a.b\"", "headers.x.user"];
        let masked = MaskedFields::new(paths.map(str::to_owned).to_vec());
        assert!(masked.names().eq(["value", "key", "customer.email", "items.*", "\"a.b\"", "headers.x.user"]));
        assert!(!masked.is_empty() && MaskedFields::new(Vec::new()).is_empty());
        assert_eq!(masked.paths().len(), 6);
    }

    #[test]
    fn paths_of_several_subscriptions_are_listed_once() {
        let masked = |paths: &[&str]| MaskedFields::new(paths.iter().map(|&path| path.to_owned()).collect());
        let (first, second) = (masked(&["value.email", "key"]), masked(&["key", "value.name"]));
        let all = [first.clone(), first.clone(), MaskedFields::default(), second, first];
        assert_eq!(MaskedFields::paths_of_all(all.into_iter()), ["value.email", "key", "value.name"]);
    }
}

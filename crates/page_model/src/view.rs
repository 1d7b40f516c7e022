//! Which view is open, and its URL parameters: `?view=topics&name=orders`, `?view=schemas&subject=orders-value&version=3`. The live
//! view has no parameter `view`; its other parameters are in `view_link`.

/// The URL parameter with the name of the Kafka cluster.
pub const CLUSTER_PARAMETER: &str = "cluster";

/// A view of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Live,
    Topics,
    Topic(String),
    Groups,
    Group(String),
    Schemas,
    Subject(String),
    Cluster,
}

impl View {
    /// Names and values of the URL parameters, not percent-encoded.
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Live => Vec::new(),
            Self::Topics => vec![("view", "topics")],
            Self::Topic(name) => vec![("view", "topics"), ("name", name)],
            Self::Groups => vec![("view", "groups")],
            Self::Group(name) => vec![("view", "groups"), ("name", name)],
            Self::Schemas => vec![("view", "schemas")],
            Self::Subject(name) => vec![("view", "schemas"), ("subject", name)],
            Self::Cluster => vec![("view", "cluster")],
        }
    }

    /// The view that the top bar marks as current: for one topic, the list of topics.
    pub fn list(&self) -> Self {
        match self {
            Self::Topic(_) => Self::Topics,
            Self::Group(_) => Self::Groups,
            Self::Subject(_) => Self::Schemas,
            other => other.clone(),
        }
    }
}

/// A view and its further URL parameters (`details`), in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub view: View,
    pub details: Vec<(String, String)>,
}

impl Address {
    pub fn of(view: View) -> Self {
        Self { view, details: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value.into());
        self
    }

    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets a parameter; an empty value removes it.
    pub fn set(&mut self, name: &str, value: String) {
        self.details.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.details.push((name.to_owned(), value));
        }
    }

    pub fn pairs(&self) -> Vec<(String, String)> {
        let view = self.view.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        view.chain(self.details.iter().cloned()).collect()
    }

    /// Parameters other than `view`, `name` and `subject` become details of the view. `cluster` belongs to the page, not to the view.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        let mut take = |name: &str| {
            let index = pairs.iter().position(|(known, _)| known == name)?;
            Some(pairs.remove(index).1)
        };
        let _ = take(CLUSTER_PARAMETER);
        let view = match take("view").as_deref() {
            Some("topics") => take("name").filter(|name| !name.is_empty()).map_or(View::Topics, View::Topic),
            // A group may have the empty name.
            Some("groups") => take("name").map_or(View::Groups, View::Group),
            Some("schemas") => take("subject").filter(|name| !name.is_empty()).map_or(View::Schemas, View::Subject),
            Some("cluster") => View::Cluster,
            _ => View::Live,
        };
        Self { view, details: pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_unchanged_by_a_round_trip_through_url_parameters() {
        let addresses = [
            Address::default(),
            Address::of(View::Topics).with("find", "ord").with("internal", "shown"),
            Address::of(View::Topic("orders".into())).with("tab", "settings"),
            Address::of(View::Groups),
            Address::of(View::Group("my group & co".into())),
            Address::of(View::Group(String::new())),
            Address::of(View::Group("two\nlines".into())),
            Address::of(View::Schemas).with("find", "ord").with("deleted", "shown"),
            Address::of(View::Subject("shop/order.proto & co".into())).with("version", "3"),
            Address::of(View::Cluster),
            Address::of(View::Live).with("topic", "a,b").with("mode", "watch"),
        ];
        for address in addresses {
            assert_eq!(Address::from_pairs(address.pairs()), address);
        }
    }

    #[test]
    fn address_without_a_view_is_the_live_view() {
        assert!(Address::default().pairs().is_empty());
        let old = vec![("topic".to_owned(), "orders".to_owned()), ("name".to_owned(), "x".to_owned())];
        let address = Address::from_pairs(old.clone());
        assert_eq!((address.view.clone(), address.pairs()), (View::Live, old));
    }

    #[test]
    fn unknown_view_is_the_live_view() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(Address::from_pairs([pair("view", "dashboards")]).view, View::Live);
        assert_eq!(Address::from_pairs([pair("view", "topics"), pair("name", "")]).view, View::Topics);
        assert_eq!(Address::from_pairs([pair("view", "schemas"), pair("subject", "")]).view, View::Schemas);
    }

    #[test]
    fn cluster_in_the_url_is_not_a_detail_of_the_view() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let address = Address::from_pairs([pair("cluster", "prod"), pair("view", "topics"), pair("find", "a")]);
        assert_eq!(address, Address::of(View::Topics).with("find", "a"));
    }

    #[test]
    fn detail_is_replaced_and_an_empty_value_removes_it() {
        let mut address = Address::of(View::Topics).with("find", "a").with("find", "b");
        assert_eq!((address.detail("find"), address.details.len()), (Some("b"), 1));
        address.set("find", String::new());
        assert_eq!((address.detail("find"), address.pairs().len()), (None, 1));
    }
}

//! The fields of records that the bridge hides from the user.

use std::rc::Rc;

/// Paths such as `value.customer.email`, as the bridge has configured them. A cheap handle, since every frame of a subscription has
/// one: the list may hold records of before and after a change of the masks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskedFields(Option<Rc<[String]>>);

impl MaskedFields {
    pub fn new(paths: Vec<String>) -> Self {
        Self((!paths.is_empty()).then(|| paths.into()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn paths(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The last name of each path, for a label: `email` for `value.customer.email`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.paths().iter().map(|path| match path.split_once('.') {
            // The name of a header may have dots.
            Some(("headers", name)) => name,
            _ => path.rsplit_once('.').map_or(path.as_str(), |(_, name)| name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_has_the_last_name_of_each_path() {
        let paths = ["value", "key", "value.customer.email", "value.items[*].price", "headers.x.user"];
        let masked = MaskedFields::new(paths.map(str::to_owned).to_vec());
        assert!(masked.names().eq(["value", "key", "email", "price", "x.user"]));
        assert!(!masked.is_empty() && MaskedFields::new(Vec::new()).is_empty());
        assert_eq!(masked.paths().len(), 5);
    }
}

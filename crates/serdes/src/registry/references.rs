//! The schemas that a schema references, directly or not.

use std::collections::{HashMap, HashSet};

use super::api::Target;

/// Larger sets are refused. They are loaded one request each, so this also bounds the requests for one schema, and the length of a
/// chain of references.
const MAX_SCHEMAS: usize = 500;
/// The length of all texts.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The schemas that are known so far. Each is loaded once, also if several schemas reference it, or if it references itself.
#[derive(Default)]
pub(super) struct References {
    nodes: Vec<Node>,
    by_target: HashMap<Target, usize>,
    /// The references of the schema itself.
    root: Vec<(String, usize)>,
    bytes: usize,
}

struct Node {
    text: String,
    /// The name and the index of each schema that this one references.
    references: Vec<(String, usize)>,
}

impl References {
    /// Adds the references of the schema itself, and returns those schemas that are to be loaded, with their indices.
    pub(super) fn add_root(&mut self, references: Vec<(String, Target)>) -> Result<Vec<(usize, Target)>, String> {
        let (references, new) = self.add(references)?;
        self.root = references;
        Ok(new)
    }

    /// Adds a loaded schema, and returns those of its references that are to be loaded, with their indices.
    pub(super) fn add_loaded(
        &mut self,
        index: usize,
        text: String,
        references: Vec<(String, Target)>,
    ) -> Result<Vec<(usize, Target)>, String> {
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            return Err(format!("the schemas that it references are larger than {MAX_BYTES} bytes"));
        }
        let (references, new) = self.add(references)?;
        self.nodes[index] = Node { text, references };
        Ok(new)
    }

    #[expect(clippy::type_complexity, reason = "two lists, which the two callers name")]
    fn add(
        &mut self,
        references: Vec<(String, Target)>,
    ) -> Result<(Vec<(String, usize)>, Vec<(usize, Target)>), String> {
        let mut indices = Vec::with_capacity(references.len());
        let mut new = Vec::new();
        for (name, target) in references {
            let index = match self.by_target.get(&target) {
                Some(&index) => index,
                None => {
                    let index = self.nodes.len();
                    if index >= MAX_SCHEMAS {
                        return Err(format!("it references more than {MAX_SCHEMAS} schemas"));
                    }
                    self.nodes.push(Node { text: String::new(), references: Vec::new() });
                    self.by_target.insert(target.clone(), index);
                    new.push((index, target));
                    index
                }
            };
            indices.push((name, index));
        }
        Ok((indices, new))
    }

    /// The name and the text of each schema. A schema comes after those that it references itself, unless they reference each other
    /// in a circle. If two schemas have the same name, the one that fewer references lead to counts.
    pub(super) fn into_texts(self) -> Vec<(String, String)> {
        let chosen = self.nearest();
        let mut texts = Vec::with_capacity(chosen.len());
        let mut seen = HashSet::new();
        // Each entry is a list of references and the next one to look at. A schema is written when its own references are.
        let mut stack = vec![(None, self.root.as_slice(), 0)];
        while let Some((name, references, next)) = stack.last_mut() {
            let Some((reference, _)) = references.get(*next) else {
                if let Some((name, index)) = name.take() {
                    let text: &Node = &self.nodes[index];
                    texts.push((String::clone(name), text.text.clone()));
                }
                stack.pop();
                continue;
            };
            *next += 1;
            if let Some(&index) = chosen.get(reference.as_str())
                && seen.insert(reference.as_str())
            {
                stack.push((Some((reference, index)), self.nodes[index].references.as_slice(), 0));
            }
        }
        texts
    }

    /// The schema for each name: the first one in order of the number of references that lead to it.
    fn nearest(&self) -> HashMap<&str, usize> {
        let mut chosen = HashMap::new();
        let mut level: Vec<&(String, usize)> = self.root.iter().collect();
        while !level.is_empty() {
            let mut next = Vec::new();
            for (name, index) in level {
                if chosen.contains_key(name.as_str()) {
                    continue;
                }
                chosen.insert(name.as_str(), *index);
                next.extend(&self.nodes[*index].references);
            }
            level = next;
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SCHEMAS, References};
    use crate::registry::api::Target;

    fn to(names: &[&str]) -> Vec<(String, Target)> {
        let target = |name: &str| Target::Subject { subject: name.to_owned(), version: "1".to_owned() };
        names.iter().map(|name| ((*name).to_owned(), target(name))).collect()
    }

    /// Loads all references of a root, where `of` returns the references of each schema.
    fn resolve(root: &[&str], of: impl Fn(&str) -> Vec<&'static str>) -> Vec<String> {
        let mut references = References::default();
        let mut missing = references.add_root(to(root)).expect("few");
        let mut loaded = 0;
        while let Some((index, target)) = missing.pop() {
            let Target::Subject { subject, .. } = target else { panic!("a subject") };
            missing.extend(references.add_loaded(index, format!("text of {subject}"), to(&of(&subject))).expect("few"));
            loaded += 1;
        }
        let texts = references.into_texts();
        assert_eq!(loaded, texts.len(), "{texts:?}");
        assert!(texts.iter().all(|(name, text)| *text == format!("text of {name}")), "{texts:?}");
        texts.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn schema_comes_after_those_that_it_references() {
        let of = |name: &str| match name {
            "a" => vec!["b", "c"],
            "c" => vec!["b", "d"],
            "b" => vec!["d"],
            _ => vec![],
        };
        assert_eq!(resolve(&["a", "d"], of), ["d", "b", "c", "a"]);
        assert_eq!(resolve(&["b", "c"], of), ["d", "b", "c"]);
    }

    #[test]
    fn circle_of_references_ends() {
        let of = |name: &str| match name {
            "a" => vec!["b"],
            "b" => vec!["a", "b"],
            _ => vec![],
        };
        assert_eq!(resolve(&["a"], of), ["b", "a"]);
    }

    #[test]
    fn nearest_of_two_schemas_with_one_name_counts() {
        let target = |version: &str| Target::Subject { subject: "money".to_owned(), version: version.to_owned() };
        let mut references = References::default();
        let mut root = to(&["order"]);
        root.push(("money".to_owned(), target("2")));
        let new = references.add_root(root).expect("few");
        let old = references.add_loaded(new[0].0, "order".to_owned(), vec![("money".to_owned(), target("1"))]);
        references.add_loaded(new[1].0, "money 2".to_owned(), vec![]).expect("few");
        references.add_loaded(old.expect("few")[0].0, "money 1".to_owned(), vec![]).expect("few");
        let texts = references.into_texts();
        assert_eq!(texts, [("money".to_owned(), "money 2".to_owned()), ("order".to_owned(), "order".to_owned())]);
    }

    #[test]
    fn endless_chain_is_refused() {
        let mut references = References::default();
        let mut missing = references.add_root(to(&["s"])).expect("one");
        let mut count = 0;
        let error = loop {
            let (index, _) = missing.pop().expect("there is always one more");
            count += 1;
            match references.add_loaded(index, String::new(), to(&[&format!("s{count}")])) {
                Ok(more) => missing.extend(more),
                Err(error) => break error,
            }
        };
        assert_eq!(count, MAX_SCHEMAS);
        assert_eq!(error, "it references more than 500 schemas");
    }

    #[test]
    fn long_chain_needs_no_recursion() {
        let mut references = References::default();
        let mut missing = references.add_root(to(&["s"])).expect("one");
        for count in 1..MAX_SCHEMAS {
            let (index, _) = missing.pop().expect("one");
            missing = references.add_loaded(index, String::new(), to(&[&format!("s{count}")])).expect("few");
        }
        assert_eq!(references.into_texts().len(), MAX_SCHEMAS);
    }
}

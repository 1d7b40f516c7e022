//! How much work it is to check a value with a schema. A short schema can visit the same part of a value exponentially often (`anyOf` with
//! several references to the same schema), or nest so deep that the stack overflows (long chains of `$ref`).

use std::collections::HashMap;

use serde_json::{Map, Value};

/// More references are refused: each one is compiled.
const MAX_REFERENCES: usize = 5_000;

/// More regular expressions are refused: each one may need a megabyte.
const MAX_PATTERNS: usize = 200;

/// How deep schemas are nested in each other while a value is checked: the validator uses the stack for each level. A value has at most 128
/// levels, and most schemas have 2 to 4 for each of them.
const MAX_LEVELS: u32 = 1_000;

/// Visits of a schema that any value may have, and visits for each part of a value.
const MAX_VISITS: u64 = 1_000_000;
const VISITS_PER_PART: u64 = 200;

/// With more visits, the reasons why a value does not fit are not collected: that is slower than the check alone.
const MAX_VISITS_FOR_REASONS: u64 = 50_000;
const VISITS_PER_PART_FOR_REASONS: u64 = 20;

/// The counting itself ends after so many steps, and so many for each part of a value.
const MAX_COUNTED: u64 = 5_000_000;
const COUNTED_PER_PART: u64 = 20;

/// Keywords with a schema for the value itself, with a list of them, and with named ones.
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const IN_PLACE_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The schemas of a document and its references, reduced to which schema is applied to which part of a value.
#[derive(Debug)]
pub(super) struct Effort {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Applied to the value itself.
    in_place: Vec<u32>,
    properties: HashMap<String, u32>,
    /// Applied to any member.
    members: Vec<u32>,
    /// Applied to members that `properties` does not have.
    other_members: Vec<u32>,
    first_items: Vec<u32>,
    /// Applied to all items.
    items: Vec<u32>,
    /// Whether several schemas may apply this one.
    is_shared: bool,
}

/// Whether a value can be checked, and whether the reasons can be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Cheap,
    CheckOnly,
    TooMuch,
    TooDeep,
}

impl Effort {
    /// `documents`: the schema, then those that it references, with their names.
    ///
    /// # Errors
    /// Too many references or regular expressions.
    pub(super) fn new(documents: &[(&str, &Value)]) -> Result<Self, String> {
        let mut scan = Scan::default();
        for (name, root) in documents {
            scan.add_name(name, root);
            scan.schema(root, root);
        }
        if scan.references > MAX_REFERENCES {
            return Err(format!(
                "the schema has {} references (`$ref`), more than {MAX_REFERENCES}; split the schema",
                scan.references
            ));
        }
        if scan.patterns > MAX_PATTERNS {
            return Err(format!(
                "the schema has {} regular expressions (`pattern`, `patternProperties`), more than {MAX_PATTERNS}; remove some of them",
                scan.patterns
            ));
        }
        let mut builder = Builder { scan, nodes: Vec::new(), indexes: HashMap::new(), open: Vec::new() };
        if let Some((_, root)) = documents.first() {
            builder.index(root);
        }
        while let Some((index, schema)) = builder.open.pop() {
            let node = builder.node(schema);
            let is_shared = builder.nodes[index as usize].is_shared;
            builder.nodes[index as usize] = Node { is_shared, ..node };
        }
        Ok(Self { nodes: builder.nodes })
    }

    pub(super) fn of(&self, value: &Value) -> Verdict {
        let parts = parts(value);
        let left = MAX_COUNTED.saturating_add(COUNTED_PER_PART.saturating_mul(parts));
        let mut count = Count { nodes: &self.nodes, known: HashMap::new(), left };
        let visits = match count.visits(0, value, 0) {
            Ok(Visits { levels, .. }) if levels > MAX_LEVELS => return Verdict::TooDeep,
            Ok(Visits { count, .. }) => count,
            Err(verdict) => return verdict,
        };
        if visits > MAX_VISITS.saturating_add(VISITS_PER_PART.saturating_mul(parts)) {
            Verdict::TooMuch
        } else if visits > MAX_VISITS_FOR_REASONS.saturating_add(VISITS_PER_PART_FOR_REASONS.saturating_mul(parts)) {
            Verdict::CheckOnly
        } else {
            Verdict::Cheap
        }
    }
}

fn parts(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(parts).sum(),
        Value::Object(members) => members.values().map(parts).sum(),
        _ => 0,
    }
}

/// What a schema and the schemas that it applies need.
#[derive(Clone, Copy)]
struct Visits {
    count: u64,
    levels: u32,
}

struct Count<'n> {
    nodes: &'n [Node],
    /// The schema and the address of the part of the value.
    known: HashMap<(u32, *const Value), Visits>,
    /// Steps until the counting ends.
    left: u64,
}

impl Count<'_> {
    fn visits(&mut self, index: u32, value: &Value, depth: u32) -> Result<Visits, Verdict> {
        if depth > MAX_LEVELS {
            return Err(Verdict::TooDeep);
        }
        self.left = self.left.checked_sub(1).ok_or(Verdict::TooMuch)?;
        let Some(node) = self.nodes.get(index as usize) else { return Ok(Visits { count: 0, levels: 0 }) };
        let key = (index, std::ptr::from_ref(value));
        if node.is_shared {
            if let Some(visits) = self.known.get(&key) {
                return Ok(*visits);
            }
            // A schema that applies itself to the same value is not applied again.
            self.known.insert(key, Visits { count: 1, levels: 1 });
        }
        let mut all = Visits { count: 1, levels: 0 };
        for inner in &node.in_place {
            all.add(self.visits(*inner, value, depth + 1)?);
        }
        match value {
            Value::Object(members) if !node.has_no_members() => {
                for (name, member) in members {
                    let named = node.properties.get(name);
                    let others: &[u32] = if named.is_none() { &node.other_members } else { &[] };
                    for inner in named.into_iter().chain(&node.members).chain(others) {
                        all.add(self.visits(*inner, member, depth + 1)?);
                    }
                }
            }
            Value::Array(items) if !node.items.is_empty() || !node.first_items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    for inner in node.first_items.get(at).into_iter().chain(&node.items) {
                        all.add(self.visits(*inner, item, depth + 1)?);
                    }
                }
            }
            _ => {}
        }
        all.levels += 1;
        if node.is_shared {
            self.known.insert(key, all);
        }
        Ok(all)
    }
}

impl Visits {
    fn add(&mut self, inner: Self) {
        self.count = self.count.saturating_add(inner.count);
        self.levels = self.levels.max(inner.levels);
    }
}

impl Node {
    fn has_no_members(&self) -> bool {
        self.properties.is_empty() && self.members.is_empty() && self.other_members.is_empty()
    }
}

/// What references may mean, and how many there are.
#[derive(Default)]
struct Scan<'v> {
    /// The last segment of a name → the names with it, and their schemas.
    names: HashMap<&'v str, Vec<(&'v str, &'v Value)>>,
    /// The address of a schema with an address of its own, and the name of an anchor in it.
    anchors: HashMap<(*const Value, &'v str), &'v Value>,
    /// The schema to whose address the references of an object are relative.
    bases: HashMap<*const Map<String, Value>, &'v Value>,
    references: usize,
    patterns: usize,
}

impl<'v> Scan<'v> {
    fn add_name(&mut self, name: &'v str, schema: &'v Value) {
        let name = name.trim_end_matches('#').trim_start_matches("./");
        if !name.is_empty() {
            self.names.entry(last_segment(name)).or_default().push((name, schema));
        }
    }

    fn schema(&mut self, value: &'v Value, base: &'v Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.schema(item, base)),
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                let id = text("$id").or_else(|| text("id"));
                let base = if id.is_some_and(|id| !id.starts_with('#')) { value } else { base };
                if let Some(id) = id {
                    self.add_name(id, value);
                }
                let old_anchor = id.and_then(|id| id.strip_prefix('#'));
                for anchor in text("$anchor").into_iter().chain(text("$dynamicAnchor")).chain(old_anchor) {
                    self.anchors.insert((std::ptr::from_ref(base), anchor), value);
                }
                let references = REFERENCES.iter().filter(|keyword| text(keyword).is_some()).count();
                if references > 0 {
                    self.references += references;
                    self.bases.insert(std::ptr::from_ref(members), base);
                }
                self.patterns += usize::from(text("pattern").is_some());
                if let Some(Value::Object(patterns)) = members.get("patternProperties") {
                    self.patterns += patterns.len();
                }
                members.values().for_each(|member| self.schema(member, base));
            }
            _ => {}
        }
    }

    /// The schema that a reference means. `None` if it is unknown: the validator then refuses the schema.
    fn target(&self, members: &Map<String, Value>, reference: &str) -> Option<&'v Value> {
        let base = *self.bases.get(&std::ptr::from_ref(members))?;
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let name = name.trim_start_matches("./");
        let base = if name.is_empty() {
            base
        } else {
            let named = self.names.get(last_segment(name))?;
            let exact = named.iter().find(|(known, _)| *known == name);
            let longest =
                || named.iter().filter(|(known, _)| name.ends_with(known)).max_by_key(|(known, _)| known.len());
            exact.or_else(longest).or(named.first())?.1
        };
        let fragment = percent_decoded(fragment);
        if fragment.is_empty() || fragment.starts_with('/') {
            return base.pointer(&fragment);
        }
        self.anchors.get(&(std::ptr::from_ref(base), &*fragment)).copied()
    }
}

struct Builder<'v> {
    scan: Scan<'v>,
    nodes: Vec<Node>,
    indexes: HashMap<*const Value, u32>,
    /// The schemas that are not read yet.
    open: Vec<(u32, &'v Value)>,
}

impl<'v> Builder<'v> {
    fn index(&mut self, schema: &'v Value) -> u32 {
        if let Some(index) = self.indexes.get(&std::ptr::from_ref(schema)) {
            self.nodes[*index as usize].is_shared = true;
            return *index;
        }
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.indexes.insert(std::ptr::from_ref(schema), index);
        self.nodes.push(Node::default());
        self.open.push((index, schema));
        index
    }

    fn indexes(&mut self, schemas: impl IntoIterator<Item = &'v Value>) -> Vec<u32> {
        schemas.into_iter().filter(|schema| schema.is_object()).map(|schema| self.index(schema)).collect()
    }

    fn node(&mut self, schema: &'v Value) -> Node {
        let Value::Object(members) = schema else { return Node::default() };
        let list = |name: &str| members.get(name).and_then(Value::as_array).into_iter().flatten();
        let map = |name: &str| members.get(name).and_then(Value::as_object).into_iter().flat_map(Map::values);
        let mut in_place: Vec<&Value> = IN_PLACE.iter().filter_map(|name| members.get(*name)).collect();
        in_place.extend(IN_PLACE_LISTS.iter().flat_map(|name| list(name)));
        in_place.extend(IN_PLACE_MAPS.iter().flat_map(|name| map(name)));
        let references = REFERENCES.iter().filter_map(|name| members.get(*name).and_then(Value::as_str));
        in_place.extend(references.filter_map(|reference| self.scan.target(members, reference)));
        let items = ["items", "additionalItems", "contains", "unevaluatedItems"].map(|name| members.get(name));
        let others = ["additionalProperties", "unevaluatedProperties"].map(|name| members.get(name));
        let properties = members.get("properties").and_then(Value::as_object).into_iter().flatten();
        Node {
            in_place: self.indexes(in_place),
            properties: properties.map(|(name, schema)| (name.clone(), self.index(schema))).collect(),
            members: self.indexes(map("patternProperties")),
            other_members: self.indexes(others.into_iter().flatten()),
            first_items: list("prefixItems").chain(list("items")).map(|schema| self.index(schema)).collect(),
            items: self.indexes(items.into_iter().flatten()),
            is_shared: false,
        }
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(16 * high + low).ok(),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

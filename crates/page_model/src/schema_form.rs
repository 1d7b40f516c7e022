//! A form for the values of a schema. The JSON text is the only state: the form's rows are read from the schema's structure and the
//! text, and an edit of a row changes the part of the text that the row is about. So form and text cannot differ, and whatever the form
//! does not show stays in the text.

mod rows;

use std::collections::BTreeSet;

use formats::Spot;
use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

use self::rows::Rows;
use super::field::check_json;
use super::json_edit::{JsonNode, NodeKind, json_string};

/// Rows beyond this number are not shown: the browser needs some microseconds for each.
const MAX_ROWS: usize = 400;
/// A form that opens with more nested rows would be longer than the screen.
const OPEN_DEPTH: usize = 3;
/// Types that contain themselves without an end have no smallest value.
const MAX_EXAMPLE_DEPTH: usize = 24;
/// Steps from a name to its type. A type that is only a name of itself has no type.
const MAX_NAMES: usize = 64;

/// From the whole value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    Member(String),
    Element(usize),
}

/// The path of a part in errors of the bridge, and in `data-path`: `items[2].price`.
pub fn shown_path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Element(index) => path.push_str(&format!("[{index}]")),
            Step::Member(name) => {
                let is_plain = !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                match is_plain {
                    true if path.is_empty() => path.push_str(name),
                    true => path.push_str(&format!(".{name}")),
                    false => path.push_str(&format!("[{name:?}]")),
                }
            }
        }
    }
    path
}

/// A line of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormRow {
    pub steps: Vec<Step>,
    /// As in errors of the bridge; empty for the whole value.
    pub path: String,
    /// The number of rows that contain this one.
    pub depth: usize,
    /// The name of a field, the index of an element, or the key of a map.
    pub label: String,
    /// The type in the words of the schema.
    pub type_title: String,
    pub documentation: Option<String>,
    /// `Some` if the text need not have the value, or does not have it: whether it has.
    pub is_set: Option<bool>,
    /// The JSON of the value that a missing member has.
    pub default: Option<String>,
    /// Only one member of this group may be there.
    pub one_of: Option<String>,
    /// Whether the row can be removed: an element, an entry of a map, or a member that the schema does not have.
    pub is_removable: bool,
    /// Whether the label is the key of a map, which can be changed.
    pub has_key: bool,
    /// The types of a union.
    pub branches: Vec<String>,
    /// Which of `branches` the value has.
    pub branch: Option<usize>,
    pub control: Control,
    /// The value does not have the type.
    pub is_mismatch: bool,
}

/// What the user edits in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The member is not there, or its value is null.
    None,
    Text {
        kind: TextKind,
        text: String,
    },
    Check(bool),
    Choice {
        options: Vec<String>,
        chosen: Option<usize>,
    },
    /// Its parts are the rows below, unless it is closed.
    Parts {
        kind: PartsKind,
        count: usize,
        /// `None`: it cannot be closed.
        is_open: Option<bool>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Integer,
    Number,
    String,
    /// Base64.
    Bytes,
    /// As in RFC 3339.
    Time,
    /// Any JSON, or a value that has not the type.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartsKind {
    Record,
    Array,
    Map,
}

/// A change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormEdit {
    /// The text of a field, as typed.
    Text(String),
    Check(bool),
    /// An option of a choice.
    Choose(usize),
    /// A type of a union.
    Branch(usize),
    /// Adds or removes a member.
    Set(bool),
    /// Adds an element, or an entry with this key.
    Add(String),
    Remove,
    /// Changes the key of an entry.
    Rename(String),
}

/// The rows of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormRows {
    pub rows: Vec<FormRow>,
    /// There are more rows than the form shows.
    pub is_cut: bool,
}

impl FormRow {
    /// Identifies the row and how it is drawn, but not its value: while a value changes, its field stays, and keeps the focus.
    pub fn key(&self) -> String {
        let Self { path, depth, label, type_title, is_set, is_removable, has_key, branches, control, .. } = self;
        let control = match control {
            Control::None => "none".to_owned(),
            Control::Text { kind, .. } => format!("{kind:?}"),
            Control::Check(_) => "check".to_owned(),
            Control::Choice { options, .. } => format!("{options:?}"),
            Control::Parts { kind, is_open, .. } => format!("{kind:?}{}", is_open.is_some()),
        };
        let key = (path, depth, label, type_title, is_set.is_some(), is_removable, has_key, branches, control);
        format!("{key:?}")
    }
}

/// The form of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaForm {
    structure: SchemaStructure,
    /// Whether the value of a union may have the name of its type around it, as in Avro.
    names_branches: bool,
}

/// A type, the value that a text has of it, and how the value is contained in the text.
struct Found<'f> {
    of: &'f SchemaType,
    node: Option<JsonNode>,
    /// What contains the value, and the index of the member or element in it.
    parent: Option<(JsonNode, Option<usize>)>,
    /// The other members of the record that must not be there together with this one.
    rivals: Vec<&'f str>,
}

impl SchemaForm {
    pub fn new(structure: SchemaStructure, names_branches: bool) -> Self {
        Self { structure, names_branches }
    }

    /// The rows of a text. `opened`: the paths that the user has opened or closed, against the default.
    pub fn rows(&self, text: &str, opened: &BTreeSet<String>) -> Result<FormRows, Spot> {
        let root = JsonNode::parse(text)?;
        let mut rows = Rows { form: self, text, opened, found: FormRows::default() };
        let row = rows.row(Vec::new(), 0, "", &self.structure.root);
        rows.value(row, &self.structure.root, Some(&root));
        Ok(rows.found)
    }

    /// The text after a change of the row at `steps`; `None` if the text has no such part.
    pub fn edit(&self, text: &str, steps: &[Step], edit: &FormEdit) -> Option<String> {
        let root = JsonNode::parse(text).ok()?;
        let found = self.find(&root, steps)?;
        let name = match steps.last() {
            Some(Step::Member(name)) => name.as_str(),
            _ => "",
        };
        match edit {
            FormEdit::Set(true) if found.node.is_none() => {
                let (parent, index) = found.parent?;
                let json = format!("{}: {}", json_string(name), self.smallest(found.of));
                let changed = parent.insert(text, index.unwrap_or(usize::MAX), &json);
                // The other members of its group go.
                found.rivals.iter().try_fold(changed, |text, rival| {
                    let root = JsonNode::parse(&text).ok()?;
                    let (parent_steps, _) = steps.split_at(steps.len() - 1);
                    let record = self.find(&root, parent_steps)?.node?;
                    let at = record.members().iter().position(|member| member.name == *rival);
                    Some(at.map_or_else(|| text.clone(), |at| record.remove(&text, at)))
                })
            }
            FormEdit::Set(false) | FormEdit::Remove => {
                let (parent, index) = found.parent.filter(|_| found.node.is_some())?;
                Some(parent.remove(text, index?))
            }
            FormEdit::Set(true) => None,
            FormEdit::Rename(key) => {
                let (parent, index) = found.parent?;
                let is_taken = parent.member(key).is_some();
                let member = parent.members().get(index?)?;
                let place = JsonNode { range: member.start..member.value.range.start, kind: NodeKind::Null };
                (!is_taken).then(|| place.replace(text, &format!("{}: ", json_string(key))))
            }
            FormEdit::Branch(branch) => {
                let TypeKind::Union(branches) = &self.resolve(found.of).kind else { return None };
                Some(found.node?.replace(text, &self.branch_json(branches, *branch)?))
            }
            FormEdit::Add(key) => {
                let (of, node) = self.inside(found.of, found.node?);
                match (&of.kind, &node.kind) {
                    (TypeKind::Array(items), NodeKind::Array(_)) => {
                        Some(node.insert(text, usize::MAX, &self.smallest(items)))
                    }
                    (TypeKind::Map(values), NodeKind::Object(_)) if node.member(key).is_none() => {
                        let json = format!("{}: {}", json_string(key), self.smallest(values));
                        Some(node.insert(text, usize::MAX, &json))
                    }
                    _ => None,
                }
            }
            FormEdit::Text(typed) => {
                let (node, json) = self.typed(found.of, found.node?, typed);
                Some(node.replace(text, &json))
            }
            FormEdit::Check(is_true) => {
                let (_, node) = self.inside(found.of, found.node?);
                Some(node.replace(text, if *is_true { "true" } else { "false" }))
            }
            FormEdit::Choose(option) => {
                let (of, node) = self.inside(found.of, found.node?);
                let TypeKind::Enum(options) = &of.kind else { return None };
                Some(node.replace(text, &json_string(options.get(*option)?)))
            }
        }
    }

    /// The type behind names.
    fn resolve<'f>(&'f self, of: &'f SchemaType) -> &'f SchemaType {
        let mut of = of;
        for _ in 0..MAX_NAMES {
            let TypeKind::Named(place) = of.kind else { break };
            match self.structure.named.get(place as usize) {
                Some(named) => of = named,
                None => break,
            }
        }
        of
    }

    /// The type of a union that the value has, and the value without the name of its type.
    fn inside<'f>(&'f self, of: &'f SchemaType, node: JsonNode) -> (&'f SchemaType, JsonNode) {
        let of = self.resolve(of);
        let TypeKind::Union(branches) = &of.kind else { return (of, node) };
        match self.branch_of(branches, &node) {
            Some((branch, Some(inner))) => self.inside(&branches[branch], inner.clone()),
            Some((branch, None)) => self.inside(&branches[branch], node),
            None => (of, node),
        }
    }

    /// The part of the text that a typed text replaces, and its JSON. In a union of Avro, the value keeps its type, with the name of the type
    /// around it if the typed text alone would have another type.
    fn typed(&self, of: &SchemaType, node: JsonNode, typed: &str) -> (JsonNode, String) {
        let of = self.resolve(of);
        let TypeKind::Union(branches) = &of.kind else { return (node, typed_json(&of.kind, typed)) };
        match self.branch_of(branches, &node) {
            None => (node, typed_json(&of.kind, typed)),
            Some((branch, Some(inner))) => self.typed(&branches[branch], inner.clone(), typed),
            Some((branch, None)) => {
                let whole = node.range.clone();
                let (part, json) = self.typed(&branches[branch], node, typed);
                let is_whole = part.range == whole;
                (part, if is_whole { self.named(branches, branch, json) } else { json })
            }
        }
    }

    /// The JSON of a value of this type of a union, with the name of the type around it if it would have another type otherwise.
    fn named(&self, branches: &[SchemaType], branch: usize, json: String) -> String {
        let chosen = JsonNode::parse(&json).ok().and_then(|node| self.branch_of(branches, &node).map(|(at, _)| at));
        if chosen == Some(branch) || !self.names_branches {
            return json;
        }
        format!("{{{}: {json}}}", json_string(&self.resolve(&branches[branch]).title))
    }

    /// Which type of a union a value has, and the value inside of the name of its type, if it has one around it.
    fn branch_of<'n>(&self, branches: &[SchemaType], node: &'n JsonNode) -> Option<(usize, Option<&'n JsonNode>)> {
        if self.names_branches
            && let [member] = node.members()
        {
            let is_named = |branch: &SchemaType| {
                let title = &self.resolve(branch).title;
                *title == member.name || title.rsplit_once('.').is_some_and(|(_, short)| short == member.name)
            };
            if let Some(branch) = branches.iter().position(is_named) {
                return Some((branch, Some(&member.value)));
            }
        }
        let mut best = None;
        for (at, branch) in branches.iter().enumerate() {
            let fit = self.fit(branch, node, 0);
            if fit > best.map_or(0, |(fit, _)| fit) {
                best = Some((fit, at));
            }
        }
        best.map(|(_, at)| (at, None))
    }

    /// How well a value fits a type; 0: not at all.
    fn fit(&self, of: &SchemaType, node: &JsonNode, depth: usize) -> u8 {
        let of = self.resolve(of);
        match (&of.kind, &node.kind) {
            (TypeKind::Null, NodeKind::Null) | (TypeKind::Boolean, NodeKind::Boolean(_)) => 9,
            (TypeKind::Integer, NodeKind::Number) => 6,
            (TypeKind::Number, NodeKind::Number) => 5,
            (TypeKind::Enum(options), NodeKind::String(text)) if options.contains(text) => 8,
            (TypeKind::Number, NodeKind::String(text)) if is_no_number(text) => 2,
            (TypeKind::Time, NodeKind::String(text)) if is_like_a_time(text) => 7,
            (TypeKind::String, NodeKind::String(_)) => 6,
            (TypeKind::Bytes, NodeKind::String(_)) => 4,
            (TypeKind::Time | TypeKind::Enum(_), NodeKind::String(_)) => 3,
            // A number that the form could not write as one.
            (TypeKind::Integer | TypeKind::Number, NodeKind::String(_)) => 1,
            (TypeKind::Array(_), NodeKind::Array(_)) => 6,
            (TypeKind::Map(_), NodeKind::Object(_)) => 3,
            (TypeKind::Record(fields), NodeKind::Object(members)) => {
                let has_all = fields
                    .iter()
                    .all(|field| is_optional(field) || members.iter().any(|member| member.name == field.name));
                let knows_all = members.iter().all(|member| fields.iter().any(|field| field.name == member.name));
                3 + 2 * u8::from(knows_all) + u8::from(has_all && knows_all)
            }
            (TypeKind::Union(branches), _) if depth < MAX_NAMES => {
                branches.iter().map(|branch| self.fit(branch, node, depth + 1)).max().unwrap_or(0)
            }
            (TypeKind::Any, _) => 1,
            _ => 0,
        }
    }

    /// The JSON of the smallest value of a type of a union, with the name of the type if another type would be taken otherwise.
    fn branch_json(&self, branches: &[SchemaType], branch: usize) -> Option<String> {
        Some(self.named(branches, branch, self.smallest(branches.get(branch)?)))
    }

    /// The JSON of the smallest value of a type.
    fn smallest(&self, of: &SchemaType) -> String {
        self.smallest_at(of, 0)
    }

    fn smallest_at(&self, of: &SchemaType, depth: usize) -> String {
        let of = self.resolve(of);
        match &of.kind {
            _ if depth > MAX_EXAMPLE_DEPTH => "null".to_owned(),
            TypeKind::Null | TypeKind::Any | TypeKind::Named(_) => "null".to_owned(),
            TypeKind::Boolean => "false".to_owned(),
            TypeKind::Integer | TypeKind::Number => "0".to_owned(),
            TypeKind::String | TypeKind::Bytes => "\"\"".to_owned(),
            TypeKind::Time => json_string(first_time(&of.title)),
            TypeKind::Enum(options) => json_string(options.first().map_or("", String::as_str)),
            TypeKind::Array(_) => "[]".to_owned(),
            TypeKind::Map(_) => "{}".to_owned(),
            TypeKind::Record(fields) => {
                let needed = fields.iter().filter(|field| !is_optional(field));
                let members: Vec<String> = needed
                    .map(|field| format!("{}: {}", json_string(&field.name), self.smallest_at(&field.kind, depth + 1)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            TypeKind::Union(branches) => {
                let has_null = branches.iter().any(|branch| self.resolve(branch).kind == TypeKind::Null);
                match branches.first().filter(|_| !has_null) {
                    Some(first) => self.smallest_at(first, depth + 1),
                    None => "null".to_owned(),
                }
            }
        }
    }

    /// The part of the text at these steps, or where it would be.
    fn find<'f>(&'f self, root: &JsonNode, steps: &[Step]) -> Option<Found<'f>> {
        static ANY: SchemaType = SchemaType { kind: TypeKind::Any, title: String::new(), documentation: None };
        let mut found = Found { of: &self.structure.root, node: Some(root.clone()), parent: None, rivals: Vec::new() };
        for step in steps {
            let (of, node) = self.inside(found.of, found.node?);
            found = match (step, &of.kind) {
                (Step::Element(index), TypeKind::Array(items)) => {
                    let element = node.elements().get(*index).cloned();
                    Found { of: items, node: element, parent: Some((node, Some(*index))), rivals: Vec::new() }
                }
                (Step::Member(name), kind) => {
                    let at = node.members().iter().position(|member| member.name == *name);
                    let member = at.map(|at| node.members()[at].value.clone());
                    let (of, at, rivals) = match kind {
                        TypeKind::Map(values) => (&**values, at, Vec::new()),
                        TypeKind::Record(fields) => match fields.iter().position(|field| field.name == *name) {
                            Some(field) => {
                                let at = at.or_else(|| Some(place_for(fields, field, &node)));
                                (&fields[field].kind, at, rivals_of(fields, field))
                            }
                            None => (&ANY, at, Vec::new()),
                        },
                        _ => (&ANY, at, Vec::new()),
                    };
                    Found { of, node: member, parent: Some((node, at)), rivals }
                }
                _ => return None,
            };
        }
        Some(found)
    }
}

/// Where a member belongs among those that are there: in the order of the schema.
fn place_for(fields: &[SchemaField], field: usize, node: &JsonNode) -> usize {
    let is_later = |name: &str| fields[field + 1..].iter().any(|later| later.name == name);
    node.members().iter().position(|member| is_later(&member.name)).unwrap_or(node.members().len())
}

fn rivals_of(fields: &[SchemaField], field: usize) -> Vec<&str> {
    let Some(group) = &fields[field].one_of else { return Vec::new() };
    let others = fields.iter().filter(|other| other.one_of.as_ref() == Some(group));
    others.map(|other| other.name.as_str()).filter(|name| *name != fields[field].name).collect()
}

fn is_optional(field: &SchemaField) -> bool {
    field.optional || field.default.is_some() || field.one_of.is_some()
}

fn is_no_number(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

fn is_like_a_time(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['-', ':'])
}

/// The first time of a type, as its title tells whether it has a date, a time of day, or both.
fn first_time(title: &str) -> &'static str {
    let title = title.to_ascii_lowercase();
    if title.contains("stamp") || title.contains("date-time") {
        return if title.starts_with("local") { "1970-01-01T00:00:00" } else { "1970-01-01T00:00:00Z" };
    }
    match title {
        title if title.contains("duration") => "0s",
        title if title.contains("date") => "1970-01-01",
        title if title.contains("time") => "00:00:00",
        _ => "1970-01-01T00:00:00Z",
    }
}

/// The JSON of a typed text. A number that is not complete becomes a string, so that the text stays valid JSON; the bridge refuses it.
fn typed_json(kind: &TypeKind, typed: &str) -> String {
    let is_json = match kind {
        TypeKind::Integer | TypeKind::Number => {
            let is_number = typed.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            is_number && !typed.ends_with(char::is_whitespace) && check_json(typed).is_ok()
        }
        TypeKind::String | TypeKind::Bytes | TypeKind::Time | TypeKind::Enum(_) => false,
        _ => check_json(typed).is_ok(),
    };
    if is_json { typed.to_owned() } else { json_string(typed) }
}

#[cfg(test)]
mod tests;

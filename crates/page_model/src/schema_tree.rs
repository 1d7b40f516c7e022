//! The structure of a schema as a tree whose nodes open one by one, because a type may contain itself.

use std::collections::BTreeSet;

use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

/// The indices of a node and its parents in their lists of children.
type Path = Vec<u32>;

/// More rows than a user reads: a record may have thousands of fields, and the page draws each row.
const MAX_ROWS: usize = 5_000;

#[derive(Debug)]
pub struct SchemaTree {
    structure: SchemaStructure,
    open: BTreeSet<Path>,
}

/// A visible node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// Identifies the node for [`SchemaTree::toggle`].
    pub path: String,
    pub depth: usize,
    pub name: String,
    /// The type, in the words of the schema.
    pub title: String,
    pub optional: bool,
    /// JSON.
    pub default: Option<String>,
    pub one_of: Option<String>,
    pub documentation: Option<String>,
    /// The values of an enum.
    pub values: Vec<String>,
    /// `None` for a node without children.
    pub is_open: Option<bool>,
}

/// A child of a node: its name, its type, and, for a member of a record, the field.
struct Child<'a> {
    name: String,
    kind: &'a SchemaType,
    field: Option<&'a SchemaField>,
}

impl SchemaTree {
    /// The root's children are visible.
    pub fn new(structure: SchemaStructure) -> Self {
        Self { structure, open: BTreeSet::from([Path::new()]) }
    }

    pub fn toggle(&mut self, path: &str) {
        let Some(path) = parse(path) else { return };
        if !self.open.remove(&path) {
            self.open.insert(path);
        }
    }

    /// The visible nodes, from the top.
    pub fn rows(&self) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        let root = Child { name: String::new(), kind: &self.structure.root, field: None };
        self.add(&root, Path::new(), &mut rows);
        rows
    }

    fn add(&self, node: &Child<'_>, path: Path, rows: &mut Vec<TreeRow>) {
        if rows.len() >= MAX_ROWS {
            return;
        }
        let kind = self.named(node.kind);
        let children = self.children(kind);
        let is_open = self.open.contains(&path);
        let documentation = node.field.and_then(|field| field.documentation.clone());
        rows.push(TreeRow {
            path: path.iter().map(u32::to_string).collect::<Vec<_>>().join("."),
            depth: path.len(),
            name: node.name.clone(),
            title: node.kind.title.clone(),
            optional: node.field.is_some_and(|field| field.optional),
            default: node.field.and_then(|field| field.default.clone()),
            one_of: node.field.and_then(|field| field.one_of.clone()),
            documentation: documentation.or_else(|| kind.documentation.clone()),
            values: match &kind.kind {
                TypeKind::Enum(values) => values.clone(),
                _ => Vec::new(),
            },
            is_open: (!children.is_empty()).then_some(is_open),
        });
        if is_open {
            for (child, at) in children.iter().zip(0..) {
                let mut path = path.clone();
                path.push(at);
                self.add(child, path, rows);
            }
        }
    }

    /// The type itself, if `kind` only names it.
    fn named<'a>(&'a self, mut kind: &'a SchemaType) -> &'a SchemaType {
        // A name that leads to itself is not a type.
        for _ in 0..self.structure.named.len() {
            let TypeKind::Named(place) = kind.kind else { break };
            let Some(named) = self.structure.named.get(place as usize) else { break };
            kind = named;
        }
        kind
    }

    fn children<'a>(&'a self, kind: &'a SchemaType) -> Vec<Child<'a>> {
        let child = |name: &str, kind: &'a SchemaType| Child { name: name.to_owned(), kind, field: None };
        match &kind.kind {
            TypeKind::Record(fields) => fields
                .iter()
                .map(|field| Child { name: field.name.clone(), kind: &field.kind, field: Some(field) })
                .collect(),
            // The row of an array of a simple type names that type already.
            TypeKind::Array(item) if self.deserves_a_row(item) => vec![child("[ ]", item)],
            TypeKind::Map(item) if self.deserves_a_row(item) => vec![child("{ }", item)],
            TypeKind::Union(types) => {
                let of_type = |kind: &'a SchemaType| child("", kind);
                types.iter().map(of_type).collect()
            }
            _ => Vec::new(),
        }
    }

    fn deserves_a_row(&self, kind: &SchemaType) -> bool {
        match &self.named(kind).kind {
            TypeKind::Record(fields) => !fields.is_empty(),
            TypeKind::Array(item) | TypeKind::Map(item) => self.deserves_a_row_as_item(item),
            TypeKind::Union(types) => !types.is_empty(),
            // The item's row has the values.
            TypeKind::Enum(_) => true,
            _ => false,
        }
    }

    /// An array of arrays opens, too; the depth of the types limits it, except where a name leads back.
    fn deserves_a_row_as_item(&self, item: &SchemaType) -> bool {
        matches!(item.kind, TypeKind::Named(_)) || self.deserves_a_row(item)
    }
}

fn parse(path: &str) -> Option<Path> {
    if path.is_empty() {
        return Some(Path::new());
    }
    path.split('.').map(|at| at.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: TypeKind, title: &str) -> SchemaType {
        SchemaType { kind, title: title.to_owned(), documentation: None }
    }

    fn field(name: &str, kind: SchemaType) -> SchemaField {
        let (name, documentation) = (name.to_owned(), Some(format!("about {name}")));
        SchemaField { name, kind, optional: false, default: None, one_of: None, documentation }
    }

    /// A node of a linked list: `shop.Node { id: long, next: union<null, shop.Node>, tags: array<string>, items: array<shop.Node> }`
    fn linked_list() -> SchemaTree {
        let node = || of(TypeKind::Named(0), "shop.Node");
        let next = TypeKind::Union(vec![of(TypeKind::Null, "null"), node()]);
        let fields = vec![
            field("id", of(TypeKind::Integer, "long")),
            field("next", of(next, "union")),
            field("tags", of(TypeKind::Array(Box::new(of(TypeKind::String, "string"))), "array<string>")),
            field("items", of(TypeKind::Array(Box::new(node())), "array<shop.Node>")),
        ];
        SchemaTree::new(SchemaStructure { root: node(), named: vec![of(TypeKind::Record(fields), "shop.Node")] })
    }

    fn shown(tree: &SchemaTree) -> Vec<String> {
        let sign = |row: &TreeRow| match row.is_open {
            None => " ",
            Some(true) => "▾",
            Some(false) => "▸",
        };
        let rows = tree.rows();
        rows.iter().map(|row| format!("{}{}{}: {}", "  ".repeat(row.depth), sign(row), row.name, row.title)).collect()
    }

    #[test]
    fn type_that_contains_itself_opens_level_by_level() {
        let mut tree = linked_list();
        let first =
            ["▾: shop.Node", "   id: long", "  ▸next: union", "   tags: array<string>", "  ▸items: array<shop.Node>"];
        assert_eq!(shown(&tree), first);
        tree.toggle("1");
        tree.toggle("1.1");
        assert_eq!(
            shown(&tree)[2..7],
            ["  ▾next: union", "     : null", "    ▾: shop.Node", "       id: long", "      ▸next: union"]
        );
        tree.toggle("1");
        assert_eq!(shown(&tree), first);
        tree.toggle("1");
        assert_eq!(shown(&tree).len(), 11, "what was open below stays open");
        tree.toggle("");
        assert_eq!(shown(&tree), ["▸: shop.Node"]);
    }

    #[test]
    fn row_has_the_documentation_of_its_field() {
        let tree = linked_list();
        assert_eq!(tree.rows()[1].documentation.as_deref(), Some("about id"));
        assert_eq!(tree.rows()[1].path, "0");
    }

    #[test]
    fn names_that_lead_nowhere_or_to_themselves_have_no_children() {
        for named in [Vec::new(), vec![of(TypeKind::Named(0), "loop")]] {
            let tree = SchemaTree::new(SchemaStructure { root: of(TypeKind::Named(0), "loop"), named });
            assert_eq!(shown(&tree), [" : loop"]);
        }
        let array = of(TypeKind::Array(Box::new(of(TypeKind::Named(0), "a"))), "a");
        let tree = SchemaTree::new(SchemaStructure { root: of(TypeKind::Named(0), "a"), named: vec![array] });
        assert_eq!(shown(&tree), ["▾: a", "  ▸[ ]: a"]);
    }

    #[test]
    fn values_of_an_enum_are_in_its_row() {
        let values = vec!["NEW".to_owned(), "PAID".to_owned()];
        let root = of(TypeKind::Enum(values.clone()), "shop.State");
        let tree = SchemaTree::new(SchemaStructure { root, named: Vec::new() });
        assert_eq!((&tree.rows()[0].values, tree.rows()[0].is_open), (&values, None));
    }
}

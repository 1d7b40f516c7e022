//! Reads the rows of the form from the text.

use std::collections::BTreeSet;

use protocol::{SchemaField, SchemaType, TypeKind};

use super::{
    Control, FormRow, FormRows, MAX_ROWS, OPEN_DEPTH, PartsKind, SchemaForm, Step, TextKind, is_no_number, is_optional,
    shown_path,
};
use crate::field::check_json;
use crate::json_edit::{JsonNode, NodeKind};

pub(super) struct Rows<'r> {
    pub form: &'r SchemaForm,
    pub text: &'r str,
    pub opened: &'r BTreeSet<String>,
    pub found: FormRows,
}

impl Rows<'_> {
    pub fn row(&self, steps: Vec<Step>, depth: usize, label: &str, of: &SchemaType) -> FormRow {
        let resolved = self.form.resolve(of);
        let title = if of.title.is_empty() { &resolved.title } else { &of.title };
        FormRow {
            path: shown_path(&steps),
            steps,
            depth,
            label: label.to_owned(),
            type_title: title.clone(),
            documentation: of.documentation.clone().or_else(|| resolved.documentation.clone()),
            is_set: None,
            default: None,
            one_of: None,
            is_removable: false,
            has_key: false,
            branches: Vec::new(),
            branch: None,
            control: Control::None,
            is_mismatch: false,
        }
    }

    fn push(&mut self, row: FormRow) -> bool {
        let has_room = self.found.rows.len() < MAX_ROWS;
        if has_room {
            self.found.rows.push(row);
        }
        self.found.is_cut |= !has_room;
        has_room
    }

    /// Adds the row of a value, and the rows of its parts.
    pub fn value(&mut self, mut row: FormRow, of: &SchemaType, node: Option<&JsonNode>) {
        let Some(node) = node else {
            self.push(row);
            return;
        };
        let form = self.form;
        let resolved = form.resolve(of);
        if let TypeKind::Union(branches) = &resolved.kind {
            let chosen = form.branch_of(branches, node);
            if row.branches.is_empty() {
                row.branches = branches.iter().map(|branch| form.resolve(branch).title.clone()).collect();
                row.branch = chosen.as_ref().map(|(at, _)| *at);
            }
            return match chosen {
                Some((at, inner)) => self.value(row, &branches[at], Some(inner.unwrap_or(node))),
                None => self.mismatch(row, node),
            };
        }
        let text = |kind, text: &str| Control::Text { kind, text: text.to_owned() };
        row.control = match (&resolved.kind, &node.kind) {
            (TypeKind::Null, NodeKind::Null) => Control::None,
            (TypeKind::Boolean, NodeKind::Boolean(is_true)) => Control::Check(*is_true),
            (TypeKind::Integer, NodeKind::Number) => text(TextKind::Integer, node.text(self.text)),
            (TypeKind::Number, NodeKind::Number) => text(TextKind::Number, node.text(self.text)),
            (TypeKind::Integer, NodeKind::String(typed)) => {
                row.is_mismatch = true;
                text(TextKind::Integer, typed)
            }
            (TypeKind::Number, NodeKind::String(typed)) => {
                row.is_mismatch = !is_no_number(typed);
                text(TextKind::Number, typed)
            }
            (TypeKind::String, NodeKind::String(typed)) => text(TextKind::String, typed),
            (TypeKind::Bytes, NodeKind::String(typed)) => text(TextKind::Bytes, typed),
            (TypeKind::Time, NodeKind::String(typed)) => text(TextKind::Time, typed),
            (TypeKind::Enum(options), NodeKind::String(typed)) => {
                let chosen = options.iter().position(|option| option == typed);
                row.is_mismatch = chosen.is_none();
                Control::Choice { options: options.clone(), chosen }
            }
            (TypeKind::Array(items), NodeKind::Array(elements)) => {
                return self.array(row, items, elements);
            }
            (TypeKind::Map(values), NodeKind::Object(members)) => {
                let members: Vec<_> = members.iter().map(|member| (member.name.as_str(), &member.value)).collect();
                return self.map(row, values, &members);
            }
            (TypeKind::Record(fields), NodeKind::Object(_)) => return self.record(row, fields, node),
            (TypeKind::Any | TypeKind::Named(_), NodeKind::String(typed)) if check_json(typed).is_err() => {
                text(TextKind::Json, typed)
            }
            (TypeKind::Any | TypeKind::Named(_), _) => text(TextKind::Json, node.text(self.text)),
            _ => return self.mismatch(row, node),
        };
        self.push(row);
    }

    fn mismatch(&mut self, mut row: FormRow, node: &JsonNode) {
        row.is_mismatch = true;
        row.control = Control::Text { kind: TextKind::Json, text: node.text(self.text).to_owned() };
        self.push(row);
    }

    /// Sets the control of a value with parts. Returns the steps and the depth of the parts, unless they are not shown.
    fn open(&mut self, mut row: FormRow, kind: PartsKind, count: usize) -> Option<(Vec<Step>, usize)> {
        let can_close = row.depth >= OPEN_DEPTH && count > 0;
        // Beyond the depth that is open at first, the user's choice is that it is open; above, all are open.
        let is_open = !can_close || self.opened.contains(&row.path);
        row.control = Control::Parts { kind, count, is_open: can_close.then_some(is_open) };
        let parts = (row.steps.clone(), row.depth + 1);
        (self.push(row) && is_open).then_some(parts)
    }

    fn array(&mut self, row: FormRow, items: &SchemaType, elements: &[JsonNode]) {
        let Some((steps, depth)) = self.open(row, PartsKind::Array, elements.len()) else { return };
        for (index, element) in elements.iter().enumerate() {
            if self.found.is_cut {
                return;
            }
            let steps = [steps.as_slice(), &[Step::Element(index)]].concat();
            let mut row = self.row(steps, depth, &format!("[{index}]"), items);
            row.is_removable = true;
            self.value(row, items, Some(element));
        }
    }

    fn map(&mut self, row: FormRow, values: &SchemaType, members: &[(&str, &JsonNode)]) {
        let Some((steps, depth)) = self.open(row, PartsKind::Map, members.len()) else { return };
        for (name, value) in members {
            if self.found.is_cut {
                return;
            }
            let steps = [steps.as_slice(), &[Step::Member((*name).to_owned())]].concat();
            let mut row = self.row(steps, depth, name, values);
            (row.is_removable, row.has_key) = (true, true);
            self.value(row, values, Some(value));
        }
    }

    fn record(&mut self, row: FormRow, fields: &[SchemaField], node: &JsonNode) {
        let unknown = |name: &str| !fields.iter().any(|field| field.name == name);
        let unknown: Vec<_> = node.members().iter().filter(|member| unknown(&member.name)).collect();
        let count = fields.len() + unknown.len();
        let Some((steps, depth)) = self.open(row, PartsKind::Record, count) else { return };
        for field in fields {
            if self.found.is_cut {
                return;
            }
            let steps = [steps.as_slice(), &[Step::Member(field.name.clone())]].concat();
            let value = node.member(&field.name).map(|member| &member.value);
            let mut row = self.row(steps, depth, &field.name, &field.kind);
            row.documentation = field.documentation.clone().or(row.documentation);
            let is_optional = is_optional(field);
            row.is_set = (is_optional || value.is_none()).then_some(value.is_some());
            row.is_mismatch = !is_optional && value.is_none();
            (row.default, row.one_of) = (field.default.clone(), field.one_of.clone());
            self.value(row, &field.kind, value);
        }
        for member in unknown {
            let any = SchemaType { kind: TypeKind::Any, title: String::new(), documentation: None };
            let steps = [steps.as_slice(), &[Step::Member(member.name.clone())]].concat();
            let mut row = self.row(steps, depth, &member.name, &any);
            row.is_removable = true;
            self.mismatch(row, &member.value);
        }
    }
}

//! The masked fields of a record that is edited and sent again. The draft has the masks (`***`, or `#` and 16 hexadecimal digits) in
//! place of the values, and they must not be written by accident.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, DraftPart};
use super::field::{Field, Form};
use super::json_edit::{JsonNode, NodeKind};
use super::schema_form::{Step, shown_path};

/// What the bridge writes in place of a field, unless it writes a hash.
const HIDDEN: &str = "***";
/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 16;

/// What the bridge has hidden in the record that a draft was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftMasks {
    /// As the bridge has configured them, such as `value.customer.email`.
    pub paths: Vec<String>,
    /// Whether the record had a mask. If not, the bridge may have left the fields out.
    has_marks: bool,
    /// The user has confirmed that the record is written as the draft is.
    pub is_confirmed: bool,
}

/// A field of a draft that is still a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedField {
    pub part: DraftPart,
    /// As in errors of the bridge: `items[2].price`. The name of a header. Empty for a whole key or value.
    pub path: String,
}

impl DraftMasks {
    /// `paths`: the masks that apply to the record; `None` if there are none.
    pub fn of(draft: &Draft, paths: Vec<String>) -> Option<Self> {
        let has_marks = !masked_fields(draft).is_empty();
        (!paths.is_empty()).then_some(Self { paths, has_marks, is_confirmed: false })
    }

    /// Whether the record must not be sent yet. `left`: the fields that are still masks; `None` while the page has not searched them.
    pub fn block(&self, left: Option<&[MaskedField]>) -> bool {
        !(self.is_confirmed || self.has_marks && left.is_some_and(<[MaskedField]>::is_empty))
    }
}

/// The fields of the draft that are masks. They are recognized by their text, since a path of the bridge's configuration may select any
/// number of fields.
pub fn masked_fields(draft: &Draft) -> Vec<MaskedField> {
    let mut found = Vec::new();
    for (part, field) in [(DraftPart::Key, &draft.key), (DraftPart::Value, &draft.value)] {
        found.extend(masks_of(field).into_iter().map(|path| MaskedField { part, path }));
    }
    for (index, row) in draft.headers.iter().enumerate() {
        if !row.name.is_empty() && !masks_of(&row.value).is_empty() {
            found.push(MaskedField { part: DraftPart::Header(index), path: row.name.clone() });
        }
    }
    found
}

/// The paths of a field's masks.
fn masks_of(field: &Field) -> Vec<String> {
    let text = match field.form {
        Form::Text | Form::Json => field.text.as_str(),
        Form::Null | Form::Base64 | Form::File => return Vec::new(),
    };
    if is_mask(text.trim()) {
        return vec![String::new()];
    }
    let mut found = Vec::new();
    match JsonNode::parse(text) {
        Ok(node) => collect(&node, &mut Vec::new(), &mut found),
        Err(_) if text.contains(HIDDEN) => found.push(String::new()),
        Err(_) => {}
    }
    found
}

fn collect(node: &JsonNode, steps: &mut Vec<Step>, found: &mut Vec<String>) {
    match &node.kind {
        NodeKind::String(text) if is_mask(text) => found.push(shown_path(steps)),
        NodeKind::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                steps.push(Step::Element(index));
                collect(element, steps, found);
                steps.pop();
            }
        }
        NodeKind::Object(members) => {
            for member in members {
                steps.push(Step::Member(member.name.clone()));
                collect(&member.value, steps, found);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn is_mask(text: &str) -> bool {
    let is_hash = |digits: &str| {
        digits.len() == HASH_DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    text == HIDDEN || text.strip_prefix('#').is_some_and(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeaderRow;

    fn draft(value: &str) -> Draft {
        Draft { value: Field::json(value), ..Draft::default() }
    }

    fn paths(draft: &Draft) -> Vec<String> {
        masked_fields(draft).into_iter().map(|field| field.path).collect()
    }

    const MASKED: &str = r##"{"email": "***", "items": [{"price": 1}, {"price": "#0123456789abcdef"}], "a b": "***", "note": "**** #12"}"##;

    #[test]
    fn masks_are_found_at_any_depth_in_keys_values_and_headers() {
        let header = |name: &str, value: &str| HeaderRow { name: name.into(), value: Field::text(value) };
        let draft = Draft {
            key: Field::text("***"),
            headers: vec![header("user", "***"), header("trace", "1"), header("", "***")],
            ..draft(MASKED)
        };
        let found = masked_fields(&draft);
        assert_eq!(
            found.iter().map(|field| (field.part, field.path.as_str())).collect::<Vec<_>>(),
            [
                (DraftPart::Key, ""),
                (DraftPart::Value, "email"),
                (DraftPart::Value, "items[1].price"),
                (DraftPart::Value, r#"["a b"]"#),
                (DraftPart::Header(0), "user"),
            ]
        );
    }

    #[test]
    fn draft_is_blocked_until_each_mask_is_changed_or_the_user_confirms() {
        let mut draft = draft(MASKED);
        let masks = DraftMasks::of(&draft, vec!["value.email".into()]).expect("masks");
        assert!(masks.block(None) && masks.block(Some(&masked_fields(&draft))));
        draft.value.text = draft.value.text.replace("\"***\"", "\"x\"");
        assert_eq!(paths(&draft), ["items[1].price"]);
        assert!(masks.block(Some(&masked_fields(&draft))));
        draft.value.text = draft.value.text.replace("\"#0123456789abcdef\"", "2.5");
        assert!(!masks.block(Some(&masked_fields(&draft))));
        assert!(!DraftMasks { is_confirmed: true, ..masks }.block(None));
    }

    #[test]
    fn invalid_json_with_a_mask_counts_as_masked_as_a_whole() {
        assert_eq!(paths(&Draft { value: Field::text("{\"email\": \"***\""), ..Draft::default() }), [""]);
        assert!(paths(&Draft { value: Field::text("a * b"), ..Draft::default() }).is_empty());
    }

    #[test]
    fn fields_that_the_bridge_has_left_out_need_a_confirmation() {
        let draft = draft("{\"id\": 1}");
        let masks = DraftMasks::of(&draft, vec!["value.email".into()]).expect("masks");
        assert!(masks.block(Some(&[])));
        assert_eq!(DraftMasks::of(&draft, Vec::new()), None);
    }
}

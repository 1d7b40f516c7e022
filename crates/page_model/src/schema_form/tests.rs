use super::*;

fn of(kind: TypeKind, title: &str) -> SchemaType {
    SchemaType { kind, title: title.to_owned(), documentation: None }
}

fn field(name: &str, kind: SchemaType) -> SchemaField {
    SchemaField { name: name.to_owned(), kind, optional: false, default: None, one_of: None, documentation: None }
}

fn optional(name: &str, kind: SchemaType, default: &str) -> SchemaField {
    SchemaField { optional: true, default: Some(default.to_owned()), ..field(name, kind) }
}

/// An order: a number, a state, items, labels, a note that may be null, and the order that it replaces.
fn orders() -> SchemaForm {
    let item = of(
        TypeKind::Record(vec![
            field("name", of(TypeKind::String, "string")),
            field("price", of(TypeKind::Number, "decimal(10, 2)")),
        ]),
        "shop.Item",
    );
    let note = TypeKind::Union(vec![of(TypeKind::Null, "null"), of(TypeKind::String, "string")]);
    let parent = TypeKind::Union(vec![of(TypeKind::Null, "null"), of(TypeKind::Named(0), "shop.Order")]);
    let order = of(
        TypeKind::Record(vec![
            field("id", of(TypeKind::Integer, "long")),
            field("state", of(TypeKind::Enum(vec!["NEW".into(), "PAID".into()]), "shop.State")),
            field("items", of(TypeKind::Array(Box::new(item)), "array")),
            optional("labels", of(TypeKind::Map(Box::new(of(TypeKind::Integer, "int"))), "map"), "{}"),
            optional("note", of(note, "union"), "null"),
            optional("parent", of(parent, "union"), "null"),
        ]),
        "shop.Order",
    );
    SchemaForm::new(SchemaStructure { root: of(TypeKind::Named(0), "shop.Order"), named: vec![order] }, true)
}

fn member(name: &str) -> Step {
    Step::Member(name.to_owned())
}

const ORDER: &str =
    r#"{"id": 9007199254740993, "state": "PAID", "items": [{"name": "tea", "price": 1.10}], "note": "a"}"#;

fn row(rows: &FormRows, path: &str) -> FormRow {
    rows.rows.iter().find(|row| row.path == path).unwrap_or_else(|| panic!("no row {path}: {rows:?}")).clone()
}

fn rows(form: &SchemaForm, text: &str) -> FormRows {
    form.rows(text, &BTreeSet::new()).expect("valid JSON")
}

#[test]
fn rows_have_the_values_of_the_text_and_the_types_of_the_schema() {
    let rows = rows(&orders(), ORDER);
    let paths: Vec<&str> = rows.rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(
        paths,
        ["", "id", "state", "items", "items[0]", "items[0].name", "items[0].price", "labels", "note", "parent"]
    );
    let text = |kind, text: &str| Control::Text { kind, text: text.to_owned() };
    assert_eq!(row(&rows, "id").control, text(TextKind::Integer, "9007199254740993"));
    assert_eq!(row(&rows, "items[0].price").control, text(TextKind::Number, "1.10"));
    let options = vec!["NEW".to_owned(), "PAID".to_owned()];
    assert_eq!(row(&rows, "state").control, Control::Choice { options, chosen: Some(1) });
    let note = row(&rows, "note");
    assert_eq!((note.branch, note.is_set, &note.control), (Some(1), Some(true), &text(TextKind::String, "a")));
    let labels = row(&rows, "labels");
    assert_eq!((labels.is_set, labels.default.as_deref()), (Some(false), Some("{}")));
    assert!(row(&rows, "items[0]").is_removable && !row(&rows, "items[0].name").is_removable);
}

fn edited(text: &str, steps: &[Step], edit: FormEdit) -> String {
    orders().edit(text, steps, &edit).unwrap_or_else(|| panic!("{edit:?} at {steps:?} in {text}"))
}

#[test]
fn typed_number_is_written_digit_by_digit_and_the_rest_stays() {
    let price = [member("items"), Step::Element(0), member("price")];
    let text = edited(ORDER, &price, FormEdit::Text("123456789012345678901.10".into()));
    assert_eq!(text, ORDER.replace("1.10", "123456789012345678901.10"));
    // What is no number yet stays as typed, and can be completed.
    let text = edited(&text, &price, FormEdit::Text("-".into()));
    assert!(text.contains(r#""price": "-""#));
    let shown = row(&rows(&orders(), &text), "items[0].price");
    assert_eq!(shown.control, Control::Text { kind: TextKind::Number, text: "-".into() });
    assert!(shown.is_mismatch);
    assert!(edited(&text, &price, FormEdit::Text("-2".into())).contains(r#""price": -2}"#));
}

#[test]
fn typed_text_in_a_union_of_avro_keeps_the_type() {
    let types = [
        of(TypeKind::Null, "null"),
        of(TypeKind::Integer, "long"),
        of(TypeKind::String, "string"),
        of(TypeKind::Enum(vec!["NEW".into()]), "shop.State"),
    ];
    let structure = SchemaStructure { root: of(TypeKind::Union(types.to_vec()), "union"), named: vec![] };
    let form = SchemaForm::new(structure, true);
    let edit = |text: &str, typed: &str| {
        let text = form.edit(text, &[], &FormEdit::Text(typed.into())).expect("edited");
        let row = row(&rows(&form, &text), "");
        (text, row.branch, row.is_mismatch)
    };
    assert_eq!(edit("7", ""), (r#"{"long": ""}"#.to_owned(), Some(1), true));
    assert_eq!(edit("7", "-"), (r#"{"long": "-"}"#.to_owned(), Some(1), true));
    assert_eq!(edit(r#"{"long": "-"}"#, "-5"), (r#"{"long": -5}"#.to_owned(), Some(1), false));
    assert_eq!(edit("7", "78"), ("78".to_owned(), Some(1), false));
    assert_eq!(edit(r#""NE""#, "NEW"), (r#"{"string": "NEW"}"#.to_owned(), Some(2), false));
}

#[test]
fn row_keeps_its_field_when_its_text_gets_a_second_line() {
    let key = |note: &str| row(&rows(&orders(), &ORDER.replace(r#""note": "a""#, note)), "note").key();
    assert_eq!(key(r#""note": "a""#), key(r#""note": "a\nb""#));
}

#[test]
fn elements_and_entries_are_added_and_removed() {
    let items = [member("items")];
    let text = edited(ORDER, &items, FormEdit::Add(String::new()));
    assert!(text.contains(r#"[{"name": "tea", "price": 1.10}, {"name": "", "price": 0}]"#), "{text}");
    let text = edited(&text, &[member("items"), Step::Element(0)], FormEdit::Remove);
    assert!(text.contains(r#"[{"name": "", "price": 0}]"#), "{text}");
    let text = edited(&text, &[member("labels")], FormEdit::Set(true));
    assert!(text.contains(r#"}], "labels": {}, "note""#), "in the order of the schema: {text}");
    let text = edited(&text, &[member("labels")], FormEdit::Add("a".into()));
    let text = edited(&text, &[member("labels"), member("a")], FormEdit::Rename("b \"c\"".into()));
    assert!(text.contains(r#""labels": {"b \"c\"": 0}"#), "{text}");
    assert_eq!(orders().edit(&text, &[member("labels")], &FormEdit::Add("b \"c\"".into())), None, "the key is taken");
    let text = edited(&text, &[member("labels")], FormEdit::Set(false));
    assert!(!text.contains("labels"), "{text}");
}

#[test]
fn type_of_a_union_is_chosen_and_recognized() {
    let note = [member("note")];
    let text = edited(ORDER, &note, FormEdit::Branch(0));
    assert!(text.contains(r#""note": null"#));
    assert_eq!(row(&rows(&orders(), &text), "note").branch, Some(0));
    let text = edited(&text, &note, FormEdit::Branch(1));
    assert!(text.contains(r#""note": """#));
    let named = text.replace(r#""note": """#, r#""note": {"string": "x"}"#);
    let shown = row(&rows(&orders(), &named), "note");
    assert_eq!((shown.branch, shown.control), (Some(1), Control::Text { kind: TextKind::String, text: "x".into() }));
    let text = edited(&named, &note, FormEdit::Text("y".into()));
    assert!(text.contains(r#"{"string": "y"}"#), "{text}");
}

#[test]
fn ambiguous_type_of_a_union_is_named_only_in_avro() {
    let record = |name: &str| of(TypeKind::Record(vec![field("a", of(TypeKind::Integer, "int"))]), name);
    let union =
        || SchemaStructure { root: of(TypeKind::Union(vec![record("x.A"), record("x.B")]), "union"), named: vec![] };
    let edit = |names| SchemaForm::new(union(), names).edit("null", &[], &FormEdit::Branch(1));
    assert_eq!(edit(true).as_deref(), Some(r#"{"x.B": {"a": 0}}"#));
    assert_eq!(edit(false).as_deref(), Some(r#"{"a": 0}"#));
    let form = SchemaForm::new(union(), true);
    assert_eq!(row(&rows(&form, r#"{"x.B": {"a": 0}}"#), "").branch, Some(1));
    assert_eq!(
        row(&rows(&form, r#"{"x.B": {"a": 7}}"#), "a").control,
        Control::Text { kind: TextKind::Integer, text: "7".into() }
    );
}

#[test]
fn type_that_contains_itself_opens_only_where_the_text_has_a_value() {
    let form = orders();
    let text = edited(r#"{"id": 1}"#, &[member("parent")], FormEdit::Set(true));
    assert_eq!(text, r#"{"id": 1, "parent": null}"#);
    let text = edited(&text, &[member("parent")], FormEdit::Branch(1));
    assert_eq!(text, r#"{"id": 1, "parent": {"id": 0, "state": "NEW", "items": []}}"#);
    let mut nested = text;
    for _ in 0..4 {
        nested = format!(r#"{{"id": 1, "state": "NEW", "items": [], "parent": {nested}}}"#);
    }
    let all = rows(&form, &nested);
    let closed = row(&all, "parent.parent.parent");
    assert!(matches!(closed.control, Control::Parts { is_open: Some(false), .. }));
    assert!(!all.rows.iter().any(|row| row.path == "parent.parent.parent.id"));
    let opened = BTreeSet::from(["parent.parent.parent".to_owned()]);
    let all = form.rows(&nested, &opened).expect("valid");
    assert!(matches!(row(&all, "parent.parent.parent.id").control, Control::Text { .. }));
}

#[test]
fn member_of_a_group_replaces_the_other_one() {
    let choice =
        |name: &str| SchemaField { one_of: Some("kind".into()), ..field(name, of(TypeKind::String, "string")) };
    let root = of(TypeKind::Record(vec![choice("a"), choice("b")]), "M");
    let form = SchemaForm::new(SchemaStructure { root, named: vec![] }, false);
    let edit = FormEdit::Set(true);
    assert_eq!(form.edit(r#"{"a": "x"}"#, &[member("b")], &edit).as_deref(), Some(r#"{"b": ""}"#));
}

#[test]
fn values_of_other_types_and_unknown_members_stay_and_are_marked() {
    let text = r#"{"id": true, "state": "OLD", "items": {}, "extra": [1]}"#;
    let rows = rows(&orders(), text);
    for path in ["id", "state", "items", "extra"] {
        assert!(row(&rows, path).is_mismatch, "{path}");
    }
    assert_eq!(row(&rows, "items").control, Control::Text { kind: TextKind::Json, text: "{}".into() });
    assert_eq!(edited(text, &[member("extra")], FormEdit::Remove), r#"{"id": true, "state": "OLD", "items": {}}"#);
    assert_eq!(orders().rows("{", &BTreeSet::new()).map_err(|spot| spot.line), Err(1));
}

#[test]
fn long_form_is_cut() {
    let text = format!(r#"{{"items": [{}]}}"#, vec!["{}"; 1000].join(","));
    let rows = rows(&orders(), &text);
    assert!(rows.is_cut && rows.rows.len() == MAX_ROWS);
}

#[test]
fn path_is_written_as_in_errors_of_the_bridge() {
    let steps = [member("items"), Step::Element(2), member("price"), member("a b")];
    assert_eq!(shown_path(&steps), r#"items[2].price["a b"]"#);
    assert_eq!(shown_path(&[]), "");
}

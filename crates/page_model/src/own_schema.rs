//! A schema from the user's own files, for records whose schema is in no registry.

use protocol::limits::SCHEMA_FILES;
use protocol::{AddSchema, RecordFormat, SchemaFile, SchemaLanguage, WireBytes};
use serde::Deserialize;

/// How much of the browser's local storage all own schemas may take: browsers allow 5 MiB for everything.
pub const MAX_SCHEMA_BYTES: usize = 512 * 1024;

/// Files of a compiled Protobuf schema (`protoc --descriptor_set_out`).
const DESCRIPTOR_ENDINGS: [&str; 4] = [".desc", ".pb", ".binpb", ".protoset"];

/// Why files are no schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSchemaError {
    NoFile,
    TooManyFiles,
    /// With what this browser already keeps, more than [`MAX_SCHEMA_BYTES`].
    TooLarge,
    /// The browser does not store more.
    NotStored,
}

/// The language of the schemas of a format; `None` for a format without schemas.
pub fn schema_language(format: RecordFormat) -> Option<SchemaLanguage> {
    SchemaLanguage::ALL.into_iter().find(|language| language.format() == format)
}

/// The schema in these files. The file that no other one uses is the schema itself.
pub fn add_schema(language: SchemaLanguage, files: Vec<(String, Vec<u8>)>) -> Result<AddSchema, OwnSchemaError> {
    match files.len() {
        0 => return Err(OwnSchemaError::NoFile),
        count if count > SCHEMA_FILES => return Err(OwnSchemaError::TooManyFiles),
        _ => {}
    }
    let is_used: Vec<bool> = (0..files.len()).map(|of| is_used_by_others(language, &files, of)).collect();
    let names: Vec<String> = (0..files.len()).map(|of| imported_name(&files, of)).collect();
    let mut files: Vec<_> = files.into_iter().zip(names).zip(is_used).collect();
    // Stable: otherwise in the order of the browser.
    files.sort_by_key(|(_, is_used)| !is_used);
    let file = |(((_, bytes), name), _): (((String, Vec<u8>), String), bool)| {
        let content = content(language, &name, bytes);
        SchemaFile { name, content }
    };
    Ok(AddSchema { language, files: files.into_iter().map(file).collect(), message: None })
}

/// The fields of the message as this browser keeps them.
pub fn schema_fields(schema: &AddSchema) -> String {
    serde_json::to_string(schema).unwrap_or_default()
}

/// The names of the files, the schema itself first.
pub fn file_names(schema: &AddSchema) -> String {
    schema.files.iter().rev().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn content(language: SchemaLanguage, name: &str, bytes: Vec<u8>) -> WireBytes {
    let lower = name.to_ascii_lowercase();
    let is_compiled =
        language == SchemaLanguage::Protobuf && DESCRIPTOR_ENDINGS.iter().any(|ending| lower.ends_with(ending));
    if is_compiled {
        return WireBytes::Base64(bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) => WireBytes::Text(text),
        Err(error) => WireBytes::Base64(error.into_bytes()),
    }
}

/// The texts between quotation marks in the other files.
fn quoted_in_others(files: &[(String, Vec<u8>)], of: usize) -> impl Iterator<Item = &str> {
    let others = files.iter().enumerate().filter(move |(at, _)| *at != of);
    let texts = others.filter_map(|(_, (_, bytes))| std::str::from_utf8(bytes).ok());
    texts.flat_map(|text| text.split(['"', '\'']))
}

/// Whether another file imports the file, or refers to the name of its schema.
fn is_used_by_others(language: SchemaLanguage, files: &[(String, Vec<u8>)], of: usize) -> bool {
    let (file_name, bytes) = &files[of];
    let own = declared_name(language, bytes);
    quoted_in_others(files, of).any(|quoted| {
        let is_declared = own.as_deref().is_some_and(|own| {
            quoted == own || quoted.rsplit(['.', '/']).next() == Some(own) || quoted.split('#').next() == Some(own)
        });
        is_declared || is_path_of(quoted, file_name)
    })
}

/// The path by which another file imports the file, of which the browser tells only the last part.
fn imported_name(files: &[(String, Vec<u8>)], of: usize) -> String {
    let file_name = &files[of].0;
    let path = quoted_in_others(files, of).find(|quoted| is_path_of(quoted, file_name));
    path.map_or(file_name.as_str(), without_fragment).to_owned()
}

fn is_path_of(quoted: &str, file_name: &str) -> bool {
    without_fragment(quoted).rsplit('/').next() == Some(file_name)
}

fn without_fragment(path: &str) -> &str {
    path.split('#').next().unwrap_or(path)
}

/// The name of an Avro type, or the `$id` of a JSON Schema.
fn declared_name(language: SchemaLanguage, bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Declared {
        #[serde(default)]
        name: Option<String>,
        #[serde(default, rename = "$id")]
        id: Option<String>,
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let declared = || protocol::from_json::<Declared>(text).ok();
    match language {
        SchemaLanguage::Avro => declared()?.name,
        SchemaLanguage::Json => declared()?.id,
        SchemaLanguage::Protobuf => None,
    }
    .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(language: SchemaLanguage, files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        let schema = add_schema(language, files).expect("a schema");
        schema.files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn imported_files_come_first_and_have_the_path_of_the_import() {
        let order = ("order.proto", "import \"shop/customer.proto\";\nmessage Order { Customer c = 1; }");
        let customer = ("customer.proto", "message Customer {}");
        let expected = ["shop/customer.proto", "order.proto"];
        assert_eq!(names(SchemaLanguage::Protobuf, &[order, customer]), expected);
        assert_eq!(names(SchemaLanguage::Protobuf, &[customer, order]), expected);
    }

    #[test]
    fn schema_that_another_one_names_is_not_the_schema_itself() {
        let order = ("a.avsc", r#"{"type":"record","name":"Order","fields":[{"name":"c","type":"shop.Customer"}]}"#);
        let customer = ("b.avsc", r#"{"type":"record","name":"Customer","namespace":"shop","fields":[]}"#);
        assert_eq!(names(SchemaLanguage::Avro, &[order, customer]), ["b.avsc", "a.avsc"]);
        let order = ("order.json", r#"{"properties":{"c":{"$ref":"customer.json#/definitions/C"}}}"#);
        let customer = ("customer.json", r#"{"$id":"https://shop/customer","definitions":{}}"#);
        assert_eq!(names(SchemaLanguage::Json, &[order, customer]), ["customer.json", "order.json"]);
    }

    #[test]
    fn compiled_schema_is_sent_in_base64_and_text_as_text() {
        let schema = |name: &str, bytes: &[u8]| {
            let files = vec![(name.to_owned(), bytes.to_vec())];
            schema_fields(&add_schema(SchemaLanguage::Protobuf, files).expect("a schema"))
        };
        assert!(schema("all.desc", b"\n\x02ab").contains(r#""base64":"CgJhYg==""#));
        assert!(schema("a.proto", b"message A {}").contains(r#""text":"message A {}""#));
        let kept = schema("a.proto", b"message A {}");
        let parsed: AddSchema = protocol::from_json(&kept).expect("the kept fields");
        assert_eq!(file_names(&parsed), "a.proto");
    }

    #[test]
    fn no_file_and_too_many_files_are_refused() {
        assert_eq!(add_schema(SchemaLanguage::Avro, Vec::new()), Err(OwnSchemaError::NoFile));
        let many = (0..=SCHEMA_FILES).map(|n| (n.to_string(), Vec::new())).collect();
        assert_eq!(add_schema(SchemaLanguage::Avro, many), Err(OwnSchemaError::TooManyFiles));
    }

    #[test]
    fn only_formats_with_schemas_have_a_language() {
        assert_eq!(schema_language(RecordFormat::JsonSchema), Some(SchemaLanguage::Json));
        assert_eq!(schema_language(RecordFormat::Json), None);
    }
}

//! The form with which a schema is registered.

use protocol::limits::SCHEMA_BYTES;
use protocol::{RegistryReference, SchemaDraft, SchemaLanguage, SchemaResult};

use super::schema_names::readable_schema;

#[derive(Clone, Debug, PartialEq)]
pub struct RegistrationForm {
    pub subject: String,
    pub language: SchemaLanguage,
    pub text: String,
    pub references: Vec<ReferenceRow>,
}

/// A reference as the user enters it. A row without any text is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceRow {
    pub name: String,
    pub subject: String,
    pub version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationError {
    NoSubject,
    NoText,
    /// The text has more than [`SCHEMA_BYTES`].
    TooLarge,
    /// The row of this index, from 0, lacks a name or a subject, or its version is not a number from 1.
    Reference(usize),
}

impl Default for RegistrationForm {
    fn default() -> Self {
        Self { subject: String::new(), language: SchemaLanguage::Avro, text: String::new(), references: Vec::new() }
    }
}

impl RegistrationForm {
    /// The next version of a subject begins with the text and the references of this one.
    pub fn next_version(subject: String, latest: Option<&SchemaResult>) -> Self {
        let Some(latest) = latest else { return Self { subject, ..Self::default() } };
        let row = |reference: &RegistryReference| ReferenceRow {
            name: reference.name.clone(),
            subject: reference.subject.clone(),
            version: reference.version.to_string(),
        };
        Self {
            subject,
            language: latest.language,
            text: readable_schema(latest.language, &latest.text),
            references: latest.references.iter().map(row).collect(),
        }
    }

    pub fn subject(&self) -> &str {
        self.subject.trim()
    }

    pub fn error(&self) -> Option<RegistrationError> {
        self.draft().err()
    }

    /// # Errors
    /// The first mistake.
    pub fn draft(&self) -> Result<SchemaDraft, RegistrationError> {
        if self.subject().is_empty() {
            return Err(RegistrationError::NoSubject);
        }
        if self.text.trim().is_empty() {
            return Err(RegistrationError::NoText);
        }
        if self.text.len() > SCHEMA_BYTES {
            return Err(RegistrationError::TooLarge);
        }
        let rows = self.references.iter().enumerate().filter(|(_, row)| !row.is_empty());
        let references = rows.map(|(at, row)| row.reference().ok_or(RegistrationError::Reference(at)));
        Ok(SchemaDraft {
            language: self.language,
            text: self.text.clone(),
            references: references.collect::<Result<_, _>>()?,
        })
    }
}

impl ReferenceRow {
    fn is_empty(&self) -> bool {
        [&self.name, &self.subject, &self.version].iter().all(|text| text.trim().is_empty())
    }

    fn reference(&self) -> Option<RegistryReference> {
        let (name, subject) = (self.name.trim().to_owned(), self.subject.trim().to_owned());
        let version = self.version.trim().parse().ok().filter(|version| *version > 0)?;
        (!name.is_empty() && !subject.is_empty()).then_some(RegistryReference { name, subject, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> RegistrationForm {
        RegistrationForm { subject: " orders-value ".into(), text: "\"string\"".into(), ..RegistrationForm::default() }
    }

    fn reference(name: &str, subject: &str, version: &str) -> ReferenceRow {
        ReferenceRow { name: name.into(), subject: subject.into(), version: version.into() }
    }

    #[test]
    fn form_names_its_first_mistake() {
        assert_eq!(form().error(), None);
        assert_eq!(RegistrationForm::default().error(), Some(RegistrationError::NoSubject));
        assert_eq!(RegistrationForm { text: " \n".into(), ..form() }.error(), Some(RegistrationError::NoText));
        let text = "x".repeat(SCHEMA_BYTES + 1);
        assert_eq!(RegistrationForm { text, ..form() }.error(), Some(RegistrationError::TooLarge));
        for wrong in [("a", "", "1"), ("", "s", "1"), ("a", "s", "0"), ("a", "s", "latest")] {
            let references = vec![ReferenceRow::default(), reference(wrong.0, wrong.1, wrong.2)];
            let form = RegistrationForm { references, ..form() };
            assert_eq!(form.error(), Some(RegistrationError::Reference(1)), "{wrong:?}");
        }
    }

    #[test]
    fn empty_reference_rows_are_left_out_and_names_are_trimmed() {
        let references = vec![reference(" ", "", ""), reference(" shop.Item ", "items", " 2 ")];
        let draft = RegistrationForm { references, ..form() }.draft().expect("a draft");
        let expected = RegistryReference { name: "shop.Item".into(), subject: "items".into(), version: 2 };
        assert_eq!(draft.references, [expected]);
    }

    #[test]
    fn next_version_begins_with_the_latest_one() {
        let latest = SchemaResult {
            subject: "orders-value".into(),
            version: 3,
            schema_id: 7,
            language: SchemaLanguage::Json,
            text: r#"{"type":"object"}"#.into(),
            references: vec![RegistryReference { name: "a".into(), subject: "b".into(), version: 1 }],
            referenced_by: Vec::new(),
            referenced_by_error: None,
            structure: None,
            structure_error: None,
        };
        let form = RegistrationForm::next_version("orders-value".into(), Some(&latest));
        assert_eq!((form.language, form.text.as_str()), (SchemaLanguage::Json, "{\n  \"type\": \"object\"\n}"));
        assert_eq!(form.references, [reference("a", "b", "1")]);
    }
}

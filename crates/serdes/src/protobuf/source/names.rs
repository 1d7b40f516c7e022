//! Limits the length of names. The full name of a type repeats the package and the names of all types around the type, and
//! the compiler keeps several copies, so that one long name could need gigabytes.

use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};
use protocol::limits::SCHEMA_NAME_BYTES;

use crate::error::SchemaError;
use crate::json_tree::clipped;

/// The size of all full names of a file together. A file with 60,000 fields has about 4 MiB.
const MAX_ALL_NAMES_BYTES: usize = 16 * 1024 * 1024;

/// Checks the words of a .proto file before the file is parsed: the parser already copies the name of a oneof for each field.
pub(super) fn check_text(path: &str, text: &str) -> Result<(), SchemaError> {
    let is_separator = |character: char| !character.is_alphanumeric() && character != '_';
    if text.split(is_separator).all(|word| word.len() <= SCHEMA_NAME_BYTES) {
        return Ok(());
    }
    // Long words in comments and strings are allowed.
    let code = super::without_comments_and_strings(text);
    let mut words = code.split(is_separator);
    words.find(|word| word.len() > SCHEMA_NAME_BYTES).map_or(Ok(()), |word| Err(too_long(path, word)))
}

/// Checks the full names of a file before the names are resolved.
pub(super) fn check(path: &str, file: &FileDescriptorProto) -> Result<(), SchemaError> {
    let mut names = Names { path, bytes: 0 };
    let package = names.add(0, file.package())?;
    for message in &file.message_type {
        names.message(package, message)?;
    }
    for item in &file.enum_type {
        names.enumeration(package, item)?;
    }
    for extension in &file.extension {
        names.add(package, extension.name())?;
    }
    for service in &file.service {
        let outer = names.add(package, service.name())?;
        for method in &service.method {
            names.add(outer, method.name())?;
        }
    }
    Ok(())
}

struct Names<'p> {
    path: &'p str,
    bytes: usize,
}

impl Names<'_> {
    /// `outer` is the length of the full name around the name. Returns the length of the full name.
    fn add(&mut self, outer: usize, name: &str) -> Result<usize, SchemaError> {
        let length = outer + usize::from(outer > 0) + name.len();
        if length > SCHEMA_NAME_BYTES {
            return Err(too_long(self.path, name));
        }
        self.bytes += length;
        if self.bytes > MAX_ALL_NAMES_BYTES {
            return Err(SchemaError::new(format!(
                "{}: the full names of the types and fields have more than {MAX_ALL_NAMES_BYTES} bytes together; choose shorter names, or \
                 split the schema",
                self.path
            )));
        }
        Ok(length)
    }

    fn message(&mut self, outer: usize, message: &DescriptorProto) -> Result<(), SchemaError> {
        let outer = self.add(outer, message.name())?;
        for field in message.field.iter().chain(&message.extension) {
            self.add(outer, field.name())?;
        }
        for oneof in &message.oneof_decl {
            self.add(outer, oneof.name())?;
        }
        for item in &message.enum_type {
            self.enumeration(outer, item)?;
        }
        // The decoder of descriptors and the check of brackets limit the depth.
        message.nested_type.iter().try_for_each(|nested| self.message(outer, nested))
    }

    fn enumeration(&mut self, outer: usize, item: &EnumDescriptorProto) -> Result<(), SchemaError> {
        self.add(outer, item.name())?;
        item.value.iter().try_for_each(|value| self.add(outer, value.name()).map(drop))
    }
}

fn too_long(path: &str, name: &str) -> SchemaError {
    SchemaError::new(format!(
        "{path}: the name `{}` has more than {SCHEMA_NAME_BYTES} bytes with its package and the types around; choose a shorter name",
        clipped(name)
    ))
}

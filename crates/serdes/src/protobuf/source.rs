//! Compiles .proto files, or descriptors of them, with the files that they import.

mod known_files;
mod names;

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost_reflect::DescriptorPool;
use prost_reflect::prost::Message;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::Compiler;
use protox::file::{File, FileResolver, GoogleFileResolver};

use self::known_files::KNOWN_FILES;
use crate::error::SchemaError;
use crate::json_tree::clipped;

/// A compiled schema: all types, and the names of the files that were given as the schema itself.
pub(super) struct Compiled {
    pub(super) pool: DescriptorPool,
    pub(super) roots: Vec<String>,
}

/// The files of a schema by the path with which they are imported.
#[derive(Default)]
struct Files(HashMap<String, File>);

/// How deep brackets may be nested in a .proto file: the parser uses the stack for each level.
const MAX_NESTING: usize = protocol::MAX_JSON_DEPTH;

/// Compiles one file, whose path is unknown.
pub(super) fn compile(text: &str, imports: &[(&str, &str)]) -> Result<Compiled, SchemaError> {
    let mut files = Files::default();
    for (path, text) in imports {
        files.add(path, text)?;
    }
    let root = match descriptor_in_base64(text) {
        // It has its own path.
        Some(bytes) => files.add_descriptors(&bytes)?,
        None => {
            let mut path = "schema.proto".to_owned();
            while files.0.contains_key(&path) {
                path.insert(0, '_');
            }
            files.0.insert(path.clone(), parse(&path, text)?);
            path
        }
    };
    files.compile(vec![root])
}

/// Compiles all files of a folder.
pub(super) fn compile_files(sources: &[(&str, &str)]) -> Result<Compiled, SchemaError> {
    let mut files = Files::default();
    for (path, text) in sources {
        files.add(path, text)?;
    }
    files.compile(sources.iter().map(|(path, _)| (*path).to_owned()).collect())
}

/// Takes a FileDescriptorProto or a FileDescriptorSet; the last file of a set is the schema, because imports come first.
pub(super) fn compile_descriptors(bytes: &[u8]) -> Result<Compiled, SchemaError> {
    let mut files = Files::default();
    let root = files.add_descriptors(bytes)?;
    files.compile(vec![root])
}

/// The bytes of a text that is base64; a .proto file always has a semicolon or a brace.
fn descriptor_in_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if text.is_empty() { None } else { BASE64.decode(text).ok() }
}

/// The files of a FileDescriptorProto or a FileDescriptorSet.
pub(super) fn descriptors(bytes: &[u8]) -> Result<Vec<FileDescriptorProto>, SchemaError> {
    // Field 1 of both is a length and bytes. As a file descriptor that is the path; of a set it begins with a control
    // character, the tag of the first file's path.
    let is_path = |path: &str| !path.is_empty() && !path.contains(char::is_control);
    match FileDescriptorProto::decode(bytes) {
        Ok(file) if is_path(file.name()) => Ok(vec![file]),
        _ => FileDescriptorSet::decode(bytes).map(|set| set.file).map_err(|error| {
            SchemaError::new(format!("neither a FileDescriptorProto nor a FileDescriptorSet: {error}"))
        }),
    }
}

impl Files {
    fn add(&mut self, path: &str, text: &str) -> Result<(), SchemaError> {
        let file = match descriptor_in_base64(text) {
            None => parse(path, text)?,
            Some(bytes) => match FileDescriptorProto::decode(&*bytes) {
                Ok(file) => {
                    names::check(path, &file)?;
                    FileDescriptorProto { name: Some(path.to_owned()), ..file }.into()
                }
                Err(error) => return Err(SchemaError::new(format!("{path}: invalid file descriptor: {error}"))),
            },
        };
        self.0.insert(path.to_owned(), file);
        Ok(())
    }

    /// Returns the name of the last file.
    fn add_descriptors(&mut self, bytes: &[u8]) -> Result<String, SchemaError> {
        let files = descriptors(bytes)?;
        let last = files.last().map(|file| file.name().to_owned());
        for file in files {
            names::check(&clipped(file.name()), &file)?;
            self.0.insert(file.name().to_owned(), file.into());
        }
        last.ok_or_else(|| SchemaError::new("the FileDescriptorSet has no files"))
    }

    fn compile(self, roots: Vec<String>) -> Result<Compiled, SchemaError> {
        let order = self.imports_first(&roots)?;
        let mut compiler = Compiler::with_file_resolver(self);
        for path in order.iter().chain(&roots) {
            compiler.open_file(path).map_err(|error| located(&error))?;
        }
        Ok(Compiled { pool: compiler.descriptor_pool(), roots })
    }

    /// The files in an order in which each file comes after its imports: the compiler itself would use the stack for a chain
    /// of imports.
    fn imports_first(&self, roots: &[String]) -> Result<Vec<String>, SchemaError> {
        let mut order = Vec::new();
        let mut is_done: HashMap<&str, bool> = HashMap::new();
        let mut open: Vec<(&str, &[String])> = Vec::new();
        for root in roots {
            let mut next = Some(root.as_str());
            loop {
                if let Some(path) = next.take()
                    && let Some(file) = self.0.get(path)
                {
                    match is_done.insert(path, false) {
                        None => open.push((path, &file.file_descriptor_proto().dependency)),
                        Some(true) => _ = is_done.insert(path, true),
                        Some(false) => {
                            return Err(SchemaError::new(format!("{path}: the file imports itself by its imports")));
                        }
                    }
                }
                match open.last_mut() {
                    None => break,
                    Some((_, [first, rest @ ..])) => {
                        next = Some(first);
                        if let Some(last) = open.last_mut() {
                            last.1 = rest;
                        }
                    }
                    Some((path, [])) => {
                        is_done.insert(path, true);
                        order.push((*path).to_owned());
                        open.pop();
                    }
                }
            }
        }
        Ok(order)
    }
}

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if let Some(file) = self.0.get(name) {
            return Ok(file.clone());
        }
        match KNOWN_FILES.iter().find(|(path, _)| *path == name) {
            Some((_, text)) => File::from_source(name, text),
            None => GoogleFileResolver::new().open_file(name),
        }
    }
}

fn parse(path: &str, text: &str) -> Result<File, SchemaError> {
    if nesting(text) > MAX_NESTING {
        return Err(SchemaError::new(format!("{path}: brackets are nested deeper than {MAX_NESTING} levels")));
    }
    names::check_text(path, text)?;
    let file = File::from_source(path, text).map_err(|error| {
        if text.lines().any(declares_edition) {
            return SchemaError::new(format!(
                "{path}: Protobuf editions are not supported; only proto2 and proto3 are"
            ));
        }
        located(&error)
    })?;
    names::check(path, file.file_descriptor_proto())?;
    Ok(file)
}

/// Whether the line is `edition = "2023";`, in place of `syntax = "proto3";`.
fn declares_edition(line: &str) -> bool {
    let value = line.trim_start().strip_prefix("edition").and_then(|rest| rest.trim_start().strip_prefix('='));
    value.is_some_and(|value| value.trim_start().starts_with(['"', '\'']))
}

/// The message with file, line and column, as far as they are known. Only the Debug form has them.
fn located(error: &protox::Error) -> SchemaError {
    let message = format!("{error:?}");
    SchemaError::new(match error.file() {
        Some(file) if !message.contains(file) => format!("{file}: {message}"),
        _ => message,
    })
}

/// How deep brackets are nested outside of comments and strings.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in code_bytes(text) {
        match byte {
            b'{' | b'[' | b'<' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b'>' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The text with a space in place of each comment and each string.
fn without_comments_and_strings(text: &str) -> String {
    String::from_utf8_lossy(&code_bytes(text).collect::<Vec<u8>>()).into_owned()
}

/// The bytes of the text, with a space in place of each comment and each string.
fn code_bytes(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let [byte, after @ ..] = rest else { return None };
        let skipped = match (byte, after) {
            (b'/', [b'/', ..]) | (b'#', _) => after.iter().position(|byte| *byte == b'\n'),
            (b'/', [b'*', comment @ ..]) => comment.windows(2).position(|end| end == b"*/").map(|at| at + 3),
            (quote @ (b'"' | b'\''), _) => string_length(*quote, after),
            _ => {
                rest = after;
                return Some(*byte);
            }
        };
        // Without an end, the rest is a comment or a string.
        rest = skipped.map_or(&[], |count| &after[count.min(after.len())..]);
        Some(b' ')
    })
}

/// The length of a string after its first quotation mark, the last one included.
fn string_length(quote: u8, text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter().enumerate();
    while let Some((i, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'\n' => return Some(i),
            _ if *byte == quote => return Some(i + 1),
            _ => {}
        }
    }
    None
}

/// Whether a file is known without being given.
pub(super) fn is_known(path: &str) -> bool {
    path.starts_with("google/protobuf/") || KNOWN_FILES.iter().any(|(known, _)| *known == path)
}

//! The comments of .proto files: what a form shows beside messages, fields and enums.

use std::collections::HashMap;

use prost_reflect::DescriptorPool;

/// The comments of all files of a schema. Descriptors have them only if they were compiled with `protoc --include_source_info`.
pub(super) struct Comments<'p>(HashMap<(&'p str, &'p [i32]), &'p str>);

impl<'p> Comments<'p> {
    pub(super) fn new(pool: &'p DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.file_descriptor_protos() {
            for location in file.source_code_info.iter().flat_map(|info| &info.location) {
                // Most comments are before what they describe; those of fields and enum values may be at the end of the line.
                let leading = location.leading_comments.as_deref().filter(|text| !text.trim().is_empty());
                if let Some(text) = leading.or(location.trailing_comments.as_deref()) {
                    comments.entry((file.name(), location.path.as_slice())).or_insert(text);
                }
            }
        }
        Self(comments)
    }

    /// The comment of what is at this path in the descriptor of a file.
    pub(super) fn of(&self, file: &str, path: &[i32]) -> Option<String> {
        let text = self.0.get(&(file, path))?;
        // Each line has the space after its slashes; in a block, also the indentation.
        let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
        let text = lines.join("\n");
        // What remains of `/** … */`.
        let text = text.strip_prefix('*').unwrap_or(&text).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

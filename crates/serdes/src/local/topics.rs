//! The schemas that the bridge's configuration has for topics.

use std::sync::Arc;

use protocol::{NamePattern, RecordPart, SchemaLanguage};

use super::{LocalSchema, SourceFile};
use crate::error::SchemaError;

/// A schema in the configuration of the bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSchema {
    pub language: SchemaLanguage,
    /// The path by which others import it, and the content, of each file. The last one is the schema itself.
    pub files: Vec<(String, Vec<u8>)>,
    /// The message type of Protobuf records; absent: the first one of the last file.
    pub message: Option<String>,
    /// What the page calls the schema, such as the name of the file.
    pub name: String,
}

/// The schemas for the topics whose names match one of the patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRule {
    pub topics: Vec<NamePattern>,
    pub key: Option<TopicSchema>,
    pub value: Option<TopicSchema>,
}

/// Compiled rules. The first rule that matches a topic and has a schema for the part counts.
#[derive(Debug, Default)]
pub struct TopicSchemas {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    topics: Vec<NamePattern>,
    key: Option<Arc<LocalSchema>>,
    value: Option<Arc<LocalSchema>>,
}

impl TopicSchemas {
    /// # Errors
    /// The name of the schema, and what is wrong with it.
    pub fn compile(rules: &[TopicRule]) -> Result<Self, SchemaError> {
        let rules = rules.iter().map(|rule| {
            let compile = |part: RecordPart, schema: &Option<TopicSchema>| match schema {
                Some(schema) => schema.compile(&rule.topics, part).map(Some),
                None => Ok(None),
            };
            let key = compile(RecordPart::Key, &rule.key)?;
            let value = compile(RecordPart::Value, &rule.value)?;
            Ok(Rule { topics: rule.topics.clone(), key, value })
        });
        Ok(Self { rules: rules.collect::<Result<_, SchemaError>>()? })
    }

    /// The schema for a part of the topic's records.
    pub fn get(&self, topic: &str, part: RecordPart) -> Option<&Arc<LocalSchema>> {
        let of_topic = self.rules.iter().filter(|rule| rule.topics.iter().any(|pattern| pattern.matches(topic)));
        of_topic.into_iter().find_map(|rule| match part {
            RecordPart::Key => rule.key.as_ref(),
            RecordPart::Value => rule.value.as_ref(),
        })
    }
}

impl TopicSchema {
    /// Compiles the schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), SchemaError> {
        self.compiled().map(drop)
    }

    fn compiled(&self) -> Result<LocalSchema, SchemaError> {
        let files: Vec<SourceFile<'_>> =
            self.files.iter().map(|(name, content)| SourceFile { name, content }).collect();
        LocalSchema::compile(self.language, &files, self.message.as_deref(), self.name.clone())
    }

    fn compile(&self, topics: &[NamePattern], part: RecordPart) -> Result<Arc<LocalSchema>, SchemaError> {
        self.compiled().map(Arc::new).map_err(|error| {
            let (name, part) = (&self.name, part.name());
            let topics: Vec<String> = topics.iter().map(|pattern| format!("{:?}", pattern.0)).collect();
            let topics = topics.join(", ");
            SchemaError::new(format!("the schema {name:?} for {part}s of the topics {topics} cannot be used: {error}"))
        })
    }
}

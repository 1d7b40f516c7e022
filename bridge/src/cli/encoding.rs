//! Typed keys and values for `bridge produce --value-schema`.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use protocol::{Encoding, ProduceRecord, RecordFormat, RecordPart, WireBytes};
use serdes::registry::Version;
use serdes::{Decoder, Encoder};

use super::failed;
use crate::config::{ConfigError, ProduceArgs, SubjectArg};
use crate::decoder;

/// Writes the JSON of keys and values in the formats of the command line.
#[derive(Default)]
pub struct RecordEncoder {
    key: Option<Arc<Encoder>>,
    value: Option<Arc<Encoder>>,
}

impl RecordEncoder {
    /// Loads the schemas. Connects to the registry only if one of them is there.
    pub async fn new(args: &ProduceArgs) -> anyhow::Result<Self> {
        let parts = [
            (RecordPart::Key, &args.key_schema, args.key_encoding, &args.key_message),
            (RecordPart::Value, &args.value_schema, args.value_encoding, &args.value_message),
        ];
        for (part, schema, encoding, message) in &parts {
            let is_plain = schema.is_none() && encoding.is_none_or(|encoding| encoding == RecordFormat::Raw);
            if is_plain && message.is_some() {
                let part = part.name();
                bail!("--{part}-message needs --{part}-schema, or --{part}-encoding protobuf");
            }
        }
        if parts.iter().all(|(_, schema, format, _)| schema.is_none() && format.is_none()) {
            return Ok(Self::default());
        }
        let registry = args.decode.registry.settings().map_err(|reason| ConfigError::registry(None, reason))?;
        let decoder = decoder::create(registry.as_ref(), &args.decode.schemas, args.decode.max_decoded_bytes)?;
        let decoder = Arc::new(decoder);
        let mut encoder = Self::default();
        for (part, schema, format, message) in parts {
            let Some(encoding) = encoding(&decoder, part, schema.as_ref(), format, message.clone()).await? else {
                continue;
            };
            let (decoder, topic) = (Arc::clone(&decoder), args.topic.to_string());
            // Loading a schema blocks the thread.
            let loaded = tokio::task::spawn_blocking(move || decoder.encoder(&topic, part, &encoding)).await?;
            let option = if schema.is_some() { "schema" } else { "encoding" };
            let loaded = loaded.map_err(failed).with_context(|| format!("--{}-{option}", part.name()))?;
            match part {
                RecordPart::Key => encoder.key = Some(loaded),
                RecordPart::Value => encoder.value = Some(loaded),
            }
        }
        Ok(encoder)
    }

    /// Replaces the JSON of key and value by their bytes. Null stays null.
    pub fn encode(&self, record: &mut ProduceRecord) -> anyhow::Result<()> {
        for (encoder, bytes, part) in
            [(&self.key, &mut record.key, RecordPart::Key), (&self.value, &mut record.value, RecordPart::Value)]
        {
            let (Some(encoder), Some(json)) = (encoder, bytes.as_kafka()) else { continue };
            let part = part.name();
            let json =
                std::str::from_utf8(json).map_err(|_| anyhow!("the {part} is not UTF-8 text, so it is no JSON"))?;
            let encoded = encoder.encode(json).map_err(|error| match error.path.is_empty() {
                true => anyhow!("the {part} does not fit: {}", error.message),
                false => anyhow!("the {part} does not fit at {}: {}", error.path, error.message),
            })?;
            *bytes = WireBytes::Base64(encoded);
        }
        Ok(())
    }
}

/// `None`: the part is produced as it is.
async fn encoding(
    decoder: &Decoder,
    part: RecordPart,
    schema: Option<&SubjectArg>,
    format: Option<RecordFormat>,
    message: Option<String>,
) -> anyhow::Result<Option<Encoding>> {
    let (format, subject) = match (schema, format) {
        (None, None | Some(RecordFormat::Raw)) => return Ok(None),
        (None, Some(format)) => (format, None),
        (Some(_), Some(RecordFormat::Raw)) => {
            let part = part.name();
            bail!("--{part}-encoding raw cannot be used with --{part}-schema: leave one of them out");
        }
        (Some(schema), Some(format)) => (format, Some(schema)),
        (Some(schema), None) => {
            let registry = decoder.registry().ok_or(ConfigError::NoRegistry)?;
            let version = schema.version.map_or(Version::Latest, Version::Number);
            let found = registry.client().version(&schema.subject, version).await;
            let found = found.map_err(|error| {
                failed(error.to_error_body(&format!("load the schema of the subject {:?}", schema.subject)))
            })?;
            (found.language.format(), Some(schema))
        }
    };
    Ok(Some(Encoding {
        format,
        subject: subject.map(|schema| schema.subject.clone()),
        version: subject.and_then(|schema| schema.version),
        message,
        schema: None,
    }))
}

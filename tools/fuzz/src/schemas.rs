//! Schemas of clients, and JSON written in them.

use ::protocol::{
    AddSchema, BinaryBatch, Decode, Encoding, RecordFormat, RecordPart, RecordView, SchemaFile, SchemaLanguage,
    TimestampType, WireBytes,
};
use serdes::Decoder;

/// The JSON of a structure may have this many bytes: it is bounded, whatever the schema.
const MAX_STRUCTURE_BYTES: usize = 4 << 20;

/// The first byte chooses the language. Up to the first zero byte follows the schema, and then a JSON text to write.
pub fn schemas(data: &[u8]) {
    let [language, rest @ ..] = data else { return };
    let language = SchemaLanguage::ALL[usize::from(*language) % SchemaLanguage::ALL.len()];
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let (schema, json) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let content = WireBytes::Base64(schema.to_vec());
    let file = SchemaFile { name: "schema".to_owned(), content };
    let decoder = Decoder::new(None, 1 << 20);
    let Ok(added) = decoder.add_schema(&AddSchema { language, files: vec![file], message: None }) else { return };
    let encoding =
        Encoding { format: language.format(), subject: None, version: None, message: None, schema: Some(added.schema) };
    // A JSON Schema may reference one that is not known, and a Protobuf schema may have no message.
    let Ok(encoder) = decoder.encoder("topic", RecordPart::Value, &encoding) else { return };
    let structure = encoder.structure().map(|structure| serde_json::to_string(&structure).expect("JSON").len());
    assert!(structure.is_none_or(|bytes| bytes <= MAX_STRUCTURE_BYTES), "a structure of {structure:?} bytes");
    let texts = [std::str::from_utf8(json).unwrap_or_default().to_owned(), encoder.example()];
    for text in texts {
        let Ok(bytes) = encoder.encode(&text) else { continue };
        let value_schema = Some(added.schema);
        let decode = Decode { value_schema, ..Decode::with_formats(RecordFormat::Raw, language.format()) };
        // What is larger than the limit stays as it is.
        let Some(read) = decoded(&decoder, decode, &bytes) else { continue };
        // A value of a union may fit several types when it is read without the name of its own.
        let Ok(again) = encoder.encode(&read) else { continue };
        let reread = decoded(&decoder, decode, &again);
        assert_eq!(reread.as_ref(), Some(&read), "written as {again:?} instead of {bytes:?}");
    }
}

/// The JSON of a value; `None` if it was not decoded.
fn decoded(decoder: &Decoder, decode: Decode, value: &[u8]) -> Option<String> {
    let mut batch = BinaryBatch::default();
    batch.push(RecordView {
        offset: 0,
        timestamp: None,
        timestamp_type: TimestampType::Create,
        key: None,
        value: Some(value),
        headers: std::iter::empty(),
    });
    let decoded = decoder.decode("topic", decode, &batch);
    let note = decoded.notes().get(decoded.notes_of(0).value)?;
    let json = decoded.iter().next().and_then(|record| record.value.map(<[u8]>::to_vec))?;
    note.is_decoded().then(|| String::from_utf8(json).expect("UTF-8"))
}

//! The JSON Schema of every message. Client messages are described as the bridge reads them, and the bridge's messages as
//! it writes them, so a type that both directions use has two definitions.

use std::collections::BTreeMap;

use protocol::{ClientMessage, RequestId, ServerMessage};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const CLIENT: &str = "client";
const SERVER: &str = "server";

/// The messages and types of one direction.
#[derive(Debug)]
pub struct Direction {
    /// The name of the type of each message, by wire name in the order of the protocol.
    pub messages: Vec<(&'static str, &'static str)>,
    /// The schema of each type.
    pub definitions: BTreeMap<String, Value>,
}

#[derive(Debug)]
pub struct Schemas {
    pub client: Direction,
    pub server: Direction,
}

impl Schemas {
    pub fn generate() -> Self {
        let settings = |direction: &str| {
            let path = format!("/$defs/{direction}");
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = path.into())
        };
        let mut client = settings(CLIENT).for_deserialize().into_generator();
        let client_messages = ClientMessage::schemas(&mut client);
        let mut server = settings(SERVER).for_serialize().into_generator();
        let server_messages = ServerMessage::schemas(&mut server);
        let names = |messages: Vec<(&'static str, &'static str, schemars::Schema)>| {
            messages.into_iter().map(|(name, of, _)| (name, of)).collect()
        };
        Self {
            client: Direction::new(names(client_messages), client, false),
            server: Direction::new(names(server_messages), server, true),
        }
    }

    /// The whole file.
    pub fn file(&self) -> String {
        let mut definitions = Map::new();
        definitions.insert(CLIENT.to_owned(), json!(self.client.definitions));
        definitions.insert(SERVER.to_owned(), json!(self.server.definitions));
        definitions.insert("client_message".to_owned(), self.client.any_message(CLIENT));
        definitions.insert("server_message".to_owned(), self.server.any_message(SERVER));
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ponte's wire protocol, version 1",
            "description": "The text frames on the WebSocket; docs/protocol.md is the specification. \
                `#/$defs/client_message` describes those of a client, `#/$defs/server_message` those of the bridge.",
            "anyOf": [{ "$ref": "#/$defs/client_message" }, { "$ref": "#/$defs/server_message" }],
            "$defs": definitions,
        });
        format!("{schema:#}\n")
    }
}

impl Direction {
    fn new(messages: Vec<(&'static str, &'static str)>, mut generator: SchemaGenerator, is_server: bool) -> Self {
        let mut definitions: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
        for definition in definitions.values_mut() {
            tidy(definition, is_server);
        }
        for (name, of) in &messages {
            if let Some(Value::Object(definition)) = definitions.get_mut(*of) {
                add_envelope(definition, name, is_server);
            }
        }
        Self { messages, definitions }
    }

    /// One of the messages of this direction.
    fn any_message(&self, direction: &str) -> Value {
        let references = self.messages.iter().map(|(_, of)| json!({ "$ref": format!("#/$defs/{direction}/{of}") }));
        json!({ "oneOf": references.collect::<Vec<_>>() })
    }

    /// The fields of a type in their order: name, schema, and whether the field is always present.
    pub fn fields<'d>(&self, definition: &'d Value) -> Vec<(&'d str, &'d Value, bool)> {
        let required = |name: &str| {
            definition["required"].as_array().is_some_and(|required| required.iter().any(|field| field == name))
        };
        let fields = definition["properties"].as_object().into_iter().flatten();
        fields.map(|(name, schema)| (name.as_str(), schema, required(name))).collect()
    }
}

/// Adds the fields that every message has.
fn add_envelope(definition: &mut Map<String, Value>, name: &str, is_server: bool) {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!({ "const": name }));
    let id = json!({
        "description": "The number of the request.", "type": "integer", "minimum": 0, "maximum": RequestId::MAX
    });
    fields.insert("id".to_owned(), id);
    if is_server {
        let more = json!({
            "description": "The lists of this message continue in the next one.", "type": "boolean", "const": true
        });
        fields.insert("more".to_owned(), more);
    }
    if let Some(Value::Object(own)) = definition.remove("properties") {
        fields.extend(own);
    }
    let mut required = vec![json!("type")];
    if let Some(Value::Array(own)) = definition.remove("required") {
        required.extend(own);
    }
    definition.insert("type".to_owned(), json!("object"));
    definition.insert("properties".to_owned(), fields.into());
    definition.insert("required".to_owned(), required.into());
}

/// Removes what is true of Rust's types, but not of the messages: formats without a meaning in JSON, and the null of a
/// field that the bridge leaves out instead.
fn tidy(schema: &mut Value, is_server: bool) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(|one| tidy(one, is_server)),
        Value::Object(members) => {
            if let Some(Value::String(description)) = members.get_mut("description") {
                // The line breaks of documentation comments have no meaning.
                *description =
                    description.split("\n\n").map(|lines| lines.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
            }
            if is_server {
                let required: Vec<Value> =
                    members.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
                if let Some(Value::Object(fields)) = members.get_mut("properties") {
                    let left_out = fields.iter_mut().filter(|(name, _)| !required.iter().any(|field| field == *name));
                    left_out.for_each(|(_, field)| without_null(field));
                }
            }
            members.values_mut().for_each(|member| tidy(member, is_server));
        }
        _ => {}
    }
}

fn without_null(field: &mut Value) {
    let Value::Object(members) = field else { return };
    if let Some(Value::Array(types)) = members.get("type") {
        let others: Vec<Value> = types.iter().filter(|of| *of != "null").cloned().collect();
        if let [only] = others.as_slice() {
            members.insert("type".to_owned(), only.clone());
        }
    }
    if let Some(Value::Array(choices)) = members.get("anyOf") {
        let others: Vec<Value> = choices.iter().filter(|of| of["type"] != "null").cloned().collect();
        if let [Value::Object(only)] = others.as_slice() {
            let only = only.clone();
            members.remove("anyOf");
            members.extend(only);
        }
    }
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
}

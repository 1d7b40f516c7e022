"""Writes records with Confluent's JSONSerializer."""

import json

from common import Writer, registry
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField

SCHEMA = json.dumps({
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Order",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "tags": {"type": "array"}},
    "required": ["id"],
})
KEY_SCHEMA = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Key", "type": "object"})



def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


writer = Writer()
client = registry()
serialize = JSONSerializer(SCHEMA, client)
serialize_key = JSONSerializer(KEY_SCHEMA, client)
for value in [{"id": 2**53 + 1, "name": "à \"我\"", "tags": [None, 1.5, {}]}, {"id": -1}]:
    key = {"id": value["id"]}
    writer.write(
        f"order {value['id']}",
        serialize(value, writer.context()),
        compact(value),
        key=serialize_key(key, writer.context(MessageField.KEY)),
        expected_key=compact(key),
    )
writer.finish()

"""Prints the values of a topic that Confluent's JSONDeserializer reads and checks against their schemas."""

from common import read_all, registry, to_json
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField

deserializer = JSONDeserializer(None, schema_registry_client=registry())


def deserialize(data, context):
    return data.hex() if context.field == MessageField.KEY else to_json(deserializer(data, context))


read_all(deserialize)

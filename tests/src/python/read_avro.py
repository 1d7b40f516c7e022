"""Prints the keys and values of a topic that Confluent's AvroDeserializer reads. Arguments: `key` and `value`, whichever are Avro."""

from common import ARGUMENTS, read_all, registry, to_json
from confluent_kafka.schema_registry.avro import AvroDeserializer

deserializer = AvroDeserializer(registry())


def deserialize(data, context):
    return to_json(deserializer(data, context)) if context.field in ARGUMENTS else data.hex()


read_all(deserialize)

"""Prints the values of a topic that Confluent's ProtobufDeserializer reads. Argument: the message type, such as `Order`."""

import functools

from common import ARGUMENTS, read_all, registry
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField
from google.protobuf import json_format
from proto_classes import shop

[NAME] = ARGUMENTS
message_type = functools.reduce(getattr, NAME.split("."), shop)
deserializer = ProtobufDeserializer(message_type, {"use.deprecated.format": False}, registry())


def deserialize(data, context):
    if context.field == MessageField.KEY:
        return data.hex()
    message = deserializer(data, context)
    return json_format.MessageToJson(message, always_print_fields_with_no_presence=True, indent=None)


read_all(deserialize)

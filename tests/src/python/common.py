"""What all scripts share: the command line, a producer that prints what it wrote, and JSON as the bridge writes it."""

import base64
import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, SerializationContext

BROKERS, REGISTRY, TOPIC, *ARGUMENTS = sys.argv[1:]


def registry():
    return SchemaRegistryClient({"url": REGISTRY})


class Writer:
    """Writes records to partition 0 of the topic and prints one line for each: what it is, and the JSON that a reader must get."""

    def __init__(self):
        self.producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True})
        self.lines = []

    def context(self, field=MessageField.VALUE, headers=None):
        return SerializationContext(TOPIC, field, headers)

    def write(self, what, value, expected, key=None, expected_key=None, headers=None, **more):
        line = {"what": what, "value": expected, "key": expected_key, **more}

        def written(error, message):
            assert error is None, f"{what}: {error}"
            line["offset"] = message.offset()

        self.lines.append(line)
        self.producer.produce(TOPIC, value=value, key=key, partition=0, headers=headers or [], on_delivery=written)

    def finish(self):
        left = self.producer.flush(25)
        assert left == 0, f"{left} records were not written"
        for line in self.lines:
            print(json.dumps(line))


def read_all(deserialize):
    """Prints the records of partition 0 until its end. `deserialize` gets the bytes of a key or value and the context."""
    consumer = Consumer({"bootstrap.servers": BROKERS, "group.id": "unused", "enable.auto.commit": False})
    _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=20)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    position = 0
    while position < end:
        message = consumer.poll(20)
        assert message is not None, f"no record at offset {position} of {end}"
        assert message.error() is None, message.error()
        position = message.offset() + 1
        line = {"offset": message.offset()}
        for name, field, data in [
            ("key", MessageField.KEY, message.key()),
            ("value", MessageField.VALUE, message.value()),
        ]:
            context = SerializationContext(TOPIC, field, message.headers() or [])
            line[name] = None if data is None else deserialize(data, context)
        print(json.dumps(line))
    consumer.close()


def to_json(value):
    """JSON in the bridge's mapping. Times have as many digits as Python keeps."""
    if isinstance(value, dict):
        members = (f"{json.dumps(name, ensure_ascii=False)}:{to_json(member)}" for name, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, bytes):
        return json.dumps(base64.b64encode(value).decode())
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.datetime):
        return json.dumps(value.isoformat(timespec="microseconds").replace("+00:00", "Z"))
    if isinstance(value, (datetime.date, datetime.time)):
        return json.dumps(value.isoformat())
    if isinstance(value, uuid.UUID):
        return json.dumps(str(value))
    if isinstance(value, float) and value != value:
        return '"NaN"'
    if value in (float("inf"), float("-inf")):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return json.dumps(value, ensure_ascii=False)

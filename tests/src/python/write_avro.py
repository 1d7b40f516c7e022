"""Writes a record for each type of Avro with Confluent's AvroSerializer."""

import datetime
import decimal
import json
import struct
import uuid

from common import TOPIC, Writer, registry
from confluent_kafka.schema_registry import Schema, SchemaReference
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2024, 2, 29, 13, 45, 59, 123000, UTC)
MOMENT_MICROS = datetime.datetime(2024, 2, 29, 13, 45, 59, 123456, UTC)


def logical(kind, logical_type, **more):
    return {"type": kind, "logicalType": logical_type, **more}


def record(name, *fields):
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields]}


COLOR = {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}
DECIMAL = logical("bytes", "decimal", precision=30, scale=3)
FIXED_DECIMAL = logical("fixed", "decimal", name="Price", size=6, precision=12, scale=2)
TREE = {
    "type": "record",
    "name": "shop.Tree",
    "fields": [
        {"name": "name", "type": "string"},
        {"name": "left", "type": ["null", "shop.Tree"], "default": None},
        {"name": "children", "type": {"type": "array", "items": "shop.Tree"}},
    ],
}

# What it is, the schema, the value, and the JSON.
CASES = [
    ("boolean", "boolean", True, "true"),
    ("int", "int", -(2**31), "-2147483648"),
    ("long", "long", 2**63 - 1, "9223372036854775807"),
    ("long beyond doubles", "long", 2**53 + 1, "9007199254740993"),
    ("float", "float", 0.10000000149011612, "0.1"),
    ("double", "double", 0.1 + 0.2, "0.30000000000000004"),
    ("NaN", "double", float("nan"), '"NaN"'),
    ("infinity", "float", float("-inf"), '"-Infinity"'),
    ("string", "string", 'à "我" \n\U0001f600', '"à \\"我\\" \\n\U0001f600"'),
    ("empty string", "string", "", '""'),
    ("bytes without a length", "bytes", b"\x00\xff", '"AP8="'),
    ("bytes in a record", record("B", ("data", "bytes")), {"data": b"\x00\xff"}, '{"data":"AP8="}'),
    ("fixed", {"type": "fixed", "name": "F", "size": 3}, b"abc", '"YWJj"'),
    ("enum", COLOR, "GREEN", '"GREEN"'),
    ("array", {"type": "array", "items": "int"}, [1, -2, 3], "[1,-2,3]"),
    ("empty array", {"type": "array", "items": "int"}, [], "[]"),
    ("map", {"type": "map", "values": "long"}, {"a": 1, "b è": 2}, '{"a":1,"b è":2}'),
    ("null of a union", record("N", ("a", ["null", "int"])), {"a": None}, '{"a":null}'),
    ("int of a union", record("N", ("a", ["null", "int"])), {"a": 5}, '{"a":5}'),
    ("string of a large union", record("U", ("a", ["null", "int", "string", COLOR])), {"a": "x"}, '{"a":"x"}'),
    ("enum of a union", record("V", ("a", ["null", COLOR])), {"a": "RED"}, '{"a":"RED"}'),
    (
        "record of a union of records",
        record("W", ("a", [record("X", ("x", "int")), record("Y", ("y", "int"))])),
        {"a": ("Y", {"y": 5})},
        '{"a":{"y":5}}',
    ),
    (
        "nested and recursive",
        TREE,
        {"name": "a", "left": {"name": "b", "left": None, "children": []}, "children": [
            {"name": "c", "left": None, "children": [{"name": "d", "left": None, "children": []}]}]},
        '{"name":"a","left":{"name":"b","left":null,"children":[]},"children":'
        '[{"name":"c","left":null,"children":[{"name":"d","left":null,"children":[]}]}]}',
    ),
    ("decimal", record("R", ("a", DECIMAL)), {"a": decimal.Decimal("-12.340")}, '{"a":-12.340}'),
    ("large decimal", record("R", ("a", DECIMAL)), {"a": decimal.Decimal("123456789012345678901234.567")}, '{"a":123456789012345678901234.567}'),
    ("decimal zero", record("R", ("a", DECIMAL)), {"a": decimal.Decimal("0.000")}, '{"a":0.000}'),
    ("decimal without a length", DECIMAL, b"\xcf\xcc", "-12.340"),
    ("fixed decimal", FIXED_DECIMAL, decimal.Decimal("-0.02"), "-0.02"),
    ("date", logical("int", "date"), datetime.date(1969, 12, 31), '"1969-12-31"'),
    ("time-millis", logical("int", "time-millis"), datetime.time(13, 45, 59, 123000), '"13:45:59.123"'),
    ("time-micros", logical("long", "time-micros"), datetime.time(0, 0, 0, 1), '"00:00:00.000001"'),
    ("timestamp-millis", logical("long", "timestamp-millis"), MOMENT, '"2024-02-29T13:45:59.123Z"'),
    ("timestamp-micros", logical("long", "timestamp-micros"), MOMENT_MICROS, '"2024-02-29T13:45:59.123456Z"'),
    ("timestamp-nanos", logical("long", "timestamp-nanos"), 1_709_214_359_123_456_789, '"2024-02-29T13:45:59.123456789Z"'),
    ("local-timestamp-millis", logical("long", "local-timestamp-millis"), MOMENT.replace(tzinfo=None), '"2024-02-29T13:45:59.123"'),
    ("local-timestamp-micros", logical("long", "local-timestamp-micros"), MOMENT_MICROS.replace(tzinfo=None), '"2024-02-29T13:45:59.123456"'),
    ("before 1970", logical("long", "timestamp-millis"), datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, UTC), '"1969-12-31T23:59:59.999Z"'),
    ("uuid", logical("string", "uuid"), uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
    ("duration", logical("fixed", "duration", name="D", size=12), struct.pack("<III", 1, 2, 3004), '"P1M2DT3.004S"'),
    ("unknown logical type", logical("string", "colour"), "x", '"x"'),
]


def subject_of(name):
    return lambda context, record_name: f"{TOPIC}-{name}"


writer = Writer()
client = registry()

for what, schema, value, expected in CASES:
    conf = {"subject.name.strategy": subject_of(what.replace(" ", "-"))}
    serialize = AvroSerializer(client, json.dumps(schema), conf=conf)
    writer.write(what, serialize(value, writer.context()), expected)

# A key and a value with schemas of their own.
key_schema = json.dumps(record("shop.OrderKey", ("id", "long")))
value_schema = json.dumps(record("shop.Order", ("id", "long"), ("customer", "string")))
key = AvroSerializer(client, key_schema)({"id": 7}, writer.context(MessageField.KEY))
value = AvroSerializer(client, value_schema)({"id": 7, "customer": "Ada"}, writer.context())
name = {"name": "shop.Order", "subject": f"{TOPIC}-value"}
writer.write("key and value", value, '{"id":7,"customer":"Ada"}', key=key, expected_key='{"id":7}', **name)

# A schema in three subjects: the order refers to a person, who refers to an address.
address = Schema(json.dumps(record("shop.Address", ("town", "string"))), "AVRO")
client.register_schema(f"{TOPIC}-address", address)
person = Schema(
    json.dumps(record("shop.Person", ("name", "string"), ("home", "shop.Address"))),
    "AVRO",
    [SchemaReference("shop.Address", f"{TOPIC}-address", 1)],
)
client.register_schema(f"{TOPIC}-person", person)
order = Schema(
    json.dumps(record("shop.Delivery", ("to", "shop.Person"), ("from", "shop.Address"))),
    "AVRO",
    [SchemaReference("shop.Person", f"{TOPIC}-person", 1), SchemaReference("shop.Address", f"{TOPIC}-address", 1)],
)
serialize = AvroSerializer(client, order, conf={"subject.name.strategy": subject_of("delivery")})
delivery = {"to": {"name": "Ada", "home": {"town": "Torino"}}, "from": {"town": "Pavia"}}
writer.write(
    "references across subjects",
    serialize(delivery, writer.context()),
    '{"to":{"name":"Ada","home":{"town":"Torino"}},"from":{"town":"Pavia"}}',
)


def id_in_header(payload, context, schema_id):
    """Confluent's serializer for headers needs a GUID, which only Confluent's registry gives; readers accept an id as well."""
    context.headers.append(("__value_schema_id", schema_id.id_to_bytes()))
    return payload


headers = [("trace", b"abc")]
conf = {"schema.id.serializer": id_in_header}
value = AvroSerializer(client, value_schema, conf=conf)({"id": 8, "customer": "Barbara"}, writer.context(headers=headers))
writer.write("id in a header", value, '{"id":8,"customer":"Barbara"}', headers=headers)

writer.finish()

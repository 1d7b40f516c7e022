"""Writes Protobuf records with Confluent's ProtobufSerializer: every scalar type, nested types, imports, well-known types."""

from common import Writer, registry
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField
from proto_classes import money, shop

writer = Writer()
client = registry()


def write(what, message, expected, **more):
    serialize = ProtobufSerializer(type(message), client, {"use.deprecated.format": False})
    name = message.DESCRIPTOR.full_name
    writer.write(what, serialize(message, writer.context()), expected, name=name, **more)


write(
    "every scalar type",
    shop.Scalars(
        d=0.1 + 0.2, f=0.1, i32=-(2**31), i64=2**63 - 1, u32=2**32 - 1, u64=2**64 - 1, s32=-1, s64=-(2**63),
        fixed_32=2**32 - 1, fixed_64=2**53 + 1, sf32=-2, sf64=-(2**53) - 1, b=True, text="à \"我\"", data=b"\x00\xff",
        color=shop.GREEN, limit=0,
    ),
    '{"d":0.30000000000000004,"f":0.1,"i32":-2147483648,"i64":9223372036854775807,"u32":4294967295,'
    '"u64":18446744073709551615,"s32":-1,"s64":-9223372036854775808,"fixed32":4294967295,"fixed64":9007199254740993,'
    '"sf32":-2,"sf64":-9007199254740993,"b":true,"text":"à \\"我\\"","data":"AP8=","color":"GREEN","limit":0}',
)
write(
    "absent fields",
    shop.Scalars(),
    '{"d":0.0,"f":0.0,"i32":0,"i64":0,"u32":0,"u64":0,"s32":0,"s64":0,"fixed32":0,"fixed64":0,"sf32":0,"sf64":0,'
    '"b":false,"text":"","data":"","color":"RED"}',
)
write(
    "special floats",
    shop.Scalars(d=float("nan"), f=float("inf"), color=7),
    '{"d":"NaN","f":"Infinity","i32":0,"i64":0,"u32":0,"u64":0,"s32":0,"s64":0,"fixed32":0,"fixed64":0,"sf32":0,"sf64":0,'
    '"b":false,"text":"","data":"","color":7}',
)
Line = shop.Order.Line
line = Line(sku="a-1", count=2, extras=[Line.Extra(note="gift")])
write(
    "nested types, maps, a oneof and an import",
    shop.Order(
        id=2**53 + 1, lines=[line, Line()], counts={"a": 1}, by_number={-5: Line(sku="b")},
        cash=money.Money(currency="EUR", cents=199),
    ),
    '{"id":9007199254740993,"lines":[{"sku":"a-1","count":2,"extras":[{"note":"gift"}]},{"sku":"","count":0,"extras":[]}],'
    '"counts":{"a":1},"byNumber":{"-5":{"sku":"b","count":0,"extras":[]}},"cash":{"currency":"EUR","cents":199}}',
)
write("third level of nesting", Line.Extra(note="x"), '{"note":"x"}')
write("second level of nesting", Line(sku="x"), '{"sku":"x","count":0,"extras":[]}')
write("type of the imported file", money.Money(currency="EUR", cents=-1), '{"currency":"EUR","cents":-1}')

known = shop.WellKnown(big={"value": 2**53 + 1}, text={"value": ""}, data={"value": b"\xff"}, empty={})
known.at.FromJsonString("2024-02-29T13:45:59.123456789Z")
known.took.FromJsonString("-1.5s")
known.any.Pack(money.Money(currency="EUR", cents=5))
# One key: the order of a map in the bytes is not defined.
known.struct.update({"a": [1, None, True, {"c": 1.5}]})
known.list.extend([1, "x"])
known.value.string_value = "v"
known.mask.FromJsonString("id,lines.sku")
write(
    "well-known types",
    known,
    '{"at":"2024-02-29T13:45:59.123456789Z","took":"-1.500s","any":{"@type":"type.googleapis.com/shop.Money",'
    '"currency":"EUR","cents":5},"struct":{"a":[1.0,null,true,{"c":1.5}]},"list":[1.0,"x"],"value":"v",'
    '"big":9007199254740993,"text":"","data":"/w==","mask":"id,lines.sku","empty":{}}',
)
write("no well-known types", shop.WellKnown(), "{}")

serialize_key = ProtobufSerializer(money.Money, client, {"use.deprecated.format": False})
key = serialize_key(money.Money(cents=3), writer.context(MessageField.KEY))
write("key and value", money.Money(cents=4), '{"currency":"","cents":4}', key=key, expected_key='{"currency":"","cents":3}')

writer.finish()

use proptest::prelude::*;

use super::decode;
use crate::json_writer::JsonWriter;

fn decoded(json: &str) -> Result<String, String> {
    let mut text = Vec::new();
    decode(json.as_bytes(), &mut JsonWriter::new(&mut text, 1_000_000)).map_err(|error| error.message)?;
    Ok(String::from_utf8(text).expect("UTF-8"))
}

const SCHEMA: &str = r#"{"type":"struct","optional":false,"name":"row","fields":[
    {"type":"int64","optional":false,"field":"id"},
    {"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"10"},"field":"price"},
    {"type":"int32","name":"org.apache.kafka.connect.data.Date","version":1,"field":"day"},
    {"type":"int32","name":"org.apache.kafka.connect.data.Time","field":"time"},
    {"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","field":"at"},
    {"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"micro"},
    {"type":"struct","name":"io.debezium.data.VariableScaleDecimal","fields":[{"type":"int32","field":"scale"},{"type":"bytes","field":"value"}],"field":"variable"},
    {"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"},"field":"days"},
    {"type":"map","keys":{"type":"string"},"values":{"type":"int32","name":"io.debezium.time.Date"},"field":"named"},
    {"type":"map","keys":{"type":"int32"},"values":{"type":"int32","name":"io.debezium.time.Date"},"field":"pairs"}]}"#;

fn with_schema(payload: &str) -> String {
    format!(r#"{{"schema":{SCHEMA},"payload":{payload}}}"#)
}

#[test]
fn logical_types_are_converted() {
    let payload = concat!(
        r#"{"id":12345678901234567890,"price":"AN8=","day":19844,"time":43200500,"at":1714564800500,"micro":-1,"#,
        r#""variable":{"scale":3,"value":"/w=="},"days":[0,null,-1],"named":{"a":1},"pairs":[[7,1]],"other":1.0}"#
    );
    let expected = concat!(
        r#"{"id":12345678901234567890,"price":2.23,"day":"2024-05-01","time":"12:00:00.5","at":"2024-05-01T12:00:00.5Z","#,
        r#""micro":"1969-12-31T23:59:59.999999Z","variable":-0.001,"days":["1970-01-01",null,"1969-12-31"],"#,
        r#""named":{"a":"1970-01-02"},"pairs":[[7,"1970-01-02"]],"other":1.0}"#
    );
    assert_eq!(decoded(&with_schema(payload)).as_deref(), Ok(expected));
}

#[test]
fn other_values_stay_as_they_are() {
    // In another order, numeric, null, and out of range.
    let payload = r#"{"at":9223372036854775807,"price":1.50,"day":null,"time":-1}"#;
    assert_eq!(decoded(&with_schema(payload)).as_deref(), Ok(payload));
    assert_eq!(decoded(&with_schema("null")).as_deref(), Ok("null"));
    assert_eq!(decoded(&with_schema("[1, 2]")).as_deref(), Ok("[1, 2]"));
    assert_eq!(decoded(r#"{"schema":null,"payload":{"a": 1}}"#).as_deref(), Ok(r#"{"a": 1}"#));
    assert_eq!(decoded(r#"{"payload":"x","schema":{"type":"string"}}"#).as_deref(), Ok("\"x\""));
}

#[test]
fn errors_name_the_field() {
    let refused = |payload: &str| decoded(&with_schema(payload)).expect_err(payload);
    assert_eq!(refused(r#"{"price":"?"}"#), "payload.price: \"?\" is not base64 with the digits of a decimal");
    assert_eq!(refused(r#"{"days":[0,1.5]}"#), "payload.days[1]: 1.5 is not an integer of 64 bits");
    assert_eq!(refused(r#"{"named":{"a b":[]}}"#), "payload.named[\"a b\"]: [] is not an integer of 64 bits");
    assert_eq!(
        refused(r#"{"day":99999999999}"#),
        "payload.day: 99999999999 is not days between the years 0000 and 9999"
    );
    assert_eq!(refused(r#"{"variable":1}"#), "payload.variable: 1 is not an object with `scale` and `value`");
    let error = decoded("{\"a\":1}").expect_err("no payload");
    assert_eq!(error, "the value is not an object with the members `schema` and `payload`");
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["1", "null", "\"AQ==\"", "-0.5e3", "true", "\"\\u0041\""]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 20, 4, |inner| {
        let name = prop::sample::select(vec!["id", "price", "days", "named", "pairs", "variable", "scale", "value"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_payload_is_valid_json_or_refused(payload in any_json()) {
        if let Ok(text) = decoded(&with_schema(&payload)) {
            prop_assert!(protocol::is_plain_json(&text), "{text}");
        }
    }

    #[test]
    fn any_text_does_not_panic(text in ".*") {
        let _ = decoded(&text);
    }
}

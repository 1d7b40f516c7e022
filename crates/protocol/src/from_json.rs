//! Reads JSON into types. An array is never a struct.
//!
//! serde_json reads a struct also from an array, field by field: `["a"]` would be a record with the value `a`. The adapter refuses this
//! at every depth. It only passes calls on, so it costs no time; the code that reads each struct from an array is left out, so it
//! costs no space either.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};

/// Use this instead of `serde_json::from_str`.
///
/// # Errors
/// If the text is not JSON, or not what `T` expects; an array is not what a struct expects.
pub fn from_json<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(ObjectsOnly(&mut json))?;
    json.end()?;
    Ok(value)
}

/// Use this instead of `serde_json::from_slice`.
///
/// # Errors
/// As [`from_json`], or if the bytes are not UTF-8.
pub fn from_json_bytes<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => from_json(text),
        Err(error) => Err(serde_json::Error::custom(error)),
    }
}

/// A deserializer that reads structs only from objects, and passes this on to everything inside.
struct ObjectsOnly<D>(D);

/// Wraps the visitor of a value.
struct Inside<V>(V);

/// Wraps the visitor of a struct.
struct Object<V>(V);

/// Wraps the seed of an element, and the access to elements.
struct Elements<S>(S);

/// The methods that only wrap the visitor.
macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(
            fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
                self.0.$method($($argument,)* Inside(visitor))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectsOnly<D> {
    type Error = D::Error;

    forward! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Object(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// The methods that pass a scalar on unchanged.
macro_rules! visit {
    ($($method:ident($type:ty))*) => {
        $(
            fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
                self.0.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visit! {
        visit_bool(bool)
        visit_i8(i8)
        visit_i16(i16)
        visit_i32(i32)
        visit_i64(i64)
        visit_i128(i128)
        visit_u8(u8)
        visit_u16(u16)
        visit_u32(u32)
        visit_u64(u64)
        visit_u128(u128)
        visit_f32(f32)
        visit_f64(f64)
        visit_char(char)
        visit_str(&str)
        visit_borrowed_str(&'de str)
        visit_string(String)
        visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8])
        visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(ObjectsOnly(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(ObjectsOnly(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Elements(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Elements(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Elements(variant))
    }
}

/// Every form but an object gets the error of `Visitor`'s default methods.
impl<'de, V: Visitor<'de>> Visitor<'de> for Object<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Elements(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Seq, &self as &dyn Expected))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Elements<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(ObjectsOnly(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Elements(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Elements(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Elements(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Elements<A> {
    type Error = A::Error;
    type Variant = Elements<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.0.variant_seed(Elements(seed))?;
        Ok((name, Elements(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Elements(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Inside(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Object(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i32,
        #[serde(default)]
        inner: Option<Box<Point>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Shape {
        Dot { x: i32 },
        At(Point),
        Pair(i32, i32),
    }

    #[test]
    fn array_is_not_a_struct_at_any_depth() {
        assert!(serde_json::from_str::<Point>("[1,null]").is_ok(), "serde_json has become strict");
        let refused = |text: &str, error: serde_json::Error| {
            assert!(error.to_string().contains("invalid type: sequence, expected struct"), "{text}: {error}");
            assert_eq!(error.line(), 1, "{text}: {error}");
        };
        for text in ["[1,null]", r#"{"x":1,"inner":[1,null]}"#, r#"{"x":1,"inner":{"x":1,"inner":[2,null]}}"#] {
            refused(text, from_json::<Point>(text).expect_err(text));
        }
        let text = r#"[{"x":1},[2,null]]"#;
        refused(text, from_json::<Vec<Point>>(text).expect_err(text));
        let text = r#"{"a":[2,null]}"#;
        refused(text, from_json::<BTreeMap<String, Point>>(text).expect_err(text));
        let text = r#"{"At":[2,null]}"#;
        refused(text, from_json::<Shape>(text).expect_err(text));
        let error = from_json::<Shape>(r#"{"Dot":[1]}"#).expect_err("an array");
        assert!(error.to_string().contains("invalid type: sequence"), "{error}");
    }

    #[test]
    fn everything_else_is_read_as_serde_json_does() {
        let point = Point { x: 1, inner: Some(Box::new(Point { x: 2, inner: None })) };
        assert_eq!(from_json::<Point>(r#"{"x":1,"inner":{"x":2}}"#).expect("a point"), point);
        assert_eq!(from_json::<Shape>(r#"{"Pair":[1,2]}"#).expect("a pair"), Shape::Pair(1, 2));
        assert_eq!(from_json::<(u8, String)>(r#"[1,"a"]"#).expect("a tuple"), (1, "a".to_owned()));
        assert_eq!(from_json::<&RawValue>(" [1, 2e3] ").expect("raw").get(), "[1, 2e3]");
        assert_eq!(from_json::<Vec<i128>>("[-1,18446744073709551616]").expect("numbers").len(), 2);
        assert_eq!(from_json_bytes::<&str>(b"\"a\"").expect("borrowed"), "a");
        assert!(from_json::<u8>("1 2").is_err() && from_json_bytes::<String>(b"\"\xff\"").is_err());
    }
}

//! JSON objects, read strictly: each key once at every level (RFC 8725 section 3.7 in spirit, RFC 7515 section 4).
//!
//! Must not know what the objects mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The text is not one JSON object in UTF-8 with each key once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not one JSON object, in UTF-8, with each key once")]
pub struct JsonError;

/// Reads one object; refuses duplicate keys at any level, other encodings than UTF-8, a byte order mark, anything
/// behind the object, and more than 128 levels.
///
/// # Errors
/// [`JsonError`].
pub fn strict_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match strict_value(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(JsonError),
    }
}

/// Reads any one value, as strictly.
///
/// # Errors
/// [`JsonError`].
pub fn strict_value(bytes: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice::<Strict>(bytes).map(|Strict(value)| value).map_err(|_| JsonError)
}

/// A JSON value in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict() {
        assert!(strict_object(br#" {"a":{"b":[1,{"c":null}]},"b":1.5} "#).is_ok());
        let deep = "{\"a\":".repeat(200) + "1" + &"}".repeat(200);
        let bad: [&[u8]; 12] = [
            b"",
            b"[]",
            b"1",
            b"null",
            br#"{"a":1,"a":1}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"{"a":[{"b":1,"\u0062":2}]}"#,
            b"{} x",
            b"\xef\xbb\xbf{}",
            b"{\0}\0",
            b"{\"a\":\"\xc0\x80\"}",
            deep.as_bytes(),
        ];
        // Else it is read as it is by everybody.
        let all = br#"{"a":[true,false,null,0,-1,-9223372036854775808,18446744073709551615,1.5,-2e3,"","\u00e9\n\"x"],"b":{}}"#;
        assert_eq!(strict_value(all), serde_json::from_slice(all).map_err(|_| JsonError));
        for bytes in bad {
            assert_eq!(strict_object(bytes), Err(JsonError), "{}", String::from_utf8_lossy(bytes));
        }
    }
}

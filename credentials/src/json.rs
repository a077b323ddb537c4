//! JSON that can be read in one way only: no member stands twice, at any depth.
//!
//! Libraries differ in whether the first or the last of two equal members counts (RFC 8725,
//! section 2.4 and RFC 8259, section 4), so a text that has them is refused before anyone reads
//! it. Depth is bounded.

use std::collections::BTreeSet;
use std::fmt;
#[cfg(feature = "classical")]
use std::marker::PhantomData;

#[cfg(feature = "classical")]
use serde::de::{Deserialize, value::MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Why bytes are not one unambiguous JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AmbiguousJson;

/// More nested than any token: objects and arrays inside each other.
const MAXIMUM_DEPTH: u8 = 8;

/// Checks that `bytes` are one JSON object in UTF-8 whose members are unique throughout.
pub(crate) fn check_object(bytes: &[u8]) -> Result<(), AmbiguousJson> {
    check_object_of(bytes, MAXIMUM_DEPTH)
}

/// The same, with at most so many levels of objects and arrays.
pub(crate) fn check_object_of(bytes: &[u8], levels: u8) -> Result<(), AmbiguousJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    // The first byte that is not white space tells an object from other values.
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    Unique { levels }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|_| AmbiguousJson)?;
    if is_object {
        Ok(())
    } else {
        Err(AmbiguousJson)
    }
}

/// Reads a member that is an object. A structure of serde can be read from an array as well, by the
/// order of its fields, which no standard has.
#[cfg(feature = "classical")]
pub(crate) fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads a structure from an object and from nothing else.
#[cfg(feature = "classical")]
struct Object<T>(PhantomData<T>);

#[cfg(feature = "classical")]
impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// Walks over a value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Unique {
    /// How many more levels may follow.
    levels: u8,
}

// === impl Unique ===

impl Unique {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let levels = self
            .levels
            .checked_sub(1)
            .ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member stands twice"));
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_objects_with_unique_members() {
        for text in [
            r"{}",
            r#" {"a":1} "#,
            r#"{"a":{"a":[{"a":null},{"a":1.5}]},"b":[-1,true,"x"]}"#,
            r#"{"a":"\u00e9"}"#,
        ] {
            assert_eq!(check_object(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_members_that_stand_twice_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[1,{"c":[{"a":1,"a":2}]}]}"#,
        ] {
            assert_eq!(check_object(text.as_bytes()), Err(AmbiguousJson), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_object() {
        for text in [
            "",
            " ",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{",
            "{}{}",
            "{} x",
            r#"{"a":1,}"#,
            "{'a':1}",
        ] {
            assert_eq!(check_object(text.as_bytes()), Err(AmbiguousJson), "{text}");
        }
        for bytes in [
            &b"{\"a\":\"\xff\"}"[..],
            b"{\"\xff\":1}",
            b"\xef\xbb\xbf{}",
            br#"{"a":"\ud800"}"#,
        ] {
            assert_eq!(check_object(bytes), Err(AmbiguousJson), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_bottomless_nesting() {
        let nested =
            |levels: usize| format!("{}{}{}", r#"{"a":"#.repeat(levels), 1, "}".repeat(levels));
        assert_eq!(check_object(nested(8).as_bytes()), Ok(()));
        assert_eq!(check_object(nested(9).as_bytes()), Err(AmbiguousJson));
        let arrays = format!(r#"{{"a":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(check_object(arrays.as_bytes()), Err(AmbiguousJson));
    }
}

//! Values between JSON and CEL. What CEL sees borrows the texts of the JSON that it is made of.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use cel::objects::{OptionalValue, Value as Answer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value as Json};

use super::LIST_ITEMS;
use crate::json::Text;

/// A value that expressions see.
pub struct Value<'v> {
    inner: Box<dyn Val + 'v>,
    is_cut: bool,
}

impl<'v> Value<'v> {
    /// Reads JSON. Whole numbers become `int`, so that `event.data.n + 1` works: cel's own conversion makes `uint` of
    /// them, which does not add to a literal. Only those that are no `int` become `uint`.
    ///
    /// # Errors
    /// The text is not JSON, or nests deeper than `serde_json` goes.
    pub fn read(json: &'v str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// Whether lists or objects in it were longer than [`LIST_ITEMS`].
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// A text.
    pub fn text(text: impl Into<Cow<'v, str>>) -> Self {
        Self::of(CelString::from(text.into()))
    }

    /// A number; for cel a `double`, even where it is whole.
    pub fn double(number: f64) -> Self {
        Self::of(CelDouble::from(number))
    }

    /// A list; at most [`LIST_ITEMS`] of it.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let items = items.into_iter().take(LIST_ITEMS).map(Self::into_inner);
        Self::of(CelList::from(items.collect::<Vec<_>>()))
    }

    /// An object; of two members with one name the later wins.
    pub fn object(members: impl IntoIterator<Item = (&'v str, Self)>) -> Self {
        let members = members
            .into_iter()
            .map(|(name, value)| (key(Cow::Borrowed(name)), value.into_inner()));
        Self::of(CelMap::from(members.collect::<HashMap<_, _>>()))
    }

    fn of(value: impl Val + 'v) -> Self {
        Self {
            inner: Box::new(value),
            is_cut: false,
        }
    }

    pub(crate) fn into_inner(self) -> Box<dyn Val + 'v> {
        self.inner
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn key(name: Cow<'_, str>) -> CelMapKey<'_> {
    CelMapKey::String(CelString::from(name))
}

impl<'de: 'v, 'v> Deserialize<'de> for Value<'v> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::of(CelNull))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Value::of(CelBool::from(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::of(CelInt::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(match i64::try_from(number) {
            Ok(whole) => Value::of(CelInt::from(whole)),
            // Not a double, in which ids that are near to each other would be one.
            Err(_) => Value::of(CelUInt::from(number)),
        })
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::of(CelDouble::from(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::text(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        let mut is_cut = false;
        while items.len() < LIST_ITEMS {
            let Some(item) = list.next_element::<Value<'de>>()? else {
                break;
            };
            is_cut |= item.is_cut;
            items.push(item.inner);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_cut = true;
        }
        Ok(Value {
            inner: Box::new(CelList::from(items)),
            is_cut,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = HashMap::new();
        let mut is_cut = false;
        while members.len() < LIST_ITEMS {
            let Some((Text(name), value)) = map.next_entry::<Text<'de>, Value<'de>>()? else {
                break;
            };
            is_cut |= value.is_cut;
            members.insert(key(name), value.inner);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            is_cut = true;
        }
        Ok(Value {
            inner: Box::new(CelMap::from(members)),
            is_cut,
        })
    }
}

/// A value of CEL as JSON. An optional value is what it holds, and null when it holds nothing.
///
/// Errors: a value that JSON does not have, such as bytes or an infinite number.
pub(super) fn json(value: Answer) -> Result<Json, String> {
    Ok(match value {
        Answer::Null => Json::Null,
        Answer::Bool(truth) => Json::Bool(truth),
        Answer::Int(whole) => Json::from(whole),
        Answer::UInt(whole) => Json::from(whole),
        Answer::Float(number) => {
            Json::Number(Number::from_f64(number).ok_or("it gave a number that is not finite")?)
        }
        Answer::String(text) => Json::String(Arc::unwrap_or_clone(text)),
        Answer::List(items) => {
            let items = Arc::unwrap_or_clone(items).into_iter();
            Json::Array(items.map(json).collect::<Result<_, _>>()?)
        }
        Answer::Map(map) => {
            let members = Arc::unwrap_or_clone(map.map).into_iter();
            let members = members.map(|(name, value)| Ok((name.to_string(), json(value)?)));
            Json::Object(members.collect::<Result<_, String>>()?)
        }
        Answer::Opaque(_) => {
            let optional: &OptionalValue = (&value).try_into().map_err(|_| no_json(&value))?;
            optional.value().cloned().map_or(Ok(Json::Null), json)?
        }
        other => return Err(no_json(&other)),
    })
}

fn no_json(value: &Answer) -> String {
    format!(
        "it gave a value of type {}, which JSON does not have",
        value.type_of()
    )
}

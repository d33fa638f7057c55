//! The messages in JSON: protobuf's mapping with OTLP's own rules (specification, "JSON Protobuf Encoding"). Names in
//! lowerCamelCase, 64-bit integers as numbers or texts, ids in hexadecimal; null and unknown members are as good as none.
//!
//! More than that is taken, because it is sent: names of severities, plain values for `AnyValue`, and `kvlistValue`
//! without its `values`, as the project's own `examples/events.json` has it.

use std::fmt;
use std::marker::PhantomData;

use domain::json::Text;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalars::{Base64, Double, Int, elements};
use super::wire::{AnyValue, ArrayValue, KeyValue, KeyValueList, Kind};
use crate::body::Elements;

/// `ExportLogsServiceRequest` around its log records.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    pub(super) resource_logs: Option<Vec<ResourceLogs<'a>>>,
}

/// `ResourceLogs`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceLogs<'a> {
    #[serde(borrow)]
    pub(super) resource: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "elements")]
    pub(super) scope_logs: Vec<ScopeLogs<'a>>,
}

/// `ScopeLogs`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct ScopeLogs<'a> {
    pub(super) scope: Option<&'a RawValue>,
    pub(super) log_records: Option<Elements<&'a RawValue>>,
}

/// A resource or a scope; nothing set when there is none.
pub(super) fn part<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> serde_json::Result<T> {
    raw.map_or_else(|| Ok(T::default()), |raw| serde_json::from_str(raw.get()))
}

/// A list that is there, be it null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    elements(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyKind).map(|kind| Self { kind })
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Option<Kind>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AnyValue such as {\"stringValue\": \"…\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        while let Some(Text(name)) = map.next_key()? {
            let found = match &*name {
                "stringValue" => map.next_value::<Option<String>>()?.map(Kind::Text),
                "boolValue" => map.next_value::<Option<bool>>()?.map(Kind::Bool),
                "intValue" => map
                    .next_value::<Option<Int>>()?
                    .map(|Int(number)| Kind::Int(number)),
                "doubleValue" => map
                    .next_value::<Option<Double>>()?
                    .map(|Double(number)| Kind::Double(number)),
                "arrayValue" => {
                    let values = map.next_value::<Option<Values<AnyValue>>>()?;
                    values.map(|Values(values)| Kind::List(ArrayValue { values }))
                }
                "kvlistValue" => {
                    let values = map.next_value::<Option<Values<KeyValue>>>()?;
                    values.map(|Values(values)| Kind::Map(KeyValueList { values }))
                }
                "bytesValue" => map
                    .next_value::<Option<Base64>>()?
                    .map(|Base64(bytes)| Kind::Bytes(bytes)),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            kind = found.or(kind);
        }
        Ok(kind)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Some(Kind::List(ArrayValue { values })))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Kind::Text(text.to_owned())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(Kind::Bool(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Kind::Int(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number)
            .map(|number| Some(Kind::Int(number)))
            .map_err(|_| E::custom(format!("{number} is out of range")))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Kind::Double(number)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// `{"values": […]}`, or the list itself.
struct Values<T>(Vec<T>);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Values<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Either<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a list `values`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = None;
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "values" => values = map.next_value::<Option<Vec<Option<T>>>>()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let values = values.unwrap_or_default().into_iter();
                Ok(values.map(Option::unwrap_or_default).collect())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element::<Option<T>>()? {
                    values.push(value.unwrap_or_default());
                }
                Ok(values)
            }
        }
        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

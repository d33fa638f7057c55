//! How JSON may write the scalars and lists of the messages: numbers as texts, null for nothing, ids in hexadecimal.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::hex;
use domain::json::Text;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// The elements of a list; null is as good as an empty list, and as an element with nothing set.
pub(super) fn elements<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let elements: Vec<Option<T>> = or_default(deserializer)?;
    Ok(elements.into_iter().map(Option::unwrap_or_default).collect())
}

/// Null is as good as nothing.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An integer as a number or a text.
pub(super) fn integer<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128> + Default,
{
    let expected = "an integer, as a number or a text";
    deserializer.deserialize_any(Integer {
        expected,
        kind: PhantomData,
    })
}

/// A time: nanoseconds since 1970, 0 for none.
pub(super) fn nanos<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let expected = "a time in nanoseconds since 1970, as a number or a text";
    deserializer.deserialize_any(Integer {
        expected,
        kind: PhantomData,
    })
}

struct Integer<T> {
    expected: &'static str,
    kind: PhantomData<T>,
}

impl<T: TryFrom<i128>> Integer<T> {
    fn fitting<E: Error>(number: i128) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::custom(format!("{number} is out of range")))
    }
}

impl<T: TryFrom<i128> + Default> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Self::fitting(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Self::fitting(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // Through text, which rounds and has no undefined cases; a double is exact enough for milliseconds.
        self.visit_str(&format!("{number:.0}"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        match text.trim_ascii() {
            "" => Ok(T::default()),
            number => Self::fitting(
                number
                    .parse()
                    .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))?,
            ),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// A severity's number, or its name in the protocol (`SEVERITY_NUMBER_ERROR2`). An unknown name is none.
pub(super) fn severity_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sent {
        Number(f64),
        Name(String),
        None,
    }
    Ok(match Sent::deserialize(deserializer)? {
        Sent::Number(number) => format!("{number:.0}").parse().unwrap_or_default(),
        Sent::Name(name) => name.parse().unwrap_or_else(|_| number_of(&name)),
        Sent::None => 0,
    })
}

fn number_of(name: &str) -> i32 {
    const FIRST: [(&str, i32); 6] = [
        ("TRACE", 1),
        ("DEBUG", 5),
        ("INFO", 9),
        ("WARN", 13),
        ("ERROR", 17),
        ("FATAL", 21),
    ];
    let name = name.strip_prefix("SEVERITY_NUMBER_").unwrap_or(name);
    let word = name.trim_end_matches(['2', '3', '4']);
    let step: i32 = name
        .strip_prefix(word)
        .and_then(|step| step.parse().ok())
        .unwrap_or(1);
    let first = FIRST.into_iter().find(|(known, _)| *known == word);
    first.map_or(0, |(_, first)| first + step - 1)
}

/// An id in hexadecimal, in either case. What is none is as good as nothing: an id is no reason to lose a record.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text: Option<Text<'_>> = Option::deserialize(deserializer)?;
    let text = text.map(|Text(text)| text).unwrap_or_default();
    let (pairs, rest) = text.as_bytes().as_chunks();
    let bytes: Option<Vec<u8>> = pairs.iter().copied().map(hex::byte).collect();
    Ok(bytes.filter(|_| rest.is_empty()).unwrap_or_default())
}

/// An integer as a number or a text.
#[derive(Deserialize)]
pub(super) struct Int(#[serde(deserialize_with = "integer")] pub(super) i64);

/// A number, or the text of one: `NaN` and `Infinity` are none in JSON.
pub(super) struct Double(pub(super) f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Sent {
            Number(f64),
            Text(String),
        }
        match Sent::deserialize(deserializer)? {
            Sent::Number(number) => Ok(Self(number)),
            Sent::Text(text) => text.trim().parse().map(Self).map_err(D::Error::custom),
        }
    }
}

/// Bytes in base64.
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(Self).map_err(D::Error::custom)
    }
}

//! The body as a whole: its text, its items, its bounds. What an item means is its format's business.
//!
//! Splitting a list into items and skipping what nobody asked for take no stack (`serde_json` skips with a loop),
//! so the depth bound is held per item, where it guards whoever reads `data` later, and one deep item does not
//! take the rest of its batch along.

use std::fmt;
use std::marker::PhantomData;

use domain::event::Event;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::Items;
use crate::refusal::{Place, Reason, Refusal};

/// Levels of JSON nesting that an item may have. Alerts have two or three; CEL and every later reader of `data`
/// recurse, and `serde_json` itself stops at 128.
pub const MAX_DEPTH: usize = 64;

/// Items that one body may have: 1 MiB of the smallest useful alerts (about 200 bytes each). Prometheus sends at
/// most 256 at once. Without it, a megabyte of `{},{},…` would cost a refusal for every three bytes.
pub const MAX_ITEMS: usize = 5_000;

/// The body's text without a byte order mark, which PowerShell likes to send.
pub(crate) fn text(body: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        Refusal::new(
            Reason::InvalidUtf8,
            format!("byte {at} is not UTF-8; send JSON as UTF-8"),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    if text.is_empty() {
        return Err(Refusal::new(Reason::EmptyBody, "the body is empty; send JSON"));
    }
    Ok(text)
}

/// Refuses a body of more than [`MAX_ITEMS`].
pub(crate) fn bounded<T>(items: &[T]) -> Result<(), Refusal> {
    if items.len() > MAX_ITEMS {
        let message = format!("more than {MAX_ITEMS} items in one body; send them in several requests");
        return Err(Refusal::new(Reason::TooManyItems, message));
    }
    Ok(())
}

/// The elements of a JSON list: read, or each as its own text. One more than allowed may be in it, never many more.
pub(crate) struct Elements<T>(pub(crate) Vec<T>);

impl<'a, T: Deserialize<'a>> Elements<T> {
    /// The list that is the whole body.
    pub(crate) fn of_body(text: &'a str) -> Result<Self, Refusal> {
        serde_json::from_str::<Self>(text)
            .map_err(|error| unreadable(&error))?
            .bounded()
    }
}

impl<T> Elements<T> {
    /// The same, unless there are too many.
    pub(crate) fn bounded(self) -> Result<Self, Refusal> {
        bounded(&self.0)?;
        Ok(self)
    }

    /// An item of each element, made with its place in the list of that name when it is asked for.
    pub(crate) fn items<'a>(
        self,
        list: &'static str,
        make: impl Fn(T, Place) -> Result<(Event<'a>, usize), Refusal> + 'a,
    ) -> Items<'a>
    where
        T: 'a,
    {
        let elements = self.0.into_iter().enumerate();
        Box::new(elements.map(move |(index, element)| make(element, Place::Element(list, index)).into()))
    }
}

impl<'a> Elements<&'a RawValue> {
    /// The elements' texts.
    pub(crate) fn texts(self) -> Vec<&'a str> {
        self.0.into_iter().map(RawValue::get).collect()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Elements<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Elements<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            // Go writes an empty slice that was never made as null.
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Elements(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::with_capacity(32);
                while elements.len() <= MAX_ITEMS {
                    match list.next_element()? {
                        Some(element) => elements.push(element),
                        None => return Ok(Elements(elements)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_any(List(PhantomData))
    }
}

/// What a whole body's `serde_json` error says to its sender.
pub(crate) fn unreadable(error: &serde_json::Error) -> Refusal {
    match error.classify() {
        Category::Data => Refusal::new(Reason::WrongShape, error.to_string()),
        Category::Eof => Refusal::new(
            Reason::InvalidJson,
            format!("the JSON ends too early ({error}); was the body cut off on its way?"),
        ),
        Category::Syntax | Category::Io => Refusal::new(
            Reason::InvalidJson,
            format!("not JSON: {error}; check quotes, commas and escapes there"),
        ),
    }
}

/// Reads one item's object. Its text must be JSON as far as `text` goes, which the list reader has seen to; in a
/// body of one object it is seen here.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str, place: Place) -> Result<T, Refusal> {
    if !text.starts_with('{') {
        // A body that is no JSON at all is told so; an element's text has been read as JSON.
        if matches!(place, Place::Body) {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| unreadable(&error))?;
        }
        return Err(Refusal::new(
            Reason::WrongShape,
            format!("{place}: {}, not an object", kind_of(text)),
        ));
    }
    if too_deep(text, MAX_DEPTH) {
        let message = format!("{place}: nested deeper than {MAX_DEPTH} levels; send less of it");
        return Err(Refusal::new(Reason::TooDeep, message));
    }
    serde_json::from_str(text).map_err(|error| match place {
        Place::Body => unreadable(&error),
        Place::Element(..) => Refusal::new(
            Reason::InvalidJson,
            format!("{place}: {error}, counted from the item's beginning"),
        ),
    })
}

/// The items of a body that is one object, or a list of them; `one` reads an object's text.
pub(crate) fn one_or_many<'a>(
    text: &'a str,
    one: impl Fn(&'a str, Place) -> Result<(Event<'a>, usize), Refusal> + 'a,
) -> Result<Items<'a>, Refusal> {
    match text.as_bytes().first() {
        Some(b'[') => {
            let objects = Elements::<&'a RawValue>::of_body(text)?;
            Ok(objects.items("", move |raw, place| one(raw.get(), place)))
        }
        Some(b'{') => match one(text, Place::Body) {
            // In a body of one object, what cannot be read is the body.
            Err(refusal) if matches!(refusal.reason, Reason::InvalidJson | Reason::TooDeep) => Err(refusal),
            item => Ok(Box::new(std::iter::once(item.into()))),
        },
        // Not JSON, or JSON of another kind: the parser says which.
        _ => match Elements::<IgnoredAny>::of_body(text) {
            Err(refusal) if refusal.reason == Reason::InvalidJson => Err(refusal),
            _ => Err(Refusal::new(
                Reason::WrongShape,
                format!(
                    "the body is {}; send an object, or a list of objects",
                    kind_of(text)
                ),
            )),
        },
    }
}

/// The text of each object of such a body.
pub(crate) fn texts_of_one_or_many(text: &str) -> Result<Vec<&str>, Refusal> {
    if text.starts_with('[') {
        Ok(Elements::of_body(text)?.texts())
    } else {
        Ok(vec![text])
    }
}

/// What kind of JSON value a text is, for a message.
pub(crate) fn kind_of(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a true or false",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

/// Whether a JSON text nests deeper than `limit`.
pub(crate) fn too_deep(text: &str, limit: usize) -> bool {
    openings(text) > limit && depth_beyond(text, limit)
}

/// Counts `{` and `[`, those inside of strings too: an upper bound of the depth, at many bytes a cycle.
fn openings(text: &str) -> usize {
    // Sums of 255 bytes cannot overflow a byte, and byte sums are what the compiler vectorises well.
    let sum = |part: &[u8]| {
        part.iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(u8::from(byte | 0x20 == b'{')))
    };
    text.as_bytes()
        .chunks(usize::from(u8::MAX))
        .map(|part| usize::from(sum(part)))
        .sum()
}

/// The exact answer, byte by byte; strings do not count.
fn depth_beyond(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

/// Moves behind the closing quote.
fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_nesting_and_not_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!too_deep(&nested(MAX_DEPTH), MAX_DEPTH));
        assert!(too_deep(&nested(MAX_DEPTH + 1), MAX_DEPTH));
        assert!(too_deep(&"{\"a\":".repeat(MAX_DEPTH + 1), MAX_DEPTH));
        assert!(!too_deep(&format!("[{}]", "{},".repeat(500)), MAX_DEPTH));
        let quoted = format!(r#"["{}\"{}"]"#, "[".repeat(100), "{".repeat(100));
        assert!(!too_deep(&quoted, MAX_DEPTH));
    }

    #[test]
    fn a_body_that_is_no_json_is_not_called_a_number() {
        let refusal = |text| object::<IgnoredAny>(text, Place::Body).err().unwrap();
        assert_eq!(refusal("disk full").reason, Reason::InvalidJson);
        assert_eq!(refusal("[1,").reason, Reason::InvalidJson);
        assert_eq!(refusal("5").reason, Reason::WrongShape);
        assert_eq!(refusal("5").message, "body: a number, not an object");
    }

    #[test]
    fn openings_counts_both_brackets_over_many_chunks() {
        assert_eq!(openings(&"{[ab".repeat(1000)), 2000);
    }

    #[test]
    fn a_byte_order_mark_is_no_error_and_an_empty_body_is() {
        assert_eq!(text(b"\xef\xbb\xbf{} \n").unwrap(), "{}");
        assert_eq!(text(b" \n").unwrap_err().reason, Reason::EmptyBody);
        assert_eq!(
            text(b"{\"a\":\"\xff\"}").unwrap_err().message,
            "byte 6 is not UTF-8; send JSON as UTF-8"
        );
    }
}

//! An event read from the JSON that [`Event::write_json`] writes, faster than serde does: the correlator reads every
//! event of the log, and reading was most of its work. What stands in another order or form is left to serde;
//! control characters in texts, which no writer of JSON leaves there, are not looked for.

use std::borrow::Cow;

use serde::Deserialize;

use crate::event::{Event, EventState, Head, Logged, Source};
use crate::hash::Hash128;
use crate::json::{Labels, Strings, Text};
use crate::names;
use crate::severity::Severity;
use crate::time::Time;

/// The first member, which has no comma before it.
const FIRST: &[u8; 5] = br#""id":"#;
/// Pairs or texts that a list begins with room for: alerts have about ten labels.
const ROOM: usize = 12;

impl<'a> Logged<'a> {
    /// Reads the head of the event that `text` is. `None` when it is not in the form that [`Event::write_json`] gives
    /// an event with an id; serde may read it all the same.
    pub fn read_json(text: &'a str) -> Option<Self> {
        let (_, head) = Reader::open(text)?.head()?;
        text.ends_with('}').then(|| Self::unread(head, text))
    }
}

impl<'a> Event<'a> {
    /// Reads the event that `text` is; `None` as for [`Logged::read_json`].
    pub fn read_json(text: &'a str) -> Option<Self> {
        let mut from = Reader::open(text)?;
        let (id, head) = from.head()?;
        // In the order in which they are written; the fields of a struct expression are evaluated as they stand.
        let event = Event {
            id,
            delivery_key: head.delivery_key,
            fingerprint: head.fingerprint,
            occurrence_key: head.occurrence_key,
            state: head.state,
            severity: head.severity,
            occurred_at: head.occurred_at,
            ends_at: head.ends_at,
            received_at: head.received_at,
            resources: head.resources,
            source: from.source(head.source)?,
            fingerprint_fields: from.optional(names::FINGERPRINT_FIELDS, Reader::strings)?,
            template: from.optional(names::TEMPLATE, Reader::string)?,
            namespace: from.optional(names::NAMESPACE, Reader::string)?,
            kind: from.optional(names::TYPE, Reader::string)?,
            severity_from: from.optional(names::SEVERITY_FROM, Reader::string)?,
            title: from.optional(names::TITLE, Reader::string)?,
            description: from.optional(names::DESCRIPTION, Reader::string)?,
            resource: from.optional(names::RESOURCE, Reader::string)?,
            service: from.optional(names::SERVICE, Reader::string)?,
            host: from.optional(names::HOST, Reader::string)?,
            team: from.optional(names::TEAM, Reader::string)?,
            environment: from.optional(names::ENVIRONMENT, Reader::string)?,
            account: from.optional(names::ACCOUNT, Reader::string)?,
            region: from.optional(names::REGION, Reader::string)?,
            labels: from.optional(names::LABELS, Reader::pairs)?,
            tags: from.optional(names::TAGS, Reader::strings)?,
            links: from.optional(names::LINKS, Reader::pairs)?,
            dimensions: from.optional(names::DIMENSIONS, Reader::value)?,
            data: from.optional(names::DATA, Reader::value)?,
            data_ref: from.optional(names::DATA_REF, Reader::string)?,
            traceparent: from.optional(names::TRACEPARENT, Reader::string)?,
        };
        (from.rest == "}").then_some(event)
    }
}

/// What is left to read. Every method is `None` when something else stands there.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn open(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('{')?;
        Some(Self { rest })
    }

    /// The id, and the head, of which the source's name is the last.
    fn head(&mut self) -> Option<(Cow<'a, str>, Head<'a>)> {
        let id = self.behind(FIRST)?.string()?;
        let head = Head {
            delivery_key: self.optional(names::DELIVERY_KEY, Self::string)?,
            fingerprint: self.behind(names::FINGERPRINT)?.quoted(Hash128::parse)?,
            occurrence_key: self.optional(names::OCCURRENCE_KEY, |from| from.quoted(Hash128::parse))?,
            state: self.behind(names::STATE)?.quoted(state)?,
            severity: self.behind(names::SEVERITY)?.quoted(severity)?,
            occurred_at: self.behind(names::OCCURRED_AT)?.quoted(time)?,
            ends_at: self.optional(names::ENDS_AT, |from| from.quoted(time))?,
            received_at: self.behind(names::RECEIVED_AT)?.quoted(time)?,
            resources: self.optional(names::RESOURCES, Self::strings)?,
            source: self.behind(names::SOURCE)?.behind(names::SOURCE_NAME)?.string()?,
        };
        Some((id, head))
    }

    /// The source behind its name.
    fn source(&mut self, name: Cow<'a, str>) -> Option<Source<'a>> {
        let source = Source {
            name,
            format: self.behind(names::SOURCE_FORMAT)?.string()?,
            reported: self.optional(names::SOURCE_REPORTED, Self::string)?,
        };
        self.passes(b"}").then_some(source)
    }

    /// Moves behind `text` if that stands next.
    #[inline]
    fn passes<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let passes = self.rest.as_bytes().first_chunk() == Some(text);
        if passes {
            self.rest = self.rest.get(N..).unwrap_or_default();
        }
        passes
    }

    /// The same, when `name` stands next and has been passed.
    #[inline]
    fn behind<const N: usize>(&mut self, name: &[u8; N]) -> Option<&mut Self> {
        self.passes(name).then_some(self)
    }

    /// What `read` reads behind `name`; nothing when that does not stand next.
    #[inline]
    fn optional<T: Default, const N: usize>(
        &mut self,
        name: &[u8; N],
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if self.passes(name) {
            read(self)
        } else {
            Some(T::default())
        }
    }

    /// Any JSON value.
    fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value = values.next()?.ok()?;
        self.rest = self.rest.get(values.byte_offset()..)?;
        Some(value)
    }

    #[inline]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let from = self.rest;
        self.passes(b"\"").then_some(())?;
        let (plain, rest) = self.rest.split_at_checked(plain_length(self.rest.as_bytes()))?;
        self.rest = rest;
        if self.passes(b"\"") {
            return Some(Cow::Borrowed(plain));
        }
        // It has escapes, which are serde's.
        self.rest = from;
        self.value().map(|Text(text)| text)
    }

    /// A text that `read` understands.
    fn quoted<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        read(&self.string()?)
    }

    fn strings(&mut self) -> Option<Strings<'a>> {
        let mut texts = Vec::with_capacity(ROOM);
        let mut separator = b"[";
        while self.passes(separator) {
            texts.push(self.string()?);
            separator = b",";
        }
        self.passes(b"]").then_some(Strings(texts))
    }

    fn pairs(&mut self) -> Option<Labels<'a>> {
        let mut pairs = Vec::with_capacity(ROOM);
        let mut separator = b"{";
        while self.passes(separator) {
            pairs.push((self.string()?, self.behind(b":")?.string()?));
            separator = b",";
        }
        self.passes(b"}").then(|| Labels::new(pairs))
    }
}

/// How many bytes come before the first quote or backslash, eight at a time (Mycroft's test for a zero byte, on the
/// difference to each of the two; exact for the first that is found).
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\');
    words.len() * 8 + tail.iter().position(special).unwrap_or(tail.len())
}

fn state(word: &str) -> Option<EventState> {
    const STATES: [EventState; 3] = [EventState::Firing, EventState::Resolved, EventState::Info];
    STATES.into_iter().find(|state| state.as_str() == word)
}

fn severity(word: &str) -> Option<Severity> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == word)
}

fn time(text: &str) -> Option<Time> {
    Time::parse(text).ok()
}

#[cfg(test)]
mod tests;

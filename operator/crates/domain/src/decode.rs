//! An event read from the JSON that [`Event::write_json`] writes, in a quarter of serde's time: the correlator reads
//! every event of the log, and reading was most of its work. What stands in another order or form is left to serde.

use std::borrow::Cow;

use serde::Deserialize;

use crate::event::{Event, EventState, Source};
use crate::hash::Hash128;
use crate::json::{Labels, RawJson, Strings, Text};
use crate::names;
use crate::severity::Severity;
use crate::time::Time;

/// Pairs or texts that a list begins with room for: alerts have about ten labels.
const ROOM: usize = 12;

impl<'a> Event<'a> {
    /// Reads the event that `text` begins with; also what follows it. `None` when it is not in the form that
    /// [`Event::write_json`] gives an event with an id; serde may read it all the same.
    pub fn read_json(text: &'a str) -> Option<(Self, &'a str)> {
        // The first member has the object's beginning for a comma.
        let rest = text.strip_prefix('{')?.strip_prefix(names::ID.get(1..)?)?;
        let mut from = Reader { rest };
        // In the order in which they are written; the fields of a struct expression are evaluated as they stand.
        let event = Event {
            id: from.string()?,
            delivery_key: from.text(names::DELIVERY_KEY)?,
            fingerprint: from.hash(names::FINGERPRINT)??,
            fingerprint_fields: from.list(names::FINGERPRINT_FIELDS)?,
            occurrence_key: from.hash(names::OCCURRENCE_KEY)?.unwrap_or_default(),
            state: from.state()?,
            namespace: from.text(names::NAMESPACE)?,
            source: from.source()?,
            kind: from.text(names::TYPE)?,
            severity: from.severity()?,
            severity_from: from.text(names::SEVERITY_FROM)?,
            title: from.text(names::TITLE)?,
            description: from.text(names::DESCRIPTION)?,
            resource: from.text(names::RESOURCE)?,
            resources: from.list(names::RESOURCES)?,
            service: from.text(names::SERVICE)?,
            host: from.text(names::HOST)?,
            team: from.text(names::TEAM)?,
            environment: from.text(names::ENVIRONMENT)?,
            account: from.text(names::ACCOUNT)?,
            region: from.text(names::REGION)?,
            labels: from.map(names::LABELS)?,
            tags: from.list(names::TAGS)?,
            links: from.map(names::LINKS)?,
            data: from.data()?,
            data_ref: from.text(names::DATA_REF)?,
            occurred_at: from.time(names::OCCURRED_AT)??,
            ends_at: from.time(names::ENDS_AT)?.unwrap_or_default(),
            received_at: from.time(names::RECEIVED_AT)??,
            traceparent: from.text(names::TRACEPARENT)?,
        };
        from.passes("}").then_some((event, from.rest))
    }
}

/// What is left to read. Every method is `None` when something else stands there.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Moves behind `text` if that stands next.
    #[inline]
    fn passes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
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
        let text = self.rest.strip_prefix('"')?;
        let end = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
        let (plain, rest) = text.split_at_checked(end)?;
        match rest.strip_prefix('"') {
            Some(rest) => {
                self.rest = rest;
                Some(Cow::Borrowed(plain))
            }
            None => self.value().map(|Text(text)| text),
        }
    }

    /// The text of a member; empty when it is not there.
    #[inline]
    fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        if self.passes(name) {
            self.string()
        } else {
            Some(Cow::Borrowed(""))
        }
    }

    /// A member in quotes that `read` understands; `Some(None)` when it is not there.
    fn quoted<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
        if self.passes(name) {
            read(&self.string()?).map(Some)
        } else {
            Some(None)
        }
    }

    fn hash(&mut self, name: &str) -> Option<Option<Hash128>> {
        self.quoted(name, Hash128::parse)
    }

    fn time(&mut self, name: &str) -> Option<Option<Time>> {
        self.quoted(name, |text| Time::parse(text).ok())
    }

    fn state(&mut self) -> Option<EventState> {
        const STATES: [EventState; 3] = [EventState::Firing, EventState::Resolved, EventState::Info];
        let known = |word: &str| STATES.into_iter().find(|state| state.as_str() == word);
        self.quoted(names::STATE, known)?
    }

    fn severity(&mut self) -> Option<Severity> {
        let known = |word: &str| {
            Severity::ALL
                .into_iter()
                .find(|severity| severity.as_str() == word)
        };
        self.quoted(names::SEVERITY, known)?
    }

    fn source(&mut self) -> Option<Source<'a>> {
        if !self.passes(names::SOURCE) || !self.passes(names::SOURCE_NAME) {
            return None;
        }
        let name = self.string()?;
        let source = Source {
            name,
            format: self.passes(names::SOURCE_FORMAT).then(|| self.string())??,
            reported: self.text(names::SOURCE_REPORTED)?,
        };
        self.passes("}").then_some(source)
    }

    fn list(&mut self, name: &str) -> Option<Strings<'a>> {
        if !self.passes(name) {
            return Some(Strings::default());
        }
        let mut texts = Vec::with_capacity(ROOM);
        let mut separator = "[";
        while self.passes(separator) {
            texts.push(self.string()?);
            separator = ",";
        }
        self.passes("]").then_some(Strings(texts))
    }

    fn map(&mut self, name: &str) -> Option<Labels<'a>> {
        if !self.passes(name) {
            return Some(Labels::default());
        }
        let mut pairs = Vec::with_capacity(ROOM);
        let mut separator = "{";
        while self.passes(separator) {
            let name = self.string()?;
            pairs.push((name, self.passes(":").then(|| self.string())??));
            separator = ",";
        }
        self.passes("}").then(|| Labels::new(pairs))
    }

    fn data(&mut self) -> Option<Option<RawJson<'a>>> {
        if self.passes(names::DATA) {
            self.value().map(Some)
        } else {
            Some(None)
        }
    }
}

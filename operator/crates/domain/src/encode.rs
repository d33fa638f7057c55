//! An event as JSON, written straight into bytes. The same text as serde's, which a property holds, but
//! faster: ingest encodes every event, the log's contract is JSON, and serde writes it in many small pieces.

use std::borrow::Cow;

use crate::event::Event;
use crate::hash::Hash128;
use crate::hex;
use crate::json::{Labels, Strings};
use crate::names;
use crate::time::Time;

/// What a byte becomes inside a JSON text: itself (0), `\u00xx` (`u`), or a backslash and this letter.
const ESCAPES: [u8; 256] = escapes();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn escapes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

impl Event<'_> {
    /// Appends the event's JSON to `out`.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut object = Object { out };
        object.text(names::ID, &self.id);
        object.text(names::DELIVERY_KEY, &self.delivery_key);
        object.hash(names::FINGERPRINT, self.fingerprint);
        if !self.occurrence_key.is_absent() {
            object.hash(names::OCCURRENCE_KEY, self.occurrence_key);
        }
        object.word(names::STATE, self.state.as_str());
        object.word(names::SEVERITY, self.severity.as_str());
        object.time(names::OCCURRED_AT, self.occurred_at);
        if !self.ends_at.is_epoch() {
            object.time(names::ENDS_AT, self.ends_at);
        }
        object.time(names::RECEIVED_AT, self.received_at);
        object.list(names::RESOURCES, &self.resources);
        object.source(self);
        object.list(names::FINGERPRINT_FIELDS, &self.fingerprint_fields);
        object.text(names::TEMPLATE, &self.template);
        object.text(names::NAMESPACE, &self.namespace);
        object.text(names::TYPE, &self.kind);
        object.text(names::SEVERITY_FROM, &self.severity_from);
        object.text(names::TITLE, &self.title);
        object.text(names::DESCRIPTION, &self.description);
        object.text(names::RESOURCE, &self.resource);
        object.text(names::SERVICE, &self.service);
        object.text(names::HOST, &self.host);
        object.text(names::TEAM, &self.team);
        object.text(names::ENVIRONMENT, &self.environment);
        object.text(names::ACCOUNT, &self.account);
        object.text(names::REGION, &self.region);
        object.map(names::LABELS, &self.labels);
        object.list(names::TAGS, &self.tags);
        object.map(names::LINKS, &self.links);
        if let Some(dimensions) = &self.dimensions {
            object.name(names::DIMENSIONS);
            dimensions.write_json(object.out);
        }
        if let Some(data) = &self.data {
            object.name(names::DATA);
            object.out.extend_from_slice(data.get().as_bytes());
        }
        object.text(names::DATA_REF, &self.data_ref);
        object.text(names::TRACEPARENT, &self.traceparent);
        object.out.push(b'}');
        // Each member brings the comma before it; the first one's becomes the object's beginning.
        if let Some(first) = out.get_mut(start) {
            *first = b'{';
        }
    }
}

/// An object being written; empty texts, lists and maps are left out. Names are given as they are written, comma,
/// quotes and colon: one copy of a known length instead of four pieces.
struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl Object<'_> {
    #[inline]
    fn name(&mut self, name: &[u8]) {
        self.out.extend_from_slice(name);
    }

    /// A text that needs no escapes.
    fn word(&mut self, name: &[u8], word: &str) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    #[inline]
    fn text(&mut self, name: &[u8], text: &str) {
        if !text.is_empty() {
            self.name(name);
            write_text(self.out, text);
        }
    }

    fn hash(&mut self, name: &[u8], hash: Hash128) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(&hash.hex());
        self.out.push(b'"');
    }

    fn time(&mut self, name: &[u8], at: Time) {
        self.name(name);
        self.out.push(b'"');
        at.write_rfc3339(self.out);
        self.out.push(b'"');
    }

    fn list(&mut self, name: &[u8], list: &Strings<'_>) {
        let texts: &[Cow<'_, str>] = &list.0;
        let Some((first, rest)) = texts.split_first() else {
            return;
        };
        self.name(name);
        self.out.push(b'[');
        write_text(self.out, first);
        for text in rest {
            self.out.push(b',');
            write_text(self.out, text);
        }
        self.out.push(b']');
    }

    fn map(&mut self, name: &[u8], map: &Labels<'_>) {
        if map.is_empty() {
            return;
        }
        self.name(name);
        let mut separator = b'{';
        for (name, value) in map.iter() {
            self.out.push(std::mem::replace(&mut separator, b','));
            write_text(self.out, name);
            self.out.push(b':');
            write_text(self.out, value);
        }
        self.out.push(b'}');
    }

    fn source(&mut self, event: &Event<'_>) {
        self.name(names::SOURCE);
        self.name(names::SOURCE_NAME);
        write_text(self.out, &event.source.name);
        self.name(names::SOURCE_FORMAT);
        write_text(self.out, &event.source.format);
        self.text(names::SOURCE_REPORTED, &event.source.reported);
        self.out.push(b'}');
    }
}

/// Writes a JSON text with serde's escapes.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_escaped(out, text);
    }
    out.push(b'"');
}

/// Whether nothing needs an escape, as in nearly every text.
fn is_plain(bytes: &[u8]) -> bool {
    // Eight at a time without leaving early, which the compiler makes one comparison of vectors.
    let eight = |chunk: &[u8; 8]| {
        let needs = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
        chunk.iter().fold(0, |found, byte| found | needs(*byte)) == 0
    };
    match bytes.last_chunk() {
        // The last eight overlap those before: no loop for what is left.
        Some(last) => eight(last) && bytes.as_chunks().0.iter().all(eight),
        None => bytes.iter().all(|byte| escape(*byte) == 0),
    }
}

fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| escape(*byte) != 0) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = tail.split_first() else {
            return;
        };
        match escape(byte) {
            b'u' => {
                let [high, low] = hex::digits(byte);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

fn escape(byte: u8) -> u8 {
    ESCAPES.get(usize::from(byte)).copied().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dimensions::{Amount, Dimensions, Urgency};
    use crate::event::{EventState, Logged, Source};
    use crate::json::RawJson;
    use crate::severity::Severity;
    use proptest::prelude::*;

    prop_compose! {
        /// Any event, its texts full of what needs an escape; for what reads events, too.
        pub(crate) fn event()(
            texts in prop::collection::vec(prop_oneof![Just(String::new()), any::<String>(), "[ -~\n\t\"\\\\\u{8}\u{c}\r\u{1}]{0,20}"], 21),
            list in prop::collection::vec(any::<String>(), 0..4),
            pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..5),
            (fingerprint, occurrence) in (any::<u128>(), prop_oneof![Just(0), any::<u128>()]),
            times in prop::array::uniform3(prop_oneof![Just(0_i64), 0..253_402_300_799_999_i64, -99_999_999_999_i64..0]),
            (state, severity, data, facts) in (0_usize..3, 0_usize..5, any::<bool>(), any::<bool>()),
        ) -> Event<'static> {
            let mut texts = texts.into_iter().map(Cow::<'static, str>::Owned);
            let mut text = || texts.next().unwrap();
            let pairs = || pairs.iter().map(|(a, b)| (Cow::Owned(a.clone()), Cow::Owned(b.clone()))).collect();
            let list = || Strings(list.iter().map(|text| Cow::Owned(text.clone())).collect());
            Event {
                id: text(), delivery_key: text(), namespace: text(), kind: text(), severity_from: text(), title: text(),
                description: text(), resource: text(), service: text(), host: text(), team: text(), environment: text(),
                account: text(), region: text(), traceparent: text(), data_ref: text(), template: text(),
                source: Source { name: text(), format: text(), reported: text() },
                fingerprint: fingerprint.into(), occurrence_key: occurrence.into(),
                fingerprint_fields: list(), resources: list(), tags: list(),
                labels: Labels::new(pairs()), links: Labels::new(pairs()),
                state: [EventState::Firing, EventState::Resolved, EventState::Info][state],
                severity: Severity::ALL[severity],
                dimensions: facts.then(|| Box::new(Dimensions {
                    urgency: Some(Urgency::Immediate), dates: vec![Time::from_millis(times[1])],
                    accounts: vec![text().into_owned()], hosts: Vec::new(),
                    amounts: vec![Amount { value: 12.into(), unit: "USD".to_owned() }],
                })),
                data: data.then(|| RawJson::of(&serde_json::json!({"a": [1, "b"]})).unwrap()),
                occurred_at: Time::from_millis(times[0]), ends_at: Time::from_millis(times[1]),
                received_at: Time::from_millis(times[2]),
            }
        }
    }

    proptest! {
        #[test]
        fn the_text_is_serdes_and_reads_back(event in event()) {
            let mut written = Vec::new();
            event.write_json(&mut written);
            let written = String::from_utf8(written).unwrap();
            prop_assert_eq!(&written, &serde_json::to_string(&event).unwrap());
            let head = Logged::from(event.clone()).head;
            let has_id = !event.id.is_empty();
            prop_assert_eq!(Logged::read_json(&written).map(|logged| logged.head), has_id.then_some(head));
            prop_assert_eq!(Event::read_json(&written), has_id.then_some(event));
        }
    }
}

//! Entries of the log on the wire: versioned JSON envelopes; events travel in packs.

use bytes::Bytes;
use domain::entry::PACK_EVENTS;
use domain::event::{Event, Logged};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of the envelope.
const VERSION: u16 = 1;
/// Bytes of a pack.
pub const PACK_BYTES: usize = 256 * 1024;
/// What stands before the events of a pack.
const PACK_HEAD: &str = "{\"v\":1,\"events\":[\n";
/// What stands after them.
const PACK_TAIL: &str = "\n]}";
/// What stands between them. An event is one line, so that a reader need not read it to find its end.
pub const SEPARATOR: &str = ",\n";
/// Bytes that an event has at least, to guess how many a pack has.
const EVENT_BYTES: usize = 256;

/// Packs from this size on are compressed. The events of a busy minute repeat each other: LZ4 makes a tenth of them for less
/// time than the server needs to checksum and store the rest. Smaller entries stay readable with any NATS tool.
const COMPRESSED_FROM: usize = 2 * 1024;
/// What a compressed payload begins with; JSON begins with `{`. Then come the JSON's length as 32 bits, little-endian, and
/// one LZ4 block.
const MAGIC: &[u8; 4] = b"LZ4\x01";
/// The largest payload that is opened, 2 MiB: a pack with one event of the largest size, and a margin.
const OPENED_BYTES: usize = 2 * 1024 * 1024;

/// A pack being filled: 1 to 256 encoded events of one namespace, at most 256 KiB.
#[derive(Debug)]
pub struct Pack {
    bytes: Vec<u8>,
    events: usize,
}

impl Default for Pack {
    fn default() -> Self {
        Self::new()
    }
}

impl Pack {
    /// An empty pack.
    pub fn new() -> Self {
        Self {
            bytes: PACK_HEAD.as_bytes().to_vec(),
            events: 0,
        }
    }

    /// Makes room for `bytes` bytes more, as far as a pack goes.
    pub fn reserve(&mut self, bytes: usize) {
        let room = PACK_BYTES.saturating_sub(self.bytes.len());
        self.bytes.reserve(bytes.min(room));
    }

    /// Whether an event of `bytes` encoded bytes fits. An empty pack takes any event.
    pub fn fits(&self, bytes: usize) -> bool {
        self.events == 0
            || (self.events < PACK_EVENTS
                && self.bytes.len() + SEPARATOR.len() + bytes + PACK_TAIL.len() <= PACK_BYTES)
    }

    /// Adds an encoded event.
    pub fn push(&mut self, event: &[u8]) {
        if self.events > 0 {
            self.bytes.extend_from_slice(SEPARATOR.as_bytes());
        }
        self.bytes.extend_from_slice(event);
        self.events += 1;
    }

    /// How many events it holds.
    pub const fn len(&self) -> usize {
        self.events
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// The payload: JSON, compressed when that pays.
    pub fn finish(mut self) -> Bytes {
        self.bytes.extend_from_slice(PACK_TAIL.as_bytes());
        if self.bytes.len() < COMPRESSED_FROM {
            return self.bytes.into();
        }
        let Ok(length) = u32::try_from(self.bytes.len()) else {
            return self.bytes.into();
        };
        let block = lz4_flex::block::compress(&self.bytes);
        let mut packed = Vec::with_capacity(MAGIC.len() + size_of_val(&length) + block.len());
        packed.extend_from_slice(MAGIC);
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&block);
        packed.into()
    }
}

/// A control entry: what a person or a rule's author did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Control {
    /// A rule as written.
    Rule {
        /// metadata.name.
        name: String,
        /// metadata.uid.
        uid: String,
        /// metadata.generation.
        generation: i64,
        /// The version that `spec` is written in.
        api_version: String,
        /// The object's spec.
        spec: Box<RawValue>,
    },
    /// A rule's object is gone.
    RuleDeleted {
        /// metadata.name.
        name: String,
        /// metadata.uid.
        uid: String,
    },
    /// A person closed an incident.
    Close {
        /// The incident's id.
        incident: String,
        /// The person's reason.
        reason: String,
        /// The person.
        by: String,
    },
}

/// What a payload of the log holds.
#[derive(Debug)]
pub enum LogPayload<'a> {
    /// Events of one namespace.
    Events(Vec<Logged<'a>>),
    /// A control entry.
    Control(Control),
    /// Time passed.
    Tick,
}

/// Why a payload is no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not the envelope's JSON.
    #[error("not a log entry: {0}")]
    Json(#[from] serde_json::Error),
    /// Of a version that this binary does not read.
    #[error("log entry version {0}; this binary reads version {VERSION}")]
    Version(u16),
    /// Empty, or more than one thing.
    #[error("a log entry holds exactly one of events, control, tick")]
    Shape,
    /// Compressed, and damaged.
    #[error("a compressed log entry is damaged")]
    Damaged,
    /// Not UTF-8.
    #[error("a log entry is not UTF-8: {0}")]
    Text(#[from] std::str::Utf8Error),
    /// More events than a position can tell apart.
    #[error("a pack of {0} events; at most {PACK_EVENTS} are allowed")]
    TooManyEvents(usize),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    v: u16,
    #[serde(borrow, default)]
    events: Option<Vec<Event<'a>>>,
    #[serde(default)]
    control: Option<Control>,
    #[serde(default)]
    tick: Option<Tick>,
}

#[derive(Serialize, Deserialize)]
struct Tick {}

/// Opens a payload: its JSON, decompressed into `scratch` where it has to be.
///
/// # Errors
/// The payload is damaged.
pub fn open<'a>(payload: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a str, EntryError> {
    let Some(packed) = payload.strip_prefix(MAGIC) else {
        return Ok(std::str::from_utf8(payload)?);
    };
    let (length, block) = packed.split_first_chunk().ok_or(EntryError::Damaged)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > OPENED_BYTES {
        return Err(EntryError::Damaged);
    }
    if scratch.len() < length {
        scratch.resize(length, 0);
    }
    let room = scratch.get_mut(..length).ok_or(EntryError::Damaged)?;
    let written = lz4_flex::block::decompress_into(block, room).map_err(|_| EntryError::Damaged)?;
    Ok(std::str::from_utf8(
        room.get(..written).ok_or(EntryError::Damaged)?,
    )?)
}

/// Reads a pack as [`Pack`] writes it. `None` for anything else, which is then decoded, or refused, with its reason.
fn read_pack(json: &str) -> Option<Vec<Logged<'_>>> {
    let text = json.strip_prefix(PACK_HEAD)?.strip_suffix(PACK_TAIL)?;
    let mut events = Vec::with_capacity(PACK_EVENTS.min(text.len() / EVENT_BYTES + 1));
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let event = match lines.peek() {
            Some(_) => line.strip_suffix(',')?,
            None => line,
        };
        events.push(Logged::read_json(event)?);
    }
    (events.len() <= PACK_EVENTS).then_some(events)
}

/// Decodes the JSON of a payload; the events borrow from it.
///
/// # Errors
/// The payload is no entry of a version that this binary reads.
pub fn decode(json: &str) -> Result<LogPayload<'_>, EntryError> {
    if let Some(events) = read_pack(json) {
        return Ok(LogPayload::Events(events));
    }
    let envelope: Envelope<'_> = serde_json::from_str(json)?;
    if envelope.v != VERSION {
        return Err(EntryError::Version(envelope.v));
    }
    match (envelope.events, envelope.control, envelope.tick) {
        (Some(events), None, None) if events.len() > PACK_EVENTS => {
            Err(EntryError::TooManyEvents(events.len()))
        }
        (Some(events), None, None) => Ok(LogPayload::Events(events.into_iter().map(Logged::from).collect())),
        (None, Some(control), None) => Ok(LogPayload::Control(control)),
        (None, None, Some(Tick {})) => Ok(LogPayload::Tick),
        _ => Err(EntryError::Shape),
    }
}

/// Encodes a control entry.
///
/// # Errors
/// JSON cannot say it; never for what [`Control`] holds.
pub fn encode_control(control: &Control) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Entry<'a> {
        v: u16,
        control: &'a Control,
    }
    serde_json::to_vec(&Entry { v: VERSION, control }).map(Bytes::from)
}

/// A tick's payload.
pub fn encode_tick() -> Bytes {
    Bytes::from_static(br#"{"v":1,"tick":{}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_reads_back_and_keeps_its_bounds() {
        let mut pack = Pack::new();
        let event = serde_json::to_vec(&Event {
            kind: "t".into(),
            ..Event::default()
        })
        .unwrap();
        while pack.fits(event.len()) {
            pack.push(&event);
        }
        assert_eq!(pack.len(), 256);
        let (payload, mut scratch) = (pack.finish(), Vec::new());
        assert!(payload.len() < 256 * event.len() / 8, "{} bytes", payload.len());
        let json = open(&payload, &mut scratch).unwrap();
        let LogPayload::Events(events) = decode(json).unwrap() else {
            panic!("events")
        };
        assert_eq!(events.len(), 256);
        assert!(read_pack(json).is_none(), "an event without an id is serde's");
        let mut full = Pack::new();
        full.push(&vec![b' '; PACK_BYTES]);
        assert!(!full.fits(1));
    }

    #[test]
    fn a_pack_of_events_with_ids_is_read_by_lines() {
        let event = Event {
            id: "01JFH0000000000000000000AA".into(),
            title: "a\nb\",".into(),
            ..Event::default()
        };
        let (mut pack, mut json) = (Pack::new(), Vec::new());
        event.write_json(&mut json);
        pack.push(&json);
        pack.push(&json);
        let (payload, mut scratch) = (pack.finish(), Vec::new());
        let read = read_pack(open(&payload, &mut scratch).unwrap()).unwrap();
        let events: Vec<_> = read
            .iter()
            .map(|logged| logged.event().unwrap().into_owned())
            .collect();
        assert_eq!(events, [event.clone(), event]);
    }

    #[test]
    fn what_is_no_entry_says_why() {
        assert!(matches!(decode("{"), Err(EntryError::Json(_))));
        assert!(matches!(
            decode(r#"{"v":9,"tick":{}}"#),
            Err(EntryError::Version(9))
        ));
        assert!(matches!(decode(r#"{"v":1}"#), Err(EntryError::Shape)));
        assert!(matches!(
            decode(std::str::from_utf8(&encode_tick()).unwrap()),
            Ok(LogPayload::Tick)
        ));
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_entry_is_an_error_and_never_a_panic(tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let payload = [MAGIC.as_slice(), &tail].concat();
            if let Ok(json) = open(&payload, &mut Vec::new()) {
                let _ = decode(json);
            }
        }
    }

    #[test]
    fn a_pack_of_version_1_is_read_for_ever_by_lines() {
        let events = read_pack(include_str!("../golden/pack.v1.json")).unwrap();
        // Their resources stand behind the head, where lines of today have no place for them.
        let resources = events
            .iter()
            .map(|logged| logged.event().map(|event| event.resources.0.len()));
        assert_eq!(resources.collect::<Vec<_>>(), [Some(2), Some(2)]);
        assert!(PACK_HEAD.starts_with(&format!("{{\"v\":{VERSION},")));
    }

    #[test]
    fn entries_of_version_1_are_read_for_ever() {
        for golden in [
            include_str!("../golden/events.v1.json"),
            include_str!("../golden/control.v1.json"),
        ] {
            for line in golden.lines() {
                decode(line).unwrap();
            }
        }
    }
}

//! Why an item, or a whole body, is not taken. A refusal is an answer to a person: what is wrong, where, and
//! what to do. It ends in the HTTP answer, in the dead letter and on stderr; its reason also in metrics.

use std::fmt;

use crate::cut;

/// How much of a sender's own text a message quotes, in bytes: enough to recognise it, too little to flood a log.
const QUOTED_BYTES: usize = 40;

/// Bytes of a message; what we say ourselves is shorter.
const MESSAGE_BYTES: usize = 800;

/// The closed list of reasons; a metric label and an answer's `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There are no bytes, or only white space.
    EmptyBody,
    /// The body is not UTF-8, which JSON must be (RFC 8259, section 8.1).
    InvalidUtf8,
    /// The text is not JSON, or ends too early.
    InvalidJson,
    /// JSON nested deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// More than [`crate::MAX_ITEMS`] items in one body.
    TooManyItems,
    /// JSON, but not the format's: another kind of value where the format has an object or a list.
    WrongShape,
    /// A required field is absent or empty.
    MissingField,
    /// A field is there and cannot be understood.
    InvalidField,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::EmptyBody,
        Self::InvalidUtf8,
        Self::InvalidJson,
        Self::TooDeep,
        Self::TooManyItems,
        Self::WrongShape,
        Self::MissingField,
        Self::InvalidField,
    ];

    /// The reason as answers and metrics spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyBody => "EmptyBody",
            Self::InvalidUtf8 => "InvalidUtf8",
            Self::InvalidJson => "InvalidJson",
            Self::TooDeep => "TooDeep",
            Self::TooManyItems => "TooManyItems",
            Self::WrongShape => "WrongShape",
            Self::MissingField => "MissingField",
            Self::InvalidField => "InvalidField",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why there is no event, for people. May quote a few bytes of the payload: redact it where the payload is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason from the closed list.
    pub reason: Reason,
    /// What, where (`alerts[8].labels.alertname`) and what to do.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: shortened(message.into()),
        }
    }

    /// A required field that is absent or empty; `advice` says what to send.
    pub(crate) fn missing(at: &Path<'_>, advice: &str) -> Self {
        Self::new(Reason::MissingField, format!("{at}: missing or empty; {advice}"))
    }

    /// A field that cannot be understood; `problem` says why and what would be.
    pub(crate) fn invalid(at: &Path<'_>, problem: impl fmt::Display) -> Self {
        Self::new(Reason::InvalidField, format!("{at}: {problem}"))
    }
}

/// A message whose middle is left out where it is long: readers of JSON quote what they did not expect at any length, and
/// say behind it what they did, and where. Cut between words, since half a secret would not be recognised as one when the
/// message is redacted.
fn shortened(message: String) -> String {
    if message.len() <= MESSAGE_BYTES {
        return message;
    }
    let head = cut::between_words(&message, MESSAGE_BYTES / 2);
    let tail = message.ceil_char_boundary(message.len() - MESSAGE_BYTES / 4);
    let tail = message.get(tail..).unwrap_or_default();
    let words = tail
        .split_once(char::is_whitespace)
        .map_or("", |(_, words)| words);
    format!("{head} … {words}")
}

/// Which item of the body: the body itself, or the n-th of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The body is the item.
    Body,
    /// An element of the list of that name; of the body itself when the name is empty.
    Element(&'static str, usize),
}

impl Place {
    /// The path of a field of this item.
    pub(crate) const fn field(self, field: &'static str) -> Path<'static> {
        Path {
            place: self,
            field,
            member: None,
        }
    }

    /// The path of a member of an object field of this item.
    pub(crate) const fn member<'n>(self, field: &'static str, member: &'n str) -> Path<'n> {
        Path {
            place: self,
            field,
            member: Some(member),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Element(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

/// A place in the body as people write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'n> {
    place: Place,
    field: &'static str,
    member: Option<&'n str>,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Body => f.write_str(self.field)?,
            place @ Place::Element(..) => write!(f, "{place}.{}", self.field)?,
        }
        match self.member {
            None => Ok(()),
            Some(name) if is_plain(name) => write!(f, ".{name}"),
            Some(name) => write!(f, "[{}]", Quoted(name)),
        }
    }
}

/// Whether a name needs no quotes in a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= QUOTED_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The beginning of a sender's text, escaped and in quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = cut::between_words(self.0, QUOTED_BYTES);
        write!(
            f,
            "{shown:?}{}",
            if shown.len() < self.0.len() { "…" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_loses_its_middle() {
        let quoted = "secret ".repeat(200);
        let message = format!("invalid type: string {quoted:?}, expected an account at line 2 column 1290");
        let shown = Refusal::new(Reason::WrongShape, message).message;
        assert!(shown.len() <= MESSAGE_BYTES, "{shown}");
        assert!(
            shown.starts_with("invalid type: string \"secret secret"),
            "{shown}"
        );
        assert!(
            shown.ends_with("secret \", expected an account at line 2 column 1290"),
            "{shown}"
        );
        let letters = Refusal::new(Reason::WrongShape, "ä".repeat(2000)).message;
        assert!(letters.len() <= MESSAGE_BYTES, "{letters}");
    }

    #[test]
    fn a_path_reads_like_the_payload() {
        assert_eq!(Place::Body.field("source").to_string(), "source");
        assert_eq!(Place::Element("", 3).field("source").to_string(), "[3].source");
        assert_eq!(
            Place::Element("alerts", 8).member("labels", "pod").to_string(),
            "alerts[8].labels.pod"
        );
        assert_eq!(
            Place::Element("alerts", 8)
                .member("labels", "a \"b\"")
                .to_string(),
            r#"alerts[8].labels["a \"b\""]"#
        );
    }

    #[test]
    fn quoted_text_is_short_and_escaped() {
        assert_eq!(Quoted("a\nb").to_string(), r#""a\nb""#);
        assert_eq!(
            Quoted(&"x".repeat(100)).to_string(),
            format!("\"{}\"…", "x".repeat(40))
        );
        assert_eq!(Quoted(&format!("is {}", "x".repeat(100))).to_string(), "\"is\"…");
    }
}

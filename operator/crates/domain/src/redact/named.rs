//! Names that say secret, with their values, in running text: `password=x`, `"apiKey": "x"`, `token: x`. Which
//! names and which values count, `names` knows.
//!
//! Read by hand behind a pattern for the names: a pattern for the values too would be searched again from inside
//! of each value that is no secret, and `token:a=token:a=…` of a megabyte would take hours. Here no byte is read
//! more than a few times.

use std::ops::Range;

use regex::Regex;

use super::REDACTED_START;
use super::names::{self, Named, is_random};

/// The end of a name that may say secret, a quote perhaps, and `=` or `:`.
pub(super) const HEAD: &str = concat!(
    r"(?i-u)(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|(?:api|access|secret|private|account|signing|routing)[_-]?key|credentials?|authorization|cookie)",
    r#"\\*["']? {0,4}[:=]"#,
);

/// Of these every [`HEAD`] contains one.
pub(super) const LITERALS: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "authorization",
    "cookie",
];

/// Bytes up to which a value may turn out to be no secret: a path, the name of an object (317 at most), a word. What
/// is longer is hidden unseen, so that no value is judged at length again and again.
const JUDGED_BYTES: usize = 512;

/// How often a byte may be read as part of a value: in each of the four kinds of quotes, and without.
const READINGS: usize = 5;

/// Where the values to hide are, in order and apart. `head` is the compiled [`HEAD`].
pub(super) fn secrets(text: &str, head: &Regex) -> Vec<Range<usize>> {
    Reader::new(text).secrets(head)
}

/// The whole name around the beginning of its end; it begins behind `from`.
fn name(text: &str, from: usize, end_starts: usize) -> Range<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let before = text.as_bytes().get(from..end_starts).unwrap_or_default();
    let behind = text.as_bytes().get(end_starts..).unwrap_or_default();
    let start = before
        .iter()
        .rposition(|byte| !is_name(byte))
        .map_or(0, |at| at + 1);
    let length = behind
        .iter()
        .position(|byte| !is_name(byte))
        .unwrap_or(behind.len());
    from + start..end_starts + length
}

fn is_secret(name: &str, sign: &str, value: &Value, text: &str) -> bool {
    let secret = text.get(value.range.clone()).unwrap_or_default();
    if secret.starts_with(REDACTED_START) {
        return false;
    }
    let Some(named) = names::of(name) else {
        return false;
    };
    // "token: expired" is prose: behind a colon without quotes only a password is believed without a digit.
    let is_prose = value.is_bare && !sign.contains(['=', '"', '\'']);
    secret.len() > JUDGED_BYTES
        || named.hides(secret)
            && (!is_prose || named == Named::Password || (!secret.contains('=') && is_random(secret)))
}

/// A value as it stands in a text.
struct Value {
    range: Range<usize>,
    /// Where the text goes on: behind a closing quote.
    after: usize,
    is_bare: bool,
}

/// Reads the values of a text from its beginning to its end.
struct Reader<'t> {
    text: &'t str,
    /// The last value without quotes: inside of it all others end where it does.
    bare: Range<usize>,
    /// Bytes of values read so far, at most [`READINGS`] times those of the text.
    read: usize,
}

impl<'t> Reader<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            text,
            bare: 0..0,
            read: 0,
        }
    }

    fn secrets(&mut self, head: &Regex) -> Vec<Range<usize>> {
        let (text, mut secrets, mut from) = (self.text, Vec::new(), 0);
        while let Some(found) = head.find_at(text, from) {
            let name = name(text, from, found.start());
            let sign = text.get(name.end..found.end()).unwrap_or_default();
            let Some(value) = self.value(found.end(), sign) else {
                from = found.end();
                continue;
            };
            if is_secret(text.get(name).unwrap_or_default(), sign, &value, text) {
                from = value.after;
                secrets.push(value.range);
            } else {
                // What was taken for a value may hold the next name: "bad token: password=x".
                from = value.range.start;
            }
        }
        debug_assert!(
            self.read <= READINGS * text.len(),
            "values are read again and again"
        );
        secrets
    }

    /// The value behind a sign that ends at `from`, in whatever quotes; `None` if there is none.
    fn value(&mut self, from: usize, sign: &str) -> Option<Value> {
        let behind = self.text.get(from..)?;
        let trimmed = behind.trim_start();
        let at = from + behind.len() - trimmed.len();
        let quoted = |quote: &str, length: usize| Value {
            range: at + quote.len()..at + quote.len() + length,
            // An unclosed value ends with its text.
            after: (at + 2 * quote.len() + length).min(self.text.len()),
            is_bare: false,
        };
        let value = if let Some(rest) = trimmed.strip_prefix("\\\"") {
            let length = rest.find(['"', '\\'])?;
            rest.get(length..)?.strip_prefix("\\\"")?;
            quoted("\\\"", length)
        } else if let Some(rest) = trimmed.strip_prefix('"') {
            quoted("\"", unescaped(rest))
        } else if let Some(rest) = trimmed.strip_prefix('\'') {
            quoted("'", rest.find('\'')?)
        } else if let Some(rest) = trimmed.strip_prefix('[').filter(|_| sign.contains('"')) {
            // A list in what is left of a JSON text.
            if rest.starts_with(REDACTED_START) {
                return None;
            }
            quoted("[", rest.find(']').unwrap_or(rest.len()))
        } else {
            return self.bare(at, trimmed);
        };
        self.read += value.after.saturating_sub(from);
        Some(value).filter(|value| !value.range.is_empty())
    }

    fn bare(&mut self, at: usize, trimmed: &str) -> Option<Value> {
        if !self.bare.contains(&at) {
            let ends = |letter: char| letter.is_whitespace() || "\"'&;,<>{}[]()\\".contains(letter);
            self.bare = at..at + trimmed.find(ends).unwrap_or(trimmed.len());
            self.read += self.bare.len();
        }
        let value = Value {
            range: at..self.bare.end,
            after: self.bare.end,
            is_bare: true,
        };
        Some(value).filter(|value| !value.range.is_empty())
    }
}

/// The length of a JSON string's inside up to its closing quote, an escape that is none, or the end.
fn unescaped(inside: &str) -> usize {
    let mut bytes = inside.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at,
            b'\\' if bytes.next().is_none_or(|(_, escaped)| escaped == b'\n') => return at,
            _ => {}
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(text: &str) -> Vec<&str> {
        let secrets = secrets(text, &Regex::new(HEAD).unwrap());
        secrets.into_iter().map(|range| &text[range]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// What [`Reader`] asserts of every text.
        #[test]
        fn no_text_is_read_more_than_a_few_times(unit in prop::collection::vec(prop::sample::select(vec![
            "token", "password", "secret", "key", "=", ":", "/", "a", "1", " ", "\"", "\\\"", "'", "\\", "[", "]",
            "<", "${", "\n", "[redacted",
        ]), 1..8)) {
            hidden(&unit.concat().repeat(2000));
        }
    }

    #[test]
    fn values_that_hold_the_next_name_are_read_once() {
        let heads = Regex::new(HEAD).unwrap();
        for unit in [
            "token:a=",
            "password=/",
            "secret:a=",
            "token=\"<\\\"",
            "token='<",
            "\"token\":[[redacted",
        ] {
            let text = unit.repeat(10_000);
            let mut reader = Reader::new(&text);
            reader.secrets(&heads);
            assert!(reader.read <= 2 * text.len(), "{unit}: {} bytes", reader.read);
        }
    }

    #[test]
    fn what_is_left_of_a_json_text_loses_its_lists_too() {
        assert_eq!(
            hidden(r#"{"tokens": 1, "token": ["a", "b"], "password": ["c"#),
            [r#""a", "b""#, r#""c"#]
        );
        assert!(hidden("token: [see below]").is_empty());
    }
}

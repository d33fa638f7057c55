//! Binary mode: attributes in `ce-` headers, and the data, of whatever type, as the body.

use std::borrow::Cow;

use domain::json::RawJson;

use super::{Attributes, Paths, Sent, payload};
use crate::field::Field;
use crate::refusal::{Reason, Refusal};
use crate::{Input, percent};

const PREFIX: &str = "ce-";

/// What a caller gives for the value of a `ce-` header that is not UTF-8: its attribute must not be lost in silence.
pub const NOT_UTF8: &str = "\u{fffd}";

/// The headers of the attributes that make a request an event in binary mode.
const REQUIRED: [&str; 4] = ["ce-specversion", "ce-id", "ce-source", "ce-type"];

/// Whether a request has attributes in its headers.
pub(super) fn has_attributes(input: &Input<'_>) -> bool {
    REQUIRED.into_iter().any(|name| input.header(name).is_some())
}

/// The header of an attribute.
pub(super) const fn header_of(attribute: &'static str) -> &'static str {
    match attribute.as_bytes() {
        b"specversion" => "ce-specversion",
        b"id" => "ce-id",
        b"source" => "ce-source",
        b"type" => "ce-type",
        b"subject" => "ce-subject",
        b"time" => "ce-time",
        _ => attribute,
    }
}

/// The data, by the type that `Content-Type` says.
pub(super) fn data<'a>(input: &Input<'a>) -> Result<Option<RawJson<'a>>, Refusal> {
    payload::of_bytes(input.body, input.header("content-type").unwrap_or_default())
}

/// The attributes and the extensions.
pub(super) fn attributes<'a>(input: &Input<'a>) -> Result<Sent<'a>, Refusal> {
    let mut known = Attributes::default();
    let mut extensions = Vec::new();
    for (header, value) in input.headers {
        let Some(name) = header.strip_prefix(PREFIX) else {
            continue;
        };
        let value = decoded(header, value)?;
        let text = Field::Text(value.clone());
        match name {
            "specversion" => known.specversion = text,
            "id" => known.id = text,
            "source" => known.source = text,
            "type" => known.kind = text,
            "subject" => known.subject = text,
            "time" => known.time = text,
            "dataschema" => known.dataschema = text,
            "datacontenttype" => known.datacontenttype = text,
            _ => extensions.push((Cow::Borrowed(name), value)),
        }
    }
    // The binding has the type of the data in Content-Type only.
    if let Some(content_type) = input.header("content-type") {
        known.datacontenttype = Field::Text(Cow::Borrowed(content_type));
    }
    Ok(Sent {
        attributes: known,
        extensions,
        paths: Paths::Headers,
    })
}

/// A header's value as the binding has it decoded: quoted strings first (RFC 7230, section 3.2.6), then one round of
/// percent-decoding. A `%` that begins no byte is one. Letters beyond ASCII, which the binding wants encoded, are
/// themselves.
fn decoded<'a>(header: &str, value: &'a str) -> Result<Cow<'a, str>, Refusal> {
    if value == NOT_UTF8 {
        let message = format!("{header}: not UTF-8; percent-encode the bytes of UTF-8");
        return Err(Refusal::new(Reason::InvalidField, message));
    }
    if !value.contains(['"', '%']) {
        return Ok(Cow::Borrowed(value));
    }
    String::from_utf8(percent::decoded(&unquoted(value)))
        .map(Cow::Owned)
        .map_err(|_| {
            Refusal::new(
                Reason::InvalidField,
                format!("{header}: its percent-encoded bytes are not UTF-8"),
            )
        })
}

fn unquoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut is_quoted = false;
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_decoded_once() {
        for (value, text) in [
            ("plain", "plain"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%e2%82%ac", "€"),
            (r#""two words""#, "two words"),
            (r#""a \"b\" \\""#, r#"a "b" \"#),
            ("100%25", "100%"),
            ("%2525", "%25"),
            ("100% %zz %4", "100% %zz %4"),
            ("Grüße", "Grüße"),
            (r#""Grüße %E2%82%AC""#, "Grüße €"),
        ] {
            assert_eq!(decoded("ce-subject", value).unwrap(), text, "{value}");
        }
        for bad in ["%C0%A0", "a%ff"] {
            let refusal = decoded("ce-subject", bad).unwrap_err();
            assert_eq!(
                refusal.message,
                "ce-subject: its percent-encoded bytes are not UTF-8"
            );
        }
        assert_eq!(
            decoded("ce-subject", NOT_UTF8).unwrap_err().message,
            "ce-subject: not UTF-8; percent-encode the bytes of UTF-8"
        );
    }
}

//! An event's data that did not come as JSON within JSON: bytes with a media type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::json::RawJson;
use serde_json::{Value, json};

use crate::body::{self, MAX_DEPTH};
use crate::refusal::{Reason, Refusal};
use crate::surrogates;

/// What is left of a media type without its parameters, in lower case.
pub(super) fn media_type(content_type: &str) -> String {
    let bare = content_type.split(';').next().unwrap_or_default();
    bare.trim_ascii().to_ascii_lowercase()
}

/// Whether data of that media type is JSON: the JSON format's own words, section 3.1.1.
fn is_json(media_type: &str) -> bool {
    media_type
        .split_once('/')
        .is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// Whether data may be JSON by what is said of it.
pub(super) fn may_be_json(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    media_type.is_empty() || is_json(&media_type)
}

/// The data that a body is; none for an empty one. What says that it is JSON has to be; of what says nothing, JSON is
/// taken as JSON.
pub(super) fn of_bytes<'a>(bytes: &[u8], content_type: &str) -> Result<Option<RawJson<'a>>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let media_type = media_type(content_type);
    if is_json(&media_type) {
        let text = body::text(bytes)?;
        if body::too_deep(text, MAX_DEPTH) {
            let message = format!("data: nested deeper than {MAX_DEPTH} levels; send less of it");
            return Err(Refusal::new(Reason::TooDeep, message));
        }
        let mended = surrogates::mended(bytes);
        let value: Value = serde_json::from_slice(&mended).map_err(|error| body::unreadable(&error))?;
        return Ok(written(&value));
    }
    Ok(written(&value_of(bytes, &media_type)))
}

/// The data that base64 stands for; base64 that is none stays as sent.
pub(super) fn of_base64<'a>(encoded: &str, content_type: &str) -> Option<RawJson<'a>> {
    let value = match STANDARD.decode(encoded) {
        Ok(bytes) => value_of(&bytes, &media_type(content_type)),
        Err(_) => json!({ "data_base64": encoded }),
    };
    written(&value)
}

/// JSON, else text, else base64 under the name that the JSON format has for it.
fn value_of(bytes: &[u8], media_type: &str) -> Value {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return json!({ "data_base64": STANDARD.encode(bytes) });
    };
    let may_be_json = media_type.is_empty() || is_json(media_type);
    if may_be_json
        && !body::too_deep(text, MAX_DEPTH)
        && let Ok(value) = serde_json::from_slice(&surrogates::mended(bytes))
    {
        return value;
    }
    Value::String(text.to_owned())
}

/// Null is no data.
fn written<'a>(value: &Value) -> Option<RawJson<'a>> {
    RawJson::of(value).filter(|_| !value.is_null())
}

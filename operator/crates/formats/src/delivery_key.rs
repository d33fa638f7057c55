//! The key by which a message that is delivered again is known: the format and the sender's id. Not what the id is.

use std::borrow::Cow;

use domain::hash::Hash128;

use crate::Format;

/// Bytes of a delivery key, as of an `Idempotency-Key`; the number of an item comes behind.
const BYTES: usize = 255;

/// `<format>:<id>`. Of an id too long for that its hash, since two that are cut alike would be one message; nothing of a
/// blank one.
pub(crate) fn of(format: Format, id: &str) -> Cow<'static, str> {
    let name = format.name();
    if id.trim().is_empty() {
        Cow::Borrowed("")
    } else if name.len() + ":".len() + id.len() > BYTES {
        Cow::Owned(format!("{name}:{}", Hash128::of([id])))
    } else {
        Cow::Owned(format!("{name}:{id}"))
    }
}

/// The key of one of several items of the message that has this key: an id that is long is hashed once a message.
pub(crate) fn of_item(message: &str, index: usize) -> Cow<'static, str> {
    if message.is_empty() {
        Cow::Borrowed("")
    } else {
        Cow::Owned(format!("{message}#{index}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bounded_and_keeps_long_ids_apart() {
        let longest = "x".repeat(BYTES - "sns:".len());
        assert_eq!(of(Format::Sns, "m1"), "sns:m1");
        assert_eq!(of(Format::Sns, " "), "");
        assert_eq!(of(Format::Sns, &longest), format!("sns:{longest}"));
        let (one, other) = (format!("{longest}1"), format!("{longest}2"));
        assert_eq!(of(Format::Sns, &one).len(), "sns:".len() + 32);
        assert_ne!(of(Format::Sns, &one), of(Format::Sns, &other));
        assert_eq!(of_item("sns:m1", 3), "sns:m1#3");
        assert_eq!(of_item("", 3), "");
    }
}

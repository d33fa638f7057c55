//! Cutting a sender's text to an event's bounds without copying what is borrowed.

use std::borrow::Cow;

use domain::event::{bounds, clip};

/// At most `bytes` bytes, at a character boundary.
pub(crate) fn to_bytes(text: Cow<'_, str>, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return text;
    }
    let end = clip(&text, bytes).len();
    part(text, 0, end)
}

/// The beginning of a sender's text, for a message: cut between words, since half a secret would not be recognised as
/// one when the message is redacted.
pub(crate) fn between_words(text: &str, bytes: usize) -> &str {
    let clipped = clip(text, bytes);
    match clipped.rsplit_once(char::is_whitespace) {
        Some((words, _)) if clipped.len() < text.len() => words,
        _ => clipped,
    }
}

/// A short field such as `service`.
pub(crate) fn short(text: Cow<'_, str>) -> Cow<'_, str> {
    to_bytes(text, bounds::LABEL_VALUE_BYTES)
}

/// One line for people: the first that is not blank, at most [`bounds::TITLE_CHARS`] characters.
pub(crate) fn title(text: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = text.trim_start();
    let start = text.len() - trimmed.len();
    let line = trimmed.lines().next().unwrap_or_default().trim_end();
    let length = match line.len() {
        // No more bytes than the bound means no more characters.
        bytes if bytes <= bounds::TITLE_CHARS => bytes,
        bytes => line
            .char_indices()
            .nth(bounds::TITLE_CHARS)
            .map_or(bytes, |(at, _)| at),
    };
    part(text, start, start + length)
}

/// What a title leaves out of its text: the whole text, or nothing when the title says it all.
pub(crate) fn description<'a>(text: Cow<'a, str>, title: &str) -> Cow<'a, str> {
    if text.trim() == title {
        Cow::Borrowed("")
    } else {
        to_bytes(text, bounds::DESCRIPTION_BYTES)
    }
}

/// A part of a text whose ends are character boundaries. Of an owned text the part is copied: cut in its place, a title
/// would hold the room of the megabyte that it is of.
pub(crate) fn part(text: Cow<'_, str>, start: usize, end: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) if (start, end) == (0, text.len()) => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_with_text_and_counts_characters() {
        assert_eq!(title("\n  disk full \nmore".into()), "disk full");
        assert_eq!(title("ü".repeat(600).into()).chars().count(), 500);
        assert_eq!(title(Cow::Owned("\n a\nb".to_owned())), "a");
    }

    #[test]
    fn a_part_of_an_owned_text_takes_no_more_room_than_it_needs() {
        let long = || Cow::Owned("x".repeat(1 << 20));
        for part in [title(long()), short(long()), description(long(), "x")] {
            let length = part.len();
            assert_eq!(part.into_owned().capacity(), length);
        }
        assert_eq!(part(Cow::Owned("abc".to_owned()), 1, 2), "b");
    }

    #[test]
    fn a_description_is_there_only_when_the_title_left_something_out() {
        assert_eq!(description(" all ".into(), "all"), "");
        assert_eq!(description("one\ntwo".into(), "one"), "one\ntwo");
        assert_eq!(description("ü".repeat(5000).into(), "ü").len(), 8192);
    }
}

//! Reading on in a text from a place within: digits, letters, single signs. Each step looks at a few bytes, so that
//! whatever is read from every word of a text is still read in linear time.

/// Whitespace that may stand within a date or a phrase: a space, a line's end.
const SPACES: usize = 2;
/// Digits that are read in one go.
const DIGITS: usize = 4;
/// Letters that are read in one go: one more than any word that is asked for has.
const LETTERS: usize = 17;

/// A place in a text; copy it to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) const fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// Where it stands.
    pub(super) const fn at(self) -> usize {
        self.at
    }

    /// The byte `ahead` of the next.
    pub(super) fn peek(self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Moves behind `text`, in whatever case, if that stands next.
    pub(super) fn passes(&mut self, text: &str) -> bool {
        let next = self.text.as_bytes().get(self.at..self.at + text.len());
        let passes = next.is_some_and(|next| next.eq_ignore_ascii_case(text.as_bytes()));
        if passes {
            self.at += text.len();
        }
        passes
    }

    /// Moves behind the next byte, which is ASCII.
    pub(super) const fn advance(&mut self) {
        self.at += 1;
    }

    /// Moves behind whitespace; whether there was any.
    pub(super) fn space(&mut self) -> bool {
        let count = self.count(SPACES, |byte| byte.is_ascii_whitespace());
        self.at += count;
        count > 0
    }

    /// A number of exactly `count` digits, at most [`DIGITS`].
    pub(super) fn digits(&mut self, count: usize) -> Option<i16> {
        (self.digit_count() == count).then(|| self.number(count))
    }

    /// A number of one or two digits.
    pub(super) fn short(&mut self) -> Option<i16> {
        let count = self.digit_count();
        (1..=2).contains(&count).then(|| self.number(count))
    }

    /// Letters, perhaps none.
    pub(super) fn letters(&mut self) -> &'t str {
        let count = self.count(LETTERS, |byte| byte.is_ascii_alphabetic());
        let letters = self.text.get(self.at..self.at + count).unwrap_or_default();
        self.at += count;
        letters
    }

    /// Whether what was read stands by itself: no letter, digit or `_` follows, and no sign with one behind it, as in
    /// `2024-12-20.log` and `GB-hours`.
    pub(super) fn is_at_end(self) -> bool {
        let is_inner =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match self.peek(0) {
            Some(b'.' | b':' | b'-' | b'+' | b'@') => !is_inner(self.peek(1)),
            next => !is_inner(next),
        }
    }

    /// How many digits stand next, up to one more than are read in one go.
    fn digit_count(self) -> usize {
        self.count(DIGITS + 1, |byte| byte.is_ascii_digit())
    }

    fn number(&mut self, count: usize) -> i16 {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + count)
            .unwrap_or_default();
        self.at += count;
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + i16::from(digit - b'0'))
    }

    fn count(self, most: usize, is_wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        rest.iter()
            .take(most)
            .take_while(|byte| is_wanted(**byte))
            .count()
    }
}

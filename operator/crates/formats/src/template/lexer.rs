//! Cuts a text into what a template is put together from. Knows where a shape may begin; what shapes look like, the
//! modules beside it know.

use super::found::{Found, leading};
use super::{DURATION, NUM, PERCENT, SIZE, address, ident, moment, quantity};

/// A part of a template.
pub(super) enum Piece<'a> {
    /// Something variable.
    Mask(&'static str),
    /// What stays as it is.
    Literal(&'a str),
    /// White space, or a control character.
    Space,
}

/// Where in a text we are. A word is a run of ASCII letters and digits; most shapes begin where a word begins. Those
/// whose end is far away are looked for once in a run of their characters, so that time stays linear.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    was_mid_word: bool,
    is_in_url: bool,
    /// Where the runs end that were searched for an e-mail address and for a token.
    email_run_end: usize,
    token_run_end: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            was_mid_word: false,
            is_in_url: false,
            email_run_end: 0,
            token_run_end: 0,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next_piece(&mut self) -> Option<Piece<'a>> {
        let (behind, rest) = self.text.split_at_checked(self.at)?;
        let first = rest.chars().next()?;
        self.was_mid_word =
            first.is_ascii_alphanumeric() && behind.ends_with(|last: char| last.is_ascii_alphanumeric());
        let found = self.shape(behind.as_bytes(), rest.as_bytes());
        let length = match found {
            Some((_, length)) => length,
            None if first.is_ascii_alphabetic() => leading(rest.as_bytes(), u8::is_ascii_alphabetic),
            None => first.len_utf8(),
        };
        let piece = rest.get(..length)?;
        self.at += length;
        self.note(behind, piece);
        Some(match found {
            Some((mask, _)) => Piece::Mask(mask),
            None if first.is_whitespace() || first.is_control() => Piece::Space,
            None => Piece::Literal(piece),
        })
    }

    /// Whether the newest piece goes on with a word that the piece before it began.
    pub(super) const fn was_mid_word(&self) -> bool {
        self.was_mid_word
    }

    fn shape(&mut self, behind: &[u8], rest: &[u8]) -> Found {
        let (first, before) = (rest.first()?, behind.last());
        if self.is_in_url && before == Some(&b'?') {
            return address::query(rest);
        }
        if self.was_mid_word {
            // Behind a number, which will be a mask, letters are as good as a new word.
            return quantity::number(rest)
                .or_else(|| self.run(rest))
                .or_else(|| address::arn(rest));
        }
        if first.is_ascii_alphanumeric() {
            return self.run(rest).or_else(|| word(behind, rest));
        }
        match first {
            b'-' | b'+' if before.is_none_or(|before| takes_sign(*before)) => signed(rest),
            b'[' => address::ip(rest),
            b':' if !before.is_some_and(|before| before.is_ascii_alphanumeric() || *before == b':') => {
                address::ip(rest)
            }
            _ => None,
        }
    }

    /// Shapes that reach over many words.
    fn run(&mut self, rest: &[u8]) -> Found {
        let mut found = None;
        if self.at >= self.email_run_end {
            self.email_run_end = self.at + leading(rest, |byte| address::is_email_byte(*byte));
            found = address::email(rest);
        }
        if found.is_none() && self.at >= self.token_run_end {
            self.token_run_end = self.at + leading(rest, |byte| ident::is_token_byte(*byte));
            found = ident::token(rest);
        }
        found
    }

    fn note(&mut self, behind: &str, piece: &str) {
        if piece == "/" && behind.ends_with(":/") {
            self.is_in_url = true;
        } else if piece.bytes().any(address::ends_url) {
            self.is_in_url = false;
        }
    }
}

/// What begins where a word begins.
fn word(behind: &[u8], rest: &[u8]) -> Found {
    address::arn(rest)
        .or_else(|| ident::uuid(rest))
        .or_else(|| address::mac(rest))
        .or_else(|| address::ip(rest))
        .or_else(|| moment::time(rest))
        .or_else(|| quantity::with_unit(rest))
        .or_else(|| ident::id(behind, rest))
        .or_else(|| quantity::number(rest))
}

/// A number with its sign. Before anything else a sign is a mark like others.
fn signed(rest: &[u8]) -> Found {
    let (_, number) = rest.split_first()?;
    let (mask, length) = word(b"", number)?;
    [NUM, PERCENT, DURATION, SIZE]
        .contains(&mask)
        .then_some((mask, length + 1))
}

/// Behind what a `-` belongs to the number after it, and does not join two words.
const fn takes_sign(before: u8) -> bool {
    matches!(before, b' ' | b'\t' | b'\n' | b'=' | b':' | b'(' | b'[' | b',')
}

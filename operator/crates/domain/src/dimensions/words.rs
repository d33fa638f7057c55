//! Words of a text as the extractors need them: runs of letters, digits and the signs that hold a name, a date or an
//! address together. Everything else, letters beyond ASCII too, is between words. What a word means it does not know.

use std::ops::Range;

/// What a word may consist of; a word has the bits of all its bytes.
pub(super) mod holds {
    pub(in super::super) const LETTER: u8 = 1;
    pub(in super::super) const DIGIT: u8 = 1 << 1;
    pub(in super::super) const DOT: u8 = 1 << 2;
    pub(in super::super) const COLON: u8 = 1 << 3;
    /// `-`, `_`, `+`, `@`.
    pub(in super::super) const JOINT: u8 = 1 << 4;
}

/// The kind of each byte; nothing for what is between words.
static KINDS: [u8; 256] = kinds();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < u8::MAX {
        kinds[byte as usize] = kind_of(byte);
        byte += 1;
    }
    kinds
}

fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

const fn kind_of(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' => holds::LETTER,
        b'0'..=b'9' => holds::DIGIT,
        b'.' => holds::DOT,
        b':' => holds::COLON,
        b'-' | b'_' | b'+' | b'@' => holds::JOINT,
        _ => 0,
    }
}

/// A word where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    /// All of the text.
    pub(super) text: &'t str,
    /// Where the word begins.
    pub(super) start: usize,
    /// Where it ends, signs at its end left out.
    pub(super) end: usize,
    holds: u8,
}

/// How far a look back goes for the word before: the longest asked for has nine letters.
const LOOK_BACK_BYTES: usize = 16;

impl<'t> Word<'t> {
    /// The word itself.
    pub(super) fn as_str(&self) -> &'t str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it has any of these; see [`holds`].
    pub(super) const fn has(&self, any: u8) -> bool {
        self.holds & any != 0
    }

    /// Whether it has these and no others.
    pub(super) const fn has_only(&self, all: u8) -> bool {
        self.holds == all
    }

    /// The text before it.
    pub(super) fn before(&self) -> &'t str {
        self.text.get(..self.start).unwrap_or_default()
    }

    /// The byte before it.
    pub(super) fn byte_before(&self) -> Option<u8> {
        self.text.as_bytes().get(..self.start)?.last().copied()
    }

    /// The text behind it.
    pub(super) fn behind(&self) -> &'t str {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// The letters right before it, with spaces or a colon between: `for` in `for: 5m`. Empty without any.
    pub(super) fn word_before(&self) -> &'t str {
        last_letters(self.before())
    }

    /// The word within a span, signs at its end left out.
    fn spanning(text: &'t str, span: Range<usize>) -> Self {
        let bytes = text.as_bytes().get(span.clone()).unwrap_or_default();
        let length = bytes
            .iter()
            .rposition(u8::is_ascii_alphanumeric)
            .map_or(0, |at| at + 1);
        let bytes = bytes.get(..length).unwrap_or_default();
        Self {
            text,
            start: span.start,
            end: span.start + length,
            holds: bytes.iter().fold(0, |holds, byte| holds | kind(*byte)),
        }
    }
}

/// The letters at the end of a text, spaces, a colon and a comma behind them left out.
pub(super) fn last_letters(text: &str) -> &str {
    let bytes = text.as_bytes();
    let near = bytes
        .get(bytes.len().saturating_sub(LOOK_BACK_BYTES)..)
        .unwrap_or_default();
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b':' || *byte == b',';
    let Some(last) = near.iter().rposition(|byte| !is_between(byte)) else {
        return "";
    };
    let letters = near.get(..=last).unwrap_or_default().iter().rev();
    let count = letters.take_while(|byte| byte.is_ascii_alphabetic()).count();
    let end = bytes.len() - (near.len() - 1 - last);
    text.get(end - count..end).unwrap_or_default()
}

/// Bytes that are told apart at a time: a bit each in a number.
const BLOCK_BYTES: usize = 64;

/// The words of a text in its order, but for words of letters that a [`Sieve`] holds back.
///
/// Nearly all words of a text are of no interest, and finding the end of each, byte by byte, was most of the work. So
/// a block of bytes becomes bits first, and only words in which a bit is left are looked at.
#[derive(Clone, Debug)]
pub(super) struct Words<'t> {
    text: &'t str,
    sieve: &'static Sieve,
    /// Where the block begins.
    block: usize,
    /// Bytes of the block in words that are still to come.
    inside: u64,
    /// Of them digits and signs, and first letters that the sieve lets through.
    wanted: u64,
    /// Whether the block ends within a word, as its lowest bit.
    ends_inside: u64,
    /// Where the last word ended.
    passed: usize,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str, sieve: &'static Sieve) -> Self {
        let mut words = Self {
            text,
            sieve,
            block: 0,
            inside: 0,
            wanted: 0,
            ends_inside: 0,
            passed: 0,
        };
        if !text.is_empty() {
            words.read();
        }
        words
    }

    /// Goes on behind `at`, where a word, or something of several words, ends.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.passed = self.passed.max(at);
        while self.block + BLOCK_BYTES <= at && self.advance() {}
        if let Some(passed) = at.checked_sub(self.block) {
            let left = u32::try_from(passed)
                .ok()
                .and_then(|passed| u64::MAX.checked_shl(passed));
            self.inside &= left.unwrap_or_default();
            self.wanted &= left.unwrap_or_default();
        }
    }

    /// Moves to the next block, if there is one.
    fn advance(&mut self) -> bool {
        let next = self.block + BLOCK_BYTES;
        let is_there = next < self.text.len();
        if is_there {
            self.block = next;
            self.read();
        }
        is_there
    }

    fn read(&mut self) {
        let rest = self.text.as_bytes().get(self.block..).unwrap_or_default();
        let mut padded = [0; BLOCK_BYTES];
        let bytes = rest.first_chunk().unwrap_or_else(|| {
            if let Some(start) = padded.get_mut(..rest.len()) {
                start.copy_from_slice(rest);
            }
            &padded
        });
        let letters = bits(&bytes.map(is_letter));
        let others = bits(&bytes.map(is_digit_or_sign));
        self.inside = letters | others;
        let mut starts = letters & !(self.inside << 1 | self.ends_inside);
        self.ends_inside = self.inside >> (BLOCK_BYTES - 1);
        self.wanted = others;
        while starts != 0 {
            let start = starts.trailing_zeros() as usize;
            let letter = |at: usize| rest.get(at).copied().unwrap_or_default();
            let is_let_through = self.sieve.lets_begin(letter(start), letter(start + 1));
            self.wanted |= u64::from(is_let_through) << start;
            starts &= starts - 1;
        }
    }

    /// Where the word begins and ends that a byte of the block belongs to.
    fn around(&self, bit: u32) -> Range<usize> {
        let before = (self.inside << (u64::BITS - 1 - bit)).leading_ones();
        let behind = (self.inside >> bit).trailing_ones();
        let (start, end) = (bit + 1 - before, bit + behind);
        if 0 < start && end < u64::BITS {
            return self.block + start as usize..self.block + end as usize;
        }
        // It may go on beyond the block.
        let within = self.block + bit as usize;
        let (before, behind) = self.text.as_bytes().split_at_checked(within).unwrap_or_default();
        let before = before.get(self.passed..).unwrap_or_default();
        let is_inside = |byte: &&u8| kind(**byte) != 0;
        let start = within - before.iter().rev().take_while(is_inside).count();
        start..within + behind.iter().take_while(is_inside).count()
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        loop {
            while self.wanted == 0 {
                self.advance().then_some(())?;
            }
            let bit = self.wanted.trailing_zeros();
            let span = self.around(bit);
            let word = Word::spanning(self.text, span.clone());
            self.skip_to(span.end);
            let is_wanted = !word.has_only(holds::LETTER) || self.sieve.lets_pass(word.as_str());
            if is_wanted && word.start < word.end {
                return Some(word);
            }
        }
    }
}

/// One for a letter, else zero. Without a branch, as the next: so the compiler does sixteen bytes at once.
const fn is_letter(byte: u8) -> u8 {
    ((byte | 0x20).wrapping_sub(b'a') < 26) as u8
}

/// One for what else a word may consist of, else zero. The colon is next to the digits.
const fn is_digit_or_sign(byte: u8) -> u8 {
    let is_digit_or_colon = (byte.wrapping_sub(b'0') <= b':' - b'0') as u8;
    let is_dash = (byte == b'-') as u8 | (byte == b'_') as u8;
    let is_mark = (byte == b'.') as u8 | (byte == b'+') as u8 | (byte == b'@') as u8;
    is_digit_or_colon | is_dash | is_mark
}

/// A bit for each byte that is one, the first byte's the lowest.
fn bits(ones: &[u8; BLOCK_BYTES]) -> u64 {
    /// Moves the lowest bit of each of eight bytes into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    ones.as_chunks::<8>().0.iter().rev().fold(0, |bits, eight| {
        bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56
    })
}

/// A word of letters as one number, whatever its case: looking it up in a table is a comparison an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u128);

/// Letters of a key; no table has a longer word.
const KEY_LETTERS: usize = 16;

impl Key {
    /// The key of ASCII letters. What is longer than any word of a table is like no word.
    #[allow(
        clippy::indexing_slicing,
        reason = "within the bounds that are checked; constants use it too"
    )]
    pub(super) const fn of(letters: &str) -> Self {
        let letters = letters.as_bytes();
        let (mut key, mut at) = (0, 0);
        if letters.len() > KEY_LETTERS {
            return Self(0);
        }
        while at < letters.len() {
            // The bit by which small letters differ from capitals.
            key = key << 8 | (letters[at] | 0x20) as u128;
            at += 1;
        }
        Self(key)
    }

    /// The keys of several words.
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub(super) const fn all<const N: usize>(words: [&str; N]) -> [Self; N] {
        let (mut keys, mut at) = ([Self(0); N], 0);
        while at < N {
            keys[at] = Self::of(words[at]);
            at += 1;
        }
        keys
    }
}

/// Knows the looks of some words, so as to say no to nearly all others without comparing them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve {
    /// By first letter a bit for each second letter.
    seconds: [u32; LETTERS],
    /// By first and last letter a bit for each length.
    lengths: [[u32; LETTERS]; LETTERS],
}

/// Values of the five bits that tell letters apart whatever their case; as many bits has a number that lengths are in.
const LETTERS: usize = 32;

const fn place(letter: u8) -> usize {
    (letter & 31) as usize
}

impl Sieve {
    pub(super) const NONE: Self = Self {
        seconds: [0; LETTERS],
        lengths: [[0; LETTERS]; LETTERS],
    };

    /// These words too: ASCII letters, 2 to 31.
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub(super) const fn with(mut self, words: &[&str]) -> Self {
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            assert!(word.len() > 1 && word.len() < LETTERS);
            let (first, last) = (place(word[0]), place(word[word.len() - 1]));
            self.seconds[first] |= 1 << place(word[1]);
            self.lengths[first][last] |= 1 << word.len();
            at += 1;
        }
        self
    }

    /// Whether one of the words begins so, in whatever case.
    fn lets_begin(&self, first: u8, second: u8) -> bool {
        let seconds = self.seconds.get(place(first)).copied().unwrap_or_default();
        seconds >> place(second) & 1 == 1
    }

    /// Whether one of the words has these ends and this length.
    pub(super) fn lets_pass(&self, letters: &str) -> bool {
        let (Some(first), Some(last)) = (letters.as_bytes().first(), letters.as_bytes().last()) else {
            return false;
        };
        let lengths = self
            .lengths
            .get(place(*first))
            .and_then(|lengths| lengths.get(place(*last)));
        let lengths = lengths.copied().unwrap_or_default();
        letters.len() < LETTERS && lengths >> letters.len() & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIEVE: Sieve = Sieve::NONE.with(&["as", "within", "act", "now"]);

    fn words(text: &str) -> Vec<&str> {
        Words::new(text, &SIEVE).map(|word| word.as_str()).collect()
    }

    #[test]
    fn a_word_ends_without_its_signs_and_an_empty_one_is_none() {
        let text = "Act NOW: web-1.example.com:9100 down (10.0.0.1). - \u{e9}2024-12-20T\u{e9} a@b_ ... act";
        let expected = [
            "Act",
            "NOW",
            "web-1.example.com:9100",
            "10.0.0.1",
            "2024-12-20T",
            "a@b",
            "act",
        ];
        assert_eq!(words(text), expected);
    }

    proptest::proptest! {
        #[test]
        fn words_are_the_same_wherever_blocks_meet(text in "([a1. \u{e9}-]{0,9}(act|now )){0,30}") {
            let runs = text.split(|letter: char| u8::try_from(letter).map_or(0, kind) == 0);
            let runs = runs.map(|run| run.trim_end_matches(['.', '-']));
            let is_wanted = |run: &&str| ["act", "now"].contains(run) || run.bytes().any(|byte| kind(byte) != holds::LETTER);
            let expected: Vec<_> = runs.filter(is_wanted).collect();
            proptest::prop_assert_eq!(words(&text), expected);
        }
    }

    #[test]
    fn what_is_skipped_is_no_word_again() {
        let text = format!("1 {} 2 3", "a".repeat(100));
        let mut words = Words::new(&text, &SIEVE);
        assert_eq!(words.next().unwrap().as_str(), "1");
        words.skip_to(text.len() - 1);
        assert_eq!(words.next().unwrap().as_str(), "3");
        words.skip_to(text.len() + 100);
        assert!(words.next().is_none());
    }

    #[test]
    fn the_word_before_is_found_across_a_colon() {
        let before = |text| Words::new(text, &SIEVE).last().unwrap().word_before();
        assert_eq!(before("for:  5m"), "for");
        assert_eq!(before("by\n2024"), "by");
        assert_eq!(before("\u{e9} 5"), "");
        assert_eq!(before("5"), "");
        assert_eq!(before("v1 5"), "");
    }

    #[test]
    fn a_sieve_knows_length_and_both_ends() {
        assert!(SIEVE.lets_pass("AS") && SIEVE.lets_pass("Within") && SIEVE.lets_pass("now"));
        for other in ["at", "ass", "s", "", "wither", "with", "is"] {
            assert!(!SIEVE.lets_pass(other), "{other}");
        }
        assert!(!SIEVE.lets_pass(&"a".repeat(34)));
    }

    #[test]
    fn a_key_is_its_word_in_whatever_case() {
        assert_eq!(Key::of("Within"), Key::of("wITHIN"));
        assert_ne!(Key::of("as"), Key::of("sa"));
        assert_ne!(Key::of("a"), Key::of("aa"));
        assert_ne!(Key::of(&"a".repeat(17)), Key::of(&"a".repeat(16)));
    }
}

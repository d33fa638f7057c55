//! Numbers with a unit in running text: money, percent, bytes, time. A number without one, a rate (`12 MB/s`), a range
//! (`5-10 minutes`), a number in words or with a decimal comma is none, nor is money in thousands or millions.

use serde_json::Number;

use super::cursor::Cursor;
use super::units;
use super::words::{Key, Word};

/// Digits before the decimal point: as many as a double holds exactly.
const WHOLE_DIGITS: usize = 15;
/// Digits behind it: as many as programs print of a double.
const FRACTION_DIGITS: usize = 17;
/// Digits between the commas of `1,234,567`.
const GROUP_DIGITS: usize = 3;
/// What else stands between groups of digits: `10 000`, `1'234`; spaces that do not break a line among them. Whether
/// that is one number or two cannot be told.
const GROUP_SIGNS: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}'];

/// What a minus may stand behind, beside whitespace: elsewhere it is a hyphen, or a range's (`$100-$500`).
const BEFORE_MINUS: &str = "([{=:\"'";

/// Words that make money more than its number says.
const SCALES: [Key; 9] = Key::all([
    "thousand", "million", "billion", "trillion", "k", "m", "mn", "bn", "b",
]);

/// Words before `5m` that make it minutes: by itself it is metres or, in Kubernetes, thousandths of a processor.
const BEFORE_MINUTES: [Key; 12] = Key::all([
    "for", "in", "within", "than", "last", "past", "next", "over", "every", "after", "of", "about",
]);

/// Units that are no letters; the micro sign has two codes.
const SIGNS: [(&str, &str); 5] = [
    ("%", "%"),
    ("\u{20ac}", "EUR"),
    ("\u{a3}", "GBP"),
    ("\u{b5}s", "us"),
    ("\u{3bc}s", "us"),
];

/// A number with its unit, and where its text ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) value: Number,
    pub(super) unit: &'static str,
    pub(super) end: usize,
}

/// The amount that begins with this word.
pub(super) fn from_number(word: &Word<'_>) -> Option<Measured> {
    let sign = word.as_str().bytes().next()?;
    let is_signed = matches!(sign, b'-' | b'+');
    let start = Cursor::new(word.text, word.start + usize::from(is_signed));
    if !start.peek(0)?.is_ascii_digit() || is_inside(word) {
        return None;
    }
    let digits = Digits::read(start)?;
    // Most numbers stand behind a space.
    let is_apart = matches!(word.byte_before(), None | Some(b' '));
    let symbol = if is_apart { None } else { symbol(word.before()) };
    let (unit, end) = match symbol {
        Some(symbol) => unit_of_money(symbol, digits.end),
        None => unit(word, digits.end),
    }?;
    let behind = word.text.get(end.at()..).unwrap_or_default();
    if !end.is_at_end() || is_rate(end) || begins_range(behind) || digits.is_group(word.text) {
        return None;
    }
    Some(Measured {
        value: digits.value(word.text, is_negative(word, symbol)?)?,
        unit,
        end: end.at(),
    })
}

/// Whether a word goes on with what stands before it: a decimal comma, a fraction, a path.
fn is_inside(word: &Word<'_>) -> bool {
    match word.byte_before() {
        Some(b',') => word
            .before()
            .bytes()
            .nth_back(1)
            .is_some_and(|byte| byte.is_ascii_digit()),
        before => matches!(before, Some(b'/' | b'\\' | b'#' | b'%')),
    }
}

/// A number as written.
#[derive(Clone, Copy)]
struct Digits<'t> {
    start: usize,
    /// How many stand before the decimal point.
    whole: usize,
    /// Whether there are commas in it.
    has_groups: bool,
    has_fraction: bool,
    end: Cursor<'t>,
}

impl<'t> Digits<'t> {
    /// `None` when commas or points stand where a number has none, or it is longer than any amount.
    fn read(start: Cursor<'t>) -> Option<Self> {
        let mut end = start;
        let mut whole = pass_digits(&mut end, WHOLE_DIGITS + 1);
        let (may_have_groups, mut has_groups) = (whole <= GROUP_DIGITS, false);
        while end.peek(0) == Some(b',') && is_digit(end.peek(1)) {
            end.advance();
            let is_group = pass_digits(&mut end, GROUP_DIGITS + 1) == GROUP_DIGITS;
            whole += GROUP_DIGITS;
            has_groups = true;
            if !may_have_groups || !is_group || whole > WHOLE_DIGITS {
                return None;
            }
        }
        let has_fraction = end.peek(0) == Some(b'.') && is_digit(end.peek(1));
        if has_fraction {
            end.advance();
            if pass_digits(&mut end, FRACTION_DIGITS + 1) > FRACTION_DIGITS {
                return None;
            }
        }
        // `1.2.3` is a version.
        let goes_on = matches!(end.peek(0), Some(b'.' | b',')) && is_digit(end.peek(1));
        (whole <= WHOLE_DIGITS && !goes_on).then_some(Self {
            start: start.at(),
            whole,
            has_groups,
            has_fraction,
            end,
        })
    }

    /// Whether it may be but a group of a longer number: of `10 000`, `1'234.50`.
    fn is_group(&self, text: &str) -> bool {
        let digits = |bytes: &mut dyn Iterator<Item = u8>| {
            let all = bytes.take(GROUP_DIGITS + 1);
            all.take_while(u8::is_ascii_digit).count()
        };
        let (before, behind) = text.split_at_checked(self.end.at()).unwrap_or_default();
        let before = before.get(..self.start).unwrap_or_default();
        let is_first = || {
            let next = behind.strip_prefix(GROUP_SIGNS).filter(|_| !self.has_fraction);
            next.is_some_and(|next| digits(&mut next.bytes()) == GROUP_DIGITS)
        };
        let is_later = || {
            let last = before.strip_suffix(GROUP_SIGNS);
            last.is_some_and(|last| (1..=GROUP_DIGITS).contains(&digits(&mut last.bytes().rev())))
        };
        self.whole <= GROUP_DIGITS && is_first() || self.whole == GROUP_DIGITS && is_later()
    }

    /// Whole where it is written so.
    fn value(&self, text: &str, is_negative: bool) -> Option<Number> {
        let digits = text.get(self.start..self.end.at())?;
        let grouped = self.has_groups.then(|| digits.replace(',', ""));
        let digits = grouped.as_deref().unwrap_or(digits);
        if self.has_fraction {
            let value: f64 = digits.parse().ok()?;
            return Number::from_f64(if is_negative { -value } else { value });
        }
        let value: i64 = digits.parse().ok()?;
        Some(Number::from(if is_negative { -value } else { value }))
    }
}

fn is_digit(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_digit())
}

/// Passes at most so many digits; how many there were.
fn pass_digits(cursor: &mut Cursor<'_>, most: usize) -> usize {
    let count = (0..most)
        .take_while(|ahead| is_digit(cursor.peek(*ahead)))
        .count();
    (0..count).for_each(|_| cursor.advance());
    count
}

/// A sign of money before a number.
#[derive(Clone, Copy)]
struct Symbol<'t> {
    currency: &'static str,
    /// The text before it.
    before: &'t str,
}

const fn currency_of(symbol: char) -> Option<&'static str> {
    match symbol {
        '$' => Some("USD"),
        '\u{20ac}' => Some("EUR"),
        '\u{a3}' => Some("GBP"),
        _ => None,
    }
}

fn symbol(before: &str) -> Option<Symbol<'_>> {
    let last = before.chars().next_back()?;
    let currency = currency_of(last)?;
    let before = before.get(..before.len() - last.len_utf8())?;
    let before = before.strip_suffix("US").unwrap_or(before);
    // `CA$`, `NZ$`: other dollars.
    let is_other = before.ends_with(|letter: char| letter.is_ascii_alphanumeric());
    (!is_other).then_some(Symbol { currency, before })
}

/// Whether a number has a minus: `-5%`, `-$5`, `$-5`. `None` where that may as well be a hyphen, or the dash of a range.
fn is_negative(word: &Word<'_>, symbol: Option<Symbol<'_>>) -> Option<bool> {
    let own_sign = word.as_str().starts_with(['-', '+']);
    let before = symbol.map_or_else(|| word.before(), |symbol| symbol.before);
    let outer = before.strip_suffix('-');
    let last = outer.unwrap_or(before).chars().next_back();
    let is_free = last.is_none_or(|last| last.is_whitespace() || BEFORE_MINUS.contains(last));
    let needs_room = outer.is_some() || own_sign && symbol.is_none();
    // A dash, and the minus of typesetters, which is no minus of programs.
    let is_doubtful = matches!(last, Some('\u{2013}' | '\u{2212}')) || needs_room && !is_free;
    (!is_doubtful).then(|| outer.is_some() || word.as_str().starts_with('-'))
}

/// Where the unit of a number is found behind it, and where it ends.
type Unit<'t> = (&'static str, Cursor<'t>);

/// The currency of a number behind a symbol. A code behind the number says more: `$12 CAD`.
fn unit_of_money<'t>(symbol: Symbol<'_>, end: Cursor<'t>) -> Option<Unit<'t>> {
    let mut next = end;
    let is_apart = next.passes(" ");
    let letters = next.letters();
    match units::currency(letters) {
        Some(code) => Some((code, next)),
        None if letters.is_empty() || is_apart && !is_scale(letters) => Some((symbol.currency, end)),
        None => None,
    }
}

/// The unit of a number without a symbol.
fn unit<'t>(word: &Word<'t>, end: Cursor<'t>) -> Option<Unit<'t>> {
    let mut next = end;
    let is_apart = next.passes(" ");
    let letters = next.letters();
    if letters.is_empty()
        && let Some((_, unit)) = SIGNS.iter().find(|(sign, _)| next.passes(sign))
    {
        return Some((unit, next));
    }
    let is_minutes = letters == "m" && !is_apart && is_time(word);
    let minutes = is_minutes.then_some("min");
    let known = minutes.or_else(|| units::any(letters));
    if let Some(unit) = known.or_else(|| units::currency(letters)) {
        return Some((unit, next));
    }
    let code = code_before(word)?;
    (letters.is_empty() || is_apart && !is_scale(letters)).then_some((code, end))
}

fn is_scale(letters: &str) -> bool {
    SCALES.contains(&Key::of(letters))
}

fn is_time(word: &Word<'_>) -> bool {
    BEFORE_MINUTES.contains(&Key::of(word.word_before()))
}

/// `USD` in `USD 12`, `EUR` in `EUR: 12`
fn code_before(word: &Word<'_>) -> Option<&'static str> {
    let mut before = word.before().bytes().rev();
    let is_apart =
        before.next() == Some(b' ') && before.next().is_some_and(|byte| !byte.is_ascii_lowercase());
    is_apart.then(|| units::currency(word.word_before()))?
}

/// Whether an amount is one for each of something: `/s`, `/hour`.
fn is_rate(end: Cursor<'_>) -> bool {
    end.peek(0) == Some(b'/') && end.peek(1).is_some_and(|byte| byte.is_ascii_alphabetic())
}

/// Whether an amount with this behind it is the lower end of a range: `$100-$500`, `5%\u{2013}10%`.
fn begins_range(behind: &str) -> bool {
    let Some(other) = behind.strip_prefix(['-', '\u{2013}']) else {
        return false;
    };
    let other = other.strip_prefix("US").unwrap_or(other);
    other.starts_with(|first: char| first.is_ascii_digit() || currency_of(first).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::SIEVE;
    use super::super::words::Words;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut words = Words::new(text, &SIEVE);
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            if let Some(Measured { value, unit, end }) = from_number(&word) {
                found.push(format!("{value} {unit}"));
                words.skip_to(end);
            }
        }
        found
    }

    #[test]
    fn money_is_taken_with_its_currency() {
        for (text, amount) in [
            ("forecast $1,234.50 exceeds", "1234.5 USD"),
            ("US$12, again", "12 USD"),
            ("-$120.00 credit", "-120.0 USD"),
            ("USD 12 a day", "12 USD"),
            ("Amount: USD: 12.", "12 USD"),
            ("12 EUR (about)", "12 EUR"),
            ("12EUR", "12 EUR"),
            ("\u{20ac}12.99", "12.99 EUR"),
            ("12 \u{20ac}", "12 EUR"),
            ("\u{a3}1,000,000", "1000000 GBP"),
            ("$12 CAD", "12 CAD"),
            ("$5.", "5 USD"),
            ("impact of $97.53 (12%)", "97.53 USD"),
        ] {
            assert_eq!(found(text).first().map(String::as_str), Some(amount), "{text}");
        }
        assert_eq!(
            found("from $5 to $7.25, +45.00%"),
            ["5 USD", "7.25 USD", "45.0 %"]
        );
    }

    #[test]
    fn percent_bytes_and_time_are_taken_with_units_of_one_name() {
        for (text, amount) in [
            ("CPU at 97.5%.", "97.5 %"),
            ("97.53333333333333% full", "97.53333333333333 %"),
            ("95 % of", "95 %"),
            ("80 percent", "80 %"),
            ("-5%", "-5 %"),
            ("used 12GB", "12 GB"),
            ("12 GB free", "12 GB"),
            ("500mb", "500 MB"),
            ("1.5Gi", "1.5 GiB"),
            ("limit 512 MiB,", "512 MiB"),
            ("4,096 bytes", "4096 B"),
            ("took 250ms", "250 ms"),
            ("250 \u{b5}s", "250 us"),
            ("3\u{3bc}s", "3 us"),
            ("down for more than 5m", "5 min"),
            ("for: 15m", "15 min"),
            ("more than 5 minutes", "5 min"),
            ("within 24 hours", "24 h"),
            ("in 3 d", "3 d"),
            ("2 weeks", "2 w"),
            ("waited 30s)", "30 s"),
        ] {
            assert_eq!(found(text).first().map(String::as_str), Some(amount), "{text}");
        }
    }

    #[test]
    fn a_group_of_digits_is_no_number() {
        for text in [
            "10 000 EUR",
            "1 234 \u{20ac}",
            "USD 10 000",
            "USD 10 000 000",
            "1'234.50 CHF",
            "CHF 1\u{2019}234.50",
            "12\u{a0}345 ms",
            "1\u{202f}234\u{202f}567 B",
            "$1 234",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        assert_eq!(found("exit 1, 250 ms"), ["250 ms"]);
        assert_eq!(found("in 2024 100 GB"), ["100 GB"]);
        assert_eq!(found("$5.50 100 times, $12 5000 times"), ["5.5 USD", "12 USD"]);
    }

    #[test]
    fn a_minus_stands_apart_from_what_is_before_it() {
        for (text, amount) in [
            ("-5%", "-5 %"),
            ("(-$5)", "-5 USD"),
            ("change=-5%", "-5 %"),
            ("$-5", "-5 USD"),
            ("by \u{20ac}-5.", "-5 EUR"),
        ] {
            assert_eq!(found(text), [amount], "{text}");
        }
    }

    #[test]
    fn numbers_without_a_unit_rates_and_ranges_are_no_amounts() {
        for text in [
            "3 instances",
            "error 500",
            "port 8080",
            "12 MB/s",
            "12 Mbps",
            "8 Mb",
            "$5/hour",
            "5 GB-hours",
            "5-10 minutes",
            "500m",
            "1,5 GB",
            "12,34 GB",
            "1.2.3 s",
            "1.2 million",
            "$1.2 million",
            "$5K",
            "$3 bn",
            "CA$12",
            "%20d",
            "10%2F",
            "/5GB",
            "1e6s",
            "1.2e-05%",
            "5d3",
            "12345678901234567 s",
            "1,2345 s",
            "1234,567 s",
            "web-5s",
            "1h30m",
            "#5 d",
            "$HOME",
            "12 months",
            "Failed: 3\nHours: 4",
            "ip 10.0.0.1 s",
            "2024-12-20 s",
            "5\u{b5}sx",
            "$100-$500",
            "US$5-US$10",
            "100\u{20ac}-500\u{20ac}",
            "$5\u{2013}$10",
            "5%\u{2013}10%",
            "\u{2212}5%",
            "item-$5",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}

//! The units of amounts: how texts write them, and what is kept. Bits (`Mb`, `Mbps`) and months, which have no fixed
//! length, are not among them.

use super::words::{Key, Sieve};

/// Currencies that are taken (ISO 4217). Codes that are English words (`ALL`, `TOP`, `TRY`) are left out.
#[rustfmt::skip]
const CURRENCIES: [&str; 28] = [
    "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "CAD", "AUD", "NZD", "INR", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF",
    "RON", "ILS", "ZAR", "BRL", "MXN", "SGD", "HKD", "KRW", "TWD", "THB", "AED", "SAR",
];
const CURRENCY_KEYS: [Key; 28] = Key::all(CURRENCIES);

/// The currency that a code says.
pub(super) fn currency(code: &str) -> Option<&'static str> {
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let key = Key::of(code);
    let place = CURRENCY_KEYS.iter().position(|known| *known == key)?;
    CURRENCIES.get(place).copied()
}

/// The unit that letters behind a number say, short or a word.
pub(super) fn any(letters: &str) -> Option<&'static str> {
    const LONGEST_SHORT: usize = "msec".len();
    let short = if letters.len() <= LONGEST_SHORT {
        short(letters)
    } else {
        None
    };
    short.or_else(|| word(letters))
}

/// The unit that letters right behind a number say: `5s`, `12GB`, `512Mi`. Case counts: `Mb` is a megabit; but nobody
/// who writes `gb` means bits.
fn short(letters: &str) -> Option<&'static str> {
    Some(match letters {
        "ns" => "ns",
        "us" => "us",
        "ms" | "msec" => "ms",
        "s" | "sec" | "secs" => "s",
        "min" | "mins" => "min",
        "h" | "hr" | "hrs" => "h",
        "d" => "d",
        "w" => "w",
        "KB" | "kB" | "kb" => "kB",
        "MB" | "mb" => "MB",
        "GB" | "gb" => "GB",
        "TB" | "tb" => "TB",
        "PB" | "pb" => "PB",
        "KiB" | "Ki" => "KiB",
        "MiB" | "Mi" => "MiB",
        "GiB" | "Gi" => "GiB",
        "TiB" | "Ti" => "TiB",
        "PiB" | "Pi" => "PiB",
        _ => return None,
    })
}

/// Units as whole words, without the `s` of the plural, and what they become.
#[rustfmt::skip]
const WORDS: [&str; 19] = [
    "percent", "nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "byte",
    "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte", "kibibyte", "mebibyte", "gibibyte", "tebibyte",
];
#[rustfmt::skip]
const UNITS: [&str; 19] = [
    "%", "ns", "us", "ms", "s", "min", "h", "d", "w", "B",
    "kB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB",
];
const WORD_KEYS: [Key; 19] = Key::all(WORDS);
static WORD_SIEVE: Sieve = Sieve::NONE.with(&WORDS);

/// The unit that a word says, in whatever case.
fn word(letters: &str) -> Option<&'static str> {
    let single = letters.strip_suffix(['s', 'S']).unwrap_or(letters);
    if !WORD_SIEVE.lets_pass(single) {
        return None;
    }
    let key = Key::of(single);
    let place = WORD_KEYS.iter().position(|known| *known == key)?;
    UNITS.get(place).copied()
}

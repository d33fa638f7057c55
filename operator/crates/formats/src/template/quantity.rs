//! Numbers, and numbers with their units.

use super::found::{Found, is_word_end, leading};
use super::{DURATION, NUM, PERCENT, SIZE};

/// Units of time that are written to the number. `m` is minutes; that it is a thousandth of a CPU in Kubernetes matters
/// little: both vary.
const TIME_UNITS: [&str; 16] = [
    "ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "m", "min", "mins", "h", "hr", "hrs", "d", "w",
];

/// The same as words of their own. Single letters are not: `5 s` is rare, and `3 d` may be anything.
const TIME_WORDS: [&str; 26] = [
    "ns",
    "us",
    "µs",
    "μs",
    "ms",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "hr",
    "hrs",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "millisecond",
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "msec",
];

/// Units of size, and of size in a second, that are written to the number.
const SIZE_UNITS: [&str; 32] = [
    "B", "k", "K", "M", "G", "T", "kB", "KB", "MB", "GB", "TB", "PB", "kb", "mb", "gb", "Ki", "Mi", "Gi",
    "Ti", "Pi", "KiB", "MiB", "GiB", "TiB", "PiB", "bps", "kbps", "Kbps", "Mbps", "Gbps", "bytes", "byte",
];

/// The same as words of their own.
const SIZE_WORDS: [&str; 22] = [
    "B", "kB", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB", "kb", "mb", "gb", "bps",
    "kbps", "Kbps", "Mbps", "Gbps", "bytes", "byte",
];

/// A number: also with groups of thousands, several dots as versions have them, an exponent.
pub(super) fn number(rest: &[u8]) -> Found {
    match decimal(rest) {
        0 => None,
        length => Some((NUM, length)),
    }
}

/// A number with a unit of time or size, or a percentage.
pub(super) fn with_unit(rest: &[u8]) -> Found {
    let joined = || Some((DURATION, iso_duration(rest).or_else(|| duration(rest))?));
    joined().or_else(|| {
        let length = Some(decimal(rest)).filter(|length| *length > 0)?;
        let (mask, unit) = unit(rest.get(length..)?)?;
        Some((mask, length + unit))
    })
}

/// What follows a number as its unit.
fn unit(behind: &[u8]) -> Found {
    let (words, space) = match behind {
        [b' ', words @ ..] => (words, 1),
        _ => (behind, 0),
    };
    if words.starts_with(b"%") {
        return Some((PERCENT, space + 1));
    }
    let lists: [(&[&str], &'static str); 2] = match space {
        0 => [(&TIME_UNITS, DURATION), (&SIZE_UNITS, SIZE)],
        _ => [(&TIME_WORDS, DURATION), (&SIZE_WORDS, SIZE)],
    };
    lists
        .into_iter()
        .find_map(|(units, mask)| Some((mask, space + listed(words, units)?)))
}

/// The unit that a text begins with, as a whole word.
fn listed(text: &[u8], units: &[&str]) -> Option<usize> {
    let is_there = |unit: &&&str| text.starts_with(unit.as_bytes()) && is_word_end(text, unit.len());
    units.iter().find(is_there).map(|unit| unit.len())
}

/// `1h2m3.5s`, as Go writes durations.
fn duration(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let ahead = rest.get(at..)?;
        let digits = leading(ahead, |byte| byte.is_ascii_digit() || *byte == b'.');
        if !ahead.first()?.is_ascii_digit() {
            return None;
        }
        let behind = ahead.get(digits..)?;
        if let Some(last) = listed(behind, &TIME_UNITS) {
            return Some(at + digits + last);
        }
        let more = leading(behind, |byte| matches!(byte, b'h' | b'm' | b's' | b'd' | b'w'));
        if !(1..=2).contains(&more) {
            return None;
        }
        at += digits + more;
    }
}

/// `PT1H30M`, as ISO 8601 and Java write them.
fn iso_duration(rest: &[u8]) -> Option<usize> {
    let parts = rest.strip_prefix(b"PT")?;
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'H' | b'M' | b'S');
    let length = leading(parts, is_part);
    let is_whole =
        parts.first()?.is_ascii_digit() && matches!(parts.get(..length)?.last()?, b'H' | b'M' | b'S');
    (is_whole && is_word_end(parts, length)).then_some(2 + length)
}

/// How many bytes are a number; 0 for none.
fn decimal(rest: &[u8]) -> usize {
    let mut length = leading(rest, u8::is_ascii_digit);
    if length == 0 {
        return 0;
    }
    if length <= 3 {
        while let Some([b',', a, b, c]) = rest.get(length..length + 4)
            && [a, b, c].into_iter().all(u8::is_ascii_digit)
            && !rest.get(length + 4).is_some_and(u8::is_ascii_digit)
        {
            length += 4;
        }
    }
    while let Some([b'.', digits @ ..]) = rest.get(length..)
        && digits.first().is_some_and(u8::is_ascii_digit)
    {
        length += 1 + leading(digits, u8::is_ascii_digit);
    }
    length + exponent(rest.get(length..).unwrap_or_default())
}

/// The `e-05` of a number.
fn exponent(behind: &[u8]) -> usize {
    let [b'e' | b'E', power @ ..] = behind else {
        return 0;
    };
    let sign = usize::from(matches!(power.first(), Some(b'+' | b'-')));
    match leading(power.get(sign..).unwrap_or_default(), u8::is_ascii_digit) {
        digits if digits > 0 && is_word_end(power, sign + digits) => 1 + sign + digits,
        _ => 0,
    }
}

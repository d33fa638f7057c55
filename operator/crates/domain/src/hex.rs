//! Bytes as hexadecimal digits, in either case when they are read, in lower case when they are written.

/// The two digits of a byte.
pub fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte & 0xf)]
}

/// The byte of two digits.
pub fn byte(digits: [u8; 2]) -> Option<u8> {
    number(digits).and_then(|number| u8::try_from(number).ok())
}

/// What each byte is as a digit; [`NO_DIGIT`] when it is none.
const DIGIT_VALUES: [u8; 256] = digit_values();
const NO_DIGIT: u8 = 0x80;

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler"
)]
const fn digit_values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(value) = (byte as u8 as char).to_digit(16) {
            values[byte] = value as u8;
        }
        byte += 1;
    }
    values
}

/// The number of up to 16 digits. In 64 bits, which processors shift faster than 128; all digits are looked at before
/// any is judged.
pub(crate) fn number<const DIGITS: usize>(digits: [u8; DIGITS]) -> Option<u64> {
    let value = |digit: u8| DIGIT_VALUES.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let (bits, seen) = digits.iter().fold((0, 0), |(bits, seen), digit| {
        let value = value(*digit);
        (bits << 4 | u64::from(value), seen | value)
    });
    (seen < NO_DIGIT).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_reads_back_in_either_case() {
        for all in 0..=u8::MAX {
            let written = digits(all);
            assert_eq!(byte(written), Some(all));
            assert_eq!(byte(written.map(|digit| digit.to_ascii_uppercase())), Some(all));
        }
        assert_eq!(digits(0xaf), *b"af");
    }

    #[test]
    fn what_is_no_digit_makes_no_byte() {
        for pair in [*b"g0", *b"0g", *b" 1", *b"+1", [0xff, b'0']] {
            assert_eq!(byte(pair), None, "{pair:?}");
        }
    }
}

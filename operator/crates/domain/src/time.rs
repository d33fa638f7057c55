//! UTC time in milliseconds: the log's time, an event's times, every deadline. Reads no clock.

use std::fmt;
use std::time::Duration;

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, in whole milliseconds since 1970. Written as RFC 3339 with three fraction digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl Time {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self(0);

    /// The moment `millis` milliseconds after 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whether this is the absent value (1970 itself), as in a field that was left out.
    pub const fn is_epoch(&self) -> bool {
        self.0 == 0
    }

    /// This moment plus `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339 (`2024-12-20T10:30:00Z`, any offset).
    ///
    /// # Errors
    /// The text is no such time, or lies outside of jiff's years (±9999).
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        match parse_utc(text.as_bytes()) {
            Some(at) => Ok(at),
            None => text.parse::<jiff::Timestamp>().map(Self::from),
        }
    }

    /// Appends RFC 3339 in UTC with three fraction digits to `out`.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let (days, millis) = (self.0.div_euclid(DAY_MILLIS), self.0.rem_euclid(DAY_MILLIS));
        let (year, month, day) = civil_from_days(days);
        if !(0..=9999).contains(&year) {
            // Beyond four digits the notation has a sign; that is jiff's. What is beyond its calendar too becomes
            // the last moment within.
            let text = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
            out.extend_from_slice(PRINTER.timestamp_to_string(&text).as_bytes());
            return;
        }
        let seconds = millis / 1000;
        let [y1, y2] = two_digits(year / 100);
        let [y3, y4] = two_digits(year % 100);
        let ([m1, m2], [d1, d2]) = (two_digits(month), two_digits(day));
        let [h1, h2] = two_digits(seconds / 3600);
        let ([n1, n2], [s1, s2]) = (two_digits(seconds / 60 % 60), two_digits(seconds % 60));
        let ([_, f1], [f2, f3]) = (two_digits(millis % 1000 / 100), two_digits(millis % 100));
        out.extend_from_slice(&[
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'.', f1,
            f2, f3, b'Z',
        ]);
    }
}

/// Milliseconds of a day; UTC as computers count it has no leap seconds.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The two decimal digits of a number from 0 to 99.
fn two_digits(number: i64) -> [u8; 2] {
    let number = u8::try_from(number).unwrap_or(0);
    [b'0' + number / 10, b'0' + number % 10]
}

/// Year, month and day of a day counted from 1970 (the proleptic Gregorian calendar; Hinnant's algorithm
/// `civil_from_days` in "chrono-Compatible Low-Level Date Algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from 1970 of a date (Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The notation that nearly every sender uses, `2024-12-20T10:30:00[.123456789]Z`; `None` for any other, and for
/// whatever looks odd, which is left to jiff to judge.
fn parse_utc(text: &[u8]) -> Option<Time> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = head
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    // Days that every month has; the rest of the calendar is jiff's.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match rest.split_last()? {
        (b'Z', []) => 0,
        (b'Z', [b'.', digits @ ..]) if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(9 - u32::try_from(digits.len()).ok()?) / 1_000_000
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    // Before 1970 fractions count the other way round.
    (seconds >= 0).then(|| Time(seconds * 1000 + fraction))
}

impl From<jiff::Timestamp> for Time {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        PRINTER
            .print_timestamp(&at, jiff::fmt::StdFmtWrite(f))
            .map_err(|_| fmt::Error)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

struct Rfc3339;

impl serde::de::Visitor<'_> for Rfc3339 {
    type Value = Time;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
        Time::parse(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        deserializer.deserialize_str(Rfc3339)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_three_fraction_digits_in_utc() {
        assert_eq!(
            Time::parse("2024-12-20T12:30:00+02:00").unwrap().to_string(),
            "2024-12-20T10:30:00.000Z"
        );
    }

    proptest::proptest! {
        #[test]
        fn our_notation_is_jiffs(millis in -62_167_219_200_000_i64..253_402_300_800_000, digits in "[0-9]{1,9}") {
            let at = Time::from_millis(millis);
            let mut written = Vec::new();
            at.write_rfc3339(&mut written);
            let written = String::from_utf8(written).unwrap();
            proptest::prop_assert_eq!(&written, &at.to_string());
            proptest::prop_assert_eq!(Time::parse(&written).unwrap(), at);
            let finer = format!("{}.{digits}Z", &written[..19]);
            proptest::prop_assert_eq!(Time::parse(&finer).unwrap(), Time::from(finer.parse::<jiff::Timestamp>().unwrap()));
        }
    }

    #[test]
    fn times_survive_both_encodings() {
        let at = Time::from_millis(1_734_690_600_123);
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), at);
        let bytes = postcard::to_allocvec(&at).unwrap();
        assert_eq!(postcard::from_bytes::<Time>(&bytes).unwrap(), at);
    }
}

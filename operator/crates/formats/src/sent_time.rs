//! Reading the times that senders write: RFC 3339, RFC 2822 with its RFC 1123 form, and epochs. A time that
//! cannot be read is an error: an event at a guessed moment would be counted in the wrong window.

use std::time::Duration;

use domain::event::bounds;
use domain::time::Time;
use jiff::fmt::rfc2822;

use crate::field::Field;
use crate::refusal::{Path, Quoted, Refusal};

/// Go's zero time, which its senders write for "not set".
const GO_ZERO: &str = "0001-01-01T00:00:00";

/// Below these an epoch is in seconds, milliseconds or microseconds, else in nanoseconds. As seconds the first
/// is the year 5138; as milliseconds, 1973: no monitor means either.
const SECONDS_BELOW: f64 = 1e11;
const MILLIS_BELOW: f64 = 1e14;
const MICROS_BELOW: f64 = 1e17;

const READABLE: &str = "send RFC 3339 with a zone (2024-12-20T10:30:00Z), RFC 1123, or an epoch number";

/// Half a millisecond, added before the rest is dropped: 10.123 s is a hair less in binary.
const ROUNDING: Duration = Duration::from_micros(500);

/// The moment in `field`. Nothing for what is left out, null, blank, 0 or Go's zero time.
pub(crate) fn read(field: &Field<'_>, at: &Path<'_>) -> Result<Option<Time>, Refusal> {
    match field {
        Field::Absent => Ok(None),
        Field::Text(text) => read_text(text.trim_ascii()).map_err(|()| {
            Refusal::invalid(
                at,
                format_args!("{} is no time since 1970; {READABLE}", Quoted(text)),
            )
        }),
        Field::Number(number) => number.as_f64().ok_or(()).and_then(from_epoch).map_err(|()| {
            Refusal::invalid(
                at,
                format_args!("{number} is no time between 1970 and 9999; {READABLE}"),
            )
        }),
        other => Err(Refusal::invalid(
            at,
            format_args!("{}, not a time; {READABLE}", other.kind()),
        )),
    }
}

/// A sender's moment, no later than its receipt plus [`bounds::FUTURE_MILLIS`].
pub(crate) fn clamped(sent: Time, received_at: Time) -> Time {
    sent.min(Time::from_millis(
        received_at.millis().saturating_add(bounds::FUTURE_MILLIS),
    ))
}

fn read_text(text: &str) -> Result<Option<Time>, ()> {
    if text.is_empty() || text.starts_with(GO_ZERO) {
        return Ok(None);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        if looks_like_date(text) {
            return Err(());
        }
        return from_epoch(text.parse().map_err(drop)?);
    }
    let rfc2822 = || {
        // The date is what counts where the name of its day is another's, as in samples that AWS publishes.
        rfc2822::DateTimeParser::new()
            .relaxed_weekday(true)
            .parse_timestamp(text)
            .map(Time::from)
    };
    let at = Time::parse(text).or_else(|_| rfc2822()).map_err(drop)?;
    match at.millis() {
        0 => Ok(None),
        1.. => Ok(Some(at)),
        _ => Err(()),
    }
}

/// Whether the digits are a date of the basic notation, `20241220` or `20241220103000`, whose zone nobody says: as an
/// epoch it would be a day of 1970, or of the year 2611.
fn looks_like_date(digits: &str) -> bool {
    matches!(digits.len(), 8 | 14) && (digits.starts_with("19") || digits.starts_with("20"))
}

fn from_epoch(number: f64) -> Result<Option<Time>, ()> {
    let seconds = match number {
        seconds if seconds < SECONDS_BELOW => seconds,
        millis if millis < MILLIS_BELOW => millis / 1e3,
        micros if micros < MICROS_BELOW => micros / 1e6,
        nanos => nanos / 1e9,
    };
    let since_1970 = Duration::try_from_secs_f64(seconds)
        .map_err(drop)?
        .saturating_add(ROUNDING);
    let millis = i64::try_from(since_1970.as_millis()).map_err(drop)?;
    let at = jiff::Timestamp::from_millisecond(millis).map_err(drop)?;
    Ok(Some(Time::from(at)).filter(|at| !at.is_epoch()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Place;

    fn reads(json: &str) -> Option<String> {
        let field: Field<'_> = serde_json::from_str(json).unwrap();
        read(&field, &Place::Body.field("timestamp"))
            .unwrap()
            .map(|at| at.to_string())
    }

    #[test]
    fn every_notation_of_one_moment_reads_alike() {
        for json in [
            r#""2024-12-20T10:30:00Z""#,
            r#""2024-12-20T12:30:00.000000001+02:00""#,
            r#""2024-12-20 10:30:00Z""#,
            r#""Fri, 20 Dec 2024 10:30:00 GMT""#,
            r#""Fri, 20 Dec 2024 11:30:00 +0100""#,
            r#"" 1734690600 ""#,
            r#""1734690600000""#,
            "1734690600",
            "1734690600.0",
            "1734690600000",
            "1734690600000000",
            "1734690600000000000",
        ] {
            assert_eq!(reads(json).as_deref(), Some("2024-12-20T10:30:00.000Z"), "{json}");
        }
        assert_eq!(
            reads("1734690600.123").as_deref(),
            Some("2024-12-20T10:30:00.123Z")
        );
        assert_eq!(
            reads("1734690600123").as_deref(),
            Some("2024-12-20T10:30:00.123Z")
        );
        assert_eq!(
            reads(r#""Sun, 1 Dec 2024 10:30:00 GMT""#).as_deref(),
            Some("2024-12-01T10:30:00.000Z")
        );
        assert_eq!(
            reads(r#""Sat, 05 Jun 2016 15:10:09 GMT""#).as_deref(),
            Some("2016-06-05T15:10:09.000Z"),
            "a Sunday"
        );
    }

    #[test]
    fn what_senders_write_for_no_time_is_no_time() {
        for json in [
            "null",
            r#""""#,
            "0",
            r#""0001-01-01T00:00:00Z""#,
            r#""1970-01-01T00:00:00Z""#,
        ] {
            assert_eq!(reads(json), None, "{json}");
        }
    }

    #[test]
    fn an_unreadable_time_is_refused_with_advice() {
        for json in [
            r#""yesterday""#,
            r#""2024-12-20T10:30:00""#,
            r#""20/12/2024""#,
            r#""20241220""#,
            r#""19991231235959""#,
            r#""20241220103000""#,
            r#""1969-12-31T23:59:59Z""#,
            r#""1.2.3""#,
            "-5",
            "1e300",
            "true",
            "[1]",
        ] {
            let field: Field<'_> = serde_json::from_str(json).unwrap();
            let refusal = read(&field, &Place::Element("", 2).field("timestamp")).unwrap_err();
            assert!(
                refusal.message.starts_with("[2].timestamp: "),
                "{json}: {}",
                refusal.message
            );
            assert!(refusal.message.ends_with(READABLE), "{json}: {}", refusal.message);
        }
    }

    #[test]
    fn a_clock_ahead_is_clamped_to_five_minutes() {
        let received = Time::parse("2024-12-20T10:30:00Z").unwrap();
        let ahead = Time::parse("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(clamped(ahead, received).to_string(), "2024-12-20T10:35:00.000Z");
        assert_eq!(clamped(received, received), received);
    }
}

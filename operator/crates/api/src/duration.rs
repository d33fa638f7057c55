//! Durations as users write them: `30s`, `5m`, `1h30m`, `7d`, with the units of Prometheus and Alertmanager.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a duration must look like: days, hours, minutes, seconds, in this order, each at most once.
pub const PATTERN: &str = "^([0-9]{1,5}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$";
/// Characters of the longest text that [`PATTERN`] takes.
pub const MAX_CHARS: u32 = 27;

/// Units with their length in seconds, in the order in which they are written.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// A duration as written. Keeps the text, so that an object with a text that this version does not read is
/// still an object, and the log carries what the user wrote; [`Duration::to_std`] says what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(String);

/// A text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no duration: write days, hours, minutes and seconds in this order, such as 30s, 5m, 1h30m or 7d"
)]
pub struct DurationError {
    /// The text as written.
    pub text: String,
}

impl Duration {
    /// Keeps `text` as a duration, whatever it says.
    pub fn written(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How long it is.
    ///
    /// # Errors
    /// The text does not follow [`PATTERN`].
    pub fn to_std(&self) -> Result<std::time::Duration, DurationError> {
        parse(&self.0).ok_or_else(|| DurationError { text: self.0.clone() })
    }
}

fn parse(text: &str) -> Option<std::time::Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, length) in UNITS {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at_checked(digits)?;
        if let Some(after) = tail.strip_prefix(unit) {
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then(|| std::time::Duration::from_secs(seconds))
}

impl From<std::time::Duration> for Duration {
    /// The shortest text; parts of a second are cut.
    fn from(duration: std::time::Duration) -> Self {
        let mut rest = duration.as_secs();
        let parts = UNITS.map(|(unit, length)| {
            let whole = rest / length;
            rest %= length;
            if whole == 0 {
                String::new()
            } else {
                format!("{whole}{unit}")
            }
        });
        let text = parts.concat();
        Self(if text.is_empty() { "0s".to_owned() } else { text })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl schemars::JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // 2: the shortest duration is a digit and a unit; the pattern alone would take the empty text.
        schemars::json_schema!({ "type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": MAX_CHARS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration as Std;

    #[test]
    fn texts_mean_what_prometheus_users_expect() {
        for (text, seconds) in [
            ("0s", 0),
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("90m", 5400),
            ("1d1s", 86_401),
        ] {
            assert_eq!(
                Duration::written(text).to_std(),
                Ok(Std::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_named_with_an_example() {
        for text in [
            "",
            "5",
            "5 m",
            "-5m",
            "5ms",
            "1.5h",
            "30m1h",
            "5m5m",
            "m",
            "5M",
            "99999999999999999999s",
        ] {
            let error = Duration::written(text).to_std().unwrap_err().to_string();
            assert!(
                error.contains(&format!("{text:?}")) && error.contains("1h30m"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(seconds in 0_u64..=366 * 86_400) {
            let printed = Duration::from(Std::from_secs(seconds));
            prop_assert!(printed.as_str().len() <= MAX_CHARS as usize);
            prop_assert_eq!(printed.to_std(), Ok(Std::from_secs(seconds)));
        }

        #[test]
        fn the_schemas_pattern_and_the_parser_agree(text in "[0-9]{0,2}[dhmsx]?[0-9]{0,2}[dhms]?[0-9]?[ms]?") {
            let taken = text.len() >= 2 && regex::Regex::new(PATTERN).unwrap().is_match(&text);
            prop_assert_eq!(taken, Duration::written(text).to_std().is_ok());
        }
    }
}

//! Not written yet.
use serde::Deserialize;

use crate::{Input, Items, Reason, Refusal};

/// What a `CloudWatch` alarm in state `INSUFFICIENT_DATA` becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum InsufficientData {
    /// No event: the alarm stays what it was.
    #[default]
    Ignore,
    /// A problem, as ALARM.
    Firing,
    /// The end of one, as OK.
    Resolved,
}

pub(crate) fn parse<'a>(
    text: &'a str,
    input: Input<'a>,
    insufficient_data: InsufficientData,
) -> Result<Items<'a>, Refusal> {
    let _ = (text, input, insufficient_data);
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    Ok(vec![text])
}

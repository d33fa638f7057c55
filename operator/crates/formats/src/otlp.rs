//! Not written yet.
use std::borrow::Cow;

use crate::{Input, Items, Reason, Refusal};

pub(crate) fn parse<'a>(input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let _ = input;
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

pub(crate) fn texts(input: Input<'_>) -> Vec<Cow<'_, str>> {
    let _ = input;
    Vec::new()
}

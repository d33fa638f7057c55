//! Not written yet.
use crate::{Input, Items, Reason, Refusal};

pub(crate) fn parse<'a>(input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let _ = input;
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

pub(crate) fn texts<'a>(text: &'a str, input: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    let _ = input;
    Ok(vec![text])
}

//! Not written yet.
use crate::{Input, Items, Reason, Refusal};

pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    let _ = (text, input);
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

pub(crate) fn texts<'a>(text: &'a str, _: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    Ok(vec![text])
}

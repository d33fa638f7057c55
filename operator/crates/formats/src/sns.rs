//! Not written yet.
use crate::{Input, Items, Reader, Reason, Refusal};

pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>, message: &'a Reader) -> Result<Items<'a>, Refusal> {
    let _ = (text, input, message);
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

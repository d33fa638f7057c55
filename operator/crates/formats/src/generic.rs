//! Not written yet.
use std::borrow::Cow;

use serde::Deserialize;

use crate::{Input, Items, Reason, Refusal, SettingsError};

/// Where each field of an event comes from, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct MappingSpec {
    /// The title.
    pub title: String,
}

/// A mapping ready to be used.
#[derive(Debug)]
pub(crate) struct Mapping;

impl Mapping {
    pub(crate) fn compile(_: &MappingSpec) -> Result<Self, SettingsError> {
        Ok(Self)
    }
}

pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>, mapping: &'a Mapping) -> Result<Items<'a>, Refusal> {
    let _ = (text, input, mapping);
    Err(Refusal::new(Reason::WrongShape, "not written yet"))
}

pub(crate) fn texts<'a>(text: &'a str, mapping: &Mapping) -> Vec<Cow<'a, str>> {
    let _ = mapping;
    vec![Cow::Borrowed(text)]
}

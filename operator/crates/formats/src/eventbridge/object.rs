//! A JSON object whose members are read when they are asked for: of AWS's large documents an event needs a few
//! members, at several depths. Knows where it stands in the body, so that a refusal can say so.

use std::borrow::Cow;
use std::fmt;

use domain::json::{RawJson, Text};
use domain::time::Time;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body::{self, Elements};
use crate::data::{self, Member};
use crate::field::Field;
use crate::labels::Pair;
use crate::refusal::{Path, Place, Refusal};
use crate::sent_time;

/// An object of the body.
pub(super) struct Object<'a> {
    place: Place,
    /// Its path within the item; empty when it is the item.
    path: &'static str,
    /// As JSON.
    text: &'a str,
    members: Vec<Member<'a>>,
}

/// The members of an object in their order.
struct Members<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// Reads an item.
    pub(super) fn of(text: &'a str, place: Place) -> Result<Self, Refusal> {
        let Members(members) = body::object(text, place)?;
        Ok(Self {
            place,
            path: "",
            text,
            members,
        })
    }

    fn empty(place: Place, path: &'static str) -> Self {
        Self {
            place,
            path,
            text: "{}",
            members: Vec::new(),
        }
    }

    /// Where it stands.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// All of it, on one line.
    pub(super) fn as_sent(&self) -> Result<RawJson<'a>, Refusal> {
        let at = self.at("");
        let raw = serde_json::from_str(self.text)
            .map_err(|error| Refusal::invalid(&at, format_args!("not readable: {error}")))?;
        data::as_sent(raw, &at)
    }

    /// The members that are not among `known`.
    pub(super) fn others(&self, known: &[&str]) -> Vec<Member<'a>> {
        let others = self.members.iter().filter(|(name, _)| !known.contains(&&**name));
        others.cloned().collect()
    }

    /// The members in their order.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter()
    }

    /// The members as scalars, in their order; empty for every other.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'a>> {
        let members = self.members.iter();
        members.map(|(name, value)| (name.clone(), scalar(Some(value))))
    }

    /// The path of a member.
    pub(super) fn at(&self, name: &'static str) -> Path<'static> {
        match self.path {
            "" => self.place.field(name),
            path => self.place.member(path, name),
        }
    }

    /// A member's text as JSON; none when it is left out or null. Of several with one name the last counts.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.members.iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// Whether there is such a member, other than null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A member as a scalar.
    fn field(&self, name: &'static str) -> Result<Field<'a>, Refusal> {
        self.raw(name).map_or(Ok(Field::Absent), |raw| {
            serde_json::from_str(raw.get())
                .map_err(|error| Refusal::invalid(&self.at(name), format_args!("not readable: {error}")))
        })
    }

    /// A member that must be text when it is there.
    pub(super) fn text(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        self.field(name)?.text(&self.at(name))
    }

    /// A member that must be there and be text.
    pub(super) fn required(&self, name: &'static str, advice: &str) -> Result<Cow<'a, str>, Refusal> {
        match self.text(name)? {
            text if text.is_empty() => Err(Refusal::missing(&self.at(name), advice)),
            text => Ok(text),
        }
    }

    /// A member that an event can do without: any scalar as text, empty for everything else.
    pub(super) fn scalar(&self, name: &str) -> Cow<'a, str> {
        scalar(self.raw(name))
    }

    /// The first of `names` that is a scalar and not blank.
    pub(super) fn first(&self, names: &[&str]) -> Cow<'a, str> {
        let texts = names.iter().map(|name| self.scalar(name));
        texts
            .into_iter()
            .find(|text| !text.trim().is_empty())
            .unwrap_or_default()
    }

    /// A moment; one that cannot be read is refused.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<Time>, Refusal> {
        sent_time::read(&self.field(name)?, &self.at(name))
    }

    /// The first of `names` that is a moment.
    pub(super) fn first_time(&self, names: &[&'static str]) -> Result<Option<Time>, Refusal> {
        for name in names {
            if let Some(at) = self.time(name)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// A member that must be an object when it is there; empty when it is not. `path` is its path within the item.
    pub(super) fn object(&self, name: &'static str, path: &'static str) -> Result<Self, Refusal> {
        let Some(raw) = self.raw(name) else {
            return Ok(Self::empty(self.place, path));
        };
        if !raw.get().starts_with('{') {
            let problem = format!("{}, not an object", body::kind_of(raw.get()));
            return Err(Refusal::invalid(&self.at(name), problem));
        }
        let Members(members) = serde_json::from_str(raw.get())
            .map_err(|error| Refusal::invalid(&self.at(name), format_args!("not readable: {error}")))?;
        Ok(Self {
            place: self.place,
            path,
            text: raw.get(),
            members,
        })
    }

    /// A member that an event can do without, as an object; empty for everything else.
    pub(super) fn lenient_object(&self, name: &str) -> Self {
        self.raw(name)
            .and_then(|raw| self.member_object(raw))
            .unwrap_or_else(|| Self::empty(self.place, self.path))
    }

    /// The objects of a list that an event can do without.
    pub(super) fn objects(&self, name: &str) -> impl Iterator<Item = Self> {
        list(self.raw(name))
            .into_iter()
            .filter_map(|raw| self.member_object(raw))
    }

    /// The texts of a list that an event can do without.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let elements = list(self.raw(name)).into_iter();
        elements
            .map(|raw| scalar(Some(raw)))
            .filter(|text| !text.trim().is_empty())
    }

    fn member_object(&self, raw: &'a RawValue) -> Option<Self> {
        let Members(members) = serde_json::from_str(raw.get()).ok()?;
        Some(Self {
            place: self.place,
            path: self.path,
            text: raw.get(),
            members,
        })
    }
}

fn scalar<'a>(raw: Option<&'a RawValue>) -> Cow<'a, str> {
    let field: Option<Field<'a>> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    field.and_then(Field::scalar).unwrap_or_default()
}

fn list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    let elements = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    elements.map(|Elements(elements)| elements).unwrap_or_default()
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // AWS's envelope has nine members, its alarms twenty.
                let mut members = Vec::with_capacity(16);
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Any)
    }
}

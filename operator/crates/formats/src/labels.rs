//! Labels: reading them, the identity that they are, the bounds they are cut to, and the few names that whole
//! ecosystems agree on (`instance`, `pod`, `team` …).

use std::borrow::Cow;
use std::fmt;

use domain::event::bounds::{LABEL_NAME_BYTES, LABEL_VALUE_BYTES, LABELS};
use domain::event::{Event, clip};
use domain::hash::Hash128;
use domain::json::{Labels, Text};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::authority;
use crate::cut;
use crate::field::Field;
use crate::refusal::{Place, Refusal};

/// A label as sent: name and value, not cut yet.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What a format lets label values be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Texts only, as in Prometheus.
    Texts,
    /// Numbers and truth values too, taken as their text.
    Scalars,
}

/// A labels object as sent. What is wrong with it is remembered until the parser can say where it stood.
#[derive(Default)]
pub(crate) struct LabelMap<'a> {
    pairs: Vec<Pair<'a>>,
    /// The first value that is no text: its name, its kind, and whether it is a scalar.
    odd: Option<Odd>,
    /// The kind of the whole value when that is no object.
    not_an_object: Option<&'static str>,
}

struct Odd {
    name: String,
    kind: &'static str,
    scalar: bool,
}

impl<'a> LabelMap<'a> {
    /// The labels with a value; an empty one is no label (so for Prometheus and Alertmanager too).
    pub(crate) fn pairs(self, place: Place, allowed: Values) -> Result<Vec<Pair<'a>>, Refusal> {
        if let Some(kind) = self.not_an_object {
            let at = place.field("labels");
            return Err(Refusal::invalid(
                &at,
                format_args!("{kind}, not an object of names and values"),
            ));
        }
        match self.odd {
            Some(odd) if allowed == Values::Texts || !odd.scalar => {
                let at = place.member("labels", &odd.name);
                Err(Refusal::invalid(
                    &at,
                    format_args!("{}, not a text; put it in quotes", odd.kind),
                ))
            }
            _ => Ok(self.pairs),
        }
    }

    /// Whether a value is a list or an object, or the whole is no object.
    pub(crate) fn has_nested_values(&self) -> bool {
        self.not_an_object.is_some() || self.odd.as_ref().is_some_and(|odd| !odd.scalar)
    }

    fn add(&mut self, name: Cow<'a, str>, value: Field<'a>) {
        match value {
            Field::Text(text) if !text.is_empty() => self.pairs.push((name, text)),
            Field::Text(_) | Field::Absent => {}
            odd => self.add_odd(name, odd),
        }
    }

    #[cold]
    fn add_odd(&mut self, name: Cow<'a, str>, value: Field<'a>) {
        let kind = value.kind();
        let text = value.scalar();
        // A list weighs more than a number: it is refused even where numbers are taken.
        if self.odd.as_ref().is_none_or(|odd| odd.scalar && text.is_none()) {
            self.odd = Some(Odd {
                name: name.clone().into_owned(),
                kind,
                scalar: text.is_some(),
            });
        }
        self.pairs.extend(text.map(|text| (name, text)));
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LabelMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyLabels)
    }
}

struct AnyLabels;

impl AnyLabels {
    fn not_an_object<'de>(kind: &'static str) -> LabelMap<'de> {
        LabelMap {
            not_an_object: Some(kind),
            ..LabelMap::default()
        }
    }
}

impl<'de> Visitor<'de> for AnyLabels {
    type Value = LabelMap<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Alerts have about ten labels; sixteen spare most of them a second allocation.
        let mut labels = LabelMap {
            pairs: Vec::with_capacity(16),
            ..LabelMap::default()
        };
        while let Some((Text(name), value)) = map.next_entry()? {
            labels.add(name, value);
        }
        Ok(labels)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(LabelMap::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::not_an_object("a list"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Self::not_an_object("a text"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Self::not_an_object("a true or false"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object("a number"))
    }
}

/// The hash of a set of labels, as `scope` (a format, a source, a cluster) knows it. Independent of their order.
pub(crate) fn identity(scope: [&str; 3], labels: &Labels<'_>) -> Hash128 {
    let pairs = || labels.iter().flat_map(|(name, value)| [name, value]);
    let parts = || scope.into_iter().chain(pairs());
    // Each part behind its length, written as one character, is one text to hash: a third fewer bytes than the
    // parts with the eight bytes of length that they get below, and hashing is the dearest step of an alert.
    let mut joined = String::with_capacity(512);
    for part in parts() {
        let Some(length) = u32::try_from(part.len()).ok().and_then(char::from_u32) else {
            return Hash128::of(parts());
        };
        joined.push(length);
        joined.push_str(part);
    }
    Hash128::of([joined.as_str()])
}

/// The labels that a format names itself, those of them that say something, within the bounds as [`fit`] has it.
pub(crate) fn named<'a>(
    pairs: impl IntoIterator<Item = (&'static str, Cow<'a, str>)>,
) -> (Labels<'a>, usize) {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.trim().is_empty());
    fit(Labels::new(
        pairs.map(|(name, value)| (name.into(), value)).collect(),
    ))
}

/// Cuts labels to the bounds; also how many were left out or shortened. Of too many the first by name stay.
pub(crate) fn fit(mut labels: Labels<'_>) -> (Labels<'_>, usize) {
    let fits =
        |(name, value): (&str, &str)| name.len() <= LABEL_NAME_BYTES && value.len() <= LABEL_VALUE_BYTES;
    let cut = labels
        .iter()
        .enumerate()
        .filter(|(index, pair)| *index >= LABELS || !fits(*pair))
        .count();
    if cut == 0 {
        return (labels, 0);
    }
    let pairs = labels.values_mut().take(LABELS).map(|(name, value)| {
        let value = cut::short(std::mem::take(value));
        (Cow::Owned(clip(name, LABEL_NAME_BYTES).to_owned()), value)
    });
    (Labels::new(pairs.collect()), cut)
}

/// The fields of an event that labels commonly carry. Where several names mean one thing, the most specific wins.
#[derive(Default)]
pub(crate) struct WellKnown<'a> {
    pub(crate) alertname: Cow<'a, str>,
    pub(crate) severity: Cow<'a, str>,
    region: Cow<'a, str>,
    instance: Cow<'a, str>,
    node: Cow<'a, str>,
    hostname: Cow<'a, str>,
    namespace: Cow<'a, str>,
    workload: Ranked<'a>,
    service: Ranked<'a>,
    environment: Ranked<'a>,
    team: Ranked<'a>,
    account: Ranked<'a>,
}

/// A value with the rank of the name that it came by; the lowest rank stays.
#[derive(Default)]
struct Ranked<'a>(Option<(u8, Cow<'a, str>)>);

impl<'a> Ranked<'a> {
    fn offer(&mut self, rank: u8, value: Cow<'a, str>) {
        if self.0.as_ref().is_none_or(|(known, _)| rank < *known) {
            self.0 = Some((rank, value));
        }
    }

    fn take(&mut self) -> Cow<'a, str> {
        cut::short(self.0.take().map(|(_, value)| value).unwrap_or_default())
    }
}

impl<'a> WellKnown<'a> {
    /// Finds the names among `labels`.
    pub(crate) fn of(labels: &[Pair<'a>]) -> Self {
        let mut known = Self::default();
        for (name, value) in labels {
            match &**name {
                "alertname" => known.alertname.clone_from(value),
                "severity" => known.severity.clone_from(value),
                "region" => known.region.clone_from(value),
                "instance" => known.instance.clone_from(value),
                "node" => known.node.clone_from(value),
                "hostname" => known.hostname.clone_from(value),
                "namespace" => known.namespace.clone_from(value),
                "pod" => known.workload.offer(0, value.clone()),
                "persistentvolumeclaim" => known.workload.offer(1, value.clone()),
                "deployment" => known.workload.offer(2, value.clone()),
                "statefulset" => known.workload.offer(3, value.clone()),
                "daemonset" => known.workload.offer(4, value.clone()),
                "job_name" => known.workload.offer(5, value.clone()),
                "cronjob" => known.workload.offer(6, value.clone()),
                "service" => known.service.offer(0, value.clone()),
                "app" => known.service.offer(1, value.clone()),
                "job" => known.service.offer(2, value.clone()),
                "environment" => known.environment.offer(0, value.clone()),
                "env" => known.environment.offer(1, value.clone()),
                "team" => known.team.offer(0, value.clone()),
                "owner" => known.team.offer(1, value.clone()),
                "account" => known.account.offer(0, value.clone()),
                "account_id" => known.account.offer(1, value.clone()),
                _ => {}
            }
        }
        known
    }

    /// Writes whose the thing is and where it stands, where labels say so.
    pub(crate) fn write_owner(&mut self, event: &mut Event<'a>) {
        event.team = self.team.take();
        event.environment = self.environment.take();
        event.account = self.account.take();
        event.region = cut::short(std::mem::take(&mut self.region));
    }

    /// Writes the thing concerned: a workload's name, else where it runs; its service; its host without a port.
    pub(crate) fn write_thing(&mut self, event: &mut Event<'a>) {
        let places = [&self.instance, &self.node, &self.hostname];
        event.host = cut::short(authority::host(first(places)));
        event.service = self.service.take();
        event.resource = self.workload.take();
        if event.resource.is_empty() {
            let [instance, node, hostname] = places;
            event.resource = cut::short(first([instance, node, hostname, &self.namespace]));
        }
    }
}

fn first<'a, const N: usize>(texts: [&Cow<'a, str>; N]) -> Cow<'a, str> {
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(json: &str) -> Labels<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn identity_keeps_names_values_and_scopes_apart() {
        let all = [
            identity(["f", "s", ""], &labels(r#"{"a":"b"}"#)),
            identity(["f", "s", "a"], &labels(r#"{"b":"c"}"#)),
            identity(["f", "t", ""], &labels(r#"{"a":"b"}"#)),
            identity(["f", "s", ""], &labels(r#"{"a":"b","c":"d"}"#)),
            identity(["f", "s", ""], &labels(r#"{"a":"b\u0000c\u0000d"}"#)),
            identity(["f", "s", ""], &labels(r#"{"a\u0000b\u0000c":"d"}"#)),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{index}");
        }
    }

    #[test]
    fn labels_beyond_the_bounds_are_cut_and_counted() {
        let json = |name: &str, value: &str| format!("{{{name:?}:{value:?},\"a\":\"b\"}}");
        let long = json(&"n".repeat(64), &"v".repeat(257));
        let (fitted, cut) = fit(labels(&long));
        assert_eq!(cut, 1);
        assert_eq!(fitted.get(&"n".repeat(63)).unwrap().len(), 256);
        let many: Vec<_> = (0..70)
            .map(|n| (Cow::Owned(format!("l{n:02}")), Cow::Borrowed("v")))
            .collect();
        let (fitted, cut) = fit(Labels::new(many));
        assert_eq!(
            (fitted.len(), cut, fitted.get("l63"), fitted.get("l64")),
            (64, 6, Some("v"), None)
        );
    }

    #[test]
    fn the_most_specific_of_the_agreed_names_wins() {
        let pairs = |list: &[(&'static str, &'static str)]| -> Vec<Pair<'static>> {
            list.iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let thing = |list: &[(&'static str, &'static str)]| {
            let mut event = Event::default();
            WellKnown::of(&pairs(list)).write_thing(&mut event);
            [event.resource, event.host, event.service].map(Cow::into_owned)
        };
        let labels = [
            ("deployment", "web"),
            ("instance", "10.0.0.1:80"),
            ("job", "j"),
            ("pod", "web-1"),
            ("app", "shop"),
        ];
        assert_eq!(thing(&labels), ["web-1", "10.0.0.1", "shop"]);
        assert_eq!(thing(&[("namespace", "shop"), ("node", "n1")]), ["n1", "n1", ""]);
        assert_eq!(thing(&[("namespace", "shop")]), ["shop", "", ""]);
    }
}

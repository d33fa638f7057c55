//! `alertmanager`: the webhook of Alertmanager (version 4, an object with `alerts`) and the list that
//! Prometheus posts to Alertmanager's API (`/api/v2/alerts`). Schemas: prometheus.io/docs/alerting/latest/
//! configuration (`webhook_config`) and `api/v2/openapi.yaml` of prometheus/alertmanager.
//!
//! * Identity: an alert of the webhook is its `fingerprint` and the Alertmanager it came through; versions
//!   before 0.19 send none, and the labels take its place. A posted alert is its labels. All of it within the
//!   configured source: Alertmanagers that nobody gave an external URL have the same. The two are not one
//!   problem: who sends both ways gets both, and should not.
//! * An alert needs `labels.alertname`. Alertmanager itself takes any one label, but an event without a type or
//!   a title helps nobody; every rule of Prometheus has one.
//! * Occurrence: fingerprint and `startsAt`. A repeat of a firing alert is the same occurrence.
//! * A posted alert says by `endsAt` whether it fires, as Alertmanager reads it, and without one fires for
//!   five minutes. In the webhook `status` decides, else the group's, else `endsAt`.
//! * `data` is the annotations object. What the envelope has beyond `status` and `externalURL` (group key, common
//!   labels, receiver) describes Alertmanager's own grouping and is not kept.

use std::borrow::Cow;

use serde::de::Deserialize;
use serde_json::value::RawValue;

use crate::alert::{self, Dialect, Envelope, Extra, Sender};
use crate::body::{self, Elements};
use crate::data::{self, Member};
use crate::links::Link;
use crate::refusal::{Reason, Refusal};
use crate::{Format, Input, Items};

/// Makes events of a webhook's alerts or of posted alerts.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    alert::parse::<Alertmanager>(text, input)
}

/// The text of each alert.
pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    alert::texts::<Alertmanager>(text)
}

struct Alertmanager;

impl Dialect for Alertmanager {
    type Extra<'a> = Skipped;

    fn split<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(Elements<T>, Sender<'a>), Refusal> {
        if text.starts_with('[') {
            return Ok((Elements::of_body(text)?, Sender::Api));
        }
        let mut envelope: Envelope<'a, T> =
            serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
        let Some(alerts) = envelope.alerts.take().map(Elements::bounded).transpose()? else {
            let message = "no list `alerts`; send Alertmanager's webhook (version 4), or a list of alerts";
            return Err(Refusal::new(Reason::WrongShape, message));
        };
        Ok((alerts, Sender::of(Format::Alertmanager, envelope)))
    }
}

/// Nothing is kept of what an alert has beyond the known members; Alertmanager sends nothing more.
#[derive(Default)]
struct Skipped {
    has_nested: bool,
}

impl<'a> Extra<'a> for Skipped {
    fn take(&mut self, _: Cow<'a, str>, value: &'a RawValue) {
        self.has_nested |= data::is_nested(value);
    }

    fn may_be_deep(&self) -> bool {
        self.has_nested
    }

    fn links(&mut self) -> Vec<Link<'a>> {
        Vec::new()
    }

    fn members(self) -> Vec<Member<'a>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Time;
    use proptest::prelude::*;

    use super::*;

    fn shard() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            r#""labels":{"alertname":"A","b":"c"}"#,
            r#""labels":{"alertname":"A","b":1}"#,
            r#""labels":[]"#,
            r#""status":"firing""#,
            r#""status":{"state":"active"}"#,
            r#""status":"x""#,
            r#""startsAt":"2024-12-20T10:00:00Z""#,
            r#""endsAt":5"#,
            r#""annotations":null"#,
            r#""annotations":{"summary":"s","value":"1"}"#,
            r#""annotations":{"summary":["s"],"more":[[1]]}"#,
            r#""annotations":"none""#,
            r#""more":[[[1]]]"#,
            r#""more":1e999"#,
            r#""more":"\ud800""#,
            r#""generatorURL":"http://p/""#,
            r#""fingerprint":"f1""#,
        ])
    }

    proptest! {
        #[test]
        fn alerts_mean_the_same_at_once_and_one_by_one(
            alerts in prop::collection::vec(prop::collection::vec(shard(), 0..5), 1..4),
            is_posted in any::<bool>(),
        ) {
            let alerts: Vec<_> = alerts.iter().map(|members| format!("{{{}}}", members.join(","))).collect();
            let list = format!("[{}]", alerts.join(" , "));
            let body = if is_posted { list } else { format!(r#"{{"alerts":{list},"externalURL":"http://am/"}}"#) };
            let input = Input { body: body.as_bytes(), headers: &[], received_at: Time::from_millis(1_734_690_605_000), source: "s" };
            prop_assert_eq!(&texts(&body).unwrap(), &alerts);
            let one_by_one: Vec<_> = alert::one_by_one::<Alertmanager>(&body, input).unwrap().collect();
            if let Some(at_once) = alert::at_once::<Alertmanager>(&body, input) {
                prop_assert_eq!(at_once.collect::<Vec<_>>(), one_by_one);
            } else {
                let is_odd = |alert: &String| ["[", r#"{"state""#].iter().any(|odd| alert.contains(odd));
                prop_assert!(alerts.iter().any(is_odd));
            }
        }
    }
}

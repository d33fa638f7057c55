//! `grafana`: the webhook of Grafana's unified alerting (since Grafana 8). Schema: grafana/alerting,
//! `receivers/webhook/v1/webhook.go` and `ExtendedAlert` in `templates/`; Grafana's documentation, "Configure webhook
//! notifications".
//!
//! The body is Alertmanager's with more members, and is read as that is (`alert.rs`). What differs:
//!
//! * Identity is the alert's `fingerprint`, the organisation (`orgId`) and the Grafana (`externalURL`), within the
//!   configured source.
//! * A rule whose query fails or returns nothing fires as alert `DatasourceError` or `DatasourceNoData`; which rule it
//!   was says label `rulename`, so that becomes type and title.
//! * `dashboardURL`, `panelURL`, `silenceURL` and `imageURL` become links. What else an alert has (`values`,
//!   `valueString`, `ruleUID`, `enrichments`) stands in `data` beside the annotations.
//!
//! Not read: the envelope's `title`, `message` and `state`, which describe the notification and not an alert; bodies of
//! a custom payload without `alerts`; legacy dashboard alerts (`evalMatches`), which Grafana 11 removed.

use std::borrow::Cow;

use domain::event::Event;
use serde::de::{Deserialize, IgnoredAny};
use serde_json::value::RawValue;

use crate::alert::{self, Dialect, Envelope, Extra, Sender};
use crate::body::{self, Elements, MAX_DEPTH};
use crate::data::Member;
use crate::field::Field;
use crate::links::{self, Link};
use crate::refusal::{Reason, Refusal};
use crate::{Format, Input, Items, cut};

/// The members of an alert that are links for people.
const LINKS: [&str; 4] = ["dashboardURL", "imageURL", "panelURL", "silenceURL"];

/// The alerts that Grafana raises about a rule instead of the rule's own, with what they say of it.
const ABOUT_RULES: [(&str, &str); 2] = [
    ("DatasourceNoData", "no data"),
    ("DatasourceError", "datasource error"),
];

/// Makes events of a notification's alerts.
pub(crate) fn parse<'a>(text: &'a str, input: Input<'a>) -> Result<Items<'a>, Refusal> {
    alert::parse::<Grafana>(text, input)
}

/// The text of each alert.
pub(crate) fn texts(text: &str) -> Result<Vec<&str>, Refusal> {
    alert::texts::<Grafana>(text)
}

struct Grafana;

impl Dialect for Grafana {
    type Extra<'a> = Beyond<'a>;

    fn split<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(Elements<T>, Sender<'a>), Refusal> {
        if !text.starts_with('{') {
            return Err(no_object(text));
        }
        let mut envelope: Envelope<'a, T> =
            serde_json::from_str(text).map_err(|error| body::unreadable(&error))?;
        let Some(alerts) = envelope.alerts.take().map(Elements::bounded).transpose()? else {
            return Err(no_alerts(envelope.is_legacy));
        };
        let org_id = std::mem::take(&mut envelope.org_id).scalar().unwrap_or_default();
        Ok((alerts, Sender::of(Format::Grafana, envelope).within(org_id)))
    }

    fn finish(event: &mut Event<'_>) {
        let about = ABOUT_RULES.into_iter().find(|(alert, _)| *alert == event.kind);
        let rule = event.labels.get("rulename").map(str::trim).unwrap_or_default();
        if let (Some((_, what)), false) = (about, rule.is_empty()) {
            let rule = rule.to_owned();
            event.title = cut::title(Cow::Owned(format!("{rule}: {what}")));
            event.kind = cut::short(Cow::Owned(rule));
        }
    }
}

fn no_object(text: &str) -> Refusal {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => body::unreadable(&error),
        Ok(_) => Refusal::new(
            Reason::WrongShape,
            format!(
                "the body is {}; remove the contact point's custom payload, or read it with format generic",
                body::kind_of(text)
            ),
        ),
    }
}

fn no_alerts(is_legacy: bool) -> Refusal {
    let message = if is_legacy {
        "this is Grafana's legacy alerting, which Grafana 11 removed; move the rule to Grafana Alerting, or read it with format generic"
    } else {
        "no list `alerts`; remove the contact point's custom payload, or read it with format generic"
    };
    Refusal::new(Reason::WrongShape, message)
}

/// What a Grafana alert has beyond Alertmanager's.
#[derive(Default)]
struct Beyond<'a> {
    links: Vec<Link<'a>>,
    members: Vec<Member<'a>>,
    has_deep: bool,
}

impl<'a> Extra<'a> for Beyond<'a> {
    fn take(&mut self, name: Cow<'a, str>, value: &'a RawValue) {
        let link = LINKS.into_iter().find(|known| *known == name);
        match (link, serde_json::from_str(value.get())) {
            (_, Ok(Field::Absent)) => {}
            (_, Ok(Field::Text(text))) if text.is_empty() => {}
            (Some(name), Ok(Field::Text(url))) if links::is_usable(&url) => self.links.push((name, url)),
            _ => {
                self.has_deep |= body::too_deep(value.get(), MAX_DEPTH - 1);
                self.members.push((name, value));
            }
        }
    }

    fn may_be_deep(&self) -> bool {
        self.has_deep
    }

    fn links(&mut self) -> Vec<Link<'a>> {
        std::mem::take(&mut self.links)
    }

    fn members(self) -> Vec<Member<'a>> {
        self.members
    }
}

#[cfg(test)]
mod tests {
    use domain::event::EventState;
    use domain::time::Time;
    use proptest::prelude::*;

    use super::*;

    fn input(body: &str) -> Input<'_> {
        Input {
            body: body.as_bytes(),
            headers: &[],
            received_at: Time::from_millis(1_734_690_605_000),
            source: "s",
        }
    }

    fn refusal(body: &str) -> Refusal {
        parse(body, input(body)).err().unwrap()
    }

    /// The event of one alert of `envelope`, which is more members of the body.
    fn event(envelope: &str, alert: &str) -> Event<'static> {
        let body = format!(r#"{{{envelope}"alerts":[{{{alert}}}]}}"#);
        let item = parse(&body, input(&body)).unwrap().next().unwrap();
        item.result.unwrap().into_owned()
    }

    const LABELS: &str = r#""labels":{"alertname":"A"}"#;

    #[test]
    fn a_resolve_is_of_the_same_problem_and_occurrence_as_its_firing() {
        let of = |status: &str, ends_at: &str| {
            let alert = format!(
                r#""status":"{status}",{LABELS},"fingerprint":"f1","startsAt":"2024-12-20T10:00:00Z","endsAt":"{ends_at}""#
            );
            event(r#""orgId":1,"externalURL":"https://g/","#, &alert)
        };
        let firing = of("firing", "0001-01-01T00:00:00Z");
        let resolved = of("resolved", "2024-12-20T10:20:00Z");
        assert_eq!(
            (firing.state, resolved.state),
            (EventState::Firing, EventState::Resolved)
        );
        assert_eq!(firing.fingerprint, resolved.fingerprint);
        assert_eq!(firing.occurrence_key, resolved.occurrence_key);
        assert!(firing.occurred_at < resolved.occurred_at);
    }

    #[test]
    fn organisations_and_grafanas_do_not_share_problems() {
        for alert in [
            format!(r#"{LABELS},"fingerprint":"f1""#),
            format!(r#"{LABELS},"fingerprint":"""#),
        ] {
            let of = |envelope: &str| event(envelope, &alert).fingerprint;
            let all = [
                of(r#""orgId":1,"externalURL":"https://g/","#),
                of(r#""orgId":2,"externalURL":"https://g/","#),
                of(r#""orgId":1,"externalURL":"https://h/","#),
                of(""),
            ];
            for (index, one) in all.iter().enumerate() {
                assert!(all.iter().skip(index + 1).all(|other| other != one), "{index}");
            }
            assert_eq!(all[0], of(r#""orgId":"1","externalURL":"http://g","#));
        }
    }

    #[test]
    fn an_alert_about_a_rule_is_named_after_the_rule() {
        let of = |alertname: &str, rule: &str| {
            let labels = format!(r#""labels":{{"alertname":"{alertname}","rulename":"{rule}"}}"#);
            let event = event(
                "",
                &format!(r#"{labels},"annotations":{{"summary":"CPU is [no value]"}}"#),
            );
            (event.kind.into_owned(), event.title.into_owned())
        };
        let named = |kind: &str, title: &str| (kind.to_owned(), title.to_owned());
        assert_eq!(of("DatasourceNoData", "CPU"), named("CPU", "CPU: no data"));
        assert_eq!(
            of("DatasourceError", "CPU"),
            named("CPU", "CPU: datasource error")
        );
        assert_eq!(
            of("DatasourceError", " "),
            named("DatasourceError", "CPU is [no value]")
        );
        assert_eq!(of("Other", "CPU"), named("Other", "CPU is [no value]"));
    }

    #[test]
    fn only_web_addresses_become_links_and_the_rest_stays_in_data() {
        let event = event(
            "",
            &format!(
                r#"{LABELS},"generatorURL":"?orgId=1","silenceURL":"https://g/s","panelURL":"javascript:1","dashboardURL":"","imageURL":null,"values":{{"B":1.5}}"#
            ),
        );
        let links: Vec<_> = event.links.iter().collect();
        assert_eq!(links, [("silenceURL", "https://g/s")]);
        assert_eq!(
            event.data.unwrap().get(),
            r#"{"panelURL":"javascript:1","values":{"B":1.5}}"#
        );
    }

    #[test]
    fn bodies_that_are_not_unified_alerting_are_refused_with_what_to_do() {
        let legacy = r#"{"evalMatches":[],"ruleName":"r","ruleUrl":"http://g/","state":"alerting","title":"[Alerting] r"}"#;
        assert!(refusal(legacy).message.contains("legacy alerting"));
        for custom in [r#"{"text":"CPU is high"}"#, "[]", "\"CPU is high\""] {
            let refusal = refusal(custom);
            assert_eq!(refusal.reason, Reason::WrongShape);
            assert!(refusal.message.contains("custom payload"), "{refusal}");
        }
        assert_eq!(refusal("CPU is high").reason, Reason::InvalidJson);
    }

    fn shard() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            LABELS,
            r#""labels":{"alertname":"DatasourceError","rulename":"R"}"#,
            r#""labels":[]"#,
            r#""status":"resolved""#,
            r#""annotations":{"summary":"s","values":"1"}"#,
            r#""values":{"A":1,"B":[2]}"#,
            r#""values":null"#,
            r#""valueString":"\ud800""#,
            r#""silenceURL":"http://g/""#,
            r#""imageURL":[[1]]"#,
            r#""more":1e999"#,
        ])
    }

    proptest! {
        #[test]
        fn alerts_mean_the_same_at_once_and_one_by_one(
            alerts in prop::collection::vec(prop::collection::vec(shard(), 0..5), 1..4),
        ) {
            let alerts: Vec<_> = alerts.iter().map(|members| format!("{{{}}}", members.join(","))).collect();
            let body = format!(r#"{{"alerts":[{}],"orgId":1}}"#, alerts.join(" , "));
            prop_assert_eq!(&texts(&body).unwrap(), &alerts);
            let one_by_one: Vec<_> = alert::one_by_one::<Grafana>(&body, input(&body)).unwrap().collect();
            if let Some(at_once) = alert::at_once::<Grafana>(&body, input(&body)) {
                prop_assert_eq!(at_once.collect::<Vec<_>>(), one_by_one);
            } else {
                prop_assert!(alerts.iter().any(|alert| alert.contains(r#""labels":[]"#)));
            }
        }
    }
}

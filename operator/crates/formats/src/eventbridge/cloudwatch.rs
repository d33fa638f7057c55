//! `CloudWatch` alarms in their three shapes: the event of `EventBridge` (`CloudWatch Alarm State Change`, and
//! `CloudWatch Alarm Contributor State Change` of one time series among several), the notification through SNS
//! (`AlarmName`, `NewStateValue` …), and what an alarm hands to a Lambda function (`alarmData`). Metric and composite
//! alarms. Schemas: the user guide of Amazon `CloudWatch`, "Alarm events and `EventBridge`", "Notifying users on alarm
//! changes" and "Alarm tags in action payloads".
//!
//! * Identity: the alarm's ARN, in all shapes; where one lacks it, account, region and name take its place. Of an
//!   alarm over several time series each one, a contributor, fires and ends by itself: its id is part of the identity.
//! * Occurrence: when the alarm went into its state. An end names the state before it and since when only in the
//!   event, and not of a contributor; there it has the occurrence of what it ends. Elsewhere it cannot, and need not:
//!   the correlator ends a problem by its fingerprint and the time.
//! * Severity: AWS has none. A tag `severity` or `priority` of the alarm, else a word in its name, else High.
//! * Region: SNS's form has a display name ("EU (Ireland)"), so it is taken from the ARN.

mod metric;
mod severity;

use std::borrow::Cow;

use domain::event::{Event, EventState};
use domain::hash::Hash128;
use domain::json::{Labels, RawJson, Strings};
use domain::time::Time;
use serde::Deserialize;

use super::InsufficientData;
use super::envelope::{self, Envelope};
use super::object::Object;
use crate::labels::{self, Pair, WellKnown};
use crate::links::is_usable;
use crate::refusal::{Path, Quoted, Refusal};
use crate::{Format, Input, cut, occurrence, sent_time};
use metric::Metric;

/// The state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alarm,
    Ok,
    InsufficientData,
}

impl State {
    fn of(word: &str) -> Option<Self> {
        let states = [
            ("ALARM", Self::Alarm),
            ("OK", Self::Ok),
            ("INSUFFICIENT_DATA", Self::InsufficientData),
        ];
        let known = states.into_iter().find(|(known, _)| *known == word.trim());
        known.map(|(_, state)| state)
    }

    fn required(word: &str, at: &Path<'_>) -> Result<Self, Refusal> {
        Self::of(word).ok_or_else(|| {
            let problem = format_args!("{} is none of ALARM, OK, INSUFFICIENT_DATA", Quoted(word));
            Refusal::invalid(at, problem)
        })
    }

    /// What it is to Opsward, if anything.
    const fn event_state(self, insufficient_data: InsufficientData) -> Option<EventState> {
        match (self, insufficient_data) {
            (Self::Alarm, _) | (Self::InsufficientData, InsufficientData::Firing) => Some(EventState::Firing),
            (Self::Ok, _) | (Self::InsufficientData, InsufficientData::Resolved) => {
                Some(EventState::Resolved)
            }
            (Self::InsufficientData, InsufficientData::Ignore) => None,
        }
    }
}

/// A change of an alarm's state.
pub(super) struct Alarm<'a> {
    delivery: Delivery<'a>,
    name: Cow<'a, str>,
    description: Cow<'a, str>,
    reason: Cow<'a, str>,
    state: State,
    changed_at: Option<Time>,
    /// The state before, and since when.
    previous: Option<(State, Option<Time>)>,
    metric: Metric<'a>,
    /// The field and the id of the time series that it is of; none of the alarm as a whole.
    contributor: Option<(&'static str, Cow<'a, str>)>,
    /// That and why `CloudWatch` itself does not act on it, as labels.
    silenced: Vec<Pair<'a>>,
    tags: Vec<Pair<'a>>,
    children: Vec<Cow<'a, str>>,
}

/// What is around the alarm itself, and differs between the shapes.
struct Delivery<'a> {
    arn: Cow<'a, str>,
    /// The field that has the ARN.
    arn_field: &'static str,
    account: Cow<'a, str>,
    region: Cow<'a, str>,
    reported: Cow<'a, str>,
    key: Cow<'a, str>,
    data: Option<RawJson<'a>>,
}

impl<'a> Alarm<'a> {
    /// Reads the event of `EventBridge`.
    pub(super) fn of_event(envelope: &Envelope<'a>) -> Result<Self, Refusal> {
        let sent = &envelope.sent;
        let arn = sent.texts("resources").find(|arn| arn.contains(":alarm:"));
        let delivery = Delivery {
            arn: arn.unwrap_or_default(),
            arn_field: "resources",
            account: envelope.account.clone(),
            region: envelope.region.clone(),
            reported: envelope.source.clone(),
            key: envelope.delivery_key(),
            data: envelope.data()?,
        };
        let state = envelope.detail.object("state", "detail.state")?;
        Self::of_detail(delivery, &envelope.detail, &state, envelope.time)
    }

    /// Reads what an alarm hands to a Lambda function.
    pub(super) fn of_invocation(sent: &Object<'a>) -> Result<Self, Refusal> {
        let delivery = Delivery {
            arn: sent.text("alarmArn")?,
            arn_field: "alarmArn",
            account: sent.scalar("accountId"),
            region: sent.scalar("region"),
            reported: sent.scalar("source"),
            key: Cow::Borrowed(""),
            data: Some(sent.as_sent()?),
        };
        let detail = sent.object("alarmData", "alarmData")?;
        let state = detail.object("state", "alarmData.state")?;
        Self::of_detail(delivery, &detail, &state, sent.time("time")?)
    }

    fn of_detail(
        delivery: Delivery<'a>,
        detail: &Object<'a>,
        state: &Object<'a>,
        sent_at: Option<Time>,
    ) -> Result<Self, Refusal> {
        let previous = detail.lenient_object("previousState");
        let configuration = detail.lenient_object("configuration");
        let sent_contributor = detail.lenient_object("alarmContributor");
        let attributes = sent_contributor.lenient_object("attributes");
        Ok(Self {
            delivery,
            name: detail.required("alarmName", "name the alarm")?,
            description: configuration.scalar("description"),
            reason: state.scalar("reason"),
            state: State::required(&state.text("value")?, &state.at("value"))?,
            changed_at: state.time("timestamp")?.or(sent_at),
            previous: State::of(&previous.scalar("value"))
                .map(|state| (state, previous.time("timestamp").unwrap_or_default())),
            metric: Metric::of_configuration(&configuration).with_dimensions(&attributes),
            contributor: contributor("alarmContributor.id", sent_contributor.scalar("id")),
            silenced: silenced(detail, state),
            tags: tags(detail, "alarmTags"),
            children: triggering(&state.scalar("reasonData")),
        })
    }

    /// Reads the notification through SNS.
    pub(super) fn of_notification(sent: &Object<'a>) -> Result<Self, Refusal> {
        let arn = sent.text("AlarmArn")?;
        let region = match arn.split(':').nth(3) {
            Some(region) if !region.is_empty() => Cow::Owned(region.to_owned()),
            _ => sent.scalar("Region"),
        };
        let delivery = Delivery {
            arn,
            arn_field: "AlarmArn",
            account: sent.scalar("AWSAccountId"),
            region,
            reported: Cow::Borrowed("aws.cloudwatch"),
            key: Cow::Borrowed(""),
            data: Some(sent.as_sent()?),
        };
        let attributes = sent.lenient_object("AlarmContributorAttributes");
        let children = sent.objects("TriggeringChildren");
        Ok(Self {
            delivery,
            name: sent.required("AlarmName", "name the alarm")?,
            description: sent.scalar("AlarmDescription"),
            reason: sent.scalar("NewStateReason"),
            state: State::required(&sent.text("NewStateValue")?, &sent.at("NewStateValue"))?,
            changed_at: sent.time("StateChangeTime")?,
            previous: State::of(&sent.scalar("OldStateValue")).map(|state| (state, None)),
            metric: Metric::of_trigger(&sent.lenient_object("Trigger")).with_dimensions(&attributes),
            contributor: contributor("AlarmContributorId", sent.scalar("AlarmContributorId")),
            // What is silenced is not given to SNS.
            silenced: Vec::new(),
            tags: tags(sent, "AlarmTags"),
            children: children.map(|child| child.scalar("Arn")).collect(),
        })
    }

    /// What it is to Opsward; none when it is nothing.
    pub(super) const fn event_state(&self, insufficient_data: InsufficientData) -> Option<EventState> {
        self.state.event_state(insufficient_data)
    }

    /// Makes an event of it.
    pub(super) fn event(self, input: &Input<'a>, insufficient_data: InsufficientData) -> (Event<'a>, usize) {
        let state = self.event_state(insufficient_data).unwrap_or(EventState::Info);
        let (fingerprint, fields) = self.identity();
        let starts_at = self.starts_at(state, insufficient_data);
        let (severity, severity_from) = severity::of(&self.name, &self.tags);
        let resources = self.children.iter().chain([&self.delivery.arn]).cloned();
        let resource = match self.metric.resource() {
            resource if resource.is_empty() => self.delivery.arn.clone(),
            resource => resource,
        };
        let mut links = Vec::new();
        if is_usable(self.description.trim()) {
            links.push(("runbook".into(), Cow::Owned(self.description.trim().to_owned())));
        }
        let mut known = WellKnown::of(&self.tags);
        let mut event = Event {
            delivery_key: self.delivery.key,
            fingerprint,
            fingerprint_fields: fields,
            occurrence_key: occurrence::key(fingerprint, starts_at),
            state,
            severity,
            severity_from: severity_from.into(),
            description: description(&self.description, &self.reason),
            kind: cut::short(self.name.clone()),
            resource: cut::short(resource),
            resources: envelope::resources(resources),
            service: cut::short(self.metric.namespace.clone()),
            links: Labels::new(links),
            data: self.delivery.data,
            occurred_at: sent_time::clamped(self.changed_at.unwrap_or(input.received_at), input.received_at),
            ..envelope::blank(self.delivery.reported, input)
        };
        known.write_owner(&mut event);
        event.account = cut::short(self.delivery.account);
        event.region = cut::short(self.delivery.region);
        let mut pairs = self.tags;
        pairs.extend(self.metric.labels());
        pairs.extend(self.silenced);
        pairs.push(("alarmName".into(), self.name.clone()));
        let (labels, labels_cut) = labels::fit(Labels::new(pairs));
        event.labels = labels;
        event.title = cut::title(self.name);
        (event, labels_cut)
    }

    fn identity(&self) -> (Hash128, Strings<'a>) {
        let scope = [Format::EventBridge.name(), "aws.cloudwatch"];
        let Delivery {
            arn,
            arn_field,
            account,
            region,
            ..
        } = &self.delivery;
        let (contributor_field, contributor) = self
            .contributor
            .as_ref()
            .map(|(field, id)| (*field, &**id))
            .unzip();
        if arn.is_empty() {
            let fields = ["account", "region", "alarmName"]
                .into_iter()
                .chain(contributor_field);
            let parts = [&**account, region, &self.name].into_iter().chain(contributor);
            return (Hash128::of(scope.into_iter().chain(parts)), fields.collect());
        }
        let fields = [*arn_field].into_iter().chain(contributor_field);
        let parts = [&**arn].into_iter().chain(contributor);
        (Hash128::of(scope.into_iter().chain(parts)), fields.collect())
    }

    /// Since when it is what it is now; of an end, since when what it ends was.
    fn starts_at(&self, state: EventState, insufficient_data: InsufficientData) -> Option<Time> {
        let fires = |state: State| state.event_state(insufficient_data) == Some(EventState::Firing);
        match (state, self.previous) {
            // A composite alarm tells of ALARM again when it is no longer suppressed.
            (EventState::Firing | EventState::Resolved, Some((before, since))) if fires(before) => {
                since.or(self.changed_at)
            }
            _ => self.changed_at,
        }
    }
}

/// The time series that an alarm over several tells of; an alarm as a whole names none.
fn contributor<'a>(field: &'static str, id: Cow<'a, str>) -> Option<(&'static str, Cow<'a, str>)> {
    (!id.trim().is_empty()).then_some((field, id))
}

/// The alarm's description and why its state changed. A description that is a link is among the links.
fn description<'a>(description: &Cow<'a, str>, reason: &Cow<'a, str>) -> Cow<'a, str> {
    let text = match description.trim() {
        "" => reason.clone(),
        link if is_usable(link) => reason.clone(),
        text if reason.trim().is_empty() => Cow::Owned(text.to_owned()),
        text => Cow::Owned(format!("{text}\n\n{reason}")),
    };
    cut::description(text, "")
}

/// The alarms that made a composite one change, which an event has as JSON within a text.
fn triggering<'a>(reason_data: &str) -> Vec<Cow<'a, str>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ReasonData {
        triggering_alarms: Vec<Triggering>,
    }
    #[derive(Deserialize)]
    struct Triggering {
        arn: String,
    }
    let data = serde_json::from_str::<ReasonData>(reason_data);
    let alarms = data.map(|data| data.triggering_alarms).unwrap_or_default();
    alarms.into_iter().map(|alarm| Cow::Owned(alarm.arn)).collect()
}

/// A suppressor of a composite alarm or a mute rule, which keep an alarm from acting. `EventBridge` is told all the same,
/// and a rule may want to leave it out.
fn silenced<'a>(detail: &Object<'a>, state: &Object<'a>) -> Vec<Pair<'a>> {
    let is_muted = detail
        .has("muteDetail")
        .then_some(("muted".into(), "true".into()));
    let suppressor = state.scalar("actionsSuppressedBy");
    let is_suppressed = !suppressor.trim().is_empty();
    let suppressed = is_suppressed.then_some(("actionsSuppressedBy".into(), suppressor));
    is_muted.into_iter().chain(suppressed).collect()
}

/// The alarm's own tags, where it is set to send them: an object, or a list of keys and values.
fn tags<'a>(sent: &Object<'a>, name: &str) -> Vec<Pair<'a>> {
    let object = sent.lenient_object(name);
    let list = sent.objects(name).map(|tag| {
        let key = tag.first(&["Key", "key", "Name", "name"]);
        (key, tag.first(&["Value", "value"]))
    });
    let pairs = object.pairs().chain(list);
    pairs
        .filter(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty())
        .collect()
}

//! The event that opened an incident, as `status.event` of an OpsEvent shows it. The comments are what
//! `kubectl explain ope.status.event` prints; what is kept of an event is `domain`'s.

use std::collections::BTreeMap;

use domain::dimensions::Urgency;
use domain::severity::Severity;
use domain::time::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::schema;

/// The event that opened the incident. Its names are those that conditions of rules use.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpeningEvent {
    /// The id that Opsward gave the event: the incident's correlationId.
    #[schemars(length(max = limits::ID_CHARS))]
    pub id: String,
    /// The sender's own id of the message; absent where the sender gives none.
    ///
    /// The same message sent again has the same key, and is a duplicate. Example: a CloudEvent's source and id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub delivery_key: String,
    /// Where the event came from.
    pub source: EventSource,
    /// What kind of event it is, in the sender's words.
    ///
    /// Example: `threshold_breach`, or an alert's name.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "type")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub kind: String,
    /// How bad this event was; the incident may have become worse since.
    #[schemars(schema_with = "schema::severity")]
    pub severity: Severity,
    /// The field that the severity was taken from, or `default`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub severity_from: String,
    /// When it happened, by the sender's clock.
    ///
    /// A time more than five minutes in the future is set back to that.
    #[schemars(schema_with = "schema::time")]
    pub occurred_at: Time,
    /// What the sender says beyond the title. Untrusted text.
    ///
    /// Cut to 1024 bytes; then it ends with `…`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::DESCRIPTION_CHARS))]
    pub description: String,
    /// The thing concerned, such as a pod, a host or an ARN.
    ///
    /// All things that the incident concerns are in `status.resources`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub resource: String,
    /// The service concerned.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub service: String,
    /// The host concerned, without a port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub host: String,
    /// The team that owns what is concerned.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub team: String,
    /// The environment, such as prod or staging.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub environment: String,
    /// The cloud account.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub account: String,
    /// The cloud region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub region: String,
    /// Names with values, as the sender gave them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::event_labels")]
    pub labels: BTreeMap<String, String>,
    /// Links that the sender gave for people, by their names. Untrusted.
    ///
    /// Example: `runbook`, `generatorURL`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::event_links")]
    pub links: BTreeMap<String, String>,
    /// Words without values, as the sender gave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::EVENT_TAGS), inner(length(max = limits::LABEL_VALUE_CHARS)))]
    pub tags: Vec<String>,
    /// How many labels, links and tags are left out here; absent when none is.
    ///
    /// They are left out when all of them come to more than 16 KiB; rules have seen them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<i64>,
    /// The text by which the problem is known again, where the sender has no id for it.
    ///
    /// What varies is masked. Example: `disk <num> full`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub template: String,
    /// Facts that the event's texts state; absent when none was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<EventDimensions>,
    /// The sender's W3C trace context, to find the trace that the event belongs to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub traceparent: String,
    /// Where the payload lies when it was too large for the log: object store and name.
    ///
    /// Absent for other events: theirs lies in the log with them, for as long as the log is kept. No payload is shown here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub data_ref: String,
}

/// Where an event came from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSource {
    /// The configured source's name; `match.sources` of a rule tests it.
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub name: String,
    /// The format in which it was sent, such as `alertmanager`.
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub format: String,
    /// What the event says of its source itself; `match.reportedSources` tests it. Untrusted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::EVENT_TEXT_CHARS))]
    pub reported: String,
}

/// Facts that an event's texts state.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventDimensions {
    /// How soon somebody has to act, as the text says: Routine, Soon or Immediate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::urgency")]
    pub urgency: Option<Urgency>,
    /// Moments that the text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::times")]
    pub dates: Vec<Time>,
    /// Cloud accounts that the text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::FACTS), inner(length(max = limits::EVENT_TEXT_CHARS)))]
    pub accounts: Vec<String>,
    /// Hosts and IP addresses that the text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::FACTS), inner(length(max = limits::EVENT_TEXT_CHARS)))]
    pub hosts: Vec<String>,
    /// Amounts that the text names, each with its unit.
    ///
    /// Example: `12.5 USD`, `97 %`, `300 ms`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::FACTS), inner(length(max = limits::EVENT_TEXT_CHARS)))]
    pub amounts: Vec<String>,
}

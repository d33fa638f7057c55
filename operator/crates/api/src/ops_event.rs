//! The kind OpsEvent: one incident, as Opsward shows it. Its comments are what `kubectl explain ope` prints;
//! how an incident is counted and ended is `domain`'s.

#![allow(
    clippy::duplicated_attributes,
    reason = "each column has a type, and clippy takes them for one attribute"
)]

use std::collections::BTreeMap;

use domain::incident::EndReason;
use domain::severity::Severity;
use domain::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::notify::Notification;
use crate::opening_event::OpeningEvent;
use crate::schema;
use crate::story::{Decision, Moment, WaitingOn};

/// What the incident is about. Written once by Opsward, but for `close`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "opsward.dev",
    version = "v1alpha1",
    kind = "OpsEvent",
    plural = "opsevents",
    shortname = "ope",
    category = "opsward",
    namespaced,
    status = "OpsEventStatus",
    derive = "PartialEq",
    doc = "An OpsEvent is one incident: one TriggerRule, one group, one episode.\n\nOpsward creates it, keeps its counters, and removes it some time after its end. To end one yourself: `kubectl patch ope NAME --type=merge -p '{\"spec\":{\"close\":{\"reason\":\"FalseAlarm\"}}}'`. Deleting an open one does not end it: it comes back under the same name.",
    selectable = ".status.phase",
    selectable = ".status.severity",
    selectable = ".spec.rule.name",
    selectable = ".spec.correlationId",
    printcolumn(
        name = "Severity",
        type_ = "string",
        json_path = ".status.severity",
        description = "The highest severity of the episode."
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "Where the incident stands."
    ),
    printcolumn(
        name = "Firing",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Firing\")].status",
        description = "Whether the problem is still there."
    ),
    printcolumn(
        name = "Count",
        type_ = "integer",
        json_path = ".status.occurrences.count",
        description = "Distinct occurrences."
    ),
    printcolumn(
        name = "Last",
        type_ = "date",
        json_path = ".status.occurrences.lastSeen",
        description = "When the newest event came."
    ),
    printcolumn(
        name = "Title",
        type_ = "string",
        json_path = ".spec.title",
        description = "The title of the event that opened the incident."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "When the OpsEvent was created."
    ),
    printcolumn(
        name = "Rule",
        type_ = "string",
        json_path = ".spec.rule.name",
        priority = 1,
        description = "The TriggerRule that opened it."
    ),
    printcolumn(
        name = "Group",
        type_ = "string",
        json_path = ".spec.groupText",
        priority = 1,
        description = "What tells it from other incidents of the rule."
    ),
    printcolumn(
        name = "Decision",
        type_ = "string",
        json_path = ".status.decision.outcome",
        priority = 1,
        description = "What a person has decided."
    ),
    printcolumn(
        name = "Correlation",
        type_ = "string",
        json_path = ".spec.correlationId",
        priority = 1,
        description = "The id that follows it through everything."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.rule == oldSelf.rule && self.group == oldSelf.group && self.groupText == oldSelf.groupText && self.correlationId == oldSelf.correlationId && self.title == oldSelf.title").message("spec is written once by Opsward; only spec.close may be set").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(oldSelf.close) || (has(self.close) && self.close == oldSelf.close)").message("spec.close is set once: this incident is closed already").reason(Reason::FieldValueForbidden)
)]
pub struct OpsEventSpec {
    /// The TriggerRule that opened the incident, in the generation it had then.
    pub rule: RuleReference,
    /// The fields of the rule's `groupBy` with their values.
    ///
    /// A rule without `groupBy` has the one field fingerprint. Example: `{host: web-server-01, service: nginx}`.
    #[schemars(schema_with = "schema::group")]
    pub group: BTreeMap<String, String>,
    /// The group as one line.
    ///
    /// Example: `host=web-server-01, service=nginx`.
    #[schemars(length(max = limits::GROUP_TEXT_CHARS))]
    pub group_text: String,
    /// The id of the event that opened the incident; it follows the incident through everything.
    #[schemars(length(max = limits::ID_CHARS))]
    pub correlation_id: String,
    /// The title of the event that opened the incident.
    #[schemars(length(max = limits::TITLE_CHARS))]
    pub title: String,
    /// Ends the incident; the one field that a person sets, once.
    ///
    /// Left out: the incident ends as its rule says. Later events of the same group stay quiet until all is
    /// clear for the rule's `resolve.reopenWithin`. Example: `{reason: FalseAlarm}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Close>,
}

/// The TriggerRule of an incident.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReference {
    /// The rule's name.
    #[schemars(length(max = limits::NAME_CHARS))]
    pub name: String,
    /// The rule's uid: a rule deleted and created again under its name is another rule.
    #[schemars(length(max = limits::ID_CHARS))]
    pub uid: String,
    /// The rule's generation when it opened the incident.
    pub generation: i64,
}

/// A person's word that the incident is over.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Close {
    /// Why the incident is over.
    ///
    /// FalseAlarm: nothing was wrong. Fixed: somebody repaired it. Duplicate: another incident covers it.
    /// Expected: planned work or a test. Accepted: known, and left as it is. Other: none of these.
    pub reason: CloseReason,
    /// Who closed it.
    ///
    /// Filled in by the API server with the name of the user that sets `reason`; nobody can write another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::USER_CHARS))]
    pub closed_by: Option<String>,
}

// The words are explained in the description of `reason`, where `kubectl explain` shows them.
/// Why a person closed an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum CloseReason {
    /// Nothing was wrong.
    FalseAlarm,
    /// Somebody repaired it.
    Fixed,
    /// Another incident covers it.
    Duplicate,
    /// Planned work or a test.
    Expected,
    /// Known, and left as it is.
    Accepted,
    /// None of the others.
    Other,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Phase {
    /// It goes on, and nobody is asked.
    #[default]
    Open,
    /// It goes on, and a person is asked what it is.
    AwaitingDecision,
    /// It goes on, and a person has it.
    Acknowledged,
    /// It has ended; a new occurrence may bring it back for a while.
    Resolved,
    /// It has ended because a person said that it is no problem.
    Discharged,
}

/// How the incident stands. Written by Opsward.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpsEventStatus {
    /// The generation of the OpsEvent that this status speaks of; it grows when the incident is closed.
    #[serde(default)]
    pub observed_generation: i64,
    /// Where the incident stands.
    ///
    /// Open: nobody is asked. AwaitingDecision: a person is asked, by a TriageDecision. Acknowledged: a person has it. Resolved:
    /// it has ended. Discharged: it has ended because a person said that it is no problem. Whether the problem itself is still there is another question; the condition Firing answers it.
    pub phase: Phase,
    /// The highest severity of the episode.
    ///
    /// From low to high: Info, Low, Medium, High, Critical. It never falls.
    #[schemars(schema_with = "schema::severity")]
    pub severity: Severity,
    /// What has been counted.
    pub occurrences: Occurrences,
    /// The event that opened the incident, without its payload.
    ///
    /// It stays the same when the incident comes back. Absent for an incident that an older Opsward opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<OpeningEvent>>,
    /// What the incident concerns: every resource that its occurrences and their repeats name.
    ///
    /// Each stands once, in the order in which they came; at most 200. Example: pods, hosts, or the ARNs on all pages of an
    /// AWS Health notice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::RESOURCES), inner(length(max = limits::RESOURCE_CHARS)))]
    pub resources: Vec<String>,
    /// How many resources there are beyond those in `resources`; at most 800 are counted.
    #[serde(default)]
    pub resources_omitted: i64,
    /// What people decided about the incident, or are asked; absent until that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// How far each channel of the rule is; absent where nobody is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::NOTIFICATIONS))]
    pub notifications: Vec<Notification>,
    /// What the incident waits for; absent once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<WaitingOn>,
    /// What happened, the newest last; at most 32. The oldest but for the opening are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::TIMELINE))]
    pub timeline: Vec<Moment>,
    /// Whether this incident gathers what the caps keep out.
    ///
    /// 1000 incidents of one rule and 5000 of one namespace may be open; what comes beyond joins one overflow incident of the
    /// rule, which ends after 10m of silence.
    #[serde(default)]
    pub overflow: bool,
    /// How often the incident came back after it had ended by itself.
    #[serde(default)]
    pub reopened: i64,
    /// When the incident was opened.
    #[schemars(schema_with = "schema::time")]
    pub opened_at: Time,
    /// When the incident ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub ended_at: Option<Time>,
    /// Why the incident ended; absent while it is open.
    ///
    /// Cleared: everything in it sent its clear or reached its end. Quiet: nothing was seen for the rule's
    /// `resolve.after`. MaxOpen: it reached the rule's `resolve.maxOpen`. Closed: a person set `spec.close`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::end_reason")]
    pub end_reason: Option<EndReason>,
    /// What holds of the incident.
    ///
    /// Firing: the problem is still there. Resolved: the incident has ended. RuleGone: its rule was deleted. Decided: a
    /// person has decided, or nobody has to. IdentityEnforced: the API server says who decides or closes; only where
    /// somebody is asked or closes.
    ///
    /// Example: `kubectl wait --for=condition=Resolved ope/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// What an incident has counted. Each number only grows.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrences {
    /// Distinct occurrences of the incident's problems.
    pub count: i64,
    /// How often an occurrence that was counted already was sent again.
    pub repeats: i64,
    /// How often the very same message arrived again.
    pub duplicates: i64,
    /// How many events came after a person had ended the incident; they page nobody.
    #[serde(default)]
    pub muted: i64,
    /// How many different problems are in the incident.
    pub members: i64,
    /// Occurrences of problems beyond the 1000 that one incident tracks.
    ///
    /// While above 0 no clear ends the incident: only silence, `maxOpen` or a person does.
    pub members_overflow: i64,
    /// When the oldest occurrence came.
    #[schemars(schema_with = "schema::time")]
    pub first_seen: Time,
    /// When the newest event came.
    #[schemars(schema_with = "schema::time")]
    pub last_seen: Time,
    /// The log position that these numbers cover.
    pub position: i64,
}

impl CloseReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::FalseAlarm,
        Self::Fixed,
        Self::Duplicate,
        Self::Expected,
        Self::Accepted,
        Self::Other,
    ];

    /// The word as users write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FalseAlarm => "FalseAlarm",
            Self::Fixed => "Fixed",
            Self::Duplicate => "Duplicate",
            Self::Expected => "Expected",
            Self::Accepted => "Accepted",
            Self::Other => "Other",
        }
    }
}

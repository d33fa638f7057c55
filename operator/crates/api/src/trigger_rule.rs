//! The kind TriggerRule: what a team writes to turn events into incidents. Its comments are what
//! `kubectl explain trule` prints; what a rule means to the correlator is `domain::rule`'s.

#![allow(
    clippy::duplicated_attributes,
    reason = "each column has a type, and clippy takes them for one attribute"
)]

use domain::rule::labels::LabelOperator;
use domain::rule::{DEFAULT_TTL, ResolveOn};
use domain::severity::Severity;
use domain::time::Time;
use domain::triage::TriageMode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approvers::Approvers;
use crate::duration::Duration;
use crate::limits;
use crate::notify::Channel;
use crate::schema;

/// What the rule takes, how it groups, when it opens an incident and how that ends.
///
/// Rules see only the events of their own namespace. An event goes to the first rule that matches it, by
/// `priority`, as in Alertmanager's routes. Changes take effect for new occurrences; open incidents keep the
/// generation that opened them.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "opsward.dev",
    version = "v1alpha1",
    kind = "TriggerRule",
    plural = "triggerrules",
    shortname = "trule",
    category = "opsward",
    namespaced,
    status = "TriggerRuleStatus",
    derive = "PartialEq",
    doc = "A TriggerRule says which events become incidents.\n\nA team writes its rules into its own namespace. Each incident of a rule is an OpsEvent in the same namespace. Example: `kubectl get trule -A` shows which rules are in force and what they have taken.",
    selectable = ".spec.suspend",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether this generation of the rule is in force."),
    printcolumn(name = "Matched", type_ = "integer", json_path = ".status.matched", description = "Occurrences that the rule has taken."),
    printcolumn(name = "Opened", type_ = "integer", json_path = ".status.opened", description = "Incidents that the rule has opened."),
    printcolumn(name = "Open", type_ = "integer", json_path = ".status.open", description = "Incidents of the rule that are open now."),
    printcolumn(name = "Last", type_ = "date", json_path = ".status.lastTriggeredAt", description = "When the rule last took an occurrence into an incident."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "When the rule was created."),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1, description = "Why the rule is ready or not."),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority", priority = 1, description = "Higher is asked first."),
    validation = Rule::new("size(self.metadata.name) <= 63").message("metadata.name: at most 63 characters, as the name of a rule is also a label of its OpsEvents")
)]
#[serde(rename_all = "camelCase")]
pub struct TriggerRuleSpec {
    /// Which events the rule takes.
    ///
    /// All parts must agree; a part that is left out asks nothing. Write `match: {}` for a rule that takes
    /// everything in its namespace, and give it a low `priority`.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Rules with a higher priority are asked first.
    ///
    /// Default 0. From -1000000 to 1000000. Rules of equal priority are asked in the order of their names.
    #[serde(default)]
    #[schemars(range(min = -limits::PRIORITY, max = limits::PRIORITY))]
    pub priority: i32,
    /// Whether later rules see the event too.
    ///
    /// Default false: the first rule that matches owns the event. With true the event also counts for the next
    /// rule that matches, each in incidents of its own.
    #[serde(default, rename = "continue")]
    pub continues: bool,
    /// Fields whose values tell one incident from another.
    ///
    /// Left out: the event's fingerprint, so that each problem is an incident of its own. Allowed: type, title,
    /// resource, service, host, team, environment, account, region, source, reportedSource, severity, and
    /// labels.NAME for any label. A field that an event lacks counts as empty. Example: `[host, service]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(max = limits::GROUP_FIELD_CHARS), regex(pattern = limits::GROUP_FIELD)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub group_by: Vec<String>,
    /// How many occurrences open an incident.
    ///
    /// Left out: the first one does. Example: `{count: 3, within: 5m}`.
    #[serde(default)]
    pub trigger: Trigger,
    /// How an incident ends, and how soon it may come back.
    ///
    /// Left out: it ends when all is clear, after 30m of silence for senders that never send a clear, and after
    /// 7d in any case. A person can end it earlier by setting `spec.close` of the OpsEvent.
    #[serde(default)]
    pub resolve: Resolve,
    /// Whether a person decides about each incident, who, and how long that may take.
    ///
    /// Left out: nobody is asked. Example: `{mode: Always, approvers: {groups: [sre]}, expireAfter: 15m, escalateTo: {groups: [sre-leads]}}`.
    #[serde(default)]
    pub triage: Triage,
    /// Where people are told of the rule's incidents, and of what.
    ///
    /// Left out: nobody is told. At most 8 channels. This part is read live: a change holds for open incidents too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::CHANNELS))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub notify: Vec<Channel>,
    /// Seconds that an OpsEvent of this rule stays after its end.
    ///
    /// Default 86400, a day. From 0, which deletes it at once, to 7776000, 90 days.
    #[serde(default = "default_ttl")]
    #[schemars(range(min = *limits::TTL_SECONDS.start(), max = *limits::TTL_SECONDS.end()))]
    pub ttl_seconds_after_finished: i64,
    /// Whether the rule takes nothing new for now.
    ///
    /// Default false. With true its events go to the next rule that matches; incidents that are open already
    /// go on to their end.
    #[serde(default)]
    pub suspend: bool,
}

/// Which events a rule takes. All parts must agree; an empty one asks nothing.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Names of configured sources; one must match.
    ///
    /// Globs: `*` stands for any text, `?` for one character. Left out: any source. These are the names in the
    /// collector's configuration, which no sender can choose. Example: `["prometheus-*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(min = 1, max = limits::GLOB_CHARS)))]
    pub sources: Vec<String>,
    /// What the event itself says of its source; one must match.
    ///
    /// Globs as in `sources`. Left out: anything. The sender chooses this text. Example: `["zabbix-*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(min = 1, max = limits::GLOB_CHARS)))]
    pub reported_sources: Vec<String>,
    /// Types of event; one must match.
    ///
    /// Globs as in `sources`. Left out: any type. The type is the sender's own word, for an alert its name.
    /// Example: `[threshold_breach, "Kube*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(min = 1, max = limits::GLOB_CHARS)))]
    pub types: Vec<String>,
    /// The lowest severity that the rule takes.
    ///
    /// Default Info, which takes all. From low to high: Info, Low, Medium, High, Critical. An event without a
    /// severity is Medium.
    #[serde(default = "lowest_severity")]
    #[schemars(schema_with = "schema::severity")]
    pub min_severity: Severity,
    /// What the event's labels must be; every requirement must hold.
    ///
    /// Left out: any labels. Example: `[{key: env, operator: In, values: [prod, staging]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS))]
    pub labels: Vec<LabelRequirement>,
    /// An expression in CEL over the event that must be true.
    ///
    /// Left out: asks nothing. The event is `event`, with the fields that `groupBy` names, and `event.labels`,
    /// `event.data` (the sender's own fields), `event.dimensions` (the facts that its texts state), `event.tags`,
    /// `event.state`. An expression that cannot be read
    /// shows in the condition Ready; an event on which it has no answer, such as a field that is not there,
    /// does not match and counts in `status.conditionErrors`. At most 1024 characters, no loops within
    /// loops, and `matches` takes its pattern as a text in quotes. Example: `event.data.cpu_usage > 90`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = limits::CONDITION_CHARS))]
    pub condition: String,
}

/// One requirement on the event's labels.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.operator in ['Exists', 'DoesNotExist'] || (has(self.values) && size(self.values) > 0)").message("values: the operators In, NotIn and Regex need at least one value").reason(Reason::FieldValueRequired),
    validation = Rule::new("!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0").message("values: the operators Exists and DoesNotExist take no values")
)]
pub struct LabelRequirement {
    /// The label's name.
    #[schemars(length(min = 1, max = limits::LABEL_NAME_CHARS))]
    pub key: String,
    /// How the label is asked.
    ///
    /// In: its value is one of `values`. NotIn: it is absent or its value is none of them. Exists and
    /// DoesNotExist: whether it is there. Regex: its whole value matches one of the regular expressions in
    /// `values`.
    #[schemars(schema_with = "schema::label_operator")]
    pub operator: LabelOperator,
    /// Values, or regular expressions, to compare with.
    ///
    /// Needed by In, NotIn and Regex; not allowed with Exists and DoesNotExist. Example: `["prod-.*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LIST_ITEMS), inner(length(max = limits::LABEL_VALUE_CHARS)))]
    pub values: Vec<String>,
}

/// How many occurrences of one group open an incident.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    /// How many occurrences are needed.
    ///
    /// Default 1: the first one opens the incident. From 1 to 10000. The same occurrence sent again does not
    /// count, and neither does a clear.
    #[schemars(range(min = *limits::TRIGGER_COUNT.start(), max = *limits::TRIGGER_COUNT.end()))]
    pub count: i64,
    /// Within which time they must come.
    ///
    /// Default 5m. From 1s to 1d. A sliding window over the time at which Opsward received them; what slides
    /// out before the count is reached shows in `status.belowThreshold`.
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("within", &limits::WITHIN)]))]
    pub within: Duration,
}

/// How an incident ends, and how soon it may come back.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [limits::rule_at_most_max_open("after"), limits::rule_at_most_max_open("reopenWithin")]))]
pub struct Resolve {
    // Not `on`: kubectl and Helm read YAML 1.1, where a bare `on` is the boolean true, also as a key.
    /// When the incident ends by itself.
    ///
    /// Default AllClear: when nothing in it fires any more. Never: only a person or `maxOpen` ends it.
    #[schemars(schema_with = "schema::resolve_on")]
    pub when: ResolveOn,
    /// How long nothing must be seen for a problem to count as clear.
    ///
    /// Default 30m. From 1s to 30d. Only for senders that never send a clear; an alert that has an end of its
    /// own, as from Alertmanager, is never taken for clear by silence.
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("after", &limits::AFTER)]))]
    pub after: Duration,
    /// How soon after its end a new occurrence brings the same incident back.
    ///
    /// Default 15m. From 0s, which means never, to 7d. Later occurrences open a new incident. An incident that a person
    /// closed does not come back: later events stay quiet until all is clear for this long, or for `maxOpen`.
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("reopenWithin", &limits::REOPEN_WITHIN)]))]
    pub reopen_within: Duration,
    /// How long an incident may stay open at most.
    ///
    /// Default 7d. From 1s to 365d. It ends then whatever still fires, with the reason MaxOpen.
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("maxOpen", &limits::MAX_OPEN)]))]
    pub max_open: Duration,
}

/// Whether a person decides about each incident of the rule.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [limits::rule_names_who_is_asked(), limits::rule_fits_one_question("users"), limits::rule_fits_one_question("groups")]))]
pub struct Triage {
    /// Whether a person is asked.
    ///
    /// Default Never: incidents go on as the rule says. Always: each incident waits for a decision, in a TriageDecision.
    #[schemars(schema_with = "schema::triage_mode")]
    pub mode: TriageMode,
    /// Who may decide.
    ///
    /// Left out: only those to whom the cluster's roles give the verb `approve` on triagedecisions.
    #[serde(skip_serializing_if = "Approvers::is_empty")]
    pub approvers: Approvers,
    /// How long a question stands before the next tier is asked.
    ///
    /// Default 15m. From 1s to 7d. Without a further tier the same people are asked again, each time for twice as long, until
    /// the incident ends. Nobody's silence is a decision.
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("expireAfter", &limits::EXPIRE_AFTER)]))]
    pub expire_after: Duration,
    /// Who may decide too, once a question has expired or somebody has escalated.
    ///
    /// Left out: there is no further tier.
    #[serde(skip_serializing_if = "Approvers::is_empty")]
    pub escalate_to: Approvers,
}

/// What Opsward says of the rule. Counters only grow, but for `open`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TriggerRuleStatus {
    /// The generation of the rule that this status speaks of.
    pub observed_generation: i64,
    /// The log position since which that generation is in force, or was refused.
    pub position: i64,
    /// Occurrences that the rule has taken.
    pub matched: i64,
    /// Incidents that the rule has opened.
    pub opened: i64,
    /// Incidents of the rule that are open now.
    pub open: i64,
    /// Occurrences that left the trigger's window before the count was reached.
    ///
    /// They are in no incident. A high number says that `trigger.count` is too high or `within` too short.
    pub below_threshold: i64,
    /// Occurrences that joined the rule's overflow incident.
    ///
    /// That happens at 1000 open incidents of one rule or 5000 of one namespace. `groupBy` is then too fine.
    pub overflow: i64,
    /// Events on which the condition gave no answer.
    ///
    /// They did not match. Guard fields that may be absent, as in `has(event.data.x) && event.data.x > 1`.
    pub condition_errors: i64,
    /// When an occurrence last opened an incident of the rule or joined one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_triggered_at: Option<Time>,
    /// What holds of the rule.
    ///
    /// Ready: this generation is in force. Ineffective: it can match nothing as things are. Notifying: people can be told; only
    /// where `notify` names channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn default_ttl() -> i64 {
    i64::try_from(DEFAULT_TTL.as_secs()).unwrap_or(*limits::TTL_SECONDS.end())
}

fn lowest_severity() -> Severity {
    Severity::Info
}

impl Default for Match {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            reported_sources: Vec::new(),
            types: Vec::new(),
            // Not the severity of an event that says none, which is Severity's own default.
            min_severity: lowest_severity(),
            labels: Vec::new(),
            condition: String::new(),
        }
    }
}

impl Default for Trigger {
    fn default() -> Self {
        let domain = domain::rule::Trigger::default();
        Self {
            count: i64::from(domain.count),
            within: domain.within.into(),
        }
    }
}

impl Default for Resolve {
    fn default() -> Self {
        let domain = domain::rule::Resolve::default();
        Self {
            when: domain.on,
            after: domain.after.into(),
            reopen_within: domain.reopen_within.into(),
            max_open: domain.max_open.into(),
        }
    }
}

impl Default for Triage {
    fn default() -> Self {
        let domain = domain::triage::Triage::default();
        Self {
            mode: domain.mode,
            approvers: domain.approvers.into(),
            expire_after: domain.expire_after.into(),
            escalate_to: domain.escalate_to.into(),
        }
    }
}

impl Default for TriggerRuleSpec {
    fn default() -> Self {
        Self {
            matches: Match::default(),
            priority: 0,
            continues: false,
            group_by: Vec::new(),
            trigger: Trigger::default(),
            resolve: Resolve::default(),
            triage: Triage::default(),
            notify: Vec::new(),
            ttl_seconds_after_finished: default_ttl(),
            suspend: false,
        }
    }
}

//! From what users write to what the correlator reads, and from what the correlator counts to what users read.

mod opening_event;

use std::sync::Arc;

use domain::incident::IncidentRecord;
use domain::notify::Terms;
use domain::rule::{RuleError, RuleSpec};
use domain::triage::TriageMode;
use serde_json::Value;

use crate::notify::Channel;
use crate::ops_event::{Occurrences, OpsEventSpec, RuleReference};
use crate::trigger_rule::{LabelRequirement, Match, Resolve, Triage, Trigger, TriggerRuleSpec};
use crate::{API_VERSION, Duration, limits};

/// Reads a rule as the log carries it: the version and the spec as the user wrote them.
///
/// # Errors
/// `InvalidSpec`: a version this build does not know, a spec that is not of that version, a value out of bounds.
pub fn rule_from_log(api_version: &str, spec_json: &str) -> Result<RuleSpec, RuleError> {
    if api_version != API_VERSION {
        return Err(invalid(format!(
            "apiVersion {api_version:?} is not one this Opsward reads; it reads {API_VERSION}: upgrade Opsward or \
             write the rule as {API_VERSION}"
        )));
    }
    let not_a_spec = |error: serde_json::Error| invalid(format!("spec: {error}"));
    let written: Value = serde_json::from_str(spec_json).map_err(not_a_spec)?;
    // From the text, as errors of a value have no line and column.
    let spec: TriggerRuleSpec = serde_json::from_str(spec_json).map_err(not_a_spec)?;
    let read = serde_json::to_value(&spec).map_err(not_a_spec)?;
    if let Some(path) = unread("spec", &written, &read) {
        return Err(invalid(format!(
            "{path}: this Opsward does not know the field; it may belong to a newer version, or be misspelt"
        )));
    }
    spec.to_rule_spec()
}

/// The first field that was written but not read. A rule without the effect of one of its fields would be
/// another rule than its author's.
fn unread(path: &str, written: &Value, read: &Value) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => written.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match read.get(name) {
                Some(read) => unread(&path, value, read),
                None => (!says_nothing(value)).then_some(path),
            }
        }),
        (Value::Array(written), Value::Array(read)) => {
            let mut pairs = written.iter().zip(read).enumerate();
            pairs.find_map(|(index, (written, read))| unread(&format!("{path}[{index}]"), written, read))
        }
        _ => None,
    }
}

/// What is left out when it is written again.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

impl TriggerRuleSpec {
    /// The rule in `domain`'s terms. Checks the schema's bounds again, as not every rule has passed an API
    /// server; `domain::rule::Rule::compile` checks expressions and fields.
    ///
    /// # Errors
    /// `InvalidSpec` naming the field that is out of bounds.
    pub fn to_rule_spec(&self) -> Result<RuleSpec, RuleError> {
        check_lists(&self.matches, &self.group_by)?;
        self.channels()?;
        let ttl = within(
            "ttlSecondsAfterFinished",
            self.ttl_seconds_after_finished,
            &limits::TTL_SECONDS,
        )?;
        Ok(RuleSpec {
            matches: matches(&self.matches),
            priority: self.priority,
            continues: self.continues,
            group_by: self.group_by.clone(),
            trigger: trigger(&self.trigger)?,
            resolve: resolve(&self.resolve)?,
            triage: Arc::new(triage(&self.triage)?),
            ttl: std::time::Duration::from_secs(ttl.unsigned_abs()),
            suspend: self.suspend,
        })
    }

    /// Where people are told, in `domain`'s terms.
    ///
    /// # Errors
    /// `InvalidSpec` naming the channel that leads nowhere, or that stands twice.
    pub fn channels(&self) -> Result<Vec<Terms>, RuleError> {
        let terms: Result<Vec<Terms>, String> = self.notify.iter().map(Channel::terms).collect();
        let terms = terms.map_err(invalid)?;
        let twice = |terms: &[Terms]| {
            let mut names: Vec<&str> = terms.iter().map(|channel| &*channel.name).collect();
            names.sort_unstable();
            let pair = names.windows(2).find(|pair| pair.first() == pair.last())?;
            pair.first()
                .map(|name| format!("spec.notify: two channels are called {name}"))
        };
        twice(&terms).map_or(Ok(terms), |said| Err(invalid(said)))
    }
}

impl From<&IncidentRecord> for OpsEventSpec {
    /// The spec of a new OpsEvent for `record`, cut to the schema's bounds.
    fn from(record: &IncidentRecord) -> Self {
        Self {
            rule: RuleReference {
                name: record.rule.name.clone(),
                uid: record.rule.uid.clone(),
                generation: record.rule.generation,
            },
            group: record
                .group
                .iter()
                .map(|(name, value)| (name.clone(), cut(value, limits::GROUP_VALUE_CHARS)))
                .collect(),
            group_text: cut(&record.group_text, limits::GROUP_TEXT_CHARS),
            correlation_id: cut(&record.correlation_id, limits::ID_CHARS),
            title: cut(&record.title, limits::TITLE_CHARS),
            close: None,
        }
    }
}

impl From<&IncidentRecord> for Occurrences {
    fn from(record: &IncidentRecord) -> Self {
        let counted = &record.occurrences;
        Self {
            count: counted.count,
            repeats: counted.repeats,
            duplicates: counted.duplicates,
            muted: record.muted,
            members: counted.members,
            members_overflow: counted.members_overflow,
            first_seen: counted.first_seen,
            last_seen: counted.last_seen,
            position: counted.position,
        }
    }
}

fn matches(written: &Match) -> domain::rule::Match {
    let requirement = |label: &LabelRequirement| domain::rule::labels::LabelRequirement {
        key: label.key.clone(),
        operator: label.operator,
        values: label.values.clone(),
    };
    domain::rule::Match {
        sources: written.sources.clone(),
        reported_sources: written.reported_sources.clone(),
        types: written.types.clone(),
        min_severity: written.min_severity,
        labels: written.labels.iter().map(requirement).collect(),
        condition: written.condition.clone(),
    }
}

fn trigger(written: &Trigger) -> Result<domain::rule::Trigger, RuleError> {
    let count = within("trigger.count", written.count, &limits::TRIGGER_COUNT)?;
    Ok(domain::rule::Trigger {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        within: duration("trigger.within", &written.within, &limits::WITHIN)?,
    })
}

fn resolve(written: &Resolve) -> Result<domain::rule::Resolve, RuleError> {
    let resolve = domain::rule::Resolve {
        on: written.when,
        after: duration("resolve.after", &written.after, &limits::AFTER)?,
        reopen_within: duration(
            "resolve.reopenWithin",
            &written.reopen_within,
            &limits::REOPEN_WITHIN,
        )?,
        max_open: duration("resolve.maxOpen", &written.max_open, &limits::MAX_OPEN)?,
    };
    let ends = [
        ("after", resolve.after, &written.after),
        ("reopenWithin", resolve.reopen_within, &written.reopen_within),
    ];
    if let Some((field, _, text)) = ends.into_iter().find(|(_, length, _)| *length > resolve.max_open) {
        let said = limits::not_at_most_max_open(field, text.as_str(), written.max_open.as_str());
        return Err(invalid(format!("spec.resolve: {said}")));
    }
    Ok(resolve)
}

fn triage(written: &Triage) -> Result<domain::triage::Triage, RuleError> {
    let Triage {
        approvers,
        escalate_to,
        ..
    } = written;
    let names_people = !(approvers.is_empty() && escalate_to.is_empty());
    if written.mode == TriageMode::Never && names_people {
        return Err(invalid(format!("spec.triage: {}", limits::NOBODY_IS_ASKED)));
    }
    let mut names = [approvers, escalate_to]
        .into_iter()
        .flat_map(|people| people.users.iter().chain(&people.groups));
    if names.any(|name| name.is_empty() || name.chars().count() > limits::APPROVER_CHARS as usize) {
        return Err(invalid(format!(
            "spec.triage: the name of a user or group has 1 to {} characters",
            limits::APPROVER_CHARS
        )));
    }
    for (kind, named) in [
        ("users", approvers.users.len() + escalate_to.users.len()),
        ("groups", approvers.groups.len() + escalate_to.groups.len()),
    ] {
        if named > limits::APPROVERS as usize {
            return Err(invalid(format!("spec.triage: {}", limits::too_many_people(kind))));
        }
    }
    Ok(domain::triage::Triage {
        mode: written.mode,
        approvers: domain::triage::Approvers::from(&written.approvers),
        expire_after: duration("triage.expireAfter", &written.expire_after, &limits::EXPIRE_AFTER)?,
        escalate_to: domain::triage::Approvers::from(&written.escalate_to),
    })
}

fn check_lists(matches: &Match, group_by: &[String]) -> Result<(), RuleError> {
    let lists = [
        ("match.sources", matches.sources.len()),
        ("match.reportedSources", matches.reported_sources.len()),
        ("match.types", matches.types.len()),
        ("match.labels", matches.labels.len()),
        (
            "match.labels[].values",
            matches
                .labels
                .iter()
                .map(|label| label.values.len())
                .max()
                .unwrap_or(0),
        ),
        ("groupBy", group_by.len()),
    ];
    match lists
        .iter()
        .find(|(_, items)| *items > limits::LIST_ITEMS as usize)
    {
        Some((field, items)) => Err(invalid(format!(
            "spec.{field}: {items} items; at most {} are allowed",
            limits::LIST_ITEMS
        ))),
        None => Ok(()),
    }
}

fn within(field: &str, value: i64, bounds: &std::ops::RangeInclusive<i64>) -> Result<i64, RuleError> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(invalid(format!(
        "spec.{field}: {value}; from {} to {} is allowed",
        bounds.start(),
        bounds.end()
    )))
}

fn duration(
    field: &str,
    written: &Duration,
    bounds: &std::ops::RangeInclusive<std::time::Duration>,
) -> Result<std::time::Duration, RuleError> {
    let length = written
        .to_std()
        .map_err(|error| invalid(format!("spec.{field}: {error}")))?;
    if bounds.contains(&length) {
        return Ok(length);
    }
    Err(invalid(format!("spec.{}", limits::not_between(field, bounds))))
}

/// The resources that an OpsEvent names for `record`, cut to the schema's bounds.
pub fn resources(record: &IncidentRecord) -> Vec<String> {
    opening_event::list(&record.resources, limits::RESOURCES, limits::RESOURCE_CHARS)
}

fn cut(text: &str, characters: u32) -> String {
    text.chars().take(characters as usize).collect()
}

fn invalid(message: String) -> RuleError {
    RuleError::InvalidSpec(message)
}

#[cfg(test)]
mod tests;

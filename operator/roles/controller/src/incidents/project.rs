//! What an incident's record looks like as an OpsEvent. Pure, and the only place that knows how a record becomes
//! an object; whether the object is then written is decided in [`super::decide`].

use std::collections::BTreeMap;

use api::conditions::{ConditionType, Reason, Statement, Truth};
use api::limits::NOTIFICATIONS;
use api::names::{LABEL_MANAGED_BY, LABEL_RULE, MANAGED_BY};
use api::notify::Notification;
use api::{OpeningEvent, OpsEvent, OpsEventSpec, OpsEventStatus, Outcome};
use domain::incident::step::Phase;
use domain::incident::{IncidentRecord, object_name};
use domain::time::Time;

use super::seen::Seen;
use super::story;
use crate::class::Class;

/// A new incident's object. The API server takes its spec and drops its status.
pub fn object(record: &IncidentRecord) -> OpsEvent {
    let mut object = OpsEvent::new(
        &object_name(&record.rule.name, &record.id),
        OpsEventSpec::from(record),
    );
    object.metadata.namespace = Some(record.namespace.clone());
    object.metadata.labels = Some(BTreeMap::from([
        (LABEL_RULE.to_owned(), record.rule.name.clone()),
        (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
    ]));
    object
}

/// The status of what is seen of `record` in `phase`, as of `now`. Transition times of conditions that the shown status
/// has stay; new ones are log times of the record where it knows them, so that a controller that was away does not
/// write its own return into history.
pub fn status(seen: &Seen<'_>, record: &IncidentRecord, phase: Phase, now: Time) -> OpsEventStatus {
    let end = record.end.as_ref();
    let old = seen.object.and_then(|object| object.status.as_ref());
    let generation = seen
        .object
        .and_then(|object| object.metadata.generation)
        .unwrap_or(1);
    let story = story::tell(seen, record, old, now);
    let mut conditions = old.map(|status| status.conditions.clone()).unwrap_or_default();
    if story.identity.is_none() {
        conditions.retain(|condition| condition.type_ != ConditionType::IdentityEnforced.as_str());
    }
    let statements = [firing(record), resolved(record), rule_gone(record)];
    for (statement, at) in statements
        .into_iter()
        .chain([story.decided])
        .chain(story.identity)
    {
        statement.put_into(&mut conditions, generation, at);
    }
    OpsEventStatus {
        observed_generation: generation,
        phase: match phase {
            Phase::Open => api::Phase::Open,
            Phase::AwaitingDecision => api::Phase::AwaitingDecision,
            Phase::Acknowledged => api::Phase::Acknowledged,
            Phase::Resolved(_) => api::Phase::Resolved,
            Phase::Discharged => api::Phase::Discharged,
        },
        severity: record.severity,
        occurrences: api::Occurrences::from(record),
        event: record
            .event
            .as_deref()
            .map(|event| Box::new(OpeningEvent::from(event))),
        resources: api::convert::resources(record),
        resources_omitted: record.resources_omitted,
        decision: Some(story.decision),
        notifications: notifications(seen),
        waiting_on: story.waiting_on,
        timeline: story.timeline,
        overflow: record.overflow,
        reopened: record.reopened,
        opened_at: record.opened_at,
        ended_at: end.map(|end| end.at),
        end_reason: end.map(|end| end.reason),
        conditions,
    }
}

/// How far the channels are.
fn notifications(seen: &Seen<'_>) -> Vec<Notification> {
    let most = if seen.shows_notifications {
        NOTIFICATIONS as usize
    } else {
        0
    };
    // Where nothing was to be told yet, there is nothing to show.
    let told = seen.notifications.iter().filter(|task| task.input.said.last > 0);
    let shown = told.take(most);
    shown.map(|task| Notification::from(*task)).collect()
}

/// How urgent it is that `new` takes the place of `old`; `None` when nothing is to be written. Counts, and resources
/// that came with them, are `Counts` here: only who knows since when they differ can call them overdue.
pub fn difference(old: Option<&OpsEventStatus>, new: &OpsEventStatus) -> Option<Class> {
    let Some(old) = old else {
        return Some(Class::Change);
    };
    if old.occurrences.position > new.occurrences.position || old == new {
        return None;
    }
    // An older definition in the cluster drops what it does not know of: a write for that alone would be repeated for
    // ever. Nothing is lost, as resources come with counts, and conditions say what was decided.
    let shows_nothing = old.event.is_none() && old.resources.is_empty();
    let tells_nothing = old.decision.is_none();
    let (shown, told) = (
        if shows_nothing { new } else { old },
        if tells_nothing { new } else { old },
    );
    let counted = OpsEventStatus {
        occurrences: new.occurrences.clone(),
        event: shown.event.clone(),
        resources: new.resources.clone(),
        resources_omitted: new.resources_omitted,
        notifications: new.notifications.clone(),
        decision: told.decision.clone(),
        waiting_on: told.waiting_on.clone(),
        timeline: told.timeline.clone(),
        overflow: told.overflow,
        ..old.clone()
    };
    if counted != *new {
        let answered = is_answered(new) && !is_answered(old);
        return Some(if answered { Class::Answer } else { Class::Change });
    }
    let muted = if tells_nothing {
        old.occurrences.muted
    } else {
        new.occurrences.muted
    };
    let shown_again = api::Occurrences {
        muted,
        ..new.occurrences.clone()
    };
    let is_dropped = (shows_nothing || tells_nothing) && old.occurrences == shown_again;
    (!is_dropped).then_some(Class::Counts)
}

/// Whether a person has decided.
fn is_answered(status: &OpsEventStatus) -> bool {
    let outcome = status.decision.as_ref().map(|decision| decision.outcome);
    matches!(outcome, Some(Outcome::Accepted | Outcome::Discharged))
}

/// The newest log time that the record knows.
fn latest(record: &IncidentRecord) -> Time {
    record.end.as_ref().map_or(record.occurrences.last_seen, |end| {
        end.at.max(record.occurrences.last_seen)
    })
}

fn firing(record: &IncidentRecord) -> (Statement, Time) {
    let (truth, reason, message) = match (&record.end, record.firing) {
        (_, ..=0) => (Truth::False, Reason::AllClear, "no member fires".to_owned()),
        // The number of firing members would change this message, and so write the object, with every alert that
        // comes or goes; `status.occurrences` has the numbers.
        (None, _) => (
            Truth::True,
            Reason::MembersFiring,
            "at least one member fires".to_owned(),
        ),
        (Some(end), _) => {
            let message = format!(
                "not followed since the end ({}); members fired then",
                end.reason.as_str()
            );
            (Truth::Unknown, Reason::Ended, message)
        }
    };
    (
        Statement::new(ConditionType::Firing, truth, reason.as_str(), message),
        latest(record),
    )
}

fn resolved(record: &IncidentRecord) -> (Statement, Time) {
    let say = |truth, reason, message| Statement::new(ConditionType::Resolved, truth, reason, message);
    if let Some(end) = &record.end {
        return (
            say(Truth::True, end.reason.as_str(), "the incident has ended"),
            end.at,
        );
    }
    let since = if record.reopened > 0 {
        latest(record)
    } else {
        record.opened_at
    };
    (
        say(Truth::False, Reason::StillOpen.as_str(), "the incident is open"),
        since,
    )
}

fn rule_gone(record: &IncidentRecord) -> (Statement, Time) {
    let (reason, message) = if record.rule_gone {
        let message = format!(
            "TriggerRule {} was deleted; the incident goes on until its clear, spec.close or its maxOpen",
            record.rule.name
        );
        (Reason::RuleDeleted, message)
    } else {
        (Reason::RulePresent, "its TriggerRule is there".to_owned())
    };
    let truth = Truth::from(record.rule_gone);
    (
        Statement::new(ConditionType::RuleGone, truth, reason.as_str(), message),
        latest(record),
    )
}

#[cfg(test)]
mod tests {
    use api::conditions::holds;
    use domain::incident::{End, EndReason};
    use domain::severity::Severity;

    use super::*;
    use crate::samples::{at, record, seen, shown};

    fn open(record: &IncidentRecord) -> OpsEventStatus {
        after(record, Phase::Open, None)
    }

    /// The status of `record` where `old` is shown.
    fn after(record: &IncidentRecord, phase: Phase, old: Option<&OpsEventStatus>) -> OpsEventStatus {
        let object = old.map(|old| OpsEvent {
            status: Some(old.clone()),
            ..shown(record)
        });
        status(&seen(Some(record), object.as_ref()), record, phase, at(60))
    }

    fn transition(status: &OpsEventStatus, of: ConditionType) -> String {
        let condition = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == of.as_str())
            .unwrap();
        condition.last_transition_time.0.to_string()
    }

    #[test]
    fn an_object_is_named_after_rule_and_incident_and_carries_the_rule_as_label() {
        let object = object(&record());
        assert_eq!(object.metadata.name.as_deref(), Some("high-cpu-k3v9q2mzra-1z4"));
        assert_eq!(object.metadata.namespace.as_deref(), Some("shop"));
        assert_eq!(object.metadata.labels.unwrap()[LABEL_RULE], "high-cpu");
        assert_eq!(object.spec.rule.generation, 2);
    }

    #[test]
    fn a_status_read_back_from_json_wants_no_write() {
        let written = open(&record());
        let json = serde_json::to_string(&written).unwrap();
        let read: OpsEventStatus = serde_json::from_str(&json).unwrap();
        let again = after(&record(), Phase::Open, Some(&read));
        assert_eq!(difference(Some(&read), &again), None);
    }

    #[test]
    fn a_lower_position_never_takes_the_place_of_a_higher_one() {
        let mut older = record();
        older.occurrences.position -= 1;
        older.occurrences.count = 1;
        older.severity = Severity::Critical;
        let shown = open(&record());
        assert_eq!(
            difference(Some(&shown), &after(&older, Phase::Open, Some(&shown))),
            None
        );
    }

    #[test]
    fn counts_alone_are_less_urgent_than_anything_else() {
        let shown = open(&record());
        let mut counted = record();
        counted.occurrences.count += 1;
        counted.occurrences.position += 256;
        assert_eq!(difference(Some(&shown), &open(&counted)), Some(Class::Counts));
        counted.severity = Severity::Critical;
        assert_eq!(difference(Some(&shown), &open(&counted)), Some(Class::Change));
        assert_eq!(difference(None, &shown), Some(Class::Change));
    }

    #[test]
    fn resources_come_with_counts_and_what_opened_the_incident_is_shown() {
        let shown = open(&record());
        let mut more = record();
        more.resources.push("web-server-02".to_owned());
        more.resources_omitted = 3;
        let new = open(&more);
        assert_eq!(difference(Some(&shown), &new), Some(Class::Counts));
        assert_eq!((new.resources.len(), new.resources_omitted), (2, 3));
        assert_eq!(new.event.unwrap().source.name, "prometheus");
    }

    #[test]
    fn what_an_older_definition_drops_is_not_written_again_and_again() {
        let new = open(&record());
        let dropped = OpsEventStatus {
            event: None,
            resources: Vec::new(),
            ..new.clone()
        };
        assert_eq!(difference(Some(&dropped), &new), None);
        let mut counted = record();
        counted.occurrences.position += 256;
        assert_eq!(difference(Some(&dropped), &open(&counted)), Some(Class::Counts));
    }

    #[test]
    fn a_clear_turns_firing_off_and_keeps_the_other_transition_times() {
        let shown = open(&record());
        let mut clear = record();
        clear.firing = 0;
        clear.occurrences.last_seen = at(90);
        let new = after(&clear, Phase::Open, Some(&shown));
        assert!(
            holds(&shown.conditions, ConditionType::Firing) && !holds(&new.conditions, ConditionType::Firing)
        );
        assert_eq!(transition(&new, ConditionType::Firing), "1970-01-01T00:01:30Z");
        assert_eq!(
            transition(&new, ConditionType::RuleGone),
            transition(&shown, ConditionType::RuleGone)
        );
    }

    #[test]
    fn an_end_is_shown_with_its_time_and_reason() {
        let mut ended = record();
        ended.end = Some(End {
            at: at(120),
            reason: EndReason::MaxOpen,
        });
        let status = after(
            &ended,
            Phase::Resolved(EndReason::MaxOpen),
            Some(&open(&record())),
        );
        assert_eq!(status.phase, api::Phase::Resolved);
        assert_eq!(
            (status.ended_at, status.end_reason),
            (Some(at(120)), Some(EndReason::MaxOpen))
        );
        assert!(holds(&status.conditions, ConditionType::Resolved));
        assert_eq!(
            transition(&status, ConditionType::Resolved),
            "1970-01-01T00:02:00Z"
        );
        let firing = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Firing")
            .unwrap();
        assert_eq!(
            (firing.status.as_str(), firing.reason.as_str()),
            ("Unknown", "Ended")
        );
    }

    #[test]
    fn more_firing_members_change_no_condition() {
        let mut more = record();
        more.firing += 5;
        assert_eq!(open(&record()).conditions, open(&more).conditions);
    }

    #[test]
    fn a_deleted_rule_is_said() {
        let mut gone = record();
        gone.rule_gone = true;
        assert!(holds(&open(&gone).conditions, ConditionType::RuleGone));
    }
}

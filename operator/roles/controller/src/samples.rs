//! Records and objects that the tests of this crate start from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::OpsEvent;
use domain::incident::opening_event::{OpeningEvent, OpeningSource};
use domain::incident::step::{CloseWish, Phase};
use domain::incident::{IncidentRecord, Occurrences};
use domain::rule::RuleIdentity;
use domain::rule::record::{RuleCounters, RuleRecord};
use domain::severity::Severity;
use domain::time::Time;

use crate::incidents::project;
use crate::incidents::question::Questions;
use crate::incidents::seen::{Identity, NamespaceState, Presence, Seen};

/// `seconds` after 1970.
pub fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// An open incident of rule `high-cpu`, opened at 60 s.
pub fn record() -> IncidentRecord {
    IncidentRecord {
        id: "k3v9q2mzra-1z4".to_owned(),
        namespace: "shop".to_owned(),
        rule: RuleIdentity {
            uid: "9a1".to_owned(),
            name: "high-cpu".to_owned(),
            generation: 2,
        },
        group: BTreeMap::from([("host".to_owned(), "web-server-01".to_owned())]),
        group_text: "host=web-server-01".to_owned(),
        overflow: false,
        correlation_id: "01J".to_owned(),
        title: "CPU 97%".to_owned(),
        event: Some(Arc::new(opening_event())),
        resources: vec!["web-server-01".to_owned()],
        resources_omitted: 0,
        triage: Arc::default(),
        severity: Severity::High,
        firing: 1,
        occurrences: Occurrences {
            count: 412,
            members: 1,
            first_seen: at(60),
            last_seen: at(70),
            position: 90_211,
            ..Occurrences::default()
        },
        muted: 0,
        opened_at: at(60),
        reopened: 0,
        end: None,
        rule_gone: false,
        ttl: Duration::from_hours(1),
    }
}

/// What opened it.
fn opening_event() -> OpeningEvent {
    OpeningEvent {
        id: "01J".to_owned(),
        source: OpeningSource {
            name: "prometheus".to_owned(),
            format: "alertmanager".to_owned(),
            reported: String::new(),
        },
        kind: "HighCpu".to_owned(),
        severity: Severity::High,
        occurred_at: at(59),
        resource: "web-server-01".to_owned(),
        labels: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        ..OpeningEvent::default()
    }
}

/// The incident's object as the API server has it once `record` has been shown in full, without questions.
pub fn shown(record: &IncidentRecord) -> OpsEvent {
    let mut object = project::object(record);
    object.metadata.generation = Some(1);
    object.metadata.resource_version = Some("7".to_owned());
    object.metadata.uid = Some("1".to_owned());
    let phase = record
        .end
        .as_ref()
        .map_or(Phase::Open, |end| Phase::Resolved(end.reason));
    object.status = Some(project::status(&seen(Some(record), None), record, phase, at(60)));
    object
}

/// An incident without questions, where everything is in order.
pub fn seen<'a>(record: Option<&'a IncidentRecord>, object: Option<&'a OpsEvent>) -> Seen<'a> {
    Seen {
        record,
        object,
        presence: if object.is_some() {
            Presence::Seen
        } else {
            Presence::NeverSeen
        },
        namespace: NamespaceState::Active,
        close: CloseWish::Unsent,
        questions: Questions::default(),
        notifications: Vec::new(),
        shows_notifications: true,
        time_passed: false,
        refused: None,
        is_paused: false,
        identity: Identity::Enforced { stamp: "p" },
    }
}

/// The log's word on rule `high-cpu`: generation 2 in force.
pub fn rule_record() -> RuleRecord {
    RuleRecord {
        name: "high-cpu".to_owned(),
        uid: "9a1".to_owned(),
        namespace: "shop".to_owned(),
        generation: 2,
        in_force: Some(2),
        position: 512,
        counted_to: 90_211,
        counters: RuleCounters {
            matched: 412,
            opened: 1,
            open: 1,
            ..RuleCounters::default()
        },
        last_triggered_at: Some(at(70)),
        refused: None,
        condition_error: None,
        deleted: false,
    }
}

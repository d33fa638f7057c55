//! Each decision about an incident's object, by its sentence.

use api::{Close, CloseReason};
use domain::incident::{End, EndReason};
use domain::time::Time;

use super::*;
use crate::clock::now;
use crate::incidents::deadline::Deadline;
use crate::samples::{at, record, seen, shown};

const CLOSE: Close = Close {
    reason: CloseReason::FalseAlarm,
    closed_by: None,
};

fn closing() -> Closing {
    Closing {
        reason: "FalseAlarm",
        by: String::new(),
    }
}

fn ended(reason: EndReason) -> IncidentRecord {
    IncidentRecord {
        end: Some(End { at: at(100), reason }),
        firing: 0,
        ..record()
    }
}

fn closed_by_a_person(mut object: OpsEvent) -> OpsEvent {
    object.spec.close = Some(CLOSE);
    object
}

/// Decides at a wall-clock time, with the monotonic clock as far.
fn decide(seen: &Seen<'_>, now: Time) -> Decision {
    super::decide(seen, at_moment(now))
}

fn at_moment(time: Time) -> Now {
    Now {
        steady: time,
        ..now(time)
    }
}

fn written(decision: Decision) -> OpsEvent {
    match decision.write.unwrap().work {
        Work::Open(object) | Work::Status(object) | Work::Delete(object) => *object,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_without_object_opens_one_with_its_status() {
    let record = record();
    let write = decide(&seen(Some(&record), None), at(70)).write.unwrap();
    assert_eq!((write.class, write.tells), (Class::Opening, vec![Tell::Opened]));
    let Work::Open(object) = write.work else {
        panic!("{:?}", write.work)
    };
    assert_eq!(object.status.unwrap().occurrences.count, 412);
}

#[test]
fn an_object_that_agrees_with_its_record_wants_nothing() {
    let record = record();
    assert_eq!(
        decide(&seen(Some(&record), Some(&shown(&record))), at(70)),
        Decision::default()
    );
}

#[test]
fn a_crash_between_creation_and_status_is_repaired_by_the_status() {
    let record = record();
    let object = OpsEvent {
        status: None,
        ..shown(&record)
    };
    let write = decide(&seen(Some(&record), Some(&object)), at(70)).write.unwrap();
    assert!(matches!(write.work, Work::Status(_)));
    assert_eq!(write.class, Class::Change);
}

#[test]
fn a_status_write_carries_the_version_it_was_decided_from() {
    let newer = IncidentRecord {
        severity: domain::severity::Severity::Critical,
        ..record()
    };
    let object = written(decide(&seen(Some(&newer), Some(&shown(&record()))), at(70)));
    assert_eq!(object.metadata.resource_version.as_deref(), Some("7"));
}

#[test]
fn an_older_record_writes_nothing() {
    let mut older = ended(EndReason::Cleared);
    older.occurrences.position -= 1;
    assert_eq!(
        decide(&seen(Some(&older), Some(&shown(&record()))), at(200)),
        Decision::default()
    );
}

#[test]
fn an_end_is_written_and_told() {
    let record_ended = ended(EndReason::Quiet);
    let write = decide(&seen(Some(&record_ended), Some(&shown(&record()))), at(101))
        .write
        .unwrap();
    assert_eq!(
        (write.class, write.tells),
        (Class::Change, vec![Tell::Resolved(EndReason::Quiet)])
    );
}

#[test]
fn an_incident_that_opened_and_ended_while_nobody_looked_is_created_as_resolved() {
    let record = ended(EndReason::Cleared);
    let decision = decide(&seen(Some(&record), None), at(101));
    let write = decision.write.clone().unwrap();
    assert_eq!(write.tells, [Tell::Opened, Tell::Resolved(EndReason::Cleared)]);
    assert_eq!(written(decision).status.unwrap().phase, api::Phase::Resolved);
}

#[test]
fn a_reopened_record_opens_the_object_again() {
    let mut reopened = record();
    reopened.reopened = 1;
    reopened.occurrences.position += 256;
    let write = decide(
        &seen(Some(&reopened), Some(&shown(&ended(EndReason::Cleared)))),
        at(110),
    )
    .write
    .unwrap();
    assert_eq!(write.tells, [Tell::Reopened]);
    let Work::Status(object) = write.work else {
        panic!("{:?}", write.work)
    };
    let status = object.status.unwrap();
    assert_eq!(
        (status.phase, status.ended_at, status.end_reason),
        (api::Phase::Open, None, None)
    );
}

#[test]
fn a_deleted_object_of_an_open_incident_comes_back_and_that_is_told() {
    let record = record();
    let seen = Seen {
        presence: Presence::Gone,
        ..seen(Some(&record), None)
    };
    let write = decide(&seen, at(70)).write.unwrap();
    assert_eq!(
        (write.class, write.tells),
        (Class::Opening, vec![Tell::BroughtBack])
    );
}

#[test]
fn a_deleted_object_of_an_ended_incident_stays_away() {
    let record = ended(EndReason::Cleared);
    let seen = Seen {
        presence: Presence::Gone,
        ..seen(Some(&record), None)
    };
    assert_eq!(decide(&seen, at(101)), Decision::default());
}

#[test]
fn a_closed_namespace_waits_without_a_request() {
    let record = record();
    let seen = Seen {
        namespace: NamespaceState::Closed,
        ..seen(Some(&record), None)
    };
    assert_eq!(decide(&seen, at(70)), Decision::default());
}

#[test]
fn an_object_being_deleted_is_left_alone() {
    let newer = ended(EndReason::Cleared);
    let mut object = shown(&record());
    object.metadata.deletion_timestamp = Some(api::conditions::kube_time(at(90)));
    assert_eq!(
        decide(&seen(Some(&newer), Some(&object)), at(200)),
        Decision::default()
    );
}

#[test]
fn nothing_is_created_for_a_record_that_ended_longer_than_its_ttl_ago() {
    let record = ended(EndReason::Cleared);
    assert!(
        decide(&seen(Some(&record), None), at(100 + 3_599))
            .write
            .is_some()
    );
    assert_eq!(
        decide(&seen(Some(&record), None), at(100 + 3_600)),
        Decision::default()
    );
}

#[test]
fn a_finished_object_is_deleted_after_its_ttl_and_not_before() {
    let record = ended(EndReason::Cleared);
    let object = shown(&record);
    let mut seen = seen(Some(&record), Some(&object));
    assert_eq!(decide(&seen, at(101)).write, None);
    assert_eq!(Deadline::of(&seen).unwrap().at, at(3_700));
    seen.time_passed = true;
    let write = decide(&seen, at(3_700)).write.unwrap();
    assert_eq!(
        (write.work, write.class),
        (Work::Delete(Box::new(object)), Class::Upkeep)
    );
}

#[test]
fn a_finished_object_without_record_is_deleted_a_day_after_its_end() {
    let object = shown(&ended(EndReason::Cleared));
    let mut seen = seen(None, Some(&object));
    assert_eq!(Deadline::of(&seen).unwrap().at, at(100 + 24 * 3_600));
    assert_eq!(decide(&seen, at(101)).write, None);
    seen.time_passed = true;
    let write = decide(&seen, at(101)).write.unwrap();
    assert!(matches!(write.work, Work::Delete(_)));
}

#[test]
fn an_open_object_without_record_is_left_to_people() {
    let object = shown(&record());
    let seen = seen(None, Some(&object));
    assert_eq!(Deadline::of(&seen), None);
    assert_eq!(decide(&seen, at(10_000_000)), Decision::default());
}

#[test]
fn a_close_is_appended_and_again_after_five_seconds_until_the_record_shows_it() {
    let record = record();
    let object = closed_by_a_person(shown(&record));
    let mut seen = seen(Some(&record), Some(&object));
    let now = at_moment(at(80));
    let first = super::decide(&seen, now);
    assert_eq!(first.append_close, Some(closing()));
    assert_eq!(first.look_again, Some(now.instant + CLOSE_RETRY));
    seen.close = first.close;
    assert_eq!(decide(&seen, at(84)).append_close, None);
    assert_eq!(decide(&seen, at(85)).append_close, Some(closing()));
    let closed = IncidentRecord {
        end: Some(End {
            at: at(86),
            reason: EndReason::Closed,
        }),
        ..record.clone()
    };
    seen.record = Some(&closed);
    let shown = decide(&seen, at(90));
    assert_eq!(
        (shown.append_close, shown.write.unwrap().tells),
        (None, vec![Tell::Resolved(EndReason::Closed)])
    );
}

#[test]
fn a_close_after_the_end_is_told_once_and_not_appended() {
    let record = ended(EndReason::Cleared);
    let object = closed_by_a_person(shown(&record));
    let mut seen = seen(Some(&record), Some(&object));
    let first = decide(&seen, at(101));
    assert_eq!(
        (first.tells, first.append_close),
        (vec![Tell::CloseIgnored], None)
    );
    seen.close = first.close;
    assert_eq!(decide(&seen, at(102)).tells, []);
}

#[test]
fn a_close_that_crossed_the_clear_is_told_beside_the_end() {
    let record_ended = ended(EndReason::Cleared);
    let object = closed_by_a_person(shown(&record()));
    let decision = decide(&seen(Some(&record_ended), Some(&object)), at(101));
    assert_eq!(decision.tells, [Tell::CloseIgnored]);
    assert_eq!(
        decision.write.unwrap().tells,
        [Tell::Resolved(EndReason::Cleared)]
    );
}

#[test]
fn a_close_before_a_reopening_is_appended_once_although_the_write_is_still_out() {
    let mut reopened = record();
    reopened.reopened = 1;
    reopened.occurrences.position += 256;
    let object = closed_by_a_person(shown(&ended(EndReason::Cleared)));
    let mut seen = Seen {
        close: CloseWish::TooLate,
        ..seen(Some(&reopened), Some(&object))
    };
    let first = decide(&seen, at(110));
    assert_eq!(first.append_close, Some(closing()));
    seen.close = first.close;
    assert_eq!(decide(&seen, at(111)).append_close, None);
}

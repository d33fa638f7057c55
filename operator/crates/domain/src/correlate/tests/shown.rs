//! What incidents show of their events: the one that opened them, and what all of them name; live and from checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use super::super::checkpoint::CheckpointError;
use super::*;
use crate::json::Strings;

/// The state of version 1: an open incident of two alerts, and an occurrence that waits for two more.
const STATE_1: &[u8] = include_bytes!("../../../golden/state.v1.bin");
/// The state of version 2: the same, each of its own pod, and the one that waits of another rule.
const STATE_2: &[u8] = include_bytes!("../../../golden/state.v2.bin");

fn names<'a>(names: impl IntoIterator<Item = String>) -> Strings<'a> {
    Strings(names.into_iter().map(Into::into).collect())
}

/// A notice that comes in pages: one occurrence, of which each page names twenty other resources.
fn page(number: usize) -> Event<'static> {
    Event {
        delivery_key: format!("notice#{number}").into(),
        resources: names((0..20).map(|n| format!("arn:{number}:{n}"))),
        ..alert(1, 5)
    }
}

fn line(event: &Event<'_>) -> String {
    let mut json = Vec::new();
    event.write_json(&mut json);
    String::from_utf8(json).unwrap()
}

/// Appends events as they stand in the log.
fn append(log: &mut Log, at: i64, lines: &[String]) {
    let events: Vec<_> = lines
        .iter()
        .map(|line| Logged::read_json(line).unwrap())
        .collect();
    log.append(
        at,
        EntryBody::Events {
            namespace: "shop",
            events: &events,
        },
    );
}

fn waits_for_three() -> RuleSpec {
    let trigger = Trigger {
        count: 3,
        within: Duration::from_secs(600),
    };
    RuleSpec { trigger, ..grouped() }
}

fn restored(log: &Log) -> Correlator {
    let saved = log.correlator.checkpoint().unwrap();
    Correlator::restore(&saved.state, &saved.segments.into_iter().collect()).unwrap()
}

proptest! {
    #[test]
    fn seven_pages_in_any_order_are_one_incident_with_all_resources(order in Just((0..7).collect::<Vec<_>>()).prop_shuffle()) {
        let mut log = Log::with(grouped());
        for (at, number) in (10..).zip(order) {
            append(&mut log, at, &[line(&page(number))]);
        }
        let record = log.only();
        let seen = record.resources.iter().cloned().collect::<BTreeSet<_>>();
        let sent = (0..7).flat_map(|number| page(number).resources.0.into_iter().map(String::from)).collect();
        prop_assert_eq!(seen, sent);
        prop_assert_eq!((record.resources.len(), record.resources_omitted), (140, 0));
        prop_assert_eq!((record.occurrences.count, record.occurrences.repeats), (1, 6));
        log.balance();
    }
}

#[test]
fn the_resources_of_a_repeat_are_taken_from_its_head() {
    let mut log = Log::with(grouped());
    append(&mut log, 10, &[line(&page(0))]);
    let unreadable = line(&page(1)).replace(r#""title":"t""#, r#""title":1"#);
    append(&mut log, 20, &[unreadable]);
    assert_eq!(log.only().resources.len(), 40);
    assert!(
        !log.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Unreadable(_)))
    );
}

#[test]
fn an_incident_shows_what_opened_it_and_all_that_it_concerns_over_its_reopenings() {
    let pod = |problem: u128, starts: i64| Event {
        resource: format!("pod-{problem}").into(),
        description: "out of memory".into(),
        ..alert(problem, starts)
    };
    let mut log = Log::with(grouped());
    log.events(10, &[pod(1, 5), pod(2, 5)]);
    log.events(20, &[clear(1, 5, 20), clear(2, 5, 20)]);
    log.events(30, &[pod(3, 25), pod(1, 25)]);
    let record = log.only();
    let event = record.event.clone().unwrap();
    assert_eq!(
        (record.reopened, record.resources),
        (1, vec!["pod-1".into(), "pod-2".into(), "pod-3".into()])
    );
    assert_eq!(
        (&event.id, event.resource.as_str()),
        (&record.correlation_id, "pod-1")
    );
    assert_eq!(
        (event.description.as_str(), event.occurred_at),
        ("out of memory", Time::from_millis(5))
    );
}

#[test]
fn what_waited_brings_what_it_and_its_repeats_name_and_what_slid_out_does_not() {
    let named = |problem: u128, name: &str| Event {
        resources: names([name.to_owned()]),
        ..alert(problem, 5)
    };
    let mut log = Log::with(waits_for_three());
    log.events(0, &[named(1, "slides out")]);
    log.events(5 * MINUTE, &[named(2, "a"), named(2, "b")]);
    log.events(11 * MINUTE, &[named(3, "c")]);
    log.correlator = restored(&log);
    log.events(12 * MINUTE, &[named(2, "d"), named(4, "e")]);
    let record = log.only();
    assert_eq!(record.resources, ["a", "b", "d", "c", "e"]);
    assert_eq!(record.event.unwrap().id, record.correlation_id);
    log.balance();
}

#[test]
fn what_does_not_count_brings_nothing() {
    let named = |name: &str, starts: i64| Event {
        resource: name.to_owned().into(),
        resources: names([name.to_owned()]),
        ..alert(1, starts)
    };
    let keyed = Event {
        delivery_key: "k".into(),
        ..named("a", 5)
    };
    let mut log = Log::with(grouped());
    log.events(10, std::slice::from_ref(&keyed));
    log.events(
        11,
        &[
            Event {
                resources: names(["duplicate".into()]),
                ..keyed
            },
            named("stale", 4),
        ],
    );
    let id = log.only().id;
    log.close(20, &id);
    log.events(30, &[named("muted", 25), named("muted", 5)]);
    assert_eq!(log.only().resources, ["a"]);
    log.balance();
}

#[test]
fn beyond_two_hundred_resources_are_counted() {
    let mut log = Log::with(grouped());
    for n in 0..250 {
        let pod = Event {
            resource: format!("pod-{n}").into(),
            ..report(1, 5)
        };
        log.events(10 + n, &[pod.clone(), pod]);
    }
    let record = log.only();
    assert_eq!((record.resources.len(), record.resources_omitted), (200, 50));
    assert_eq!(restored(&log).incident_records().next(), Some(record));
}

#[test]
fn a_state_of_version_1_goes_on_without_what_it_lacks() {
    let mut log = Log::new();
    log.correlator = Correlator::restore(STATE_1, &BTreeMap::new()).unwrap();
    log.sequence = log.correlator.sequence();
    let before = log.only();
    assert_eq!(
        (
            before.occurrences.count,
            before.firing,
            log.outcome(Outcome::Pending)
        ),
        (2, 2, 1)
    );
    assert_eq!(
        (&before.event, before.resources.len(), before.resources_omitted),
        (&None, 0, 0)
    );
    let waits = |problem: u128| Event {
        kind: "waits".into(),
        resource: format!("pod-{problem}").into(),
        ..alert(problem, 25)
    };
    log.events(30, &[page(0), waits(4), waits(5)]);
    log.correlator = restored(&log);
    let records = log.records();
    let shown: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.event.is_some(),
                record.occurrences.count,
                record.resources.len(),
            )
        })
        .collect();
    assert_eq!(shown, [(false, 2, 20), (true, 3, 2)]);
    log.balance();
}

#[test]
fn a_state_of_version_2_asks_nobody() {
    let mut log = Log::new();
    log.correlator = Correlator::restore(STATE_2, &BTreeMap::new()).unwrap();
    log.sequence = log.correlator.sequence();
    let record = log.only();
    assert_eq!(record.resources, ["pod-1", "pod-2"]);
    assert_eq!((*record.triage).clone(), crate::triage::Triage::default());
    assert_eq!(log.outcome(Outcome::Pending), 1);
}

#[test]
fn an_incident_pins_by_what_terms_people_decide() {
    let asks = |group: &str| {
        let triage = crate::triage::Triage {
            mode: crate::triage::TriageMode::Always,
            approvers: crate::triage::Approvers {
                users: Vec::new(),
                groups: vec![group.to_owned()],
            },
            ..crate::triage::Triage::default()
        };
        RuleSpec {
            triage: triage.into(),
            ..grouped()
        }
    };
    let mut log = Log::with(asks("sre"));
    log.events(10, &[alert(1, 5)]);
    log.rule("u1", 2, asks("leads"));
    log.correlator = restored(&log);
    assert_eq!(log.only().triage.approvers.groups, ["sre"]);
    let other = Event {
        title: "other".into(),
        ..alert(2, 5)
    };
    log.events(20, &[other]);
    let groups: BTreeSet<_> = log
        .records()
        .iter()
        .map(|record| record.triage.approvers.groups.clone())
        .collect();
    assert_eq!(groups, [vec!["leads".to_owned()], vec!["sre".to_owned()]].into());
}

#[test]
fn a_state_of_another_version_is_refused_by_name() {
    let mut state = Log::new().correlator.checkpoint().unwrap().state;
    state[0] += 1;
    let refused = Correlator::restore(&state, &BTreeMap::new()).unwrap_err();
    assert!(
        matches!(refused, CheckpointError::Version { found: 4 }),
        "{refused}"
    );
}

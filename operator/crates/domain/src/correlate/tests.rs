//! Behaviour of the fold: the laws of counting, ending and coming back, each by its sentence.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small made-up numbers"
)]

mod shown;

use proptest::prelude::*;

use super::Correlator;
use super::checkpoint::{Saved, decode};
use super::effect::{Effect, Outcome};
use super::incident::TRACKED_MEMBERS;
use super::timers::Subject;
use crate::entry::{Entry, EntryBody};
use crate::event::{Event, EventState, Logged};
use crate::hash::Hash128;
use crate::incident::{EndReason, IncidentRecord};
use crate::rule::{Match, Resolve, RuleIdentity, RuleSpec, Trigger};
use crate::severity::Severity;
use crate::time::Time;
use std::time::Duration;

const MINUTE: i64 = 60_000;

/// A log that grows entry by entry.
struct Log {
    correlator: Correlator,
    sequence: u64,
    effects: Vec<Effect>,
}

impl Log {
    fn new() -> Self {
        Self {
            correlator: Correlator::new("01LOG"),
            sequence: 0,
            effects: Vec::new(),
        }
    }

    fn with(spec: RuleSpec) -> Self {
        let mut log = Self::new();
        log.rule("u1", 1, spec);
        log
    }

    fn append(&mut self, at: i64, body: EntryBody<'_>) {
        self.sequence += 1;
        let entry = Entry {
            sequence: self.sequence,
            at: Time::from_millis(at),
            body,
        };
        self.correlator.step(&entry, &mut self.effects);
    }

    fn rule(&mut self, uid: &str, generation: i64, spec: RuleSpec) {
        let identity = RuleIdentity {
            uid: uid.into(),
            name: format!("rule-{uid}"),
            generation,
        };
        self.append(
            0,
            EntryBody::Rule {
                namespace: "shop",
                identity,
                spec: Box::new(Ok(spec)),
            },
        );
    }

    fn events(&mut self, at: i64, events: &[Event<'_>]) {
        self.append(
            at,
            EntryBody::Events {
                namespace: "shop",
                events: &events.iter().cloned().map(Logged::from).collect::<Vec<_>>(),
            },
        );
    }

    fn tick(&mut self, at: i64) {
        self.append(at, EntryBody::Tick);
    }

    fn close(&mut self, at: i64, id: &str) {
        self.append(
            at,
            EntryBody::Close {
                namespace: "shop",
                incident: id,
            },
        );
    }

    fn records(&self) -> Vec<IncidentRecord> {
        self.correlator.incident_records().collect()
    }

    fn only(&self) -> IncidentRecord {
        let records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.into_iter().next().unwrap()
    }

    fn outcome(&self, outcome: Outcome) -> i64 {
        self.correlator.totals().of(outcome)
    }

    /// Goes on from a checkpoint, as after a crash.
    fn restart(&mut self) {
        let saved = self.correlator.checkpoint().unwrap();
        let segments = saved.segments.into_iter().collect();
        self.correlator = Correlator::restore(&saved.state, &segments).unwrap();
    }

    /// Looks at every incident and window again with the next entry, whatever their deadlines.
    fn look_early(&mut self) {
        let Correlator {
            tenants, timers, now, ..
        } = &mut self.correlator;
        for tenant in tenants {
            for number in tenant.incidents.keys() {
                timers.not_later_than(*now, Subject::Incident(tenant.number, *number));
            }
            for rule in &tenant.rules {
                for group in rule.groups.keys() {
                    timers.not_later_than(*now, Subject::Window(tenant.number, rule.number, *group));
                }
            }
        }
    }

    /// All that a checkpoint keeps. Its bytes would not do: they are in the order of hash tables.
    fn state(&self) -> Saved {
        decode(&self.correlator.checkpoint().unwrap().state).unwrap()
    }

    fn balance(&self) {
        let sum: i64 = Outcome::ALL.iter().map(|outcome| self.outcome(*outcome)).sum();
        assert_eq!(self.correlator.totals().accepted, sum);
    }
}

fn alert(problem: u128, starts: i64) -> Event<'static> {
    Event {
        id: format!("01EVENT{problem}{starts}").into(),
        fingerprint: Hash128::from(problem + 1),
        occurrence_key: Hash128::from((problem + 1) * 1_000_000_007 + starts as u128 + 1),
        state: EventState::Firing,
        severity: Severity::High,
        occurred_at: Time::from_millis(starts),
        title: "t".into(),
        ..Event::default()
    }
}

fn clear(problem: u128, starts: i64, ends: i64) -> Event<'static> {
    Event {
        state: EventState::Resolved,
        occurred_at: Time::from_millis(ends),
        ..alert(problem, starts)
    }
}

/// An event of a format without a life cycle.
fn report(problem: u128, at: i64) -> Event<'static> {
    Event {
        occurrence_key: Hash128::default(),
        ..alert(problem, at)
    }
}

fn grouped() -> RuleSpec {
    RuleSpec {
        group_by: vec!["title".into()],
        ..RuleSpec::default()
    }
}

#[test]
fn occurrences_count_and_the_same_again_repeats() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5), alert(2, 5)]);
    log.events(20, &[alert(1, 5), alert(1, 15)]);
    let record = log.only();
    assert_eq!(
        (
            record.occurrences.count,
            record.occurrences.repeats,
            record.occurrences.members
        ),
        (3, 1, 2)
    );
    assert_eq!(record.occurrences.last_seen, Time::from_millis(20));
    assert_eq!(record.firing, 2);
    log.balance();
}

#[test]
fn a_delivery_counts_once() {
    let mut log = Log::with(grouped());
    let keyed = Event {
        delivery_key: "k#0".into(),
        ..report(1, 5)
    };
    log.events(10, &[keyed.clone(), keyed.clone()]);
    log.events(20, &[keyed]);
    let record = log.only();
    assert_eq!((record.occurrences.count, record.occurrences.duplicates), (1, 2));
    assert_eq!(log.outcome(Outcome::Duplicate), 2);
    log.balance();
}

#[test]
fn an_incident_ends_when_every_alert_has_cleared_and_reopens_soon_after() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5), alert(2, 5)]);
    log.events(20, &[clear(1, 5, 18)]);
    assert_eq!(log.only().end, None);
    log.events(30, &[clear(2, 5, 28)]);
    let id = log.only().id;
    assert_eq!(log.only().end.unwrap().reason, EndReason::Cleared);
    log.events(10 * MINUTE, &[alert(1, 10 * MINUTE)]);
    let record = log.only();
    assert_eq!(
        (record.id, record.end, record.reopened, record.occurrences.count),
        (id, None, 1, 3)
    );
    assert_eq!(record.occurrences.members, 2);
    log.balance();
}

#[test]
fn after_reopen_within_a_new_occurrence_is_a_new_incident() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5)]);
    log.events(20, &[clear(1, 5, 18)]);
    log.events(16 * MINUTE, &[alert(1, 16 * MINUTE)]);
    assert_eq!(log.records().len(), 2);
}

#[test]
fn an_alert_with_a_life_cycle_never_clears_by_silence() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5), report(2, 5)]);
    log.tick(24 * 60 * MINUTE);
    assert_eq!(log.only().end, None);
    log.events(24 * 60 * MINUTE + 1, &[clear(1, 5, 20)]);
    assert_eq!(log.only().end.unwrap().reason, EndReason::Quiet);
}

#[test]
fn reports_end_by_silence_at_the_moment_it_was_long_enough() {
    let mut log = Log::with(grouped());
    log.events(0, &[report(1, 0)]);
    log.events(20 * MINUTE, &[report(2, 0)]);
    log.tick(49 * MINUTE);
    assert_eq!(log.only().end, None);
    log.tick(300 * MINUTE);
    let record = log.only();
    assert_eq!(
        record.end.map(|end| (end.at, end.reason)),
        Some((Time::from_millis(50 * MINUTE), EndReason::Quiet))
    );
}

#[test]
fn an_alert_ends_at_its_own_ends_at_unless_it_is_renewed() {
    let mut log = Log::with(grouped());
    let until = |ends: i64| Event {
        ends_at: Time::from_millis(ends),
        ..alert(1, 5)
    };
    log.events(10, &[until(5 * MINUTE)]);
    log.events(4 * MINUTE, &[until(9 * MINUTE)]);
    log.tick(8 * MINUTE);
    assert_eq!(log.only().end, None);
    log.tick(20 * MINUTE);
    assert_eq!(
        log.only().end.map(|end| end.at),
        Some(Time::from_millis(9 * MINUTE))
    );
    log.events(21 * MINUTE, &[until(30 * MINUTE)]);
    let record = log.only();
    assert_eq!(
        (record.end, record.reopened, record.occurrences.count),
        (None, 1, 1)
    );
    log.balance();
}

#[test]
fn an_end_that_a_clear_forestalled_leaves_the_same_after_a_restart() {
    let play = |restarts: bool| {
        let mut log = Log::with(grouped());
        let until = Event {
            ends_at: Time::from_millis(12 * MINUTE),
            ..alert(1, 5)
        };
        log.events(10, &[until, report(2, 10)]);
        log.events(20, &[clear(1, 5, 20)]);
        if restarts {
            log.restart();
        }
        log.tick(13 * MINUTE);
        assert_eq!((log.only().firing, log.only().end), (1, None));
        log.events(14 * MINUTE, &[alert(1, 14 * MINUTE)]);
        log
    };
    let (whole, restarted) = (play(false), play(true));
    assert_eq!(restarted.state(), whole.state());
    assert!(restarted.correlator.next_due() > Some(restarted.correlator.now()));
}

#[test]
fn beyond_the_tracked_members_an_alert_still_ends_at_its_own_ends_at() {
    for restarts in [false, true] {
        let mut log = Log::with(grouped());
        let until = Event {
            ends_at: Time::from_millis(5 * MINUTE),
            ..alert(0, 5)
        };
        let reports: Vec<_> = (1..=TRACKED_MEMBERS as u128).map(|n| report(n, 10)).collect();
        log.events(10, &[until]);
        log.events(10, &reports);
        assert_eq!(
            (log.only().firing, log.only().occurrences.members_overflow),
            (TRACKED_MEMBERS as i64, 1)
        );
        if restarts {
            log.restart();
        }
        log.tick(6 * MINUTE);
        assert_eq!(
            log.only().firing,
            TRACKED_MEMBERS as i64 - 1,
            "restarts: {restarts}"
        );
    }
}

#[test]
fn max_open_always_ends_it() {
    let spec = RuleSpec {
        resolve: Resolve {
            max_open: Duration::from_secs(3600),
            ..Resolve::default()
        },
        ..grouped()
    };
    let mut log = Log::with(spec);
    log.events(0, &[alert(1, 0)]);
    log.tick(61 * MINUTE);
    assert_eq!(log.only().end.unwrap().reason, EndReason::MaxOpen);
    log.events(62 * MINUTE, &[alert(1, 0)]);
    assert_eq!(log.records().len(), 2);
    log.balance();
}

#[test]
fn what_a_person_closed_stays_muted_until_clear_and_quiet() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5)]);
    let id = log.only().id;
    log.close(20, &id);
    assert_eq!(log.only().end.unwrap().reason, EndReason::Closed);
    log.events(30, &[alert(1, 25), alert(2, 25)]);
    log.events(100 * MINUTE, &[alert(1, 25)]);
    assert_eq!(
        (log.only().occurrences.count, log.outcome(Outcome::Muted)),
        (1, 3)
    );
    log.restart();
    assert_eq!(log.only().muted, 3);
    log.events(
        101 * MINUTE,
        &[clear(1, 25, 101 * MINUTE), clear(2, 25, 101 * MINUTE)],
    );
    log.events(110 * MINUTE, &[alert(1, 110 * MINUTE)]);
    assert_eq!(log.records().len(), 1, "quiet for nine minutes only");
    log.events(111 * MINUTE, &[clear(1, 110 * MINUTE, 111 * MINUTE)]);
    log.events(127 * MINUTE, &[alert(1, 127 * MINUTE)]);
    assert_eq!(log.records().len(), 2);
    log.balance();
}

#[test]
fn what_a_person_closed_is_muted_for_max_open_at_the_longest() {
    let spec = RuleSpec {
        resolve: Resolve {
            max_open: Duration::from_secs(3600),
            ..Resolve::default()
        },
        ..grouped()
    };
    for restarts in [false, true] {
        let mut log = Log::with(spec.clone());
        log.events(0, &[alert(1, 0)]);
        let id = log.only().id;
        log.close(0, &id);
        log.events(50 * MINUTE, &[clear(1, 0, 50 * MINUTE)]);
        if restarts {
            log.restart();
        }
        log.events(59 * MINUTE, &[report(2, 59 * MINUTE)]);
        assert_eq!(log.outcome(Outcome::Muted), 1);
        log.events(60 * MINUTE, &[report(2, 60 * MINUTE)]);
        assert_eq!(log.outcome(Outcome::Counted), 2, "restarts: {restarts}");
        log.balance();
    }
}

#[test]
fn a_close_of_what_is_not_open_changes_nothing() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5)]);
    log.events(20, &[clear(1, 5, 20)]);
    let before = log.only();
    log.close(30, &before.id);
    log.close(30, "nothing-1");
    assert_eq!(log.only().end, before.end);
}

#[test]
fn a_trigger_opens_with_what_lies_in_the_window() {
    let trigger = Trigger {
        count: 3,
        within: Duration::from_secs(300),
    };
    let mut log = Log::with(RuleSpec { trigger, ..grouped() });
    log.events(0, &[report(1, 0)]);
    log.events(4 * MINUTE, &[report(1, 1)]);
    log.events(6 * MINUTE, &[report(1, 2)]);
    assert!(log.records().is_empty());
    assert_eq!(
        (
            log.outcome(Outcome::Pending),
            log.outcome(Outcome::BelowThreshold)
        ),
        (2, 1)
    );
    log.events(7 * MINUTE, &[report(1, 3)]);
    let record = log.only();
    assert_eq!(
        (record.occurrences.count, record.occurrences.first_seen),
        (3, Time::from_millis(4 * MINUTE))
    );
    assert_eq!(
        (log.outcome(Outcome::Pending), log.outcome(Outcome::Counted)),
        (0, 3)
    );
    log.balance();
}

#[test]
fn an_alert_that_cleared_while_it_waited_does_not_fire_for_ever() {
    let trigger = Trigger {
        count: 2,
        within: Duration::from_secs(600),
    };
    let mut log = Log::with(RuleSpec { trigger, ..grouped() });
    log.events(10, &[alert(1, 5)]);
    log.events(20, &[clear(1, 5, 15)]);
    log.events(30, &[alert(2, 25)]);
    assert_eq!((log.only().occurrences.count, log.only().firing), (2, 1));
    log.events(40, &[clear(2, 25, 35)]);
    assert_eq!(log.only().end.unwrap().reason, EndReason::Cleared);
    log.balance();
}

#[test]
fn a_repeat_adds_nothing_to_a_trigger() {
    let trigger = Trigger {
        count: 2,
        within: Duration::from_secs(600),
    };
    let mut log = Log::with(RuleSpec { trigger, ..grouped() });
    log.events(0, &[alert(1, 0)]);
    log.events(58 * MINUTE, &[alert(1, 0)]);
    log.events(60 * MINUTE, &[alert(2, 60 * MINUTE)]);
    assert!(log.records().is_empty());
    assert_eq!(
        (log.outcome(Outcome::Repeat), log.outcome(Outcome::BelowThreshold)),
        (1, 1)
    );
    log.balance();
}

#[test]
fn a_mute_whose_clear_got_lost_ends_with_max_open() {
    let resolve = Resolve {
        max_open: Duration::from_secs(3600),
        ..Resolve::default()
    };
    let mut log = Log::with(RuleSpec { resolve, ..grouped() });
    log.events(0, &[alert(1, 0)]);
    let id = log.only().id;
    log.close(1, &id);
    log.events(30 * MINUTE, &[alert(1, 30 * MINUTE)]);
    assert_eq!(log.outcome(Outcome::Muted), 1);
    log.events(61 * MINUTE, &[alert(1, 61 * MINUTE)]);
    assert_eq!(log.records().len(), 2);
}

#[test]
fn an_incident_does_not_come_back_beyond_max_open() {
    let resolve = Resolve {
        max_open: Duration::from_secs(3600),
        ..Resolve::default()
    };
    let mut log = Log::with(RuleSpec { resolve, ..grouped() });
    log.events(0, &[alert(1, 0)]);
    log.events(55 * MINUTE, &[clear(1, 0, 55 * MINUTE)]);
    log.events(65 * MINUTE, &[alert(1, 65 * MINUTE)]);
    assert_eq!(
        log.records().iter().filter(|record| record.end.is_none()).count(),
        1
    );
    assert_eq!(log.records().len(), 2);
}

#[test]
fn windows_slide_by_ticks_alone() {
    let trigger = Trigger {
        count: 2,
        within: Duration::from_secs(60),
    };
    let mut log = Log::with(RuleSpec { trigger, ..grouped() });
    log.events(0, &[report(1, 0)]);
    log.tick(2 * MINUTE);
    assert_eq!(
        (
            log.outcome(Outcome::Pending),
            log.outcome(Outcome::BelowThreshold)
        ),
        (0, 1)
    );
}

#[test]
fn the_first_rule_owns_the_event_and_continue_lets_later_ones_count_too() {
    let mut log = Log::new();
    log.rule(
        "a",
        1,
        RuleSpec {
            priority: 10,
            continues: true,
            ..grouped()
        },
    );
    log.rule(
        "b",
        1,
        RuleSpec {
            priority: 5,
            ..grouped()
        },
    );
    log.rule(
        "c",
        1,
        RuleSpec {
            priority: 1,
            ..grouped()
        },
    );
    log.events(10, &[alert(1, 5)]);
    let rules: Vec<_> = log
        .records()
        .iter()
        .map(|record| record.rule.uid.clone())
        .collect();
    assert_eq!(rules, ["a", "b"]);
    assert_eq!(log.outcome(Outcome::Counted), 1);
    log.events(20, &[clear(1, 5, 20)]);
    assert!(log.records().iter().all(|record| record.end.is_some()));
    log.balance();
}

#[test]
fn a_deleted_rule_leaves_its_incidents_and_a_new_one_of_its_name_starts_anew() {
    let mut log = Log::with(grouped());
    log.events(10, &[alert(1, 5)]);
    log.append(
        20,
        EntryBody::RuleDeleted {
            namespace: "shop",
            uid: "u1",
        },
    );
    assert!(log.only().rule_gone);
    log.rule("u1", 9, grouped());
    log.events(30, &[alert(2, 25)]);
    assert_eq!(log.outcome(Outcome::Unmatched), 1, "a delete is final");
    log.rule("u2", 1, grouped());
    log.events(40, &[alert(2, 35)]);
    assert_eq!(log.records().len(), 2);
    log.events(50, &[clear(1, 5, 45)]);
    assert_eq!(
        log.records().iter().filter(|record| record.end.is_some()).count(),
        1
    );
    log.balance();
}

#[test]
fn an_edit_starts_new_windows_and_a_refused_one_leaves_the_rule_in_force() {
    let trigger = Trigger {
        count: 2,
        within: Duration::from_secs(300),
    };
    let mut log = Log::with(RuleSpec { trigger, ..grouped() });
    log.events(0, &[report(1, 0)]);
    let matches = Match {
        condition: "event.".into(),
        ..Match::default()
    };
    log.rule(
        "u1",
        2,
        RuleSpec {
            matches,
            trigger,
            ..grouped()
        },
    );
    let record = log.correlator.rule_record(0, 1).unwrap();
    assert_eq!((record.generation, record.in_force), (2, Some(1)));
    assert_eq!(record.refused.unwrap().reason, "InvalidExpression");
    log.rule(
        "u1",
        3,
        RuleSpec {
            trigger: Trigger { count: 3, ..trigger },
            ..grouped()
        },
    );
    assert_eq!(
        (
            log.outcome(Outcome::Pending),
            log.outcome(Outcome::BelowThreshold)
        ),
        (0, 1)
    );
    log.rule("u1", 2, grouped());
    assert_eq!(
        log.correlator.rule_record(0, 1).unwrap().generation,
        3,
        "older versions are ignored"
    );
    log.balance();
}

#[test]
fn beyond_the_cap_one_overflow_incident_takes_the_rest_and_ends_when_quiet() {
    let mut log = Log::with(RuleSpec::default());
    let events: Vec<_> = (0..1010).map(|n| alert(n, 5)).collect();
    for pack in events.chunks(256) {
        log.events(10, pack);
    }
    let overflow = |log: &Log| log.records().into_iter().find(|record| record.overflow).unwrap();
    assert_eq!(
        (log.records().len(), overflow(&log).occurrences.count),
        (1001, 10)
    );
    assert_eq!(log.outcome(Outcome::Overflow), 10);
    log.tick(11 * MINUTE);
    assert_eq!(
        overflow(&log).end.map(|end| end.at),
        Some(Time::from_millis(10 + 10 * MINUTE))
    );
    log.balance();
}

#[test]
fn beyond_a_thousand_members_no_clear_ends_it_but_silence_does() {
    let mut log = Log::with(grouped());
    let firing: Vec<_> = (0..1005).map(|n| alert(n, 5)).collect();
    for pack in firing.chunks(256) {
        log.events(10, pack);
    }
    let clears: Vec<_> = (0..1005).map(|n| clear(n, 5, 20)).collect();
    for pack in clears.chunks(256) {
        log.events(30, pack);
    }
    let record = log.only();
    assert_eq!(
        (record.occurrences.members, record.occurrences.members_overflow),
        (1000, 5)
    );
    assert_eq!((record.end, record.occurrences.count), (None, 1005));
    log.tick(31 * MINUTE);
    assert_eq!(log.only().end.unwrap().reason, EndReason::Quiet);
}

#[test]
fn records_go_an_hour_after_the_ttl() {
    let mut log = Log::with(RuleSpec {
        ttl: Duration::from_secs(600),
        ..grouped()
    });
    log.events(0, &[alert(1, 0)]);
    log.events(1, &[clear(1, 0, 1)]);
    log.tick(70 * MINUTE);
    assert_eq!(log.records().len(), 1);
    log.tick(70 * MINUTE + 10);
    assert!(log.records().is_empty());
    assert!(
        log.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Removed { .. }))
    );
}

/// One made-up entry of a log, small enough that everything meets everything.
#[derive(Clone, Debug)]
enum Made {
    Events(Vec<(u8, u8, u8, i64)>),
    Rule(u8, u8),
    Drop(u8),
    Close(u8),
    Tick,
}

fn made() -> impl Strategy<Value = (Made, i64)> {
    let event = (0_u8..6, 0_u8..5, 0_u8..4, 0_i64..30);
    let body = prop_oneof![
        8 => prop::collection::vec(event, 1..5).prop_map(Made::Events),
        1 => (0_u8..3, 0_u8..5).prop_map(|(rule, variant)| Made::Rule(rule, variant)),
        1 => (0_u8..3).prop_map(Made::Drop),
        1 => (0_u8..4).prop_map(Made::Close),
        2 => Just(Made::Tick),
    ];
    (body, 0_i64..20 * MINUTE)
}

fn variant(variant: u8) -> RuleSpec {
    let trigger = Trigger {
        count: 1 + u32::from(variant % 3),
        within: Duration::from_secs(900),
    };
    let group_by = if variant.is_multiple_of(2) {
        vec!["title".into()]
    } else {
        Vec::new()
    };
    let resolve = Resolve {
        max_open: Duration::from_secs(7200),
        ..Resolve::default()
    };
    let ttl = Duration::from_secs(60);
    RuleSpec {
        priority: i32::from(variant),
        continues: variant == 3,
        group_by,
        trigger,
        resolve,
        ttl,
        ..RuleSpec::default()
    }
}

fn play(log: &mut Log, made: &Made, at: i64, generation: i64) {
    match made {
        Made::Events(events) => {
            let events: Vec<_> = events
                .iter()
                .map(|(problem, kind, key, age)| {
                    let problem = u128::from(*problem);
                    let starts = at - age * MINUTE;
                    let mut event = match kind {
                        0 => report(problem, starts),
                        1 => clear(problem, starts, at),
                        2 => Event {
                            ends_at: Time::from_millis(at + age * MINUTE),
                            ..alert(problem, starts)
                        },
                        3 => Event {
                            state: EventState::Info,
                            ..report(problem, starts)
                        },
                        _ => alert(problem, starts / (10 * MINUTE) * 10 * MINUTE),
                    };
                    event.resource = format!("pod-{age}").into();
                    event.resources = ["a", "b", "c"].into_iter().take(usize::from(*key)).collect();
                    if *key == 0 {
                        event.delivery_key = format!("{problem}-{age}").into();
                    }
                    event
                })
                .collect();
            log.events(at, &events);
        }
        Made::Rule(rule, kind) => {
            let uid = format!("u{rule}");
            let identity = RuleIdentity {
                name: format!("rule-{uid}"),
                uid,
                generation,
            };
            log.append(
                at,
                EntryBody::Rule {
                    namespace: "shop",
                    identity,
                    spec: Box::new(Ok(variant(*kind))),
                },
            );
        }
        Made::Drop(rule) => log.append(
            at,
            EntryBody::RuleDeleted {
                namespace: "shop",
                uid: &format!("u{rule}"),
            },
        ),
        Made::Close(nth) => {
            // Which incident is the nth must not depend on which timers an earlier entry has fired.
            log.tick(at);
            let id = log
                .records()
                .get(usize::from(*nth))
                .map(|record| record.id.clone())
                .unwrap_or_default();
            log.close(at, &id);
        }
        Made::Tick => log.tick(at),
    }
}

/// What users see, without positions.
fn seen(log: &Log) -> Vec<IncidentRecord> {
    let mask = |mut record: IncidentRecord| {
        record.occurrences.position = 0;
        record.id = record.id.split('-').next().unwrap().to_owned();
        record
    };
    log.records().into_iter().map(mask).collect()
}

fn played(entries: &[(Made, i64)]) -> Log {
    let mut log = Log::new();
    log.rule("u9", 1, variant(0));
    let mut at = 1_000 * MINUTE;
    for (generation, (made, pause)) in (2..).zip(entries) {
        at += pause;
        play(&mut log, made, at, generation);
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn replay_from_any_checkpoint_equals_the_whole(entries in prop::collection::vec(made(), 1..60), cut in 0_usize..60) {
        let whole = played(&entries);
        whole.balance();
        let mut log = Log::new();
        log.rule("u9", 1, variant(0));
        let mut at = 1_000 * MINUTE;
        for (n, (made, pause)) in entries.iter().enumerate() {
            if n == cut {
                log.restart();
            }
            at += pause;
            play(&mut log, made, at, 2 + n as i64);
        }
        prop_assert_eq!(log.records(), whole.records());
        prop_assert_eq!(log.correlator.totals(), whole.correlator.totals());
        prop_assert_eq!(log.state(), whole.state());
    }

    #[test]
    fn a_timer_that_comes_early_changes_nothing(entries in prop::collection::vec(made(), 1..60)) {
        let whole = played(&entries);
        let mut log = Log::new();
        log.rule("u9", 1, variant(0));
        let mut at = 1_000 * MINUTE;
        for (n, (made, pause)) in entries.iter().enumerate() {
            log.look_early();
            at += pause;
            play(&mut log, made, at, 2 + n as i64);
        }
        prop_assert_eq!(log.state(), whole.state());
    }

    #[test]
    fn extra_ticks_change_nothing(entries in prop::collection::vec(made(), 1..60), pauses in prop::collection::vec(0_u8..4, 60)) {
        let whole = played(&entries);
        let mut log = Log::new();
        log.rule("u9", 1, variant(0));
        let mut at = 1_000 * MINUTE;
        for ((n, (made, pause)), ticks) in entries.iter().enumerate().zip(&pauses) {
            for tick in 1..=i64::from(*ticks) {
                log.tick(at + pause * tick / 4);
            }
            at += pause;
            play(&mut log, made, at, 2 + n as i64);
        }
        prop_assert_eq!(seen(&log), seen(&whole));
        prop_assert_eq!(log.correlator.totals(), whole.correlator.totals());
    }
}

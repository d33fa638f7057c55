//! All samples of all formats through the correlator: what begins and ends ends closed, and neither order nor repetition
//! changes what is open.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test's helpers are tests"
)]

mod sample;

use std::collections::{BTreeMap, BTreeSet};

use domain::correlate::Correlator;
use domain::entry::{Entry, EntryBody};
use domain::event::{Event, EventState, Logged};
use domain::hash::Hash128;
use domain::rule::{Match, RuleIdentity, RuleSpec};
use domain::severity::Severity;
use domain::time::Time;
use formats::Format;

/// The good events of all samples, in the order of files and items.
fn events() -> Vec<Event<'static>> {
    let samples = Format::ALL.into_iter().flat_map(sample::all);
    let mut events: Vec<_> = samples
        .flat_map(|sample| {
            sample.with(&sample.body, |reader, input| {
                let items = reader.parse(input).unwrap();
                items
                    .filter_map(|item| item.result.ok().map(Event::into_owned))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    // AWS's own mocks bear one id; sent together, all but the first would be duplicates.
    let mut known = BTreeMap::new();
    events.retain(|event| {
        let first = known
            .entry(event.delivery_key.clone())
            .or_insert(event.fingerprint);
        event.delivery_key.is_empty() || *first == event.fingerprint
    });
    for (index, event) in events.iter_mut().enumerate() {
        event.id = format!("01{index:024}").into();
    }
    events
}

/// Groups (fingerprints) of the incidents that are open once all events are in; a rule takes everything.
fn open<'e>(events: impl IntoIterator<Item = &'e Event<'static>>) -> BTreeSet<String> {
    let mut correlator = Correlator::new("01LOG");
    let mut effects = Vec::new();
    let rule = EntryBody::Rule {
        namespace: "shop",
        identity: RuleIdentity {
            uid: "u".into(),
            name: "all".into(),
            generation: 1,
        },
        spec: Box::new(Ok(RuleSpec {
            matches: Match {
                min_severity: Severity::Info,
                ..Match::default()
            },
            ..RuleSpec::default()
        })),
    };
    let mut sequence = 1;
    let mut append = |body: EntryBody<'_>| {
        let at = sample::RECEIVED_AT;
        correlator.step(&Entry { sequence, at, body }, &mut effects);
        sequence += 1;
    };
    append(rule);
    for event in events {
        append(EntryBody::Events {
            namespace: "shop",
            events: &[Logged::from(event.clone())],
        });
    }
    let records = correlator
        .incident_records()
        .filter(|record| record.end.is_none());
    records
        .map(|record| record.group["fingerprint"].clone())
        .collect()
}

/// A shuffle that depends on nothing but its seed.
fn shuffled<'e>(events: &'e [Event<'static>], seed: u64) -> Vec<&'e Event<'static>> {
    let mut shuffled: Vec<_> = events.iter().collect();
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for last in (1..shuffled.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        shuffled.swap(last, (random % (last as u64 + 1)) as usize);
    }
    shuffled
}

/// The state of each problem by its newest transition.
fn newest(events: &[Event<'static>]) -> BTreeMap<String, (Time, EventState)> {
    let mut newest: BTreeMap<Hash128Text, (Time, EventState)> = BTreeMap::new();
    for event in events {
        let known = newest
            .entry(text(event.fingerprint))
            .or_insert((event.occurred_at, event.state));
        if event.occurred_at >= known.0 {
            *known = (event.occurred_at, event.state);
        }
    }
    newest
}

type Hash128Text = String;

fn text(fingerprint: Hash128) -> Hash128Text {
    fingerprint.to_string()
}

#[test]
fn what_ended_is_closed_and_what_did_not_is_open() {
    let events = events();
    let open = open(&events);
    let mut ended = 0;
    for (fingerprint, (_, state)) in newest(&events) {
        let is_as_told = open.contains(&fingerprint) == (state != EventState::Resolved);
        let one = BTreeSet::from([fingerprint]);
        assert!(is_as_told, "{}", difference(&events, &one, &BTreeSet::new()));
        ended += usize::from(state == EventState::Resolved);
    }
    assert!(ended >= 15, "only {ended} problems end");
}

/// What two sets differ in, told by the events of each problem.
fn difference(events: &[Event<'static>], one: &BTreeSet<String>, other: &BTreeSet<String>) -> String {
    let of = |fingerprint: &String| {
        let told = events
            .iter()
            .filter(|event| text(event.fingerprint) == *fingerprint);
        told.map(|event| {
            let occurrence = text(event.occurrence_key);
            format!(
                "{:?} {} {occurrence} {} {}",
                event.state, event.occurred_at, event.delivery_key, event.title
            )
        })
        .collect::<Vec<_>>()
        .join("\n  ")
    };
    one.symmetric_difference(other)
        .map(of)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn neither_order_nor_repetition_changes_what_is_open() {
    let events = events();
    let once = open(&events);
    let holds = |what: &str, open: &BTreeSet<String>| {
        assert!(*open == once, "{what}: {}", difference(&events, open, &once));
    };
    holds("twice in order", &open(events.iter().chain(&events)));
    for seed in 1..=200 {
        let order = shuffled(&events, seed);
        holds(&format!("seed {seed}"), &open(order.iter().copied()));
        holds(
            &format!("seed {seed}, twice"),
            &open(order.iter().chain(&order).copied()),
        );
    }
}

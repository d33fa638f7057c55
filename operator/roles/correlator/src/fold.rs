//! The leading correlator's thinking part: takes log messages, steps the state, and says which records and
//! checkpoints are to be written. No I/O; runs on a thread with a deep stack because CEL recurses.

use std::time::Duration;

use bus::LogMessage;
use bus::log::EntryError;
use domain::correlate::Correlator;
use domain::correlate::checkpoint::{Checkpoint, CheckpointError};
use domain::correlate::effect::{Effect, Unreadable};
use domain::correlate::incident::Changed;
use domain::incident::IncidentRecord;
use domain::rule::record::RuleRecord;
use domain::time::Time;

use crate::entry::with_entry;
use crate::schedule::Schedule;

/// A checkpoint is due after this many entries or [`CHECKPOINT_EVERY`]: bounds a replay to seconds.
const CHECKPOINT_ENTRIES: u64 = 500_000;
/// A checkpoint is due after this long when something came in: 30 s.
const CHECKPOINT_EVERY: u64 = 30_000;
/// A rule's record is written at most this often for its counters, in milliseconds.
const RULE_EVERY: u64 = 5_000;

/// What of a message could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Skipped {
    /// All of it: it is no entry, and passes time only.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Events that cannot be read beyond their heads, and so match no rule; the others have been taken in.
    #[error("{} events of a log entry cannot be read beyond their heads; they match no rule", .0.len())]
    Events(Vec<Unreadable>),
}

/// What is to be written now.
#[derive(Debug, Default)]
pub struct Due {
    /// Incident records.
    pub incidents: Vec<IncidentRecord>,
    /// Rule records.
    pub rules: Vec<RuleRecord>,
    /// Keys of incident records that go.
    pub removed: Vec<String>,
    /// The state, after everything above.
    pub checkpoint: Option<Checkpoint>,
}

impl Due {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty()
            && self.rules.is_empty()
            && self.removed.is_empty()
            && self.checkpoint.is_none()
    }
}

/// The state and what of it has not been written.
#[derive(Debug)]
pub struct Fold {
    correlator: Correlator,
    schedule: Schedule,
    rules: std::collections::BTreeMap<(u32, u32), u64>,
    due: Due,
    effects: Vec<Effect>,
    /// Where compressed payloads are opened; kept, because a fresh one is page faults for every pack.
    scratch: Vec<u8>,
    checkpointed: (u64, u64),
    /// How far the newest entry's timestamp lies before the log's time.
    clock_behind: Duration,
}

impl Fold {
    /// Goes on from `correlator`; `now` in milliseconds of the caller's clock, here and below.
    pub fn new(correlator: Correlator, now: u64) -> Self {
        let checkpointed = (correlator.sequence(), now);
        Self {
            correlator,
            schedule: Schedule::default(),
            rules: std::collections::BTreeMap::new(),
            due: Due::default(),
            effects: Vec::new(),
            scratch: Vec::new(),
            checkpointed,
            clock_behind: Duration::ZERO,
        }
    }

    /// How far NATS's clock lies before the log's time, which never goes back but waits: no timer fires meanwhile.
    pub const fn clock_behind(&self) -> Duration {
        self.clock_behind
    }

    /// The state.
    pub const fn correlator(&self) -> &Correlator {
        &self.correlator
    }

    /// Takes in one message. What is not decodable passes time only.
    ///
    /// # Errors
    /// What of it was skipped, and why.
    pub fn take(&mut self, message: &LogMessage, now: u64) -> Result<Option<Time>, Skipped> {
        let LogMessage {
            sequence,
            at,
            subject,
            payload,
            ..
        } = message;
        let (correlator, effects) = (&mut self.correlator, &mut self.effects);
        let json = bus::log::open(payload, &mut self.scratch);
        let (received, error) = with_entry((*sequence, *at), subject, json, |entry| {
            correlator.step(entry, effects);
            match &entry.body {
                domain::entry::EntryBody::Events { events, .. } => {
                    events.first().map(|first| first.head.received_at)
                }
                _ => None,
            }
        });
        self.clock_behind = self.correlator.now().since(*at);
        let unreadable = self.sort_effects(now);
        match error {
            Some(error) => Err(error.into()),
            None if unreadable.is_empty() => Ok(received),
            None => Err(Skipped::Events(unreadable)),
        }
    }

    /// Notes what is to be written; gives the events that could not be read.
    fn sort_effects(&mut self, now: u64) -> Vec<Unreadable> {
        let mut unreadable = Vec::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Incident {
                    tenant,
                    number,
                    changed: Changed::State,
                } => {
                    self.schedule.state_changed((tenant, number), now);
                }
                Effect::Incident {
                    tenant,
                    number,
                    changed: Changed::Counts,
                } => {
                    self.schedule.counts_changed((tenant, number), now);
                }
                Effect::Removed { tenant, number, key } => {
                    self.schedule.forget((tenant, number));
                    self.due.removed.push(key);
                }
                Effect::Rule { tenant, number } => {
                    self.rules.entry((tenant, number)).or_insert(now + RULE_EVERY);
                }
                Effect::RuleChanged { tenant, number } => {
                    self.rules.insert((tenant, number), now);
                }
                Effect::RuleDropped { record, .. } => self.due.rules.push(*record),
                Effect::Unreadable(event) => unreadable.push(event),
            }
        }
        unreadable
    }

    /// Takes out what is due.
    ///
    /// # Errors
    /// The state cannot be encoded.
    pub fn take_due(&mut self, now: u64) -> Result<Due, CheckpointError> {
        let (at_sequence, at) = self.checkpointed;
        let behind = self.correlator.sequence() - at_sequence;
        if behind >= CHECKPOINT_ENTRIES || (behind > 0 && now >= at + CHECKPOINT_EVERY) {
            return self.take_all(now);
        }
        for subject in self.schedule.take_due(now) {
            self.due
                .incidents
                .extend(self.correlator.incident_record(subject.0, subject.1));
        }
        let due: Vec<_> = self
            .rules
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(rule, _)| *rule)
            .collect();
        self.take_rules(&due);
        Ok(std::mem::take(&mut self.due))
    }

    /// Takes out everything that has not been written, with a checkpoint after it.
    ///
    /// # Errors
    /// The state cannot be encoded.
    pub fn take_all(&mut self, now: u64) -> Result<Due, CheckpointError> {
        for subject in self.schedule.take_all(now) {
            self.due
                .incidents
                .extend(self.correlator.incident_record(subject.0, subject.1));
        }
        let rules: Vec<_> = self.rules.keys().copied().collect();
        self.take_rules(&rules);
        self.due.checkpoint = Some(self.correlator.checkpoint()?);
        self.checkpointed = (self.correlator.sequence(), now);
        Ok(std::mem::take(&mut self.due))
    }

    fn take_rules(&mut self, rules: &[(u32, u32)]) {
        for rule in rules {
            self.rules.remove(rule);
            self.due.rules.extend(self.correlator.rule_record(rule.0, rule.1));
        }
    }

    /// How long until something is due, when no message comes.
    pub fn next_due(&self, now: u64) -> Duration {
        let (at_sequence, at) = self.checkpointed;
        let checkpoint = (self.correlator.sequence() > at_sequence).then(|| at + CHECKPOINT_EVERY);
        let rules = self.rules.values().min().copied();
        let waits = checkpoint
            .into_iter()
            .chain(rules)
            .map(|at| Duration::from_millis(at.saturating_sub(now)));
        waits
            .chain(self.schedule.next_due(now))
            .min()
            .unwrap_or(Duration::from_millis(CHECKPOINT_EVERY))
    }
}

#[cfg(test)]
mod tests {
    use bus::log::{Control, Pack, encode_control, encode_tick};
    use domain::correlate::effect::Outcome;
    use domain::event::Event;

    use super::*;

    fn message(sequence: u64, subject: &str, payload: &[u8]) -> LogMessage {
        LogMessage {
            sequence,
            at: Time::from_millis(i64::try_from(sequence).unwrap()),
            subject: subject.to_owned(),
            pending: 0,
            payload: payload.to_vec().into(),
        }
    }

    /// A fold with a rule that counts everything in one incident a host.
    fn fold() -> Fold {
        let mut fold = Fold::new(Correlator::new("01LOG"), 0);
        let rule = Control::Rule {
            name: "by-host".into(),
            uid: "u1".into(),
            generation: 1,
            api_version: "opsward.dev/v1alpha1".into(),
            spec: serde_json::value::to_raw_value(
                &serde_json::json!({"match": {"types": ["t"]}, "groupBy": ["host"]}),
            )
            .unwrap(),
        };
        let entry = encode_control(&rule).unwrap();
        fold.take(&message(1, "ingest.control.shop", &entry), 0).unwrap();
        fold
    }

    fn event(host: &str, fingerprint: u128) -> String {
        let event = Event {
            id: "01JFH0000000000000000000AA".into(),
            fingerprint: fingerprint.into(),
            kind: "t".into(),
            host: host.to_owned().into(),
            ..Event::default()
        };
        let mut json = Vec::new();
        event.write_json(&mut json);
        String::from_utf8(json).unwrap()
    }

    fn pack(events: &[&str]) -> Vec<u8> {
        let mut pack = Pack::new();
        for event in events {
            pack.push(event.as_bytes());
        }
        pack.finish().to_vec()
    }

    #[test]
    fn an_event_broken_behind_its_head_is_told_alone_and_the_others_of_its_pack_count() {
        let mut fold = fold();
        let broken = event("web-2", 2).replace(r#""web-2""#, "2");
        let entry = pack(&[&event("web-1", 1), &broken, &event("web-3", 3)]);
        let skipped = fold
            .take(&message(2, "ingest.events.shop", &entry), 0)
            .unwrap_err();
        let Skipped::Events(unreadable) = skipped else {
            panic!("{skipped}")
        };
        let expected = Unreadable {
            index: 1,
            text: broken,
        };
        assert_eq!(unreadable, [expected]);
        let totals = fold.correlator().totals();
        let ends = [Outcome::Counted, Outcome::Unmatched].map(|outcome| totals.of(outcome));
        assert_eq!((totals.accepted, ends), (3, [2, 1]));
        let due = fold.take_all(0).unwrap();
        let counts: Vec<_> = due
            .incidents
            .iter()
            .map(|record| record.occurrences.count)
            .collect();
        assert_eq!(counts, [1, 1]);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_the_logs_time_and_is_shown() {
        let mut fold = fold();
        let mut take = |sequence: u64, at: i64| {
            let entry = encode_tick();
            let message = LogMessage {
                at: Time::from_millis(at),
                ..message(sequence, "ingest.tick", &entry)
            };
            fold.take(&message, 0).unwrap();
            (fold.correlator().now(), fold.clock_behind().as_millis())
        };
        let noon = Time::from_millis(43_200_000);
        assert_eq!(take(2, 43_200_000), (noon, 0));
        assert_eq!(take(3, 42_600_000), (noon, 600_000));
        assert_eq!(take(4, 43_200_001), (Time::from_millis(43_200_001), 0));
    }

    #[test]
    fn a_head_that_cannot_be_read_makes_the_pack_no_entry() {
        let mut fold = fold();
        let broken = event("web-2", 2).replace("Firing", "Burning");
        let entry = pack(&[&event("web-1", 1), &broken]);
        let skipped = fold
            .take(&message(2, "ingest.events.shop", &entry), 0)
            .unwrap_err();
        assert!(
            matches!(skipped, Skipped::Entry(EntryError::Json(_))),
            "{skipped}"
        );
        let correlator = fold.correlator();
        assert_eq!((correlator.totals().accepted, correlator.sequence()), (0, 2));
        fold.take(&message(3, "ingest.tick", &encode_tick()), 0).unwrap();
    }
}

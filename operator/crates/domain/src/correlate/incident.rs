//! One incident as the correlator holds it: its counters, its members, and when it ends by itself.

mod ending;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::resources::Resources;
use super::window::Occurrence;
use crate::event::Event;
use crate::hash::{Hash128, HashKeyed};
use crate::incident::opening_event::OpeningEvent;
use crate::incident::{End, EndReason, Occurrences};
use crate::rule::{Resolve, RuleIdentity};
use crate::severity::Severity;
use crate::time::Time;
use crate::triage::Triage;

/// Members tracked one by one; beyond, only their number is known.
pub const TRACKED_MEMBERS: usize = 1000;
/// How long after the incident's end and its object's ttl the record goes: 1 h, so that a controller that was
/// away still finds it.
const RECORD_OUTLIVES_OBJECT: Duration = Duration::from_secs(60 * 60);
/// An overflow incident ends after this much silence: 10 min.
const OVERFLOW_QUIET: Duration = Duration::from_secs(10 * 60);

/// One problem that is part of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub(super) firing: bool,
    life_cycle: bool,
    last_seen: Time,
    ends_at: Time,
}

/// Whether an incident takes occurrences, may come back, is muted, or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It takes occurrences.
    Open,
    /// It ended by itself and comes back with an occurrence until then.
    Reopenable(Time),
    /// A person ended it; what still fires is muted since then.
    Muted(Time),
    /// It is over; only its record is left.
    Over,
}

/// What an incident starts from.
pub struct Opening<'a> {
    /// Its id.
    pub id: String,
    /// The rule that it pins.
    pub rule: RuleIdentity,
    /// That rule's terms.
    pub resolve: Resolve,
    /// Whether a person decides about it.
    pub triage: Arc<Triage>,
    /// How long its object stays.
    pub ttl: Duration,
    /// Its group.
    pub group: Hash128,
    /// The group's fields and values.
    pub group_fields: Vec<(String, String)>,
    /// The event that opens it.
    pub event: &'a Event<'a>,
    /// When, by the log.
    pub at: Time,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// The rule that it pins.
    pub rule: RuleIdentity,
    /// Its group under that rule.
    pub group: Hash128,
    /// What it gathers beyond the caps.
    pub overflow: bool,
    /// Where it stands.
    pub stage: Stage,
    /// Whether its rule has been deleted.
    pub rule_gone: bool,
    pub(super) resolve: Resolve,
    pub(super) ttl: Duration,
    pub(super) group_fields: Vec<(String, String)>,
    pub(super) correlation_id: String,
    pub(super) title: String,
    // These four stand behind the others in a checkpoint.
    #[serde(skip)]
    pub(super) event: Option<Arc<OpeningEvent>>,
    #[serde(skip)]
    pub(super) resources: Resources,
    #[serde(skip)]
    pub(super) triage: Arc<Triage>,
    /// Events that came of it after a person had ended it.
    #[serde(skip)]
    pub(super) muted: i64,
    pub(super) severity: Severity,
    pub(super) occurrences: Occurrences,
    pub(super) opened_at: Time,
    pub(super) reopened: i64,
    pub(super) end: Option<End>,
    pub(super) members: HashKeyed<Member>,
    /// Members with a life cycle that fire: as long as there is one, silence ends nothing.
    firing_alerts: u32,
    /// No firing alert ends by its own word before this; exact after [`Incident::expire`], early after renewals
    /// and clears.
    ends_from: Option<Time>,
    /// The newest event of a firing member without a life cycle.
    last_report: Time,
    /// The newest event of any member, counted or muted.
    last_event: Time,
}

impl Incident {
    /// An open incident without occurrences.
    pub fn open(opening: Opening<'_>) -> Self {
        Self {
            id: opening.id,
            rule: opening.rule,
            group: opening.group,
            overflow: false,
            stage: Stage::Open,
            rule_gone: false,
            resolve: opening.resolve,
            ttl: opening.ttl,
            group_fields: opening.group_fields,
            correlation_id: opening.event.id.clone().into_owned(),
            title: opening.event.title.clone().into_owned(),
            event: Some(Arc::new(OpeningEvent::of(opening.event))),
            resources: Resources::default(),
            triage: opening.triage,
            muted: 0,
            severity: Severity::Info,
            occurrences: Occurrences::default(),
            opened_at: opening.at,
            reopened: 0,
            end: None,
            members: HashKeyed::default(),
            firing_alerts: 0,
            ends_from: None,
            last_report: Time::EPOCH,
            last_event: opening.at,
        }
    }

    /// Counts an occurrence.
    pub fn count(&mut self, occurrence: &Occurrence) -> Changed {
        let seen = &mut self.occurrences;
        seen.count += 1;
        if seen.first_seen.is_epoch() || occurrence.at < seen.first_seen {
            seen.first_seen = occurrence.at;
        }
        seen.last_seen = seen.last_seen.max(occurrence.at);
        let raised = occurrence.severity > self.severity;
        self.severity = self.severity.max(occurrence.severity);
        if self.note(occurrence) || raised {
            Changed::State
        } else {
            Changed::Counts
        }
    }

    /// Notes that a member was seen firing, without counting; `true` when it did not fire before.
    pub fn note(&mut self, seen: &Occurrence) -> bool {
        self.last_event = self.last_event.max(seen.at);
        if self.overflow {
            return false;
        }
        let life_cycle = !seen.occurrence.is_absent();
        let fresh = Member {
            firing: false,
            life_cycle,
            last_seen: seen.at,
            ends_at: Time::EPOCH,
        };
        let member = match self.members.len() {
            TRACKED_MEMBERS.. if !self.members.contains_key(&seen.fingerprint) => {
                self.occurrences.members_overflow += 1;
                return false;
            }
            _ => self.members.entry(seen.fingerprint).or_insert_with(|| {
                self.occurrences.members += 1;
                fresh
            }),
        };
        (member.last_seen, member.ends_at) = (seen.at, seen.ends_at);
        if member.life_cycle && !seen.ends_at.is_epoch() {
            self.ends_from = Some(self.ends_from.map_or(seen.ends_at, |from| from.min(seen.ends_at)));
        }
        if member.life_cycle && !member.firing {
            self.firing_alerts += 1;
        }
        if !member.life_cycle {
            self.last_report = self.last_report.max(seen.at);
        }
        !std::mem::replace(&mut member.firing, true)
    }

    /// The same occurrence again.
    pub fn repeat(&mut self, seen: &Occurrence) -> Changed {
        self.occurrences.repeats += 1;
        self.occurrences.last_seen = self.occurrences.last_seen.max(seen.at);
        if self.note(seen) {
            Changed::State
        } else {
            Changed::Counts
        }
    }

    /// Something of it came although a person has ended it.
    pub fn mute(&mut self, seen: &Occurrence) {
        self.muted += 1;
        self.note(seen);
    }

    /// The same delivery again.
    pub fn duplicate(&mut self) {
        self.occurrences.duplicates += 1;
    }

    /// A member sent its clear; `true` when it had fired.
    pub fn clear(&mut self, fingerprint: Hash128, at: Time) -> bool {
        self.last_event = self.last_event.max(at);
        let Some(member) = self.members.get_mut(&fingerprint).filter(|member| member.firing) else {
            return false;
        };
        member.firing = false;
        self.firing_alerts -= u32::from(member.life_cycle);
        let was_last_report = !member.life_cycle && member.last_seen == self.last_report;
        if was_last_report {
            let reports = self
                .members
                .values()
                .filter(|member| member.firing && !member.life_cycle);
            self.last_report = reports.map(|member| member.last_seen).max().unwrap_or_default();
        }
        true
    }

    /// Whether it may come back at `now`: not beyond `maxOpen`, which would end it at once.
    pub fn may_reopen(&self, now: Time) -> bool {
        now < self.opened_at.plus(self.resolve.max_open)
    }

    /// Whether problems beyond the tracked members may name it as their holder.
    pub const fn has_untracked(&self) -> bool {
        self.overflow || self.occurrences.members_overflow > 0
    }

    /// Whether an alert of it fires.
    pub fn has_firing_alerts(&self) -> bool {
        self.firing_alerts > 0
    }

    /// Ends it.
    pub fn finish(&mut self, at: Time, reason: EndReason) {
        self.stage = match reason {
            EndReason::Cleared | EndReason::Quiet if !self.overflow && !self.rule_gone => {
                Stage::Reopenable(at.plus(self.resolve.reopen_within))
            }
            EndReason::Closed if !self.overflow && !self.rule_gone => Stage::Muted(at),
            _ => Stage::Over,
        };
        self.end = Some(End { at, reason });
        if !matches!(self.stage, Stage::Muted(_)) {
            for member in self.members.values_mut() {
                member.firing = false;
            }
            self.firing_alerts = 0;
        }
    }

    /// Takes it up again.
    pub fn reopen(&mut self) {
        (self.stage, self.end) = (Stage::Open, None);
        self.reopened += 1;
    }

    /// It is over for good: nothing joins it any more.
    pub fn retire(&mut self) {
        self.stage = Stage::Over;
        self.members = HashKeyed::default();
        self.firing_alerts = 0;
    }

    /// The fingerprints of its tracked members.
    pub fn fingerprints(&self) -> Vec<Hash128> {
        self.members.keys().copied().collect()
    }

    /// When its record goes, given that it has ended.
    fn record_goes(&self) -> Time {
        self.removal_due().unwrap_or(Time::from_millis(i64::MAX))
    }

    fn removal_due(&self) -> Option<Time> {
        self.end
            .as_ref()
            .map(|end| end.at.plus(self.ttl).plus(RECORD_OUTLIVES_OBJECT))
    }

    /// Whether its record is due to go at `now`.
    pub fn is_removable(&self, now: Time) -> bool {
        !matches!(self.stage, Stage::Open | Stage::Muted(_))
            && self.removal_due().is_some_and(|due| due <= now)
    }
}

/// How much an incident changed: numbers may wait, its state is written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// Counters only.
    Counts,
    /// Opened, ended, came back, fires or not, severity.
    State,
}

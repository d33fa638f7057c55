//! When an incident's record is written: what people must see at once, at once; numbers after 1, 2, 4 … 30 s
//! and once when 2 s quiet. Pure: the caller brings the time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

/// The first wait between two writes of numbers, in milliseconds.
const FIRST_WAIT: u64 = 1_000;
/// The longest wait.
const LONGEST_WAIT: u64 = 30_000;
/// Silence after which the numbers are final for now and are written.
const QUIET: u64 = 2_000;

/// An incident: its tenant's number and its own.
pub type Subject = (u32, u64);

#[derive(Debug)]
struct Slot {
    dirty: bool,
    written: u64,
    changed: u64,
    wait: u64,
}

/// What has to be written when. Times are milliseconds of any clock that never goes back.
#[derive(Debug, Default)]
pub struct Schedule {
    slots: HashMap<Subject, Slot>,
    urgent: Vec<Subject>,
    queue: BinaryHeap<Reverse<(u64, Subject)>>,
}

impl Slot {
    fn due(&self) -> u64 {
        (self.written + self.wait).min(self.changed + QUIET)
    }
}

impl Schedule {
    /// The state of an incident changed: due at once.
    pub fn state_changed(&mut self, subject: Subject, now: u64) {
        let slot = self.slots.entry(subject).or_insert(Slot {
            dirty: false,
            written: 0,
            changed: 0,
            wait: FIRST_WAIT,
        });
        slot.changed = now;
        slot.dirty = true;
        if self.urgent.last() != Some(&subject) {
            self.urgent.push(subject);
        }
    }

    /// Numbers of an incident changed.
    pub fn counts_changed(&mut self, subject: Subject, now: u64) {
        let slot = self.slots.entry(subject).or_insert(Slot {
            dirty: false,
            written: now,
            changed: 0,
            wait: FIRST_WAIT,
        });
        slot.changed = now;
        if !slot.dirty {
            slot.dirty = true;
            self.queue.push(Reverse((slot.due(), subject)));
        }
    }

    /// Takes out what is due, each incident once.
    pub fn take_due(&mut self, now: u64) -> Vec<Subject> {
        let mut due = Vec::new();
        for subject in std::mem::take(&mut self.urgent) {
            self.take(subject, now, &mut due);
        }
        while let Some(Reverse((at, subject))) =
            self.queue.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.queue.pop();
            let Some(slot) = self.slots.get(&subject).filter(|slot| slot.dirty) else {
                continue;
            };
            if slot.due() > at {
                self.queue.push(Reverse((slot.due(), subject)));
            } else {
                self.take(subject, now, &mut due);
            }
        }
        due
    }

    fn take(&mut self, subject: Subject, now: u64, due: &mut Vec<Subject>) {
        let Some(slot) = self.slots.get_mut(&subject).filter(|slot| slot.dirty) else {
            return;
        };
        let went_quiet = slot.changed + QUIET <= now;
        slot.wait = if went_quiet {
            FIRST_WAIT
        } else {
            (slot.wait * 2).min(LONGEST_WAIT)
        };
        (slot.dirty, slot.written) = (false, now);
        due.push(subject);
    }

    /// Takes out everything that has not been written, due or not.
    pub fn take_all(&mut self, now: u64) -> Vec<Subject> {
        let dirty: Vec<Subject> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.dirty)
            .map(|(subject, _)| *subject)
            .collect();
        self.urgent.clear();
        let mut all = Vec::with_capacity(dirty.len());
        for subject in dirty {
            self.take(subject, now, &mut all);
        }
        all
    }

    /// Forgets an incident whose record is gone.
    pub fn forget(&mut self, subject: Subject) {
        self.slots.remove(&subject);
    }

    /// How long until something is due; `None` when nothing waits.
    pub fn next_due(&self, now: u64) -> Option<Duration> {
        if !self.urgent.is_empty() {
            return Some(Duration::ZERO);
        }
        self.queue
            .peek()
            .map(|Reverse((at, _))| Duration::from_millis(at.saturating_sub(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Subject = (0, 1);

    #[test]
    fn a_change_of_state_is_due_at_once_and_once() {
        let mut schedule = Schedule::default();
        schedule.state_changed(A, 5);
        schedule.state_changed((0, 2), 5);
        schedule.state_changed(A, 5);
        assert_eq!(schedule.take_due(5), [A, (0, 2)]);
        assert_eq!(schedule.take_due(100_000), []);
    }

    #[test]
    fn numbers_wait_longer_and_longer_while_they_keep_coming() {
        let mut schedule = Schedule::default();
        let mut written = Vec::new();
        for now in (0..130_000).step_by(100) {
            schedule.counts_changed(A, now);
            if !schedule.take_due(now).is_empty() {
                written.push(now);
            }
        }
        assert_eq!(
            written,
            [1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000, 121_000]
        );
    }

    #[test]
    fn after_two_quiet_seconds_the_numbers_are_written_once() {
        let mut schedule = Schedule::default();
        for now in (0..20_000).step_by(100) {
            schedule.counts_changed(A, now);
            schedule.take_due(now);
        }
        assert_eq!(
            schedule.next_due(19_900).map(|wait| wait.as_millis() <= 2_000),
            Some(true)
        );
        assert_eq!(schedule.take_due(21_899), []);
        assert_eq!(schedule.take_due(21_900), [A]);
        assert_eq!(schedule.take_due(60_000), []);
    }

    #[test]
    fn everything_unwritten_can_be_taken_before_a_checkpoint() {
        let mut schedule = Schedule::default();
        schedule.counts_changed(A, 0);
        assert_eq!(schedule.take_all(1), [A]);
        assert_eq!(schedule.take_due(10_000), []);
    }
}

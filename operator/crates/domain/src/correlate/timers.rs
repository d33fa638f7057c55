//! Deadlines in log time. A timer is a promise to look again not later than its time: one that comes early
//! finds nothing due and is set anew, so a deadline that only moves away costs nothing on the hot path.

use std::collections::{BTreeSet, HashMap};

use crate::hash::Hash128;
use crate::time::Time;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An incident of a tenant, by its number.
    Incident(u32, u64),
    /// A pending window of a tenant's rule, by the rule's number and the group.
    Window(u32, u32, Hash128),
}

/// All deadlines, in the order of their times; ties in the order of their subjects.
#[derive(Debug, Default)]
pub struct Timers {
    queue: BTreeSet<(Time, Subject)>,
    set: HashMap<Subject, Time>,
}

impl Timers {
    /// Looks at `subject` at `due` the latest; an earlier time stays.
    pub fn not_later_than(&mut self, due: Time, subject: Subject) {
        match self.set.get(&subject) {
            Some(&earlier) if earlier <= due => {}
            later => {
                if let Some(&later) = later {
                    self.queue.remove(&(later, subject));
                }
                self.queue.insert((due, subject));
                self.set.insert(subject, due);
            }
        }
    }

    /// Takes the first timer that is due at `now`.
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, Subject)> {
        let &(due, subject) = self.queue.first().filter(|(due, _)| *due <= now)?;
        self.queue.remove(&(due, subject));
        self.set.remove(&subject);
        Some((due, subject))
    }

    /// The first deadline.
    pub fn next_due(&self) -> Option<Time> {
        self.queue.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_the_order_of_their_times_and_the_earlier_stays() {
        let mut timers = Timers::default();
        let at = Time::from_millis;
        timers.not_later_than(at(20), Subject::Incident(0, 1));
        timers.not_later_than(at(30), Subject::Incident(0, 1));
        timers.not_later_than(at(10), Subject::Incident(0, 2));
        assert_eq!(timers.pop_due(at(5)), None);
        assert_eq!(timers.pop_due(at(40)), Some((at(10), Subject::Incident(0, 2))));
        assert_eq!(timers.pop_due(at(40)), Some((at(20), Subject::Incident(0, 1))));
        assert_eq!(timers.next_due(), None);
    }
}

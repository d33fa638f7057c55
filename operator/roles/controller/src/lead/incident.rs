//! What the leader does about one incident.

use domain::notify::Terms;
use domain::time::Time;
use tokio::time::Instant;

use super::Leader;
use crate::class::Class;
use crate::clock::Now;
use crate::incidents::IncidentMemory;
use crate::incidents::deadline::Deadline;
use crate::incidents::decide::decide;
use crate::incidents::notify;
use crate::incidents::seen::{Presence, Seen};
use crate::incidents::wanted::{Decision, Tell};
use crate::jobs;
use crate::key::Key;

impl Leader<'_> {
    pub(super) fn reconcile_incident(&mut self, key: &Key, now: Now) -> (Option<Class>, Option<Instant>) {
        let (mut decision, notices) = self.look_at(key, now, |seen, channels| {
            (decide(seen, now), notify::wanted(seen, channels, now))
        });
        if notices.come_first {
            decision.write = None;
        }
        let notified = self.notify(key, notices, now);
        self.tell(key, &decision.tells);
        if let Some(close) = decision.append_close
            && self.telling.insert(key.clone())
        {
            self.calls
                .spawn(jobs::close(self.tools.bus.clone(), key.clone(), close));
        }
        let memory = self.incidents.entry(key.clone()).or_default();
        memory.close = decision.close;
        let class = decision.write.map(|write| write.class);
        memory.differs_since = class.map(|_| memory.differs_since.unwrap_or(now.instant));
        let class = class.map(|class| memory.urgency(class, self.caught_up_at, now.instant));
        let due_at = memory.timer.due_at(now.instant);
        let is_told = self.world.notifications(key).is_empty();
        if self.world.incident(key) == (None, None) && notified.is_none() && is_told {
            self.incidents.remove(key);
            self.pace.clear(key);
            self.question_pace.clear(key);
            self.task_pace.clear(key);
        }
        let paused = self.question_pace.pause(key, now.instant);
        let waits = [decision.look_again, due_at, paused, notified];
        (class, waits.into_iter().flatten().min())
    }

    /// Decides about one incident.
    pub(super) fn decide_incident(&mut self, key: &Key, now: Now) -> Decision {
        self.look_at(key, now, |seen, channels| {
            let mut decision = decide(seen, now);
            let is_over = seen.record.is_some_and(|record| record.end.is_some());
            if is_over && notify::wanted(seen, channels, now).come_first {
                decision.write = None;
            }
            decision
        })
    }

    /// Looks at one incident and at the channels of its rule, and remembers how it was seen.
    fn look_at<T>(&mut self, key: &Key, now: Now, look: impl FnOnce(&Seen<'_>, Option<&[Terms]>) -> T) -> T {
        let (record, object) = self.world.incident(key);
        let questions = self.world.questions(key);
        let memory = self
            .incidents
            .entry(key.clone())
            .or_insert_with(|| IncidentMemory::first_seen(object, &questions));
        memory.presence = match (object, memory.presence) {
            (Some(_), _) => Presence::Seen,
            (None, Presence::NeverSeen) => Presence::NeverSeen,
            (None, Presence::Seen | Presence::Gone) => Presence::Gone,
        };
        let mut seen = Seen {
            record,
            object,
            presence: memory.presence,
            namespace: self.world.namespace_state(&key.namespace),
            close: memory.close,
            questions,
            notifications: self.world.notifications(key),
            shows_notifications: self.shows_notifications,
            time_passed: false,
            refused: memory.refused.as_deref(),
            is_paused: self.question_pace.pause(key, now.instant).is_some(),
            identity: self.world.identity(),
        };
        let deadline = Deadline::of(&seen);
        seen.time_passed = memory.timer.has_passed(deadline, now);
        let channels = record.and_then(|record| self.world.channels(&key.namespace, &record.rule.uid));
        look(&seen, channels)
    }

    /// The log's time of what `tells` say, for the stage histogram: what is told was new, not caught up.
    pub(super) fn shown_since(&self, key: &Key, tells: &[Tell]) -> Option<Time> {
        let record = self.world.incident(key).0?;
        match tells.last()? {
            Tell::Opened => Some(record.opened_at),
            Tell::Resolved(_) => record.end.as_ref().map(|end| end.at),
            _ => None,
        }
    }
}

//! What the leader does so that people are told: it wants what `incidents::notify` decides, sends a message again that nobody has
//! acted on, and removes the tasks of incidents that are gone.

use std::time::Duration;

use bus::{BusError, Record as _};
use domain::notify::Notification;
use domain::task::{GIVE_UP_AFTER, State};
use domain::time::Time;
use platform::Chain;
use tokio::time::Instant;
use tracing::warn;

use super::Leader;
use crate::clock::Now;
use crate::incidents::notify::Notices;
use crate::jobs::{self, Moved};
use crate::key::Key;

/// How long nothing may happen to a task before its message is sent again; each time twice as long. A message is lost only with
/// its stream, or when this process ended between record and message.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// The longest such pause: 10 min.
const LONGEST_SILENCE: Duration = Duration::from_secs(10 * 60);
/// Calls about tasks under way at once.
const CALLS: usize = 64;
/// How soon a key is looked at again that found no room for its calls.
const NO_ROOM: Duration = Duration::from_millis(20);

/// What was last seen of a task that is not done, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    seen: (u64, State, u32),
    since: Instant,
    sent: u32,
}

impl Silence {
    fn of(task: &Notification, now: Now) -> Self {
        Self {
            seen: (task.revision, task.progress.state, task.progress.attempts),
            since: now.instant,
            sent: 0,
        }
    }

    /// When the message is sent again.
    fn ends_at(&self, not_before: Option<Time>, now: Now) -> Instant {
        let silence = SILENT_FOR.saturating_mul(1_u32.checked_shl(self.sent).unwrap_or(u32::MAX));
        let waits = not_before.map_or(Duration::ZERO, |at| at.since(now.time));
        (self.since + silence.min(LONGEST_SILENCE)).max(now.instant + waits)
    }
}

impl Leader<'_> {
    /// Starts the calls that an incident's channels need; when to look again.
    pub(super) fn notify(&mut self, key: &Key, notices: Notices, now: Now) -> Option<Instant> {
        if let Some(paused) = self.task_pace.pause(key, now.instant) {
            return Some(paused);
        }
        let mut look_again = notices.look_again;
        for wanted in notices.wanted {
            if !self.call(|leader| {
                let task = bus::contract::task_key(
                    domain::task::Worker::Notifier,
                    &wanted.place.id(domain::task::Worker::Notifier),
                );
                let bus = leader.tools.bus.clone();
                (task, jobs::want(bus, key.clone(), wanted, now.time))
            }) {
                look_again = Some(now.instant + NO_ROOM);
            }
        }
        let tasks: Vec<(String, bool, Option<Instant>)> = self.silences(key, now);
        for (task, is_gone, silent_until) in tasks {
            let due = silent_until.is_some_and(|until| until <= now.instant);
            if !(is_gone || due) {
                look_again = [look_again, silent_until].into_iter().flatten().min();
                continue;
            }
            let (bus, key) = (self.tools.bus.clone(), key.clone());
            let has_room = if is_gone {
                self.call(|_| (task.clone(), jobs::forget(bus, key, task)))
            } else {
                self.call(|_| (task.clone(), jobs::send_again(bus, key, task)))
            };
            if !has_room {
                look_again = Some(now.instant + NO_ROOM);
            }
        }
        look_again
    }

    /// Of each task of an incident: its key, whether it is no more needed, and when its silence has lasted too long.
    fn silences(&mut self, key: &Key, now: Now) -> Vec<(String, bool, Option<Instant>)> {
        let is_gone = self.world.incident(key).0.is_none();
        // What is still to be told has its day, also where the incident is gone by now.
        let is_left = |task: &Notification| {
            let is_settled = matches!(task.progress.state, State::Done | State::Failed);
            is_gone && (is_settled || now.time >= task.progress.since.plus(GIVE_UP_AFTER + LONGEST_SILENCE))
        };
        let tasks: Vec<&Notification> = self.world.notifications(key);
        let silences = &mut self.silences;
        let all = tasks.into_iter().map(|task| {
            let name = task.key();
            let open = matches!(task.progress.state, State::Queued | State::Running);
            let until = open.then(|| {
                let fresh = Silence::of(task, now);
                let silence = silences.entry(name.clone()).or_insert(fresh);
                if silence.seen != fresh.seen {
                    *silence = fresh;
                }
                silence.ends_at(task.progress.not_before, now)
            });
            if until.is_none() {
                silences.remove(&name);
            }
            (name, is_left(task), until)
        });
        all.collect()
    }

    /// Starts a call about a task, unless one is under way; false where there is no room.
    fn call<F>(&mut self, make: impl FnOnce(&Self) -> (String, F)) -> bool
    where
        F: Future<Output = jobs::Done> + Send + 'static,
    {
        if self.moving.len() >= CALLS {
            return false;
        }
        let (task, call) = make(self);
        if self.moving.insert(task) {
            self.calls.spawn(call);
        }
        true
    }

    /// Takes in what a call about a task brought back.
    pub(super) fn task_moved(&mut self, key: &Key, task: &str, result: Result<Moved, BusError>, now: Now) {
        self.moving.remove(task);
        match result {
            Ok(moved) => {
                self.task_pace.clear(key);
                match moved {
                    Moved::Wanted(task) => self.world.notification_wanted(*task),
                    Moved::Outdated(Some(task)) => {
                        self.world.notification_written(*task);
                    }
                    Moved::Outdated(None) => {
                        self.world.notification_gone(task);
                    }
                    Moved::Sent => {
                        if let Some(silence) = self.silences.get_mut(task) {
                            silence.since = now.instant;
                            silence.sent = silence.sent.saturating_add(1);
                        }
                    }
                    Moved::Forgotten => {
                        self.world.notification_gone(task);
                        self.silences.remove(task);
                    }
                }
            }
            Err(error) => {
                self.task_pace.failed(key, now.instant);
                let (namespace, id) = (&key.namespace, &key.id);
                warn!(namespace, id, error = %Chain(&error), "a task was not moved, trying again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use crate::samples::at;

    #[test]
    fn a_message_is_sent_again_ever_less_often_and_not_before_the_task_may_start() {
        let now = now(at(0));
        let mut silence = Silence {
            seen: (1, State::Queued, 0),
            since: now.instant,
            sent: 0,
        };
        let after = |silence: &Silence, not_before| silence.ends_at(not_before, now) - now.instant;
        assert_eq!(after(&silence, None), Duration::from_secs(30));
        assert_eq!(after(&silence, Some(at(300))), Duration::from_secs(300));
        silence.sent = 2;
        assert_eq!(after(&silence, None), Duration::from_secs(120));
        silence.sent = 40;
        assert_eq!(after(&silence, None), Duration::from_secs(600));
    }
}

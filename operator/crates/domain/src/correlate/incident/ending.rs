//! When an incident ends by itself, and until when what a person ended stays muted.

use std::time::Duration;

use super::{Incident, OVERFLOW_QUIET, Stage};
use crate::incident::EndReason;
use crate::rule::ResolveOn;
use crate::time::Time;

impl Incident {
    /// Why it ends at `now`, if it does.
    pub fn ends(&self, now: Time) -> Option<EndReason> {
        if now >= self.opened_at.plus(self.resolve.max_open) {
            return Some(EndReason::MaxOpen);
        }
        if self.ends_by_silence_alone() {
            return (now >= self.last_event.plus(self.quiet_after())).then_some(EndReason::Quiet);
        }
        if self.resolve.on == ResolveOn::Never || self.firing_alerts > 0 {
            return None;
        }
        let mut reports = self
            .members
            .values()
            .filter(|member| member.firing && !member.life_cycle)
            .peekable();
        if reports.peek().is_none() {
            return Some(EndReason::Cleared);
        }
        reports
            .all(|member| now >= member.last_seen.plus(self.resolve.after))
            .then_some(EndReason::Quiet)
    }

    /// Lets members go whose `endsAt` has passed; `true` when one did.
    pub fn expire(&mut self, now: Time) -> bool {
        if self.ends_from.is_none_or(|from| from > now) {
            return false;
        }
        let before = self.firing_alerts;
        for member in self.members.values_mut() {
            if member.firing && member.life_cycle && !member.ends_at.is_epoch() && member.ends_at <= now {
                member.firing = false;
                self.firing_alerts -= 1;
            }
        }
        let firing = self
            .members
            .values()
            .filter(|member| member.firing && member.life_cycle);
        self.ends_from = firing
            .map(|member| member.ends_at)
            .filter(|ends_at| !ends_at.is_epoch())
            .min();
        before != self.firing_alerts
    }

    /// When to look at it again the latest. A look before that changes nothing: timers are not saved, so a change
    /// must not hang on one that an earlier state set.
    pub fn due(&self) -> Time {
        let due = match self.stage {
            Stage::Open => self.due_open(),
            Stage::Reopenable(until) => until.plus(Duration::from_millis(1)).min(self.record_goes()),
            Stage::Muted(since) if self.firing_alerts > 0 => self.muted_until(since),
            Stage::Muted(since) => self.unmuted_at(since).min(self.muted_until(since)),
            Stage::Over => self.record_goes(),
        };
        self.ends_from.map_or(due, |ends_from| ends_from.min(due))
    }

    fn due_open(&self) -> Time {
        let max_open = self.opened_at.plus(self.resolve.max_open);
        if self.ends_by_silence_alone() {
            self.last_event.plus(self.quiet_after()).min(max_open)
        } else if self.resolve.on == ResolveOn::Never || self.firing_alerts > 0 {
            max_open
        } else {
            self.last_report.plus(self.resolve.after).min(max_open)
        }
    }

    fn ends_by_silence_alone(&self) -> bool {
        self.overflow || self.occurrences.members_overflow > 0
    }

    fn quiet_after(&self) -> Duration {
        if self.overflow {
            OVERFLOW_QUIET
        } else {
            self.resolve.after
        }
    }

    /// When a muted incident whose alerts are all clear has been quiet for long enough.
    pub fn unmuted_at(&self, since: Time) -> Time {
        self.last_event.max(since).plus(self.resolve.reopen_within)
    }

    /// When it is muted no longer, whatever fires: as long as an incident may be open. A clear may have got lost,
    /// and reports may never be quiet.
    pub fn muted_until(&self, since: Time) -> Time {
        since.plus(self.resolve.max_open)
    }
}

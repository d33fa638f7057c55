//! Who leads among correlators: a key of bucket `checkpoints`, compare-and-set. A holder is taken to be gone
//! when the key's revision has not changed for 5 s of the observer's own clock; nobody's clock is compared.

use std::time::Duration;

use bus::BusError;
use bus::checkpoints::{CheckpointStore, Holder};
use tokio::time::Instant;

/// Without a renewal for this long the lease may be taken.
pub const LEASE: Duration = Duration::from_secs(5);
/// The holder renews this often.
pub const RENEW_EVERY: Duration = Duration::from_millis(1_500);
/// The holder stops leading when it could not renew for this long: well before anyone may take over.
pub const LEAD_FOR: Duration = Duration::from_millis(3_500);

/// What an observer knows of the lease.
#[derive(Debug, Default)]
pub struct Observed {
    revision: u64,
    since: Option<Instant>,
}

/// What to do about the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write ourselves over this revision.
    Take(u64),
    /// Look again after this long.
    Wait(Duration),
}

impl Observed {
    /// Decides on what was just read. `me` takes its own lease of an earlier life at once.
    pub fn decide(&mut self, holder: &Holder, revision: u64, me: &str, now: Instant) -> Step {
        if holder.id.is_empty() || holder.id == me {
            return Step::Take(revision);
        }
        if self.since.is_none() || revision != self.revision {
            (self.revision, self.since) = (revision, Some(now));
        }
        let unchanged = self
            .since
            .map_or(Duration::ZERO, |since| now.duration_since(since));
        if unchanged >= LEASE {
            Step::Take(revision)
        } else {
            Step::Wait(LEASE.saturating_sub(unchanged).min(RENEW_EVERY))
        }
    }
}

/// Waits until this process holds the lease; gives the revision to renew over.
///
/// # Errors
/// NATS does not answer.
pub async fn acquire(store: &CheckpointStore, me: &str) -> Result<u64, BusError> {
    let mut observed = Observed::default();
    loop {
        let (holder, revision) = store.holder().await?;
        match observed.decide(&holder, revision, me, Instant::now()) {
            Step::Wait(pause) => tokio::time::sleep(pause).await,
            Step::Take(revision) => match store.set_holder(&Holder { id: me.to_owned() }, revision).await {
                Err(BusError::Conflict { .. }) => {}
                taken => return taken,
            },
        }
    }
}

/// Renews the lease until that fails for good: another took it, or NATS did not answer for [`LEAD_FOR`].
pub async fn keep(store: &CheckpointStore, me: &str, mut revision: u64) -> BusError {
    let holder = Holder { id: me.to_owned() };
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let started = Instant::now();
        let until = renewed + LEAD_FOR;
        let write = tokio::time::timeout_at(until, store.set_holder(&holder, revision)).await;
        match write {
            Ok(Ok(next)) => (revision, renewed) = (next, started),
            Ok(Err(error @ BusError::Conflict { .. })) => match store.holder().await {
                // An earlier renewal of ours whose answer was lost.
                Ok((found, at)) if found.id == me => (revision, renewed) = (at, started),
                _ => return error,
            },
            Ok(Err(error)) if Instant::now() >= until => return error,
            Ok(Err(_)) => {}
            Err(_) => {
                return BusError::Unavailable {
                    what: "renew the lease",
                    source: "no answer in time".into(),
                };
            }
        }
    }
}

/// Gives the lease back, so that a standby need not wait.
///
/// # Errors
/// NATS does not answer, or another holds it already.
pub async fn release(store: &CheckpointStore, me: &str) -> Result<(), BusError> {
    let (holder, revision) = store.holder().await?;
    if holder.id == me {
        store.set_holder(&Holder::default(), revision).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(id: &str) -> Holder {
        Holder { id: id.to_owned() }
    }

    #[test]
    fn a_free_lease_and_ones_own_are_taken_at_once() {
        let now = Instant::now();
        assert_eq!(
            Observed::default().decide(&holder(""), 3, "me", now),
            Step::Take(3)
        );
        assert_eq!(
            Observed::default().decide(&holder("me"), 4, "me", now),
            Step::Take(4)
        );
    }

    #[test]
    fn anothers_lease_is_taken_only_after_five_unchanged_seconds() {
        let start = Instant::now();
        let mut observed = Observed::default();
        assert!(matches!(
            observed.decide(&holder("you"), 1, "me", start),
            Step::Wait(_)
        ));
        assert!(matches!(
            observed.decide(&holder("you"), 1, "me", start + Duration::from_secs(4)),
            Step::Wait(_)
        ));
        assert!(matches!(
            observed.decide(&holder("you"), 2, "me", start + Duration::from_secs(5)),
            Step::Wait(_)
        ));
        assert_eq!(
            observed.decide(&holder("you"), 2, "me", start + Duration::from_secs(10)),
            Step::Take(2)
        );
    }
}

//! The thinking half of leader election: given what was seen of the Lease, what to do, and what to write.
//!
//! No client, no clock, no waiting; `now` is an argument.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::LeaseConfig;

/// `leaseDurationSeconds` of a lease given back, as client-go writes it: the API server demands more than 0.
const RELEASED_SECONDS: i32 = 1;

/// A Lease as this process saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedLease {
    holder: String,
    renewed: Option<MicroTime>,
    duration: Duration,
    changed_at: Instant,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is no Lease: create it, held by us.
    Create,
    /// It is free or its holder has been silent for its duration: replace the holder by us.
    Take,
    /// It is ours: say so again.
    Renew,
    /// Somebody else holds it, for at least this long unless renewed.
    Wait(Duration),
}

impl ObservedLease {
    /// Folds a reading made at `now` into what was seen before.
    ///
    /// The silence of a holder is counted from when *we* saw its lease change, by our monotonic clock; its own
    /// timestamps are only compared for equality (client-go's rule), so wrong wall clocks make no two leaders.
    pub fn observe(previous: Option<Self>, lease: &Lease, default_duration: Duration, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        let changed_at = previous
            .filter(|seen| seen.holder == holder && seen.renewed == spec.renew_time)
            .map_or(now, |seen| seen.changed_at);
        let duration = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(default_duration, Duration::from_secs);
        Self {
            holder,
            renewed: spec.renew_time,
            duration,
            changed_at,
        }
    }
}

/// Decides what the process called `me` does about the Lease; `None` means that it does not exist.
pub fn decide(observed: Option<&ObservedLease>, me: &str, now: Instant) -> Step {
    let Some(observed) = observed else {
        return Step::Create;
    };
    if observed.holder == me {
        return Step::Renew;
    }
    let left = observed
        .duration
        .saturating_sub(now.saturating_duration_since(observed.changed_at));
    if observed.holder.is_empty() || left.is_zero() {
        Step::Take
    } else {
        Step::Wait(left)
    }
}

/// The Lease to write so that it is ours, from the one read (with its resourceVersion) or none.
pub fn claimed(current: Option<Lease>, config: &LeaseConfig, wall: Timestamp) -> Lease {
    let mut lease = current.unwrap_or_default();
    lease.metadata.namespace = Some(config.namespace.clone());
    lease.metadata.name = Some(config.name.clone());
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(&config.identity) {
        spec.acquire_time = Some(MicroTime(wall));
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |times| times.saturating_add(1)));
    }
    spec.holder_identity = Some(config.identity.clone());
    spec.lease_duration_seconds = i32::try_from(config.duration.as_secs()).ok();
    spec.renew_time = Some(MicroTime(wall));
    lease
}

/// The Lease to write so that a standby takes it at once; `None` when it is not ours to give back.
pub fn released(current: Lease, me: &str, wall: Timestamp) -> Option<Lease> {
    let spec = current.spec?;
    if spec.holder_identity.as_deref() != Some(me) {
        return None;
    }
    let spec = LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(RELEASED_SECONDS),
        renew_time: Some(MicroTime(wall)),
        ..spec
    };
    Some(Lease {
        spec: Some(spec),
        ..current
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn config(identity: &str) -> LeaseConfig {
        LeaseConfig::new("opsward", "controller", identity)
    }

    fn wall(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(lease: &Lease, now: Instant) -> ObservedLease {
        ObservedLease::observe(None, lease, DURATION, now)
    }

    #[test]
    fn a_missing_lease_is_created() {
        assert_eq!(decide(None, "a", Instant::now()), Step::Create);
    }

    #[test]
    fn the_holder_renews_even_after_its_own_silence() {
        let now = Instant::now();
        let lease = seen(&claimed(None, &config("a"), wall(0)), now);
        assert_eq!(decide(Some(&lease), "a", now), Step::Renew);
        assert_eq!(decide(Some(&lease), "a", now + 10 * DURATION), Step::Renew);
    }

    #[test]
    fn a_standby_waits_for_the_rest_of_the_silence_and_then_takes() {
        let now = Instant::now();
        let lease = seen(&claimed(None, &config("a"), wall(0)), now);
        let second = Duration::from_secs(1);
        assert_eq!(decide(Some(&lease), "b", now), Step::Wait(DURATION));
        assert_eq!(decide(Some(&lease), "b", now + 14 * second), Step::Wait(second));
        assert_eq!(decide(Some(&lease), "b", now + DURATION), Step::Take);
    }

    #[test]
    fn a_renewal_starts_the_silence_anew_and_a_second_look_does_not() {
        let now = Instant::now();
        let later = now + Duration::from_secs(10);
        let first = claimed(None, &config("a"), wall(0));
        let looked_again = ObservedLease::observe(Some(seen(&first, now)), &first, DURATION, later);
        assert_eq!(looked_again.changed_at, now);
        let renewal = claimed(Some(first.clone()), &config("a"), wall(1));
        let renewed = ObservedLease::observe(Some(seen(&first, now)), &renewal, DURATION, later);
        assert_eq!(renewed.changed_at, later);
    }

    #[test]
    fn wall_clocks_of_others_do_not_matter() {
        let now = Instant::now();
        for second in [0, 4_000_000_000] {
            let lease = seen(&claimed(None, &config("a"), wall(second)), now);
            assert_eq!(decide(Some(&lease), "b", now), Step::Wait(DURATION));
        }
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let now = Instant::now();
        let held = claimed(None, &config("a"), wall(0));
        assert_eq!(released(held.clone(), "b", wall(1)), None);
        let free = seen(&released(held, "a", wall(1)).unwrap(), now);
        assert_eq!(decide(Some(&free), "b", now), Step::Take);
    }

    #[test]
    fn transitions_count_changes_of_holder_only() {
        let mut lease = claimed(None, &config("a"), wall(0));
        lease.metadata.resource_version = Some("7".to_owned());
        let renewed = claimed(Some(lease.clone()), &config("a"), wall(5)).spec.unwrap();
        assert_eq!(renewed.lease_transitions, Some(0));
        assert_eq!(renewed.acquire_time, Some(MicroTime(wall(0))));
        assert_eq!(renewed.renew_time, Some(MicroTime(wall(5))));
        let taken = claimed(Some(lease), &config("b"), wall(20));
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(taken.spec.unwrap().lease_transitions, Some(1));
    }

    #[test]
    fn a_senseless_duration_counts_as_ours() {
        let now = Instant::now();
        let mut lease = claimed(None, &config("a"), wall(0));
        lease.spec.as_mut().unwrap().lease_duration_seconds = Some(-1);
        assert_eq!(decide(Some(&seen(&lease, now)), "b", now), Step::Wait(DURATION));
    }
}

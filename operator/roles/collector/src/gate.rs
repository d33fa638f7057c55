//! Whether the log can be written, and how safe what is written is. Requests ask here; the probes and the lanes tell.

use std::borrow::Cow;

use bus::{BusError, LogState};
use platform::{Chain, Component};
use tokio::sync::watch;

use crate::problem::Problem;

/// Collectors stop when the log is this full, so that rule changes, closes and ticks still fit.
const STOP_PERCENT: u64 = 90;
/// Copies from which on an entry survives the loss of a server.
const REPLICATED: usize = 2;

/// How safe an accepted event is; said in every answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Durability {
    /// In the server's page cache: survives the process, not the machine.
    #[default]
    PageCache,
    /// Synced to the disk before the answer.
    Fsync,
    /// On several servers.
    Replicated,
}

impl Durability {
    /// The word in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PageCache => "page-cache",
            Self::Fsync => "fsync",
            Self::Replicated => "replicated",
        }
    }
}

/// Whether the server syncs every write before it confirms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sync {
    /// The server's monitoring says so.
    Always,
    /// It does not, or nobody could ask.
    #[default]
    Unconfirmed,
}

/// Why the log cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    Unavailable,
    Full,
}

#[derive(Clone, Copy, Debug)]
struct State {
    closed: Option<Closed>,
    replicas: usize,
    sync: Sync,
}

/// What is known of the log.
#[derive(Debug)]
pub(crate) struct Gate {
    state: watch::Sender<State>,
    component: Component,
}

impl Gate {
    /// Closed, until the log was seen.
    pub(crate) fn new(component: Component) -> Self {
        let state = State {
            closed: Some(Closed::Unavailable),
            replicas: 1,
            sync: Sync::default(),
        };
        Self {
            state: watch::Sender::new(state),
            component,
        }
    }

    /// Whether a request may go on.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self.state.borrow().closed {
            None => Ok(()),
            Some(Closed::Unavailable) => Err(Problem::LogUnavailable),
            Some(Closed::Full) => Err(Problem::LogFull),
        }
    }

    /// How safe what is confirmed now is.
    pub(crate) fn durability(&self) -> Durability {
        let state = *self.state.borrow();
        match state.sync {
            _ if state.replicas >= REPLICATED => Durability::Replicated,
            Sync::Always => Durability::Fsync,
            Sync::Unconfirmed => Durability::PageCache,
        }
    }

    /// The log was looked at.
    pub(crate) fn looked(&self, log: &Result<LogState, BusError>) {
        match log {
            Ok(log) if is_full(log) => {
                let percent = log.bytes.saturating_mul(100) / log.max_bytes.max(1);
                self.close(
                    Closed::Full,
                    format!("the log is {percent} % full; raise nats.logBytes").into(),
                );
            }
            Ok(log) => {
                self.state
                    .send_modify(|state| (state.closed, state.replicas) = (None, log.replicas));
                self.component.ready();
            }
            Err(error) => self.close(Closed::Unavailable, cannot_write(error)),
        }
    }

    /// There is no connection to look at the log by.
    pub(crate) fn disconnected(&self) {
        self.close(
            Closed::Unavailable,
            "the log cannot be written: no connection to NATS".into(),
        );
    }

    /// An append was not confirmed. The next look opens the gate again.
    pub(crate) fn append_failed(&self, error: &BusError) {
        self.close(Closed::Unavailable, cannot_write(error));
    }

    /// The server's configuration was looked at.
    pub(crate) fn looked_at_sync(&self, sync: Sync) {
        self.state.send_modify(|state| state.sync = sync);
    }

    fn close(&self, why: Closed, reason: Cow<'static, str>) {
        self.state.send_modify(|state| state.closed = Some(why));
        self.component.not_ready(reason);
    }
}

fn is_full(log: &LogState) -> bool {
    // Divided before it is multiplied: an unlimited log says u64::MAX.
    log.bytes >= log.max_bytes / 100 * STOP_PERCENT
}

fn cannot_write(error: &BusError) -> Cow<'static, str> {
    format!("the log cannot be written: {}", Chain(error)).into()
}

#[cfg(test)]
mod tests {
    use platform::Health;

    use super::*;

    fn log(bytes: u64, replicas: usize) -> LogState {
        LogState {
            bytes,
            max_bytes: 1000,
            replicas,
            first: 1,
            last: 1,
            log_id: String::new(),
        }
    }

    fn gate() -> (Gate, Health) {
        let health = Health::default();
        (Gate::new(health.component("collector")), health)
    }

    #[test]
    fn requests_wait_outside_until_the_log_was_seen() {
        let (gate, health) = gate();
        assert_eq!(gate.check(), Err(Problem::LogUnavailable));
        gate.looked(&Ok(log(0, 1)));
        assert_eq!(gate.check(), Ok(()));
        assert!(health.readiness().ready);
    }

    #[test]
    fn a_failed_append_closes_until_the_next_look_and_says_why() {
        let (gate, health) = gate();
        gate.looked(&Ok(log(0, 1)));
        gate.append_failed(&BusError::unavailable("append to the log")("timed out".into()));
        assert_eq!(gate.check(), Err(Problem::LogUnavailable));
        let expected = "[-]collector: the log cannot be written: NATS: append to the log: timed out\n";
        assert_eq!(health.readiness().lines, expected);
        gate.looked(&Ok(log(0, 1)));
        assert_eq!(gate.check(), Ok(()));
    }

    #[test]
    fn at_nine_tenths_the_log_is_full_for_collectors() {
        let (gate, health) = gate();
        gate.looked(&Ok(log(899, 1)));
        assert_eq!(gate.check(), Ok(()));
        gate.looked(&Ok(log(900, 1)));
        assert_eq!(gate.check(), Err(Problem::LogFull));
        assert_eq!(
            health.readiness().lines,
            "[-]collector: the log is 90 % full; raise nats.logBytes\n"
        );
        gate.looked(&Ok(LogState {
            max_bytes: u64::MAX,
            ..log(1 << 40, 1)
        }));
        assert_eq!(gate.check(), Ok(()));
    }

    #[test]
    fn durability_is_what_was_seen_and_no_more() {
        let (gate, _health) = gate();
        assert_eq!(gate.durability().as_str(), "page-cache");
        gate.looked_at_sync(Sync::Always);
        assert_eq!(gate.durability().as_str(), "fsync");
        gate.looked(&Ok(log(0, 3)));
        assert_eq!(gate.durability().as_str(), "replicated");
        gate.looked(&Ok(log(0, 1)));
        gate.looked_at_sync(Sync::Unconfirmed);
        assert_eq!(gate.durability().as_str(), "page-cache");
    }
}

//! What the process needs in order to do its work, and whether it has it.
//!
//! Readiness only. Liveness has no registry on purpose: a process that waits for NATS or the API server is
//! alive, and restarting it would not bring them back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

/// Why a component that has not reported yet is not ready.
const STARTING: &str = "starting";

/// State of one component: ready, or the reason why not.
type State = Result<(), Cow<'static, str>>;

/// The components of this process, by name. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Health {
    components: Arc<Mutex<BTreeMap<&'static str, State>>>,
}

/// One component's way to report. Dropping it keeps the last report.
#[derive(Debug, Clone)]
pub struct Component {
    name: &'static str,
    health: Health,
}

/// A reading of all components.
#[derive(Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether every component is ready; true when there is none.
    pub ready: bool,
    /// One line a component in the form of the Kubernetes API server's `/readyz?verbose`: `[+]name ok` or
    /// `[-]name: reason`, in the order of names.
    pub lines: String,
}

impl Health {
    /// Registers a component, not ready because it is `starting`. A name already known keeps its state.
    pub fn component(&self, name: &'static str) -> Component {
        self.lock().entry(name).or_insert(Err(Cow::Borrowed(STARTING)));
        Component {
            name,
            health: self.clone(),
        }
    }

    /// Reads all components at once.
    pub fn readiness(&self) -> Readiness {
        let mut readiness = Readiness {
            ready: true,
            lines: String::new(),
        };
        for (name, state) in self.lock().iter() {
            // Writing to a String cannot fail.
            let _ = match state {
                Ok(()) => writeln!(readiness.lines, "[+]{name} ok"),
                Err(reason) => writeln!(readiness.lines, "[-]{name}: {reason}"),
            };
            readiness.ready &= state.is_ok();
        }
        readiness
    }

    /// A panic between lock and unlock leaves a whole map behind, so poison is of no interest.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, State>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Component {
    /// Reports that the component does its work.
    pub fn ready(&self) {
        if self.replace(Ok(())).is_some_and(|before| before.is_err()) {
            info!(component = self.name, "ready");
        }
    }

    /// Reports that it cannot, and why: a short phrase for a person, shown by `/readyz`. Line breaks and other
    /// control characters become spaces. A repeated report costs nothing and is not logged again; a warning is
    /// only the loss of readiness, not the waiting at a start.
    pub fn not_ready(&self, reason: impl Into<Cow<'static, str>>) {
        let mut reason = reason.into();
        if reason.contains(char::is_control) {
            reason = Cow::Owned(reason.replace(char::is_control, " "));
        }
        match self.replace(Err(reason.clone())) {
            Some(Ok(())) => warn!(component = self.name, %reason, "not ready any more"),
            Some(Err(before)) if before != reason => info!(component = self.name, %reason, "not ready yet"),
            _ => {}
        }
    }

    /// Gives the state before.
    fn replace(&self, state: State) -> Option<State> {
        self.health.lock().insert(self.name, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_not_ready_until_it_says_so() {
        let health = Health::default();
        let nats = health.component("nats");
        health.component("crds").ready();
        let expected = Readiness {
            ready: false,
            lines: "[+]crds ok\n[-]nats: starting\n".to_owned(),
        };
        assert_eq!(health.readiness(), expected);
        nats.ready();
        let expected = Readiness {
            ready: true,
            lines: "[+]crds ok\n[+]nats ok\n".to_owned(),
        };
        assert_eq!(health.readiness(), expected);
    }

    #[test]
    fn a_reason_stays_on_its_line() {
        let health = Health::default();
        health.component("nats").not_ready("refused\n[+]nats ok");
        assert_eq!(health.readiness().lines, "[-]nats: refused [+]nats ok\n");
    }

    #[test]
    fn registering_a_name_again_keeps_its_state() {
        let health = Health::default();
        health.component("nats").ready();
        health.component("nats");
        assert!(health.readiness().ready);
    }
}

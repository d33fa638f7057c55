//! What the collector counts. Labels are configured names and closed lists, never text of a sender, and the
//! handles of a source are made at start, so that a request looks nothing up.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::outcome::Outcome;
use crate::prepare::Changes;

/// One label with a value from a closed list.
type One<V> = Family<[(&'static str, V); 1], Counter>;

/// `source` and `format`.
type SourceLabels = [(&'static str, Arc<str>); 2];
/// `source`, `format` and `outcome`.
type ItemLabels = [(&'static str, Arc<str>); 3];

/// The counters of all sources together.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    received: Family<SourceLabels, Counter>,
    items: Family<ItemLabels, Counter>,
    requests: One<u16>,
    /// The same for 202, without a look-up.
    pub(crate) accepted_requests: Counter,
    refused: One<&'static str>,
    rejected: One<&'static str>,
    copies: Family<SourceLabels, Counter>,
    failed_appends: One<&'static str>,
    /// Packs appended.
    pub(crate) packs: Counter,
    redactions: Counter,
    labels_cut: Counter,
    data_apart: Counter,
    /// 1 while something on disk is not what is in force, because it was refused: configuration, a secret, the certificate.
    pub(crate) configuration_refused: Gauge,
    /// From a request's head to its answer, when that is 202.
    pub(crate) receive_to_ack: Histogram,
}

/// The counters of one source.
#[derive(Debug)]
pub(crate) struct SourceCounts {
    /// Items seen.
    pub(crate) received: Counter,
    accepted: Counter,
    dead_lettered: Counter,
    refused: Counter,
    /// Events written for further namespaces of a shared source.
    pub(crate) copies: Counter,
}

impl Metrics {
    /// Registers everything but `receive_to_ack`, which belongs to a family of the whole process.
    pub(crate) fn register(registry: &mut Registry, receive_to_ack: Histogram) -> Self {
        let requests: One<u16> = Family::default();
        let accepted_requests = requests.get_or_create_owned(&[("code", 202)]);
        let metrics = Self {
            received: Family::default(),
            items: Family::default(),
            requests,
            accepted_requests,
            refused: Family::default(),
            rejected: Family::default(),
            copies: Family::default(),
            configuration_refused: Gauge::default(),
            failed_appends: Family::default(),
            packs: Counter::default(),
            redactions: Counter::default(),
            labels_cut: Counter::default(),
            data_apart: Counter::default(),
            receive_to_ack,
        };
        let all = metrics.clone();
        registry.register(
            "opsward_ingest_received_items",
            "Items seen in requests",
            all.received,
        );
        registry.register("opsward_ingest_items", "Items by what became of them", all.items);
        registry.register("opsward_ingest_requests", "Requests by HTTP status", all.requests);
        registry.register(
            "opsward_ingest_rejected_items",
            "Items not accepted, by reason",
            all.rejected,
        );
        registry.register(
            "opsward_ingest_refused_requests",
            "Requests answered before their items were looked at, by reason",
            all.refused,
        );
        registry.register(
            "opsward_ingest_copied_events",
            "Events of shared sources, for each namespace beyond the first",
            all.copies,
        );
        registry.register(
            "opsward_ingest_configuration_refused",
            "1 while configuration, a secret or the certificate on disk was refused and the one before is in force",
            all.configuration_refused,
        );
        registry.register(
            "opsward_ingest_packs",
            "Packs of events appended to the log",
            all.packs,
        );
        registry.register(
            "opsward_ingest_failed_appends",
            "Packs the log did not confirm",
            all.failed_appends,
        );
        registry.register(
            "opsward_ingest_redactions",
            "Secrets masked before the append",
            all.redactions,
        );
        registry.register(
            "opsward_ingest_cut_labels",
            "Labels left out or shortened",
            all.labels_cut,
        );
        registry.register(
            "opsward_ingest_data_apart",
            "Events whose data was too large for the log and went to the object store",
            all.data_apart,
        );
        metrics
    }

    /// The handles of one source.
    pub(crate) fn of_source(&self, name: &str, format: &str) -> SourceCounts {
        let source = [("source", Arc::from(name)), ("format", Arc::from(format))];
        let outcome = |outcome: Outcome| {
            let [name, format] = source.clone();
            self.items
                .get_or_create_owned(&[name, format, ("outcome", Arc::from(outcome.as_str()))])
        };
        SourceCounts {
            received: self.received.get_or_create_owned(&source),
            accepted: outcome(Outcome::Accepted),
            dead_lettered: outcome(Outcome::DeadLettered),
            refused: outcome(Outcome::Refused),
            copies: self.copies.get_or_create_owned(&source),
        }
    }

    /// A request was answered with something other than 202.
    pub(crate) fn answered(&self, code: u16) {
        self.requests.get_or_create(&[("code", code)]).inc();
    }

    /// A request was answered before its items were looked at.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// An item was not accepted.
    pub(crate) fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&[("reason", reason)]).inc();
    }

    /// Events were changed before they were encoded. Nearly always they are not, and then nothing is written to.
    pub(crate) fn changed(&self, changes: &Changes) {
        for (counter, number) in [
            (&self.labels_cut, changes.labels_cut),
            (&self.redactions, changes.redactions),
            (&self.data_apart, changes.data_apart),
        ] {
            if number > 0 {
                counter.inc_by(number as u64);
            }
        }
    }

    /// A pack was not confirmed.
    pub(crate) fn append_failed(&self, category: &'static str) {
        self.failed_appends.get_or_create(&[("category", category)]).inc();
    }
}

impl SourceCounts {
    /// The counter of an outcome.
    pub(crate) const fn of(&self, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Accepted => &self.accepted,
            Outcome::DeadLettered => &self.dead_lettered,
            Outcome::Refused => &self.refused,
        }
    }
}

/// Items of a request whose end is still open. Whatever ends the request early, a lost connection too, they are
/// then counted as refused, so that `received = accepted + deadLettered + refused` holds.
#[derive(Debug)]
pub(crate) struct OpenItems<'a> {
    counts: &'a SourceCounts,
    open: u64,
}

impl<'a> OpenItems<'a> {
    /// Counts `items` as received.
    pub(crate) fn receive(counts: &'a SourceCounts, items: usize) -> Self {
        let open = items as u64;
        counts.received.inc_by(open);
        Self { counts, open }
    }

    /// Counts items of which the end is known.
    pub(crate) fn end(&mut self, outcome: Outcome, items: usize) {
        self.counts.of(outcome).inc_by(items as u64);
        self.hand_over(items);
    }

    /// Somebody else counts these.
    pub(crate) fn hand_over(&mut self, items: usize) {
        self.open = self.open.saturating_sub(items as u64);
    }
}

impl Drop for OpenItems<'_> {
    fn drop(&mut self) {
        if self.open > 0 {
            self.counts.of(Outcome::Refused).inc_by(self.open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_request_that_ends_early_are_refused() {
        let metrics = Metrics::register(&mut Registry::default(), Histogram::new([1.0]));
        let counts = metrics.of_source("webhook", "webhook");
        let mut items = OpenItems::receive(&counts, 10);
        items.end(Outcome::DeadLettered, 2);
        items.hand_over(3);
        drop(items);
        let counted = [Outcome::DeadLettered, Outcome::Refused].map(|outcome| counts.of(outcome).get());
        assert_eq!((counts.received.get(), counted), (10, [2, 5]));
    }
}

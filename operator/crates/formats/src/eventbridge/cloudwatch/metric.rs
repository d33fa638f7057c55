//! What a metric alarm watches. A composite alarm watches other alarms, and has none of it.

use std::borrow::Cow;

use super::Object;
use crate::labels::Pair;

/// The dimensions that name a thing, the most specific first; of others the first one does.
const THINGS: [&str; 8] = [
    "InstanceId",
    "DBInstanceIdentifier",
    "FunctionName",
    "QueueName",
    "TableName",
    "ServiceName",
    "ClusterName",
    "LoadBalancer",
];

/// A metric; of an alarm on an expression the first that goes into it.
#[derive(Default)]
pub(super) struct Metric<'a> {
    /// Such as `AWS/EC2`.
    pub(super) namespace: Cow<'a, str>,
    name: Cow<'a, str>,
    dimensions: Vec<Pair<'a>>,
}

impl<'a> Metric<'a> {
    /// Reads the `configuration` of an event: `metrics[].metricStat.metric` with dimensions as an object.
    pub(super) fn of_configuration(configuration: &Object<'a>) -> Self {
        let metrics = configuration.objects("metrics");
        let mut metrics = metrics.map(|entry| entry.lenient_object("metricStat").lenient_object("metric"));
        let Some(metric) = metrics.find(|metric| metric.has("name")) else {
            return Self::default();
        };
        Self {
            namespace: metric.scalar("namespace"),
            name: metric.scalar("name"),
            dimensions: metric.lenient_object("dimensions").pairs().collect(),
        }
    }

    /// Reads the `Trigger` of a notification: a metric, or `Metrics[].MetricStat.Metric`; dimensions as a list.
    pub(super) fn of_trigger(trigger: &Object<'a>) -> Self {
        let metrics = trigger.objects("Metrics");
        let mut metrics = metrics.map(|entry| entry.lenient_object("MetricStat").lenient_object("Metric"));
        let inner = metrics.find(|metric| metric.has("MetricName"));
        let metric = inner.as_ref().unwrap_or(trigger);
        let dimensions = metric.objects("Dimensions");
        Self {
            namespace: metric.scalar("Namespace"),
            name: metric.scalar("MetricName"),
            dimensions: dimensions
                .map(|dimension| (dimension.scalar("name"), dimension.scalar("value")))
                .collect(),
        }
    }

    /// The same with what tells one of an alarm's time series from the others, which is the most specific.
    pub(super) fn with_dimensions(mut self, attributes: &Object<'a>) -> Self {
        self.dimensions.splice(..0, attributes.pairs());
        self
    }

    /// The thing that the metric is of; empty when nothing names one.
    pub(super) fn resource(&self) -> Cow<'a, str> {
        let of = |thing: &&str| self.dimensions.iter().find(|(name, _)| name == *thing);
        let named = THINGS.iter().find_map(of).or_else(|| self.dimensions.first());
        named.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Its names and dimensions as labels.
    pub(super) fn labels(self) -> impl Iterator<Item = Pair<'a>> {
        let names = [
            ("namespace".into(), self.namespace),
            ("metricName".into(), self.name),
        ];
        let pairs = self.dimensions.into_iter().chain(names);
        pairs.filter(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty())
    }
}

//! The `notifier` part of the configuration file.

use ipnet::IpNet;
use serde::Deserialize;

/// Slack's own address.
const SLACK: &str = "https://slack.com/api";
/// `PagerDuty`'s own address.
const PAGERDUTY: &str = "https://events.pagerduty.com";

/// How people are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct NotifierConfig {
    /// Notifications under way at once. Default 32.
    pub concurrency: usize,
    /// Networks that webhooks may reach besides the public internet, also over plain http: `[10.0.0.0/8]`. Default none.
    pub allowed_networks: Vec<IpNet>,
    /// Slack. Default `https://slack.com/api`; `GovSlack` has its own.
    pub slack: ServiceConfig,
    /// `PagerDuty`. Default `https://events.pagerduty.com`; `https://events.eu.pagerduty.com` for a service in Europe.
    pub pager_duty: ServiceConfig,
}

/// How a service is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceConfig {
    /// The address of its API.
    pub url: String,
}

impl Default for NotifierConfig {
    fn default() -> Self {
        Self {
            concurrency: 32,
            allowed_networks: Vec::new(),
            slack: at(SLACK),
            pager_duty: at(PAGERDUTY),
        }
    }
}

fn at(url: &str) -> ServiceConfig {
    ServiceConfig { url: url.to_owned() }
}

//! The `notifier` part of the configuration file.

use ipnet::IpNet;
use serde::Deserialize;

/// Slack's own address.
const SLACK: &str = "https://slack.com/api";

/// How people are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct NotifierConfig {
    /// Notifications under way at once. Default 32.
    pub concurrency: usize,
    /// Networks that webhooks may reach besides the public internet, also over plain http: `[10.0.0.0/8]`. Default none.
    pub allowed_networks: Vec<IpNet>,
    /// Slack.
    pub slack: SlackConfig,
}

/// How Slack is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SlackConfig {
    /// The address of its Web API. Default `https://slack.com/api`; `GovSlack` has its own.
    pub url: String,
}

impl Default for NotifierConfig {
    fn default() -> Self {
        Self {
            concurrency: 32,
            allowed_networks: Vec::new(),
            slack: SlackConfig::default(),
        }
    }
}

impl Default for SlackConfig {
    fn default() -> Self {
        Self {
            url: SLACK.to_owned(),
        }
    }
}

//! Whom a rule tells, where and of what; and what became of it, as an OpsEvent shows it.

use domain::notify::{On, Target, Terms};
use domain::task::State;
use domain::time::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::limits;
use crate::schema;

/// A channel in which people are told of the rule's incidents.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.slack), has(self.pagerDuty), has(self.webhook)].filter(named, named).size() == 1").message("spec.notify[]: name exactly one of slack, pagerDuty, webhook")
)]
pub struct Channel {
    /// How the channel is called in the status of OpsEvents.
    ///
    /// At most 63 lower-case letters, digits and `-`. Another name is another channel: open incidents are told there anew.
    #[schemars(length(min = 1, max = limits::CHANNEL_NAME_CHARS), regex(pattern = limits::CHANNEL_NAME))]
    pub name: String,
    /// A Slack channel: one message an incident, which is brought up to date, with a thread.
    ///
    /// Left out: the channel leads elsewhere. Example: `{channel: C0123456789, secretRef: {name: slack}}`. See docs/channels/slack.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackChannel>,
    /// PagerDuty: an alert for each incident.
    ///
    /// Left out: the channel leads elsewhere. Example: `{secretRef: {name: pager}}`. See docs/channels/pagerduty.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pager_duty: Option<PagerDutyService>,
    /// A webhook: a signed CloudEvent for everything that is told.
    ///
    /// Left out: the channel leads elsewhere. Example: `{url: "https://hooks.example.com/x", secretRef: {name: hook}}`. See docs/channels/webhook.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookChannel>,
    // Not `on`: kubectl and Helm read YAML 1.1, where a bare `on` is the boolean true, also as a key.
    /// What is told.
    ///
    /// Default all of it. Opened: it opened. SeverityRaised: its severity rose. AwaitingDecision: a person is asked.
    /// Decided: a person has decided. Resolved: it has ended; told only where something was told before. Reopened: it came back.
    #[serde(default = "everything")]
    #[schemars(schema_with = "schema::told_when")]
    pub when: Vec<On>,
    /// How long after the last word an incident that nobody has accepted is told again.
    ///
    /// Left out: never. From 1m to 7d. Example: `4h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [limits::rule_between("repeatInterval", &limits::REPEAT_INTERVAL)]))]
    pub repeat_interval: Option<Duration>,
}

fn everything() -> Vec<On> {
    On::ALL.to_vec()
}

/// A channel of Slack.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlackChannel {
    /// The channel: its id, or its name after `#`.
    ///
    /// With the id (`C0123456789`, at the end of the channel's details) a message whose sending was cut off is looked up before
    /// it is sent again; with the name it may appear twice.
    #[schemars(length(min = 1, max = limits::SLACK_CHANNEL_CHARS), regex(pattern = limits::SLACK_CHANNEL))]
    pub channel: String,
    /// The Secret in the rule's namespace: its entry `token` is a bot token, or its entry `url` the address of an incoming webhook.
    pub secret_ref: SecretReference,
}

/// A service of PagerDuty.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PagerDutyService {
    /// The Secret in the rule's namespace: its entry `routingKey` is the key of an integration "Events API v2".
    pub secret_ref: SecretReference,
}

/// A receiver of webhooks.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) || has(self.secretRef)").message("spec.notify[].webhook: name url, or a Secret with an entry url in secretRef")
)]
pub struct WebhookChannel {
    /// The address.
    ///
    /// Left out: the Secret's entry `url`. Use https; plain http, and addresses of private networks, only where an administrator has
    /// allowed the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LINK_CHARS), regex(pattern = limits::WEBHOOK_URL))]
    pub url: Option<String>,
    /// The Secret in the rule's namespace: its entry `secret` (`whsec_…`) signs, and so does `previousSecret` where it is there.
    ///
    /// Left out: nothing is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// A Secret in the namespace of the rule.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = limits::NAME_CHARS))]
    pub name: String,
}

impl Channel {
    /// The channel's terms in `domain`'s words. Checks the schema's bounds again.
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn terms(&self) -> Result<Terms, String> {
        let named = |what: String| format!("spec.notify[{}]: {what}", self.name);
        let target = match (&self.slack, &self.pager_duty, &self.webhook) {
            (None, Some(service), None) => Target::PagerDuty {
                secret: service.secret_ref.name.clone(),
            },
            (Some(slack), None, None) => Target::Slack {
                channel: slack.channel.clone(),
                secret: slack.secret_ref.name.clone(),
            },
            (None, None, Some(webhook)) if webhook.url.is_some() || webhook.secret_ref.is_some() => {
                Target::Webhook {
                    url: webhook.url.clone(),
                    secret: webhook.secret_ref.as_ref().map(|secret| secret.name.clone()),
                }
            }
            (None, None, Some(_)) => {
                return Err(named(
                    "name url, or a Secret with an entry url in secretRef".to_owned(),
                ));
            }
            _ => return Err(named("name exactly one of slack, pagerDuty, webhook".to_owned())),
        };
        let repeat = self.repeat_interval.as_ref().map(Duration::to_std).transpose();
        let repeat = repeat.map_err(|error| named(format!("repeatInterval: {error}")))?;
        if repeat.is_some_and(|length| !limits::REPEAT_INTERVAL.contains(&length)) {
            return Err(named(limits::not_between(
                "repeatInterval",
                &limits::REPEAT_INTERVAL,
            )));
        }
        Ok(Terms {
            name: self.name.clone(),
            target,
            on: self.when.clone(),
            repeat,
        })
    }
}

/// How far a channel is with an incident.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The channel's name in the rule.
    #[schemars(length(max = limits::CHANNEL_NAME_CHARS))]
    pub channel: String,
    /// Where it stands.
    ///
    /// Queued: it waits for a notifier. Sent: people were told. Retrying: it did not work and is tried again. Failed: it was given up after
    /// a day.
    #[schemars(schema_with = "schema::told_state")]
    pub state: Told,
    /// How many words were told: opened, raised, asked and so on.
    pub told: i64,
    /// Since when it stands so.
    #[schemars(schema_with = "schema::time")]
    pub since: Time,
    /// What is in the way and what to do; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::MESSAGE_CHARS))]
    pub message: Option<String>,
    /// Words that may have been told twice, because nobody could say whether they had arrived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ambiguous: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Told {
    /// It waits for a notifier.
    Queued,
    /// People were told.
    Sent,
    /// It did not work and is tried again.
    Retrying,
    /// It was given up.
    Failed,
}

impl From<&domain::notify::Notification> for Notification {
    /// What people see of a task. What goes well shows once: that a message is being brought up to date is no news.
    fn from(task: &domain::notify::Notification) -> Self {
        let progress = &task.progress;
        let state = match (progress.state, &progress.problem) {
            (State::Failed, _) => Told::Failed,
            (_, Some(_)) => Told::Retrying,
            _ if progress.done == 0 => Told::Queued,
            _ => Told::Sent,
        };
        let since = match state {
            Told::Queued | Told::Sent => task.input.said.last_at,
            Told::Retrying => progress.tried_since.unwrap_or(progress.since),
            Told::Failed => progress.since,
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            channel: task.place.slot.clone(),
            state,
            told: number(task.output.told),
            since,
            message: progress.problem.as_ref().map(|problem| problem.message.clone()),
            ambiguous: number(task.output.ambiguous),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn terms(channel: serde_json::Value) -> Result<Terms, String> {
        serde_json::from_value::<Channel>(channel).unwrap().terms()
    }

    #[test]
    fn a_channel_leads_to_one_place_and_tells_everything_unless_it_says() {
        let slack = json!({"name": "shop", "slack": {"channel": "#shop", "secretRef": {"name": "slack"}}});
        let told = terms(slack).unwrap();
        assert_eq!(
            (told.on.len(), told.repeat, told.target.kind()),
            (6, None, "slack")
        );
        let hook = json!({"name": "hook", "webhook": {"secretRef": {"name": "hook"}}, "when": ["Opened"], "repeatInterval": "4h"});
        let told = terms(hook).unwrap();
        assert_eq!(
            (told.on, told.repeat),
            (vec![On::Opened], Some(std::time::Duration::from_hours(4)))
        );
    }

    #[test]
    fn what_leads_nowhere_or_too_often_is_refused() {
        for (channel, expected) in [
            (
                json!({"name": "x"}),
                "spec.notify[x]: name exactly one of slack, pagerDuty, webhook",
            ),
            (
                json!({"name": "x", "webhook": {}}),
                "spec.notify[x]: name url, or a Secret with an entry url in secretRef",
            ),
            (
                json!({"name": "x", "webhook": {"url": "https://a"}, "repeatInterval": "1s"}),
                "spec.notify[x]: repeatInterval: from 1m to 7d",
            ),
        ] {
            assert_eq!(terms(channel).unwrap_err(), expected);
        }
    }
}

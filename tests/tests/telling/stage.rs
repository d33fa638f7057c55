//! Opsward with all its roles, a Slack and a receiver of webhooks, and a namespace whose Secrets the notifier may read.

use std::time::Duration;

use anyhow::Result;
use rig::standins::Standin;
use rig::standins::hook::Hook;
use rig::standins::pagerduty::PagerDuty;
use rig::standins::slack::{CHANNEL, Slack};
use rig::{Opsward, Options, Rig, until};
use serde_json::{Value, json};

/// The bot's token.
const TOKEN: &str = "xoxb-rig-1";
/// The integration's key.
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
/// The key that signs.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How long what is to be told may take to be told; far above what it takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that a test needs.
pub struct Stage {
    pub opsward: Opsward<'static>,
    pub slack: Standin<Slack>,
    pub hook: Standin<Hook>,
    pub pagerduty: Standin<PagerDuty>,
}

impl Stage {
    /// All of it, with Secrets.
    pub async fn start() -> Self {
        Self::try_start().await.expect("a stage")
    }

    async fn try_start() -> Result<Self> {
        // Tests kill servers of this rig, so each has its own; it lives as long as the test's process.
        let rig: &'static Rig = Box::leak(Box::new(Rig::start(Options::default()).await?));
        let slack = Standin::start(Slack::new(TOKEN)).await?;
        let hook = Standin::start(Hook::new(Some(KEY))).await?;
        let mut opsward = Opsward::start(rig).await?;
        let pagerduty = Standin::start(PagerDuty::new(ROUTING_KEY)).await?;
        opsward.put_services_at(&slack.url(), &pagerduty.url());
        opsward.start_role("notifier", "notifier").await?;
        let stage = Self {
            opsward,
            slack,
            hook,
            pagerduty,
        };
        stage.restore_secrets().await?;
        stage.let_secrets_be_read(rig).await?;
        Ok(stage)
    }

    /// The Secrets as they should be.
    pub async fn restore_secrets(&self) -> Result<()> {
        self.secret("slack", &json!({"token": TOKEN})).await?;
        self.secret("pager", &json!({"routingKey": ROUTING_KEY})).await?;
        self.secret("hook", &json!({"secret": KEY})).await
    }

    /// Removes a Secret.
    pub async fn remove_secret(&self, name: &str) -> Result<()> {
        let removal = ["delete", "secret", name, "-n", self.opsward.namespace()];
        self.opsward.rig().kubectl("admin", &removal).await?.success()?;
        Ok(())
    }

    /// Writes a Secret into the namespace.
    pub async fn secret(&self, name: &str, entries: &Value) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": self.opsward.namespace()}, "stringData": entries,
        });
        self.opsward
            .rig()
            .kubernetes
            .apply(&secret.to_string())
            .await
            .map(drop)
    }

    /// The Role of docs/channels/README.md.
    async fn let_secrets_be_read(&self, rig: &Rig) -> Result<()> {
        let namespace = self.opsward.namespace();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "opsward-notifier", "namespace": namespace},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["slack", "hook", "pager"], "verbs": ["get"]}],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "opsward-notifier", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "opsward-notifier"},
            "subjects": [{"kind": "ServiceAccount", "name": "opsward-notifier", "namespace": rig::SYSTEM_NAMESPACE}],
        });
        rig.kubernetes.apply(&role.to_string()).await?;
        rig.kubernetes.apply(&binding.to_string()).await.map(drop)
    }

    /// A rule that tells all of them, over what `spec` says besides.
    pub async fn rule(&self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["notify"] = json!([
            {"name": "chat", "slack": {"channel": CHANNEL, "secretRef": {"name": "slack"}}},
            {"name": "pager", "pagerDuty": {"secretRef": {"name": "pager"}}},
            {"name": "hook", "webhook": {"url": format!("{}/in", self.hook.url()), "secretRef": {"name": "hook"}}},
        ]);
        self.opsward.rule(name, spec).await.expect("a rule in force");
    }

    /// An event of type `outage` about `host`, in this state, until it is taken.
    pub async fn deliver(&self, host: &str, status: &str) {
        let key = format!("{host}-{status}");
        let body = body(host, status);
        let delivered = self.opsward.deliver(PATH, &key, &body);
        delivered.await.expect("delivered");
    }

    /// An event of type `outage` about `host`, in this state.
    pub async fn post(&self, host: &str, status: &str) {
        let posted = self.opsward.post(PATH, body(host, status)).await;
        assert_eq!(posted.expect("posted").0, 202);
    }

    /// Waits for so many further calls of Slack, for two seconds at most.
    pub async fn calls(&self, more: usize) {
        let before = self.slack.service.calls().len();
        // Where nobody calls, the kill comes now.
        let _called = until("calls", Duration::from_secs(2), || async {
            anyhow::ensure!(self.slack.service.calls().len() >= before + more);
            anyhow::Ok(())
        })
        .await;
    }

    /// Answers a question as alice.
    pub async fn accept(&self, question: &str, reason: &str) {
        let decision = json!({"spec": {"decision": "Accept", "reason": reason}}).to_string();
        let namespace = self.opsward.namespace();
        let patch = [
            "patch",
            "td",
            question,
            "-n",
            namespace,
            "--type=merge",
            "-p",
            &decision,
        ];
        let patched = self.opsward.rig().kubectl("alice", &patch).await;
        patched.expect("kubectl").success().expect("accepted");
    }

    /// Waits until a condition of a rule has this status.
    pub async fn rule_says(&self, rule: &str, condition: &str, status: &str) {
        let wanted = format!("--for=condition={condition}={status}");
        let wait = [
            "wait",
            "triggerrule",
            rule,
            "-n",
            self.opsward.namespace(),
            &wanted,
            "--timeout=60s",
        ];
        let waited = self.opsward.rig().kubectl("alice", &wait).await;
        waited.expect("kubectl").success().expect("the condition");
    }

    /// Waits until Slack has so many messages that are no answers, and all of it is as `settled` says.
    pub async fn slack_when(
        &self,
        what: &str,
        settled: impl Fn(&[(String, Vec<String>)]) -> bool,
    ) -> Vec<(String, Vec<String>)> {
        until(what, PATIENCE, || async {
            let threads = self.slack.service.threads();
            let shown: Vec<(String, Vec<String>)> = threads
                .iter()
                .map(|(root, answers)| {
                    (
                        root.shown(),
                        answers.iter().map(rig::standins::slack::Message::shown).collect(),
                    )
                })
                .collect();
            anyhow::ensure!(
                settled(&shown),
                "{shown:#?}, refused {:?}",
                self.slack.service.refused()
            );
            anyhow::Ok(shown)
        })
        .await
        .expect(what)
    }

    /// Waits until the receiver has so many events; gives their types.
    pub async fn hooks(&self, count: usize) -> Vec<String> {
        until("events at the receiver", PATIENCE, || async {
            let events = self.hook.service.events();
            anyhow::ensure!(
                events.len() == count,
                "{events:#?}, refused {:?}",
                self.hook.service.refused()
            );
            let kinds = events.iter().filter_map(|event| event["type"].as_str());
            anyhow::Ok(kinds.map(ToOwned::to_owned).collect())
        })
        .await
        .expect("the events")
    }
}

/// Where events go.
const PATH: &str = "/api/v1/sources/webhook";

/// The body of an event of type `outage`.
fn body(host: &str, status: &str) -> String {
    json!({"source": "telling", "event_type": "outage", "severity": "critical", "host": host,
           "service": "nginx", "message": format!("{host} does not answer"), "status": status})
    .to_string()
}

//! Opsward itself on a rig: each role a process of its own that can be killed, a collector to post to, and the
//! accounts to read.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::{OpsEvent, TriggerRule};
use formats::Format;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};

use crate::config::{Listen, opsward_yaml};
use crate::ports::Port;
use crate::probe::Probe;
use crate::rig::Rig;
use crate::server::Server;
use crate::wait::until;

/// How long a settled state may take to show; far above what it takes, so that a busy machine does not fail a test.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records and objects follow counts after at most 30 s.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// All roles; the correlator first, because it makes the streams that the others wait for.
pub const ROLES: [&str; 3] = ["correlator", "collector", "controller"];

/// One role's process.
#[derive(Debug)]
struct Process {
    server: Server,
    admin: Port,
}

/// Opsward on a rig.
#[derive(Debug)]
pub struct Opsward<'r> {
    rig: &'r Rig,
    namespace: String,
    ingest: Port,
    processes: BTreeMap<String, Process>,
    http: reqwest::Client,
    slack_url: String,
    pagerduty_url: String,
}

impl<'r> Opsward<'r> {
    /// Installs the kinds and starts one process for each role. A source of each format, named like it, feeds a namespace
    /// of the test's own; that of Alertmanager's is named `alerts`.
    pub async fn start(rig: &'r Rig) -> Result<Self> {
        Self::start_roles(rig, &ROLES).await
    }

    /// The same with some of the roles.
    pub async fn start_roles(rig: &'r Rig, roles: &[&str]) -> Result<Self> {
        rig.install_crds().await?;
        let namespace = rig.namespace("shop").await?;
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let mut opsward = Self {
            rig,
            namespace,
            ingest: Port::take()?,
            processes: BTreeMap::new(),
            http,
            slack_url: String::new(),
            pagerduty_url: String::new(),
        };
        for role in roles {
            opsward.start_role(role, role).await?;
        }
        Ok(opsward)
    }

    /// Starts another process of a role under a name of its own.
    pub async fn start_role(&mut self, name: &str, role: &str) -> Result<()> {
        let admin = Port::take()?;
        let at = |port: &Port| ([127, 0, 0, 1], port.number()).into();
        let listen = Listen {
            ingest: at(&self.ingest),
            admin: at(&admin),
        };
        let yaml = format!(
            "{}{}{}",
            opsward_yaml(self.rig, listen)?,
            self.notifier(),
            self.sources()
        );
        let file = self
            .rig
            .workdir()
            .write(&format!("{name}.yaml"), &yaml)?
            .display()
            .to_string();
        let probe = Probe::http(format!("http://127.0.0.1:{}/readyz", admin.number()));
        let user = if role.contains("controller") {
            "controller"
        } else {
            role
        };
        let args = ["run", role, "--config", &file];
        let server = self.rig.start_opsward(name, user, &args, probe).await?;
        self.processes.insert(name.to_owned(), Process { server, admin });
        Ok(())
    }

    /// Where notifiers that are started from now on find the APIs of Slack and `PagerDuty`.
    pub fn put_services_at(&mut self, slack: &str, pagerduty: &str) {
        slack.clone_into(&mut self.slack_url);
        pagerduty.clone_into(&mut self.pagerduty_url);
    }

    fn notifier(&self) -> String {
        let (slack, pagerduty) = (json!({"url": self.slack_url}), json!({"url": self.pagerduty_url}));
        // Stand-ins listen on this machine, without TLS.
        let networks = json!(["127.0.0.0/8"]);
        format!(
            "notifier: {}\n",
            json!({"allowedNetworks": networks, "slack": slack, "pagerDuty": pagerduty})
        )
    }

    fn sources(&self) -> String {
        let source = |format: Format| {
            let (name, more) = match format {
                Format::Alertmanager => ("alerts", String::new()),
                Format::Generic => ("generic", format!(", mapping: {}", datadog())),
                other => (other.name(), String::new()),
            };
            format!(
                "- {{name: {name}, format: {}, namespace: {}, rateLimit: {{perSecond: 1000000, burst: 1000000}}{more}}}\n",
                format.name(),
                self.namespace
            )
        };
        format!("sources:\n{}", Format::ALL.map(source).concat())
    }

    /// Adds sources to the configuration of a running process, which has to see it by itself.
    pub fn add_sources(&self, name: &str, yaml: &str) -> Result<()> {
        let file = self.rig.workdir().path().join(format!("{name}.yaml"));
        let config = std::fs::read_to_string(&file)?;
        std::fs::write(&file, format!("{config}{yaml}"))?;
        Ok(())
    }

    /// The servers that it runs on.
    pub const fn rig(&self) -> &'r Rig {
        self.rig
    }

    /// The namespace of this test.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A role's process.
    pub fn role(&self, name: &str) -> Result<&Server> {
        Ok(&self
            .processes
            .get(name)
            .with_context(|| format!("no process {name}"))?
            .server)
    }

    /// Takes a process out; it is killed when dropped.
    pub fn remove(&mut self, name: &str) {
        self.processes.remove(name);
    }

    /// The address of a path of the collector.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ingest.number())
    }

    /// Posts a body once.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Result<(u16, Value)> {
        let response = self.http.post(self.url(path)).body(body).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).with_context(|| format!("{status}: {text}"))?,
        ))
    }

    /// Posts a format's sample or another request of it; gives the status and the answer's text.
    pub async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<(u16, String)> {
        let mut request = self.http.post(self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Posts a body under a key until it is taken; gives how often it had to be repeated.
    pub async fn deliver(&self, path: &str, key: &str, body: &str) -> Result<u64> {
        let attempts = std::cell::Cell::new(0);
        until("delivery", DRAINED_WITHIN, || async {
            attempts.set(attempts.get() + 1);
            let request = self
                .http
                .post(self.url(path))
                .header("idempotency-key", key)
                .body(body.to_owned());
            let response = request.send().await?.error_for_status()?;
            response.bytes().await.map(drop)
        })
        .await?;
        Ok(attempts.get() - 1)
    }

    /// Creates a rule and waits until it is in force.
    pub async fn rule(&self, name: &str, spec: Value) -> Result<TriggerRule> {
        let rules: Api<TriggerRule> = Api::namespaced(self.rig.client("admin").await?, &self.namespace);
        let manifest = json!({
            "apiVersion": "opsward.dev/v1alpha1", "kind": "TriggerRule",
            "metadata": {"name": name}, "spec": spec,
        });
        rules
            .create(&PostParams::default(), &serde_json::from_value(manifest)?)
            .await?;
        self.rule_ready(name).await
    }

    /// Waits until the rule's newest version is in force.
    pub async fn rule_ready(&self, name: &str) -> Result<TriggerRule> {
        let rules: Api<TriggerRule> = Api::namespaced(self.rig.client("admin").await?, &self.namespace);
        until("a rule in force", PATIENCE, || async {
            let rule = rules.get(name).await?;
            let status = serde_json::to_value(&rule.status)?;
            let conditions = status.get("conditions").and_then(Value::as_array);
            let ready = conditions.into_iter().flatten().any(|condition| {
                condition.get("type") == Some(&json!("Ready"))
                    && condition.get("status") == Some(&json!("True"))
                    && condition.get("observedGeneration") == Some(&json!(rule.metadata.generation))
            });
            ensure!(ready, "{status}");
            anyhow::Ok(rule)
        })
        .await
    }

    /// The OpsEvents of the namespace.
    pub async fn ops_events(&self) -> Result<Vec<OpsEvent>> {
        let events: Api<OpsEvent> = Api::namespaced(self.rig.client("admin").await?, &self.namespace);
        Ok(events.list(&ListParams::default()).await?.items)
    }

    /// The OpsEvents as JSON, once `settled` says that they are as they should be.
    pub async fn ops_events_when(
        &self,
        what: &str,
        settled: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        let events: Api<OpsEvent> = Api::namespaced(self.rig.client("admin").await?, &self.namespace);
        until(what, DRAINED_WITHIN, || async {
            let list = events.list(&ListParams::default()).await?.items;
            let list: Vec<Value> = list.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
            let seen: Vec<String> = list
                .iter()
                .take(5)
                .map(|event| format!("{:?}", event.get("status")))
                .collect();
            ensure!(settled(&list), "{} OpsEvents: {seen:?}", list.len());
            anyhow::Ok(list)
        })
        .await
    }

    /// A process's metrics by name and labels, such as `opsward_correlate_events_total{outcome="counted"}`.
    pub async fn metrics(&self, name: &str) -> Result<BTreeMap<String, f64>> {
        let process = self
            .processes
            .get(name)
            .with_context(|| format!("no process {name}"))?;
        let url = format!("http://127.0.0.1:{}/metrics", process.admin.number());
        let text = self
            .http
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Ok(lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(k, v)| Some((k.to_owned(), v.parse().ok()?)))
            .collect())
    }

    /// What became of the events so far, by outcome.
    pub async fn outcomes(&self) -> Result<BTreeMap<String, i64>> {
        self.outcomes_of("correlator").await
    }

    /// What became of the events so far by the word of one correlator.
    #[allow(clippy::cast_possible_truncation, reason = "counts far below 2^53")]
    pub async fn outcomes_of(&self, correlator: &str) -> Result<BTreeMap<String, i64>> {
        let metrics = self.metrics(correlator).await?;
        let outcome = |name: &str| {
            let rest = name.strip_prefix("opsward_correlate_events_total{outcome=\"")?;
            Some(rest.strip_suffix("\"}")?.to_owned())
        };
        Ok(metrics
            .iter()
            .filter_map(|(name, count)| Some((outcome(name)?, *count as i64)))
            .collect())
    }

    /// Waits until the correlator has accounted for exactly `accepted` events, each in one outcome.
    pub async fn drained(&self, accepted: i64) -> Result<BTreeMap<String, i64>> {
        until("the log drained", DRAINED_WITHIN, || async {
            let outcomes = self.outcomes().await?;
            let sum: i64 = outcomes.values().sum();
            if sum > accepted {
                bail!("{sum} events accounted for, {accepted} accepted: {outcomes:?}");
            }
            ensure!(sum == accepted, "{sum} of {accepted}: {outcomes:?}");
            Ok(outcomes)
        })
        .await
    }
}

/// The path of the source of a format.
pub fn path_of(format: Format) -> String {
    let name = match format {
        Format::Alertmanager => "alerts",
        other => other.name(),
    };
    format!("/api/v1/sources/{name}")
}

/// The mapping of the sample for Datadog, which the sample of `generic` is read by; as JSON, which is YAML too.
fn datadog() -> String {
    const SAMPLE: &str = include_str!("../../config/samples/sources/datadog.yaml");
    let config: Value = serde_yaml::from_str(SAMPLE).unwrap_or_default();
    config
        .pointer("/sources/0/mapping")
        .map(Value::to_string)
        .unwrap_or_default()
}

/// The seed's body, verbatim.
pub const SEED: &str = r#"{"source":"monitoring_system_name","event_type":"threshold_breach","severity":"critical","host":"web-server-01",
 "service":"nginx","message":"CPU usage exceeded 95%","timestamp":"2024-12-20T10:30:00Z",
 "metadata":{"cpu_usage":97.5,"threshold":95.0,"duration":"5m"}}"#;

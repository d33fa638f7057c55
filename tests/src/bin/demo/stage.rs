//! The demo's servers and Opsward in one process: started, looked at, explained. What is played is in [`crate::play`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use api::OpsEvent;
use kube::Api;
use kube::api::ListParams;
use rig::opsward::SEED;
use rig::{Listen, Options, Port, Probe, Rig, Server, opsward_yaml, until};

use crate::bodies::{Status, alerts, outages};
use crate::shell::{FOLDER, PERSON, STRANGER, Shell};
use crate::terminal::{heading, remark, typed};

/// The namespace of everything: kubectl's own default.
const NAMESPACE: &str = "default";
/// All roles in one process.
const ROLES: &str = "collector,correlator,controller";
/// Who may send: the source that every collector has without configuration, and one Alertmanager.
const SOURCES: &str = "sources:
- {name: webhook, format: webhook, namespace: default}
- {name: alertmanager, format: alertmanager, namespace: default}
";
/// How long the last events may take to be accounted for; milliseconds on an idle machine.
const ACCOUNTED_WITHIN: Duration = Duration::from_secs(30);
/// Lines of a log that an error shows.
const TAIL_LINES: usize = 15;

/// What runs while the demo plays.
pub struct Stage {
    /// Where lines are typed.
    pub shell: Shell,
    // Before the rig, so that it ends before what it talks to.
    opsward: Server,
    rig: Rig,
    ingest: Port,
    admin: Port,
}

impl Stage {
    /// Starts the servers, installs Opsward as the README says, and runs it.
    pub async fn start() -> Result<Self> {
        heading("A cluster of its own: etcd, kube-apiserver and nats-server, real ones (about 6 s)");
        let started = Instant::now();
        let rig = Rig::start(Options::default()).await?;
        let (ingest, admin) = (Port::take()?, Port::take()?);
        let shell = Shell::new(rig.kubernetes.kubectl_path())?;
        remark(&format!("ready after {:.1} s", started.elapsed().as_secs_f64()));
        write_files(&shell, &rig, &ingest, &admin)?;
        remark(&format!(
            "the lines below are typed by {PERSON} after `. {FOLDER}/env`"
        ));

        heading("Opsward: its kinds, rights and admission policies, and one process with all three roles");
        shell
            .run_as(
                "admin",
                "kubectl apply -f crds/ -f config/rbac/ -f config/admission/",
            )
            .await?;
        // Waits until the kinds are served, and adds our rights to the role `edit`, as kube-controller-manager would.
        rig.install_crds().await?;
        let config = format!("{FOLDER}/opsward.yaml");
        typed(&format!("opsward run {ROLES} --config {config} &"));
        let started = Instant::now();
        let ready = Probe::http(format!("http://127.0.0.1:{}/readyz", admin.number()));
        let opsward = rig
            .start_opsward(
                "opsward",
                "controller",
                &["run", ROLES, "--config", &config],
                ready,
            )
            .await?;
        remark(&format!("ready after {:.1} s", started.elapsed().as_secs_f64()));
        Ok(Self {
            shell,
            opsward,
            rig,
            ingest,
            admin,
        })
    }

    /// The one OpsEvent of a rule.
    pub async fn ops_event(&self, rule: &str) -> Result<OpsEvent> {
        let mut found = self.ops_events(rule).await?;
        ensure!(
            found.len() == 1,
            "rule {rule} has {} OpsEvents instead of one",
            found.len()
        );
        found.pop().context("there is one")
    }

    /// The OpsEvents of a rule.
    pub async fn ops_events(&self, rule: &str) -> Result<Vec<OpsEvent>> {
        let events: Api<OpsEvent> = Api::namespaced(self.rig.client("admin").await?, NAMESPACE);
        let of_rule = ListParams::default().fields(&format!("spec.rule.name={rule}"));
        Ok(events.list(&of_rule).await?.items)
    }

    /// What became of `accepted` events, by outcome, once each has one.
    pub async fn accounted(&self, accepted: u64) -> Result<BTreeMap<String, u64>> {
        until("every event accounted for", ACCOUNTED_WITHIN, || async {
            let outcomes = self.outcomes().await?;
            let sum: u64 = outcomes.values().sum();
            ensure!(sum == accepted, "{sum} of {accepted} events: {outcomes:?}");
            anyhow::Ok(outcomes)
        })
        .await
    }

    async fn outcomes(&self) -> Result<BTreeMap<String, u64>> {
        let page = reqwest::get(self.metrics())
            .await?
            .error_for_status()?
            .text()
            .await?;
        let outcome = |line: &str| {
            let (name, count) = line
                .strip_prefix("opsward_correlate_events_total{outcome=\"")?
                .split_once("\"} ")?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        Ok(page
            .lines()
            .filter_map(outcome)
            .filter(|(_, count)| *count > 0)
            .collect())
    }

    /// The page of metrics.
    pub fn metrics(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.admin.number())
    }

    /// Whether Opsward still runs, and the end of its log, for an error.
    pub fn last_words(&self) -> String {
        let log = self.opsward.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(TAIL_LINES)..)
            .unwrap_or_default();
        let state = if self.opsward.is_running() {
            "still runs"
        } else {
            "has ended"
        };
        format!(
            "opsward {state}; the last lines of its log:\n  {}",
            tail.join("\n  ")
        )
    }

    /// How to look around while everything stays up.
    pub fn explain(&self) -> Result<()> {
        println!("Everything stays up until Ctrl-C. In another terminal, in this folder:\n");
        for (line, why) in [
            (
                format!(". {FOLDER}/env"),
                "kubectl and opsward of this demo, as alice",
            ),
            (
                "kubectl get opsevents -o wide".into(),
                "with rule and group; -w follows",
            ),
            (
                "kubectl explain triggerrule.spec.match".into(),
                "every field says what it does",
            ),
            (
                format!("opsward send {FOLDER}/webhook.json --repeat 100"),
                "100 more shouts",
            ),
            (
                format!("curl --data @{FOLDER}/webhook.json $OPSWARD_URL"),
                "one, and the collector's answer",
            ),
            (
                "kubectl get opsevents -w".into(),
                "closed by hand: muted until it is quiet for 15m",
            ),
            (
                "echo '{\"message\": 1}' | opsward send".into(),
                "what cannot be taken in …",
            ),
            ("opsward dlq list".into(), "… is kept with its reason"),
            (
                "kubectl get triagedecisions".into(),
                "who was asked, and what became of it",
            ),
            (
                "kubectl edit triggerrule high-cpu".into(),
                "in force when READY says so",
            ),
        ] {
            println!("  {line:52} # {why}");
        }
        let folder = std::env::current_dir()?.join(FOLDER);
        println!(
            "\n  KUBECONFIG  {}",
            folder.join(format!("{PERSON}.kubeconfig")).display()
        );
        println!("              {}", folder.join("admin.kubeconfig").display());
        println!("  kubectl     {}", self.rig.kubernetes.kubectl_path().display());
        println!("  metrics     {}", self.metrics());
        println!("  ingest      http://127.0.0.1:{}", self.ingest.number());
        println!("  logs        {}", self.rig.path().join("logs").display());
        Ok(())
    }
}

fn write_files(shell: &Shell, rig: &Rig, ingest: &Port, admin: &Port) -> Result<()> {
    for user in ["admin", PERSON, STRANGER] {
        let kubeconfig = std::fs::read_to_string(rig.kubeconfig(user))?;
        shell.write(&format!("{user}.kubeconfig"), &kubeconfig)?;
    }
    let at = |port: &Port| ([127, 0, 0, 1], port.number()).into();
    let config = opsward_yaml(
        rig,
        Listen {
            ingest: at(ingest),
            admin: at(admin),
        },
    )?;
    shell.write("opsward.yaml", &format!("{config}{SOURCES}"))?;
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", ingest.number());
    shell.write_env(&[
        ("OPSWARD_URL", url("/api/v1/events/webhook")),
        ("ALERTS_URL", url("/api/v1/sources/alertmanager")),
        ("OPSWARD_CONFIG", format!("{FOLDER}/opsward.yaml")),
    ])?;
    shell.write("webhook.json", SEED)?;
    shell.write("outages.json", &outages().to_string())?;
    let now = SystemTime::now();
    shell.write("alerts-firing.json", &alerts(Status::Firing, now)?.to_string())?;
    shell.write(
        "alerts-resolved.json",
        &alerts(Status::Resolved, now)?.to_string(),
    )
}

//! `opsward run`: wires the asked roles, one process, one supervisor; decides nothing.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use bus::{Bus, Role};
use collector::{Collector, Process};
use controller::Controller;
use notifier::Notifier;
use platform::{Admin, Health, Stages, Supervisor, telemetry};
use prometheus_client::registry::Registry;
use tracing::info;

use crate::Exit;
use crate::cli::{RoleName, RunArgs};
use crate::config::Config;

/// Runs the roles until SIGTERM, or until one of them ends.
pub async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let config = Config::load(args.config.as_deref())?;
    telemetry::init(config.log.format, config.log.level.as_deref())?;
    let mut registry = Registry::default();
    let mut wiring = Wiring {
        stages: Stages::register(&mut registry),
        health: Health::default(),
        supervisor: Supervisor::new(),
        registry,
        admin: Admin::bind(config.admin.address, "admin.address").await?,
    };
    let mut asked = BTreeSet::new();
    for role in args.roles {
        if asked.insert(role as u8) {
            wiring.role(role, &config, args.config.as_deref()).await?;
        }
    }
    let Wiring {
        health,
        mut supervisor,
        registry,
        admin,
        ..
    } = wiring;
    info!(address = %admin.local_addr(), "serving /livez /readyz /metrics");
    supervisor.spawn("admin", admin.serve(health, registry, supervisor.shutdown()));
    supervisor.run().await?;
    Ok(Exit::Ok)
}

/// What the roles of a process share.
struct Wiring {
    stages: Stages,
    health: Health,
    supervisor: Supervisor,
    registry: Registry,
    admin: Admin,
}

impl Wiring {
    async fn role(&mut self, role: RoleName, config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
        match role {
            RoleName::Collector => self.collector(config, file).await,
            RoleName::Correlator => {
                self.correlator(config);
                Ok(())
            }
            RoleName::Controller => self.controller(config).await,
            RoleName::Notifier => self.notifier(config).await,
        }
    }

    async fn collector(&mut self, config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
        let process = Process {
            health: &self.health,
            registry: &mut self.registry,
            receive_to_ack: self.stages.stage("receive_to_ack"),
            monitoring_url: &config.nats.monitoring_url,
            reread: config.reread(file),
        };
        let collector = Collector::bind(&config.collector(), process).await?;
        info!(address = %collector.local_addr(), "collector listens");
        let bus = Bus::connect_when_there(&config.nats, Role::Collector).await?;
        self.supervisor
            .spawn("collector", collector.serve(bus, self.supervisor.shutdown()));
        Ok(())
    }

    /// Who this process is among others of its role. A container that starts again keeps its pod's name and so
    /// its leases; the port tells processes of one machine apart.
    fn identity(&self) -> String {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "opsward".to_owned());
        format!("{host}-{}", self.admin.local_addr().port())
    }

    fn correlator(&mut self, config: &Config) {
        let metrics = correlator::metrics::Metrics::register(&mut self.registry, &self.stages);
        let health = self.health.component("correlator");
        let role = correlator::run(
            self.identity(),
            config.nats.clone(),
            health,
            metrics,
            self.supervisor.shutdown(),
        );
        self.supervisor.spawn("correlator", role);
    }

    async fn controller(&mut self, config: &Config) -> anyhow::Result<()> {
        let mut own = config.controller.clone();
        if own.identity.is_empty() {
            own.identity = self.identity();
        }
        let client = cluster().await?;
        let bus = Bus::connect_when_there(&config.nats, Role::Controller).await?;
        let controller = Controller::new(own, client, bus, &self.health, (&mut self.registry, &self.stages))?;
        self.supervisor
            .spawn("controller", controller.run(self.supervisor.shutdown()));
        Ok(())
    }

    async fn notifier(&mut self, config: &Config) -> anyhow::Result<()> {
        let bus = Bus::connect_when_there(&config.nats, Role::Notifier).await?;
        let (name, client) = (self.identity(), cluster().await?);
        let shared = (&self.health, &mut self.registry);
        let notifier = Notifier::new(&config.notifier, &name, client, bus, shared)?;
        self.supervisor
            .spawn("notifier", notifier.run(self.supervisor.shutdown()));
        Ok(())
    }
}

/// The cluster of this process; calls are tried again by the roles, with the newest state.
async fn cluster() -> anyhow::Result<kube::Client> {
    let mut cluster = kube::Config::infer().await.context(
        "no Kubernetes cluster is configured: set KUBECONFIG, or run in a pod with a service account",
    )?;
    cluster.default_retry = false;
    Ok(kube::Client::try_from(cluster)?)
}

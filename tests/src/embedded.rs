//! The controller within the test's own process, so that its client can have faults and its clock can be set. It is the very
//! role that the binary runs, with its own account's rights; killing it drops everything that it has.

use anyhow::{Context, Result};
use bus::{Bus, BusConfig, Role};
use controller::{Clock, Controller, ControllerConfig};
use kube::client::ClientBuilder;
use platform::{Health, Shutdown, Stages};
use prometheus_client::registry::Registry;
use serde::Deserialize as _;
use tokio::sync::mpsc;

use crate::config::{Listen, opsward_yaml};
use crate::faults::Faults;
use crate::rig::Rig;
use crate::users::SYSTEM_NAMESPACE;

/// What the controller is started with, each time.
#[derive(Debug)]
pub struct Embedded<'r> {
    rig: &'r Rig,
    bus: BusConfig,
    /// Between it and the API server.
    pub faults: Faults,
    /// By what it goes.
    pub clock: Clock,
}

impl<'r> Embedded<'r> {
    /// Prepares it; starts nothing.
    pub fn new(rig: &'r Rig, faults: Faults) -> Result<Self> {
        let nowhere = Listen {
            ingest: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
        };
        let config: serde_yaml::Value = serde_yaml::from_str(&opsward_yaml(rig, nowhere)?)?;
        let bus = config.get("nats").context("the rig's configuration has nats")?;
        Ok(Self {
            rig,
            bus: BusConfig::deserialize(bus)?,
            faults,
            clock: Clock::system(),
        })
    }

    /// Runs the controller and starts it anew whenever it is killed; never returns but for an error.
    pub async fn run(&self, mut kills: mpsc::UnboundedReceiver<()>) -> Result<()> {
        loop {
            tokio::select! {
                ended = self.live() => return ended,
                Some(()) = kills.recv() => {}
            }
        }
    }

    /// One life of it.
    pub async fn live(&self) -> Result<()> {
        let client = ClientBuilder::try_from(self.rig.kubernetes.config("controller").await?)?
            .with_layer(&self.faults)
            .build();
        let bus = Bus::connect_when_there(&self.bus, Role::Controller).await?;
        let mut registry = Registry::default();
        let stages = Stages::register(&mut registry);
        let config = ControllerConfig {
            lease: controller::LeaseName {
                namespace: SYSTEM_NAMESPACE.to_owned(),
                ..controller::LeaseName::default()
            },
            identity: "embedded".to_owned(),
        };
        let health = Health::default();
        let controller = Controller::new(config, client, bus, &health, (&mut registry, &stages))?;
        let running = controller.with_clock(self.clock.clone()).run(Shutdown::new());
        Ok(Box::pin(running).await?)
    }
}

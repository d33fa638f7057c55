//! `make cluster`: the rig in the foreground, for a person with kubectl and for `make run`. Ends on Ctrl-C.
//!
//! Everything it writes is in `target/cluster/`; its data lives as long as it does.
#![allow(clippy::print_stdout, reason = "a program for a person at a terminal")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rig::{ControllerManagerUse, Listen, Options, Rig, binaries, opsward_yaml};
use tokio::signal::unix::{SignalKind, signal};

/// The ports of Opsward without configuration: events, and health with metrics.
const INGEST_PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9090;
/// Who gets a kubeconfig in `target/cluster/`.
const USERS: [&str; 7] = [
    "admin",
    "alice",
    "bob",
    "collector",
    "correlator",
    "controller",
    "notifier",
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let folder = binaries::repository().join("target/cluster");
    // Dropping the future drops the rig, finished or half started, and with it every server.
    tokio::select! {
        result = serve(&folder) => result?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    println!("\ncluster: ended, nothing is left running");
    // The addresses in it lead nowhere now.
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

async fn serve(folder: &Path) -> Result<()> {
    println!("cluster: starting etcd, kube-apiserver, kube-controller-manager and nats-server (about 5 s)");
    let options = Options {
        controller_manager: ControllerManagerUse::Running,
        ..Options::default()
    };
    let rig = Rig::start(options).await?;
    match rig.install_crds().await {
        Ok(()) => println!("cluster: crds/, config/rbac/ and config/admission/ are applied"),
        Err(error) => println!("cluster: without Opsward's kinds: {error:#}"),
    }
    write_files(&rig, folder)?;
    explain(&rig, folder);
    // Until somebody ends us: the caller drops this future.
    futures::future::pending().await
}

fn write_files(rig: &Rig, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for user in USERS {
        std::fs::copy(rig.kubeconfig(user), kubeconfig(folder, user))?;
    }
    let listen = Listen {
        ingest: ([127, 0, 0, 1], INGEST_PORT).into(),
        admin: ([127, 0, 0, 1], ADMIN_PORT).into(),
    };
    std::fs::write(folder.join("opsward.yaml"), opsward_yaml(rig, listen)?)?;
    Ok(())
}

fn kubeconfig(folder: &Path, user: &str) -> PathBuf {
    folder.join(format!("{user}.kubeconfig"))
}

fn explain(rig: &Rig, folder: &Path) {
    println!("\nKubernetes {}", rig.kubernetes.apiserver.url());
    for (user, who) in [
        ("admin", "may do everything"),
        ("alice", "group sre, may edit"),
        ("bob", "no group, may edit"),
    ] {
        println!("  {:60} {who}", kubeconfig(folder, user).display());
    }
    println!(
        "\nNATS {}   monitoring {}",
        rig.nats_url(),
        rig.nats.monitor_url()
    );
    for user in rig.nats.users() {
        println!("  {user:12} {}", rig.nats_password(user).unwrap_or_default());
    }
    println!("\nLogs and the audit log: {}", rig.path().display());
    println!("\nIn another terminal:");
    println!("  export KUBECONFIG={}", kubeconfig(folder, "alice").display());
    println!("  alias kubectl={}", rig.kubernetes.kubectl_path().display());
    println!("  make run          # collector, correlator and controller against this cluster");
    println!("  kubectl get opsevents -A");
    println!("\nCtrl-C ends it.");
}

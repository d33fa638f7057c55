//! The rig's servers can be killed, paused and restarted, keep their data, and leave nothing behind, however the test
//! ends. Each test has a rig of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers are tests: they may fail by panicking"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use rig::{ControllerManagerUse, Options, Rig, Server, until};
use serde_json::json;

/// For facts that are true at once on an idle machine.
const SOON: Duration = Duration::from_secs(20);
/// A start of the rig, with servers already built, on a machine busy with other tests.
const START: Duration = Duration::from_mins(3);
/// Told to the helper process by its environment.
const HOLDER: &str = "RIG_TEST_HOLDER";

fn config_map(name: &str) -> ConfigMap {
    let value = json!({"metadata": {"name": name}, "data": {"kept": "yes"}});
    serde_json::from_value(value).expect("a ConfigMap")
}

#[tokio::test]
async fn every_server_keeps_its_data_over_sigkill() {
    let rig = Rig::start(Options::default()).await.expect("a rig of our own");
    let admin = rig.client("admin").await.expect("client");
    let maps: Api<ConfigMap> = Api::namespaced(admin.clone(), "default");
    for server in [rig.apiserver(), rig.etcd()] {
        let name = format!("before-{}", server.name());
        maps.create(&PostParams::default(), &config_map(&name))
            .await
            .expect("created");
        kill_and_restart(server).await;
        // After etcd's restart it is the API server that has to find it again.
        until(&name, SOON, || async { maps.get(&name).await })
            .await
            .expect("kept");
    }
    let client = rig.nats.connect("admin").await.expect("connected");
    let context = jetstream::new(client);
    let config = stream::Config {
        name: "KEPT".into(),
        subjects: vec!["kept".into()],
        ..Default::default()
    };
    context.create_stream(config).await.expect("a stream");
    context
        .publish("kept", "yes".into())
        .await
        .expect("sent")
        .await
        .expect("acknowledged");
    kill_and_restart(rig.nats_server()).await;
    let count = || async {
        let mut stream = context
            .get_stream("KEPT")
            .await
            .map_err(|error| error.to_string())?;
        let info = stream.info().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(info.state.messages)
    };
    assert_eq!(until("the stream", SOON, count).await.expect("kept"), 1);
}

async fn kill_and_restart(server: &Server) {
    let before = server.pid().expect("it runs");
    server.kill().expect("killed");
    assert!(!server.is_running());
    server.restart().await.expect("restarted");
    assert_ne!(server.pid().expect("it runs again"), before);
}

#[tokio::test]
async fn a_paused_server_answers_when_it_is_resumed() {
    let rig = Rig::start(Options::default()).await.expect("a rig of our own");
    let admin = rig.client("admin").await.expect("client");
    let maps: Api<ConfigMap> = Api::namespaced(admin, "default");
    rig.apiserver().pause().expect("paused");
    let none = ListParams::default();
    let silent = tokio::time::timeout(Duration::from_millis(300), maps.list(&none)).await;
    assert!(silent.is_err(), "a stopped process answered: {silent:?}");
    rig.apiserver().resume().expect("resumed");
    until("an answer", SOON, || async { maps.list(&none).await })
        .await
        .expect("answered");
    assert!(rig.apiserver().cpu_seconds().expect("runs") > 0.1);
    assert!(rig.apiserver().rss_bytes().expect("runs") > 50_000_000);
}

#[tokio::test]
async fn controller_manager_on_request_deletes_namespaces() {
    let options = Options {
        controller_manager: ControllerManagerUse::Running,
        ..Options::default()
    };
    let rig = Rig::start(options).await.expect("a rig of our own");
    let admin = rig.client("admin").await.expect("client");
    let namespace = rig.namespace("gone").await.expect("a namespace");
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(admin);
    namespaces
        .delete(&namespace, &DeleteParams::default())
        .await
        .expect("deletion begins");
    let gone = || async {
        let found = namespaces
            .get_opt(&namespace)
            .await
            .map_err(|error| error.to_string())?;
        if found.is_none() {
            Ok(())
        } else {
            Err("it is still there".to_string())
        }
    };
    until("the namespace to go", Duration::from_mins(1), gone)
        .await
        .expect("gone");
}

#[tokio::test]
async fn nothing_is_left_after_drop() {
    let rig = Rig::start(Options::default()).await.expect("a rig of our own");
    let folder = rig.path().to_owned();
    let pids = [rig.etcd(), rig.apiserver(), rig.nats_server()].map(|server| server.pid().expect("it runs"));
    assert!(folder.is_dir() && pids.iter().all(|pid| runs(*pid)));
    drop(rig);
    assert!(!folder.exists() && !pids.iter().any(|pid| runs(*pid)));
}

#[tokio::test]
async fn servers_die_with_a_test_process_that_is_killed() {
    let executable = std::env::current_exe().expect("our path");
    let mut command = Command::new(executable);
    command
        .args(["--exact", "--ignored", "--nocapture", "holds_a_rig_until_killed"])
        .env(HOLDER, "1");
    let mut holder = command.stdout(Stdio::piped()).spawn().expect("started");
    let output = holder.stdout.take().expect("piped");
    let line = tokio::task::spawn_blocking(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("PIDS ").map(|(_, pids)| pids.to_string()))
    });
    let pids = tokio::time::timeout(START, line)
        .await
        .expect("in time")
        .expect("read")
        .expect("a rig was started");
    let pids: Vec<u32> = pids
        .split_whitespace()
        .map(|pid| pid.parse().expect("a pid"))
        .collect();
    assert!(pids.len() == 3 && pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    holder.kill().expect("SIGKILL");
    holder.wait().expect("dead");
    let all_gone = || async {
        let alive: Vec<&u32> = pids.iter().filter(|pid| runs(**pid)).collect();
        if alive.is_empty() {
            Ok(())
        } else {
            Err(format!("{alive:?} still run"))
        }
    };
    until("the servers to die", SOON, all_gone).await.expect("dead");
}

/// Not a test of its own: the process that the test above kills.
#[tokio::test]
#[ignore = "helper of servers_die_with_a_test_process_that_is_killed"]
async fn holds_a_rig_until_killed() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let rig = Rig::start(Options::default()).await.expect("a rig");
    let pids = [rig.etcd(), rig.apiserver(), rig.nats_server()].map(|server| server.pid().expect("it runs"));
    println!("PIDS {} {} {}", pids[0], pids[1], pids[2]);
    tokio::time::timeout(START, futures::future::pending::<()>())
        .await
        .expect_err("somebody kills us");
}

#[tokio::test]
async fn an_early_end_is_reported_with_the_log() {
    let folder = rig::Workdir::create().expect("a folder");
    let spec = rig::Spec::new("sh", "/bin/sh", folder.log("sh"))
        .args(["-c", "echo the reason; exit 3"])
        .ready(rig::Probe::http("http://127.0.0.1:9/"));
    let error = Server::start(spec).await.expect_err("it ends");
    let text = format!("{error:#}");
    assert!(
        text.contains("exit status: 3") && text.contains("the reason"),
        "{text}"
    );
}

/// A zombie has ended; only its parent has not looked yet.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|text| {
        text.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}

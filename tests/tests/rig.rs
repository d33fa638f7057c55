//! The rig holds what it promises: real answers, real refusals, data that survives SIGKILL, and nothing left behind.
//! Says nothing about Opsward.
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
use async_nats::{Event, ServerError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use rig::{ControllerManagerUse, Options, Rig, Server, until};
use serde_json::json;
use tokio::sync::mpsc;

/// For facts that are true at once on an idle machine.
const SOON: Duration = Duration::from_secs(20);
/// A start of the rig, with servers already built, on a machine busy with other tests.
const START: Duration = Duration::from_mins(3);
/// Told to the helper process by its environment.
const HOLDER: &str = "RIG_TEST_HOLDER";

async fn shared() -> &'static Rig {
    Rig::shared().await.expect("the shared rig starts")
}

fn config_map(name: &str) -> ConfigMap {
    let value = json!({"metadata": {"name": name}, "data": {"kept": "yes"}});
    serde_json::from_value(value).expect("a ConfigMap")
}

#[tokio::test]
async fn apiserver_answers_people_by_their_own_names() {
    let rig = shared().await;
    for user in ["admin", "alice", "bob"] {
        let said = rig
            .kubectl(
                user,
                &["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"],
            )
            .await;
        assert_eq!(said.expect("kubectl runs").success().expect("answered"), user);
    }
    let groups = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}"];
    let alice = rig
        .kubectl("alice", &groups)
        .await
        .expect("runs")
        .success()
        .expect("answered");
    assert!(alice.contains("\"sre\""), "{alice}");
    let controller = rig
        .kubectl("controller", &groups)
        .await
        .expect("runs")
        .success()
        .expect("answered");
    assert!(
        controller.contains("system:serviceaccounts:opsward-system"),
        "{controller}"
    );
}

#[tokio::test]
async fn editors_may_edit_their_namespace_and_nothing_above_it() {
    let rig = shared().await;
    let namespace = rig.namespace("edit").await.expect("a namespace");
    for user in ["alice", "bob"] {
        let maps: Api<ConfigMap> = Api::namespaced(rig.client(user).await.expect("client"), &namespace);
        maps.create(&PostParams::default(), &config_map(user))
            .await
            .expect("an editor creates a ConfigMap");
        let asked = rig
            .kubectl(user, &["auth", "can-i", "create", "customresourcedefinitions"])
            .await
            .expect("runs");
        assert_eq!((asked.stdout.trim(), asked.ok()), ("no", false), "{asked:?}");
    }
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b.c}\n\
               spec: {group: b.c, scope: Namespaced, names: {kind: A, plural: a}, versions: []}\n";
    let refused = rig
        .kubernetes
        .kubectl_stdin("alice", &["create", "--validate=false", "-f", "-"], crd)
        .await;
    let refused = refused.expect("runs");
    assert!(
        !refused.ok() && refused.stderr.contains("Forbidden"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn namespaces_are_fresh() {
    let rig = shared().await;
    let first = rig.namespace("same").await.expect("first");
    let second = rig.namespace("same").await.expect("second");
    assert_ne!(first, second);
}

#[tokio::test]
async fn an_applied_crd_can_be_used_at_once() {
    let crd = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: knocks.rig.test}
spec:
  group: rig.test
  scope: Namespaced
  names: {kind: Knock, plural: knocks, singular: knock}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: rig.test/v1
kind: Knock
metadata: {name: who, namespace: default}
";
    let rig = shared().await;
    assert_eq!(rig.kubernetes.apply(crd).await.expect("applied"), 2);
    let seen = rig
        .kubectl("admin", &["get", "knocks", "-n", "default", "-o", "name"])
        .await
        .expect("runs");
    assert_eq!(seen.success().expect("listed").trim(), "knock.rig.test/who");
}

#[tokio::test]
async fn audit_log_says_who_wrote_what() {
    let rig = shared().await;
    let namespace = rig.namespace("audit").await.expect("a namespace");
    let maps: Api<ConfigMap> = Api::namespaced(rig.client("bob").await.expect("client"), &namespace);
    maps.create(&PostParams::default(), &config_map("noted"))
        .await
        .expect("created");
    let find = || async {
        let requests = rig.audit_requests().map_err(|error| format!("{error:#}"))?;
        let writes = requests
            .into_iter()
            .filter(|request| request.is_write() && request.namespace == namespace);
        writes
            .filter(|request| request.user == "bob")
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|other| format!("{other:?}"))
    };
    let [write]: [rig::AuditRequest; 1] = until("bob's one write in the audit log", SOON, find)
        .await
        .expect("logged");
    assert_eq!(
        (write.verb.as_str(), write.resource.as_str(), write.code),
        ("create", "configmaps", 201)
    );
    assert!(write.done && write.received <= write.completed);
}

#[tokio::test]
async fn a_role_cannot_publish_on_another_roles_subject() {
    let rig = shared().await;
    let (events, mut heard) = mpsc::channel(8);
    let options = rig
        .nats
        .connect_options("collector")
        .expect("a user")
        .event_callback(move |event| {
            let events = events.clone();
            async move {
                events.send(event).await.expect("the test listens");
            }
        });
    let client = options.connect(rig.nats_url()).await.expect("connected");
    client
        .publish("ingest.control.x", "not mine".into())
        .await
        .expect("sent");
    client.flush().await.expect("flushed");
    let refusal = tokio::time::timeout(SOON, async {
        loop {
            if let Some(Event::ServerError(ServerError::Other(text))) = heard.recv().await {
                return text;
            }
        }
    });
    let text = refusal.await.expect("the server refuses").to_lowercase();
    assert!(
        text.contains("permissions violation") && text.contains("ingest.control.x"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let rig = shared().await;
    let options = async_nats::ConnectOptions::with_user_and_password("admin".into(), "guess".into());
    assert!(options.connect(rig.nats_url()).await.is_err());
    assert!(rig.nats_password("nobody").is_err());
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

#[tokio::test]
async fn a_client_belongs_to_its_own_test() {
    let client: Client = shared().await.client("admin").await.expect("client");
    let version = client.apiserver_version().await.expect("answered");
    assert_eq!(version.git_version, "v1.36.3");
}

#[tokio::test]
async fn each_role_connects_and_is_answered_on_its_own_inbox() {
    let rig = shared().await;
    for user in rig.nats.users() {
        let client = rig.nats.connect(user).await.expect("connected");
        client.flush().await.expect("flushed");
        let file = rig.nats.password_file(user).expect("a file");
        assert_eq!(
            std::fs::read_to_string(file).expect("read"),
            rig.nats_password(user).expect("a password")
        );
    }
    let context = jetstream::new(rig.nats.connect("collector").await.expect("connected"));
    // The stream is not there; what counts is that an answer comes back at all.
    let error = context
        .get_stream("INGEST")
        .await
        .expect_err("no stream in this rig");
    assert!(
        matches!(error.kind(), jetstream::context::GetStreamErrorKind::JetStream(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn opswards_own_kinds_and_roles_can_be_installed() {
    let rig = shared().await;
    rig.install_crds().await.expect("installed");
    let seen = rig
        .kubectl("alice", &["get", "opsevents,triggerrules", "-n", "default"])
        .await
        .expect("runs");
    assert!(seen.ok(), "{seen:?}");
    for (user, verb, resource, answer) in [
        ("bob", "create", "triggerrules", "yes"),
        ("bob", "patch", "opsevents", "yes"),
        ("bob", "patch", "opsevents/status", "no"),
        ("controller", "patch", "opsevents/status", "yes"),
        ("controller", "create", "triggerrules", "no"),
        ("collector", "get", "opsevents", "no"),
    ] {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let sub = format!("--subresource={subresource}");
        let asked = rig
            .kubectl(user, &["auth", "can-i", verb, resource, &sub, "-n", "default"])
            .await
            .expect("runs");
        assert_eq!(
            asked.stdout.trim(),
            answer,
            "{user} {verb} {resource} {subresource}: {asked:?}"
        );
    }
}

//! A rig with Opsward's kinds, roles and admission policies in force, and the objects that the tests begin with.

use std::time::Duration;

use rig::{Answer, Options, Output, Rig, until};
use tokio::sync::OnceCell;

/// The API server takes up a new policy within a second or two; longer on a machine busy with other tests.
const IN_FORCE_WITHIN: Duration = Duration::from_mins(1);
/// The incident of the walk-through in the README.
pub(crate) const INCIDENT: &str = "high-cpu-k3v9q2mzra-1z4";

static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// The shared rig with everything installed, and a namespace of the test's own.
pub(crate) async fn namespace(prefix: &str) -> (&'static Rig, String) {
    let rig = Rig::shared().await.expect("the shared rig starts");
    INSTALLED.get_or_init(|| install(rig)).await;
    (rig, rig.namespace(prefix).await.expect("a namespace"))
}

/// A rig of its own whose API server fills in no names: as Kubernetes before 1.36.
pub(crate) async fn without_fill() -> Rig {
    let rig = Rig::start(Options::default()).await.expect("a rig");
    install(&rig).await;
    kubectl(
        &rig,
        "admin",
        "delete mutatingadmissionpolicybinding opsward-close-fill opsward-decision-fill",
    )
    .await;
    let refused = || async {
        let (close, decision) = (
            refused_close(&rig, "alice").await,
            refused_decision(&rig, "alice").await,
        );
        close.and(decision).map_err(|output| format!("{output:?}"))
    };
    until("the fill's end", IN_FORCE_WITHIN, refused)
        .await
        .expect("the policy is gone");
    rig
}

async fn install(rig: &Rig) {
    rig.install_crds().await.expect("crds/ and config/ apply");
    create_incident(rig, "default").await;
    create_question(rig, "default", INCIDENT).await;
    // The service account is refused by the check; alice's close passes it by the fill only.
    let in_force = || async {
        let closes = (
            refused_close(rig, "controller").await,
            refused_close(rig, "alice").await,
        );
        let decides = (
            refused_decision(rig, "bob").await,
            refused_decision(rig, "alice").await,
        );
        match (&closes, &decides) {
            ((Ok(()), Err(closed)), (Ok(()), Err(decided)))
                if closed.stdout.contains("closedBy: alice")
                    && decided.stdout.contains("decidedBy: alice") =>
            {
                Answer::Yes(())
            }
            _ => Answer::NotYet(format!("{closes:?} {decides:?}")),
        }
    };
    until("the admission policies", IN_FORCE_WITHIN, in_force)
        .await
        .expect("the policies act");
}

/// Whether a close by `user` would be refused; what it would do when not.
async fn refused_close(rig: &Rig, user: &str) -> Result<(), Output> {
    let close = r#"{"spec":{"close":{"reason":"Other"}}}"#;
    let output = run(
        rig,
        user,
        &format!("{} --dry-run=server -o yaml", patch("default", close)),
    )
    .await;
    if output.ok() { Err(output) } else { Ok(()) }
}

/// Whether a decision by `user` would be refused; what it would do when not.
async fn refused_decision(rig: &Rig, user: &str) -> Result<(), Output> {
    let line = format!(
        "patch td {INCIDENT}-d1 -n default --type=merge -p {} --dry-run=server -o yaml",
        r#"{"spec":{"decision":"Accept"}}"#
    );
    let output = run(rig, user, &line).await;
    if output.ok() { Err(output) } else { Ok(()) }
}

/// A question about the incident to the group `sre`, as the controller puts one; gives its name.
pub(crate) async fn create_question(rig: &Rig, namespace: &str, incident: &str) -> String {
    let name = format!("{incident}-d1");
    let created = feed(
        rig,
        "controller",
        "create -f -",
        &question(namespace, incident, ""),
    )
    .await;
    assert!(created.ok(), "{created:?}");
    name
}

/// The question, with more of a spec.
pub(crate) fn question(namespace: &str, incident: &str, more: &str) -> String {
    format!(
        "apiVersion: opsward.dev/v1alpha1
kind: TriageDecision
metadata: {{name: {incident}-d1, namespace: {namespace}}}
spec:
  opsEvent: {incident}
  opsEventUid: 5c2e
  policies: p
  asks: CPU usage exceeded 95%
  approvers: {{users: [], groups: [sre]}}
  escalatesTo: {{users: [], groups: [sre-leads]}}
  tier: 0
  unanswered: 0
  expiresAt: 2024-12-20T10:45:00.123Z
  {more}
"
    )
}

/// An open incident, as the controller makes one.
pub(crate) async fn create_incident(rig: &Rig, namespace: &str) {
    let spec = format!(
        "apiVersion: opsward.dev/v1alpha1
kind: OpsEvent
metadata: {{name: {INCIDENT}, namespace: {namespace}, labels: {{opsward.dev/rule: high-cpu}}}}
spec:
  rule: {{name: high-cpu, uid: 9a1c, generation: 2}}
  group: {{host: web-server-01, service: nginx}}
  groupText: host=web-server-01, service=nginx
  correlationId: 01JD0000000000000000000000
  title: CPU usage exceeded 95%
"
    );
    let created = apply(rig, "controller", &spec).await;
    assert!(created.ok(), "{created:?}");
    let status = r#"{"status": {
        "observedGeneration": 1, "phase": "Open", "severity": "Critical", "reopened": 0,
        "openedAt": "2024-12-20T10:30:00.123Z",
        "occurrences": {"count": 412, "repeats": 8, "duplicates": 31, "members": 3, "membersOverflow": 0, "position": 90211,
                        "firstSeen": "2024-12-20T10:30:00.123Z", "lastSeen": "2024-12-20T10:35:00.123Z"},
        "conditions": [{"type": "Firing", "status": "True", "reason": "MembersFiring", "message": "3 members fire",
                        "observedGeneration": 1, "lastTransitionTime": "2024-12-20T10:30:00Z"}]}}"#;
    patch_status(rig, namespace, ("ope", INCIDENT), status).await;
}

/// Writes a status as the controller.
pub(crate) async fn patch_status(rig: &Rig, namespace: &str, object: (&str, &str), status: &str) {
    // A status has spaces in its texts.
    let line = format!(
        "patch {} {} -n {namespace} --subresource=status --type=merge -p",
        object.0, object.1
    );
    let words: Vec<&str> = line.split(' ').chain([status]).collect();
    let output = rig.kubectl("controller", &words).await.expect("kubectl runs");
    assert!(output.ok(), "{output:?}");
}

/// What a command that must succeed prints. Its words are separated by single spaces; no word has one in it.
pub(crate) async fn kubectl(rig: &Rig, user: &str, line: &str) -> String {
    let output = run(rig, user, line).await;
    output
        .success()
        .unwrap_or_else(|error| panic!("kubectl {line} as {user}: {error:#}"))
}

/// What a command that must be refused says.
pub(crate) async fn refused(rig: &Rig, user: &str, line: &str) -> String {
    let output = run(rig, user, line).await;
    assert!(
        !output.ok(),
        "kubectl {line} as {user} was not refused: {output:?}"
    );
    output.stderr
}

/// Runs a command as a user, however it ends.
pub(crate) async fn run(rig: &Rig, user: &str, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    rig.kubectl(user, &words).await.expect("kubectl runs")
}

/// The command that patches the incident.
pub(crate) fn patch(namespace: &str, patch: &str) -> String {
    format!("patch ope {INCIDENT} -n {namespace} --type=merge -p {patch}")
}

/// `kubectl apply`, server-side.
pub(crate) async fn apply(rig: &Rig, user: &str, yaml: &str) -> Output {
    feed(rig, user, "apply --server-side --validate=strict -f -", yaml).await
}

/// A command that reads `yaml`.
pub(crate) async fn feed(rig: &Rig, user: &str, line: &str, yaml: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    rig.kubernetes
        .kubectl_stdin(user, &words, yaml)
        .await
        .expect("kubectl runs")
}

/// The words of each line, as columns of a table.
pub(crate) fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .collect()
        })
        .collect()
}

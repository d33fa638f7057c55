//! The API server's own record of who asked what. Tests count writes with it: it cannot be fooled by our counters.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Deserialize;

/// One request, answered or (a watch) still being answered.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRequest {
    /// As Kubernetes names the user, `system:serviceaccount:opsward-system:opsward-controller` for the controller.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Plural name, `opsevents`; empty for paths like `/readyz`.
    pub resource: String,
    /// `status` or empty.
    pub subresource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for lists and creations under a generated name.
    pub name: String,
    /// Path and query.
    pub uri: String,
    /// HTTP status of the answer, 0 while there is none.
    pub code: u16,
    /// The client's User-Agent.
    pub user_agent: String,
    /// When the request came.
    pub received: Timestamp,
    /// When it was answered; for a watch still open, when it began.
    pub completed: Timestamp,
    /// Whether the answer is complete; false for a watch still open.
    pub done: bool,
}

impl AuditRequest {
    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }
}

/// The audit event as the API server writes it (audit.k8s.io/v1); only what is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: EntryUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    response_status: Option<ResponseStatus>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct EntryUser {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

/// Every request in the log files of `folder`, each once, in order of arrival.
pub(crate) fn read(folder: &Path) -> Result<Vec<AuditRequest>> {
    let mut requests = BTreeMap::new();
    for file in std::fs::read_dir(folder).with_context(|| format!("no audit log in {}", folder.display()))? {
        let path = file?.path();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        parse(&text, &mut requests).with_context(|| path.display().to_string())?;
    }
    if requests.is_empty() {
        bail!(
            "the audit log in {} is empty; even the server's own start writes to it",
            folder.display()
        );
    }
    let mut requests: Vec<AuditRequest> = requests.into_values().collect();
    requests.sort_by_key(|request| request.received);
    Ok(requests)
}

fn parse(text: &str, requests: &mut BTreeMap<String, AuditRequest>) -> Result<()> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // The last line may be half written, now or for ever when the server was killed while writing it.
    for line in lines.iter().filter(|line| line.ends_with('\n')) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
            // A half line continued by the restarted server's first one.
            continue;
        };
        let entry: Entry =
            serde_json::from_value(value).with_context(|| format!("not an audit event: {line}"))?;
        let done = entry.stage == "ResponseComplete" || entry.stage == "Panic";
        let known_done = requests.get(&entry.audit_id).is_some_and(|request| request.done);
        if done || !known_done {
            requests.insert(entry.audit_id.clone(), entry.into_request(done));
        }
    }
    Ok(())
}

impl Entry {
    fn into_request(self, done: bool) -> AuditRequest {
        AuditRequest {
            user: self.user.username,
            verb: self.verb,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            uri: self.request_uri,
            code: self.response_status.map_or(0, |status| status.code),
            user_agent: self.user_agent,
            received: self.request_received_timestamp,
            completed: self.stage_timestamp,
            done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, stage: &str) -> String {
        format!(
            "{{\"auditID\":\"{id}\",\"stage\":\"{stage}\",\"requestURI\":\"/api\",\"verb\":\"watch\",\
             \"user\":{{\"username\":\"u\"}},\"requestReceivedTimestamp\":\"2026-11-21T08:00:00.000001Z\",\
             \"stageTimestamp\":\"2026-11-21T08:00:01.000000Z\"}}\n"
        )
    }

    #[test]
    fn a_request_of_two_stages_counts_once_and_is_done() {
        let mut requests = BTreeMap::new();
        let text =
            line("a", "ResponseStarted") + &line("a", "ResponseComplete") + &line("b", "ResponseStarted");
        parse(&text, &mut requests).expect("parsed");
        assert_eq!(requests.len(), 2);
        assert!(requests["a"].done && !requests["b"].done);
    }

    #[test]
    fn a_half_written_line_is_left_for_later() {
        let mut requests = BTreeMap::new();
        let whole = line("a", "ResponseComplete");
        parse(&(whole.clone() + &whole[..40]), &mut requests).expect("parsed");
        assert_eq!(requests.len(), 1);
    }
}

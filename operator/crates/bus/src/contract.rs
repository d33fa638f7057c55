//! The contract on NATS as data: subjects, streams, buckets, and which role may do what. Whoever needs a name
//! takes it from here; the rig and the chart make users of [`permissions`].

use std::time::Duration;

use domain::task::Worker;

/// The log.
pub const INGEST: &str = "INGEST";
/// What could not be taken in.
pub const DEAD: &str = "DEAD";
/// Tasks to do.
pub const WORK: &str = "WORK";
/// Subject of a task, before its key.
const WORK_PREFIX: &str = "work.";
/// Subject of events of a namespace, before its name.
const EVENTS_PREFIX: &str = "ingest.events.";
/// Subject of control entries of a namespace, before its name.
const CONTROL_PREFIX: &str = "ingest.control.";
/// Subject of ticks.
pub const TICK: &str = "ingest.tick";
/// Subject of dead letters of a namespace, before its name.
const DEAD_PREFIX: &str = "dead.";
/// Incident records; written by the correlator.
pub const INCIDENTS: &str = "incidents";
/// Rules in force; written by the correlator.
pub const RULES: &str = "rules";
/// Sources known; written by collectors.
pub const SOURCES: &str = "sources";
/// Tasks and how far they have come; written by the controller and, from then on, by the worker too.
pub const TASKS: &str = "tasks";
/// Pointer to the checkpoint, and the correlators' lease.
pub const CHECKPOINTS: &str = "checkpoints";
/// Object store of checkpoint blobs.
pub const CHECKPOINT_BLOBS: &str = "checkpoints";
/// Object store of events' data too large for the log.
pub const PAYLOADS: &str = "payloads";
/// Metadata of INGEST that holds the log's id, a ULID.
pub const LOG_ID: &str = "opsward-log-id";
/// How long payloads stay: as long as dead letters.
pub const PAYLOAD_AGE: Duration = DEAD_AGE;
/// Bytes of one dead letter's payload that are kept.
pub const DEAD_PAYLOAD_BYTES: usize = 64 * 1024;
/// How long dead letters stay: 14 days, a sprint and its review.
pub const DEAD_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long the marker of a removed record stays, so that whoever was away learns of it: 1 h.
pub const REMOVED_MARKER: Duration = Duration::from_secs(60 * 60);

/// A subject of the log, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSubject<'a> {
    /// Events of a namespace.
    Events(&'a str),
    /// Control entries of a namespace.
    Control(&'a str),
    /// A tick.
    Tick,
}

impl<'a> LogSubject<'a> {
    /// Takes a subject apart.
    pub fn parse(subject: &'a str) -> Option<Self> {
        let namespace = |name: &'a str| is_namespace(name).then_some(name);
        if let Some(name) = subject.strip_prefix(EVENTS_PREFIX) {
            return namespace(name).map(Self::Events);
        }
        if let Some(name) = subject.strip_prefix(CONTROL_PREFIX) {
            return namespace(name).map(Self::Control);
        }
        (subject == TICK).then_some(Self::Tick)
    }

    /// Puts it together.
    pub fn subject(self) -> String {
        match self {
            Self::Events(namespace) => format!("{EVENTS_PREFIX}{namespace}"),
            Self::Control(namespace) => format!("{CONTROL_PREFIX}{namespace}"),
            Self::Tick => TICK.to_owned(),
        }
    }
}

/// What `dataRef` says of data that lies in [`PAYLOADS`] under `name`.
pub fn payload_ref(name: &str) -> String {
    format!("{PAYLOADS}/{name}")
}

/// The subject of a namespace's dead letters.
pub fn dead_subject(namespace: &str) -> String {
    format!("{DEAD_PREFIX}{namespace}")
}

/// The key of a task in [`TASKS`]: its worker's name and its id, which is a hash.
pub fn task_key(worker: Worker, id: &str) -> String {
    format!("{}.{id}", worker.as_str())
}

/// The subject in [`WORK`] of the task with this key.
pub fn work_subject(key: &str) -> String {
    format!("{WORK_PREFIX}{key}")
}

/// The key of the task that a message in [`WORK`] is about.
pub fn task_of_subject(subject: &str) -> Option<&str> {
    subject.strip_prefix(WORK_PREFIX)
}

/// Whether `name` is a Kubernetes namespace's name: the only user text that goes into a subject (RFC 1123
/// label, at most 63 characters).
pub fn is_namespace(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A role with a NATS user of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Bytes to events.
    Collector,
    /// The fold of the log.
    Correlator,
    /// Kubernetes objects.
    Controller,
    /// Tells people.
    Notifier,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [
        Self::Collector,
        Self::Correlator,
        Self::Controller,
        Self::Notifier,
    ];

    /// The role's name: its user's name too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Correlator => "correlator",
            Self::Controller => "controller",
            Self::Notifier => Worker::Notifier.as_str(),
        }
    }

    /// Where answers to this role go.
    pub fn inbox(self) -> String {
        format!("_INBOX_{}", self.name())
    }
}

/// Subjects that a role's user may publish and subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Allowed to publish.
    pub publish: Vec<String>,
    /// Allowed to subscribe.
    pub subscribe: Vec<String>,
}

/// What a role may do on NATS; nothing else.
pub fn permissions(role: Role) -> Permissions {
    let mut publish = match role {
        Role::Collector => collector(),
        Role::Correlator => correlator(),
        Role::Controller => controller(),
        Role::Notifier => worker(Worker::Notifier),
    };
    publish.sort();
    Permissions {
        publish,
        subscribe: vec![format!("{}.>", role.inbox())],
    }
}

fn collector() -> Vec<String> {
    let mut allowed = vec![
        format!("{EVENTS_PREFIX}>"),
        format!("{DEAD_PREFIX}>"),
        info(INGEST),
        info(DEAD),
    ];
    allowed.extend(read_bucket(SOURCES));
    allowed.push(write_bucket(SOURCES));
    allowed.extend(write_blobs(PAYLOADS));
    allowed
}

fn correlator() -> Vec<String> {
    let mut allowed = vec![
        // Making a bucket asks what the account may.
        "$JS.API.INFO".to_owned(),
        TICK.to_owned(),
        format!("{DEAD_PREFIX}>"),
        format!("$JS.API.STREAM.PURGE.{INGEST}"),
        info(DEAD),
    ];
    allowed.extend(read_stream(INGEST));
    for bucket in [INCIDENTS, RULES, CHECKPOINTS] {
        allowed.extend(read_bucket(bucket));
        allowed.push(write_bucket(bucket));
    }
    allowed.extend(write_blobs(CHECKPOINT_BLOBS));
    allowed.extend(read_stream(&object_stream(CHECKPOINT_BLOBS)));
    allowed.push(format!(
        "$JS.API.STREAM.PURGE.{}",
        object_stream(CHECKPOINT_BLOBS)
    ));
    for stream in owned_streams() {
        allowed.push(format!("$JS.API.STREAM.CREATE.{stream}"));
        allowed.push(format!("$JS.API.STREAM.UPDATE.{stream}"));
        allowed.push(info(&stream));
    }
    for worker in Worker::ALL {
        allowed.push(format!("$JS.API.CONSUMER.CREATE.{WORK}.{}.>", worker.as_str()));
    }
    allowed
}

fn controller() -> Vec<String> {
    let mut allowed = vec![format!("{CONTROL_PREFIX}>"), info(INGEST)];
    for bucket in [INCIDENTS, RULES, SOURCES, TASKS] {
        allowed.extend(read_bucket(bucket));
    }
    allowed.push(write_bucket(TASKS));
    allowed.push(format!("{WORK_PREFIX}>"));
    allowed
}

/// A worker takes its own tasks and moves their records, and no others.
fn worker(worker: Worker) -> Vec<String> {
    let (name, records) = (worker.as_str(), bucket_stream(TASKS));
    vec![
        format!("$JS.API.CONSUMER.INFO.{WORK}.{name}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{WORK}.{name}"),
        format!("$JS.ACK.{WORK}.{name}.>"),
        info(&records),
        format!("$JS.API.DIRECT.GET.{records}.$KV.{TASKS}.{name}.>"),
        format!("$KV.{TASKS}.{name}.>"),
        format!("{DEAD_PREFIX}>"),
    ]
}

/// Every stream of the contract; the correlator makes them all.
pub fn owned_streams() -> Vec<String> {
    let buckets = [INCIDENTS, RULES, SOURCES, CHECKPOINTS, TASKS].map(bucket_stream);
    let blobs = [CHECKPOINT_BLOBS, PAYLOADS].map(object_stream);
    [INGEST.to_owned(), DEAD.to_owned(), WORK.to_owned()]
        .into_iter()
        .chain(buckets)
        .chain(blobs)
        .collect()
}

/// The stream behind a key-value bucket.
pub fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// The stream behind an object store.
pub fn object_stream(store: &str) -> String {
    format!("OBJ_{store}")
}

fn info(stream: &str) -> String {
    format!("$JS.API.STREAM.INFO.{stream}")
}

fn read_stream(stream: &str) -> Vec<String> {
    vec![
        info(stream),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.INFO.{stream}.>"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.>"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.>"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.FC.{stream}.>"),
    ]
}

fn read_bucket(bucket: &str) -> Vec<String> {
    read_stream(&bucket_stream(bucket))
}

fn write_bucket(bucket: &str) -> String {
    format!("$KV.{bucket}.>")
}

fn write_blobs(store: &str) -> Vec<String> {
    let stream = object_stream(store);
    vec![
        format!("$O.{store}.>"),
        info(&stream),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn subjects_read_back(name in "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?") {
            for subject in [LogSubject::Events(&name), LogSubject::Control(&name), LogSubject::Tick] {
                let text = subject.subject();
                prop_assert_eq!(LogSubject::parse(&text), Some(subject));
            }
        }

        #[test]
        fn nothing_but_a_namespace_gets_into_a_subject(name in ".{0,70}") {
            if is_namespace(&name) {
                prop_assert!(!name.contains(['.', '*', '>', ' ', '\r', '\n']));
            }
        }
    }

    #[test]
    fn no_role_may_write_anothers_subjects() {
        let publish = |role| permissions(role).publish;
        assert!(
            !publish(Role::Collector)
                .iter()
                .any(|subject| subject.starts_with(CONTROL_PREFIX))
        );
        assert!(
            !publish(Role::Controller)
                .iter()
                .any(|subject| subject.starts_with(EVENTS_PREFIX))
        );
        assert!(
            !publish(Role::Correlator)
                .iter()
                .any(|subject| subject.starts_with(EVENTS_PREFIX))
        );
        for role in Role::ALL {
            assert!(
                publish(role)
                    .iter()
                    .all(|subject| subject != ">" && !subject.starts_with("$JS.API.>"))
            );
        }
    }
}

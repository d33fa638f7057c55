//! The calls under way: what each does on the API server or the log, and what it brings back. At most one write of
//! an object at a time, and a bounded number in all.

use api::API_VERSION;
use bus::contract::task_key;
use bus::{Bus, BusError, Control};
use domain::notify::Notification;
use domain::rule::record::RuleRecord;
use domain::task::Worker;
use domain::time::Time;
use kube::Client;

use crate::class::Class;
use crate::error::{TellLogError, WriteError};
use crate::incidents::notify::Wanted;
use crate::incidents::wanted::{Closing, Planned, Tell};
use crate::key::{Key, WrittenRule};
use crate::rules::RuleWrite;
use crate::rules::status::RuleTell;
use crate::write::{self, Outcome, Written};

/// What a call brings back.
#[derive(Debug)]
pub enum Done {
    /// A write of an object of an incident.
    Incident {
        /// Which.
        key: Key,
        /// The kind of object.
        kind: &'static str,
        /// What made it necessary.
        class: Class,
        /// What is told if it was done.
        tells: Vec<Tell>,
        /// The log's time of the opening or end that it shows.
        since: Option<Time>,
        /// What became of it.
        result: Result<Written, WriteError>,
    },
    /// A write of a rule's status.
    Rule {
        /// Which.
        key: Key,
        /// What made it necessary.
        class: Class,
        /// What is told if it was done.
        tell: Option<RuleTell>,
        /// What became of it.
        result: Box<Result<Outcome<WrittenRule>, WriteError>>,
    },
    /// Something about a task.
    Task {
        /// The incident.
        key: Key,
        /// The task's key.
        task: String,
        /// What became of it.
        result: Result<Moved, BusError>,
    },
    /// A control entry about an incident or a rule.
    Told {
        /// Which.
        key: Key,
        /// Whether the log has it, or it turned out that there is nothing to tell.
        result: Result<(), TellLogError>,
    },
}

/// What became of a call about a task.
#[derive(Debug)]
pub enum Moved {
    /// The record has what is wanted, and the message is sent.
    Wanted(Box<Notification>),
    /// The record is another than the one that was decided from: this, or none.
    Outdated(Option<Box<Notification>>),
    /// The message is sent again.
    Sent,
    /// The record is removed.
    Forgotten,
}

/// How often a record is read again because a worker wrote it meanwhile.
const CONFLICTS: usize = 8;

/// Wants something of a channel: the record first, then the message.
pub async fn want(bus: Bus, key: Key, wanted: Wanted, now: Time) -> Done {
    let task = task_key(Worker::Notifier, &wanted.place.id(Worker::Notifier));
    let result = want_record(&bus, &task, wanted, now).await;
    Done::Task { key, task, result }
}

async fn want_record(bus: &Bus, name: &str, wanted: Wanted, now: Time) -> Result<Moved, BusError> {
    let bucket = bus.records::<Notification>().await?;
    for _ in 0..CONFLICTS {
        let (task, revision) = match bucket.get_revision(name).await? {
            None if wanted.before == 0 => {
                let task = Notification::new(wanted.place.clone(), wanted.notice.clone(), now);
                (task, bucket.last_revision(name).await?)
            }
            Some((mut task, revision)) if task.revision == wanted.before => {
                task.want(wanted.notice.clone(), now);
                (task, revision)
            }
            other => return Ok(Moved::Outdated(other.map(|(task, _)| Box::new(task)))),
        };
        match bucket.update(&task, revision).await {
            Ok(_) => {
                bus.queue_task(name).await?;
                return Ok(Moved::Wanted(Box::new(task)));
            }
            Err(BusError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(BusError::Conflict { what: "want a task" })
}

/// Sends the message about a task again.
pub async fn send_again(bus: Bus, key: Key, task: String) -> Done {
    let result = bus.queue_task(&task).await.map(|()| Moved::Sent);
    Done::Task { key, task, result }
}

/// Removes the record of a task whose incident is gone.
pub async fn forget(bus: Bus, key: Key, task: String) -> Done {
    let removed = async { bus.records::<Notification>().await?.remove(&task).await };
    let result = removed.await.map(|()| Moved::Forgotten);
    Done::Task { key, task, result }
}

/// Writes an object of an incident.
pub async fn write_incident(client: Client, key: Key, planned: Planned, since: Option<Time>) -> Done {
    let kind = planned.work.kind();
    let result = write::incident(client, planned.work).await;
    Done::Incident {
        key,
        kind,
        class: planned.class,
        tells: planned.tells,
        since,
        result,
    }
}

/// Writes a rule's status.
pub async fn write_rule(client: Client, key: Key, planned: RuleWrite) -> Done {
    let result = write::rule(client, planned.object).await;
    Done::Rule {
        key,
        class: planned.class,
        tell: planned.tell,
        result: Box::new(result),
    }
}

/// Tells the log that a person closed an incident.
pub async fn close(bus: Bus, key: Key, closing: Closing) -> Done {
    let control = Control::Close {
        incident: key.id.clone(),
        reason: closing.reason.to_owned(),
        by: closing.by,
    };
    let result = append(&bus, &key.namespace, &control).await;
    Done::Told { key, result }
}

/// Tells the log a rule's generation, as it is written.
pub async fn publish(bus: Bus, key: Key, object: WrittenRule) -> Done {
    let result = match serde_json::value::to_raw_value(&object.spec) {
        Ok(spec) => {
            let control = Control::Rule {
                name: object.metadata.name.unwrap_or_default(),
                uid: key.id.clone(),
                generation: object.metadata.generation.unwrap_or(1),
                api_version: API_VERSION.to_owned(),
                spec,
            };
            append(&bus, &key.namespace, &control).await
        }
        Err(source) => Err(TellLogError::Spec(source)),
    };
    Done::Told { key, result }
}

/// Tells the log that a rule is gone, if the API server itself says so.
pub async fn publish_gone(client: Client, bus: Bus, key: Key, record: RuleRecord) -> Done {
    let result = match write::is_gone(client, &key.namespace, &record.name, &key.id).await {
        Ok(true) => {
            let control = Control::RuleDeleted {
                name: record.name,
                uid: key.id.clone(),
            };
            append(&bus, &key.namespace, &control).await
        }
        Ok(false) => Ok(()),
        Err(error) => Err(TellLogError::Confirm(error)),
    };
    Done::Told { key, result }
}

async fn append(bus: &Bus, namespace: &str, control: &Control) -> Result<(), TellLogError> {
    bus.append_control(namespace, control).await?;
    Ok(())
}

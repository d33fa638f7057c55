//! The calls under way: what each does on the API server or the log, and what it brings back. At most one write of
//! an object at a time, and a bounded number in all.

use api::API_VERSION;
use bus::{Bus, Control};
use domain::rule::record::RuleRecord;
use domain::time::Time;
use kube::Client;

use crate::class::Class;
use crate::error::{TellLogError, WriteError};
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
    /// A control entry about an incident or a rule.
    Told {
        /// Which.
        key: Key,
        /// Whether the log has it, or it turned out that there is nothing to tell.
        result: Result<(), TellLogError>,
    },
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

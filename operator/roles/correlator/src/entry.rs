//! From a message of the log to what the fold takes in.

use bus::contract::LogSubject;
use bus::log::{Control, EntryError, LogPayload};
use domain::entry::{Entry, EntryBody};
use domain::event::Logged;
use domain::rule::RuleIdentity;
use domain::time::Time;

/// Decodes one message's JSON and hands its entry to `take`. A payload that is no entry is handed over as a tick,
/// so that its time passes all the same.
///
/// # Errors
/// Why the payload is no entry.
pub fn with_entry<R>(
    (sequence, at): (u64, Time),
    subject: &str,
    json: Result<&str, EntryError>,
    take: impl FnOnce(&Entry<'_>) -> R,
) -> (R, Option<EntryError>) {
    let tick = |error| (EntryBody::Tick, Some(error));
    let namespace = match LogSubject::parse(subject) {
        Some(LogSubject::Events(namespace) | LogSubject::Control(namespace)) => namespace,
        Some(LogSubject::Tick) | None => "",
    };
    let (events, control): (Vec<Logged<'_>>, Control);
    let (body, error) = match json.and_then(bus::log::decode) {
        Err(error) => tick(error),
        Ok(LogPayload::Tick) => (EntryBody::Tick, None),
        Ok(_) if namespace.is_empty() => tick(EntryError::Shape),
        Ok(LogPayload::Events(decoded)) => {
            events = decoded;
            (
                EntryBody::Events {
                    namespace,
                    events: &events,
                },
                None,
            )
        }
        Ok(LogPayload::Control(decoded)) => {
            control = decoded;
            (control_body(namespace, &control), None)
        }
    };
    (take(&Entry { sequence, at, body }), error)
}

fn control_body<'a>(namespace: &'a str, control: &'a Control) -> EntryBody<'a> {
    match control {
        Control::Rule {
            name,
            uid,
            generation,
            api_version,
            spec,
        } => EntryBody::Rule {
            namespace,
            identity: RuleIdentity {
                uid: uid.clone(),
                name: name.clone(),
                generation: *generation,
            },
            spec: Box::new(api::rule_from_log(api_version, spec.get())),
        },
        Control::RuleDeleted { uid, .. } => EntryBody::RuleDeleted { namespace, uid },
        Control::Close { incident, .. } => EntryBody::Close { namespace, incident },
    }
}

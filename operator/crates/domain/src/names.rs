//! The names of an event's members as they stand in its JSON: comma, quotes and colon with them. What writes them and
//! what reads them share them.

pub(crate) const ID: &str = r#","id":"#;
pub(crate) const DELIVERY_KEY: &str = r#","deliveryKey":"#;
pub(crate) const FINGERPRINT: &str = r#","fingerprint":"#;
pub(crate) const FINGERPRINT_FIELDS: &str = r#","fingerprintFields":"#;
pub(crate) const OCCURRENCE_KEY: &str = r#","occurrenceKey":"#;
pub(crate) const STATE: &str = r#","state":"#;
pub(crate) const NAMESPACE: &str = r#","namespace":"#;
pub(crate) const TYPE: &str = r#","type":"#;
pub(crate) const SEVERITY: &str = r#","severity":"#;
pub(crate) const SEVERITY_FROM: &str = r#","severityFrom":"#;
pub(crate) const TITLE: &str = r#","title":"#;
pub(crate) const DESCRIPTION: &str = r#","description":"#;
pub(crate) const RESOURCE: &str = r#","resource":"#;
pub(crate) const RESOURCES: &str = r#","resources":"#;
pub(crate) const SERVICE: &str = r#","service":"#;
pub(crate) const HOST: &str = r#","host":"#;
pub(crate) const TEAM: &str = r#","team":"#;
pub(crate) const ENVIRONMENT: &str = r#","environment":"#;
pub(crate) const ACCOUNT: &str = r#","account":"#;
pub(crate) const REGION: &str = r#","region":"#;
pub(crate) const LABELS: &str = r#","labels":"#;
pub(crate) const TAGS: &str = r#","tags":"#;
pub(crate) const LINKS: &str = r#","links":"#;
pub(crate) const DATA: &str = r#","data":"#;
pub(crate) const DATA_REF: &str = r#","dataRef":"#;
pub(crate) const OCCURRED_AT: &str = r#","occurredAt":"#;
pub(crate) const ENDS_AT: &str = r#","endsAt":"#;
pub(crate) const RECEIVED_AT: &str = r#","receivedAt":"#;
pub(crate) const TRACEPARENT: &str = r#","traceparent":"#;
pub(crate) const SOURCE: &str = r#","source":"#;

/// The members of `source`, which are written in this order; the last only where there is one.
pub(crate) const SOURCE_NAME: &str = r#"{"name":"#;
pub(crate) const SOURCE_FORMAT: &str = r#","format":"#;
pub(crate) const SOURCE_REPORTED: &str = r#","reported":"#;

//! The names of an event's members as they stand in its JSON: comma, quotes and colon with them, in the order in
//! which they are written. What writes them and what reads them share them. Arrays, so that the compiler knows their
//! lengths: one copy, one comparison.

macro_rules! names {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: &[u8; $text.len()] = $text;)*
    };
}

names! {
    ID = br#","id":"#;
    DELIVERY_KEY = br#","deliveryKey":"#;
    FINGERPRINT = br#","fingerprint":"#;
    OCCURRENCE_KEY = br#","occurrenceKey":"#;
    STATE = br#","state":"#;
    SEVERITY = br#","severity":"#;
    OCCURRED_AT = br#","occurredAt":"#;
    ENDS_AT = br#","endsAt":"#;
    RECEIVED_AT = br#","receivedAt":"#;
    RESOURCES = br#","resources":"#;
    SOURCE = br#","source":"#;
    SOURCE_NAME = br#"{"name":"#;
    SOURCE_FORMAT = br#","format":"#;
    SOURCE_REPORTED = br#","reported":"#;
    FINGERPRINT_FIELDS = br#","fingerprintFields":"#;
    TEMPLATE = br#","template":"#;
    NAMESPACE = br#","namespace":"#;
    TYPE = br#","type":"#;
    SEVERITY_FROM = br#","severityFrom":"#;
    TITLE = br#","title":"#;
    DESCRIPTION = br#","description":"#;
    RESOURCE = br#","resource":"#;
    SERVICE = br#","service":"#;
    HOST = br#","host":"#;
    TEAM = br#","team":"#;
    ENVIRONMENT = br#","environment":"#;
    ACCOUNT = br#","account":"#;
    REGION = br#","region":"#;
    LABELS = br#","labels":"#;
    TAGS = br#","tags":"#;
    LINKS = br#","links":"#;
    DIMENSIONS = br#","dimensions":"#;
    DATA = br#","data":"#;
    DATA_REF = br#","dataRef":"#;
    TRACEPARENT = br#","traceparent":"#;
}

//! Configuration as people write it.

use super::*;

fn read(yaml: &str) -> Result<CollectorConfig, String> {
    let config: CollectorConfig = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
    config.validate().map_err(|error| error.to_string())?;
    Ok(config)
}

#[test]
fn without_configuration_there_is_one_source_for_this_machine() {
    let config = read("{}").unwrap();
    assert_eq!(config.ingest.address.to_string(), DEFAULT_ADDRESS);
    let sources = config.effective_sources();
    let [source] = sources.as_slice() else {
        panic!("one source")
    };
    assert_eq!(source.name.as_str(), "webhook");
    assert_eq!(source.namespace.as_ref().unwrap().as_str(), "default");
    assert!(source.auth.is_none());
}

#[test]
fn a_whole_configuration_is_read() {
    let config = read(
        "ingest: {address: '0.0.0.0:8080', maxConnections: 10}\n\
         sources:\n\
         - name: prometheus\n  \
           format: alertmanager\n  \
           namespace: shop\n  \
           auth: {bearerTokenFile: /a, bearerTokenFiles: [/b, /c]}\n  \
           rateLimit: {perSecond: 5, burst: 6}\n",
    )
    .unwrap();
    let [source] = config.sources.as_slice() else {
        panic!("one source")
    };
    assert_eq!(source.format, formats::Format::Alertmanager);
    assert_eq!(source.auth.as_ref().unwrap().token_files().len(), 3);
    assert_eq!(source.rate_limit.burst.get(), 6);
}

#[test]
fn an_error_of_one_field_names_path_and_line() {
    for (yaml, expected) in [
        (
            "sources:\n- {name: A b, format: webhook, namespace: default}",
            "sources[0].name: invalid value: string \"A b\", expected a source's name of lower-case letters, digits and \
             `-`, at most 63 at line 2 column 10",
        ),
        (
            "sources:\n- {name: a, format: xml, namespace: default}",
            "sources[0].format: invalid value: string \"xml\", expected a format: webhook, alertmanager, grafana, \
             cloudevents, eventbridge, sns, pagerduty, github, falco, otlp, generic at line 2 column 21",
        ),
        (
            "ingest: {port: 1}",
            "ingest: unknown field `port`, expected one of `address`, `maxConnections`, `tls`, `trustedProxies` at line 1",
        ),
    ] {
        let error = read(yaml).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn an_error_between_fields_names_its_path_and_what_to_do() {
    for (yaml, expected) in [
        (
            "sources: [{name: a, format: webhook, namespace: x}, {name: a, format: webhook, namespace: y}]",
            "sources[1].name: a is there twice; give each source a name of its own",
        ),
        (
            "sources: [{name: a, format: webhook, namespace: x, auth: {}}]",
            "sources[0].auth: asks for nothing; set bearerTokenFile, hmac, cidrs, clientNames or sns",
        ),
        (
            "sources: [{name: webhook, format: alertmanager, namespace: x}]",
            "sources[0].format: the source `webhook` serves /api/v1/events/webhook, whose format is webhook; \
             give this one another name",
        ),
        (
            "{ingest: {address: '0.0.0.0:80'}, sources: [{name: a, format: webhook, namespace: x}]}",
            "sources[0].auth: source a has no auth, and ingest.address 0.0.0.0:80 can be reached from other \
             machines; give the source auth.bearerTokenFile, or set ingest.address to 127.0.0.1:8080",
        ),
        (
            "ingest: {address: '10.0.0.1:80'}",
            "sources: source webhook has no auth, and ingest.address 10.0.0.1:80 can be reached from other \
             machines; give the source auth.bearerTokenFile, or set ingest.address to 127.0.0.1:8080",
        ),
    ] {
        assert_eq!(read(yaml).unwrap_err(), expected);
    }
}

#[test]
fn a_source_with_contradictions_is_refused_by_field() {
    for (source, expected) in [
        (
            "namespace: ",
            "namespace: missing; name the namespace that the events belong to",
        ),
        (
            "namespace: a, allowedNamespaces: [a]",
            "allowedNamespaces: of use only with shared or namespaceFrom; remove it",
        ),
        (
            "shared: true",
            "allowedNamespaces: missing; list the namespaces that the source may write into",
        ),
        (
            "shared: true, namespace: a, allowedNamespaces: [a]",
            "shared: its events belong to all of allowedNamespaces; remove namespace and namespaceFrom, or shared",
        ),
        (
            "namespaceFrom: {field: colour}, allowedNamespaces: [a]",
            "namespaceFrom.field: no event has a field \"colour\"; use account, team, service, environment, region, host \
             or labels.<name>",
        ),
        (
            "namespaceFrom: {field: team, values: {x: b}}, allowedNamespaces: [a]",
            "namespaceFrom.values: b is not in allowedNamespaces; add it there, or remove it here",
        ),
        (
            "namespace: a, auth: {hmac: {scheme: github}}",
            "auth.hmac.secretFile: missing; name the file that holds the secret",
        ),
        (
            "namespace: a, auth: {hmac: {scheme: github, secretFile: /a, header: X-A}}",
            "auth.hmac.header: the scheme knows its header; remove it, or set scheme: hex",
        ),
        (
            "namespace: a, auth: {hmac: {scheme: hex, secretFile: /a}}",
            "auth.hmac.header: missing; name the header that holds the signature",
        ),
        (
            "namespace: a, auth: {clientNames: [a.example]}",
            "auth.clientNames: needs ingest.tls.clientCaFile, by which certificates are checked",
        ),
        (
            "namespace: a, auth: {sns: {topicArns: [a]}}",
            "auth.sns: only format sns is signed so; remove it",
        ),
        (
            "namespace: a, message: eventbridge",
            "message: only format sns carries messages; remove it, or set format: sns and message: eventbridge",
        ),
    ] {
        let error = read(&format!("sources: [{{name: a, format: webhook, {source}}}]")).unwrap_err();
        assert_eq!(error, format!("sources[0].{expected}"), "{source}");
    }
}

#[test]
fn an_events_namespaces_are_those_that_ingest_would_take() {
    let source = |rest: &str| -> SourceConfig {
        serde_yaml::from_str(&format!("{{name: a, format: webhook, {rest}}}")).unwrap()
    };
    let named = source("namespaceFrom: {field: account, values: {'1': pay}}, allowedNamespaces: [shop, pay]");
    let names = |config: &SourceConfig, account: &'static str| {
        let event = domain::event::Event {
            account: account.into(),
            ..domain::event::Event::default()
        };
        let names = config.namespaces_of(&event).map_err(|why| why.reason)?;
        Ok(names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(names(&named, "1"), Ok(vec!["pay".to_owned()]));
    assert_eq!(names(&named, "other"), Err("NoNamespace"));
    let shared = source("shared: true, allowedNamespaces: [shop, pay]");
    assert_eq!(names(&shared, "").unwrap().len(), 2);
}

#[test]
fn a_namespace_is_named_once() {
    let yaml = "sources: [{name: a, format: webhook, shared: true, allowedNamespaces: [shop, shop]}]";
    let config: CollectorConfig = serde_yaml::from_str(yaml).unwrap();
    let error = config.validate().unwrap_err().to_string();
    assert_eq!(
        error,
        "sources[0].allowedNamespaces: shop is there twice; remove one"
    );
}

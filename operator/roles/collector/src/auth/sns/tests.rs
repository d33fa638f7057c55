//! SNS's envelopes, signed by a certificate of our own, and its hosts, stood in for by a TLS server that has their name.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use platform::Shutdown;
use platform::http::{HttpServer, Limits};
use platform::tls::{Acceptor, TlsConfig};

use super::*;

const HOST: &str = "sns.eu-west-1.amazonaws.com";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";
const PEM: &str = include_str!("testdata/certificate.pem");
const V1: &str = include_str!("testdata/notification-v1.json");
const V2: &str = include_str!("testdata/notification-v2.json");
const CONFIRMATION: &str = include_str!("testdata/confirmation-v2.json");

/// A stand-in for SNS's host: gives the certificate, and remembers what it was asked.
struct Sns {
    certificates: Certificates,
    asked: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
    _shutdown: Shutdown,
}

async fn sns() -> Sns {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = TlsConfig {
        cert_file: write("cert", made.cert.pem()),
        key_file: write("key", made.signing_key.serialize_pem()),
        client_ca_file: None,
        client_certificate_required: false,
    };
    let limits = Limits {
        max_connections: 10,
        header_timeout: Duration::from_secs(5),
        max_header_bytes: 16 * 1024,
    };
    let server = HttpServer::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "test", limits)
        .await
        .unwrap();
    let (address, server) = (
        server.local_addr(),
        server.with_tls(Acceptor::load(&files).unwrap()),
    );
    let (asked, shutdown) = (Arc::new(Mutex::new(Vec::new())), Shutdown::new());
    let log = Arc::clone(&asked);
    let make = move |_| {
        let log = Arc::clone(&log);
        service_fn(move |request: Request<_>| {
            let uri = request.uri().to_string();
            let found =
                uri.contains("/SimpleNotificationService-") || uri.contains("Action=ConfirmSubscription");
            log.lock().unwrap().push(uri);
            let mut response = Response::new(Full::new(Bytes::from_static(PEM.as_bytes())));
            if !found {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            std::future::ready(Ok::<_, Infallible>(response))
        })
    };
    tokio::spawn(server.serve(make, shutdown.clone()));
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([root])
        .resolve(HOST, address);
    Sns {
        certificates: Certificates::new(client).unwrap(),
        asked,
        _folder: folder,
        _shutdown: shutdown,
    }
}

fn now() -> Time {
    Time::parse("2026-11-21T16:00:30Z").unwrap()
}

impl Sns {
    async fn check(&self, body: &str) -> Result<(), Unauthorized> {
        self.check_at(body, now()).await.map(drop)
    }

    async fn check_at(&self, body: &str, now: Time) -> Result<String, Unauthorized> {
        let topics = Topics {
            arns: vec![TOPIC.to_owned()],
        };
        topics.check(body.as_bytes(), now, &self.certificates).await
    }

    /// With the port of the stand-in, which the pinned form of an address cannot name.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn both_versions_of_the_signature_are_taken_and_the_certificate_is_fetched_once() {
    let sns = sns().await;
    assert_eq!(sns.check(V1).await, Ok(()));
    assert_eq!(sns.check(V2).await, Ok(()));
    assert_eq!(sns.asked().len(), 1);
}

#[tokio::test]
async fn messages_that_name_one_certificate_wait_for_one_request() {
    let sns = sns().await;
    let all = futures::future::join_all((0..100).map(|_| sns.check(V1))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(sns.asked().len(), 1);
}

#[tokio::test]
async fn made_up_certificates_do_not_queue_up_without_bound() {
    let sns = sns().await;
    let made_up = |n: u32| {
        V2.replace(
            "SimpleNotificationService-",
            &format!("SimpleNotificationService-{n:08x}"),
        )
    };
    let bodies: Vec<_> = (0..100).map(made_up).collect();
    let all = futures::future::join_all(bodies.iter().map(|body| sns.check(body))).await;
    let busy = all
        .iter()
        .filter(|answer| **answer == Err(Unauthorized::SnsUnreachable))
        .count();
    assert!(busy >= 80, "{busy}");
}

#[test]
fn a_person_is_told_of_subscriptions_at_snss_own_address_only() {
    let headers = |kind: &'static str| HeaderMap::from_iter([(MESSAGE_TYPE, HeaderValue::from_static(kind))]);
    let asks = headers("SubscriptionConfirmation");
    let told = confirmation(&asks, CONFIRMATION.as_bytes()).unwrap();
    assert_eq!(told.topic, TOPIC);
    let evil = CONFIRMATION.replace("https://sns.", "https://evil.");
    assert_eq!(confirmation(&asks, evil.as_bytes()), None);
    assert_eq!(
        confirmation(&headers("Notification"), CONFIRMATION.as_bytes()),
        None
    );
}

#[tokio::test]
async fn what_is_altered_forged_old_or_of_another_topic_is_refused() {
    let sns = sns().await;
    let wrong = Err(Unauthorized::WrongSignature);
    assert_eq!(sns.check(&V2.replace("AlarmName", "alarmName")).await, wrong);
    assert_eq!(
        sns.check(&V2.replace(r#""Subject": "disk""#, r#""Subject": "disc""#))
            .await,
        wrong
    );
    assert_eq!(
        sns.check(&V2.replace(r#""SignatureVersion": "2""#, r#""SignatureVersion": "1""#))
            .await,
        wrong
    );
    assert_eq!(
        sns.check(&V2.replace(HOST, "sns.eu-west-1.amazonaws.com.evil.example"))
            .await,
        wrong
    );
    let later = Time::from_millis(now().millis() + 2 * MAX_AGE_MILLIS);
    assert_eq!(sns.check_at(V2, later).await, Err(Unauthorized::Stale));
    let other = V2.replace(":alarms", ":others");
    assert_eq!(sns.check(&other).await, Err(Unauthorized::WrongTopic));
    assert_eq!(sns.check("{}").await, Err(Unauthorized::NoSnsSignature));
}

#[tokio::test]
async fn a_subscription_of_a_listed_topic_is_confirmed_and_a_forged_one_is_not() {
    let sns = sns().await;
    let forged = CONFIRMATION.replace("Token=2336412f37", "Token=6666666666");
    assert_eq!(sns.check(&forged).await, Err(Unauthorized::WrongSignature));
    assert!(sns.asked().iter().all(|uri| !uri.contains("Confirm")));
    assert_eq!(sns.check(CONFIRMATION).await, Ok(()));
    let asked = sns.asked();
    assert!(asked.last().unwrap().contains("Token=2336412f37"), "{asked:?}");
}

#[tokio::test]
async fn a_line_end_does_not_make_two_members_of_one() {
    let sns = sns().await;
    let id = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";
    let shifted = V2
        .replace(id, &format!("{id}\\nSubject\\ndisk"))
        .replace("  \"Subject\": \"disk\",\n", "");
    assert!(shifted != V2 && !shifted.contains("\"Subject\":"));
    assert_eq!(sns.check(&shifted).await, Err(Unauthorized::WrongSignature));
}

#[test]
fn only_certificates_and_confirmations_of_snss_own_hosts_are_asked_for() {
    for good in [
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1.pem",
        "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem",
    ] {
        assert!(is_certificate(good), "{good}");
    }
    for bad in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.s3.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/SimpleNotificationService-1.pem",
        "https://sns..amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?a=.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=GetEndpointAttributes&EndpointArn=a&z=.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
    ] {
        assert!(!is_certificate(bad), "{bad}");
    }
    let confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:a&Token=1";
    assert!(is_confirmation(confirm));
    assert!(!is_confirmation(
        &confirm.replace("ConfirmSubscription", "Publish")
    ));
    assert!(!is_confirmation(&confirm.replace("sns.eu-west-1", "sns.s3")));
}

//! Who is let in by the head alone, and who by the body.

use hyper::header::HeaderValue;

use super::*;

const OLD: &str = "0123456789abcdef";
const NEW: &str = "fedcba9876543210";
const NOW: Time = Time::from_millis(1_734_690_600_000);

fn with(header: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(header).unwrap())])
}

struct Loaded {
    folder: tempfile::TempDir,
    auth: Result<Auth, SecretError>,
}

/// With token files of these texts, and more configuration as YAML.
async fn loaded(tokens: &[&str], format: Format, yaml: &str) -> Loaded {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let mut config: AuthConfig = serde_yaml::from_str(yaml).unwrap();
    for (index, token) in tokens.iter().enumerate() {
        let path = folder.path().join(index.to_string());
        std::fs::write(&path, token).unwrap();
        config.bearer_token_files.push(path);
    }
    let certificates = Arc::new(Certificates::new(reqwest::Client::builder()).unwrap());
    let auth = Auth::load(Some(&config), format, &certificates).await;
    Loaded { folder, auth }
}

fn check(auth: &Auth, address: &str, headers: &HeaderMap) -> Result<(), Unauthorized> {
    let caller = Caller {
        address: Some(address.parse().unwrap()),
        names: &[],
    };
    auth.check_head(&caller, headers, NOW)
}

#[tokio::test]
async fn every_token_of_a_source_is_taken_and_no_other() {
    let loaded = loaded(&[OLD, "fedcba9876543210\n"], Format::Webhook, "{}").await;
    let auth = loaded.auth.unwrap();
    let check = |header: &str| check(&auth, "192.0.2.1", &with(header));
    assert_eq!(check(&format!("Bearer {OLD}")), Ok(()));
    assert_eq!(check(&format!("bearer {NEW}")), Ok(()));
    assert_eq!(check("Bearer 0123456789abcdeX"), Err(Unauthorized::WrongToken));
    assert_eq!(check("Bearer "), Err(Unauthorized::WrongToken));
    assert_eq!(check("Digest a"), Err(Unauthorized::NoToken));
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    assert_eq!(check(&basic(&format!("anybody:{OLD}"))), Ok(()));
    assert_eq!(check(&basic(&format!("{OLD}:"))), Err(Unauthorized::WrongToken));
    assert_eq!(
        self::check(&auth, "192.0.2.1", &HeaderMap::new()),
        Err(Unauthorized::NoToken)
    );
}

#[tokio::test]
async fn a_changed_file_changes_the_token_and_a_broken_one_does_not() {
    let loaded = loaded(&[OLD], Format::Webhook, "{}").await;
    let auth = loaded.auth.unwrap();
    std::fs::write(loaded.folder.path().join("0"), NEW).unwrap();
    auth.reload().await.unwrap();
    let check = |token: &str| check(&auth, "192.0.2.1", &with(&format!("Bearer {token}")));
    assert_eq!(check(OLD), Err(Unauthorized::WrongToken));
    std::fs::write(loaded.folder.path().join("0"), "").unwrap();
    auth.reload().await.unwrap_err();
    assert_eq!(check(NEW), Ok(()));
}

#[tokio::test]
async fn a_token_that_can_be_guessed_or_has_spaces_is_refused() {
    for bad in [
        "",
        "short",
        "two tokens in one file",
        "0123456789abcdef\nfedcba9876543210",
    ] {
        let loaded = loaded(&[bad], Format::Webhook, "{}").await;
        assert!(
            matches!(loaded.auth, Err(SecretError::NotASecret { .. })),
            "{bad}"
        );
    }
}

#[test]
fn without_configuration_only_this_machine_may_send_and_no_web_page() {
    let auth = Auth {
        only_local: true,
        ..Auth::default()
    };
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(check(&auth, address, &HeaderMap::new()), Ok(()));
    }
    assert_eq!(
        check(&auth, "192.0.2.1", &HeaderMap::new()),
        Err(Unauthorized::NotLoopback)
    );
    let page = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://evil.example"))]);
    assert_eq!(check(&auth, "127.0.0.1", &page), Err(Unauthorized::FromWebPage));
}

#[tokio::test]
async fn all_that_is_asked_for_must_hold() {
    let loaded = loaded(
        &[OLD],
        Format::Webhook,
        "{cidrs: [192.0.2.0/24, '2001:db8::/32'], clientNames: [a.example]}",
    )
    .await;
    let auth = loaded.auth.unwrap();
    let (good, none) = (with(&format!("Bearer {OLD}")), HeaderMap::new());
    let names = ["a.example".to_owned()];
    let check = |address: &str, names: &[String], headers: &HeaderMap| {
        let caller = Caller {
            address: Some(address.parse().unwrap()),
            names,
        };
        auth.check_head(&caller, headers, NOW)
    };
    assert_eq!(check("192.0.2.7", &names, &good), Ok(()));
    assert_eq!(check("2001:db8::7", &names, &good), Ok(()));
    assert_eq!(
        check("198.51.100.7", &names, &good),
        Err(Unauthorized::WrongNetwork)
    );
    assert_eq!(
        check("192.0.2.7", &[], &good),
        Err(Unauthorized::WrongCertificate)
    );
    assert_eq!(check("192.0.2.7", &names, &none), Err(Unauthorized::NoToken));
}

#[tokio::test]
async fn a_routing_key_is_a_token_of_a_pagerduty_source_only() {
    let body = |key: &str| format!(r#"{{"routing_key":"{key}","event_action":"trigger"}}"#);
    let none = HeaderMap::new();
    let pagerduty = loaded(&[OLD], Format::PagerDuty, "{}").await.auth.unwrap();
    assert_eq!(check(&pagerduty, "192.0.2.1", &none), Ok(()));
    assert_eq!(
        pagerduty.check_body(&none, body(OLD).as_bytes(), NOW).await,
        Ok(None)
    );
    let wrong = pagerduty.check_body(&none, body(NEW).as_bytes(), NOW).await;
    assert_eq!(wrong, Err(Unauthorized::WrongToken));
    assert_eq!(
        pagerduty.check_body(&none, b"{}", NOW).await,
        Err(Unauthorized::NoToken)
    );
    let webhook = loaded(&[OLD], Format::Webhook, "{}").await.auth.unwrap();
    assert_eq!(check(&webhook, "192.0.2.1", &none), Err(Unauthorized::NoToken));
}

#[test]
fn the_address_behind_trusted_proxies_is_the_last_that_no_proxy_has() {
    let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
    let address = |peer: &str, forwarded: &[u8]| {
        let connected = Connected::from(std::net::SocketAddr::new(peer.parse().unwrap(), 1));
        let headers = HeaderMap::from_iter([(
            hyper::header::HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_bytes(forwarded).unwrap(),
        )]);
        let caller = connected.caller(&headers, &proxies);
        caller
            .address
            .map_or("nobody".to_owned(), |address| address.to_string())
    };
    assert_eq!(address("10.0.0.1", b"192.0.2.1"), "192.0.2.1");
    assert_eq!(
        address("10.0.0.1", b"203.0.113.9, 192.0.2.1, 10.2.3.4"),
        "192.0.2.1"
    );
    assert_eq!(address("10.0.0.1", b"192.0.2.1:4711"), "192.0.2.1");
    assert_eq!(address("10.0.0.1", b"[2001:db8::1]:4711"), "2001:db8::1");
    assert_eq!(address("198.51.100.1", b"192.0.2.1"), "198.51.100.1");
    assert_eq!(address("10.0.0.1", b"\xff, 192.0.2.1"), "192.0.2.1");
    assert_eq!(address("10.0.0.1", b"nonsense"), "nobody");
    assert_eq!(address("10.0.0.1", b"\xff"), "nobody");
}

#[test]
fn a_token_is_not_printed() {
    assert_eq!(format!("{:?}", Token((*OLD.as_bytes()).into())), "Token(…)");
}

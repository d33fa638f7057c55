//! Senders with signatures, and sources of several tenants.

use super::*;

/// `sha256=<hex>` over a body, as GitHub signs.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, body);
    let hex: Vec<_> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    format!("sha256={hex}")
}

fn signed(body: &'static str, signature: &str) -> Request<Full<Bytes>> {
    with(
        post("/api/v1/sources/signed", body),
        "x-hub-signature-256",
        signature,
    )
}

const BODY: &str = r#"{"source":"s","message":"m"}"#;

#[tokio::test]
async fn forged_altered_and_rewritten_requests_are_refused_before_they_are_parsed() {
    let fixture = fixture(Mood::Confirms).await;
    let good = signature(TOKEN, BODY.as_bytes());
    for (request, reason) in [
        (
            signed(BODY, &signature("another-secret-0123", BODY.as_bytes())),
            "WrongSignature",
        ),
        (signed(r#"{"source":"s","message":"n"}"#, &good), "WrongSignature"),
        (
            signed(r#"{"source": "s", "message": "m"}"#, &good),
            "WrongSignature",
        ),
        (signed("{", &good), "WrongSignature"),
        (signed(BODY, "sha1=00"), "NoSignature"),
        (post("/api/v1/sources/signed", BODY), "NoSignature"),
    ] {
        let answer = fixture.send(request).await;
        assert_eq!(
            (answer.status, answer.body["error"]["reason"].as_str()),
            (401, Some(reason))
        );
    }
    assert_eq!(fixture.counts("signed"), [0; 4]);
    assert_eq!(fixture.send(signed(BODY, &good)).await.status, 202);
}

#[tokio::test]
async fn a_signed_request_sent_again_has_the_same_delivery_key_whatever_its_head_says() {
    let fixture = fixture(Mood::Confirms).await;
    let good = signature(TOKEN, BODY.as_bytes());
    fixture.send(signed(BODY, &good)).await;
    fixture
        .send(with(signed(BODY, &good), "idempotency-key", "other"))
        .await;
    let keys: Vec<_> = fixture
        .log
        .events()
        .iter()
        .map(|event| event["deliveryKey"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_credential_of_one_source_opens_no_other() {
    let fixture = fixture(Mood::Confirms).await;
    let other = with(post(ALERTS, "[]"), "authorization", "Bearer another-token-0123");
    assert_eq!(fixture.send(other).await.body["error"]["reason"], "WrongToken");
    // The right token, but this source wants a signature.
    let answer = fixture.send(post("/api/v1/sources/signed", BODY)).await;
    assert_eq!(answer.status, 401);
    assert!(fixture.log.events().is_empty());
}

#[tokio::test]
async fn a_shared_sources_events_go_into_each_of_its_namespaces_and_count_once() {
    let fixture = fixture(Mood::Confirms).await;
    let answer = fixture
        .send(post("/api/v1/sources/shared", format!("[{BODY},{BODY}]")))
        .await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(2)));
    let mut packs = fixture.log.packs();
    packs.sort();
    assert_eq!(packs, [("bank".to_owned(), 2), ("shop".to_owned(), 2)]);
    assert_eq!(fixture.counts("shared"), [2, 2, 0, 0]);
    assert_eq!(
        fixture
            .ingest
            .sources()
            .get("shared")
            .unwrap()
            .counts
            .copies
            .get(),
        2
    );
    for event in fixture.log.events() {
        assert!(["bank", "shop"].contains(&event["namespace"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_trusted_senders_events_go_where_they_say_and_nowhere_that_is_not_allowed() {
    let fixture = fixture(Mood::Confirms).await;
    let labelled =
        |account: &str| format!(r#"{{"source":"s","message":"m","labels":{{"account":"{account}"}}}}"#);
    let body = format!(
        "[{},{},{},{BODY}]",
        labelled("1"),
        labelled("shop"),
        labelled("kube-system")
    );
    let answer = fixture.send(post("/api/v1/sources/trusted", body)).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(2)));
    let items = answer.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["reason"] == "NoNamespace"));
    assert!(items[0]["message"].as_str().unwrap().contains("kube-system"));
    let namespaces: std::collections::BTreeMap<_, _> = fixture
        .log
        .events()
        .iter()
        .map(|event| {
            (
                event["labels"]["account"].to_string(),
                event["namespace"].to_string(),
            )
        })
        .collect();
    assert_eq!(namespaces["\"1\""], "\"bank\"");
    assert_eq!(namespaces["\"shop\""], "\"shop\"");
}

#[tokio::test]
async fn a_broken_packing_lets_nobody_in() {
    let fixture = fixture(Mood::Confirms).await;
    for path in ["/api/v1/sources/pager", "/api/v1/sources/topic"] {
        let mut request = with(post(path, "stranger"), "content-encoding", "gzip");
        request.headers_mut().remove("authorization");
        let answer = fixture.send_from(FAR, request).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
    }
    assert!(fixture.log.letters().is_empty());
}

#[tokio::test]
async fn what_a_signature_does_not_cover_is_not_believed() {
    let fixture = fixture(Mood::Confirms).await;
    let body = r#"{"disk":"full"}"#;
    let sum = signature(TOKEN, body.as_bytes());
    let request = with(post("/api/v1/sources/events", body), "x-sum", &sum);
    let request = with(with(request, "ce-id", "1"), "ce-source", "forged");
    let request = with(with(request, "ce-type", "t"), "ce-specversion", "1.0");
    let answer = fixture.send(request).await;
    assert!(
        answer.status == 400 || answer.status == 422,
        "{} {}",
        answer.status,
        answer.body
    );
    assert!(fixture.log.events().is_empty());
}

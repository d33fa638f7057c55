//! Every format from its sender's bytes to OpsEvents, through a real collector into the real log; and sources that
//! change while it runs.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test's helpers are tests"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use formats::Format;
use rig::opsward::path_of;
use rig::wait::until;
use rig::{Opsward, Options, Rig, attack};
use serde_json::{Value, json};

/// How much memory a collector may take under attack beyond what it has in quiet.
const GROWTH_BYTES: u64 = 16 << 20;
/// Connections with half a head.
const SLOW_CONNECTIONS: usize = 2000;
/// The collector reads its configuration every 5 s; a busy machine may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn everything() -> Value {
    json!({"match": {"minSeverity": "Info"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_formats_sample_becomes_an_ops_event() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("everything", everything()).await.expect("rule");
    for format in Format::ALL {
        let args = [
            "send",
            "--sample",
            format.name(),
            "--url",
            &opsward.url(&path_of(format)),
        ];
        let sent = rig.opsward_output(&args, &[]).await.expect("opsward send runs");
        let said = sent
            .success()
            .unwrap_or_else(|error| panic!("{}: {error:#}", format.name()));
        assert!(
            said.contains("deadLettered=0 refused=0 notTaken=0"),
            "{}: {said}",
            format.name()
        );
    }
    // SNS's message is EventBridge's, and so is the event.
    let own = Format::ALL.iter().filter(|format| **format != Format::Sns);
    let names: BTreeSet<String> = own.map(|format| format.name().to_owned()).collect();
    let seen = |events: &[Value]| -> BTreeSet<String> {
        let format = |event: &Value| {
            event["status"]["event"]["source"]["format"]
                .as_str()
                .map(ToOwned::to_owned)
        };
        events.iter().filter_map(format).collect()
    };
    opsward
        .ops_events_when("an OpsEvent of every format", |events| seen(events) == names)
        .await
        .expect("every format is seen");
}

/// One of seven pages of a Health event that concerns 70 volumes.
fn health_page(page: usize) -> String {
    let entities: Vec<_> = (0..10)
        .map(|n| json!({"entityValue": format!("vol-{:04}", page * 10 + n), "status": "IMPAIRED"}))
        .collect();
    let page = page + 1;
    json!({
        "version": "0", "id": format!("7bf73129-1428-4cd3-a780-95db273d160{page}"), "detail-type": "AWS Health Event",
        "source": "aws.health", "account": "123456789012", "time": "2024-12-20T10:15:00Z", "region": "eu-west-1",
        "resources": [],
        "detail": {
            "eventArn": "arn:aws:health:eu-west-1::event/EBS/AWS_EBS_VOLUME_LOST/AWS_EBS_VOLUME_LOST-1",
            "service": "EBS", "eventTypeCode": "AWS_EBS_VOLUME_LOST", "eventTypeCategory": "issue",
            "eventScopeCode": "ACCOUNT_SPECIFIC", "communicationId": format!("1234abc-{page}"), "statusCode": "open",
            "startTime": "Fri, 20 Dec 2024 10:00:00 GMT", "lastUpdatedTime": "Fri, 20 Dec 2024 10:14:00 GMT",
            "eventRegion": "eu-west-1", "affectedAccount": "123456789012", "page": page.to_string(), "totalPages": "7",
            "eventDescription": [{"language": "en_US", "latestDescription": "Volumes are lost."}],
            "affectedEntities": entities,
        },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_pages_of_a_health_event_in_any_order_are_one_incident_with_all_resources() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    opsward.rule("everything", everything()).await.expect("rule");
    for page in [4, 1, 6, 0, 3, 5, 2] {
        let sent = opsward
            .post("/api/v1/sources/eventbridge", health_page(page))
            .await;
        assert_eq!(sent.expect("posted").0, 202);
    }
    let resources = |event: &Value| event["status"]["resources"].as_array().map_or(0, Vec::len);
    let events = opsward
        .ops_events_when("one incident of 70 volumes", |events| {
            events.len() == 1 && resources(&events[0]) == 70
        })
        .await
        .expect("one incident");
    let occurrences = &events[0]["status"]["occurrences"];
    assert_eq!(
        (&occurrences["count"], &occurrences["repeats"]),
        (&json!(1), &json!(6))
    );
    let all: BTreeSet<&str> = events[0]["status"]["resources"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        all,
        (0..70)
            .map(|n| format!("vol-{n:04}"))
            .collect::<BTreeSet<_>>()
            .iter()
            .map(String::as_str)
            .collect()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_findings_with_three_malformed_ninety_seven_are_taken() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let finding = |n: usize| {
        let mut finding = json!({
            "SchemaVersion": "2018-10-08", "Id": format!("arn:aws:securityhub:eu-west-1:123456789012:finding/{n}"),
            "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub", "GeneratorId": "s3-1",
            "AwsAccountId": "123456789012", "Types": ["Software and Configuration Checks"],
            "CreatedAt": "2024-12-20T09:00:00.000Z", "UpdatedAt": "2024-12-20T10:00:00.000Z",
            "Severity": {"Label": "HIGH"}, "Title": "S3 bucket is public", "Description": "A bucket can be read by all.",
            "Resources": [{"Type": "AwsS3Bucket", "Id": format!("arn:aws:s3:::bucket-{n}")}],
            "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE",
        });
        if [7, 50, 99].contains(&n) {
            finding["Id"] = json!(null);
        }
        finding
    };
    let body = json!({
        "version": "0", "id": "8e5622f9-d81c-4d81-612a-9319e7ee2506", "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub", "account": "123456789012", "time": "2024-12-20T10:00:05Z", "region": "eu-west-1",
        "resources": [], "detail": {"findings": (0..100).map(finding).collect::<Vec<_>>()},
    });
    let (status, answer) = opsward
        .post("/api/v1/sources/eventbridge", body.to_string())
        .await
        .expect("posted");
    assert_eq!(
        (status, &answer["accepted"], &answer["deadLettered"]),
        (202, &json!(97), &json!(3)),
        "{answer}"
    );
    let indices: Vec<_> = answer["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| &item["index"])
        .collect();
    assert_eq!(indices, [&json!(7), &json!(50), &json!(99)]);
    opsward.drained(97).await.expect("97 events accounted for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_added_on_disk_is_there_and_a_bad_change_leaves_the_old_ones() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let path = "/api/v1/sources/late";
    let body = r#"{"source":"s","message":"m"}"#;
    assert_eq!(opsward.post(path, body).await.expect("answered").0, 404);
    let late = format!(
        "- {{name: late, format: webhook, namespace: {}}}\n",
        opsward.namespace()
    );
    opsward.add_sources("collector", &late).expect("written");
    until("the added source", PATIENCE, || async {
        let (status, answer) = opsward.post(path, body).await?;
        anyhow::ensure!(status == 202, "{status} {answer}");
        Ok(())
    })
    .await
    .expect("the source is there");
    opsward
        .add_sources("collector", "- {name: worse, format: purple}\n")
        .expect("written");
    until("the refusal", PATIENCE, || async {
        let metrics = opsward.metrics("collector").await?;
        anyhow::ensure!(metrics.get("opsward_ingest_configuration_refused") == Some(&1.0));
        Ok(())
    })
    .await
    .expect("the bad configuration is refused");
    assert_eq!(opsward.post(path, body).await.expect("answered").0, 202);
    let log = std::fs::read_to_string(rig.workdir().log("collector")).expect("its log");
    assert!(log.contains("sources[") && log.contains("purple"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn giants_bombs_and_slow_heads_cost_little_and_keep_nobody_out() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start(&rig).await.expect("opsward");
    let path = "/api/v1/sources/webhook";
    let address = opsward
        .url("")
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let body = r#"{"source":"s","message":"m"}"#;
    for _ in 0..200 {
        assert_eq!(opsward.post(path, body).await.expect("answered").0, 202);
    }
    let before = opsward
        .role("collector")
        .expect("a process")
        .rss_bytes()
        .expect("its memory");
    let mut slow = attack::SlowHeads::open(address, path, SLOW_CONNECTIONS)
        .await
        .expect("connections");
    // A sender that has a connection keeps it, and is answered.
    for _ in 0..20 {
        slow.drip().await;
        assert_eq!(opsward.post(path, body).await.expect("answered").0, 202);
    }
    let mut most = opsward
        .role("collector")
        .expect("a process")
        .rss_bytes()
        .expect("its memory");
    println!("slow heads: {} KiB more", most.saturating_sub(before) / 1024);
    drop(slow);
    let bomb = attack::Bomb::pack().expect("packed");
    let (announced, chunked, bomb, endless) = tokio::join!(
        attack::announced_giant(address, path),
        attack::chunked_giant(address, path),
        bomb.send(address, path),
        attack::endless(address, path),
    );
    assert_eq!(announced.expect("answered"), 413);
    let (status, taken) = chunked.expect("answered");
    assert!(status == 413 && taken < 64 << 20, "{status} after {taken} bytes");
    assert!([400, 413].contains(&bomb.expect("answered")));
    assert_eq!(endless.expect("answered"), 408);
    most = most.max(
        opsward
            .role("collector")
            .expect("a process")
            .rss_bytes()
            .expect("its memory"),
    );
    let growth = most.saturating_sub(before);
    assert!(growth < GROWTH_BYTES, "{} KiB more", growth / 1024);
    assert_eq!(opsward.post(path, body).await.expect("answered").0, 202);
}

//! A finding in the Open Cybersecurity Schema Framework (schema.ocsf.io, the category Findings), as the new
//! Security Hub sends it. Identity: Security Hub API Reference, `OcsfFindingIdentifier`.
//!
//! Version 1.1 has one `resource` where later ones have `resources`. Times are epochs in milliseconds, or texts
//! in the members whose names end in `_dt`.

use std::borrow::Cow;

use domain::event::{Event, EventState, bounds};
use domain::hash::Hash128;
use domain::json::{Labels, Strings};
use domain::severity::Severity;

use super::occurred_at;
use crate::eventbridge::envelope::{self, Envelope};
use crate::eventbridge::object::Object;
use crate::refusal::Refusal;
use crate::{Format, Input, cut, labels, links, occurrence};

/// What identifies a finding.
const FINGERPRINT_FIELDS: [&str; 3] = ["finding_info.uid", "metadata.product.uid", "cloud.account.uid"];

/// Makes an event of a finding.
pub(super) fn event<'a>(
    envelope: &Envelope<'a>,
    finding: &Object<'a>,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let info = finding.object("finding_info", "finding_info")?;
    let uid = info.required("uid", "a finding has an id")?;
    let title = info.required("title", "say what was found")?;
    let product = finding.lenient_object("metadata").lenient_object("product");
    let cloud = finding.lenient_object("cloud");
    let owner = cloud.lenient_object("account").scalar("uid");
    let fingerprint = Hash128::of([
        Format::EventBridge.name(),
        "aws.securityhub",
        &uid,
        &product.scalar("uid"),
        &owner,
    ]);
    let starts_at = info.first_time(&[
        "created_time",
        "created_time_dt",
        "first_seen_time",
        "first_seen_time_dt",
    ])?;
    let updated_at = finding.first_time(&["time", "time_dt"])?;
    let updated_at = updated_at.or(info.first_time(&["modified_time", "modified_time_dt"])?);
    let named = finding
        .objects("resources")
        .chain([finding.lenient_object("resource")]);
    let resources = envelope::resources(named.map(|resource| resource.scalar("uid")));
    let (severity, severity_from) = severity(finding);
    let types = info.texts("types").map(cut::short);
    let tags = Strings(types.take(bounds::TAGS).collect());
    let (labels, labels_cut) = labels(finding);
    let or = |text: Cow<'a, str>, other: &Cow<'a, str>| {
        cut::short(if text.trim().is_empty() {
            other.clone()
        } else {
            text
        })
    };
    let event = Event {
        fingerprint,
        fingerprint_fields: FINGERPRINT_FIELDS.into_iter().collect(),
        occurrence_key: occurrence::key(fingerprint, starts_at),
        state: state(finding),
        severity,
        severity_from: severity_from.into(),
        title: cut::title(title),
        description: cut::description(info.scalar("desc"), ""),
        kind: or(finding.first(&["class_name", "type_name"]), &envelope.detail_type),
        resource: resources.0.first().cloned().unwrap_or_default(),
        resources,
        service: cut::short(product.first(&["name", "uid"])),
        account: or(owner, &envelope.account),
        region: or(cloud.scalar("region"), &envelope.region),
        labels,
        tags,
        links: links(finding, &info),
        data: Some(finding.as_sent()?),
        occurred_at: occurred_at(updated_at, envelope, input),
        ..envelope::blank(envelope.source.clone(), input)
    };
    Ok((event, labels_cut))
}

/// Whether the finding is done with. Status: 1 new, 2 in progress, 3 suppressed, 4 resolved, 5 archived, 6 deleted;
/// compliance: 1 pass; activity: 3 close.
fn state(finding: &Object<'_>) -> EventState {
    let status = finding.first(&["status_id", "status"]);
    let compliance = finding.lenient_object("compliance").scalar("status_id");
    let is_status = |known: &str| status.trim().eq_ignore_ascii_case(known);
    let over = [
        "3",
        "4",
        "5",
        "6",
        "suppressed",
        "resolved",
        "archived",
        "deleted",
    ];
    if over.into_iter().any(is_status) || compliance == "1" || finding.scalar("activity_id") == "3" {
        EventState::Resolved
    } else {
        EventState::Firing
    }
}

fn severity(finding: &Object<'_>) -> (Severity, &'static str) {
    let known = match &*finding.scalar("severity_id") {
        "1" => Severity::Info,
        "2" => Severity::Low,
        "3" => Severity::Medium,
        "4" => Severity::High,
        "5" | "6" => Severity::Critical,
        // 0 is unknown, 99 is a word of the product's own.
        _ => {
            let word = Severity::from_word(&finding.scalar("severity"));
            return word.map_or((Severity::default(), "default"), |known| (known, "severity"));
        }
    };
    (known, "severity_id")
}

fn labels<'a>(finding: &Object<'a>) -> (Labels<'a>, usize) {
    let compliance = finding.lenient_object("compliance");
    let product = finding.lenient_object("metadata").lenient_object("product");
    labels::named([
        ("class_uid", finding.scalar("class_uid")),
        ("compliance.control", compliance.scalar("control")),
        ("compliance.status", compliance.scalar("status")),
        ("product.name", product.scalar("name")),
        ("status", finding.first(&["status", "status_id"])),
    ])
}

fn links<'a>(finding: &Object<'a>, info: &Object<'a>) -> Labels<'a> {
    let remediation = finding.lenient_object("remediation").texts("references").next();
    links::usable([
        ("remediation", remediation.unwrap_or_default()),
        ("source", info.scalar("src_url")),
    ])
}

//! A finding in the AWS Security Finding Format. Schema: Security Hub API Reference, `AwsSecurityFinding`.
//!
//! Of the required members only `Id` and `Title` are insisted on; AWS's own identity of a finding is `Id` and
//! `ProductArn`.

use std::borrow::Cow;

use domain::event::{Event, EventState, bounds};
use domain::hash::Hash128;
use domain::json::{Labels, Strings};
use domain::severity::Severity;

use super::{Batch, occurred_at};
use crate::eventbridge::envelope;
use crate::eventbridge::object::Object;
use crate::refusal::Refusal;
use crate::{Format, Input, cut, labels, links, occurrence};

/// Makes an event of a finding.
pub(super) fn event<'a>(
    batch: &Batch<'a>,
    finding: &Object<'a>,
    input: &Input<'a>,
) -> Result<(Event<'a>, usize), Refusal> {
    let envelope = &batch.envelope;
    let id = finding.required("Id", "a finding has an id")?;
    let title = finding.required("Title", "say what was found")?;
    let product = finding.scalar("ProductArn");
    let fingerprint = Hash128::of([Format::EventBridge.name(), "aws.securityhub", &id, &product]);
    let starts_at = finding.first_time(&["CreatedAt", "FirstObservedAt"])?;
    let updated_at = finding.first_time(&["UpdatedAt", "LastObservedAt"])?;
    let resources = envelope::resources(finding.objects("Resources").map(|resource| resource.scalar("Id")));
    let (severity, severity_from) = severity(finding)?;
    let types = finding.texts("Types").map(cut::short);
    let tags = Strings(types.take(bounds::TAGS).collect());
    let (labels, labels_cut) = labels(batch, finding);
    let or_envelopes = |name: &str, other: &Cow<'a, str>| match finding.scalar(name) {
        text if text.trim().is_empty() => cut::short(other.clone()),
        text => cut::short(text),
    };
    let event = Event {
        fingerprint,
        fingerprint_fields: ["Id", "ProductArn"].into_iter().collect(),
        occurrence_key: occurrence::key(fingerprint, starts_at),
        state: state(finding)?,
        severity,
        severity_from: severity_from.into(),
        title: cut::title(title),
        description: cut::description(finding.scalar("Description"), ""),
        kind: tags
            .0
            .first()
            .cloned()
            .unwrap_or_else(|| cut::short(envelope.detail_type.clone())),
        resource: resources.0.first().cloned().unwrap_or_default(),
        resources,
        service: cut::short(finding.first(&["ProductName", "GeneratorId"])),
        account: or_envelopes("AwsAccountId", &envelope.account),
        region: or_envelopes("Region", &envelope.region),
        labels,
        tags,
        links: links(finding),
        data: Some(finding.as_sent()?),
        occurred_at: occurred_at(updated_at, envelope, input),
        ..envelope::blank(envelope.source.clone(), input)
    };
    Ok((event, labels_cut))
}

/// Whether the finding is done with: by a person, by its provider, or because the check passes.
fn state(finding: &Object<'_>) -> Result<EventState, Refusal> {
    let workflow = finding.object("Workflow", "Workflow")?.text("Status")?;
    let record = finding.text("RecordState")?;
    let compliance = finding.object("Compliance", "Compliance")?.text("Status")?;
    let is_over =
        matches!(&*workflow, "RESOLVED" | "SUPPRESSED") || record == "ARCHIVED" || compliance == "PASSED";
    Ok(if is_over {
        EventState::Resolved
    } else {
        EventState::Firing
    })
}

fn severity(finding: &Object<'_>) -> Result<(Severity, &'static str), Refusal> {
    let severity = finding.object("Severity", "Severity")?;
    let label = severity.scalar("Label");
    if let Some(known) = Severity::from_word(&label) {
        return Ok((known, "Severity.Label"));
    }
    // The bands of the API reference: 0, 1–39, 40–69, 70–89, 90–100.
    let normalized = severity.scalar("Normalized").parse::<f64>();
    let known = match normalized {
        Ok(number) if number < 1.0 => Severity::Info,
        Ok(number) if number < 40.0 => Severity::Low,
        Ok(number) if number < 70.0 => Severity::Medium,
        Ok(number) if number < 90.0 => Severity::High,
        Ok(number) if number <= 100.0 => Severity::Critical,
        _ => return Ok((Severity::default(), "default")),
    };
    Ok((known, "Severity.Normalized"))
}

fn labels<'a>(batch: &Batch<'a>, finding: &Object<'a>) -> (Labels<'a>, usize) {
    let compliance = finding.lenient_object("Compliance");
    labels::named([
        ("GeneratorId", finding.scalar("GeneratorId")),
        ("ProductName", finding.scalar("ProductName")),
        ("RecordState", finding.scalar("RecordState")),
        (
            "WorkflowStatus",
            finding.lenient_object("Workflow").scalar("Status"),
        ),
        ("ComplianceStatus", compliance.scalar("Status")),
        ("SecurityControlId", compliance.scalar("SecurityControlId")),
        ("actionName", batch.action_name.clone()),
    ])
}

fn links<'a>(finding: &Object<'a>) -> Labels<'a> {
    let remediation = finding
        .lenient_object("Remediation")
        .lenient_object("Recommendation");
    links::usable([
        ("remediation", remediation.scalar("Url")),
        ("source", finding.scalar("SourceUrl")),
    ])
}

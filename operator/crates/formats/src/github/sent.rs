//! GitHub's JSON as it comes, as far as it is read. What it means, the modules beside know. Schemas:
//! github/rest-api-description (webhooks) and docs.github.com, "Webhook events and payloads".

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::field::Field;

/// A delivery's body: the members that deliveries share, and the objects of the events that are read.
#[derive(Default, Deserialize)]
#[serde(
    default,
    bound(deserialize = "'de: 'a"),
    expecting = "GitHub's webhook object"
)]
pub(super) struct Body<'a> {
    pub(super) action: Field<'a>,
    pub(super) zen: Field<'a>,
    pub(super) repository: Option<Repository<'a>>,
    pub(super) organization: Option<Account<'a>>,
    pub(super) enterprise: Option<Account<'a>>,
    pub(super) sender: Option<Account<'a>>,
    /// Of a code scanning alert, where it was found.
    #[serde(rename = "ref")]
    pub(super) git_ref: Field<'a>,
    pub(super) workflow: Option<Workflow<'a>>,
    pub(super) workflow_run: Option<&'a RawValue>,
    pub(super) check_run: Option<&'a RawValue>,
    pub(super) deployment: Option<&'a RawValue>,
    pub(super) deployment_status: Option<&'a RawValue>,
    pub(super) alert: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a repository")]
pub(super) struct Repository<'a> {
    pub(super) name: Field<'a>,
    pub(super) full_name: Field<'a>,
    pub(super) html_url: Field<'a>,
    pub(super) default_branch: Field<'a>,
}

/// The workflow of a run.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a workflow")]
pub(super) struct Workflow<'a> {
    pub(super) name: Field<'a>,
    pub(super) path: Field<'a>,
}

/// A user, an app, an organisation or an enterprise.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "an account")]
pub(super) struct Account<'a> {
    pub(super) id: Field<'a>,
    pub(super) login: Field<'a>,
    pub(super) slug: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a workflow run")]
pub(super) struct WorkflowRun<'a> {
    pub(super) name: Field<'a>,
    pub(super) display_title: Field<'a>,
    pub(super) workflow_id: Field<'a>,
    pub(super) conclusion: Field<'a>,
    pub(super) event: Field<'a>,
    pub(super) head_branch: Field<'a>,
    pub(super) head_sha: Field<'a>,
    /// None when the fork is gone.
    pub(super) head_repository: Option<Repository<'a>>,
    pub(super) html_url: Field<'a>,
    pub(super) updated_at: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a check run")]
pub(super) struct CheckRun<'a> {
    pub(super) name: Field<'a>,
    pub(super) conclusion: Field<'a>,
    pub(super) head_sha: Field<'a>,
    pub(super) html_url: Field<'a>,
    pub(super) details_url: Field<'a>,
    pub(super) completed_at: Field<'a>,
    pub(super) output: Option<CheckOutput<'a>>,
    pub(super) check_suite: Option<CheckSuite<'a>>,
    pub(super) app: Option<Account<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a check run's output")]
pub(super) struct CheckOutput<'a> {
    pub(super) title: Field<'a>,
    pub(super) summary: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a check suite")]
pub(super) struct CheckSuite<'a> {
    /// Null for a fork's branch.
    pub(super) head_branch: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a deployment")]
pub(super) struct Deployment<'a> {
    pub(super) environment: Field<'a>,
    pub(super) task: Field<'a>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Field<'a>,
    pub(super) sha: Field<'a>,
    pub(super) description: Field<'a>,
    pub(super) created_at: Field<'a>,
    pub(super) production_environment: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a deployment status")]
pub(super) struct DeploymentStatus<'a> {
    pub(super) state: Field<'a>,
    pub(super) description: Field<'a>,
    pub(super) target_url: Field<'a>,
    pub(super) log_url: Field<'a>,
    pub(super) environment_url: Field<'a>,
    pub(super) created_at: Field<'a>,
}

/// A security alert of any of the three kinds.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "an alert")]
pub(super) struct Alert<'a> {
    pub(super) number: Field<'a>,
    pub(super) state: Field<'a>,
    pub(super) html_url: Field<'a>,
    pub(super) created_at: Field<'a>,
    pub(super) updated_at: Field<'a>,
    pub(super) fixed_at: Field<'a>,
    pub(super) dismissed_at: Field<'a>,
    pub(super) auto_dismissed_at: Field<'a>,
    pub(super) resolved_at: Field<'a>,
    // Code scanning.
    pub(super) rule: Option<Rule<'a>>,
    pub(super) tool: Option<Tool<'a>>,
    pub(super) most_recent_instance: Option<Instance<'a>>,
    // Dependabot.
    pub(super) dependency: Option<Dependency<'a>>,
    pub(super) security_advisory: Option<Advisory<'a>>,
    pub(super) security_vulnerability: Option<Vulnerability<'a>>,
    // Secret scanning.
    pub(super) secret_type: Field<'a>,
    pub(super) secret_type_display_name: Field<'a>,
    pub(super) publicly_leaked: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a rule")]
pub(super) struct Rule<'a> {
    pub(super) id: Field<'a>,
    pub(super) name: Field<'a>,
    pub(super) description: Field<'a>,
    pub(super) full_description: Field<'a>,
    pub(super) severity: Field<'a>,
    pub(super) security_severity_level: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a tool")]
pub(super) struct Tool<'a> {
    pub(super) name: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(
    default,
    bound(deserialize = "'de: 'a"),
    expecting = "an instance of an alert"
)]
pub(super) struct Instance<'a> {
    #[serde(rename = "ref")]
    pub(super) git_ref: Field<'a>,
    pub(super) location: Option<Location<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a location")]
pub(super) struct Location<'a> {
    pub(super) path: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a dependency")]
pub(super) struct Dependency<'a> {
    pub(super) package: Option<Package<'a>>,
    pub(super) manifest_path: Field<'a>,
    pub(super) scope: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a package")]
pub(super) struct Package<'a> {
    pub(super) ecosystem: Field<'a>,
    pub(super) name: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "an advisory")]
pub(super) struct Advisory<'a> {
    pub(super) ghsa_id: Field<'a>,
    pub(super) cve_id: Field<'a>,
    pub(super) summary: Field<'a>,
    pub(super) description: Field<'a>,
    pub(super) severity: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"), expecting = "a vulnerability")]
pub(super) struct Vulnerability<'a> {
    pub(super) severity: Field<'a>,
}

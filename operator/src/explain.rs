//! `opsward explain`: why an incident is as it is. Reads what the caller may read, from the cluster alone; writes nothing.

mod account;
mod text;

use std::io::Write;

use anyhow::{Context, bail};
use api::{OpsEvent, TriageDecision, TriggerRule};
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Exit;
use crate::cli::{ExplainArgs, Output};
use account::{Account, RuleNow};

/// What an OpsEvent may be called before the slash, as kubectl takes it.
const KINDS: [&str; 4] = ["opsevent", "opsevents", "ope", "opsevents.opsward.dev"];

/// Runs the command.
pub async fn explain(args: ExplainArgs) -> anyhow::Result<Exit> {
    let name = object_name(&args.object)?;
    let config = cluster(&args).await?;
    let namespace = args.namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config)?;
    let account = read(&client, &namespace, name).await?;
    let mut out = std::io::stdout().lock();
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &account)?;
            writeln!(out)?;
        }
        Output::Text => write!(out, "{}", text::render(&account))?,
    }
    Ok(Exit::Ok)
}

/// The name in `opsevent/NAME`, or in a name alone.
fn object_name(object: &str) -> anyhow::Result<&str> {
    match object.split_once('/') {
        None => Ok(object),
        Some((kind, name)) if KINDS.contains(&kind.to_lowercase().as_str()) => Ok(name),
        Some((kind, name)) => {
            bail!("cannot explain a {kind}, only an OpsEvent: opsward explain opsevent/{name}")
        }
    }
}

/// The cluster that kubectl would talk to.
async fn cluster(args: &ExplainArgs) -> anyhow::Result<Config> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = match (&args.kubeconfig, &args.context) {
        (Some(file), _) => {
            let kubeconfig = Kubeconfig::read_from(file).with_context(|| format!("{}", file.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer()
            .await
            .context("no Kubernetes cluster is configured: set KUBECONFIG, or say --kubeconfig FILE")?,
    };
    config.default_retry = false;
    Ok(config)
}

async fn read(client: &Client, namespace: &str, name: &str) -> anyhow::Result<Account> {
    let events: Api<OpsEvent> = Api::namespaced(client.clone(), namespace);
    let Some(event) = events
        .get_opt(name)
        .await
        .with_context(|| format!("opsevent {name} in namespace {namespace}"))?
    else {
        bail!("no OpsEvent {name} in namespace {namespace}; see `kubectl get opsevents -n {namespace}`");
    };
    let questions: Api<TriageDecision> = Api::namespaced(client.clone(), namespace);
    let about = ListParams::default().fields(&format!("spec.opsEvent={name}"));
    let questions = questions
        .list(&about)
        .await
        .with_context(|| format!("the triagedecisions of {name}"))?;
    let rules: Api<TriggerRule> = Api::namespaced(client.clone(), namespace);
    let rule = match rules.get_opt(&event.spec.rule.name).await {
        Ok(Some(rule)) => RuleNow::of(&rule, &event),
        Ok(None) => RuleNow::Deleted,
        Err(kube::Error::Api(status)) if status.is_forbidden() => RuleNow::Hidden,
        Err(error) => return Err(error).with_context(|| format!("triggerrule {}", event.spec.rule.name)),
    };
    Ok(Account::of(event, questions.items, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_as_for_kubectl() {
        for object in [
            "opsevent/a-1",
            "ope/a-1",
            "opsevents.opsward.dev/a-1",
            "OpsEvent/a-1",
            "a-1",
        ] {
            assert_eq!(object_name(object).unwrap(), "a-1", "{object}");
        }
        let refused = object_name("pod/a-1").unwrap_err().to_string();
        assert_eq!(
            refused,
            "cannot explain a pod, only an OpsEvent: opsward explain opsevent/a-1"
        );
    }
}

//! Secrets that rules name, read from their own namespace when they are needed. What was read stands for a few seconds, so that a
//! storm does not become one of requests; while the API server is away, for as long as it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bus::tasks::Failure;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use platform::Chain;

use crate::failure::later;

/// How long a Secret stands: a person who mends one looks for the effect about then.
const STANDS: Duration = Duration::from_secs(5);
/// How long the API server may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Secrets that are remembered; beyond, all are forgotten and read anew.
const REMEMBERED: usize = 10_000;

type Entries = BTreeMap<String, String>;

/// What was read, and when.
type Known = (Instant, Result<Entries, Failure>);

/// Secrets as they are now.
pub(crate) struct Secrets {
    client: Client,
    known: Mutex<HashMap<(String, String), Known>>,
}

impl Secrets {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// The entries of a Secret that are text.
    pub(crate) async fn read(&self, namespace: &str, name: &str) -> Result<Entries, Failure> {
        let key = (namespace.to_owned(), name.to_owned());
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&key).cloned()
        };
        if let Some((at, entries)) = &known
            && at.elapsed() < STANDS
        {
            return entries.clone();
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let found = tokio::time::timeout(PATIENCE, api.get_opt(name)).await;
        let read = match found {
            Ok(Ok(Some(secret))) => Ok(text(secret)),
            Ok(Ok(None)) => {
                let message = format!(
                    "Secret {name} is not in namespace {namespace}: create it, or name another in the rule"
                );
                Err(later("SecretMissing", &message))
            }
            Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
                let message = format!(
                    "Secret {name} in namespace {namespace} may not be read; let ServiceAccount opsward-notifier get it: {}",
                    status.message
                );
                Err(later("SecretForbidden", &message))
            }
            away => {
                if let Some((_, entries @ Ok(_))) = known {
                    return entries;
                }
                let why = match away {
                    Ok(Err(error)) => Chain(&error).to_string(),
                    _ => format!("no answer within {} s", PATIENCE.as_secs()),
                };
                return Err(later(
                    "SecretUnread",
                    &format!("Secret {name}: the API server: {why}"),
                ));
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, (Instant::now(), read.clone()));
        read
    }
}

/// Bytes of an entry that is kept: tokens, keys and addresses are short.
const ENTRY: usize = 4096;

fn text(secret: Secret) -> Entries {
    let data = secret
        .data
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, value)| value.0.len() <= ENTRY);
    data.filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?.trim().to_owned())))
        .collect()
}

/// The entry `key`, which must be there.
pub(crate) fn entry<'a>(entries: &'a Entries, secret: &str, key: &str) -> Result<&'a str, Failure> {
    let found = entries.get(key).filter(|value| !value.is_empty());
    found.map(String::as_str).ok_or_else(|| {
        let message = format!("Secret {secret} has no entry {key}; it has {:?}", entries.keys());
        later("SecretIncomplete", &message)
    })
}

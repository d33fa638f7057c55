//! What a user may set of the controller.

use serde::Deserialize;

/// The controller's part of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControllerConfig {
    /// The Lease by which one controller leads.
    pub lease: LeaseName,
    /// Who this process is, unique among controllers; the pod's name is right. The binary fills it when it is left
    /// out. A process that comes back under its old name leads again at once.
    pub identity: String,
}

/// Where the Lease lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LeaseName {
    /// Its namespace; must exist. Default `opsward-system`.
    pub namespace: String,
    /// Its name. Default `opsward-controller`.
    pub name: String,
}

impl Default for LeaseName {
    fn default() -> Self {
        Self {
            namespace: "opsward-system".to_owned(),
            name: "opsward-controller".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_default_and_nothing_unknown_is_taken() {
        let config: ControllerConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config.lease.name, "opsward-controller");
        assert!(serde_json::from_str::<ControllerConfig>(r#"{"leese": {}}"#).is_err());
    }
}

//! Words that other programs depend on: group, version, label keys, field manager. Each is written here only.

/// The API group.
pub const GROUP: &str = "opsward.dev";
/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";
/// Group and version, as in `apiVersion`.
pub const API_VERSION: &str = "opsward.dev/v1alpha1";
/// `kubectl get opsward` lists all kinds.
pub const CATEGORY: &str = "opsward";
/// The owner of the fields that the controller applies.
pub const FIELD_MANAGER: &str = "opsward";
/// On an OpsEvent: the name of its rule (a rule's name has at most 63 characters, so it fits a label).
pub const LABEL_RULE: &str = "opsward.dev/rule";
/// On what Opsward creates, with [`MANAGED_BY`]: the label that every tool knows.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`LABEL_MANAGED_BY`].
pub const MANAGED_BY: &str = "opsward";

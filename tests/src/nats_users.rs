//! Who may connect to the rig's nats-server: one user per role of the process, with exactly the subjects that
//! `bus::contract` gives the role, and `admin` for the tests themselves.

use bus::contract::{Permissions, Role, permissions};

/// One user of nats-server.
pub(crate) struct Grant {
    pub(crate) user: String,
    /// None: everything.
    pub(crate) permissions: Option<Permissions>,
    /// Where answers go, when not to the client library's usual place.
    pub(crate) inbox: Option<String>,
}

/// The users, `admin` first.
pub(crate) fn grants() -> Vec<Grant> {
    let admin = Grant {
        user: "admin".into(),
        permissions: None,
        inbox: None,
    };
    let roles = Role::ALL.into_iter().map(|role| Grant {
        user: role.name().to_owned(),
        permissions: Some(permissions(role)),
        inbox: Some(role.inbox()),
    });
    std::iter::once(admin).chain(roles).collect()
}

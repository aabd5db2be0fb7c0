//! What the identity providers of a realm are published as: a ConfigMap, which servers write and the controller reads.
//!
//! Servers say the names of their keys there too, by which they notice those who have others. The controller has no settings, and cannot tell otherwise whom no provider could ever prove. Must not know what the names are
//! judged by.

use super::permission::Permission;

/// The ConfigMap in the realm's namespace.
pub const CONFIG_MAP: &str = "pasee-providers";
/// The names in it, separated by commas.
pub const NAMES: &str = "names";
/// Of which of them somebody could log in who brings others back: those that are offered, but for the one of ServiceAccounts.
pub const PEOPLE: &str = "people";

/// The ids of the clients of the settings, separated by commas: they come before OAuthClients of the same id.
pub const CLIENTS: &str = "clients";

/// The names of the keys that a server makes tokens with, separated by commas: others that do not believe them are to notice.
pub const KEYS: &str = "keys";

/// What a server needs to say them.
pub const PUBLISH: Permission = Permission {
    api_group: "",
    resource: "configmaps",
    names: &[CONFIG_MAP],
    verbs: &["get", "patch"],
    reason: "to say which identity providers and keys there are, and to see whether other servers have others",
};

/// What the controller needs to know them.
pub const KNOW: Permission = Permission {
    verbs: &["list", "watch"],
    reason: "to tell users whom no identity provider knows, who stays on the root staff, and which OAuthClients the settings replace",
    ..PUBLISH
};

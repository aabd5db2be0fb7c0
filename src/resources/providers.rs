//! What the identity providers of a realm are published as: a ConfigMap, which servers write and the controller reads.
//!
//! The controller has no settings, and cannot tell otherwise whom no provider could ever prove. Must not know what the names are
//! judged by.

use super::permission::Permission;

/// The ConfigMap in the realm's namespace.
pub const CONFIG_MAP: &str = "pasee-providers";
/// The names in it, separated by commas.
pub const NAMES: &str = "names";

/// What a server needs to say them.
pub const PUBLISH: Permission = Permission {
    api_group: "",
    resource: "configmaps",
    names: &[CONFIG_MAP],
    verbs: &["patch"],
    reason: "to say which identity providers there are",
};

/// What the controller needs to know them.
pub const KNOW: Permission = Permission {
    verbs: &["list", "watch"],
    reason: "to tell users whom no identity provider knows",
    ..PUBLISH
};

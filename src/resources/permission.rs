//! A permission over objects of one namespace: what each part of Pasee says it needs.
//!
//! Must not know who has which.

/// A permission, as a rule of an RBAC Role says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Empty for what Kubernetes itself had first.
    pub api_group: &'static str,
    /// The resource, with its subresource.
    pub resource: &'static str,
    /// The names of objects it is limited to; none = every object.
    pub names: &'static [&'static str],
    /// What may be done.
    pub verbs: &'static [&'static str],
    /// Told to whoever grants it.
    pub reason: &'static str,
}

impl Permission {
    /// A permission over Pasee's own resources.
    #[must_use]
    pub const fn own(
        resource: &'static str,
        verbs: &'static [&'static str],
        reason: &'static str,
    ) -> Self {
        Self { api_group: super::API_GROUP, resource, names: &[], verbs, reason }
    }
}

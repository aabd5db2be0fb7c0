//! What Pasee's own code writes on objects to know them again, and to name who acted.
//!
//! The policy lets no user of a realm set or change any of it. Must not know who reads it.

/// The label of objects that Pasee's server alone changes, and its value.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// See [`MANAGED_BY`].
pub const PASEE: &str = "pasee";
/// The label of what is applied for a realm, and of the definitions; its value is [`PASEE`] too.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label of what is applied for a realm: which, by its namespace.
pub const REALM: &str = "pasee.meltylab.fr/realm";
/// What the keys of Pasee's own labels and annotations begin with.
pub const OWN_KEYS: &str = "pasee.meltylab.fr/";
/// The annotation that names the user who changed an object last.
pub const ACTOR: &str = "pasee.meltylab.fr/actor";
/// The annotation that says what that user has written of it ([`super::authorship`]).
pub const WRITTEN: &str = "pasee.meltylab.fr/written";
/// The annotation of a Membership of Pasee's own making that names the user who has put there whoever is in it; of those that
/// others make, [`ACTOR`] says so.
pub const AUTHOR: &str = "pasee.meltylab.fr/author";
/// The annotation of the Membership by which the creator of a group is its staff, with the Group's uid.
pub const ENROLS: &str = "pasee.meltylab.fr/enrols-creator-of";
/// The annotation of a Group whose creator was made staff by a Membership once, after which `spec.creator` gives nothing any
/// more. Its value is [`TRUE`]. Backups keep it, unlike the status, which says the same.
pub const ENROLLED: &str = "pasee.meltylab.fr/creator-enrolled";
/// The annotation of a Group that people can be invited to: random, and another one where invitations were taken back.
pub const INVITATIONS: &str = "pasee.meltylab.fr/invitations";
/// The annotation of a Membership that says what users of it were called when they took an invitation up ([`super::names`]).
pub const NAMES: &str = "pasee.meltylab.fr/names";
/// The annotation of the Lease [`ROOT_STAFF_LEASE`] that says who of the root staff is about to lose it.
pub const LOSSES: &str = "pasee.meltylab.fr/root-staff-losses";
/// The Lease by which all of Pasee's servers agree on who of the root staff goes and who stays.
pub const ROOT_STAFF_LEASE: &str = "pasee-root-staff";
/// The annotation of an object whose users are called otherwise already, with the run of the command that did it.
pub const RENAMED: &str = "pasee.meltylab.fr/renamed";
/// The annotation of the Lease [`RENAMING_LEASE`] that says which users are being called otherwise, until all are.
pub const RENAMING: &str = "pasee.meltylab.fr/renaming";
/// The Lease by which a renaming of users that was stopped is gone on with.
pub const RENAMING_LEASE: &str = "pasee-rename-users";
/// The value of an annotation that says yes.
pub const TRUE: &str = "true";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_keys_are_covered() {
        assert_eq!(OWN_KEYS, format!("{}/", crate::resources::API_GROUP));
        assert!(
            [
                REALM,
                ACTOR,
                WRITTEN,
                AUTHOR,
                ENROLS,
                ENROLLED,
                INVITATIONS,
                NAMES,
                LOSSES,
                RENAMED,
                RENAMING
            ]
            .iter()
            .all(|key| key.starts_with(OWN_KEYS))
        );
    }
}

//! Which Group an object belongs to, by its ownerReferences: with that Group it is deleted.
//!
//! Must not know which Groups there are.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;

use crate::resources::Group;

/// A Group that owns an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its UID, by which a deleted Group and a new one of the same name differ.
    pub uid: String,
}

impl Owner {
    /// The reference to it. It never holds up the Group's own deletion.
    #[must_use]
    pub fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: Group::api_version(&()).into_owned(),
            kind: Group::kind(&()).into_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: None,
            block_owner_deletion: Some(false),
        }
    }
}

/// The Groups that own an object.
#[must_use]
pub fn owners(metadata: &ObjectMeta) -> Vec<Owner> {
    let references = metadata.owner_references.iter().flatten();
    references
        .filter(|owner| owner.kind == Group::kind(&()) && is_ours(&owner.api_version))
        .map(|owner| Owner { name: owner.name.clone(), uid: owner.uid.clone() })
        .collect()
}

fn is_ours(api_version: &str) -> bool {
    api_version.split_once('/').is_some_and(|(group, _)| group == Group::group(&()))
}

/// How an object belongs to a Group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Not at all.
    None,
    /// It goes when the Group goes.
    Owned,
    /// It belongs to another Group that had the same name. It must not be given to the new one: garbage collection is
    /// about to delete it, and would keep it for the sake of one owner that lives.
    Former,
}

/// How an object with these owners belongs to the Group with this name and UID.
#[must_use]
pub fn ownership(owners: &[Owner], name: &str, uid: &str) -> Ownership {
    let mut namesakes = owners.iter().filter(|owner| owner.name == name).peekable();
    if namesakes.peek().is_none() {
        return Ownership::None;
    }
    if namesakes.any(|owner| owner.uid == uid) { Ownership::Owned } else { Ownership::Former }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str, uid: &str) -> Owner {
        Owner { name: name.to_owned(), uid: uid.to_owned() }
    }

    #[test]
    fn ownerships() {
        for (owners, wanted) in [
            (vec![], Ownership::None),
            (vec![owner("b", "1")], Ownership::None),
            (vec![owner("a", "2")], Ownership::Owned),
            (vec![owner("b", "1"), owner("a", "2")], Ownership::Owned),
            (vec![owner("a", "1")], Ownership::Former),
            (vec![owner("a", "1"), owner("a", "2")], Ownership::Owned),
        ] {
            assert_eq!(ownership(&owners, "a", "2"), wanted, "{owners:?}");
        }
    }

    #[test]
    fn only_groups_own() {
        let reference = owner("a", "1").reference();
        let other_kind = OwnerReference { kind: "Membership".to_owned(), ..reference.clone() };
        let other_api = OwnerReference { api_version: "v1".to_owned(), ..reference.clone() };
        let later = OwnerReference {
            api_version: "pasee.meltylab.fr/v2".to_owned(),
            uid: "2".to_owned(),
            ..reference.clone()
        };
        let references = vec![other_kind, other_api, reference, later];
        let metadata = ObjectMeta { owner_references: Some(references), ..ObjectMeta::default() };
        assert_eq!(owners(&metadata), [owner("a", "1"), owner("a", "2")]);
        assert_eq!(owners(&ObjectMeta::default()), []);
    }
}

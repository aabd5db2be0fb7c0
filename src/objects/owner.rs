//! Which Group an object belongs to, by its ownerReferences: with that Group it is deleted.
//!
//! Must not know which Groups there are.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;

use crate::resources::{API_GROUP, Group};

/// A Group that owns an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// As its object has it.
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

/// The UIDs of those Groups that own an object by the name of the Group that it is below. Owners of other names are of
/// no concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners(Box<[Arc<str>]>);

impl Owners {
    /// The owners of an object that is below the Group of this name.
    #[must_use]
    pub fn of(references: &[OwnerReference], above: &str) -> Self {
        let is_above = |owner: &&OwnerReference| is_group(owner) && owner.name == above;
        references.iter().filter(is_above).map(|owner| owner.uid.as_str().into()).collect()
    }

    /// Whether there is none: the object counts for whichever Group has the name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How the object belongs to the Group of that name, which has this UID now.
    #[must_use]
    pub fn ownership(&self, uid: &str) -> Ownership {
        if self.0.is_empty() {
            Ownership::None
        } else if self.0.iter().any(|owner| &**owner == uid) {
            Ownership::Owned
        } else {
            Ownership::Former
        }
    }
}

impl FromIterator<Arc<str>> for Owners {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(uids: I) -> Self {
        Self(uids.into_iter().collect())
    }
}

fn is_group(owner: &OwnerReference) -> bool {
    let api_group = owner.api_version.split_once('/').map(|(api_group, _)| api_group);
    owner.kind == Group::kind(&()) && api_group == Some(API_GROUP)
}

/// How an object belongs to the Group that it is below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It names no owner, and counts for whichever Group has the name: moments cannot tell one that was applied before
    /// its Group from one that a deleted Group has left behind.
    None,
    /// It goes when the Group goes.
    Owned,
    /// It belongs to another Group that had the same name. It must not be given to the new one: garbage collection is
    /// about to delete it, and would keep it for the sake of one owner that lives.
    Former,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str, uid: &str) -> OwnerReference {
        Owner { name: name.to_owned(), uid: uid.to_owned() }.reference()
    }

    #[test]
    fn ownerships() {
        for (owners, wanted) in [
            (vec![], Ownership::None),
            (vec![reference("b", "1")], Ownership::None),
            (vec![reference("a", "2")], Ownership::Owned),
            (vec![reference("b", "1"), reference("a", "2")], Ownership::Owned),
            (vec![reference("a", "1")], Ownership::Former),
            (vec![reference("a", "1"), reference("a", "2")], Ownership::Owned),
        ] {
            assert_eq!(Owners::of(&owners, "a").ownership("2"), wanted, "{owners:?}");
        }
    }

    #[test]
    fn only_groups_own() {
        let group = reference("a", "1");
        let other_kind = OwnerReference { kind: "Membership".to_owned(), ..group.clone() };
        let other_api = OwnerReference { api_version: "v1".to_owned(), ..group.clone() };
        let later = OwnerReference {
            api_version: "pasee.meltylab.fr/v2".to_owned(),
            uid: "2".to_owned(),
            ..group.clone()
        };
        let owners = Owners::of(&[other_kind, other_api, group, later], "a");
        assert_eq!(owners, ["1", "2"].map(Arc::from).into_iter().collect());
        assert_eq!(Owners::of(&[], "a"), Owners::default());
        assert_eq!((owners.is_empty(), Owners::default().is_empty()), (false, true));
    }
}

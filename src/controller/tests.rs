//! Objects for the tests of plans, and a realm in memory on which plans are carried out.

mod converge;
mod realm;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff;
use kube::Resource;

use super::cache::Cache;
use crate::domain::time::Timestamp;
use crate::objects::owner::Owner;
use crate::resources::membership::MembershipRole;
use crate::resources::{Group, GroupSpec, Membership, MembershipSpec, User, UserSpec};

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

pub fn owner(name: &str, uid: &str) -> Owner {
    Owner { name: name.to_owned(), uid: uid.to_owned() }
}

/// A Group whose UID is `uid-NAME`.
pub fn group(name: &str, creator: Option<&str>) -> Group {
    let spec = GroupSpec { description: None, creator: creator.map(str::to_owned) };
    identified(Group::new(name, spec))
}

/// A Membership whose UID is `uid-NAME`.
pub fn membership(
    name: &str,
    group: Option<&str>,
    role: MembershipRole,
    users: &[&str],
) -> Membership {
    let spec = MembershipSpec {
        group: group.map(str::to_owned),
        role,
        users: users.iter().map(ToString::to_string).collect(),
        ..MembershipSpec::default()
    };
    identified(Membership::new(name, spec))
}

/// A User whose UID is `uid-NAME`.
pub fn user(name: &str, username: &str) -> User {
    identified(User::new(name, UserSpec { username: username.to_owned(), ..UserSpec::default() }))
}

fn identified<K: Resource>(mut object: K) -> K {
    let uid = format!("uid-{}", object.meta().name.as_deref().unwrap());
    object.meta_mut().uid = Some(uid);
    object.meta_mut().generation = Some(1);
    object
}

pub fn deleting<K: Resource>(mut object: K) -> K {
    object.meta_mut().deletion_timestamp = Some(Time(jiff::Timestamp::from_second(1).unwrap()));
    object
}

pub fn owned<K: Resource>(mut object: K, owners: &[Owner]) -> K {
    object.meta_mut().owner_references = Some(owners.iter().map(Owner::reference).collect());
    object
}

pub fn expiring(mut object: Membership, at: &str) -> Membership {
    object.spec.expires_at = Some(at.to_owned());
    object
}

/// A cache of these objects.
pub fn cache(groups: &[Group], memberships: &[Membership]) -> Cache {
    let mut cache = Cache::default();
    for group in groups {
        let facts = cache.read_group(group);
        cache.put_group(group.metadata.name.as_deref().unwrap(), Some(facts));
    }
    for membership in memberships {
        let facts = cache.read_membership(membership);
        cache.put_membership(membership.metadata.name.as_deref().unwrap(), Some(facts));
    }
    cache
}

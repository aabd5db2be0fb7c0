//! What of a realm's objects is written out, to be applied to another namespace, another cluster or the same one again.
//!
//! Who belongs to whom follows from names: references to owners by UID would have garbage collection take everything that
//! is applied, as no object has such a UID there. What a deleted Group has left behind does not come along: without its
//! owner it would count again. What Pasee would make itself of another object comes before that one. Must not know where the objects are read or written.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::owner::{Owners, Ownership};
use super::statement::is_own;
use crate::domain::group::parent_of;
use crate::resources::group::is_creator_enrolled;
use crate::resources::labels_annotations::OWN_KEYS;
use crate::resources::manifest::Manifest;
use crate::resources::{Group, Membership, OAuthClient, User};

/// Where `kubectl apply` keeps what was applied before.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// All objects of a realm.
#[derive(Debug, Default)]
pub struct Objects {
    /// Every Group.
    pub groups: Vec<Group>,
    /// Every Membership.
    pub memberships: Vec<Membership>,
    /// Every User.
    pub users: Vec<User>,
    /// Every OAuthClient.
    pub clients: Vec<OAuthClient>,
}

impl Objects {
    /// As manifests: Groups, parents first, then Memberships, then Users, by name, Pasee's own before all others, then OAuthClients: of a ban that
    /// comes first a running controller makes Pasee's own object, and whoever applies the one in here then fails to make it, or
    /// puts back the moment up to which sessions are revoked. Without status, UIDs and owners; without
    /// what a deleted Group has left behind; without creators that are staff by a Membership, or nobody any more.
    #[must_use]
    pub fn written(mut self) -> Vec<Manifest> {
        // A parent's name is the beginning of its children's.
        self.groups.sort_by(|one, two| one.metadata.name.cmp(&two.metadata.name));
        self.memberships.sort_by(|one, two| one.metadata.name.cmp(&two.metadata.name));
        self.users.sort_by_cached_key(|user| (!is_own(user), user.metadata.name.clone()));
        self.clients.sort_by(|one, two| one.metadata.name.cmp(&two.metadata.name));
        let mut uids: HashMap<String, String> = HashMap::new();
        let mut manifests = Vec::new();
        for mut group in self.groups {
            let name = group.metadata.name.clone().unwrap_or_default();
            if !is_to_stay(&group.metadata, parent_of(&name), &uids) {
                continue;
            }
            uids.insert(name, group.metadata.uid.clone().unwrap_or_default());
            if is_creator_enrolled(&group) {
                group.spec.creator = None;
            }
            group.status = None;
            group.metadata = bare(group.metadata);
            manifests.push(Manifest::Group(group));
        }
        for mut membership in self.memberships {
            if is_to_stay(&membership.metadata, membership.spec.group.as_deref(), &uids) {
                membership.status = None;
                membership.metadata = bare(membership.metadata);
                manifests.push(Manifest::Membership(membership));
            }
        }
        for mut user in self.users {
            if user.metadata.deletion_timestamp.is_none() {
                user.status = None;
                user.metadata = bare(user.metadata);
                manifests.push(Manifest::User(user));
            }
        }
        for mut client in self.clients {
            if client.metadata.deletion_timestamp.is_none() {
                client.status = None;
                client.metadata = bare(client.metadata);
                manifests.push(Manifest::OAuthClient(Box::new(client)));
            }
        }
        manifests
    }
}

/// Whether an object is not being deleted, nor about to be because the Group that it belongs to is not there any more.
fn is_to_stay(metadata: &ObjectMeta, above: Option<&str>, uids: &HashMap<String, String>) -> bool {
    let references = metadata.owner_references.as_deref().unwrap_or_default();
    let belongs = above.is_none_or(|above| {
        let uid = uids.get(above).map_or("", String::as_str);
        Owners::of(references, above).ownership(uid) != Ownership::Former
    });
    metadata.deletion_timestamp.is_none() && belongs
}

/// Name, labels and annotations, without those of Pasee and of kubectl, which speak of this object alone.
fn bare(metadata: ObjectMeta) -> ObjectMeta {
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.retain(|key, _| !key.starts_with(OWN_KEYS) && key != LAST_APPLIED);
    ObjectMeta {
        name: metadata.name,
        labels: metadata.labels,
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::manifest;

    const REALM: &str = "
apiVersion: v1
kind: List
items:
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: m, uid: m1, resourceVersion: '9', namespace: here,
   labels: {app.kubernetes.io/managed-by: pasee}, generation: 3, finalizers: [x/y],
   annotations: {pasee.meltylab.fr/actor: k-a, kubectl.kubernetes.io/last-applied-configuration: '{}', mine: kept},
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: a.b, uid: b1}]},
   spec: {group: a.b, users: [k-a]}, status: {users: 1}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: former,
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: a.b, uid: b0}]}, spec: {group: a.b, users: [k-x]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: of-the-gone,
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: gone, uid: g0}]}, spec: {group: gone, users: [k-x]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: waits}, spec: {group: later, users: [k-l]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: root}, spec: {role: Staff, users: [k-r]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: leaves, deletionTimestamp: '2026-01-01T00:00:00Z'},
   spec: {role: Staff, users: [k-x]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a.b, uid: b1,
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: a, uid: a1}]}, spec: {creator: k-new}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a.c, uid: c0,
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: a, uid: a0}]}, spec: {}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: below-former,
   ownerReferences: [{apiVersion: pasee.meltylab.fr/v1, kind: Group, name: a.c, uid: c0}]}, spec: {group: a.c, users: [k-x]}}
- {apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a, uid: a1}, spec: {creator: k-old, description: x},
   status: {creatorEnrolled: true}}
- {apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: u, uid: u1}, spec: {username: k-e, banned: true}}
- {apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: z, labels: {app.kubernetes.io/managed-by: pasee}},
   spec: {username: k-e, notBefore: '2026-01-01T00:00:00Z'}}
- {apiVersion: pasee.meltylab.fr/v1, kind: OAuthClient, metadata: {name: wiki, uid: c2, labels: {mine: kept},
   annotations: {pasee.meltylab.fr/actor: k-r}}, spec: {redirectUris: ['https://wiki.example/'], enabled: false},
   status: {observedGeneration: 3}}
- {apiVersion: pasee.meltylab.fr/v1, kind: OAuthClient, metadata: {name: leaves, deletionTimestamp: '2026-01-01T00:00:00Z'},
   spec: {redirectUris: ['https://leaves.example/']}}
- {apiVersion: pasee.meltylab.fr/v1, kind: OAuthClient, metadata: {name: grafana, uid: c1}, spec: {grantTypes: []}}
";

    const WRITTEN: &str = "
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a}, spec: {description: x}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a.b}, spec: {creator: k-new}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: m, annotations: {mine: kept},
 labels: {app.kubernetes.io/managed-by: pasee}}, spec: {group: a.b, users: [k-a]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: root}, spec: {role: Staff, users: [k-r]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: waits}, spec: {group: later, users: [k-l]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: z, labels: {app.kubernetes.io/managed-by: pasee}},
 spec: {username: k-e, notBefore: '2026-01-01T00:00:00Z'}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: u}, spec: {username: k-e, banned: true}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: OAuthClient, metadata: {name: grafana}, spec: {grantTypes: []}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: OAuthClient, metadata: {name: wiki, labels: {mine: kept}},
 spec: {redirectUris: ['https://wiki.example/'], enabled: false}}
";

    fn objects(text: &str) -> Objects {
        let mut objects = Objects::default();
        for object in manifest::read(text).unwrap() {
            match object {
                Manifest::Group(group) => objects.groups.push(group),
                Manifest::Membership(membership) => objects.memberships.push(membership),
                Manifest::User(user) => objects.users.push(user),
                Manifest::OAuthClient(client) => objects.clients.push(*client),
            }
        }
        objects
    }

    #[test]
    fn what_belongs_to_whom_is_written_and_nothing_of_this_cluster() {
        assert_eq!(objects(REALM).written(), manifest::read(WRITTEN).unwrap());
        assert_eq!(objects(WRITTEN).written(), manifest::read(WRITTEN).unwrap(), "and once more");
    }
}

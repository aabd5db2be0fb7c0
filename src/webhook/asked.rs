//! What a review asks: what must be allowed, and what the API server then writes on the object.
//!
//! Must not know how a judgement is reached, nor how objects are read from the API server.

use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Refusal;
use super::review::{Kind, Operation, Review};
use crate::domain::change::Change;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::policy::Denied;
use crate::domain::provider::ProviderNames;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::demand::Demand;
use crate::objects::effect::Container;
use crate::objects::enrolment::enrolled_uid;
use crate::objects::excerpt::Excerpt;
use crate::objects::owner::Owner;
use crate::objects::root_staff::Loss;
use crate::resources::authorship::Authorship;
use crate::resources::labels_annotations::{ACTOR, WRITTEN};
use crate::resources::membership::MembershipContent;
use crate::resources::object_name::ObjectName;
use crate::resources::{Group, Membership, Received, User, group, membership, user};

/// What `kubectl apply` writes along: all of what it applied.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a review asks.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) demand: Demand,
    /// What it takes, for whoever has it not. It names no more than the author did.
    pub(super) takes: String,
    /// The group that a new object is to belong to.
    pub(super) container: Option<GroupName>,
    /// Users that it speaks of for the first time.
    users: Vec<UserId>,
}

impl Asked {
    /// Reads a review by a user of the realm.
    pub(super) fn by(review: &Review, author: &UserId) -> Result<Self, Refusal> {
        match review.of() {
            Kind::Group => Self::group(review, author),
            Kind::Membership => Self::membership(review),
            Kind::User => Self::user(review),
            Kind::OAuthClient => {
                Ok(Self::root_staff("only root staff may say which applications log people in"))
            }
            Kind::Other => Ok(Self::root_staff("only root staff may write this")),
        }
    }

    fn root_staff(takes: &str) -> Self {
        let takes = takes.to_owned();
        Self { demand: Demand::RootStaff, takes, container: None, users: Vec::new() }
    }

    /// Create a group, with its author as its creator; describe it; delete it. To change it otherwise has no row of its own in
    /// the policy: whoever may delete it and make it again may do that too.
    fn group(review: &Review, author: &UserId) -> Result<Self, Refusal> {
        let name = review.name();
        let Ok(named) = name.parse::<ObjectName>().map(ObjectName::group) else {
            // Nobody of the realm can have made it.
            return match review.operation {
                Operation::Create if name.is_empty() => Err(wrong(
                    "metadata.name: a group is called what its object is; write its name",
                )),
                Operation::Create => {
                    let object = Group::new(name, group::GroupSpec::default());
                    let error = group::parse(&object).err();
                    Err(wrong(error.map_or_else(String::new, |error| error.to_string())))
                }
                Operation::Update | Operation::Delete => {
                    Ok(Self::root_staff("only root staff may change or delete this Group"))
                }
            };
        };
        let parent = named.parent();
        let takes = match &parent {
            None => format!("only root staff may create, change or delete the group {named}"),
            Some(parent) => format!(
                "only root staff and the staff of {parent} may create, change or delete the group {named}"
            ),
        };
        let (change, container) = match review.operation {
            Operation::Create => {
                let creator = &review.after["spec"]["creator"];
                if !creator.is_null() && *creator != json!(author.as_str()) {
                    return Err(Refusal::Denied(format!("spec.creator must be you: {author}")));
                }
                (Change::CreateGroup { group: named, creator: Some(author.clone()) }, parent)
            }
            Operation::Update if describes(review) => {
                let takes = format!("only the staff of {named} may describe it, and: {takes}");
                let demand = Demand::Change(Change::Describe { group: named, description: None });
                return Ok(Self { demand, takes, container: None, users: Vec::new() });
            }
            Operation::Update | Operation::Delete => (Change::DeleteGroup(named), None),
        };
        Ok(Self { demand: Demand::Change(change), takes, container, users: Vec::new() })
    }

    /// Add or remove members and staff.
    fn membership(review: &Review) -> Result<Self, Refusal> {
        let after = match review.operation {
            Operation::Delete => None,
            Operation::Create | Operation::Update => Some(new_membership(review)?),
        };
        let before = match review.operation {
            Operation::Create => None,
            Operation::Update | Operation::Delete => {
                // Of what says nothing right nobody but root staff can be said to be in charge.
                let Some(content) = old_membership(&review.before) else {
                    return Ok(Self::root_staff(
                        "only root staff may change or delete this Membership",
                    ));
                };
                Some(content)
            }
        };
        // Whose it is that is to be changed or to go, its author may not know.
        let takes = match (review.operation, after.as_ref().map(|content| &content.roster)) {
            (Operation::Create, Some(Roster::RootStaff)) => {
                "only root staff may say who is root staff".to_owned()
            }
            (Operation::Create, Some(Roster::Members(group) | Roster::Staff(group))) => format!(
                "only root staff and the staff of {group} may say who is in {group} and who is its staff"
            ),
            _ => "only root staff, and the staff of the group that it is of, may change or delete a Membership"
                .to_owned(),
        };
        let takes =
            format!("{takes}; who is staff until a moment cannot stay longer by themselves");
        let container = match review.operation {
            Operation::Create => after.as_ref().and_then(|content| content.roster.group()).cloned(),
            Operation::Update | Operation::Delete => None,
        };
        let known = before.as_ref().map(|content| &*content.users).unwrap_or_default();
        let users = after.iter().flat_map(|content| &content.users);
        let users = users.filter(|user| !known.contains(user)).cloned().collect();
        let demand = Demand::of(before.as_ref(), after.as_ref());
        Ok(Self { demand, takes, container, users })
    }

    /// Ban, revoke, delete a user.
    fn user(review: &Review) -> Result<Self, Refusal> {
        let mut asked = Self::root_staff("only root staff may ban users or end their sessions");
        if review.operation == Operation::Create {
            let object: User = readable(&review.after)?;
            let content = user::parse(&object).map_err(|error| wrong(error.to_string()))?;
            asked.users.push(content.user);
        }
        Ok(asked)
    }

    /// What is told to whoever may not.
    pub(super) fn refusal(&self, denied: Denied) -> Refusal {
        match denied {
            Denied::NotEntitled => Refusal::Denied(self.takes.clone()),
            Denied::OwnTime | Denied::TooManyGroups(_) | Denied::TooManyMemberships(_) => {
                Refusal::Denied(denied.to_string())
            }
        }
    }

    /// What the API server is to write on the object: who made a group, who wrote it last and what, and the group that it goes with.
    pub(super) fn patch(
        &self,
        review: &Review,
        author: &UserId,
        excerpt: &Excerpt,
        now: Timestamp,
    ) -> Result<Vec<Value>, Refusal> {
        if review.operation == Operation::Delete {
            return Ok(Vec::new());
        }
        let add = |path: &str, value: Value| json!({ "op": "add", "path": path, "value": value });
        let metadata = &review.after["metadata"];
        let mut patch = Vec::new();
        if !metadata["annotations"].is_object() {
            patch.push(add("/metadata/annotations", json!({})));
        }
        let written = authorship(review, author, now).to_text();
        for (key, value) in [(ACTOR, author.as_str()), (WRITTEN, &written)] {
            let place = format!("/metadata/annotations/{}", key.replace('/', "~1"));
            patch.push(add(&place, json!(value)));
        }
        let is_new_group = review.of() == Kind::Group && review.operation == Operation::Create;
        let spec = &review.after["spec"];
        if is_new_group && spec.is_object() && spec["creator"].is_null() {
            patch.push(add("/spec/creator", json!(author.as_str())));
        }
        if review.operation == Operation::Create {
            let owners = self.owners(excerpt)?;
            let theirs = metadata["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
            if !theirs.is_empty() && theirs != owners {
                return Err(Refusal::Denied(
                    "metadata.ownerReferences are not yours to set: Pasee ties objects to their groups".to_owned(),
                ));
            }
            if !owners.is_empty() {
                patch.push(add("/metadata/ownerReferences", Value::Array(owners)));
            }
        }
        Ok(patch)
    }

    /// The Group that a new object belongs to, as it is now, so that garbage collection takes both, whoever else is away.
    fn owners(&self, excerpt: &Excerpt) -> Result<Vec<Value>, Refusal> {
        let Some(group) = &self.container else { return Ok(Vec::new()) };
        let missing = || Refusal::GroupMissing(group.to_string());
        let name = ObjectName::from(group).to_string();
        let Container::Ready(uid) = excerpt.above(Some(group)) else { return Err(missing()) };
        let owner = Owner { name: name.clone(), uid: uid.to_owned() }.reference();
        Ok(vec![json!(owner)])
    }

    /// Users that it speaks of for the first time.
    pub(super) fn users(&self) -> &[UserId] {
        &self.users
    }

    /// What is odd and allowed all the same.
    pub(super) fn warnings(
        &self,
        providers: &ProviderNames,
        has_client: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let check = |user: &UserId| providers.check_with_clients(user, &has_client);
        let unknown = self.users.iter().filter_map(|user| check(user).err());
        unknown.map(|unknown| unknown.in_short()).collect()
    }
}

/// Who wrote what, when it is written: of what users say of that themselves nothing counts.
fn authorship(review: &Review, author: &UserId, now: Timestamp) -> Authorship {
    match review.operation {
        Operation::Create => Authorship::of_new(author, now),
        Operation::Update | Operation::Delete => {
            let before = &review.before["metadata"];
            let text = before["annotations"][WRITTEN].as_str().unwrap_or_default();
            let known = Authorship::read(text);
            // What changes nothing is to be stored as nothing.
            if review.before["spec"] == review.after["spec"] {
                return known;
            }
            known.changing(before["resourceVersion"].as_str())
        }
    }
}

/// What is lost on the root staff, or by somebody who may be on it, when it is written.
pub(super) fn loss(review: &Review) -> Option<Loss> {
    match (review.of(), review.operation) {
        (Kind::Membership, Operation::Update | Operation::Delete) => {
            let before = readable(&review.before).ok()?;
            let after = match review.operation {
                Operation::Delete => None,
                Operation::Create | Operation::Update => readable(&review.after).ok(),
            };
            Loss::between(&before, after.as_ref())
        }
        (Kind::User, Operation::Create | Operation::Update) => {
            let before = readable(&review.before).ok();
            Loss::by(before.as_ref(), &readable(&review.after).ok()?)
        }
        _ => None,
    }
}

/// Whether a Group is changed in its description, and else in nothing but what clients and the API server write along.
fn describes(review: &Review) -> bool {
    let rest = |object: &Value| {
        let mut object = object.clone();
        let without = |part: Option<&mut Value>, keys: &[&str]| {
            let mut part = part.and_then(Value::as_object_mut);
            keys.iter().for_each(|key| drop(part.as_mut().and_then(|part| part.remove(*key))));
        };
        without(object.get_mut("spec"), &["description"]);
        without(object.pointer_mut("/metadata/annotations"), &[ACTOR, WRITTEN, LAST_APPLIED]);
        // Empty ones are none.
        let is_empty = |value: &Value| *value == json!({});
        if object.pointer("/metadata/annotations").is_some_and(is_empty) {
            without(object.get_mut("metadata"), &["annotations"]);
        }
        without(object.get_mut("metadata"), &["managedFields", "generation", "resourceVersion"]);
        without(Some(&mut object), &["status"]);
        object
    };
    let description = |object: &Value| object["spec"]["description"].clone();
    description(&review.before) != description(&review.after)
        && rest(&review.before) == rest(&review.after)
}

pub(super) fn wrong(text: impl Into<String>) -> Refusal {
    Refusal::Wrong(text.into())
}

pub(super) fn readable<K: DeserializeOwned>(object: &Value) -> Result<K, Refusal> {
    match serde_json::from_value::<Received<K>>(object.clone()) {
        Ok(Received::Readable(object)) => Ok(object),
        Ok(Received::Unreadable { why, .. }) => Err(wrong(format!("spec: {why}"))),
        Err(error) => Err(wrong(format!("metadata: {error}"))),
    }
}

/// A Membership that is to be. What its author wrote is theirs to read again.
fn new_membership(review: &Review) -> Result<MembershipContent, Refusal> {
    let object: Membership = readable(&review.after)?;
    let name = object.name_any();
    let generated = object.metadata.generate_name.as_deref().unwrap_or_default();
    if review.operation == Operation::Create
        && [&*name, generated].into_iter().any(|name| enrolled_uid(name).is_some())
    {
        return Err(Refusal::Denied(
            "Memberships that enrol the creators of groups are called creator-…; take another name"
                .to_owned(),
        ));
    }
    membership::parse(&object).map_err(|error| wrong(error.to_string()))
}

/// A Membership that is there; `None` when nobody can tell whose.
pub(super) fn old_membership(object: &Value) -> Option<MembershipContent> {
    let object: Membership = readable(object).ok()?;
    membership::understand(&object).ok().map(|understood| understood.content)
}

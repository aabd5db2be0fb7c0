//! Objects as the API server sends them, read without what the index has no use for, such as managed fields.
//!
//! One object that cannot be understood is told of in the log and counts as none; it stops nothing. Must not know what
//! is made of what objects say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::object::{Crowd, Declared, Ended, Granted, Kind, Maker, Name, Object, Says, Stated};
use crate::domain::group::parent_of;
use crate::domain::user::UserId;
use crate::objects::effect::Soundness;
use crate::objects::enrolment::is_enrolment;
use crate::objects::owner::Owners;
use crate::resources::labels_annotations::TRUE;
pub(super) use crate::resources::labels_annotations::{ENROLS, MANAGED_BY, PASEE};
use crate::resources::membership::{MembershipContent, Understood};
use crate::resources::session_revocations::SessionRevocationsContent;
use crate::resources::user::UserContent;
use crate::resources::{
    Group, Membership, OAuthClient, SessionRevocations, User, group, membership, oauth_client,
    session_revocations, user,
};

/// Any object of these kinds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

/// What counts of an object's metadata.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    pub(super) resource_version: String,
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    owner_references: Vec<OwnerReference>,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Labels {
    #[serde(rename = "app.kubernetes.io/managed-by")]
    managed_by: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Annotations {
    #[serde(rename = "pasee.meltylab.fr/enrols-creator-of")]
    enrols: Option<String>,
    #[serde(rename = "pasee.meltylab.fr/creator-enrolled")]
    creator_enrolled: Option<String>,
    #[serde(rename = "pasee.meltylab.fr/author")]
    author: Option<String>,
    #[serde(rename = "pasee.meltylab.fr/actor")]
    actor: Option<String>,
    #[serde(rename = "pasee.meltylab.fr/names")]
    names: Option<IgnoredAny>,
}

/// Whether an object is of this program's making, by what it carries: the label, or a name and annotation that agree.
pub(super) fn maker(name: &str, label: Option<&str>, enrols: Option<&str>) -> Maker {
    if label == Some(PASEE) || is_enrolment(name, enrols) { Maker::Pasee } else { Maker::Other }
}

/// The object, small.
pub(super) fn read(kind: Kind, wire: Wire) -> Object {
    let (name, uid) = (Name::from(&*wire.metadata.name), Name::from(&*wire.metadata.uid));
    let says = match kind {
        Kind::Group => read_group(wire),
        Kind::Membership => read_membership(wire),
        Kind::User => read_user(wire),
        Kind::SessionRevocations => read_sessions(wire),
        Kind::OAuthClient => read_client(wire),
    };
    let says = says.unwrap_or_else(|reason| {
        tracing::warn!(?kind, %name, %reason, "an object is ignored");
        Says::Nothing(kind)
    });
    Object { name, uid, says }
}

fn read_group(wire: Wire) -> Result<Says, String> {
    let Wire { metadata, spec, status } = wire;
    let (soundness, maker) = (metadata.soundness(), metadata.maker());
    let parent = parent_of(&metadata.name).unwrap_or_default();
    let owners = Owners::of(&metadata.owner_references, parent);
    let object = Group::new(&metadata.name, typed(spec)?);
    let content = group::parse(&object).map_err(|error| error.to_string())?;
    let is_enrolled = status["creatorEnrolled"].as_bool().unwrap_or(false)
        || metadata.annotations.creator_enrolled.as_deref() == Some(TRUE);
    let made_by = content.creator.clone();
    let creator = content.creator.filter(|_| !is_enrolled);
    let (group, description) = (content.group, content.description);
    Ok(Says::Group(Declared { group, owners, soundness, creator, made_by, maker, description }))
}

fn read_membership(wire: Wire) -> Result<Says, String> {
    let Wire { metadata, spec, .. } = wire;
    let object = Membership::new(&metadata.name, typed(spec)?);
    let Understood { content, left_out } =
        membership::understand(&object).map_err(|error| error.to_string())?;
    if let Some(left_out) = left_out {
        tracing::warn!(name = metadata.name, %left_out, "a Membership is not right");
    }
    let MembershipContent { roster, users, expires_at } = content;
    let group = object.spec.group.as_deref().unwrap_or_default();
    let owners = Owners::of(&metadata.owner_references, group);
    let (crowd, maker, until) = (Crowd::Ids(users), metadata.maker(), expires_at);
    let soundness = metadata.soundness();
    let enrols = is_enrolment(&metadata.name, metadata.annotations.enrols.as_deref());
    let author = metadata.author().filter(|_| !enrols);
    let names = metadata.annotations.names.is_some();
    let granted = Granted { roster, owners, crowd, until, maker, soundness, enrols, author, names };
    Ok(Says::Membership(granted))
}

fn read_user(wire: Wire) -> Result<Says, String> {
    let Wire { metadata, spec, .. } = wire;
    let object = User::new(&metadata.name, typed(spec)?);
    let UserContent { user, standing } = user::parse(&object).map_err(|error| error.to_string())?;
    Ok(Says::User(Stated { user, standing, maker: metadata.maker() }))
}

fn read_sessions(wire: Wire) -> Result<Says, String> {
    let Wire { metadata, spec, .. } = wire;
    let object = SessionRevocations::new(&metadata.name, typed(spec)?);
    let content = session_revocations::parse(&object).map_err(|error| error.to_string())?;
    let SessionRevocationsContent { sessions, users, until } = content;
    Ok(Says::SessionRevocations(Ended { sessions, users, until, maker: metadata.maker() }))
}

fn read_client(wire: Wire) -> Result<Says, String> {
    let Wire { metadata, spec, .. } = wire;
    if metadata.deletion_timestamp.is_some() {
        return Ok(Says::Nothing(Kind::OAuthClient));
    }
    let object = OAuthClient::new(&metadata.name, typed(spec)?);
    let client = oauth_client::parse(&object).map_err(|error| error.to_string())?;
    Ok(Says::OAuthClient(Box::new(client)))
}

fn typed<T: DeserializeOwned>(spec: Value) -> Result<T, String> {
    serde_json::from_value(spec).map_err(|error| format!("spec: {error}"))
}

impl Metadata {
    /// Whether an object that is right counts, as far as its metadata says.
    fn soundness(&self) -> Soundness {
        Soundness::of(&Ok::<(), ()>(()), self.deletion_timestamp.is_some())
    }

    /// Who has put there whoever is in a Membership, where it was a user.
    fn author(&self) -> Option<UserId> {
        let Annotations { author, actor, .. } = &self.annotations;
        let named = if self.maker() == Maker::Pasee { author } else { actor };
        named.as_ref()?.parse().ok()
    }

    fn maker(&self) -> Maker {
        maker(&self.name, self.labels.managed_by.as_deref(), self.annotations.enrols.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(kind: Kind, object: Value) -> Says {
        read(kind, serde_json::from_value(object).unwrap()).says
    }

    fn owner(kind: &str, name: &str, uid: &str) -> Value {
        json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "name": name, "uid": uid })
    }

    #[test]
    fn groups() {
        let object = |status: Value| {
            json!({
                "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group",
                "metadata": {
                    "name": "a.my--group", "uid": "u", "resourceVersion": "7",
                    "managedFields": [{ "manager": "x", "fieldsV1": { "f:spec": {} } }],
                    "ownerReferences": [owner("Group", "a", "1"), owner("Group", "b", "2"), owner("User", "a", "3")],
                },
                "spec": { "creator": "k-ada" }, "status": status,
            })
        };
        let Says::Group(read) = says(Kind::Group, object(json!(null))) else { panic!() };
        assert_eq!((read.group.as_str(), read.soundness), ("a.my_group", Soundness::Sound));
        assert_eq!(read.owners, std::iter::once(Name::from("1")).collect());
        assert_eq!(read.creator, "k-ada".parse().ok());
        let Says::Group(read) = says(Kind::Group, object(json!({ "creatorEnrolled": true })))
        else {
            panic!()
        };
        assert_eq!(read.creator, None);
    }

    /// One user that is none takes nothing away from the others.
    #[test]
    fn users_that_are_none_are_left_out() {
        for wrong in ["k-\u{7}", "nobody", "k-Ame\u{301}lie", "K-ada", ""] {
            let spec = json!({ "group": "a", "users": ["k-ada", wrong, "k-bob"] });
            let object = json!({ "metadata": { "name": "a", "uid": "u" }, "spec": spec });
            let Says::Membership(read) = says(Kind::Membership, object) else { panic!("{wrong}") };
            let Crowd::Ids(ids) = read.crowd else { panic!("{wrong}") };
            assert_eq!(ids, ["k-ada".parse().unwrap(), "k-bob".parse().unwrap()], "{wrong}");
        }
    }

    /// Half of an object that is wrong somewhere else counts as little as all of it.
    #[test]
    fn nothing_is_half_understood() {
        let named = |spec: Value| json!({ "metadata": { "name": "a", "uid": "u" }, "spec": spec });
        for (kind, spec) in [
            (Kind::Group, json!({ "creator": "nobody" })),
            (Kind::Group, json!({ "creator": 7 })),
            (Kind::Membership, json!({ "group": "a", "users": ["k-ada", 7] })),
            (Kind::Membership, json!({ "group": "a", "users": "k-ada" })),
            (Kind::Membership, json!({ "users": ["k-ada"] })),
            (Kind::Membership, json!(null)),
            (Kind::User, json!({ "username": "k-ada", "notBefore": "soon" })),
            (Kind::User, json!([])),
        ] {
            let read = says(kind, named(spec.clone()));
            assert!(matches!(read, Says::Nothing(nothing) if nothing == kind), "{spec}");
        }
        let mut leaving = named(json!({ "group": "a", "users": ["k-ada"] }));
        assert!(matches!(says(Kind::Membership, leaving.clone()), Says::Membership(_)));
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(matches!(
            says(Kind::Membership, leaving),
            Says::Membership(Granted { soundness: Soundness::Unsound, .. })
        ));
    }
}

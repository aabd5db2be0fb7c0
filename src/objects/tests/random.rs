//! Random objects, as an API server may hold them, and news of them.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub const USERS: [&str; 3] = ["k-ada", "k-bob", "k-eve"];
const API: &str = "pasee.meltylab.fr/v1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Group,
    Membership,
    User,
}

pub const KINDS: [Kind; 3] = [Kind::User, Kind::Membership, Kind::Group];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "Group",
            Self::Membership => "Membership",
            Self::User => "User",
        }
    }
}

/// An ownerReference.
#[derive(Clone, Debug)]
pub struct Reference {
    pub api: &'static str,
    pub kind: &'static str,
    pub name: String,
    pub uid: String,
}

#[derive(Clone, Debug)]
pub struct Object {
    pub kind: Kind,
    pub name: &'static str,
    /// How often an object of this name was made.
    pub life: u8,
    pub is_leaving: bool,
    pub owners: Vec<Reference>,
    /// The uid of the Group whose creator it enrols, as an annotation says.
    pub enrols: Option<String>,
    /// `None`: nothing of its kind's form.
    pub content: Option<Content>,
}

#[derive(Clone, Debug)]
pub enum Content {
    Group {
        creator: Option<&'static str>,
        /// What the status says.
        is_enrolled: Option<bool>,
        /// What an annotation says.
        annotated: Option<&'static str>,
    },
    Membership {
        group: Option<&'static str>,
        role: &'static str,
        users: Vec<&'static str>,
        end: Option<&'static str>,
    },
    User {
        username: &'static str,
        banned: bool,
        not_before: Option<&'static str>,
    },
}

impl Object {
    pub fn uid(&self) -> String {
        format!("{}-{}", self.name, self.life)
    }

    pub fn json(&self) -> Value {
        let mut metadata = json!({
            "name": self.name, "namespace": "realm", "uid": self.uid(), "resourceVersion": "1", "generation": 1,
        });
        if self.is_leaving {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let reference = |owner: &Reference| {
            let Reference { api, kind, name, uid } = owner;
            json!({ "apiVersion": api, "kind": kind, "name": name, "uid": uid })
        };
        metadata["ownerReferences"] = self.owners.iter().map(reference).collect();
        if let Some(uid) = &self.enrols {
            metadata["annotations"] = json!({ "pasee.meltylab.fr/enrols-creator-of": uid });
        }
        if let Some(Content::Group { annotated: Some(value), .. }) = self.content {
            metadata["annotations"] = json!({ "pasee.meltylab.fr/creator-enrolled": value });
        }
        let (spec, status) = match &self.content {
            None => (json!(7), json!({})),
            Some(Content::Group { creator, is_enrolled, .. }) => {
                (json!({ "creator": creator }), json!({ "creatorEnrolled": is_enrolled }))
            }
            Some(Content::Membership { group, role, users, end }) => (
                json!({ "group": group, "role": role, "users": users, "expiresAt": end }),
                json!({}),
            ),
            Some(Content::User { username, banned, not_before }) => (
                json!({ "username": username, "banned": banned, "notBefore": not_before }),
                json!({}),
            ),
        };
        json!({ "apiVersion": API, "kind": self.kind.name(), "metadata": metadata, "spec": spec, "status": status })
    }
}

/// What somebody who watches is told.
#[derive(Clone, Debug)]
pub enum News {
    /// An object is there, and like this.
    Put(Object),
    /// One of those there is gone.
    Dropped(usize),
    /// Changes that nobody was told of, and then a list of all there is.
    Missed(Vec<Object>, Vec<usize>),
}

pub fn some_news() -> impl Strategy<Value = News> {
    let gone = prop::collection::vec(0..20_usize, 0..3);
    let missed = (prop::collection::vec(some_object(), 0..6), gone);
    prop_oneof![
        12 => some_object().prop_map(News::Put),
        3 => (0..20_usize).prop_map(News::Dropped),
        1 => missed.prop_map(|(new, gone)| News::Missed(new, gone)),
    ]
}

fn some_object() -> impl Strategy<Value = Object> {
    let object = prop_oneof![5 => some_group(), 6 => some_membership(), 2 => some_user()];
    let rare = || prop::bool::weighted(0.1);
    (object, 1..3_u8, rare(), rare()).prop_map(|(object, life, is_leaving, is_broken)| {
        let content = object.content.filter(|_| !is_broken);
        Object { life, is_leaving, content, ..object }
    })
}

fn object(kind: Kind, name: &'static str, content: Content) -> Object {
    let (owners, enrols, content) = (Vec::new(), None, Some(content));
    Object { kind, name, life: 1, is_leaving: false, owners, enrols, content }
}

/// Owners of an object that is below a Group: it, former ones, and what only looks like it.
fn some_owners(above: String) -> impl Strategy<Value = Vec<Reference>> {
    let group = |uid: String| Reference { api: API, kind: "Group", name: above.clone(), uid };
    let (first, second) = (group(format!("{above}-1")), group(format!("{above}-2")));
    let references = vec![
        first.clone(),
        second,
        Reference { api: "pasee.meltylab.fr/v2", ..first.clone() },
        Reference { api: "example.com/v1", uid: "z".to_owned(), ..first.clone() },
        Reference { api: "v1", uid: "z".to_owned(), ..first.clone() },
        Reference { kind: "User", uid: "z".to_owned(), ..first.clone() },
        Reference { name: "other".to_owned(), uid: "other-1".to_owned(), ..first },
    ];
    prop_oneof![
        1 => Just(Vec::new()),
        2 => prop::collection::vec(select(references), 0..3),
    ]
}

fn some_group() -> impl Strategy<Value = Object> {
    let name = select(vec![
        "a", "a", "a.b", "a.b", "a.b.c", "a.d", "a-b", "my--a", "my--a.b", "staff", "a.staff",
    ]);
    let creator = select(vec![None, Some("k-ada"), Some("k-eve"), Some("nobody")]);
    let is_enrolled = select(vec![None, None, Some(false), Some(true)]);
    let annotated = select(vec![None, None, None, None, Some("true"), Some("yes")]);
    (name, creator, is_enrolled, annotated).prop_flat_map(
        |(name, creator, is_enrolled, annotated)| {
            let above = name.rsplit_once('.').map_or("a", |(parent, _)| parent);
            let group =
                object(Kind::Group, name, Content::Group { creator, is_enrolled, annotated });
            some_owners(above.to_owned()).prop_map(move |owners| Object { owners, ..group.clone() })
        },
    )
}

fn some_membership() -> impl Strategy<Value = Object> {
    let name = select(vec![
        ("m", "a"),
        ("n", "a"),
        ("o", "a.b"),
        ("creator-a-1", "a"),
        ("creator-a-2", "a"),
        ("creator-a.b-1", "a.b"),
        ("creator-my--a-1", "my--a"),
    ]);
    let any_group = select(vec![
        None,
        Some("a"),
        Some("a.b"),
        Some("a.b.c"),
        Some("my--a"),
        Some("my--a.b"),
        Some("staff"),
        Some("x"),
    ]);
    let group = prop::option::weighted(0.5, any_group);
    let role = select(vec!["Member", "Staff", "Staff"]);
    let users = select(vec![
        vec![],
        vec!["k-ada"],
        vec!["k-eve", "k-ada", "k-eve"],
        vec!["k-bob"],
        vec!["k-ada", "nobody"],
    ]);
    let end = select(vec![
        None,
        None,
        Some("1970-01-01T00:00:01Z"),
        Some("1970-01-01T00:16:40.5Z"),
        Some("1970-01-01T00:16:41Z"),
        Some("1971-01-01T00:00:00Z"),
        Some("?"),
    ]);
    let enrols = 0..4_u8;
    (name, group, role, users, end, enrols).prop_flat_map(
        |((name, likely), group, role, users, end, enrols)| {
            let group = group.unwrap_or(Some(likely));
            let right = name.strip_prefix("creator-").map(str::to_owned);
            let enrols = match enrols {
                0 => None,
                1 => Some("a-1".to_owned()),
                _ => right,
            };
            let content = Content::Membership { group, role, users, end };
            let membership = Object { enrols, ..object(Kind::Membership, name, content) };
            some_owners(group.unwrap_or("a").to_owned())
                .prop_map(move |owners| Object { owners, ..membership.clone() })
        },
    )
}

fn some_user() -> impl Strategy<Value = Object> {
    let name = select(vec!["u", "v", "w"]);
    let username = select(vec!["k-ada", "k-ada", "k-eve", "nobody"]);
    let not_before = select(vec![
        None,
        None,
        Some("1970-01-01T00:00:05Z"),
        Some("1970-01-01T00:00:05.5Z"),
        Some("soon"),
    ]);
    (name, username, any::<bool>(), not_before).prop_map(|(name, username, banned, not_before)| {
        object(Kind::User, name, Content::User { username, banned, not_before })
    })
}

//! `examples/`: every manifest is right, and says what its comments promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pasee::resources::manifest::{self, Manifest};
use pasee::resources::{group, membership, oauth_client, user};

use super::support::schema::{Kind, Server};

/// The manifests of all files, in the order of the files' names.
fn manifests() -> Vec<Manifest> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    assert!(files.len() >= 3, "{files:?}");
    let read = |file| manifest::read(&fs::read_to_string(file).unwrap()).unwrap();
    files.iter().flat_map(read).collect()
}

#[test]
fn the_definitions_let_them_through() {
    for manifest in manifests() {
        let kind = match manifest {
            Manifest::Group(_) => Kind::Group,
            Manifest::Membership(_) => Kind::Membership,
            Manifest::User(_) => Kind::User,
            Manifest::OAuthClient(_) => Kind::OAuthClient,
        };
        let object = serde_json::to_value(&manifest).unwrap();
        assert_eq!(Server::of(kind).takes(&object), Ok(()), "{object}");
    }
}

/// One line for each thing that they say.
#[test]
fn they_say_who_is_where() {
    let mut said = BTreeSet::new();
    let mut groups = BTreeSet::new();
    for manifest in manifests() {
        match manifest {
            Manifest::Group(object) => {
                let content = group::parse(&object).unwrap();
                if let Some(parent) = content.group.parent() {
                    assert!(groups.contains(&parent), "{parent} comes after {}", content.group);
                }
                groups.insert(content.group);
            }
            Manifest::Membership(object) => {
                let content = membership::parse(&object).unwrap();
                let until = content.expires_at.map_or("", |_| ", for a time");
                for user in content.users {
                    said.insert(format!("{user} is in {}{until}", content.roster));
                }
                let is_there = content.roster.group().is_none_or(|group| groups.contains(group));
                assert!(is_there, "{} has no group", content.roster);
            }
            Manifest::User(object) => {
                let statement = user::parse(&object).unwrap();
                said.insert(format!("{} is banned: {}", statement.user, statement.standing.banned));
            }
            Manifest::OAuthClient(object) => {
                said.insert(format!("{} is a client", oauth_client::parse(&object).unwrap().id));
            }
        }
    }
    let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
    assert_eq!(
        names,
        ["articles", "articles.publishers", "comments", "deployers", "on_call", "superusers"]
    );
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    assert_eq!(
        said,
        [
            "k8s-ci:deployer is in deployers",
            "k8s-ci:jenkins is banned: true",
            "kisee-ada is in articles",
            "kisee-ada is in articles.publishers",
            "kisee-ada is in on_call, for a time",
            "kisee-alan is in articles",
            "kisee-donald is in articles",
            "kisee-grace is in comments",
            "kisee-john is in articles.staff",
            "kisee-you is in staff",
            "kisee-you is in superusers",
            "partners-barbara is in comments",
        ]
    );
}

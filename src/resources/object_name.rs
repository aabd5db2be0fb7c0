//! Group names as names of Kubernetes objects: `_`, which no object name may hold, is written `--`.
//!
//! One-to-one, because a group name never has two separators side by side. Must not know what else an object says.

use std::fmt;
use std::str::FromStr;

use kube::core::Rule;

use super::form::form;
use crate::domain::group::{GroupName, GroupNameError, MAX_LENGTH, STAFF};

/// Longest object name, in characters (RFC 1123 subdomain, as Kubernetes checks it).
pub const MAX_OBJECT_NAME: usize = 253;

/// The object names that spell a group name, but for what else [`rules`] say.
const PATTERN: &str = "^[a-z0-9]+(--?[a-z0-9]+)*([.][a-z0-9]+(--?[a-z0-9]+)*)*$";

/// What spells a group name, in CEL, of an object name that CEL finds at `place`.
#[must_use]
pub fn rules(place: &str) -> [Rule; 3] {
    let form = form(
        place,
        PATTERN,
        "a group's name has dots between its levels, each of a-z and 0-9 with single - between, such as admin.my-developers; _ is \
         written --",
    );
    let reserved = Rule::new(format!("!{place}.matches('(^|[.]){STAFF}([.]|$)')")).message(
        "the segment staff is reserved: the staff of a group are a Membership with role Staff",
    );
    let length = Rule::new(format!("{place}.replace('--', '_').size() <= {MAX_LENGTH}")).message(
        format!("a group name has at most {MAX_LENGTH} characters, -- counting as one").as_str(),
    );
    [form, reserved, length]
}

/// Whether Kubernetes lets any object have the name (RFC 1123 subdomain).
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= MAX_OBJECT_NAME && name.split('.').all(is_label)
}

/// The name of the object that declares a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    text: String,
    group: GroupName,
}

impl ObjectName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What tokens call it.
    #[must_use]
    pub fn group(self) -> GroupName {
        self.group
    }
}

/// Every group has one: a group name is no longer than its object's name may be.
impl From<&GroupName> for ObjectName {
    fn from(group: &GroupName) -> Self {
        Self { text: group.as_str().replace('_', "--"), group: group.clone() }
    }
}

impl FromStr for ObjectName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        if text.len() > MAX_OBJECT_NAME {
            return Err(GroupNameError::TooLong);
        }
        // Were `_` let through, `a_b` and `a--b` would be two objects of one group.
        if text.contains('_') {
            return Err(GroupNameError::Segment);
        }
        let group = text.replace("--", "_").parse()?;
        Ok(Self { text: text.to_owned(), group })
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(group: &str) -> String {
        ObjectName::from(&group.parse().unwrap()).to_string()
    }

    fn read(object: &str) -> Result<GroupName, GroupNameError> {
        object.parse().map(ObjectName::group)
    }

    #[test]
    fn both_ways() {
        for (group, object) in [
            ("admin", "admin"),
            ("my_group", "my--group"),
            ("a_b-c.d_1", "a--b-c.d--1"),
            ("admin.developers", "admin.developers"),
        ] {
            assert_eq!(written(group), object);
            assert_eq!(read(object), group.parse());
        }
        for bad in [
            "", "my_group", "a---b", "a----b", "-a", "a-", "a--", "a.--b", "staff", "a.staff", "A",
            "a..b",
        ] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lengths() {
        let underscores = |count: usize| format!("{}a", "a_".repeat(count));
        assert_eq!(written(&underscores(84)).len(), MAX_OBJECT_NAME);
        assert!(underscores(85).parse::<GroupName>().is_err(), "there is no such group");
        assert_eq!(written(&"a".repeat(200)).len(), 200);
        assert!("a".repeat(201).parse::<ObjectName>().is_err());
        assert!(underscores(85).replace('_', "--").parse::<ObjectName>().is_err());
    }

    proptest! {
        /// Two groups never have one object name, and each name reads back.
        #[test]
        fn one_to_one(
            one in "[ab]([_-]?[ab]){0,3}([.][ab]([_-]?[ab]){0,2})?", two in "[ab]([_-]?[ab]){0,3}",
        ) {
            prop_assert_eq!(read(&written(&one)).unwrap().to_string(), one.clone());
            prop_assert_eq!(one == two, written(&one) == written(&two));
        }

        /// Any object name either is refused or is written back as it was.
        #[test]
        fn never_rewritten(object in "[ab_.-]{0,8}|\\PC{0,8}") {
            if let Ok(group) = read(&object) {
                prop_assert_eq!(written(group.as_str()), object);
            }
        }
    }
}

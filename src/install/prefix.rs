//! How a cluster names what is a realm's: the namespace, and the prefixes of its users and groups.
//!
//! Must not know what they are used for.

use std::fmt;
use std::str::FromStr;

/// Longest namespace, in characters (RFC 1123 label).
const MAX_NAMESPACE: usize = 63;
/// Longest prefix, in characters.
const MAX_PREFIX: usize = 128;
/// A prefix ends in one of these. No user id and no group name holds one before its end, so that a user or group of one
/// realm is never taken for one of another whose prefix is longer or shorter.
const ENDS: [char; 3] = [':', '/', '#'];
/// Prefixes of names that Kubernetes and its installers give power to.
const POWERS: [(&str, &str); 2] =
    [("system:", "system:masters"), ("kubeadm:", "kubeadm:cluster-admins")];

/// The namespace that is the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

/// What Kubernetes puts before names that come from a realm's tokens, such as `pasee:`. ASCII without quotes or white
/// space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, NamespaceError> {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = (1..=MAX_NAMESPACE).contains(&text.len())
            && text.bytes().all(is_inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_label { Ok(Self(text.to_owned())) } else { Err(NamespaceError) }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if text.is_empty() {
            return Err(PrefixError::Empty);
        }
        if text.len() > MAX_PREFIX {
            return Err(PrefixError::TooLong);
        }
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@#".contains(&byte);
        if !text.bytes().all(is_right) {
            return Err(PrefixError::Character);
        }
        if let Some((prefix, power)) = POWERS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            return Err(PrefixError::Power { prefix, power });
        }
        if !text.ends_with(ENDS) {
            return Err(PrefixError::End);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a namespace has 1 to 63 characters of a-z, 0-9 and -, with no - at its ends, such as pasee"
)]
pub struct NamespaceError;

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Nothing was given.
    #[error(
        "without a prefix a user or a group of the realm could have the name of one that has power over the cluster; a \
         right prefix looks like pasee:"
    )]
    Empty,
    /// Longer than 128 characters.
    #[error("a prefix has at most 128 characters, such as pasee:")]
    TooLong,
    /// Other characters.
    #[error("a prefix has only letters of ASCII, digits and -._~:/@#, such as pasee:")]
    Character,
    /// One that gives power.
    #[error(
        "a prefix cannot start with {prefix}, as the API server itself gives power to such names: who can make groups could \
         make one called {power}; a right prefix looks like pasee:"
    )]
    Power {
        /// As it was given.
        prefix: &'static str,
        /// A name with power.
        power: &'static str,
    },
    /// No separator at the end.
    #[error(
        "a prefix ends in : or / or #, so that names of two realms cannot run into each other; a right one looks like pasee:"
    )]
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces() {
        for good in ["pasee", "a", "0-0", &"x".repeat(63)] {
            assert_eq!(good.parse::<Namespace>().unwrap().to_string(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "a'b", "é", "a\n", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Namespace>(), Err(NamespaceError), "{bad:?}");
        }
    }

    #[test]
    fn prefixes() {
        for good in ["pasee:", "a/", "https://pasee.example.com#", "systems:", "x:system:", "Sys:"]
        {
            assert_eq!(good.parse::<Prefix>().unwrap().as_str(), good);
        }
        for (bad, error) in [
            ("", PrefixError::Empty),
            ("pasee", PrefixError::End),
            ("pasee-", PrefixError::End),
            ("p'asee:", PrefixError::Character),
            ("p\\:", PrefixError::Character),
            ("p\"+':", PrefixError::Character),
            ("pa see:", PrefixError::Character),
            ("pasée:", PrefixError::Character),
            ("pasee:\n", PrefixError::Character),
            (&format!("{}:", "x".repeat(128)), PrefixError::TooLong),
        ] {
            assert_eq!(bad.parse::<Prefix>(), Err(error), "{bad:?}");
        }
        for bad in ["system:", "system:node:", "system:serviceaccount:x:", "kubeadm:"] {
            let refused = bad.parse::<Prefix>().unwrap_err();
            assert!(matches!(refused, PrefixError::Power { .. }), "{bad}: {refused}");
        }
    }
}

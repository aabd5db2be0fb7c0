//! User ids: who an identity provider says somebody is, such as `kisee-john`. Which characters that takes: `characters`.
//!
//! Must not know how a provider proves it.

mod characters;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use unicode_normalization::is_nfc;

/// Longest provider name, in bytes.
pub const MAX_PROVIDER: usize = 32;
/// Longest subject, in bytes of UTF-8.
pub const MAX_SUBJECT: usize = 200;

/// The name of an identity provider in the settings: `[a-z0-9_]{1,32}`. It holds no `-`, so a user id splits one way
/// only and the ids of two providers never meet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Arc<str>);

impl ProviderName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderName {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_provider(text) { Ok(Self(text.into())) } else { Err(UserIdError::Provider) }
    }
}

fn is_provider(text: &str) -> bool {
    (1..=MAX_PROVIDER).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What a provider calls somebody: 1 to 200 bytes of UTF-8 in normalization form C, without control characters, without
/// characters that nobody sees or that change the direction, and without white space at either end. Compared byte by byte:
/// text in another form is refused, never rewritten, so that two accounts of a provider stay two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject of somebody whose name is made here, or made elsewhere by our hand. What others make may be hard to tell
    /// from another; what we make is an identifier (RFC 8265 section 3.4).
    ///
    /// # Errors
    /// Why it is no subject, or [`UserIdError::NotIdentifier`].
    pub fn made_here(text: &str) -> Result<Self, UserIdError> {
        let subject = text.parse()?;
        if characters::is_identifier(text) { Ok(subject) } else { Err(UserIdError::NotIdentifier) }
    }
}

impl FromStr for Subject {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_subject(text).map(|()| Self(text.into()))
    }
}

fn check_subject(text: &str) -> Result<(), UserIdError> {
    if text.is_empty() {
        Err(UserIdError::SubjectEmpty)
    } else if text.len() > MAX_SUBJECT {
        Err(UserIdError::SubjectTooLong)
    } else if text.chars().any(char::is_control) {
        Err(UserIdError::SubjectControl)
    } else if text.trim() != text {
        Err(UserIdError::SubjectSpace)
    } else if let Some(unseen) = characters::unseen(text) {
        Err(UserIdError::SubjectUnseen(unseen))
    } else if !is_nfc(text) {
        Err(UserIdError::SubjectForm)
    } else {
        Ok(())
    }
}

/// One user of the realm: `<provider>-<subject>`. A Pasee behind a Pasee gives `externals-internals-ada`: provider
/// `externals`, subject `internals-ada`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The id of a provider's subject.
    #[must_use]
    pub fn new(provider: &ProviderName, subject: &Subject) -> Self {
        Self(format!("{}-{}", provider.0, subject.0).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> ProviderName {
        ProviderName(self.split().0.into())
    }

    /// The provider's name and its subject, as text.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.0.split_once('-').expect("a parsed user id holds a -")
    }
}

impl FromStr for UserId {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, subject) = text.split_once('-').ok_or(UserIdError::Shape)?;
        if !is_provider(provider) {
            return Err(UserIdError::Provider);
        }
        check_subject(subject)?;
        Ok(Self(text.into()))
    }
}

macro_rules! show_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}
show_as_text!(ProviderName, Subject, UserId);

/// Why a text is no user id, provider name or subject. The text itself is left out: it may be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// No `-` between provider and subject.
    #[error("a user id is <provider>-<subject>, such as kisee-john")]
    Shape,
    /// The provider part has other characters, none, or too many.
    #[error("a provider name has 1 to 32 characters of a-z, 0-9 and _, such as kisee")]
    Provider,
    /// Nothing after the `-`.
    #[error("a subject cannot be empty; a right user id looks like kisee-john")]
    SubjectEmpty,
    /// Longer than [`MAX_SUBJECT`].
    #[error("a subject has at most 200 bytes of UTF-8")]
    SubjectTooLong,
    /// A control character, such as NUL or a line break.
    #[error("a subject has no control characters")]
    SubjectControl,
    /// White space at an end.
    #[error("a subject has no white space at its start or end")]
    SubjectSpace,
    /// A character that nobody sees, that changes the direction, or that Unicode does not define.
    #[error(
        "a subject has no characters that nobody sees, change the direction or are not defined, as U+{:04X} is",
        u32::from(*.0)
    )]
    SubjectUnseen(char),
    /// A name made here that RFC 8265 would not have.
    #[error(
        "a name made here has letters, digits and ASCII punctuation, of one direction, with single spaces between words; a right \
         one is john or john.doe@example.com"
    )]
    NotIdentifier,
    /// Not in Unicode normalization form C.
    #[error("a subject is written in Unicode normalization form C")]
    SubjectForm,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in [
            "kisee-john",
            "k8s-ci:deployer",
            "externals-internals-ada",
            "a-é",
            "a--",
            "a-b -x",
            "x_1-日本",
        ] {
            assert_eq!(good.parse::<UserId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        let bad = [
            ("", UserIdError::Shape),
            ("john", UserIdError::Shape),
            ("-john", UserIdError::Provider),
            ("Kisee-john", UserIdError::Provider),
            ("ki.see-john", UserIdError::Provider),
            ("kisee-", UserIdError::SubjectEmpty),
            ("kisee- john", UserIdError::SubjectSpace),
            ("kisee-john\u{a0}", UserIdError::SubjectSpace),
            ("kisee-jo\0hn", UserIdError::SubjectControl),
            ("kisee-jo\nhn", UserIdError::SubjectControl),
            ("kisee-jo\u{85}hn", UserIdError::SubjectControl),
            ("kisee-e\u{301}", UserIdError::SubjectForm),
            ("kisee-john\u{200b}", UserIdError::SubjectUnseen('\u{200b}')),
            ("kisee-\u{202e}nhoj", UserIdError::SubjectUnseen('\u{202e}')),
            ("kisee-\u{3164}", UserIdError::SubjectUnseen('\u{3164}')),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<UserId>(), Err(error), "{text:?}");
        }
        assert!(format!("{}-x", "p".repeat(32)).parse::<UserId>().is_ok());
        assert!(format!("p-{}", "x".repeat(200)).parse::<UserId>().is_ok());
        assert_eq!(format!("{}-x", "p".repeat(33)).parse::<UserId>(), Err(UserIdError::Provider));
        assert_eq!(
            format!("p-{}", "x".repeat(201)).parse::<UserId>(),
            Err(UserIdError::SubjectTooLong)
        );
    }

    /// The parts by themselves, as settings and providers give them.
    #[test]
    fn parts_of_an_id() {
        let (provider, subject): (ProviderName, Subject) =
            ("kisee".parse().unwrap(), "John".parse().unwrap());
        assert_eq!((provider.as_str(), subject.as_str()), ("kisee", "John"));
        let id = UserId::new(&provider, &subject);
        assert_eq!((id.as_str(), id.provider()), ("kisee-John", provider));
        assert_eq!(format!("{id} {id:?}"), "kisee-John \"kisee-John\"");
        for wrong in ["", "a-b", "A", "a.b"] {
            assert_eq!(wrong.parse::<ProviderName>(), Err(UserIdError::Provider), "{wrong}");
        }
    }

    /// What others call somebody is up to them; what we call somebody is an identifier.
    #[test]
    fn names_that_are_made_here() {
        assert_eq!(Subject::made_here("john doe").unwrap().as_str(), "john doe");
        for foreign in ["x\u{2013}y", "\u{2116}5"] {
            assert!(foreign.parse::<Subject>().is_ok(), "{foreign}");
            assert_eq!(Subject::made_here(foreign), Err(UserIdError::NotIdentifier), "{foreign}");
        }
        assert_eq!(Subject::made_here(""), Err(UserIdError::SubjectEmpty));
    }

    proptest! {
        /// Two different (provider, subject) pairs never give the same user id, and each splits back.
        #[test]
        fn pairs_never_collide(
            p in "[a-z0-9_]{1,4}", s in "[a-z_-]{1,6}", q in "[a-z0-9_]{1,4}", t in "[a-z_-]{1,6}",
        ) {
            let id = |p: &str, s: &str| UserId::new(&p.parse().unwrap(), &s.parse().unwrap());
            let (one, two) = (id(&p, &s), id(&q, &t));
            prop_assert_eq!(one == two, (&p, &s) == (&q, &t));
            prop_assert_eq!(one.split(), (&*p, &*s));
            prop_assert_eq!(one.as_str().parse::<UserId>().unwrap(), one);
        }

        /// Any text either is refused or comes back unchanged.
        #[test]
        fn never_rewritten(text in "\\PC{0,12}|[a-z]{1,3}-.{0,12}") {
            if let Ok(id) = text.parse::<UserId>() {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}

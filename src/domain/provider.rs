//! The identity providers there are, by name: of whose users anything can be said.
//!
//! A user id is a name and not a record, so one that is mistyped stands for nobody, silently. What can be seen of that is that
//! no provider could ever prove it. Must not know how a provider proves who somebody is.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use super::user::{ProviderName, Subject, UserId, UserIdError};

/// The provider of ServiceAccounts, whom Memberships in Kubernetes name: no other protocol may prove its users.
pub const SERVICE_ACCOUNTS: &str = "k8s";
/// What the ids of programs begin with that act for themselves: no provider's users.
pub const CLIENTS: &str = "client";

/// The names of all identity providers of the settings, whether or not they are offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderNames(Vec<ProviderName>);

impl FromIterator<ProviderName> for ProviderNames {
    fn from_iter<T: IntoIterator<Item = ProviderName>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

impl ProviderNames {
    /// That a user is of one of these.
    ///
    /// # Errors
    /// [`UnknownProvider`]: nobody could ever be this user.
    pub fn check(&self, user: &UserId) -> Result<(), UnknownProvider> {
        let (provider, _) = user.split();
        if self.0.iter().any(|known| known.as_str() == provider) {
            return Ok(());
        }
        let likeness = |known: &&ProviderName| strsim::jaro_winkler(known.as_str(), provider);
        let nearest = self.0.iter().max_by(|one, two| likeness(one).total_cmp(&likeness(two)));
        let (user, nearest, known) = (user.clone(), nearest.cloned(), self.clone());
        Err(UnknownProvider { user, nearest, known })
    }
}

impl ProviderNames {
    /// That a user is of one of these, or a client that there is and that acts for itself: `client-grafana`.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_with_clients(
        &self,
        user: &UserId,
        has_client: impl FnOnce(&str) -> bool,
    ) -> Result<(), UnknownProvider> {
        match user.split() {
            (CLIENTS, id) if has_client(id) => Ok(()),
            _ => self.check(user),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ProviderName> {
        self.0.iter()
    }

    /// Whether these are the same, in any order.
    #[must_use]
    pub fn are(&self, others: &Self) -> bool {
        let all = |one: &Self, other: &Self| one.0.iter().all(|name| other.0.contains(name));
        all(self, others) && all(others, self)
    }
}

impl fmt::Display for ProviderNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(ProviderName::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

/// As [`Display`](fmt::Display) writes them.
impl FromStr for ProviderNames {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::parse).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// Who could log in, as far as settings tell, and bring others back: whoever else is on the root staff is nobody who stays there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PossibleUsers(Vec<(ProviderName, Subjects)>);

/// Of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// Whomever it knows.
    Any,
    /// These at most.
    These(HashSet<Subject>),
}

impl FromIterator<(ProviderName, Subjects)> for PossibleUsers {
    fn from_iter<T: IntoIterator<Item = (ProviderName, Subjects)>>(providers: T) -> Self {
        Self(providers.into_iter().collect())
    }
}

/// Whoever is of one of these providers. A ServiceAccount may be gone, which its name does not show.
impl From<&ProviderNames> for PossibleUsers {
    fn from(names: &ProviderNames) -> Self {
        let people = names.0.iter().filter(|name| name.as_str() != SERVICE_ACCOUNTS);
        people.map(|name| (name.clone(), Subjects::Any)).collect()
    }
}

impl PossibleUsers {
    /// Whether a user is one.
    #[must_use]
    pub fn has(&self, user: &UserId) -> bool {
        let (provider, subject) = user.split();
        self.0.iter().any(|(name, subjects)| {
            name.as_str() == provider
                && match subjects {
                    Subjects::Any => true,
                    Subjects::These(some) => {
                        subject.parse().is_ok_and(|subject: Subject| some.contains(&subject))
                    }
                }
        })
    }

    /// Of which providers they are.
    #[must_use]
    pub fn providers(&self) -> ProviderNames {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// A user of no provider is a slip of the pen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProvider {
    user: UserId,
    nearest: Option<ProviderName>,
    known: ProviderNames,
}

impl UnknownProvider {
    /// What the provider would be called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.user.split().0
    }

    /// What the client would be called, if it is none that there is not.
    fn client(&self) -> Option<&str> {
        let (provider, id) = self.user.split();
        (provider == CLIENTS).then_some(id)
    }

    /// The same for a line that is short: who is meant comes last, as it is cut there.
    #[must_use]
    pub fn in_short(&self) -> String {
        let Self { user, nearest, .. } = self;
        let provider = self.name();
        if let Some(client) = self.client() {
            return format!("no client is called {client}: {user}");
        }
        match nearest {
            None => format!("there is no identity provider at all: {user}"),
            Some(near) => {
                format!("no identity provider is called {provider}; the nearest is {near}: {user}")
            }
        }
    }
}

impl std::error::Error for UnknownProvider {}

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (provider, subject) = self.user.split();
        if let Some(client) = self.client() {
            return write!(
                f,
                "no client is called {client}, so that nobody is {}; a right one is {CLIENTS}- and the id of one that there is",
                self.user
            );
        }
        write!(f, "no identity provider by the name of {provider} knows the user {}", self.user)?;
        match &self.nearest {
            None => f.write_str(": the settings have none at all"),
            Some(nearest) => write!(
                f,
                "; the nearest one is {nearest}, as in {nearest}-{subject}, of those there are: {}",
                self.known
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(known: &[&str], user: &str) -> Option<String> {
        let names: ProviderNames = known.iter().map(|name| name.parse().unwrap()).collect();
        names.check(&user.parse().unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn the_nearest_is_named() {
        let known = ["kisee", "local", "k8s"];
        for right in ["kisee-john", "local-kise-ada", "k8s-ci:deployer"] {
            assert_eq!(told(&known, right), None);
        }
        for (wrong, nearest) in [
            ("kise-john", "kisee-john"),
            ("locl-ada", "local-ada"),
            ("lokal-ada", "local-ada"),
            ("k8-ci:deployer", "k8s-ci:deployer"),
            ("kiseee-kisee-john", "kisee-kisee-john"),
        ] {
            let told = told(&known, wrong).unwrap();
            assert!(told.contains(&format!("as in {nearest}, ")), "{told}");
            assert!(told.ends_with("of those there are: kisee, local, k8s"), "{told}");
        }
        assert!(told(&[], "kisee-john").unwrap().ends_with("none at all"));
        let names: ProviderNames = "kisee, k8s".parse().unwrap();
        let short = names.check(&"kise-john".parse().unwrap()).unwrap_err().in_short();
        assert_eq!(short, "no identity provider is called kise; the nearest is kisee: kise-john");
    }

    #[test]
    fn clients_are_known_by_their_ids() {
        let names: ProviderNames = "kisee".parse().unwrap();
        let check = |user: &str| {
            names.check_with_clients(&user.parse().unwrap(), |id| id == "ci.example-bot")
        };
        assert_eq!(check("client-ci.example-bot"), Ok(()));
        assert_eq!(check("kisee-ada"), Ok(()));
        let unknown = check("client-ci").unwrap_err();
        assert!(
            unknown
                .to_string()
                .starts_with("no client is called ci, so that nobody is client-ci; ")
        );
        assert_eq!(unknown.in_short(), "no client is called ci: client-ci");
        assert!(check("kise-ada").unwrap_err().to_string().contains("nearest one is kisee"));
    }

    #[test]
    fn whoever_could_log_in_is_possible() {
        let some = ["ada", "bob"].map(|subject| subject.parse().unwrap()).into();
        let providers = [("kisee", Subjects::Any), ("local", Subjects::These(some))];
        let possible: PossibleUsers =
            providers.into_iter().map(|(name, who)| (name.parse().unwrap(), who)).collect();
        for (user, right) in [
            ("kisee-anybody", true),
            ("local-ada", true),
            ("local-Ada", false),
            ("local-eve", false),
            ("kise-ada", false),
            ("k8s-ci:deployer", false),
            ("client-robot", false),
        ] {
            assert_eq!(possible.has(&user.parse().unwrap()), right, "{user}");
        }
        assert_eq!(possible.providers().to_string(), "kisee, local");
        let names: ProviderNames = "kisee, k8s".parse().unwrap();
        let possible = PossibleUsers::from(&names);
        assert!(possible.has(&"kisee-x".parse().unwrap()));
        assert!(!possible.has(&"k8s-ci:deployer".parse().unwrap()), "it may be gone");
    }

    #[test]
    fn the_same_providers_in_any_order() {
        let names = |text: &str| text.parse::<ProviderNames>().unwrap();
        for (one, other, are_same) in [
            ("kisee, local", "local, kisee", true),
            ("", "", true),
            ("kisee, local", "kisee", false),
            ("kisee", "kisee, local", false),
            ("kisee", "local", false),
        ] {
            assert_eq!(names(one).are(&names(other)), are_same, "{one}; {other}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["", "kisee", "kisee, k8s, local"] {
            let names: ProviderNames = text.parse().unwrap();
            assert_eq!(names.to_string(), text);
        }
        assert_eq!("a,b\n".parse::<ProviderNames>(), "a, b".parse());
        for wrong in ["Kisee", "a b", "a-b"] {
            assert!(wrong.parse::<ProviderNames>().is_err(), "{wrong}");
        }
    }
}

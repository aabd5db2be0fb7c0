//! Whether this Pasee is an OpenID provider that applications find, and if not, what to change.
//!
//! Must not know what the provider does, nor which clients there are.

use std::fmt::{self, Display};

use url::Url;

use super::Settings;
use crate::domain::client::{Client, IdTokenAlg};
use crate::jose::key::Algorithm;

/// Something for which applications find no OpenID provider here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle<'a> {
    /// Whoever is on the way could change what applications fetch from this place.
    PlainHostname(&'a str),
    /// The issuer's name leads nowhere; it should be this.
    IssuerIsNoUrl(&'a str),
    /// The issuer's name leads elsewhere than to this.
    IssuerElsewhere(&'a str),
    /// Nothing is signed that every application can verify.
    RareKey,
}

impl Display for Obstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainHostname(hostname) => write!(
                f,
                "hostname is {hostname}, where anybody on the way can change what is read: a right one is https, with [tls] or with a proxy in front, \
                 and iss in [jwt] is the same"
            ),
            Self::IssuerIsNoUrl(hostname) => {
                write!(f, "iss in [jwt] is no URL: a right one is hostname, \"{hostname}\"")
            }
            Self::IssuerElsewhere(hostname) => write!(
                f,
                "iss in [jwt] is not hostname, where applications compare both: a right one is \"{hostname}\""
            ),
            Self::RareKey => f.write_str(
                "private_key is on secp256k1, which few applications verify: pasee keygen makes a right one, on P-256, and retired_keys keeps this one",
            ),
        }
    }
}

impl Settings {
    /// What keeps applications from finding an OpenID provider here.
    pub(super) fn openid_obstacles(&self) -> Vec<Obstacle<'_>> {
        let hostname = self.hostname.as_str();
        let issuer = self.jwt.issuer.as_str();
        let (is_safe, is_found) =
            (self.hostname.is_safe(), self.jwt.issuer.is_found_at(&self.hostname));
        let is_url = issuer.parse::<Url>().is_ok_and(|url| url.has_host());
        let rare = self.keys.private.as_ref().map(|key| key.algorithm()) == Some(Algorithm::Es256k);
        let found = [
            (!is_safe).then_some(Obstacle::PlainHostname(hostname)),
            (is_safe && !is_url).then_some(Obstacle::IssuerIsNoUrl(hostname)),
            (is_safe && is_url && !is_found).then_some(Obstacle::IssuerElsewhere(hostname)),
            rare.then_some(Obstacle::RareKey),
        ];
        found.into_iter().flatten().collect()
    }

    /// What the ID tokens of a client are signed with in the place of what it asks for, as the one key that there is signs nothing else.
    pub(super) fn other_id_token_alg(&self, client: &Client) -> Option<Algorithm> {
        let only = self.keys.private.as_ref()?.algorithm();
        match (client.id_token_alg, only) {
            (IdTokenAlg::Rs256, Algorithm::Es256) | (IdTokenAlg::Es256, Algorithm::Rs256) => {
                Some(only)
            }
            _ => None,
        }
    }

    /// The same in a line of `pasee check`.
    pub(super) fn explain_openid(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let obstacles = self.openid_obstacles();
        if obstacles.is_empty() {
            return writeln!(
                f,
                "- Is an OpenID provider: applications find it at {}/.well-known/openid-configuration.",
                self.hostname
            );
        }
        writeln!(
            f,
            "- Is no OpenID provider, so that no application logs people in through it: {}.",
            told(&obstacles)
        )
    }
}

/// All of them in one line.
pub(super) fn told(obstacles: &[Obstacle<'_>]) -> String {
    obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

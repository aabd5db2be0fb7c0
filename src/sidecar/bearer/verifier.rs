//! What a token says of who sends it, by the kind of its issuer.
//!
//! Owns which claims name a user and their groups. Must not know where keys come from.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::time::Timestamp;
use crate::jose::access_token::{AccessTokenClaims, AccessTokenVerifier};
use crate::jose::claims::unflattened;
use crate::jose::error::VerifyError;
use crate::jose::json::strict_object;
use crate::jose::key::{Algorithm, PublicKey};
use crate::jose::key_set::{KeySet, SetError, published};
use crate::jose::revocations::RevocationList;
use crate::jose::service_account::ServiceAccountVerifier;
use crate::jose::verify::{Verifier, claimed_end};
use crate::settings::sidecar::{IssuerKind, IssuerSettings};
use crate::sidecar::identity::Identity;

/// Longest user and longest group of another issuer, in bytes.
const MAX_NAME: usize = 1024;
/// What a Pasee signs with.
const OF_PASEE: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Es256k];

/// Believes the tokens of one issuer.
#[derive(Debug)]
pub(super) struct TokenVerifier {
    kind: Kind,
    issuer: Arc<str>,
    prefix: String,
}

#[derive(Debug)]
enum Kind {
    Pasee(Verifier),
    Kubernetes(ServiceAccountVerifier),
    Other { verifier: AccessTokenVerifier, user: String, groups: String },
}

impl TokenVerifier {
    /// By a JWK Set of the issuer.
    ///
    /// # Errors
    /// [`SetError`]: it is none, or has no key that is understood.
    pub(super) fn read(settings: &IssuerSettings, set: &[u8]) -> Result<Self, SetError> {
        let IssuerSettings { issuer, audience, .. } = settings;
        let kind = match &settings.kind {
            IssuerKind::Pasee => {
                let mut keys = Vec::new();
                for algorithm in OF_PASEE {
                    keys.extend(published(algorithm, set)?);
                }
                return Self::pinned(settings, keys);
            }
            IssuerKind::Kubernetes => {
                let issuer = issuer.as_str().to_owned();
                let verifier = ServiceAccountVerifier::new(issuer, audience.clone(), set)?;
                if verifier.is_empty() {
                    return Err(SetError);
                }
                Kind::Kubernetes(verifier)
            }
            IssuerKind::Oidc { user, groups } => {
                let keys = KeySet::read(&strict_object(set).map_err(|_| SetError)?)?;
                if keys.is_empty() {
                    return Err(SetError);
                }
                let verifier = AccessTokenVerifier::new(issuer.clone(), audience.clone(), keys);
                Kind::Other { verifier, user: user.clone(), groups: groups.clone() }
            }
        };
        Ok(Self::of(settings, kind))
    }

    /// By keys of a Pasee.
    ///
    /// # Errors
    /// [`SetError`]: there are none.
    pub(super) fn pinned(
        settings: &IssuerSettings,
        keys: Vec<PublicKey>,
    ) -> Result<Self, SetError> {
        if keys.is_empty() {
            return Err(SetError);
        }
        let audience = Some(settings.audience.clone());
        let verifier = Verifier::new(settings.issuer.clone(), audience, keys);
        Ok(Self::of(settings, Kind::Pasee(verifier)))
    }

    fn of(settings: &IssuerSettings, kind: Kind) -> Self {
        Self { kind, issuer: settings.issuer.as_str().into(), prefix: settings.prefix.clone() }
    }

    /// Who sends a token.
    ///
    /// # Errors
    /// [`VerifyError`]: it is worth nothing.
    pub(super) fn identify(&self, token: &str, now: Timestamp) -> Result<Identity, VerifyError> {
        match &self.kind {
            Kind::Pasee(verifier) => self.of_pasee(verifier, token, now),
            Kind::Kubernetes(verifier) => self.of_cluster(verifier, token, now),
            Kind::Other { verifier, user, groups } => {
                self.of_other(verifier.verify(token, now)?, (user, groups), token)
            }
        }
    }

    /// What a list of ended sessions says, which a Pasee alone has.
    ///
    /// # Errors
    /// [`VerifyError`]: it is worth nothing.
    pub(super) fn revocations(
        &self,
        list: &str,
        now: Timestamp,
    ) -> Result<RevocationList, VerifyError> {
        match &self.kind {
            Kind::Pasee(verifier) => verifier.revocations(list, now),
            Kind::Kubernetes(_) | Kind::Other { .. } => Err(VerifyError::Kind),
        }
    }

    fn of_pasee(
        &self,
        verifier: &Verifier,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, VerifyError> {
        let claims = verifier.access(token, now)?;
        let said = &claims.token;
        let groups = claims.groups.iter().map(|roster| self.named(&roster.to_string())).collect();
        Ok(Identity {
            issued_at: Some(said.issued_at),
            revocation: said.revocation,
            session: Some(said.session.to_string()),
            authenticated_at: Some(said.authenticated_at),
            groups,
            claims: unflattened(&claims.extra),
            ..self.identity(said.subject.as_str(), said.expires_at, token)
        })
    }

    /// With the groups that a cluster gives each of its ServiceAccounts.
    fn of_cluster(
        &self,
        verifier: &ServiceAccountVerifier,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, VerifyError> {
        let claims = verifier.verify(token, now)?;
        let ends = claimed_end(token).ok_or(VerifyError::Claim("exp"))?;
        let namespace = claims.kubernetes.get("namespace").and_then(Value::as_str);
        let namespace = namespace.ok_or(VerifyError::Claim("kubernetes.io"))?;
        let groups =
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        Ok(Identity {
            groups: groups.iter().map(|group| self.named(group)).collect(),
            ..self.identity(&claims.username, ends, token)
        })
    }

    fn of_other(
        &self,
        said: AccessTokenClaims,
        (user, groups): (&str, &str),
        token: &str,
    ) -> Result<Identity, VerifyError> {
        let AccessTokenClaims { claims, issued_at, expires_at } = said;
        let name = claims.get(user).and_then(Value::as_str).filter(|name| is_name(name));
        let name = name.ok_or(VerifyError::Claim("of the user"))?.to_owned();
        let listed = match claims.get(groups) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => {
                let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
                all.ok_or(VerifyError::Claim("of the groups"))?
            }
            Some(_) => return Err(VerifyError::Claim("of the groups")),
        };
        let listed = listed.into_iter().filter(|group| is_name(group));
        let groups = listed.map(|group| self.named(group)).collect();
        let session = claims.get("sid").and_then(Value::as_str).map(str::to_owned);
        Ok(Identity {
            issued_at,
            session,
            groups,
            claims,
            ..self.identity(&name, expires_at, token)
        })
    }

    fn identity(&self, subject: &str, expires_at: Timestamp, token: &str) -> Identity {
        Identity {
            issuer: Arc::clone(&self.issuer),
            subject: subject.to_owned(),
            user: self.named(subject),
            groups: Vec::new(),
            claims: Map::new(),
            expires_at,
            issued_at: None,
            revocation: None,
            session: None,
            authenticated_at: None,
            token: token.to_owned().into(),
        }
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What another issuer calls somebody, as it may stand in a header and in a log.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control)
}

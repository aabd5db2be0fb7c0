//! The ServiceAccounts of a Kubernetes cluster: a pod's projected token taken for a login.
//!
//! Owns the port to the API server ([`ApiServer`]), whom of those it knows is let in, and what is claimed of them. Nothing is
//! remembered of a token: each is reviewed anew. Must not know how the API server is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::error::ProviderError;
use super::identity::{Authenticated, Presence};
use super::token::{self, COOLDOWN};
use crate::domain::auth_time::AuthTime;
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;
use crate::domain::user::Subject;
use crate::jose::compact::MAX_TOKEN;
use crate::jose::error::VerifyError;
use crate::jose::service_account::ServiceAccountVerifier;
use crate::outbound::{Cached, CallLimits, DEFAULT_AGE, Fetched, SentSecrets, loggable};
use crate::settings::{self, Offline};

/// The group of all ServiceAccounts, and, with a namespace behind, of those of one.
const ACCOUNTS: &str = "system:serviceaccounts";
/// What the names of ServiceAccounts begin with.
const ACCOUNT: &str = "system:serviceaccount:";
/// Longest name of a namespace (RFC 1123 label), and of a ServiceAccount (RFC 1123 subdomain).
const LONGEST: [usize; 2] = [63, 253];

/// What the API server is asked, under way.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, ApiServerError>> + Send + 'a>>;

/// The API server of a cluster, as far as logins need it.
pub trait ApiServer: fmt::Debug + Send + Sync {
    /// Reviews a token for one audience.
    fn review<'a>(&'a self, token: &'a SecretString, audience: &'a Audience) -> Asking<'a, Review>;

    /// What it publishes of its tokens.
    fn published(&self) -> Asking<'_, Published>;

    /// Whether there is a ServiceAccount of this name in a namespace.
    fn account<'a>(&'a self, namespace: &'a str, name: &'a str) -> Asking<'a, Presence>;
}

/// The API server's word on a token (`TokenReviewStatus`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// Whether it knows somebody by the token.
    pub authenticated: bool,
    /// Who, such as `system:serviceaccount:ci:deployer`.
    pub username: String,
    /// Their unique id.
    pub uid: String,
    /// Their groups in the cluster.
    pub groups: Vec<String>,
    /// Which of the audiences asked for the token is for.
    pub audiences: Vec<String>,
    /// What else it knows, such as the pod that the token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
    /// Why it knows nobody.
    pub error: String,
}

/// What a cluster publishes of its tokens (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug)]
pub struct Published {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Its keys, as a JWK Set.
    pub keys: Bytes,
}

/// Why the API server did not answer. What was wrong in detail is logged where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiServerError {
    /// It is away, overloaded or not ready.
    #[error("the Kubernetes API server cannot be reached now")]
    Unreachable,
    /// It does not let us ask.
    #[error("the Kubernetes API server does not let Pasee ask")]
    Forbidden,
    /// Its answer is invalid.
    #[error("the Kubernetes API server's answer is invalid")]
    InvalidResponse,
}

impl From<ApiServerError> for ProviderError {
    fn from(error: ApiServerError) -> Self {
        match error {
            ApiServerError::Unreachable => Self::Unreachable,
            ApiServerError::Forbidden => Self::Misconfigured(
                "Pasee may not ask: its account in the cluster needs the verb create on tokenreviews.authentication.k8s.io, or \
                 with offline = true the ClusterRole system:service-account-issuer-discovery",
            ),
            ApiServerError::InvalidResponse => {
                Self::InvalidResponse("no answer of a Kubernetes API server")
            }
        }
    }
}

/// The ServiceAccounts of one cluster.
#[derive(Debug)]
pub struct KubernetesConnector {
    audience: Audience,
    offline: Offline,
    cluster: Arc<dyn ApiServer>,
    published: Cached<ServiceAccountVerifier>,
    limits: CallLimits,
}

impl KubernetesConnector {
    /// A cluster's ServiceAccounts as the settings describe them.
    pub(super) fn new(settings: &settings::Kubernetes, cluster: Arc<dyn ApiServer>) -> Self {
        Self {
            audience: settings.audience.clone(),
            offline: settings.offline,
            cluster,
            published: Cached::new(COOLDOWN),
            limits: CallLimits::new(settings.timeout),
        }
    }

    /// Asks for what a login needs: the review of a token, of nobody, or the keys.
    pub(super) async fn probe(self: &Arc<Self>) -> Result<String, ProviderError> {
        match self.offline {
            Offline::No => {
                let nobody = SecretString::from("nobody.s.token");
                let review = async {
                    self.cluster.review(&nobody, &self.audience).await.map_err(ProviderError::from)
                };
                self.limits.limited(review).await?;
                Ok("the Kubernetes API server reviews tokens".to_owned())
            }
            Offline::Yes => {
                self.limits.limited(Arc::clone(self).fetched()).await?;
                Ok("the Kubernetes API server publishes keys that can be used".to_owned())
            }
        }
    }

    /// Whose token it is.
    pub(super) async fn identify(
        self: &Arc<Self>,
        token: SecretString,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        if token.expose_secret().len() > MAX_TOKEN {
            return Err(ProviderError::Token(VerifyError::TooLong));
        }
        // Nothing but a compact JWS goes to the API server: other kinds of tokens have no audience.
        if token.expose_secret().split('.').count() != 3 {
            return Err(ProviderError::Token(VerifyError::Malformed));
        }
        match self.offline {
            Offline::No => self.limits.limited(self.reviewed(&token)).await,
            Offline::Yes => self.limits.limited(self.verified(token.expose_secret(), now)).await,
        }
    }

    /// Whether there is still such a ServiceAccount.
    pub(super) async fn presence(&self, subject: &str) -> Result<Presence, ProviderError> {
        let account = format!("{ACCOUNT}{subject}");
        let nobody = ProviderError::InvalidResponse("a session of what is no ServiceAccount");
        let account = Account::parse(&account).ok_or(nobody)?;
        let asked = self.cluster.account(account.namespace, account.name);
        self.limits.limited(async { asked.await.map_err(unasked) }).await
    }

    async fn reviewed(&self, token: &SecretString) -> Result<Authenticated, ProviderError> {
        let review = self.cluster.review(token, &self.audience).await?;
        let is_for_us = review.audiences.iter().any(|one| one == self.audience.as_str());
        if !review.authenticated || !is_for_us {
            let sent = SentSecrets::from_iter([token.expose_secret()]);
            let error = sent.loggable(&review.error);
            tracing::info!(%error, "the Kubernetes API server does not confirm a token");
            return Err(ProviderError::NotConfirmed);
        }
        let account = Account::parse(&review.username).ok_or_else(|| stranger(&review.username))?;
        // Somebody by the name of a ServiceAccount is not one yet.
        let of_namespace = format!("{ACCOUNTS}:{}", account.namespace);
        let is_in = |group: &str| review.groups.iter().any(|one| one == group);
        if !is_in(ACCOUNTS) || !is_in(&of_namespace) {
            return Err(stranger(&review.username));
        }
        let mut claims = account.claims();
        claim(&mut claims, "serviceaccount_uid", Some(&review.uid));
        for (name, place) in [
            ("pod", "authentication.kubernetes.io/pod-name"),
            ("pod_uid", "authentication.kubernetes.io/pod-uid"),
            ("node", "authentication.kubernetes.io/node-name"),
        ] {
            let first = review.extra.get(place).and_then(|values| values.first());
            claim(&mut claims, name, first.map(String::as_str));
        }
        Ok(Authenticated { subject: account.subject()?, claims, auth_time: AuthTime::AtLogin })
    }

    async fn verified(
        self: &Arc<Self>,
        token: &str,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        let fetch = || Arc::clone(self).fetched();
        let verify = |verifier: &ServiceAccountVerifier| verifier.verify(token, now);
        let verified = token::verified(&self.published, fetch, verify).await?;
        let account =
            Account::parse(&verified.username).ok_or_else(|| stranger(&verified.username))?;
        let mut claims = account.claims();
        let text = |path: &[&str]| {
            let (first, rest) = path.split_first()?;
            let found =
                rest.iter().try_fold(verified.kubernetes.get(*first)?, |at, key| at.get(key));
            found.and_then(Value::as_str)
        };
        for (name, path) in [
            ("serviceaccount_uid", ["serviceaccount", "uid"]),
            ("pod", ["pod", "name"]),
            ("pod_uid", ["pod", "uid"]),
            ("node", ["node", "name"]),
        ] {
            claim(&mut claims, name, text(&path));
        }
        Ok(Authenticated { subject: account.subject()?, claims, auth_time: AuthTime::AtLogin })
    }

    async fn fetched(self: Arc<Self>) -> Result<Fetched<ServiceAccountVerifier>, ProviderError> {
        self.limits.first_half(self.fetch()).await
    }

    async fn fetch(&self) -> Result<Fetched<ServiceAccountVerifier>, ProviderError> {
        let Published { issuer, keys } = self.cluster.published().await?;
        let keys = ServiceAccountVerifier::new(issuer, self.audience.clone(), &keys)
            .map_err(|_| ProviderError::InvalidResponse("a malformed JWK Set"))?;
        if keys.is_empty() {
            return Err(ProviderError::InvalidResponse("no key that is understood"));
        }
        Ok(Fetched { value: keys, fresh_for: DEFAULT_AGE })
    }
}

/// Why nothing is known of a ServiceAccount.
fn unasked(error: ApiServerError) -> ProviderError {
    match error {
        ApiServerError::Forbidden => ProviderError::Misconfigured(
            "Pasee may not ask: with recheck its account in the cluster needs the verb get on serviceaccounts",
        ),
        other => other.into(),
    }
}

/// What becomes of somebody whom the cluster knows, and who is no ServiceAccount.
fn stranger(username: &str) -> ProviderError {
    let username = loggable(username);
    tracing::info!(%username, "only ServiceAccounts log in through a cluster");
    ProviderError::NotAllowed
}

/// A ServiceAccount by name.
#[derive(Debug, PartialEq, Eq)]
struct Account<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Account<'a> {
    /// Reads `system:serviceaccount:NAMESPACE:NAME`; `None` for whoever else the cluster knows.
    fn parse(username: &'a str) -> Option<Self> {
        let (namespace, name) = username.strip_prefix(ACCOUNT)?.split_once(':')?;
        let is_name = |text: &str, longest: usize, dots: bool| {
            let fits = |byte: u8| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || byte == b'-'
                    || (dots && byte == b'.')
            };
            (1..=longest).contains(&text.len()) && text.bytes().all(fits)
        };
        let holds = is_name(namespace, LONGEST[0], false) && is_name(name, LONGEST[1], true);
        holds.then_some(Self { namespace, name })
    }

    fn subject(&self) -> Result<Subject, ProviderError> {
        let subject = format!("{}:{}", self.namespace, self.name);
        Ok(subject.parse()?)
    }

    fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        claim(&mut claims, "namespace", Some(self.namespace));
        claim(&mut claims, "serviceaccount", Some(self.name));
        claims
    }
}

fn claim(claims: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        claims.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::user::UserIdError;

    #[test]
    fn only_service_accounts() {
        let account = |username| Account::parse(username).map(|it| (it.namespace, it.name));
        assert_eq!(account("system:serviceaccount:ci:deployer"), Some(("ci", "deployer")));
        assert_eq!(account("system:serviceaccount:a-1:b.c-d"), Some(("a-1", "b.c-d")));
        for other in [
            "",
            "ci:deployer",
            "system:node:worker",
            "system:kube-controller-manager",
            "system:serviceaccount:ci",
            "system:serviceaccount:ci:",
            "system:serviceaccount::deployer",
            "system:serviceaccount:ci:deployer:x",
            "system:serviceaccount:Ci:deployer",
            "system:serviceaccount:c.i:deployer",
            "system:serviceaccount:ci:dep loyer",
            "system:serviceaccount:ci:deployer\n",
            "system:serviceaccounts:ci:deployer",
            " system:serviceaccount:ci:deployer",
            "oidc:system:serviceaccount:ci:deployer",
        ] {
            assert_eq!(account(other), None, "{other:?}");
        }
        let long = format!("system:serviceaccount:ci:{}", "x".repeat(253));
        let error = Account::parse(&long).unwrap().subject().unwrap_err();
        assert_eq!(error, ProviderError::Subject(UserIdError::SubjectTooLong));
    }
}

//! Identity providers: who somebody is, proved by somebody else. One file per protocol.
//!
//! Owns the common face of the protocols and the rule that only whitelisted claims pass. Must not know groups, tokens
//! of ours, or how requests reach us.

pub mod browser;
mod error;
pub mod kisee;
pub mod kubernetes;
pub mod local;
mod mapping;
pub mod oauth1;
pub mod oauth2;
mod oauth2_client;
pub mod oidc;
pub mod pasee;
mod password;
mod token;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

use crate::domain::claim::ExtraClaims;
use crate::domain::evidence::Evidence;
use crate::domain::time::Timestamp;
use crate::domain::user::{ProviderName, Subject, UserId};
use crate::outbound::ClientError;
use crate::settings::{self, InputField, Protocol};

use self::pasee::Pasee;
use browser::{AuthorizationRequest, CallbackParams, PendingLogin};
pub use error::ProviderError;
pub use mapping::MappedGroups;
use mapping::Mapping;
pub use password::PasswordCredential;

/// Who a provider says somebody is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// What the settings let pass of what else the provider says.
    pub claims: ExtraClaims,
    /// What it says that decides something again at each refresh.
    pub evidence: Evidence,
    /// The groups that what it says adds.
    pub mapped: MappedGroups,
    /// When they proved it, where that was before now: to another who issues tokens, whose word is taken.
    pub authenticated_at: Option<Timestamp>,
}

/// What a protocol has proved, before the settings' mapping judges it.
#[derive(Clone, Debug)]
struct Authenticated {
    subject: Subject,
    /// All that the provider says of the user; nothing of it has passed yet.
    claims: Map<String, Value>,
}

/// What somebody logs in with.
#[derive(Debug)]
pub enum Credential {
    /// A name and a password.
    Password(PasswordCredential),
    /// A token that somebody else issued.
    Token(SecretString),
}

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// With login and password, in fields of these names.
    Password,
    /// With a token of somebody else's, in the field `token`.
    Token,
    /// In a browser, which is sent to the provider and comes back.
    Redirect,
}

/// What is passed on to a provider untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward<'a> {
    /// Registration of a new user.
    Users,
    /// A change of one user's password, by their subject.
    User(&'a str),
    /// Password recovery.
    PasswordRecoveries,
}

/// A request to pass on: its method, the headers that matter (`Authorization`, `Content-Type`, `Accept`) and its body.
#[derive(Debug)]
pub struct ForwardedRequest {
    /// The method.
    pub method: Method,
    /// `Authorization`, `Content-Type` and `Accept`; nothing else is passed on.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A provider's answer to what was passed on.
#[derive(Debug)]
pub struct ForwardedAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; the caller picks what to show.
    pub headers: HeaderMap,
    /// Its body, at most 256 KiB.
    pub body: Bytes,
}

/// One identity provider of the settings, ready to be asked.
#[derive(Debug)]
pub struct Provider {
    name: ProviderName,
    title: String,
    description: String,
    fields: Vec<InputField>,
    mapping: Mapping,
    protocol: Ready,
}

#[derive(Debug)]
enum Ready {
    Kisee(kisee::Kisee),
    Local(local::Local),
    OAuth1(Box<oauth1::OAuth1>),
    OAuth2(Box<oauth2::OAuth2>),
    Oidc(Box<oidc::Oidc>),
    Pasee(Pasee),
    Kubernetes(kubernetes::Kubernetes),
}

impl Ready {
    fn login_methods(&self) -> &'static [LoginMethod] {
        match self {
            Self::Kisee(_) | Self::Local(_) => &[LoginMethod::Password],
            Self::OAuth1(_) | Self::OAuth2(_) | Self::Oidc(_) => &[LoginMethod::Redirect],
            Self::Pasee(pasee) if pasee.forwards() => &[LoginMethod::Token, LoginMethod::Password],
            Self::Pasee(_) | Self::Kubernetes(_) => &[LoginMethod::Token],
        }
    }
}

impl Provider {
    fn new(settings: &settings::IdentityProvider, protocol: Ready) -> Self {
        let name = settings.name.clone();
        let title = settings.title.clone();
        let login_methods = protocol.login_methods();
        Self {
            title: title.unwrap_or_else(|| format!("Log in via {name}")),
            description: settings
                .description
                .clone()
                .unwrap_or_else(|| description(&name, login_methods)),
            fields: login_fields(&settings.input_fields, login_methods),
            mapping: Mapping::new(&settings.mapping),
            name,
            protocol,
        }
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &ProviderName {
        &self.name
    }

    /// What to call it in front of people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// One sentence more.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What a login takes.
    #[must_use]
    pub fn fields(&self) -> &[InputField] {
        &self.fields
    }

    /// How to log in through it, at least one.
    #[must_use]
    pub fn login_methods(&self) -> &'static [LoginMethod] {
        self.protocol.login_methods()
    }

    /// Asks who somebody is.
    ///
    /// # Errors
    /// [`ProviderError`]; never says whether a user exists.
    pub async fn identify(
        &self,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let authenticated = match (&self.protocol, credential) {
            (Ready::Kisee(kisee), Credential::Password(credential)) => {
                kisee.identify(credential, now).await?
            }
            (Ready::Local(local), Credential::Password(credential)) => {
                local.identify(credential).await?
            }
            (Ready::Pasee(pasee), credential) => {
                let vouched = pasee.identify(credential, now).await?;
                let identity = self.identity(&vouched.authenticated)?;
                let authenticated_at = Some(vouched.authenticated_at);
                return Ok(Identity { authenticated_at, ..identity });
            }
            (Ready::Kubernetes(kubernetes), Credential::Token(token)) => {
                kubernetes.identify(token, now).await?
            }
            (Ready::Kisee(_) | Ready::Local(_), Credential::Token(_))
            | (Ready::Kubernetes(_), Credential::Password(_))
            | (Ready::OAuth1(_) | Ready::OAuth2(_) | Ready::Oidc(_), _) => {
                return Err(ProviderError::NotOffered);
            }
        };
        self.identity(&authenticated)
    }

    /// Begins a login in a browser, which is to come back to `callback_url`.
    ///
    /// # Errors
    /// [`ProviderError::NotOffered`] when the protocol has no such thing, else what went wrong on the way.
    pub async fn begin(
        &self,
        callback_url: &Url,
        now: Timestamp,
    ) -> Result<AuthorizationRequest, ProviderError> {
        match &self.protocol {
            Ready::OAuth1(oauth1) => oauth1.begin(callback_url, now).await,
            Ready::OAuth2(oauth2) => oauth2.begin(callback_url),
            Ready::Oidc(oidc) => oidc.begin(callback_url).await,
            Ready::Kisee(_) | Ready::Local(_) | Ready::Pasee(_) | Ready::Kubernetes(_) => {
                Err(ProviderError::NotOffered)
            }
        }
    }

    /// Ends a login in a browser that has come back to `callback_url` with an answer, and with what was remembered
    /// of how it began.
    ///
    /// # Errors
    /// [`ProviderError::NotConfirmed`] when the answer does not belong to that beginning or says no.
    pub async fn finish(
        &self,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let authenticated = match &self.protocol {
            Ready::OAuth1(oauth1) => oauth1.finish(pending, params, now).await?,
            Ready::OAuth2(oauth2) => oauth2.finish(callback_url, pending, params).await?,
            Ready::Oidc(oidc) => oidc.finish(callback_url, pending, params, now).await?,
            Ready::Kisee(_) | Ready::Local(_) | Ready::Pasee(_) | Ready::Kubernetes(_) => {
                return Err(ProviderError::NotOffered);
            }
        };
        self.identity(&authenticated)
    }

    /// Judges once more, by the settings of today, a user whom a login has authenticated: whether they are let in, and which
    /// groups are added.
    ///
    /// # Errors
    /// [`ProviderError::NotAllowed`].
    pub fn recheck(
        &self,
        user: &UserId,
        evidence: &Evidence,
    ) -> Result<MappedGroups, ProviderError> {
        self.mapping.recheck(user.split().1, evidence)
    }

    fn identity(&self, authenticated: &Authenticated) -> Result<Identity, ProviderError> {
        let (claims, evidence, mapped) = self.mapping.judge(authenticated)?;
        let user = UserId::new(&self.name, &authenticated.subject);
        Ok(Identity { user, claims, evidence, mapped, authenticated_at: None })
    }

    /// Passes a request on, untouched.
    ///
    /// # Errors
    /// [`ProviderError::NotOffered`] when the protocol has no such thing, else what went wrong on the way.
    pub async fn forward(
        &self,
        what: Forward<'_>,
        request: ForwardedRequest,
    ) -> Result<ForwardedAnswer, ProviderError> {
        match &self.protocol {
            Ready::Kisee(kisee) => kisee.forward(what, request).await,
            Ready::Local(_)
            | Ready::OAuth1(_)
            | Ready::OAuth2(_)
            | Ready::Oidc(_)
            | Ready::Pasee(_)
            | Ready::Kubernetes(_) => Err(ProviderError::NotOffered),
        }
    }
}

/// All identity providers that are offered.
#[derive(Debug)]
pub struct Providers {
    offered: Vec<Arc<Provider>>,
    registering: Option<Arc<Provider>>,
}

/// The clusters of the settings' providers of the protocol kubernetes, by the providers' names.
pub type Clusters = HashMap<ProviderName, Arc<dyn kubernetes::Cluster>>;

/// Why a provider of the settings cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("identity provider {name}: {reason}")]
pub struct SetupError {
    name: ProviderName,
    #[source]
    reason: Unready,
}

#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("its cluster is not connected to")]
    NoCluster,
}

impl Providers {
    /// Makes the enabled providers of the settings ready, none of which is a Kubernetes cluster. Talks to none of them:
    /// one that is down does not stop us.
    ///
    /// # Errors
    /// [`SetupError`] when a `ca_file` cannot be used, the system's TLS is unusable, or one is a cluster.
    pub fn new(settings: &[settings::IdentityProvider]) -> Result<Self, SetupError> {
        Self::with(settings, &Clusters::new())
    }

    /// The same, with the clusters among them connected to.
    ///
    /// # Errors
    /// [`SetupError`] as above, or when one of the clusters is not there.
    pub fn with(
        settings: &[settings::IdentityProvider],
        clusters: &Clusters,
    ) -> Result<Self, SetupError> {
        let mut providers = Self { offered: Vec::new(), registering: None };
        for provider in settings.iter().filter(|provider| provider.enabled) {
            let made = ready(provider, clusters);
            let protocol =
                made.map_err(|reason| SetupError { name: provider.name.clone(), reason })?;
            let ready = Arc::new(Provider::new(provider, protocol));
            if provider.registers_users {
                providers.registering = Some(Arc::clone(&ready));
            }
            providers.offered.push(ready);
        }
        Ok(providers)
    }

    /// The provider of that name, if it is offered.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.offered.iter().find(|provider| provider.name.as_str() == name).map(Arc::as_ref)
    }

    /// The provider with the capability `register_user`.
    #[must_use]
    pub fn registering(&self) -> Option<&Provider> {
        self.registering.as_deref()
    }

    /// All that are offered, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.offered.iter().map(Arc::as_ref)
    }
}

/// The protocol of a provider, ready.
fn ready(provider: &settings::IdentityProvider, clusters: &Clusters) -> Result<Ready, Unready> {
    Ok(match &provider.protocol {
        Protocol::Kisee(kisee) => Ready::Kisee(kisee::Kisee::new(kisee)?),
        Protocol::Local(local) => Ready::Local(local::Local::new(local)),
        Protocol::OAuth1(oauth1) => Ready::OAuth1(Box::new(oauth1::OAuth1::new(oauth1)?)),
        Protocol::OAuth2(oauth2) => Ready::OAuth2(Box::new(oauth2::OAuth2::new(oauth2)?)),
        Protocol::Oidc(oidc) => Ready::Oidc(Box::new(oidc::Oidc::new(oidc)?)),
        Protocol::Pasee(pasee) => Ready::Pasee(Pasee::new(&provider.name, pasee)?),
        Protocol::Kubernetes(kubernetes) => {
            let cluster = clusters.get(&provider.name).ok_or(Unready::NoCluster)?;
            Ready::Kubernetes(kubernetes::Kubernetes::new(kubernetes, Arc::clone(cluster)))
        }
    })
}

/// What the methods to log in take, whatever else the settings want besides. Where there are several, nothing
/// is required of all.
fn login_fields(configured: &[InputField], login_methods: &[LoginMethod]) -> Vec<InputField> {
    let mut fields = configured.to_vec();
    for method in login_methods {
        let names: &[&str] = match method {
            LoginMethod::Password => &["login", "password"],
            LoginMethod::Token => &["token"],
            LoginMethod::Redirect => &[],
        };
        for name in names {
            let required = login_methods.len() == 1;
            match fields.iter_mut().find(|field| field.name == *name) {
                Some(field) => field.required = required,
                None => fields.push(InputField { name: (*name).to_owned(), required }),
            }
        }
    }
    fields
}

/// What is said of a provider of which the settings say nothing.
fn description(name: &ProviderName, login_methods: &[LoginMethod]) -> String {
    let what = match login_methods {
        [LoginMethod::Redirect] => {
            return format!(
                "POST to get the authorize_url to open in a browser, or open this URL in one: {name} asks who you are."
            );
        }
        [LoginMethod::Token] => "a token",
        [LoginMethod::Token, ..] => "a token, or a login and a password",
        _ => "a login and a password",
    };
    format!("POST {what} of {name} to get an access and a refresh token.")
}

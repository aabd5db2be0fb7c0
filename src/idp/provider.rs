//! One identity provider of the settings: the common face of all protocols, and the rule that only what the settings let
//! pass goes on.
//!
//! Must not know how a protocol asks, nor what becomes of an identity.

use std::sync::Arc;

use tracing::{Instrument, Span};
use url::Url;

use super::browser::{AuthorizationRequest, CallbackParams, LoginDemand, PendingLogin};
use super::error::ProviderError;
use super::forward::{Forward, ForwardedAnswer, ForwardedRequest};
use super::identity::{Authenticated, Credential, Identity, LoginMethod, MappedGroups, Presence};
use super::kisee::KiseeConnector;
use super::kubernetes::KubernetesConnector;
use super::ldap::LdapConnector;
use super::local::LocalConnector;
use super::mapping::{LeftOut, MappingRules};
use super::oauth1::OAuth1Connector;
use super::oauth2::OAuth2Connector;
use super::oidc::OidcConnector;
use super::pasee::PaseeConnector;
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::evidence::Evidence;
use crate::domain::time::Timestamp;
use crate::domain::token::Scope;
use crate::domain::user::{ProviderName, Subject, UserId, UserIdError};
use crate::jose::refresh::Room;
use crate::jose::sign::SignError;
use crate::settings::{self, Callback, Departure, InputField};

/// One identity provider of the settings, ready to be asked.
#[derive(Debug)]
pub struct Provider {
    name: ProviderName,
    title: String,
    given_title: Option<String>,
    description: String,
    fields: Vec<InputField>,
    callback: Option<Callback>,
    departure: Departure,
    mapping: MappingRules,
    connector: Connector,
}

/// The protocol by which a provider is asked, with what it needs for that. What is fetched outlives whoever began it, and so
/// do those who fetch.
#[derive(Debug)]
pub(super) enum Connector {
    Kisee(Arc<KiseeConnector>),
    Local(LocalConnector),
    OAuth1(Box<OAuth1Connector>),
    OAuth2(Box<OAuth2Connector>),
    Oidc(Arc<OidcConnector>),
    Pasee(Arc<PaseeConnector>),
    Kubernetes(Arc<KubernetesConnector>),
    Ldap(Box<LdapConnector>),
}

impl Connector {
    fn login_methods(&self) -> &'static [LoginMethod] {
        match self {
            Self::Kisee(_) | Self::Local(_) | Self::Ldap(_) => &[LoginMethod::Password],
            Self::OAuth1(_) | Self::OAuth2(_) | Self::Oidc(_) => &[LoginMethod::Redirect],
            Self::Pasee(pasee) if pasee.forwards() => &[LoginMethod::Token, LoginMethod::Password],
            Self::Pasee(_) | Self::Kubernetes(_) => &[LoginMethod::Token],
        }
    }
}

impl Provider {
    pub(super) fn new(settings: &settings::IdentityProvider, connector: Connector) -> Self {
        let name = settings.name.clone();
        let given_title = settings.title.clone();
        let login_methods = connector.login_methods();
        Self {
            title: given_title.clone().unwrap_or_else(|| format!("Log in via {name}")),
            given_title,
            description: settings
                .description
                .clone()
                .unwrap_or_else(|| description(&name, login_methods)),
            fields: login_fields(&settings.input_fields, login_methods),
            callback: settings.protocol.callback().cloned(),
            departure: settings.departure,
            mapping: MappingRules::new(&settings.mapping, caseless(&settings.protocol)),
            name,
            connector,
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

    /// What the settings call it, if they do.
    #[must_use]
    pub fn given_title(&self) -> Option<&str> {
        self.given_title.as_deref()
    }

    /// What to call it in any language: as the settings do, or by its name.
    #[must_use]
    pub fn label(&self) -> &str {
        self.given_title().unwrap_or_else(|| self.name.as_str())
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
        self.connector.login_methods()
    }

    /// Where browsers come back to, and how they bring its answer; `None` where nobody is sent away.
    #[must_use]
    pub fn callback(&self) -> Option<&Callback> {
        self.callback.as_ref()
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
        self.under_its_name(self.identified(credential, now)).await
    }

    async fn identified(
        &self,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let authenticated = match (&self.connector, credential) {
            (Connector::Kisee(kisee), Credential::Password(credential)) => {
                kisee.identify(credential, now).await?
            }
            (Connector::Local(local), Credential::Password(credential)) => {
                local.identify(credential).await?
            }
            (Connector::Ldap(ldap), Credential::Password(credential)) => {
                ldap.identify(credential).await?
            }
            (Connector::Pasee(pasee), credential) => {
                let vouched = pasee.identify(credential, now).await?;
                let identity = self.identity(&vouched.authenticated)?;
                let authenticated_at = vouched.authenticated_at;
                return Ok(Identity { authenticated_at, ..identity });
            }
            (Connector::Kubernetes(kubernetes), Credential::Token(token)) => {
                kubernetes.identify(token, now).await?
            }
            (
                Connector::Kisee(_) | Connector::Local(_) | Connector::Ldap(_),
                Credential::Token(_),
            )
            | (Connector::Kubernetes(_), Credential::Password(_))
            | (Connector::OAuth1(_) | Connector::OAuth2(_) | Connector::Oidc(_), _) => {
                return Err(ProviderError::NotOffered);
            }
        };
        self.identity(&authenticated)
    }

    /// Asks it for what it publishes, or whether it lets us ask: what came of that. Nobody logs in.
    ///
    /// # Errors
    /// What a login would come upon too.
    pub async fn probe(&self) -> Result<String, ProviderError> {
        self.under_its_name(async {
            match &self.connector {
                Connector::Kisee(kisee) => kisee.probe().await,
                Connector::Local(_) => Ok("its users stand in the settings".to_owned()),
                Connector::Ldap(ldap) => ldap.probe().await,
                Connector::OAuth1(oauth1) => oauth1.probe().await,
                Connector::OAuth2(oauth2) => oauth2.probe().await,
                Connector::Oidc(oidc) => oidc.probe().await,
                Connector::Pasee(pasee) => pasee.probe().await,
                Connector::Kubernetes(kubernetes) => kubernetes.probe().await,
            }
        })
        .await
    }

    /// Whether it takes a [`LoginDemand`] and says what became of it. One that has people give their password here always shows
    /// that; one that sends them back by OAuth alone never does.
    #[must_use]
    pub fn takes_demands(&self) -> bool {
        matches!(self.connector, Connector::Oidc(_))
    }

    /// Begins a login in a browser, which is to come back to `callback_url`.
    ///
    /// # Errors
    /// [`ProviderError::NotOffered`] when the protocol has no such thing, else what went wrong on the way.
    pub async fn begin(
        &self,
        callback_url: &Url,
        demand: &LoginDemand,
        now: Timestamp,
    ) -> Result<AuthorizationRequest, ProviderError> {
        self.under_its_name(self.begun(callback_url, demand, now)).await
    }

    async fn begun(
        &self,
        callback_url: &Url,
        demand: &LoginDemand,
        now: Timestamp,
    ) -> Result<AuthorizationRequest, ProviderError> {
        match &self.connector {
            Connector::OAuth1(oauth1) => oauth1.begin(callback_url, now).await,
            Connector::OAuth2(oauth2) => oauth2.begin(callback_url),
            Connector::Oidc(oidc) => oidc.begin(callback_url, demand).await,
            Connector::Kisee(_)
            | Connector::Local(_)
            | Connector::Pasee(_)
            | Connector::Kubernetes(_)
            | Connector::Ldap(_) => Err(ProviderError::NotOffered),
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
        self.under_its_name(self.finished(callback_url, pending, params, now)).await
    }

    async fn finished(
        &self,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let authenticated = match &self.connector {
            Connector::OAuth1(oauth1) => oauth1.finish(pending, params, now).await?,
            Connector::OAuth2(oauth2) => oauth2.finish(callback_url, pending, params).await?,
            Connector::Oidc(oidc) => oidc.finish(callback_url, pending, params, now).await?,
            Connector::Kisee(_)
            | Connector::Local(_)
            | Connector::Pasee(_)
            | Connector::Kubernetes(_)
            | Connector::Ldap(_) => {
                return Err(ProviderError::NotOffered);
            }
        };
        self.identity(&authenticated)
    }

    /// What ends the sessions of its users who have left.
    #[must_use]
    pub fn departure(&self) -> Departure {
        self.departure
    }

    /// Asks about somebody who is not there.
    ///
    /// # Errors
    /// [`ProviderError`] when the answer is not clear, or when nobody can ask this provider.
    pub async fn presence(&self, user: &UserId) -> Result<Presence, ProviderError> {
        let subject = user.split().1;
        let asked = async {
            match &self.connector {
                Connector::Ldap(ldap) => ldap.presence(subject).await,
                Connector::Kubernetes(kubernetes) => kubernetes.presence(subject).await,
                Connector::Kisee(_)
                | Connector::Local(_)
                | Connector::OAuth1(_)
                | Connector::OAuth2(_)
                | Connector::Oidc(_)
                | Connector::Pasee(_) => Err(ProviderError::NotOffered),
            }
        };
        self.under_its_name(asked).await
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
        self.span().in_scope(|| self.mapping.recheck(user.split().1, evidence))
    }

    /// Whether a claim of this name passes by the settings of today.
    #[must_use]
    pub fn passes(&self, name: &ClaimName) -> bool {
        self.mapping.passes(name)
    }

    /// What is known of a user beforehand, of what a login would prove: only of users of the settings file.
    #[must_use]
    pub fn known_claim(&self, subject: &str, name: &str) -> Option<ClaimValue> {
        match &self.connector {
            Connector::Local(local) => self.mapping.passed(name, local.claims_of(subject)?),
            Connector::Kisee(_)
            | Connector::Ldap(_)
            | Connector::OAuth1(_)
            | Connector::OAuth2(_)
            | Connector::Oidc(_)
            | Connector::Pasee(_)
            | Connector::Kubernetes(_) => None,
        }
    }

    /// Leaves out of a session what a refresh token of this scope has no room for, and says so in the log. The groups that
    /// are still added.
    ///
    /// # Errors
    /// [`SignError::NoRoom`] when there is not even room for the rules by which the user is let in.
    pub fn fit(
        &self,
        user: &UserId,
        (claims, evidence): (&mut ExtraClaims, &mut Evidence),
        scope: &Scope,
        room: Room,
    ) -> Result<MappedGroups, SignError> {
        let fitted = self.mapping.fit(claims, evidence, scope, room);
        let (groups, LeftOut { rules, claims: names }) = fitted.ok_or(SignError::NoRoom)?;
        if rules > 0 {
            tracing::warn!(
                %user,
                rules,
                "more group rules hold than a refresh token has room for: the last of them, and their groups, are left out"
            );
        }
        for claim in names {
            tracing::warn!(%user, %claim, "this claim is left out: a refresh token has no room for it");
        }
        Ok(groups)
    }

    /// What every line of the log about this provider has. No level of the log leaves it out.
    fn span(&self) -> Span {
        tracing::error_span!("identity_provider", provider = %self.name)
    }

    /// Does something with the provider's name in every line of the log, and says there what no user can mend.
    async fn under_its_name<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let work = async { work.await.inspect_err(ProviderError::say) };
        work.instrument(self.span()).await
    }

    fn identity(&self, authenticated: &Authenticated) -> Result<Identity, ProviderError> {
        let (claims, evidence, mapped) = self.mapping.judge(authenticated)?;
        let user = UserId::new(&self.name, &authenticated.subject);
        let auth_time = authenticated.auth_time;
        Ok(Identity { user, claims, evidence, mapped, authenticated_at: None, auth_time })
    }

    /// Whom a login will give, of somebody who registers by this name: it is their subject there.
    ///
    /// # Errors
    /// [`UserIdError`]: nobody can log in by such a name.
    pub fn registered_as(&self, username: &str) -> Result<UserId, UserIdError> {
        Ok(UserId::new(&self.name, &Subject::made_here(username)?))
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
        match &self.connector {
            Connector::Kisee(kisee) => self.under_its_name(kisee.forward(what, request)).await,
            Connector::Local(_)
            | Connector::OAuth1(_)
            | Connector::OAuth2(_)
            | Connector::Oidc(_)
            | Connector::Pasee(_)
            | Connector::Kubernetes(_)
            | Connector::Ldap(_) => Err(ProviderError::NotOffered),
        }
    }
}

/// The claims that hold no two values which differ in case alone: GitHub tells organizations and teams apart by no case.
fn caseless(protocol: &settings::Protocol) -> &'static [&'static str] {
    match protocol {
        settings::Protocol::OAuth2(settings::OAuth2 {
            dialect: settings::Dialect::GitHub { .. },
            ..
        }) => &["organizations", "teams"],
        _ => &[],
    }
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

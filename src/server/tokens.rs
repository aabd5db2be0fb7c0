//! `/tokens/`: logins and refreshes. Nothing here waits for a disk; a login waits for its identity provider only.

use http::StatusCode;

use super::document::{Document, Link, Location, Need};
use super::error::ApiError;
use super::reply::Reply;
use super::request::{Call, Fields};
use super::{Api, bearer};
use crate::domain::policy::{Grant, Login, admit};
use crate::domain::time::Timestamp;
use crate::domain::token::{Scope, TokenId, TokenPair, issue};
use crate::domain::user::UserId;
use crate::idp::{
    Credential, Identity, LoginMethod, MappedGroups, PasswordCredential, Provider, ProviderError,
};
use crate::jose::sign::token_id;

impl Api {
    /// GET: what can be done for tokens; with `idp`, the way back from a provider that logs in by redirect.
    pub(super) async fn describe_tokens(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        if let Some(name) = call.query("idp")? {
            return self.visit_tokens(call, &name).await;
        }
        let url = self.url("/tokens/");
        let mut document = Document::new(&url, "Get tokens from an identity provider");
        for provider in self.config.providers.iter() {
            document = document
                .with(&format!("identify_via_{}", provider.name()), login_link(&url, provider));
        }
        let refresh = Link::new(
            "post",
            format!("{url}?refresh"),
            "Get new tokens for a refresh token",
            "POST with the refresh token in the header Authorization: Bearer … to get a new access and refresh token.",
        );
        let document =
            document.with("refresh", refresh.field("scope", Location::Query, Need::Optional));
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// POST: a login with `idp`, or a refresh.
    pub(super) async fn create_tokens(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let scope = call.parsed_query::<Scope>("scope")?.unwrap_or_default();
        match (call.query("idp")?, call.query("refresh")?) {
            (Some(name), None) => self.log_in(call, &name, scope).await,
            (None, Some(_)) => self.refresh(&call, scope),
            _ => Err(ApiError::Malformed(
                "the query must name an identity provider or ask for a refresh: ?idp=kisee or ?refresh".to_owned(),
            )),
        }
    }

    async fn log_in(&self, call: Call<'_>, name: &str, scope: Scope) -> Result<Reply, ApiError> {
        let provider = self.provider(name)?;
        if provider.login_methods() == [LoginMethod::Redirect] {
            return self.begin_login(&call, provider, &scope).await;
        }
        let (client, now) = (call.client, call.now);
        let credential = credential(provider, call.fields().await?)?;
        let attempts = &self.config.attempts;
        match &credential {
            Credential::Password(credential) => {
                attempts.check(client, &attempt_key(name, &credential.login))
            }
            Credential::Token(_) => attempts.check_address(client),
        }
        .map_err(ApiError::TooMany)?;
        let identified = provider.identify(credential, now).await;
        self.config.metrics.login(provider.name().as_str(), outcome(&identified));
        self.admit_login(provider, identified?, scope, StatusCode::CREATED)
    }

    /// A pair for whom a provider has just proved. It took its time: what the state says of the user is read now, not
    /// before.
    pub(super) fn admit_login(
        &self,
        provider: &Provider,
        mut identity: Identity,
        scope: Scope,
        status: StatusCode,
    ) -> Result<Reply, ApiError> {
        let now = (self.config.clock)();
        let keys = self.config.keys.current();
        let room = keys.refresh_tokens().room(&identity.user, &scope)?;
        provider.fit(&mut identity, room);
        let Identity { user, claims, evidence, mapped, authenticated_at } = identity;
        let login = Login { user: user.clone(), claims, evidence, scope, authenticated_at };
        self.grant(&user, Grant::Login(login), &mapped, now, status)
    }

    fn refresh(&self, call: &Call<'_>, scope: Scope) -> Result<Reply, ApiError> {
        let token = bearer(&call.parts.headers)?.ok_or(ApiError::RefreshTokenMissing)?;
        let mut claims = self.config.keys.current().refresh_tokens().read(token, call.now)?;
        let user = claims.token.subject.clone();
        let provider = self.config.providers.get(user.split().0);
        let provider = provider.ok_or(ApiError::ProviderGone)?;
        let mapped =
            provider.recheck(&user, &claims.evidence).map_err(|_| ApiError::NotAllowedAnyMore)?;
        claims.extra.retain(|name| provider.passes(name));
        let grant = Grant::Refresh(&claims, scope);
        self.grant(&user, grant, &mapped, call.now, StatusCode::CREATED)
    }

    /// A new pair, if the policy admits it.
    fn grant(
        &self,
        user: &UserId,
        grant: Grant<'_>,
        mapped: &MappedGroups,
        now: Timestamp,
        status: StatusCode,
    ) -> Result<Reply, ApiError> {
        self.config.realm.fresh()?;
        let directory = self.config.realm.directory();
        let mut record = directory.record(user, now);
        let lifetimes = self.config.lifetimes;
        let admission = admit(grant, record.standing, lifetimes.session, now)?;
        let until = admission.authenticated_at().after(mapped.lifetime);
        record.add_mapped(&mapped.groups, until, directory, now);
        let pair = issue(admission, record.holdings, lifetimes, fresh_ids()?, now);
        self.config.metrics.token_pair();
        self.pair(&pair, status)
    }

    fn pair(&self, pair: &TokenPair, status: StatusCode) -> Result<Reply, ApiError> {
        let keys = self.config.keys.current();
        let document = Document::new(&self.url("/tokens/"), "Tokens")
            .with("access_token", keys.signer().access(&pair.access)?)
            .with("refresh_token", keys.refresh_tokens().write(&pair.refresh)?);
        Ok(Reply::document(status, &document))
    }

    pub(super) fn provider(&self, name: &str) -> Result<&Provider, ApiError> {
        let nowhere = ApiError::NotFound(
            "there is no such identity provider; GET /tokens/ lists those there are",
        );
        self.config.providers.get(name).ok_or(nowhere)
    }
}

fn login_link(url: &str, provider: &Provider) -> Link {
    let link = Link::new(
        "post",
        format!("{url}?idp={}", provider.name()),
        provider.title(),
        provider.description(),
    );
    let link = provider.fields().iter().fold(link, |link, field| {
        link.field(
            &field.name,
            Location::Form,
            if field.required { Need::Required } else { Need::Optional },
        )
    });
    link.field("scope", Location::Query, Need::Optional)
}

/// What the body logs in with, by one of the provider's methods.
fn credential(provider: &Provider, mut fields: Fields) -> Result<Credential, ApiError> {
    let takes = |method| provider.login_methods().contains(&method);
    let token = takes(LoginMethod::Token) && (fields.has("token") || !takes(LoginMethod::Password));
    if token {
        return Ok(Credential::Token(fields.text("token")?.into()));
    }
    let (login, password) = (fields.text("login")?, fields.text("password")?.into());
    Ok(Credential::Password(PasswordCredential { login, password }))
}

/// The ids of a pair, from one call for random numbers.
fn fresh_ids() -> Result<[TokenId; 2], ApiError> {
    let mut random = [[0; 16]; 2];
    getrandom::fill(random.as_flattened_mut()).map_err(|_| ApiError::Randomness)?;
    Ok(random.map(token_id))
}

/// One counter for a person, however they spell themselves.
pub(super) fn attempt_key(provider: &str, login: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let folded: String = login.trim().nfkc().flat_map(char::to_lowercase).collect();
    format!("{provider}-{folded}")
}

/// How a login went, for metrics.
pub(super) fn outcome(identified: &Result<Identity, ProviderError>) -> &'static str {
    match identified {
        Ok(_) => "proved",
        Err(ProviderError::Refused) => "refused",
        Err(ProviderError::NotConfirmed) => "not_confirmed",
        Err(ProviderError::Token(_)) => "token_refused",
        Err(ProviderError::NotAllowed) => "not_allowed",
        Err(ProviderError::Unreachable) => "unreachable",
        Err(ProviderError::Busy) => "busy",
        Err(ProviderError::InvalidResponse(_)) => "invalid_response",
        Err(ProviderError::NotOffered) => "not_offered",
    }
}

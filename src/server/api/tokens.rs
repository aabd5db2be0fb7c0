//! `/tokens/`: logins and refreshes.
//!
//! Must not know who gets tokens, nor what they say.

use http::StatusCode;
use serde::Serialize;

use super::person::person;
use crate::domain::base_url::BaseUrl;
use crate::domain::token::Scope;
use crate::idp::{Credential, LoginMethod, PasswordCredential, Provider, ProviderError};
use crate::server::Api;
use crate::server::document::{Document, Frame, Link, Location, Need};
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, FORM, Fields};
use crate::service::{GrantError, SignedPair};
use crate::web::bearer::bearer;
use crate::web::limits::Purpose;
use crate::web::peer::{Client, network};

impl Api {
    /// GET: what can be done for tokens; with `idp`, the way back from a provider that logs in by redirect.
    pub(in crate::server) async fn describe_tokens(
        &self,
        call: &Call<'_>,
    ) -> Result<Reply, ApiError> {
        if let Some(name) = call.query("idp")? {
            return self.visit_tokens(call, &name).await;
        }
        let url = self.url("/tokens/");
        let mut document = Document::new(&url, "Get tokens from an identity provider");
        for provider in self.service.providers().iter() {
            document = document
                .with(&format!("identify_via_{}", provider.name()), login_link(&url, provider));
        }
        let document = document.with("refresh", refresh_link(&url));
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// POST: a login with `idp`, or a refresh.
    pub(in crate::server) async fn create_tokens(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let scope = call.scope()?;
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
            if call.is_of_type(&[FORM]) {
                return self.pass_on_form(call, provider).await;
            }
            return self.begin_login(&call, provider, &scope).await;
        }
        let (client, now) = (call.client, call.now);
        let credential = credential(provider, client, call.fields().await?)?;
        let attempts = &self.config.attempts;
        let attempt = match &credential {
            Credential::Password(credential) => {
                attempts.guess(client, &[person(name, &credential.login)])
            }
            Credential::Token(_) => attempts.ask(client, Purpose::Token),
        }
        .map_err(ApiError::TooMany)?;
        let pair = self.service.log_in(provider, credential, scope, now).await;
        // What came too much at once was not looked at.
        if let Ok(_) | Err(GrantError::Provider(ProviderError::Busy)) = &pair {
            attempt.was_right();
        }
        Ok(self.tokens(&pair?, StatusCode::CREATED))
    }

    fn refresh(&self, call: &Call<'_>, scope: Scope) -> Result<Reply, ApiError> {
        let token = bearer(&call.parts.headers)?.ok_or(ApiError::RefreshTokenMissing)?;
        Ok(self.tokens(&self.service.refresh(token, scope, call.now)?, StatusCode::CREATED))
    }

    /// A pair as it is handed out.
    pub(in crate::server) fn tokens(&self, pair: &SignedPair, status: StatusCode) -> Reply {
        let SignedPair { access_token, refresh_token, expires_in } = pair;
        let members = Pair { access_token, refresh_token, expires_in: *expires_in };
        Reply::framed(status, &self.pair_frame, &members)
    }

    pub(in crate::server) fn provider(&self, name: &str) -> Result<&Provider, ApiError> {
        let nowhere = ApiError::NotFound(
            "there is no such identity provider; GET /tokens/ lists those there are",
        );
        self.service.providers().get(name).ok_or(nowhere)
    }
}

/// What changes from pair to pair.
#[derive(Serialize)]
struct Pair<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    expires_in: i64,
}

/// What stays the same around every pair.
pub(in crate::server) fn pair_frame(base: &BaseUrl) -> Frame {
    let url = base.url("/tokens/");
    let me = Link::new(
        "get",
        base.url("/users/me"),
        "Who you are",
        "With the access token in the header Authorization: Bearer …",
    );
    let groups = Link::new(
        "get",
        base.url("/groups/"),
        "Groups",
        "Your own, to root staff all, with the access token.",
    );
    let document = Document::new(&url, "Tokens")
        .with("refresh", refresh_link(&url))
        .with("get_user", me)
        .with("get_groups", groups);
    Frame::new(&document)
}

fn refresh_link(url: &str) -> Link {
    let link = Link::new(
        "post",
        format!("{url}?refresh"),
        "Get new tokens for a refresh token",
        "POST with the refresh token in the header Authorization: Bearer … to get a new access and refresh token.",
    );
    link.field("scope", Location::Query, Need::Optional)
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
fn credential(
    provider: &Provider,
    client: Client,
    mut fields: Fields,
) -> Result<Credential, ApiError> {
    let takes = |method| provider.login_methods().contains(&method);
    let token = takes(LoginMethod::Token) && (fields.has("token") || !takes(LoginMethod::Password));
    if token {
        return Ok(Credential::Token(fields.text("token")?.into()));
    }
    let (login, password) = (fields.text("login")?, fields.text("password")?.into());
    let client = network(client.address);
    Ok(Credential::Password(PasswordCredential { login, password, client }))
}

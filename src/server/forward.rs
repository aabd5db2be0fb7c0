//! What is passed on to identity providers untouched: registration, password recovery, new passwords.
//!
//! Guessing through here is limited like logging in. Must not know what the bodies say.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::tokens::attempt_key;
use super::{Api, bearer};
use crate::domain::user::UserId;
use crate::idp::{Forward, ForwardedAnswer, ForwardedRequest, Provider, ProviderError};
use crate::jose::json::strict_object;

impl Api {
    /// POST `/users/`: a new user at the provider that registers users.
    pub(super) async fn register_user(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let provider = self.config.providers.registering().ok_or(ProviderError::NotOffered)?;
        self.config.attempts.check_address(call.client).map_err(ApiError::TooMany)?;
        // No Authorization: a token of ours is none of the provider's business.
        let answer = provider.forward(Forward::Users, request(call, &[]).await?).await?;
        let location = self.new_user_url(provider, &answer);
        let reply = reply(answer);
        Ok(location.into_iter().fold(reply, |reply, url| reply.located(&url)))
    }

    /// GET, POST `/password_recoveries/`: at the provider that registers users.
    pub(super) async fn recover_password(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let provider = self.config.providers.registering().ok_or(ProviderError::NotOffered)?;
        let client = call.client;
        let forwarded = request(call, &[]).await?;
        if let Some(person) = named_person(&forwarded) {
            let key = attempt_key(provider.name().as_str(), &person);
            self.config
                .attempts
                .check(client, &format!("recovery of {key}"))
                .map_err(ApiError::TooMany)?;
        } else if forwarded.method == http::Method::POST {
            self.config.attempts.check_address(client).map_err(ApiError::TooMany)?;
        }
        Ok(reply(provider.forward(Forward::PasswordRecoveries, forwarded).await?))
    }

    /// PATCH `/users/U` with a JSON Patch: a new password, judged by the provider.
    pub(super) async fn change_password(
        &self,
        call: Call<'_>,
        user: &UserId,
    ) -> Result<Reply, ApiError> {
        let (name, subject) = user.split();
        let provider = self.provider(name)?;
        if let Ok(Some(token)) = bearer(&call.parts.headers) {
            let verifier = &self.config.verifier;
            if verifier.access(token, call.now).is_ok() || verifier.refresh(token, call.now).is_ok()
            {
                return Err(ApiError::OwnToken);
            }
        }
        self.config
            .attempts
            .check(call.client, &attempt_key(name, subject))
            .map_err(ApiError::TooMany)?;
        let forwarded = request(call, &[AUTHORIZATION]).await?;
        Ok(reply(provider.forward(Forward::User(subject), forwarded).await?))
    }

    /// Where the new user is here: the provider says only where they are there.
    fn new_user_url(&self, provider: &Provider, answer: &ForwardedAnswer) -> Option<String> {
        let location = answer.headers.get(LOCATION)?.to_str().ok()?;
        let base: Url = "http://provider/".parse().ok()?;
        let url = base.join(location).ok()?;
        let name = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
        let subject = percent_decode_str(name).decode_utf8().ok()?.parse().ok()?;
        Some(self.user_url(&UserId::new(provider.name(), &subject)))
    }
}

/// The request as it is passed on: method, body, and of the headers only what the provider needs.
async fn request(call: Call<'_>, more: &[http::HeaderName]) -> Result<ForwardedRequest, ApiError> {
    let method = match &call.parts.method {
        &http::Method::HEAD => http::Method::GET,
        method => method.clone(),
    };
    let mut headers = HeaderMap::new();
    for name in [CONTENT_TYPE, ACCEPT].iter().chain(more) {
        if let Some(value) = call.parts.headers.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    Ok(ForwardedRequest { method, headers, body: call.bytes().await? })
}

/// Whose password is to be recovered.
fn named_person(request: &ForwardedRequest) -> Option<String> {
    let body = strict_object(&request.body).ok()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    text("login").or_else(|| text("email"))
}

/// The provider's status and body. Of its headers only those that tell what to do next, and a media type that no
/// browser would run.
fn reply(answer: ForwardedAnswer) -> Reply {
    let harmless = |value: &&HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "text/plain" || essence.starts_with("application/") && essence.contains("json")
    };
    let content_type = answer.headers.get(CONTENT_TYPE).filter(harmless).cloned();
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut reply = if answer.status == StatusCode::NO_CONTENT {
        Reply::nothing()
    } else {
        Reply::typed(answer.status, content_type, answer.body)
    };
    for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
        if let Some(value) = answer.headers.get(&name) {
            reply = reply.with(name, value.clone());
        }
    }
    reply.unstored()
}

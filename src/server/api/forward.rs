//! What is passed on to identity providers untouched: registration, password recovery, new passwords.
//!
//! Guessing through here is limited like logging in. Must not know what the bodies say.

use std::net::IpAddr;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::proof::Proof;
use super::tokens::attempt_key;
use crate::domain::user::UserId;
use crate::idp::{Forward, ForwardedAnswer, ForwardedRequest, Provider, ProviderError};
use crate::jose::json::strict_object;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, essence};

impl Api {
    /// POST `/users/`: a new user at the provider that registers users.
    pub(in crate::server) async fn register_user(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let provider = self.service.providers().registering().ok_or(ProviderError::NotOffered)?;
        self.config.attempts.check_address(call.client).map_err(ApiError::TooMany)?;
        // No Authorization: a token of ours is none of the provider's business.
        let forwarded = request(call, &[]).await?;
        let user = new_user(provider, &forwarded.body)?;
        let answer = provider.forward(Forward::Users, forwarded).await?;
        // Where they are there is the provider's business, and some spell it wrong.
        let user = user.filter(|_| answer.status == StatusCode::CREATED);
        let reply = reply(answer);
        Ok(user.iter().fold(reply, |reply, user| reply.located(&self.user_url(user))))
    }

    /// GET, POST `/password_recoveries/`: at the provider that registers users.
    pub(in crate::server) async fn recover_password(
        &self,
        call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        let provider = self.service.providers().registering().ok_or(ProviderError::NotOffered)?;
        let client = call.client;
        let forwarded = request(call, &[]).await?;
        if forwarded.method == Method::POST {
            let mut people = named_people(&forwarded.body)?.peekable();
            if people.peek().is_none() {
                self.config.attempts.check_address(client).map_err(ApiError::TooMany)?;
            }
            for person in people {
                let key = attempt_key(provider.name().as_str(), &person);
                self.limit(client, &format!("recovery of {key}"))?;
            }
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
        let proof = Proof::of(&call.parts.headers)?;
        let key = attempt_key(name, subject);
        self.limit(call.client, &key)?;
        // The provider judges the one whom the proof names, whatever the path says.
        if let Some(other) = proof.login().map(|login| attempt_key(name, login))
            && other != key
        {
            self.limit(call.client, &other)?;
        }
        let forwarded = request(call, &[AUTHORIZATION]).await?;
        Ok(reply(provider.forward(Forward::User(subject), forwarded).await?))
    }

    fn limit(&self, client: IpAddr, person: &str) -> Result<(), ApiError> {
        self.config.attempts.check(client, person).map_err(ApiError::TooMany)
    }
}

/// The request as it is passed on: method, body, and of the headers only what the provider needs.
async fn request(call: Call<'_>, more: &[HeaderName]) -> Result<ForwardedRequest, ApiError> {
    let method = match &call.parts.method {
        &Method::HEAD => Method::GET,
        method => method.clone(),
    };
    let mut headers = HeaderMap::new();
    for name in [CONTENT_TYPE, ACCEPT].iter().chain(more) {
        if let Some(value) = call.parts.headers.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if !headers.get(CONTENT_TYPE).is_none_or(means_utf8) {
        return Err(ApiError::MediaType);
    }
    Ok(ForwardedRequest { method, headers, body: call.bytes().await? })
}

/// Whether a body of this type reads the same there as here: in another character set it could name somebody else to the
/// provider than to the limits.
fn means_utf8(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let mut parts = text.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase());
    parts.all(|part| matches!(part.as_str(), "charset=utf-8" | "charset=\"utf-8\""))
}

/// Who the new user will be, as far as the body says so: a name by which nobody could log in is refused before the
/// provider takes it.
fn new_user(provider: &Provider, body: &[u8]) -> Result<Option<UserId>, ApiError> {
    let right = "{\"username\": \"john\", \"password\": \"…\", \"email\": \"john@example.com\"}";
    let wrong = |what: String| ApiError::Malformed(format!("{what}; a right one is {right}"));
    let mut body =
        strict_object(body).map_err(|error| wrong(format!("the body is malformed: {error}")))?;
    match body.remove("username") {
        None => Ok(None),
        Some(Value::String(name)) => match provider.registered_as(&name) {
            Ok(user) => Ok(Some(user)),
            Err(error) => Err(wrong(format!("nobody could log in by this username: {error}"))),
        },
        Some(_) => Err(wrong("the field username must be a text".to_owned())),
    }
}

/// Whose password is to be recovered, as far as the body says so.
fn named_people(body: &[u8]) -> Result<impl Iterator<Item = String>, ApiError> {
    let mut body = strict_object(body).map_err(|error| {
        ApiError::Malformed(format!(
            "the body is malformed: {error}; a right one is {{\"login\": \"john\"}}"
        ))
    })?;
    Ok(["login", "email"].into_iter().filter_map(move |name| match body.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }))
}

/// The provider's status and body. Of its headers only those that tell what to do next, and a media type that no
/// browser would run.
fn reply(answer: ForwardedAnswer) -> Reply {
    let harmless = |value: &&HeaderValue| {
        let essence = essence(value);
        essence == "text/plain" || essence.starts_with("application/") && essence.contains("json")
    };
    let content_type = answer.headers.get(CONTENT_TYPE).filter(harmless).cloned();
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut reply = if answer.body.is_empty() {
        Reply::empty(answer.status)
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

//! What is passed on to identity providers untouched: registration, password recovery, new passwords.
//!
//! Requests are passed on untouched, but for a new password in a form; answers come back as documents of ours. Guessing through
//! here is limited like logging in.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::person::{people, person};
use super::proof::Proof;
use super::translated::{self, Translator};
use super::urls::encoded;
use crate::domain::user::UserId;
use crate::idp::{Forward, ForwardedAnswer, ForwardedRequest, Provider, ProviderError};
use crate::jose::json::strict_object;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, essence};
use crate::web::limits::{Attempt, Purpose};
use crate::web::peer::Client;

/// A JSON Patch (RFC 6902).
const JSON_PATCH: &str = "application/json-patch+json";

/// What documents of a provider come as: what else one would send, such as plain JSON, has lost its links.
const DOCUMENTS: &str =
    "application/coreapi+json, application/vnd.coreapi+json, application/json;q=0.5";

impl Api {
    /// POST `/users/`: a new user at the provider that registers users.
    pub(in crate::server) async fn register_user(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let provider = self.service.providers().registering().ok_or(ProviderError::NotOffered)?;
        self.count_forward(call.client)?;
        // No Authorization: a token of ours is none of the provider's business.
        let forwarded = request(call, &[]).await?;
        let user = new_user(provider, &forwarded.body)?;
        let answer = provider.forward(Forward::Users, forwarded).await?;
        // Where they are there is the provider's business, and some spell it wrong.
        let user = user.filter(|_| answer.status == StatusCode::CREATED);
        let reply = self.translated(provider, answer, "/users/");
        Ok(user.iter().fold(reply, |reply, user| reply.located(&self.user_url(user))))
    }

    /// GET, POST `/password_recoveries/`: at the provider that registers users.
    pub(in crate::server) async fn recover_password(
        &self,
        call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        let provider = self.service.providers().registering().ok_or(ProviderError::NotOffered)?;
        let (client, name) = (call.client, provider.name().as_str());
        let forwarded = if call.parts.method == Method::POST {
            let forwarded = request(call, &[]).await?;
            let people = people(name, &named(&forwarded.body)?)?;
            self.config.attempts.mail(client, &people).map_err(ApiError::TooMany)?.counts();
            forwarded
        } else {
            // Whoever shows a proof of the provider's own is told there how to change the password. It is judged there: this
            // is a way to guess, and the answer's status does not say whether it went well.
            let proof = Proof::of(&call.parts.headers).unwrap_or(Proof::Missing);
            match proof.login() {
                Some(login) => self.guess_forwarded(client, &[person(name, login)])?.counts(),
                None => self.count_forward(client)?,
            }
            let passed: &[HeaderName] = match proof {
                Proof::Missing => &[],
                Proof::Password(_) | Proof::Token => &[AUTHORIZATION],
            };
            request(call, passed).await?
        };
        let answer = provider.forward(Forward::PasswordRecoveries, forwarded).await?;
        Ok(self.translated(provider, answer, "/password_recoveries/"))
    }

    /// PATCH `/users/U` with a JSON Patch, or with `{"password": …}` as clients send what a form asks for: a new password,
    /// judged by the provider. A form that sets no password is `refused`.
    pub(super) async fn change_password(
        &self,
        call: Call<'_>,
        user: &UserId,
        refused: ApiError,
    ) -> Result<Reply, ApiError> {
        let (name, subject) = user.split();
        let is_patch = call.is_of_type(&[JSON_PATCH]);
        let (client, proof) = (call.client, Proof::of(&call.parts.headers)?);
        let mut forwarded = request(call, &[AUTHORIZATION]).await?;
        if !is_patch {
            forwarded.body = password_patch(&forwarded.body)?.ok_or(refused)?;
            forwarded.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON_PATCH));
        }
        let provider = self.provider(name)?;
        // The provider judges the one whom the proof names, whatever the path says.
        let mut people = vec![person(name, subject)];
        people.extend(proof.login().map(|login| person(name, login)));
        people.dedup();
        let attempt = self.guess_forwarded(client, &people)?;
        let answer = provider.forward(Forward::User(subject), forwarded).await;
        match &answer {
            Ok(answer) if answer.status.is_success() => attempt.was_right(),
            Err(ProviderError::Busy | ProviderError::NotOffered) => attempt.was_right(),
            Ok(_) | Err(_) => attempt.counts(),
        }
        Ok(self.translated(provider, answer?, &format!("/users/{}", encoded(user.as_str()))))
    }

    /// The provider's answer as one of ours. Of its headers only those that tell what to do next; what is neither a JSON
    /// object nor plain text is sent as a type that no browser would run.
    fn translated(&self, provider: &Provider, answer: ForwardedAnswer, path: &str) -> Reply {
        let ForwardedAnswer { status, headers, body, places } = answer;
        let object = strict_object(&body).ok();
        let mut reply = if status.is_client_error() {
            Reply::error(status, translated::error(status, object))
        } else if body.is_empty() {
            Reply::empty(status)
        } else if let Some(object) = object {
            let (base, provider) = (&self.config.base, provider.name().as_str());
            let translator = Translator { base, provider, places: &places };
            Reply::document(status, &translator.document(&self.url(path), object))
        } else {
            let is_plain =
                headers.get(CONTENT_TYPE).is_some_and(|kind| essence(kind) == "text/plain");
            let content_type =
                if is_plain { "text/plain; charset=utf-8" } else { "application/octet-stream" };
            Reply::typed(status, HeaderValue::from_static(content_type), body).unstored()
        };
        for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
            if let Some(value) = headers.get(&name) {
                reply = reply.with(name, value.clone());
            }
        }
        reply
    }

    /// Counts what is passed on, whatever becomes of it.
    fn count_forward(&self, client: Client) -> Result<(), ApiError> {
        let counted = self.config.attempts.ask(client, Purpose::Forward);
        counted.map(Attempt::counts).map_err(ApiError::TooMany)
    }

    /// Counts a guess that is passed on: as both, or as neither when it is refused as one of them.
    fn guess_forwarded(&self, client: Client, people: &[String]) -> Result<Attempt<'_>, ApiError> {
        let attempts = &self.config.attempts;
        let guess = attempts.guess(client, people).map_err(ApiError::TooMany)?;
        match attempts.ask(client, Purpose::Forward) {
            Ok(forward) => forward.counts(),
            Err(wait) => {
                guess.was_right();
                return Err(ApiError::TooMany(wait));
            }
        }
        Ok(guess)
    }
}

/// The request as it is passed on: method, body, and of the headers only what the provider needs.
async fn request(call: Call<'_>, more: &[HeaderName]) -> Result<ForwardedRequest, ApiError> {
    let method = match &call.parts.method {
        &Method::HEAD => Method::GET,
        method => method.clone(),
    };
    let mut headers = HeaderMap::new();
    // What comes back becomes a document of ours, in what the client accepts.
    headers.insert(ACCEPT, HeaderValue::from_static(DOCUMENTS));
    for name in [CONTENT_TYPE].iter().chain(more) {
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

/// The JSON Patch that sets the password of a form; `None` for a body that speaks of none.
fn password_patch(body: &[u8]) -> Result<Option<Bytes>, ApiError> {
    let Some(mut form) = strict_object(body).ok().filter(|form| form.contains_key("password"))
    else {
        return Ok(None);
    };
    match (form.remove("password"), form.is_empty()) {
        (Some(Value::String(password)), true) => {
            let patch = json!([{ "op": "replace", "path": "/password", "value": password }]);
            Ok(Some(patch.to_string().into()))
        }
        _ => Err(ApiError::Malformed(
            "the body means nothing here; a right one for a new password is {\"password\": \"…\"}"
                .to_owned(),
        )),
    }
}

/// The body of a recovery.
fn named(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    strict_object(body).map_err(|error| {
        ApiError::Malformed(format!(
            "the body is malformed: {error}; a right one is {{\"login\": \"john\"}}"
        ))
    })
}

//! Kisee: logins by name and password, answered with a JWT; registration and password recovery passed on.
//!
//! Owns the discovery of Kisee's resources (draft-nottingham-json-home) and the reading of its answers. Must not know
//! what becomes of an identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use url::Url;

use super::egress::Egress;
use super::error::ProviderError;
use super::forward::{Forward, ForwardedAnswer, ForwardedPlaces, ForwardedRequest};
use super::identity::Authenticated;
use super::password::{PasswordCredential, accepted};
use crate::domain::auth_time::AuthTime;
use crate::domain::time::Timestamp;
use crate::jose::json::strict_object;
use crate::jose::kisee::KiseeVerifier;
use crate::outbound::{
    Cached, CallLimits, ClientError, DEFAULT_AGE, Fetched, HttpClient, Repeat, Response, Suspicion,
};
use crate::settings;

/// Largest answer that is passed on, in bytes.
const MAX_FORWARDED: usize = 256 * 1024;

/// Most requests that are passed on at once. They have turns of their own: logins do not wait for them.
const MAX_FORWARDS: usize = 64;

/// A Kisee server.
#[derive(Debug)]
pub(super) struct KiseeConnector {
    endpoint: Url,
    verifier: KiseeVerifier,
    http: HttpClient,
    forwards: CallLimits,
    places: Cached<Places>,
}

/// Where Kisee keeps its resources.
#[derive(Debug)]
struct Places {
    jwt: Url,
    users: Option<Url>,
    password_recoveries: Option<Url>,
    /// Set while a resource is not where it should be.
    outdated: AtomicBool,
}

impl Places {
    fn are_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }
}

impl KiseeConnector {
    /// A Kisee as the settings describe it.
    pub(super) fn new(settings: &settings::Kisee, egress: &Egress) -> Result<Self, ClientError> {
        let own = (&settings.proxy, settings.ca_file.as_deref());
        Ok(Self {
            endpoint: settings.endpoint.clone(),
            verifier: KiseeVerifier::new(settings.public_keys.clone(), settings.issuer.clone()),
            http: egress.client(settings.timeout, own, [&settings.endpoint])?,
            forwards: CallLimits::at_once(MAX_FORWARDS, settings.timeout),
            // Whoever asks for newer places has just called Kisee: looking costs it no more than that.
            places: Cached::new(Duration::ZERO),
        })
    }

    /// Asks for its places.
    pub(super) async fn probe(self: &Arc<Self>) -> Result<String, ProviderError> {
        let places = self.http.limited(self.places()).await?;
        Ok(format!("a Kisee answers, and takes logins at {}", places.jwt))
    }

    /// Asks Kisee for a JWT and believes it if one of the configured keys signed it.
    pub(super) async fn identify(
        self: &Arc<Self>,
        credential: PasswordCredential,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        let answer = self.http.limited(self.log_in(credential)).await?;
        accepted(&answer)?;
        let token = first_token(&answer)?;
        let verified = self.verifier.verify(&token, now).map_err(|error| {
            tracing::warn!(%error, "a JWT of this Kisee was refused");
            ProviderError::of_token(error, "a JWT that does not hold")
        })?;
        Ok(Authenticated {
            subject: verified.subject,
            claims: verified.claims,
            auth_time: AuthTime::AtLogin,
        })
    }

    /// Posts login and password to where JWTs are made; once more if that turns out to have moved.
    async fn log_in(
        self: &Arc<Self>,
        credential: PasswordCredential,
    ) -> Result<Response, ProviderError> {
        let body =
            json!({ "login": credential.login, "password": credential.password.expose_secret() });
        let body = body.to_string();
        let places = self.places().await?;
        let answer = self.ask_for_jwt(&places, &body).await?;
        if !places.are_outdated() {
            return Ok(answer);
        }
        let newer = self.places().await?;
        if newer.jwt == places.jwt { Ok(answer) } else { self.ask_for_jwt(&newer, &body).await }
    }

    async fn ask_for_jwt(&self, places: &Places, body: &str) -> Result<Response, ProviderError> {
        let request = self
            .http
            .post(places.jwt.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/vnd.coreapi+json, application/json")
            .body(body.to_owned());
        let answer = self.http.send(request, Repeat::Harmless).await?;
        note_moves(places, answer.status);
        Ok(answer)
    }

    /// Passes a request on to where Kisee keeps the resource.
    pub(super) async fn forward(
        self: &Arc<Self>,
        what: Forward<'_>,
        request: ForwardedRequest,
    ) -> Result<ForwardedAnswer, ProviderError> {
        let (places, Response { status, headers, body, .. }) =
            self.forwards.limited(self.pass_on(what, request)).await?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(ProviderError::Unreachable);
        }
        if body.len() > MAX_FORWARDED {
            return Err(ProviderError::InvalidResponse("more than 256 KiB to pass on"));
        }
        // Neither redirections nor errors of its own, nor what is above 599.
        if !status.is_success() && !status.is_client_error() {
            return Err(ProviderError::InvalidResponse("an unexpected status"));
        }
        let places = ForwardedPlaces::new(places.users.clone(), places.password_recoveries.clone());
        Ok(ForwardedAnswer { status, headers, body, places })
    }

    async fn pass_on(
        self: &Arc<Self>,
        what: Forward<'_>,
        request: ForwardedRequest,
    ) -> Result<(Arc<Places>, Response), ProviderError> {
        self.http.look_again().await;
        let places = self.places().await?;
        let place = match what {
            Forward::Users => places.users.clone(),
            Forward::User(subject) => places.users.as_ref().and_then(|users| below(users, subject)),
            Forward::PasswordRecoveries => places.password_recoveries.clone(),
        };
        let place = place.ok_or(ProviderError::NotOffered)?;
        let mut call = self.http.request(request.method.clone(), place.as_str());
        for name in [AUTHORIZATION, CONTENT_TYPE, ACCEPT] {
            if let Some(value) = request.headers.get(&name) {
                call = call.header(name, value);
            }
        }
        let repeat = if request.method == Method::GET { Repeat::Harmless } else { Repeat::Never };
        if request.method != Method::GET {
            call = call.body(request.body);
        }
        let answer = self.http.send(call, repeat).await?;
        // That one user is not there says nothing of the resource.
        if !matches!(what, Forward::User(_)) {
            note_moves(&places, answer.status);
        }
        Ok((places, answer))
    }

    /// Where the resources are. When one was not there, all wait for what Kisee says now, and go on with what is known if
    /// it says nothing.
    async fn places(self: &Arc<Self>) -> Result<Arc<Places>, ProviderError> {
        let discover = || Arc::clone(self).discovered();
        let places = self.places.get(discover).await?;
        if !places.are_outdated() {
            return Ok(places);
        }
        match self.places.newer(&places, Suspicion::Unexplained, discover).await {
            Ok(Some(newer)) => Ok(newer),
            Ok(None) | Err(_) => {
                places.outdated.store(false, Ordering::Relaxed);
                Ok(places)
            }
        }
    }

    async fn discovered(self: Arc<Self>) -> Result<Fetched<Places>, ProviderError> {
        self.http.first_half(self.discover()).await
    }

    async fn discover(&self) -> Result<Fetched<Places>, ProviderError> {
        let request = self.http.get(self.endpoint.clone()).header(ACCEPT, "application/json-home");
        let answer = self.http.send(request, Repeat::Harmless).await?;
        if answer.is_away() {
            return Err(ProviderError::of_away(&answer));
        }
        if answer.status.is_redirection() {
            return Err(ProviderError::InvalidResponse(
                "a redirect, which is not followed, in place of the JSON home document: see endpoint",
            ));
        }
        if answer.status != StatusCode::OK || !answer.is_json() {
            return Err(ProviderError::InvalidResponse("no JSON home document"));
        }
        let home = strict_object(&answer.body)
            .map_err(|_| ProviderError::InvalidResponse("a malformed JSON home document"))?;
        let resources = home.get("resources").and_then(Value::as_object);
        let resources = resources
            .ok_or(ProviderError::InvalidResponse("a JSON home document without resources"))?;
        let places = Places {
            jwt: self
                .place(resources, "jwt")
                .ok_or(ProviderError::InvalidResponse("no resource jwt"))?,
            users: self.place(resources, "users"),
            password_recoveries: self.place(resources, "password_recoveries"),
            outdated: AtomicBool::new(false),
        };
        Ok(Fetched { value: places, fresh_for: DEFAULT_AGE })
    }

    /// The place of a resource, on the configured server whatever host Kisee believes it has: passwords go nowhere else.
    fn place(&self, resources: &Map<String, Value>, name: &str) -> Option<Url> {
        let href = resources.get(name)?.get("href")?.as_str()?;
        let found =
            self.endpoint.join(href).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let mut place = self.endpoint.clone();
        place.set_path(found.path());
        place.set_query(found.query());
        Some(place)
    }
}

/// What looks as if Kisee had moved a resource makes the next call look for it.
fn note_moves(places: &Places, status: StatusCode) {
    let gone =
        matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE);
    if gone || status.is_redirection() {
        places.outdated.store(true, Ordering::Relaxed);
    }
}

/// The URL of one thing below a collection; `None` for a name that would climb out of it.
fn below(collection: &Url, name: &str) -> Option<Url> {
    if matches!(name, "." | "..") {
        return None;
    }
    let mut url = collection.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push(name).push("");
    Some(url)
}

/// The first token of Kisee's answer to a login.
fn first_token(answer: &Response) -> Result<String, ProviderError> {
    if !answer.is_json() {
        return Err(ProviderError::InvalidResponse("a login answer that is not JSON"));
    }
    let document = strict_object(&answer.body)
        .map_err(|_| ProviderError::InvalidResponse("a malformed login answer"))?;
    if document.get("_type").is_some_and(|kind| kind != "document") {
        return Err(ProviderError::InvalidResponse("a login answer that is no document"));
    }
    match document.get("tokens").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(token), ..]) => Ok(token.clone()),
        _ => Err(ProviderError::InvalidResponse("a login answer without tokens")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_stay_below_their_collection() {
        let users: Url = "http://kisee:8140/users/".parse().unwrap();
        let place = |name| below(&users, name).map(String::from);
        assert_eq!(place("ada").as_deref(), Some("http://kisee:8140/users/ada/"));
        assert_eq!(place("a/../b").as_deref(), Some("http://kisee:8140/users/a%2F..%2Fb/"));
        assert_eq!(place("%2e%2e").as_deref(), Some("http://kisee:8140/users/%252e%252e/"));
        assert_eq!(place("a\\..\\b").as_deref(), Some("http://kisee:8140/users/a%5C..%5Cb/"));
        assert_eq!(place("a?b#c").as_deref(), Some("http://kisee:8140/users/a%3Fb%23c/"));
        assert_eq!(place(".."), None);
        assert_eq!(place("."), None);
    }
}

//! Kisee: logins by name and password, answered with a JWT; registration and password recovery passed on.
//!
//! Owns the discovery of Kisee's resources (draft-nottingham-json-home) and the reading of its answers. Must not know
//! what becomes of an identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use url::Url;

use super::call::{Answer, Caller, Repeat, SetupError, Trust};
use super::{
    Authenticated, Forward, ForwardedAnswer, ForwardedRequest, PasswordCredential, ProviderError,
};
use crate::domain::time::Timestamp;
use crate::jose::json::strict_object;
use crate::jose::kisee::KiseeVerifier;
use crate::settings;

/// How long a discovered place of a resource is believed.
const DISCOVERY_AGE: Duration = Duration::from_secs(300);
/// How long it is believed again when it is too old and Kisee does not say anew.
const DISCOVERY_REPRIEVE: Duration = Duration::from_secs(10);

/// Largest answer that is passed on, in bytes.
const MAX_FORWARDED: usize = 256 * 1024;

/// A Kisee server.
#[derive(Debug)]
pub struct Kisee {
    endpoint: Url,
    verifier: KiseeVerifier,
    caller: Caller,
    places: ArcSwapOption<Places>,
    discovery: tokio::sync::Mutex<()>,
}

/// Where Kisee keeps its resources.
#[derive(Debug)]
struct Places {
    jwt: Url,
    users: Option<Url>,
    password_recoveries: Option<Url>,
    believed_until: Instant,
    /// Set when a resource was not where it should be.
    outdated: AtomicBool,
}

impl Places {
    fn are_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    fn are_fresh(&self) -> bool {
        !self.are_outdated() && Instant::now() < self.believed_until
    }

    /// The same places, believed a little longer.
    fn reprieved(&self) -> Self {
        Self {
            jwt: self.jwt.clone(),
            users: self.users.clone(),
            password_recoveries: self.password_recoveries.clone(),
            believed_until: Instant::now() + DISCOVERY_REPRIEVE,
            outdated: AtomicBool::new(false),
        }
    }
}

impl Kisee {
    /// A Kisee as the settings describe it.
    pub(super) fn new(settings: &settings::Kisee) -> Result<Self, SetupError> {
        let trust = Trust::of(settings.ca_file.as_deref(), [&settings.endpoint]);
        Ok(Self {
            endpoint: settings.endpoint.clone(),
            verifier: KiseeVerifier::new(settings.public_keys.clone(), settings.issuer.clone()),
            caller: Caller::new(settings.timeout, trust)?,
            places: ArcSwapOption::empty(),
            discovery: tokio::sync::Mutex::new(()),
        })
    }

    /// Asks Kisee for a JWT and believes it if one of the configured keys signed it.
    pub(super) async fn identify(
        &self,
        credential: PasswordCredential,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        let answer = self.caller.turn(self.log_in(credential)).await?;
        answer.accepts_login()?;
        let token = first_token(&answer)?;
        let verified = self.verifier.verify(&token, now).map_err(|error| {
            tracing::warn!(%error, "a JWT of this Kisee was refused");
            ProviderError::InvalidResponse("a JWT that does not hold")
        })?;
        Ok(Authenticated { subject: verified.subject, claims: verified.claims })
    }

    /// Posts login and password to where JWTs are made; once more if that turns out to have moved.
    async fn log_in(&self, credential: PasswordCredential) -> Result<Answer, ProviderError> {
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

    async fn ask_for_jwt(&self, places: &Places, body: &str) -> Result<Answer, ProviderError> {
        let request = self
            .caller
            .client()
            .post(places.jwt.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/vnd.coreapi+json, application/json")
            .body(body.to_owned());
        let answer = self.caller.send(request, Repeat::Harmless).await?;
        note_moves(places, answer.status);
        Ok(answer)
    }

    /// Passes a request on to where Kisee keeps the resource.
    pub(super) async fn forward(
        &self,
        what: Forward<'_>,
        request: ForwardedRequest,
    ) -> Result<ForwardedAnswer, ProviderError> {
        let Answer { status, headers, body, .. } =
            self.caller.turn(self.pass_on(what, request)).await?;
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
        Ok(ForwardedAnswer { status, headers, body })
    }

    async fn pass_on(
        &self,
        what: Forward<'_>,
        request: ForwardedRequest,
    ) -> Result<Answer, ProviderError> {
        let places = self.places().await?;
        let place = match what {
            Forward::Users => places.users.clone(),
            Forward::User(subject) => places.users.as_ref().and_then(|users| below(users, subject)),
            Forward::PasswordRecoveries => places.password_recoveries.clone(),
        };
        let place = place.ok_or(ProviderError::NotOffered)?;
        let mut call = self.caller.client().request(request.method.clone(), place);
        for name in [AUTHORIZATION, CONTENT_TYPE, ACCEPT] {
            if let Some(value) = request.headers.get(&name) {
                call = call.header(name, value);
            }
        }
        let repeat = if request.method == Method::GET { Repeat::Harmless } else { Repeat::Never };
        if request.method != Method::GET {
            call = call.body(request.body);
        }
        let answer = self.caller.send(call, repeat).await?;
        // That one user is not there says nothing of the resource.
        if !matches!(what, Forward::User(_)) {
            note_moves(&places, answer.status);
        }
        Ok(answer)
    }

    /// Where the resources are: from memory while fresh; one discovery at a time; an old answer rather than none.
    async fn places(&self) -> Result<Arc<Places>, ProviderError> {
        let _one_at_a_time = match self.places.load_full() {
            Some(places) if places.are_fresh() => return Ok(places),
            Some(places) if !places.are_outdated() => match self.discovery.try_lock() {
                Ok(lock) => lock,
                Err(_) => return Ok(places),
            },
            _ => self.discovery.lock().await,
        };
        let old = self.places.load_full();
        if let Some(places) = old.as_ref().filter(|places| places.are_fresh()) {
            return Ok(Arc::clone(places));
        }
        let found = match (self.caller.first_half(self.discover()).await, old) {
            (Ok(found), _) => found,
            (Err(_), Some(old)) => old.reprieved(),
            (Err(error), None) => return Err(error),
        };
        let found = Arc::new(found);
        self.places.store(Some(Arc::clone(&found)));
        Ok(found)
    }

    async fn discover(&self) -> Result<Places, ProviderError> {
        let request =
            self.caller.client().get(self.endpoint.clone()).header(ACCEPT, "application/json-home");
        let answer = self.caller.send(request, Repeat::Harmless).await?;
        if answer.is_away() {
            return Err(ProviderError::Unreachable);
        }
        if answer.status != StatusCode::OK || !answer.is_json() {
            return Err(ProviderError::InvalidResponse("no JSON home document"));
        }
        let home = strict_object(&answer.body)
            .map_err(|_| ProviderError::InvalidResponse("a malformed JSON home document"))?;
        let resources = home.get("resources").and_then(Value::as_object);
        let resources = resources
            .ok_or(ProviderError::InvalidResponse("a JSON home document without resources"))?;
        Ok(Places {
            jwt: self
                .place(resources, "jwt")
                .ok_or(ProviderError::InvalidResponse("no resource jwt"))?,
            users: self.place(resources, "users"),
            password_recoveries: self.place(resources, "password_recoveries"),
            believed_until: Instant::now() + DISCOVERY_AGE,
            outdated: AtomicBool::new(false),
        })
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
fn first_token(answer: &Answer) -> Result<String, ProviderError> {
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

    /// A Kisee that is away.
    fn away() -> Kisee {
        let settings = settings::Kisee {
            endpoint: "http://127.0.0.1:1/".parse().unwrap(),
            public_keys: Vec::new(),
            issuer: None,
            timeout: Duration::from_secs(2),
            ca_file: None,
        };
        Kisee::new(&settings).unwrap()
    }

    fn found(believed_until: Instant) -> Arc<Places> {
        let place = |path: &str| format!("http://127.0.0.1:1{path}").parse().unwrap();
        Arc::new(Places {
            jwt: place("/jwt/"),
            users: Some(place("/users/")),
            password_recoveries: None,
            believed_until,
            outdated: AtomicBool::new(false),
        })
    }

    #[tokio::test]
    async fn old_places_rather_than_none() {
        let kisee = away();
        assert_eq!(kisee.places().await.unwrap_err(), ProviderError::Unreachable);
        let aged = found(Instant::now());
        kisee.places.store(Some(Arc::clone(&aged)));
        assert!(!aged.are_fresh());
        let reprieved = kisee.places().await.unwrap();
        assert_eq!((&reprieved.jwt, &reprieved.users), (&aged.jwt, &aged.users));
        assert!(reprieved.are_fresh(), "and nobody asks again for a while");
        assert!(Arc::ptr_eq(&reprieved, &kisee.places().await.unwrap()));
        // While somebody asks, the others go on with what is known.
        kisee.places.store(Some(Arc::clone(&aged)));
        let _asking = kisee.discovery.lock().await;
        assert!(Arc::ptr_eq(&aged, &kisee.places().await.unwrap()));
        // Unless that is known to be wrong: then they wait, as long as their turn lasts.
        note_moves(&aged, StatusCode::NOT_FOUND);
        let waiting = tokio::time::timeout(Duration::from_millis(50), kisee.places());
        assert!(waiting.await.is_err());
    }

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

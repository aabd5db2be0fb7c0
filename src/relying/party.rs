//! The client at one issuer: found by its metadata, and how its endpoints are called.
//!
//! Owns the calls: bounded, never redirected, with a proof of possession where there is a key, repeated once with the nonce that
//! a server asks for. Must not know what any of them is for.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::error::{Refusal, RelyingError};
use super::issuer::IssuerUrl;
use super::metadata::Metadata;
use super::possession::{Occasion, ProofKey};
use super::token::{AccessToken, TokenScheme};
use crate::domain::time::Timestamp;
use crate::jose::error::VerifyError;
use crate::jose::json::strict_object;
use crate::jose::key_set::{KeySet, Signed};
use crate::outbound::{ClientError, HttpClient, ProxyVariables, Repeat, Response, Trust};

/// Longest time for one piece of work with an issuer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest nonce that is repeated, in bytes.
const MAX_NONCE: usize = 512;
/// Where a server says which nonce it wants (RFC 9449 section 8.1).
const NONCE: &str = "dpop-nonce";
const DPOP: &str = "dpop";

/// Tells the time.
pub type Clock = fn() -> Timestamp;

/// What a login is to give.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Scopes of OAuth.
    pub scopes: &'a [&'a str],
    /// What the access token is for (RFC 8707), where it is for somebody in particular.
    pub resource: Option<&'a str>,
}

/// Our client at one issuer.
pub struct RelyingParty<'h> {
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: String,
    pub(super) key: Option<ProofKey>,
    secret: Option<SecretString>,
    pub(super) metadata: Metadata,
    pub(super) clock: Clock,
    http: &'h HttpClient,
    nonce: Mutex<Option<String>>,
}

/// Shows who it is, and nothing of what it has.
impl fmt::Debug for RelyingParty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelyingParty({} at {})", self.client_id, self.issuer)
    }
}

/// A client for calls to an issuer, through the proxies of the environment, that reads so many bytes of an answer.
///
/// # Errors
/// [`ClientError`].
pub fn http_client(
    issuer: &IssuerUrl,
    variables: &ProxyVariables,
    max_answer: usize,
) -> Result<HttpClient, ClientError> {
    let proxies = variables.proxies([issuer.host()], None)?;
    let trust = Trust::of(Vec::new(), [issuer.url()], &proxies);
    Ok(HttpClient::new(TIMEOUT, trust, proxies)?.reading_at_most(max_answer))
}

impl<'h> RelyingParty<'h> {
    /// The public client of this id, at an issuer that is asked what it offers. With a key all that it asks for is bound to that
    /// where the issuer does so.
    ///
    /// # Errors
    /// [`RelyingError`]: nobody of that name is there, or what it says of itself is of no use.
    pub async fn discover(
        issuer: &IssuerUrl,
        client_id: &str,
        key: Option<ProofKey>,
        (http, clock): (&'h HttpClient, Clock),
    ) -> Result<Self, RelyingError> {
        let metadata = http.limited(metadata(http, issuer)).await?;
        let (issuer, client_id) = (issuer.clone(), client_id.to_owned());
        let (secret, nonce) = (None, Mutex::new(None));
        Ok(Self { issuer, client_id, key, secret, metadata, clock, http, nonce })
    }

    /// The same client, which shows who it is by a secret.
    #[must_use]
    pub fn with_secret(self, secret: SecretString) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// `Authorization` of a client with a secret (RFC 6749 section 2.3.1): both are encoded as in a form first.
    fn basic(&self) -> Option<String> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let secret = Zeroizing::new(encoded(self.secret.as_ref()?.expose_secret()));
        let both = Zeroizing::new(format!("{}:{}", encoded(&self.client_id), *secret));
        Some(format!("Basic {}", STANDARD.encode(both.as_bytes())))
    }

    /// The key that everything is bound to.
    #[must_use]
    pub fn key(&self) -> Option<&ProofKey> {
        self.key.as_ref()
    }

    /// Sends a form to an endpoint and reads the JSON that it answers. Nothing is sent twice, but where the server has asked for
    /// a nonce and so done nothing.
    pub(super) async fn post(
        &self,
        place: &Url,
        form: &[(&str, &str)],
    ) -> Result<Map<String, Value>, RelyingError> {
        let work = async {
            let body = Serializer::new(String::new()).extend_pairs(form).finish();
            let mut is_repeated = false;
            loop {
                let mut request = self
                    .http
                    .post(place.clone())
                    .header(ACCEPT, "application/json")
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                if let Some(basic) = self.basic() {
                    request = request.header(AUTHORIZATION, basic);
                }
                if let Some(proof) = self.proof(&Method::POST, place, None)? {
                    request = request.header(DPOP, proof);
                }
                let answer = self.http.send(request.body(body.clone()), Repeat::Never).await?;
                let wants = self.take_nonce(&answer.headers);
                match read(&answer) {
                    Err(error) if error.is_refusal("use_dpop_nonce") && wants && !is_repeated => {
                        is_repeated = true;
                    }
                    read => return read,
                }
            }
        };
        self.http.limited(work).await
    }

    /// What a request shows with an access token: `Authorization`, and the proof that a bound one takes.
    ///
    /// # Errors
    /// [`RelyingError::Randomness`].
    pub fn show(
        key: Option<&ProofKey>,
        access: &AccessToken,
        (method, place): (&Method, &Url),
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, RelyingError> {
        let token = access.token.expose();
        let mut shown =
            vec![(AUTHORIZATION.as_str(), format!("{} {token}", access.scheme.as_str()))];
        if let (TokenScheme::Dpop, Some(key)) = (access.scheme, key) {
            let access_token = Some(token);
            shown.push((DPOP, key.prove(Occasion { method, place, nonce, access_token, now })?));
        }
        Ok(shown)
    }

    fn proof(
        &self,
        method: &Method,
        place: &Url,
        access_token: Option<&str>,
    ) -> Result<Option<String>, RelyingError> {
        let nonce = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (nonce, now) = (nonce.as_deref(), (self.clock)());
        let occasion = Occasion { method, place, nonce, access_token, now };
        self.key.as_ref().map(|key| key.prove(occasion)).transpose()
    }

    /// Remembers the nonce that the next proof is to have; whether there is one.
    fn take_nonce(&self, headers: &HeaderMap) -> bool {
        let nonce = headers.get(NONCE).and_then(|value| value.to_str().ok());
        let nonce = nonce.filter(|nonce| (1..=MAX_NONCE).contains(&nonce.len()));
        if let Some(nonce) = nonce {
            let mut kept = self.nonce.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(nonce.to_owned());
        }
        nonce.is_some()
    }

    /// An ID token whose signature holds.
    pub(super) async fn signed(&self, id_token: &str) -> Result<Signed, RelyingError> {
        let place = Metadata::needed(self.metadata.keys.as_ref(), "keys (jwks_uri)")?;
        let set = self.http.limited(fetch(self.http, place)).await?;
        let set = set.ok_or(RelyingError::Metadata("there are no keys at its jwks_uri"))?;
        let keys = KeySet::read(&set);
        let keys =
            keys.map_err(|_| RelyingError::Metadata("what is at its jwks_uri is no JWK Set"))?;
        let signed: Result<Signed, VerifyError> = keys.verify(id_token, &self.metadata.algorithms);
        Ok(signed?)
    }
}

/// Where an issuer publishes its keys, as its own metadata says.
///
/// # Errors
/// [`RelyingError`]: nobody of that name is there, or it does not say.
pub async fn keys_place(http: &HttpClient, issuer: &IssuerUrl) -> Result<Url, RelyingError> {
    let metadata = metadata(http, issuer).await?;
    Metadata::needed(metadata.keys.as_ref(), "keys (jwks_uri)").cloned()
}

async fn metadata(http: &HttpClient, issuer: &IssuerUrl) -> Result<Metadata, RelyingError> {
    for place in issuer.metadata_places() {
        if let Some(document) = fetch(http, &place).await? {
            return Metadata::read(&document, issuer);
        }
    }
    Err(RelyingError::NoMetadata)
}

/// A JSON document, if there is one.
async fn fetch(http: &HttpClient, place: &Url) -> Result<Option<Map<String, Value>>, RelyingError> {
    let request = http.get(place.clone()).header(ACCEPT, "application/json");
    let answer = http.send(request, Repeat::Harmless).await?;
    match answer.status {
        StatusCode::OK => {
            let document = strict_object(answer.text());
            let wrong = RelyingError::Answer("a document that is not one JSON object");
            document.map(Some).map_err(|_| wrong)
        }
        _ if answer.is_away() => Err(RelyingError::Away),
        status if status.is_redirection() => {
            Err(RelyingError::Answer("a redirect, which is not followed, in place of a document"))
        }
        status if status.is_client_error() => Ok(None),
        _ => Err(RelyingError::Answer("an unexpected status in place of a document")),
    }
}

/// What an endpoint answers: an object, or an error of the protocol.
fn read(answer: &Response) -> Result<Map<String, Value>, RelyingError> {
    if answer.status.is_redirection() {
        return Err(RelyingError::Answer("a redirect, which is not followed"));
    }
    if answer.status == StatusCode::OK && answer.body.is_empty() {
        return Ok(Map::new());
    }
    let members = strict_object(answer.text()).ok();
    if answer.status == StatusCode::OK {
        return members.ok_or(RelyingError::Answer("it is not one JSON object"));
    }
    let text = |name: &str| members.as_ref()?.get(name)?.as_str();
    match text("error") {
        Some(code) if answer.status.is_client_error() => {
            Err(RelyingError::Refused(Refusal::new(code, text("error_description"))))
        }
        _ if answer.is_away() => Err(RelyingError::Away),
        _ => Err(RelyingError::Answer("it has an unexpected status")),
    }
}

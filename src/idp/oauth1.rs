//! OAuth 1.0a (RFC 5849), as Twitter speaks it: the answer that holds the access token also names the user.
//!
//! Owns the three steps of a login. Must not know what becomes of it.
//!
//! | File | Owns |
//! |---|---|
//! | `signature` | HMAC-SHA1 |

mod signature;

use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::browser::{AuthorizationRequest, CallbackParams, PendingLogin, random};
use super::egress::{Egress, both_answer};
use super::error::ProviderError;
use super::identity::Authenticated;
use super::oauth2::READABLE;
use super::renewed::Renewed;
use crate::domain::auth_time::AuthTime;
use crate::domain::time::Timestamp;
use crate::outbound::{ClientError, HttpClient, Repeat, Response};
use crate::settings;
use signature::SignedRequest;

/// Longest token, secret and verifier, in bytes.
const MAX_TOKEN: usize = 512;
/// Most parameters of an answer.
const MAX_PARAMETERS: usize = 32;

/// An OAuth 1.0a provider.
#[derive(Debug)]
pub(super) struct OAuth1Connector {
    settings: settings::OAuth1,
    consumer_secret: Renewed<SecretString>,
    http: HttpClient,
}

impl OAuth1Connector {
    /// A provider as the settings describe it. Calls nobody.
    pub(super) fn new(settings: &settings::OAuth1, egress: &Egress) -> Result<Self, ClientError> {
        let places = [&settings.request_token_url, &settings.access_token_url];
        let own = (&settings.proxy, settings.ca_file.as_deref());
        let http = egress.client(settings.timeout, own, places)?;
        let consumer_secret = Renewed::new(&settings.consumer_secret);
        Ok(Self { settings: settings.clone(), consumer_secret, http })
    }

    /// Asks the places that a login asks.
    pub(super) async fn probe(&self) -> Result<String, ProviderError> {
        let places = [&self.settings.request_token_url, &self.settings.access_token_url];
        both_answer(&self.http, places).await
    }

    /// Gets a request token and says where to send a browser with it (RFC 5849 sections 2.1 and 2.2).
    pub(super) async fn begin(
        &self,
        callback_url: &Url,
        now: Timestamp,
    ) -> Result<AuthorizationRequest, ProviderError> {
        let callback_url = self.settings.callback.url.as_ref().unwrap_or(callback_url);
        let extra = [("oauth_callback", callback_url.as_str())];
        let place = &self.settings.request_token_url;
        let answer = self.http.limited(self.post(place, None, &extra, now)).await?;
        let answer = Form::of(&answer).map_err(|error| match error {
            // Nobody is there yet who could be refused.
            ProviderError::NotConfirmed => ProviderError::Misconfigured(
                "it does not know this client: see consumer_key, consumer_secret and callback_url",
            ),
            other => other,
        })?;
        if answer.get("oauth_callback_confirmed") != Some("true") {
            return Err(ProviderError::InvalidResponse(
                "a request token without oauth_callback_confirmed",
            ));
        }
        let (request_token, token_secret) = answer.token()?;
        let mut authorize_url = self.settings.authorize_url.clone();
        authorize_url.query_pairs_mut().append_pair("oauth_token", &request_token);
        let pending = PendingLogin::OAuth1 { request_token, token_secret };
        Ok(AuthorizationRequest { authorize_url, pending })
    }

    /// Who has come back, if the answer belongs to the beginning (RFC 5849 section 2.3).
    pub(super) async fn finish(
        &self,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        let (token, verifier) = (params.get("oauth_token"), params.get("oauth_verifier"));
        // Whoever says no comes back with `denied` in the place of both.
        let (Some(token), Some(verifier), None) = (token, verifier, params.get("denied")) else {
            return Err(ProviderError::NotConfirmed);
        };
        if !(1..=MAX_TOKEN).contains(&verifier.len()) || !pending.is_state(token) {
            return Err(ProviderError::NotConfirmed);
        }
        let PendingLogin::OAuth1 { token_secret, .. } = pending else {
            return Err(ProviderError::NotConfirmed);
        };
        let secret = SecretString::from(token_secret);
        let place = &self.settings.access_token_url;
        let extra = [("oauth_verifier", verifier)];
        let call = self.post(place, Some((token, &secret)), &extra, now);
        let answer = Form::of(&self.http.limited(call).await?)?;
        answer.token()?;
        authenticated(&answer)
    }

    async fn post(
        &self,
        place: &Url,
        token: Option<(&str, &SecretString)>,
        extra: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Response, ProviderError> {
        let (time, nonce) = (now.as_unix().to_string(), random()?);
        let mut parameters = vec![
            ("oauth_consumer_key", self.settings.consumer_key.as_str()),
            ("oauth_nonce", &nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &time),
            ("oauth_version", "1.0"),
        ];
        parameters.extend(token.map(|(token, _)| ("oauth_token", token)));
        parameters.extend_from_slice(extra);
        let consumer_secret = self.consumer_secret.current().await;
        let signed = SignedRequest {
            method: "POST",
            place,
            parameters: &parameters,
            consumer_secret: consumer_secret.expose_secret(),
            token_secret: token.map(|(_, secret)| secret.expose_secret()).unwrap_or_default(),
        };
        let request = self
            .http
            .post(place.clone())
            .header(AUTHORIZATION, signed.header())
            .header(ACCEPT, "application/x-www-form-urlencoded")
            .body("");
        Ok(self.http.send(request, Repeat::Never).await?)
    }
}

/// An answer's form, each parameter once. Its type is not looked at: Twitter calls it `text/html`.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(answer: &Response) -> Result<Self, ProviderError> {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                return Err(ProviderError::NotConfirmed);
            }
            _ if answer.is_away() => return Err(ProviderError::of_away(answer)),
            status if status.is_redirection() => {
                return Err(ProviderError::InvalidResponse(
                    "a redirect, which is not followed, in place of a token",
                ));
            }
            _ => return Err(ProviderError::InvalidResponse("an unexpected status")),
        }
        let mut form: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(&answer.body) {
            if form.len() == MAX_PARAMETERS || form.iter().any(|(known, _)| *known == name) {
                return Err(ProviderError::InvalidResponse("an answer that is no form"));
            }
            form.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(form))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The token and its secret.
    fn token(&self) -> Result<(String, String), ProviderError> {
        let text = |name| {
            self.get(name).filter(|text| {
                let is_printable = |byte: u8| (0x21..=0x7e).contains(&byte);
                (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(is_printable)
            })
        };
        match (text("oauth_token"), text("oauth_token_secret")) {
            (Some(token), Some(secret)) => Ok((token.to_owned(), secret.to_owned())),
            _ => Err(ProviderError::InvalidResponse("a token answer without a token")),
        }
    }
}

/// `user_id` is the stable id; `screen_name` can change hands.
fn authenticated(answer: &Form) -> Result<Authenticated, ProviderError> {
    let subject = answer.get("user_id").unwrap_or_default().parse()?;
    let mut claims = Map::new();
    if let Some(name) = answer.get("screen_name") {
        for claim in ["screen_name", READABLE] {
            claims.insert(claim.to_owned(), Value::from(name));
        }
    }
    // It sends back whoever has a session there, and says of none how old that is.
    Ok(Authenticated { subject, claims, auth_time: AuthTime::Unproved })
}

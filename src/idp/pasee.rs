//! Another Pasee: its access token taken for a login, or names and passwords forwarded to it.
//!
//! Owns what of its tokens is believed, and the asking. Names nest: what it calls `internals-ada` is the subject here.
//! Must not know what becomes of an identity.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::egress::Egress;
use super::error::ProviderError;
use super::identity::{Authenticated, Credential};
use super::password::{PasswordCredential, accepted};
use super::token::{self, COOLDOWN};
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, Audience, Issuer, Scope};
use crate::domain::user::{ProviderName, Subject};
use crate::jose::claims::unflattened;
use crate::jose::error::VerifyError;
use crate::jose::json::strict_object;
use crate::jose::key::{Algorithm, PublicKey};
use crate::jose::key_set;
use crate::jose::verify::Verifier;
use crate::outbound::{
    Cached, ClientError, DEFAULT_AGE, Fetched, HttpClient, Repeat, Response, loggable,
};
use crate::settings;

/// Where a Pasee publishes its keys, one set for each curve.
const SETS: [(Algorithm, &str); 2] = [
    (Algorithm::Es256, ".well-known/jwks.json"),
    (Algorithm::Es256k, ".well-known/jwks-es256k.json"),
];

/// Another Pasee.
#[derive(Debug)]
pub(super) struct PaseeConnector {
    name: ProviderName,
    endpoint: Url,
    issuer: Issuer,
    audience: Option<Audience>,
    idp: Option<ProviderName>,
    providers: Vec<ProviderName>,
    pinned: Option<Arc<Verifier>>,
    published: Cached<Verifier>,
    http: HttpClient,
}

/// Whom the other Pasee vouches for.
#[derive(Debug)]
pub(super) struct Vouched {
    pub(super) authenticated: Authenticated,
    /// When they proved it there: the session counts from then, however often its tokens are exchanged.
    /// `None` when it has just been asked, with a password.
    pub(super) authenticated_at: Option<Timestamp>,
}

impl PaseeConnector {
    /// A Pasee as the settings describe it, offered here under a name.
    pub(super) fn new(
        name: &ProviderName,
        settings: &settings::Pasee,
        egress: &Egress,
    ) -> Result<Self, ClientError> {
        let own = (&settings.proxy, settings.ca_file.as_deref());
        let (issuer, audience) = (settings.issuer.clone(), settings.audience.clone());
        let verifier = |keys| Arc::new(Verifier::new(issuer.clone(), audience.clone(), keys));
        let pinned = settings.public_keys.clone().map(verifier);
        Ok(Self {
            name: name.clone(),
            endpoint: settings.endpoint.clone(),
            issuer,
            audience,
            idp: settings.idp.clone(),
            providers: settings.providers.clone(),
            pinned,
            published: Cached::new(COOLDOWN),
            http: egress.client(settings.timeout, own, [&settings.endpoint])?,
        })
    }

    /// Whether it takes names and passwords.
    pub(super) fn forwards(&self) -> bool {
        self.idp.is_some()
    }

    /// Asks for its keys, also where the settings have them: passwords are passed on to it.
    pub(super) async fn probe(self: &Arc<Self>) -> Result<String, ProviderError> {
        if self.pinned.is_some() && !self.forwards() {
            return Ok("it is not asked, as its keys stand in the settings".to_owned());
        }
        self.http.limited(Arc::clone(self).fetched()).await?;
        Ok(format!("{} answers with keys that can be used", self.endpoint))
    }

    /// Believes its token, or gets one for a name and a password.
    pub(super) async fn identify(
        self: &Arc<Self>,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Vouched, ProviderError> {
        match credential {
            Credential::Token(token) => self.http.limited(self.exchange(&token, now)).await,
            Credential::Password(credential) => {
                self.http.limited(self.log_in(credential, now)).await
            }
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Vouched, ProviderError> {
        let claims = self.verified(token.expose_secret(), now).await?;
        // It was given out to reach a part of what its user may, and does not reach further here.
        if claims.token.scope != Scope::Unlimited {
            return Err(ProviderError::Token(VerifyError::Claim("scope")));
        }
        self.vouched(claims).map_err(ProviderError::Token)
    }

    async fn log_in(
        self: &Arc<Self>,
        credential: PasswordCredential,
        now: Timestamp,
    ) -> Result<Vouched, ProviderError> {
        let idp = self.idp.as_ref().ok_or(ProviderError::NotOffered)?;
        let answer = self.ask_for_tokens(idp, credential).await?;
        accepted(&answer)?;
        let unsound = |error: VerifyError| {
            tracing::warn!(%error, provider = self.name.as_str(), "its token was refused");
            ProviderError::of_token(error, "a token that does not hold")
        };
        let claims = match self.verified(&access_token(&answer)?, now).await {
            Err(ProviderError::Token(error)) => return Err(unsound(error)),
            other => other?,
        };
        if claims.token.subject.split().0 != idp.as_str() {
            return Err(ProviderError::InvalidResponse("a token for a user of another provider"));
        }
        let vouched = self.vouched(claims).map_err(unsound)?;
        // The password is proof of this moment, whatever the clock there says.
        Ok(Vouched { authenticated_at: None, ..vouched })
    }

    async fn ask_for_tokens(
        &self,
        idp: &ProviderName,
        credential: PasswordCredential,
    ) -> Result<Response, ProviderError> {
        let mut place = self.place("tokens/")?;
        place.query_pairs_mut().append_pair("idp", idp.as_str());
        let body =
            json!({ "login": credential.login, "password": credential.password.expose_secret() });
        let request = self.http.post(place);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/vnd.coreapi+json, application/json")
            .body(body.to_string());
        Ok(self.http.send(request, Repeat::Harmless).await?)
    }

    /// The claims of one of its access tokens. A key that is not known may be new.
    async fn verified(
        self: &Arc<Self>,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, ProviderError> {
        if let Some(pinned) = &self.pinned {
            return pinned.access(token, now).map_err(ProviderError::Token);
        }
        let fetch = || Arc::clone(self).fetched();
        let verify = |verifier: &Verifier| verifier.access(token, now);
        token::verified(&self.published, fetch, verify).await
    }

    /// What its token says of a user who is let in.
    fn vouched(&self, claims: AccessClaims) -> Result<Vouched, VerifyError> {
        let AccessClaims { token, groups, groups_truncated, extra } = claims;
        let sub = token.subject.as_str();
        let provider = token.subject.provider();
        if self.was_here(sub) {
            return Err(VerifyError::CameFromHere);
        }
        if !self.providers.contains(&provider) {
            return Err(VerifyError::OtherProvider);
        }
        if groups_truncated {
            // Groups only ever grant: what it does not name adds none here, and lets nobody in.
            tracing::warn!(
                provider = self.name.as_str(),
                sub = loggable(sub),
                "its token has no room for all groups of this user: rules about those it does not name do not hold"
            );
        }
        let subject: Subject = sub.parse().map_err(VerifyError::Subject)?;
        let mut claims = unflattened(&extra);
        let groups = groups.iter().map(|roster| Value::from(roster.to_string()));
        claims.insert("groups".to_owned(), groups.collect());
        claims.insert("idp".to_owned(), provider.as_str().into());
        claims.insert("sub".to_owned(), sub.into());
        Ok(Vouched {
            authenticated: Authenticated { subject, claims, auth_time: token.auth_time },
            authenticated_at: Some(token.authenticated_at),
        })
    }

    /// Whether a nested name has come through here before: it has our name for this Pasee among its providers. What
    /// stands last is the user's own name.
    fn was_here(&self, sub: &str) -> bool {
        sub.rsplit('-').skip(1).any(|name| name == self.name.as_str())
    }

    fn place(&self, path: &str) -> Result<Url, ProviderError> {
        let nowhere = ProviderError::InvalidResponse("a place that cannot be called");
        self.endpoint.join(path).map_err(|_| nowhere)
    }

    async fn fetched(self: Arc<Self>) -> Result<Fetched<Verifier>, ProviderError> {
        self.http.first_half(self.fetch()).await
    }

    async fn fetch(&self) -> Result<Fetched<Verifier>, ProviderError> {
        let (mut keys, mut fresh_for) = (Vec::new(), Duration::MAX);
        for (algorithm, path) in SETS {
            let (found, lasts) = self.fetch_set(algorithm, path).await?;
            keys.extend(found);
            fresh_for = fresh_for.min(lasts);
        }
        // Every Pasee has one: what has none is something else in its place, and the keys that are known stay.
        if keys.is_empty() {
            return Err(ProviderError::InvalidResponse("no key that is understood"));
        }
        Ok(Fetched {
            value: Verifier::new(self.issuer.clone(), self.audience.clone(), keys),
            fresh_for,
        })
    }

    async fn fetch_set(
        &self,
        algorithm: Algorithm,
        path: &str,
    ) -> Result<(Vec<PublicKey>, Duration), ProviderError> {
        let request = self.http.get(self.place(path)?);
        let request = request.header(ACCEPT, "application/jwk-set+json, application/json");
        let answer = self.http.send(request, Repeat::Harmless).await?;
        match answer.status {
            StatusCode::OK if answer.is_json() => {}
            _ if answer.is_away() => return Err(ProviderError::of_away(&answer)),
            status if status.is_redirection() => {
                return Err(ProviderError::InvalidResponse(
                    "a redirect, which is not followed, in place of a JWK Set: see endpoint",
                ));
            }
            _ => return Err(ProviderError::InvalidResponse("no JWK Set")),
        }
        let keys = key_set::published(algorithm, &answer.body)
            .map_err(|_| ProviderError::InvalidResponse("a malformed JWK Set"))?;
        Ok((keys, answer.max_age().unwrap_or(DEFAULT_AGE)))
    }
}

/// The access token of its answer to a login.
fn access_token(answer: &Response) -> Result<String, ProviderError> {
    if !answer.is_json() {
        return Err(ProviderError::InvalidResponse("a login answer that is not JSON"));
    }
    let mut document: Map<String, Value> = strict_object(&answer.body)
        .map_err(|_| ProviderError::InvalidResponse("a malformed login answer"))?;
    match document.remove("access_token") {
        Some(Value::String(token)) => Ok(token),
        _ => Err(ProviderError::InvalidResponse("a login answer without an access token")),
    }
}

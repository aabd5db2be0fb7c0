//! OpenID Connect: logins in a browser at an OpenID provider, by authorization code with PKCE and nonce (OpenID Connect
//! Core 1.0, RFC 6749, RFC 7636, RFC 9207).
//!
//! Owns the order of the steps. Must not know how a token is verified (`jose`), nor what becomes of an identity.
//!
//! | File | Owns |
//! |---|---|
//! | `demand` | what is demanded of a login, and what it was worth |
//! | `discovery` | metadata and keys, fetched together |
//! | `metadata` | what a provider says of itself |
//! | `elsewhere` | claims that the token leaves out |
//! | `exchange` | the requests of the code flow |
//! | `proof` | how this client shows who it is |
//! | `user_info` | the UserInfo endpoint |

mod demand;
mod discovery;
mod elsewhere;
mod exchange;
mod metadata;
mod proof;
mod user_info;

use std::sync::Arc;

use oauth2::{CsrfToken, PkceCodeChallenge};
use serde_json::{Map, Value};
use url::Url;

use self::demand::{auth_time, demanded};
use self::discovery::{Discovered, discover};
use self::exchange::Given;
use self::proof::ClientCredential;
use self::user_info::UserInfo;
use super::browser::{AuthorizationRequest, CallbackParams, LoginDemand, PendingLogin, random};
use super::egress::Egress;
use super::error::ProviderError;
use super::identity::Authenticated;
use super::token::{COOLDOWN, believed};
use super::told::{read_yes_or_no, subject};
use crate::domain::auth_time::AuthTime;
use crate::domain::time::Timestamp;
use crate::jose::error::VerifyError;
use crate::jose::id_token::{Expected, user_info_claims};
use crate::jose::key_set::Signed;
use crate::outbound::{Cached, ClientError, Fetched, HttpClient, loggable};
use crate::settings::{self, ResponseMode};

/// An OpenID provider.
#[derive(Debug)]
pub(super) struct OidcConnector {
    settings: settings::Oidc,
    credential: ClientCredential,
    http: HttpClient,
    discovered: Cached<Discovered>,
}

impl OidcConnector {
    /// A provider as the settings describe it. It is not asked for anything yet.
    pub(super) fn new(settings: &settings::Oidc, egress: &Egress) -> Result<Self, ClientError> {
        // Whoever may be called in the clear may have other places behind TLS.
        let issuer = settings.issuer.as_str().parse().ok();
        let places = [Some(&settings.discovery), issuer.as_ref()];
        let own = (&settings.proxy, settings.ca_file.as_deref());
        let http = egress.client(settings.timeout, own, places.into_iter().flatten())?;
        let http = http.reading_at_most(settings.max_answer_length);
        let credential = ClientCredential::new(&settings.client_proof);
        Ok(Self { settings: settings.clone(), credential, http, discovered: Cached::new(COOLDOWN) })
    }

    /// Asks for its metadata and its keys.
    pub(super) async fn probe(self: &Arc<Self>) -> Result<String, ProviderError> {
        self.http.limited(self.discovered()).await?;
        let place = &self.settings.discovery;
        Ok(format!("{place} answers with metadata, and its keys can be used"))
    }

    /// Where to send a browser that is to come back to `callback_url`.
    pub(super) async fn begin(
        self: &Arc<Self>,
        callback_url: &Url,
        demand: &LoginDemand,
    ) -> Result<AuthorizationRequest, ProviderError> {
        let known = self.http.limited(self.discovered()).await?;
        let (state, nonce) = (random()?, random()?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client =
            exchange::client(&self.settings, &known.metadata, self.callback_url(callback_url));
        let mut request = client
            .authorize_url(|| CsrfToken::new(state.clone()))
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.as_str());
        for scope in &self.settings.scopes {
            request = request.add_scope(oauth2::Scope::new(scope.clone()));
        }
        for (name, value) in &self.settings.authorization_parameters {
            request = request.add_extra_param(name, value);
        }
        for (name, value) in demanded(&self.settings, &known.metadata, demand) {
            request = request.add_extra_param(name, value);
        }
        if self.settings.callback.response_mode == ResponseMode::FormPost {
            request = request.add_extra_param("response_mode", "form_post");
        }
        let (authorize_url, _) = request.url();
        let pending = PendingLogin::Oidc { state, verifier: verifier.into_secret(), nonce };
        Ok(AuthorizationRequest { authorize_url, pending })
    }

    /// Who came back.
    pub(super) async fn finish(
        self: &Arc<Self>,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        if !pending.is_state(params.get("state").unwrap_or_default()) {
            return Err(ProviderError::NotConfirmed);
        }
        self.http.limited(self.prove(callback_url, pending, params, now)).await
    }

    async fn prove(
        self: &Arc<Self>,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<Authenticated, ProviderError> {
        let PendingLogin::Oidc { verifier, nonce, .. } = pending else {
            return Err(ProviderError::NotConfirmed);
        };
        let known = self.discovered().await?;
        let code = self.code(&known, params)?;
        let client =
            exchange::client(&self.settings, &known.metadata, self.callback_url(callback_url));
        let shown = self.credential.show(&self.settings, &known.metadata, now).await?;
        let given = exchange::redeem(&self.http, client, shown, code, verifier).await?;
        let token = self.signed(known.clone(), &given.id_token).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: Some(&nonce),
            access_token: oauth2::AccessToken::secret(&given.access_token),
            max_age: self.settings.max_age,
            clock_skew: self.settings.clock_skew,
        };
        let claims = expected.prove(token, now).map_err(unbelieved)?;
        let auth_time = auth_time(&claims, now);
        let claims = self.with_user_info(known, &given, claims, now).await?;
        let token = &given.access_token;
        let claims = elsewhere::completed(&self.http, &self.settings, token, claims).await?;
        self.authenticated(claims, auth_time)
    }

    /// The code of an answer that this provider gave (RFC 9207 section 2.4): an answer of another ends here, before its
    /// code is sent anywhere.
    fn code<'a>(
        &self,
        known: &Discovered,
        params: &'a CallbackParams,
    ) -> Result<&'a str, ProviderError> {
        match params.get("iss") {
            Some(issuer) if !self.settings.issuer.answers_as(issuer) => {
                tracing::warn!(issuer = %loggable(issuer), "an answer of another issuer came back");
                return Err(ProviderError::NotConfirmed);
            }
            None if known.metadata.names_issuer => {
                tracing::warn!("an answer came back without the iss that this provider promises");
                return Err(ProviderError::NotConfirmed);
            }
            _ => {}
        }
        params.code()
    }

    /// A token whose signature holds; asks for newer keys, within bounds, when it is by none of the known.
    async fn signed(
        self: &Arc<Self>,
        known: Arc<Discovered>,
        token: &str,
    ) -> Result<Signed, ProviderError> {
        let verify = |known: &Discovered| known.keys.verify(token, &self.settings.algorithms);
        let fetch = || Arc::clone(self).discover();
        let signed = believed(&self.discovered, known, fetch, verify).await;
        signed.map_err(|error| error.fetch.unwrap_or_else(|| unbelieved(error.why)))
    }

    async fn with_user_info(
        self: &Arc<Self>,
        known: Arc<Discovered>,
        given: &Given,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Map<String, Value>, ProviderError> {
        if !self.settings.user_info {
            return Ok(claims);
        }
        let place = known.metadata.user_info.as_ref();
        let place =
            place.ok_or(ProviderError::InvalidResponse("a document without userinfo_endpoint"))?;
        let told = match user_info::ask(&self.http, place, &given.access_token).await? {
            UserInfo::Plain(told) => told,
            UserInfo::Signed(token) => {
                let signed = self.signed(known, &token).await?;
                let parties = (&self.settings.issuer, self.settings.client_id.as_str());
                user_info_claims(signed, parties, self.settings.clock_skew, now)
                    .map_err(unbelieved)?
            }
        };
        user_info::merged(claims, told)
    }

    /// The subject, from the claim that holds it here. An address is one only if the same document calls it verified.
    fn authenticated(
        &self,
        mut claims: Map<String, Value>,
        auth_time: AuthTime,
    ) -> Result<Authenticated, ProviderError> {
        read_yes_or_no(&mut claims);
        let tenant = self.settings.issuer.tenant_of(&claims).map_err(|tenant| {
            let sub = loggable(claims.get("sub").and_then(Value::as_str).unwrap_or_default());
            tracing::info!(%sub, %tenant, "a user of a tenant that is none of tenants is not let in");
            ProviderError::NotAllowed
        })?;
        let claim = self.settings.subject_claim.as_str();
        if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            let sub = loggable(claims.get("sub").and_then(Value::as_str).unwrap_or_default());
            tracing::info!(%sub, "with subject_claim = \"email\" only those log in whose email_verified is true");
            return Err(ProviderError::NotAllowed);
        }
        let found = claims.get(claim).filter(|found| found.is_string() || found.is_u64());
        if found.is_none() {
            tracing::warn!(
                claim,
                "subject_claim names a claim that is missing, or neither a text nor a whole number"
            );
            return Err(ProviderError::InvalidResponse("no subject in the claim for it"));
        }
        let subject = subject(found)?;
        // What one tenant calls its users, another may call its own.
        let subject = match tenant {
            Some(tenant) => format!("{tenant}:{subject}").parse()?,
            None => subject,
        };
        Ok(Authenticated { subject, claims, auth_time })
    }

    async fn discovered(self: &Arc<Self>) -> Result<Arc<Discovered>, ProviderError> {
        self.discovered.get(|| Arc::clone(self).discover()).await
    }

    async fn discover(self: Arc<Self>) -> Result<Fetched<Discovered>, ProviderError> {
        self.http.first_half(discover(&self.http, &self.settings)).await
    }

    fn callback_url(&self, callback_url: &Url) -> Url {
        self.settings.callback.url.as_ref().unwrap_or(callback_url).clone()
    }
}

fn unbelieved(error: VerifyError) -> ProviderError {
    tracing::warn!(%error, "a token of an OpenID provider was refused");
    ProviderError::InvalidResponse("an ID token that does not hold, or UserInfo that does not")
}

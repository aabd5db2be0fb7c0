//! OAuth 2.0: a browser is sent to the provider and comes back with a code (RFC 6749 section 4.1), the code becomes an access
//! token, and to that the provider says who its user is.
//!
//! Owns the exchange and what is asked about a user. Must not know what becomes of it, nor where the memory of a login
//! is kept.
//!
//! | File | Owns |
//! |---|---|
//! | `token` | from a code to an access token |
//! | `github` | organizations and teams |
//! | `gitlab` | groups |
//! | `graph` | what Facebook does its own way |

mod github;
mod gitlab;
mod graph;
mod token;

use ::oauth2::basic::BasicClient;
use ::oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenUrl,
};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::browser::{AuthorizationRequest, CallbackParams, PendingLogin, random};
use super::egress::{Egress, both_answer};
use super::error::ProviderError;
use super::identity::Authenticated;
use super::renewed::Renewed;
use super::told::{find, read_yes_or_no, subject};
use crate::domain::auth_time::AuthTime;
use crate::jose::json::strict_value;
use crate::outbound::{ClientError, HttpClient, Repeat, Response};
use crate::settings::{self, ClientAuth, Dialect, Pkce, ResponseMode};

/// The claim for the name that people read (OpenID Connect Core 1.0 section 5.1).
pub(super) const READABLE: &str = "preferred_username";

type OAuth2Client =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// An OAuth 2.0 provider.
#[derive(Debug)]
pub(super) struct OAuth2Connector {
    settings: settings::OAuth2,
    client: OAuth2Client,
    secret: Renewed<SecretString>,
    http: HttpClient,
}

impl OAuth2Connector {
    /// A provider as the settings describe it. Calls nobody.
    pub(super) fn new(settings: &settings::OAuth2, egress: &Egress) -> Result<Self, ClientError> {
        let extra = settings.extra_user_info.iter().map(|(_, url)| url);
        let places = [&settings.token_url, &settings.user_info_url].into_iter().chain(extra);
        let auth = match settings.client_auth {
            ClientAuth::Basic => AuthType::BasicAuth,
            ClientAuth::Post => AuthType::RequestBody,
        };
        let client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_auth_type(auth)
            .set_auth_uri(AuthUrl::from_url(settings.authorization_url.clone()))
            .set_token_uri(TokenUrl::from_url(settings.token_url.clone()));
        let own = (&settings.proxy, settings.ca_file.as_deref());
        let http = egress.client(settings.timeout, own, places)?;
        let http = http.reading_at_most(settings.max_answer_length);
        let secret = Renewed::new(&settings.client_secret);
        Ok(Self { settings: settings.clone(), client, secret, http })
    }

    /// Asks the places that a login asks.
    pub(super) async fn probe(&self) -> Result<String, ProviderError> {
        let places = [&self.settings.token_url, &self.settings.user_info_url];
        both_answer(&self.http, places).await
    }

    /// Where to send a browser. Asks nobody.
    pub(super) fn begin(&self, callback_url: &Url) -> Result<AuthorizationRequest, ProviderError> {
        let (state, secret) = (random()?, random()?);
        let client = self.client_for(callback_url);
        let mut request = client
            .authorize_url(|| CsrfToken::new(state.clone()))
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new));
        for (name, value) in &self.settings.authorization_parameters {
            request = request.add_extra_param(name, value);
        }
        let mut verifier = None;
        if self.settings.pkce == Pkce::S256 {
            let made = PkceCodeVerifier::new(secret);
            request =
                request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&made));
            verifier = Some(made.into_secret());
        }
        if self.settings.callback.response_mode == ResponseMode::FormPost {
            request = request.add_extra_param("response_mode", "form_post");
        }
        let (authorize_url, _) = request.url();
        let pending = PendingLogin::OAuth2 { state, verifier };
        Ok(AuthorizationRequest { authorize_url, pending })
    }

    /// Who has come back, if the answer belongs to the beginning.
    pub(super) async fn finish(
        &self,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
    ) -> Result<Authenticated, ProviderError> {
        if !pending.is_state(params.get("state").unwrap_or_default()) {
            return Err(ProviderError::NotConfirmed);
        }
        let PendingLogin::OAuth2 { verifier, .. } = pending else {
            return Err(ProviderError::NotConfirmed);
        };
        let code = params.code()?;
        self.http.limited(self.prove(callback_url, verifier, code)).await
    }

    async fn prove(
        &self,
        callback_url: &Url,
        verifier: Option<String>,
        code: &str,
    ) -> Result<Authenticated, ProviderError> {
        let secret = self.secret.current().await;
        let client = self.client_for(callback_url);
        let client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        let token = token::exchange(&client, &self.http, verifier, code).await?;
        let access = Bearer::new(token)?;
        // What other places say comes first and small; only whole bodies wait, within the client's bounds.
        let lists = match self.settings.dialect {
            Dialect::GitHub { organizations, teams } => {
                let user = &self.settings.user_info_url;
                github::lists(&self.http, &access, user, organizations, teams).await?
            }
            Dialect::GitLab { groups: true } => {
                gitlab::lists(&self.http, &access, &self.settings.user_info_url).await?
            }
            Dialect::Plain | Dialect::GitLab { groups: false } | Dialect::Facebook => Vec::new(),
        };
        let mut extra = Vec::new();
        for (claim, url) in &self.settings.extra_user_info {
            extra.push((claim, self.ask(url, &access, &secret).await?));
        }
        let answer = self.ask(&self.settings.user_info_url, &access, &secret).await?;
        let mut claims = object(&answer)?;
        for (claim, answer) in extra {
            claims.insert(claim.clone(), json(&answer)?);
        }
        claims.extend(lists);
        self.authenticated(claims)
    }

    /// The subject, and all that is said beside.
    fn authenticated(
        &self,
        mut claims: Map<String, Value>,
    ) -> Result<Authenticated, ProviderError> {
        let subject = subject(find(&self.settings.subject, &claims))?;
        read_yes_or_no(&mut claims);
        if let Some(source) = &self.settings.username {
            let name = find(source, &claims).cloned();
            claims.remove(READABLE);
            claims.extend(name.map(|name| (READABLE.to_owned(), name)));
        }
        // It sends back whoever has a session there, and says of none how old that is.
        Ok(Authenticated { subject, claims, auth_time: AuthTime::Unproved })
    }

    /// What a place says of whoever the access token is for.
    async fn ask(
        &self,
        url: &Url,
        access: &Bearer,
        secret: &SecretString,
    ) -> Result<Response, ProviderError> {
        let mut url = url.clone();
        if self.settings.dialect == Dialect::Facebook {
            graph::prove(&mut url, &access.token, secret);
        }
        let answer = access.get(&self.http, url).await?;
        if let (Dialect::GitHub { .. }, Some(limited)) =
            (self.settings.dialect, github::limited(&answer))
        {
            return Err(limited);
        }
        if self.settings.dialect == Dialect::Facebook && answer.status != StatusCode::OK {
            return Err(graph::error(&answer));
        }
        expect_json(answer)
    }

    fn client_for(&self, callback_url: &Url) -> OAuth2Client {
        let callback_url = self.settings.callback.url.as_ref().unwrap_or(callback_url);
        self.client.clone().set_redirect_uri(RedirectUrl::from_url(callback_url.clone()))
    }
}

/// An access token, for the header of RFC 6750 section 2.1.
struct Bearer {
    token: String,
    header: HeaderValue,
}

impl Bearer {
    fn new(token: String) -> Result<Self, ProviderError> {
        let is_printable = |byte: u8| (0x21..=0x7e).contains(&byte);
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        match header {
            Ok(mut header) if !token.is_empty() && token.bytes().all(is_printable) => {
                header.set_sensitive(true);
                Ok(Self { token, header })
            }
            _ => Err(ProviderError::InvalidResponse("an access token that is none")),
        }
    }

    async fn get(&self, http: &HttpClient, url: Url) -> Result<Response, ProviderError> {
        let request = http
            .get(url)
            .header(AUTHORIZATION, self.header.clone())
            .header(ACCEPT, "application/json");
        Ok(http.send(request, Repeat::Harmless).await?)
    }
}

/// The answer, if it is JSON that says yes.
fn expect_json(answer: Response) -> Result<Response, ProviderError> {
    match answer.status {
        StatusCode::OK if answer.may_be_json() => Ok(answer),
        StatusCode::OK => Err(ProviderError::InvalidResponse("user information that is not JSON")),
        _ if answer.is_away() => Err(ProviderError::of_away(&answer)),
        status if status.is_redirection() => Err(ProviderError::InvalidResponse(
            "a redirect in place of user information, which is not followed: see user_info_url",
        )),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(ProviderError::InvalidResponse("no user information for its own access token"))
        }
        _ => Err(ProviderError::InvalidResponse("an unexpected status for user information")),
    }
}

fn json(answer: &Response) -> Result<Value, ProviderError> {
    strict_value(answer.text())
        .map_err(|_| ProviderError::InvalidResponse("malformed user information"))
}

fn object(answer: &Response) -> Result<Map<String, Value>, ProviderError> {
    match json(answer)? {
        Value::Object(object) => Ok(object),
        _ => Err(ProviderError::InvalidResponse("user information that is no object")),
    }
}

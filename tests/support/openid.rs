//! An OpenID provider that behaves, to be spoiled one piece at a time, and Pasee's side of it.
//!
//! Must not know how it is spoiled.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pasee::domain::claim::ClaimName;
use pasee::domain::time::Timestamp;
use pasee::idp::browser::{CallbackParams, LoginDemand, PendingLogin};
use pasee::idp::{Identity, Provider, ProviderError};
use pasee::jose::issuer::TrustedIssuer;
use pasee::jose::jwks;
use pasee::jose::key::Algorithm;
use pasee::settings::{
    Callback, CallbackPlace, ClientProof, Departure, IdentityProvider, Mapping, Oidc, PassedClaim,
    Protocol, ProxyChoice, ResponseMode, SecretUse, Transport,
};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::forge::Forger;
use super::raw_server::{RawServer, Request, Script, Step, answer};

/// What the provider calls us.
pub const CLIENT: &str = "pasee-at-corp";
/// What only both know.
pub const SECRET: &str = "throw-away client secret: 100 % & more";
/// The access token of every login.
pub const ACCESS_TOKEN: &str = "access-token-of-the-provider";

/// What a provider is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Its document.
    Discovery,
    /// Its JWK Set.
    Keys,
    /// Codes to redeem.
    Token,
    /// Its claims.
    UserInfo,
}

/// What is answered there, made for each request.
pub type Give = Arc<dyn Fn() -> Vec<Step> + Send + Sync>;

#[derive(Default)]
struct State {
    given: HashMap<Place, Give>,
    asked: Vec<(Place, Request)>,
}

/// A provider with an ES256 key.
pub struct OpenId {
    /// Its name for itself.
    pub issuer: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its key.
    pub forger: Forger,
    state: Arc<Mutex<State>>,
    _server: RawServer,
}

impl OpenId {
    /// A provider that tells of itself and its key, and redeems no code yet.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same behind TLS, by a name.
    pub async fn start_tls(name: &str, acceptor: TlsAcceptor) -> Self {
        Self::listen(Some((name, acceptor))).await
    }

    async fn listen(tls: Option<(&str, TlsAcceptor)>) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let seen = Arc::clone(&state);
        let script: Script = Arc::new(move |request: &Request| {
            let place = match request.line.split('?').next().unwrap_or_default() {
                "GET /.well-known/openid-configuration" => Place::Discovery,
                "GET /jwks" => Place::Keys,
                "POST /token" => Place::Token,
                "GET /me" => Place::UserInfo,
                _ => return answer("404 Not Found", "text/plain", "nothing here"),
            };
            let give = {
                let mut state = seen.lock().unwrap();
                let Request { line, head, body } = request;
                let copy = Request { line: line.clone(), head: head.clone(), body: body.clone() };
                state.asked.push((place, copy));
                state.given.get(&place).cloned()
            };
            give.map_or_else(|| answer("404 Not Found", "text/plain", ""), |give| give())
        });
        let (server, issuer) = match tls {
            None => {
                let server = RawServer::start(script).await;
                let issuer = format!("http://{}", server.address);
                (server, issuer)
            }
            Some((name, acceptor)) => {
                let server = RawServer::start_tls(script, acceptor).await;
                let issuer = format!("https://{name}:{}", server.address.port());
                (server, issuer)
            }
        };
        let address = server.address;
        let forger = Forger::new(Algorithm::Es256);
        let provider = Self { issuer, address, forger, state, _server: server };
        provider.gives(Place::Discovery, &provider.document());
        provider.gives(Place::Keys, &provider.keys());
        provider
    }

    /// Answers with JSON from now on.
    pub fn gives(&self, place: Place, document: &Value) {
        self.sends(place, answer("200 OK", "application/json", document.to_string()));
    }

    /// Answers with these bytes from now on.
    pub fn sends(&self, place: Place, steps: Vec<Step>) {
        self.makes(place, Arc::new(move || steps.clone()));
    }

    /// Answers with what this makes from now on.
    pub fn makes(&self, place: Place, give: Give) {
        self.state.lock().unwrap().given.insert(place, give);
    }

    /// Redeems every code for this ID token from now on.
    pub fn redeems(&self, id_token: &str) {
        self.gives(Place::Token, &tokens(id_token));
    }

    /// How often it was asked for something.
    pub fn asked(&self, place: Place) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|(asked, _)| *asked == place).count()
    }

    /// The head and the body of the last request for something.
    pub fn last(&self, place: Place) -> (String, String) {
        let state = self.state.lock().unwrap();
        let (_, request) = state.asked.iter().rev().find(|(asked, _)| *asked == place).unwrap();
        (request.head.clone(), String::from_utf8(request.body.clone()).unwrap())
    }

    /// What it says of itself.
    pub fn document(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/me"),
            "jwks_uri": format!("{issuer}/jwks"),
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// Its JWK Set.
    pub fn keys(&self) -> Value {
        jwks::common(&[self.forger.key.public().clone()])
    }

    /// What its ID tokens say.
    pub fn claims(&self, nonce: &str, now: i64) -> Value {
        json!({
            "iss": self.issuer, "sub": "ada", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
            "email": "ada@example.com", "email_verified": true,
        })
    }

    /// The settings of it.
    pub fn settings(&self, name: &str, timeout: Duration) -> IdentityProvider {
        let algorithms = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"];
        IdentityProvider {
            name: name.parse().unwrap(),
            protocol: Protocol::Oidc(Box::new(Oidc {
                issuer: TrustedIssuer::One(self.issuer.clone()),
                discovery: format!("{}/.well-known/openid-configuration", self.issuer)
                    .parse()
                    .unwrap(),
                client_id: CLIENT.into(),
                client_proof: secret(None),
                transport: Transport::Safe,
                authorization_parameters: Vec::new(),
                clock_skew: Duration::from_secs(60),
                max_answer_length: 1024 * 1024,
                scopes: vec!["openid".into(), "email".into()],
                subject_claim: "sub".into(),
                callback: Callback {
                    url: None,
                    place: CallbackPlace::Query,
                    response_mode: ResponseMode::Query,
                },
                algorithms: algorithms.iter().map(|name| name.parse().unwrap()).collect(),
                user_info: false,
                claim_sources: Vec::new(),
                max_age: None,
                prompt: None,
                timeout,
                ca_file: None,
                proxy: ProxyChoice::Unsaid,
            })),
            title: None,
            description: None,
            registers_users: false,
            mapping: Mapping {
                claims: vec![PassedClaim::from("email".parse::<ClaimName>().unwrap())],
                ..Mapping::default()
            },
            departure: Departure::default(),
            input_fields: Vec::new(),
            enabled: true,
        }
    }
}

/// The proof that is the secret which both know.
pub fn secret(how: Option<SecretUse>) -> ClientProof {
    ClientProof::Secret { secret: SECRET.into(), how }
}

/// A token answer.
pub fn tokens(id_token: &str) -> Value {
    json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60, "id_token": id_token })
}

/// A login that has begun.
pub struct Begun {
    /// Where the browser is sent.
    pub url: Url,
    /// What is remembered.
    pub pending: PendingLogin,
    /// Where it comes back to.
    pub callback_url: Url,
}

impl Begun {
    /// Begins a login.
    pub async fn at(provider: &Provider) -> Result<Self, ProviderError> {
        let callback_url: Url =
            format!("https://pasee.example.com/tokens/?idp={}", provider.name()).parse().unwrap();
        let begun = provider.begin(&callback_url, &LoginDemand::default(), Timestamp::MIN).await?;
        Ok(Self { url: begun.authorize_url, pending: begun.pending, callback_url })
    }

    /// A parameter of where the browser is sent.
    pub fn parameter(&self, name: &str) -> String {
        parameter(&self.url, name)
    }

    /// Ends it, with a query.
    pub async fn end(
        &self,
        provider: &Provider,
        query: &str,
        now: i64,
    ) -> Result<Identity, ProviderError> {
        let params = CallbackParams::parse(query)?;
        let now = Timestamp::from_unix(now).unwrap();
        provider.finish(&self.callback_url, self.pending.clone(), &params, now).await
    }

    /// The query of an answer that says yes.
    pub fn yes(&self, issuer: &str) -> String {
        url::form_urlencoded::Serializer::new(format!(
            "idp=corp&code=c0de&state={}",
            self.pending.state()
        ))
        .append_pair("iss", issuer)
        .finish()
    }
}

/// A parameter of a URL; every parameter stands once.
pub fn parameter(url: &Url, name: &str) -> String {
    let values: Vec<_> = url.query_pairs().filter(|(known, _)| known == name).collect();
    assert_eq!(values.len(), 1, "{name} in {url}");
    values[0].1.clone().into_owned()
}

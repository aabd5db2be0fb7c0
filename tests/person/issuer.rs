//! An issuer with all that a person's tools ask of one: it keeps to the protocol, sees whether they do, and can be spoiled one piece
//! at a time.
//!
//! Must not know how it is spoiled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::jose::jwks;
use pasee::jose::key::{Algorithm, PublicKey};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::support::forge::Forger;
use super::support::pasee::now;
use super::support::raw_server::{RawServer, Request, Script, Step, answer};

/// Parameters of a request.
pub type Form = BTreeMap<String, String>;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Changes an answer, by the place that gives it.
pub type Spoil = Arc<dyn Fn(&str, Value) -> Result<Value, Vec<Step>> + Send + Sync>;

#[derive(Default)]
struct State {
    issuer: String,
    /// What each code was given for.
    codes: HashMap<String, Form>,
    /// Each request for tokens and their end, by place, with the thumbprint of the key that it proved.
    asked: Vec<(String, Form, String)>,
    given: usize,
    complaints: Vec<String>,
    /// The nonce that proofs are to have.
    nonce: Option<String>,
    spoil: Option<Spoil>,
    /// What is said of a device before it is let in.
    pending: Vec<&'static str>,
    is_over: bool,
    lifetime: i64,
}

/// The issuer.
pub struct Issuer {
    /// Its name, and where it answers.
    pub url: String,
    state: Arc<Mutex<State>>,
    _server: RawServer,
}

impl Issuer {
    pub async fn start() -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let forger = Forger::new(Algorithm::Es256);
        let seen = Arc::clone(&state);
        let script: Script =
            Arc::new(move |request: &Request| seen.lock().unwrap().serve(request, &forger));
        let server = RawServer::start(script).await;
        let url = format!("http://{}", server.address);
        {
            let mut state = state.lock().unwrap();
            state.issuer.clone_from(&url);
            state.lifetime = 900;
        }
        Self { url, state, _server: server }
    }

    /// Spoils answers from now on.
    pub fn spoil(
        &self,
        spoil: impl Fn(&str, Value) -> Result<Value, Vec<Step>> + Send + Sync + 'static,
    ) {
        self.state.lock().unwrap().spoil = Some(Arc::new(spoil));
    }

    /// Proofs are to have a nonce from now on.
    pub fn wants_nonce(&self, nonce: &str) {
        self.state.lock().unwrap().nonce = Some(nonce.to_owned());
    }

    /// What a device is told first, one after the other.
    pub fn says_of_devices(&self, errors: &[&'static str]) {
        self.state.lock().unwrap().pending = errors.iter().rev().copied().collect();
    }

    /// Refresh tokens are worth nothing from now on, or something again.
    pub fn ends_sessions(&self, is_over: bool) {
        self.state.lock().unwrap().is_over = is_over;
    }

    /// What was asked at a place, with this parameter having this value.
    pub fn asked(&self, place: &str, with: (&str, &str)) -> Vec<Form> {
        let state = self.state.lock().unwrap();
        let wanted = state.asked.iter().filter(|(at, form, _)| {
            at == place && form.get(with.0).is_some_and(|value| value == with.1)
        });
        wanted.map(|(_, form, _)| form.clone()).collect()
    }

    /// The keys that were proved, each once.
    pub fn keys(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let mut keys: Vec<String> = state.asked.iter().map(|(_, _, key)| key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// What was wrong with requests.
    pub fn complaints(&self) -> Vec<String> {
        self.state.lock().unwrap().complaints.clone()
    }

    /// What a browser does with a page that is opened: follows it through the login and back. The page that it ends at.
    pub async fn browse(&self, page: &str) -> String {
        let back = self.visit(page).await;
        let client =
            reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        client.get(back).send().await.unwrap().text().await.unwrap()
    }

    /// The first half of it: where the issuer sends a browser.
    pub async fn visit(&self, page: &str) -> Url {
        let client =
            reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let answer = client.get(page).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "{:?}", self.complaints());
        answer.headers()["location"].to_str().unwrap().parse().unwrap()
    }
}

fn ok(body: &Value) -> Vec<Step> {
    answer("200 OK", "application/json", body.to_string())
}

impl State {
    fn serve(&mut self, request: &Request, forger: &Forger) -> Vec<Step> {
        let target = request.line.split_once(' ').unwrap().1;
        let url: Url = format!("{}{target}", self.issuer).parse().unwrap();
        let text = if request.body.is_empty() {
            url.query().unwrap_or_default().as_bytes().to_vec()
        } else {
            request.body.clone()
        };
        let form: Form = form_urlencoded::parse(&text).into_owned().collect();
        let place = url.path().to_owned();
        let body = match place.as_str() {
            "/.well-known/openid-configuration" => self.document(),
            "/jwks" => jwks::common(&[forger.key.public().clone()]),
            "/authorize" => return self.authorize(form),
            "/users/me" => json!({ "username": "local-ada", "session": { "sid": "x" } }),
            "/token" | "/device_authorization" | "/revoke" => {
                match self.proof(request, &place) {
                    Ok(key) => self.asked.push((place.clone(), form.clone(), key)),
                    Err(steps) => return steps,
                }
                match self.called(&place, &form, forger) {
                    Ok(body) => body,
                    Err(error) => {
                        let body = json!({ "error": error, "error_description": "so it is" });
                        return answer("400 Bad Request", "application/json", body.to_string());
                    }
                }
            }
            _ => return answer("404 Not Found", "text/plain", ""),
        };
        match &self.spoil {
            None => ok(&body),
            Some(spoil) => spoil(&place, body).map_or_else(|steps| steps, |body| ok(&body)),
        }
    }

    fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "device_authorization_endpoint": at("/device_authorization"),
            "revocation_endpoint": at("/revoke"), "authorization_response_iss_parameter_supported": true,
            "id_token_signing_alg_values_supported": ["ES256", "RS256"], "code_challenge_methods_supported": ["S256"],
        })
    }

    fn authorize(&mut self, form: Form) -> Vec<Step> {
        for (name, expected) in
            [("response_type", "code"), ("client_id", "pasee"), ("code_challenge_method", "S256")]
        {
            if form.get(name).is_none_or(|value| value != expected) {
                self.complaints.push(format!("{name} is {:?}", form.get(name)));
            }
        }
        let code = format!("code-{}", self.codes.len());
        let mut back: Url = form["redirect_uri"].parse().unwrap();
        let said = json!({ "code": code, "state": form["state"], "iss": self.issuer });
        let said = match &self.spoil {
            None => said,
            Some(spoil) => spoil("/authorize", said).unwrap(),
        };
        for (name, value) in said.as_object().unwrap() {
            back.query_pairs_mut().append_pair(name, value.as_str().unwrap());
        }
        self.codes.insert(code, form);
        let head =
            format!("HTTP/1.1 303 See Other\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n");
        vec![Step::Bytes(head.into_bytes())]
    }

    /// The thumbprint of the key that a request proves to have, if its proof is a right one (RFC 9449 section 4.3).
    fn proof(&mut self, request: &Request, place: &str) -> Result<String, Vec<Step>> {
        let proof = request.head.lines().find_map(|line| line.strip_prefix("dpop: "));
        let proof = proof.expect("a request without a proof");
        let parts: Vec<&str> = proof.split('.').collect();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let read = |part: usize| serde_json::from_slice::<Value>(&decoded(parts[part])).unwrap();
        let (header, claims) = (read(0), read(1));
        let number = |name: &str| decoded(header["jwk"][name].as_str().unwrap());
        let point = [vec![4], number("x"), number("y")].concat();
        let key = PublicKey::from_point(Algorithm::Es256, &point).unwrap();
        let input = proof.rsplit_once('.').unwrap().0;
        assert!(key.verifies(input.as_bytes(), &decoded(parts[2])));
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!(claims["htm"], "POST");
        assert_eq!(claims["htu"], format!("{}{place}", self.issuer));
        assert!((claims["iat"].as_i64().unwrap() - now()).abs() < 60);
        match &self.nonce {
            Some(nonce) if claims["nonce"] != nonce.as_str() => {
                let body = json!({ "error": "use_dpop_nonce" }).to_string();
                let head = format!(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nDPoP-Nonce: {nonce}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                Err(vec![Step::Bytes(head.into_bytes())])
            }
            _ => Ok(key.id().as_str().to_owned()),
        }
    }

    fn called(&mut self, place: &str, form: &Form, forger: &Forger) -> Result<Value, &'static str> {
        let value = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if place == "/revoke" {
            return Ok(json!({}));
        }
        if place == "/device_authorization" {
            return Ok(json!({
                "device_code": "device", "user_code": "BCDF-GHJK", "verification_uri": format!("{}/device", self.issuer),
                "expires_in": 600, "interval": 1,
            }));
        }
        match value("grant_type") {
            "authorization_code" => {
                // A code is worth something once.
                let asked = self.codes.remove(value("code")).ok_or("invalid_grant")?;
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(value("code_verifier")));
                let key = self.asked.last().unwrap().2.clone();
                let fits = challenge == asked["code_challenge"]
                    && asked["redirect_uri"] == value("redirect_uri")
                    && asked["dpop_jkt"] == key;
                if fits {
                    Ok(self.tokens(Some(&asked["nonce"]), forger))
                } else {
                    Err("invalid_grant")
                }
            }
            "refresh_token" if self.is_over || !value("refresh_token").starts_with("refresh-") => {
                Err("invalid_grant")
            }
            "refresh_token" => Ok(self.tokens(None, forger)),
            DEVICE => match self.pending.pop() {
                Some(error) => Err(error),
                None => Ok(self.tokens(None, forger)),
            },
            EXCHANGE if value("audience") == "nowhere" => Err("invalid_target"),
            EXCHANGE if self.is_over => Err("invalid_grant"),
            EXCHANGE => {
                assert!(value("subject_token").starts_with("access-"));
                self.given += 1;
                Ok(json!({
                    "access_token": format!("for-{}-{}", value("audience"), self.given), "issued_token_type": ACCESS_TOKEN,
                    "token_type": "Bearer", "expires_in": self.lifetime,
                }))
            }
            _ => Err("unsupported_grant_type"),
        }
    }

    fn tokens(&mut self, nonce: Option<&String>, forger: &Forger) -> Value {
        self.given += 1;
        let mut claims = json!({
            "iss": self.issuer, "sub": "local-ada", "aud": "pasee", "iat": now(), "exp": now() + 300,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(spoil) = &self.spoil {
            claims = spoil("claims", claims).unwrap();
        }
        let number = self.given;
        json!({
            "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
            "id_token": forger.token(&forger.header("JWT"), &claims), "token_type": "Bearer", "expires_in": self.lifetime,
        })
    }
}

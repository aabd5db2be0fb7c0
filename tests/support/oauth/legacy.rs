//! Twitter's OAuth 1.0a: it checks every signature with code of its own (RFC 5849).
//!
//! Must not know Pasee.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::super::raw_server::{RawServer, Request, Script, Step, answer};
use super::{CLIENT, Decision, SECRET, header, once, redirect};

/// What Twitter knows.
#[derive(Default)]
pub struct State {
    pub callback: String,
    pub declines: bool,
    /// Request tokens, each with its verifier once the user has agreed.
    pending: HashMap<String, Option<String>>,
    nonces: Vec<String>,
    made: usize,
    pub complaints: Vec<String>,
    /// In place of the answer to a request for a request token, or for an access token.
    pub request_token: Option<Vec<Step>>,
    pub access_token: Option<Vec<Step>>,
}

/// Twitter, as it was.
pub struct Legacy {
    pub server: RawServer,
    pub state: Arc<Mutex<State>>,
}

impl Legacy {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let known = Arc::clone(&state);
        let own = Arc::new(Mutex::new(None::<SocketAddr>));
        let address = Arc::clone(&own);
        let script: Script = Arc::new(move |request: &Request| {
            let at = address.lock().unwrap().unwrap();
            known.lock().unwrap().answer(request, at)
        });
        let server = RawServer::start(script).await;
        *own.lock().unwrap() = Some(server.address);
        Self { server, state }
    }

    pub fn decide(&self, decision: Decision) {
        self.state.lock().unwrap().declines = decision == Decision::No;
    }

    pub fn settings(&self, name: &str, more: &str) -> String {
        let at = format!("http://{}/oauth", self.server.address);
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"oauth1\"\n{more}\n[identity_providers.settings]\n\
             consumer_key = \"{CLIENT}\"\nconsumer_secret = \"{SECRET}\"\nrequest_token_url = \"{at}/request_token\"\n\
             authorize_url = \"{at}/authenticate\"\naccess_token_url = \"{at}/access_token\"\ntimeout = 2\n"
        )
    }
}

fn refused() -> Vec<Step> {
    let body = r#"{"errors":[{"code":32,"message":"Could not authenticate you."}]}"#;
    answer("401 Unauthorized", "application/json; charset=utf-8", body)
}

/// The parameters of `Authorization: OAuth …`, each once.
fn oauth(request: &Request) -> Option<HashMap<String, String>> {
    let mut parameters = HashMap::new();
    for part in header(request, "authorization")?.strip_prefix("OAuth ")?.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
        if parameters.insert(name.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(parameters)
}

fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape =
        |byte: u8| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

impl State {
    fn answer(&mut self, request: &Request, at: SocketAddr) -> Vec<Step> {
        match request.line.split_once(' ').unwrap() {
            ("POST", "/oauth/request_token") => self.request_token(request, at),
            ("POST", "/oauth/access_token") => self.access_token(request, at),
            ("GET", target) if target.starts_with("/oauth/authenticate?") => {
                self.authenticate(target)
            }
            (method, target) => {
                self.complaints.push(format!("{method} {target}"));
                answer("404 Not Found", "text/html", "")
            }
        }
    }

    /// The parameters of a request that is signed with these secrets, fresh and for this client.
    fn signed(
        &mut self,
        request: &Request,
        url: &str,
        token_secret: &str,
    ) -> Option<HashMap<String, String>> {
        let mut parameters = oauth(request)?;
        let signature = parameters.remove("oauth_signature")?;
        let mut pairs: Vec<(String, String)> =
            parameters.iter().map(|(name, value)| (escaped(name), escaped(value))).collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let base = format!("POST&{}&{}", escaped(url), escaped(&pairs.join("&")));
        let key = format!("{}&{}", escaped(SECRET), escaped(token_secret));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        let right = STANDARD.encode(hmac::sign(&key, base.as_bytes()));
        let is_right = right == signature
            && parameters["oauth_consumer_key"] == CLIENT
            && parameters["oauth_signature_method"] == "HMAC-SHA1"
            && parameters["oauth_version"] == "1.0"
            && (super::super::pasee::now() - parameters["oauth_timestamp"].parse::<i64>().ok()?)
                .abs()
                < 300
            && request.body.is_empty();
        let nonce = parameters["oauth_nonce"].clone();
        let is_fresh = nonce.len() > 20 && !self.nonces.contains(&nonce);
        self.nonces.push(nonce);
        (is_right && is_fresh).then_some(parameters)
    }

    fn request_token(&mut self, request: &Request, at: SocketAddr) -> Vec<Step> {
        let signed = self.signed(request, &format!("http://{at}/oauth/request_token"), "");
        let Some(parameters) = signed else {
            self.complaints.push("a request token for a wrong signature".into());
            return refused();
        };
        if parameters.get("oauth_callback") != Some(&self.callback) || parameters.len() != 6 {
            self.complaints.push(format!("not approved: {:?}", parameters.get("oauth_callback")));
            return answer(
                "403 Forbidden",
                "application/xml",
                "<errors><error code=\"415\"/></errors>",
            );
        }
        self.made += 1;
        let token = format!("NPcudxy0yU5T3tBzho7iCotZ3cnetKwcTIRlX0iwRl0-{}", self.made);
        self.pending.insert(token.clone(), None);
        let body = format!(
            "oauth_token={token}&oauth_token_secret=s-{token}&oauth_callback_confirmed=true"
        );
        self.request_token
            .clone()
            .unwrap_or_else(|| answer("200 OK", "text/html;charset=utf-8", body))
    }

    fn authenticate(&mut self, target: &str) -> Vec<Step> {
        let target: Url = format!("http://twitter{target}").parse().unwrap();
        let parameters = once(target.query().unwrap().as_bytes()).unwrap();
        let token = parameters["oauth_token"].clone();
        let Some(verifier) = self.pending.get_mut(&token) else {
            return answer(
                "403 Forbidden",
                "text/html",
                "Whoa there! The request token is invalid.",
            );
        };
        let mut back: Url = self.callback.parse().unwrap();
        if self.declines {
            back.query_pairs_mut().append_pair("denied", &token);
        } else {
            let made = format!("verifier-of-{token}");
            back.query_pairs_mut()
                .append_pair("oauth_token", &token)
                .append_pair("oauth_verifier", &made);
            *verifier = Some(made);
        }
        redirect(&back)
    }

    fn access_token(&mut self, request: &Request, at: SocketAddr) -> Vec<Step> {
        let token = oauth(request).and_then(|parameters| parameters.get("oauth_token").cloned());
        let secret = format!("s-{}", token.as_deref().unwrap_or_default());
        let signed = self.signed(request, &format!("http://{at}/oauth/access_token"), &secret);
        let verifier = token.and_then(|token| self.pending.remove(&token)).flatten();
        let is_right = signed.is_some_and(|parameters| {
            verifier.is_some()
                && parameters.get("oauth_verifier") == verifier.as_ref()
                && parameters.len() == 7
        });
        if !is_right {
            self.complaints.push("an access token for a wrong request".into());
            return refused();
        }
        let body = "oauth_token=6253282-eWudHldSbIaelX7swmsiHImEL4KinwaGloHANdrY&\
                    oauth_token_secret=2EEfA6BG5ly3sR3XjE0IBSnlQu4ZrUzPiYTmrkVU&user_id=6253282&screen_name=ada";
        self.access_token
            .clone()
            .unwrap_or_else(|| answer("200 OK", "text/html;charset=utf-8", body))
    }
}

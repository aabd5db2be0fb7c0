//! The providers of browser logins, as each documents what it takes and answers: strict about all of it.
//!
//! Must not know Pasee.

pub mod browser;
pub mod legacy;
pub mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use url::{Url, form_urlencoded};

use super::raw_server::{RawServer, Request, Script, Step, answer};
use wire::{Kind, Mistake};

/// Throw-away names of a client.
pub const CLIENT: &str = "client-of-pasee";
pub const SECRET: &str = "secret/of+pasee";

/// A parameter of a request, by name.
pub type Parameters = HashMap<String, String>;

/// What the user does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Agrees.
    Yes,
    /// Declines.
    No,
}

/// What a code was given for.
struct Code {
    redirect_uri: String,
    challenge: Option<String>,
}

/// What the provider knows.
pub struct State {
    /// The registered place to come back to.
    pub redirect_uri: String,
    pub decision: Decision,
    codes: HashMap<String, Code>,
    tokens: Vec<String>,
    made: usize,
    /// Everything that a strict provider would not take.
    pub complaints: Vec<String>,
    /// Logins that got an access token.
    pub exchanged: usize,
}

/// A provider.
pub struct OAuthProvider {
    pub kind: Kind,
    pub server: RawServer,
    pub state: Arc<Mutex<State>>,
}

/// An answer that is told otherwise: made of the access token that the provider has just given out.
pub type Told = Arc<dyn Fn(&str) -> Vec<Step> + Send + Sync>;

/// What is sent in place of one of the provider's own answers.
#[derive(Clone, Default)]
pub struct Spoiled {
    pub token: Option<Vec<Step>>,
    pub user: Option<Vec<Step>>,
    /// In place of an access token as the provider itself would write it.
    pub told: Option<Told>,
    /// In place of what it says of a user, at some of its places.
    pub at: Option<At>,
}

/// What is sent at a place, if anything else than the provider's own.
pub type At = Arc<dyn Fn(&Url) -> Option<Vec<Step>> + Send + Sync>;

impl OAuthProvider {
    /// A provider that behaves.
    pub async fn start(kind: Kind) -> Self {
        Self::spoiled(kind, Spoiled::default()).await
    }

    /// A provider with an answer replaced.
    pub async fn spoiled(kind: Kind, spoiled: Spoiled) -> Self {
        let state = Arc::new(Mutex::new(State {
            redirect_uri: String::new(),
            decision: Decision::Yes,
            codes: HashMap::new(),
            tokens: Vec::new(),
            made: 0,
            complaints: Vec::new(),
            exchanged: 0,
        }));
        let known = Arc::clone(&state);
        let script: Script = Arc::new(move |request: &Request| {
            let mut state = known.lock().unwrap();
            let (method, target) = request.line.split_once(' ').unwrap();
            let target: Url = format!("http://provider{target}").parse().unwrap();
            if method == "POST" && target.path() == kind.token_path() {
                let own = state.token(kind, request, &target);
                if let Some(told) = &spoiled.told {
                    return told(state.tokens.last().map_or("", String::as_str));
                }
                return spoiled.token.clone().unwrap_or(own);
            }
            if method == "GET" && target.path() == kind.authorize_path() {
                return state.authorize(kind, &target);
            }
            let is_gitlabs = kind == Kind::GitLab && target.path() == "/oauth/userinfo";
            if method == "GET" && (is_gitlabs || target.path().starts_with(kind.user_path())) {
                let own = state.user(kind, request, &target);
                if let Some(told) = spoiled.at.as_ref().and_then(|at| at(&target)) {
                    return told;
                }
                return spoiled.user.clone().unwrap_or(own);
            }
            state.complaints.push(format!("nothing is at {}", request.line));
            answer("404 Not Found", "text/html", "<html>404</html>")
        });
        Self { kind, server: RawServer::start(script).await, state }
    }

    /// Registers the place that logins come back to.
    pub fn register(&self, redirect_uri: &str) {
        self.state.lock().unwrap().redirect_uri = redirect_uri.to_owned();
    }

    /// What it would not have taken.
    pub fn complaints(&self) -> Vec<String> {
        self.state.lock().unwrap().complaints.clone()
    }

    /// The table of the settings that makes it a provider of a Pasee.
    pub fn settings(&self, name: &str, more: &str) -> String {
        self.kind.settings(name, self.server.address, more)
    }
}

/// Each parameter once.
fn once(encoded: &[u8]) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(parameters)
}

/// A header of a request, if it stands there once.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut found = request.head.lines().skip(1).filter_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

impl State {
    fn complain(&mut self, what: String) -> String {
        self.complaints.push(what.clone());
        what
    }

    /// The page that asks the user, answered at once.
    fn authorize(&mut self, kind: Kind, target: &Url) -> Vec<Step> {
        let wrong = self.wrong_request(kind, target);
        if let Some(wrong) = wrong {
            let said = self.complain(wrong);
            return answer("400 Bad Request", "text/html", format!("<html>{said}</html>"));
        }
        let parameters = once(target.query().unwrap_or_default().as_bytes()).unwrap();
        let mut back: Url = parameters["redirect_uri"].parse().unwrap();
        let state = &parameters["state"];
        if self.decision == Decision::No {
            if kind == Kind::Facebook {
                back.query_pairs_mut().append_pair("error_reason", "user_denied");
            }
            back.query_pairs_mut()
                .append_pair("error", "access_denied")
                .append_pair("error_description", "<script>alert('denied')</script>")
                .append_pair("state", state);
            return redirect(&back);
        }
        self.made += 1;
        let code = format!("code-{}-{}", self.made, sha256(state));
        let challenge = parameters.get("code_challenge").cloned();
        let redirect_uri = parameters["redirect_uri"].clone();
        self.codes.insert(code.clone(), Code { redirect_uri, challenge });
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", state);
        redirect(&back)
    }

    fn wrong_request(&self, kind: Kind, target: &Url) -> Option<String> {
        let Some(parameters) = once(target.query().unwrap_or_default().as_bytes()) else {
            return Some("a parameter stands twice".into());
        };
        let is = |name: &str, value: &str| parameters.get(name).is_some_and(|found| found == value);
        let challenge = parameters.get("code_challenge").map(String::len);
        let known = [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
            "response_mode",
        ];
        if let Some(unknown) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
            Some(format!("{unknown} is not known"))
        } else if !is("response_type", "code") || !is("client_id", CLIENT) {
            Some("no known client asks for a code".into())
        } else if !is("redirect_uri", &self.redirect_uri) {
            Some(format!("{:?} is not registered", parameters.get("redirect_uri")))
        } else if parameters.get("state").is_none_or(|state| state.len() < 40) {
            Some("the state can be guessed".into())
        } else if challenge != Some(43) || !is("code_challenge_method", "S256") {
            Some("no PKCE".into())
        } else if parameters.get("scope").map(String::as_str) != kind.scope()
            && !(kind == Kind::GitLab && is("scope", "read_user openid"))
        {
            Some(format!("the scope is {:?}", parameters.get("scope")))
        } else {
            None
        }
    }

    /// From a code to a token.
    fn token(&mut self, kind: Kind, request: &Request, target: &Url) -> Vec<Step> {
        if header(request, "accept") != Some("application/json") {
            // GitHub answers with a form then.
            self.complain("the answer is not asked for as JSON".into());
            return answer("200 OK", "application/x-www-form-urlencoded", "error=not_acceptable");
        }
        match self.exchange(kind, request, target) {
            Ok(()) => {
                self.exchanged += 1;
                self.made += 1;
                let token = format!("token-{}-{}", self.made, sha256(SECRET));
                self.tokens.push(token.clone());
                answer("200 OK", "application/json; charset=utf-8", kind.token(&token))
            }
            Err(mistake) => {
                self.complaints
                    .push(format!("{mistake:?} in {}", String::from_utf8_lossy(&request.body)));
                let (status, body) = kind.refusal(mistake);
                answer(status, "application/json; charset=utf-8", body)
            }
        }
    }

    fn exchange(&mut self, kind: Kind, request: &Request, target: &Url) -> Result<(), Mistake> {
        let mut form = once(&request.body).ok_or(Mistake::Request)?;
        let is_form = header(request, "content-type") == Some("application/x-www-form-urlencoded");
        if !is_form || target.query().is_some() {
            return Err(Mistake::Request);
        }
        let client = kind.client(header(request, "authorization"), &mut form);
        if client != Some((CLIENT.to_owned(), SECRET.to_owned())) {
            return Err(Mistake::Client);
        }
        let mut take = |name: &str| form.remove(name).ok_or(Mistake::Request);
        let (grant, code, back) = (take("grant_type")?, take("code")?, take("redirect_uri")?);
        let verifier = take("code_verifier")?;
        if grant != "authorization_code" || !form.is_empty() {
            return Err(Mistake::Request);
        }
        // Whatever comes of it, a code is good once.
        let known = self.codes.remove(&code).ok_or(Mistake::Code)?;
        if known.redirect_uri != back {
            return Err(Mistake::Place);
        }
        let fits = (43..=128).contains(&verifier.len());
        if !fits || known.challenge != Some(sha256(&verifier)) {
            return Err(Mistake::Code);
        }
        Ok(())
    }

    /// Who the user is.
    fn user(&mut self, kind: Kind, request: &Request, target: &Url) -> Vec<Step> {
        let token =
            header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let known = token.filter(|token| self.tokens.iter().any(|known| known == token));
        let Some(token) = known else {
            self.complain(format!("{} without an access token", request.line));
            return answer("401 Unauthorized", "application/json", kind.stranger());
        };
        if kind == Kind::Facebook {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            let proof: String = hmac::sign(&key, token.as_bytes())
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let query = once(target.query().unwrap_or_default().as_bytes()).unwrap_or_default();
            if query.get("appsecret_proof") != Some(&proof) {
                self.complain("no appsecret_proof".into());
                return answer("400 Bad Request", "application/json", kind.stranger());
            }
        }
        if header(request, "user-agent").is_none_or(|agent| !agent.starts_with("pasee/")) {
            self.complain("no User-Agent, which GitHub refuses".into());
        }
        match kind.user(target) {
            Some(document) => answer("200 OK", "application/json; charset=utf-8", document),
            None => answer("404 Not Found", "application/json", r#"{"message":"Not Found"}"#),
        }
    }
}

/// 302, as all of them do.
pub fn redirect(to: &Url) -> Vec<Step> {
    vec![Step::Bytes(
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into(),
    )]
}

/// Client id and secret of a Basic header (RFC 6749 section 2.3.1: form-encoded each).
pub fn basic(header: Option<&str>) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header?.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        form_urlencoded::parse(format!("x={text}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

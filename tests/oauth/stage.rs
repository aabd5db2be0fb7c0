//! A Pasee with applications, a browser that keeps cookies and fills in forms, and an application that asks for tokens.
//!
//! Must not know what is tested.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use crate::support::forge::part;
use crate::support::pasee::{Answer, Pasee, Setup};

/// Where the application `app` is told.
pub const BACK: &str = "https://app.example.com/back";
/// Its secret.
pub const SECRET: &str = "app's secret: a+b%c";
/// What it proves that it asked for a code with.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The hash of that.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The applications of these tests: `app` has a secret, `other` too, and `tool` has none.
fn clients() -> String {
    let hash = |secret: &str| {
        let digest = Sha256::digest(secret);
        let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{}", digits.concat())
    };
    format!(
        "[[clients]]\nid = \"app\"\nname = \"The App\"\nsecret_hashes = [\"{}\"]\nredirect_uris = [\"{BACK}\", \"{BACK}?a=1\"]\n\
         post_logout_redirect_uris = [\"https://app.example.com/bye\"]\nallowed_origins = [\"https://app.example.com\"]\n\
         audiences = [\"https://api.example.com\"]\n\
         [[clients]]\nid = \"other\"\nsecret_hashes = [\"{}\"]\nredirect_uris = [\"https://other.example.com/back\"]\n\
         grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n\
         [[clients]]\nid = \"tool\"\nredirect_uris = [\"http://127.0.0.1/back\"]\n",
        hash(SECRET),
        hash("other's secret"),
    )
}

/// A Pasee whose issuer is where it is. Lines are added to its settings.
pub async fn pasee_with(setup: Setup, more: &str) -> Pasee {
    let mut pasee = setup.start().await;
    let url = pasee.url.clone();
    let more = format!("{}{more}", clients());
    let change = |settings: &str| {
        let settings = settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
        format!("{settings}\n{more}")
    };
    pasee.restart(change).await;
    pasee
}

/// The same, with nothing special.
pub async fn pasee() -> Pasee {
    let setup =
        Setup::default().members("articles.news", ["local-ada"]).members("other", ["local-ada"]);
    pasee_with(setup, "").await
}

/// Parameters as a query, or as a form.
pub fn encoded(params: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(params);
    query.finish()
}

/// The parameters of an address.
pub fn query_of(place: &str) -> BTreeMap<String, String> {
    Url::parse(place).unwrap().query_pairs().into_owned().collect()
}

/// A request of `app` with a challenge and a nonce; `with` are put in the place of those, or behind.
pub fn request(with: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut params: Vec<(String, String)> = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", BACK),
        ("scope", "openid groups"),
        ("state", "a state & more"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in with {
        params.retain(|(known, _)| known != name);
        if !value.is_empty() {
            params.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    params
}

/// Where a request begins.
pub fn authorize(with: &[(&str, &str)]) -> String {
    let params = request(with);
    let params: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (&**name, &**value)).collect();
    format!("/oauth2/authorize?{}", encoded(&params))
}

/// A browser: it keeps cookies, and goes where it is sent on the same site.
pub struct Browser<'a> {
    pasee: &'a Pasee,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(pasee: &'a Pasee) -> Self {
        Self { pasee, cookies: BTreeMap::new() }
    }

    /// The same browser, whose requests get to another server.
    pub fn at<'b>(&self, pasee: &'b Pasee) -> Browser<'b> {
        Browser { pasee, cookies: self.cookies.clone() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send("POST", path, Some(encoded(form))).await
    }

    /// Sends a form of which the browser says that a page of such a site sent it.
    pub async fn post_from(&mut self, site: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send_with(&[("sec-fetch-site", site)], ("POST", path), Some(encoded(form))).await
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<String>) -> Answer {
        self.send_with(&[], (method, path), form).await
    }

    async fn send_with(
        &mut self,
        headers: &[(&str, &str)],
        (method, path): (&str, &str),
        form: Option<String>,
    ) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut ask = self.pasee.ask(method, path).header("accept", "text/html");
        if !cookies.is_empty() {
            ask = ask.header("cookie", &cookies.join("; "));
        }
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        if let Some(form) = form {
            ask = ask.typed("application/x-www-form-urlencoded", form);
        }
        let answer = ask.send().await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// On from an answer, through the site's own pages, to one that asks something or sends elsewhere.
    async fn on(&mut self, mut answer: Answer) -> Answer {
        loop {
            let place = answer.header("location").to_owned();
            let refresh = between(&text(&answer), "http-equiv=\"refresh\" content=\"0; url=", "\"");
            let next = match refresh {
                Some(next) => unescaped(&next),
                None if place.starts_with('/') => place,
                None => return answer,
            };
            if !next.starts_with('/') {
                return answer;
            }
            answer = self.get(&next).await;
        }
    }

    /// Begins a request, and goes as far as nobody is asked.
    pub async fn begin(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.on(answer).await
    }

    /// Fills in the form of the login page as a user of `local`, and goes on.
    pub async fn fill_in(&mut self, page: &Answer, name: &str) -> Answer {
        let page = text(page);
        let action = between(&page, "<form method=\"post\" action=\"", "\"").expect(&page);
        let token = between(&page, "name=\"form_token\" value=\"", "\"").unwrap();
        let password = format!("pw-{name}");
        let form = [
            ("form_token", &*token),
            ("idp", "local"),
            ("username", name),
            ("password", &password),
        ];
        let answer = self.post(&unescaped(&action), &form).await;
        self.on(answer).await
    }

    /// A request, a login where there has to be one, and where the browser is sent.
    pub async fn log_in(&mut self, path: &str, name: &str) -> String {
        let mut answer = self.begin(path).await;
        if answer.status == 200 && text(&answer).contains("type=\"password\"") {
            answer = self.fill_in(&answer, name).await;
        }
        sent(&answer)
    }

    /// A code for the request.
    pub async fn code(&mut self, path: &str, name: &str) -> String {
        let place = self.log_in(path, name).await;
        query_of(&place).remove("code").expect(&place)
    }
}

/// Where an answer sends a browser that leaves the site, be it by a redirect or by a page.
#[track_caller]
pub fn sent(answer: &Answer) -> String {
    let page = text(answer);
    match between(&page, "http-equiv=\"refresh\" content=\"0; url=", "\"") {
        Some(place) => unescaped(&place),
        None => {
            assert_eq!(answer.status, 303, "{page}");
            answer.header("location").to_owned()
        }
    }
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// What stands in a text between two others.
pub fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(rest[..rest.find(after)?].to_owned())
}

/// What stands in an attribute.
pub fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\"").replace("&#39;", "'")
}

/// `app`, as it shows who it is.
pub fn basic(id: &str, secret: &str) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", part(id), part(secret))))
}

/// A form of a client that shows who it is by Basic, to an endpoint.
pub async fn by(pasee: &Pasee, client: (&str, &str), path: &str, form: &[(&str, &str)]) -> Answer {
    let ask = pasee.ask("POST", path).header("authorization", &basic(client.0, client.1));
    ask.typed("application/x-www-form-urlencoded", encoded(form)).send().await
}

/// A form of `app`.
pub async fn by_app(pasee: &Pasee, path: &str, form: &[(&str, &str)]) -> Answer {
    by(pasee, ("app", SECRET), path, form).await
}

/// A form of nobody in particular.
pub async fn plain(pasee: &Pasee, path: &str, form: &[(&str, &str)]) -> Answer {
    pasee.ask("POST", path).typed("application/x-www-form-urlencoded", encoded(form)).send().await
}

/// The tokens for a code of `app`.
pub async fn redeem(pasee: &Pasee, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    by_app(pasee, "/oauth2/token", &form).await
}

/// A login of a user of `local` to `app`, in a new browser, with what is put into the request.
pub async fn tokens(pasee: &Pasee, name: &str, with: &[(&str, &str)]) -> Value {
    let code = Browser::new(pasee).code(&authorize(with), name).await;
    redeem(pasee, &code).await.is(200).json()
}

/// A refresh of `app`.
pub async fn refresh(pasee: &Pasee, token: &Value, with: &[(&str, &str)]) -> Answer {
    let mut form =
        vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())];
    form.extend(with);
    by_app(pasee, "/oauth2/token", &form).await
}

/// What UserInfo says of a token.
pub async fn user_info(pasee: &Pasee, token: &Value) -> Answer {
    pasee.ask("GET", "/oauth2/userinfo").bearer(token.as_str().unwrap()).send().await
}

/// The claims of a token.
pub fn claims(token: &Value) -> Value {
    part(token.as_str().unwrap(), 1)
}

/// The error of an answer, which has this status.
#[track_caller]
pub fn error(answer: Answer, status: u16) -> String {
    answer.is(status).json()["error"].as_str().unwrap().to_owned()
}

/// Of a text, the left half of its hash.
pub fn half_hash(text: &Value) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_str().unwrap())[..16])
}

/// Largest page, in bytes.
const MAX_PAGE: usize = 20 * 1024;

/// That a page is small and needs nothing besides itself.
#[track_caller]
pub fn is_small(answer: &Answer) {
    let page = text(answer);
    assert!(page.len() <= MAX_PAGE, "{} bytes: {page}", page.len());
    assert_eq!(page.matches("<link ").count(), 1, "{page}");
    assert!(page.contains("<link rel=\"icon\" href=\"data:"), "nor for an icon: {page}");
    for part in ["src=", "<img", "<iframe", "<object", "@import", "url(http"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
}

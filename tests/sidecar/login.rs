//! Browsers that log in, beside a running Pasee: from the application to Pasee and back, until they sign out.

use std::collections::BTreeMap;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::check::Sidecar;
use crate::support::pasee::{Pasee, Setup, free_port};
use crate::support::visitor::Visitor;

pub const SECRET: &str = "app's secret: a+b%c";
pub const COOKIE_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A Pasee whose issuer is where it is, with a client that comes back to this port.
pub async fn pasee(port: u16) -> Pasee {
    let mut pasee = Setup::default().members("articles", ["local-ada"]).start().await;
    let url = pasee.url.clone();
    let digits: Vec<String> =
        Sha256::digest(SECRET).iter().map(|byte| format!("{byte:02x}")).collect();
    let client = format!(
        "[[clients]]\nid = \"app\"\nsecret_hashes = [\"sha256:{}\"]\nredirect_uris = [\"http://127.0.0.1:{port}/.pasee/callback\"]\n",
        digits.concat()
    );
    let change = |settings: &str| {
        let settings = settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
        format!("{settings}\n{client}")
    };
    pasee.restart(change).await;
    pasee
}

pub fn settings(pasee: &Pasee, port: u16, cookie_secrets: &str) -> String {
    format!(
        "[[issuers]]\nissuer = \"{url}\"\naudience = \"app\"\n[login]\nissuer = \"{url}\"\nclient_id = \"app\"\nclient_secret = \"{SECRET}\"\n\
         url = \"http://127.0.0.1:{port}\"\ncookie_secrets = [{cookie_secrets}]\nscopes = [\"offline_access\", \"groups\"]\n",
        url = pasee.url
    )
}

/// A browser at the application.
pub struct Browser {
    client: Client,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new() -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    pub async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)]) -> Response {
        let line: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !line.is_empty() {
            request = request.header("cookie", line.join("; "));
        }
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            assert!(cookie.len() < 3_800, "{cookie}");
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    pub async fn get(&mut self, url: &str) -> Response {
        self.send(Method::GET, url, &[("sec-fetch-mode", "navigate"), ("accept", "text/html")])
            .await
    }

    async fn checked(&mut self, sidecar: &Sidecar, method: &str, more: &[(&str, &str)]) -> u16 {
        let mut headers = vec![
            ("x-forwarded-method", method),
            ("x-forwarded-uri", "/groups/articles"),
            ("x-forwarded-host", "app.example.com"),
        ];
        headers.extend(more);
        self.send(Method::GET, &sidecar.at("/check"), &headers).await.status().as_u16()
    }
}

pub fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Through Pasee's page, as ada; where the browser comes back to.
pub async fn through(pasee: &Pasee, authorize: &str) -> String {
    let mut visitor = Visitor::default();
    visitor.log_in(pasee, "ada").await;
    let url: Url = authorize.parse().unwrap();
    let answer = visitor.get(pasee, &url[url::Position::BeforePath..]).await;
    let back = answer.header("location").to_owned();
    assert!(back.contains("/.pasee/callback?"), "{answer:?}");
    back
}

async fn log_in(browser: &mut Browser, pasee: &Pasee, sidecar: &Sidecar) {
    let begun = browser.get(&sidecar.at("/.pasee/sign_in?rd=/groups/articles?a%3Db")).await;
    assert_eq!(begun.status(), StatusCode::SEE_OTHER);
    let back = through(pasee, &location(&begun)).await;
    let done = browser.get(&back).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER, "{}", done.text().await.unwrap());
    assert_eq!(location(&done), "/groups/articles?a=b");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_application_to_pasee_and_back() {
    let port = free_port();
    let pasee = pasee(port).await;
    let secrets = format!("\"{COOKIE_SECRET}\"");
    let sidecar = Sidecar::at_port(port, &settings(&pasee, port, &secrets));
    sidecar.becomes("200");
    let mut browser = Browser::new();
    // Who goes somewhere is told where to log in, and whoever else asks is not.
    let asked = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/groups/articles"),
        ("sec-fetch-mode", "navigate"),
    ];
    let refused = browser.send(Method::GET, &sidecar.at("/check"), &asked).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(location(&refused), sidecar.at("/.pasee/sign_in?rd=%2Fgroups%2Farticles"));
    assert_eq!(browser.send(Method::GET, &sidecar.at("/check-login"), &asked).await.status(), 302);
    assert_eq!(browser.checked(&sidecar, "GET", &[]).await, 401);

    log_in(&mut browser, &pasee, &sidecar).await;
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["pasee_session"]);
    assert_eq!(browser.checked(&sidecar, "GET", &[]).await, 200);
    let me = browser.get(&sidecar.at("/.pasee/me")).await;
    let me: Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
    assert_eq!(
        (&me["user"], &me["groups"]),
        (&Value::from("local-ada"), &serde_json::json!(["articles"]))
    );

    // That page is for the browser: another proxy that asks about it is not told to let it pass.
    let own = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/.pasee/me")];
    assert_eq!(browser.send(Method::GET, &sidecar.at("/check"), &own).await.status(), 403);
    assert_eq!(browser.get(&sidecar.at("/check/.pasee/me")).await.status(), 403);

    // Another replica with the same secret serves the session, one with another first secret too, and one without it none.
    for (secrets, status) in [
        (secrets.clone(), 200),
        (format!("\"another secret of 32 characters..\", {secrets}"), 200),
        ("\"another secret of 32 characters..\"".to_owned(), 401),
    ] {
        let replica = Sidecar::with(&settings(&pasee, port, &secrets));
        replica.becomes("200");
        assert_eq!(browser.checked(&replica, "GET", &[]).await, status, "{secrets}");
    }

    // What another page sends with the cookie is nobody's.
    for (more, status) in [
        (vec![], 401),
        (vec![("origin", "https://evil.example.com")], 401),
        (vec![("origin", "https://app.example.com")], 200),
        (vec![("sec-fetch-site", "same-origin")], 200),
    ] {
        let mut asked = vec![
            ("x-forwarded-method", "POST"),
            ("x-forwarded-uri", "/any/1"),
            ("x-forwarded-host", "app.example.com"),
        ];
        asked.extend(more.clone());
        let judged = browser.send(Method::GET, &sidecar.at("/check"), &asked).await;
        assert_eq!(judged.status(), status, "{more:?}");
    }

    // A copy of the cookie is worth nothing after the end.
    let copy = browser.cookies.clone();
    assert_eq!(
        browser
            .send(
                Method::POST,
                &sidecar.at("/.pasee/sign_out"),
                &[("origin", "https://evil.example.com")]
            )
            .await
            .status(),
        403
    );
    assert_eq!(browser.checked(&sidecar, "GET", &[]).await, 200);
    let origin = format!("http://127.0.0.1:{port}");
    let ended =
        browser.send(Method::POST, &sidecar.at("/.pasee/sign_out"), &[("origin", &origin)]).await;
    assert_eq!((ended.status(), location(&ended)), (StatusCode::SEE_OTHER, "/".to_owned()));
    assert!(browser.cookies.is_empty());
    browser.cookies = copy;
    assert_eq!(browser.checked(&sidecar, "GET", &[]).await, 401);
    let fresh = Sidecar::with(&settings(&pasee, port, &secrets));
    fresh.becomes("200");
    assert_eq!(browser.checked(&fresh, "GET", &[]).await, 401, "a replica that asks Pasee");
}

/// A login that was begun in another browser ends nowhere in this one, and each ends once.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_belongs_to_its_browser() {
    let port = free_port();
    let pasee = pasee(port).await;
    let sidecar = Sidecar::at_port(port, &settings(&pasee, port, &format!("\"{COOKIE_SECRET}\"")));
    sidecar.becomes("200");
    let (mut one, mut other) = (Browser::new(), Browser::new());
    let begun = one.get(&sidecar.at("/.pasee/sign_in")).await;
    let back = through(&pasee, &location(&begun)).await;
    assert_eq!(other.get(&back).await.status(), 400, "no login was begun there");
    let _ = other.get(&sidecar.at("/.pasee/sign_in")).await;
    assert_eq!(other.get(&back).await.status(), 403, "another was");
    assert!(!other.cookies.contains_key("pasee_session"));
    let carried = one.cookies.clone();
    assert_eq!(one.get(&back).await.status(), 303);
    one.cookies = carried;
    assert_eq!(one.get(&back).await.status(), 403, "the code is good once");
}

/// Who is away ends no session: nobody is sent to log in, and the cookie stays.
#[tokio::test(flavor = "multi_thread")]
async fn pasee_away_ends_no_session() {
    let port = free_port();
    let pasee = pasee(port).await;
    let secrets = format!("\"{COOKIE_SECRET}\"");
    let sidecar = Sidecar::at_port(port, &settings(&pasee, port, &secrets));
    sidecar.becomes("200");
    let mut browser = Browser::new();
    log_in(&mut browser, &pasee, &sidecar).await;
    let replica = Sidecar::with(&settings(&pasee, port, &secrets));
    replica.becomes("200");
    drop(pasee);
    assert_eq!(browser.checked(&sidecar, "GET", &[]).await, 200, "its token is good still");
    assert_eq!(browser.checked(&replica, "GET", &[("sec-fetch-mode", "navigate")]).await, 503);
    assert!(browser.cookies.contains_key("pasee_session"));
    assert_eq!(
        browser.get(&sidecar.at("/.pasee/sign_in")).await.status(),
        303,
        "what Pasee says of itself is known"
    );
}

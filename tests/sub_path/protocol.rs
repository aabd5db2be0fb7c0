//! The OpenID provider, found and used by its metadata alone, as applications do.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::support::forge::part;
use super::support::pasee::{Answer, Ask, Pasee, Setup};
use super::support::wanderer::Wanderer;
use super::{PATH, below};

const BACK: &str = "https://app.example.com/back";
const BYE: &str = "https://app.example.com/bye";
const SECRET: &str = "a secret of two hundred and fifty six bits, or so";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An application and the Pasee that it knows by name.
struct App {
    pasee: Pasee,
    metadata: Value,
}

impl App {
    async fn new() -> Self {
        let hash: String =
            Sha256::digest(SECRET).iter().map(|byte| format!("{byte:02x}")).collect();
        let client = format!(
            "[[clients]]\nid = \"app\"\nsecret_hashes = [\"sha256:{hash}\"]\nredirect_uris = [\"{BACK}\"]\n\
             post_logout_redirect_uris = [\"{BYE}\"]\nallowed_origins = [\"https://app.example.com\"]\nconsent = true\n\
             grant_types = [\"authorization_code\", \"refresh_token\", \"urn:ietf:params:oauth:grant-type:device_code\"]\n"
        );
        let setup = Setup::default().members("articles", ["local-ada"]).tables(&client);
        let pasee = below(PATH, setup).await;
        let place = format!("{}/.well-known/openid-configuration", pasee.url);
        let metadata = Ask::new(pasee.client.get(place)).send().await.is(200).json();
        Self { pasee, metadata }
    }

    fn place(&self, endpoint: &str) -> &str {
        self.metadata[endpoint].as_str().unwrap_or_else(|| panic!("no {endpoint}"))
    }

    async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form).append_pair("client_id", "app");
        body.append_pair("client_secret", SECRET);
        let ask = Ask::new(self.pasee.client.post(self.place(endpoint)));
        ask.typed("application/x-www-form-urlencoded", body.finish()).send().await
    }

    /// A request, and more of it.
    fn request(&self, more: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut place: Url = self.place("authorization_endpoint").parse().unwrap();
        place
            .query_pairs_mut()
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "app"),
                ("redirect_uri", BACK),
                ("scope", "openid groups"),
                ("state", "a state"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(more);
        place.into()
    }

    /// Logs Ada in, and says yes where that is asked.
    async fn code(&self, browser: &mut Wanderer, place: &str) -> Url {
        let page = browser.open(&self.pasee, place).await.page();
        assert_eq!(page.0.path(), format!("{PATH}/oauth2/authorize"));
        let asked = browser.give(&self.pasee, &page, "ada").await.page();
        browser.submit(&self.pasee, &asked, "form_token", &[("answer", "yes")]).await.elsewhere()
    }

    async fn redeem(&self, back: &Url) -> Value {
        let code = value(back, "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("token_endpoint", &form).await.is(200).json()
    }
}

fn value(place: &Url, name: &str) -> String {
    let found = place.query_pairs().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no {name}: {place}")).1.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_request_to_a_goodbye() {
    let app = App::new().await;
    let mut ada = Wanderer::default();
    let back = app.code(&mut ada, &app.request(&[])).await;
    assert_eq!(value(&back, "iss"), app.pasee.url);
    let tokens = app.redeem(&back).await;
    let claims = part(tokens["id_token"].as_str().unwrap(), 1);
    assert_eq!((&claims["iss"], &claims["groups"]), (&json!(app.pasee.url), &json!(["articles"])));
    let access = tokens["access_token"].as_str().unwrap();
    let asked = Ask::new(app.pasee.client.get(app.place("userinfo_endpoint"))).bearer(access);
    assert_eq!(asked.send().await.is(200).json()["sub"], "local-ada");
    let said = app.post("introspection_endpoint", &[("token", access)]).await.is(200).json();
    assert_eq!((&said["active"], &said["iss"]), (&json!(true), &json!(app.pasee.url)));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    app.post("token_endpoint", &form).await.is(200);

    // Who is logged in and has said yes is asked nothing.
    let quiet = ada.open(&app.pasee, &app.request(&[("prompt", "none")])).await.elsewhere();
    assert!(!value(&quiet, "code").is_empty());
    // By a form, which is a redirect to the same.
    let place: Url = app.request(&[]).parse().unwrap();
    let by_form = app.pasee.client.post(app.place("authorization_endpoint"));
    let by_form = by_form.header("content-type", "application/x-www-form-urlencoded");
    let by_form = by_form.body(place.query().unwrap().to_owned()).send().await.unwrap();
    let onward = by_form.headers()["location"].to_str().unwrap();
    assert!(onward.starts_with(&format!("{PATH}/oauth2/authorize?")), "{onward}");

    let mut place: Url = app.place("end_session_endpoint").parse().unwrap();
    place.query_pairs_mut().append_pair("client_id", "app");
    place.query_pairs_mut().append_pair("post_logout_redirect_uri", BYE);
    let asked = ada.open(&app.pasee, place.as_str()).await.page();
    assert_eq!(asked.0.path(), format!("{PATH}/oauth2/logout"));
    let gone = ada.submit(&app.pasee, &asked, "form_token", &[]).await.elsewhere();
    assert_eq!(gone.as_str(), BYE);
    assert!(ada.cookies.keys().all(|(path, name)| path == PATH && !name.contains("session")));
    app.post("revocation_endpoint", &[("token", refresh)]).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_request_and_an_answer_by_form() {
    let app = App::new().await;
    let place: Url = app.request(&[("response_mode", "form_post")]).parse().unwrap();
    let pairs: Vec<(String, String)> =
        place.query_pairs().into_owned().filter(|(name, _)| name != "client_id").collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = app.post("pushed_authorization_request_endpoint", &pairs).await.is(201).json();
    let mut place: Url = app.place("authorization_endpoint").parse().unwrap();
    place.query_pairs_mut().append_pair("client_id", "app");
    place.query_pairs_mut().append_pair("request_uri", pushed["request_uri"].as_str().unwrap());
    let mut ada = Wanderer::default();
    let page = ada.open(&app.pasee, place.as_str()).await.page();
    let asked = ada.give(&app.pasee, &page, "ada").await.page();
    let form = ada.submit(&app.pasee, &asked, "form_token", &[("answer", "yes")]).await.page();
    let (action, fields) = form.1.form("name=\"code\"");
    assert_eq!(action, BACK);
    assert!(fields.contains(&("iss".to_owned(), app.pasee.url.clone())), "{fields:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device() {
    let app = App::new().await;
    let form = [("scope", "openid")];
    let begun = app.post("device_authorization_endpoint", &form).await.is(200).json();
    let place = begun["verification_uri"].as_str().unwrap();
    assert_eq!(place, format!("{}/device", app.pasee.url));
    let mut ada = Wanderer::default();
    let page = ada.open(&app.pasee, place).await.page();
    ada.give(&app.pasee, &page, "ada").await.page();
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let asked = ada.open(&app.pasee, complete).await.page();
    ada.submit(&app.pasee, &asked, "form_token", &[("answer", "yes")]).await.page();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", begun["device_code"].as_str().unwrap()),
    ];
    let tokens = app.post("token_endpoint", &form).await.is(200).json();
    assert_eq!(part(tokens["access_token"].as_str().unwrap(), 1)["iss"], app.pasee.url);
}

/// Scripts of the application's own pages may call it, and are told so before.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_the_application() {
    let app = App::new().await;
    for endpoint in ["token_endpoint", "userinfo_endpoint", "revocation_endpoint"] {
        let place = app.place(endpoint);
        let asked = app.pasee.client.request(http::Method::OPTIONS, place);
        let asked = Ask::new(asked).header("origin", "https://app.example.com");
        let answer = asked.header("access-control-request-method", "POST").send().await;
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, "https://app.example.com", "{endpoint}");
    }
}

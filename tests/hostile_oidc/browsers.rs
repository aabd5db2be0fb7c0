//! Browsers that bring answers to a running Pasee: their own, another's, an old one's.

use serde_json::json;
use url::Url;

use super::support::forge::{Forger, part};
use super::support::openid::{CLIENT, OpenId, Place, SECRET, parameter};
use super::support::pasee::{Answer, Pasee, Setup, now};

async fn pasee(openid: &OpenId) -> Pasee {
    let provider = |name: &str| {
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"oidc\"\nclaims = [\"email\"]\n\
             [identity_providers.settings]\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n",
            openid.issuer
        )
    };
    Setup::default().tables(&provider("corp")).tables(&provider("other")).start().await
}

/// A browser on its way: its cookie, and where it was sent.
struct Sent {
    cookie: String,
    url: Url,
}

impl Sent {
    async fn by(pasee: &Pasee, idp: &str) -> Self {
        let answer = pasee.ask("GET", &format!("/tokens/?idp={idp}")).send().await.is(303);
        Self {
            cookie: answer.header("set-cookie").split(';').next().unwrap().to_owned(),
            url: answer.header("location").parse().unwrap(),
        }
    }

    fn state(&self) -> String {
        parameter(&self.url, "state")
    }
}

/// Comes back as somebody with these cookies.
async fn back(pasee: &Pasee, idp: &str, openid: &OpenId, state: &str, cookies: &str) -> Answer {
    let issuer: String = url::form_urlencoded::byte_serialize(openid.issuer.as_bytes()).collect();
    let path = format!("/tokens/?idp={idp}&code=c&iss={issuer}&state={state}");
    let ask = pasee.ask("GET", &path);
    if cookies.is_empty() { ask.send().await } else { ask.header("cookie", cookies).send().await }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_in_browsers() {
    let openid = OpenId::start().await;
    let pasee = pasee(&openid).await;
    let (mine, yours) = (Sent::by(&pasee, "corp").await, Sent::by(&pasee, "corp").await);
    let elsewhere = Sent::by(&pasee, "other").await;
    let claims = openid.claims(&parameter(&mine.url, "nonce"), now());
    openid.redeems(&openid.forger.token(&super::header(&openid), &claims));
    let state = mine.state();
    let name_of = |sent: &Sent| sent.cookie.split_once('=').unwrap().0.to_owned();
    let renamed = elsewhere.cookie.replacen(&name_of(&elsewhere), &name_of(&mine), 1);
    let (name, sealed) = mine.cookie.split_once('=').unwrap();
    let cut = format!("{name}={}", &sealed[..sealed.len() - 4]);
    for (what, state, cookies, status) in [
        ("no cookie", state.as_str(), "", [400].as_slice()),
        ("the cookie of another browser", &state, yours.cookie.as_str(), &[400, 403]),
        ("the cookie of another provider", &state, &renamed, &[400]),
        ("a cookie that is cut", &state, &cut, &[400]),
        ("a cookie of nobody's", &state, &format!("{name}=AAAA"), &[400]),
        ("two cookies", &state, &format!("{}; {name}=x", mine.cookie), &[400]),
    ] {
        let answer = back(&pasee, "corp", &openid, state, cookies).await;
        assert!(status.contains(&answer.status.as_u16()), "{what}: {}", answer.status);
    }
    // At the other provider's place.
    let answer = back(&pasee, "other", &openid, &state, &mine.cookie).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(openid.asked(Place::Token), 0, "no code was sent anywhere");
    // The one that belongs together, once.
    let tabs = format!("{}; {}", yours.cookie, mine.cookie);
    let document = back(&pasee, "corp", &openid, &state, &tabs).await.is(200);
    assert!(document.header("set-cookie").starts_with(name), "of two tabs this one is over");
    assert!(document.header("set-cookie").contains("Max-Age=0"));
    assert!(document.header("cache-control").contains("no-store"));
    let document = document.json();
    let access = part(document["access_token"].as_str().unwrap(), 1);
    assert_eq!((&access["sub"], &access["idp"]), (&json!("corp-ada"), &json!("corp")));
    assert_eq!(access["email"], json!("ada@example.com"));
    assert!(access.get("email_verified").is_none() && access.get("nonce").is_none());
    assert_eq!(
        back(&pasee, "corp", &openid, &state, &mine.cookie).await.status.as_u16(),
        400,
        "reused"
    );
    // Nobody tries states at a cookie.
    let tried = Sent::by(&pasee, "corp").await;
    for state in ["", "AAAA", &tried.state()[1..], &format!("{}A", tried.state())] {
        let answer = back(&pasee, "corp", &openid, state, &tried.cookie).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{state}: {}", answer.status);
    }
    assert_eq!(openid.asked(Place::Token), 1);
    let log = pasee.log();
    assert!(!log.contains(SECRET) && !log.contains("panicked"), "{log}");
}

/// An ID token in somebody else's name, through the whole program: 502, and no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_id_token() {
    let openid = OpenId::start().await;
    let pasee = pasee(&openid).await;
    let stranger = Forger::new(pasee::jose::key::Algorithm::Es256);
    let sent = Sent::by(&pasee, "corp").await;
    let claims = openid.claims(&parameter(&sent.url, "nonce"), now());
    openid.redeems(&stranger.token(&super::header(&openid), &claims));
    let answer = back(&pasee, "corp", &openid, &sent.state(), &sent.cookie).await.is(502);
    assert!(!String::from_utf8_lossy(&answer.body).contains("access_token"));
}

/// What a client is told of the ways to log in, and how it begins one itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_clients_see() {
    let openid = OpenId::start().await;
    let pasee = pasee(&openid).await;
    let listed = pasee.ask("GET", "/tokens/").send().await.is(200).json();
    let link = &listed["identify_via_corp"];
    assert_eq!(link["url"], json!(format!("{}/tokens/?idp=corp", pasee.url)));
    let fields: Vec<&str> = link["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["scope"], "no login, no password");
    assert!(link["description"].as_str().unwrap().contains("browser"));
    let begun = pasee.ask("POST", "/tokens/?idp=corp").send().await.is(201);
    let url: Url = begun.json()["authorize_url"].as_str().unwrap().parse().unwrap();
    assert_eq!(parameter(&url, "redirect_uri"), format!("{}/tokens/?idp=corp", pasee.url));
    let sent =
        Sent { cookie: begun.header("set-cookie").split(';').next().unwrap().to_owned(), url };
    let claims = openid.claims(&parameter(&sent.url, "nonce"), now());
    openid.redeems(&openid.forger.token(&super::header(&openid), &claims));
    back(&pasee, "corp", &openid, &sent.state(), &sent.cookie).await.is(200);
    // A password of a user there is none of ours to take.
    let body = json!({"login": "ada", "password": "x"});
    let answer = pasee.ask("POST", "/tokens/?idp=corp").json(&body).await.is(201);
    assert!(answer.json().get("access_token").is_none());
}

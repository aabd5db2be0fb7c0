//! What clients demand of a login, where an identity provider logs people in that Pasee sends them to: what it is asked for, and that
//! nothing is said to be fresher or stronger than it has proved.

use serde_json::{Value, json};
use url::Url;

use crate::stage::{
    Browser, authorize, between, claims, pasee_with, query_of, redeem, refresh, sent, text,
    unescaped, user_info,
};
use crate::support::oauth::OAuthProvider;
use crate::support::oauth::wire::Kind;
use crate::support::openid::{CLIENT, OpenId, Place, SECRET, parameter};
use crate::support::pasee::{Answer, Ask, Pasee, Setup, now};

/// A Pasee that knows this OpenID provider as `corp`.
async fn pasee_of(corp: &OpenId, more: &str) -> Pasee {
    let table = format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\nclaims = [\"amr\", \"acr\"]\n[identity_providers.settings]\n\
         issuer = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n{more}\n",
        corp.issuer
    );
    pasee_with(Setup::default().tables(&table), "").await
}

/// What a page's link to `corp`, or the answer itself, sends the browser there with.
async fn there(browser: &mut Browser<'_>, answer: &Answer) -> Url {
    let page = text(answer);
    let link = between(&page, "href=\"/tokens/?idp=corp", "\"");
    let place = match link {
        Some(rest) => {
            let link = unescaped(&format!("/tokens/?idp=corp{rest}"));
            browser.get(&link).await.is(303).header("location").to_owned()
        }
        None => sent(answer),
    };
    place.parse().unwrap()
}

/// The parameter of this name, if there is one.
fn asked(place: &Url, name: &str) -> Option<String> {
    let is_there = place.query_pairs().any(|(known, _)| known == name);
    is_there.then(|| parameter(place, name))
}

/// Comes back from `corp`, whose ID token says this besides; where the browser goes then.
async fn back(browser: &mut Browser<'_>, corp: &OpenId, place: &Url, says: Value) -> Answer {
    let mut token = corp.claims(&parameter(place, "nonce"), now());
    for (name, value) in says.as_object().unwrap() {
        token[name] = value.clone();
    }
    corp.redeems(&corp.forger.token(&corp.forger.header("JWT"), &token));
    let answer = [
        ("idp", "corp"),
        ("code", "c0de"),
        ("state", &parameter(place, "state")),
        ("iss", &corp.issuer),
    ];
    browser.begin(&format!("/tokens/?{}", crate::stage::encoded(&answer))).await
}

/// A login through `corp` for such a request: what `corp` was asked, and where the browser ends.
async fn through(
    browser: &mut Browser<'_>,
    corp: &OpenId,
    with: &[(&str, &str)],
    says: Value,
) -> (Url, Answer) {
    let page = browser.begin(&authorize(with)).await;
    let place = there(browser, &page).await;
    let answer = back(browser, corp, &place, says).await;
    (place, answer)
}

fn code(answer: &Answer) -> String {
    query_of(&sent(answer)).remove("code").unwrap_or_else(|| panic!("{}", sent(answer)))
}

fn refused(answer: &Answer) -> String {
    query_of(&sent(answer)).remove("error").unwrap_or_else(|| panic!("{}", sent(answer)))
}

/// Nothing is demanded of whom nothing is asked, and `auth_time` is what the provider says, in every token and after a refresh.
#[tokio::test]
async fn a_login_is_as_old_as_it_was_proved_to_be() {
    let corp = OpenId::start().await;
    let pasee = pasee_of(&corp, "").await;
    for (says, is_said) in [(json!({ "auth_time": now() - 5000 }), true), (json!({}), false)] {
        let mut browser = Browser::new(&pasee);
        let (place, answer) = through(&mut browser, &corp, &[], says).await;
        for name in ["prompt", "max_age", "acr_values", "claims"] {
            assert_eq!(asked(&place, name), None);
        }
        let given = redeem(&pasee, &code(&answer)).await.is(200).json();
        let renewed = refresh(&pasee, &given["refresh_token"], &[]).await.is(200).json();
        for token in [
            &given["id_token"],
            &given["access_token"],
            &renewed["id_token"],
            &renewed["access_token"],
        ] {
            let claims = claims(token);
            match is_said {
                true => {
                    let age =
                        claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap();
                    assert!((4999..5060).contains(&age), "{claims}");
                }
                false => assert!(claims.get("auth_time").is_none(), "{claims}"),
            }
        }
        // What the session is worth here counts from the login here.
        user_info(&pasee, &renewed["access_token"]).await.is(200);
        let form = [("token", renewed["access_token"].as_str().unwrap())];
        let told = crate::stage::by_app(&pasee, "/oauth2/introspect", &form).await.is(200).json();
        assert_eq!(told["auth_time"], claims(&renewed["access_token"])["auth_time"]);
    }
}

#[tokio::test]
async fn what_a_provider_is_asked_for() {
    let corp = OpenId::start().await;
    let pasee = pasee_of(&corp, "").await;
    let fresh = || json!({ "auth_time": now() });
    for (with, prompt, max_age) in [
        (("prompt", "login"), Some("login"), Some("0")),
        (("max_age", "0"), Some("login"), Some("0")),
        (("max_age", "600"), None, Some("600")),
        (("prompt", "select_account"), Some("select_account"), None),
        (("prompt", "consent"), None, None),
    ] {
        let mut browser = Browser::new(&pasee);
        let page = browser.begin(&authorize(&[with])).await;
        let place = there(&mut browser, &page).await;
        assert_eq!(asked(&place, "prompt").as_deref(), prompt, "{with:?}");
        assert_eq!(asked(&place, "max_age").as_deref(), max_age, "{with:?}");
        let answer = back(&mut browser, &corp, &place, fresh()).await;
        assert!(with.1 == "consent" || query_of(&sent(&answer)).contains_key("code"), "{with:?}");
    }
    let mut browser = Browser::new(&pasee);
    let (place, answer) =
        through(&mut browser, &corp, &[("acr_values", "gold silver")], fresh()).await;
    assert_eq!(asked(&place, "acr_values").as_deref(), Some("gold silver"));
    code(&answer);
    // By way of a pushed request likewise.
    let mut form = crate::stage::request(&[("prompt", "login")]);
    form.retain(|(name, _)| name != "client_id");
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = crate::stage::by_app(&pasee, "/oauth2/par", &form).await.is(201).json();
    let query = [("client_id", "app"), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let page = browser.begin(&format!("/oauth2/authorize?{}", crate::stage::encoded(&query))).await;
    assert_eq!(asked(&there(&mut browser, &page).await, "prompt").as_deref(), Some("login"));
}

/// What the settings of the provider ask for is asked for in any case, and the stricter of two.
#[tokio::test]
async fn what_the_settings_ask_for_stands() {
    let corp = OpenId::start().await;
    let more = "prompt = \"consent\"\nmax_age = \"1h\"\nauthorization_parameters = { acr_values = \"ours\" }";
    let pasee = pasee_of(&corp, more).await;
    for (with, prompt, max_age) in [
        (&[("acr_values", "theirs")][..], "consent", "3600"),
        (&[("max_age", "60")], "consent", "60"),
        (&[("max_age", "86400")], "consent", "3600"),
        (&[("prompt", "login")], "consent login", "0"),
    ] {
        let mut browser = Browser::new(&pasee);
        let page = browser.begin(&authorize(with)).await;
        let place = there(&mut browser, &page).await;
        let found = ["prompt", "max_age", "acr_values"].map(|name| asked(&place, name).unwrap());
        assert_eq!(found, [prompt, max_age, "ours"]);
    }
}

/// A provider that lets people in without a word, or does not say when they logged in, makes no login fresh: it is asked once more, and
/// then the client is told.
#[tokio::test]
async fn a_second_login_that_was_none() {
    let corp = OpenId::start().await;
    let pasee = pasee_of(&corp, "").await;
    let mut browser = Browser::new(&pasee);
    let (_, answer) = through(&mut browser, &corp, &[], json!({ "auth_time": now() - 5000 })).await;
    code(&answer);
    for old in [json!({ "auth_time": now() - 100 }), json!({})] {
        // It was asked for a new login at once: there is nothing more to ask.
        let (_, answer) = through(&mut browser, &corp, &[("prompt", "login")], old.clone()).await;
        assert_eq!(refused(&answer), "login_required", "{old}");
        let (place, answer) = through(&mut browser, &corp, &[("max_age", "60")], old.clone()).await;
        assert_eq!(asked(&place, "prompt"), None);
        let again: Url = sent(&answer).parse().unwrap();
        assert!(sent(&answer).starts_with(&corp.issuer), "asked once more: {again}");
        assert_eq!(asked(&again, "prompt").as_deref(), Some("login"));
        assert_eq!(asked(&again, "max_age").as_deref(), Some("0"));
        let answer = back(&mut browser, &corp, &again, old.clone()).await;
        assert_eq!(refused(&answer), "login_required", "{old}");
    }
    // The session that came of it is as old for others, too.
    let quiet = browser.begin(&authorize(&[("prompt", "none"), ("max_age", "60")])).await;
    assert_eq!(refused(&quiet), "login_required");
    // Whoever shows who they are is let in.
    let (_, answer) =
        through(&mut browser, &corp, &[("max_age", "60")], json!({ "auth_time": now() })).await;
    code(&answer);
    let quiet = browser.begin(&authorize(&[("prompt", "none"), ("max_age", "60")])).await;
    code(&quiet);
    // A provider whose clock is behind is as fresh.
    let behind = json!({ "iat": now() - 50, "exp": now() + 300, "auth_time": now() - 50 });
    let (_, answer) = through(&mut browser, &corp, &[("prompt", "login")], behind).await;
    code(&answer);
}

/// `require_amr`: the provider is asked for the methods, a second time if it gave others, and then the client is told.
#[tokio::test]
async fn methods() {
    let corp = OpenId::start().await;
    let mut document = corp.document();
    document["claims_parameter_supported"] = json!(true);
    corp.gives(Place::Discovery, &document);
    let mut pasee = pasee_of(&corp, "").await;
    let change = |settings: &str| {
        settings.replace("name = \"The App\"", "name = \"The App\"\nrequire_amr = [\"mfa\"]")
    };
    pasee.restart(change).await;
    let weak = || json!({ "amr": ["pwd"], "auth_time": now() });
    let strong = || json!({ "amr": ["pwd", "mfa"], "auth_time": now() });
    let demanded = json!({ "id_token": { "amr": { "essential": true, "values": ["mfa"] } } });
    let is_demanded = |place: &Url| {
        let claims: Value = serde_json::from_str(&asked(place, "claims").unwrap()).unwrap();
        assert_eq!(claims, demanded);
    };
    let mut browser = Browser::new(&pasee);
    let (place, answer) = through(&mut browser, &corp, &[], weak()).await;
    is_demanded(&place);
    assert_eq!(asked(&place, "prompt"), None);
    let again: Url = sent(&answer).parse().unwrap();
    is_demanded(&again);
    assert_eq!(asked(&again, "prompt").as_deref(), Some("login"));
    let answer = back(&mut browser, &corp, &again, weak()).await;
    assert_eq!(refused(&answer), "unmet_authentication_requirements");
    // With a session that is too weak the provider is asked for a new login at once.
    let (place, answer) = through(&mut browser, &corp, &[], strong()).await;
    assert_eq!(asked(&place, "prompt").as_deref(), Some("login"));
    let given = redeem(&pasee, &code(&answer)).await.is(200).json();
    assert_eq!(claims(&given["id_token"])["amr"], json!(["pwd", "mfa"]));
    let quiet = browser.begin(&authorize(&[("prompt", "none")])).await;
    code(&quiet);
}

/// What only says who somebody is, such as GitHub, says of no login how old it is: whoever asks for a fresh one is told that there is none.
#[tokio::test]
async fn a_provider_that_cannot_say() {
    let hub = OAuthProvider::start(Kind::GitHub).await;
    let pasee = pasee_with(Setup::default().tables(&hub.settings("hub", "")), "").await;
    hub.register(&format!("{}/tokens/?idp=hub", pasee.url));
    let by_hub = async |browser: &mut Browser<'_>, with: &[(&str, &str)]| {
        let page = text(&browser.begin(&authorize(with)).await.is(200));
        let link = between(&page, "href=\"/tokens/?idp=hub", "\"").unwrap();
        let place = browser.get(&unescaped(&format!("/tokens/?idp=hub{link}"))).await.is(303);
        let there = Ask::new(pasee.client.get(place.header("location"))).send().await.is(302);
        let back: Url = there.header("location").parse().unwrap();
        browser.begin(&back[url::Position::BeforePath..]).await
    };
    let mut browser = Browser::new(&pasee);
    let answer = by_hub(&mut browser, &[]).await;
    let given = redeem(&pasee, &code(&answer)).await.is(200).json();
    for token in ["id_token", "access_token"] {
        assert!(claims(&given[token]).get("auth_time").is_none(), "{token}");
    }
    for with in [("prompt", "login"), ("max_age", "600")] {
        assert_eq!(refused(&by_hub(&mut browser, &[with]).await), "login_required", "{with:?}");
    }
    let answer = by_hub(&mut browser, &[("prompt", "select_account")]).await;
    code(&answer);
    assert_eq!(hub.complaints(), Vec::<String>::new());
}

/// What an identity provider says of somebody is in access tokens, ID tokens and UserInfo as far as the granted scope goes, and no further.
#[tokio::test]
async fn an_access_token_says_what_its_scope_says() {
    let corp = OpenId::start().await;
    let mut pasee = pasee_of(&corp, "").await;
    let change = |settings: &str| {
        let all = settings.replace(
            "claims = [\"amr\", \"acr\"]",
            "claims = [\"amr\", \"acr\", \"email\", \"name\"]",
        );
        all.replace("name = \"The App\"", "name = \"The App\"\nclaims = [\"email\", \"name\"]")
    };
    pasee.restart(change).await;
    for (scope, told) in [
        ("openid", &[][..]),
        ("openid groups", &[]),
        ("openid email", &["email"]),
        ("openid profile", &["name"]),
        ("openid profile email", &["email", "name"]),
    ] {
        let says = json!({ "name": "Ada", "amr": ["pwd"] });
        let mut browser = Browser::new(&pasee);
        let (_, answer) = through(&mut browser, &corp, &[("scope", scope)], says).await;
        let given = redeem(&pasee, &code(&answer)).await.is(200).json();
        let info = user_info(&pasee, &given["access_token"]).await.is(200).json();
        let (id, access) = (claims(&given["id_token"]), claims(&given["access_token"]));
        for name in ["email", "name"] {
            for one in [&id, &access, &info] {
                assert_eq!(
                    one.get(name).is_some(),
                    told.contains(&name),
                    "{name} of {scope}: {one}"
                );
            }
        }
        assert_eq!(access["amr"], json!(["pwd"]), "how somebody logged in is no secret of theirs");
        let narrowed = refresh(&pasee, &given["refresh_token"], &[("scope", "openid")]).await;
        let narrowed = claims(&narrowed.is(200).json()["access_token"]);
        assert!(narrowed.get("email").is_none() && narrowed.get("name").is_none(), "{narrowed}");
    }
}

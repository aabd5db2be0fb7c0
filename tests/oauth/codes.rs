//! The way to tokens by a code, as applications go it.

use serde_json::{Value, json};

use crate::stage::{
    BACK, Browser, VERIFIER, authorize, between, by_app, claims, encoded, half_hash, pasee, plain,
    query_of, redeem, refresh, request, sent, text, tokens, unescaped, user_info,
};

#[tokio::test]
async fn a_login_and_its_tokens() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let place = browser.log_in(&authorize(&[]), "ada").await;
    let answer = query_of(&place);
    assert!(place.starts_with(&format!("{BACK}?")), "{place}");
    assert_eq!((answer["state"].as_str(), &answer["iss"]), ("a state & more", &pasee.url));
    let given = redeem(&pasee, &answer["code"]).await.is(200);
    assert_eq!((given.header("cache-control"), given.header("pragma")), ("no-store", "no-cache"));
    let given = given.json();
    assert_eq!(
        (&given["token_type"], &given["scope"]),
        (&json!("Bearer"), &json!("openid groups"))
    );
    let (access, id) = (claims(&given["access_token"]), claims(&given["id_token"]));
    assert_eq!((&access["aud"], &access["client_id"]), (&json!(["app"]), &json!("app")));
    assert_eq!(access["groups"], json!(["articles.news", "other"]));
    for (name, value) in [
        ("iss", json!(pasee.url)),
        ("sub", json!("local-ada")),
        ("aud", json!("app")),
        ("azp", json!("app")),
        ("nonce", json!("a nonce")),
        ("at_hash", json!(half_hash(&given["access_token"]))),
        ("auth_time", access["auth_time"].clone()),
        ("sid", access["sid"].clone()),
        ("exp", access["exp"].clone()),
        ("groups", access["groups"].clone()),
    ] {
        assert_eq!(id[name], value, "{name}");
    }
    // UserInfo says the same of the person.
    let told = user_info(&pasee, &given["access_token"]).await.is(200);
    assert_eq!(told.json(), json!({ "sub": "local-ada", "groups": ["articles.news", "other"] }));
    assert_eq!(told.header("cache-control"), "no-store");
    // A refresh keeps the session, and its ID token has no nonce.
    let again = refresh(&pasee, &given["refresh_token"], &[]).await.is(200).json();
    let new = claims(&again["id_token"]);
    for name in ["sub", "aud", "auth_time", "sid"] {
        assert_eq!(new[name], id[name], "{name}");
    }
    assert_eq!(
        (new.get("nonce"), &new["at_hash"]),
        (None, &json!(half_hash(&again["access_token"])))
    );
    // Whoever is logged in is asked nothing the next time.
    let next = browser.begin(&authorize(&[("prompt", "none")])).await;
    let next = redeem(&pasee, &query_of(&sent(&next))["code"]).await.is(200).json();
    assert_eq!(claims(&next["id_token"])["sid"], id["sid"], "one session");
}

#[tokio::test]
async fn for_a_resource() {
    let pasee = pasee().await;
    let resource = ("resource", "https://api.example.com");
    let given = tokens(&pasee, "ada", &[resource]).await;
    assert_eq!(claims(&given["access_token"])["aud"], json!(["https://api.example.com"]));
    assert_eq!(claims(&given["id_token"])["aud"], "app");
    let again = refresh(&pasee, &given["refresh_token"], &[]).await.is(200).json();
    assert_eq!(claims(&again["access_token"])["aud"], json!(["https://api.example.com"]));
    let other = refresh(&pasee, &given["refresh_token"], &[("resource", "app")]).await.is(400);
    assert_eq!(other.json()["error"], "invalid_target");
    // It opens nothing here but what it is for.
    user_info(&pasee, &given["access_token"]).await.is(401);
    // What was granted for nothing in particular is for what the client may name.
    let given = tokens(&pasee, "ada", &[]).await;
    let again = refresh(&pasee, &given["refresh_token"], &[resource]).await.is(200).json();
    assert_eq!(claims(&again["access_token"])["aud"], json!(["https://api.example.com"]));
}

/// The answer comes back in a form of a page that nothing else can be made of.
#[tokio::test]
async fn by_a_form() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    browser.log_in(&authorize(&[]), "ada").await;
    let answer = browser.begin(&authorize(&[("response_mode", "form_post")])).await.is(200);
    crate::stage::is_small(&answer);
    let policy = answer.header("content-security-policy").to_owned();
    assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let page = text(&answer);
    let value = |name: &str| {
        unescaped(&between(&page, &format!("name=\"{name}\" value=\""), "\"").unwrap())
    };
    assert!(page.contains(&format!("<form method=\"post\" action=\"{BACK}\">")), "{page}");
    assert_eq!((value("state").as_str(), value("iss")), ("a state & more", pasee.url.clone()));
    redeem(&pasee, &value("code")).await.is(200);
}

/// A request may come in a form; the browser then fetches the same, with its cookies.
#[tokio::test]
async fn a_request_in_a_form() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    browser.log_in(&authorize(&[]), "ada").await;
    let params = request(&[]);
    let params: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (&**name, &**value)).collect();
    let sent_on = plain(&pasee, "/oauth2/authorize", &params).await.is(303);
    let place = sent_on.header("location").to_owned();
    assert!(place.starts_with("/oauth2/authorize?"), "{place}");
    redeem(&pasee, &query_of(&sent(&browser.begin(&place).await))["code"]).await.is(200);
}

/// A program on the person's own machine listens where it can, and has no secret.
#[tokio::test]
async fn a_program_without_a_secret() {
    let pasee = pasee().await;
    let back = "http://127.0.0.1:54321/back";
    let begin = authorize(&[("client_id", "tool"), ("redirect_uri", back)]);
    let code = Browser::new(&pasee).code(&begin, "ada").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "tool"),
        ("code", &code),
        ("redirect_uri", back),
        ("code_verifier", VERIFIER),
    ];
    let given = plain(&pasee, "/oauth2/token", &form).await.is(200).json();
    let refresh = claims(&given["refresh_token"]);
    let lasts = refresh["exp"].as_i64().unwrap() - refresh["auth_time"].as_i64().unwrap();
    assert_eq!(lasts, 12 * 60 * 60, "anybody can use it who has it");
}

/// A request that the client has pushed comes by its name, once.
#[tokio::test]
async fn a_request_that_was_pushed() {
    let pasee = pasee().await;
    let params = request(&[]);
    let params: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = by_app(&pasee, "/oauth2/par", &params).await.is(201).json();
    assert_eq!(pushed["expires_in"], 90);
    let name = pushed["request_uri"].as_str().unwrap();
    let begin = |client: &str| {
        format!("/oauth2/authorize?{}", encoded(&[("client_id", client), ("request_uri", name)]))
    };
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&begin("app"), "ada").await;
    redeem(&pasee, &code).await.is(200);
    browser.begin(&begin("app")).await.is(400);
    // What a browser would be told later, the client is told now.
    for (with, code) in [
        (&[("redirect_uri", "https://evil.example/")][..], "invalid_request"),
        (&[("scope", "groups:")], "invalid_scope"),
        (&[("request_uri", "urn:x")], "invalid_request"),
        (&[("resource", "https://other.example")], "invalid_target"),
    ] {
        let params = request(with);
        let params: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (&**name, &**value)).collect();
        let refused = by_app(&pasee, "/oauth2/par", &params).await.is(400);
        assert_eq!(refused.json()["error"], code, "{with:?}");
    }
}

#[tokio::test]
async fn what_the_provider_says_of_itself() {
    let pasee = pasee().await;
    let documents = ["openid-configuration", "oauth-authorization-server"];
    let mut found = Vec::new();
    for name in documents {
        let ask = pasee
            .ask("GET", &format!("/.well-known/{name}"))
            .header("origin", "https://any.example");
        let answer = ask.send().await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        found.push(answer.json());
    }
    assert_eq!(found[0], found[1]);
    let document = &found[0];
    assert_eq!(document["issuer"], json!(pasee.url));
    assert_eq!(document["token_endpoint"], json!(format!("{}/oauth2/token", pasee.url)));
    // What it names is there.
    for (name, place) in document.as_object().unwrap() {
        let Some(path) = place.as_str().and_then(|place| place.strip_prefix(&pasee.url)) else {
            continue;
        };
        if path.is_empty() {
            continue;
        }
        let answer = pasee.ask("GET", path).send().await;
        assert_ne!(answer.status, 404, "{name}");
    }
    // Only such keys are advertised as there are.
    let jwks = pasee.ask("GET", "/.well-known/jwks.json").send().await.json();
    let mut algorithms: Vec<Value> =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["alg"].clone()).collect();
    algorithms.sort_by_key(ToString::to_string);
    let mut named = document["id_token_signing_alg_values_supported"].as_array().unwrap().clone();
    named.sort_by_key(ToString::to_string);
    assert_eq!(named, algorithms);
}

/// The name of a pushed request is good once, and the pages that it leads to are read as often as somebody loads them.
#[tokio::test]
async fn pages_of_a_pushed_request() {
    let pasee = pasee().await;
    let push = async |with: &[(&str, &str)]| {
        let params = request(with);
        let params: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (&**name, &**value)).collect();
        let pushed = by_app(&pasee, "/oauth2/par", &params).await.is(201).json();
        let name = pushed["request_uri"].as_str().unwrap().to_owned();
        format!("/oauth2/authorize?{}", encoded(&[("client_id", "app"), ("request_uri", &name)]))
    };
    let mut browser = Browser::new(&pasee);
    let begin = push(&[("prompt", "consent")]).await;
    let place = browser.get(&begin).await.is(303).header("location").to_owned();
    assert!(place.starts_with("/login?login="), "{place}");
    let pages = [browser.get(&place).await.is(200), browser.get(&place).await.is(200)];
    assert_eq!(text(&pages[0]), text(&pages[1]));
    browser.get(&begin).await.is(400);
    browser.fill_in(&pages[1], "ada").await.is(200);
    let begin = push(&[("prompt", "consent")]).await;
    let place = browser.get(&begin).await.is(303).header("location").to_owned();
    assert!(place.starts_with("/oauth2/authorize?login="), "{place}");
    for _ in 0..2 {
        assert!(text(&browser.get(&place).await.is(200)).contains("/oauth2/consent"));
    }
    // Somebody else's browser has nothing of it.
    Browser::new(&pasee).get(&place).await.is(400);
}

//! Tokens that are bound to a key (DPoP, RFC 9449), and tokens for other tokens (RFC 8693).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::jose::key::{Algorithm, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::{
    Browser, VERIFIER, authorize, by, claims, encoded, error, pasee_with, plain, tokens, user_info,
};
use crate::support::forge::{Forger, proof};
use crate::support::pasee::{Answer, Pasee, Setup, now};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A form to the token endpoint with a proof.
async fn proved(pasee: &Pasee, form: &[(&str, &str)], proof: &str) -> Answer {
    let ask = pasee.ask("POST", "/oauth2/token").header("dpop", proof);
    ask.typed("application/x-www-form-urlencoded", encoded(form)).send().await
}

async fn code_of_tool(pasee: &Pasee) -> String {
    let begin = authorize(&[("client_id", "tool"), ("redirect_uri", "http://127.0.0.1:7/back")]);
    Browser::new(pasee).code(&begin, "ada").await
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "tool"),
        ("code", code),
        ("redirect_uri", "http://127.0.0.1:7/back"),
        ("code_verifier", VERIFIER),
    ]
}

#[tokio::test]
async fn a_refresh_token_with_a_key() {
    let pasee = pasee_with(Setup::default(), "").await;
    let place = format!("{}/oauth2/token", pasee.url);
    let [key, other] = [(); 2].map(|()| PrivateKey::generate(Algorithm::Es256).unwrap());
    let code = code_of_tool(&pasee).await;
    // A proof takes a nonce of ours; without one nothing is redeemed.
    let first = proved(&pasee, &redemption(&code), &proof(&key, "POST", &place, &json!({}))).await;
    let nonce = first.header("dpop-nonce").to_owned();
    assert_eq!(error(first, 400), "use_dpop_nonce");
    let with = json!({ "nonce": nonce });
    let given =
        proved(&pasee, &redemption(&code), &proof(&key, "POST", &place, &with)).await.is(200);
    assert!(!given.header("dpop-nonce").is_empty());
    let given = given.json();
    assert_eq!(given["token_type"], "Bearer", "as the client's settings say no more");
    let kept = claims(&given["refresh_token"]);
    assert_eq!(kept["cnf"]["jkt"], key.public().id().as_str());
    assert!(kept["exp"].as_i64().unwrap() - kept["auth_time"].as_i64().unwrap() > 12 * 60 * 60);
    assert!(claims(&given["access_token"]).get("cnf").is_none());
    let token = given["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "tool"), ("refresh_token", token)];
    assert_eq!(error(plain(&pasee, "/oauth2/token", &form).await, 400), "invalid_dpop_proof");
    for (key, with, code) in [
        (&other, with.clone(), "invalid_dpop_proof"),
        (&key, json!({ "nonce": nonce, "htm": "GET" }), "invalid_dpop_proof"),
        (
            &key,
            json!({ "nonce": nonce, "htu": format!("{}/oauth2/par", pasee.url) }),
            "invalid_dpop_proof",
        ),
        (&key, json!({ "nonce": nonce, "iat": now() - 4000 }), "invalid_dpop_proof"),
        (&key, json!({ "nonce": "x" }), "use_dpop_nonce"),
    ] {
        let refused = proved(&pasee, &form, &proof(key, "POST", &place, &with)).await;
        assert_eq!(error(refused, 400), code, "{with}");
    }
    let once = proof(&key, "POST", &place, &with);
    let again = proved(&pasee, &form, &once).await.is(200).json();
    assert_eq!(claims(&again["refresh_token"])["cnf"]["jkt"], key.public().id().as_str());
    assert_eq!(error(proved(&pasee, &form, &once).await, 400), "invalid_dpop_proof", "shown twice");
}

#[tokio::test]
async fn an_access_token_with_a_key() {
    let mut pasee = pasee_with(Setup::default(), "").await;
    pasee
        .restart(|settings| {
            settings
                .replace(
                    "id = \"tool\"",
                    "id = \"tool\"\ndpop = \"required\"\naudiences = [\"ISS\"]",
                )
                .replace(
                    "\"ISS\"",
                    &format!(
                        "\"{}\"",
                        settings.split("iss = \"").nth(1).unwrap().split('"').next().unwrap()
                    ),
                )
        })
        .await;
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let place = format!("{}/oauth2/token", pasee.url);
    let code = code_of_tool(&pasee).await;
    let nonce = proved(&pasee, &redemption(&code), &proof(&key, "POST", &place, &json!({}))).await;
    let nonce = nonce.header("dpop-nonce").to_owned();
    let form = [&redemption(&code)[..], &[("resource", &*pasee.url)]].concat();
    let with = json!({ "nonce": nonce });
    let given = proved(&pasee, &form, &proof(&key, "POST", &place, &with)).await.is(200).json();
    assert_eq!(given["token_type"], "DPoP");
    let token = given["access_token"].as_str().unwrap();
    assert_eq!(claims(&given["access_token"])["cnf"]["jkt"], key.public().id().as_str());
    // Shown alone it opens nothing.
    user_info(&pasee, &given["access_token"]).await.is(401);
    pasee.ask("GET", "/users/me").bearer(token).send().await.is(401);
    let info = format!("{}/oauth2/userinfo", pasee.url);
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let shown = |proof: String| {
        pasee
            .ask("GET", "/oauth2/userinfo")
            .header("authorization", &format!("DPoP {token}"))
            .header("dpop", &proof)
    };
    let right = json!({ "nonce": nonce, "ath": hash });
    shown(proof(&key, "GET", &info, &right)).send().await.is(200);
    shown(proof(&key, "GET", &info, &with)).send().await.is(401);
    shown(proof(&key, "POST", &info, &right)).send().await.is(401);
    let other = PrivateKey::generate(Algorithm::Es256).unwrap();
    shown(proof(&other, "GET", &info, &right)).send().await.is(401);
    let code = code_of_tool(&pasee).await;
    let none = plain(&pasee, "/oauth2/token", &redemption(&code)).await;
    assert_eq!(error(none, 400), "invalid_dpop_proof");
    at_the_http_api(&pasee, (&key, token), nonce).await;
}

/// The HTTP API takes such a token with a proof of its key for this very request, and not alone.
async fn at_the_http_api(pasee: &Pasee, (key, token): (&PrivateKey, &str), nonce: String) {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let (right, me) = (json!({ "nonce": nonce, "ath": hash }), format!("{}/users/me", pasee.url));
    let ask = |method: &str, path: &str, token: &str, proof: &str| {
        let ask = pasee.ask(method, path).header("authorization", &format!("DPoP {token}"));
        ask.header("dpop", proof)
    };
    let once = proof(key, "GET", &me, &right);
    let told = ask("GET", "/users/me", token, &once).send().await.is(200).json();
    assert_eq!(told["username"], "local-ada");
    let again = ask("GET", "/users/me", token, &once).send().await.is(401);
    assert!(again.header("www-authenticate").contains("invalid_dpop_proof"), "shown twice");
    // A query is no part of what is proved.
    let with_query = proof(key, "GET", &me, &right);
    ask("GET", "/users/me?x=y", token, &with_query).send().await.is(200);
    let first = json!({ "ath": hash });
    let answer =
        ask("GET", "/users/me", token, &proof(key, "GET", &me, &first)).send().await.is(401);
    let challenge = answer.header("www-authenticate").to_owned();
    assert!(challenge.starts_with("DPoP ") && challenge.contains("use_dpop_nonce"), "{challenge}");
    let fresh = json!({ "ath": hash, "nonce": answer.header("dpop-nonce") });
    ask("GET", "/users/me", token, &proof(key, "GET", &me, &fresh)).send().await.is(200);
    // Where a stranger has an answer, too, whoever begins with a proof is told what it needs.
    let users = format!("{}/users/", pasee.url);
    let answer =
        ask("GET", "/users/", token, &proof(key, "GET", &users, &first)).send().await.is(401);
    assert!(!answer.header("dpop-nonce").is_empty());
    let other = PrivateKey::generate(Algorithm::Es256).unwrap();
    let groups = format!("{}/groups/", pasee.url);
    for (wrong, why) in [
        (proof(&other, "GET", &me, &right), "another key"),
        (proof(key, "POST", &me, &right), "another method"),
        (proof(key, "GET", &groups, &right), "another place"),
        (proof(key, "GET", &me, &json!({ "nonce": nonce })), "no token"),
        (proof(key, "GET", &me, &json!({ "nonce": nonce, "ath": "x" })), "another token"),
    ] {
        let refused = ask("GET", "/users/me", token, &wrong).send().await;
        assert_eq!(refused.status, 401, "{why}");
    }
    let none = pasee.ask("GET", "/users/me").header("authorization", &format!("DPoP {token}"));
    none.send().await.is(401);
    // What is done by it is judged as ever.
    let made = ask("POST", "/groups/", token, &proof(key, "POST", &groups, &right));
    made.json(&json!({ "group": "mine" })).await.is(403);
    let bearer = pasee.ask("GET", "/users/me").bearer(token).send().await.is(401);
    assert!(bearer.header("www-authenticate").starts_with("DPoP "), "{bearer:?}");
    // One that is bound to no key is worth the same with a proof: clients that have a key show it everywhere.
    let pair = pasee.log_in("ada").await;
    let with =
        json!({ "nonce": nonce, "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(&pair.access)) });
    ask("GET", "/users/me", &pair.access, &proof(key, "GET", &me, &with)).send().await.is(200);
    ask("GET", "/users/me", &pair.access, &proof(key, "POST", &me, &with)).send().await.is(401);
    pasee.ask("GET", "/users/me").bearer(&pair.access).send().await.is(200);
}

/// A request that is pushed with a proof is for the key of that, and its code for nobody else (RFC 9449 section 10.1).
#[tokio::test]
async fn a_request_that_is_pushed_with_a_key() {
    let pasee = pasee_with(Setup::default(), "").await;
    let [key, other] = [(); 2].map(|()| PrivateKey::generate(Algorithm::Es256).unwrap());
    let place = format!("{}/oauth2/par", pasee.url);
    let push = async |with: &[(&str, &str)], proof: &str| {
        let form = crate::stage::request(with);
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (&**name, &**value)).collect();
        let ask = pasee.ask("POST", "/oauth2/par").header("dpop", proof);
        let ask = ask.header("authorization", &crate::stage::basic("app", crate::stage::SECRET));
        ask.typed("application/x-www-form-urlencoded", encoded(&form)).send().await
    };
    let first = push(&[], &proof(&key, "POST", &place, &json!({}))).await;
    let with = json!({ "nonce": first.header("dpop-nonce") });
    assert_eq!(error(first, 400), "use_dpop_nonce");
    let named = [("dpop_jkt", other.public().id().as_str())];
    let refused = push(&named, &proof(&key, "POST", &place, &with)).await;
    assert_eq!(error(refused, 400), "invalid_dpop_proof", "two keys");
    let pushed = push(&[], &proof(&key, "POST", &place, &with)).await.is(201).json();
    let query = [("client_id", "app"), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&format!("/oauth2/authorize?{}", encoded(&query)), "ada").await;
    assert_eq!(error(crate::stage::redeem(&pasee, &code).await, 400), "invalid_grant");
    let pushed = push(&[], &proof(&key, "POST", &place, &with)).await.is(201).json();
    let query = [("client_id", "app"), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let code = browser.code(&format!("/oauth2/authorize?{}", encoded(&query)), "ada").await;
    let token = format!("{}/oauth2/token", pasee.url);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", crate::stage::BACK),
        ("code_verifier", VERIFIER),
        ("client_id", "app"),
        ("client_secret", crate::stage::SECRET),
    ];
    proved(&pasee, &form, &proof(&key, "POST", &token, &with)).await.is(200);
}

async fn with_exchange() -> Pasee {
    let mut pasee = pasee_with(
        Setup::default().members("articles.news", ["local-ada"]).members("other", ["local-ada"]),
        "",
    )
    .await;
    pasee
        .restart(|settings| {
            settings.replace(
                "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]",
                &format!("grant_types = [\"authorization_code\", \"refresh_token\", \"{EXCHANGE}\"]\naudiences = [\"https://deep.example.com\"]\ngroups = [\"articles\"]"),
            ).replace("audiences = [\"https://api.example.com\"]", "audiences = [\"https://api.example.com\", \"other\"]")
        })
        .await;
    pasee
}

async fn exchange(pasee: &Pasee, token: &Value, with: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token.as_str().unwrap()),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    for (name, value) in with {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    by(pasee, ("other", "other's secret"), "/oauth2/token", &form).await
}

#[tokio::test]
async fn a_token_for_another() {
    let pasee = with_exchange().await;
    let given = tokens(&pasee, "ada", &[("resource", "other")]).await;
    let deep = [("audience", "https://deep.example.com")];
    let answer = exchange(&pasee, &given["access_token"], &deep).await.is(200).json();
    assert_eq!(answer["issued_token_type"], ACCESS_TOKEN);
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let (before, after) = (claims(&given["access_token"]), claims(&answer["access_token"]));
    for name in ["sub", "auth_time", "sid"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(
        (&after["aud"], &after["client_id"]),
        (&json!(["https://deep.example.com"]), &json!("other"))
    );
    assert_eq!(
        (&after["act"], &after["groups"]),
        (&json!({ "sub": "other" }), &json!(["articles.news"]))
    );
    assert!(after["exp"].as_i64() <= before["exp"].as_i64());
    // Nothing of it grows.
    for (with, code) in [
        (&[("audience", "https://api.example.com")][..], "invalid_target"),
        (&[("audience", &*pasee.url)], "invalid_target"),
        (&[("scope", "openid email")], "invalid_scope"),
        (&[("scope", "groups:other")], "invalid_scope"),
        (&[("actor_token", "x")], "invalid_request"),
        (
            &[("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
            "invalid_request",
        ),
        (&[("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")], "invalid_request"),
    ] {
        assert_eq!(
            error(exchange(&pasee, &given["access_token"], with).await, 400),
            code,
            "{with:?}"
        );
    }
    for name in ["id_token", "refresh_token"] {
        assert_eq!(
            error(exchange(&pasee, &given[name], &deep).await, 400),
            "invalid_request",
            "{name}"
        );
    }
    // Neither for this client nor granted to it: nothing of another's, and nothing of the HTTP API's.
    let theirs = tokens(&pasee, "ada", &[]).await;
    assert_eq!(
        error(exchange(&pasee, &theirs["access_token"], &deep).await, 400),
        "invalid_request"
    );
    let pair = pasee.log_in("ada").await;
    assert_eq!(error(exchange(&pasee, &json!(pair.access), &deep).await, 400), "invalid_request");
    // And nothing of somebody who is banned, or whose session has ended.
    let root = pasee.log_in("root").await;
    let ban = pasee.ask("PATCH", "/users/local-ada").bearer(&root.access);
    ban.json(&json!({ "is_banned": true })).await.is(204);
    assert_eq!(error(exchange(&pasee, &given["access_token"], &deep).await, 400), "invalid_grant");
}

/// Anybody can say that they are a client without a secret. A token that was shown to one resource is no way to another, nor to the
/// HTTP API, whoever has it there; what Pasee alone has seen is.
#[tokio::test]
async fn a_token_in_the_hands_of_its_resource() {
    let mut pasee = pasee_with(Setup::default().members("articles", ["local-ada"]), "").await;
    let url = pasee.url.clone();
    let several =
        format!("iss = \"{url}\"\naudience = [\"kubernetes\", \"https://x.example.com\"]");
    pasee.restart(|settings| settings.replace(&format!("iss = \"{url}\""), &several)).await;
    let by_tool = async |form: &[(&str, &str)]| {
        let form = [form, &[("client_id", "pasee")]].concat();
        plain(&pasee, "/oauth2/token", &form).await
    };
    let exchanged = async |token: &Value, audience: &str| {
        by_tool(&[
            ("grant_type", EXCHANGE),
            ("subject_token", token.as_str().unwrap()),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", audience),
        ])
        .await
    };
    let back = ("redirect_uri", "http://127.0.0.1:7/callback");
    let code = async |with: &[(&str, &str)]| {
        let with = [&[("client_id", "pasee"), back], with].concat();
        let code = Browser::new(&pasee).code(&authorize(&with), "ada").await;
        let form = [("grant_type", "authorization_code"), ("code", &*code), back];
        by_tool(&[&form[..], &[("code_verifier", VERIFIER)]].concat()).await.is(200).json()
    };
    let own = code(&[]).await["access_token"].clone();
    let of_http = code(&[("resource", &url)]).await["access_token"].clone();
    for token in [&own, &of_http] {
        let given = exchanged(token, "kubernetes").await.is(200).json()["access_token"].clone();
        assert_eq!(claims(&given)["aud"], json!(["kubernetes"]));
        for other in [&*url, "https://x.example.com", "pasee"] {
            assert_eq!(error(exchanged(&given, other).await, 400), "invalid_request", "{other}");
        }
        exchanged(&given, "kubernetes").await.is(200);
    }
    let direct = code(&[("resource", "kubernetes")]).await["access_token"].clone();
    assert_eq!(error(exchanged(&direct, &url).await, 400), "invalid_request");
}

/// What the settings take away from a client is no way around: not by a token that it was given before, nor by another's.
#[tokio::test]
async fn an_exchange_keeps_the_conditions_of_a_client() {
    let mut pasee = with_exchange().await;
    let given = tokens(&pasee, "ada", &[("resource", "other")]).await;
    let deep = [("audience", "https://deep.example.com")];
    exchange(&pasee, &given["access_token"], &deep).await.is(200);
    pasee
        .restart(|settings| {
            settings.replace("id = \"other\"", "id = \"other\"\nrequire_amr = [\"mfa\"]")
        })
        .await;
    assert_eq!(error(exchange(&pasee, &given["access_token"], &deep).await, 400), "invalid_grant");
}

/// What a client has that is not served any more, nobody else goes on with.
#[tokio::test]
async fn a_token_of_a_client_that_is_not_served() {
    let mut pasee = with_exchange().await;
    let given = tokens(&pasee, "ada", &[("resource", "other")]).await;
    let token = given["access_token"].as_str().unwrap();
    let deep = [("audience", "https://deep.example.com")];
    let said = async |pasee: &Pasee| {
        let other = ("other", "other's secret");
        by(pasee, other, "/oauth2/introspect", &[("token", token)]).await.is(200).json()
    };
    assert_eq!(said(&pasee).await["active"], json!(true));
    pasee
        .restart(|settings| settings.replace("id = \"app\"", "id = \"app\"\nenabled = false"))
        .await;
    assert_eq!(said(&pasee).await, json!({ "active": false }));
    assert_eq!(
        error(exchange(&pasee, &given["access_token"], &deep).await, 400),
        "invalid_request"
    );
}

/// A token of another Pasee: what comes of it ends with it.
#[tokio::test]
async fn another_pasees_token_for_ours() {
    let theirs = Forger::new(Algorithm::Es256);
    let key = theirs.key.public().to_pem();
    let provider = format!(
        "[[identity_providers]]\nname = \"up\"\nprotocol = \"pasee\"\nendpoint = \"http://127.0.0.1:1/\"\n\
         [identity_providers.settings]\nissuer = \"up.example.com\"\nidp = \"local\"\nproviders = [\"local\"]\n\
         public_keys = [\"\"\"{key}\"\"\"]\n"
    );
    let mut pasee = pasee_with(Setup::default(), &provider).await;
    pasee
        .restart(|settings| {
            settings.replace(
                "\"client_credentials\"]",
                &format!("\"{EXCHANGE}\"]\nexchange_providers = [\"up\"]"),
            )
        })
        .await;
    let end = now() + 60;
    let said = json!({
        "iss": "up.example.com", "sub": "local-ada", "iat": now(), "nbf": now(), "exp": end, "jti": "x", "auth_time": now(),
        "idp": "local", "groups": [], "aud": ["up.example.com"], "client_id": "pasee-http", "sid": "0".repeat(32),
    });
    let token = theirs.token(&theirs.header("at+jwt"), &said);
    let given = exchange(&pasee, &json!(token), &[]).await.is(200).json();
    let given = claims(&given["access_token"]);
    assert_eq!((&given["sub"], &given["aud"]), (&json!("up-local-ada"), &json!(["other"])));
    assert_eq!(given["exp"], json!(end));
    let root = pasee.log_in("root").await;
    let ban = pasee.ask("PATCH", "/users/up-local-ada").bearer(&root.access);
    ban.json(&json!({ "is_banned": true })).await.is(204);
    assert_eq!(error(exchange(&pasee, &json!(token), &[]).await, 400), "invalid_grant");
}

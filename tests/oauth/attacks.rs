//! What attackers try: RFC 9700, and what went wrong elsewhere.

use std::collections::BTreeSet;

use serde_json::json;

use crate::stage::{
    BACK, Browser, VERIFIER, authorize, by, by_app, claims, encoded, error, pasee, pasee_with,
    plain, query_of, redeem, refresh, sent, text, tokens, user_info,
};
use crate::support::pasee::Setup;

/// A code is good once, whoever comes second; and what it was good for is over then.
#[tokio::test]
async fn a_code_that_is_shown_twice() {
    let pasee = pasee().await;
    let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    user_info(&pasee, &given["access_token"]).await.is(200);
    assert_eq!(error(redeem(&pasee, &code).await, 400), "invalid_grant");
    user_info(&pasee, &given["access_token"]).await.is(401);
    assert_eq!(error(refresh(&pasee, &given["refresh_token"], &[]).await, 400), "invalid_grant");
}

#[tokio::test]
async fn a_code_at_once_from_everywhere() {
    let pasee = pasee().await;
    let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
    let answers = futures::future::join_all((0..20).map(|_| redeem(&pasee, &code))).await;
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(given, 1);
}

/// Whatever is not as it was asked for takes the code out: it is nobody's any more.
#[tokio::test]
async fn a_code_in_other_hands() {
    let pasee = pasee().await;
    let other = ("other", "other's secret");
    let right = [("redirect_uri", BACK), ("code_verifier", VERIFIER)];
    let wrong = "w".repeat(43);
    for (client, form) in [
        (Some(other), &right[..]),
        (None, &[("redirect_uri", BACK), ("code_verifier", &*wrong)]),
        (None, &[("redirect_uri", BACK)]),
        (
            None,
            &[("redirect_uri", "https://app.example.com/back?a=1"), ("code_verifier", VERIFIER)],
        ),
        (None, &[("code_verifier", VERIFIER)]),
    ] {
        let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
        let form = [&[("grant_type", "authorization_code"), ("code", &*code)], form].concat();
        let answer = match client {
            Some(client) => by(&pasee, client, "/oauth2/token", &form).await,
            None => by_app(&pasee, "/oauth2/token", &form).await,
        };
        assert_eq!(error(answer, 400), "invalid_grant", "{form:?}");
        assert_eq!(error(redeem(&pasee, &code).await, 400), "invalid_grant");
    }
}

/// RFC 9700 section 4.8.2: a verifier for a code that was asked for without a challenge.
#[tokio::test]
async fn a_challenge_that_was_taken_out() {
    let pasee = pasee().await;
    let without = authorize(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = Browser::new(&pasee).code(&without, "ada").await;
    assert_eq!(error(redeem(&pasee, &code).await, 400), "invalid_grant");
    for refused in [
        authorize(&[("code_challenge_method", "plain"), ("code_challenge", VERIFIER)]),
        authorize(&[("code_challenge_method", "")]),
        authorize(&[("code_challenge", "")]),
        authorize(&[("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "")]),
    ] {
        let place = Browser::new(&pasee).log_in(&refused, "ada").await;
        assert_eq!(query_of(&place)["error"], "invalid_request", "{refused}");
    }
    let back = ("redirect_uri", "http://127.0.0.1:1/back");
    let public = authorize(&[
        ("client_id", "tool"),
        back,
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ]);
    let place = Browser::new(&pasee).log_in(&public, "ada").await;
    assert_eq!(query_of(&place)["error"], "invalid_request", "a client without a secret");
}

/// A number of the environment, or this.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Nobody is sent to an address that is not the client's to the letter: `PASEE_MUTATIONS` says how many are tried, and `PASEE_SEED`
/// which, as a run that fails prints it.
#[tokio::test]
async fn addresses_that_are_nearly_right() {
    let pasee = pasee().await;
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = number("PASEE_SEED", u64::from(clock.subsec_nanos()) << 32 | 1);
    println!("PASEE_SEED={first}");
    let mut seed = first;
    let most = usize::try_from(number("PASEE_MUTATIONS", 2000)).unwrap();
    let mut random = move |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % most as u64).unwrap()
    };
    let spoiled = [
        "",
        "/",
        "//",
        "\\",
        ".",
        "..",
        "%2f",
        "%2e",
        "@evil.example",
        "?",
        "#",
        ":443",
        ":80",
        "\u{202e}",
        " ",
        "%00",
        "é",
        "*",
    ];
    let own = [BACK, "https://app.example.com/back?a=1"];
    let mut tried = BTreeSet::from([
        "http://app.example.com/back".to_owned(),
        "https://app.example.com.evil.example/back".to_owned(),
        "https://evil.example/?https://app.example.com/back".to_owned(),
        "https://app.example.com@evil.example/back".to_owned(),
        "https://APP.example.com/back".to_owned(),
        "HTTPS://app.example.com/back".to_owned(),
        "https://app.example.com/Back".to_owned(),
        "https://app.example.com/back/../back".to_owned(),
        "javascript:alert(1)//https://app.example.com/back".to_owned(),
        "data:text/html,https://app.example.com/back".to_owned(),
        "//app.example.com/back".to_owned(),
        "/back".to_owned(),
    ]);
    while tried.len() < most {
        let mut characters: Vec<char> = own[random(2)].chars().collect();
        for _ in 0..=random(3) {
            let place = random(characters.len());
            match random(4) {
                0 => drop(characters.remove(place)),
                1 => characters[place] = char::from(b' ' + u8::try_from(random(95)).unwrap()),
                2 => drop(characters.splice(place..place, spoiled[random(spoiled.len())].chars())),
                _ => characters.swap(place, random(place + 1)),
            }
        }
        tried.insert(characters.into_iter().collect());
    }
    for address in tried.into_iter().filter(|address| !own.contains(&&**address)) {
        let query = encoded(&[
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", &address),
            ("scope", "openid"),
            ("nonce", "x"),
        ]);
        let answer = pasee.ask("GET", &format!("/oauth2/authorize?{query}")).send().await;
        assert_eq!(answer.status, 400, "{address:?}, by PASEE_SEED={first}");
        assert!(!answer.headers.contains_key("location"), "{address:?}, by PASEE_SEED={first}");
    }
}

/// Who is no client, or cannot be told, has the person told.
#[tokio::test]
async fn nobody_is_sent_to_who_is_not_known() {
    let pasee = pasee().await;
    for request in [
        authorize(&[("client_id", "nobody")]),
        authorize(&[("client_id", "")]),
        authorize(&[("redirect_uri", "")]),
        format!("{}&client_id=app", authorize(&[])),
        format!("{}&redirect_uri={BACK}", authorize(&[])),
        format!("{}&client_id=other", authorize(&[])),
    ] {
        let answer = Browser::new(&pasee).get(&request).await.is(400);
        assert!(!answer.headers.contains_key("location"), "{request}");
        assert!(text(&answer).contains("<html"), "{request}");
        assert!(
            pasee.ask("GET", &request).send().await.is(400).header("content-type").contains("json")
        );
    }
}

/// What stands there twice is one thing for one and another for another.
#[tokio::test]
async fn parameters_that_are_there_twice() {
    let pasee = pasee().await;
    for (name, value) in [
        ("state", "x"),
        ("scope", "openid"),
        ("nonce", "x"),
        ("code_challenge", "x"),
        ("unknown", "x&unknown=y"),
    ] {
        let request = format!("{}&{name}={value}", authorize(&[]));
        let place = Browser::new(&pasee).log_in(&request, "ada").await;
        let answer = query_of(&place);
        assert!(place.starts_with(BACK) && answer["error"] == "invalid_request", "{name}: {place}");
        assert_eq!(answer["iss"], pasee.url);
    }
    for name in ["code", "grant_type", "redirect_uri", "code_verifier"] {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        form.push((name, "x"));
        assert_eq!(
            error(by_app(&pasee, "/oauth2/token", &form).await, 400),
            "invalid_request",
            "{name}"
        );
    }
    for name in ["client_id", "client_secret"] {
        let form =
            [("grant_type", "authorization_code"), ("code", "x"), (name, "app"), (name, "app")];
        assert_eq!(
            error(plain(&pasee, "/oauth2/token", &form).await, 400),
            "invalid_request",
            "{name}"
        );
    }
}

/// A scope never grows, be it by a request, by a refresh, or past the client's own limit.
#[tokio::test]
async fn scopes_only_narrow() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[("scope", "openid groups:articles")]).await;
    assert_eq!(claims(&given["access_token"])["groups"], json!(["articles.news"]));
    assert_eq!(given["scope"], "openid groups:articles");
    for wider in ["openid email", "groups", "openid groups:articles groups:other", "groups:other"] {
        let answer = refresh(&pasee, &given["refresh_token"], &[("scope", wider)]).await;
        assert_eq!(error(answer, 400), "invalid_scope", "{wider}");
    }
    let narrower = [("scope", "groups:articles.news")];
    let narrow = refresh(&pasee, &given["refresh_token"], &narrower).await.is(200).json();
    assert_eq!(narrow["scope"], "groups:articles.news");
    assert!(narrow.get("id_token").is_none(), "openid was left out");
    let again = refresh(&pasee, &narrow["refresh_token"], &[("scope", "openid")]).await;
    assert_eq!(error(again, 400), "invalid_scope");
}

/// What refreshes one client's session refreshes no other's, and none of the HTTP API's; what opens the HTTP API is not a client's.
#[tokio::test]
async fn tokens_in_the_wrong_place() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let token = |name: &str| given[name].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token("refresh_token"))];
    let other = by(&pasee, ("other", "other's secret"), "/oauth2/token", &form).await;
    assert_eq!(error(other, 400), "invalid_grant");
    let public = [&form[..], &[("client_id", "tool")]].concat();
    assert_eq!(error(plain(&pasee, "/oauth2/token", &public).await, 400), "invalid_grant");
    pasee.refresh(token("refresh_token")).await.is(401);
    let pair = pasee.log_in("ada").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*pair.refresh)];
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &form).await, 400), "invalid_grant");
    for name in ["access_token", "refresh_token", "id_token"] {
        pasee.ask("GET", "/users/me").bearer(token(name)).send().await.is(401);
    }
    pasee.ask("GET", "/users/me").bearer(&pair.access).send().await.is(200);
    for other in [&pair.access, &pair.refresh, token("refresh_token"), token("id_token")] {
        let answer = pasee.ask("GET", "/oauth2/userinfo").bearer(other).send().await;
        assert!(matches!(answer.status.as_u16(), 401 | 403), "{other}");
    }
    let in_query = format!("/oauth2/userinfo?access_token={}", token("access_token"));
    pasee.ask("GET", &in_query).send().await.is(401);
}

/// A login that one browser began ends in no other.
#[tokio::test]
async fn a_login_in_another_browser() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let page = browser.begin(&authorize(&[])).await;
    let action = crate::stage::between(&text(&page), "action=\"", "\"").unwrap();
    let login = action.split("login=").nth(1).unwrap();
    let mut victim = Browser::new(&pasee);
    victim.log_in(&authorize(&[]), "alan").await;
    let answer = victim.get(&format!("/oauth2/authorize?login={login}")).await.is(400);
    assert!(!answer.headers.contains_key("location"));
    let filled = Browser::new(&pasee).fill_in(&page, "ada").await;
    assert_eq!(filled.status, 400, "without the cookie");
    assert!(sent(&browser.fill_in(&page, "ada").await).starts_with(BACK));
}

/// Errors go to the client with what it needs to know whose they are, and nothing of ours can be framed.
#[tokio::test]
async fn whose_answer_it_is() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let refused = browser.begin(&authorize(&[("prompt", "none")])).await.is(303);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(refused.header("referrer-policy"), "no-referrer");
    let answer = query_of(refused.header("location"));
    assert_eq!((answer["error"].as_str(), &answer["iss"]), ("login_required", &pasee.url));
    assert_eq!(answer["state"], "a state & more");
    let long = "x".repeat(513);
    let place = Browser::new(&pasee).log_in(&authorize(&[("state", &long)]), "ada").await;
    let answer = query_of(&place);
    assert_eq!((answer["error"].as_str(), answer.get("state")), ("invalid_request", None));
    let page = browser.begin(&authorize(&[])).await.is(200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
}

/// Bans, revocations and ends of sessions hold for clients as for everybody.
#[tokio::test]
async fn who_is_banned_gets_nothing() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "alan", &[]).await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "alan").await;
    let root = pasee.log_in("root").await;
    let ask = |user: &str| pasee.ask("PATCH", &format!("/users/{user}")).bearer(&root.access);
    ask("local-alan").json(&json!({ "is_banned": true })).await.is(204);
    assert_eq!(error(redeem(&pasee, &code).await, 400), "invalid_grant");
    assert_eq!(error(refresh(&pasee, &given["refresh_token"], &[]).await, 400), "invalid_grant");
    user_info(&pasee, &given["access_token"]).await.is(401);
    let said =
        by_app(&pasee, "/oauth2/introspect", &[("token", given["access_token"].as_str().unwrap())])
            .await;
    assert_eq!(said.json(), json!({ "active": false }));
    let refused = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert_eq!(query_of(&sent(&refused))["error"], "login_required");
    let form = [("grant_type", "client_credentials")];
    let other = ("other", "other's secret");
    by(&pasee, other, "/oauth2/token", &form).await.is(200);
    ask("client-other").json(&json!({ "is_banned": true })).await.is(204);
    assert_eq!(error(by(&pasee, other, "/oauth2/token", &form).await, 400), "invalid_grant");
}

/// Nothing of a login stands in the log that somebody could use.
#[tokio::test]
async fn the_log_tells_no_secret() {
    let pasee = pasee().await;
    let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    redeem(&pasee, &code).await.is(400);
    by(&pasee, ("app", "a wrong secret"), "/oauth2/token", &[]).await.is(401);
    let log = pasee.log();
    for secret in [
        &code,
        given["access_token"].as_str().unwrap(),
        given["refresh_token"].as_str().unwrap(),
        "a wrong secret",
        VERIFIER,
        "pw-ada",
    ] {
        assert!(!log.contains(secret), "{secret} stands in {log}");
    }
}

/// RFC 8252 section 8.6: whoever else runs a program on a person's machine, or sends them a link, gets nothing of their session by being
/// a client that anybody can say they are.
#[tokio::test]
async fn a_code_for_whoever_listens_on_this_machine() {
    let pasee = pasee().await;
    let local = [("client_id", "pasee"), ("redirect_uri", "http://127.0.0.1:6666/callback")];
    let mut browser = Browser::new(&pasee);
    browser.code(&authorize(&[]), "ada").await;
    for _ in 0..2 {
        let page = browser.begin(&authorize(&local)).await.is(200);
        let shown = text(&page);
        assert!(shown.contains("name=\"answer\""), "{shown}");
        let hidden = |name: &str| {
            let value = crate::stage::between(&shown, &format!("name=\"{name}\" value=\""), "\"");
            crate::stage::unescaped(&value.unwrap())
        };
        let (token, request) = (hidden("form_token"), hidden("request"));
        let yes = [("form_token", &*token), ("request", &*request), ("answer", "yes")];
        // Nor is it said by a page of another site, a sibling that has set the cookies itself.
        for site in ["cross-site", "same-site"] {
            let refused = browser.post_from(site, "/oauth2/consent", &yes).await.is(403);
            assert!(text(&refused).contains("This form is too old"), "{site}");
        }
        let place = sent(&browser.post("/oauth2/consent", &yes).await);
        assert!(place.starts_with(local[1].1) && query_of(&place).contains_key("code"), "{place}");
        // It was said of that one, and of none that comes after it.
    }
    let quiet = [&local[..], &[("prompt", "none")]].concat();
    let place = sent(&browser.begin(&authorize(&quiet)).await);
    assert_eq!(query_of(&place)["error"], "consent_required");
    // A login that was made for it is a yes.
    let place = Browser::new(&pasee).log_in(&authorize(&local), "ada").await;
    assert!(query_of(&place).contains_key("code"), "{place}");
}

/// Nor by way of a provider that knows the person without a word: they choose it themselves then.
#[tokio::test]
async fn a_provider_that_a_link_chooses() {
    let provider = "[[identity_providers]]\nname = \"github\"\nprotocol = \"oauth2\"\nhost = \"github.com\"\n\
                    [identity_providers.settings]\napp_id = \"a\"\napp_secret = \"b\"\n";
    let pasee = pasee_with(Setup::default(), provider).await;
    let hint = ("idp_hint", "github");
    let sent_on = Browser::new(&pasee).get(&authorize(&[hint])).await.is(303);
    assert!(sent_on.header("location").starts_with("https://github.com/"));
    let local = [("client_id", "pasee"), ("redirect_uri", "http://127.0.0.1:6666/callback"), hint];
    let page = Browser::new(&pasee).get(&authorize(&local)).await.is(200);
    assert!(text(&page).contains("idp=github"));
}

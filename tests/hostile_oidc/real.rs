//! What real OpenID providers send that a strict reader would refuse: each alone, in a login that is right otherwise, and
//! what looks like it and is wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::idp::{Identity, ProviderError, Providers};
use pasee::jose::jwks;
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::openid::{ACCESS_TOKEN, Begun, CLIENT, OpenId, Place};
use super::support::raw_server::{Step, answer};
use super::{NOW, corp, header, log_in};

const JSON: &str = "application/json";

/// A login whose code is redeemed by what is made of the right answer.
async fn redeemed(
    openid: &OpenId,
    providers: &Providers,
    make: impl FnOnce(Value) -> Vec<Step>,
) -> Result<Identity, ProviderError> {
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await?;
    let token =
        openid.forger.token(&header(openid), &openid.claims(&begun.parameter("nonce"), NOW));
    openid.sends(Place::Token, make(super::support::openid::tokens(&token)));
    begun.end(provider, &begun.yes(&openid.issuer), NOW).await
}

fn is_ada(judged: Result<Identity, ProviderError>, what: &str) {
    assert_eq!(judged.unwrap_or_else(|error| panic!("{what}: {error}")).user.as_str(), "corp-ada");
}

/// Members that nobody uses are not read; `token_type` may be left out.
#[tokio::test(flavor = "multi_thread")]
async fn token_answers() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    for (member, value) in [
        ("expires_in", json!("3600")),
        ("expires_in", json!(3599.5)),
        ("expires_in", json!(-1)),
        ("expires_in", json!(null)),
        ("expires_in", json!({"seconds": 1})),
        ("token_type", json!(null)),
        ("token_type", json!("bearer")),
        ("token_type", json!("BEARER")),
        ("scope", json!(["openid", "email"])),
        ("scope", json!(null)),
        ("refresh_token", json!(null)),
        ("refresh_token", json!(1)),
        ("error", json!(null)),
        ("not-before-policy", json!(0)),
    ] {
        let judged = redeemed(&openid, &providers, |mut answered| {
            answered[member] = value.clone();
            answer("200 OK", JSON, answered.to_string())
        });
        is_ada(judged.await, &format!("{member} = {value}"));
    }
    let judged = redeemed(&openid, &providers, |mut answered| {
        answered
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name == "access_token" || name == "id_token");
        answer("200 OK", JSON, answered.to_string())
    });
    is_ada(judged.await, "no more than two members");
    for error in [json!("invalid_grant"), json!(""), json!(1), json!([])] {
        let judged = redeemed(&openid, &providers, |mut answered| {
            answered["error"] = error.clone();
            answer("200 OK", JSON, answered.to_string())
        });
        assert!(judged.await.is_err(), "tokens beside the error {error}");
    }
}

/// JSON by other names and with a byte order mark, at every place; forms where tokens are answered.
#[tokio::test(flavor = "multi_thread")]
async fn content() {
    let openid = OpenId::start().await;
    let bom = |text: String| format!("\u{feff}{text}");
    let info = json!({"sub": "ada", "name": "Ada"}).to_string();
    for kind in [
        "text/plain",
        "text/javascript; charset=utf-8",
        "TEXT/JSON",
        "application/javascript",
        JSON,
    ] {
        for place in [Place::Discovery, Place::Keys, Place::UserInfo, Place::Token] {
            openid.gives(Place::Discovery, &openid.document());
            openid.gives(Place::Keys, &openid.keys());
            openid.sends(Place::UserInfo, answer("200 OK", JSON, &info));
            let own = match place {
                Place::Discovery => openid.document().to_string(),
                Place::Keys => openid.keys().to_string(),
                Place::UserInfo | Place::Token => info.clone(),
            };
            openid.sends(place, answer("200 OK", kind, bom(own)));
            let providers = corp(&openid, |oidc| oidc.user_info = true);
            let judged = redeemed(&openid, &providers, |answered| {
                let kind = if place == Place::Token { kind } else { JSON };
                answer("200 OK", kind, bom(answered.to_string()))
            });
            is_ada(judged.await, &format!("{place:?} as {kind}"));
        }
    }
    let providers = corp(&openid, |_| {});
    let form = |answered: &Value, more: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for name in ["access_token", "token_type", "id_token"] {
            form.append_pair(name, answered[name].as_str().unwrap());
        }
        answer("200 OK", "application/x-www-form-urlencoded", form.finish() + more)
    };
    is_ada(
        redeemed(&openid, &providers, |answered| form(&answered, "&expires_in=60")).await,
        "a form",
    );
    for more in ["&id_token=x", "&access_token=x", "&error=invalid_grant"] {
        let judged = redeemed(&openid, &providers, |answered| form(&answered, more)).await;
        assert!(judged.is_err(), "{more}");
    }
    let two = redeemed(&openid, &providers, |answered| {
        answer("200 OK", "text/plain", format!("\u{feff}\u{feff}{answered}"))
    });
    assert!(matches!(two.await, Err(ProviderError::InvalidResponse(_))), "one mark is enough");
}

/// `null` is nothing: in keys, in the document, in ID tokens and in UserInfo.
#[tokio::test(flavor = "multi_thread")]
async fn null_means_absent() {
    let openid = OpenId::start().await;
    let key = jwks::jwk(openid.forger.key.public());
    for member in
        ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "alg", "use", "key_ops", "x5c", "x5t", "exp"]
    {
        let mut key = key.clone();
        key[member] = json!(null);
        openid.gives(Place::Keys, &json!({ "keys": [key] }));
        is_ada(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await, member);
    }
    let mut of_no_operation = key.clone();
    of_no_operation["key_ops"] = json!([]);
    openid.gives(Place::Keys, &json!({ "keys": [of_no_operation] }));
    is_ada(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await, "key_ops = []");
    // A key without a name is for tokens that name none.
    let mut nameless = key.clone();
    nameless["kid"] = json!(null);
    openid.gives(Place::Keys, &json!({ "keys": [nameless] }));
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await.unwrap();
    let claims = openid.claims(&begun.parameter("nonce"), NOW);
    openid.redeems(&openid.forger.token(&json!({"alg": "ES256"}), &claims));
    is_ada(begun.end(provider, &begun.yes(&openid.issuer), NOW).await, "kid = null");
    let judged = log_in(&openid, &providers, |_| {}).await;
    assert!(judged.is_err(), "a token that names a key is by none without a name");

    openid.gives(Place::Keys, &openid.keys());
    for member in [
        "userinfo_endpoint",
        "token_endpoint_auth_methods_supported",
        "authorization_response_iss_parameter_supported",
        "end_session_endpoint",
        "scopes_supported",
    ] {
        let mut document = openid.document();
        document[member] = json!(null);
        openid.gives(Place::Discovery, &document);
        is_ada(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await, member);
    }
    openid.gives(Place::Discovery, &openid.document());

    let providers = corp(&openid, |oidc| oidc.user_info = true);
    openid.gives(Place::UserInfo, &json!({"sub": "ada", "name": null, "email": null}));
    for claim in ["azp", "at_hash", "nbf", "auth_time", "email_verified", "acr"] {
        let judged = log_in(&openid, &providers, |claims| claims[claim] = json!(null));
        is_ada(judged.await, claim);
    }
    for claim in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
        let judged = log_in(&openid, &providers, |claims| claims[claim] = json!(null)).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{claim} is needed");
    }
    let several = log_in(&openid, &providers, |claims| {
        (claims["aud"], claims["azp"]) = (json!([CLIENT, "other"]), json!(null));
    });
    assert!(several.await.is_err(), "of several audiences one is named");
}

/// Times are numbers (RFC 7519 section 2), also with a fraction.
#[tokio::test(flavor = "multi_thread")]
async fn times_with_fractions() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let exact = NOW as f64;
    for (claim, time) in [
        ("exp", json!(exact + 300.5)),
        ("exp", json!(exact + 300.0)),
        ("exp", json!(exact - 58.5)),
        ("iat", json!(exact - 0.123_456)),
        ("iat", json!(exact + 59.9)),
        ("nbf", json!(exact + 60.5)),
    ] {
        let judged = log_in(&openid, &providers, |claims| {
            claims["iat"] = json!(NOW - 300);
            claims[claim] = time.clone();
        });
        is_ada(judged.await, &format!("{claim} = {time}"));
    }
    for (claim, time) in [
        ("exp", json!(exact - 60.5)),
        ("exp", json!("1800000300.5")),
        ("exp", json!(1e300)),
        ("exp", json!(-1.5)),
        ("iat", json!(exact + 61.5)),
        ("nbf", json!(exact + 61.0)),
    ] {
        let judged = log_in(&openid, &providers, |claims| claims[claim] = time.clone()).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{claim} = {time}");
    }
}

/// UserInfo that is signed (OpenID Connect Core 1.0 section 5.3.2).
#[tokio::test(flavor = "multi_thread")]
async fn signed_user_info() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |oidc| {
        oidc.user_info = true;
        oidc.subject_claim = "employee".into();
    });
    let stranger = Forger::new(Algorithm::Es256);
    let info = json!({"sub": "ada", "employee": "e-1"});
    let with = |name: &str, value: Value| {
        let mut info = info.clone();
        info[name] = value;
        info
    };
    let own = |claims: &Value| openid.forger.token(&header(&openid), claims);
    for (claims, kind) in [
        (info.clone(), "application/jwt"),
        (info.clone(), "application/jwt; charset=utf-8"),
        (with("iss", json!(openid.issuer)), "application/jwt"),
        (with("aud", json!(CLIENT)), "application/jwt"),
        (with("aud", json!(["other", CLIENT])), "application/jwt"),
        (with("exp", json!(NOW + 60)), "application/jwt"),
        (with("exp", json!(null)), "application/jwt"),
    ] {
        openid.sends(Place::UserInfo, answer("200 OK", kind, own(&claims) + "\n"));
        let identity = log_in(&openid, &providers, |_| {}).await;
        assert_eq!(identity.unwrap().user.as_str(), "corp-e-1", "{claims}");
    }
    let unsigned = [json!({"alg": "none"}), info.clone()]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let good = own(&info);
    for (name, token) in [
        ("unsigned", format!("{unsigned}.")),
        ("a stranger's", stranger.token(&header(&openid), &info)),
        ("a stranger's, by its own name", stranger.token(&stranger.header("JWT"), &info)),
        ("of another user", own(&with("sub", json!("eve")))),
        ("of nobody", own(&json!({"employee": "e-1"}))),
        ("of another issuer", own(&with("iss", json!("https://evil.example.com")))),
        ("for another client", own(&with("aud", json!("other")))),
        ("for nobody", own(&with("aud", json!([])))),
        ("over", own(&with("exp", json!(NOW - 61)))),
        ("an access token", openid.forger.token(&openid.forger.header("at+jwt"), &info)),
        ("two", format!("{good}.{good}")),
        ("nothing", String::new()),
        ("the access token", ACCESS_TOKEN.to_owned()),
    ] {
        openid.sends(Place::UserInfo, answer("200 OK", "application/jwt", token));
        let judged = log_in(&openid, &providers, |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{name}: {judged:?}");
    }
    openid.sends(Place::UserInfo, answer("200 OK", JSON, good));
    assert!(log_in(&openid, &providers, |_| {}).await.is_err(), "a token is no JSON");
}

/// A key that is changed under its name is found with one fetch, and so is one that is changed again right after; tokens that
/// are signed by nobody cause no more than that.
#[tokio::test(flavor = "multi_thread")]
async fn keys_changed_under_their_names() {
    let mut openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let name = json!("the one key");
    let rotate = |openid: &mut OpenId| {
        let old = std::mem::replace(&mut openid.forger, Forger::new(Algorithm::Es256));
        let mut key = jwks::jwk(openid.forger.key.public());
        key["kid"] = name.clone();
        openid.gives(Place::Keys, &json!({ "keys": [key] }));
        old
    };
    let by = async |openid: &OpenId, forger: &Forger| {
        let provider = providers.get("corp").unwrap();
        let begun = Begun::at(provider).await?;
        let claims = openid.claims(&begun.parameter("nonce"), NOW);
        openid.redeems(&forger.token(&json!({"alg": "ES256", "kid": name}), &claims));
        begun.end(provider, &begun.yes(&openid.issuer), NOW).await
    };
    rotate(&mut openid);
    is_ada(by(&openid, &openid.forger).await, "the first key");
    let mut old = None;
    for fetches in 2..=4 {
        old = Some(rotate(&mut openid));
        is_ada(by(&openid, &openid.forger).await, "a key that was changed");
        assert_eq!(openid.asked(Place::Keys), fetches);
    }
    let judged = by(&openid, &old.unwrap()).await;
    assert!(judged.is_err(), "the key of before opens nothing");
    assert_eq!(openid.asked(Place::Keys), 4, "and is no reason to ask");
    for _ in 0..100 {
        assert!(by(&openid, &Forger::new(Algorithm::Es256)).await.is_err());
        is_ada(by(&openid, &openid.forger).await, "whoever is right");
    }
    assert_eq!(openid.asked(Place::Keys), 5, "once in vain");
}

/// Yes and no as texts, as Apple and Cognito write them; only in the claims that are never anything else.
#[tokio::test(flavor = "multi_thread")]
async fn yes_as_a_text() {
    let openid = OpenId::start().await;
    let by_email = corp(&openid, |oidc| oidc.subject_claim = "email".into());
    let judged = log_in(&openid, &by_email, |claims| claims["email_verified"] = json!("true"));
    assert_eq!(judged.await.unwrap().user.as_str(), "corp-ada@example.com");
    let with_info = corp(&openid, |oidc| {
        oidc.user_info = true;
        oidc.subject_claim = "email".into();
    });
    openid.gives(
        Place::UserInfo,
        &json!({"sub": "ada", "email": "eve@example.com", "email_verified": "true"}),
    );
    let judged =
        log_in(&openid, &with_info, |claims| claims["email_verified"] = json!("false")).await;
    assert_eq!(
        judged.unwrap_err(),
        ProviderError::NotAllowed,
        "no is no, and the pair stays together"
    );
}

/// A token that names 300 groups is longer than 16 KiB; one that is longer than an answer may be is no answer.
#[tokio::test(flavor = "multi_thread")]
async fn many_groups() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let name =
        |number: usize| format!("CN=Department {number:05},OU=Groups,DC=corp,DC=example,DC=com");
    for count in [300, 5000] {
        let groups: Vec<String> = (0..count).map(name).collect();
        let judged = log_in(&openid, &providers, |claims| claims["groups"] = json!(groups));
        is_ada(judged.await, &format!("{count} groups"));
    }
    let judged =
        log_in(&openid, &providers, |claims| claims["pad"] = json!("x".repeat(1 << 20))).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{judged:?}");
}

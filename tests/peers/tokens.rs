//! Every kind of token but the right one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::idp::ProviderError;
use pasee::jose::error::VerifyError;
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::kisee::{NOW, jwt};
use super::{claims, pinned, show, token};

/// A token and what it is.
type Case = (String, String);

#[tokio::test]
async fn the_right_one() {
    for forger in Forger::both() {
        let providers = pinned(forger.key.public());
        let identity = show(&providers, &token(&forger, &claims("internals-ada"))).await.unwrap();
        assert_eq!(identity.user.as_str(), "externals-internals-ada");
        assert_eq!(
            identity.authenticated_at.unwrap().as_unix(),
            NOW - 100,
            "the login there counts"
        );
        assert_eq!(identity.claims.iter().count(), 0, "nothing passes that is not named");
        let groups: Vec<String> = identity.mapped.groups.iter().map(ToString::to_string).collect();
        assert_eq!(groups, ["articles"], "what is mapped, and nothing by its own name");
        let longest = format!("internals-{}", "x".repeat(190));
        assert!(show(&providers, &token(&forger, &claims(&longest))).await.is_ok());
        // A name with dashes, a UUID, a pod: not levels.
        for user in [
            "internals-ada-maria-van-der-berg",
            "others-8f14e45f-ceea-467f-a8f9-0123456789ab",
            "internals-x-externals",
        ] {
            let identity = show(&providers, &token(&forger, &claims(user))).await.unwrap();
            assert_eq!(identity.user.as_str(), format!("externals-{user}"));
        }
    }
}

#[tokio::test]
async fn every_other() {
    let (mut tried, mut reasons) = (0, std::collections::BTreeMap::<String, usize>::new());
    for forger in Forger::both() {
        let providers = pinned(forger.key.public());
        let cases: Vec<Case> = kinds(&forger)
            .into_iter()
            .chain(headers(&forger))
            .chain(spoiled_claims(&forger))
            .chain(subjects(&forger))
            .collect();
        for (name, token) in cases {
            match show(&providers, &token).await {
                Err(ProviderError::Token(reason)) => {
                    *reasons.entry(reason.to_string()).or_default() += 1;
                }
                other => panic!("{name}: {other:?}"),
            }
            tried += 1;
        }
    }
    println!("{tried} tokens, 0 logins: {reasons:#?}");
    assert!(tried > 200, "{tried}");
}

/// Tokens of other kinds and other issuers, whole.
fn kinds(forger: &Forger) -> Vec<Case> {
    let good = claims("internals-ada");
    let stranger = Forger::new(forger.key.algorithm());
    let mut refresh = good.clone();
    refresh["refresh_token"] = json!(true);
    refresh.as_object_mut().unwrap().remove("groups");
    let id_token = json!({
        "iss": super::INNER, "sub": "internals-ada", "aud": "client", "exp": NOW + 890, "iat": NOW, "nonce": "n",
    });
    let account = json!({
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:ci:deployer", "aud": ["x"],
        "exp": NOW + 890, "iat": NOW, "nbf": NOW,
    });
    let mut ours = good.clone();
    ours["iss"] = json!("pasee.example.com");
    let header = |kind: &str| forger.header(kind);
    let whole = token(forger, &good);
    let parts: Vec<&str> = whole.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let cases = [
        ("refresh token", forger.token(&header("rt+jwt"), &refresh)),
        ("refresh token as access token", token(forger, &refresh)),
        ("access token as refresh token", forger.token(&header("rt+jwt"), &good)),
        ("ID token", forger.token(&header("JWT"), &id_token)),
        ("ID token as access token", token(forger, &id_token)),
        ("Kisee's", jwt(forger, &super::support::kisee::claims())),
        ("a ServiceAccount's", forger.token(&header("JWT"), &account)),
        ("ours", token(forger, &ours)),
        ("a stranger's", token(&stranger, &good)),
        ("a stranger's under our kid", stranger.token(&header("at+jwt"), &good)),
        ("empty", String::new()),
        ("dots", ".".repeat(1_000_000)),
        ("two dots", "..".to_owned()),
        ("four parts", format!("{whole}.x")),
        ("five parts", format!("{whole}.x.y")),
        ("two parts", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("short signature", format!("{head}.{body}.{}", &signature[..40])),
        ("long signature", format!("{head}.{body}.{signature}AAAA")),
        ("padded", format!("{whole}==")),
        ("white space", format!(" {whole}")),
        ("line break", format!("{whole}\n")),
        (
            "JSON serialization",
            json!({ "payload": body, "protected": head, "signature": signature }).to_string(),
        ),
        ("braces", format!("{{{whole}}}")),
        ("too long", {
            let mut long = good.clone();
            long["email"] = json!("x".repeat(20_000));
            token(forger, &long)
        }),
    ];
    let mut cases: Vec<Case> =
        cases.map(|(name, token)| (name.to_owned(), token)).into_iter().collect();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        let spoiled = format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(flipped));
        cases.push((format!("signature byte {place}"), spoiled));
    }
    cases
}

/// The right claims under every header but the right one.
fn headers(forger: &Forger) -> Vec<Case> {
    let good = claims("internals-ada");
    let swapped = match forger.key.algorithm() {
        Algorithm::Es256 => "ES256K",
        Algorithm::Es256k | Algorithm::Rs256 => "ES256",
    };
    let mut cases = Vec::new();
    let mut with = |name: &str, value: Value| {
        let mut header = forger.header("at+jwt");
        header[name] = value.clone();
        cases.push((format!("header {name} {value:.60}"), forger.token(&header, &good)));
    };
    for alg in ["none", "nOnE", "", "HS256", "RS256", "ES384", "EdDSA", "es256", swapped] {
        with("alg", json!(alg));
    }
    for alg in [json!(null), json!(["ES256"]), json!(1)] {
        with("alg", alg);
    }
    for typ in [
        "JWT",
        "jwt",
        "at+JWT",
        "AT+JWT",
        "application/at+jwt",
        "at+jwt ",
        "rt+jwt",
        "",
        "logout+jwt",
    ] {
        with("typ", json!(typ));
    }
    with("typ", json!(["at+jwt"]));
    for kid in ["", "x", "../../etc/passwd", "' OR 1=1", "x\0"] {
        with("kid", json!(kid));
    }
    with("kid", json!("k".repeat(64 * 1024)));
    with("kid", json!([forger.key.public().id().as_str()]));
    with("crit", json!(["exp"]));
    with("crit", json!([]));
    with("zip", json!("DEF"));
    with("b64", json!(false));
    with("enc", json!("A128GCM"));
    for name in ["typ", "alg", "kid"] {
        let mut header = forger.header("at+jwt");
        header.as_object_mut().unwrap().remove(name);
        cases.push((format!("header without {name}"), forger.token(&header, &good)));
    }
    // Signed with the public key as a secret, in each of its spellings; and not at all.
    let header =
        json!({ "typ": "at+jwt", "alg": "HS256", "kid": forger.key.public().id().as_str() });
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(good.to_string())
    );
    let pem = forger.key.public().to_pem();
    for secret in [pem.as_str(), pem.trim()] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let algorithm = jsonwebtoken::Algorithm::HS256;
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
        cases.push(("HS256 with the public key".to_owned(), format!("{signed}.{signature}")));
    }
    let none = URL_SAFE_NO_PAD.encode(
        json!({ "typ": "at+jwt", "alg": "none", "kid": forger.key.public().id().as_str() })
            .to_string(),
    );
    let body = URL_SAFE_NO_PAD.encode(good.to_string());
    cases.push(("unsigned".to_owned(), format!("{none}.{body}.")));
    let twice = format!(
        r#"{{"typ":"at+jwt","typ":"at+jwt","alg":"{}","kid":"{}"}}"#,
        forger.key.algorithm(),
        forger.key.public().id()
    );
    cases.push(("typ twice".to_owned(), forger.sign(twice, good.to_string())));
    cases
}

/// The right header over claims with one thing wrong.
fn spoiled_claims(forger: &Forger) -> Vec<Case> {
    let good = claims("internals-ada");
    let mut cases = Vec::new();
    let mut with = |name: &str, value: Value| {
        let mut spoiled = good.clone();
        spoiled[name] = value.clone();
        cases.push((format!("{name} {value:.60}"), token(forger, &spoiled)));
    };
    for iss in [
        "",
        "INNER.example.com",
        "inner.example.com/",
        "inner.example.com.evil",
        "third.example.com",
    ] {
        with("iss", json!(iss));
    }
    with("iss", json!([super::INNER]));
    for aud in [json!("x"), json!([]), json!(["x"]), json!(""), json!(null), json!(1)] {
        with("aud", aud);
    }
    let times = [
        json!("1800000900"),
        json!(1_800_000_900.5),
        json!(-1),
        json!(null),
        json!([NOW]),
        json!(true),
    ];
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in &times {
            with(name, value.clone());
        }
    }
    for exp in [NOW, NOW - 1, 0, i64::MAX, NOW + 401 * 86_400] {
        with("exp", json!(exp));
    }
    for name in ["nbf", "iat"] {
        with(name, json!(NOW + 61));
    }
    with("auth_time", json!(NOW + 1));
    with("refresh_token", json!(true));
    with("scope", json!("writers"));
    with("scope", json!(""));
    with("idp", json!("others"));
    with("idp", json!("externals"));
    with("groups", json!("writers"));
    with("groups", json!({}));
    with("groups", json!([["writers"]]));
    with("groups", json!(["wri ters"]));
    with("jti", json!(""));
    with("email", json!({ "a": 1 }));
    with("email", json!(1.5));
    for name in good.as_object().unwrap().keys().filter(|name| *name != "email") {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        cases.push((format!("without {name}"), token(forger, &without)));
    }
    let twice = good.to_string().replace("{", "{\"sub\":\"internals-eve\",");
    cases.push(("sub twice".to_owned(), forger.sign(forger.header("at+jwt").to_string(), twice)));
    for payload in ["", "[]", "null", "\u{feff}{}", "{} "] {
        let header = forger.header("at+jwt").to_string();
        cases.push((format!("payload {payload:?}"), forger.sign(header, payload)));
    }
    cases
}

/// Names that are nobody's, or that lead back here.
fn subjects(forger: &Forger) -> Vec<Case> {
    let long = format!("internals-{}", "x".repeat(191));
    [
        "internals-externals-ada",
        "internals-externals-internals-ada",
        "internals-a-b-externals-c",
        "externals-ada",
        "externals-internals-ada",
        "k8s-ci:deployer",
        "unlisted-ada",
        "Internals-ada",
        "internals-",
        "-ada",
        "internals- ada",
        "internals-ada ",
        "internals-a\0da",
        "internals-a\nda",
        "internals-a\u{7f}da",
        "internals-a\u{85}da",
        "internals-e\u{301}",
        "internals-ada\u{200b}",
        "internals-\u{202e}ada",
        "internals-\u{1b}[2J",
        &long,
    ]
    .into_iter()
    .map(|user| (format!("sub {user:.60?}"), token(forger, &claims(user))))
    .collect()
}

/// Each refusal of a user says what is wrong with them.
#[tokio::test]
async fn users_are_refused_with_words() {
    let forger = Forger::new(Algorithm::Es256);
    let providers = pinned(forger.key.public());
    for (user, says) in [
        ("elsewhere-ada", "an identity provider there whose users are not taken here"),
        ("internals-externals-ada", "has come through here before"),
        ("externals-ada", "has come through here before"),
        ("ada", "a user id is <provider>-<subject>"),
        ("internals-", "a subject cannot be empty"),
        ("internals-ada ", "no white space at its start or end"),
        ("internals-a\nda", "no control characters"),
        ("internals-ada\u{200b}", "U+200B"),
        ("internals-e\u{301}", "normalization form C"),
        ("Internals-ada", "a provider name has"),
    ] {
        let mut claims = claims("internals-ada");
        claims["sub"] = json!(user);
        claims["idp"] = json!(user.split('-').next());
        let error = show(&providers, &token(&forger, &claims)).await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains("this token is no login here: ") && told.contains(says), "{told}");
        assert!(!told.contains("claim sub"), "{told}");
    }
}

/// An audience that is asked for is asked for exactly.
#[tokio::test]
async fn audiences() {
    let forger = Forger::new(Algorithm::Es256);
    let mut settings = super::settings("http://127.0.0.1:1/", Some(forger.key.public()));
    let pasee::settings::Protocol::Pasee(pasee) = &mut settings.protocol else { panic!("a Pasee") };
    pasee.audience = Some("outer.example.com".parse().unwrap());
    let providers = pasee::idp::Providers::new(&[settings]).unwrap();
    let with = |aud: Option<Value>| {
        let mut claims = claims("internals-ada");
        match aud {
            Some(aud) => claims["aud"] = aud,
            None => drop(claims.as_object_mut().unwrap().remove("aud")),
        }
        token(&forger, &claims)
    };
    for good in [json!("outer.example.com"), json!(["x", "outer.example.com"])] {
        assert!(show(&providers, &with(Some(good))).await.is_ok());
    }
    for bad in [
        None,
        Some(json!(super::INNER)),
        Some(json!("outer.example.co")),
        Some(json!("outer.example.com.evil")),
        Some(json!("OUTER.example.com")),
        Some(json!(["outer"])),
        Some(json!([["outer.example.com"]])),
        Some(json!(["outer.example.com", 1])),
        Some(json!({ "aud": "outer.example.com" })),
    ] {
        let refused = show(&providers, &with(bad.clone())).await.unwrap_err();
        assert_eq!(refused, ProviderError::Token(VerifyError::Audience), "{bad:?}");
    }
}

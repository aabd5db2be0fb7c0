//! Settings that real providers need: each as it should be, and what it must not let in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::idp::{ProviderError, Providers};
use pasee::jose::issuer::TrustedIssuer;
use pasee::jose::key::{Algorithm, PrivateKey, PublicKey};
use pasee::settings::{SecretUse, Transport, parse};
use serde_json::{Value, json};
use url::Url;

use super::support::forge::{bytes, part};
use super::support::openid::{Begun, CLIENT, OpenId, Place, SECRET, parameter, secret};
use super::support::raw_server::answer;
use super::{NOW, corp, header, log_in, providers};

/// The provider `corp` by lines of a settings file, beside files in this directory.
fn by_settings(openid: &OpenId, dir: &Path, lines: &str) -> Providers {
    let issuer = if lines.contains("issuer =") {
        String::new()
    } else {
        format!("issuer = \"{}\"\n", openid.issuer)
    };
    let text = format!(
        "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
         [identity_providers.settings]\n{issuer}client_id = \"{CLIENT}\"\n{lines}\n"
    );
    let settings =
        parse(&dir.join("settings.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    providers(&settings.identity_providers)
}

/// What the token endpoint was sent last: its head, and its form.
fn sent(openid: &OpenId) -> (String, Url) {
    let (head, body) = openid.last(Place::Token);
    (head.to_ascii_lowercase(), format!("x:/?{body}").parse().unwrap())
}

fn has(form: &Url, name: &str) -> bool {
    form.query_pairs().any(|(known, _)| known == name)
}

/// What else a provider is told stands in the URL, beside what is ours and never in its place.
#[tokio::test(flavor = "multi_thread")]
async fn authorization_parameters() {
    let openid = OpenId::start().await;
    let dir = tempfile::tempdir().unwrap();
    let lines = "authorization_parameters = { domain_hint = \"example.com\", acr_values = \"urn:a b&state=x\" }";
    let providers = by_settings(&openid, dir.path(), lines);
    let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
    assert_eq!(begun.parameter("domain_hint"), "example.com");
    assert_eq!(begun.parameter("acr_values"), "urn:a b&state=x");
    for ours in ["state", "nonce", "code_challenge", "response_type", "client_id", "redirect_uri"] {
        assert!(!begun.parameter(ours).is_empty(), "once, and ours");
    }
    log_in(&openid, &providers, |_| {}).await.unwrap();
}

/// How a client proves itself is the settings' word, whatever the provider says it takes; a secret goes where it says and
/// nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn client_auth() {
    let openid = OpenId::start().await;
    let mut document = openid.document();
    for takes in [json!(null), json!(["private_key_jwt"]), json!(["client_secret_basic"])] {
        document["token_endpoint_auth_methods_supported"] = takes.clone();
        openid.gives(Place::Discovery, &document);
        for (how, basic, in_body) in [
            (SecretUse::Basic, true, false),
            (SecretUse::Post, false, true),
            (SecretUse::Mac, false, false),
        ] {
            let providers = corp(&openid, |oidc| oidc.client_proof = secret(Some(how)));
            log_in(&openid, &providers, |_| {}).await.unwrap();
            let (head, form) = sent(&openid);
            assert_eq!(head.contains("authorization: basic "), basic, "{how:?} {takes}");
            assert_eq!(has(&form, "client_secret"), in_body, "{how:?} {takes}");
            assert_eq!(has(&form, "client_id"), !basic, "{how:?} {takes}");
            assert_eq!(has(&form, "client_assertion"), how == SecretUse::Mac, "{how:?} {takes}");
            assert!(has(&form, "code_verifier"));
        }
    }
    // Where nothing is said here, and no secret is taken there, none is sent.
    document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
    openid.gives(Place::Discovery, &document);
    let asked = openid.asked(Place::Token);
    let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{judged:?}");
    assert_eq!(openid.asked(Place::Token), asked);
}

/// What was sent to prove whose request it is holds, says for whom it is, and is never the same twice.
fn assert_assertion(openid: &OpenId, holds: impl Fn(&[u8], &[u8]) -> bool) -> String {
    let (head, form) = sent(openid);
    assert!(!head.contains("authorization:") && !has(&form, "client_secret"));
    assert_eq!(parameter(&form, "client_id"), CLIENT);
    assert_eq!(
        parameter(&form, "client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let token = parameter(&form, "client_assertion");
    let claims = part(&token, 1);
    for (name, value) in [
        ("iss", json!(CLIENT)),
        ("sub", json!(CLIENT)),
        ("aud", json!(format!("{}/token", openid.issuer))),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 300)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert!(holds(signed.as_bytes(), &bytes(&token, 2)), "the signature holds");
    claims["jti"].as_str().unwrap().to_owned()
}

/// `private_key_jwt` and `client_secret_jwt` (OpenID Connect Core 1.0 section 9): the key and the secret stay here.
#[tokio::test(flavor = "multi_thread")]
async fn signed_assertions() {
    let openid = OpenId::start().await;
    let dir = tempfile::tempdir().unwrap();
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        fs::write(dir.path().join("key.pem"), key.to_pem().as_bytes()).unwrap();
        let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        for (line, name) in
            [("", key.public().id().as_str()), ("client_key_id = \"of-2026\"", "of-2026")]
        {
            let lines =
                format!("client_auth = \"private_key_jwt\"\nclient_key_file = \"key.pem\"\n{line}");
            let providers = by_settings(&openid, dir.path(), &lines);
            let mut ids = Vec::new();
            for _ in 0..2 {
                log_in(&openid, &providers, |_| {}).await.unwrap();
                ids.push(assert_assertion(&openid, |signed, tag| public.verifies(signed, tag)));
                let (_, form) = sent(&openid);
                let head = part(&parameter(&form, "client_assertion"), 0);
                assert_eq!(head, json!({"typ": "JWT", "alg": algorithm.as_str(), "kid": name}));
            }
            assert_ne!(ids[0], ids[1]);
            assert!(!format!("{providers:?}").contains("PRIVATE"));
        }
    }
    let providers = corp(&openid, |oidc| oidc.client_proof = secret(Some(SecretUse::Mac)));
    log_in(&openid, &providers, |_| {}).await.unwrap();
    let mac = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    assert_assertion(&openid, |signed, tag| hmac::verify(&mac, signed, tag).is_ok());
}

/// A document may stand elsewhere; whose it is does not change by that.
#[tokio::test(flavor = "multi_thread")]
async fn discovery_url() {
    let openid = OpenId::start().await;
    let dir = tempfile::tempdir().unwrap();
    let lines = |issuer: &str| {
        format!(
            "issuer = \"{issuer}\"\ndiscovery_url = \"{}/.well-known/openid-configuration?appid=1\"\nclient_secret = \"x\"",
            openid.issuer
        )
    };
    let issuer = "https://id.example.com/realm";
    let providers = by_settings(&openid, dir.path(), &lines(issuer));
    let judged = log_in(&openid, &providers, |claims| claims["iss"] = json!(issuer)).await;
    assert!(
        matches!(judged, Err(ProviderError::InvalidResponse(_))),
        "the document is another's: {judged:?}"
    );
    let mut document = openid.document();
    document["issuer"] = json!(issuer);
    openid.gives(Place::Discovery, &document);
    let providers = by_settings(&openid, dir.path(), &lines(issuer));
    let provider = providers.get("corp").unwrap();
    for (says, answers_as, holds) in [
        (issuer, issuer, true),
        ("https://id.example.com/realm/", issuer, false),
        ("https://ID.example.com/realm", issuer, false),
        (&openid.issuer, issuer, false),
        (issuer, "https://id.example.com/realm/", false),
        (issuer, &openid.issuer, false),
    ] {
        let begun = Begun::at(provider).await.unwrap();
        let mut claims = openid.claims(&begun.parameter("nonce"), NOW);
        claims["iss"] = json!(says);
        openid.redeems(&openid.forger.token(&header(&openid), &claims));
        let judged = begun.end(provider, &begun.yes(answers_as), NOW).await;
        assert_eq!(judged.is_ok(), holds, "{says} {answers_as}");
    }
}

/// In the clear to another machine only where the settings say so, and never from elsewhere to this one.
#[tokio::test(flavor = "multi_thread")]
async fn plain_http() {
    let openid = OpenId::start().await;
    // What is called so is this machine as well, and no name of it that is known for that.
    let elsewhere = openid.issuer.replace("127.0.0.1", "0.0.0.0");
    let document = openid.document().to_string().replace(&openid.issuer, &elsewhere);
    openid.sends(Place::Discovery, answer("200 OK", "application/json", document.clone()));
    let with = |transport: Transport| {
        corp(&openid, |oidc| {
            oidc.issuer = TrustedIssuer::One(elsewhere.clone());
            oidc.discovery =
                format!("{elsewhere}/.well-known/openid-configuration").parse().unwrap();
            oidc.transport = transport;
        })
    };
    let attempt = async |providers: &Providers| {
        let provider = providers.get("corp").unwrap();
        let begun = Begun::at(provider).await?;
        let mut claims = openid.claims(&begun.parameter("nonce"), NOW);
        claims["iss"] = json!(elsewhere);
        openid.redeems(&openid.forger.token(&header(&openid), &claims));
        begun.end(provider, &begun.yes(&elsewhere), NOW).await
    };
    assert_eq!(attempt(&with(Transport::Clear)).await.unwrap().user.as_str(), "corp-ada");
    let judged = attempt(&with(Transport::Safe)).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{judged:?}");
    // One that is elsewhere sends nobody here.
    let asked = openid.asked(Place::Token);
    for member in ["token_endpoint", "jwks_uri", "userinfo_endpoint", "authorization_endpoint"] {
        let mut changed: Value = serde_json::from_str(&document).unwrap();
        let place = changed[member].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");
        changed[member] = json!(place);
        openid.gives(Place::Discovery, &changed);
        let judged = attempt(&with(Transport::Clear)).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{member}: {judged:?}");
    }
    assert_eq!(openid.asked(Place::Token), asked);
}

/// How far a provider's clock may be off.
#[tokio::test(flavor = "multi_thread")]
async fn clock_skew() {
    let openid = OpenId::start().await;
    for seconds in [0, 60, 300] {
        let providers = corp(&openid, |oidc| oidc.clock_skew = Duration::from_secs(seconds));
        let skew = i64::try_from(seconds).unwrap();
        for (claim, time, holds) in [
            ("iat", NOW + skew, true),
            ("iat", NOW + skew + 1, false),
            ("nbf", NOW + skew, true),
            ("nbf", NOW + skew + 1, false),
            ("exp", NOW + 1 - skew, true),
            ("exp", NOW - skew, false),
        ] {
            let judged = log_in(&openid, &providers, |claims| {
                claims["iat"] = json!(NOW - 400);
                claims["exp"] = json!(NOW + 600);
                claims[claim] = json!(time);
            });
            assert_eq!(judged.await.is_ok(), holds, "{claim} at {} by {seconds}", time - NOW);
        }
    }
}

/// How long an answer may be, and an ID token with it, is each provider's own matter.
#[tokio::test(flavor = "multi_thread")]
async fn max_answer_length() {
    let openid = OpenId::start().await;
    for length in [64 * 1024, 1024 * 1024, 4 * 1024 * 1024] {
        let providers = corp(&openid, |oidc| oidc.max_answer_length = length);
        // Base64 makes four bytes of three.
        for (pad, holds) in [(length / 4 * 3 - 2048, true), (length / 4 * 3 + 2048, false)] {
            let judged =
                log_in(&openid, &providers, |claims| claims["pad"] = json!("x".repeat(pad)));
            let judged = judged.await;
            assert_eq!(judged.is_ok(), holds, "{pad} of {length}: {judged:?}");
        }
    }
}

/// A secret that is written anew is sent anew: in place, by another file in its place, and as Kubernetes swaps what links
/// lead to. What is no secret changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_change() {
    let openid = OpenId::start().await;
    let dir = tempfile::tempdir().unwrap();
    let volume = |name: &str, content: &str| {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("secret"), content).unwrap();
        let next = dir.path().join("..next");
        symlink(name, &next).unwrap();
        fs::rename(next, dir.path().join("..data")).unwrap();
    };
    volume("..1", "one\n");
    symlink("..data/secret", dir.path().join("secret")).unwrap();
    let lines = "client_secret_file = \"secret\"\nclient_auth = \"client_secret_post\"";
    let providers = by_settings(&openid, dir.path(), lines);
    let sends = async || {
        log_in(&openid, &providers, |_| {}).await.unwrap();
        let (_, form) = sent(&openid);
        parameter(&form, "client_secret")
    };
    assert_eq!(sends().await, "one");
    volume("..2", "\u{feff}  two \r\n");
    assert_eq!(sends().await, "two");
    fs::write(dir.path().join("..2").join("secret"), "three").unwrap();
    assert_eq!(sends().await, "three");
    for (name, wrong) in [("..3", ""), ("..4", " \n"), ("..5", "two\nlines"), ("..6", "\u{0}")] {
        volume(name, wrong);
        assert_eq!(sends().await, "three", "{wrong:?}");
    }
    fs::write(dir.path().join("..6").join("secret"), [0xff, 0xfe, b'x', 0]).unwrap();
    assert_eq!(sends().await, "three", "UTF-16");
    fs::remove_file(dir.path().join("..6").join("secret")).unwrap();
    assert_eq!(sends().await, "three", "it is gone");
    volume("..7", "seven");
    assert_eq!(sends().await, "seven");
}

/// The same for OAuth 2.0, and for the proof of an app's secret that Facebook takes with each question.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_oauth2_that_change() {
    let openid = OpenId::start().await;
    let at = &openid.issuer;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.secret");
    let write = |content: &str| fs::write(&file, content).unwrap();
    write("one\n");
    let text = format!(
        "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oauth2\"\n\
         [identity_providers.settings]\npreset = \"facebook\"\nclient_id = \"{CLIENT}\"\napp_secret_file = \"app.secret\"\n\
         authorization_url = \"{at}/auth\"\ntoken_url = \"{at}/token\"\nuser_info_url = \"{at}/me\"\n\
         authorization_parameters = {{ auth_type = \"rerequest\" }}\n"
    );
    let settings = parse(&dir.path().join("settings.toml"), &text).unwrap();
    let providers = providers(&settings.identity_providers);
    let provider = providers.get("corp").unwrap();
    openid.gives(Place::UserInfo, &json!({ "id": "4", "name": "Ada" }));
    openid.gives(Place::Token, &json!({ "access_token": "access", "token_type": "bearer" }));
    for (content, expected) in [
        ("one", "one"),
        ("\u{feff}two\r\n", "two"),
        ("", "two"),
        ("a\nb", "two"),
        ("three", "three"),
    ] {
        write(content);
        let begun = Begun::at(provider).await.unwrap();
        assert_eq!(begun.parameter("auth_type"), "rerequest");
        let query = format!("idp=corp&code=c0de&state={}", begun.pending.state());
        let judged = begun.end(provider, &query, NOW).await;
        let (_, form) = sent(&openid);
        assert_eq!(parameter(&form, "client_secret"), expected, "{content:?}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, expected.as_bytes());
        let tag = hmac::sign(&key, b"access");
        let proof: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(judged.unwrap().user.as_str(), "corp-4");
        let (asked, _) = openid.last(Place::UserInfo);
        assert!(asked.contains(&format!("appsecret_proof={proof}")), "{asked}");
    }
}

/// The same for a key.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_change() {
    let openid = OpenId::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    let [one, two] = [(); 2].map(|()| PrivateKey::generate(Algorithm::Es256).unwrap());
    fs::write(&file, one.to_pem().as_bytes()).unwrap();
    let lines = "client_auth = \"private_key_jwt\"\nclient_key_file = \"key.pem\"";
    let providers = by_settings(&openid, dir.path(), lines);
    for (content, expected) in [
        (one.to_pem().to_string(), &one),
        (format!("Bag Attributes\n    friendlyName: two\n{}", *two.to_pem()), &two),
        ("nothing".to_owned(), &two),
        (two.public().to_pem(), &two),
        (PrivateKey::generate(Algorithm::Es256k).unwrap().to_pem().to_string(), &two),
        (one.to_pem().to_string(), &one),
    ] {
        fs::write(&file, content).unwrap();
        log_in(&openid, &providers, |_| {}).await.unwrap();
        assert_assertion(&openid, |signed, tag| expected.public().verifies(signed, tag));
    }
}

/// What the header of an ID token may call it.
#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_id_tokens() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    for (kind, holds) in [
        (Some("JWT"), true),
        (Some("jwt"), true),
        (Some("Jwt"), true),
        (Some("application/jwt"), true),
        (Some("application/JWT"), true),
        (None, true),
        (Some("at+jwt"), false),
        (Some("AT+JWT"), false),
        (Some("application/at+jwt"), false),
        (Some("rt+jwt"), false),
        (Some("logout+jwt"), false),
        (Some("application/logout+jwt"), false),
        (Some("secevent+jwt"), false),
        (Some("text/jwt"), false),
        (Some("jwt "), false),
        (Some(""), false),
    ] {
        let begun = Begun::at(provider).await.unwrap();
        let mut header = header(&openid);
        match kind {
            Some(kind) => header["typ"] = json!(kind),
            None => drop(header.as_object_mut().unwrap().remove("typ")),
        }
        let claims = openid.claims(&begun.parameter("nonce"), NOW);
        openid.redeems(&openid.forger.token(&header, &claims));
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert_eq!(judged.is_ok(), holds, "{kind:?}");
    }
}

/// ES512 and the others that are rare, each by its own key and by no other.
#[tokio::test(flavor = "multi_thread")]
async fn rare_algorithms() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair,
    };
    let random = SystemRandom::new();
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p521 = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let ec = |key: &EcdsaKeyPair, curve: &str| {
        let (x, y) =
            key.public_key().as_ref()[1..].split_at((key.public_key().as_ref().len() - 1) / 2);
        json!({"kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y), "use": "sig", "kid": curve})
    };
    let openid = OpenId::start().await;
    let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(ed.public_key().as_ref()), "kid": "ed"});
    openid.gives(Place::Keys, &json!({ "keys": [ec(&p384, "P-384"), ec(&p521, "P-521"), okp] }));
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    let sign = |by: &str, message: &[u8]| match by {
        "P-384" => p384.sign(&random, message).unwrap().as_ref().to_vec(),
        "P-521" => p521.sign(&random, message).unwrap().as_ref().to_vec(),
        _ => ed.sign(message).as_ref().to_vec(),
    };
    for (by, algorithm, holds) in [
        ("P-384", "ES384", true),
        ("P-521", "ES512", true),
        ("ed", "EdDSA", true),
        ("ed", "Ed25519", true),
        ("P-521", "ES384", false),
        ("P-384", "ES512", false),
        ("P-521", "ES521", false),
        ("ed", "ES512", false),
        ("P-521", "EdDSA", false),
    ] {
        let begun = Begun::at(provider).await.unwrap();
        let claims = openid.claims(&begun.parameter("nonce"), NOW);
        let header = json!({"alg": algorithm, "kid": by, "typ": "JWT"});
        let parts = [header, claims].map(|part| encoded(part.to_string().as_bytes()));
        let signed = parts.join(".");
        let token = format!("{signed}.{}", encoded(&sign(by, signed.as_bytes())));
        openid.redeems(&token);
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert_eq!(judged.is_ok(), holds, "{by} as {algorithm}: {judged:?}");
        if holds {
            openid.redeems(&format!("{}A", &token[..token.len() - 1]));
            let begun = Begun::at(provider).await.unwrap();
            assert!(begun.end(provider, &begun.yes(&openid.issuer), NOW).await.is_err());
        }
    }
}

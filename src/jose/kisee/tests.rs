//! What a Kisee signs, and what it would not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::jose::key::PrivateKey;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn keys() -> [PrivateKey; 2] {
    [Algorithm::Es256, Algorithm::Es256k].map(|algorithm| PrivateKey::generate(algorithm).unwrap())
}

/// A token of any header and any claims, properly signed.
fn forge(key: &PrivateKey, header: &Value, claims: &str) -> String {
    let signed = [header.to_string(), claims.to_owned()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = signed.join(".");
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{signature}")
}

fn kisee_claims() -> Value {
    json!({"iss": "example.com", "sub": "ada", "exp": NOW + 3600, "jti": "x"})
}

#[test]
fn kisee() {
    let [p256, secp256k1] = keys();
    let old = PrivateKey::generate(Algorithm::Es256k).unwrap();
    let keys = [&old, &secp256k1, &p256].map(|key| key.public().clone()).to_vec();
    let verifier = KiseeVerifier::new(keys, Some("example.com".into()));
    let header = |alg: &str| json!({"typ": "JWT", "alg": alg});
    let judge = |key: &PrivateKey, header: &Value, claims: &Value| {
        verifier
            .verify(&forge(key, header, &claims.to_string()), now())
            .map(|claims| claims.subject.to_string())
    };
    for (key, alg, expected) in [
        (&secp256k1, "ES256", true),
        (&secp256k1, "ES256K", true),
        (&old, "ES256", true),
        (&p256, "ES256", true),
        (&p256, "ES256K", false),
        (&secp256k1, "HS256", false),
        (&secp256k1, "none", false),
    ] {
        assert_eq!(judge(key, &header(alg), &kisee_claims()).is_ok(), expected, "{alg}");
    }
    let stranger = PrivateKey::generate(Algorithm::Es256k).unwrap();
    assert_eq!(judge(&stranger, &header("ES256"), &kisee_claims()), Err(VerifyError::Signature));
    let changes = [
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sub", json!(" ada")),
        ("sub", json!("a\0")),
        ("sub", json!("x".repeat(201))),
        ("iss", json!("evil.com")),
        ("iss", json!(null)),
        ("exp", json!(NOW)),
        ("exp", json!(null)),
        ("exp", json!("1900000000")),
        ("exp", json!(NOW + 500 * 86400)),
        ("exp", json!(1.9e9)),
        ("nbf", json!(NOW + 100)),
        ("iat", json!(NOW + 100)),
        ("nbf", json!("x")),
    ];
    for (name, value) in changes {
        let mut claims = kisee_claims();
        claims[name] = value;
        assert!(judge(&secp256k1, &header("ES256"), &claims).is_err(), "{claims}");
    }
    let reset =
        json!({"iss": "example.com", "exp": NOW + 3600, "jti": "x", "password_reset_for": "ada"});
    assert_eq!(judge(&secp256k1, &header("ES256"), &reset), Err(VerifyError::Claim("sub")));
}

//! What the hash of an access token is; the checks of claims are attacked in tests/hostile_oidc.

use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const SKEW: Duration = Duration::from_secs(60);

fn prove(algorithm: &str, hash: &str) -> Result<Map<String, Value>, VerifyError> {
    let claims = json!({
        "iss": "https://id.example.com", "sub": "ada", "aud": "us", "exp": NOW + 60, "iat": NOW, "nonce": "n",
        "at_hash": hash,
    });
    let claims = ClaimSet::unsigned(claims);
    let token = Signed { claims, algorithm: algorithm.parse().unwrap(), key_issuer: None };
    let expected = Expected {
        issuer: &TrustedIssuer::One("https://id.example.com".to_owned()),
        client_id: "us",
        nonce: Some("n"),
        access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        max_age: None,
        clock_skew: SKEW,
    };
    expected.prove(token, Timestamp::from_unix(NOW).unwrap())
}

/// OpenID Connect Core 1.0 section A.3 has this token and this hash.
#[test]
fn the_hash_of_the_specification() {
    let hash = "77QmUPtjPfzWtF2AnpK9RQ";
    for (algorithm, holds) in [("RS256", true), ("ES256", true), ("RS384", false), ("EdDSA", false)]
    {
        let expected = if holds { Ok("ada") } else { Err(VerifyError::Claim("at_hash")) };
        let claims = prove(algorithm, hash);
        assert_eq!(
            claims.as_ref().map(|claims| claims["sub"].as_str().unwrap()),
            expected.as_ref().map(|sub| *sub)
        );
    }
    // The whole hash is no half of it, and each half has the length of its algorithm.
    assert!(prove("RS256", &hash[..21]).is_err());
    for (algorithm, length) in [("PS384", 32), ("RS512", 43), ("EdDSA", 43)] {
        let half =
            half_hash(algorithm.parse().unwrap(), "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(half.len(), length);
        assert!(prove(algorithm, &half).is_ok());
    }
}

/// For whom a token is, and for whom it was made, where it is for several (section 3.1.3.7, rules 3 to 5).
#[test]
fn audiences_and_the_authorised_party() {
    for (audience, party, holds) in [
        (json!("us"), None, true),
        (json!(["us"]), None, true),
        (json!("us"), Some(json!("us")), true),
        (json!("us"), Some(json!("them")), false),
        (json!("us"), Some(json!(1)), false),
        (json!(["us", "them"]), None, false),
        (json!(["us", "them"]), Some(json!("us")), true),
        (json!(["us", "them"]), Some(json!("them")), false),
        (json!("them"), None, false),
        (json!(["them"]), Some(json!("us")), false),
        (json!([]), Some(json!("us")), false),
    ] {
        let mut claims = json!({
            "iss": "https://id.example.com", "sub": "ada", "aud": audience, "exp": NOW + 60, "iat": NOW, "nonce": "n",
        });
        if let Some(party) = &party {
            claims["azp"] = party.clone();
        }
        let expected = Expected {
            issuer: &TrustedIssuer::One("https://id.example.com".to_owned()),
            client_id: "us",
            nonce: Some("n"),
            access_token: "x",
            max_age: None,
            clock_skew: SKEW,
        };
        let claims = ClaimSet::unsigned(claims);
        let token = Signed { claims, algorithm: "ES256".parse().unwrap(), key_issuer: None };
        let proved = expected.prove(token, Timestamp::from_unix(NOW).unwrap()).map(drop);
        let right = if holds { Ok(()) } else { Err(VerifyError::Audience) };
        assert_eq!(proved, right, "{audience} {party:?}");
    }
}

/// A login with a nonce takes a token with that one; where none was to be repeated, none is asked for.
#[test]
fn nonces() {
    for (nonce, said, holds) in [
        (Some("n"), json!("n"), true),
        (Some("n"), json!("N"), false),
        (Some("n"), json!(null), false),
        (Some("n"), json!(["n"]), false),
        (None, json!(null), true),
        (None, json!("n"), true),
    ] {
        let claims = json!({
            "iss": "https://id.example.com", "sub": "ada", "aud": "us", "exp": NOW + 60, "iat": NOW, "nonce": said,
        });
        let expected = Expected {
            issuer: &TrustedIssuer::One("https://id.example.com".to_owned()),
            client_id: "us",
            nonce,
            access_token: "x",
            max_age: None,
            clock_skew: SKEW,
        };
        let claims = ClaimSet::unsigned(claims);
        let token = Signed { claims, algorithm: "ES256".parse().unwrap(), key_issuer: None };
        let proved = expected.prove(token, Timestamp::from_unix(NOW).unwrap()).map(drop);
        let right = if holds { Ok(()) } else { Err(VerifyError::Claim("nonce")) };
        assert_eq!(proved, right, "{nonce:?} {said}");
    }
}

/// How far a provider's clock may be off is the settings' word, for each time in its tokens.
#[test]
fn clocks() {
    for (skew, claim, time, holds) in [
        (0, "exp", NOW + 1, true),
        (0, "exp", NOW, false),
        (0, "iat", NOW, true),
        (0, "iat", NOW + 1, false),
        (300, "exp", NOW - 299, true),
        (300, "exp", NOW - 300, false),
        (300, "iat", NOW + 300, true),
        (300, "iat", NOW + 301, false),
        (300, "nbf", NOW + 300, true),
        (300, "nbf", NOW + 301, false),
        (300, "auth_time", NOW - 310, true),
        (300, "auth_time", NOW - 311, false),
        (300, "auth_time", NOW + 300, true),
        (300, "auth_time", NOW + 301, false),
    ] {
        let mut claims = json!({
            "iss": "https://id.example.com", "sub": "ada", "aud": "us", "exp": NOW + 600, "iat": NOW - 400, "nonce": "n",
            "auth_time": NOW,
        });
        claims[claim] = json!(time);
        let expected = Expected {
            issuer: &TrustedIssuer::One("https://id.example.com".to_owned()),
            client_id: "us",
            nonce: Some("n"),
            access_token: "x",
            max_age: Some(Duration::from_secs(10)),
            clock_skew: Duration::from_secs(skew),
        };
        let claims = ClaimSet::unsigned(claims);
        let token = Signed { claims, algorithm: "ES256".parse().unwrap(), key_issuer: None };
        let proved = expected.prove(token, Timestamp::from_unix(NOW).unwrap());
        assert_eq!(proved.is_ok(), holds, "{claim} at {} by {skew}", time - NOW);
    }
}

/// UserInfo that is signed may leave out whose it is, for whom and until when; what it does say of that has to be right.
#[test]
fn user_info_is_for_whom_it_says() {
    let issuer = TrustedIssuer::One("https://id.example.com".to_owned());
    for (name, value, expected) in [
        ("iss", json!(null), Ok("ada")),
        ("iss", json!("https://id.example.com"), Ok("ada")),
        ("iss", json!("https://other.example.com"), Err(VerifyError::Issuer)),
        ("iss", json!(7), Err(VerifyError::Claim("iss"))),
        ("aud", json!("us"), Ok("ada")),
        ("aud", json!(["them", "us"]), Ok("ada")),
        ("aud", json!("them"), Err(VerifyError::Audience)),
        ("exp", json!(null), Ok("ada")),
        ("exp", json!(NOW - 59), Ok("ada")),
        ("exp", json!(NOW - 60), Err(VerifyError::Expired)),
    ] {
        let mut claims = json!({ "sub": "ada" });
        claims[name] = value.clone();
        let claims = ClaimSet::unsigned(claims);
        let token = Signed { claims, algorithm: "ES256".parse().unwrap(), key_issuer: None };
        let now = Timestamp::from_unix(NOW).unwrap();
        let claims = user_info_claims(token, (&issuer, "us"), SKEW, now);
        let sub = claims.as_ref().map(|claims| claims["sub"].as_str().unwrap());
        assert_eq!(sub, expected.as_ref().map(|sub| *sub), "{name} {value}");
    }
}

//! What the hash of an access token is; the checks of claims are attacked in tests/hostile_oidc.

use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

fn prove(algorithm: &str, hash: &str) -> Result<Map<String, Value>, VerifyError> {
    let claims = json!({
        "iss": "https://id.example.com", "sub": "ada", "aud": "us", "exp": NOW + 60, "iat": NOW, "nonce": "n",
        "at_hash": hash,
    });
    let claims = ClaimSet::unsigned(claims);
    let token = Signed { claims, algorithm: algorithm.parse().unwrap() };
    let expected = Expected {
        issuer: "https://id.example.com",
        client_id: "us",
        nonce: "n",
        access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        max_age: None,
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

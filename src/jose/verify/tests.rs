//! One conformance suite over both algorithms: what is believed, and all that is not.

mod clients;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::*;
use crate::domain::auth_time::AuthTime;
use crate::domain::claim::{ClaimValue, ExtraClaims};
use crate::domain::evidence::Evidence;
use crate::domain::membership::Roster;
use crate::domain::token::{RefreshClaims, Scope, SessionId, Token};
use crate::jose::claims::Party;
use crate::jose::compact::MAX_TOKEN;
use crate::jose::key::{Algorithm, PrivateKey};
use crate::jose::kisee::KiseeVerifier;
use crate::jose::refresh::RefreshTokens;
use crate::jose::secret::Secret;
use crate::jose::sign::{ALL_BUT_GROUPS, SignError, Signer, token_id};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn party(audience: Option<&str>) -> Party {
    Party {
        issuer: "pasee.example.com".parse().unwrap(),
        audiences: audience.into_iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn verifier_of(audience: Option<&str>, key: &PrivateKey) -> Verifier {
    let audience = audience.map(|text| text.parse().unwrap());
    Verifier::new(party(None).issuer, audience, vec![key.public().clone()])
}

fn keys() -> [PrivateKey; 2] {
    [Algorithm::Es256, Algorithm::Es256k].map(|algorithm| PrivateKey::generate(algorithm).unwrap())
}

fn token() -> Token {
    Token {
        subject: "kisee-ada".parse().unwrap(),
        issued_at: now(),
        expires_at: Timestamp::from_unix(NOW + 900).unwrap(),
        authenticated_at: now(),
        auth_time: AuthTime::AtLogin,
        id: token_id([7; 16]),
        scope: Scope::Unlimited,
        revocation: None,
        session: SessionId::new([9; 16]),
        client: None,
    }
}

fn access() -> AccessClaims {
    let groups =
        vec!["staff".parse().unwrap(), "admin".parse().unwrap(), "admin.staff".parse().unwrap()];
    let claims = Map::from_iter([("email".to_owned(), json!("ada@example.com"))]);
    let extra = claims::passed(&["email".parse().unwrap()], &claims);
    AccessClaims { token: token(), groups, groups_truncated: false, extra }
}

/// A token of any header and any claims, properly signed.
fn forge(key: &PrivateKey, header: &Value, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{signature}")
}

fn header(key: &PrivateKey, kind: &str) -> Value {
    json!({ "typ": kind, "alg": key.algorithm().as_str(), "kid": key.public().id().as_str() })
}

fn payload(compact: &str) -> Value {
    let part = compact.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn round_trips() {
    for key in keys() {
        for audience in [None, Some("apps")] {
            let signer = Signer::new(key.clone(), party(audience));
            let verifier = verifier_of(audience, &key);
            for scope in ["", "groups:admin", "groups:admin groups:staff"] {
                let mut claims = access();
                claims.token.scope = scope.parse().unwrap_or_default();
                claims.groups_truncated = !scope.is_empty();
                assert_eq!(verifier.access(&signer.access(&claims).unwrap(), now()), Ok(claims));
            }
        }
        let claims = AccessClaims { groups: Vec::new(), extra: ExtraClaims::default(), ..access() };
        let signer = Signer::new(key.clone(), party(None));
        let shown = payload(&signer.access(&claims).unwrap());
        assert_eq!(shown["groups"], json!([]));
        assert_eq!((&shown["idp"], &shown["nbf"]), (&json!("kisee"), &json!(NOW)));
        assert!(
            shown.get("scope").is_none()
                && shown.get("groups_truncated").is_none()
                && shown.get("rev").is_none()
                && shown.get("refresh_token").is_none()
        );
    }
}

/// The room for groups is as much as there is, to the byte, whatever key signs; and no more when all the rest is short.
#[test]
fn groups_have_the_room_that_the_rest_leaves() {
    let rsa = PrivateKey::generate(Algorithm::Rs256).unwrap();
    for key in keys().into_iter().chain([rsa]) {
        let signer = Signer::new(key, party(Some("apps")));
        let text = |count: usize| ClaimValue::Text("x".repeat(count));
        let most = 5000;
        for length in (0..16).chain([600, 1000]) {
            let extra = ["a", "b", "c"].map(|name| (name.parse().unwrap(), text(length)));
            let bare =
                AccessClaims { groups: Vec::new(), extra: extra.into_iter().collect(), ..access() };
            let room = signer.room(&bare, most).unwrap();
            // One group fills it, but for a comma that it does not have.
            let group = |length| vec![Roster::Members("g".repeat(length).parse().unwrap())];
            let (mut groups, mut left) = (Vec::new(), room);
            while left > 150 {
                left -= 103;
                groups.extend(group(100));
            }
            groups.extend(group(left - 3));
            let full = AccessClaims { groups, groups_truncated: true, ..bare };
            let token = signer.access(&full).unwrap().len();
            assert!(token <= most, "{token} of {length}");
            if length < 600 {
                assert_eq!(room, (most - ALL_BUT_GROUPS) * 3 / 4, "{length}");
            } else {
                assert!(token + 4 > most, "{token} of {length}");
                assert!(signer.room(&full, most).unwrap() < 4, "a token that is full has none");
            }
            assert_eq!(signer.room(&full, 100).unwrap(), 0);
        }
    }
}

/// What is signed is believed, or is not signed at all.
#[test]
fn no_token_is_too_long_to_be_believed() {
    let key = &keys()[0];
    let signer = Signer::new(key.clone(), party(None));
    let verifier = verifier_of(None, key);
    let with = |number: usize, last: usize| {
        let groups = (0..number).map(|group| format!("some-group.{group:010}"));
        let last = (last > 0).then(|| "x".repeat(last));
        let groups = groups.chain(last).map(|group| group.parse().unwrap());
        AccessClaims { groups: groups.collect(), ..access() }
    };
    let fits = |number: &usize| signer.access(&with(*number, 0)).is_ok();
    let most = (480..520).rev().find(fits).unwrap();
    // Group by group, and then byte by byte.
    let all = (480..520).map(|number| with(number, 0)).chain((1..40).map(|last| with(most, last)));
    let (mut signed, mut refused, mut longest) = (0, 0, 0);
    for claims in all {
        match signer.access(&claims) {
            Ok(token) => {
                longest = longest.max(token.len());
                assert_eq!(verifier.access(&token, now()), Ok(claims));
                signed += 1;
            }
            Err(error) => {
                assert!(matches!(error, SignError::TooLong), "{error}");
                refused += 1;
            }
        }
    }
    assert!(signed > 0 && refused > 0, "{signed} signed, {refused} refused");
    assert_eq!(longest, MAX_TOKEN);
}

#[test]
fn kinds_are_not_confused() {
    for key in keys() {
        let signer = Signer::new(key.clone(), party(None));
        let verifier = verifier_of(None, &key);
        let one = signer.access(&access()).unwrap();
        let refresh_tokens = RefreshTokens::new(party(None).issuer, &Secret::of(&key), &[]);
        let (evidence, extra) = (Evidence::default(), ExtraClaims::default());
        let two = refresh_tokens.write(&RefreshClaims { token: token(), evidence, extra }).unwrap();
        assert_eq!(verifier.access(&two, now()), Err(VerifyError::Kind));
        assert_eq!(refresh_tokens.read(&one, None, now()), Err(VerifyError::Kind));
        let kisee = KiseeVerifier::new(vec![key.public().clone()], None);
        assert_eq!(kisee.verify(&one, now()).unwrap_err(), VerifyError::Kind);
        assert_eq!(kisee.verify(&two, now()).unwrap_err(), VerifyError::Kind);
        // The payload of one kind under the header of the other.
        let swapped = forge(&key, &header(&key, "at+jwt"), &payload(&two).to_string());
        assert!(verifier.access(&swapped, now()).is_err());
        let swapped = forge(&key, &header(&key, "rt+jwt"), &payload(&one).to_string());
        assert!(refresh_tokens.read(&swapped, None, now()).is_err());
        for kind in [
            json!(null),
            json!("JWT"),
            json!("jwt"),
            json!("at+jwt "),
            json!(["at+jwt"]),
            json!("id+jwt"),
        ] {
            let mut header = header(&key, "at+jwt");
            header["typ"] = kind;
            assert_eq!(
                verifier.access(&forge(&key, &header, &payload(&one).to_string()), now()),
                Err(VerifyError::Kind)
            );
        }
    }
}

/// Every claim: missing, empty, of another type, foreign.
#[test]
fn every_claim_is_checked() {
    let wrong = [
        json!(null),
        json!(""),
        json!("x"),
        json!(-1),
        json!(1.5),
        json!("1800000000"),
        json!([]),
        json!({}),
        json!(true),
        json!(1e300),
        json!(u64::MAX),
        json!(["x"]),
        json!(99_999_999_999_999_i64),
    ];
    for key in keys() {
        for audience in [None, Some("apps")] {
            let signer = Signer::new(key.clone(), party(audience));
            let verifier = verifier_of(audience, &key);
            let good = payload(&signer.access(&access()).unwrap());
            for name in good.as_object().unwrap().keys().filter(|name| *name != "email") {
                let mut claims = good.clone();
                claims.as_object_mut().unwrap().remove(name);
                let forged = forge(&key, &header(&key, "at+jwt"), &claims.to_string());
                assert!(verifier.access(&forged, now()).is_err(), "without {name}");
                for value in &wrong {
                    let harmless = (name == "groups" && [json!([]), json!(["x"])].contains(value))
                        || (["jti", "client_id"].contains(&name.as_str())
                            && [json!("x"), json!("1800000000")].contains(value));
                    claims[name] = value.clone();
                    let forged = forge(&key, &header(&key, "at+jwt"), &claims.to_string());
                    assert_eq!(
                        verifier.access(&forged, now()).is_ok(),
                        harmless,
                        "{name} = {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn times_and_parties() {
    let key = &keys()[0];
    let signer = Signer::new(key.clone(), party(Some("apps")));
    let verifier = verifier_of(Some("apps"), key);
    let good = payload(&signer.access(&access()).unwrap());
    let judge = |changes: &[(&str, Value)]| {
        let mut claims = good.clone();
        for (name, value) in changes {
            claims[name] = value.clone();
        }
        verifier.access(&forge(key, &header(key, "at+jwt"), &claims.to_string()), now()).map(|_| ())
    };
    assert_eq!(judge(&[]), Ok(()));
    assert_eq!(judge(&[("exp", json!(NOW))]), Err(VerifyError::Expired));
    assert_eq!(judge(&[("exp", json!(NOW + 1))]), Ok(()));
    assert_eq!(judge(&[("nbf", json!(NOW + 61))]), Err(VerifyError::NotYet));
    assert_eq!(judge(&[("iat", json!(NOW + 61))]), Err(VerifyError::NotYet));
    assert_eq!(
        judge(&[("auth_time", json!(NOW + 1))]),
        Err(VerifyError::Claim("auth_time, iat or exp"))
    );
    assert_eq!(judge(&[("exp", json!(NOW + 401 * 86400))]), Err(VerifyError::Claim("exp")));
    assert_eq!(judge(&[("iss", json!("pasee.example.com.evil"))]), Err(VerifyError::Issuer));
    assert_eq!(judge(&[("aud", json!("app"))]), Err(VerifyError::Audience));
    assert_eq!(judge(&[("aud", json!(["other", "apps"]))]), Ok(()));
    assert_eq!(judge(&[("aud", json!(["other"]))]), Err(VerifyError::Audience));
    assert_eq!(judge(&[("idp", json!("local"))]), Err(VerifyError::Claim("idp")));
    assert_eq!(judge(&[("groups", json!(["Staff"]))]), Err(VerifyError::Claim("groups")));
    assert!(judge(&[("refresh_token", json!(false))]).is_err());
    assert!(judge(&[("roles", json!(["x"]))]).is_err());
    assert_eq!(judge(&[("client_id", json!(null))]), Err(VerifyError::Claim("client_id")));
}

/// The HTTP API takes tokens that are for their issuer, whomever else they are for, and no others.
#[test]
fn tokens_are_for_their_issuer() {
    let key = &keys()[0];
    let signer = Signer::new(key.clone(), party(Some("apps")));
    let token = signer.access(&access()).unwrap();
    let mut claims = payload(&token);
    assert_eq!(claims["aud"], json!(["pasee.example.com", "apps"]));
    assert_eq!(claims["client_id"], "pasee-http");
    let alone = Signer::new(key.clone(), party(Some("pasee.example.com")));
    let alone = payload(&alone.access(&access()).unwrap());
    assert_eq!(alone["aud"], json!(["pasee.example.com"]), "each once");
    let own = verifier_of(None, key);
    assert!(
        own.access(&token, now()).is_ok()
            && verifier_of(Some("apps"), key).access(&token, now()).is_ok()
    );
    for aud in [json!("apps"), json!(["apps"]), json!(["pasee.example.com#refresh"]), json!([])] {
        claims["aud"] = aud.clone();
        let token = forge(key, &header(key, "at+jwt"), &claims.to_string());
        assert_eq!(own.access(&token, now()), Err(VerifyError::Audience), "{aud}");
    }
    claims["aud"] = json!("pasee.example.com");
    let token = forge(key, &header(key, "at+jwt"), &claims.to_string());
    assert!(own.access(&token, now()).is_ok(), "one audience may be a text");
}

/// Every `alg` on every key: one accepted cell per key.
#[test]
fn one_algorithm_per_key() {
    let algorithms = [
        "ES256", "ES256K", "ES384", "ES512", "HS256", "RS256", "PS256", "EdDSA", "none", "nOnE",
        "None", "", "es256",
    ];
    for key in keys() {
        let verifier = Verifier::new(
            party(None).issuer,
            None,
            keys().iter().chain([&key]).map(|key| key.public().clone()).collect(),
        );
        let claims =
            payload(&Signer::new(key.clone(), party(None)).access(&access()).unwrap()).to_string();
        for alg in algorithms {
            let mut header = header(&key, "at+jwt");
            header["alg"] = json!(alg);
            let accepted = verifier.access(&forge(&key, &header, &claims), now()).is_ok();
            assert_eq!(accepted, alg == key.algorithm().as_str(), "{alg}");
        }
        for changes in [
            json!({"crit": ["exp"]}),
            json!({"crit": []}),
            json!({"zip": "DEF"}),
            json!({"b64": false}),
        ] {
            let mut header = header(&key, "at+jwt");
            header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            assert_eq!(
                verifier.access(&forge(&key, &header, &claims), now()),
                Err(VerifyError::Header)
            );
        }
        for kid in [
            json!(null),
            json!("../../etc/passwd"),
            json!("' OR 1=1"),
            json!("x".repeat(8000)),
            json!(1),
        ] {
            let mut header = header(&key, "at+jwt");
            header["kid"] = kid;
            assert_eq!(
                verifier.access(&forge(&key, &header, &claims), now()),
                Err(VerifyError::UnknownKey)
            );
        }
        let stranger = PrivateKey::generate(key.algorithm()).unwrap();
        let mut by_stranger = header(&key, "at+jwt");
        assert_eq!(
            verifier.access(&forge(&stranger, &by_stranger, &claims), now()),
            Err(VerifyError::Signature)
        );
        by_stranger["jwk"] = json!({"kty": "EC"});
        by_stranger["jku"] = json!("http://127.0.0.1:1/");
        by_stranger["x5u"] = json!("http://127.0.0.1:1/");
        assert_eq!(
            verifier.access(&forge(&stranger, &by_stranger, &claims), now()),
            Err(VerifyError::Signature)
        );
    }
}

/// HS256 with anything public as its secret, a signature of nothing, and none at all.
#[test]
fn confused_algorithms() {
    for key in keys() {
        let verifier = verifier_of(None, &key);
        let refresh_tokens = RefreshTokens::new(party(None).issuer, &Secret::of(&key), &[]);
        let claims =
            payload(&Signer::new(key.clone(), party(None)).access(&access()).unwrap()).to_string();
        let pem = key.public().to_pem();
        let secrets = [
            pem.clone().into_bytes(),
            pem.trim().as_bytes().to_vec(),
            key.public().id().as_str().into(),
        ];
        for secret in secrets {
            for kind in ["at+jwt", "rt+jwt"] {
                let mut header = header(&key, kind);
                header["alg"] = json!("HS256");
                let signed = format!(
                    "{}.{}",
                    URL_SAFE_NO_PAD.encode(header.to_string()),
                    URL_SAFE_NO_PAD.encode(&claims)
                );
                let encoding = jsonwebtoken::EncodingKey::from_secret(&secret);
                let mac = jsonwebtoken::crypto::sign(
                    signed.as_bytes(),
                    &encoding,
                    jsonwebtoken::Algorithm::HS256,
                )
                .unwrap();
                assert!(verifier.access(&format!("{signed}.{mac}"), now()).is_err());
                assert!(refresh_tokens.read(&format!("{signed}.{mac}"), None, now()).is_err());
                assert!(verifier.access(&format!("{signed}."), now()).is_err());
            }
        }
    }
}

#[test]
fn only_the_compact_form() {
    let key = &keys()[0];
    let verifier = verifier_of(None, key);
    let good = Signer::new(key.clone(), party(None)).access(&access()).unwrap();
    assert!(verifier.access(&good, now()).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let json_form =
        json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    let header_text = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let doubled = header_text.replacen('{', "{\"typ\":\"rt+jwt\",", 1);
    let bom = format!("\u{feff}{header_text}");
    let utf16: Vec<u8> = header_text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bad = [
        String::new(),
        ".".into(),
        "..".into(),
        ".".repeat(1_000_000),
        "a".repeat(MAX_TOKEN + 1),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{}.{}", parts[0], parts[1]),
        format!("{} ", good),
        format!(" {good}"),
        good.replace('.', " ."),
        format!("{good}="),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}\n.{}", parts[0], parts[1], parts[2]),
        good.replace('-', "+").replace('_', "/") + "+/",
        json_form,
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(doubled), parts[1], parts[2]),
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(bom), parts[1], parts[2]),
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(utf16), parts[1], parts[2]),
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("[]"), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 65])),
    ];
    for text in bad {
        assert!(verifier.access(&text, now()).is_err(), "{}", &text[..text.len().min(80)]);
    }
    let duplicate = r#"{"iss":"pasee.example.com","iss":"pasee.example.com"}"#;
    assert_eq!(
        verifier.access(&forge(key, &header(key, "at+jwt"), duplicate), now()),
        Err(VerifyError::Malformed)
    );
}

#[test]
fn what_calls_itself_ours() {
    let text = |header: Value| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header.to_string()));
    for (typ, is_ours) in
        [("at+jwt", true), ("rt+jwt", true), ("JWT", false), ("AT+JWT", false), ("", false)]
    {
        assert_eq!(is_of_pasee(&text(json!({ "typ": typ }))), is_ours, "{typ}");
    }
    for other in ["", ".", "x", &text(json!({})), &text(json!({ "typ": 1 }))] {
        assert!(!is_of_pasee(other), "{other}");
    }
}

//! Refresh tokens that somebody made who has the secret, and who writes otherwise than Pasee does.

use super::*;

fn header() -> Value {
    json!({ "typ": "rt+jwt", "alg": "HS256", "kid": secret(1).id().to_string() })
}

/// What Pasee writes of a user, changed.
fn said(name: &str, value: Value) -> Value {
    let mut said = part(&tokens().write(&claims()).unwrap(), 1);
    said[name] = value;
    said
}

fn signed(header: &str, said: &str) -> String {
    let key = MacKey::new(&secret(1)).key;
    let input = [header, said].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
    format!("{input}.{mac}")
}

fn read(header: &Value, said: &Value) -> Result<RefreshClaims, VerifyError> {
    tokens().read(&signed(&header.to_string(), &said.to_string()), None, now())
}

#[test]
fn of_headers_one() {
    let sound = said("refresh_token", json!(true));
    assert_eq!(read(&header(), &sound), Ok(claims()));
    let with = |name: &str, value: &str| {
        let mut header = header();
        header[name] = json!(value);
        read(&header, &sound)
    };
    // Whoever has one of those from before is told to log in again.
    for former in ["ES256", "ES256K"] {
        assert_eq!(with("alg", former), Err(VerifyError::Outdated), "{former}");
    }
    for other in ["none", "HS384", "HS512", "RS256", "hs256", ""] {
        assert_eq!(with("alg", other), Err(VerifyError::Algorithm), "{other}");
    }
    for other in ["at+jwt", "JWT", ""] {
        assert_eq!(with("typ", other), Err(VerifyError::Kind), "{other}");
    }
    assert_eq!(with("kid", "x"), Err(VerifyError::UnknownKey));
}

#[test]
fn of_claims_ours() {
    let with = |name: &str, value: Value| read(&header(), &said(name, value));
    let wrong = VerifyError::Claim("refresh_token");
    for value in [json!(false), json!(null), json!(1), json!("true")] {
        assert_eq!(with("refresh_token", value.clone()), Err(wrong), "{value}");
    }
    for name in ["groups", "email", "Evidence", "act"] {
        assert_eq!(with(name, json!("x")), Err(wrong), "{name}");
    }
    // A client's is the client's; what only those of clients have makes none of another.
    assert_eq!(with("client_id", json!("x")), Err(VerifyError::OtherClient));
    assert_eq!(with("client_id", json!("pasee-http")), Err(VerifyError::Claim("client_id")));
    for name in ["resource", "cnf"] {
        assert!(with(name, json!("x")).is_err(), "{name}");
    }
    assert_eq!(with("aud", json!("pasee.example.com")), Err(VerifyError::Audience));
    for value in [json!({}), json!([]), json!(null), json!({ "a": {} }), json!({ "sub": "x" })] {
        assert_eq!(with("claims", value.clone()), Err(VerifyError::Claim("claims")), "{value}");
    }
}

/// Rules have one spelling: in order, each once, whole, and left out when there is none.
#[test]
fn of_rules_one_spelling() {
    let rules = |numbers: &[u64]| -> Vec<u8> {
        numbers.iter().flat_map(|rule| rule.to_be_bytes()).collect()
    };
    let with =
        |bytes: &[u8]| read(&header(), &said("evidence", json!(URL_SAFE_NO_PAD.encode(bytes))));
    for numbers in [&[1][..], &[1, 2], &[0, 1, u64::MAX]] {
        let evidence = numbers.iter().map(|rule| Fingerprint(rule.to_be_bytes())).collect();
        assert_eq!(with(&rules(numbers)), Ok(RefreshClaims { evidence, ..claims() }));
    }
    let wrong = Err(VerifyError::Claim("evidence"));
    for numbers in [&[][..], &[2, 1], &[1, 1], &[1, 3, 2]] {
        assert_eq!(with(&rules(numbers)), wrong, "{numbers:?}");
    }
    assert_eq!(with(&rules(&[1, 2])[..15]), wrong, "half a rule");
    for value in [json!(null), json!(1), json!(["AAAAAAAAAAE"]), json!("AAAAAAAAAAE="), json!("!")]
    {
        assert_eq!(read(&header(), &said("evidence", value.clone())), wrong, "{value}");
    }
}

/// To the byte: a space in the header is one that nobody looks at.
#[test]
fn the_longest_that_is_read() {
    let sound = said("refresh_token", json!(true)).to_string();
    // What base64 has no length for in one part it has in the other.
    let of = |length: usize| {
        let mut pads = (0..1800).flat_map(|spaces| (0..3).map(move |more| (spaces, more)));
        let length_of = |bytes: usize| (bytes * 4).div_ceil(3);
        let header = header().to_string();
        let fits = |(spaces, more): &(usize, usize)| {
            length_of(header.len() + spaces) + length_of(sound.len() + more) + MAC + 2 == length
        };
        let (spaces, more) = pads.find(fits).unwrap();
        let token = signed(
            &format!("{}{header}", " ".repeat(spaces)),
            &format!("{}{sound}", " ".repeat(more)),
        );
        assert_eq!(token.len(), length);
        tokens().read(&token, None, now())
    };
    for length in 2040..=2048 {
        assert_eq!(of(length), Ok(claims()), "{length}");
    }
    for length in 2049..=2056 {
        assert_eq!(of(length), Err(VerifyError::TooLong), "{length}");
    }
}

#[test]
fn what_is_shown_is_no_secret() {
    let shown = format!("{:?}", tokens());
    assert_eq!(shown, format!("RefreshTokens {{ current: {:?}, .. }}", secret(1).id().to_string()));
}

/// The longest that is written fills what there is, but for what base64 cannot.
#[test]
fn the_longest_that_is_written() {
    let user = claims().token.subject;
    let room = tokens().room(&user, &Scope::Unlimited, None).unwrap();
    let rules = (0..).find(|rules| room.claims_beside(*rules) < claim::MAX_TOTAL).unwrap();
    let most = room.claims_beside(rules);
    let written = |length: usize| {
        let latest = Timestamp::MAX;
        let mut claims = claims();
        (claims.evidence, claims.extra) = (evidence_of(rules), extra_of(length));
        claims.token = Token {
            issued_at: latest,
            expires_at: latest,
            authenticated_at: latest,
            auth_time: AuthTime::Before(Timestamp::from_unix(latest.as_unix() - 1).unwrap()),
            revocation: Some(latest),
            ..claims.token
        };
        tokens().write(&claims).map(|token| token.len()).ok()
    };
    assert!(
        written(most).is_some_and(|length| (2045..=2048).contains(&length)),
        "{:?}",
        written(most)
    );
    assert_eq!(written(most + 1), None);
}

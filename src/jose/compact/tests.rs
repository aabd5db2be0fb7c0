//! What a token looks like, by hand.

use serde_json::json;

use super::*;

fn compact(header: &str, payload: &str) -> String {
    [header, payload, "signature"].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn error(text: &str) -> Option<VerifyError> {
    Unverified::parse(text).err()
}

#[test]
fn the_claims_come_with_the_signature() {
    let text = compact(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, r#"{"sub":"ada"}"#);
    let token = Unverified::parse(&text).unwrap();
    assert_eq!((token.header().algorithm(), token.header().key_id()), (Some("ES256"), Some("k")));
    let signing_input = text.rsplit_once('.').unwrap().0;
    let holds = |message: &[u8], signature: &[u8]| {
        message == signing_input.as_bytes() && signature == b"signature"
    };
    assert_eq!(token.verified(holds).unwrap().text("sub"), Ok("ada"));
    assert_eq!(token.verified(|_, _| false).unwrap_err(), VerifyError::Signature);
    // What is not signed is not looked at: what is signed may still be no claims.
    let text = compact("{}", "[]");
    let token = Unverified::parse(&text).unwrap();
    assert_eq!(token.verified(|_, _| false).unwrap_err(), VerifyError::Signature);
    assert_eq!(token.verified(|_, _| true).unwrap_err(), VerifyError::Malformed);
}

#[test]
fn the_bound_is_on_all_of_it() {
    let text = compact("{}", "{}");
    assert!(Unverified::parse_within(&text, text.len()).is_ok());
    let longer = Unverified::parse_within(&text, text.len() - 1);
    assert_eq!(longer.err(), Some(VerifyError::TooLong));
    assert_eq!(error(&".".repeat(MAX_TOKEN + 1)), Some(VerifyError::TooLong));
    assert_eq!(error(&".".repeat(MAX_TOKEN)), Some(VerifyError::Malformed));
}

/// Three parts, each in its one spelling.
#[test]
fn three_parts() {
    assert_eq!(error("e30.e30.AA"), None);
    for text in [
        "",
        ".",
        "..",
        "e30",
        "e30.e30",
        "e30.e30.AA.",
        ".e30.e30.AA",
        "e30.e30.AA.AA.AA",
        "e30=.e30.AA",
        "e30.e30.AA==",
        "e30.e30.AB",
        "e31.e30.AA",
        "e30.e30.A",
        "e30.e30.-/",
        " e30.e30.AA",
        "e30.e30.AA\n",
        "bnVsbA.e30.AA",
        "W10.e30.AA",
        "\"e30.e30.AA\"",
    ] {
        let judged =
            Unverified::parse(text).and_then(|token| token.verified(|_, _| true).map(drop));
        assert_eq!(judged, Err(VerifyError::Malformed), "{text:?}");
    }
}

#[test]
fn headers() {
    for name in REFUSED {
        for value in [json!(null), json!(false), json!([]), json!("x")] {
            let header = json!({ "alg": "ES256", name: value }).to_string();
            assert_eq!(error(&compact(&header, "{}")), Some(VerifyError::Header), "{header}");
        }
    }
    for (name, refused) in [
        ("typ", VerifyError::Kind),
        ("kid", VerifyError::UnknownKey),
        ("alg", VerifyError::Algorithm),
    ] {
        for value in [json!(null), json!(1), json!(true), json!(["x"]), json!({})] {
            let header = json!({ name: value }).to_string();
            assert_eq!(error(&compact(&header, "{}")), Some(refused), "{header}");
        }
        let twice = format!(r#"{{"{name}":"x","{name}":"x"}}"#);
        assert_eq!(error(&compact(&twice, "{}")), Some(VerifyError::Malformed), "{twice}");
    }
    for name in ["jku", "x5u", "jwk", "x5c", "x5t", "x5t#S256", "Crit", "nonce"] {
        let header = json!({ name: "x" }).to_string();
        assert_eq!(error(&compact(&header, "{}")), None, "{name} is only a word");
    }
}

#[test]
fn types() {
    let judge = |header: &str| {
        let text = compact(header, "{}");
        let token = Unverified::parse(&text).unwrap();
        let header = token.header();
        (header.demand_plain_jwt().is_ok(), header.demand_type("at+jwt").is_ok())
    };
    for (header, expected) in [
        ("{}", (true, false)),
        (r#"{"typ":"JWT"}"#, (true, false)),
        (r#"{"typ":"jwt"}"#, (true, false)),
        (r#"{"typ":"application/jwt"}"#, (false, false)),
        (r#"{"typ":"application/rt+jwt"}"#, (false, false)),
        (r#"{"typ":"logout+jwt"}"#, (false, false)),
        (r#"{"typ":"application/application/jwt"}"#, (false, false)),
        (r#"{"typ":"at+jwt"}"#, (false, true)),
        (r#"{"typ":"AT+JWT"}"#, (false, false)),
        (r#"{"typ":"application/at+jwt"}"#, (false, false)),
        (r#"{"typ":""}"#, (false, false)),
    ] {
        assert_eq!(judge(header), expected, "{header}");
    }
    let of = |header: &str| claimed_type(&compact(header, "no claims"));
    assert_eq!(of(r#"{"typ":"at+jwt","crit":[]}"#).as_deref(), Some("at+jwt"));
    assert_eq!((of("{}"), of(r#"{"typ":1}"#), of("x")), (None, None, None));
}

#[test]
fn audiences() {
    for (audience, expected) in [
        (json!("us"), Some(vec!["us"])),
        (json!(["us", "them"]), Some(vec!["us", "them"])),
        (json!([]), Some(vec![])),
        (json!(["us", 1]), None),
        (json!([["us"]]), None),
        (json!({ "us": true }), None),
        (json!(null), None),
    ] {
        let claims = ClaimSet::unsigned(json!({ "aud": audience }));
        assert_eq!(claims.audiences().ok(), expected, "{audience}");
    }
    assert_eq!(ClaimSet::unsigned(json!({})).audiences(), Err(VerifyError::Audience));
}

#[test]
fn claims_by_name() {
    let claims = ClaimSet::unsigned(json!({ "sub": "ada", "exp": 1 }));
    let mut names: Vec<&str> = claims.names().collect();
    names.sort_unstable();
    assert_eq!(names, ["exp", "sub"]);
    assert_eq!((claims.get("exp"), claims.get("nbf")), (Some(&json!(1)), None));
    assert_eq!(claims.text("sub"), Ok("ada"));
    assert_eq!(claims.text("exp"), Err(VerifyError::Claim("exp")));
    assert_eq!(claims.into_map().len(), 2);
}

/// The bound is a number that others count on: 16 KiB.
#[test]
fn the_bound_is_what_it_says() {
    assert_eq!(MAX_TOKEN, 16_384);
}

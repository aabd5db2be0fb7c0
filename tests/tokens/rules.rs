//! RFC 8725 row by row, and every way of spelling a claim wrong: each row the one error it deserves.

use pasee::domain::user::UserIdError;
use pasee::jose::error::VerifyError;
use serde_json::{Value, json};

use super::support::forge::part;
use super::{House, NOW};

/// A header or claims changed, everything signed again by the right key: what is refused is the change itself.
type Change = fn(&mut Value);

const HEADERS: [(&str, Change, VerifyError); 21] = [
    ("3.1 alg of another curve", |h| h["alg"] = other_alg(h), VerifyError::Algorithm),
    ("3.1 alg missing", |h| drop(h.as_object_mut().unwrap().remove("alg")), VerifyError::Algorithm),
    ("3.1 alg a list", |h| h["alg"] = json!([h["alg"]]), VerifyError::Algorithm),
    ("3.1 alg in small letters", |h| h["alg"] = json!("es256"), VerifyError::Algorithm),
    ("3.2 alg none", |h| h["alg"] = json!("none"), VerifyError::Algorithm),
    ("3.3 a JWE's enc", |h| h["enc"] = json!("A128GCM"), VerifyError::Header),
    ("3.6 zip", |h| h["zip"] = json!("DEF"), VerifyError::Header),
    ("7515 crit with what we know", |h| h["crit"] = json!(["exp"]), VerifyError::Header),
    ("7515 crit null", |h| h["crit"] = json!(null), VerifyError::Header),
    ("7797 b64", |h| h["b64"] = json!(true), VerifyError::Header),
    ("3.10 kid a path", |h| h["kid"] = json!("../../../dev/null"), VerifyError::UnknownKey),
    ("3.10 kid SQL", |h| h["kid"] = json!("x' UNION SELECT 'key"), VerifyError::UnknownKey),
    ("3.10 kid of 64 KB", |h| h["kid"] = json!("k".repeat(65536)), VerifyError::TooLong),
    ("3.10 kid of 8 KB", |h| h["kid"] = json!("k".repeat(8192)), VerifyError::UnknownKey),
    (
        "3.10 kid with a NUL",
        |h| h["kid"] = json!(format!("{}\0", text(h, "kid"))),
        VerifyError::UnknownKey,
    ),
    ("3.10 kid a list", |h| h["kid"] = json!([h["kid"]]), VerifyError::UnknownKey),
    ("3.11 typ of a refresh token", |h| h["typ"] = json!("rt+jwt"), VerifyError::Kind),
    ("3.11 typ of an ID token", |h| h["typ"] = json!("JWT"), VerifyError::Kind),
    ("3.11 typ of a logout token", |h| h["typ"] = json!("logout+jwt"), VerifyError::Kind),
    ("3.11 typ with its media type", |h| h["typ"] = json!("application/at+jwt"), VerifyError::Kind),
    ("3.11 typ missing", |h| drop(h.as_object_mut().unwrap().remove("typ")), VerifyError::Kind),
];

const TIMES: VerifyError = VerifyError::Claim("auth_time, iat or exp");
/// 400 days before the second these tests happen in.
const AGO: i64 = NOW - 400 * 86_400;
const CLAIMS: [(&str, Change, VerifyError); 55] = [
    ("exp text", |c| c["exp"] = json!("1800000900"), VerifyError::Claim("exp")),
    ("exp float", |c| c["exp"] = json!(1_800_000_900.0), VerifyError::Claim("exp")),
    ("exp huge float", |c| c["exp"] = json!(1e300), VerifyError::Claim("exp")),
    ("exp negative", |c| c["exp"] = json!(-1), VerifyError::Claim("exp")),
    ("exp least", |c| c["exp"] = json!(i64::MIN), VerifyError::Claim("exp")),
    ("exp greatest", |c| c["exp"] = json!(i64::MAX), VerifyError::Claim("exp")),
    ("exp beyond 63 bits", |c| c["exp"] = json!(u64::MAX), VerifyError::Claim("exp")),
    (
        "exp last second there is",
        |c| c["exp"] = json!(253_402_300_799_i64),
        VerifyError::Claim("exp"),
    ),
    ("exp null", |c| c["exp"] = json!(null), VerifyError::Claim("exp")),
    ("exp list", |c| c["exp"] = json!([1_800_000_900]), VerifyError::Claim("exp")),
    ("exp missing", |c| remove(c, "exp"), VerifyError::Claim("exp")),
    ("exp zero", |c| c["exp"] = json!(0), VerifyError::Expired),
    ("exp now", |c| c["exp"] = json!(NOW), VerifyError::Expired),
    ("nbf text", |c| c["nbf"] = json!("0"), VerifyError::Claim("nbf")),
    ("nbf negative", |c| c["nbf"] = json!(-1), VerifyError::Claim("nbf")),
    ("nbf missing", |c| remove(c, "nbf"), VerifyError::Claim("nbf")),
    ("nbf to come", |c| c["nbf"] = json!(NOW + 61), VerifyError::NotYet),
    ("iat float", |c| c["iat"] = json!(1.8e9), VerifyError::Claim("iat")),
    ("iat to come", |c| c["iat"] = json!(NOW + 61), VerifyError::NotYet),
    ("exp before iat", |c| (c["exp"], c["iat"]) = (json!(NOW + 30), json!(NOW + 60)), TIMES),
    (
        "400 days",
        |c| (c["iat"], c["auth_time"]) = (json!(AGO), json!(AGO)),
        VerifyError::Claim("exp"),
    ),
    ("auth_time after iat", |c| c["auth_time"] = json!(NOW + 1), TIMES),
    ("3.8 iss of another", |c| c["iss"] = json!("pasee.example.org"), VerifyError::Issuer),
    ("3.8 iss in capitals", |c| c["iss"] = json!("PASEE.example.com"), VerifyError::Issuer),
    ("3.8 iss a list", |c| c["iss"] = json!(["pasee.example.com"]), VerifyError::Claim("iss")),
    ("3.8 sub empty", |c| c["sub"] = json!(""), VerifyError::Subject(UserIdError::Shape)),
    (
        "3.8 sub without provider",
        |c| c["sub"] = json!("ada"),
        VerifyError::Subject(UserIdError::Shape),
    ),
    ("3.8 sub missing", |c| remove(c, "sub"), VerifyError::Claim("sub")),
    ("3.8 sub of another provider", |c| c["sub"] = json!("local-ada"), VerifyError::Claim("idp")),
    (
        "3.8 sub decomposed",
        |c| c["sub"] = json!("kisee-e\u{301}"),
        VerifyError::Subject(UserIdError::SubjectForm),
    ),
    ("3.9 aud missing", |c| remove(c, "aud"), VerifyError::Audience),
    ("3.9 aud of another", |c| c["aud"] = json!("others"), VerifyError::Audience),
    ("3.9 aud a prefix", |c| c["aud"] = json!("app"), VerifyError::Audience),
    ("3.9 aud with more", |c| c["aud"] = json!("apps.evil"), VerifyError::Audience),
    ("3.9 aud a list of others", |c| c["aud"] = json!(["app", "apps "]), VerifyError::Audience),
    ("3.9 aud a mixed list", |c| c["aud"] = json!(["apps", 1]), VerifyError::Audience),
    ("3.9 aud a nested list", |c| c["aud"] = json!([["apps"]]), VerifyError::Audience),
    ("3.9 aud empty list", |c| c["aud"] = json!([]), VerifyError::Audience),
    ("3.9 aud an object", |c| c["aud"] = json!({"apps": true}), VerifyError::Audience),
    ("jti of 256 bytes", |c| c["jti"] = json!("j".repeat(256)), VerifyError::Claim("jti")),
    ("jti with a line break", |c| c["jti"] = json!("j\n"), VerifyError::Claim("jti")),
    ("scope empty", |c| c["scope"] = json!(""), VerifyError::Claim("scope")),
    ("scope null", |c| c["scope"] = json!(null), VerifyError::Claim("scope")),
    ("scope of a bare group", |c| c["scope"] = json!("admin"), VerifyError::Claim("scope")),
    ("sid missing", |c| remove(c, "sid"), VerifyError::Claim("sid")),
    ("sid null", |c| c["sid"] = json!(null), VerifyError::Claim("sid")),
    ("sid a number", |c| c["sid"] = json!(7), VerifyError::Claim("sid")),
    ("sid of 31 digits", |c| c["sid"] = json!("0".repeat(31)), VerifyError::Claim("sid")),
    ("sid in capitals", |c| c["sid"] = json!("A".repeat(32)), VerifyError::Claim("sid")),
    ("rev null", |c| c["rev"] = json!(null), VerifyError::Claim("rev")),
    ("rev a text", |c| c["rev"] = json!("0"), VerifyError::Claim("rev")),
    ("rev negative", |c| c["rev"] = json!(-1), VerifyError::Claim("rev")),
    ("rev float", |c| c["rev"] = json!(1.0), VerifyError::Claim("rev")),
    ("rev beyond the last second", |c| c["rev"] = json!(i64::MAX), VerifyError::Claim("rev")),
    ("groups a text", |c| c["groups"] = json!("staff"), VerifyError::Claim("groups")),
];

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap().to_owned()
}

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name).unwrap();
}

fn other_alg(header: &Value) -> Value {
    if header["alg"] == "ES256" { json!("ES256K") } else { json!("ES256") }
}

#[test]
fn rfc_8725_row_by_row() {
    for house in House::both() {
        let (header, claims) = (part(&house.access, 0), part(&house.access, 1));
        assert_eq!(house.access(&house.forger.token(&header, &claims)), Ok(()));
        for (name, change, expected) in HEADERS {
            let mut header = header.clone();
            change(&mut header);
            assert_eq!(
                house.access(&house.forger.token(&header, &claims)),
                Err(expected),
                "{name}"
            );
        }
        let refresh = part(&house.refresh, 1);
        for (name, change, expected) in CLAIMS {
            let mut changed = claims.clone();
            change(&mut changed);
            assert_eq!(
                house.access(&house.forger.token(&header, &changed)),
                Err(expected),
                "{name}"
            );
            let mut changed = refresh.clone();
            change(&mut changed);
            if !name.starts_with("groups") {
                let token = house.forger.issue("rt+jwt", &changed);
                assert_eq!(house.refresh(&token), Err(expected), "{name} of a refresh token");
            }
        }
    }
}

/// A refresh token says that it is one, and nothing that opens anything.
#[test]
fn refresh_tokens_refresh_and_no_more() {
    let changes: [(&str, Change); 8] = [
        ("refresh_token missing", |c| remove(c, "refresh_token")),
        ("refresh_token false", |c| c["refresh_token"] = json!(false)),
        ("refresh_token a text", |c| c["refresh_token"] = json!("true")),
        ("refresh_token 1", |c| c["refresh_token"] = json!(1)),
        ("groups", |c| c["groups"] = json!(["staff"])),
        ("no groups", |c| c["groups"] = json!([])),
        ("a claim of a provider", |c| c["email"] = json!("ada@example.com")),
        ("an empty name", |c| c[""] = json!(true)),
    ];
    for house in House::both() {
        let claims = part(&house.refresh, 1);
        assert_eq!(house.refresh(&house.forger.issue("rt+jwt", &claims)), Ok(()));
        for (name, change) in changes {
            let mut claims = claims.clone();
            change(&mut claims);
            let token = house.forger.issue("rt+jwt", &claims);
            let expected = Err(VerifyError::Claim("refresh_token"));
            assert_eq!(house.refresh(&token), expected, "{name}");
        }
    }
}

/// Numbers and strings that JSON can spell and `serde_json::Value` would not show.
#[test]
fn odd_spellings() {
    for house in House::both() {
        let claims = part(&house.access, 1).to_string();
        let exp = format!("\"exp\":{}", NOW + 900);
        let judge = |from: &str, to: &str| {
            assert!(claims.contains(from), "{from}");
            house.access(
                &house
                    .forger
                    .sign(house.forger.header("at+jwt").to_string(), claims.replace(from, to)),
            )
        };
        for (number, expected) in [
            ("1.8e9", VerifyError::Claim("exp")),
            ("18000009e2", VerifyError::Claim("exp")),
            ("1800000900.0", VerifyError::Claim("exp")),
            ("-0", VerifyError::Claim("exp")),
            ("-0.0", VerifyError::Claim("exp")),
            ("18446744073709551616", VerifyError::Claim("exp")),
            ("9223372036854775808", VerifyError::Claim("exp")),
            ("1e999", VerifyError::Malformed),
            ("01800000900", VerifyError::Malformed),
            ("+1800000900", VerifyError::Malformed),
            ("0x6b49d200", VerifyError::Malformed),
            ("1_800_000_900", VerifyError::Malformed),
            ("NaN", VerifyError::Malformed),
            ("Infinity", VerifyError::Malformed),
            (&"9".repeat(400), VerifyError::Malformed),
        ] {
            assert_eq!(judge(&exp, &format!("\"exp\":{number}")), Err(expected), "exp {number}");
        }
        // An escaped name is the name; twice is twice, however it is spelled.
        assert_eq!(judge("\"exp\":", "\"\\u0065xp\":"), Ok(()));
        let twice = format!("{exp},\"\\u0065xp\":{}", NOW + 90_000);
        assert_eq!(judge(&exp, &twice), Err(VerifyError::Malformed));
        assert_eq!(judge("ada@", "\\ud800@"), Err(VerifyError::Malformed));
        assert_eq!(judge("ada@", "ada\n@"), Err(VerifyError::Malformed));
        let control = VerifyError::Subject(UserIdError::SubjectControl);
        assert_eq!(judge("kisee-ada", "kisee-a\\u0000da"), Err(control));
        let deep = format!("\"x\":{}{},{exp}", "[".repeat(4000), "]".repeat(4000));
        assert_eq!(judge(&exp, &deep), Err(VerifyError::Malformed));
        let structured = format!("\"cnf\":{{\"jwk\":{{}}}},{exp}");
        assert!(judge(&exp, &structured).is_err());
    }
}

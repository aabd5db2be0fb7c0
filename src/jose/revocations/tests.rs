//! What a list names and refuses, and who is believed to have written it.

use super::*;
use crate::jose::claims::Party;
use crate::jose::key::{Algorithm, PrivateKey};
use crate::jose::sign::Signer;
use crate::jose::verify::Verifier;

const ISSUER: &str = "https://pasee.example.com";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn list() -> RevocationList {
    let user = |name: &str| UserDigest::of(ISSUER, name);
    let ended = Ended {
        users: [
            (user("kisee-ada"), Good::Nothing),
            (user("kisee-alan"), Good::Since(Some(at(900)))),
            (user("kisee-grace"), Good::Since(None)),
        ]
        .into(),
        sessions: [SessionId::new([7; 16])].into(),
        issued_until: Some(at(500)),
    };
    let list = RevocationList::new(&ISSUER.parse().unwrap(), Duration::from_secs(900), ended);
    RevocationList { issued_at: at(1000), seq: 1_000_001, ..list }
}

#[test]
fn what_has_ended() {
    let RevocationList { ended, .. } = list();
    let (one, other) = (SessionId::new([7; 16]), SessionId::new([8; 16]));
    for (name, revocation, session, issued_at, has_ended) in [
        ("kisee-ada", None, other, 900, true),
        ("kisee-ada", Some(900), other, 900, true),
        ("kisee-alan", Some(900), other, 900, false),
        ("kisee-alan", Some(899), other, 900, true),
        ("kisee-alan", Some(901), other, 900, true),
        ("kisee-alan", None, other, 900, true),
        ("kisee-grace", None, other, 900, false),
        ("kisee-grace", Some(1), other, 900, true),
        ("kisee-linus", Some(1), other, 900, false),
        ("kisee-linus", None, one, 900, true),
        ("kisee-linus", None, other, 501, false),
        ("kisee-linus", None, other, 500, true),
    ] {
        let user = UserDigest::of(ISSUER, name);
        let said = ended.has(&user, revocation.map(at), Some(session), at(issued_at));
        assert_eq!(said, has_ended, "{name} {revocation:?} {session} {issued_at}");
    }
    assert_ne!(UserDigest::of("ab", "c"), UserDigest::of("a", "bc"));
}

#[test]
fn who_is_named_is_not_told() {
    let text = String::from_utf8(list().content()).unwrap();
    assert!(!text.contains("kisee") && text.contains(&"07".repeat(16)), "{text}");
}

#[test]
fn only_what_the_issuer_signed_just_now() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let other = PrivateKey::generate(Algorithm::Es256).unwrap();
    let party = Party { issuer: ISSUER.parse().unwrap(), audiences: Vec::new() };
    let token = Signer::new(key.clone(), party).revocations(&list()).unwrap();
    let read = |token: &str, key: &PrivateKey, issuer: &str, now| {
        let keys = vec![key.public().clone()];
        Verifier::new(issuer.parse().unwrap(), None, keys).revocations(token, at(now))
    };
    for now in [940, 1000, 1300] {
        assert_eq!(read(&token, &key, ISSUER, now), Ok(list()), "{now}");
    }
    assert_eq!(read(&token, &key, ISSUER, 1301), Err(VerifyError::Expired));
    assert_eq!(read(&token, &key, ISSUER, 939), Err(VerifyError::NotYet));
    assert_eq!(read(&token, &key, "https://other", 1000), Err(VerifyError::Issuer));
    assert_eq!(read(&token, &other, ISSUER, 1000), Err(VerifyError::UnknownKey));
    let (front, signature) = token.rsplit_once('.').unwrap();
    let signature: String = signature.chars().rev().collect();
    assert!(read(&format!("{front}.{signature}"), &key, ISSUER, 1000).is_err());
    // Neither is the other.
    let verifier = Verifier::new(ISSUER.parse().unwrap(), None, vec![key.public().clone()]);
    assert_eq!(verifier.access(&token, at(1000)), Err(VerifyError::Kind));
    assert_eq!(verifier.issued(&token, at(1000)), Err(VerifyError::Kind));
}

//! What a ring publishes and believes, and that it is replaced whole.

use serde_json::Value;

use super::*;

fn party() -> Party {
    Party { issuer: "pasee.example.com".parse().unwrap(), audiences: Vec::new() }
}

fn key(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::generate(algorithm).unwrap()
}

/// The key ids of a set.
fn kids(set: &Bytes) -> Vec<String> {
    let set: Value = serde_json::from_slice(set).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn id(key: &PrivateKey) -> String {
    key.public().id().to_string()
}

#[test]
fn every_key_is_published_once_and_secp256k1_apart() {
    let rsa = key(Algorithm::Rs256);
    let [first, second] = [(); 2].map(|()| key(Algorithm::Es256));
    let koblitz = key(Algorithm::Es256k);
    let retired = vec![first.public().clone(), second.public().clone(), koblitz.public().clone()];
    let others = vec![rsa.clone(), koblitz.clone(), first.clone()];
    let keys = Keys::new(&party(), KeyParts { retired, others, ..KeyParts::of(first.clone()) });
    assert_eq!(kids(keys.jwks()), [id(&first), id(&rsa), id(&second)]);
    assert_eq!(keys.signer_of(Algorithm::Rs256).unwrap().public(), rsa.public());
    assert_eq!(kids(keys.jwks_es256k()), [id(&koblitz)]);
    assert_eq!(keys.signer().public(), first.public());
    assert_eq!(keys.signer_of(Algorithm::Es256).unwrap().public(), first.public());
    assert_eq!(keys.signer_of(Algorithm::Es256k).unwrap().public(), koblitz.public());
}

#[test]
fn one_key_alone_is_a_ring_that_all_its_holders_share() {
    let pem = key(Algorithm::Es256k).to_pem();
    let replica = || Keys::new(&party(), KeyParts::of(PrivateKey::from_pem(&pem).unwrap()));
    let sealed = replica().login_cookies().seal("twitter", b"value").unwrap();
    assert_eq!(replica().login_cookies().open("twitter", &sealed).unwrap(), b"value");
    assert_eq!(kids(replica().jwks()), [""; 0]);
}

/// Whoever holds keys goes on with them; whoever asks after the swap gets the others, all of them.
#[test]
fn a_ring_is_replaced_whole() {
    let [old, new] = [(); 2].map(|()| key(Algorithm::Es256));
    let ring = KeyRing::new(Keys::new(&party(), KeyParts::of(old.clone())));
    let held = ring.current();
    let sealed = held.login_cookies().seal("twitter", b"value").unwrap();
    let parts = KeyParts {
        retired: vec![old.public().clone()],
        former_secrets: vec![Secret::of(&old)],
        ..KeyParts::of(new.clone())
    };
    ring.replace(Keys::new(&party(), parts));
    assert_eq!(held.signer().public(), old.public());
    assert_eq!(kids(held.jwks()), [id(&old)]);
    let now = ring.current();
    assert_eq!(now.signer().public(), new.public());
    assert_eq!(kids(now.jwks()), [id(&new), id(&old)]);
    assert_eq!(now.login_cookies().open("twitter", &sealed).unwrap(), b"value");
    let sealed = now.login_cookies().seal("twitter", b"value").unwrap();
    assert_eq!(
        held.login_cookies().open("twitter", &sealed),
        None,
        "the old ring knows no new key"
    );
}

/// Readers beside a swap see one ring or the other, never parts of both.
#[test]
fn readers_see_one_ring_or_the_other() {
    let parts = [(); 2].map(|()| KeyParts::of(key(Algorithm::Es256)));
    let ring = KeyRing::new(Keys::new(&party(), parts[0].clone()));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let keys = ring.current();
                        assert_eq!(kids(keys.jwks()), [keys.signer().public().id().as_str()]);
                    }
                })
            })
            .collect();
        while !readers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            for parts in &parts {
                ring.replace(Keys::new(&party(), parts.clone()));
            }
        }
    });
}

//! One accepted cell for each key, whatever the token says; and what is no key, whoever publishes it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::jose::algorithm::NAMES;
use crate::jose::jwk::MAX_KEY_ID;
use crate::jose::jwks;
use crate::jose::key::PrivateKey;

const RSA: [(&str, &dyn RsaEncoding); 6] = [
    ("RS256", &RSA_PKCS1_SHA256),
    ("RS384", &RSA_PKCS1_SHA384),
    ("RS512", &RSA_PKCS1_SHA512),
    ("PS256", &RSA_PSS_SHA256),
    ("PS384", &RSA_PSS_SHA384),
    ("PS512", &RSA_PSS_SHA512),
];

enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn all() -> Vec<Self> {
        let random = SystemRandom::new();
        let p256 = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p384 = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let p521 = &ECDSA_P521_SHA512_FIXED_SIGNING;
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        vec![
            Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            Self::Ec(EcdsaKeyPair::generate(p256).unwrap(), "P-256"),
            Self::Ec(EcdsaKeyPair::generate(p384).unwrap(), "P-384"),
            Self::Ec(EcdsaKeyPair::generate(p521).unwrap(), "P-521"),
            Self::Ed(Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap()),
        ]
    }

    /// The names of the algorithms that it can sign with.
    fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Rsa(_) => RSA.map(|(name, _)| name).to_vec(),
            Self::Ec(_, "P-256") => vec!["ES256"],
            Self::Ec(_, "P-384") => vec!["ES384"],
            Self::Ec(..) => vec!["ES512"],
            Self::Ed(_) => vec!["EdDSA", "Ed25519"],
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                // With the leading zero that some write.
                let n = [&[0], n.big_endian_without_leading_zero()].concat();
                json!({"kty": "RSA", "kid": kid, "n": encoded(&n), "e": encoded(e.big_endian_without_leading_zero())})
            }
            Self::Ec(key, curve) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "kid": kid, "x": encoded(x), "y": encoded(y), "use": "sig"})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encoded(key.public_key().as_ref()), "key_ops": ["verify"]})
            }
        }
    }

    /// A token signed by one algorithm that claims another.
    fn token(&self, by: &str, says: &str, kid: &str) -> String {
        self.signed(by, &json!({"alg": says, "kid": kid}))
    }

    /// A token that names no key.
    fn nameless(&self, by: &str) -> String {
        self.signed(by, &json!({"alg": by}))
    }

    fn signed(&self, by: &str, header: &Value) -> String {
        let header = header.to_string();
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(b"{\"sub\":\"ada\"}"));
        let random = SystemRandom::new();
        let message = signed.as_bytes();
        let signature = match self {
            Self::Rsa(key) => {
                let (_, encoding) = RSA.iter().find(|(name, _)| *name == by).unwrap();
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key, _) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        };
        format!("{signed}.{}", encoded(&signature))
    }
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).as_object().unwrap()).unwrap()
}

fn every() -> Vec<JwsAlgorithm> {
    NAMES.iter().map(|(name, _)| name.parse().unwrap()).collect()
}

#[test]
fn each_algorithm_with_each_key() {
    let signers = Signer::all();
    let keys: Vec<Value> =
        signers.iter().enumerate().map(|(place, signer)| signer.jwk(&place.to_string())).collect();
    let set = set(&keys);
    assert_eq!((set.len(), set.is_empty()), (5, false));
    let (mut believed, mut refused) = (0, 0);
    for (place, signer) in signers.iter().enumerate() {
        for by in signer.names() {
            for (says, algorithm) in NAMES {
                for kid in 0..keys.len() {
                    let token = signer.token(by, says, &kid.to_string());
                    let fits =
                        kid == place && by.parse::<JwsAlgorithm>() == Ok(JwsAlgorithm(algorithm));
                    let judged = set.verify(&token, &every());
                    assert_eq!(judged.is_ok(), fits, "{by} as {says} by key {kid}");
                    if let Ok(signed) = judged {
                        assert_eq!(signed.claims.text("sub"), Ok("ada"));
                        let allowed: Vec<_> =
                            every().into_iter().filter(|one| *one != signed.algorithm).collect();
                        let judged = set.verify(&token, &allowed);
                        assert_eq!(judged.unwrap_err(), VerifyError::Algorithm);
                        believed += 1;
                    } else {
                        refused += 1;
                    }
                }
            }
        }
    }
    // EdDSA has two names, of which each may say the other.
    assert_eq!((believed, refused), (6 + 1 + 1 + 1 + 4, 11 * 11 * 5 - 13));
}

/// A key that says what it is for is for nothing else, though it could be.
#[test]
fn keys_with_an_algorithm() {
    let signers = Signer::all();
    let mut jwk = signers[0].jwk("0");
    for (own, _) in RSA {
        jwk["alg"] = json!(own);
        let set = set(std::slice::from_ref(&jwk));
        for (by, _) in RSA {
            let judged = set.verify(&signers[0].token(by, by, "0"), &every());
            assert_eq!(judged.is_ok(), by == own, "{by} with a key for {own}");
        }
    }
    for other in ["ES256", "HS256", "none", "RSA-OAEP", ""] {
        jwk["alg"] = json!(other);
        assert!(set(std::slice::from_ref(&jwk)).is_empty(), "{other}");
    }
}

/// A token that names no key is by one of those that fit, as long as they are few; one that names a key is by that one.
#[test]
fn tokens_without_a_key_id() {
    let p256 =
        || Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), "P-256");
    let signers: Vec<Signer> = (0..=MAX_TRIED).map(|_| p256()).collect();
    let keys = |number: usize, is_named: &dyn Fn(usize) -> bool| {
        let keys = signers.iter().take(number).enumerate().map(|(place, signer)| {
            let mut jwk = signer.jwk(&place.to_string());
            if !is_named(place) {
                jwk.as_object_mut().unwrap().remove("kid");
            }
            jwk
        });
        set(&keys.collect::<Vec<_>>())
    };
    for is_named in [&(|_| true) as &dyn Fn(usize) -> bool, &|_| false, &|place| place % 2 == 0] {
        let set = keys(MAX_TRIED, is_named);
        for (place, signer) in signers.iter().enumerate() {
            let judged = set.verify(&signer.nameless("ES256"), &every());
            let expected = if place < MAX_TRIED { Ok(()) } else { Err(VerifyError::Signature) };
            assert_eq!(judged.map(drop), expected, "{place}");
        }
        let judged = keys(MAX_TRIED + 1, is_named).verify(&signers[0].nameless("ES256"), &every());
        assert_eq!(judged.map(drop), Err(VerifyError::UnknownKey), "too many");
    }
    // A name leads to that key alone, and to none where two have it.
    let named = keys(2, &|_| true);
    assert!(named.verify(&signers[0].token("ES256", "ES256", "1"), &every()).is_err());
    let twice = set(&[signers[0].jwk("0"), signers[1].jwk("0")]);
    let judged = twice.verify(&signers[0].token("ES256", "ES256", "0"), &every());
    assert_eq!(judged.map(drop), Err(VerifyError::UnknownKey));
    // Keys of another kind neither count nor help.
    let mut mixed: Vec<Value> = Signer::all().iter().map(|signer| signer.jwk("other")).collect();
    mixed.push(signers[0].jwk("own"));
    assert!(set(&mixed).verify(&signers[0].nameless("ES256"), &every()).is_ok());
    assert!(set(&mixed).verify(&signers[1].nameless("ES256"), &every()).is_err());
}

fn own(algorithm: Algorithm) -> Value {
    let key = PrivateKey::generate(algorithm).unwrap().public().clone();
    jwks::jwk(&key)
}

#[test]
/// The set of another Pasee, which has keys on two curves.
fn keys_are_read_one_by_one() {
    let [good, other] = [Algorithm::Es256, Algorithm::Es256k].map(own);
    let with = |name: &str, value: Value| {
        let mut spoiled = good.clone();
        spoiled[name] = value;
        spoiled
    };
    let off_curve = with("y", good["x"].clone());
    let passed_over = [
        other.clone(),
        off_curve,
        with("kty", json!("RSA")),
        with("crv", json!("P-384")),
        with("crv", json!("secp256k1")),
        with("alg", json!("ES256K")),
        with("alg", json!(["ES256"])),
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("d", good["x"].clone()),
        with("x", json!(1)),
        with("x", json!("AA")),
        json!("key"),
        json!(null),
    ];
    for bad in &passed_over {
        let set = |keys: &[&Value]| json!({ "keys": keys }).to_string();
        let read = |text: String| published(Algorithm::Es256, text.as_bytes());
        assert_eq!(read(set(&[bad])).unwrap(), [], "{bad}");
        assert_eq!(read(set(&[bad, &good, bad, &good])).unwrap().len(), 1, "{bad}");
    }
    let both = json!({ "keys": [good, other] }).to_string();
    assert_eq!(published(Algorithm::Es256k, both.as_bytes()).unwrap().len(), 1);
    for text in
        ["", "{}", "[]", "{\"keys\":{}}", "{\"keys\":null}", "{\"keys\":[],\"keys\":[]}", "<html>"]
    {
        assert_eq!(published(Algorithm::Es256, text.as_bytes()), Err(SetError), "{text}");
    }
    let many = json!({ "keys": vec![json!({}); 100_000] }).to_string();
    assert_eq!(published(Algorithm::Es256, many.as_bytes()).unwrap(), []);
}

/// What no reader of a set takes, be it an identity provider's, a cluster's or another Pasee's.
#[test]
fn what_is_no_key_for_anybody() {
    let good = own(Algorithm::Es256);
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    let rsa = |modulus: &[u8], exponent: &[u8]| json!({"kty": "RSA", "kid": "r", "n": encoded(modulus), "e": encoded(exponent)});
    let mut even = [0xff; 256];
    even[255] = 0xfe;
    let long = [&[0; 8][..], &[0xff; 255]].concat();
    let mut strange = vec![
        rsa(&[0xff; 255], &[1, 0, 1]),
        rsa(&long, &[1, 0, 1]),
        rsa(&[0xff; 1025], &[1, 0, 1]),
        rsa(&even, &[1, 0, 1]),
        rsa(&[0xff; 256], &[1]),
        rsa(&[0xff; 256], &[2]),
        rsa(&[0xff; 256], &[0, 0]),
        rsa(&[0xff; 256], &[0xff; 9]),
        rsa(&[], &[1, 0, 1]),
        with(&good, "use", json!("enc")),
        with(&good, "key_ops", json!(["sign"])),
        with(&good, "key_ops", json!("verify")),
        with(&good, "kid", json!(1)),
        with(&good, "kid", json!("k".repeat(MAX_KEY_ID + 1))),
        with(&good, "alg", json!("HS256")),
        with(&good, "alg", json!("RS256")),
        with(&good, "y", good["x"].clone()),
        with(&good, "x", json!(format!("{}=", good["x"].as_str().unwrap()))),
        with(&good, "kty", json!("oct")),
        json!(null),
    ];
    for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        strange.push(with(&good, secret, good["x"].clone()));
        strange.push(with(&rsa(&[0xff; 256], &[1, 0, 1]), secret, json!("")));
        strange.push(with(&good, secret, json!(false)));
    }
    for key in &strange {
        let document = json!({ "keys": [key] });
        let bytes = document.to_string().into_bytes();
        let of_a_provider = KeySet::read(document.as_object().unwrap()).unwrap();
        let of_a_cluster = KeySet::parse(&bytes, &every()).unwrap();
        let of_a_pasee = published(Algorithm::Es256, &bytes).unwrap();
        let found = [of_a_provider.len(), of_a_cluster.len(), of_a_pasee.len()];
        assert_eq!(found, [0; 3], "{key}");
    }
    // A member that is null is none, and no operation at all says nothing.
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "alg", "kid", "use", "key_ops"] {
        let key = with(&good, member, json!(null));
        assert!(Jwk::read(&key).is_some() && !is_secret(&key), "{member}");
    }
    assert!(Jwk::read(&with(&good, "key_ops", json!([]))).is_some());
    let sound = json!({ "keys": [rsa(&[0xff; 256], &[1, 0, 1]), rsa(&[0xff; 1024], &[3]), good] });
    assert_eq!(KeySet::read(sound.as_object().unwrap()).unwrap().len(), 3);
    let wanted = [JwsAlgorithm::ES256];
    assert_eq!(KeySet::parse(sound.to_string().as_bytes(), &wanted).unwrap().len(), 1);
}

/// ES256K is no algorithm of others: their keys on that curve are left out, and take no place.
#[test]
fn keys_that_only_a_pasee_has() {
    let [good, other] = [Algorithm::Es256, Algorithm::Es256k].map(own);
    let document = json!({ "keys": [other, good] });
    let bytes = document.to_string().into_bytes();
    let of_a_provider = KeySet::read(document.as_object().unwrap()).unwrap();
    let of_a_cluster = KeySet::parse(&bytes, &every()).unwrap();
    for set in [of_a_provider, of_a_cluster] {
        assert_eq!(set.ids().collect::<Vec<_>>(), [good["kid"].as_str().unwrap()]);
    }
    let of_a_pasee = published(Algorithm::Es256k, &bytes).unwrap();
    assert_eq!(of_a_pasee[0].id().as_str(), other["kid"].as_str().unwrap());
}

#[test]
fn a_set_has_its_bound_whoever_publishes_it() {
    assert_eq!((MAX_KEYS, MAX_PROVIDER_TOKEN), (100, 4_194_304), "as others are told");
    let keys = |number| {
        let keys: Vec<Value> = (0..number).map(|_| own(Algorithm::Es256)).collect();
        json!({ "keys": keys })
    };
    for (number, holds) in [(MAX_KEYS, true), (MAX_KEYS + 1, false)] {
        let document = keys(number);
        let bytes = document.to_string().into_bytes();
        assert_eq!(KeySet::read(document.as_object().unwrap()).is_ok(), holds);
        assert_eq!(KeySet::parse(&bytes, &every()).is_ok(), holds);
        assert_eq!(published(Algorithm::Es256, &bytes).is_ok(), holds);
        assert!(published(Algorithm::Es256k, &bytes).unwrap().is_empty(), "of no use, not counted");
    }
}

/// A cluster lists each file of its keys, also one that it was given twice; a provider's token must mean one key.
#[test]
fn a_key_that_stands_there_twice() {
    let signers = Signer::all();
    for signer in &signers {
        let jwk = signer.jwk("0");
        let document = json!({ "keys": [jwk, jwk] });
        let name = signer.names()[0];
        let token = signer.token(name, name, "0");
        let of_a_cluster = KeySet::parse(document.to_string().as_bytes(), &every()).unwrap();
        assert!(of_a_cluster.verify(&token, &every()).is_ok(), "{name}");
        let of_a_provider = KeySet::read(document.as_object().unwrap()).unwrap();
        let judged = of_a_provider.verify(&token, &every());
        assert_eq!(judged.unwrap_err(), VerifyError::UnknownKey, "{name}");
    }
    // By two names it is two keys, each of which some token may name.
    let named = ["0", "1"].map(|name| signers[1].jwk(name));
    let set = KeySet::parse(json!({ "keys": named }).to_string().as_bytes(), &every()).unwrap();
    for name in ["0", "1"] {
        assert!(set.verify(&signers[1].token("ES256", "ES256", name), &every()).is_ok(), "{name}");
    }
    // Two keys by one name are no key's name.
    let keys = [signers[0].jwk("0"), Signer::all()[0].jwk("0")];
    let document = json!({ "keys": keys }).to_string();
    let set = KeySet::parse(document.as_bytes(), &every()).unwrap();
    let judged = set.verify(&signers[0].token("RS256", "RS256", "0"), &every());
    assert_eq!(judged.unwrap_err(), VerifyError::UnknownKey);
}

#[test]
fn the_ids_of_a_set() {
    let signer = Signer::all().pop().unwrap();
    let mut nameless = signer.jwk("x");
    nameless.as_object_mut().unwrap().remove("kid");
    let set = set(&[signer.jwk("a"), nameless, signer.jwk("b")]);
    assert_eq!((set.ids().collect::<Vec<_>>(), set.len()), (vec!["a", "b"], 3));
}

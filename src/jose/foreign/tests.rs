//! One accepted cell for each key, whatever the token says.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::json;

use super::*;

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
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        vec![
            Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            Self::Ec(EcdsaKeyPair::generate(p256).unwrap(), "P-256"),
            Self::Ec(EcdsaKeyPair::generate(p384).unwrap(), "P-384"),
            Self::Ed(Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap()),
        ]
    }

    /// The names of the algorithms that it can sign with.
    fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Rsa(_) => RSA.map(|(name, _)| name).to_vec(),
            Self::Ec(_, "P-256") => vec!["ES256"],
            Self::Ec(..) => vec!["ES384"],
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
        let header = json!({"alg": says, "kid": kid}).to_string();
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

fn every() -> Vec<ForeignAlgorithm> {
    ALGORITHMS.iter().map(|(name, _)| name.parse().unwrap()).collect()
}

#[test]
fn each_algorithm_with_each_key() {
    let signers = Signer::all();
    let keys: Vec<Value> =
        signers.iter().enumerate().map(|(place, signer)| signer.jwk(&place.to_string())).collect();
    let set = set(&keys);
    assert_eq!((set.len(), set.is_empty()), (4, false));
    let (mut believed, mut refused) = (0, 0);
    for (place, signer) in signers.iter().enumerate() {
        for by in signer.names() {
            for (says, algorithm) in ALGORITHMS {
                for kid in 0..keys.len() {
                    let token = signer.token(by, says, &kid.to_string());
                    let fits = kid == place
                        && by.parse::<ForeignAlgorithm>() == Ok(ForeignAlgorithm(algorithm));
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
    assert_eq!((believed, refused), (6 + 1 + 1 + 4, 10 * 10 * 4 - 12));
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

#[test]
fn names_and_hashes() {
    for (name, bits) in [
        ("RS256", 256),
        ("PS384", 384),
        ("RS512", 512),
        ("ES256", 256),
        ("ES384", 384),
        ("EdDSA", 512),
    ] {
        let algorithm: ForeignAlgorithm = name.parse().unwrap();
        assert_eq!((algorithm.to_string().as_str(), algorithm.hash_bits()), (name, bits));
    }
    for name in ["none", "HS256", "HS512", "ES256K", "ES512", "rs256", "", " RS256"] {
        assert_eq!(name.parse::<ForeignAlgorithm>(), Err(AlgorithmError), "{name}");
    }
}

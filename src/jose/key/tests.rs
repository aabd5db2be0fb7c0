//! Every spelling of a key that is taken, and every one that is not.

use super::*;

const SEC1_P256: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIGeB1WGwUb0yUq2jPvMwmQ9u5NJFa9aBjKuxbzSMmTRBoAoGCCqGSM49
AwEHoUQDQgAE
-----END EC PRIVATE KEY-----";

fn both() -> [PrivateKey; 2] {
    [Algorithm::Es256, Algorithm::Es256k].map(|algorithm| PrivateKey::generate(algorithm).unwrap())
}

#[test]
fn every_spelling_of_the_same_key() {
    for key in both() {
        let pem = key.to_pem();
        let flat = pem.replace('\n', "");
        let (spaced, dos) = (pem.replace('\n', " "), pem.replace('\n', "\r\n"));
        let indented = pem.replace('\n', "\n        ");
        let escaped = pem
            .trim_end()
            .replace('\n', "\\n")
            .replace("-----\\n", "-----")
            .replace("\\n-----", "-----");
        let parameters = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
            *pem
        );
        for text in [
            pem.to_string(),
            flat,
            spaced,
            dos,
            indented,
            escaped,
            parameters,
            format!("\n\n {} \n", *pem),
        ] {
            assert_eq!(PrivateKey::from_pem(&text).unwrap().public(), key.public());
        }
        let public = key.public().to_pem();
        assert_eq!(&PublicKey::from_pem(&public).unwrap(), key.public());
        assert_eq!(&PublicKey::from_pem(&public.replace('\n', "")).unwrap(), key.public());
        for around in [
            "Bag Attributes\n    friendlyName: pasee\n    localKeyID: 54 69 6D 65 \nKey Attributes: <No Attributes>\n",
            "# the key of 2026 -- do not lose -----\n",
            "\u{feff}",
            "Private-Key: (256 bit)\npriv:\n    00:11:22\nASN1 OID: prime256v1\n",
        ] {
            for text in [format!("{around}{}", *pem), format!("{}\n{around}", *pem)] {
                assert_eq!(PrivateKey::from_pem(&text).unwrap().public(), key.public(), "{text}");
            }
            let cut = format!("{around}-----BEGIN\n{}", *pem);
            assert_eq!(PrivateKey::from_pem(&cut).unwrap_err(), KeyError::Pem(PRIVATE), "{cut}");
            let cut = format!("{}{around}-----END PRIVATE KEY-----", *pem);
            assert_eq!(PrivateKey::from_pem(&cut).unwrap_err(), KeyError::Pem(PRIVATE), "{cut}");
        }
    }
}

/// Keys as openssl writes them.
#[test]
fn sec1_of_openssl() {
    for (private, public) in [
        (
            include_str!("../../../tests/fixtures/keys/p256-sec1.pem"),
            include_str!("../../../tests/fixtures/keys/p256-public.pem"),
        ),
        (
            include_str!("../../../tests/fixtures/keys/secp256k1-sec1.pem"),
            include_str!("../../../tests/fixtures/keys/secp256k1-public.pem"),
        ),
    ] {
        let key = PrivateKey::from_pem(private).unwrap();
        assert_eq!(key.public(), &PublicKey::from_pem(public).unwrap());
        assert_eq!(
            PrivateKey::from_pem(&private.replace('\n', "")).unwrap().public(),
            key.public()
        );
        assert_eq!(key.public().to_pem(), public);
    }
}

#[test]
fn what_is_no_key() {
    let [p256, secp256k1] = both();
    assert_eq!(PrivateKey::from_pem("").unwrap_err(), KeyError::Pem(PRIVATE));
    assert_eq!(PrivateKey::from_pem(SEC1_P256).unwrap_err(), KeyError::Broken);
    assert_eq!(
        PrivateKey::from_pem(&p256.public().to_pem()).unwrap_err(),
        KeyError::Label(PRIVATE)
    );
    assert_eq!(PublicKey::from_pem(&p256.to_pem()).unwrap_err(), KeyError::Label(PUBLIC));
    let two = format!("{}{}", *p256.to_pem(), *secp256k1.to_pem());
    assert_eq!(PrivateKey::from_pem(&two).unwrap_err(), KeyError::Pem(PRIVATE));
    assert_eq!(PrivateKey::from_pem(&"x".repeat(9000)).unwrap_err(), KeyError::Pem(PRIVATE));
    let relabelled = |label: &str| p256.to_pem().replace("PRIVATE KEY", label);
    assert_eq!(
        PrivateKey::from_pem(&relabelled("ENCRYPTED PRIVATE KEY")).unwrap_err(),
        KeyError::Encrypted
    );
    for legacy in ["EC PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY"] {
        let head =
            "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,1B2C3D4E5F60718293A4B5C6D7E8F901\n\n";
        let text = relabelled(legacy).replacen("-----\n", &format!("-----\n{head}"), 1);
        for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\\n")] {
            assert_eq!(PrivateKey::from_pem(&text).unwrap_err(), KeyError::Encrypted, "{text}");
        }
    }
    assert_eq!(PrivateKey::from_pem(&relabelled("RSA PRIVATE KEY")).unwrap_err(), KeyError::Broken);
    assert_eq!(
        PrivateKey::from_pem(&relabelled("CERTIFICATE")).unwrap_err(),
        KeyError::Label(PRIVATE)
    );
    let ed25519 = "-----BEGIN PUBLIC KEY-----MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=-----END PUBLIC KEY-----";
    assert_eq!(PublicKey::from_pem(ed25519).unwrap_err(), KeyError::Curve);
    for key in [&p256, &secp256k1] {
        // The private half of one key with the public half of another.
        let whole = |key: &PrivateKey| pem::only_block(&key.to_pem()).unwrap().der.to_vec();
        let other = whole(&PrivateKey::generate(key.algorithm()).unwrap());
        let mut mixed = whole(key);
        let half = mixed.len() - 64;
        mixed[half..].copy_from_slice(&other[half..]);
        assert_eq!(
            PrivateKey::from_pem(&pem::write(PRIVATE, &mixed)).unwrap_err(),
            KeyError::Broken
        );
        let der = pem::only_block(&key.public().to_pem()).unwrap().der.to_vec();
        let mut off_curve = der.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        assert_eq!(
            PublicKey::from_pem(&pem::write(PUBLIC, &off_curve)).unwrap_err(),
            KeyError::Broken
        );
        for length in 0..der.len() {
            assert!(PublicKey::from_pem(&pem::write(PUBLIC, &der[..length])).is_err());
        }
        assert_eq!(PublicKey::from_point(key.algorithm(), &[0]).unwrap_err(), KeyError::Broken);
    }
}

/// What its label alone says of a key: whoever has one of those is told which ones are right.
#[test]
fn labels_of_other_kinds() {
    let labelled = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    for (label, error) in [
        ("DSA PRIVATE KEY", KeyError::Curve),
        ("OPENSSH PRIVATE KEY", KeyError::Curve),
        ("PRIVATE KEY", KeyError::Curve),
        ("RSA PRIVATE KEY", KeyError::Broken),
        ("ENCRYPTED PRIVATE KEY", KeyError::Encrypted),
        ("PUBLIC KEY", KeyError::Label(PRIVATE)),
    ] {
        assert_eq!(PrivateKey::from_pem(&labelled(label)).unwrap_err(), error, "{label}");
    }
    assert_eq!(PublicKey::from_pem(&labelled("PUBLIC KEY")).unwrap_err(), KeyError::Curve);
}

/// What a key is called where settings are explained and tokens are written.
#[test]
fn algorithms_and_their_caveats() {
    for (algorithm, name) in
        [(Algorithm::Es256, "ES256"), (Algorithm::Es256k, "ES256K"), (Algorithm::Rs256, "RS256")]
    {
        assert_eq!((algorithm.as_str(), algorithm.to_string()), (name, name.to_owned()));
        let key = PrivateKey::generate(algorithm).unwrap();
        let public = key.public();
        assert_eq!((key.algorithm(), public.algorithm()), (algorithm, algorithm));
        assert_eq!(public.id().to_string(), public.id().as_str());
        assert_eq!(public.id().as_str().len(), 43, "SHA-256 in base64url");
        assert_eq!(format!("{public:?}"), format!("PublicKey({name} {})", public.id()));
        assert_eq!(key.sign(b"message").unwrap().len(), key.signature_length(), "{name}");
        let caveat = algorithm.caveat();
        assert_eq!(caveat.is_some(), algorithm == Algorithm::Es256k, "{caveat:?}");
        assert!(caveat.is_none_or(|caveat| caveat.contains("kube-apiserver")), "{caveat:?}");
    }
}

/// RFC 7638 leaves the curve open; the members of RFC 7517 appendix A.1's P-256 key give this value by any tool.
#[test]
fn thumbprint_is_the_published_one() {
    let decode = |text| URL_SAFE_NO_PAD.decode(text).unwrap();
    let x = decode("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
    let y = decode("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    let key = PublicKey::from_point(Algorithm::Es256, &[&[4], &*x, &*y].concat()).unwrap();
    assert_eq!(key.id().as_str(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    assert_eq!(key.members()[2].1, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
}

/// A published vector of RFC 6979 on secp256k1: key 1, message "Satoshi Nakamoto".
#[test]
fn es256k_is_deterministic_and_low_s() {
    let mut scalar = [0; 32];
    scalar[31] = 1;
    let key = PrivateKey::es256k(&k256::SecretKey::from_slice(&scalar).unwrap());
    let signature = URL_SAFE_NO_PAD.decode(key.sign(b"Satoshi Nakamoto").unwrap()).unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
         2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
    );
}

#[test]
fn every_flipped_bit_is_seen_and_high_s_is_accepted() {
    for key in both() {
        let message = b"message";
        let signature = URL_SAFE_NO_PAD.decode(key.sign(message).unwrap()).unwrap();
        assert!(key.public().verifies(message, &signature));
        for byte in 0..signature.len() {
            let mut wrong = signature.clone();
            wrong[byte] ^= 1;
            assert!(!key.public().verifies(message, &wrong), "byte {byte}");
        }
        assert!(!key.public().verifies(b"massage", &signature));
        assert!(!key.public().verifies(message, &signature[..63]));
        assert!(!key.public().verifies(message, &[0; 64]));
        if key.algorithm() == Algorithm::Es256k {
            let low = k256::ecdsa::Signature::from_slice(&signature).unwrap();
            let (r, s) = low.split_scalars();
            let high = k256::ecdsa::Signature::from_scalars(r, -s).unwrap();
            assert_ne!(high, low);
            assert!(key.public().verifies(message, &high.to_bytes()));
        }
    }
}

#[test]
fn nothing_secret_shows() {
    for key in both() {
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("PrivateKey({} {})", key.algorithm(), key.public().id()));
    }
}

/// A thread keeps the last key it signed with at hand: it must not sign with it for another.
#[test]
fn keys_take_turns_on_a_thread() {
    let keys = [(); 3].map(|()| PrivateKey::generate(Algorithm::Es256).unwrap());
    for turn in 0..30 {
        let key = &keys[turn * 7 % 3];
        let signature = URL_SAFE_NO_PAD.decode(key.sign(b"message").unwrap()).unwrap();
        for other in &keys {
            assert_eq!(
                other.public().verifies(b"message", &signature),
                other.public() == key.public()
            );
        }
    }
}

/// RSA keys in both spellings of openssl, and what they sign.
#[test]
fn rsa_keys_sign_rs256() {
    let key = PrivateKey::generate(Algorithm::Rs256).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Rs256);
    let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(*again.to_der(), *key.to_der(), "the same bytes however it was written");
    assert_eq!(&PublicKey::from_pem(&key.public().to_pem()).unwrap(), key.public());
    let signature = URL_SAFE_NO_PAD.decode(key.sign(b"message").unwrap()).unwrap();
    assert_eq!(signature.len(), 256);
    assert!(key.public().verifies(b"message", &signature));
    assert!(!key.public().verifies(b"another", &signature));
    for place in [0, 128, 255] {
        let mut changed = signature.clone();
        changed[place] ^= 1;
        assert!(!key.public().verifies(b"message", &changed), "{place}");
    }
    for wrong in [&signature[..255], &[0; 256][..], &[]] {
        assert!(!key.public().verifies(b"message", wrong));
    }
    // The library that others verify with agrees.
    let members = key.public().members();
    let decoding = DecodingKey::from_rsa_components(&members[2].1, &members[0].1);
    let signed = URL_SAFE_NO_PAD.encode(&signature);
    let rs256 = jsonwebtoken::Algorithm::RS256;
    assert!(jsonwebtoken::crypto::verify(&signed, b"message", &decoding.unwrap(), rs256).unwrap());
}

/// RFC 7638 section 3.1.
#[test]
fn the_thumbprint_of_an_rsa_key() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
             tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr\
             n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let members =
        [("e", "AQAB"), ("kty", "RSA"), ("n", n)].map(|(name, value)| (name, value.to_owned()));
    assert_eq!(thumbprint(&members).as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

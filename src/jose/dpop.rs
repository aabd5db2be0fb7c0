//! DPoP proofs (RFC 9449 section 4.2): that whoever sends a request has a key.
//!
//! Owns what a proof has to say of its request. The key comes with the proof; whose it is, and whether the proof was shown before, is
//! not known here. Must not know requests.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::compact::Unverified;
use super::error::VerifyError;
use super::jwk::Jwk;
use crate::domain::authorization::KeyThumbprint;
use crate::domain::time::Timestamp;

/// `typ` of a proof.
const PROOF: &str = "dpop+jwt";
/// The one algorithm that proofs are signed by here (RFC 7518 section 3.4).
pub const ALGORITHM: &str = "ES256";
/// Longest proof, in bytes.
const MAX_PROOF: usize = 4096;
/// Longest `jti` and `nonce`, in bytes.
const MAX_TEXT: usize = 256;
/// How far the clock of whoever made it may be from ours, in seconds. How fresh it is, the nonce says.
const CLOCK_SKEW: i64 = 300;

/// What a proof is to be for.
#[derive(Clone, Copy, Debug)]
pub struct ProvedRequest<'a> {
    /// `htm`: the method.
    pub method: &'a str,
    /// `htu`: the address, without query and fragment.
    pub url: &'a str,
    /// The access token that is shown with it.
    pub access_token: Option<&'a str>,
}

/// A proof whose signature holds and that is for this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whose key it is by.
    pub key: KeyThumbprint,
    /// `jti`.
    pub id: String,
    /// `nonce`, of whoever it is meant for.
    pub nonce: Option<String>,
}

impl Proof {
    /// Reads a proof for a request.
    ///
    /// # Errors
    /// [`VerifyError`]: it proves nothing.
    pub fn read(
        compact: &str,
        request: ProvedRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, VerifyError> {
        let token = Unverified::parse_within(compact, MAX_PROOF)?;
        let header = token.header();
        header.demand_type(PROOF)?;
        if header.algorithm() != Some(ALGORITHM) {
            return Err(VerifyError::Algorithm);
        }
        // One that holds a private key is refused where it is read.
        let key = header.own_key().and_then(Jwk::read).ok_or(VerifyError::UnknownKey)?;
        let key = key.of_pasee().ok_or(VerifyError::UnknownKey)?;
        if key.algorithm().as_str() != ALGORITHM {
            return Err(VerifyError::Algorithm);
        }
        let claims = token.verified(|message, signature| key.verifies(message, signature))?;
        let is_short = |text: &&str| (1..=MAX_TEXT).contains(&text.len());
        let id = Some(claims.text("jti")?).filter(is_short).ok_or(VerifyError::Claim("jti"))?;
        if claims.text("htm")? != request.method {
            return Err(VerifyError::Claim("htm"));
        }
        if !is_same_place(claims.text("htu")?, request.url) {
            return Err(VerifyError::Claim("htu"));
        }
        let issued_at =
            claims.get("iat").and_then(Value::as_i64).ok_or(VerifyError::Claim("iat"))?;
        if issued_at.abs_diff(now.as_unix()) > CLOCK_SKEW.unsigned_abs() {
            return Err(VerifyError::Claim("iat"));
        }
        if let Some(access_token) = request.access_token {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(access_token));
            let said = claims.text("ath")?;
            if verify_slices_are_equal(said.as_bytes(), hash.as_bytes()).is_err() {
                return Err(VerifyError::Claim("ath"));
            }
        }
        let nonce = match claims.get("nonce") {
            None => None,
            Some(_) => Some(claims.text("nonce")?).filter(is_short).map(str::to_owned),
        };
        let key = key.id().as_str().parse().map_err(|_| VerifyError::UnknownKey)?;
        Ok(Self { key, id: id.to_owned(), nonce })
    }
}

/// Compared as addresses are, without query and fragment (section 4.3).
fn is_same_place(said: &str, url: &str) -> bool {
    let place = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    matches!((place(said), place(url)), (Some(said), Some(url)) if said == url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::jwks;
    use crate::jose::key::{Algorithm, PrivateKey};

    const URL: &str = "https://id.example.com/oauth2/token";
    const REQUEST: ProvedRequest<'_> =
        ProvedRequest { method: "POST", url: URL, access_token: None };

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000).unwrap()
    }

    fn header(key: &PrivateKey) -> Value {
        let set = jwks::common(std::slice::from_ref(key.public()));
        let mut jwk = set["keys"][0].clone();
        jwk.as_object_mut()
            .unwrap()
            .retain(|name, _| matches!(name.as_str(), "kty" | "crv" | "x" | "y"));
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk })
    }

    fn claims() -> Value {
        json!({ "jti": "one", "htm": "POST", "htu": URL, "iat": 1_800_000_000, "nonce": "n" })
    }

    fn signed(key: &PrivateKey, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        format!("{input}.{}", key.sign(input.as_bytes()).unwrap())
    }

    #[test]
    fn a_proof() {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let proof = signed(&key, &header(&key), &claims());
        let read = Proof::read(&proof, REQUEST, now()).unwrap();
        assert_eq!(read.key.as_str(), key.public().id().as_str());
        assert_eq!((read.id.as_str(), read.nonce.as_deref()), ("one", Some("n")));
        let mut forged = header(&key);
        forged["jwk"] = header(&PrivateKey::generate(Algorithm::Es256).unwrap())["jwk"].clone();
        let forged = signed(&key, &forged, &claims());
        assert_eq!(Proof::read(&forged, REQUEST, now()), Err(VerifyError::Signature));
    }

    #[test]
    fn headers() {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let mut private = header(&key)["jwk"].clone();
        private["d"] = "AQAB".into();
        for (name, value, error) in [
            ("typ", json!("JWT"), VerifyError::Kind),
            ("typ", json!("at+jwt"), VerifyError::Kind),
            ("alg", json!("none"), VerifyError::Algorithm),
            ("alg", json!("HS256"), VerifyError::Algorithm),
            ("alg", json!("RS256"), VerifyError::Algorithm),
            ("jwk", json!(null), VerifyError::UnknownKey),
            ("jwk", json!({}), VerifyError::UnknownKey),
            ("jwk", private, VerifyError::UnknownKey),
            ("crit", json!(["x"]), VerifyError::Header),
        ] {
            let mut header = header(&key);
            header[name] = value.clone();
            let proof = signed(&key, &header, &claims());
            assert_eq!(Proof::read(&proof, REQUEST, now()), Err(error), "{name} {value}");
        }
        let mut keyless = header(&key);
        keyless.as_object_mut().unwrap().remove("jwk");
        let proof = signed(&key, &keyless, &claims());
        assert_eq!(Proof::read(&proof, REQUEST, now()), Err(VerifyError::UnknownKey));
        let other = PrivateKey::generate(Algorithm::Es256k).unwrap();
        let set = jwks::es256k(std::slice::from_ref(other.public()));
        let mut header = header(&key);
        header["jwk"] = set["keys"][0].clone();
        let proof = signed(&other, &header, &claims());
        assert!(Proof::read(&proof, REQUEST, now()).is_err(), "no key of another algorithm");
    }

    #[test]
    fn it_is_for_one_request() {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        for (name, value, is_right) in [
            ("htm", json!("GET"), false),
            ("htm", json!("post"), false),
            ("htu", json!("https://id.example.com/oauth2/userinfo"), false),
            ("htu", json!("http://id.example.com/oauth2/token"), false),
            ("htu", json!("https://evil.example/oauth2/token"), false),
            ("htu", json!("https://id.example.com:443/oauth2/token?x#y"), true),
            ("htu", json!("https://ID.example.com/oauth2/token"), true),
            ("htu", json!("x"), false),
            ("iat", json!(1_800_000_300), true),
            ("iat", json!(1_800_000_301), false),
            ("iat", json!(1_799_999_699), false),
            ("iat", json!("1800000000"), false),
            ("iat", json!(i64::MIN), false),
            ("jti", json!(""), false),
            ("jti", json!("x".repeat(257)), false),
            ("jti", json!(1), false),
            ("nonce", json!(1), false),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            let read = Proof::read(&signed(&key, &header(&key), &claims), REQUEST, now());
            assert_eq!(read.is_ok(), is_right, "{name} {value}");
        }
    }

    #[test]
    fn it_is_for_one_token() {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let with = ProvedRequest { access_token: Some("token"), ..REQUEST };
        for (ath, is_right) in [
            (json!(URL_SAFE_NO_PAD.encode(Sha256::digest("token"))), true),
            (json!(URL_SAFE_NO_PAD.encode(Sha256::digest("other"))), false),
            (json!(null), false),
        ] {
            let mut claims = claims();
            claims["ath"] = ath.clone();
            let read = Proof::read(&signed(&key, &header(&key), &claims), with, now());
            assert_eq!(read.is_ok(), is_right, "{ath}");
        }
        let bare = signed(&key, &header(&key), &claims());
        assert_eq!(Proof::read(&bare, with, now()), Err(VerifyError::Claim("ath")));
    }
}

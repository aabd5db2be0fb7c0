//! Proof Key for Code Exchange (RFC 7636): who redeems a code shows that they asked for it. S256 alone: whoever sees a `plain`
//! challenge knows the verifier (RFC 9700 section 2.1.1).
//!
//! Must not know which client needs it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::error::OAuthError;
use super::params::Params;

/// A code challenge: the SHA-256 of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// The challenge of an authorization request, if it has one.
    ///
    /// # Errors
    /// When it is none, or of another method than S256; also when a method comes without a challenge.
    pub fn read(params: &Params) -> Result<Option<Self>, OAuthError> {
        let (challenge, method) =
            (params.get("code_challenge"), params.get("code_challenge_method"));
        let Some(challenge) = challenge else {
            return match method {
                None => Ok(None),
                Some(_) => Err(OAuthError::request(
                    "there is a code_challenge_method without a code_challenge (RFC 7636 section 4.3)",
                )),
            };
        };
        // Without a method it would be plain (section 4.3).
        if method != Some("S256") {
            return Err(OAuthError::request(
                "PKCE takes code_challenge_method=S256, and no other method (RFC 7636 section 4.3)",
            ));
        }
        let hash = URL_SAFE_NO_PAD.decode(challenge).ok().and_then(|hash| hash.try_into().ok());
        hash.map(|hash| Some(Self(hash))).ok_or_else(|| {
            OAuthError::request(
                "the code_challenge is not the SHA-256 of a verifier: 43 characters of base64url without padding (RFC 7636 section 4.2)",
            )
        })
    }

    /// The challenge of these bytes.
    #[must_use]
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The challenge as bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Whether this is its verifier: 43 to 128 characters of `A-Z a-z 0-9 - . _ ~` (section 4.1).
    #[must_use]
    pub fn fits(&self, verifier: &str) -> bool {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(is_right)
            && verify_slices_are_equal(&Sha256::digest(verifier), &self.0).is_ok()
    }
}

/// Whether a verifier that came, or none, redeems what a challenge was sent for, or none. A verifier without a challenge is what
/// an attacker's code looks like that was put into another's login (RFC 9700 section 4.8.2).
///
/// # Errors
/// `invalid_grant`, in words.
pub fn redeem(challenge: Option<Challenge>, verifier: Option<&str>) -> Result<(), OAuthError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.fits(verifier) => Ok(()),
        (Some(_), Some(_)) => Err(OAuthError::grant(
            "the code_verifier is not the one of this code's code_challenge (RFC 7636 section 4.6)",
        )),
        (Some(_), None) => Err(OAuthError::grant(
            "this code was asked for with a code_challenge, and takes its code_verifier (RFC 7636 section 4.5)",
        )),
        (None, Some(_)) => Err(OAuthError::grant(
            "this code was asked for without a code_challenge, and takes no code_verifier (RFC 9700 section 4.8.2)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(query: &str) -> Result<Option<Challenge>, OAuthError> {
        Challenge::read(&Params::parse(query).unwrap())
    }

    #[test]
    fn challenges() {
        assert_eq!(read("state=1"), Ok(None));
        let right = format!("code_challenge={CHALLENGE}");
        let challenge = read(&format!("{right}&code_challenge_method=S256")).unwrap().unwrap();
        assert!(challenge.fits(VERIFIER));
        for wrong in ["", "x", &format!("{VERIFIER}="), &VERIFIER[1..], CHALLENGE, &"a".repeat(129)]
        {
            assert!(!challenge.fits(wrong), "{wrong}");
        }
        for refused in [
            right.clone(),
            format!("{right}&code_challenge_method=plain"),
            format!("{right}&code_challenge_method=s256"),
            format!("{right}&code_challenge_method="),
            "code_challenge_method=S256".to_owned(),
            format!("{right}=&code_challenge_method=S256"),
            format!("code_challenge={}&code_challenge_method=S256", &CHALLENGE[1..]),
            format!("code_challenge={CHALLENGE}AA&code_challenge_method=S256"),
        ] {
            assert!(read(&refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn verifiers() {
        let challenge = read(&format!("code_challenge={CHALLENGE}&code_challenge_method=S256"));
        let challenge = challenge.unwrap();
        assert_eq!(redeem(challenge, Some(VERIFIER)), Ok(()));
        assert_eq!(redeem(None, None), Ok(()));
        for (challenge, verifier) in [
            (challenge, None),
            (challenge, Some(CHALLENGE)),
            (None, Some(VERIFIER)),
            (None, Some("")),
        ] {
            assert!(redeem(challenge, verifier).is_err(), "{verifier:?}");
        }
    }

    /// RFC 7636 section 4.1: 43 to 128 of the unreserved characters, and no others.
    #[test]
    fn what_verifiers_are_made_of() {
        for (verifier, is_one) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("a-._~Z9".repeat(18), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            (format!("{}+", "a".repeat(50)), false),
            (format!("{}é", "a".repeat(50)), false),
        ] {
            let challenge = Challenge(Sha256::digest(&verifier).into());
            assert_eq!(challenge.fits(&verifier), is_one, "{verifier}");
        }
    }
}

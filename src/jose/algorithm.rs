//! The algorithms that identity providers and clusters sign with (`alg`; RFC 7518 section 3.1, RFC 8037 section 3.1):
//! asymmetric ones only. What a Pasee signs with stands in [`super::key`].
//!
//! Must not know keys.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::Algorithm;

/// An algorithm of a JWS that somebody else made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwsAlgorithm(pub(super) Scheme);

/// How it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// By the library for tokens.
    Library(Algorithm),
    /// ECDSA on P-521 with SHA-512 (RFC 7518 section 3.4), which that library does not have.
    Es512,
}

/// The algorithms by their names; `Ed25519` is the name that RFC 9864 gives to the one `EdDSA` that there is here.
pub(super) const NAMES: [(&str, Scheme); 11] = [
    ("RS256", Scheme::Library(Algorithm::RS256)),
    ("RS384", Scheme::Library(Algorithm::RS384)),
    ("RS512", Scheme::Library(Algorithm::RS512)),
    ("PS256", Scheme::Library(Algorithm::PS256)),
    ("PS384", Scheme::Library(Algorithm::PS384)),
    ("PS512", Scheme::Library(Algorithm::PS512)),
    ("ES256", Scheme::Library(Algorithm::ES256)),
    ("ES384", Scheme::Library(Algorithm::ES384)),
    ("ES512", Scheme::Es512),
    ("EdDSA", Scheme::Library(Algorithm::EdDSA)),
    ("Ed25519", Scheme::Library(Algorithm::EdDSA)),
];

/// A text names no algorithm that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no algorithm that is believed; right ones are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA"
)]
pub struct AlgorithmError;

impl JwsAlgorithm {
    /// All that are believed at all.
    #[must_use]
    pub fn all() -> [Self; NAMES.len()] {
        NAMES.map(|(_, scheme)| Self(scheme))
    }
}

impl FromStr for JwsAlgorithm {
    type Err = AlgorithmError;

    fn from_str(name: &str) -> Result<Self, AlgorithmError> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, algorithm)| Self(*algorithm)).ok_or(AlgorithmError)
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, known)| *known == self.0);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

impl JwsAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
    pub(super) const RS256: Self = Self(Scheme::Library(Algorithm::RS256));
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    pub(super) const ES256: Self = Self(Scheme::Library(Algorithm::ES256));

    /// The length of its hash, in bits: that of the algorithm's name, and 512 for Ed25519 (RFC 8032 section 5.1).
    #[must_use]
    pub fn hash_bits(self) -> u16 {
        match self.0 {
            Scheme::Library(Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384) => 384,
            Scheme::Library(Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA) => 512,
            Scheme::Es512 => 512,
            Scheme::Library(_) => 256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hashes() {
        for (name, bits) in [
            ("RS256", 256),
            ("PS384", 384),
            ("RS512", 512),
            ("ES256", 256),
            ("ES384", 384),
            ("ES512", 512),
            ("EdDSA", 512),
        ] {
            let algorithm: JwsAlgorithm = name.parse().unwrap();
            assert_eq!((algorithm.to_string().as_str(), algorithm.hash_bits()), (name, bits));
        }
        for name in ["none", "HS256", "HS512", "ES256K", "ES521", "rs256", "", " RS256"] {
            assert_eq!(name.parse::<JwsAlgorithm>(), Err(AlgorithmError), "{name}");
        }
    }
}

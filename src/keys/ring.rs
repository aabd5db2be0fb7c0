//! Which key does what, as one value that is replaced whole.
//!
//! Must not know where keys come from.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

use crate::jose::claims::Party;
use crate::jose::jwks;
use crate::jose::key::{Algorithm, PrivateKey, PublicKey};
use crate::jose::refresh::RefreshTokens;
use crate::jose::seal::Sealer;
use crate::jose::secret::{Purpose, Secret};
use crate::jose::sign::Signer;
use crate::jose::verify::Verifier;

/// What a ring is made of.
#[derive(Clone, Debug)]
pub struct KeyParts {
    /// Signs access tokens.
    pub signing: PrivateKey,
    /// Sign by the other algorithms; the first of each counts.
    pub others: Vec<PrivateKey>,
    /// No longer signed with, but still published and believed.
    pub retired: Vec<PublicKey>,
    /// Protects what only we read.
    pub secret: Secret,
    /// No longer used for anything new, but what was protected with them still counts.
    pub former_secrets: Vec<Secret>,
}

impl KeyParts {
    /// A ring of one key, from which the secret is derived: all who share the key agree.
    #[must_use]
    pub fn of(signing: PrivateKey) -> Self {
        let secret = Secret::of(&signing);
        Self {
            signing,
            others: Vec::new(),
            retired: Vec::new(),
            secret,
            former_secrets: Vec::new(),
        }
    }
}

/// The names of keys and secrets, which are no secrets themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyNames {
    /// With what new tokens are made.
    pub in_use: BTreeSet<String>,
    /// By what tokens are believed, these among them.
    pub believed: BTreeSet<String>,
}

/// All keys at one moment. Nothing in it changes.
#[derive(Debug)]
pub struct Keys {
    names: KeyNames,
    signers: Vec<Signer>,
    verifier: Verifier,
    refresh_tokens: RefreshTokens,
    login_cookies: Sealer,
    browser_sessions: Sealer,
    invitations: Sealer,
    dpop_nonces: Sealer,
    peers: Sealer,
    jwks: Bytes,
    jwks_es256k: Bytes,
}

impl Keys {
    /// The keys of one issuer.
    #[must_use]
    pub fn new(party: &Party, parts: KeyParts) -> Self {
        let KeyParts { signing, others, retired, secret, former_secrets } = parts;
        let mut signers = vec![Signer::new(signing, party.clone())];
        let mut published = vec![signers[0].public().clone()];
        for key in others {
            let algorithm = key.algorithm();
            if !published.contains(key.public()) {
                published.push(key.public().clone());
            }
            if signers.iter().all(|signer| signer.public().algorithm() != algorithm) {
                signers.push(Signer::new(key, party.clone()));
            }
        }
        for key in retired {
            if !published.contains(&key) {
                published.push(key);
            }
        }
        let kid = |key: &PublicKey| key.id().as_str().to_owned();
        let in_use = signers.iter().map(|signer| kid(signer.public()));
        let secrets = former_secrets.iter().map(|secret| secret.id().to_string());
        let in_use: BTreeSet<String> = in_use.chain([secret.id().to_string()]).collect();
        let believed = published.iter().map(kid).chain(secrets).chain(in_use.iter().cloned());
        let names = KeyNames { believed: believed.collect(), in_use };
        Self {
            names,
            signers,
            refresh_tokens: RefreshTokens::new(party.issuer.clone(), &secret, &former_secrets),
            login_cookies: Sealer::new(Purpose::LoginCookies, &secret, &former_secrets),
            browser_sessions: Sealer::new(Purpose::BrowserSessions, &secret, &former_secrets),
            invitations: Sealer::new(Purpose::Invitations, &secret, &former_secrets),
            dpop_nonces: Sealer::new(Purpose::DpopNonces, &secret, &former_secrets),
            peers: Sealer::new(Purpose::Peers, &secret, &former_secrets),
            jwks: jwks::common(&published).to_string().into(),
            jwks_es256k: jwks::es256k(&published).to_string().into(),
            verifier: Verifier::new(party.issuer.clone(), None, published),
        }
    }

    /// What they are called.
    #[must_use]
    pub fn names(&self) -> &KeyNames {
        &self.names
    }

    /// What signs access tokens.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signers[0]
    }

    /// What signs by this algorithm, if anything does.
    #[must_use]
    pub fn signer_of(&self, algorithm: Algorithm) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.public().algorithm() == algorithm)
    }

    /// What believes access tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// What writes refresh tokens and believes them.
    #[must_use]
    pub fn refresh_tokens(&self) -> &RefreshTokens {
        &self.refresh_tokens
    }

    /// What seals the cookies that a browser carries of logins that are under way.
    #[must_use]
    pub fn login_cookies(&self) -> &Sealer {
        &self.login_cookies
    }

    /// What seals the cookie of the session that a browser has here.
    #[must_use]
    pub fn browser_sessions(&self) -> &Sealer {
        &self.browser_sessions
    }

    /// What seals invitations to a group.
    #[must_use]
    pub fn invitations(&self) -> &Sealer {
        &self.invitations
    }

    /// What seals the nonces that proofs of a key are to hold.
    #[must_use]
    pub fn dpop_nonces(&self) -> &Sealer {
        &self.dpop_nonces
    }

    /// What seals what the processes of one realm ask each other.
    #[must_use]
    pub fn peers(&self) -> &Sealer {
        &self.peers
    }

    /// The JWK Set that every verifier reads.
    #[must_use]
    pub fn jwks(&self) -> &Bytes {
        &self.jwks
    }

    /// The JWK Set of the secp256k1 keys: one of them makes many verifiers drop a whole set.
    #[must_use]
    pub fn jwks_es256k(&self) -> &Bytes {
        &self.jwks_es256k
    }
}

/// The keys in force, replaced whole. Readers never wait, and each sees one set of keys for as long as it holds it. Clones are the
/// same ring.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<ArcSwap<Keys>>);

impl KeyRing {
    /// A ring with these keys in force.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// The keys in force now. Whoever does several things for one request asks once.
    #[must_use]
    pub fn current(&self) -> Arc<Keys> {
        self.0.load_full()
    }

    /// Puts other keys in force, all at once.
    pub fn replace(&self, keys: Keys) {
        self.0.store(Arc::new(keys));
    }
}

#[cfg(test)]
mod tests;

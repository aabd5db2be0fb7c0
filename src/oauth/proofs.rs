//! Proofs of a key that were shown: none counts twice (RFC 9449 section 11.1).
//!
//! Must not know how a proof is verified.

use std::collections::HashSet;
use std::mem;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;
use crate::jose::dpop::Proof;

/// How long a nonce is good, in seconds.
pub const NONCE_LIFETIME: u64 = 60;
/// How far ahead the clock may be of the replica that made a nonce, in seconds.
const AHEAD: i64 = 5;
/// Most proofs that are remembered in each of two halves; a few MiB in all.
const MAX_SHOWN: usize = 100_000;

/// Whether a nonce of this second is good now.
#[must_use]
pub fn is_fresh(made_at: i64, now: Timestamp) -> bool {
    let age = now.as_unix().saturating_sub(made_at);
    (-AHEAD..NONCE_LIFETIME.cast_signed()).contains(&age)
}

/// Proofs whose nonce could still be good, as hashes. A flood makes it forget early rather than refuse.
#[derive(Debug, Default)]
pub struct ShownProofs {
    since: i64,
    new: HashSet<[u8; 16]>,
    old: HashSet<[u8; 16]>,
}

impl ShownProofs {
    /// Takes note of a proof; false when it was shown before.
    pub fn is_first(&mut self, proof: &Proof, now: Timestamp) -> bool {
        let lasts = Duration::from_secs(NONCE_LIFETIME).as_secs().cast_signed() + AHEAD;
        if now.as_unix() - self.since >= lasts || self.new.len() >= MAX_SHOWN {
            self.since = now.as_unix();
            self.old = mem::take(&mut self.new);
        }
        let mut hash = [0; 16];
        let digest = Sha256::digest([proof.key.as_str(), ".", &proof.id].concat());
        hash.copy_from_slice(&digest[..16]);
        !self.old.contains(&hash) && self.new.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    fn proof(id: &str) -> Proof {
        let key = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
        Proof { key, id: id.to_owned(), nonce: None }
    }

    #[test]
    fn each_counts_once() {
        let mut shown = ShownProofs::default();
        assert!(shown.is_first(&proof("a"), at(0)));
        let other = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap();
        assert!(shown.is_first(&Proof { key: other, ..proof("a") }, at(0)), "another's is another");
        for seconds in [0, 1, 59, 64] {
            assert!(!shown.is_first(&proof("a"), at(seconds)), "{seconds}");
        }
        for flood in 0..300_000 {
            assert!(shown.is_first(&proof(&format!("flood {flood}")), at(70)));
        }
        assert!(shown.new.len() <= MAX_SHOWN && shown.old.len() <= MAX_SHOWN);
    }

    #[test]
    fn nonces_of_the_last_minute() {
        let now = at(0).as_unix();
        for (made_at, fresh) in [
            (now, true),
            (now - 59, true),
            (now - 60, false),
            (now + 5, true),
            (now + 6, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(is_fresh(made_at, at(0)), fresh, "{made_at}");
        }
    }
}

//! Hashes of bcrypt, as other programs made them: users who come from there keep their passwords.
//!
//! bcrypt looks at 72 bytes of a password, as everywhere. A NUL ends a password there and begins it anew, so that others
//! would pass: one with a NUL is wrong, at the same cost. Must not know whose password it is.

/// What the texts of such hashes begin with.
const BEGINNING: &str = "$2";
/// Salt and digest that no password is known to match.
const NOBODY: &str = ".....................................................";

/// Whether a hash is one of bcrypt.
pub(super) fn is_bcrypt(hash: &str) -> bool {
    hash.starts_with(BEGINNING)
}

/// Whether the password is the one of the hash; compared in constant time.
pub(super) fn matches(hash: &str, password: &[u8]) -> bool {
    let is_right = bcrypt::verify(password, hash).unwrap_or(false);
    is_right && !password.contains(&0)
}

/// A hash with the cost of this one that no password is known to match.
pub(super) fn decoy_like(hash: &str) -> Option<String> {
    let (cost, _) = hash.rsplit_once('$').filter(|_| is_bcrypt(hash))?;
    Some(format!("{cost}${NOBODY}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by others: the first is of dex's example settings (Go), the second of PHP's manual of `crypt`, the third by libxcrypt.
    #[test]
    fn hashes_of_other_programs() {
        for (hash, password) in [
            ("$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W", "password"),
            ("$2a$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi", "rasmuslerdorf"),
            ("$2y$05$Zm9vYmFyYmF6cXV4cXV1eOCPJF6t0cvDcZgMPmtFaTvJSTqDMB5i2", "n\u{e9}e"),
        ] {
            assert!(is_bcrypt(hash) && matches(hash, password.as_bytes()), "{hash}");
            assert!(!matches(hash, b"Password") && !matches(hash, b""), "{hash}");
            let decoy = decoy_like(hash).unwrap();
            assert!(!matches(&decoy, password.as_bytes()));
            assert!(bcrypt::verify("", &decoy).is_ok(), "{decoy} costs what a hash does");
            assert_eq!(decoy[..7], hash[..7]);
        }
    }

    #[test]
    fn long_ones_and_those_with_a_nul() {
        let long = "p".repeat(72);
        let hash = bcrypt::hash_with_salt(&long, 4, [7; 16]).unwrap().to_string();
        assert!(matches(&hash, long.as_bytes()));
        assert!(matches(&hash, format!("{long}more").as_bytes()), "as everywhere");
        assert!(!matches(&hash, &long.as_bytes()[1..]));
        let hash = bcrypt::hash_with_salt("a", 4, [7; 16]).unwrap().to_string();
        assert!(matches(&hash, b"a"));
        assert!(!matches(&hash, b"a\0a") && !matches(&hash, b"a\0") && !matches(&hash, b"a\0b"));
    }

    #[test]
    fn what_is_none() {
        for wrong in ["", "$2", "$2b$", "$2b$10$short", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$x"]
        {
            assert!(!matches(wrong, b"x"), "{wrong}");
        }
        assert_eq!(decoy_like("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$x"), None);
    }
}

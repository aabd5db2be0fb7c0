//! The path at which the API server asks for reviews: nobody else knows it, so nobody else is answered.
//!
//! Owns how it is written in the Secret, and how one is compared with another in a time that tells nothing. It is random, and hangs
//! on no key of TLS: whoever brings a certificate of their own may renew it as they like. Must not know who keeps it, nor where
//! randomness comes from.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;

/// Random bytes in a path.
pub const LENGTH: usize = 32;
/// What it begins with, for whoever reads a configuration.
const BEGIN: &str = "/review/";

/// A path. Whoever knows it is taken for the API server.
#[derive(Clone)]
pub struct ReviewPath(String);

/// A text is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path for reviews is {BEGIN} and {} characters of 0-9 and a-f", 2 * LENGTH)]
pub struct ReviewPathError;

impl ReviewPath {
    /// The path of these bytes, which nobody else knows.
    #[must_use]
    pub fn new(random: [u8; LENGTH]) -> Self {
        // Parts of a path are names of DNS to the API server: small letters and digits.
        let digits = random.iter().map(|byte| format!("{byte:02x}"));
        Self(BEGIN.chars().chain(digits.flat_map(|two| two.into_bytes()).map(char::from)).collect())
    }

    /// The path as text, for the API server alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether that was asked for. How long it takes says nothing of where they differ.
    #[must_use]
    pub fn is(&self, asked: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), asked.as_bytes()).is_ok()
    }
}

impl FromStr for ReviewPath {
    type Err = ReviewPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(BEGIN).ok_or(ReviewPathError)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == 2 * LENGTH && digits.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReviewPathError)
        }
    }
}

/// Shows none of it.
impl fmt::Debug for ReviewPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReviewPath")
    }
}

/// The paths that are good: the one that the API server is to ask at, and before it was told, or shortly after, the former one.
#[derive(Clone, Debug, Default)]
pub struct ReviewPaths(Vec<ReviewPath>);

impl ReviewPaths {
    /// As [`ReviewPaths::to_text`] has written them. What is no path is none.
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        Self(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// A line for each, the one to be asked at first.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.iter().map(|path| format!("{}\n", path.0)).collect()
    }

    /// The one to be asked at.
    #[must_use]
    pub fn current(&self) -> Option<&ReviewPath> {
        self.0.first()
    }

    /// Whether there is one besides.
    #[must_use]
    pub fn has_former(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether one of them was asked for: all are looked at.
    #[must_use]
    pub fn has(&self, asked: &str) -> bool {
        self.0.iter().fold(false, |found, path| path.is(asked) | found)
    }

    /// Another one to be asked at, and what was that so far.
    #[must_use]
    pub fn renewed(&self, path: ReviewPath) -> Self {
        Self([path].into_iter().chain(self.current().cloned()).collect())
    }

    /// Without the former ones.
    #[must_use]
    pub fn without_former(&self) -> Self {
        Self(self.current().cloned().into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(byte: u8) -> ReviewPath {
        ReviewPath::new([byte; LENGTH])
    }

    #[test]
    fn one_path_is_asked_for_and_no_other() {
        let one = path(0xa1);
        let text = format!("/review/{}", "a1".repeat(LENGTH));
        assert_eq!(one.as_str(), text);
        assert!(one.is(&text));
        let other = path(0xa2);
        for wrong in [
            "",
            "/",
            "/review",
            "/review/",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!("{text}/"),
            &format!("/{text}"),
            &text.to_uppercase(),
            other.as_str(),
        ] {
            assert!(!one.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{one:?}"), "ReviewPath");
    }

    #[test]
    fn texts_that_are_paths() {
        assert_eq!(path(1).as_str().parse::<ReviewPath>().unwrap().as_str(), path(1).as_str());
        for wrong in [
            "/review",
            "/review/",
            "/review/00",
            &format!("/review/{}", "g0".repeat(LENGTH)),
            &format!("/review/{}", "A0".repeat(LENGTH)),
            &format!("/review/{}", "00".repeat(LENGTH + 1)),
            &format!("/{}", "00".repeat(LENGTH)),
        ] {
            assert_eq!(wrong.parse::<ReviewPath>().unwrap_err(), ReviewPathError, "{wrong}");
        }
        let says = "/review/ and 64 characters of 0-9 and a-f";
        assert!(ReviewPathError.to_string().ends_with(says), "{ReviewPathError}");
    }

    #[test]
    fn a_new_one_and_the_one_before_it_are_good() {
        let none = ReviewPaths::default();
        assert!(none.current().is_none() && !none.has("") && !none.has_former());
        let first = none.renewed(path(1));
        assert!(!first.has_former() && first.has(path(1).as_str()));
        let both = first.renewed(path(2));
        assert!(both.has_former() && both.has(path(1).as_str()) && both.has(path(2).as_str()));
        assert!(both.current().unwrap().is(path(2).as_str()));
        let next = both.renewed(path(3));
        assert!(!next.has(path(1).as_str()) && next.has(path(2).as_str()));
        let alone = next.without_former();
        assert!(!alone.has_former() && !alone.has(path(2).as_str()) && alone.has(path(3).as_str()));
        assert!(ReviewPaths::default().without_former().current().is_none());
    }

    #[test]
    fn what_is_written_is_read() {
        let both = ReviewPaths::default().renewed(path(1)).renewed(path(2));
        let again = ReviewPaths::read(both.to_text().as_bytes());
        assert_eq!(again.to_text(), both.to_text());
        assert_eq!(again.to_text().lines().count(), 2);
        // What is broken, or nothing, lets nobody in.
        let odd = ReviewPaths::read(b"\n/review\n\xff\n/review/xyz\n");
        assert!(odd.current().is_none());
        for asked in ["", "/", "/review", "/review/xyz"] {
            assert!(!odd.has(asked), "{asked}");
        }
    }
}

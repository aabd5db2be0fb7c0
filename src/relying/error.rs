//! Why there are no tokens.
//!
//! Must not hold a token, a code or a key. What an issuer says for people is bounded and has nothing in it that a terminal obeys.

use crate::jose::error::VerifyError;
use crate::outbound::CallError;

/// Longest text of an issuer that is passed on, in characters.
const MAX_SHOWN: usize = 300;

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum RelyingError {
    /// No answer, or a broken one.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The issuer says that it is not there now.
    #[error("it says that it is not there now; try again in a while")]
    Away,
    /// Neither place has a document.
    #[error(
        "it does not say where people log in: it has no metadata of OpenID Connect, so it is no issuer by this name, or offers no such logins; a Pasee does where iss in its [jwt] is the URL in its hostname, and is named so here"
    )]
    NoMetadata,
    /// It calls itself something else.
    #[error("it calls itself {0:?}; name it so, to the letter")]
    OtherIssuer(String),
    /// What it says of itself is of no use.
    #[error("what it says of itself makes no sense: {0}")]
    Metadata(&'static str),
    /// It has no such endpoint.
    #[error("it offers no {0}")]
    NotOffered(&'static str),
    /// It says no.
    #[error("it says no: {0}")]
    Refused(Refusal),
    /// What it answers is none of what the protocol has.
    #[error("its answer makes no sense: {0}")]
    Answer(&'static str),
    /// The answer to a login is of another issuer (RFC 9207 section 2.4).
    #[error("the answer came from another issuer than was asked, and was not used")]
    MixedUp,
    /// The ID token does not prove this login.
    #[error("its ID token does not prove this login: {0}")]
    IdToken(#[from] VerifyError),
    /// The time for it is over.
    #[error("nobody has logged in in time")]
    TimedOut,
    /// No key, state or verifier can be made.
    #[error("the system gives no random numbers")]
    Randomness,
    /// Nothing can be listened to on this machine.
    #[error("no port of this machine can be listened to, for the browser to come back to")]
    Listen(#[source] std::io::Error),
}

/// An error of the protocol (RFC 6749 sections 4.1.2.1 and 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `error`.
    pub code: String,
    /// `error_description`.
    pub description: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{description} ({})", self.code),
            None => f.write_str(&self.code),
        }
    }
}

impl Refusal {
    pub(super) fn new(code: &str, description: Option<&str>) -> Self {
        Self {
            code: shown(code),
            description: description.map(shown).filter(|text| !text.is_empty()),
        }
    }
}

impl RelyingError {
    /// Whether the issuer has said this error.
    #[must_use]
    pub fn is_refusal(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }
}

/// A text of somebody else, as it may be shown.
pub(super) fn shown(text: &str) -> String {
    let is_harmless = |letter: &char| !letter.is_control() && !is_format(*letter);
    text.chars().filter(is_harmless).take(MAX_SHOWN).collect()
}

/// Whether a character turns the direction of a text, or is not to be seen.
fn is_format(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_issuer_says_obeys_nobody() {
        let refusal = Refusal::new("access\u{1b}[31m_denied", Some("no\n\u{202e}way\u{7}"));
        assert_eq!(refusal.to_string(), "noway (access[31m_denied)");
        assert_eq!(Refusal::new("a", Some("\n")).to_string(), "a");
        assert_eq!(shown(&"a".repeat(10_000)).len(), MAX_SHOWN);
    }
}

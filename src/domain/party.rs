//! Who issues tokens, and whom they are for.
//!
//! Must not know who that is.

use std::str::FromStr;

use super::base_url::BaseUrl;

/// The issuer of tokens (`iss`, RFC 7519 section 4.1.1): 1 to 255 printable ASCII characters, no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// The audience of tokens (`aud`, RFC 7519 section 4.1.3): 1 to 255 printable ASCII characters, no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience(String);

/// Why a text is no issuer or audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this has 1 to 255 printable ASCII characters and no space, such as pasee.example.com")]
pub struct PartyError;

macro_rules! party {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = PartyError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
                if printable && (1..=255).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(PartyError) }
            }
        }
    )*};
}
party!(Issuer, Audience);

impl Issuer {
    /// Whether applications find it where this server is: its document is looked for at its name. That takes https, or this machine.
    #[must_use]
    pub fn is_found_at(&self, base: &BaseUrl) -> bool {
        self.0.strip_suffix('/').unwrap_or(&self.0) == base.as_str() && base.is_safe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parties() {
        let longest = "x".repeat(255);
        for text in ["x", "https://pasee.example.com/#refresh", &longest] {
            assert_eq!(text.parse::<Issuer>().unwrap().as_str(), text);
            assert_eq!(text.parse::<Audience>().unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a\n", "é", &format!("{longest}x")] {
            assert_eq!(text.parse::<Issuer>(), Err(PartyError), "{text:?}");
            assert_eq!(text.parse::<Audience>(), Err(PartyError), "{text:?}");
        }
    }
}

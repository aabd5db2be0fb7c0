//! What somebody shows an identity provider to change a password: passed on, never judged here.
//!
//! Owns what may be passed on, and whom it names. Must not know what the provider makes of it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::jose::verify::is_of_pasee;
use crate::server::error::ApiError;
use crate::web::bearer::{BearerError, bearer};

/// As lenient as the decoders of providers are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the `Authorization` header of a password change shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing.
    Missing,
    /// The old password, of the user with this login (RFC 7617).
    Password(String),
    /// A token that the provider gave out.
    Token,
}

impl Proof {
    /// Reads the header.
    ///
    /// # Errors
    /// For anything that a provider might read otherwise than it is read here, and for our own tokens: they are none of
    /// its business.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        match bearer(headers) {
            Ok(None) => Ok(Self::Missing),
            Ok(Some(token)) if is_of_pasee(token) => Err(ApiError::OwnToken),
            Ok(Some(_)) => Ok(Self::Token),
            Err(BearerError::Scheme) => {
                basic(headers).map(Self::Password).ok_or(ApiError::OwnToken)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whom it names.
    pub(super) fn login(&self) -> Option<&str> {
        match self {
            Self::Password(login) => Some(login),
            Self::Missing | Self::Token => None,
        }
    }
}

/// The login in `Basic base64(login:password)`.
fn basic(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = LENIENT.decode(encoded).ok()?;
    let end = decoded.iter().position(|byte| *byte == b':')?;
    Some(String::from_utf8_lossy(&decoded[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn proof(lines: &[&str]) -> Option<Proof> {
        let lines = lines.iter().map(|line| (AUTHORIZATION, line.parse().unwrap()));
        Proof::of(&lines.collect()).ok()
    }

    fn with_header(header: &str) -> String {
        format!("Bearer {}.e30.AA", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn what_may_be_passed_on() {
        let password = |login: &str| Some(Proof::Password(login.to_owned()));
        let right = format!("Basic {}", STANDARD.encode("ada:a:b"));
        let reset = with_header(r#"{"typ":"JWT","alg":"ES256"}"#);
        let table: [(&[&str], Option<Proof>); 15] = [
            (&[], Some(Proof::Missing)),
            (&[&right], password("ada")),
            (&["basic YWRhOg"], password("ada")),
            (&["Basic YWRhOh=="], password("ada")),
            (&["Basic /zo="], password("\u{fffd}")),
            (&[&reset], Some(Proof::Token)),
            (&["Bearer x"], Some(Proof::Token)),
            (&[&with_header(r#"{"typ":"at+jwt"}"#)], None),
            (&[&with_header(r#"{"typ":"rt+jwt"}"#)], None),
            // Each of these some provider reads as something else.
            (&[&right, &reset], None),
            (&["Basic  YWRhOg=="], None),
            (&["Basic YWR!hOg=="], None),
            (&["Basic YWRh"], None),
            (&["Token x"], None),
            (&["Bearer  x"], None),
        ];
        for (lines, expected) in table {
            assert_eq!(proof(lines), expected, "{lines:?}");
        }
    }
}

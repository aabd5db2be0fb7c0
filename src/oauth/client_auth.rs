//! How a client says who it is (RFC 6749 section 2.3.1): Basic, a secret in the form, or a name alone.
//!
//! Must not know which clients there are, nor whether a secret is right.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::error::{ErrorCode, OAuthError};
use super::params::Params;

/// Longest name or secret that is looked at, in bytes.
const MAX_CREDENTIAL: usize = 512;

/// Who a client says it is, and what it shows for it.
#[derive(Debug)]
pub struct ClientCredentials {
    id: String,
    secret: Option<SecretString>,
    method: ClientAuthMethod,
}

/// In which way (OpenID Connect Core 1.0 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `none`: a public client.
    None,
}

/// The names of all of them, for metadata.
pub const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

impl ClientCredentials {
    /// Reads the header Authorization, if there is one, and the form.
    ///
    /// # Errors
    /// `invalid_request` for two ways at once, `invalid_client` where there is none that is known here.
    pub fn read(authorization: Option<&str>, params: &Params) -> Result<Self, OAuthError> {
        if params.get("client_assertion").is_some() || params.get("client_assertion_type").is_some()
        {
            return Err(invalid(
                "a client shows its secret, by Basic or as client_secret; no client_assertion",
            ));
        }
        let (id, secret) = (params.get("client_id"), params.get("client_secret"));
        let Some(authorization) = authorization else {
            let id = id.ok_or_else(|| {
                invalid("who asks is missing: a client says so by Basic, or with client_id (RFC 6749 section 2.3.1)")
            })?;
            let method =
                if secret.is_some() { ClientAuthMethod::Post } else { ClientAuthMethod::None };
            return Self::new(id.to_owned(), secret.unwrap_or_default().to_owned(), method);
        };
        let (basic_id, basic_secret) = basic(authorization)?;
        if secret.is_some() {
            return Err(OAuthError::request(
                "there is a secret in the header Authorization and another in client_secret; a client uses one way (RFC 6749 section 2.3)",
            ));
        }
        if id.is_some_and(|id| id != basic_id) {
            return Err(OAuthError::request(
                "the header Authorization and client_id name different clients",
            ));
        }
        Self::new(basic_id, basic_secret, ClientAuthMethod::Basic)
    }

    fn new(id: String, secret: String, method: ClientAuthMethod) -> Result<Self, OAuthError> {
        if id.len() > MAX_CREDENTIAL || secret.len() > MAX_CREDENTIAL {
            return Err(invalid("the name or the secret of the client is too long"));
        }
        // A public client that a library makes use Basic has nothing behind the colon.
        let secret = Some(secret).filter(|secret| !secret.is_empty()).map(SecretString::from);
        Ok(Self { id, secret, method })
    }

    /// Who.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is shown for it.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret)
    }

    /// In which way.
    #[must_use]
    pub fn method(&self) -> ClientAuthMethod {
        self.method
    }
}

fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, description)
}

/// Name and secret are encoded as in a form before they are put together (RFC 6749 section 2.3.1, appendix B).
fn basic(authorization: &str) -> Result<(String, String), OAuthError> {
    let wrong = || {
        invalid(
            "the header Authorization is not Basic with the client's id and secret, each encoded as in a form (RFC 6749 section 2.3.1)",
        )
    };
    let (scheme, encoded) = authorization.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4 * MAX_CREDENTIAL {
        return Err(wrong());
    }
    let pair = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
    let pair = String::from_utf8(pair).map_err(|_| wrong())?;
    let (id, secret) = pair.split_once(':').ok_or_else(wrong)?;
    let decoded = |text: &str| {
        let spaces = text.replace('+', " ");
        percent_decode_str(&spaces).decode_utf8().map(String::from).map_err(|_| wrong())
    };
    let id = decoded(id)?;
    if id.is_empty() { Err(wrong()) } else { Ok((id, decoded(secret)?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(basic: Option<&str>, form: &str) -> Result<ClientCredentials, ErrorCode> {
        let header = basic.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
        let read = ClientCredentials::read(header.as_deref(), &Params::parse(form).unwrap());
        read.map_err(|error| error.code())
    }

    #[track_caller]
    fn is(
        read: Result<ClientCredentials, ErrorCode>,
        id: &str,
        secret: Option<&str>,
        method: ClientAuthMethod,
    ) {
        let read = read.unwrap();
        assert_eq!((read.id(), read.secret(), read.method()), (id, secret, method));
        assert!(!format!("{read:?}").contains("s3cret"), "{read:?}");
    }

    #[test]
    fn three_ways() {
        use ClientAuthMethod::{Basic, None as Nothing, Post};
        is(read(Some("app:s3cret"), ""), "app", Some("s3cret"), Basic);
        is(read(Some("app:s3cret"), "client_id=app"), "app", Some("s3cret"), Basic);
        is(read(Some("app:"), ""), "app", None, Basic);
        is(read(Some("my%2Dapp:a%3Ab+c%25"), ""), "my-app", Some("a:b c%"), Basic);
        is(read(Some("app:s3:cret"), ""), "app", Some("s3:cret"), Basic);
        is(read(None, "client_id=app&client_secret=s3cret"), "app", Some("s3cret"), Post);
        is(read(None, "client_id=app"), "app", None, Nothing);
        is(read(None, "client_id=app&client_secret="), "app", None, Nothing);
    }

    #[test]
    fn one_way_at_a_time() {
        for (basic, form, code) in [
            (Some("app:s3cret"), "client_secret=s3cret", ErrorCode::InvalidRequest),
            (Some("app:"), "client_id=app&client_secret=s3cret", ErrorCode::InvalidRequest),
            (Some("app:s3cret"), "client_id=other", ErrorCode::InvalidRequest),
            (None, "", ErrorCode::InvalidClient),
            (None, "client_secret=s3cret", ErrorCode::InvalidClient),
            (Some("app"), "", ErrorCode::InvalidClient),
            (Some(":s3cret"), "", ErrorCode::InvalidClient),
            (None, "client_id=app&client_assertion=x", ErrorCode::InvalidClient),
            (Some("app:s3cret"), "client_assertion_type=x", ErrorCode::InvalidClient),
        ] {
            assert_eq!(read(basic, form).map(|_| ()), Err(code), "{basic:?} {form}");
        }
        let long = "x".repeat(MAX_CREDENTIAL + 1);
        assert!(read(None, &format!("client_id={long}")).is_err());
        assert!(read(Some(&format!("app:{long}")), "").is_err());
    }

    #[test]
    fn other_headers_are_no_client() {
        for header in [
            "",
            "Basic",
            "Basic ",
            "Bearer YXBwOng=",
            "Basic !!!",
            "Basic /////w==",
            "basic=YXBwOng=",
        ] {
            let read = ClientCredentials::read(Some(header), &Params::default());
            assert_eq!(
                read.map_err(|error| error.code()).map(|_| ()),
                Err(ErrorCode::InvalidClient),
                "{header}"
            );
        }
        assert!(ClientCredentials::read(Some("bAsIc YXBwOng="), &Params::default()).is_ok());
    }
}

//! What a client signs to show an identity provider who it is (RFC 7523 section 3, OpenID Connect Core 1.0 section 9).
//!
//! Must not know where it is sent.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::key::PrivateKey;
use super::sign::{SignError, signing_input};
use crate::domain::time::Timestamp;

/// How long it is good, in seconds: one call, by a server whose clock may be behind.
const LIFETIME: i64 = 300;

/// What is said, to one place, once.
#[derive(Clone, Copy, Debug)]
pub struct ClientAssertion<'a> {
    /// `iss`: whose key it is by.
    pub issuer: &'a str,
    /// `sub`: the client.
    pub subject: &'a str,
    /// `aud`: where it is sent, and nowhere else worth anything.
    pub audience: &'a str,
    /// `jti`: never the same twice.
    pub id: &'a str,
}

impl ClientAssertion<'_> {
    /// By a key, under the name that the provider has for it.
    ///
    /// # Errors
    /// [`SignError`]; it does not happen with a valid key.
    pub fn signed(
        &self,
        key: &PrivateKey,
        key_id: Option<&str>,
        now: Timestamp,
    ) -> Result<String, SignError> {
        let key_id = key_id.unwrap_or_else(|| key.public().id().as_str());
        let header = json!({ "typ": "JWT", "alg": key.algorithm().as_str(), "kid": key_id });
        let mut token = self.input(&header.to_string(), now);
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    /// By a secret that both know.
    #[must_use]
    pub fn keyed(&self, secret: &[u8], now: Timestamp) -> String {
        let mut token = self.input(r#"{"typ":"JWT","alg":"HS256"}"#, now);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut token);
        token
    }

    fn input(&self, header: &str, now: Timestamp) -> String {
        let now = now.as_unix();
        let claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.audience, "jti": self.id, "iat": now, "exp": now + LIFETIME,
        });
        signing_input(&URL_SAFE_NO_PAD.encode(header), claims.to_string().as_bytes())
    }
}

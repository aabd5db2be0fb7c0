//! What Facebook's Graph API has of its own: errors, and a proof of the app's secret ("Secure Graph API Calls").
//!
//! Must not know the flow.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::super::error::ProviderError;
use crate::jose::json::strict_object;
use crate::outbound::{Response, SentSecrets};

/// Adds the proof that whoever uses this access token has the secret of the app it was made for.
pub(super) fn prove(url: &mut Url, access: &str, secret: &SecretString) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let tag = hmac::sign(&key, access.as_bytes());
    let hex = tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    url.query_pairs_mut().append_pair("appsecret_proof", &hex);
}

/// What an error answer to a question about a user comes to.
pub(super) fn error(answer: &Response) -> ProviderError {
    let object = if answer.may_be_json() { strict_object(answer.text()).ok() } else { None };
    match object.as_ref().and_then(|object| object.get("error")) {
        Some(Value::Object(error)) if is_transient(error) => ProviderError::Unreachable,
        _ if answer.is_away() => ProviderError::of_away(answer),
        _ => ProviderError::InvalidResponse("no user information for its own access token"),
    }
}

/// What an error in place of an access token comes to ("Handle Errors"): 100 is a code that is wrong, used or too old.
pub(super) fn refusal(error: &Map<String, Value>, sent: &SentSecrets) -> ProviderError {
    let text = |said: &Value| said.as_str().map_or_else(|| said.to_string(), str::to_owned);
    let said = |name: &str| sent.loggable(&error.get(name).map(text).unwrap_or_default());
    let (code, message) = (said("code"), said("message"));
    tracing::warn!(%code, %message, "an identity provider gives no token for a code");
    match error.get("code").and_then(Value::as_i64) {
        _ if is_transient(error) => ProviderError::Unreachable,
        Some(100) => ProviderError::NotConfirmed,
        _ => ProviderError::InvalidResponse("a refusal that is not the user's"),
    }
}

/// 2: down for a moment; 4, 17, 32, 341 and 613: asked too often.
fn is_transient(error: &Map<String, Value>) -> bool {
    let code = error.get("code").and_then(Value::as_i64);
    error.get("is_transient") == Some(&Value::Bool(true))
        || matches!(code, Some(2 | 4 | 17 | 32 | 341 | 613))
}

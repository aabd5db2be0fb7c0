//! `authorization_parameters`: what a provider is told beside what the protocol has, in the URL that browsers are sent to.
//!
//! Owns which parameters are never the settings' to choose. Must not know protocols.

use crate::settings::reader::{Item, Table};

/// Most parameters.
const MAX_PARAMETERS: usize = 16;
/// Longest name and value, in bytes.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1024;

/// What makes a login this one, or says who asks, how, and where the answer goes (RFC 6749, RFC 7636, RFC 9101, RFC 9126, RFC
/// 9449; OpenID Connect Core 1.0): whoever could choose it could have somebody else's login answered.
const OURS: [&str; 22] = [
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "dpop_jkt",
    "grant_type",
    "id_token_hint",
    "nonce",
    "oauth_token",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "web_message_uri",
];

/// Reads them. `own` are those that have keys of their own in this protocol.
pub(super) fn parameters(settings: &Table<'_>, own: &[&str]) -> Vec<(String, String)> {
    let Some(item) = settings.get("authorization_parameters") else { return Vec::new() };
    let Some(table) = item.table() else { return Vec::new() };
    let mut parameters = Vec::new();
    for (name, item) in table.entries() {
        let Some(value) = item.text() else { continue };
        if is_allowed(name, &value, own) {
            parameters.push((name.to_owned(), value.value.to_owned()));
        }
    }
    if parameters.len() > MAX_PARAMETERS {
        item.error("has more than 16 parameters; a right one has few, such as { domain_hint = \"example.com\" }");
    }
    parameters
}

fn is_allowed(name: &str, item: &Item<'_, &str>, own: &[&str]) -> bool {
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_word) {
        item.error("is no parameter; a right one is one word of at most 64 bytes, such as domain_hint or acr_values");
    } else if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
        item.error("is Pasee's own to say, in each login anew; leave it out");
    } else if own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        item.error("has a key of its own beside authorization_parameters; set that");
    } else if item.value.len() > MAX_VALUE || item.value.chars().any(char::is_control) {
        item.error("is no value of a parameter; a right one has at most 1024 bytes, none of them a control character");
    } else {
        return true;
    }
    false
}

//! Errors and tokens as clients get them (RFC 6749 sections 5.1 and 5.2).
//!
//! The one place where an error of the protocol meets a status code. Must not know what went wrong.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::exchange::ACCESS_TOKEN;
use crate::server::reply::Reply;
use crate::service::{ClientTokens, OAuthFailure};
use crate::web::bearer::{challenge, dpop_challenge};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// RFC 9449 section 8.
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A JSON object, kept by nobody.
pub(super) fn json_reply(status: StatusCode, members: &Value) -> Reply {
    Reply::typed(status, JSON, members.to_string().into())
        .with(PRAGMA, HeaderValue::from_static("no-cache"))
        .unstored()
}

/// Whether what is given came of an exchange, which says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchanged {
    Yes,
    No,
}

/// What a client gets; of an exchange with what it is (RFC 8693 section 2.2.1).
pub(super) fn exchanged(tokens: ClientTokens, exchanged: Exchanged) -> Reply {
    let mut members = Map::new();
    members.insert("access_token".to_owned(), tokens.access_token.into());
    members.insert("token_type".to_owned(), tokens.token_type.as_str().into());
    members.insert("expires_in".to_owned(), tokens.expires_in.into());
    for (name, value) in [("refresh_token", tokens.refresh_token), ("id_token", tokens.id_token)] {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.into());
        }
    }
    members.insert("scope".to_owned(), tokens.scope.into());
    if exchanged == Exchanged::Yes {
        members.insert("issued_token_type".to_owned(), ACCESS_TOKEN.into());
    }
    json_reply(StatusCode::OK, &members.into())
}

/// What the client is told at an endpoint that it calls itself.
pub(super) fn failed(failure: &OAuthFailure) -> Reply {
    let error = told(failure);
    let (status, header) = match error.code() {
        ErrorCode::InvalidClient => {
            let basic = HeaderValue::from_static("Basic realm=\"pasee\", charset=\"UTF-8\"");
            (StatusCode::UNAUTHORIZED, Some((WWW_AUTHENTICATE, basic)))
        }
        ErrorCode::TemporarilyUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, Some((RETRY_AFTER, HeaderValue::from_static("5"))))
        }
        ErrorCode::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, None),
        _ => (StatusCode::BAD_REQUEST, None),
    };
    let members =
        json!({ "error": error.code().as_str(), "error_description": error.description() });
    header
        .into_iter()
        .fold(json_reply(status, &members), |reply, (name, value)| reply.with(name, value))
}

/// What is told of a token that was shown (RFC 6750 section 3.1).
pub(super) fn token_failed(failure: &OAuthFailure) -> Reply {
    let error = told(failure);
    let status = match error.code() {
        ErrorCode::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => return failed(failure),
        _ => StatusCode::UNAUTHORIZED,
    };
    let members =
        json!({ "error": error.code().as_str(), "error_description": error.description() });
    let said = (error.code().as_str(), error.description());
    let said = match error.code() {
        // RFC 9449 section 7.1.
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => dpop_challenge(said),
        _ => challenge(Some(said)),
    };
    json_reply(status, &members).with(WWW_AUTHENTICATE, said)
}

/// What a client may know of a failure; the log has the rest.
pub(super) fn told(failure: &OAuthFailure) -> OAuthError {
    match failure {
        OAuthFailure::Protocol(error) => error.clone(),
        OAuthFailure::Later => OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "this cannot be judged now; try again in a few seconds",
        ),
        OAuthFailure::Inside(reason) => {
            tracing::error!(reason, "nothing could be issued");
            OAuthError::new(ErrorCode::ServerError, "something is wrong inside; its log says what")
        }
    }
}

//! What the API server says of the token that an author has shown it: how far it reaches, of which session it is, and which
//! revocation was in force when that began.
//!
//! The API server has verified the token, and hands on of its claims what its configuration maps. Must not know what is judged.

use super::Refusal;
use super::review::Review;
use crate::domain::authorization::OAuthScope;
use crate::domain::policy::{Grant, Login, Vouched};
use crate::domain::time::Timestamp;
use crate::domain::token::{Scope, SessionId};
use crate::domain::user::UserId;
use crate::resources::webhook::{REVOCATION, SCOPE, SESSION};

/// Where the API server itself says by what somebody is known (`k8s.io/apiserver/pkg/authentication/user`, `CredentialIDKey`),
/// and how that of a token begins. A client certificate has another, and who is impersonated has none.
const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";
const TOKEN: &str = "JTI=";

/// On what grounds an author acts: in the session of the token they have shown. Whoever the API server knows without a token of
/// ours is in no session that could have been ended.
pub(super) fn grant(review: &Review, author: &UserId) -> Result<Grant<'static>, Refusal> {
    let (user, scope) = (author.clone(), scope(review)?);
    let [sid] = review.extra(SESSION) else {
        let is_token = review.extra(CREDENTIAL).iter().any(|id| id.starts_with(TOKEN));
        return if is_token
            || !review.extra(SESSION).is_empty()
            || !review.extra(REVOCATION).is_empty()
        {
            Err(Refusal::Denied(format!(
                "the API server does not say of which session your token is; its AuthenticationConfiguration must map the claims sid and rev to {SESSION} and {REVOCATION}, as docs/kubernetes.md of Pasee shows"
            )))
        } else {
            Ok(Grant::Login(Login { scope, ..Login::of(user) }))
        };
    };
    let session = sid.parse().map_err(|error| {
        Refusal::Denied(format!("the session of your token cannot be read: {error}"))
    })?;
    Ok(Grant::Vouched(Vouched { user, scope, session, revocation: revocation(review)? }))
}

/// In which session, if in one.
pub(super) fn session(grant: &Grant<'_>) -> Option<SessionId> {
    match grant {
        Grant::Vouched(vouched) => Some(vouched.session),
        Grant::Login(_) | Grant::Refresh(..) | Grant::Access(_) | Grant::Invitation(_) => None,
    }
}

/// How far the author's token reaches. The groups in it do not count, but whoever was given a token of less has no more by it.
pub(super) fn scope(review: &Review) -> Result<Scope, Refusal> {
    let shown = review.extra(SCOPE);
    let words = shown.iter().flat_map(|text| text.split_ascii_whitespace());
    // What a client was granted besides limits no groups; a scope of nothing is none that we wrote.
    let limits: Vec<&str> = words.filter(|word| word.parse::<OAuthScope>().is_err()).collect();
    let is_blank = |text: &String| text.trim_ascii().is_empty();
    if limits.is_empty() && !shown.iter().any(is_blank) {
        return Ok(Scope::Unlimited);
    }
    let limits = limits.join(" ");
    limits.parse().map_err(|error| {
        Refusal::Denied(format!("the limit of your token, {limits}, cannot be read: {error}"))
    })
}

/// The revocation that was in force when the session began; none of most users.
fn revocation(review: &Review) -> Result<Option<Timestamp>, Refusal> {
    let moment = match review.extra(REVOCATION) {
        [] => return Ok(None),
        [text] => text.parse().ok().and_then(Timestamp::from_unix),
        [_, _, ..] => None,
    };
    let unreadable =
        "the revocation in your token cannot be read: the claim rev is a number of seconds";
    moment.map(Some).ok_or_else(|| Refusal::Denied(unreadable.to_owned()))
}

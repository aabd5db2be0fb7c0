//! `/users/me`: whom an access token speaks for, and what it says of them; and the end of one session.
//!
//! Must not know how a token is believed.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::claim::ClaimValue;
use crate::domain::token::{AccessClaims, Scope};
use crate::server::Api;
use crate::server::document::Link;
use crate::server::error::ApiError;
use crate::server::moment::text_of;
use crate::server::reply::Reply;
use crate::server::request::Call;

/// Claims that say what to call somebody (OpenID Connect Core 1.0 section 5.1), as far as the settings let them pass.
const NAMES: [&str; 7] =
    ["name", "given_name", "family_name", "nickname", "preferred_username", "email", "login"];

impl Api {
    /// GET `/users/me`: as `/users/U`, and the names and the session of the token.
    pub(in crate::server) fn show_me(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let (document, next) = self.user_page(call, &caller, caller.user())?;
        let claims = caller.claims();
        let end = Link::new(
            "delete",
            self.session_url(caller.user(), claims.token.session),
            "End this session",
            "The access and refresh tokens of this login are worth nothing any more. Other sessions go on.",
        );
        let names: Map<String, Value> =
            names(claims).map(|(name, text)| (name.to_owned(), text.into())).collect();
        let document = document.with("names", names).with("session", session(claims));
        let document = document.with("end_session", end);
        Ok(Reply::document(StatusCode::OK, &document).continued(next.as_deref()))
    }

    /// DELETE `/users/U/sessions/SID`: by a token of that session, and by root staff.
    pub(in crate::server) async fn end_session(
        &self,
        call: &Call<'_>,
        name: &str,
        sid: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let (user, session) = (name.parse()?, sid.parse()?);
        self.service.end_session(&caller, user, session).await?;
        Ok(Reply::nothing())
    }
}

/// What to call somebody, by the names of the claims that say it.
pub(in crate::server) fn names(claims: &AccessClaims) -> impl Iterator<Item = (&str, &str)> {
    let names = claims.extra.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
    names.filter_map(|(name, value)| match value {
        ClaimValue::Text(text) => Some((name.as_str(), text.as_str())),
        ClaimValue::Bool(_) | ClaimValue::Integer(_) | ClaimValue::Texts(_) => None,
    })
}

fn session(claims: &AccessClaims) -> Value {
    let token = &claims.token;
    let mut session = json!({
        "sid": token.session.to_string(),
        "idp": token.subject.split().0,
        "authenticated_at": text_of(token.authenticated_at),
        "issued_at": text_of(token.issued_at),
        "expires_at": text_of(token.expires_at),
    });
    if token.scope != Scope::Unlimited {
        session["scope"] = token.scope.to_string().into();
    }
    session
}

//! A login from its beginning to where its browser goes on.
//!
//! Must not know how anybody proves who they are.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::cookie::{Ending, LoginCookie, LoginCookies, Target};
use super::cookies::LoginId;
use crate::jose::seal::Sealer;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{FormToken, SsoSession};

/// How a browser has come to where its login ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// By a link or a redirect.
    Link,
    /// By a form, and then Chromium holds every redirect that follows to the page's `form-action`.
    Form,
}

impl Api {
    /// The logins that a browser carries.
    pub(super) fn logins<'a>(&'a self, call: &'a Call<'_>, sealer: &'a Sealer) -> LoginCookies<'a> {
        LoginCookies { cookies: &self.cookies, sealer, headers: &call.parts.headers, now: call.now }
    }

    /// The login of a page, by its id.
    pub(super) fn login_of_page(
        &self,
        call: &Call<'_>,
        id: &str,
    ) -> Result<(LoginId, LoginCookie), ApiError> {
        let id = id.parse().map_err(|_| ApiError::LoginUnknown)?;
        let keys = self.service.keys().current();
        let login = self.logins(call, keys.login_cookies()).get(id);
        let login = login.filter(|login| matches!(login.ending(), Ending::Session(_)));
        login.map(|login| (id, login)).ok_or(ApiError::LoginUnknown)
    }

    /// A login that begins now.
    pub(super) fn new_login(
        &self,
        ending: Ending,
        application: Option<&str>,
        call: &Call<'_>,
    ) -> Result<(LoginId, LoginCookie), ApiError> {
        let login = LoginCookie::new(ending, application, FormToken::random()?, call.now);
        let keys = self.service.keys().current();
        let others = self.logins(call, keys.login_cookies());
        let others = others.all().map(|(_, other)| other);
        Ok((LoginId::random()?, login.after(others)))
    }

    /// On from a login that has ended in this session.
    pub(super) fn signed_in(
        &self,
        call: &Call<'_>,
        id: LoginId,
        login: LoginCookie,
        session: &SsoSession,
        arrival: Arrival,
    ) -> Result<Reply, ApiError> {
        let target = match login.continuation() {
            Some(continuation) => continuation.target,
            None => Target::Home,
        };
        let path = match (&target, arrival) {
            (Target::Authorize(_), Arrival::Form) => format!("/login?login={id}"),
            _ => target.path(id),
        };
        let keys = self.service.keys().current();
        let cookies = match target {
            Target::Home => vec![self.cookies.unset(&self.cookies.login(id))?],
            _ => self.logins(call, keys.login_cookies()).set(id, &login.answered_by(session))?,
        };
        Ok(self.on_to(&path).setting(cookies).setting([self.session_cookie(session)?]))
    }

    /// On to another page of ours, which is asked for by GET whatever was asked for before (RFC 9110 section 15.4.4).
    pub(in crate::server) fn on_to(&self, path: &str) -> Reply {
        let location = HeaderValue::try_from(self.config.base.link(path))
            .unwrap_or(HeaderValue::from_static("/"));
        Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).unstored()
    }
}

//! The cookie of the session that a browser has here.
//!
//! Must not know what the session says, nor when it is over.

use http::HeaderValue;
use http::header::SET_COOKIE;

use super::cookies::{MAX_VALUE, value};
use crate::jose::seal::SealError;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::SsoSession;

impl Api {
    /// The session of the browser that asks, if it has one that goes on now.
    pub(in crate::server) fn sso_session(&self, call: &Call<'_>) -> Option<SsoSession> {
        let name = self.cookies.session();
        let keys = self.service.keys().current();
        let carried = value(&call.parts.headers, &name)?;
        let carried = keys.browser_sessions().open(&name, carried)?;
        match self.service.session(&carried, call.now) {
            Ok(session) => Some(session),
            Err(reason) => {
                tracing::debug!(%reason, "a browser's session does not go on");
                None
            }
        }
    }

    /// An answer to who used this session, which has its cookie made anew if it is time to note that.
    pub(in crate::server) fn kept(
        &self,
        call: &Call<'_>,
        session: &SsoSession,
        reply: Reply,
    ) -> Reply {
        let Some(used) = session.used(call.now) else { return reply };
        match self.session_cookie(&used) {
            Ok(cookie) => reply.with(SET_COOKIE, cookie),
            // The one of before still holds.
            Err(_) => reply,
        }
    }

    /// The header that makes a browser carry a session until it is closed; how long it lasts stands in it.
    pub(super) fn session_cookie(&self, session: &SsoSession) -> Result<HeaderValue, ApiError> {
        let (name, keys) = (self.cookies.session(), self.service.keys().current());
        let sealed = keys.browser_sessions().seal(&name, &session.to_bytes())?;
        // What a refresh token has room for, a cookie has room for too.
        if sealed.len() > MAX_VALUE {
            return Err(SealError.into());
        }
        Ok(self.cookies.set(&name, &sealed, None)?)
    }

    /// The header that makes a browser forget its session.
    pub(in crate::server) fn no_session(&self) -> Result<HeaderValue, ApiError> {
        Ok(self.cookies.unset(&self.cookies.session())?)
    }
}

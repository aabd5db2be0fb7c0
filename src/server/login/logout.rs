//! `/logout`: the end of a browser's session, or of all sessions of its user.
//!
//! Must not know what else ends with one.

use askama::Template;
use http::StatusCode;

use super::page::is_from_elsewhere;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Message, Onward, Page};
use crate::server::reply::Reply;
use crate::server::request::Call;

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    page: &'a Page,
    token: String,
}

impl Api {
    /// GET `/logout`: the question, or that there is no session.
    pub(in crate::server) fn show_logout(&self, call: &Call<'_>) -> Reply {
        let page = self.page(call.parts);
        if let Some(session) = self.sso_session(call) {
            let token = session.form_token().to_string();
            let reply = Reply::page(StatusCode::OK, &page, &LogoutPage { page: &page, token });
            return self.kept(call, &session, reply);
        }
        let texts = page.texts();
        let onward = Onward { href: page.path("/"), label: texts.log_in_again };
        let message = Message {
            page: &page,
            heading: texts.logged_out,
            advice: texts.logged_out_advice.to_owned(),
            detail: None,
            names_request: None,
            onward: Some(onward),
        };
        Reply::page(StatusCode::OK, &page, &message)
    }

    /// POST `/logout`: ends this session, or with `sessions=all` every session of its user.
    pub(in crate::server) async fn log_out(&self, mut call: Call<'_>) -> Result<Reply, ApiError> {
        let form = call.form().await?;
        if let Some(session) = self.sso_session(&call) {
            let is_ours = session.form_token().is(form.get("form_token").unwrap_or_default());
            if !is_ours || is_from_elsewhere(&call.parts.headers) {
                return Err(ApiError::FormUnknown);
            }
            let caller = self.service.caller_in(&session, call.now)?;
            let user = session.user().clone();
            match form.get("sessions") {
                Some("all") => self.service.revoke(&caller, user).await?,
                _ => self.service.end_session(&caller, user, session.id()).await?,
            }
        }
        Ok(self.on_to("/logout").setting([self.no_session()?]))
    }
}

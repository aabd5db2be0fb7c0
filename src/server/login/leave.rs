//! `/leave`: out of a group, by one's own will.
//!
//! Must not know who else could say so.

use askama::Template;
use http::StatusCode;

use super::cookie::Target;
use super::page::{LoginWishes, is_from_elsewhere};
use crate::domain::membership::Roster;
use crate::domain::realm::WriteError;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Message, Onward, Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;

#[derive(Template)]
#[template(path = "leave.html")]
struct LeavePage<'a> {
    page: &'a Page,
    heading: String,
    group: String,
    token: String,
}

impl Api {
    /// GET `/leave`: whether somebody wants to leave the group that they name.
    pub(in crate::server) async fn show_leave(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let roster = roster(call.query("group")?.as_deref())?;
        let Some(session) = self.sso_session(call) else {
            return self.login_page(call, Target::Home, LoginWishes::default()).await;
        };
        if !self.service.is_on(session.user(), &roster, call.now) {
            return Err(WriteError::NotMember.into());
        }
        let page = self.page(call.parts);
        let asked = LeavePage {
            page: &page,
            heading: filled(page.texts().leave_question, &roster),
            group: roster.to_string(),
            token: session.form_token().to_string(),
        };
        let reply = Reply::page(StatusCode::OK, &page, &asked);
        Ok(self.kept(call, &session, reply))
    }

    /// POST `/leave`: their yes.
    pub(in crate::server) async fn leave(&self, mut call: Call<'_>) -> Result<Reply, ApiError> {
        let form = call.form().await?;
        let session = self.sso_session(&call).ok_or(ApiError::FormUnknown)?;
        let is_ours = session.form_token().is(form.get("form_token").unwrap_or_default());
        if !is_ours || is_from_elsewhere(&call.parts.headers) {
            return Err(ApiError::FormUnknown);
        }
        let roster = roster(form.get("group"))?;
        let caller = self.service.caller_in(&session, call.now)?;
        self.service.leave(&caller, roster.clone()).await?;
        let page = self.page(call.parts);
        let texts = page.texts();
        let message = Message {
            page: &page,
            heading: texts.left,
            advice: filled(texts.left_advice, &roster),
            detail: None,
            names_request: None,
            onward: Some(Onward { href: page.path("/"), label: texts.to_the_start }),
        };
        Ok(Reply::page(StatusCode::OK, &page, &message))
    }
}

fn roster(named: Option<&str>) -> Result<Roster, ApiError> {
    let missing =
        || ApiError::Malformed("name the group to leave, as in ?group=articles".to_owned());
    Ok(named.ok_or_else(missing)?.parse()?)
}

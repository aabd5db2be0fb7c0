//! `/invitation`: who invites to which group, and whether one wants to be in it.
//!
//! Nobody comes in by opening a link: whoever does logs in, reads what it is, and says yes by a form of ours. Must not know who may
//! let whom in.

use askama::Template;
use http::StatusCode;

use super::cookie::Target;
use super::home::moment;
use super::page::{LoginWishes, is_from_elsewhere};
use crate::domain::membership::Role;
use crate::domain::realm::WriteError;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Message, Onward, Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Invitation, SsoSession};

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    page: &'a Page,
    heading: String,
    group: String,
    description: Option<String>,
    is_for_staff: bool,
    maker: &'a str,
    maker_name: Option<&'a str>,
    user: &'a str,
    until: String,
    sealed: &'a str,
    token: String,
}

impl Api {
    /// GET `/invitation`: what it is, for somebody who is logged in; or the page to log in on.
    pub(in crate::server) async fn show_invitation(
        &self,
        call: &Call<'_>,
    ) -> Result<Reply, ApiError> {
        if let Some(elsewhere) = self.by_our_name(call.parts) {
            return Ok(elsewhere);
        }
        let login = call.query("login")?;
        let sealed = match &login {
            None => call.query("seal")?.ok_or(ApiError::InvitationUnknown)?,
            Some(id) => match self.continuation(call, id).map(|login| login.target) {
                Some(Target::Invitation(sealed)) => sealed,
                _ => return Err(ApiError::LoginUnknown),
            },
        };
        let reply = self.answer_invited(call, &sealed).await?;
        Ok(match login {
            Some(id) if self.sso_session(call).is_some() => self.without_login(&id, reply),
            _ => reply,
        })
    }

    async fn answer_invited(&self, call: &Call<'_>, sealed: &str) -> Result<Reply, ApiError> {
        let invitation = self.service.invitation(sealed, call.now);
        let invitation = invitation.ok_or(ApiError::InvitationUnknown)?;
        let Some(session) = self.sso_session(call) else {
            let target = Target::Invitation(sealed.to_owned());
            return self.login_page(call, target, LoginWishes::default()).await;
        };
        if self.service.is_on(session.user(), invitation.roster(), call.now) {
            return Err(WriteError::AlreadyMember.into());
        }
        self.service.is_open(&session, &invitation, call.now).await?;
        let reply = self.ask_invited(call, &session, &invitation, sealed);
        Ok(self.kept(call, &session, reply))
    }

    fn ask_invited(
        &self,
        call: &Call<'_>,
        session: &SsoSession,
        invitation: &Invitation,
        sealed: &str,
    ) -> Reply {
        let page = self.page(call.parts);
        let group = invitation.roster().group();
        let description = group.and_then(|group| self.service.description(group));
        let group = group.map(ToString::to_string).unwrap_or_default();
        let asked = InvitationPage {
            page: &page,
            heading: filled(page.texts().invitation, &group),
            group,
            description: description.map(|text| text.as_str().to_owned()),
            is_for_staff: invitation.roster().role() == Role::Staff,
            maker: invitation.maker().as_str(),
            maker_name: invitation.maker_name(),
            user: session.user().as_str(),
            until: moment(invitation.ends_at()),
            sealed,
            token: session.form_token().to_string(),
        };
        Reply::page(StatusCode::OK, &page, &asked)
    }

    /// POST `/invitation`: the yes of whoever was invited.
    pub(in crate::server) async fn take_invitation(
        &self,
        mut call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        let form = call.form().await?;
        let sealed = form.get("seal").ok_or(ApiError::InvitationUnknown)?;
        let Some(session) = self.sso_session(&call) else {
            // It ended while the page was open: they are asked once more, when they have logged in.
            return self.answer_invited(&call, sealed).await;
        };
        let is_ours = session.form_token().is(form.get("form_token").unwrap_or_default());
        if !is_ours || is_from_elsewhere(&call.parts.headers) {
            return Err(ApiError::FormUnknown);
        }
        let invitation = self.service.invitation(sealed, call.now);
        let invitation = invitation.ok_or(ApiError::InvitationUnknown)?;
        self.service.join(&session, &invitation, call.now).await?;
        let page = self.page(call.parts);
        let texts = page.texts();
        let message = Message {
            page: &page,
            heading: texts.joined,
            advice: filled(texts.joined_advice, invitation.roster()),
            detail: None,
            names_request: None,
            onward: Some(Onward { href: page.path("/"), label: texts.to_the_start }),
        };
        Ok(Reply::page(StatusCode::OK, &page, &message))
    }
}

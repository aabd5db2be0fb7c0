//! `/` in a browser: who one is here, what one is in, and the session; or the page to log in on.
//!
//! Must not know how a session is kept.

use askama::Template;
use http::StatusCode;

use super::cookie::Target;
use super::page::LoginWishes;
use crate::domain::client::{BUILT_IN, GrantType};
use crate::domain::directory::{Holding, Page as Part};
use crate::domain::time::Timestamp;
use crate::server::Api;
use crate::server::api::names;
use crate::server::error::ApiError;
use crate::server::moment::text_of;
use crate::server::page::{Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Caller, SsoSession};

/// Most groups on the page.
const GROUPS: usize = 200;
/// Most applications on the page.
const APPLICATIONS: usize = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    page: &'a Page,
    user: &'a str,
    names: Vec<String>,
    groups: Vec<Group>,
    applications: Vec<String>,
    provider: &'a str,
    since: String,
    until: String,
    token: String,
}

struct Group {
    name: String,
    until: Option<String>,
    /// Where to leave it, unless it is an identity provider's to give.
    leave: Option<String>,
}

impl Api {
    /// GET `/` by a browser.
    pub(in crate::server) async fn show_home_page(
        &self,
        call: &Call<'_>,
    ) -> Result<Reply, ApiError> {
        if let Some(elsewhere) = self.by_our_name(call.parts) {
            return Ok(elsewhere);
        }
        match self.sso_session(call) {
            Some(session) => Ok(self.kept(call, &session, self.who_one_is(call, &session)?)),
            None => self.login_page(call, Target::Home, LoginWishes::default()).await,
        }
    }

    fn who_one_is(&self, call: &Call<'_>, session: &SsoSession) -> Result<Reply, ApiError> {
        let caller = self.service.caller_in(session, call.now)?;
        let page = self.page(call.parts);
        let seen = self.service.user(&caller, caller.user())?;
        let groups = seen.groups(Part { after: None, limit: GROUPS }).items;
        let (name, _) = session.user().split();
        let template = HomePage {
            page: &page,
            user: session.user().as_str(),
            names: names(caller.claims()).map(|(_, name)| name.to_owned()).collect(),
            applications: self.applications(&groups),
            groups: groups.iter().map(|holding| self.group_on(&page, &caller, holding)).collect(),
            provider: name,
            since: moment(session.authenticated_at()),
            until: moment(session.memory().token.expires_at),
            token: session.form_token().to_string(),
        };
        Ok(Reply::page(StatusCode::OK, &page, &template))
    }

    fn group_on(&self, page: &Page, caller: &Caller, holding: &Holding) -> Group {
        let until = holding.expires_at.map(|end| filled(page.texts().until, moment(end)));
        let name = holding.roster.to_string();
        let can_leave = self.service.is_on(caller.user(), &holding.roster, self.service.now());
        let leave = can_leave.then(|| page.path(&format!("/leave?group={name}")));
        Group { name, until, leave }
    }

    /// What people call the applications that let in who is in these groups.
    fn applications(&self, groups: &[Holding]) -> Vec<String> {
        let clients = self.service.clients().into_iter().filter(|client| {
            let is_visited =
                client.allows(GrantType::AuthorizationCode) && !client.redirect_uris.is_empty();
            let rosters = groups.iter().map(|holding| &holding.roster);
            // The command line's own client is nothing that somebody opens.
            is_visited && client.id.as_str() != BUILT_IN && client.admits(rosters)
        });
        clients.take(APPLICATIONS).map(|client| client.name.clone()).collect()
    }
}

/// A moment as people read it, whatever their language.
pub(super) fn moment(moment: Timestamp) -> String {
    let text = text_of(moment);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

//! `/users/`: who there is, what they are in, bans and revocations.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::document::{Document, Link, Location, Need};
use super::error::ApiError;
use super::paging;
use super::reply::Reply;
use super::request::Call;
use super::urls::encoded;
use super::{Api, Caller};
use crate::domain::directory::Page;
use crate::domain::membership::Roster;
use crate::domain::policy::{View, may_see, permit};
use crate::domain::realm::{Ban, Change};
use crate::domain::user::UserId;

/// Users on one page.
const USERS: usize = 50;
/// Groups of a user on one page.
const GROUPS: usize = 20;

impl Api {
    /// GET `/users/`: root staff sees who there is; everybody sees how to register.
    pub(super) fn list_users(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let caller = self.caller_if_any(call)?;
        let after: Option<UserId> = call.parsed_query("after")?;
        let url = self.url("/users/");
        let mut document = Document::new(&url, "Users");
        let sees = caller.is_some_and(|caller| may_see(&caller.actor, &View::Users).is_ok());
        let mut users = Vec::new();
        if sees {
            let page = Page { after: after.as_ref(), limit: USERS + 1 };
            let (page, last) =
                paging::cut(self.config.realm.directory().users(page, call.now), USERS);
            let next = last.map(|last| {
                paging::next(format!("{url}?after={}", encoded(last.as_str())), "More users")
            });
            document = document.with_some("next", next);
            users = page;
        }
        let users: Vec<Value> = users.iter().map(|user| self.user_document(user).into()).collect();
        document = document.with("users", users);
        if self.config.providers.registering().is_some() {
            let link = Link::new(
                "post",
                url,
                "Register a new user",
                "POST a username, a password and an email address.",
            );
            let fields = ["username", "password", "email"];
            let link = fields
                .iter()
                .fold(link, |link, name| link.field(name, Location::Form, Need::Required));
            document = document.with("register_user", link);
        }
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// GET `/users/U`: to the user and to root staff. A user id is a name, not a record: one that nothing is said of
    /// stands for somebody in no group.
    pub(super) fn show_user(&self, call: &Call<'_>, name: &str) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let user: UserId = name.parse()?;
        may_see(&caller.actor, &View::User(user.clone()))?;
        let after: Option<Roster> = call.parsed_query("last_element")?;
        let record = self.config.realm.directory().record(&user, call.now);
        let rosters =
            caller.within(&user, record.holdings.into_iter().map(|holding| holding.roster));
        let (page, last) = paging::cut(paging::behind(rosters, after.as_ref()), GROUPS);
        let url = self.user_url(&user);
        let next = last.map(|last| {
            paging::next(format!("{url}?last_element={last}"), "More groups of this user")
        });
        let patch = Link::new(
            "patch",
            url.clone(),
            "Ban a user, or let one in again",
            "PATCH {\"is_banned\": true} to ban, or {\"not_before\": \"now\"} to end all sessions; for root staff.",
        );
        let patch = patch.field("is_banned", Location::Form, Need::Optional).field(
            "not_before",
            Location::Form,
            Need::Optional,
        );
        let document = Document::new(&url, "User")
            .with("username", user.as_str())
            .with("is_banned", record.standing.banned)
            .with("groups", self.group_documents(&page))
            .with_some("next", next)
            .with("patch", patch);
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// PATCH `/users/U`: a ban or a revocation by root staff; a JSON Patch goes to the provider.
    pub(super) async fn patch_user(&self, call: Call<'_>, name: &str) -> Result<Reply, ApiError> {
        if call.is_of_type(&["application/json-patch+json"]) {
            let user: UserId = name.parse()?;
            return self.change_password(call, &user).await;
        }
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let user: UserId = name.parse()?;
        let right = "{\"is_banned\": true}, {\"is_banned\": false} or {\"not_before\": \"now\"}";
        let said = (fields.take("is_banned"), fields.take("not_before"));
        fields.finish(right)?;
        let banned = match said {
            (Some(Value::Bool(true)), None) => Ban::Impose,
            (Some(Value::Bool(false)), None) => Ban::Lift,
            (None, Some(Value::String(moment))) if moment == "now" => {
                self.revoke(&caller, user).await?;
                return Ok(Reply::nothing());
            }
            _ => {
                return Err(ApiError::Malformed(format!(
                    "the body means nothing here; a right one is {right}"
                )));
            }
        };
        self.write(permit(&caller.actor, Change::SetBanned { user, banned })?).await?;
        Ok(Reply::nothing())
    }

    /// Makes every token of a user worthless that is issued before this returns.
    ///
    /// Tokens tell their time in whole seconds, so those of the second that has begun go too. When the write took longer
    /// than that, tokens may have been issued meanwhile: it is done again, with a wider margin.
    async fn revoke(&self, caller: &Caller, user: UserId) -> Result<(), ApiError> {
        let mut margin = Duration::from_secs(1);
        loop {
            let not_before = (self.config.clock)().after(margin);
            let change = Change::Revoke { user: user.clone(), not_before };
            self.write(permit(&caller.actor, change)?).await?;
            if (self.config.clock)() < not_before {
                return Ok(());
            }
            margin *= 4;
        }
    }

    /// DELETE `/users/U`: out of every group.
    pub(super) async fn delete_user(&self, call: &Call<'_>, name: &str) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let user = name.parse()?;
        self.write(permit(&caller.actor, Change::DeleteUser(user))?).await?;
        Ok(Reply::nothing())
    }
}

//! `/users/`: who there is, what they are in, bans and revocations.

use http::StatusCode;
use serde_json::Value;

use super::proof::Proof;
use super::urls::{encoded, next_page};
use crate::domain::change::{Ban, Change};
use crate::domain::directory::Page;
use crate::domain::membership::Roster;
use crate::domain::user::UserId;
use crate::server::Api;
use crate::server::document::{Document, Link, Location, Need};
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::Caller;

/// Users on one page.
const USERS: usize = 50;
/// Groups of a user on one page.
const GROUPS: usize = 20;

impl Api {
    /// GET `/users/`: root staff sees who there is; everybody sees how to register.
    pub(in crate::server) fn list_users(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        // Whoever has no token that holds is a stranger here: old clients come with a stale one to register.
        let caller = match self.caller(call) {
            // Whoever proves a key is no old client, and begins with a proof that is refused: that brings the nonce.
            Err(error @ ApiError::Proof(_)) => return Err(error),
            caller => caller,
        };
        let after: Option<UserId> = call.cursor("after")?;
        let url = self.url("/users/");
        let mut document = Document::new(&url, "Users");
        let page = Page { after: after.as_ref(), limit: USERS };
        let seen = caller.as_ref().ok().and_then(|caller| self.service.users(caller, page).ok());
        let listing = seen.unwrap_or_default();
        let next = listing.next_after.map(|last| format!("{url}?after={}", encoded(last.as_str())));
        let users: Vec<Value> =
            listing.items.iter().map(|user| self.user_document(user).into()).collect();
        let more = next.as_deref().map(|url| next_page(url, "More users"));
        document = document.with_some("next", more).with("users", users);
        if self.service.providers().registering().is_some() {
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
        let reply = Reply::document(StatusCode::OK, &document).continued(next.as_deref());
        Ok(match caller {
            Ok(_) => reply,
            Err(refused) => Self::for_stranger(reply, &refused),
        })
    }

    /// GET `/users/U`: to the user and to root staff. A user id is a name, not a record: one that nothing is said of
    /// stands for somebody in no group.
    pub(in crate::server) fn show_user(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let (document, next) = self.user_page(call, &caller, &name.parse()?)?;
        Ok(Reply::document(StatusCode::OK, &document).continued(next.as_deref()))
    }

    /// What is shown of a user, and where the list of their groups goes on.
    pub(super) fn user_page(
        &self,
        call: &Call<'_>,
        caller: &Caller,
        user: &UserId,
    ) -> Result<(Document, Option<String>), ApiError> {
        let seen = self.service.user(caller, user)?;
        let after: Option<Roster> = call.cursor("last_element")?;
        let is_banned = seen.is_banned;
        let listing = seen.groups(Page { after: after.as_ref(), limit: GROUPS });
        let url = self.user_url(user);
        let next = listing.next_after.map(|last| format!("{url}?last_element={}", last.roster));
        let more = next.as_deref().map(|url| next_page(url, "More groups of this user"));
        let patch = Link::new(
            "patch",
            url.clone(),
            "Ban a user, or let one in again",
            "PATCH {\"is_banned\": true} to ban, for root staff; {\"not_before\": \"now\"} ends all sessions, also for the user.",
        );
        let patch = patch.field("is_banned", Location::Form, Need::Optional).field(
            "not_before",
            Location::Form,
            Need::Optional,
        );
        let delete = self.service.may_change(caller, Change::DeleteUser(user.clone()));
        let delete = delete.then(|| {
            Link::new(
                "delete",
                url.clone(),
                "Delete a user",
                "Takes them out of every group; for root staff.",
            )
        });
        let document = Document::new(&url, "User")
            .with("username", user.as_str())
            .with("is_banned", is_banned)
            .with_some("next", more)
            .with("groups", self.group_documents(&listing.items))
            .with("patch", patch)
            .with_some("delete", delete);
        Ok((document, next))
    }

    /// PATCH `/users/U`: a ban by root staff, the end of all sessions by them or the user; a new password goes to the provider.
    pub(in crate::server) async fn patch_user(
        &self,
        call: Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let is_form = call.is_of_type(&["application/json", "application/vnd.coreapi+json"]);
        let is_patch = call.is_of_type(&["application/json-patch+json"]);
        // Who shows no token of ours changes a password, or nothing.
        if is_patch || (is_form && Proof::of(&call.parts.headers).is_ok()) {
            let refused = self.caller(&call).err().unwrap_or(ApiError::OwnToken);
            let user: UserId = name.parse()?;
            return self.change_password(call, &user, refused).await;
        }
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let user: UserId = name.parse()?;
        if fields.has("password") {
            return Err(ApiError::OwnToken);
        }
        let right = "{\"is_banned\": true}, {\"is_banned\": false} or {\"not_before\": \"now\"}";
        let said = (fields.take("is_banned"), fields.take("not_before"));
        fields.finish(right)?;
        let banned = match said {
            (Some(Value::Bool(true)), None) => Ban::Impose,
            (Some(Value::Bool(false)), None) => Ban::Lift,
            (None, Some(Value::String(moment))) if moment == "now" => {
                self.service.revoke(&caller, user).await?;
                return Ok(Reply::nothing());
            }
            _ => {
                return Err(ApiError::Malformed(format!(
                    "the body means nothing here; a right one is {right}"
                )));
            }
        };
        self.service.set_banned(&caller, user, banned).await?;
        Ok(Reply::nothing())
    }

    /// DELETE `/users/U`: out of every group.
    pub(in crate::server) async fn delete_user(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let user = name.parse()?;
        self.service.delete_user(&caller, user).await?;
        Ok(Reply::nothing())
    }
}

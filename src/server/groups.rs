//! `/groups/`: groups and who is in them, by the policy.

use http::StatusCode;
use serde_json::Value;

use super::Api;
use super::document::{Document, Link, Location, Need};
use super::error::ApiError;
use super::paging;
use super::reply::Reply;
use super::request::Call;
use super::urls::encoded;
use crate::domain::directory::Page;
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{View, may_see, permit};
use crate::domain::realm::{Change, WriteError};
use crate::domain::user::{UserId, UserIdError};

/// Groups on one page.
const GROUPS: usize = 20;
/// Members of a group on one page.
const MEMBERS: usize = 50;

impl Api {
    /// GET `/groups/`: all groups to root staff, their own to everybody; with `user`, that user's.
    pub(super) fn list_groups(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let asked: Option<UserId> = call.parsed_query("user")?;
        let after: Option<Roster> = call.parsed_query("last_element")?;
        if let Some(user) = &asked {
            may_see(&caller.actor, &View::User(user.clone()))?;
        }
        let directory = self.config.realm.directory();
        let rosters = if asked.is_none() && may_see(&caller.actor, &View::Groups).is_ok() {
            let page = Page { after: after.as_ref(), limit: GROUPS + 1 };
            directory.rosters(page)
        } else {
            let user = asked.as_ref().unwrap_or(caller.admission.user());
            let record = directory.record(user, call.now);
            let rosters = record.holdings.into_iter().map(|holding| holding.roster);
            paging::behind(caller.within(user, rosters), after.as_ref())
        };
        let (page, last) = paging::cut(rosters, GROUPS);
        let url = self.url("/groups/");
        let of_user = asked
            .as_ref()
            .map(|user| format!("user={}&", encoded(user.as_str())))
            .unwrap_or_default();
        let next = last
            .map(|last| paging::next(format!("{url}?{of_user}last_element={last}"), "More groups"));
        let create = Link::new(
            "post",
            url.clone(),
            "Create a group",
            "POST {\"group\": \"admin.developers\"}; for the staff of the parent, admin, and for root staff.",
        );
        let of =
            Link::new("get", url.clone(), "Groups of a user", "For the user and for root staff.");
        let document = Document::new(&url, "Groups")
            .with("groups", self.group_documents(&page))
            .with_some("next", next)
            .with("create_group", create.field("group", Location::Form, Need::Required))
            .with("get_groups_of_user", of.field("user", Location::Query, Need::Required));
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// POST `/groups/`: a new group, with its creator as its staff.
    pub(super) async fn create_group(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let group: GroupName = fields.text("group")?.parse()?;
        fields.finish("{\"group\": \"admin.developers\"}")?;
        let creator = caller.actor.id().cloned();
        let permit = permit(&caller.actor, Change::CreateGroup { group: group.clone(), creator })?;
        self.write(permit).await?;
        let roster = Roster::Members(group);
        let reply = Reply::document(StatusCode::CREATED, &self.group_document(&roster));
        Ok(reply.located(&self.group_url(&roster)))
    }

    /// GET `/groups/G/`: who is in it, 50 a page.
    pub(super) fn show_group(&self, call: &Call<'_>, name: &str) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let roster: Roster = name.parse()?;
        may_see(&caller.actor, &View::Members(roster.clone()))?;
        let after: Option<UserId> = call.parsed_query("after")?;
        let page = Page { after: after.as_ref(), limit: MEMBERS + 1 };
        let members = self.config.realm.directory().members(&roster, page, call.now);
        let (members, last) = paging::cut(members.ok_or(WriteError::GroupMissing)?, MEMBERS);
        let url = self.group_url(&roster);
        let next = last.map(|last| {
            paging::next(format!("{url}?after={}", encoded(last.as_str())), "More members")
        });
        let members: Vec<Value> =
            members.iter().map(|user| self.user_document(user).into()).collect();
        let add = Link::new(
            "post",
            url,
            "Add a member",
            "POST {\"username\": \"kisee-john\"}; for the staff of the group and for root staff.",
        );
        let document = self
            .group_document(&roster)
            .with("members", members)
            .with_some("next", next)
            .with("add_member", add.field("username", Location::Form, Need::Required));
        Ok(Reply::document(StatusCode::OK, &document))
    }

    /// POST `/groups/G/`: one more in it; G may be the staff of a group.
    pub(super) async fn add_member(&self, call: Call<'_>, name: &str) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let roster: Roster = name.parse()?;
        let user: UserId = fields.text("username")?.parse()?;
        fields.finish("{\"username\": \"kisee-john\"}")?;
        let membership =
            Membership { roster: roster.clone(), user: user.clone(), expires_at: None };
        let permit = permit(&caller.actor, Change::AddMember(membership))?;
        self.check_provider(&user)?;
        self.write(permit).await?;
        let url = format!("{}{}/", self.group_url(&roster), encoded(user.as_str()));
        let document = Document::new(&url, "Member")
            .with("username", user.as_str())
            .with("group", roster.to_string());
        Ok(Reply::document(StatusCode::CREATED, &document).located(&url))
    }

    /// DELETE `/groups/G/`: it and everything under it.
    pub(super) async fn delete_group(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let group = name.parse()?;
        self.write(permit(&caller.actor, Change::DeleteGroup(group))?).await?;
        Ok(Reply::nothing())
    }

    /// DELETE `/groups/G/U/`: one less in it.
    pub(super) async fn remove_member(
        &self,
        call: &Call<'_>,
        name: &str,
        user: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let (roster, user) = (name.parse()?, user.parse()?);
        self.write(permit(&caller.actor, Change::RemoveMember { roster, user })?).await?;
        Ok(Reply::nothing())
    }

    /// A user of no provider is a slip of the pen: nobody could ever be them.
    fn check_provider(&self, user: &UserId) -> Result<(), ApiError> {
        if self.config.provider_names.contains(&user.provider()) {
            return Ok(());
        }
        let names: Vec<&str> =
            self.config.provider_names.iter().map(|name| name.as_str()).collect();
        Err(ApiError::Malformed(format!(
            "{}; its provider is none of those there are: {}",
            UserIdError::Shape,
            names.join(", ")
        )))
    }
}

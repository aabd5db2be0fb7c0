//! `/groups/`: groups and who is in them, by the policy.

use http::StatusCode;
use serde_json::Value;

use super::urls::{encoded, next_page};
use crate::domain::change::Change;
use crate::domain::directory::Page;
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Roster};
use crate::domain::realm::WriteError;
use crate::domain::user::UserId;
use crate::server::Api;
use crate::server::document::{Document, Link, Location, Need};
use crate::server::error::ApiError;
use crate::server::moment::text_of;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Caller, Listing};

/// Groups on one page.
const GROUPS: usize = 20;
/// Members of a group on one page: as many as one Membership in Kubernetes names, as old clients look at the first page only.
const MEMBERS: usize = 500;

impl Api {
    /// GET `/groups/`: all groups to root staff, their own to everybody; with `user`, that user's. Without a token, none, and what
    /// could be done.
    pub(in crate::server) fn list_groups(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let (caller, asked) = (self.caller(call), call.cursor::<UserId>("user"));
        let caller = match (caller, &asked) {
            (Err(ApiError::TokenMissing), Ok(None)) => None,
            (caller, _) => Some(caller?),
        };
        let asked = asked?;
        let after: Option<Roster> = call.cursor("last_element")?;
        let page = Page { after: after.as_ref(), limit: GROUPS };
        let listing = match &caller {
            Some(caller) => self.service.groups(caller, asked.as_ref(), page)?,
            None => Listing::default(),
        };
        let url = self.url("/groups/");
        let of_user = asked
            .as_ref()
            .map(|user| format!("user={}&", encoded(user.as_str())))
            .unwrap_or_default();
        let next =
            listing.next_after.map(|last| format!("{url}?{of_user}last_element={}", last.roster));
        let more = next.as_deref().map(|url| next_page(url, "More groups"));
        let create = Link::new(
            "post",
            url.clone(),
            "Create a group",
            "POST {\"group\": \"admin.developers\"}, with a \"description\" as you like; for the staff of the parent, admin, and for root staff. \
             Where others have put people into it before there was one that is refused, unless \"adopt\" is true.",
        );
        let create = create.field("group", Location::Form, Need::Required);
        let create = create.field("description", Location::Form, Need::Optional);
        let create = create.field("adopt", Location::Form, Need::Optional);
        let delete = Link::new(
            "delete",
            format!("{url}{{group}}/"),
            "Delete a group",
            "It and everything under it; for the staff of its parent and for root staff.",
        );
        let of =
            Link::new("get", url.clone(), "Groups of a user", "For the user and for root staff.");
        let document = Document::new(&url, "Groups")
            .with("groups", self.group_documents(&listing.items))
            .with_some("next", more)
            .with("create_group", create)
            .with("delete_group", delete.field("group", Location::Path, Need::Required))
            .with("get_groups_of_user", of.field("user", Location::Query, Need::Required));
        let reply = Reply::document(StatusCode::OK, &document).continued(next.as_deref());
        Ok(match caller {
            Some(_) => reply,
            None => Self::for_stranger(reply, &ApiError::TokenMissing),
        })
    }

    /// POST `/groups/`: a new group, with its creator as its staff.
    pub(in crate::server) async fn create_group(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let group: GroupName = fields.text("group")?.parse()?;
        let description = fields.description("description")?.flatten();
        let waiting = fields.waiting("adopt")?;
        fields.finish(
            "{\"group\": \"admin.developers\"} or {\"group\": \"admin.developers\", \"description\": \"who writes the code\"}",
        )?;
        self.service.create_group(&caller, group.clone(), description, waiting).await?;
        let roster = Roster::Members(group);
        let reply = Reply::document(StatusCode::CREATED, &self.group_document(&roster));
        Ok(reply.located(&self.group_url(&roster)))
    }

    /// GET `/groups/G/`: who is in it, all up to a bound.
    pub(in crate::server) async fn show_group(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let roster: Roster = name.parse()?;
        let seen = self.service.roster(&caller, &roster)?;
        let after: Option<UserId> = call.cursor("after")?;
        let listing = seen.members(Page { after: after.as_ref(), limit: MEMBERS });
        let listing = listing.ok_or(WriteError::GroupMissing)?;
        let url = self.group_url(&roster);
        let next = listing.next_after.map(|last| format!("{url}?after={}", encoded(last.as_str())));
        let more = next.as_deref().map(|url| next_page(url, "More members"));
        let names = self.service.names_of(&roster, &listing.items).await;
        let called = |user: &UserId| names.get(user).map(|name| name.as_str().to_owned());
        let members: Vec<Value> = listing
            .items
            .iter()
            .map(|user| {
                self.user_document(user)
                    .with_some("name", self.service.name_of(&caller, user).or_else(|| called(user)))
                    .with_some("expires_at", seen.end_of(user).map(text_of))
                    .with("patch", self.expiry_link(&roster, user))
                    .with("delete", self.remove_link(&roster, user))
                    .into()
            })
            .collect();
        let add = Link::new(
            "post",
            url.clone(),
            "Add a member",
            "POST {\"username\": \"kisee-john\"}, with \"expires_at\" until a moment; for the staff of the group and for root staff.",
        );
        let add = add.field("username", Location::Form, Need::Required);
        let add = add.field("expires_at", Location::Form, Need::Optional);
        let document = self
            .group_document(&roster)
            .with_some("next", more)
            .with("members", members)
            .with("add_member", add)
            .with_some("invite", self.invite_link(&roster))
            .with_some("void_invitations", self.void_link(&roster))
            .with_some("patch", self.describe_link(&caller, &roster))
            .with_some("delete", self.delete_link(&caller, &roster));
        Ok(Reply::document(StatusCode::OK, &document).continued(next.as_deref()))
    }

    fn expiry_link(&self, roster: &Roster, user: &UserId) -> Link {
        let link = Link::new(
            "patch",
            self.member_url(roster, user),
            "Change when a membership ends",
            "PATCH {\"expires_at\": \"2027-01-31T00:00:00Z\"}, or null for no end; for the staff of the group and for root staff.",
        );
        link.field("expires_at", Location::Form, Need::Required)
    }

    fn remove_link(&self, roster: &Roster, user: &UserId) -> Link {
        Link::new(
            "delete",
            self.member_url(roster, user),
            "Remove a member",
            "For the staff of the group, root staff and the member.",
        )
    }

    /// To who may; the staff of a group is no group of its own.
    fn describe_link(&self, caller: &Caller, roster: &Roster) -> Option<Link> {
        let Roster::Members(group) = roster else { return None };
        let change = Change::Describe { group: group.clone(), description: None };
        self.service.may_change(caller, change).then(|| {
            Link::new(
                "patch",
                self.group_url(roster),
                "Say what a group is for",
                "PATCH {\"description\": \"who writes the code\"}, or null for nothing; for the staff of the group and of its parent and for root staff.",
            )
            .field("description", Location::Form, Need::Required)
        })
    }

    /// To who may; the staff of a group is no group of its own.
    fn delete_link(&self, caller: &Caller, roster: &Roster) -> Option<Link> {
        let Roster::Members(group) = roster else { return None };
        let may = self.service.may_change(caller, Change::DeleteGroup(group.clone()));
        may.then(|| {
            Link::new(
                "delete",
                self.group_url(roster),
                "Delete a group",
                "It and everything under it; for the staff of its parent and for root staff.",
            )
        })
    }

    /// POST `/groups/G/`: one more in it; G may be the staff of a group.
    pub(in crate::server) async fn add_member(
        &self,
        call: Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let roster: Roster = name.parse()?;
        let user: UserId = fields.text("username")?.parse()?;
        let expires_at = fields.end("expires_at", self.service.now())?.flatten();
        fields.finish(
            "{\"username\": \"kisee-john\"} or {\"username\": \"kisee-john\", \"expires_at\": \"2027-01-31T00:00:00Z\"}",
        )?;
        let (url, group) = (self.member_url(&roster, &user), roster.to_string());
        let document = Document::new(&url, "Member")
            .with("username", user.as_str())
            .with_some("name", self.service.name_of(&caller, &user))
            .with("group", group)
            .with_some("expires_at", expires_at.map(text_of));
        self.service.add_member(&caller, Membership { roster, user, expires_at }).await?;
        Ok(Reply::document(StatusCode::CREATED, &document).located(&url))
    }

    /// PATCH `/groups/G/U/`: when a membership ends.
    pub(in crate::server) async fn patch_member(
        &self,
        call: Call<'_>,
        name: &str,
        user: &str,
    ) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let (roster, user) = (name.parse()?, user.parse()?);
        let right = "{\"expires_at\": \"2027-01-31T00:00:00Z\"} or {\"expires_at\": null}";
        let expires_at = fields.end("expires_at", self.service.now())?;
        fields.finish(right)?;
        let expires_at = expires_at.ok_or_else(|| {
            ApiError::Malformed(format!("the body means nothing here; a right one is {right}"))
        })?;
        self.service.set_expiry(&caller, Membership { roster, user, expires_at }).await?;
        Ok(Reply::nothing())
    }

    /// PATCH `/groups/G/`: what it is for.
    pub(in crate::server) async fn describe_group(
        &self,
        call: Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let group = name.parse()?;
        let right = "{\"description\": \"who writes the code\"} or {\"description\": null}";
        let description = fields.description("description")?;
        fields.finish(right)?;
        let description = description.ok_or_else(|| {
            ApiError::Malformed(format!("the body means nothing here; a right one is {right}"))
        })?;
        self.service.describe_group(&caller, group, description).await?;
        Ok(Reply::nothing())
    }

    /// DELETE `/groups/G/`: it and everything under it.
    pub(in crate::server) async fn delete_group(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let group = name.parse()?;
        self.service.delete_group(&caller, group).await?;
        Ok(Reply::nothing())
    }

    /// DELETE `/groups/G/U/`: one less in it, or somebody who leaves.
    pub(in crate::server) async fn remove_member(
        &self,
        call: &Call<'_>,
        name: &str,
        user: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let (roster, user) = (name.parse()?, user.parse()?);
        self.service.remove_member(&caller, roster, user).await?;
        Ok(Reply::nothing())
    }
}

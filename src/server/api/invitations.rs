//! `/groups/G/invitations`: links by which whoever is given one comes into a group.
//!
//! Must not know what stands in one, nor what becomes of it.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::domain::group::GroupName;
use crate::domain::invitation::LONGEST;
use crate::domain::membership::Roster;
use crate::server::Api;
use crate::server::document::{Document, Link, Location, Need};
use crate::server::error::ApiError;
use crate::server::moment::text_of;
use crate::server::reply::Reply;
use crate::server::request::Call;

const DAY: u64 = 24 * 3_600;
/// For how many days one is good, at most and where nothing is said.
const MOST_DAYS: u64 = LONGEST.as_secs() / DAY;

impl Api {
    /// POST `/groups/G/invitations`: a new one; G may be the staff of a group.
    pub(in crate::server) async fn invite(
        &self,
        call: Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let (caller, mut fields) = self.caller_with_fields(call).await?;
        let roster: Roster = name.parse()?;
        let lasting = days(fields.take("days"))?;
        fields.finish("{} or {\"days\": 3}")?;
        let group = group_of(&roster)?;
        let made = self.service.invite(&caller, group, roster.role(), lasting).await?;
        let url = self.url(&format!("/invitation?seal={}", made.sealed));
        let document = Document::new(&self.invitations_url(&roster), "Invitation")
            .with("group", roster.to_string())
            .with("url", url)
            .with("expires_at", text_of(made.invitation.ends_at()));
        Ok(Reply::document(StatusCode::CREATED, &document))
    }

    /// DELETE `/groups/G/invitations`: all of them, to the group and to its staff, are worth nothing any more.
    pub(in crate::server) async fn void_invitations(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.caller(call)?;
        let roster: Roster = name.parse()?;
        self.service.void_invitations(&caller, group_of(&roster)?).await?;
        Ok(Reply::nothing())
    }

    fn invitations_url(&self, roster: &Roster) -> String {
        format!("{}invitations", self.group_url(roster))
    }

    /// How to invite, where somebody can be invited to.
    pub(super) fn invite_link(&self, roster: &Roster) -> Option<Link> {
        roster.group()?;
        let link = Link::new(
            "post",
            self.invitations_url(roster),
            "Invite people",
            "POST {} or {\"days\": 3} for a link by which whoever is given it comes in, when they have logged in and said yes; for the staff of the \
             group and for root staff.",
        );
        Some(link.field("days", Location::Form, Need::Optional))
    }

    /// How to take all of that back.
    pub(super) fn void_link(&self, roster: &Roster) -> Option<Link> {
        roster.group()?;
        Some(Link::new(
            "delete",
            self.invitations_url(roster),
            "Take back all invitations",
            "Links to the group and to its staff that were made before are worth nothing any more; for the staff of the group and for root staff.",
        ))
    }
}

fn group_of(roster: &Roster) -> Result<GroupName, ApiError> {
    roster.group().cloned().ok_or_else(|| {
        ApiError::Malformed(
            "nobody is invited to the root staff; put them there by their id, with POST /groups/staff/"
                .to_owned(),
        )
    })
}

fn days(said: Option<Value>) -> Result<Duration, ApiError> {
    let days = match said {
        None => Some(MOST_DAYS),
        Some(said) => said.as_u64().filter(|days| (1..=MOST_DAYS).contains(days)),
    };
    days.map(|days| Duration::from_secs(days * DAY)).ok_or_else(|| {
        ApiError::Malformed(format!("days is a whole number from 1 to {MOST_DAYS}, such as 3"))
    })
}

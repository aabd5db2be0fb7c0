//! `pasee add`: puts a user in a group, or on its staff.

use anyhow::bail;
use clap::Args;
use http::{Method, StatusCode};
use serde_json::json;

use super::person::api::encoded;
use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::roster::{End, RosterArgument};
use super::person::wait_for;
use super::{now, say};
use crate::domain::user::UserId;

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee add kisee-ada articles.drafts                  Ada is in it
  pasee add kisee-ada articles.drafts --staff          Ada runs it: decides who is in it
  pasee add kisee-ada articles.drafts --until 7d       for a week, also where she is in it already")]
pub(super) struct Add {
    /// The user, such as kisee-ada
    #[arg(value_name = "USER")]
    user: UserId,

    #[command(flatten)]
    roster: RosterArgument,

    /// When it ends: a moment such as 2027-01-31T18:00:00Z, or how long from now, such as 12h, 7d or 4w
    #[arg(long, value_name = "END")]
    until: Option<End>,

    #[command(flatten)]
    issuer: IssuerOption,
}

impl Add {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let roster = self.roster.roster()?;
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let end = self.until.map(|end| {
            let moment = jiff::Timestamp::from_second(end.moment(now()).as_unix());
            moment.map(|moment| moment.to_string()).unwrap_or_default()
        });
        let (user, until) = (&self.user, end.as_ref().map(|end| format!(" until {end}")));
        let until = until.unwrap_or_default();
        let mut body = json!({ "username": user.as_str() });
        if let Some(end) = &end {
            body["expires_at"] = json!(end);
        }
        wait_for(async {
            let api = desk.api().await?;
            let path = format!("/groups/{roster}/");
            let there = Some(StatusCode::CONFLICT).filter(|_| end.is_some());
            let status = api.change(Method::POST, &path, Some(&body), there).await?;
            if status != StatusCode::CONFLICT {
                say(format_args!("{user} is in {roster}{until}"));
                return Ok(());
            }
            let Some(end) = &end else { bail!("{user} is in {roster} already") };
            let path = format!("{path}{}/", encoded(user.as_str()));
            let change = json!({ "expires_at": end });
            api.change(Method::PATCH, &path, Some(&change), None).await?;
            say(format_args!("{user} was in {roster} already, and is now{until}"));
            Ok(())
        })
    }
}

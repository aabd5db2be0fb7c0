//! `pasee invite`: a link by which somebody comes into a group whose id nobody has to know.

use anyhow::Context;
use clap::Args;
use http::Method;
use serde_json::json;

use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::roster::RosterArgument;
use super::person::wait_for;
use super::{print, say};

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee invite articles.drafts                  prints a link; whoever opens it logs in, says yes, and is in it
  pasee invite articles.drafts --staff          they run it: decide who is in it
  pasee invite articles.drafts --days 1         the link is good for a day in the place of a week
  pasee invite --void articles.drafts           no link to it that was made before is good any more")]
pub(super) struct Invite {
    #[command(flatten)]
    roster: RosterArgument,

    /// For how many days the link is good, 7 at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=7), default_value_t = 7)]
    days: u64,

    /// Makes no link, and takes back all that were made for the group and its staff
    #[arg(long, conflicts_with_all = ["days", "staff"])]
    void: bool,

    #[command(flatten)]
    issuer: IssuerOption,
}

impl Invite {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let roster = self.roster.roster()?;
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let path = format!("/groups/{roster}/invitations");
        if self.void {
            wait_for(async { desk.api().await?.change(Method::DELETE, &path, None, None).await })?;
            say(format_args!("no invitation to {roster} is good any more"));
            return Ok(());
        }
        let body = json!({ "days": self.days });
        let made = wait_for(async { desk.api().await?.make(&path, &body).await })?;
        let text = |name: &str| made.get(name).and_then(serde_json::Value::as_str);
        let link = text("url").context("Pasee made an invitation, and does not say which")?;
        say(format_args!(
            "whoever opens this link until {} and logs in can come into {roster}; give it to nobody else:",
            text("expires_at").unwrap_or("its end")
        ));
        print(format_args!("{}\n", super::person::shown(link)))
    }
}

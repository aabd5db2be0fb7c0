//! `pasee members`: who is in a group, or on its staff.

use clap::Args;
use serde_json::{Value, json};

use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::roster::RosterArgument;
use super::person::table::{OutputOption, end, lines, text};
use super::person::wait_for;

#[derive(Args, Debug)]
pub(super) struct Members {
    #[command(flatten)]
    roster: RosterArgument,

    #[command(flatten)]
    issuer: IssuerOption,

    #[command(flatten)]
    output: OutputOption,
}

impl Members {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let path = format!("/groups/{}/", self.roster.roster()?);
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let (_, members) = wait_for(async { desk.api().await?.list(&path, "members").await })?;
        let of = |member: &Value| {
            json!({
                "username": member["username"], "name": member["name"], "expires_at": member["expires_at"],
            })
        };
        self.output.print(&members.iter().map(of).collect(), || {
            let row =
                |member: &Value| vec![text(member, "username"), text(member, "name"), end(member)];
            lines(&members.iter().map(row).collect::<Vec<_>>())
        })
    }
}

//! `pasee remove`: takes a user out of a group, or off its staff.

use clap::Args;
use http::Method;

use super::person::api::encoded;
use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::roster::RosterArgument;
use super::person::wait_for;
use super::say;
use crate::domain::user::UserId;

#[derive(Args, Debug)]
pub(super) struct Remove {
    /// The user, such as kisee-ada
    #[arg(value_name = "USER")]
    user: UserId,

    #[command(flatten)]
    roster: RosterArgument,

    #[command(flatten)]
    issuer: IssuerOption,
}

impl Remove {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let roster = self.roster.roster()?;
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let path = format!("/groups/{roster}/{}/", encoded(self.user.as_str()));
        wait_for(async { desk.api().await?.change(Method::DELETE, &path, None, None).await })?;
        say(format_args!("{} is not in {roster} any more", self.user));
        Ok(())
    }
}

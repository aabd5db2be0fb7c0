//! `pasee leave`: takes oneself out of a group, or off its staff.

use clap::Args;
use http::Method;

use super::person::api::encoded;
use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::roster::RosterArgument;
use super::person::wait_for;
use super::say;

#[derive(Args, Debug)]
pub(super) struct Leave {
    #[command(flatten)]
    roster: RosterArgument,

    #[command(flatten)]
    issuer: IssuerOption,
}

impl Leave {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let roster = self.roster.roster()?;
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        wait_for(async {
            let api = desk.api().await?;
            let path = format!("/groups/{roster}/{}/", encoded(&api.user().await?));
            api.change(Method::DELETE, &path, None, None).await
        })?;
        say(format_args!("you are not in {roster} any more"));
        Ok(())
    }
}

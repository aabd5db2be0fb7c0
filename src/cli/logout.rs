//! `pasee logout`: ends the session at Pasee, and forgets it here.

use anyhow::Context;
use clap::Args;

use super::person::LoginNeeded;
use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::kept::{Session, TokenClient};
use super::person::wait_for;
use super::say;

#[derive(Args, Debug)]
pub(super) struct Logout {
    #[command(flatten)]
    issuer: IssuerOption,

    /// Forgets the tokens here and asks nobody: the session goes on at Pasee, for whoever else has them
    #[arg(long)]
    forget: bool,
}

impl Logout {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        if !self.forget {
            let ended = wait_for(end(&desk, place.read()?.session));
            ended.context("the tokens are kept, so that you can try again; --forget leaves it at forgetting them here")?;
        }
        place.lock(|| ())?.forget()?;
        let issuer = place.issuer();
        if self.forget {
            say(format_args!("the login to {issuer} is forgotten here, and goes on there"));
        } else {
            say(format_args!("you are logged out of {issuer}"));
        }
        Ok(())
    }
}

/// Ends it, if it is not over already.
async fn end(desk: &Desk<'_>, session: Option<Session>) -> anyhow::Result<()> {
    let Some(session) = session else { return Ok(()) };
    if session.client == TokenClient::Pasee {
        return desk.end(&session).await;
    }
    match desk.session().await {
        Ok(session) => desk.end(&session).await,
        Err(error) if error.is::<LoginNeeded>() => Ok(()),
        Err(error) => Err(error),
    }
}

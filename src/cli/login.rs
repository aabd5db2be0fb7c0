//! `pasee login`: a person logs in, once for all their shells.

use anyhow::bail;
use clap::Args;

use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::kept::{Kept, Session};
use super::person::sign_in::{LoginBy, sign_in};
use super::person::{shown, wait_for};
use super::{password, say};
use crate::domain::user::ProviderName;

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee login --issuer https://pasee.example.com             in your browser, which is opened
  pasee login --device                                       in a browser elsewhere, by a code that you type there
  pasee login --idp local --username ada                     by a password: typed unseen, or the first line of standard input
  pasee login --idp local --username ada < password.txt")]
pub(super) struct Login {
    #[command(flatten)]
    issuer: IssuerOption,

    /// Logs in in a browser elsewhere, by a code
    #[arg(long, conflicts_with_all = ["idp", "username"])]
    device: bool,

    /// Logs in by a password, at this identity provider; such a login is good for groups, not for other audiences
    #[arg(long, value_name = "NAME", requires = "username")]
    idp: Option<ProviderName>,

    /// Who logs in by a password
    #[arg(long, value_name = "NAME", requires = "idp")]
    username: Option<String>,
}

impl Login {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        // Before the lock: nobody waits for somebody who types.
        let by = self.by()?;
        let before = place.read()?.session;
        let locked = place.lock(|| say("another pasee is logging in; waiting for it"))?;
        let session = match locked.read()?.session {
            Some(session) if !is_same(before.as_ref(), &session) => session,
            _ => {
                let desk = Desk::new(&place)?;
                let session = wait_for(sign_in(place.issuer(), desk.http(), by))?;
                locked.write(&Kept::of(session.clone()))?;
                session
            }
        };
        say(format_args!("you are logged in to {} as {}", place.issuer(), shown(&session.user)));
        Ok(())
    }

    fn by(&self) -> anyhow::Result<LoginBy> {
        let (Some(provider), Some(username)) = (&self.idp, &self.username) else {
            return Ok(if self.device { LoginBy::Device } else { LoginBy::Browser });
        };
        let typed = password::one(&format!("Password of {username} at {provider}: "))?;
        let Ok(text) = str::from_utf8(&typed) else { bail!("the password is not UTF-8") };
        let (provider, username) = (provider.to_string(), username.clone());
        Ok(LoginBy::Password { provider, username, password: text.to_owned().into() })
    }
}

/// Whether a session is the one that was there before this login began, and not one of somebody who was faster.
fn is_same(before: Option<&Session>, session: &Session) -> bool {
    before.is_some_and(|before| before.id == session.id)
}

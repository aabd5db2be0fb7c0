//! `pasee token`: an access token that is good now, for a script.

use anyhow::bail;
use clap::Args;

use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::wait_for;
use super::print;
use crate::domain::token::Audience;
use crate::relying::{AccessToken, TokenScheme};

#[derive(Args, Debug)]
#[command(after_help = "\
  curl -H \"Authorization: Bearer $(pasee token)\" https://pasee.example.com/users/me
  pasee token --audience https://api.example.com")]
pub(super) struct Token {
    #[command(flatten)]
    issuer: IssuerOption,

    /// A token that is for this audience and nobody else; without it, one for Pasee itself
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<Audience>,
}

impl Token {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let token = wait_for(async {
            match &self.audience {
                None => Ok(desk.session().await?.access),
                Some(audience) => desk.token_for(audience.as_str()).await,
            }
        })?;
        print(format_args!("{}\n", bearer(&token)?))
    }
}

/// A token that is worth something by itself.
pub(super) fn bearer(token: &AccessToken) -> anyhow::Result<&str> {
    match token.scheme {
        TokenScheme::Bearer => Ok(token.token.expose()),
        TokenScheme::Dpop => bail!(
            "this token is bound to a key (DPoP), and worth nothing to who has not that key; a right one is given where dpop is not \
             \"required\" of the client"
        ),
    }
}

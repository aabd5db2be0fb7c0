//! Which Pasee is meant: the one that is named, or the only one that somebody is logged in to.
//!
//! Must not ask it.

use anyhow::{Context, bail};
use clap::Args;

use super::state::{Place, StateDirectory};
use crate::outbound::{HttpClient, ProxyVariables};
use crate::relying::{IssuerUrl, http_client};

/// The option that names it.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct IssuerOption {
    #[arg(
        long,
        value_name = "URL",
        env = "PASEE_ISSUER",
        help = "The Pasee, such as https://pasee.example.com; else the only one that you are logged in to"
    )]
    issuer: Option<IssuerUrl>,
}

impl IssuerOption {
    /// What is kept of the issuer that is meant.
    pub(in crate::cli) fn place(&self) -> anyhow::Result<Place> {
        let directory = StateDirectory::of_this_user()?;
        if let Some(issuer) = &self.issuer {
            return Ok(directory.place(issuer));
        }
        match directory.issuers()?.as_slice() {
            [one] => Ok(directory.place(one)),
            [] => bail!(
                "which Pasee? Name it with --issuer https://pasee.example.com or in PASEE_ISSUER; you are not logged in to any"
            ),
            several => {
                let names: Vec<&str> = several.iter().map(IssuerUrl::as_str).collect();
                bail!(
                    "which Pasee? Name one of those you have logged in to with --issuer or in PASEE_ISSUER: {}",
                    names.join(", ")
                )
            }
        }
    }
}

/// Calls an issuer, through the proxies of the environment, and reads so many bytes of an answer.
pub(in crate::cli) fn calls(issuer: &IssuerUrl, max_answer: usize) -> anyhow::Result<HttpClient> {
    let client = http_client(issuer, &ProxyVariables::of_this_process(), max_answer);
    client.with_context(|| format!("{issuer} cannot be called"))
}

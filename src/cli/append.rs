//! `pasee append`: puts users in groups, beside a running server or without one.
//!
//! Must not know the law's table: whoever may run this on the machine is the operator.

use anyhow::{Context, bail};
use clap::Args;

use super::{now, print};
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Actor, permit};
use crate::domain::realm::{Change, WriteError};
use crate::domain::user::UserId;
use crate::settings::{Settings, Storage};
use crate::store::embedded::Embedded;

#[derive(Args, Debug)]
pub struct Append {
    /// The groups, such as staff (the root staff), admin or admin.staff
    #[arg(long, required = true, value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<Roster>,

    /// The users, such as kisee-ada
    #[arg(required = true, value_name = "USER")]
    names: Vec<String>,
}

impl Append {
    pub fn new(groups: Vec<Roster>, names: Vec<String>) -> Self {
        Self { groups, names }
    }

    /// Each membership is stored on its own; those that are there already are fine.
    pub fn run(self, settings: &Settings) -> anyhow::Result<()> {
        let users: Vec<UserId> =
            self.names.iter().map(|name| user(settings, name)).collect::<anyhow::Result<_>>()?;
        let Storage::Embedded(file) = &settings.storage else {
            bail!(
                "the groups of {} are kept in the memory of its server; name a file to keep them in",
                settings.file.display()
            );
        };
        let store = Embedded::open(file, now)?;
        for user in &users {
            for roster in &self.groups {
                print(put(&store, user, roster)?)?;
            }
        }
        Ok(())
    }
}

fn put(store: &Embedded, user: &UserId, roster: &Roster) -> anyhow::Result<String> {
    let change = Change::AddMember(Membership {
        roster: roster.clone(),
        user: user.clone(),
        expires_at: None,
    });
    let permit = permit(&Actor::operator(), change)?;
    match store.write_blocking(permit) {
        Ok(()) => Ok(format!("{user} is in {roster} now.\n")),
        Err(WriteError::AlreadyMember) => Ok(format!("{user} is in {roster} already.\n")),
        Err(WriteError::GroupMissing) => bail!(
            "{user} is not put in {roster}: the group does not exist; root staff can create it"
        ),
        Err(error) => Err(error).with_context(|| format!("{user} is not put in {roster}")),
    }
}

/// The user by that name, of a provider that the settings know.
fn user(settings: &Settings, name: &str) -> anyhow::Result<UserId> {
    let providers: Vec<&str> =
        settings.identity_providers.iter().map(|provider| provider.name.as_str()).collect();
    let known = || {
        if providers.is_empty() { "none".to_owned() } else { providers.join(", ") }
    };
    let file = settings.file.display();
    let user: UserId = name.parse().with_context(|| {
        format!("{name:?} is no user; the providers in {file} are: {}", known())
    })?;
    if !providers.contains(&user.provider().as_str()) {
        bail!("{user} is a user of no identity provider in {file}; those are: {}", known());
    }
    Ok(user)
}

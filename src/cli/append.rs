//! `pasee append`: puts users in groups, beside a running server or without one.
//!
//! Must not know the policy's table: whoever may run this on the machine is the operator.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::settings_file::SettingsFile;
use super::store::Store;
use super::{print, report, say};
use crate::domain::change::Change;
use crate::domain::directory::Directory;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Actor, permit};
use crate::domain::provider::CLIENTS;
use crate::domain::realm::{Realm, WriteError};
use crate::domain::user::UserId;
use crate::settings::{Protocol, Settings, Storage};

/// What is said of names and groups before anything is written.
const NOTHING_DONE: &str = "nothing was done";
/// Longest wait until the state was read.
const READY: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
#[command(after_help = "\
Whoever can write the files of Pasee may do this; a running server sees it within a second.

  pasee append --groups staff kisee-ada                      makes Ada root staff
  pasee append --groups admin,admin.staff kisee-ada kisee-john")]
pub(super) struct Append {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// The groups, separated by commas, such as staff (the root staff), admin or admin.staff
    #[arg(long, required = true, value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<Roster>,

    /// The users, such as kisee-ada
    #[arg(required = true, value_name = "USER")]
    names: Vec<String>,
}

impl Append {
    /// Checks every name and every group, then stores each membership on its own; those that are there already are
    /// fine.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let settings = &self.settings.load()?;
        for warning in &settings.warnings {
            say(format_args!("warning: {warning}"));
        }
        let users = all_right(self.names.iter().map(|name| user(settings, name)))?;
        if settings.storage == Storage::Memory {
            bail!(
                "the groups of {} are kept in the memory of its server; name a file to keep them in",
                settings.file.display()
            );
        }
        // One thread for the store's own work beside this one.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("the thread to work with cannot be started")?;
        runtime.block_on(self.carry_out(settings, &users))
    }

    async fn carry_out(&self, settings: &Settings, users: &[UserId]) -> anyhow::Result<()> {
        let store = Store::open(settings).await?;
        store.wait_until_ready(READY).await?;
        all_right(self.groups.iter().map(|roster| existing(&store, roster)))?;
        all_right(users.iter().map(|user| called(settings, Some(store.directory()), user)))?;
        let mut done = Done::Nothing;
        for user in users {
            for roster in &self.groups {
                let put = put(&store, user, roster).await;
                print(put.with_context(|| done.so_far(user, roster))?)?;
                done = Done::Some;
            }
        }
        Ok(())
    }
}

/// What was stored before a membership could not be.
enum Done {
    Nothing,
    Some,
}

impl Done {
    fn so_far(&self, user: &UserId, roster: &Roster) -> String {
        match self {
            Self::Nothing => format!("{user} is not put in {roster}"),
            Self::Some => format!(
                "{user} is not put in {roster}; what was said before is done, what comes after is not"
            ),
        }
    }
}

/// Everything, or every mistake at once.
fn all_right<T>(results: impl Iterator<Item = anyhow::Result<T>>) -> anyhow::Result<Vec<T>> {
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => right.push(value),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(right) } else { Err(report::all(NOTHING_DONE, &wrong)) }
}

fn existing(store: &Store, roster: &Roster) -> anyhow::Result<()> {
    match roster.group() {
        Some(group) if !store.directory().has_group(group) => {
            bail!(
                "there is no group {group}; root staff, or the staff of its parent, can create it"
            )
        }
        _ => Ok(()),
    }
}

/// That a client by that name is there, in the settings or where the groups are.
fn called(
    settings: &Settings,
    directory: Option<&dyn Directory>,
    user: &UserId,
) -> anyhow::Result<()> {
    let (CLIENTS, id) = user.split() else { return Ok(()) };
    if settings.has_client(id) || directory.is_some_and(|there| there.client(id).is_some()) {
        return Ok(());
    }
    let known: Vec<&str> = settings.clients.iter().map(|client| client.id.as_str()).collect();
    let there_are = match known.as_slice() {
        [] => "there are none in [[clients]]".to_owned(),
        known => format!("those in [[clients]] are {}", known.join(", ")),
    };
    bail!("there is no client {id} to be {user}: {there_are}")
}

async fn put(store: &Store, user: &UserId, roster: &Roster) -> anyhow::Result<String> {
    let change = Change::AddMember(Membership {
        roster: roster.clone(),
        user: user.clone(),
        expires_at: None,
    });
    match store.write(permit(&Actor::operator(), change)?).await {
        Ok(()) => Ok(format!("{user} is in {roster} now.\n")),
        Err(WriteError::AlreadyMember) => Ok(format!("{user} is in {roster} already.\n")),
        Err(error) => Err(error.into()),
    }
}

/// The same user, unless their provider gives nobody such a subject.
fn possible(settings: &Settings, user: UserId) -> anyhow::Result<UserId> {
    let (provider, subject) = user.split();
    let impossible = settings.identity_providers.iter().find_map(|known| match &known.protocol {
        Protocol::Ldap(ldap) if known.name.as_str() == provider => ldap.impossible(subject),
        _ => None,
    });
    if let Some(why) = impossible {
        bail!("{provider} will never call anybody {subject:?}: {why}");
    }
    let of = settings.identity_providers.iter().find(|known| known.name.as_str() == provider);
    if let Some(why) = of.and_then(|known| known.unlikely(subject)) {
        say(format_args!("warning: {user} is hardly anybody: {why}"));
    }
    Ok(user)
}

/// The user by that name, of a provider that the settings know.
fn user(settings: &Settings, name: &str) -> anyhow::Result<UserId> {
    let known: Vec<&str> =
        settings.identity_providers.iter().map(|provider| provider.name.as_str()).collect();
    let file = settings.file.display();
    let there_are = match known.as_slice() {
        [] => format!("{file} has no identity providers"),
        known => format!("the identity providers in {file} are {}", known.join(", ")),
    };
    let user: UserId =
        name.parse().map_err(|error| anyhow!("{name:?} is no user: {error}; {there_are}"))?;
    let provider = user.split().0;
    if provider == CLIENTS {
        // Those that are objects are known when the groups are.
        let may_be_object = matches!(settings.storage, Storage::Kubernetes(_));
        return if may_be_object { Ok(user) } else { called(settings, None, &user).map(|()| user) };
    }
    if known.contains(&provider) {
        return possible(settings, user);
    }
    let likeness = |known: &&&str| strsim::jaro_winkler(known, provider);
    let nearest = known.iter().max_by(|one, two| likeness(one).total_cmp(&likeness(two)));
    let hint = nearest.map(|nearest| format!("; the nearest one is {nearest}"));
    bail!("there is no {provider} to know {user}: {there_are}{}", hint.unwrap_or_default())
}

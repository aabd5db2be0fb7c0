//! How a connection becomes one of our own account, and what is done when the directory does not take its password: each time
//! that it is shown may count towards locking the account.
//!
//! Must not know how connections are made, nor what they are for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::super::renewed::Renewed;
use super::connection::{Connection, Trouble};
use super::message::{Outcome, PasswordPolicy};
use crate::settings::LdapAccount;

/// How long a password is not shown again that was not taken.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// How long one that was taken is shown by everybody at once; after that by one, and others wait for how that goes.
const TAKEN: Duration = Duration::from_secs(10);

/// Our account, or nobody in particular.
pub(super) struct Introduction {
    account: Option<(String, Renewed<SecretString>)>,
    first: tokio::sync::Mutex<()>,
    last: Mutex<Option<Last>>,
}

/// How the password was taken when it was last shown.
enum Last {
    Taken(Instant),
    Refused(Instant, Outcome),
}

impl Introduction {
    pub(super) fn new(account: Option<LdapAccount>) -> Self {
        let account = account.map(|account| (account.dn, Renewed::new(&account.password)));
        Self { account, first: tokio::sync::Mutex::new(()), last: Mutex::new(None) }
    }

    /// That the password was not refused a moment ago.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        match &*self.last() {
            Some(Last::Refused(when, outcome)) if when.elapsed() < REFUSED_PAUSE => {
                Err(Trouble::Refused(outcome.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Makes a connection one of our account.
    pub(super) async fn of(&self, connection: &mut Connection) -> Result<(), Trouble> {
        let Some((dn, password)) = &self.account else { return Ok(()) };
        let mut first = None;
        if !self.was_taken() {
            first = Some(self.first.lock().await);
        }
        if self.was_taken() {
            first = None;
        }
        self.check()?;
        let password = password.current().await;
        let (outcome, policy) = connection.bind(dn, password.expose_secret()).await?;
        let is_open = matches!(policy, PasswordPolicy::Silent | PasswordPolicy::ToChange);
        let result = if outcome.code == 0 && is_open {
            *self.last() = Some(Last::Taken(Instant::now()));
            Ok(())
        } else if outcome.is_about_the_account() {
            *self.last() = Some(Last::Refused(Instant::now(), outcome.clone()));
            Err(Trouble::Refused(outcome))
        } else {
            Err(Trouble::Answered(outcome))
        };
        // Whoever waits sees how it went.
        drop(first);
        result
    }

    fn was_taken(&self) -> bool {
        matches!(&*self.last(), Some(Last::Taken(when)) if when.elapsed() < TAKEN)
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

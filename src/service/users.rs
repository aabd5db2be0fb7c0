//! Users: who there is, what they are in, bans and revocations.
//!
//! A user id is a name, not a record: one that nothing is said of stands for somebody in no group.

use super::{Caller, ChangeError, Listing, Service};
use crate::domain::change::{Ban, Change};
use crate::domain::claim::ClaimValue;
use crate::domain::directory::{Holding, Page, Record};
use crate::domain::membership::Roster;
use crate::domain::policy::{Denied, View, may_see};
use crate::domain::provider::UnknownProvider;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;

/// The claim that says what people call somebody (OpenID Connect Core 1.0 section 5.1).
const NAME: &str = "name";

/// Why nothing is shown of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The policy says no, whether or not anything is said of the user.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A user of no provider, of whom nothing is said either, is a slip of the pen.
    #[error(transparent)]
    UnknownProvider(#[from] UnknownProvider),
}

/// A user, as somebody sees them who may.
#[derive(Debug)]
pub struct UserView {
    /// Whether root staff has banned them.
    pub is_banned: bool,
    holdings: Vec<Holding>,
}

impl UserView {
    /// What they are in, as far as the one who looks may know.
    #[must_use]
    pub fn groups(self, page: Page<'_, Roster>) -> Listing<Holding> {
        Listing::of(self.holdings, page, |holding| &holding.roster)
    }
}

impl Service {
    /// Everybody of whom something is said.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn users(
        &self,
        caller: &Caller,
        page: Page<'_, UserId>,
    ) -> Result<Listing<UserId>, Denied> {
        may_see(caller.actor(), &View::Users)?;
        Ok(Listing::asked(page, |page| self.directory().users(page, caller.judged_at())))
    }

    /// A look at one user.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn user(&self, caller: &Caller, user: &UserId) -> Result<UserView, LookError> {
        may_see(caller.actor(), &View::User(user.clone()))?;
        if caller.user() == user {
            // Nobody acts who is banned.
            return Ok(UserView { is_banned: false, holdings: self.holdings_of(caller, user) });
        }
        let record = self.record_of(caller, user)?;
        Ok(UserView { is_banned: record.standing.banned, holdings: record.holdings })
    }

    /// What is said of a user, who is of a provider that there is unless something is.
    pub(super) fn record_of(
        &self,
        caller: &Caller,
        user: &UserId,
    ) -> Result<Record, UnknownProvider> {
        let record = self.directory().record(user, caller.judged_at());
        if record == Record::default() {
            self.could_be(user)?;
        }
        Ok(record)
    }

    /// That there could be such a user: of an identity provider that there is, or a client that acts for itself.
    pub(super) fn could_be(&self, user: &UserId) -> Result<(), UnknownProvider> {
        self.0.provider_names.check_with_clients(user, |id| self.client(id).is_some())
    }

    /// What people call a user, where that is known: no login is kept, so that there are the caller's own token, and what the
    /// settings say of users that are written there. As far as the settings let the claim pass.
    #[must_use]
    pub fn name_of(&self, caller: &Caller, user: &UserId) -> Option<String> {
        if caller.user() == user {
            return own_name(caller).map(str::to_owned);
        }
        let (provider, subject) = user.split();
        match self.providers().get(provider)?.known_claim(subject, NAME)? {
            ClaimValue::Text(text) => Some(text),
            ClaimValue::Bool(_) | ClaimValue::Integer(_) | ClaimValue::Texts(_) => None,
        }
    }

    /// Bans a user, or lets one in again.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn set_banned(
        &self,
        caller: &Caller,
        user: UserId,
        banned: Ban,
    ) -> Result<(), ChangeError> {
        self.change(caller, Change::SetBanned { user, banned }).await
    }

    /// Ends all sessions of a user: tokens of those that began before this returns are worth nothing any more.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn revoke(&self, caller: &Caller, user: UserId) -> Result<(), ChangeError> {
        self.change(caller, Change::Revoke(user)).await
    }

    /// Ends one session of a user: its tokens are worth nothing any more, and those of the user's other sessions go on.
    /// Sessions are no records, so one that never was has ended too.
    ///
    /// # Errors
    /// [`ChangeError`]; [`Denied`] but for root staff and whoever acts in that session.
    pub async fn end_session(
        &self,
        caller: &Caller,
        user: UserId,
        session: SessionId,
    ) -> Result<(), ChangeError> {
        let is_own = *caller.user() == user && caller.admission().session() == Some(session);
        // Of another session only this is known of its end.
        let latest = || caller.judged_at().after(self.0.lifetimes.session);
        let until = if is_own { caller.admission().session_ends() } else { latest() };
        self.change(caller, Change::EndSession { user, session, until }).await
    }

    /// Takes a user out of every group.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn delete_user(&self, caller: &Caller, user: UserId) -> Result<(), ChangeError> {
        self.change(caller, Change::DeleteUser(user)).await
    }
}

/// What a caller's own token calls them.
pub(super) fn own_name(caller: &Caller) -> Option<&str> {
    caller.claims().extra.iter().find_map(|(name, value)| match value {
        ClaimValue::Text(text) if name.as_str() == NAME => Some(text.as_str()),
        _ => None,
    })
}

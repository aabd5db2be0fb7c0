//! Changes of the state: judged by the policy, carried out by the store, told to the log.
//!
//! Must not know what is changed.

use std::sync::Arc;
use std::time::Duration;

use super::{Caller, Service};
use crate::domain::change::Change;
use crate::domain::directory::Holding;
use crate::domain::membership::Roster;
use crate::domain::policy::{Denied, Permit, permit};
use crate::domain::provider::UnknownProvider;
use crate::domain::realm::WriteError;
use crate::domain::user::UserId;

/// Why a change was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// The policy says no, whether or not what was named is there.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store says no, or cannot say.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A user of no provider is a slip of the pen: nobody could ever be them.
    #[error(transparent)]
    UnknownProvider(#[from] UnknownProvider),
    /// The user has made too many lately; how long they are to wait.
    #[error("too many changes in a minute")]
    TooMany(Duration),
}

impl Service {
    /// Whether the policy would allow the caller a change, whether or not what it names is there.
    #[must_use]
    pub fn may_change(&self, caller: &Caller, change: Change) -> bool {
        permit(caller.actor(), change).is_ok()
    }

    /// Carries out what the policy allows the caller, and says so in the log.
    pub(super) async fn change(&self, caller: &Caller, change: Change) -> Result<(), ChangeError> {
        let permit = self.permit(caller, change)?;
        self.meant(caller, permit.change())?;
        self.keep_pace(caller, permit.change())?;
        self.carry_out(caller, permit).await
    }

    /// The same of a change that is part of one which was counted.
    pub(super) async fn uncounted(
        &self,
        caller: &Caller,
        change: Change,
    ) -> Result<(), ChangeError> {
        let permit = self.permit(caller, change)?;
        self.carry_out(caller, permit).await
    }

    fn permit(&self, caller: &Caller, change: Change) -> Result<Permit, Denied> {
        Ok(self.bounded(permit(caller.actor(), change)?))
    }

    /// The same within the bounds of the settings.
    pub(super) fn bounded(&self, permit: Permit) -> Permit {
        permit.within(self.0.bounds).knowing(Arc::clone(&self.0.possible_users))
    }

    async fn carry_out(&self, caller: &Caller, permit: Permit) -> Result<(), ChangeError> {
        let change = permit.change().clone();
        let written = self.0.realm.write(permit).await;
        if let (Err(WriteError::NotMember), Some(user)) = (&written, sought(&change)) {
            self.could_be(user)?;
        }
        written?;
        tracing::info!(actor = ?caller.user(), ?change, "changed");
        Ok(())
    }

    /// Counts a change, of those who are not root staff. Ends of their own sessions are counted apart: whoever has their token may
    /// keep them from changes, and not from ending that.
    pub(super) fn keep_pace(&self, caller: &Caller, change: &Change) -> Result<(), ChangeError> {
        let is_root = |holding: &Holding| holding.roster == Roster::RootStaff;
        if caller.actor().holdings().iter().any(is_root) {
            return Ok(());
        }
        let urgency = change.urgency(Some(caller.user()));
        (self.0.pace)(caller.user(), urgency).map_err(ChangeError::TooMany)
    }

    /// That a change is about somebody of a provider there is. Only what is said already of the users of a provider that is
    /// gone can be changed and taken back; who is on a roster is for the store to say.
    fn meant(&self, caller: &Caller, change: &Change) -> Result<(), UnknownProvider> {
        match change {
            Change::AddMember(membership) => self.could_be(&membership.user),
            Change::Join(joining) => self.could_be(&joining.membership.user),
            Change::EndSession { user, .. } if user == caller.user() => Ok(()),
            Change::SetBanned { user, .. }
            | Change::Revoke(user)
            | Change::EndSession { user, .. }
            | Change::DeleteUser(user) => self.record_of(caller, user).map(drop),
            Change::CreateGroup { .. }
            | Change::AdoptGroup { .. }
            | Change::DeleteGroup(_)
            | Change::Describe { .. }
            | Change::SetExpiry(_)
            | Change::RemoveMember { .. }
            | Change::Leave { .. }
            | Change::Invite(_)
            | Change::VoidInvitations(_)
            | Change::Declare { .. } => Ok(()),
        }
    }
}

/// Who is to be on a roster already.
fn sought(change: &Change) -> Option<&UserId> {
    match change {
        Change::RemoveMember { user, .. } => Some(user),
        Change::SetExpiry(membership) => Some(&membership.user),
        _ => None,
    }
}

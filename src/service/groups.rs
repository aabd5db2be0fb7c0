//! Groups and who is in them.
//!
//! The policy is asked before the directory: who may not look learns nothing of what is there.

use super::{Caller, ChangeError, Listing, LookError, Service};
use crate::domain::change::{Change, Waiting};
use crate::domain::description::Description;
use crate::domain::directory::{Directory, Holding, Page};
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Denied, View, may_see};
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// A roster that somebody may look at, which need not be there.
pub struct RosterView<'a> {
    directory: &'a dyn Directory,
    roster: &'a Roster,
    now: Timestamp,
}

impl RosterView<'_> {
    /// Who is on it; `None` when there is no such group.
    #[must_use]
    pub fn members(&self, page: Page<'_, UserId>) -> Option<Listing<UserId>> {
        let mut is_there = true;
        let listing = Listing::asked(page, |page| {
            let members = self.directory.members(self.roster, page, self.now);
            is_there = members.is_some();
            members.unwrap_or_default()
        });
        is_there.then_some(listing)
    }

    /// When somebody's being on it ends, if it does.
    #[must_use]
    pub fn end_of(&self, user: &UserId) -> Option<Timestamp> {
        self.directory.until(user, self.roster, self.now).flatten()
    }
}

impl Service {
    /// A user's groups; without a user, all groups to root staff and their own to everybody else.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn groups(
        &self,
        caller: &Caller,
        of: Option<&UserId>,
        page: Page<'_, Roster>,
    ) -> Result<Listing<Holding>, LookError> {
        if let Some(user) = of {
            let seen = self.user(caller, user)?;
            return Ok(seen.groups(page));
        }
        if may_see(caller.actor(), &View::Groups).is_ok() {
            // What there is: nobody's being in it, which could end.
            let all = Listing::asked(page, |page| self.directory().rosters(page));
            return Ok(all.map(|roster| Holding { roster, expires_at: None }));
        }
        let holdings = self.holdings_of(caller, caller.user());
        Ok(Listing::of(holdings, page, |holding| &holding.roster))
    }

    /// A look at a roster.
    ///
    /// # Errors
    /// [`Denied`], whether or not the group is there.
    pub fn roster<'a>(
        &'a self,
        caller: &Caller,
        roster: &'a Roster,
    ) -> Result<RosterView<'a>, Denied> {
        may_see(caller.actor(), &View::Members(roster.clone()))?;
        Ok(RosterView { directory: self.directory(), roster, now: caller.judged_at() })
    }

    /// Whether somebody is on a roster by what the state says: whatever an identity provider says besides, they can leave that.
    #[must_use]
    pub fn is_on(&self, user: &UserId, roster: &Roster, now: Timestamp) -> bool {
        self.directory().until(user, roster, now).is_some()
    }

    /// Takes the caller off a roster, by their own will.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn leave(&self, caller: &Caller, roster: Roster) -> Result<(), ChangeError> {
        let user = caller.user().clone();
        match self.change(caller, Change::Leave { roster, user }).await {
            Err(ChangeError::Write(WriteError::GroupMissing)) => Err(WriteError::NotMember.into()),
            left => left,
        }
    }

    /// What a group is for. Whoever is shown that there is the group may see it.
    #[must_use]
    pub fn description(&self, group: &GroupName) -> Option<Description> {
        self.directory().description(group)
    }

    /// Makes a group, with the caller as its staff, and says what it is for.
    ///
    /// # Errors
    /// [`ChangeError`]; [`WriteError::Partly`] when it was made and not described.
    pub async fn create_group(
        &self,
        caller: &Caller,
        group: GroupName,
        description: Option<Description>,
        waiting: Waiting,
    ) -> Result<(), ChangeError> {
        let (creator, made) = (Some(caller.user().clone()), group.clone());
        let change = match waiting {
            Waiting::Forbids => Change::CreateGroup { group: made, creator },
            Waiting::IsAdopted => Change::AdoptGroup { group: made, creator },
        };
        self.change(caller, change).await?;
        if description.is_none() {
            return Ok(());
        }
        let done = format!("the group {group} was made");
        // One request is one change, as far as it is counted.
        let described = self.uncounted(caller, Change::Describe { group, description }).await;
        described.map_err(|error| match error {
            ChangeError::Write(source) => {
                WriteError::Partly { done, source: Box::new(source) }.into()
            }
            error => error,
        })
    }

    /// Says what a group is for, or nothing any more.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn describe_group(
        &self,
        caller: &Caller,
        group: GroupName,
        description: Option<Description>,
    ) -> Result<(), ChangeError> {
        self.change(caller, Change::Describe { group, description }).await
    }

    /// Deletes a group and everything under it.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn delete_group(&self, caller: &Caller, group: GroupName) -> Result<(), ChangeError> {
        self.change(caller, Change::DeleteGroup(group)).await
    }

    /// Puts a user onto a roster, perhaps until a moment.
    ///
    /// # Errors
    /// [`ChangeError`]; that no provider has such users is said only to who may add some.
    pub async fn add_member(
        &self,
        caller: &Caller,
        membership: Membership,
    ) -> Result<(), ChangeError> {
        self.change(caller, Change::AddMember(membership)).await
    }

    /// Changes when a membership ends that there is.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn set_expiry(
        &self,
        caller: &Caller,
        membership: Membership,
    ) -> Result<(), ChangeError> {
        self.change(caller, Change::SetExpiry(membership)).await
    }

    /// Takes a user off a roster; everybody may go by themselves. Whoever may not see who is there learns from that no more
    /// than that they are not.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn remove_member(
        &self,
        caller: &Caller,
        roster: Roster,
        user: UserId,
    ) -> Result<(), ChangeError> {
        let removal = Change::RemoveMember { roster: roster.clone(), user: user.clone() };
        if caller.user() != &user || self.may_change(caller, removal.clone()) {
            return self.change(caller, removal).await;
        }
        self.leave(caller, roster).await
    }
}
